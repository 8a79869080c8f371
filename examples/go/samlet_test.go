// SPDX-License-Identifier: Apache-2.0

package samlet

import (
	"bytes"
	"errors"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	modelPath = "../data/samlet_micro.gguf"
	width     = 97
	height    = 63
)

var small = TrackerConfig{MaxFrameWidth: 128, MaxFrameHeight: 128, Threads: 1}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err error, status Status) {
	t.Helper()
	if !errors.Is(err, status) {
		t.Fatalf("%v instead of %v", err, status)
	}
}

func open(t *testing.T) *Model {
	t.Helper()
	model, err := OpenModel(ModelConfig{Path: modelPath})
	check(t, err)
	return model
}

// pixels are a bright square that moves over a dark pattern.
func pixels(number int) []byte {
	rgb := make([]byte, 0, 3*width*height)
	for y := 0; y < height; y++ {
		for x := 0; x < width; x++ {
			if x >= 20+number && x < 50+number && y >= 15 && y < 45 {
				rgb = append(rgb, 230, 220, 60)
			} else {
				rgb = append(rgb, byte(20+x%16), 30, byte(40+y%16))
			}
		}
	}
	return rgb
}

func click(t *testing.T, tracker *Tracker, number int) {
	t.Helper()
	check(t, tracker.SetFrame(RGB(pixels(number), width, height), int64(number)))
	if number == 0 {
		check(t, tracker.Prompt(1, Prompt{Points: []Point{Positive(35, 30), Negative(5, 5)}}))
	}
	check(t, tracker.Track())
}

func TestModel(t *testing.T) {
	model := open(t)
	info, err := model.Info()
	check(t, err)
	if !info.HasVideo || info.ImageSize%32 != 0 || info.Name == "" || len(info.StageBlocks) != 4 {
		t.Errorf("%+v", info)
	}
	var bytes uint64
	for i := 0; i < info.TensorCount; i++ {
		tensor, err := model.Tensor(i)
		check(t, err)
		bytes += tensor.Bytes
	}
	if bytes == 0 || bytes >= info.FileBytes {
		t.Errorf("%d bytes of tensors in a file of %d", bytes, info.FileBytes)
	}
	_, err = model.Tensor(info.TensorCount)
	want(t, err, InvalidArgument)
	check(t, model.Close())
	check(t, model.Close())
	if _, err = model.Info(); err == nil {
		t.Error("a closed model answers")
	}
	if Version() == "" {
		t.Error("no version")
	}
}

func TestErrors(t *testing.T) {
	_, err := OpenModel(ModelConfig{Path: "/no/such.gguf"})
	want(t, err, File)
	if !strings.Contains(err.Error(), "/no/such.gguf") {
		t.Error(err)
	}
	_, err = OpenModel(ModelConfig{Path: modelPath, Kernels: "abacus"})
	want(t, err, Unsupported)
	for _, config := range []ModelConfig{{}, {Path: modelPath + "\x00"}, {Path: modelPath, Kernels: "generic\x00"}} {
		_, err = OpenModel(config)
		want(t, err, InvalidArgument)
		_, err = config.Memory()
		want(t, err, InvalidArgument)
	}

	model := open(t)
	tracker, err := NewTracker(model, small)
	check(t, err)
	want(t, tracker.Track(), State)
	want(t, tracker.Mask(1, make([]byte, 1), 1), State)
	click(t, tracker, 0)
	_, err = tracker.Result(2)
	want(t, err, NotFound)
	want(t, tracker.Prompt(1, Prompt{Points: []Point{Positive(98, 1)}}), InvalidArgument)
	want(t, tracker.Prompt(2, Prompt{Points: []Point{Positive(1, 1)}}), Capacity)
	want(t, tracker.Prompt(1, Prompt{Logits: make([]float32, 1)}), InvalidArgument)
	_, err = NewTracker(model, TrackerConfig{Threads: -1})
	want(t, err, InvalidArgument)

	want(t, model.Close(), State) // it has a session
	check(t, tracker.Close())
	check(t, tracker.Close())
	want(t, tracker.Track(), State)
	check(t, model.Close())
}

