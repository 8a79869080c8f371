// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import (
	"math"
	"sync"
	"time"
)

// TrackerConfig says how a tracker is to be. Zero means the default that samlet.h names.
type TrackerConfig struct {
	YieldThreads       bool // threads give way while they wait, where other programs share the cores
	PinThreads         bool // those that the session starts, to one processor each
	NonOverlapping     bool // each pixel of the frame-size results goes to one object only
	Explain            bool // keep what Explain tells: memory attention takes several times as long
	F16Maps            bool // maps of the image encoder in half precision: less memory, nearly as exact
	ImageSize          int  // side of the model's square, a multiple of 32
	MaxObjects         int
	PromptedFrames     int
	RecentFrames       int
	MaxPoints          int
	ClipLength         int // frames of the clip when known; 0: a stream
	Threads            int
	MaxFrameWidth      int
	MaxFrameHeight     int
	FillHoleArea       int
	RemoveSprinkleArea int
	Block              *Block // nil: the library allocates
}

// fill copies numbers to where they belong in C.
func fill(values map[*C.uint32_t]int) error {
	for to, value := range values {
		if value < 0 || int64(value) > math.MaxUint32 {
			return invalid("a config has the value %d", value)
		}
		*to = C.uint32_t(value)
	}
	return nil
}

func flag(on bool, flag C.uint32_t) C.uint32_t {
	if on {
		return flag
	}
	return 0
}

func (config *TrackerConfig) cConfig() (c C.samlet_tracker_config, err error) {
	C.samlet_tracker_config_init(&c)
	c.flags = flag(config.YieldThreads, C.SAMLET_TRACKER_YIELD) | flag(config.PinThreads, C.SAMLET_TRACKER_PIN_THREADS) |
		flag(config.NonOverlapping, C.SAMLET_TRACKER_NON_OVERLAPPING) | flag(config.Explain, C.SAMLET_TRACKER_EXPLAIN) |
		flag(config.F16Maps, C.SAMLET_TRACKER_F16_MAPS)
	err = fill(map[*C.uint32_t]int{
		&c.image_size: config.ImageSize, &c.max_objects: config.MaxObjects, &c.prompted_frames: config.PromptedFrames,
		&c.recent_frames: config.RecentFrames, &c.max_points: config.MaxPoints, &c.clip_length: config.ClipLength,
		&c.threads: config.Threads, &c.max_frame_width: config.MaxFrameWidth, &c.max_frame_height: config.MaxFrameHeight,
		&c.fill_hole_area: config.FillHoleArea, &c.remove_sprinkle_area: config.RemoveSprinkleArea,
	})
	return c, err
}

// TrackerMemory plans the block that NewTracker needs.
func TrackerMemory(m *Model, config TrackerConfig) (MemoryPlan, error) {
	model, err := m.take()
	if err != nil {
		return MemoryPlan{}, err
	}
	defer m.release()
	c, err := config.cConfig()
	if err != nil {
		return MemoryPlan{}, err
	}
	var plan C.samlet_memory_plan
	var e C.samlet_error
	C.samlet_memory_plan_init(&plan)
	if err := fromC(C.samlet_tracker_memory(model, &c, &plan, &e), &e.message[0]); err != nil {
		return MemoryPlan{}, err
	}
	return planOf(&plan), nil
}

// Tracker is a session on one video or stream: frames and prompts in, masks and scores out.
type Tracker struct {
	mutex   sync.Mutex
	c       *C.samlet_tracker
	model   *Model
	block   *Block
	picture picture
	// Lengths that RunMemoryAttention must check.
	gridFloats, memoryDim int
}

