// SPDX-License-Identifier: Apache-2.0
//! What the user points at.
use crate::error::{invalid, Result};
use crate::frame::check_rows;
use samlet_sys as sys;
use std::mem::{align_of, size_of};
use std::ptr;

/// Does a point lie on the object?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Label {
    /// No.
    Negative = sys::SAMLET_POINT_NEGATIVE as i32,
    /// Yes.
    Positive = sys::SAMLET_POINT_POSITIVE as i32,
}

/// A point in pixels of the frame, from its top-left corner. Laid out as `samlet_point`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Point {
    pub x: f32,
    pub y: f32,
    pub label: Label,
}

// Slices of points are handed over as they are.
const _: () = assert!(size_of::<Point>() == size_of::<sys::samlet_point>());
const _: () = assert!(align_of::<Point>() == align_of::<sys::samlet_point>());

impl Point {
    /// On the object.
    pub const fn positive(x: f32, y: f32) -> Point {
        Point { x, y, label: Label::Positive }
    }

    /// Beside the object.
    pub const fn negative(x: f32, y: f32) -> Point {
        Point { x, y, label: Label::Negative }
    }
}

/// A box in pixels of the frame; x1 and y1 are exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Rect {
    pub x0: f32,
    pub y0: f32,
    pub x1: f32,
    pub y1: f32,
}

impl From<Rect> for sys::samlet_box {
    fn from(r: Rect) -> Self {
        sys::samlet_box { x0: r.x0, y0: r.y0, x1: r.x1, y1: r.y1 }
    }
}

impl From<sys::samlet_box> for Rect {
    fn from(b: sys::samlet_box) -> Self {
        Rect { x0: b.x0, y0: b.y0, x1: b.x1, y1: b.y1 }
    }
}

/// A mask: one byte a pixel, nonzero is object, `stride` bytes from row to row.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Mask<'p> {
    pub pixels: &'p [u8],
    pub width: u32,
    pub height: u32,
    pub stride: usize,
}

/// A tracker takes points and a box together, or a mask alone; a segmenter takes any of points, box and logits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prompt<'p> {
    /// On the object or beside it.
    pub points: &'p [Point],
    /// Around the object.
    pub rect: Option<Rect>,
    /// Of the object; trackers only.
    pub mask: Option<Mask<'p>>,
    /// Of an earlier prediction, low_res_size squared; segmenters only.
    pub logits: Option<&'p [f32]>,
    /// Forget the object's earlier points on this frame, but go on refining its mask; trackers only.
    pub replace_points: bool,
}

impl Prompt<'_> {
    /// Calls `function` with the prompt as C wants it. `low_res` is the number of logits that C will read.
    pub(crate) fn with_c<T>(
        &self,
        low_res: usize,
        function: impl FnOnce(&sys::samlet_prompt) -> Result<T>,
    ) -> Result<T> {
        let rect = self.rect.map(sys::samlet_box::from);
        let mut c = sys::samlet_prompt {
            size: size_of::<sys::samlet_prompt>() as u32,
            flags: if self.replace_points { sys::SAMLET_PROMPT_REPLACE_POINTS } else { 0 },
            points: if self.points.is_empty() { ptr::null() } else { self.points.as_ptr().cast() },
            point_count: u32::try_from(self.points.len())
                .map_err(|_| invalid("there are too many points"))?,
            mask_width: 0,
            mask_height: 0,
            box_: rect.as_ref().map_or(ptr::null(), |r| r),
            mask: ptr::null(),
            mask_stride: 0,
            logits: ptr::null(),
        };
        if let Some(mask) = &self.mask {
            check_rows(
                "the mask",
                mask.pixels.len(),
                mask.height.into(),
                mask.width.into(),
                mask.stride as u64,
            )?;
            c.mask = mask.pixels.as_ptr();
            c.mask_width = mask.width;
            c.mask_height = mask.height;
            c.mask_stride = mask.stride as u64;
        }
        if let Some(logits) = self.logits {
            if logits.len() != low_res {
                return Err(invalid(format!(
                    "the prompt has {} logits; the session takes {low_res}",
                    logits.len()
                )));
            }
            c.logits = logits.as_ptr();
        }
        function(&c)
    }
}