func TestBytesAndBlocks(t *testing.T) {
	data, err := os.ReadFile(modelPath)
	check(t, err)
	_, err = OpenModel(ModelConfig{Data: data[:len(data)/2]})
	want(t, err, Format)

	config := ModelConfig{Data: data}
	plan, err := config.Memory()
	check(t, err)
	var sum uint64
	for _, part := range plan.Parts {
		sum += part.Bytes
	}
	if sum != plan.Bytes {
		t.Errorf("the parts have %d bytes, all %d", sum, plan.Bytes)
	}
	config.Block, err = NewBlock(plan)
	check(t, err)
	model, err := OpenModel(config)
	check(t, err)
	_, err = OpenModel(config)
	want(t, err, State) // the block is taken
	want(t, config.Block.Close(), State)

	tracked := small
	plan, err = TrackerMemory(model, tracked)
	check(t, err)
	short := plan
	short.Bytes--
	tracked.Block, err = NewBlock(short)
	check(t, err)
	_, err = NewTracker(model, tracked)
	want(t, err, Memory)
	check(t, tracked.Block.Close()) // it was not taken
	_, err = NewTracker(model, tracked)
	want(t, err, State)
	tracked.Block, err = NewBlock(plan)
	check(t, err)
	for i := 0; i < 2; i++ { // one block, one session after the other
		tracker, err := NewTracker(model, tracked)
		check(t, err)
		click(t, tracker, 0)
		check(t, tracker.Close())
	}
	check(t, tracked.Block.Close())
	check(t, tracked.Block.Close())
	check(t, model.Close())
	check(t, config.Block.Close())
}

// decode turns a COCO run-length code into pixels, one column after the other.
func decode(rle string) (inside []bool) {
	var runs []int
	for run, shift, i := 0, 0, 0; i < len(rle); i++ {
		c := int(rle[i]) - 48
		run |= c & 31 << shift
		shift += 5
		if c&32 != 0 {
			continue
		}
		if c&16 != 0 {
			run |= -1 << shift
		}
		if n := len(runs); n > 2 {
			run += runs[n-2]
		}
		runs = append(runs, run)
		run, shift = 0, 0
	}
	for i, run := range runs {
		for ; run > 0; run-- {
			inside = append(inside, i%2 == 1)
		}
	}
	return inside
}

func TestObjects(t *testing.T) {
	model := open(t)
	defer model.Close()
	config := small
	config.MaxObjects = 3
	tracker, err := NewTracker(model, config)
	check(t, err)
	defer tracker.Close()
	objects := func(expected ...int32) {
		t.Helper()
		ids, err := tracker.Objects()
		check(t, err)
		if len(ids) != len(expected) {
			t.Fatalf("%v instead of %v", ids, expected)
		}
		for i, id := range ids {
			if id != expected[i] {
				t.Fatalf("%v instead of %v", ids, expected)
			}
		}
	}
	objects()
	check(t, tracker.SetFrame(RGB(pixels(0), width, height), 0))
	for _, id := range []int32{7, -3, 5} {
		check(t, tracker.Prompt(id, Prompt{Points: []Point{Positive(35, 30)}}))
	}
	objects(7, -3, 5)
	check(t, tracker.RemoveObject(-3))
	objects(7, 5)
	check(t, tracker.Reset())
	objects()

	// The code of a mask without a pixel is one run.
	check(t, tracker.SetFrame(RGB(pixels(0), width, height), 0))
	check(t, tracker.Prompt(1, Prompt{Mask: &Mask{Pixels: make([]byte, 9), Width: 3, Height: 3}}))
	rle, err := tracker.RLE(1)
	check(t, err)
	if decoded := decode(rle); len(decoded) != width*height || len(rle) > 4 {
		t.Errorf("%q has %d pixels", rle, len(decoded))
	}
}

