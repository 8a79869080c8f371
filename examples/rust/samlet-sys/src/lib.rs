// SPDX-License-Identifier: Apache-2.0
//! The C interface of samlet as it stands in `samlet.h`, whose comments say what everything does. Use the crate `samlet`
//! instead: it is safe.
//!
//! Declared by hand and checked against the header: tests/header.rs compares every prototype, and every size, offset and
//! constant with what the C compiler says.
//!
//! Enumerations are plain integers, so that a value from a newer library is no undefined behaviour.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_uint, c_void};

/// Integer constants, also as a list for the test.
macro_rules! constants {
    ($( pub const $name:ident: $type:ty = $value:expr; )*) => {
        $( pub const $name: $type = $value; )*
        #[doc(hidden)]
        pub const CONSTANTS: &[(&str, u64)] = &[$( (stringify!($name), $name as u64), )*];
    };
}

/// `#[repr(C)]` structs, and a function that tells how they lie in memory, for the test.
macro_rules! structs {
    ($( pub struct $name:ident { $( pub $field:ident: $type:ty, )* } )*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy, Debug)]
            pub struct $name { $( pub $field: $type, )* }
        )*
        /// One line per struct (name, size, alignment) and field (name, offset).
        #[doc(hidden)]
        pub fn layout() -> String {
            use std::fmt::Write;
            let mut text = String::new();
            $(
                let (size, alignment) = (std::mem::size_of::<$name>(), std::mem::align_of::<$name>());
                writeln!(text, "struct {} {} {}", stringify!($name), size, alignment).unwrap();
                let value = std::mem::MaybeUninit::<$name>::uninit();
                let base = value.as_ptr();
                $(
                    // SAFETY: only the address is taken; nothing is read.
                    let field = unsafe { std::ptr::addr_of!((*base).$field) } as usize;
                    writeln!(text, "field {}.{} {}", stringify!($name), stringify!($field), field - base as usize).unwrap();
                )*
            )*
            text
        }
    };
}

