//! Volumes that go whole into a texture: at once, or slice by slice while others are still decoded.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anatome_core::{DeviceFault, Progress, Renderer as _, Result, SliceSamples, Volume};
use anatome_shaders::preprocess::Format;
use bytemuck::{Pod, cast_slice};
use wgpu::{Extent3d, Origin3d, SubmissionIndex, TexelCopyBufferLayout, TexelCopyTextureInfo};

use crate::device::Gpu;
use crate::volume::{SIGN_BIAS, format_of, texel_bytes, texture};
use crate::{GpuRenderer, GpuVolume};

/// About how much of a volume is converted at a time.
const SLAB_BYTES: usize = 4 << 20;
/// About how much waits in the host's memory until the GPU has taken it; twice that at most.
const WAITING_BYTES: usize = 16 << 20;

/// A texture as large as a volume, which is filled with its slices.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    pub(crate) gpu: &'a Gpu,
    pub(crate) texture: wgpu::Texture,
    pub(crate) format: Format,
    /// The volume's, `[k, j, i]`.
    shape: [usize; 3],
    are_there: Vec<AtomicBool>,
    waiting: Mutex<Waiting>,
}

/// What was written and is not known to have been taken.
#[derive(Debug, Default)]
struct Waiting {
    bytes: usize,
    before: Option<SubmissionIndex>,
}

impl<'a> Filling<'a> {
    /// Room for a volume; `None` if it is larger than a texture or a budget.
    pub(crate) fn new(
        gpu: &'a Gpu,
        format: Format,
        shape: [usize; 3],
        budget_bytes: u64,
    ) -> Result<Option<Self>, DeviceFault> {
        let bytes = bytes_of(format, shape);
        let longest = gpu.device.limits().max_texture_dimension_3d as usize;
        if bytes > budget_bytes || shape.into_iter().any(|n| n > longest) {
            return Ok(None);
        }
        let [k, j, i] = shape;
        let size = Extent3d { width: i as u32, height: j as u32, depth_or_array_layers: k as u32 };
        let texture = gpu.guarded(bytes, || texture(gpu, format, size))?;
        let are_there = (0..k).map(|_| AtomicBool::new(false)).collect();
        Ok(Some(Self { gpu, texture, format, shape, are_there, waiting: Mutex::default() }))
    }

    /// Writes slices from number `k` on. Waits while too much is on its way.
    fn write(&self, k: usize, samples: SliceSamples<'_>) -> Result<(), DeviceFault> {
        match samples {
            SliceSamples::U8(s) => self.write_texels(k, &s.iter().map(|&v| u16::from(v)).collect::<Vec<_>>()),
            SliceSamples::I16(s) => {
                let unsigned = |v: &i16| v.cast_unsigned() ^ SIGN_BIAS;
                self.write_texels(k, &s.iter().map(unsigned).collect::<Vec<_>>())
            }
            SliceSamples::U16(s) => self.write_texels(k, s),
            SliceSamples::F32(s) => self.write_texels(k, s),
            other => {
                let reason = format!("{} samples, for which there is no texture", other.type_name());
                Err(DeviceFault::Validation { reason })
            }
        }
    }

    fn write_texels<T: Pod>(&self, k: usize, texels: &[T]) -> Result<(), DeviceFault> {
        let [_, rows, columns] = self.shape;
        let depth = texels.len() / (rows * columns).max(1);
        let Some(are_there) = self.are_there.get(k..k + depth) else { return Ok(()) };
        let layout = TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(columns as u32 * texel_bytes(self.format)),
            rows_per_image: Some(rows as u32),
        };
        let target = TexelCopyTextureInfo {
            texture: &self.texture,
            mip_level: 0,
            origin: Origin3d { x: 0, y: 0, z: k as u32 },
            aspect: wgpu::TextureAspect::All,
        };
        let size =
            Extent3d { width: columns as u32, height: rows as u32, depth_or_array_layers: depth as u32 };
        let bytes: &[u8] = cast_slice(texels);
        self.gpu.guarded(bytes.len() as u64, || self.gpu.queue.write_texture(target, bytes, layout, size))?;
        are_there.iter().for_each(|slice| slice.store(true, Ordering::Release));
        self.hand_over(bytes.len(), WAITING_BYTES)
    }

    /// Has the GPU take what was written, if that is as much as `most`, and waits for what was handed over before.
    fn hand_over(&self, more: usize, most: usize) -> Result<(), DeviceFault> {
        let before = {
            // What a panic elsewhere left is whole.
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.bytes += more;
            if waiting.bytes < most {
                return Ok(());
            }
            waiting.bytes = 0;
            // What is written waits in the host's memory until it is submitted.
            let now = self.gpu.guarded(0, || self.gpu.queue.submit([]))?;
            waiting.before.replace(now)
        };
        before.map_or(Ok(()), |before| self.gpu.wait(before))
    }

    /// Writes the slices of a volume that are not there yet, and waits for all.
    pub(crate) fn complete(&self, volume: &Volume, progress: &Progress) -> Result<()> {
        let [slices, rows, columns] = self.shape;
        let slice_bytes = bytes_of(self.format, [1, rows, columns]) as usize;
        let slab = (SLAB_BYTES / slice_bytes.max(1)).max(1);
        progress.start(slices as u64);
        let mut missing = Vec::new();
        for k in 0..slices {
            if self.are_there[k].load(Ordering::Acquire) {
                progress.advance(1);
                continue;
            }
            match missing.last_mut() {
                Some(Range { start, end }) if *end == k && k - *start < slab => *end = k + 1,
                _ => missing.push(k..k + 1),
            }
        }
        for k in missing {
            progress.check()?;
            let count = k.len() as u64;
            if let Some(samples) = volume.samples().slices(k.clone()) {
                self.write(k.start, samples)?;
            }
            progress.advance(count);
        }
        // The second submission waits for the first.
        self.hand_over(0, 0)?;
        Ok(self.hand_over(0, 0)?)
    }
}