func TestTrack(t *testing.T) {
	model := open(t)
	defer model.Close()
	tracker, err := NewTracker(model, small)
	check(t, err)
	defer tracker.Close()
	for number := 0; number < 3; number++ {
		click(t, tracker, number)
		result, err := tracker.Result(1)
		check(t, err)
		if result.Object != 1 || result.Frame != int64(number) || result.Prompted != (number == 0) {
			t.Errorf("%+v", result)
		}
		logits, size, err := tracker.LowResLogits(1)
		check(t, err)
		if len(logits) != size*size || size == 0 {
			t.Errorf("%d logits of side %d", len(logits), size)
		}

		// All forms of the mask say the same.
		const stride = 100
		mask, full := make([]byte, stride*height), make([]float32, width*height)
		check(t, tracker.Mask(1, mask, stride))
		check(t, tracker.Logits(1, full, width))
		var area uint64
		for y := 0; y < height; y++ {
			for x := 0; x < width; x++ {
				if (mask[y*stride+x] == 255) != (full[y*width+x] > 0) {
					t.Fatalf("mask and logits differ at %d, %d", x, y)
				}
				area += uint64(mask[y*stride+x] / 255)
			}
			if mask[y*stride+width] != 0 {
				t.Fatal("the gap between rows was written to")
			}
		}
		if area != result.Area || result.Empty != (area == 0) {
			t.Errorf("area %d, %+v", area, result)
		}
		rle, err := tracker.RLE(1)
		check(t, err)
		decoded := decode(rle)
		if len(decoded) != width*height {
			t.Fatalf("the run-length code has %d pixels", len(decoded))
		}
		for i, inside := range decoded {
			if (mask[i%height*stride+i/height] == 255) != inside {
				t.Fatalf("mask and run-length code differ at %d, %d", i/height, i%height)
			}
		}
	}
	stages, err := tracker.Profile()
	check(t, err)
	if len(stages) != 6 || stages[1].Name != "trunk" || stages[1].Time <= 0 || stages[1].NominalGMAC <= 0 {
		t.Errorf("%+v", stages)
	}
	features, err := tracker.Features(Stride16)
	check(t, err)
	if len(features.Data) != features.Height*features.Width*features.Channels || len(features.Data) == 0 {
		t.Error("no features")
	}
	check(t, tracker.ClearPrompts(1))
	check(t, tracker.SetClipLength(10))
	ids, err := tracker.Objects()
	check(t, err)
	if len(ids) != 1 || ids[0] != 1 {
		t.Error(ids)
	}
	check(t, tracker.RemoveObject(1))
	check(t, tracker.Reset())
	want(t, tracker.Mask(1, make([]byte, 1), 1), State)
}

func TestExplain(t *testing.T) {
	model := open(t)
	defer model.Close()
	config := small
	config.Explain = true
	tracker, err := NewTracker(model, config)
	check(t, err)
	defer tracker.Close()
	for number := 0; number < 2; number++ {
		click(t, tracker, number)
	}
	e, err := tracker.Explain(1, 0)
	check(t, err)
	if len(e.Memories) != 2 || e.Memories[0].Kind != PromptedMemory || e.Memories[1].Kind != PointerMemory || e.MaskArea == 0 {
		t.Fatalf("%+v", e)
	}
	shares := e.Memories[0].Share + e.Memories[1].Share
	weights, err := tracker.ExplainMap(1, 0, 0, false)
	check(t, err)
	sum := -e.Memories[0].Share
	for _, weight := range weights {
		sum += weight
	}
	if shares < 0.9999 || shares > 1.0001 || sum < -1e-4 || sum > 1e-4 || len(weights) != e.MapSide*e.MapSide {
		t.Errorf("shares %v, map off by %v", shares, sum)
	}
	if _, err := tracker.Explain(1, e.LayerCount+1); err == nil {
		t.Error("no such layer, no error")
	}
	if _, err := tracker.ExplainMap(1, 0, 1, false); err == nil {
		t.Error("a pointer has a map")
	}
}

// noise fills a tensor with numbers in -1..1.
func noise(count int, seed uint32) []float32 {
	values := make([]float32, count)
	for i := range values {
		seed = seed*1664525 + 1013904223
		values[i] = float32(seed>>8)/8388608 - 1
	}
	return values
}

// distance is the largest difference of two tensors.
func distance(a, b []float32) (largest float64) {
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if math.IsNaN(d) {
			return d
		}
		largest = math.Max(largest, d)
	}
	return largest
}

