// SPDX-License-Identifier: Apache-2.0
//! Statuses and sentences of the library as errors.
use samlet_sys as sys;
use std::ffi::CStr;
use std::os::raw::c_char;

/// What went wrong, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Not a number, out of range, slices of a wrong length.
    InvalidArgument,
    /// A call out of order; the message names the call that is missing.
    State,
    /// A block too small or misaligned, or no memory.
    Memory,
    /// More objects, points or pixels than the config planned for.
    Capacity,
    /// Unknown object.
    NotFound,
    /// The file cannot be opened, read or mapped.
    File,
    /// The model is truncated, of another format, or has wrong tensors.
    Format,
    /// Valid, but this model, build or CPU cannot do it.
    Unsupported,
    /// A defect in samlet: please report the message.
    Internal,
    /// Something that this version of the crate does not know.
    Other(u32),
}

impl From<sys::samlet_status> for Status {
    fn from(status: sys::samlet_status) -> Status {
        match status {
            sys::SAMLET_ERROR_INVALID_ARGUMENT => Status::InvalidArgument,
            sys::SAMLET_ERROR_STATE => Status::State,
            sys::SAMLET_ERROR_MEMORY => Status::Memory,
            sys::SAMLET_ERROR_CAPACITY => Status::Capacity,
            sys::SAMLET_ERROR_NOT_FOUND => Status::NotFound,
            sys::SAMLET_ERROR_FILE => Status::File,
            sys::SAMLET_ERROR_FORMAT => Status::Format,
            sys::SAMLET_ERROR_UNSUPPORTED => Status::Unsupported,
            sys::SAMLET_ERROR_INTERNAL => Status::Internal,
            other => Status::Other(other),
        }
    }
}

/// A call that failed. It has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    status: Status,
    message: String,
}

/// What calls return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Error {
        Error { status, message: message.into() }
    }

    /// What went wrong, in a word.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What went wrong, in a sentence.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::InvalidArgument, message)
}

/// A text of the library; null is empty.
///
/// # Safety
/// `text` is null or 0-terminated.
pub(crate) unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The result of a call that leaves its sentence where `message` finds it.
pub(crate) fn check(status: sys::samlet_status, message: impl FnOnce() -> String) -> Result<()> {
    if status == sys::SAMLET_OK {
        return Ok(());
    }
    let mut sentence = message();
    if sentence.is_empty() {
        // SAFETY: takes any number, returns a static text.
        sentence = unsafe { text(sys::samlet_status_name(status)) };
    }
    Err(Error::new(status.into(), sentence))
}

/// Calls a function that leaves its sentence in a `samlet_error`.
pub(crate) fn call(function: impl FnOnce(*mut sys::samlet_error) -> sys::samlet_status) -> Result<()> {
    let mut error = sys::samlet_error { status: sys::SAMLET_OK, message: [0; 252] };
    let status = function(&mut error);
    // SAFETY: the library ends what it writes with a 0, and the text was all 0 before.
    check(status, || unsafe { text(error.message.as_ptr()) })
}
