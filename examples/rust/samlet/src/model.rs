// SPDX-License-Identifier: Apache-2.0
//! Model files.
use crate::error::{call, check, invalid, text, Error, Result, Status};
use crate::memory::MemoryPlan;
use samlet_sys as sys;
use std::ffi::CString;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::raw::{c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// For the curious.
    Info,
    /// Something may be wrong.
    Warning,
}

/// What the products of layers are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Precision {
    /// As the file stores them, where the CPU is fast at it: int8 in int8, f16 in f16 unless the file refuses, the
    /// rest in f32.
    #[default]
    Auto = sys::SAMLET_PRECISION_AUTO,
    /// Everything in f32.
    F32 = sys::SAMLET_PRECISION_F32,
    /// As `Auto`, but f16 instead of f32 whatever the file says; maps are kept in half precision, too.
    F16 = sys::SAMLET_PRECISION_F16,
}

#[derive(Clone)]
enum Source<'m> {
    Path(PathBuf),
    Bytes(&'m [u8]),
}

/// Where a model comes from and how it is to run.
#[derive(Clone)]
pub struct ModelConfig<'m> {
    source: Source<'m>,
    precision: Precision,
    kernels: Option<String>,
    log: Option<fn(LogLevel, &str)>,
}

impl<'m> ModelConfig<'m> {
    /// A file, which is mapped: as with every mapping, nobody may shorten or rewrite it while the model is open.
    pub fn from_path(path: impl AsRef<Path>) -> ModelConfig<'static> {
        ModelConfig::new(Source::Path(path.as_ref().to_path_buf()))
    }

    /// The bytes of a file, at an address that is a multiple of 32.
    pub fn from_bytes(bytes: &'m [u8]) -> ModelConfig<'m> {
        ModelConfig::new(Source::Bytes(bytes))
    }

    fn new(source: Source<'m>) -> Self {
        ModelConfig { source, precision: Precision::Auto, kernels: None, log: None }
    }

    /// What layers are computed in.
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// The instruction set: "generic", "avx2", "avx512", "neon", "neon_fp16". Otherwise it is the best that the CPU has.
    pub fn kernels(mut self, name: &str) -> Self {
        self.kernels = Some(name.to_string());
        self
    }

    /// Called from the thread whose call logs.
    pub fn log(mut self, log: fn(LogLevel, &str)) -> Self {
        self.log = Some(log);
        self
    }

    /// The block that [`Model::open_in`] needs; checks all of the file but the values of the weights.
    pub fn memory(&self) -> Result<MemoryPlan> {
        self.with_c(None, |config| {
            // SAFETY: the config and what it points at live during the call.
            MemoryPlan::ask(|plan, error| unsafe { sys::samlet_model_memory(config, plan, error) })
        })
    }

    /// Calls `function` with the config as C wants it.
    fn with_c<T>(
        &self,
        memory: Option<&mut [MaybeUninit<u8>]>,
        function: impl FnOnce(&sys::samlet_model_config) -> Result<T>,
    ) -> Result<T> {
        let c_text =
            |bytes: &[u8]| CString::new(bytes).map_err(|_| invalid("there is a zero byte in a path or name"));
        let mut config = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct.
        let mut config = unsafe {
            sys::samlet_model_config_init(config.as_mut_ptr());
            config.assume_init()
        };
        config.precision = self.precision as u32;
        let (path, kernels);
        match &self.source {
            Source::Path(name) => {
                path = c_text(name.as_os_str().as_bytes())?;
                config.path = path.as_ptr();
            }
            Source::Bytes(bytes) => {
                config.data = bytes.as_ptr().cast();
                config.data_size = bytes.len() as u64;
            }
        }
        if let Some(name) = &self.kernels {
            kernels = c_text(name.as_bytes())?;
            config.kernels = kernels.as_ptr();
        }
        if let Some(memory) = memory {
            config.memory = memory.as_mut_ptr().cast();
            config.memory_size = memory.len() as u64;
        }
        if let Some(log) = self.log {
            config.log = Some(forward_log);
            config.log_context = log as *mut c_void;
        }
        function(&config)
    }
}

