// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import (
	"fmt"
	"runtime/cgo"
	"strings"
	"sync"
	"unsafe"
)

// Precision is what the products of layers are computed in.
type Precision uint32

// The values are those of samlet_precision.
const (
	// As the file stores them, where the CPU is fast at it: int8 in int8, f16 in f16 unless the file refuses, the
	// rest in f32.
	AutoPrecision Precision = C.SAMLET_PRECISION_AUTO
	F32           Precision = C.SAMLET_PRECISION_F32 // everything
	F16           Precision = C.SAMLET_PRECISION_F16 // instead of f32; maps are kept in half precision, too
)

// ModelConfig says where a model comes from and how it is to run.
type ModelConfig struct {
	// Either a path (the file is mapped: nobody may shorten or rewrite it while the model is open), or the bytes of a
	// file, which are copied.
	Path string
	Data []byte
	// Precision is what layers are computed in.
	Precision Precision
	// Kernels is the instruction set: "generic", "avx2", "avx512", "neon", "neon_fp16". Empty: the best that the CPU has.
	Kernels string
	// Block for the packed weights. Nil: the library allocates.
	Block *Block
	// Log hears what the library tells. What it refers to is kept until the model is closed; if that is the model itself,
	// no finalizer closes it.
	Log LogFunc
}

// Model is immutable: any number of sessions and goroutines may use it at once.
type Model struct {
	mutex    sync.Mutex // of what follows; C needs none
	c        *C.samlet_model
	sessions int
	block    *Block
	data     unsafe.Pointer
	log      cgo.Handle
}

// source is what C reads: C memory, since Go's may lie at any address and C keeps the bytes.
type source struct {
	path, kernels *C.char
	data          unsafe.Pointer
	size          C.uint64_t
	precision     C.uint32_t
}

func (config *ModelConfig) source() (s source, err error) {
	for _, text := range []string{config.Path, config.Kernels} {
		if strings.IndexByte(text, 0) >= 0 { // C would read as far as there
			return s, invalid("there is a zero byte in %q", text)
		}
	}
	s.precision = C.uint32_t(config.Precision)
	if config.Data != nil {
		s.size = C.uint64_t(len(config.Data))
		if C.posix_memalign(&s.data, 32, C.size_t(len(config.Data)+1)) != 0 {
			return s, &Error{Memory, fmt.Sprintf("there is no memory for the %d bytes of the model", s.size)}
		}
		copy(unsafe.Slice((*byte)(s.data), len(config.Data)), config.Data)
	}
	if config.Path != "" {
		s.path = C.CString(config.Path)
	}
	if config.Kernels != "" {
		s.kernels = C.CString(config.Kernels)
	}
	return s, nil
}

func (s *source) freeNames() {
	C.free(unsafe.Pointer(s.path))
	C.free(unsafe.Pointer(s.kernels))
}

// Memory plans the block that OpenModel needs; it checks all of the file but the values of the weights.
func (config ModelConfig) Memory() (MemoryPlan, error) {
	s, err := config.source()
	if err != nil {
		return MemoryPlan{}, err
	}
	defer s.freeNames()
	defer C.free(s.data)
	var plan C.samlet_memory_plan
	var e C.samlet_error
	status := C.shim_model_memory(s.path, s.data, s.size, s.precision, s.kernels, &plan, &e)
	if err := fromC(status, &e.message[0]); err != nil {
		return MemoryPlan{}, err
	}
	return planOf(&plan), nil
}

// OpenModel opens a model.
func OpenModel(config ModelConfig) (*Model, error) {
	if C.samlet_abi_version() != C.SAMLET_ABI_VERSION {
		return nil, &Error{Unsupported, "the library that runs has another ABI version than the one compiled with"}
	}
	memory, size, err := config.Block.take()
	if err != nil {
		return nil, err
	}
	m := &Model{block: config.Block}
	s, err := config.source()
	if err != nil {
		m.free()
		return nil, err
	}
	defer s.freeNames()
	m.data = s.data
	if config.Log != nil {
		m.log = cgo.NewHandle(config.Log)
	}
	var e C.samlet_error
	status := C.shim_model_open(s.path, s.data, s.size, s.precision, s.kernels, memory, size, C.uintptr_t(m.log), &m.c, &e)
	if err := fromC(status, &e.message[0]); err != nil {
		m.free()
		return nil, err
	}
	finalize(m)
	return m, nil
}