func TestMemoryAttention(t *testing.T) {
	model := open(t)
	defer model.Close()
	info, err := model.Info()
	check(t, err)
	tracker, err := NewTracker(model, small)
	check(t, err)
	defer tracker.Close()
	const pointers = 4
	cells := info.ImageSize / info.Stride * (info.ImageSize / info.Stride)
	grid := cells * info.DModel
	with := func(memories, pointers int) MemoryAttention { // every token has the same value, and its own place
		a := MemoryAttention{MemoryTokens: memories*cells + pointers, PointerTokens: pointers}
		a.Current, a.CurrentPos, a.Output = noise(grid, 1), make([]float32, grid), make([]float32, grid)
		a.MemoryPos = noise(a.MemoryTokens*info.MemoryDim, 2)
		value := noise(info.MemoryDim, 3)
		for i := 0; i < a.MemoryTokens; i++ {
			a.Memory = append(a.Memory, value...)
		}
		return a
	}
	run := func(a MemoryAttention) []float32 {
		t.Helper()
		check(t, tracker.RunMemoryAttention(a))
		return a.Output
	}
	const near, far = 0.03, 0.1
	first := run(with(1, 0)) // no frame is needed
	if d := distance(first, with(1, 0).Current); !(d > far) {
		t.Errorf("memory attention changes nothing: %v", d)
	}

	// The mean of equal values is that value, whatever is looked at.
	for name, a := range map[string]MemoryAttention{
		"three memories": with(3, 0), "memory and pointers": with(1, pointers), "pointers": with(0, pointers),
	} {
		if d := distance(first, run(a)); !(d < near) {
			t.Errorf("%s: equal values make a difference of %v", name, d)
		}
	}
	a := with(1, 0)
	a.MemoryPos = noise(len(a.MemoryPos), 4)
	if d := distance(first, run(a)); !(d < near) {
		t.Errorf("other keys of equal values make a difference of %v", d)
	}
	a.Memory = noise(len(a.Memory), 5)
	other := run(a)
	if d := distance(first, other); !(d > far) {
		t.Errorf("other values make a difference of %v", d)
	}
	a.MemoryPos, a.Output = make([]float32, len(a.MemoryPos)), make([]float32, grid)
	if d := distance(other, run(a)); !(d > near) {
		t.Errorf("other keys of different values make a difference of %v", d)
	}

	// A tenth of the position is added.
	a = with(1, 0)
	a.CurrentPos = noise(grid, 6)
	for i := range a.Current {
		a.Current[i] -= 0.1 * a.CurrentPos[i]
	}
	if d := distance(first, run(a)); !(d < near) {
		t.Errorf("the position makes a difference of %v", d)
	}
	a = with(1, 0)
	a.Output = a.Current // in place
	if d := distance(first, run(a)); d != 0 {
		t.Errorf("in place it makes a difference of %v", d)
	}

	// Tracks do not notice.
	click(t, tracker, 0)
	before, _, err := tracker.LowResLogits(1)
	check(t, err)
	run(with(1, 0))
	after, _, err := tracker.LowResLogits(1)
	check(t, err)
	if distance(before, after) != 0 {
		t.Error("the track has changed")
	}

	for name, change := range map[string]func(a *MemoryAttention){
		"no tokens":         func(a *MemoryAttention) { *a = with(0, 0) },
		"too many pointers": func(a *MemoryAttention) { a.PointerTokens = a.MemoryTokens + 1 },
		"negative pointers": func(a *MemoryAttention) { a.PointerTokens = -1 },
		"negative tokens":   func(a *MemoryAttention) { a.MemoryTokens, a.Memory, a.MemoryPos = -1, nil, nil },
		"too many tokens":   func(a *MemoryAttention) { a.MemoryTokens += 1 << 32 },
		"part of a memory":  func(a *MemoryAttention) { *a = with(1, pointers); a.PointerTokens-- },
		"short current":     func(a *MemoryAttention) { a.Current = a.Current[1:] },
		"short current pos": func(a *MemoryAttention) { a.CurrentPos = a.CurrentPos[1:] },
		"short memory":      func(a *MemoryAttention) { a.Memory = a.Memory[1:] },
		"short memory pos":  func(a *MemoryAttention) { a.MemoryPos = a.MemoryPos[1:] },
		"short output":      func(a *MemoryAttention) { a.Output = a.Output[1:] },
		"no output":         func(a *MemoryAttention) { a.Output = nil },
	} {
		a := with(1, 0)
		change(&a)
		err := tracker.RunMemoryAttention(a)
		if !errors.Is(err, InvalidArgument) {
			t.Errorf("%s: %v", name, err)
		}
		if distance(a.Output, make([]float32, len(a.Output))) != 0 {
			t.Errorf("%s: the output was written to", name)
		}
	}
	want(t, tracker.RunMemoryAttention(with(info.MemoryFrames+1, 0)), Capacity)
	check(t, tracker.Close())
	want(t, tracker.RunMemoryAttention(with(1, 0)), State)
}

