// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import "sync"

// SegmenterConfig says how a segmenter is to be; the fields are those of TrackerConfig.
type SegmenterConfig struct {
	YieldThreads       bool
	PinThreads         bool
	F16Maps            bool
	ImageSize          int
	MaxPoints          int
	Threads            int
	MaxFrameWidth      int
	MaxFrameHeight     int
	FillHoleArea       int
	RemoveSprinkleArea int
	Block              *Block
}

func (config *SegmenterConfig) cConfig() (c C.samlet_segmenter_config, err error) {
	C.samlet_segmenter_config_init(&c)
	c.flags = flag(config.YieldThreads, C.SAMLET_TRACKER_YIELD) | flag(config.PinThreads, C.SAMLET_TRACKER_PIN_THREADS) |
		flag(config.F16Maps, C.SAMLET_TRACKER_F16_MAPS)
	err = fill(map[*C.uint32_t]int{
		&c.image_size: config.ImageSize, &c.max_points: config.MaxPoints, &c.threads: config.Threads,
		&c.max_frame_width: config.MaxFrameWidth, &c.max_frame_height: config.MaxFrameHeight,
		&c.fill_hole_area: config.FillHoleArea, &c.remove_sprinkle_area: config.RemoveSprinkleArea,
	})
	return c, err
}

// SegmenterMemory plans the block that NewSegmenter needs.
func SegmenterMemory(m *Model, config SegmenterConfig) (MemoryPlan, error) {
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
	if err := fromC(C.samlet_segmenter_memory(model, &c, &plan, &e), &e.message[0]); err != nil {
		return MemoryPlan{}, err
	}
	return planOf(&plan), nil
}

// Segmenter is a session on single images: set an image once, predict from prompts many times.
type Segmenter struct {
	mutex   sync.Mutex
	c       *C.samlet_segmenter
	model   *Model
	block   *Block
	lowRes  int // number of low-res logits
	picture picture
}

// NewSegmenter makes a segmenter.
func NewSegmenter(m *Model, config SegmenterConfig) (*Segmenter, error) {
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
	size := info.ImageSize
	if config.ImageSize != 0 {
		size = config.ImageSize
	}
	s := &Segmenter{model: m, block: config.Block, lowRes: (size / 4) * (size / 4)}
	var e C.samlet_error
	if err := fromC(C.samlet_segmenter_create(model, &c, &s.c, &e), &e.message[0]); err != nil {
		config.Block.release()
		m.release()
		return nil, err
	}
	finalize(s)
	return s, nil
}

// Close stops the threads and gives the memory back.
func (s *Segmenter) Close() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.c == nil {
		return nil
	}
	C.samlet_segmenter_destroy(s.c)
	s.c = nil
	s.block.release()
	s.model.release()
	return nil
}

func (s *Segmenter) do(call func() C.samlet_status) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.locked(call)
}

func (s *Segmenter) locked(call func() C.samlet_status) error {
	if s.c == nil {
		return &Error{State, "the segmenter is closed"}
	}
	if status := call(); status != C.SAMLET_OK {
		return fromC(status, C.samlet_segmenter_message(s.c))
	}
	return nil
}

