//! Volumes that are larger than a texture or a budget: cut into bricks, of which those that are needed now stand in a
//! texture. Each is kept with the neighbours that interpolation needs, so that it gives the same bits as the whole.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anatome_core::{DeviceFault, Error, Result, Sample, Samples, Volume};
use anatome_shaders::preprocess::Format;
use ndarray::{Array3, s};
use wgpu::{BufferUsages, Extent3d, Origin3d, TexelCopyBufferLayout, TexelCopyTextureInfo};

use crate::device::Gpu;
use crate::volume::{SIGN_BIAS, texel_bytes, texture};

/// The side of a brick in voxels, as in the shaders.
pub(crate) const BRICK: u32 = 32;
/// With the neighbours that are kept with it: one before and two after it.
const KEPT: u32 = BRICK + 3;
const KEPT_BEFORE: u32 = 1;
/// The most bricks along an axis of a texture: ten bits.
const MOST_ALONG: u32 = 1 << 10;
/// A tile of a slice needs a few bricks, one of a rendering those along its rays. Fewer than this help nobody.
const LEAST_PLACES: u64 = 64;
/// Words before the pages: whether a brick was missed, and the number of bricks along each axis.
const HEADER: usize = 4;
const ABSENT: u32 = u32::MAX;

/// The pages of a volume that is whole: none is looked at.
pub(crate) const NO_PAGES: [u32; HEADER + 1] = [0, 1, 1, 1, ABSENT];

/// How a volume is cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cut {
    /// The number of bricks along i, j and k.
    pub(crate) count: [u32; 3],
}

impl Cut {
    fn new([k, j, i]: [usize; 3]) -> Self {
        Self { count: [i, j, k].map(|n| (n as u32).div_ceil(BRICK)) }
    }

    pub(crate) fn len(self) -> usize {
        self.count.into_iter().map(|n| n as usize).product()
    }

    /// The number of a brick, i fastest.
    pub(crate) fn number(self, [a, b, c]: [u32; 3]) -> u32 {
        (c * self.count[1] + b) * self.count[0] + a
    }

    fn at(self, number: u32) -> [u32; 3] {
        let [across, down, _] = self.count;
        [number % across, number / across % down, number / (across * down)]
    }
}

/// A volume as bricks.
#[derive(Debug)]
pub(crate) struct Bricks {
    pub(crate) cut: Cut,
    volume: Arc<Volume>,
    texture: wgpu::Texture,
    format: Format,
    /// The places for bricks along x, y and z of the texture.
    places: [u32; 3],
    pages: wgpu::Buffer,
    residents: Mutex<Residents>,
}

/// Which bricks stand where.
#[derive(Debug)]
pub(crate) struct Residents {
    /// The pages as the GPU has them.
    pages: Vec<u32>,
    /// For each place, the brick that stands there and when it was last needed.
    places: Vec<(Option<u32>, u64)>,
    now: u64,
}

impl Bricks {
    /// Room for bricks in at most `budget_bytes`, with their pages. None is there yet.
    pub(crate) fn new(gpu: &Gpu, volume: &Arc<Volume>, format: Format, budget_bytes: u64) -> Result<Self> {
        let cut = Cut::new(volume.grid().shape());
        let place_bytes = u64::from(KEPT).pow(3) * u64::from(texel_bytes(format));
        let longest = gpu.device.limits().max_texture_dimension_3d / KEPT;
        let wanted = (cut.len() as u64).min(budget_bytes / place_bytes);
        let places = arrange(wanted, longest.min(MOST_ALONG));
        let room: u64 = places.into_iter().map(u64::from).product();
        let least = LEAST_PLACES.min(cut.len() as u64);
        if room < least {
            let needed = least * place_bytes;
            return Err(Error::Limits { what: "bytes for bricks on the GPU", needed, allowed: budget_bytes });
        }
        let [width, height, depth_or_array_layers] = places.map(|n| n * KEPT);
        let size = Extent3d { width, height, depth_or_array_layers };
        let mut words = vec![0, cut.count[0], cut.count[1], cut.count[2]];
        words.resize(HEADER + cut.len(), ABSENT);
        let texture = gpu.guarded(room * place_bytes, || texture(gpu, format, size))?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let bytes: &[u8] = bytemuck::cast_slice(&words);
        let pages = gpu.guarded(bytes.len() as u64, || gpu.filled_buffer("pages", bytes, usage))?;
        let residents = Residents { pages: words, places: vec![(None, 0); room as usize], now: 0 };
        let volume = Arc::clone(volume);
        Ok(Self { cut, volume, texture, format, places, pages, residents: Mutex::new(residents) })
    }

    pub(crate) fn texture(&self) -> &wgpu::Texture {
        &self.texture
    }

    pub(crate) fn pages(&self) -> &wgpu::Buffer {
        &self.pages
    }

    /// How many bricks can be there at once.
    pub(crate) fn room(&self) -> usize {
        self.places.into_iter().map(|n| n as usize).product()
    }