func TestSlicesThatAreTooShort(t *testing.T) {
	model := open(t)
	defer model.Close()
	tracker, err := NewTracker(model, small)
	check(t, err)
	defer tracker.Close()
	rgb := pixels(0)
	for _, frame := range []Frame{
		{},
		RGB(rgb[1:], width, height),
		RGB(rgb, -width, -height),
		RGB(rgb, 1<<30, 1<<30),
		{Format: PixelGrey, Width: 10, Height: 10, Planes: [2][]byte{rgb}, Strides: [2]int{9}},
		{Format: PixelGrey, Width: 10, Height: 10, Planes: [2][]byte{rgb}, Strides: [2]int{1 << 62}},
		{Format: PixelNV12, Width: 97, Height: 63, Planes: [2][]byte{rgb, rgb[:98*32-1]}},
		{Format: PixelNormalised, Width: 256, Height: 256, Floats: make([]float32, 3*256*256-1), OutputWidth: 9, OutputHeight: 9},
		{Format: 99, Width: 10, Height: 10, Planes: [2][]byte{rgb}},
	} {
		want(t, tracker.SetFrame(frame, 0), InvalidArgument)
	}
	check(t, tracker.SetFrame(Frame{Format: PixelNV12, Width: 97, Height: 63, Planes: [2][]byte{rgb, rgb[:98*32]}}, 0))
	click(t, tracker, 0)
	want(t, tracker.Mask(1, make([]byte, width*height-1), width), InvalidArgument)
	want(t, tracker.Mask(1, make([]byte, width*height), width-1), InvalidArgument)
	want(t, tracker.Mask(1, nil, width), InvalidArgument)
	want(t, tracker.Logits(1, make([]float32, width*height-1), width), InvalidArgument)
	want(t, tracker.Logits(1, make([]float32, width*height), -1), InvalidArgument)
	want(t, tracker.SetFrame(RGB(make([]byte, 3*129*2), 129, 2), 1), Capacity)
	check(t, tracker.Mask(1, make([]byte, width*height), width)) // the old frame and its size are still there

	want(t, tracker.Prompt(1, Prompt{Mask: &Mask{Pixels: rgb[:9], Width: 5, Height: 2}}), InvalidArgument)
	check(t, tracker.Prompt(1, Prompt{Mask: &Mask{Pixels: rgb[:10], Width: 5, Height: 2}}))
}

func TestImages(t *testing.T) {
	model := open(t)
	defer model.Close()
	config := SegmenterConfig{Threads: 1, MaxFrameWidth: 128, MaxFrameHeight: 128}
	plan, err := SegmenterMemory(model, config)
	check(t, err)
	config.Block, err = NewBlock(plan)
	check(t, err)
	segmenter, err := NewSegmenter(model, config)
	check(t, err)
	defer segmenter.Close()
	check(t, segmenter.SetImage(RGB(pixels(0), width, height)))
	prompt := Prompt{Box: &Box{20, 15, 50, 45}}
	p, err := segmenter.Predict(prompt, true)
	check(t, err)
	if len(p.IoU) != 3 || len(p.Logits[2]) != p.LowResSize*p.LowResSize {
		t.Errorf("%d masks", len(p.IoU))
	}
	prompt.Logits = p.Logits[p.Best]
	p, err = segmenter.Predict(prompt, false)
	check(t, err)
	if len(p.IoU) != 1 {
		t.Errorf("%d masks", len(p.IoU))
	}
	check(t, segmenter.Mask(0, make([]byte, width*height), width))
	check(t, segmenter.Logits(0, make([]float32, width*height), width))
	want(t, segmenter.Mask(1, make([]byte, width*height), width), InvalidArgument)
	want(t, segmenter.Mask(1<<32, make([]byte, width*height), width), InvalidArgument)
	rle, err := segmenter.RLE(0)
	check(t, err)
	if rle == "" {
		t.Error("no run-length code")
	}
	_, err = segmenter.Features(Stride4)
	check(t, err)
	prompt.Logits = prompt.Logits[1:]
	_, err = segmenter.Predict(prompt, false)
	want(t, err, InvalidArgument)
}

