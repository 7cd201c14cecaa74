//! Volumes that are larger than a texture or a budget: cut into bricks, of which those that are needed now stand in a
//! texture. Each is kept with the neighbours that interpolation needs, so that it gives the same bits as the whole.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anatome_core::{DeviceFault, Error, Result, Sample, Samples, Volume};
use anatome_shaders::preprocess::Format;
use ndarray::{Array3, s};
use wgpu::{BufferUsages, Extent3d, Origin3d, TexelCopyBufferLayout, TexelCopyTextureInfo};

use crate::arrival::bytes_of as whole_bytes;
use crate::device::Gpu;
use crate::volume::{SIGN_BIAS, texel_bytes, texture};

/// The side of a brick in voxels, as in the shaders.
pub(crate) const BRICK: u32 = 32;
/// With the neighbours that are kept with it: one before and two after it.
const KEPT: u32 = BRICK + 3;
const KEPT_BEFORE: u32 = 1;
/// The most bricks along an axis of a texture: ten bits.
const MOST_ALONG: u32 = 1 << 10;
/// What a memory budget that is too small is too small for, in [`Error::Limits`].
pub const BUDGET_BYTES: &str = "bytes of a volume on the GPU";
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
    pub(crate) fn new([k, j, i]: [usize; 3]) -> Self {
        Self { count: [i, j, k].map(|n| (n as u32).div_ceil(BRICK)) }
    }

    pub(crate) fn len(self) -> usize {
        self.count.into_iter().map(|n| n as usize).product()
    }

    /// As many bricks as a pixel may need at most: those around a line through the volume. A [box](crate::needs) around a
    /// part of it touches at most two bricks along each axis, and from one part to the next both go on in one direction, so
    /// that each further brick along an axis is met with at most 2 x 2 along the others.
    pub(crate) fn of_pixel(self) -> u64 {
        let along: u64 = self.count.into_iter().map(u64::from).sum();
        (4 * along - 11).min(self.len() as u64)
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
    /// Room for bricks in at most `budget_bytes`, with their pages: for those that any picture needs at once. None is there
    /// yet.
    pub(crate) fn new(gpu: &Gpu, volume: &Arc<Volume>, format: Format, budget_bytes: u64) -> Result<Self> {
        let shape = volume.grid().shape();
        let cut = Cut::new(shape);
        let place_bytes = u64::from(KEPT).pow(3) * u64::from(texel_bytes(format));
        let texels = gpu.device.limits().max_texture_dimension_3d;
        let longest = (texels / KEPT).min(MOST_ALONG);
        let places = arrange(cut.len() as u64, budget_bytes / place_bytes, longest);
        let room = product(places);
        if room < cut.of_pixel() {
            let bricks = product(arrange(cut.of_pixel(), u64::MAX, longest)) * place_bytes;
            // Small volumes need less where they are whole.
            let may_be_whole = shape.into_iter().all(|n| n <= texels as usize);
            let needed = if may_be_whole { bricks.min(whole_bytes(format, shape)) } else { bricks };
            return Err(Error::Limits { what: BUDGET_BYTES, needed, allowed: budget_bytes });
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

    /// The bytes of so many bricks.
    pub(crate) fn bytes_of(&self, bricks: usize) -> u64 {
        bricks as u64 * u64::from(KEPT).pow(3) * u64::from(texel_bytes(self.format))
    }

    /// How many bricks can be there at once.
    pub(crate) fn room(&self) -> usize {
        product(self.places) as usize
    }

    /// To be held until the work that needs the bricks is submitted: until then none may go.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Residents> {
        self.residents.lock().unwrap_or_else(|poisoned| {
            // A panic elsewhere may have left pages of bricks that were not written.
            let mut residents = PoisonError::into_inner(poisoned);
            residents.forget();
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
        let page = |place| {
            let [x, y, z] = self.place(place);
            x | y << 10 | z << 20
        };
        residents.bring(needed, page, |moved, pages| {
            gpu.guarded(self.bytes_of(moved.len()), || {
                for &(brick, place) in moved {
                    self.write(gpu, brick, self.place(place));
                }
                gpu.queue.write_buffer(&self.pages, 0, bytemuck::cast_slice(pages));
            })
        })
    }

    /// Waits for what was submitted under this lock, and fails if it missed a brick.
    pub(crate) fn check(&self, gpu: &Gpu, residents: &mut Residents) -> Result<(), DeviceFault> {
        if gpu.read(&self.pages, 1)? == [0] {
            return Ok(());
        }
        gpu.guarded(4, || gpu.queue.write_buffer(&self.pages, 0, &[0; 4]))?;
        Err(residents.missed())
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
    /// The failure of work that missed a brick. All are brought anew.
    pub(crate) fn missed(&mut self) -> DeviceFault {
        self.forget();
        let reason = "a part of the volume was not there when it was needed".to_owned();
        DeviceFault::Validation { reason }
    }

    /// None is there.
    fn forget(&mut self) {
        self.places.fill((None, 0));
        let pages = self.pages.len().min(HEADER)..self.pages.len();
        self.pages[pages].fill(ABSENT);
    }

    /// Gives each brick that is needed and not there a place, and lets `write` fill these places and the pages. If that
    /// fails, nobody knows what stands where.
    fn bring(
        &mut self,
        needed: &[u32],
        page: impl Fn(usize) -> u32,
        write: impl FnOnce(&[(u32, usize)], &[u32]) -> Result<(), DeviceFault>,
    ) -> Result<(), DeviceFault> {
        self.now += 1;
        let missing = self.touch(needed);
        if missing.is_empty() {
            return Ok(());
        }
        let mut free: Vec<usize> = (0..self.places.len()).collect();
        free.retain(|&place| self.places[place].1 < self.now);
        free.sort_unstable_by_key(|&place| self.places[place].1);
        debug_assert!(missing.len() <= free.len(), "more bricks are needed at once than there are places");
        let moved: Vec<(u32, usize)> = missing.into_iter().zip(free).collect();
        for &(brick, place) in &moved {
            self.put(brick, place, page(place));
        }
        write(&moved, &self.pages).inspect_err(|_| self.forget())
    }

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

/// Places along x, y and z of a texture, at most `longest` along each, as few as there are for so many bricks; if those are
/// more than `most`, or there are none, as many as there are.
fn arrange(wanted: u64, most: u64, longest: u32) -> [u32; 3] {
    let most = most.min(u64::from(longest).pow(3));
    let mut best = [0; 3];
    // Textures are at least as wide as high, and as high as deep.
    for z in (1..=longest).take_while(|&z| u64::from(z).pow(3) <= most) {
        for y in (z..=longest).take_while(|&y| u64::from(z) * u64::from(y).pow(2) <= most) {
            let layer = u64::from(z) * u64::from(y);
            let x = wanted.div_ceil(layer).min(most / layer).min(u64::from(longest)) as u32;
            let [now, before] = [[x, y, z], best].map(product);
            let is_better = if before < wanted { now > before } else { wanted <= now && now < before };
            if is_better {
                best = [x, y, z];
            }
        }
    }
    best
}

fn product(places: [u32; 3]) -> u64 {
    places.into_iter().map(u64::from).product()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anatome_core::*;
    use anatome_testkit::Need;
    use glam::{DAffine3, DVec3};

    use super::*;
    use crate::{AdapterChoice, GpuRenderer};

    #[test]
    fn places_are_no_more_than_wanted_and_fit_a_texture() {
        let cases = [
            (5, u64::MAX, [5, 1, 1]),
            (0, u64::MAX, [0, 0, 0]),
            // A prime number, of which one place is left.
            (59, u64::MAX, [30, 2, 1]),
            (59, 59, [58, 1, 1]),
            (10_000, 780, [39, 20, 1]),
            (1_000_000, u64::MAX, [58, 58, 58]),
            (195_000, 0, [0, 0, 0]),
        ];
        for (wanted, most, expected) in cases {
            let places = arrange(wanted, most, 58);
            assert_eq!(product(places), product(expected), "{wanted}, {most}: {places:?}");
        }
        // Of textures of up to 16,384: hardly any of a budget is lost.
        for most in 64..20_000 {
            for longest in [58, 117, 468] {
                let room = product(arrange(u64::MAX, most, longest));
                assert!(room <= most && room * 50 > most * 49, "{room} of {most}");
            }
        }
    }

    /// As README and CHANGELOG say.
    #[test]
    fn sixty_four_megabytes_do_for_long_series() {
        for (slices, sample_bytes) in [(5000, 2), (2000, 4)] {
            let needed = Cut::new([slices, 512, 512]).of_pixel() * u64::from(KEPT).pow(3) * sample_bytes;
            assert!(needed <= 64 << 20, "{slices}: {needed}");
        }
    }

    fn empty(bricks: usize, places: usize) -> Residents {
        let mut pages = vec![0, bricks as u32, 1, 1];
        pages.resize(HEADER + bricks, ABSENT);
        Residents { pages, places: vec![(None, 0); places], now: 0 }
    }

    #[test]
    fn only_what_is_missing_is_written_in_place_of_what_was_not_needed_for_longest() {
        let mut residents = empty(5, 3);
        let mut bring = |needed: &[u32], expected: &[(u32, usize)], expected_pages: [u32; 5]| {
            let mut moved = Vec::new();
            let write = |now: &[(u32, usize)], pages: &[u32]| {
                moved = now.to_vec();
                assert_eq!(pages[HEADER..], expected_pages);
                Ok(())
            };
            residents.bring(needed, |place| 10 + place as u32, write).unwrap();
            assert_eq!(moved, expected);
        };
        bring(&[4, 0], &[(0, 0), (4, 1)], [10, ABSENT, ABSENT, ABSENT, 11]);
        bring(&[0, 1], &[(1, 2)], [10, 12, ABSENT, ABSENT, 11]);
        bring(&[1, 0], &[], [0; 5]);
        bring(&[2, 3], &[(2, 1), (3, 0)], [ABSENT, 12, 11, 10, ABSENT]);
    }

    /// Otherwise a later picture would show what stood there before.
    #[test]
    fn bricks_that_could_not_be_written_are_not_there() {
        let mut residents = empty(5, 3);
        let page = |place| place as u32;
        residents.bring(&[0, 1], page, |_, _| Ok(())).unwrap();
        let fault = residents.bring(&[1, 2, 3], page, |_, _| Err(DeviceFault::OutOfMemory { bytes: 1 }));
        assert!(matches!(fault, Err(DeviceFault::OutOfMemory { bytes: 1 })), "{fault:?}");
        let mut moved = Vec::new();
        let write = |now: &[(u32, usize)], pages: &[u32]| {
            moved = now.iter().map(|(brick, _)| *brick).collect();
            assert_eq!(pages[HEADER..].iter().filter(|&&page| page != ABSENT).count(), 2);
            Ok(())
        };
        residents.bring(&[1, 2], page, write).unwrap();
        assert_eq!(moved, [1, 2]);
    }

    /// 5 x 5 x 5 bricks, of which 65 are there at most; and a slice through the first layer of them.
    fn scene() -> (Arc<Volume>, Request) {
        let shape = [160, 140, 140];
        let samples = Array3::from_shape_fn((160, 140, 140), |(k, j, i)| ((k * 7 + j * 3 + i) % 256) as u8);
        let grid = Grid::even(shape, DAffine3::IDENTITY).unwrap();
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let facts = Facts::new(Modality::Ct);
        let volume = Volume::new(grid, Samples::U8(samples), mapping, None, facts).unwrap();
        let plane = SlicePlane {
            center_mm: DVec3::new(69.5, 69.5, 10.0),
            right: DVec3::X,
            down: DVec3::Y,
            width_mm: 140.0,
        };
        let voi = Voi::Window(Window::new(128.0, 256.0, WindowFunction::Linear).unwrap());
        let appearance = Appearance::Grey { voi, invert: false, colors: None };
        let scene = Scene::of_primary(View::Slice { plane }, appearance);
        (Arc::new(volume), Request::new(scene, [140, 140], Output::Values))
    }

    /// The shader marks what it misses in a word that all pictures of a volume share.
    #[test]
    fn a_missed_brick_fails_the_picture_that_missed_it_and_no_other() {
        let Ok(renderer) = GpuRenderer::open(&AdapterChoice::Number(1)) else {
            return Need::Gpu.is_missing("no adapter opens");
        };
        let renderer = renderer.with_memory_budget(5_600_000);
        let (volume, request) = scene();
        let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
        let render = || renderer.render(&request, &Bindings::primary(&uploaded), &Progress::new());
        let expected = render().unwrap();
        let gpu = &renderer.gpu;
        let bricks = uploaded.bricks.as_ref().unwrap();
        // Bricks at i = 96 to 127, which the second batch needs and the first does not.
        for brick in (0..bricks.cut.len()).filter(|brick| brick % 5 == 3) {
            let at = 4 * (HEADER + brick) as u64;
            gpu.queue.write_buffer(&bricks.pages, at, bytemuck::bytes_of(&ABSENT));
        }
        let mut whole = renderer.begin(&request, &Bindings::primary(&uploaded)).unwrap();
        let first = whole.advance(Duration::ZERO).unwrap();
        assert!(matches!(first, FrameStatus::Pending { .. }), "the second batch is in flight");
        let region = Some(PixelRect { x: 0, y: 0, width: 48, height: 140 });
        let left = Request { region, ..request.clone() };
        renderer.render(&left, &Bindings::primary(&uploaded), &Progress::new()).unwrap();
        let missed = whole.finish().unwrap_err();
        assert!(matches!(missed, Error::Device(DeviceFault::Validation { .. })), "{missed}");
        assert_eq!(render().unwrap().pixels(), expected.pixels());
        // Work on cells looks for bricks, too.
        let mut residents = bricks.lock();
        bricks.check(gpu, &mut residents).unwrap();
        gpu.queue.write_buffer(&bricks.pages, 0, &[1, 0, 0, 0]);
        assert!(bricks.check(gpu, &mut residents).is_err());
        bricks.check(gpu, &mut residents).unwrap();
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
