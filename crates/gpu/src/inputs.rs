//! What kernels are told: buffers that stay with a volume from frame to frame, of which what changes is rewritten.

use std::sync::{Arc, Mutex, PoisonError};

use anatome_core::{DeviceFault, Piece};
use bytemuck::{NoUninit, bytes_of, cast_slice};
use wgpu::{BindingResource, BufferUsages};

use crate::GpuVolume;
use crate::device::Gpu;
use crate::pipeline::Pipeline;

/// The inputs that are kept of a volume: of views that are looked at in turn, moving and at rest.
const KEPT: usize = 8;
/// The bind group of the shaders in which they stand.
const GROUP: u32 = 0;

/// What a buffer holds.
#[derive(Clone, Debug)]
pub(crate) enum Contents {
    Own(Vec<u8>),
    /// Of a transfer function, for all its frames.
    Integral(Arc<[Piece]>),
}

impl Contents {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Own(bytes) => bytes,
            Self::Integral(pieces) => cast_slice(pieces),
        }
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integral(a), Self::Integral(b)) if Arc::ptr_eq(a, b) => true,
            _ => self.bytes() == other.bytes(),
        }
    }
}

/// What a kernel is to be told, by the names that it uses.
#[derive(Debug, Default)]
pub(crate) struct Told {
    contents: Vec<(&'static str, BufferUsages, Contents)>,
    /// What is on the GPU already.
    made: Vec<(&'static str, wgpu::Buffer)>,
}

impl Told {
    pub(crate) fn uniform<T: NoUninit>(&mut self, name: &'static str, contents: &T) {
        let bytes = bytes_of(contents).to_vec();
        self.contents.push((name, BufferUsages::UNIFORM, Contents::Own(bytes)));
    }

    pub(crate) fn table<T: NoUninit>(&mut self, name: &'static str, contents: &[T]) {
        let bytes = cast_slice(contents).to_vec();
        self.contents.push((name, BufferUsages::STORAGE, Contents::Own(bytes)));
    }

    pub(crate) fn integral(&mut self, name: &'static str, pieces: &Arc<[Piece]>) {
        self.contents.push((name, BufferUsages::STORAGE, Contents::Integral(Arc::clone(pieces))));
    }

    fn bytes(&self) -> u64 {
        self.contents.iter().map(|(_, _, contents)| contents.bytes().len() as u64).sum()
    }

    pub(crate) fn made(&mut self, name: &'static str, buffer: wgpu::Buffer) {
        self.made.push((name, buffer));
    }
}

/// The inputs that were needed of a volume, the last ones last. They hold its texture, so that they go with it.
#[derive(Debug, Default)]
pub(crate) struct KeptInputs(Mutex<Vec<Arc<Inputs>>>);

impl KeptInputs {
    /// Inputs that hold what is told. No frame that is still there has them, so that of several at once each reads its own;
    /// and what was submitted before reads what stood there before.
    pub(crate) fn take(
        &self,
        gpu: &Gpu,
        uploaded: &GpuVolume,
        pipeline: &Pipeline,
        told: Told,
    ) -> Result<Arc<Inputs>, DeviceFault> {
        // What a panic elsewhere left is whole: inputs are moved in and out at once.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free =
            |inputs: &mut Arc<Inputs>| Arc::get_mut(inputs).is_some_and(|inputs| inputs.fit(pipeline, &told));
        let mut inputs = match kept.iter_mut().rposition(is_free) {
            Some(at) => kept.remove(at),
            None => Arc::new(Inputs::new(gpu, uploaded, pipeline, &told)?),
        };
        if let Some(inputs) = Arc::get_mut(&mut inputs) {
            inputs.write(gpu, told)?;
        }
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push(Arc::clone(&inputs));
        Ok(inputs)
    }
}

/// The buffers that a pipeline reads beside a volume, and what they hold.
#[derive(Debug)]
pub(crate) struct Inputs {
    pipeline: Pipeline,
    held: Vec<(wgpu::Buffer, Option<Contents>)>,
    made: Vec<(&'static str, wgpu::Buffer)>,
    bind_group: wgpu::BindGroup,
}

impl Inputs {
    /// Room for what is told.
    fn new(gpu: &Gpu, uploaded: &GpuVolume, pipeline: &Pipeline, told: &Told) -> Result<Self, DeviceFault> {
        gpu.guarded(told.bytes(), || {
            let room = |(name, usage, contents): &(&'static str, BufferUsages, Contents)| {
                let usage = *usage | BufferUsages::COPY_DST;
                (*name, gpu.empty_buffer(name, contents.bytes().len() as u64, usage))
            };
            let buffers: Vec<_> = told.contents.iter().map(room).collect();
            let named = buffers.iter().chain(&told.made);
            let resources: Vec<(&str, BindingResource<'_>)> = named
                .map(|(name, buffer)| (*name, buffer.as_entire_binding()))
                .chain(uploaded.resources())
                .collect();
            let bind_group = pipeline.bind(gpu, GROUP, &resources);
            let held = buffers.into_iter().map(|(_, buffer)| (buffer, None)).collect();
            Self { pipeline: pipeline.clone(), held, made: told.made.clone(), bind_group }
        })
    }

    /// Whether there is room for what is told. A pipeline is always told the same names in the same order.
    fn fit(&self, pipeline: &Pipeline, told: &Told) -> bool {
        // Shaders ask how long a table is.
        let sizes = self.held.iter().map(|(buffer, _)| buffer.size());
        self.pipeline == *pipeline
            && self.made == told.made
            && sizes.eq(told.contents.iter().map(|(_, _, contents)| contents.bytes().len() as u64))
    }

    /// Writes what is not there yet.
    fn write(&mut self, gpu: &Gpu, told: Told) -> Result<(), DeviceFault> {
        gpu.guarded(told.bytes(), || {
            for ((buffer, held), (_, _, contents)) in self.held.iter_mut().zip(told.contents) {
                if held.as_ref() != Some(&contents) {
                    gpu.queue.write_buffer(buffer, 0, contents.bytes());
                    *held = Some(contents);
                }
            }
        })
    }

    pub(crate) fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Lets a pass compute by this pipeline from these buffers.
    pub(crate) fn set(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.pipeline.compute);
        pass.set_bind_group(GROUP, &self.bind_group, &[]);
    }
}