// SetImage encodes an image.
func (s *Segmenter) SetImage(image Frame) error {
	f, err := image.check()
	if err != nil {
		return err
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	err = s.locked(func() C.samlet_status {
		return C.shim_segmenter_set_image(s.c, f.format, f.width, f.height, f.planes[0], f.strides[0], f.planes[1],
			f.strides[1], f.outputWidth, f.outputHeight)
	})
	s.picture.update(f.picture, err)
	return err
}

// Prediction is what Predict found: three masks for multimask, else one, in the model's order.
type Prediction struct {
	IoU         []float32   // predicted, of each mask
	Logits      [][]float32 // of each mask, LowResSize x LowResSize, clamped to -32..32
	LowResSize  int
	Best        int     // index of the highest IoU
	ObjectScore float32 // a logit; 10 for models without an object score head
}

// Predict finds masks from points, box and logits. With multimask: three candidates, good for a single click.
func (s *Segmenter) Predict(prompt Prompt, multimask bool) (p Prediction, err error) {
	if prompt.Mask != nil {
		return p, invalid("a segmenter takes low-res logits as mask prompt, not a mask")
	}
	if prompt.Logits != nil && len(prompt.Logits) != s.lowRes {
		return p, invalid("the prompt has %d logits; the session takes %d", len(prompt.Logits), s.lowRes)
	}
	err = s.do(func() C.samlet_status {
		var c C.samlet_prediction
		status := C.shim_segmenter_predict(s.c, prompt.flags(), prompt.points(), C.uint32_t(len(prompt.Points)), prompt.box(),
			(*C.float)(pointer(prompt.Logits)), flag(multimask, 1), &c)
		if status != C.SAMLET_OK {
			return status
		}
		p = Prediction{LowResSize: int(c.low_res_size), Best: int(c.best), ObjectScore: float32(c.object_score)}
		for i := 0; i < int(c.mask_count); i++ {
			p.IoU = append(p.IoU, float32(c.iou[i]))
			p.Logits = append(p.Logits, copyFloats(c.logits[i], p.LowResSize*p.LowResSize))
		}
		return status
	})
	return p, err
}

// Mask writes mask index of the last prediction at the image's size, 0 or 255, with stride bytes from row to row.
func (s *Segmenter) Mask(index int, mask []byte, stride int) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	bytes, err := s.picture.check(len(mask), 1, stride)
	if err != nil {
		return err
	}
	return s.locked(func() C.samlet_status {
		return C.samlet_segmenter_mask(s.c, cIndex(index), (*C.uint8_t)(pointer(mask)), bytes)
	})
}

// Logits writes the logits of mask index at the image's size, with stride floats from row to row.
func (s *Segmenter) Logits(index int, logits []float32, stride int) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	bytes, err := s.picture.check(len(logits), 4, stride)
	if err != nil {
		return err
	}
	return s.locked(func() C.samlet_status {
		return C.samlet_segmenter_logits(s.c, cIndex(index), (*C.float)(pointer(logits)), bytes)
	})
}

// RLE is the COCO run-length code of mask index.
func (s *Segmenter) RLE(index int) (string, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return readRLE(func(text *C.char, capacity C.size_t, length *C.size_t) error {
		return s.locked(func() C.samlet_status {
			return C.samlet_segmenter_rle(s.c, cIndex(index), text, capacity, length)
		})
	})
}

// MaskMeasure is what Measure found.
type MaskMeasure struct {
	Empty     bool    // no pixel is inside: Box is all 0
	Box       Box     // of the pixels inside, in pixels of the image
	Area      uint64  // of the pixels inside, pixels
	Stability float32 // 0 to 1: near 1 where the border is sharp; 0 if no pixel is above the lower cut either
}

// Measure tells box, area and stability of mask index of the last prediction at the image's size, without a buffer of
// that size.
//
// Pixels with a logit above threshold are inside; at 0 they are those of Mask. Stability is the IoU of the mask cut at
// threshold + offset with that cut at threshold - offset, and tells good masks from bad ones beside the predicted IoU. A
// threshold of 0 and an offset of 1 are usual.
//
// State without a prediction; InvalidArgument for a mask that the last prediction lacks, a threshold that is not finite
// and an offset that is not finite or negative.
func (s *Segmenter) Measure(index int, threshold, offset float32) (measure MaskMeasure, err error) {
	err = s.do(func() C.samlet_status {
		var c C.samlet_mask_measure
		C.samlet_mask_measure_init(&c)
		status := C.samlet_segmenter_measure(s.c, cIndex(index), C.float(threshold), C.float(offset), &c)
		if status == C.SAMLET_OK {
			measure = MaskMeasure{
				Empty: c.empty != 0, Area: uint64(c.area), Stability: float32(c.stability),
				Box: Box{float32(c.box.x0), float32(c.box.y0), float32(c.box.x1), float32(c.box.y1)},
			}
		}
		return status
	})
	return measure, err
}

// Features copies the encoded features of the image.
func (s *Segmenter) Features(level Level) (Features, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return readFeatures(func(view *C.samlet_tensor_view) error {
		return s.locked(func() C.samlet_status {
			return C.samlet_segmenter_features(s.c, C.samlet_feature_level(level), view)
		})
	})
}