// NewTracker makes a tracker.
func NewTracker(m *Model, config TrackerConfig) (*Tracker, error) {
	info, err := m.Info()
	if err != nil {
		return nil, err
	}
	c, err := config.cConfig()
	if err != nil {
		return nil, err
	}
	model, err := m.take()
	if err != nil {
		return nil, err
	}
	c.memory, c.memory_size, err = config.Block.take()
	if err != nil {
		m.release()
		return nil, err
	}
	t := &Tracker{model: m, block: config.Block}
	var e C.samlet_error
	if err := fromC(C.samlet_tracker_create(model, &c, &t.c, &e), &e.message[0]); err != nil {
		config.Block.release()
		m.release()
		return nil, err
	}
	side := info.ImageSize
	if config.ImageSize != 0 {
		side = config.ImageSize
	}
	side /= info.Stride
	t.gridFloats, t.memoryDim = side*side*info.DModel, info.MemoryDim
	finalize(t)
	return t, nil
}

// Close stops the threads and gives the memory back.
func (t *Tracker) Close() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.c == nil {
		return nil
	}
	C.samlet_tracker_destroy(t.c)
	t.c = nil
	t.block.release()
	t.model.release()
	return nil
}

// do makes one call on the open session.
func (t *Tracker) do(call func() C.samlet_status) error {
	t.mutex.Lock()
	defer t.mutex.Unlock() // and so t lives until here, whatever the garbage collector thinks
	return t.locked(call)
}

func (t *Tracker) locked(call func() C.samlet_status) error {
	if t.c == nil {
		return &Error{State, "the tracker is closed"}
	}
	if status := call(); status != C.SAMLET_OK {
		return fromC(status, C.samlet_tracker_message(t.c))
	}
	return nil
}

// SetFrame gives a frame and runs the image encoder on it. The number is its place in the video.
func (t *Tracker) SetFrame(frame Frame, number int64) error {
	f, err := frame.check()
	if err != nil {
		return err
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	err = t.locked(func() C.samlet_status {
		return C.shim_tracker_set_frame(t.c, f.format, f.width, f.height, f.planes[0], f.strides[0], f.planes[1],
			f.strides[1], f.outputWidth, f.outputHeight, C.int64_t(number))
	})
	t.picture.update(f.picture, err)
	return err
}

// Prompt prompts an object, any id, on the current frame and computes its mask at once. More calls refine it.
func (t *Tracker) Prompt(object int32, prompt Prompt) error {
	if prompt.Logits != nil {
		return invalid("a tracker takes no logits as prompt: give a mask, or points to refine")
	}
	var mask Mask
	if prompt.Mask != nil {
		mask = *prompt.Mask
		if mask.Stride == 0 {
			mask.Stride = mask.Width
		}
		if mask.Width > math.MaxInt32 || mask.Height > math.MaxInt32 {
			return invalid("a mask cannot be %d x %d pixels", mask.Width, mask.Height)
		}
		if err := checkRows("the mask", len(mask.Pixels), mask.Height, mask.Width, mask.Stride); err != nil {
			return err
		}
	}
	return t.do(func() C.samlet_status {
		return C.shim_tracker_prompt(t.c, C.int32_t(object), prompt.flags(), prompt.points(), C.uint32_t(len(prompt.Points)),
			prompt.box(), (*C.uint8_t)(pointer(mask.Pixels)), C.uint32_t(mask.Width), C.uint32_t(mask.Height),
			C.uint64_t(mask.Stride))
	})
}

// ClearPrompts takes back every prompt of an object on the current frame.
func (t *Tracker) ClearPrompts(object int32) error {
	return t.do(func() C.samlet_status { return C.samlet_tracker_clear_prompts(t.c, C.int32_t(object)) })
}

// Track finds every object on the current frame and stores the memories.
func (t *Tracker) Track() error {
	return t.do(func() C.samlet_status { return C.samlet_tracker_track(t.c) })
}

// Result is what a tracker found.
type Result struct {
	Object      int32
	Frame       int64
	IoU         float32 // predicted, of the mask
	ObjectScore float32 // a logit: above 0 the object is present
	Visible     bool    // ObjectScore is above 0
	Prompted    bool    // the result answers a prompt; else it was tracked
	Empty       bool    // no pixel of the frame-size mask is set: Box is all 0
	Box         Box     // of the frame-size mask
	Area        uint64  // of the frame-size mask, pixels
}

func (t *Tracker) cResult(object int32, read func(c *C.samlet_result)) error {
	return t.do(func() C.samlet_status {
		var c C.samlet_result
		C.samlet_result_init(&c)
		status := C.samlet_tracker_result(t.c, C.int32_t(object), &c)
		if status == C.SAMLET_OK {
			read(&c)
		}
		return status
	})
}

// Result of an object on the current frame.
func (t *Tracker) Result(object int32) (result Result, err error) {
	err = t.cResult(object, func(c *C.samlet_result) {
		result = Result{
			Object: int32(c.object), Frame: int64(c.frame), IoU: float32(c.iou), ObjectScore: float32(c.object_score),
			Visible: c.visible != 0, Prompted: c.prompted != 0, Empty: c.empty != 0, Area: uint64(c.area),
			Box: Box{float32(c.box.x0), float32(c.box.y0), float32(c.box.x1), float32(c.box.y1)},
		}
	})
	return result, err
}

// LowResLogits copies the logits at stride 4 of the model's square: size x size, row-major.
func (t *Tracker) LowResLogits(object int32) (logits []float32, size int, err error) {
	err = t.cResult(object, func(c *C.samlet_result) {
		size = int(c.low_res_size)
		logits = copyFloats(c.logits, size*size)
	})
	return logits, size, err
}

// Mask writes the mask at the frame's size, 0 or 255, with stride bytes from row to row.
func (t *Tracker) Mask(object int32, mask []byte, stride int) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	bytes, err := t.picture.check(len(mask), 1, stride)
	if err != nil {
		return err
	}
	return t.locked(func() C.samlet_status {
		return C.samlet_tracker_mask(t.c, C.int32_t(object), (*C.uint8_t)(pointer(mask)), bytes)
	})
}

