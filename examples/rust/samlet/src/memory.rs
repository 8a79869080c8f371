// SPDX-License-Identifier: Apache-2.0
//! Plans, and blocks that follow them.
use crate::error::{text, Result};
use samlet_sys as sys;
use std::alloc::{alloc, dealloc, handle_alloc_error, Layout};
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// What a block must be, exactly, and what it is used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Its size.
    pub bytes: u64,
    /// Of its address.
    pub alignment: u64,
    /// They sum up to `bytes`.
    pub parts: Vec<MemoryPart>,
}

/// One purpose of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryPart {
    /// "memory bank", "scratch", ...
    pub name: String,
    /// Its share.
    pub bytes: u64,
}

impl MemoryPlan {
    /// What a planning function of the library answers.
    pub(crate) fn ask(
        function: impl FnOnce(*mut sys::samlet_memory_plan, *mut sys::samlet_error) -> sys::samlet_status,
    ) -> Result<MemoryPlan> {
        let mut plan = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut plan = unsafe {
            sys::samlet_memory_plan_init(plan.as_mut_ptr());
            plan.assume_init()
        };
        crate::error::call(|error| function(&mut plan, error))?;
        let parts = plan.parts.iter().take(plan.part_count as usize);
        Ok(MemoryPlan {
            bytes: plan.bytes,
            alignment: plan.alignment,
            // SAFETY: names are 0-terminated.
            parts: parts
                .map(|part| MemoryPart { name: unsafe { text(part.name.as_ptr()) }, bytes: part.bytes })
                .collect(),
        })
    }
}

/// A block from the heap, of the size and alignment of a plan. Any other `&mut [MaybeUninit<u8>]` serves as well: a static
/// array, a piece of a pool.
#[derive(Debug)]
pub struct Block {
    data: NonNull<MaybeUninit<u8>>,
    layout: Layout,
}

impl Block {
    /// Allocates.
    ///
    /// # Panics
    /// If the plan has no bytes or more than there can be.
    pub fn new(plan: &MemoryPlan) -> Block {
        let layout = usize::try_from(plan.bytes)
            .ok()
            .zip(usize::try_from(plan.alignment).ok())
            .and_then(|(bytes, alignment)| Layout::from_size_align(bytes, alignment).ok())
            .expect("a plan of this library");
        assert!(layout.size() > 0, "a plan of this library");
        // SAFETY: the size is not 0.
        let data = unsafe { alloc(layout) };
        let data = NonNull::new(data.cast()).unwrap_or_else(|| handle_alloc_error(layout));
        Block { data, layout }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated by new() with this layout.
        unsafe { dealloc(self.data.as_ptr().cast(), self.layout) }
    }
}

impl Deref for Block {
    type Target = [MaybeUninit<u8>];
    fn deref(&self) -> &[MaybeUninit<u8>] {
        // SAFETY: the block is that long, and MaybeUninit needs no initial value.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.layout.size()) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: as in deref(), and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.data.as_ptr(), self.layout.size()) }
    }
}

// SAFETY: a block owns its bytes, like a Vec.
unsafe impl Send for Block {}
// SAFETY: shared references only read.
unsafe impl Sync for Block {}