// Close fails while sessions use the model.
func (m *Model) Close() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.sessions > 0 {
		return &Error{State, fmt.Sprintf("the model has %d sessions: close them first", m.sessions)}
	}
	if m.c != nil {
		m.free()
	}
	return nil
}

func (m *Model) free() {
	C.samlet_model_close(m.c)
	C.free(m.data)
	m.c, m.data = nil, nil
	m.block.release()
	if m.log != 0 {
		m.log.Delete()
		m.log = 0
	}
}

// take lets a session or a call use the model; every take needs a release.
func (m *Model) take() (*C.samlet_model, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.c == nil {
		return nil, errClosed
	}
	m.sessions++
	return m.c, nil
}

func (m *Model) release() {
	m.mutex.Lock()
	m.sessions--
	m.mutex.Unlock()
}

// ModelInfo holds facts for display and for sizing buffers; see samlet_model_info in samlet.h.
type ModelInfo struct {
	Name, Family, WeightType, Kernels                                 string
	HasVideo                                                          bool
	ImageSize, Stride, DModel, MemoryDim, MemoryFrames, MaskCount     int
	ObjectPointers, MemoryLayers, TensorCount                         int
	StageBlocks, StageChannels, StageHeads, StageWindow, GlobalBlocks []int
	ParameterCount, FileBytes, MemoryBytes                            uint64
}

// Info tells facts about the model.
func (m *Model) Info() (ModelInfo, error) {
	model, err := m.take()
	if err != nil {
		return ModelInfo{}, err
	}
	defer m.release()
	var c C.samlet_model_info
	C.samlet_model_info_init(&c)
	if err := fromC(C.samlet_model_get_info(model, &c), nil); err != nil {
		return ModelInfo{}, err
	}
	list := func(values []C.uint32_t, count C.uint32_t) []int {
		ints := make([]int, count)
		for i := range ints {
			ints[i] = int(values[i])
		}
		return ints
	}
	return ModelInfo{
		Name: C.GoString(c.name), Family: C.GoString(c.family), WeightType: C.GoString(c.weight_type),
		Kernels: C.GoString(c.kernels), HasVideo: c.has_video != 0, ImageSize: int(c.image_size), Stride: int(c.stride),
		DModel: int(c.d_model), MemoryDim: int(c.memory_dim), MemoryFrames: int(c.memory_frames),
		MaskCount: int(c.mask_count), ObjectPointers: int(c.object_pointers), MemoryLayers: int(c.memory_layers),
		TensorCount: int(c.tensor_count), StageBlocks: list(c.stage_blocks[:], c.stage_count),
		StageChannels: list(c.stage_channels[:], c.stage_count), StageHeads: list(c.stage_heads[:], c.stage_count),
		StageWindow: list(c.stage_window[:], c.stage_count), GlobalBlocks: list(c.global_blocks[:], c.global_block_count),
		ParameterCount: uint64(c.parameter_count), FileBytes: uint64(c.file_bytes), MemoryBytes: uint64(c.memory_bytes),
	}, nil
}

// TensorInfo describes a tensor of a model file.
type TensorInfo struct {
	Name  string // as in the published checkpoint
	Type  string // "f32", "f16", "int8"
	Shape []uint64
	Bytes uint64
}

// Tensor describes tensor index of 0 .. TensorCount - 1.
func (m *Model) Tensor(index int) (TensorInfo, error) {
	model, err := m.take()
	if err != nil {
		return TensorInfo{}, err
	}
	defer m.release()
	if index < 0 || index > 1<<30 {
		return TensorInfo{}, invalid("there is no tensor %d", index)
	}
	var c C.samlet_tensor_info
	C.samlet_tensor_info_init(&c)
	if err := fromC(C.samlet_model_get_tensor(model, C.uint32_t(index), &c), nil); err != nil {
		return TensorInfo{}, err
	}
	info := TensorInfo{Name: C.GoString(c.name), Type: C.GoString(c._type), Bytes: uint64(c.bytes)}
	for _, n := range c.shape[:c.rank] {
		info.Shape = append(info.Shape, uint64(n))
	}
	return info, nil
}
