// SPDX-License-Identifier: Apache-2.0
//! A session on one video or stream.
use crate::error::{call, check, invalid, text, Error, Result, Status};
use crate::explanation::{Explanation, Region};
use crate::frame::Frame;
use crate::memory::MemoryPlan;
use crate::model::{read_layer, Layer, Model, Stage};
use crate::output::{read_features, read_rle, FeatureLevel, Features, Picture};
use crate::prompt::{Prompt, Rect};
use samlet_sys as sys;
use std::marker::PhantomData;
use std::mem::{size_of, MaybeUninit};
use std::ptr::{self, NonNull};

/// How a tracker is to be. Zero means the default that samlet.h names.
#[derive(Clone, Debug, Default)]
pub struct TrackerConfig {
    /// Threads give way while they wait, where other programs share the cores.
    pub yield_threads: bool,
    /// Pin the threads that the session starts to one processor each; the caller stays as it is.
    pub pin_threads: bool,
    /// Each pixel of the frame-size results goes to the object with the highest logit only.
    pub non_overlapping: bool,
    /// Keep what [`Tracker::explain`] tells; memory attention takes several times as long.
    pub explain: bool,
    /// Maps of the image encoder in half precision: less memory, nearly as exact.
    pub f16_maps: bool,
    /// Side of the model's square, a multiple of 32.
    pub image_size: u32,
    /// By default 1.
    pub max_objects: u32,
    /// Memories kept of prompted frames, per object.
    pub prompted_frames: u32,
    /// Memories kept of tracked frames, per object.
    pub recent_frames: u32,
    /// Points per object and frame; a box counts as 2.
    pub max_points: u32,
    /// Frames of the clip when known; 0 is a stream.
    pub clip_length: u32,
    /// By default as many as the process has processors, at most 4.
    pub threads: u32,
    /// Larger frames are refused.
    pub max_frame_width: u32,
    /// Larger frames are refused.
    pub max_frame_height: u32,
    /// Holes up to this many low-res pixels are filled.
    pub fill_hole_area: u32,
    /// Islands up to this many low-res pixels are removed.
    pub remove_sprinkle_area: u32,
}

impl TrackerConfig {
    fn c(&self, memory: Option<&mut [MaybeUninit<u8>]>) -> sys::samlet_tracker_config {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        let (memory, memory_size) =
            memory.map_or((ptr::null_mut(), 0), |memory| (memory.as_mut_ptr().cast(), memory.len() as u64));
        sys::samlet_tracker_config {
            size: size_of::<sys::samlet_tracker_config>() as u32,
            flags: flag(self.yield_threads, sys::SAMLET_TRACKER_YIELD)
                | flag(self.pin_threads, sys::SAMLET_TRACKER_PIN_THREADS)
                | flag(self.non_overlapping, sys::SAMLET_TRACKER_NON_OVERLAPPING)
                | flag(self.explain, sys::SAMLET_TRACKER_EXPLAIN)
                | flag(self.f16_maps, sys::SAMLET_TRACKER_F16_MAPS),
            image_size: self.image_size,
            max_objects: self.max_objects,
            prompted_frames: self.prompted_frames,
            recent_frames: self.recent_frames,
            max_points: self.max_points,
            clip_length: self.clip_length,
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

/// What a tracker found.
#[derive(Clone, Copy, Debug)]
pub struct TrackResult<'t> {
    /// The object's id.
    pub object: i32,
    /// The frame's number.
    pub frame: i64,
    /// `low_res_size` squared, row-major; a view into the tracker's block.
    pub logits: &'t [f32],
    /// Side of the logits.
    pub low_res_size: usize,
    /// Predicted IoU of the mask, 0 to 1.
    pub iou: f32,
    /// A logit: above 0 the object is present.
    pub object_score: f32,
    /// `object_score` is above 0.
    pub visible: bool,
    /// The result answers a prompt; else it was tracked.
    pub prompted: bool,
    /// Of the frame-size mask; none if no pixel is set.
    pub bounds: Option<Rect>,
    /// Of the frame-size mask, in pixels.
    pub area: u64,
}

/// Where the time of the current frame went, and the nominal work; by [`Stage`].
#[derive(Clone, Copy, Debug)]
pub struct Profile(sys::samlet_profile);

impl Profile {
    /// Since the last [`Tracker::set_frame`] began, all objects together.
    pub fn milliseconds(&self, stage: Stage) -> f64 {
        self.0.milliseconds[stage as usize]
    }

    /// Multiply-accumulates of the reference formulation on one tracked frame with a full bank and one object, in 1e9.
    pub fn nominal_gmac(&self, stage: Stage) -> f64 {
        self.0.nominal_gmac[stage as usize]
    }
}

/// Arguments of [`Tracker::run_memory_attention`]: row-major floats. The frame has cells of (`image_size` / `stride`)
/// squared, with the `image_size` of the tracker; `d_model` and `memory_dim` are those of
/// [`ModelInfo`](crate::ModelInfo).
#[derive(Debug)]
pub struct MemoryAttention<'a> {
    /// All tokens of the memory, at least 1. Without the pointer tokens they are a multiple of the cells, for at most as
    /// many memories as the tracker keeps (`prompted_frames` + `recent_frames`).
    pub memory_tokens: u32,
    /// The trailing ones that get no rotary code.
    pub pointer_tokens: u32,
    /// `[cells][d_model]`
    pub current: &'a [f32],
    /// `[cells][d_model]`, added once, times 0.1
    pub current_pos: &'a [f32],
    /// `[memory_tokens][memory_dim]`
    pub memory: &'a [f32],
    /// `[memory_tokens][memory_dim]`, added to the keys
    pub memory_pos: &'a [f32],
    /// `[cells][d_model]`
    pub output: &'a mut [f32],
}

/// A session on one video or stream: frames and prompts in, masks and scores out.
#[derive(Debug)]
pub struct Tracker<'a> {
    raw: NonNull<sys::samlet_tracker>,
    picture: Picture,
    /// Lengths that run_memory_attention() must check.
    grid_floats: usize,
    memory_dim: usize,
    _borrows: PhantomData<(&'a Model<'a>, &'a mut [MaybeUninit<u8>])>,
}

// SAFETY: the library ties a session to no thread: "one call at a time, from any thread". The model it borrows is Sync.
unsafe impl Send for Tracker<'_> {}

impl<'a> Tracker<'a> {
    /// The block that [`Tracker::new_in`] needs for this model and config.
    pub fn memory(model: &Model<'_>, config: &TrackerConfig) -> Result<MemoryPlan> {
        let c = config.c(None);
        // SAFETY: model and config live during the call.
        MemoryPlan::ask(|plan, error| unsafe { sys::samlet_tracker_memory(model.raw(), &c, plan, error) })
    }

