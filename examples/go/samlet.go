// SPDX-License-Identifier: Apache-2.0

// Package samlet segments and tracks objects in video (SAM 2, SAM 2.1): the C library samlet for Go. Its header samlet.h
// tells more about every call.
//
//	model, err := samlet.OpenModel(samlet.ModelConfig{Path: "samlet_micro.gguf"})
//	tracker, err := samlet.NewTracker(model, samlet.TrackerConfig{})
//	for n := int64(0); nextPicture(); n++ {
//		err = tracker.SetFrame(samlet.RGB(pixels, width, height), n)
//		if n == 0 {
//			err = tracker.Prompt(1, samlet.Prompt{Points: []samlet.Point{samlet.Positive(432, 270)}})
//		}
//		err = tracker.Track()
//		result, err := tracker.Result(1)
//	}
//
// # Memory
//
// Models and sessions lie in C memory: in blocks that the library allocates, or in a [Block]. C keeps no pointer to Go
// memory: pictures, prompts and output buffers are read and written during the call only, in place; what must stay, such
// as a model's file, is mapped or copied. Results are copies.
//
// Close gives memory back at once; what is forgotten is closed by a finalizer some time later. Closing twice is fine. A
// model and a block cannot be closed before the sessions in them.
//
// # Goroutines
//
// A Model may be used by any number of goroutines at once. So may a Tracker or a Segmenter, but a mutex lets one call in
// after the other.
package samlet

// #cgo pkg-config: samlet
// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

// Status says in a word what went wrong. It is an error too, for errors.Is(err, samlet.NotFound).
type Status uint32

const (
	InvalidArgument Status = C.SAMLET_ERROR_INVALID_ARGUMENT // not a number, out of range, a slice that is too short
	State           Status = C.SAMLET_ERROR_STATE            // a call out of order; the message names the one that is missing
	Memory          Status = C.SAMLET_ERROR_MEMORY           // a block too small, or no memory
	Capacity        Status = C.SAMLET_ERROR_CAPACITY         // more objects, points or pixels than the config planned for
	NotFound        Status = C.SAMLET_ERROR_NOT_FOUND        // unknown object
	File            Status = C.SAMLET_ERROR_FILE             // the file cannot be opened, read or mapped
	Format          Status = C.SAMLET_ERROR_FORMAT           // the model is truncated, of another format, or has wrong tensors
	Unsupported     Status = C.SAMLET_ERROR_UNSUPPORTED      // valid, but this model, build or CPU cannot do it
	Internal        Status = C.SAMLET_ERROR_INTERNAL         // a defect in samlet: please report the message

	bufferTooSmall Status = C.SAMLET_ERROR_BUFFER_TOO_SMALL
)

// Error is the name of the status.
func (s Status) Error() string { return C.GoString(C.samlet_status_name(C.samlet_status(s))) }

// Error is what a call that failed returns. The call has changed nothing.
type Error struct {
	Status  Status
	Message string
}

func (e *Error) Error() string { return "samlet: " + e.Message }

// Unwrap gives the status.
func (e *Error) Unwrap() error { return e.Status }

func invalid(format string, values ...any) error {
	return &Error{InvalidArgument, fmt.Sprintf(format, values...)}
}

// fromC makes an error of a status and the sentence that came with it.
func fromC(status C.samlet_status, message *C.char) error {
	if status == C.SAMLET_OK {
		return nil
	}
	e := &Error{Status(status), C.GoString(message)}
	if e.Message == "" {
		e.Message = e.Status.Error()
	}
	return e
}

// Version is that of the library that runs, "0.1.0".
func Version() string { return C.GoString(C.samlet_version()) }

// MemoryPlan says what a block must be, exactly, and what it is used for.
type MemoryPlan struct {
	Bytes, Alignment uint64
	Parts            []MemoryPart
}

// MemoryPart is one purpose of a block.
type MemoryPart struct {
	Name  string
	Bytes uint64
}

func planOf(c *C.samlet_memory_plan) MemoryPlan {
	plan := MemoryPlan{Bytes: uint64(c.bytes), Alignment: uint64(c.alignment)}
	for i := range c.parts[:c.part_count] {
		part := &c.parts[i]
		plan.Parts = append(plan.Parts, MemoryPart{C.GoString(&part.name[0]), uint64(part.bytes)})
	}
	return plan
}

// Block is C memory for one model or session.
type Block struct {
	mutex sync.Mutex
	data  unsafe.Pointer
	size  uint64
	used  bool
}

// NewBlock allocates what a plan asks for.
func NewBlock(plan MemoryPlan) (*Block, error) {
	b := &Block{size: plan.Bytes}
	if C.posix_memalign(&b.data, C.size_t(plan.Alignment), C.size_t(plan.Bytes)) != 0 {
		return nil, &Error{Memory, fmt.Sprintf("there is no block of %d bytes", plan.Bytes)}
	}
	finalize(b)
	return b, nil
}

// Size is the number of its bytes.
func (b *Block) Size() uint64 { return b.size }

// Close frees the block. It fails while a model or session lies in it.
func (b *Block) Close() error {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.used {
		return &Error{State, "the block is in use: close what lies in it first"}
	}
	C.free(b.data)
	b.data, b.size = nil, 0
	return nil
}

// take reserves the block for one user; nil stands for the library's own memory.
func (b *Block) take() (unsafe.Pointer, C.uint64_t, error) {
	if b == nil {
		return nil, 0, nil
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.used || b.data == nil {
		return nil, 0, &Error{State, "the block is closed or already in use"}
	}
	b.used = true
	return b.data, C.uint64_t(b.size), nil
}

func (b *Block) release() {
	if b != nil {
		b.mutex.Lock()
		b.used = false
		b.mutex.Unlock()
	}
}

// finalize lets the garbage collector close what was forgotten. It keeps a session's model and block until the session is
// closed, because the session points at them.
func finalize[T interface{ Close() error }](handle T) {
	runtime.SetFinalizer(handle, func(handle T) { handle.Close() })
}

var errClosed = &Error{State, "the model is closed"}
