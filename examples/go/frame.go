// SPDX-License-Identifier: Apache-2.0

package samlet

// #include "shim.h"
import "C"

import (
	"math"
	"unsafe"
)

// PixelFormat is the format of a frame.
type PixelFormat uint32

const (
	PixelRGB        PixelFormat = C.SAMLET_PIXEL_RGB
	PixelBGR        PixelFormat = C.SAMLET_PIXEL_BGR
	PixelRGBA       PixelFormat = C.SAMLET_PIXEL_RGBA // alpha is ignored
	PixelBGRA       PixelFormat = C.SAMLET_PIXEL_BGRA
	PixelGrey       PixelFormat = C.SAMLET_PIXEL_GREY
	PixelNV12       PixelFormat = C.SAMLET_PIXEL_NV12       // plane 0: Y; plane 1: interleaved UV at half size
	PixelYUYV       PixelFormat = C.SAMLET_PIXEL_YUYV       // even width
	PixelNormalised PixelFormat = C.SAMLET_PIXEL_NORMALISED // Floats: planes of R, G, B, the session's image size
)

// Frame is a picture, read during the call only.
type Frame struct {
	Format        PixelFormat
	Width, Height int
	Planes        [2][]byte
	Strides       [2]int // bytes from row to row; 0: rows without gaps

	// PixelNormalised only: the planes, and the size of the picture that results refer to.
	Floats                    []float32
	OutputWidth, OutputHeight int
}

// RGB is a frame of R, G, B bytes, rows without gaps.
func RGB(pixels []byte, width, height int) Frame {
	return Frame{Format: PixelRGB, Width: width, Height: height, Planes: [2][]byte{pixels}}
}

// checkRows tests whether rows of `row` bytes, stride bytes apart, are there.
func checkRows(what string, have, rows, row, stride int) error {
	if rows < 1 || row < 1 || stride < row || rows-1 > (math.MaxInt-row)/stride || (rows-1)*stride+row > have {
		return invalid("%s has %d bytes; %d rows of %d bytes every %d bytes do not fit", what, have, rows, row, stride)
	}
	return nil
}

// cFrame is a frame as the shim takes it, checked.
type cFrame struct {
	format, width, height     C.uint32_t
	planes                    [2]*C.uint8_t
	strides                   [2]C.uint64_t
	outputWidth, outputHeight C.uint32_t
	picture                   picture
}

func (f *Frame) check() (cFrame, error) {
	if f.Width < 1 || f.Height < 1 || f.Width > math.MaxInt32/8 || f.Height > math.MaxInt32/8 {
		return cFrame{}, invalid("a frame cannot be %d x %d pixels", f.Width, f.Height)
	}
	c := cFrame{format: C.uint32_t(f.Format), width: C.uint32_t(f.Width), height: C.uint32_t(f.Height)}
	c.picture = picture{f.Width, f.Height}
	if f.Format == PixelNormalised {
		if f.OutputWidth < 1 || f.OutputHeight < 1 || f.OutputWidth > math.MaxInt32 || f.OutputHeight > math.MaxInt32 {
			return cFrame{}, invalid("the output cannot be %d x %d pixels", f.OutputWidth, f.OutputHeight)
		}
		c.outputWidth, c.outputHeight = C.uint32_t(f.OutputWidth), C.uint32_t(f.OutputHeight)
		c.picture = picture{f.OutputWidth, f.OutputHeight}
		c.strides[0] = C.uint64_t(4 * f.Width)
		c.planes[0] = (*C.uint8_t)(pointer(f.Floats))
		return c, checkRows("the picture", 4*len(f.Floats), 3*f.Height, 4*f.Width, 4*f.Width)
	}
	rows := [2]int{f.Height, (f.Height + 1) / 2}
	var row [2]int
	switch f.Format {
	case PixelRGB, PixelBGR:
		row[0] = 3 * f.Width
	case PixelRGBA, PixelBGRA:
		row[0] = 4 * f.Width
	case PixelGrey:
		row[0] = f.Width
	case PixelYUYV:
		row[0] = 2 * f.Width
	case PixelNV12:
		row = [2]int{f.Width, (f.Width + 1) / 2 * 2}
	default:
		return cFrame{}, invalid("there is no pixel format %d", f.Format)
	}
	for i := range row {
		if row[i] == 0 {
			continue
		}
		stride := f.Strides[i]
		if stride == 0 {
			stride = row[i]
		}
		if err := checkRows("a plane", len(f.Planes[i]), rows[i], row[i], stride); err != nil {
			return cFrame{}, err
		}
		c.planes[i] = (*C.uint8_t)(pointer(f.Planes[i]))
		c.strides[i] = C.uint64_t(stride)
	}
	return c, nil
}

