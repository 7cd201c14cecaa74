//! Volumes on the GPU.

use std::sync::Arc;

use anatome_core::{DeviceFault, Error, Progress, Result, Samples, Uploaded, Volume};
use anatome_shaders::preprocess::Format;
use wgpu::{BindingResource, Extent3d};

use crate::arrival::{Filling, bytes_of};
use crate::bricks::{Bricks, NO_PAGES};
use crate::cells::Leaps;
use crate::device::Gpu;
use crate::inputs::KeptInputs;

/// What is added to signed samples, so that all 16-bit samples are unsigned on the GPU.
pub(crate) const SIGN_BIAS: u16 = 1 << 15;

/// A volume in a 3D texture: whole, or those bricks of it that are needed now.
#[derive(Debug)]
pub struct GpuVolume {
    volume: Arc<Volume>,
    pub(crate) view: wgpu::TextureView,
    pub(crate) format: Format,
    /// Where bricks are; not looked at if the volume is whole.
    pub(crate) pages: wgpu::Buffer,
    pub(crate) bricks: Option<Bricks>,
    pub(crate) leaps: Leaps,
    pub(crate) inputs: KeptInputs,
    filtering: wgpu::Sampler,
}

impl Uploaded for GpuVolume {
    fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }
}

impl GpuVolume {
    /// Whether only those parts of it are on the GPU that a picture needs, because the whole is larger than a texture or
    /// the budget.
    #[must_use]
    pub fn is_in_parts(&self) -> bool {
        self.bricks.is_some()
    }

    /// Whether the texture unit interpolates its samples in previews.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.format == Format::Unorm16
    }

    /// What was added to the stored samples of a volume to give the texture's.
    pub(crate) fn bias(volume: &Volume) -> f32 {
        if matches!(volume.samples(), Samples::I16(_)) { f32::from(SIGN_BIAS) } else { 0.0 }
    }

    /// Whole, if the device and the budget allow it. Otherwise nothing is uploaded yet but room is made for bricks: in
    /// the budget, or, if the driver has not so much, in half, a quarter and so on of what the volume would need.
    pub(crate) fn upload(
        gpu: &Gpu,
        volume: &Arc<Volume>,
        budget_bytes: u64,
        progress: &Progress,
    ) -> Result<Self> {
        progress.check()?;
        let format = format_of(gpu, volume.samples().type_name())?;
        let shape = volume.grid().shape();
        let bytes = bytes_of(format, shape);
        let mut room_bytes = budget_bytes;
        // Of the driver, which has less than the budget.
        let mut refusal = None;
        match Filling::new(gpu, format, shape, budget_bytes) {
            Ok(Some(filling)) => return Self::whole(&filling, volume, progress),
            Ok(None) => {}
            Err(fault @ DeviceFault::OutOfMemory { .. }) => (room_bytes, refusal) = (bytes / 2, Some(fault)),
            Err(other) => return Err(other.into()),
        }
        loop {
            match Bricks::new(gpu, volume, format, room_bytes) {
                Err(Error::Device(fault @ DeviceFault::OutOfMemory { .. })) => {
                    (room_bytes, refusal) = (room_bytes.min(2 * bytes) / 2, Some(fault));
                }
                other => {
                    let bricks = other.map_err(|error| refusal.map_or(error, Error::from))?;
                    let view = gpu.guarded(0, || view_of(bricks.texture()))?;
                    let (volume, pages) = (Arc::clone(volume), bricks.pages().clone());
                    let (leaps, inputs) = (Leaps::default(), KeptInputs::default());
                    let (bricks, filtering) = (Some(bricks), gpu.filtering.clone());
                    return Ok(Self { volume, view, format, pages, bricks, leaps, inputs, filtering });
                }
            }
        }
    }

    /// What shaders know of it, by the names that they use.
    pub(crate) fn resources(&self) -> [(&'static str, BindingResource<'_>); 3] {
        [
            ("volume", BindingResource::TextureView(&self.view)),
            ("pages", self.pages.as_entire_binding()),
            ("filtering", BindingResource::Sampler(&self.filtering)),
        ]
    }

    /// In a texture, of which what is missing is written.
    pub(crate) fn whole(filling: &Filling<'_>, volume: &Arc<Volume>, progress: &Progress) -> Result<Self> {
        filling.complete(volume, progress)?;
        let Filling { gpu, texture, format, .. } = filling;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let pages = || gpu.filled_buffer("pages", bytemuck::cast_slice(&NO_PAGES), usage);
        let (view, pages) = gpu.guarded(0, || (view_of(texture), pages()))?;
        let (leaps, inputs) = (Leaps::default(), KeptInputs::default());
        let (volume, filtering) = (Arc::clone(volume), gpu.filtering.clone());
        Ok(Self { volume, view, format: *format, pages, bricks: None, leaps, inputs, filtering })
    }
}

/// The format of a texture for samples of a type; see [`SliceSamples::type_name`].
///
/// # Errors
/// Unsupported.
pub(crate) fn format_of(gpu: &Gpu, type_name: &str) -> Result<Format> {
    let is_filtered = gpu.device.features().contains(wgpu::Features::TEXTURE_FORMAT_16BIT_NORM);
    match type_name {
        "f32" => Ok(Format::Float32),
        "u8" | "i16" | "u16" if is_filtered => Ok(Format::Unorm16),
        "u8" | "i16" | "u16" => Ok(Format::Uint16),
        other => Err(Error::Unsupported { feature: format!("a volume of {other} on the GPU") }),
    }
}

pub(crate) fn texel_bytes(format: Format) -> u32 {
    if format == Format::Float32 { 4 } else { 2 }
}

/// A texture for samples. Must run in [`Gpu::guarded`].
pub(crate) fn texture(gpu: &Gpu, format: Format, size: Extent3d) -> wgpu::Texture {
    gpu.texture(&wgpu::TextureDescriptor {
        label: Some("volume"),
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D3,
        format: match format {
            Format::Unorm16 => wgpu::TextureFormat::R16Unorm,
            Format::Uint16 => wgpu::TextureFormat::R16Uint,
            Format::Float32 => wgpu::TextureFormat::R32Float,
        },
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

fn view_of(texture: &wgpu::Texture) -> wgpu::TextureView {
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}
