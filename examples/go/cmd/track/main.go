// SPDX-License-Identifier: Apache-2.0

// Tracks one object through a clip, in memory that this program owns: ../c/track.c in Go.
//
//	go run ./cmd/track MODEL.gguf X Y FRAME.ppm...
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"samlet"
)

type picture struct {
	width, height int
	rgb           []byte
}

// readPPM reads binary PPM as djpeg and ImageMagick write it (no comments).
func readPPM(path string) (picture, error) {
	file, err := os.Open(path)
	if err != nil {
		return picture{}, err
	}
	defer file.Close()
	reader := bufio.NewReader(file)
	var p picture
	var depth int
	if _, err := fmt.Fscanf(reader, "P6\n%d %d\n%d\n", &p.width, &p.height, &depth); err != nil || depth != 255 ||
		p.width < 1 || p.height < 1 || p.width > 99999 || p.height > 99999 {
		return picture{}, fmt.Errorf("%s: not a binary PPM file", path)
	}
	p.rgb = make([]byte, 3*p.width*p.height)
	_, err = io.ReadFull(reader, p.rgb)
	return p, err
}

func track(modelPath string, point samlet.Point, frames []string) error {
	first, err := readPPM(frames[0])
	if err != nil {
		return err
	}

	// How much memory does the model need? Give it that.
	modelConfig := samlet.ModelConfig{Path: modelPath}
	plan, err := modelConfig.Memory()
	if err != nil {
		return err
	}
	modelConfig.Block, err = samlet.NewBlock(plan)
	if err != nil {
		return err
	}
	defer modelConfig.Block.Close()
	model, err := samlet.OpenModel(modelConfig)
	if err != nil {
		return err
	}
	defer model.Close()

	// The same for a tracker. From its creation on the library allocates nothing any more.
	config := samlet.TrackerConfig{
		MaxFrameWidth:  first.width,
		MaxFrameHeight: first.height,
		ClipLength:     len(frames),
		YieldThreads:   true, // other programs share the cores
	}
	plan, err = samlet.TrackerMemory(model, config)
	if err != nil {
		return err
	}
	config.Block, err = samlet.NewBlock(plan)
	if err != nil {
		return err
	}
	defer config.Block.Close()
	tracker, err := samlet.NewTracker(model, config)
	if err != nil {
		return err
	}
	defer tracker.Close()
	fmt.Printf("memory model %d tracker %d\n", modelConfig.Block.Size(), config.Block.Size())

	for number, path := range frames {
		picture, err := readPPM(path)
		if err != nil {
			return err
		}
		if err := tracker.SetFrame(samlet.RGB(picture.rgb, picture.width, picture.height), int64(number)); err != nil {
			return err
		}
		if number == 0 {
			if err := tracker.Prompt(1, samlet.Prompt{Points: []samlet.Point{point}}); err != nil {
				return err
			}
		}
		if err := tracker.Track(); err != nil {
			return err
		}
		result, err := tracker.Result(1)
		if err != nil {
			return err
		}
		visible := 0
		if result.Visible {
			visible = 1
		}
		fmt.Printf("frame %d score %.3f iou %.3f visible %d box %.0f %.0f %.0f %.0f\n", result.Frame, result.ObjectScore,
			result.IoU, visible, result.Box.X0, result.Box.Y0, result.Box.X1, result.Box.Y1)
	}
	return nil
}

func run(args []string) error {
	if len(args) < 5 {
		return errors.New("usage: track MODEL.gguf X Y FRAME.ppm...")
	}
	x, errX := strconv.ParseFloat(args[2], 32)
	y, errY := strconv.ParseFloat(args[3], 32)
	if errX != nil || errY != nil {
		return errors.New("X and Y are numbers")
	}
	return track(args[1], samlet.Positive(float32(x), float32(y)), args[4:])
}

func main() {
	if err := run(os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "track:", err)
		os.Exit(1)
	}
}
