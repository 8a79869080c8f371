// SPDX-License-Identifier: Apache-2.0
//! A session on single images.
use crate::error::{call, check, text, Result};
use crate::frame::Frame;
use crate::memory::MemoryPlan;
use crate::model::{read_layer, Layer, Model};
use crate::output::{read_features, read_rle, FeatureLevel, Features, Picture};
use crate::prompt::{Prompt, Rect};
use samlet_sys as sys;
use std::marker::PhantomData;
use std::mem::{size_of, MaybeUninit};
use std::ptr::{self, NonNull};

/// How a segmenter is to be. The fields are those of [`TrackerConfig`](crate::TrackerConfig).
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct SegmenterConfig {
    pub yield_threads: bool,
    pub pin_threads: bool,
    pub f16_maps: bool,
    pub image_size: u32,
    pub max_points: u32,
    pub threads: u32,
    pub max_frame_width: u32,
    pub max_frame_height: u32,
    pub fill_hole_area: u32,
    pub remove_sprinkle_area: u32,
}

impl SegmenterConfig {
    fn c(&self, memory: Option<&mut [MaybeUninit<u8>]>) -> sys::samlet_segmenter_config {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let (memory, memory_size) =
            memory.map_or((ptr::null_mut(), 0), |memory| (memory.as_mut_ptr().cast(), memory.len() as u64));
        sys::samlet_segmenter_config {
            size: size_of::<sys::samlet_segmenter_config>() as u32,
            flags: flag(self.yield_threads, sys::SAMLET_TRACKER_YIELD)
                | flag(self.pin_threads, sys::SAMLET_TRACKER_PIN_THREADS)
                | flag(self.f16_maps, sys::SAMLET_TRACKER_F16_MAPS),
            image_size: self.image_size,
            max_points: self.max_points,
            threads: self.threads,
            max_frame_width: self.max_frame_width,
            max_frame_height: self.max_frame_height,
            fill_hole_area: self.fill_hole_area,
            remove_sprinkle_area: self.remove_sprinkle_area,
            reserved: 0,
            memory,
            memory_size,
        }
    }
}

/// What [`Segmenter::predict`] found.
#[derive(Clone, Copy, Debug)]
pub struct Prediction<'s> {
    count: usize,
    iou: [f32; 4],
    logits: [&'s [f32]; 4],
    /// Index of the highest IoU.
    pub best: usize,
    /// Side of the logits.
    pub low_res_size: usize,
    /// A logit; 10 for models without an object score head.
    pub object_score: f32,
}

impl<'s> Prediction<'s> {
    /// Predicted IoU of each mask: three for multimask, else one; in the model's order, not sorted.
    pub fn iou(&self) -> &[f32] {
        &self.iou[..self.count]
    }

    /// Low-res logits of mask `index`, clamped to -32..32; a view into the segmenter's block.
    ///
    /// # Panics
    /// If there is no such mask.
    pub fn logits(&self, index: usize) -> &'s [f32] {
        self.logits[..self.count][index]
    }
}

/// What [`Segmenter::measure`] found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaskMeasure {
    /// Of the pixels inside, in pixels of the image; none if no pixel is inside.
    pub bounds: Option<Rect>,
    /// Of the pixels inside, in pixels.
    pub area: u64,
    /// 0 to 1: near 1 where the border is sharp; 0 if no pixel is above the lower cut either.
    pub stability: f32,
}

/// A session on single images: set an image once, predict from prompts many times.
#[derive(Debug)]
pub struct Segmenter<'a> {
    raw: NonNull<sys::samlet_segmenter>,
    picture: Picture,
    low_res: usize,
    _borrows: PhantomData<(&'a Model<'a>, &'a mut [MaybeUninit<u8>])>,
}

// SAFETY: as for Tracker.
unsafe impl Send for Segmenter<'_> {}

impl<'a> Segmenter<'a> {
    /// The block that [`Segmenter::new_in`] needs for this model and config.
    pub fn memory(model: &Model<'_>, config: &SegmenterConfig) -> Result<MemoryPlan> {
        let c = config.c(None);
        // SAFETY: model and config live during the call.
        MemoryPlan::ask(|plan, error| unsafe { sys::samlet_segmenter_memory(model.raw(), &c, plan, error) })
    }

