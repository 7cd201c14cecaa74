//! Volumes on the GPU.

use std::borrow::Cow;
use std::sync::Arc;

use anatome_core::{Error, Progress, Result, Samples, Uploaded, Volume};
use anatome_shaders::preprocess::Format;
use bytemuck::Pod;
use ndarray::Array3;
use wgpu::{Extent3d, Origin3d, TexelCopyBufferLayout, TexelCopyTextureInfo};

use crate::cells::Leaps;
use crate::device::Gpu;

/// About how much is handed to the driver at a time.
const SLAB_BYTES: usize = 16 << 20;

/// What is added to signed samples, so that all 16-bit samples are unsigned on the GPU.
const SIGN_BIAS: u16 = 1 << 15;

/// A volume in a 3D texture.
#[derive(Debug)]
pub struct GpuVolume {
    volume: Arc<Volume>,
    pub(crate) view: wgpu::TextureView,
    pub(crate) format: Format,
    pub(crate) leaps: Leaps,
}

impl Uploaded for GpuVolume {
    fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }
}

impl GpuVolume {
    /// What was added to the stored samples of a volume to give the texture's.
    pub(crate) fn bias(volume: &Volume) -> f32 {
        if matches!(volume.samples(), Samples::I16(_)) { f32::from(SIGN_BIAS) } else { 0.0 }
    }

    pub(crate) fn upload(
        gpu: &Gpu,
        volume: &Arc<Volume>,
        memory_limit_bytes: u64,
        progress: &Progress,
    ) -> Result<Self> {
        let (format, texture_format) = match volume.samples() {
            Samples::F32(_) => (Format::Float32, wgpu::TextureFormat::R32Float),
            _ if gpu.device.features().contains(wgpu::Features::TEXTURE_FORMAT_16BIT_NORM) => {
                (Format::Unorm16, wgpu::TextureFormat::R16Unorm)
            }
            _ => (Format::Uint16, wgpu::TextureFormat::R16Uint),
        };
        let size = checked_size(gpu, volume, format, memory_limit_bytes)?;
        let bytes = bytes_of(size, format);
        let texture = gpu.guarded(bytes, || {
            gpu.device.create_texture(&wgpu::TextureDescriptor {
                label: Some("volume"),
                size,
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D3,
                format: texture_format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        })?;
        Writer { gpu, texture: &texture, progress }.write(volume.samples())?;
        let view = gpu.guarded(0, || texture.create_view(&wgpu::TextureViewDescriptor::default()))?;
        Ok(Self { volume: Arc::clone(volume), view, format, leaps: Leaps::default() })
    }
}

fn texel_bytes(format: Format) -> u32 {
    if format == Format::Float32 { 4 } else { 2 }
}

fn bytes_of(size: Extent3d, format: Format) -> u64 {
    [size.width, size.height, size.depth_or_array_layers, texel_bytes(format)]
        .into_iter()
        .fold(1, |product, n| product.saturating_mul(u64::from(n)))
}

/// The size of the texture, if the device can hold it.
fn checked_size(gpu: &Gpu, volume: &Volume, format: Format, memory_limit_bytes: u64) -> Result<Extent3d> {
    let allowed = gpu.device.limits().max_texture_dimension_3d;
    let side = |n: usize| {
        u32::try_from(n).ok().filter(|&n| n <= allowed).ok_or(Error::Limits {
            what: "the volume's longest side on the GPU, in voxels,",
            needed: n as u64,
            allowed: u64::from(allowed),
        })
    };
    let [k, j, i] = volume.grid().shape();
    let size = Extent3d { width: side(i)?, height: side(j)?, depth_or_array_layers: side(k)? };
    let needed = bytes_of(size, format);
    if needed > memory_limit_bytes {
        return Err(Error::Limits {
            what: "the volume's bytes on the GPU",
            needed,
            allowed: memory_limit_bytes,
        });
    }
    Ok(size)
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