// measured is what a mask cut out of logits of the picture's size measures.
func measured(logits []float32, threshold, offset float32) MaskMeasure {
	m := MaskMeasure{Empty: true}
	var inner, outer int
	for i, logit := range logits {
		if logit > threshold+offset {
			inner++
		}
		if logit > threshold-offset {
			outer++
		}
		if logit > threshold {
			x, y := float32(i%width), float32(i/width)
			if m.Empty {
				m.Empty, m.Box = false, Box{x, y, x, y}
			}
			m.Area++
			m.Box = Box{lesser(m.Box.X0, x), lesser(m.Box.Y0, y), -lesser(-m.Box.X1, -x-1), -lesser(-m.Box.Y1, -y-1)}
		}
	}
	if outer > 0 {
		m.Stability = float32(inner) / float32(outer)
	}
	return m
}

func lesser(a, b float32) float32 {
	if a < b {
		return a
	}
	return b
}

func TestMeasure(t *testing.T) {
	model := open(t)
	defer model.Close()
	segmenter, err := NewSegmenter(model, SegmenterConfig{Threads: 1})
	check(t, err)
	defer segmenter.Close()
	_, err = segmenter.Measure(0, 0, 1)
	want(t, err, State)
	check(t, segmenter.SetImage(RGB(pixels(0), width, height)))
	_, err = segmenter.Measure(0, 0, 1)
	want(t, err, State)
	_, err = segmenter.Predict(Prompt{Box: &Box{20, 15, 50, 45}}, true)
	check(t, err)
	between := false // is any stability neither 0 nor 1?
	for index := 0; index < 3; index++ {
		mask, logits := make([]byte, width*height), make([]float32, width*height)
		check(t, segmenter.Mask(index, mask, width))
		check(t, segmenter.Logits(index, logits, width))
		usual, err := segmenter.Measure(index, 0, 1)
		check(t, err)
		if usual.Area != uint64(bytes.Count(mask, []byte{255})) || usual.Area == 0 || usual.Area == width*height {
			t.Errorf("mask %d: %+v", index, usual)
		}
		for _, cut := range [][2]float32{{0, 1}, {0, 0}, {-2.5, 0.5}, {1.5, 4}} {
			m, err := segmenter.Measure(index, cut[0], cut[1])
			check(t, err)
			if expected := measured(logits, cut[0], cut[1]); m != expected {
				t.Errorf("mask %d, %v: %+v instead of %+v", index, cut, m, expected)
			}
			if m.Stability < 0 || m.Stability > 1 {
				t.Errorf("mask %d, %v: %+v", index, cut, m)
			}
			between = between || m.Stability > 0 && m.Stability < 1
		}
		nothing, err := segmenter.Measure(index, 1e30, 1)
		check(t, err)
		if nothing != (MaskMeasure{Empty: true}) {
			t.Errorf("mask %d: %+v", index, nothing)
		}
	}
	if !between {
		t.Error("the cuts tell nothing about stability")
	}
	nan, infinity := float32(math.NaN()), float32(math.Inf(1))
	for _, bad := range []struct {
		index             int
		threshold, offset float32
	}{{3, 0, 1}, {-1, 0, 1}, {1 << 32, 0, 1}, {0, nan, 1}, {0, 0, infinity}, {0, 0, -0.5}} {
		m, err := segmenter.Measure(bad.index, bad.threshold, bad.offset)
		want(t, err, InvalidArgument)
		if m != (MaskMeasure{}) {
			t.Errorf("%+v", m)
		}
	}
	check(t, segmenter.SetImage(RGB(pixels(0), width, height))) // a new image has no prediction yet
	_, err = segmenter.Measure(0, 0, 1)
	want(t, err, State)
	check(t, segmenter.Close())
	_, err = segmenter.Measure(0, 0, 1)
	want(t, err, State)
}

