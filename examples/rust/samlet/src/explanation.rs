// SPDX-License-Identifier: Apache-2.0
//! What a tracked object looked at in its memories.
use samlet_sys as sys;

/// What a frame reads of an object's past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// Memory of a prompted frame.
    Prompted,
    /// Memory of a tracked frame.
    Recent,
    /// Object pointer of a frame: a few tokens without a place.
    Pointer,
}

/// Whose attention a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The cells of the frame that the object's mask covers, by how much it does.
    Mask,
    /// All cells alike.
    Everywhere,
}

/// Figures of one region.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Share of the weight.
    pub share: f32,
    /// Mean entropy of a cell's weights in nats, or the part of it that comes from one memory.
    pub entropy: f32,
    /// Weight that one token gets from one cell.
    pub largest: f32,
}

/// One memory.
#[derive(Clone, Copy, Debug)]
pub struct MemoryShare {
    /// What it is.
    pub kind: MemoryKind,
    /// The number of the frame that it is of.
    pub frame: i64,
    /// How many tokens it has.
    pub token_count: u32,
    mask: Attention,
    everywhere: Attention,
}

impl MemoryShare {
    /// The figures of a region; shares sum up to 1 over the memories.
    pub fn attention(&self, region: Region) -> Attention {
        match region {
            Region::Mask => self.mask,
            Region::Everywhere => self.everywhere,
        }
    }
}

impl From<&sys::samlet_memory_share> for MemoryShare {
    fn from(c: &sys::samlet_memory_share) -> Self {
        MemoryShare {
            kind: match c.kind {
                sys::SAMLET_MEMORY_PROMPTED => MemoryKind::Prompted,
                sys::SAMLET_MEMORY_RECENT => MemoryKind::Recent,
                _ => MemoryKind::Pointer,
            },
            frame: c.frame,
            token_count: c.token_count,
            mask: Attention { share: c.share, entropy: c.entropy, largest: c.largest },
            everywhere: Attention { share: c.share_all, entropy: c.entropy_all, largest: c.largest_all },
        }
    }
}

/// Where the attention of one object went on the current frame.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Layers of memory attention.
    pub layer_count: u32,
    /// Tokens of all memories.
    pub token_count: u32,
    /// Side of a heat map.
    pub map_side: usize,
    /// Low-res pixels of the mask; without any, figures of [`Region::Mask`] are 0.
    pub mask_area: u32,
    /// What explaining took; in no stage of the profile.
    pub milliseconds: f64,
    /// Prompted frames first, then recent ones from the oldest on, then pointers. None where nothing was read.
    pub memories: Vec<MemoryShare>,
    mask: Attention,
    everywhere: Attention,
}

impl Explanation {
    pub(crate) fn new(c: &sys::samlet_explanation, memories: Vec<MemoryShare>) -> Self {
        let share = if memories.is_empty() { 0.0 } else { 1.0 };
        let inside = if c.mask_area == 0 { 0.0 } else { share };
        Explanation {
            layer_count: c.layer_count,
            token_count: c.token_count,
            map_side: c.map_side as usize,
            mask_area: c.mask_area,
            milliseconds: c.milliseconds,
            memories,
            mask: Attention { share: inside, entropy: c.entropy, largest: c.largest },
            everywhere: Attention { share, entropy: c.entropy_all, largest: c.largest_all },
        }
    }

    /// The figures of all memories together.
    pub fn attention(&self, region: Region) -> Attention {
        match region {
            Region::Mask => self.mask,
            Region::Everywhere => self.everywhere,
        }
    }
}