    /// To be held until the work that needs the bricks is submitted: until then none may go.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Residents> {
        // After a panic elsewhere pages may tell of a brick that was not written: it is noticed by no one, so start anew.
        self.residents.lock().unwrap_or_else(|poisoned| {
            let mut residents = PoisonError::into_inner(poisoned);
            residents.places.fill((None, 0));
            let pages = residents.pages.len().min(HEADER)..residents.pages.len();
            residents.pages[pages].fill(ABSENT);
            residents
        })
    }

    /// Brings bricks, at most as many as there is room for, in place of those that were not needed for longest.
    pub(crate) fn bring(
        &self,
        gpu: &Gpu,
        residents: &mut Residents,
        needed: &[u32],
    ) -> Result<(), DeviceFault> {
        residents.now += 1;
        let missing = residents.touch(needed);
        if missing.is_empty() {
            return Ok(());
        }
        let mut free: Vec<usize> = (0..residents.places.len()).collect();
        let now = residents.now;
        free.retain(|&place| residents.places[place].1 < now);
        free.sort_unstable_by_key(|&place| residents.places[place].1);
        let bytes = missing.len() as u64 * u64::from(KEPT).pow(3) * u64::from(texel_bytes(self.format));
        gpu.guarded(bytes, || {
            for (brick, place) in missing.into_iter().zip(free) {
                let [x, y, z] = self.place(place);
                residents.put(brick, place, x | y << 10 | z << 20);
                self.write(gpu, brick, [x, y, z]);
            }
            gpu.queue.write_buffer(&self.pages, 0, bytemuck::cast_slice(&residents.pages));
        })
    }

    fn place(&self, number: usize) -> [u32; 3] {
        let [across, down, _] = self.places;
        let number = number as u32;
        [number % across, number / across % down, number / (across * down)]
    }

    /// Writes a brick and its neighbours, as far as the volume goes.
    fn write(&self, gpu: &Gpu, brick: u32, place: [u32; 3]) {
        let shape = self.volume.grid().shape();
        let kept: [Range<usize>; 3] = std::array::from_fn(|axis| {
            let first = (self.cut.at(brick)[axis] * BRICK) as usize;
            first.saturating_sub(KEPT_BEFORE as usize)..(first + BRICK as usize + 2).min(shape[2 - axis])
        });
        // Where there is nothing before the first brick, its place begins with what is never looked at.
        let origin: [u32; 3] = std::array::from_fn(|axis| {
            place[axis] * KEPT + if self.cut.at(brick)[axis] == 0 { KEPT_BEFORE } else { 0 }
        });
        let texels = match self.volume.samples() {
            Samples::U8(a) => bytes_of(a, &kept, u16::from),
            Samples::I16(a) => bytes_of(a, &kept, |v| v.cast_unsigned() ^ SIGN_BIAS),
            Samples::U16(a) => bytes_of(a, &kept, |v| v),
            Samples::F32(a) => bytes_of(a, &kept, |v| v),
            // Refused when room was made.
            _ => return,
        };
        let [width, height, depth_or_array_layers] = [0, 1, 2].map(|axis| kept[axis].len() as u32);
        let layout = TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * texel_bytes(self.format)),
            rows_per_image: Some(height),
        };
        let target = TexelCopyTextureInfo {
            texture: &self.texture,
            mip_level: 0,
            origin: Origin3d { x: origin[0], y: origin[1], z: origin[2] },
            aspect: wgpu::TextureAspect::All,
        };
        gpu.queue.write_texture(target, &texels, layout, Extent3d { width, height, depth_or_array_layers });
    }
}

impl Residents {
    /// Marks bricks as needed now; those of them that are not there.
    fn touch(&mut self, needed: &[u32]) -> Vec<u32> {
        let needed_now: std::collections::HashSet<u32> = needed.iter().copied().collect();
        let mut missing = needed_now.clone();
        for (brick, used) in &mut self.places {
            if let Some(brick) = brick
                && needed_now.contains(brick)
            {
                *used = self.now;
                missing.remove(brick);
            }
        }
        let mut missing: Vec<u32> = missing.into_iter().collect();
        missing.sort_unstable();
        missing
    }

    fn put(&mut self, brick: u32, place: usize, page: u32) {
        let before = std::mem::replace(&mut self.places[place], (Some(brick), self.now)).0;
        if let Some(before) = before {
            self.pages[HEADER + before as usize] = ABSENT;
        }
        self.pages[HEADER + brick as usize] = page;
    }
}

/// The texels of a box of samples, i fastest.
fn bytes_of<S: Sample, T: bytemuck::Pod>(
    samples: &Array3<S>,
    [i, j, k]: &[Range<usize>; 3],
    texel: impl Fn(S) -> T,
) -> Vec<u8> {
    let part = samples.slice(s![k.clone(), j.clone(), i.clone()]);
    let texels: Vec<T> = part.iter().map(|&sample| texel(sample)).collect();
    bytemuck::cast_slice(&texels).to_vec()
}

/// Places along x, y and z for at most so many bricks, of which at most `longest` along an axis.
fn arrange(wanted: u64, longest: u32) -> [u32; 3] {
    let mut left = wanted;
    [0; 3].map(|_| {
        let along = left.min(u64::from(longest)) as u32;
        left /= u64::from(along.max(1));
        along
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_no_more_than_wanted_and_fit_a_texture() {
        for (wanted, expected) in [(5, [5, 1, 1]), (780, [58, 13, 1]), (10_000, [58, 58, 2]), (0, [0, 0, 0])]
        {
            assert_eq!(arrange(wanted, 58), expected);
        }
    }

    #[test]
    fn bricks_are_numbered_as_the_shaders_do() {
        let cut = Cut::new([70, 33, 32]);
        assert_eq!(cut.count, [1, 2, 3]);
        assert_eq!(cut.len(), 6);
        for number in 0..6 {
            assert_eq!(cut.number(cut.at(number)), number);
        }
        assert_eq!(cut.number([0, 1, 2]), 5);
        let source = anatome_shaders::slice::SHADER.variants[0].source;
        assert!(source.contains(&format!("const BRICK = {BRICK};")));
        assert!(source.contains(&format!("const KEPT = {KEPT};")));
        assert!(source.contains(&format!("const KEPT_BEFORE = {KEPT_BEFORE};")));
    }
}