func TestGoroutines(t *testing.T) {
	model := open(t)
	shared, err := NewTracker(model, small)
	check(t, err)
	click(t, shared, 0)
	expected, err := shared.RLE(1)
	check(t, err)
	var group sync.WaitGroup
	for i := 0; i < 4; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			own, err := NewTracker(model, small)
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			own.SetFrame(RGB(pixels(0), width, height), 0)
			own.Prompt(1, Prompt{Points: []Point{Positive(35, 30), Negative(5, 5)}})
			for _, tracker := range []*Tracker{own, shared} {
				if rle, err := tracker.RLE(1); err != nil || rle != expected {
					t.Error("another mask", err)
				}
			}
		}()
	}
	group.Wait()
	check(t, shared.Close())
	check(t, model.Close())
}

func TestForgottenHandlesAreClosed(t *testing.T) {
	model := open(t)
	func() {
		config := small
		plan, err := TrackerMemory(model, config)
		check(t, err)
		config.Block, err = NewBlock(plan)
		check(t, err)
		_, err = NewTracker(model, config)
		check(t, err)
		_, err = NewSegmenter(model, SegmenterConfig{Threads: 1})
		check(t, err)
	}()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		runtime.GC()
		if err := model.Close(); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestHalfMapsTakeLess(t *testing.T) {
	model, err := OpenModel(ModelConfig{Path: modelPath})
	check(t, err)
	halved := small
	halved.F16Maps = true
	plain, err := TrackerMemory(model, small)
	check(t, err)
	less, err := TrackerMemory(model, halved)
	check(t, err)
	images, err := SegmenterMemory(model, SegmenterConfig{})
	check(t, err)
	lessForImages, err := SegmenterMemory(model, SegmenterConfig{F16Maps: true})
	check(t, err)
	if less.Bytes >= plain.Bytes || lessForImages.Bytes >= images.Bytes {
		t.Error(less.Bytes, plain.Bytes, lessForImages.Bytes, images.Bytes)
	}
	check(t, model.Close())
}

func TestPrecision(t *testing.T) {
	model, err := OpenModel(ModelConfig{Path: modelPath, Precision: F32})
	check(t, err)
	tracker, err := NewTracker(model, small)
	check(t, err)
	click(t, tracker, 0)
	layer, err := tracker.Layer(0)
	check(t, err)
	if layer.Rows == 0 || layer.In == 0 || layer.Stored != "f16" || layer.Precision != "f32" {
		t.Error(layer)
	}
	for _, index := range []int{9999, -1, 1 << 32} {
		_, err = tracker.Layer(index)
		want(t, err, NotFound)
	}
	segmenter, err := NewSegmenter(model, SegmenterConfig{})
	check(t, err)
	layer.Rows = 0
	if same, err := segmenter.Layer(0); err != nil || same != layer {
		t.Error(same, err)
	}
	model, err = OpenModel(ModelConfig{Path: modelPath, Precision: F16})
	if errors.Is(err, Unsupported) {
		t.Skip("this CPU has no f16")
	}
	check(t, err)
	tracker, err = NewTracker(model, small)
	check(t, err)
	if layer, err = tracker.Layer(0); err != nil || layer.Precision != "f16" {
		t.Error(layer, err)
	}
}

// deeper makes the stack grow, and so move.
func deeper(n int) int {
	var room [256]byte
	if n == 0 {
		return int(room[255])
	}
	return deeper(n-1) + int(room[n%256])
}

func TestLog(t *testing.T) {
	var lines []string
	model, err := OpenModel(ModelConfig{Path: modelPath, Log: func(level LogLevel, text string) {
		lines = append(lines, text)
		deeper(1000)
		runtime.GC()
	}})
	check(t, err)
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "kernels: ") {
		t.Error(lines)
	}
	deeper(5000)
	runtime.GC()
	model.log.Value().(LogFunc)(Info, "while the model is open")
	if lines[len(lines)-1] != "while the model is open" {
		t.Error(lines)
	}
	check(t, model.Close())
	if model.log != 0 {
		t.Error("a closed model keeps its log")
	}
}