/// The bytes of a texture; the most that can be counted if they are more.
pub(crate) fn bytes_of(format: Format, shape: [usize; 3]) -> u64 {
    shape.into_iter().fold(u64::from(texel_bytes(format)), |product, n| {
        product.saturating_mul(u64::try_from(n).unwrap_or(u64::MAX))
    })
}

/// A volume on its way to a GPU, of which slices may come before it is whole: in any order, from several threads.
///
/// It is a help only. Slices that don't come, and all of a volume that doesn't go whole into a texture, are written by
/// [`GpuRenderer::upload_arrived`].
#[derive(Debug)]
pub struct GpuArrival<'a> {
    gpu: &'a Gpu,
    shape: [usize; 3],
    budget_bytes: u64,
    /// With the samples' type; made for the first slice. Nothing if it can't be.
    filling: OnceLock<Option<(&'static str, Filling<'a>)>>,
    has_failed: AtomicBool,
}

impl GpuArrival<'_> {
    /// Takes a slice: what stands at number `k` of the volume that is coming. Waits while too much is on its way to the
    /// GPU.
    pub fn slice(&self, k: usize, samples: SliceSamples<'_>) {
        if self.has_failed.load(Ordering::Relaxed) {
            return;
        }
        let room = || {
            let format = format_of(self.gpu, samples.type_name()).ok()?;
            let filling = Filling::new(self.gpu, format, self.shape, self.budget_bytes).ok()??;
            Some((samples.type_name(), filling))
        };
        let Some((type_name, filling)) = self.filling.get_or_init(room) else { return };
        // Whoever uploads the volume finds out why.
        if *type_name == samples.type_name() && filling.write(k, samples).is_err() {
            self.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

impl GpuRenderer {
    /// Makes ready for slices of a volume of a shape, `[k, j, i]`, that is still being decoded. Nothing is allocated until
    /// the first comes.
    #[must_use]
    pub fn receive(&self, shape: [usize; 3]) -> GpuArrival<'_> {
        let (gpu, budget_bytes) = (&self.gpu, self.memory_budget_bytes);
        GpuArrival { gpu, shape, budget_bytes, filling: OnceLock::new(), has_failed: AtomicBool::new(false) }
    }

    /// As [`upload`](anatome_core::Renderer::upload), of a volume of which slices have arrived: only the others are
    /// written. Its samples must be those that came; its mapping, padding and facts may be others. If its shape or type is
    /// another one, because slices were left out, it is uploaded as if nothing had come.
    ///
    /// # Errors
    /// As `upload`.
    pub fn upload_arrived(
        &self,
        volume: &Arc<Volume>,
        arrival: GpuArrival<'_>,
        progress: &Progress,
    ) -> Result<GpuVolume> {
        let GpuArrival { gpu, shape, filling, has_failed, .. } = arrival;
        let is_of_volume = shape == volume.grid().shape() && std::ptr::eq(gpu, &raw const *self.gpu);
        match filling.into_inner().flatten() {
            Some((type_name, filling))
                if is_of_volume && type_name == volume.samples().type_name() && !has_failed.into_inner() =>
            {
                progress.check()?;
                GpuVolume::whole(&filling, volume, progress)
            }
            _ => self.upload(volume, progress),
        }
    }
}
