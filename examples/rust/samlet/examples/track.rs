// SPDX-License-Identifier: Apache-2.0
//! Tracks one object through a clip, in memory that this program owns: ../../c/track.c in Rust.
//!
//!   cargo run --release --example track -- MODEL.gguf X Y FRAME.ppm...
use samlet::{Block, Frame, Model, ModelConfig, Point, Prompt, Tracker, TrackerConfig};
use std::error::Error;
use std::fs;
use std::process::ExitCode;

struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

/// Binary PPM as djpeg and ImageMagick write it (no comments).
fn read_ppm(path: &str) -> Result<Picture, Box<dyn Error>> {
    let bytes = fs::read(path).map_err(|error| format!("{path}: {error}"))?;
    let mut words = bytes.splitn(5, |byte| byte.is_ascii_whitespace());
    let mut word = || std::str::from_utf8(words.next().unwrap_or_default()).unwrap_or_default();
    let magic = word();
    let (width, height, depth) = (word().parse().unwrap_or(0u32), word().parse().unwrap_or(0u32), word());
    let rgb = words.next().unwrap_or_default();
    if magic != "P6" || depth != "255" || rgb.len() as u64 != 3 * u64::from(width) * u64::from(height) {
        return Err(format!("{path}: not a binary PPM file").into());
    }
    Ok(Picture { width, height, rgb: rgb.to_vec() })
}

fn track(model_path: &str, point: Point, frames: &[String]) -> Result<(), Box<dyn Error>> {
    let first = read_ppm(&frames[0])?;

    // How much memory does the model need? Give it that.
    let model_config = ModelConfig::from_path(model_path);
    let mut model_block = Block::new(&model_config.memory()?);
    let model_bytes = model_block.len();
    let model = Model::open_in(&model_config, &mut model_block)?;

    // The same for a tracker. From its creation on the library allocates nothing any more.
    let config = TrackerConfig {
        max_frame_width: first.width,
        max_frame_height: first.height,
        clip_length: frames.len() as u32,
        yield_threads: true, // other programs share the cores
        ..Default::default()
    };
    let mut block = Block::new(&Tracker::memory(&model, &config)?);
    println!("memory model {} tracker {}", model_bytes, block.len());
    let mut tracker = Tracker::new_in(&model, &config, &mut block)?;

    for (number, path) in frames.iter().enumerate() {
        let picture = read_ppm(path)?;
        tracker.set_frame(&Frame::rgb(&picture.rgb, picture.width, picture.height)?, number as i64)?;
        if number == 0 {
            tracker.prompt(1, &Prompt { points: &[point], ..Default::default() })?;
        }
        tracker.track()?;
        let result = tracker.result(1)?;
        let bounds = result.bounds.unwrap_or_default();
        println!(
            "frame {} score {:.3} iou {:.3} visible {} box {:.0} {:.0} {:.0} {:.0}",
            result.frame,
            result.object_score,
            result.iou,
            u32::from(result.visible),
            bounds.x0,
            bounds.y0,
            bounds.x1,
            bounds.y1
        );
    }
    Ok(())
}

fn run(args: &[String]) -> Result<(), Box<dyn Error>> {
    match args {
        [_, model, x, y, frames @ ..] if !frames.is_empty() => {
            track(model, Point::positive(x.parse()?, y.parse()?), frames)
        }
        _ => Err("usage: track MODEL.gguf X Y FRAME.ppm...".into()),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let Err(error) = run(&args) {
        eprintln!("track: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