/// What C calls; `context` is the function of the config.
unsafe extern "C" fn forward_log(context: *mut c_void, level: sys::samlet_log_level, line: *const c_char) {
    // SAFETY: with_c() made the context of such a function.
    let log = unsafe { std::mem::transmute::<*mut c_void, fn(LogLevel, &str)>(context) };
    // SAFETY: a text that lives during this call.
    let line = unsafe { text(line) };
    let level = if level >= sys::SAMLET_LOG_WARNING { LogLevel::Warning } else { LogLevel::Info };
    // A panic must not cross C. It has printed its message; that is all one can do. What it carries is forgotten, as its
    // destructor might panic in turn.
    std::mem::forget(std::panic::catch_unwind(|| log(level, &line)));
}

/// A model: immutable once open; any number of sessions and threads use it at once.
#[derive(Debug)]
pub struct Model<'m> {
    raw: NonNull<sys::samlet_model>,
    _borrows: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

// SAFETY: the library ties a model to no thread.
unsafe impl Send for Model<'_> {}
// SAFETY: the library promises that any number of threads may use a model at once; it is immutable.
unsafe impl Sync for Model<'_> {}

impl<'m> Model<'m> {
    /// Opens a model; the library allocates its block, once.
    pub fn open(config: &ModelConfig<'m>) -> Result<Model<'m>> {
        Model::create(config, None)
    }

    /// Opens a model in a block that follows [`ModelConfig::memory`].
    pub fn open_in(config: &ModelConfig<'m>, memory: &'m mut [MaybeUninit<u8>]) -> Result<Model<'m>> {
        Model::create(config, Some(memory))
    }

    fn create(config: &ModelConfig<'m>, memory: Option<&'m mut [MaybeUninit<u8>]>) -> Result<Model<'m>> {
        // SAFETY: takes nothing.
        if unsafe { sys::samlet_abi_version() } != sys::SAMLET_ABI_VERSION {
            return Err(Error::new(
                Status::Unsupported,
                "the library that runs has another ABI version than this crate",
            ));
        }
        config.with_c(memory, |c| {
            let mut raw = ptr::null_mut();
            // SAFETY: the config and what it points at live during the call; bytes and block as long as 'm, and the model
            // with them.
            call(|error| unsafe { sys::samlet_model_open(c, &mut raw, error) })?;
            Ok(Model { raw: NonNull::new(raw).expect("an open model"), _borrows: PhantomData })
        })
    }

    pub(crate) fn raw(&self) -> *const sys::samlet_model {
        self.raw.as_ptr()
    }

    pub(crate) fn c_info(&self) -> sys::samlet_model_info {
        let mut info = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct; the model is open.
        unsafe {
            sys::samlet_model_info_init(info.as_mut_ptr());
            let mut info = info.assume_init();
            let status = sys::samlet_model_get_info(self.raw(), &mut info);
            assert_eq!(status, sys::SAMLET_OK);
            info
        }
    }

    /// Facts, for display and for sizing buffers.
    pub fn info(&self) -> ModelInfo {
        let info = self.c_info();
        let stage = |i: usize| TrunkStage {
            blocks: info.stage_blocks[i],
            channels: info.stage_channels[i],
            heads: info.stage_heads[i],
            window: info.stage_window[i],
        };
        // SAFETY: texts that live as long as the model.
        let text_of = |p| unsafe { text(p) };
        ModelInfo {
            name: text_of(info.name),
            family: text_of(info.family),
            weight_type: text_of(info.weight_type),
            kernels: text_of(info.kernels),
            has_video: info.has_video != 0,
            image_size: info.image_size,
            stride: info.stride,
            d_model: info.d_model,
            memory_dim: info.memory_dim,
            memory_frames: info.memory_frames,
            object_pointers: info.object_pointers,
            mask_count: info.mask_count,
            stages: (0..info.stage_count.min(8) as usize).map(stage).collect(),
            global_blocks: info.global_blocks[..info.global_block_count.min(32) as usize].to_vec(),
            memory_layers: info.memory_layers,
            tensor_count: info.tensor_count,
            parameter_count: info.parameter_count,
            file_bytes: info.file_bytes,
            memory_bytes: info.memory_bytes,
        }
    }

    /// Tensor `index` of 0 .. `tensor_count`, in the order of the file.
    pub fn tensor(&self, index: u32) -> Result<TensorInfo> {
        let mut info = MaybeUninit::uninit();
        // SAFETY: _init fills the whole struct; the model is open.
        let (status, info) = unsafe {
            sys::samlet_tensor_info_init(info.as_mut_ptr());
            let mut info = info.assume_init();
            (sys::samlet_model_get_tensor(self.raw(), index, &mut info), info)
        };
        check(status, || format!("there is no tensor {index}"))?;
        Ok(TensorInfo {
            // SAFETY: texts that live as long as the model.
            name: unsafe { text(info.name) },
            element_type: unsafe { text(info.type_) },
            shape: info.shape[..info.rank.min(4) as usize].to_vec(),
            bytes: info.bytes,
        })
    }
}