// Logits writes the logits at the frame's size, with stride floats from row to row.
func (t *Tracker) Logits(object int32, logits []float32, stride int) error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	bytes, err := t.picture.check(len(logits), 4, stride)
	if err != nil {
		return err
	}
	return t.locked(func() C.samlet_status {
		return C.samlet_tracker_logits(t.c, C.int32_t(object), (*C.float)(pointer(logits)), bytes)
	})
}

// RLE is the COCO run-length code of the frame-size mask ("counts" as pycocotools compresses it).
func (t *Tracker) RLE(object int32) (string, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return readRLE(func(text *C.char, capacity C.size_t, length *C.size_t) error {
		return t.locked(func() C.samlet_status {
			return C.samlet_tracker_rle(t.c, C.int32_t(object), text, capacity, length)
		})
	})
}

// Objects lists the ids in the order in which they were added.
func (t *Tracker) Objects() (ids []int32, err error) {
	err = t.do(func() C.samlet_status {
		var count C.uint32_t
		if status := C.samlet_tracker_objects(t.c, nil, 0, &count); status != C.SAMLET_OK {
			return status
		}
		ids = make([]int32, count)
		return C.samlet_tracker_objects(t.c, (*C.int32_t)(pointer(ids)), count, &count)
	})
	return ids, err
}

// RemoveObject forgets an object; its place is free for another.
func (t *Tracker) RemoveObject(object int32) error {
	return t.do(func() C.samlet_status { return C.samlet_tracker_remove_object(t.c, C.int32_t(object)) })
}

// Reset forgets all objects and frames.
func (t *Tracker) Reset() error {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.picture = picture{}
	return t.locked(func() C.samlet_status { return C.samlet_tracker_reset(t.c) })
}

// SetClipLength changes the config's ClipLength at once, also on the current frame.
func (t *Tracker) SetClipLength(frames uint32) error {
	return t.do(func() C.samlet_status { return C.samlet_tracker_set_clip_length(t.c, C.uint32_t(frames)) })
}

