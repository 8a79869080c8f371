// SPDX-License-Identifier: Apache-2.0
//! Pictures.
use crate::error::{invalid, Result};
use samlet_sys as sys;
use std::marker::PhantomData;
use std::ptr;

/// Formats of one plane of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PixelFormat {
    /// 8 bits a channel, interleaved.
    Rgb = sys::SAMLET_PIXEL_RGB,
    /// The same backwards.
    Bgr = sys::SAMLET_PIXEL_BGR,
    /// Alpha is ignored.
    Rgba = sys::SAMLET_PIXEL_RGBA,
    /// Alpha is ignored.
    Bgra = sys::SAMLET_PIXEL_BGRA,
    /// One byte a pixel.
    Grey = sys::SAMLET_PIXEL_GREY,
    /// Y0 U Y1 V; the width is even; BT.601, studio range.
    Yuyv = sys::SAMLET_PIXEL_YUYV,
}

impl PixelFormat {
    fn bytes_per_pixel(self) -> u64 {
        match self {
            PixelFormat::Rgb | PixelFormat::Bgr => 3,
            PixelFormat::Rgba | PixelFormat::Bgra => 4,
            PixelFormat::Yuyv => 2,
            PixelFormat::Grey => 1,
        }
    }
}

/// A picture that the library reads during a call. It borrows the pixels; that they suffice is checked here.
#[derive(Clone, Copy)]
pub struct Frame<'p> {
    c: sys::samlet_frame,
    _pixels: PhantomData<&'p [u8]>,
}

/// Rows of `row` bytes, `stride` bytes apart: are they there?
pub(crate) fn check_rows(what: &str, have: usize, rows: u64, row: u64, stride: u64) -> Result<()> {
    let need = match rows {
        0 => Some(0),
        _ => (rows - 1).checked_mul(stride).and_then(|n| n.checked_add(row)),
    };
    match need {
        Some(need) if row <= stride && need <= have as u64 => Ok(()),
        _ => Err(invalid(format!(
            "{what} has {have} bytes; {rows} rows of {row} bytes every {stride} bytes do not fit"
        ))),
    }
}

impl<'p> Frame<'p> {
    fn new(format: u32, width: u32, height: u32, planes: [&'p [u8]; 2], strides: [u64; 2]) -> Frame<'p> {
        let pointer = |plane: &[u8]| if plane.is_empty() { ptr::null() } else { plane.as_ptr().cast() };
        Frame {
            c: sys::samlet_frame {
                size: std::mem::size_of::<sys::samlet_frame>() as u32,
                format,
                width,
                height,
                plane: [pointer(planes[0]), pointer(planes[1])],
                stride: strides,
                output_width: 0,
                output_height: 0,
            },
            _pixels: PhantomData,
        }
    }

    /// R, G, B bytes, rows without gaps.
    pub fn rgb(pixels: &'p [u8], width: u32, height: u32) -> Result<Frame<'p>> {
        Frame::packed(PixelFormat::Rgb, pixels, width, height, 3 * width as usize)
    }

    /// Any format of one plane; `stride` is the distance of rows in bytes.
    pub fn packed(
        format: PixelFormat,
        pixels: &'p [u8],
        width: u32,
        height: u32,
        stride: usize,
    ) -> Result<Frame<'p>> {
        let row = u64::from(width) * format.bytes_per_pixel();
        check_rows("the picture", pixels.len(), height.into(), row, stride as u64)?;
        Ok(Frame::new(format as u32, width, height, [pixels, &[]], [stride as u64, 0]))
    }

    /// A plane of Y and one of interleaved UV at half the size; BT.601, studio range.
    pub fn nv12(
        y: &'p [u8],
        y_stride: usize,
        uv: &'p [u8],
        uv_stride: usize,
        width: u32,
        height: u32,
    ) -> Result<Frame<'p>> {
        let (w, h) = (u64::from(width), u64::from(height));
        check_rows("the Y plane", y.len(), h, w, y_stride as u64)?;
        check_rows("the UV plane", uv.len(), (h + 1) / 2, (w + 1) / 2 * 2, uv_stride as u64)?;
        let strides = [y_stride as u64, uv_stride as u64];
        Ok(Frame::new(sys::SAMLET_PIXEL_NV12, width, height, [y, uv], strides))
    }

    /// Three planes of `side` x `side` floats, one after the other, already resized to the session's image size and
    /// normalised. Masks, boxes and prompts refer to a picture of `output_width` x `output_height`.
    pub fn normalised(
        planes: &'p [f32],
        side: u32,
        output_width: u32,
        output_height: u32,
    ) -> Result<Frame<'p>> {
        let (bytes, row) = (std::mem::size_of_val(planes), 4 * u64::from(side));
        check_rows("the picture", bytes, 3 * u64::from(side), row, row)?;
        let mut frame = Frame::new(sys::SAMLET_PIXEL_NORMALISED, side, side, [&[], &[]], [row, 0]);
        frame.c.plane[0] = planes.as_ptr().cast();
        frame.c.output_width = output_width;
        frame.c.output_height = output_height;
        Ok(frame)
    }

    pub(crate) fn c(&self) -> &sys::samlet_frame {
        &self.c
    }

    /// Width and height of the picture that results refer to.
    pub fn picture_size(&self) -> (u32, u32) {
        match self.c.format {
            sys::SAMLET_PIXEL_NORMALISED => (self.c.output_width, self.c.output_height),
            _ => (self.c.width, self.c.height),
        }
    }
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame {{ format: {}, {} x {} }}", self.c.format, self.c.width, self.c.height)
    }
}

// SAFETY: a frame is a shared borrow of bytes.
unsafe impl Send for Frame<'_> {}
// SAFETY: the same.
unsafe impl Sync for Frame<'_> {}
