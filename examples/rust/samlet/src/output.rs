// SPDX-License-Identifier: Apache-2.0
//! What trackers and segmenters have in common: maps of the picture's size, run-length codes, features.
use crate::error::{Error, Result, Status};
use crate::frame::check_rows;
use samlet_sys as sys;
use std::mem::MaybeUninit;
use std::os::raw::c_char;
use std::ptr;

/// Which features of the image encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum FeatureLevel {
    /// After conv_s0.
    Stride4 = sys::SAMLET_FEATURES_STRIDE4,
    /// After conv_s1.
    Stride8 = sys::SAMLET_FEATURES_STRIDE8,
    /// The top features, d_model channels.
    Stride16 = sys::SAMLET_FEATURES_STRIDE16,
}

/// Rows of channels over a grid, a view into the session's block.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Features<'s> {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    /// `[height][width][channels]`
    pub data: &'s [f32],
}

/// The size of the picture that a session has, as far as we can be sure.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Picture(Option<(u32, u32)>);

impl Picture {
    /// To be told what became of a new picture.
    pub fn update<T>(&mut self, size: (u32, u32), result: &Result<T>) {
        match result {
            Ok(_) => self.0 = Some(size),
            // After a defect in the library we do not know which picture it has.
            Err(error) if error.status() == Status::Internal => self.0 = None,
            Err(_) => {}
        }
    }

    /// Width and number of pixels; without a picture nothing, which the library then says in its words.
    pub fn shape(&self) -> (usize, usize) {
        let (width, height) = self.0.unwrap_or((0, 0));
        (width as usize, width as usize * height as usize)
    }

    /// Does a map of `len` values, `stride` values from row to row, hold the picture? Its stride in bytes.
    pub fn check<T>(&self, len: usize, stride: usize) -> Result<u64> {
        let (width, height) = match self.0 {
            Some(size) => size,
            None => return Ok(0),
        };
        let value = std::mem::size_of::<T>() as u64;
        let stride = (stride as u64).saturating_mul(value);
        check_rows("the map", len * value as usize, height.into(), u64::from(width) * value, stride)?;
        Ok(stride)
    }
}

/// The two calls of a run-length code: how long, then what.
pub(crate) fn read_rle(call: impl Fn(*mut c_char, usize, *mut usize) -> Result<()>) -> Result<String> {
    let mut length = 0;
    match call(ptr::null_mut(), 0, &mut length) {
        Err(error) if error.status() != Status::Other(sys::SAMLET_ERROR_BUFFER_TOO_SMALL) => {
            return Err(error)
        }
        _ => {}
    }
    let mut text = vec![0u8; length + 1];
    call(text.as_mut_ptr().cast(), text.len(), &mut length)?;
    text.truncate(length);
    String::from_utf8(text).map_err(|_| Error::new(Status::Internal, "a run-length code is not ASCII"))
}

/// # Safety
/// The tensor that `call` finds lives as long as 's.
pub(crate) unsafe fn read_features<'s>(
    call: impl FnOnce(*mut sys::samlet_tensor_view) -> Result<()>,
) -> Result<Features<'s>> {
    let mut view = MaybeUninit::uninit();
    // SAFETY: _init fills the whole struct.
    let mut view = unsafe {
        sys::samlet_tensor_view_init(view.as_mut_ptr());
        view.assume_init()
    };
    call(&mut view)?;
    let (height, width, channels) = (view.height as usize, view.width as usize, view.channels as usize);
    // SAFETY: the library says that the tensor is that large, the caller how long it lives.
    let data = unsafe { std::slice::from_raw_parts(view.data, height * width * channels) };
    Ok(Features { height, width, channels, data })
}