// Features copies the encoded image features of the current frame.
func (t *Tracker) Features(level Level) (Features, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return readFeatures(func(view *C.samlet_tensor_view) error {
		return t.locked(func() C.samlet_status {
			return C.samlet_tracker_features(t.c, C.samlet_feature_level(level), view)
		})
	})
}

// StageTime says where a frame's time went.
type StageTime struct {
	Name        string
	Time        time.Duration // since the last SetFrame began, all objects together
	NominalGMAC float64       // multiply-accumulates of the reference formulation, 1e9, on a frame with a full bank
}

// Profile lists the stages in the order in which a frame passes through.
func (t *Tracker) Profile() (stages []StageTime, err error) {
	err = t.do(func() C.samlet_status {
		var c C.samlet_profile
		C.samlet_profile_init(&c)
		status := C.samlet_tracker_get_profile(t.c, &c)
		for i := 0; status == C.SAMLET_OK && i < C.SAMLET_STAGE_COUNT; i++ {
			stages = append(stages, StageTime{
				Name:        C.GoString(C.samlet_stage_name(C.samlet_stage(i))),
				Time:        time.Duration(float64(c.milliseconds[i]) * float64(time.Millisecond)),
				NominalGMAC: float64(c.nominal_gmac[i]),
			})
		}
		return status
	})
	return stages, err
}

// MemoryAttention holds the arguments of RunMemoryAttention: row-major floats. The frame has cells of
// (ImageSize / Stride) squared, with the ImageSize of the tracker; DModel and MemoryDim are those of ModelInfo.
type MemoryAttention struct {
	// MemoryTokens counts all tokens, at least 1. Without the pointer tokens they are a multiple of the cells, for at
	// most as many memories as the tracker keeps (PromptedFrames + RecentFrames).
	MemoryTokens  int
	PointerTokens int       // the trailing ones that get no rotary code
	Current       []float32 // [cells][DModel]
	CurrentPos    []float32 // [cells][DModel], added once, times 0.1
	Memory        []float32 // [MemoryTokens][MemoryDim]
	MemoryPos     []float32 // [MemoryTokens][MemoryDim], added to the keys
	Output        []float32 // [cells][DModel], written to; may be Current
}

// RunMemoryAttention runs memory attention alone, on the caller's tensors. It needs no frame, and the tracks are not
// touched.
//
// InvalidArgument for slices of another length and for counts of tokens that make no memories; Capacity for more memories
// or pointers than the config planned for.
func (t *Tracker) RunMemoryAttention(args MemoryAttention) error {
	for _, count := range []int{args.MemoryTokens, args.PointerTokens} {
		if count < 0 || count > math.MaxInt32 {
			return invalid("there cannot be %d tokens", count)
		}
	}
	grid, memory := int64(t.gridFloats), int64(args.MemoryTokens)*int64(t.memoryDim)
	for _, tensor := range []struct {
		name   string
		floats []float32
		need   int64
	}{
		{"Current", args.Current, grid}, {"CurrentPos", args.CurrentPos, grid}, {"Memory", args.Memory, memory},
		{"MemoryPos", args.MemoryPos, memory}, {"Output", args.Output, grid},
	} {
		if int64(len(tensor.floats)) != tensor.need {
			return invalid("%s has %d floats instead of %d", tensor.name, len(tensor.floats), tensor.need)
		}
	}
	float := func(floats []float32) *C.float { return (*C.float)(pointer(floats)) }
	return t.do(func() C.samlet_status {
		return C.shim_tracker_run_memory_attention(t.c, C.uint32_t(args.MemoryTokens), C.uint32_t(args.PointerTokens),
			float(args.Current), float(args.CurrentPos), float(args.Memory), float(args.MemoryPos), float(args.Output))
	})
}
