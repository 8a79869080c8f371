// SPDX-License-Identifier: Apache-2.0
//! Promptable video object segmentation (SAM 2, SAM 2.1) in memory that the caller owns: a safe interface to samlet, whose
//! C header `samlet.h` tells more about every call.
//!
//! ```no_run
//! use samlet::{Block, Frame, Model, ModelConfig, Point, Prompt, Tracker, TrackerConfig};
//!
//! # fn next_picture() -> Option<(Vec<u8>, u32, u32)> { None }
//! # fn main() -> Result<(), samlet::Error> {
//! let model = Model::open(&ModelConfig::from_path("samlet_micro.gguf"))?;
//! let config = TrackerConfig { clip_length: 100, ..Default::default() };
//! let mut block = Block::new(&Tracker::memory(&model, &config)?);
//! let mut tracker = Tracker::new_in(&model, &config, &mut block)?;
//! let mut number = 0;
//! while let Some((pixels, width, height)) = next_picture() {
//!     tracker.set_frame(&Frame::rgb(&pixels, width, height)?, number)?;
//!     if number == 0 {
//!         let points = [Point::positive(432.0, 270.0)];
//!         tracker.prompt(1, &Prompt { points: &points, ..Default::default() })?;
//!     }
//!     tracker.track()?;
//!     println!("{:?}", tracker.result(1)?.bounds);
//!     number += 1;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Lifetimes
//!
//! A session borrows its model and its block, so neither can go away or be used for something else first:
//!
//! ```compile_fail
//! use samlet::{Model, ModelConfig, Tracker, TrackerConfig};
//! let model = Model::open(&ModelConfig::from_path("samlet_micro.gguf")).unwrap();
//! let mut tracker = Tracker::new(&model, &TrackerConfig::default()).unwrap();
//! drop(model);
//! tracker.reset();
//! ```
//! ```compile_fail
//! use samlet::{Block, Model, ModelConfig, Tracker, TrackerConfig};
//! let model = Model::open(&ModelConfig::from_path("samlet_micro.gguf")).unwrap();
//! let config = TrackerConfig::default();
//! let mut block = Block::new(&Tracker::memory(&model, &config).unwrap());
//! let mut tracker = Tracker::new_in(&model, &config, &mut block).unwrap();
//! drop(block);
//! tracker.reset();
//! ```
//!
//! Logits and features are views into the block. Calls that change the session take `&mut self`, so a view cannot outlast
//! what it shows:
//!
//! ```compile_fail
//! use samlet::{Frame, Tracker};
//! fn stale(tracker: &mut Tracker, frame: &Frame) -> Result<f32, samlet::Error> {
//!     let result = tracker.result(1)?;
//!     tracker.set_frame(frame, 1)?;
//!     Ok(result.logits[0])
//! }
//! ```
//!
//! Leaking a session with [`std::mem::forget`] ends these borrows without stopping its threads. That is sound: between calls
//! they wait on memory of their own and touch neither the block nor the model.
//!
//! # Threads
//!
//! [`Model`] is `Send` and `Sync`: it is immutable once open, and the library promises that any number of threads may use it
//! at once. [`Tracker`] and [`Segmenter`] are `Send`, as the library ties no session to a thread, but not `Sync`: it allows one
//! call on a session at a time, also of those that only read, because they share the session's scratch.
//!
//! ```
//! fn send<T: Send>() {}
//! fn sync<T: Sync>() {}
//! send::<samlet::Model>();
//! sync::<samlet::Model>();
//! send::<samlet::Tracker>();
//! send::<samlet::Segmenter>();
//! ```
//! ```compile_fail
//! fn sync<T: Sync>() {}
//! sync::<samlet::Tracker>();
//! ```
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(missing_docs)]

mod error;
mod explanation;
mod frame;
mod memory;
mod model;
mod output;
mod prompt;
mod segmenter;
mod tracker;

pub use error::{Error, Result, Status};
pub use explanation::{Attention, Explanation, MemoryKind, MemoryShare, Region};
pub use frame::{Frame, PixelFormat};
pub use memory::{Block, MemoryPart, MemoryPlan};
pub use model::{Layer, LogLevel, Model, ModelConfig, ModelInfo, Precision, Stage, TensorInfo, TrunkStage};
pub use output::{FeatureLevel, Features};
pub use prompt::{Label, Mask, Point, Prompt, Rect};
pub use segmenter::{MaskMeasure, Prediction, Segmenter, SegmenterConfig};
pub use tracker::{MemoryAttention, Profile, TrackResult, Tracker, TrackerConfig};

/// The version of the library that runs, "0.1.0".
pub fn version() -> String {
    // SAFETY: a static text.
    unsafe { error::text(samlet_sys::samlet_version()) }
}