/// Types of which only pointers exist.
macro_rules! handles {
    ($( pub struct $name:ident; )*) => {
        $( #[repr(C)] pub struct $name { _private: [u8; 0], _not_send_nor_sync: std::marker::PhantomData<*mut u8> } )*
    };
}

pub type samlet_status = c_uint;
pub type samlet_log_level = c_uint;
pub type samlet_pixel_format = c_uint;
pub type samlet_point_label = c_uint;
pub type samlet_stage = c_uint;
pub type samlet_memory_kind = c_uint;
pub type samlet_precision = c_uint;
pub type samlet_feature_level = c_uint;

constants! {
    pub const SAMLET_ABI_VERSION: u32 = 1;

    pub const SAMLET_OK: samlet_status = 0;
    pub const SAMLET_ERROR_INVALID_ARGUMENT: samlet_status = 1;
    pub const SAMLET_ERROR_STATE: samlet_status = 2;
    pub const SAMLET_ERROR_MEMORY: samlet_status = 3;
    pub const SAMLET_ERROR_CAPACITY: samlet_status = 4;
    pub const SAMLET_ERROR_NOT_FOUND: samlet_status = 5;
    pub const SAMLET_ERROR_FILE: samlet_status = 6;
    pub const SAMLET_ERROR_FORMAT: samlet_status = 7;
    pub const SAMLET_ERROR_UNSUPPORTED: samlet_status = 8;
    pub const SAMLET_ERROR_BUFFER_TOO_SMALL: samlet_status = 9;
    pub const SAMLET_ERROR_INTERNAL: samlet_status = 10;

    pub const SAMLET_LOG_INFO: samlet_log_level = 0;
    pub const SAMLET_LOG_WARNING: samlet_log_level = 1;

    pub const SAMLET_MEMORY_PARTS: usize = 24;

    pub const SAMLET_PIXEL_RGB: samlet_pixel_format = 0;
    pub const SAMLET_PIXEL_BGR: samlet_pixel_format = 1;
    pub const SAMLET_PIXEL_RGBA: samlet_pixel_format = 2;
    pub const SAMLET_PIXEL_BGRA: samlet_pixel_format = 3;
    pub const SAMLET_PIXEL_GREY: samlet_pixel_format = 4;
    pub const SAMLET_PIXEL_NV12: samlet_pixel_format = 5;
    pub const SAMLET_PIXEL_YUYV: samlet_pixel_format = 6;
    pub const SAMLET_PIXEL_NORMALISED: samlet_pixel_format = 7;

    pub const SAMLET_POINT_NEGATIVE: samlet_point_label = 0;
    pub const SAMLET_POINT_POSITIVE: samlet_point_label = 1;

    pub const SAMLET_PROMPT_REPLACE_POINTS: u32 = 1;

    pub const SAMLET_TRACKER_YIELD: u32 = 1;
    pub const SAMLET_TRACKER_PIN_THREADS: u32 = 2;
    pub const SAMLET_TRACKER_NON_OVERLAPPING: u32 = 4;
    pub const SAMLET_TRACKER_EXPLAIN: u32 = 8;
    pub const SAMLET_TRACKER_F16_MAPS: u32 = 16;

    pub const SAMLET_PRECISION_AUTO: samlet_precision = 0;
    pub const SAMLET_PRECISION_F32: samlet_precision = 1;
    pub const SAMLET_PRECISION_F16: samlet_precision = 2;

    pub const SAMLET_STAGE_PREPROCESS: samlet_stage = 0;
    pub const SAMLET_STAGE_TRUNK: samlet_stage = 1;
    pub const SAMLET_STAGE_NECK: samlet_stage = 2;
    pub const SAMLET_STAGE_MEMORY_ATTENTION: samlet_stage = 3;
    pub const SAMLET_STAGE_MASK_DECODER: samlet_stage = 4;
    pub const SAMLET_STAGE_MEMORY_ENCODER: samlet_stage = 5;
    pub const SAMLET_STAGE_COUNT: samlet_stage = 6;

    pub const SAMLET_MEMORY_PROMPTED: samlet_memory_kind = 0;
    pub const SAMLET_MEMORY_RECENT: samlet_memory_kind = 1;
    pub const SAMLET_MEMORY_POINTER: samlet_memory_kind = 2;

    pub const SAMLET_FEATURES_STRIDE4: samlet_feature_level = 0;
    pub const SAMLET_FEATURES_STRIDE8: samlet_feature_level = 1;
    pub const SAMLET_FEATURES_STRIDE16: samlet_feature_level = 2;
}

pub type samlet_log_fn =
    Option<unsafe extern "C" fn(context: *mut c_void, level: samlet_log_level, text: *const c_char)>;

handles! {
    pub struct samlet_model;
    pub struct samlet_tracker;
    pub struct samlet_segmenter;
}

structs! {
    pub struct samlet_error {
        pub status: samlet_status,
        pub message: [c_char; 252],
    }

    pub struct samlet_memory_part {
        pub name: [c_char; 40],
        pub bytes: u64,
    }

    pub struct samlet_memory_plan {
        pub size: u32,
        pub part_count: u32,
        pub bytes: u64,
        pub alignment: u64,
        pub parts: [samlet_memory_part; SAMLET_MEMORY_PARTS],
    }

    pub struct samlet_model_config {
        pub size: u32,
        pub precision: u32,
        pub path: *const c_char,
        pub data: *const c_void,
        pub data_size: u64,
        pub memory: *mut c_void,
        pub memory_size: u64,
        pub kernels: *const c_char,
        pub log: samlet_log_fn,
        pub log_context: *mut c_void,
    }

    pub struct samlet_model_info {
        pub size: u32,
        pub has_video: u32,
        pub name: *const c_char,
        pub family: *const c_char,
        pub weight_type: *const c_char,
        pub kernels: *const c_char,
        pub image_size: u32,
        pub stride: u32,
        pub d_model: u32,
        pub memory_dim: u32,
        pub memory_frames: u32,
        pub object_pointers: u32,
        pub mask_count: u32,
        pub stage_count: u32,
        pub stage_blocks: [u32; 8],
        pub stage_channels: [u32; 8],
        pub stage_heads: [u32; 8],
        pub stage_window: [u32; 8],
        pub global_block_count: u32,
        pub global_blocks: [u32; 32],
        pub memory_layers: u32,
        pub tensor_count: u32,
        pub parameter_count: u64,
        pub file_bytes: u64,
        pub memory_bytes: u64,
    }

    pub struct samlet_tensor_info {
        pub size: u32,
        pub rank: u32,
        pub name: *const c_char,
        pub type_: *const c_char,
        pub shape: [u64; 4],
        pub bytes: u64,
    }

    pub struct samlet_frame {
        pub size: u32,
        pub format: samlet_pixel_format,
        pub width: u32,
        pub height: u32,
        pub plane: [*const c_void; 2],
        pub stride: [u64; 2],
        pub output_width: u32,
        pub output_height: u32,
    }

    pub struct samlet_point {
        pub x: f32,
        pub y: f32,
        pub label: i32,
    }

    pub struct samlet_box {
        pub x0: f32,
        pub y0: f32,
        pub x1: f32,
        pub y1: f32,
    }

    pub struct samlet_prompt {
        pub size: u32,
        pub flags: u32,
        pub points: *const samlet_point,
        pub point_count: u32,
        pub mask_width: u32,
        pub mask_height: u32,
        pub box_: *const samlet_box,
        pub mask: *const u8,
        pub mask_stride: u64,
        pub logits: *const f32,
    }

    pub struct samlet_tracker_config {
        pub size: u32,
        pub flags: u32,
        pub image_size: u32,
        pub max_objects: u32,
        pub prompted_frames: u32,
        pub recent_frames: u32,
        pub max_points: u32,
        pub clip_length: u32,
        pub threads: u32,
        pub max_frame_width: u32,
        pub max_frame_height: u32,
        pub fill_hole_area: u32,
        pub remove_sprinkle_area: u32,
        pub reserved: u32,
        pub memory: *mut c_void,
        pub memory_size: u64,
    }

    pub struct samlet_result {
        pub size: u32,
        pub object: i32,
        pub frame: i64,
        pub logits: *const f32,
        pub low_res_size: u32,
        pub iou: f32,
        pub object_score: f32,
        pub visible: u32,
        pub prompted: u32,
        pub empty: u32,
        pub box_: samlet_box,
        pub area: u64,
    }

    pub struct samlet_profile {
        pub size: u32,
        pub reserved: u32,
        pub milliseconds: [f64; 8],
        pub nominal_gmac: [f64; 8],
    }

    pub struct samlet_layer {
        pub size: u32,
        pub in_: u32,
        pub out: u32,
        pub reserved: u32,
        pub name: *const c_char,
        pub stored: *const c_char,
        pub precision: *const c_char,
        pub packed_bytes: u64,
        pub rows: u64,
    }

    pub struct samlet_explanation {
        pub size: u32,
        pub object: i32,
        pub frame: i64,
        pub layer_count: u32,
        pub memory_count: u32,
        pub token_count: u32,
        pub map_side: u32,
        pub mask_area: u32,
        pub entropy: f32,
        pub entropy_all: f32,
        pub largest: f32,
        pub largest_all: f32,
        pub milliseconds: f64,
    }

    pub struct samlet_memory_share {
        pub size: u32,
        pub kind: samlet_memory_kind,
        pub frame: i64,
        pub token_count: u32,
        pub share: f32,
        pub share_all: f32,
        pub entropy: f32,
        pub entropy_all: f32,
        pub largest: f32,
        pub largest_all: f32,
    }

    pub struct samlet_tensor_view {
        pub size: u32,
        pub channels: u32,
        pub height: u32,
        pub width: u32,
        pub data: *const f32,
    }

    pub struct samlet_memory_attention_args {
        pub size: u32,
        pub memory_tokens: u32,
        pub pointer_tokens: u32,
        pub reserved: u32,
        pub current: *const f32,
        pub current_pos: *const f32,
        pub memory: *const f32,
        pub memory_pos: *const f32,
        pub output: *mut f32,
    }

    pub struct samlet_segmenter_config {
        pub size: u32,
        pub flags: u32,
        pub image_size: u32,
        pub max_points: u32,
        pub threads: u32,
        pub max_frame_width: u32,
        pub max_frame_height: u32,
        pub fill_hole_area: u32,
        pub remove_sprinkle_area: u32,
        pub reserved: u32,
        pub memory: *mut c_void,
        pub memory_size: u64,
    }

    pub struct samlet_prediction {
        pub size: u32,
        pub mask_count: u32,
        pub best: u32,
        pub low_res_size: u32,
        pub iou: [f32; 4],
        pub logits: [*const f32; 4],
        pub object_score: f32,
    }

    pub struct samlet_mask_measure {
        pub size: u32,
        pub empty: u32,
        pub box_: samlet_box,
        pub area: u64,
        pub stability: f32,
        pub reserved: u32,
    }
}

extern "C" {
    pub fn samlet_version() -> *const c_char;
    pub fn samlet_abi_version() -> u32;
    pub fn samlet_status_name(status: samlet_status) -> *const c_char;
    pub fn samlet_memory_plan_init(plan: *mut samlet_memory_plan);
    pub fn samlet_model_config_init(config: *mut samlet_model_config);
    pub fn samlet_model_info_init(info: *mut samlet_model_info);
    pub fn samlet_tensor_info_init(info: *mut samlet_tensor_info);
    pub fn samlet_model_memory(
        config: *const samlet_model_config,
        plan: *mut samlet_memory_plan,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_model_open(
        config: *const samlet_model_config,
        model: *mut *mut samlet_model,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_model_close(model: *mut samlet_model);
    pub fn samlet_model_get_info(model: *const samlet_model, info: *mut samlet_model_info) -> samlet_status;
    pub fn samlet_model_get_tensor(
        model: *const samlet_model,
        index: u32,
        info: *mut samlet_tensor_info,
    ) -> samlet_status;
    pub fn samlet_frame_init(frame: *mut samlet_frame);
    pub fn samlet_prompt_init(prompt: *mut samlet_prompt);
    pub fn samlet_tracker_config_init(config: *mut samlet_tracker_config);
    pub fn samlet_result_init(result: *mut samlet_result);
    pub fn samlet_tracker_memory(
        model: *const samlet_model,
        config: *const samlet_tracker_config,
        plan: *mut samlet_memory_plan,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_tracker_create(
        model: *const samlet_model,
        config: *const samlet_tracker_config,
        tracker: *mut *mut samlet_tracker,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_tracker_destroy(tracker: *mut samlet_tracker);
    pub fn samlet_tracker_message(tracker: *const samlet_tracker) -> *const c_char;
    pub fn samlet_tracker_set_frame(
        tracker: *mut samlet_tracker,
        frame: *const samlet_frame,
        number: i64,
    ) -> samlet_status;
    pub fn samlet_tracker_prompt(
        tracker: *mut samlet_tracker,
        object: i32,
        prompt: *const samlet_prompt,
    ) -> samlet_status;
    pub fn samlet_tracker_clear_prompts(tracker: *mut samlet_tracker, object: i32) -> samlet_status;
    pub fn samlet_tracker_track(tracker: *mut samlet_tracker) -> samlet_status;
    pub fn samlet_tracker_result(
        tracker: *mut samlet_tracker,
        object: i32,
        result: *mut samlet_result,
    ) -> samlet_status;
    pub fn samlet_tracker_mask(
        tracker: *mut samlet_tracker,
        object: i32,
        mask: *mut u8,
        stride: u64,
    ) -> samlet_status;
    pub fn samlet_tracker_logits(
        tracker: *mut samlet_tracker,
        object: i32,
        logits: *mut f32,
        stride: u64,
    ) -> samlet_status;
    pub fn samlet_tracker_rle(
        tracker: *mut samlet_tracker,
        object: i32,
        text: *mut c_char,
        capacity: usize,
        length: *mut usize,
    ) -> samlet_status;
    pub fn samlet_tracker_objects(
        tracker: *const samlet_tracker,
        ids: *mut i32,
        capacity: u32,
        count: *mut u32,
    ) -> samlet_status;
    pub fn samlet_tracker_remove_object(tracker: *mut samlet_tracker, object: i32) -> samlet_status;
    pub fn samlet_tracker_reset(tracker: *mut samlet_tracker) -> samlet_status;
    pub fn samlet_tracker_set_clip_length(tracker: *mut samlet_tracker, frames: u32) -> samlet_status;
    pub fn samlet_stage_name(stage: samlet_stage) -> *const c_char;
    pub fn samlet_profile_init(profile: *mut samlet_profile);
    pub fn samlet_tracker_get_profile(
        tracker: *const samlet_tracker,
        profile: *mut samlet_profile,
    ) -> samlet_status;
    pub fn samlet_layer_init(layer: *mut samlet_layer);
    pub fn samlet_tracker_layer(
        tracker: *const samlet_tracker,
        index: u32,
        layer: *mut samlet_layer,
    ) -> samlet_status;
    pub fn samlet_segmenter_layer(
        segmenter: *const samlet_segmenter,
        index: u32,
        layer: *mut samlet_layer,
    ) -> samlet_status;
    pub fn samlet_explanation_init(explanation: *mut samlet_explanation);
    pub fn samlet_memory_share_init(share: *mut samlet_memory_share);
    pub fn samlet_tracker_explain(
        tracker: *mut samlet_tracker,
        object: i32,
        layer: u32,
        explanation: *mut samlet_explanation,
    ) -> samlet_status;
    pub fn samlet_tracker_explain_memory(
        tracker: *mut samlet_tracker,
        object: i32,
        layer: u32,
        index: u32,
        share: *mut samlet_memory_share,
    ) -> samlet_status;
    pub fn samlet_tracker_explain_map(
        tracker: *mut samlet_tracker,
        object: i32,
        layer: u32,
        index: u32,
        all: u32,
        map: *mut f32,
        stride: u64,
    ) -> samlet_status;
    pub fn samlet_tensor_view_init(view: *mut samlet_tensor_view);
    pub fn samlet_tracker_features(
        tracker: *mut samlet_tracker,
        level: samlet_feature_level,
        view: *mut samlet_tensor_view,
    ) -> samlet_status;
    pub fn samlet_memory_attention_args_init(args: *mut samlet_memory_attention_args);
    pub fn samlet_tracker_run_memory_attention(
        tracker: *mut samlet_tracker,
        args: *const samlet_memory_attention_args,
    ) -> samlet_status;
    pub fn samlet_segmenter_config_init(config: *mut samlet_segmenter_config);
    pub fn samlet_prediction_init(prediction: *mut samlet_prediction);
    pub fn samlet_mask_measure_init(measure: *mut samlet_mask_measure);
    pub fn samlet_segmenter_memory(
        model: *const samlet_model,
        config: *const samlet_segmenter_config,
        plan: *mut samlet_memory_plan,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_segmenter_create(
        model: *const samlet_model,
        config: *const samlet_segmenter_config,
        segmenter: *mut *mut samlet_segmenter,
        error: *mut samlet_error,
    ) -> samlet_status;
    pub fn samlet_segmenter_destroy(segmenter: *mut samlet_segmenter);
    pub fn samlet_segmenter_message(segmenter: *const samlet_segmenter) -> *const c_char;
    pub fn samlet_segmenter_set_image(
        segmenter: *mut samlet_segmenter,
        image: *const samlet_frame,
    ) -> samlet_status;
    pub fn samlet_segmenter_predict(
        segmenter: *mut samlet_segmenter,
        prompt: *const samlet_prompt,
        multimask: u32,
        prediction: *mut samlet_prediction,
    ) -> samlet_status;
    pub fn samlet_segmenter_mask(
        segmenter: *mut samlet_segmenter,
        index: u32,
        mask: *mut u8,
        stride: u64,
    ) -> samlet_status;
    pub fn samlet_segmenter_logits(
        segmenter: *mut samlet_segmenter,
        index: u32,
        logits: *mut f32,
        stride: u64,
    ) -> samlet_status;
    pub fn samlet_segmenter_rle(
        segmenter: *mut samlet_segmenter,
        index: u32,
        text: *mut c_char,
        capacity: usize,
        length: *mut usize,
    ) -> samlet_status;
    pub fn samlet_segmenter_measure(
        segmenter: *mut samlet_segmenter,
        index: u32,
        threshold: f32,
        offset: f32,
        measure: *mut samlet_mask_measure,
    ) -> samlet_status;
    pub fn samlet_segmenter_features(
        segmenter: *mut samlet_segmenter,
        level: samlet_feature_level,
        view: *mut samlet_tensor_view,
    ) -> samlet_status;
}