impl Drop for Model<'_> {
    fn drop(&mut self) {
        // SAFETY: sessions borrow the model, so there are none any more.
        unsafe { sys::samlet_model_close(self.raw.as_ptr()) }
    }
}

/// See `samlet_model_info` in samlet.h.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct ModelInfo {
    pub name: String,
    pub family: String,
    pub weight_type: String,
    pub kernels: String,
    pub has_video: bool,
    pub image_size: u32,
    pub stride: u32,
    pub d_model: u32,
    pub memory_dim: u32,
    pub memory_frames: u32,
    pub object_pointers: u32,
    pub mask_count: u32,
    pub stages: Vec<TrunkStage>,
    pub global_blocks: Vec<u32>,
    pub memory_layers: u32,
    pub tensor_count: u32,
    pub parameter_count: u64,
    pub file_bytes: u64,
    pub memory_bytes: u64,
}

/// One stage of the image encoder's trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct TrunkStage {
    pub blocks: u32,
    pub channels: u32,
    pub heads: u32,
    pub window: u32,
}

/// A tensor of a model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// As in the published checkpoint.
    pub name: String,
    /// "f32", "f16", "int8".
    pub element_type: String,
    /// Outermost first.
    pub shape: Vec<u64>,
    /// Its size in the file.
    pub bytes: u64,
}

/// A layer of the model as a session computes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Of the weights in the model file; two layers may share a tensor.
    pub name: String,
    /// "f32", "f16", "int8": how the file holds them.
    pub stored: String,
    /// The same: what the product is computed in.
    pub precision: String,
    /// Channels in and out.
    pub channels: (u32, u32),
    /// Of the weights in the model's block.
    pub packed_bytes: u64,
    /// That went through it since the session was created.
    pub rows: u64,
}

/// A layer that `call` fills in. `NotFound` beyond the last.
pub(crate) fn read_layer(call: impl FnOnce(*mut sys::samlet_layer) -> Result<()>) -> Result<Layer> {
    let mut layer = MaybeUninit::uninit();
    // SAFETY: _init fills the whole struct.
    let mut layer = unsafe {
        sys::samlet_layer_init(layer.as_mut_ptr());
        layer.assume_init()
    };
    call(&mut layer)?;
    // SAFETY: texts that live as long as the model.
    let text_of = |p| unsafe { text(p) };
    Ok(Layer {
        name: text_of(layer.name),
        stored: text_of(layer.stored),
        precision: text_of(layer.precision),
        channels: (layer.in_, layer.out),
        packed_bytes: layer.packed_bytes,
        rows: layer.rows,
    })
}

/// Where a frame's time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Stage {
    Preprocess = sys::SAMLET_STAGE_PREPROCESS,
    Trunk = sys::SAMLET_STAGE_TRUNK,
    Neck = sys::SAMLET_STAGE_NECK,
    MemoryAttention = sys::SAMLET_STAGE_MEMORY_ATTENTION,
    MaskDecoder = sys::SAMLET_STAGE_MASK_DECODER,
    MemoryEncoder = sys::SAMLET_STAGE_MEMORY_ENCODER,
}

impl Stage {
    /// In the order in which a frame passes through.
    pub const ALL: [Stage; sys::SAMLET_STAGE_COUNT as usize] = [
        Stage::Preprocess,
        Stage::Trunk,
        Stage::Neck,
        Stage::MemoryAttention,
        Stage::MaskDecoder,
        Stage::MemoryEncoder,
    ];
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: a static text.
        f.write_str(&unsafe { text(sys::samlet_stage_name(*self as u32)) })
    }
}