    /// A segmenter in a block that the library allocates, once.
    pub fn new(model: &'a Model<'a>, config: &SegmenterConfig) -> Result<Segmenter<'a>> {
        Segmenter::create(model, config, None)
    }

    /// A segmenter in a block that follows [`Segmenter::memory`].
    pub fn new_in(
        model: &'a Model<'a>,
        config: &SegmenterConfig,
        memory: &'a mut [MaybeUninit<u8>],
    ) -> Result<Segmenter<'a>> {
        Segmenter::create(model, config, Some(memory))
    }

    fn create(
        model: &'a Model<'a>,
        config: &SegmenterConfig,
        memory: Option<&'a mut [MaybeUninit<u8>]>,
    ) -> Result<Segmenter<'a>> {
        let c = config.c(memory);
        let mut raw = ptr::null_mut();
        // SAFETY: model and block live as long as 'a, and the segmenter with them; the block is ours alone.
        call(|error| unsafe { sys::samlet_segmenter_create(model.raw(), &c, &mut raw, error) })?;
        let image_size = if config.image_size == 0 { model.c_info().image_size } else { config.image_size };
        let side = (image_size / 4) as usize;
        Ok(Segmenter {
            raw: NonNull::new(raw).expect("a segmenter"),
            picture: Picture::default(),
            low_res: side * side,
            _borrows: PhantomData,
        })
    }

    fn raw(&self) -> *mut sys::samlet_segmenter {
        self.raw.as_ptr()
    }

    fn check(&self, status: sys::samlet_status) -> Result<()> {
        // SAFETY: a text that is valid until the next call.
        check(status, || unsafe { text(sys::samlet_segmenter_message(self.raw())) })
    }

    /// Encodes an image.
    pub fn set_image(&mut self, image: &Frame<'_>) -> Result<()> {
        // SAFETY: the image lives during the call, and its constructors checked the length of its planes.
        let result = self.check(unsafe { sys::samlet_segmenter_set_image(self.raw(), image.c()) });
        self.picture.update(image.picture_size(), &result);
        result
    }

    /// Predicts masks from points, box and logits. `multimask`: three candidates, good for a single click.
    pub fn predict(&mut self, prompt: &Prompt<'_>, multimask: bool) -> Result<Prediction<'_>> {
        let mut c = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut c = unsafe {
            sys::samlet_prediction_init(c.as_mut_ptr());
            c.assume_init()
        };
        prompt.with_c(self.low_res, |prompt| {
            // SAFETY: the prompt lives during the call; with_c() checked its lengths.
            self.check(unsafe { sys::samlet_segmenter_predict(self.raw(), prompt, multimask.into(), &mut c) })
        })?;
        let (count, side) = (c.mask_count.min(4) as usize, c.low_res_size as usize);
        let mut logits: [&[f32]; 4] = [&[]; 4];
        for (view, data) in logits.iter_mut().zip(c.logits).take(count) {
            // SAFETY: the logits are that many and valid until the next call that changes the session; this borrow of
            // `self` excludes such calls.
            *view = unsafe { std::slice::from_raw_parts(data, side * side) };
        }
        Ok(Prediction {
            count,
            iou: c.iou,
            logits,
            best: c.best as usize,
            low_res_size: side,
            object_score: c.object_score,
        })
    }

    /// Mask `index` of the last prediction at the image's size, 0 or 255.
    pub fn mask(&self, index: u32) -> Result<Vec<u8>> {
        let (width, pixels) = self.picture.shape();
        let mut mask = vec![0; pixels];
        self.mask_into(index, &mut mask, width)?;
        Ok(mask)
    }

    /// The mask into a buffer with `stride` bytes from row to row.
    pub fn mask_into(&self, index: u32, mask: &mut [u8], stride: usize) -> Result<()> {
        let stride = self.picture.check::<u8>(mask.len(), stride)?;
        // SAFETY: the buffer holds the picture.
        self.check(unsafe { sys::samlet_segmenter_mask(self.raw(), index, mask.as_mut_ptr(), stride) })
    }

    /// The logits at the image's size.
    pub fn logits(&self, index: u32) -> Result<Vec<f32>> {
        let (width, pixels) = self.picture.shape();
        let mut logits = vec![0.0; pixels];
        self.logits_into(index, &mut logits, width)?;
        Ok(logits)
    }

    /// The logits into a buffer with `stride` floats from row to row.
    pub fn logits_into(&self, index: u32, logits: &mut [f32], stride: usize) -> Result<()> {
        let stride = self.picture.check::<f32>(logits.len(), stride)?;
        // SAFETY: the buffer holds the picture.
        self.check(unsafe { sys::samlet_segmenter_logits(self.raw(), index, logits.as_mut_ptr(), stride) })
    }

    /// COCO run-length code of mask `index`.
    pub fn rle(&self, index: u32) -> Result<String> {
        read_rle(|buffer, capacity, length| {
            // SAFETY: the buffer has this capacity.
            self.check(unsafe { sys::samlet_segmenter_rle(self.raw(), index, buffer, capacity, length) })
        })
    }

    /// Box, area and stability of mask `index` of the last prediction at the image's size, without a buffer of that size.
    ///
    /// Pixels with a logit above `threshold` are inside; at 0 they are those of [`Segmenter::mask`]. Stability is the IoU of
    /// the mask cut at `threshold + offset` with that cut at `threshold - offset`, and tells good masks from bad ones beside
    /// the predicted IoU. A threshold of 0 and an offset of 1 are usual.
    ///
    /// # Errors
    /// [`Status::State`](crate::Status::State) without a prediction;
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a mask that the last prediction lacks, a threshold
    /// that is not finite and an offset that is not finite or negative.
    pub fn measure(&self, index: u32, threshold: f32, offset: f32) -> Result<MaskMeasure> {
        let mut c = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut c = unsafe {
            sys::samlet_mask_measure_init(c.as_mut_ptr());
            c.assume_init()
        };
        // SAFETY: the struct is initialised.
        self.check(unsafe { sys::samlet_segmenter_measure(self.raw(), index, threshold, offset, &mut c) })?;
        Ok(MaskMeasure {
            bounds: if c.empty == 0 { Some(c.box_.into()) } else { None },
            area: c.area,
            stability: c.stability,
        })
    }

    /// The encoded features of the image.
    pub fn features(&self, level: FeatureLevel) -> Result<Features<'_>> {
        // SAFETY: the features are valid until the next call that changes the session, see predict().
        unsafe {
            read_features(|view| self.check(sys::samlet_segmenter_features(self.raw(), level as u32, view)))
        }
    }

    /// Layer `index` of 0, 1, ... as this segmenter computes it; those of memory never run here.
    pub fn layer(&self, index: u32) -> Result<Layer> {
        // SAFETY: the struct is initialised.
        read_layer(|layer| self.check(unsafe { sys::samlet_segmenter_layer(self.raw(), index, layer) }))
    }
}

impl Drop for Segmenter<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is not used any more.
        unsafe { sys::samlet_segmenter_destroy(self.raw()) }
    }
}