    /// A tracker in a block that the library allocates, once.
    pub fn new(model: &'a Model<'a>, config: &TrackerConfig) -> Result<Tracker<'a>> {
        Tracker::create(model, config, None)
    }

    /// A tracker in a block that follows [`Tracker::memory`].
    pub fn new_in(
        model: &'a Model<'a>,
        config: &TrackerConfig,
        memory: &'a mut [MaybeUninit<u8>],
    ) -> Result<Tracker<'a>> {
        Tracker::create(model, config, Some(memory))
    }

    fn create(
        model: &'a Model<'a>,
        config: &TrackerConfig,
        memory: Option<&'a mut [MaybeUninit<u8>]>,
    ) -> Result<Tracker<'a>> {
        let c = config.c(memory);
        let mut raw = ptr::null_mut();
        // SAFETY: model and block live as long as 'a, and the tracker with them; the block is ours alone.
        call(|error| unsafe { sys::samlet_tracker_create(model.raw(), &c, &mut raw, error) })?;
        let info = model.c_info();
        let image_size = if config.image_size == 0 { info.image_size } else { config.image_size };
        let side = (image_size / info.stride) as usize;
        Ok(Tracker {
            raw: NonNull::new(raw).expect("a tracker"),
            picture: Picture::default(),
            grid_floats: side * side * info.d_model as usize,
            memory_dim: info.memory_dim as usize,
            _borrows: PhantomData,
        })
    }

    fn raw(&self) -> *mut sys::samlet_tracker {
        self.raw.as_ptr()
    }

    fn check(&self, status: sys::samlet_status) -> Result<()> {
        // SAFETY: a text that is valid until the next call.
        check(status, || unsafe { text(sys::samlet_tracker_message(self.raw())) })
    }

    /// Gives a frame and runs the image encoder on it. `number` is its place in the video.
    pub fn set_frame(&mut self, frame: &Frame<'_>, number: i64) -> Result<()> {
        // SAFETY: the frame lives during the call, and its constructors checked the length of its planes.
        let result = self.check(unsafe { sys::samlet_tracker_set_frame(self.raw(), frame.c(), number) });
        self.picture.update(frame.picture_size(), &result);
        result
    }

    /// Prompts `object`, any id, on the current frame and computes its mask at once. More calls refine it.
    pub fn prompt(&mut self, object: i32, prompt: &Prompt<'_>) -> Result<()> {
        if prompt.logits.is_some() {
            return Err(invalid("a tracker takes no logits as prompt: give a mask, or points to refine"));
        }
        // SAFETY: the prompt lives during the call; with_c() checked its lengths.
        prompt.with_c(0, |c| self.check(unsafe { sys::samlet_tracker_prompt(self.raw(), object, c) }))
    }

    /// Takes back every prompt of `object` on the current frame.
    pub fn clear_prompts(&mut self, object: i32) -> Result<()> {
        // SAFETY: the handle is valid, here and below.
        self.check(unsafe { sys::samlet_tracker_clear_prompts(self.raw(), object) })
    }

    /// Finds every object on the current frame and stores the memories.
    pub fn track(&mut self) -> Result<()> {
        self.check(unsafe { sys::samlet_tracker_track(self.raw()) })
    }

    /// The result of `object` on the current frame.
    pub fn result(&self, object: i32) -> Result<TrackResult<'_>> {
        let mut c = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut c = unsafe {
            sys::samlet_result_init(c.as_mut_ptr());
            c.assume_init()
        };
        self.check(unsafe { sys::samlet_tracker_result(self.raw(), object, &mut c) })?;
        let low_res_size = c.low_res_size as usize;
        Ok(TrackResult {
            object: c.object,
            frame: c.frame,
            // SAFETY: the logits are that many and valid until the next call that changes the session; such calls need
            // `&mut self`, which this borrow excludes.
            logits: unsafe { std::slice::from_raw_parts(c.logits, low_res_size * low_res_size) },
            low_res_size,
            iou: c.iou,
            object_score: c.object_score,
            visible: c.visible != 0,
            prompted: c.prompted != 0,
            bounds: if c.empty == 0 { Some(c.box_.into()) } else { None },
            area: c.area,
        })
    }

    /// The mask at the frame's size, 0 or 255.
    pub fn mask(&self, object: i32) -> Result<Vec<u8>> {
        let (width, pixels) = self.picture.shape();
        let mut mask = vec![0; pixels];
        self.mask_into(object, &mut mask, width)?;
        Ok(mask)
    }

    /// The mask into a buffer with `stride` bytes from row to row.
    pub fn mask_into(&self, object: i32, mask: &mut [u8], stride: usize) -> Result<()> {
        let stride = self.picture.check::<u8>(mask.len(), stride)?;
        // SAFETY: the buffer holds the picture.
        self.check(unsafe { sys::samlet_tracker_mask(self.raw(), object, mask.as_mut_ptr(), stride) })
    }

    /// The logits at the frame's size.
    pub fn logits(&self, object: i32) -> Result<Vec<f32>> {
        let (width, pixels) = self.picture.shape();
        let mut logits = vec![0.0; pixels];
        self.logits_into(object, &mut logits, width)?;
        Ok(logits)
    }

    /// The logits into a buffer with `stride` floats from row to row.
    pub fn logits_into(&self, object: i32, logits: &mut [f32], stride: usize) -> Result<()> {
        let stride = self.picture.check::<f32>(logits.len(), stride)?;
        // SAFETY: the buffer holds the picture.
        self.check(unsafe { sys::samlet_tracker_logits(self.raw(), object, logits.as_mut_ptr(), stride) })
    }

    /// COCO run-length code of the frame-size mask ("counts" as pycocotools compresses it).
    pub fn rle(&self, object: i32) -> Result<String> {
        read_rle(|buffer, capacity, length| {
            // SAFETY: the buffer has this capacity.
            self.check(unsafe { sys::samlet_tracker_rle(self.raw(), object, buffer, capacity, length) })
        })
    }

    /// Ids in the order in which they were added.
    pub fn objects(&self) -> Vec<i32> {
        let mut count = 0;
        // SAFETY: nothing is written without capacity, and then as many as there are.
        unsafe {
            sys::samlet_tracker_objects(self.raw(), ptr::null_mut(), 0, &mut count);
            let mut ids = vec![0; count as usize];
            sys::samlet_tracker_objects(self.raw(), ids.as_mut_ptr(), count, &mut count);
            ids
        }
    }

    /// Forgets an object; its place is free for another.
    pub fn remove_object(&mut self, object: i32) -> Result<()> {
        self.check(unsafe { sys::samlet_tracker_remove_object(self.raw(), object) })
    }

    /// Forgets all objects and frames.
    pub fn reset(&mut self) {
        // It fails for NULL only.
        unsafe { sys::samlet_tracker_reset(self.raw()) };
        self.picture = Picture::default();
    }

    /// Changes the config's clip_length at once, also on the current frame.
    pub fn set_clip_length(&mut self, frames: u32) {
        // It fails for NULL only.
        unsafe { sys::samlet_tracker_set_clip_length(self.raw(), frames) };
    }

    /// Where the time of the current frame went.
    pub fn profile(&self) -> Result<Profile> {
        let mut profile = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        unsafe {
            sys::samlet_profile_init(profile.as_mut_ptr());
            let mut profile = profile.assume_init();
            check(sys::samlet_tracker_get_profile(self.raw(), &mut profile), String::new)?;
            Ok(Profile(profile))
        }
    }

    /// Layer `index` of 0, 1, ... as this tracker computes it; [`Status::NotFound`] beyond the last.
    pub fn layer(&self, index: u32) -> Result<Layer> {
        // SAFETY: the struct is initialised.
        read_layer(|layer| self.check(unsafe { sys::samlet_tracker_layer(self.raw(), index, layer) }))
    }

    /// What `object` looked at in its memories on the current frame, in a tracker whose config says `explain`. `layer`: from
    /// 1; 0 for the mean of all.
    pub fn explain(&self, object: i32, layer: u32) -> Result<Explanation> {
        let mut c = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut c = unsafe {
            sys::samlet_explanation_init(c.as_mut_ptr());
            c.assume_init()
        };
        self.check(unsafe { sys::samlet_tracker_explain(self.raw(), object, layer, &mut c) })?;
        let mut memories = Vec::with_capacity(c.memory_count as usize);
        for index in 0..c.memory_count {
            let mut share = MaybeUninit::uninit();
            // SAFETY: the same.
            let mut share = unsafe {
                sys::samlet_memory_share_init(share.as_mut_ptr());
                share.assume_init()
            };
            self.check(unsafe {
                sys::samlet_tracker_explain_memory(self.raw(), object, layer, index, &mut share)
            })?;
            memories.push((&share).into());
        }
        Ok(Explanation::new(&c, memories))
    }

    /// The heat map of a memory of [`Explanation::memories`] that is no pointer: `map_side` squared weights, row-major.
    pub fn explain_map(&self, object: i32, layer: u32, index: usize, region: Region) -> Result<Vec<f32>> {
        let side = self.explain(object, layer)?.map_side;
        let mut map = vec![0.0; side * side];
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let all = (region == Region::Everywhere) as u32;
        // SAFETY: the map has map_side rows of that many floats.
        self.check(unsafe {
            sys::samlet_tracker_explain_map(
                self.raw(),
                object,
                layer,
                index,
                all,
                map.as_mut_ptr(),
                (side * size_of::<f32>()) as u64,
            )
        })?;
        Ok(map)
    }

    /// The encoded image features of the current frame.
    pub fn features(&self, level: FeatureLevel) -> Result<Features<'_>> {
        // SAFETY: the features are valid until the next call that changes the session, see result().
        unsafe {
            read_features(|view| self.check(sys::samlet_tracker_features(self.raw(), level as u32, view)))
        }
    }

    /// Memory attention alone. It needs no frame, and the tracks are not touched.
    ///
    /// # Errors
    /// [`Status::InvalidArgument`] for slices of another length and for counts of tokens that make no memories;
    /// [`Status::Capacity`] for more memories or pointers than the config planned for.
    pub fn run_memory_attention(&mut self, args: MemoryAttention<'_>) -> Result<()> {
        let memory_floats = (args.memory_tokens as usize).saturating_mul(self.memory_dim);
        let expect = |what: &str, have: usize, need: usize| match have == need {
            true => Ok(()),
            false => Err(Error::new(
                Status::InvalidArgument,
                format!("{what} has {have} floats instead of {need}"),
            )),
        };
        expect("current", args.current.len(), self.grid_floats)?;
        expect("current_pos", args.current_pos.len(), self.grid_floats)?;
        expect("memory", args.memory.len(), memory_floats)?;
        expect("memory_pos", args.memory_pos.len(), memory_floats)?;
        expect("output", args.output.len(), self.grid_floats)?;
        let c = sys::samlet_memory_attention_args {
            size: size_of::<sys::samlet_memory_attention_args>() as u32,
            memory_tokens: args.memory_tokens,
            pointer_tokens: args.pointer_tokens,
            reserved: 0,
            current: args.current.as_ptr(),
            current_pos: args.current_pos.as_ptr(),
            memory: args.memory.as_ptr(),
            memory_pos: args.memory_pos.as_ptr(),
            output: args.output.as_mut_ptr(),
        };
        // SAFETY: the slices have the lengths that the library reads and writes.
        self.check(unsafe { sys::samlet_tracker_run_memory_attention(self.raw(), &c) })
    }
}

impl Drop for Tracker<'_> {
    fn drop(&mut self) {
        // SAFETY: the handle is not used any more.
        unsafe { sys::samlet_tracker_destroy(self.raw()) }
    }
}
