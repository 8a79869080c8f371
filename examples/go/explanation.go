// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

// MemoryKind is what a frame reads of an object's past.
type MemoryKind int

// The values are those of samlet_memory_kind.
const (
	PromptedMemory MemoryKind = C.SAMLET_MEMORY_PROMPTED // of a prompted frame
	RecentMemory   MemoryKind = C.SAMLET_MEMORY_RECENT   // of a tracked frame
	PointerMemory  MemoryKind = C.SAMLET_MEMORY_POINTER  // object pointer of a frame: tokens without a place
)

// MemoryShare says how much one memory was looked at: by the object's pixels and, in fields that end in All, by all.
type MemoryShare struct {
	Kind                MemoryKind
	Frame               int64 // that the memory is of
	TokenCount          int
	Share, ShareAll     float32 // of the weight: they sum up to 1
	Entropy, EntropyAll float32 // the part of the explanation's that comes from this memory
	Largest, LargestAll float32 // weight that one token gets from one cell
}

// Explanation says where the attention of one object went on the current frame.
type Explanation struct {
	LayerCount          int
	TokenCount          int     // of all memories
	MapSide             int     // of a heat map
	MaskArea            int     // low-res pixels of the mask; 0: figures without All are 0
	Entropy, EntropyAll float32 // of a cell's weights, nats
	Largest, LargestAll float32
	Memories            []MemoryShare // prompted frames, recent ones from the oldest on, pointers
}

// Explain tells what an object looked at in its memories, in a tracker whose config says so. Layers count from 1; 0 is the
// mean of all.
func (t *Tracker) Explain(object int32, layer int) (e Explanation, err error) {
	err = t.do(func() C.samlet_status {
		var c C.samlet_explanation
		C.samlet_explanation_init(&c)
		status := C.samlet_tracker_explain(t.c, C.int32_t(object), cIndex(layer), &c)
		if status != C.SAMLET_OK {
			return status
		}
		e = Explanation{
			LayerCount: int(c.layer_count), TokenCount: int(c.token_count), MapSide: int(c.map_side),
			MaskArea: int(c.mask_area), Entropy: float32(c.entropy), EntropyAll: float32(c.entropy_all),
			Largest: float32(c.largest), LargestAll: float32(c.largest_all),
		}
		for i := C.uint32_t(0); i < c.memory_count; i++ {
			var m C.samlet_memory_share
			C.samlet_memory_share_init(&m)
			status = C.samlet_tracker_explain_memory(t.c, C.int32_t(object), cIndex(layer), i, &m)
			if status != C.SAMLET_OK {
				return status
			}
			e.Memories = append(e.Memories, MemoryShare{
				Kind: MemoryKind(m.kind), Frame: int64(m.frame), TokenCount: int(m.token_count),
				Share: float32(m.share), ShareAll: float32(m.share_all), Entropy: float32(m.entropy),
				EntropyAll: float32(m.entropy_all), Largest: float32(m.largest), LargestAll: float32(m.largest_all),
			})
		}
		return status
	})
	return e, err
}

// ExplainMap is the heat map of a memory that is no pointer: MapSide x MapSide weights, row-major. They sum up to the
// memory's Share or, with all, to its ShareAll.
func (t *Tracker) ExplainMap(object int32, layer, index int, all bool) (weights []float32, err error) {
	err = t.do(func() C.samlet_status {
		var c C.samlet_explanation
		C.samlet_explanation_init(&c)
		status := C.samlet_tracker_explain(t.c, C.int32_t(object), cIndex(layer), &c)
		if status != C.SAMLET_OK {
			return status
		}
		weights = make([]float32, c.map_side*c.map_side)
		return C.samlet_tracker_explain_map(t.c, C.int32_t(object), cIndex(layer), cIndex(index), flag(all, 1),
			(*C.float)(pointer(weights)), C.uint64_t(4*c.map_side))
	})
	return weights, err
}
