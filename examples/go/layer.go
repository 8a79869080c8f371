// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

// Layer is a layer of the model as a session computes it.
type Layer struct {
	Name        string // of the weights in the model file; two layers may share a tensor
	Stored      string // "f32", "f16", "int8": how the file holds them
	Precision   string // the same: what the product is computed in
	In, Out     int    // channels
	PackedBytes uint64 // of the weights in the model's block
	Rows        uint64 // that went through it since the session was created
}

func readLayer(call func(c *C.samlet_layer) error) (Layer, error) {
	var c C.samlet_layer
	C.samlet_layer_init(&c)
	if err := call(&c); err != nil {
		return Layer{}, err
	}
	return Layer{
		Name: C.GoString(c.name), Stored: C.GoString(c.stored), Precision: C.GoString(c.precision), In: int(c.in),
		Out: int(c.out), PackedBytes: uint64(c.packed_bytes), Rows: uint64(c.rows),
	}, nil
}

// Layer tells about layer 0, 1, ... of the tracker; NotFound beyond the last.
func (t *Tracker) Layer(index int) (Layer, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return readLayer(func(c *C.samlet_layer) error {
		return t.locked(func() C.samlet_status { return C.samlet_tracker_layer(t.c, cIndex(index), c) })
	})
}

// Layer tells about layer 0, 1, ... of the segmenter; those of memory never run here.
func (s *Segmenter) Layer(index int) (Layer, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return readLayer(func(c *C.samlet_layer) error {
		return s.locked(func() C.samlet_status { return C.samlet_segmenter_layer(s.c, cIndex(index), c) })
	})
}