// pointer is where a slice begins; nil if it is empty.
func pointer[T any](values []T) unsafe.Pointer {
	if len(values) == 0 {
		return nil
	}
	return unsafe.Pointer(&values[0])
}

// cIndex is an index as C takes it. What C cannot hold becomes one that nothing has, so that C refuses it.
func cIndex(index int) C.uint32_t {
	if index < 0 || uint64(index) > math.MaxUint32 {
		return math.MaxUint32
	}
	return C.uint32_t(index)
}

// picture is the size of the frame that a session has; zero without one.
type picture struct{ width, height int }

// update hears what became of a new frame.
func (p *picture) update(size picture, err error) {
	if err == nil {
		*p = size
	} else if e, ok := err.(*Error); ok && e.Status == Internal {
		*p = picture{} // after a defect in the library we do not know
	}
}

// check tests whether a map of count values of `size` bytes, stride values from row to row, holds the picture, and
// returns the stride in bytes. Without a picture the library is to say so.
func (p picture) check(count, size, stride int) (C.uint64_t, error) {
	if p == (picture{}) {
		return 0, nil
	}
	if stride < 0 || stride > math.MaxInt/size {
		return 0, invalid("a stride of %d is impossible", stride)
	}
	return C.uint64_t(stride * size), checkRows("the map", count*size, p.height, p.width*size, stride*size)
}

// Box is in pixels of the frame; X1 and Y1 are exclusive.
type Box struct{ X0, Y0, X1, Y1 float32 }

// Point lies on the object (Positive) or beside it (Negative).
type Point struct {
	X, Y     float32
	Positive bool
}

// Positive is a point on the object.
func Positive(x, y float32) Point { return Point{x, y, true} }

// Negative is a point beside the object.
func Negative(x, y float32) Point { return Point{x, y, false} }

// Prompt is what the user points at. A tracker takes points and a box together, or a mask alone; a segmenter any of
// points, box and logits.
type Prompt struct {
	Points []Point
	Box    *Box
	Mask   *Mask
	Logits []float32 // of an earlier prediction
	// ReplacePoints forgets the object's earlier points on this frame, but goes on refining its mask.
	ReplacePoints bool
}

// Mask has one byte a pixel; nonzero is object.
type Mask struct {
	Pixels        []byte
	Width, Height int
	Stride        int // 0: Width
}

func (p *Prompt) flags() C.uint32_t {
	if p.ReplacePoints {
		return C.SAMLET_PROMPT_REPLACE_POINTS
	}
	return 0
}

func (p *Prompt) points() *C.samlet_point {
	points := make([]C.samlet_point, len(p.Points))
	for i, point := range p.Points {
		points[i] = C.samlet_point{x: C.float(point.X), y: C.float(point.Y), label: C.SAMLET_POINT_NEGATIVE}
		if point.Positive {
			points[i].label = C.SAMLET_POINT_POSITIVE
		}
	}
	return (*C.samlet_point)(pointer(points))
}

func (p *Prompt) box() *C.samlet_box {
	if p.Box == nil {
		return nil
	}
	return &C.samlet_box{x0: C.float(p.Box.X0), y0: C.float(p.Box.Y0), x1: C.float(p.Box.X1), y1: C.float(p.Box.Y1)}
}

// readRLE makes the two calls of a run-length code: how long, then what.
func readRLE(call func(text *C.char, capacity C.size_t, length *C.size_t) error) (string, error) {
	var length C.size_t
	if err := call(nil, 0, &length); err != nil && err.(*Error).Status != bufferTooSmall {
		return "", err
	}
	text := make([]byte, length+1)
	if err := call((*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)), &length); err != nil {
		return "", err
	}
	return string(text[:length]), nil
}

// Level is a level of the image encoder's features.
type Level uint32

const (
	Stride4  Level = C.SAMLET_FEATURES_STRIDE4
	Stride8  Level = C.SAMLET_FEATURES_STRIDE8
	Stride16 Level = C.SAMLET_FEATURES_STRIDE16 // the top features
)

// Features are rows of channels over a grid: [Height][Width][Channels].
type Features struct {
	Height, Width, Channels int
	Data                    []float32
}

func copyFloats(data *C.float, count int) []float32 {
	return append([]float32(nil), unsafe.Slice((*float32)(unsafe.Pointer(data)), count)...)
}

func readFeatures(call func(view *C.samlet_tensor_view) error) (Features, error) {
	var view C.samlet_tensor_view
	C.samlet_tensor_view_init(&view)
	if err := call(&view); err != nil {
		return Features{}, err
	}
	f := Features{Height: int(view.height), Width: int(view.width), Channels: int(view.channels)}
	f.Data = copyFloats(view.data, f.Height*f.Width*f.Channels)
	return f, nil
}
