//! Volumes on the GPU.

use std::borrow::Cow;
use std::sync::Arc;

use anatome_core::{DeviceFault, Error, Progress, Result, Samples, Uploaded, Volume};
use anatome_shaders::preprocess::Format;
use bytemuck::Pod;
use ndarray::Array3;
use wgpu::{BindingResource, Extent3d, Origin3d, TexelCopyBufferLayout, TexelCopyTextureInfo};

use crate::bricks::{Bricks, NO_PAGES};
use crate::cells::Leaps;
use crate::device::Gpu;
use crate::inputs::KeptInputs;

/// About how much is handed to the driver at a time.
const SLAB_BYTES: usize = 16 << 20;

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
        let format = match volume.samples() {
            Samples::F32(_) => Format::Float32,
            Samples::U8(_) | Samples::I16(_) | Samples::U16(_) => {
                let is_filtered = gpu.device.features().contains(wgpu::Features::TEXTURE_FORMAT_16BIT_NORM);
                if is_filtered { Format::Unorm16 } else { Format::Uint16 }
            }
            other => {
                let feature = format!("a volume of {} on the GPU", other.type_name());
                return Err(Error::Unsupported { feature });
            }
        };
        let [k, j, i] = volume.grid().shape();
        let bytes = [i, j, k].into_iter().fold(u64::from(texel_bytes(format)), |product, n| {
            product.saturating_mul(u64::try_from(n).unwrap_or(u64::MAX))
        });
        let longest = gpu.device.limits().max_texture_dimension_3d as usize;
        let mut room_bytes = budget_bytes;
        // Of the driver, which has less than the budget.
        let mut refusal = None;
        if bytes <= budget_bytes && [i, j, k].into_iter().all(|n| n <= longest) {
            let size = Extent3d { width: i as u32, height: j as u32, depth_or_array_layers: k as u32 };
            match gpu.guarded(bytes, || texture(gpu, format, size)) {
                Ok(texture) => return Self::whole(gpu, volume, format, &texture, progress),
                Err(fault @ DeviceFault::OutOfMemory { .. }) => {
                    (room_bytes, refusal) = (bytes / 2, Some(fault));
                }
                Err(other) => return Err(other.into()),
            }
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

    fn whole(
        gpu: &Gpu,
        volume: &Arc<Volume>,
        format: Format,
        texture: &wgpu::Texture,
        progress: &Progress,
    ) -> Result<Self> {
        Writer { gpu, texture, progress }.write(volume.samples())?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let pages = || gpu.filled_buffer("pages", bytemuck::cast_slice(&NO_PAGES), usage);
        let (view, pages) = gpu.guarded(0, || (view_of(texture), pages()))?;
        let (leaps, inputs) = (Leaps::default(), KeptInputs::default());
        let (volume, filtering) = (Arc::clone(volume), gpu.filtering.clone());
        Ok(Self { volume, view, format, pages, bricks: None, leaps, inputs, filtering })
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

/// Hands samples over slab by slab.
struct Writer<'a> {
    gpu: &'a Gpu,
    texture: &'a wgpu::Texture,
    progress: &'a Progress,
}

impl Writer<'_> {
    fn write(&self, samples: &Samples) -> Result<()> {
        match samples {
            Samples::U8(a) => self.slabs(a, |s| s.iter().map(|&v| u16::from(v)).collect::<Cow<'_, [u16]>>()),
            Samples::I16(a) => {
                let unsigned = |v: &i16| v.cast_unsigned() ^ SIGN_BIAS;
                self.slabs(a, |s| s.iter().map(unsigned).collect::<Cow<'_, [u16]>>())
            }
            Samples::U16(a) => self.slabs(a, |s| Cow::Borrowed(s)),
            Samples::F32(a) => self.slabs(a, |s| Cow::Borrowed(s)),
            _ => {
                Err(Error::Unsupported { feature: format!("a volume of {} on the GPU", samples.type_name()) })
            }
        }
    }

    fn slabs<S, T: Pod>(&self, samples: &Array3<S>, texels: impl Fn(&[S]) -> Cow<'_, [T]>) -> Result<()> {
        let (slices, rows, columns) = samples.dim();
        // A volume's samples are contiguous, see `Volume::new`.
        let all = samples.as_slice().unwrap_or_default();
        let slice_len = rows * columns;
        let slab = (SLAB_BYTES / (slice_len * size_of::<T>()).max(1)).max(1);
        self.progress.start(slices as u64);
        let mut before: Option<wgpu::SubmissionIndex> = None;
        for (n, part) in all.chunks(slab * slice_len).enumerate() {
            self.progress.check()?;
            let depth = part.len() / slice_len;
            let layout = TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some((columns * size_of::<T>()) as u32),
                rows_per_image: Some(rows as u32),
            };
            let target = TexelCopyTextureInfo {
                texture: self.texture,
                mip_level: 0,
                origin: Origin3d { x: 0, y: 0, z: (n * slab) as u32 },
                aspect: wgpu::TextureAspect::All,
            };
            let size =
                Extent3d { width: columns as u32, height: rows as u32, depth_or_array_layers: depth as u32 };
            let submitted = self.gpu.guarded((slab * slice_len * size_of::<T>()) as u64, || {
                self.gpu.queue.write_texture(target, bytemuck::cast_slice(&texels(part)), layout, size);
                // What is written waits in the host's memory until it is submitted.
                self.gpu.queue.submit([])
            })?;
            if let Some(earlier) = before.replace(submitted) {
                self.gpu.wait(earlier)?;
            }
            self.progress.advance(depth as u64);
        }
        before.map_or(Ok(()), |last| Ok(self.gpu.wait(last)?))
    }
}
