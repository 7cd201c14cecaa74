//! Pictures in the making, block by block.

use std::fmt;
use std::time::{Duration, Instant};

use anatome_core::checkerboard::{Between, Rows};
use anatome_core::{
    Frame, FrameStatus, Image, PixelRect, PixelSubset, Pixels, PlaneGeometry, Recipe, Request, Result,
    Source, Volume,
};
use fearless_simd::Level;
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::CpuVolume;
use crate::kernel::Kernel;

/// A picture in the making on the CPU.
pub struct CpuFrame<'a> {
    pool: &'a ThreadPool,
    kernel: Kernel<'a>,
    level: Level,
    rect: PixelRect,
    blocks: Blocks,
    next: usize,
    pixels: Pixels,
    /// Whether half the pixels are made up from the others at the end.
    is_checkerboard: bool,
    plane: Option<PlaneGeometry>,
    /// Without its source, whose digest is needed last.
    recipe: Recipe,
    slot: String,
    volume: &'a Volume,
}

impl fmt::Debug for CpuFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuFrame")
            .field("rect", &self.rect)
            .field("next", &self.next)
            .field("blocks", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

impl<'a> CpuFrame<'a> {
    pub(crate) fn new(
        pool: &'a ThreadPool,
        level: Level,
        kernel: Kernel<'a>,
        request: &Request,
        uploaded: &'a CpuVolume,
        plane: Option<PlaneGeometry>,
    ) -> Result<Self> {
        let rect = request.rect();
        let slot = request.scene.layers.first().map(|layer| layer.slot.clone()).unwrap_or_default();
        let blocks = Blocks::new(rect, kernel.block_px());
        let is_slice = matches!(kernel, Kernel::Slice(_));
        Ok(Self {
            pool,
            kernel,
            level,
            rect,
            blocks,
            next: 0,
            pixels: Pixels::blank(request.output, rect.width as usize * rect.height as usize)?,
            is_checkerboard: request.quality.pixels == PixelSubset::Checkerboard && !is_slice,
            plane,
            recipe: Recipe::new(request, Vec::new(), "cpu", None),
            slot,
            volume: &uploaded.volume,
        })
    }

    /// Renders blocks until the deadline if there is one, at least one.
    fn render_until(&mut self, deadline: Option<Instant>) {
        let Self { pool, kernel, level, blocks, next, pixels, .. } = self;
        let (level, blocks, first) = (*level, *blocks, *next);
        let render = |n: usize| kernel.block(level, blocks.rect(n));
        *next += pool.install(|| match pixels {
            Pixels::Grey8(whole) => fill(blocks, first, deadline, whole, 1, |n| match render(n) {
                Pixels::Grey8(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Grey16(whole) => fill(blocks, first, deadline, whole, 1, |n| match render(n) {
                Pixels::Grey16(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Rgba8(whole) => fill(blocks, first, deadline, whole, 4, |n| match render(n) {
                Pixels::Rgba8(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Values(whole) => fill(blocks, first, deadline, whole, 1, |n| match render(n) {
                Pixels::Values(block) => block,
                _ => Vec::new(),
            }),
            // The kernel of a plan refuses others.
            _ => blocks.len() - first,
        });
    }
}

impl Frame for CpuFrame<'_> {
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus> {
        if self.next < self.blocks.len() {
            self.render_until(Instant::now().checked_add(budget));
        }
        if self.next == self.blocks.len() {
            return Ok(FrameStatus::Done);
        }
        Ok(FrameStatus::Pending { done: self.next as f64 / self.blocks.len() as f64 })
    }

    fn finish(mut self) -> Result<Image> {
        while self.next < self.blocks.len() {
            self.advance(Duration::from_secs(1))?;
        }
        if self.is_checkerboard {
            self.pool.install(|| make_up(&mut self.pixels, self.rect));
        }
        let digest = format!("{:016x}", self.volume.digest());
        self.recipe.sources.push(Source { slot: self.slot, digest });
        Image::new(self.rect.width, self.rect.height, self.pixels, self.plane, self.recipe)
    }
}

/// The rows of a checkerboard that a thread fills at a time.
const BAND_ROWS: usize = 32;

/// Makes up the pixels that a checkerboard lacks, on the threads of the current pool.
fn make_up(pixels: &mut Pixels, rect: PixelRect) {
    match pixels {
        Pixels::Grey8(pixels) => fill_bands(pixels, rect),
        Pixels::Grey16(pixels) => fill_bands(pixels, rect),
        Pixels::Rgba8(bytes) => fill_bands(bytes.as_chunks_mut::<4>().0, rect),
        // Requests for other pixels are refused.
        _ => {}
    }
}

fn fill_bands<P: Between + Send + Sync>(pixels: &mut [P], rect: PixelRect) {
    let (width, band) = (rect.width as usize, BAND_ROWS);
    let row = |y: usize| pixels.get(y * width..(y + 1) * width).unwrap_or_default().to_vec();
    let bands = (rect.height as usize).div_ceil(band);
    // What neighbours have computed, because they change while this is read.
    let around = |n: usize| [(n * band).checked_sub(1).map(row).unwrap_or_default(), row((n + 1) * band)];
    let around: Vec<[Vec<P>; 2]> = (0..bands).map(around).collect();
    let bands = pixels.par_chunks_mut(band * width).zip(around).enumerate();
    bands.for_each(|(n, (pixels, [above, below]))| {
        let first = [rect.x, rect.y + (n * band) as u32];
        Rows { pixels, width, first, above: &above, below: &below }.fill();
    });
}

/// The blocks that a rectangle of the whole picture touches, row by row. They are counted from the top left of the whole
/// picture.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    rect: PixelRect,
    size: [u32; 2],
    first: [u32; 2],
    count: [u32; 2],
}

impl Blocks {
    fn new(rect: PixelRect, [width, height]: [u32; 2]) -> Self {
        let first = [rect.x / width, rect.y / height];
        let end = [(rect.x + rect.width).div_ceil(width), (rect.y + rect.height).div_ceil(height)];
        Self { rect, size: [width, height], first, count: [end[0] - first[0], end[1] - first[1]] }
    }

    fn len(&self) -> usize {
        self.count[0] as usize * self.count[1] as usize
    }

    /// The part of a block inside the rectangle.
    fn rect(&self, n: usize) -> PixelRect {
        let n = n as u32;
        let (column, row) = (self.first[0] + n % self.count[0], self.first[1] + n / self.count[0]);
        let [width, height] = self.size;
        let x = (column * width).max(self.rect.x);
        let y = (row * height).max(self.rect.y);
        let right = ((column + 1) * width).min(self.rect.x + self.rect.width);
        let bottom = ((row + 1) * height).min(self.rect.y + self.rect.height);
        PixelRect { x, y, width: right - x, height: bottom - y }
    }

    /// The blocks from `first` on, and for each the rows of its pixels in those of the whole rectangle, of which each has so
    /// many parts.
    fn places<T>(
        self,
        first: usize,
        whole: &mut [T],
        parts: usize,
    ) -> impl Iterator<Item = (usize, Vec<&mut [T]>)> {
        let across = self.count[0] as usize;
        let width = move |n: usize| self.rect(n).width as usize * parts;
        let band = first / across;
        let above = (self.rect(band * across).y - self.rect.y) as usize;
        let stride = self.rect.width as usize * parts;
        let mut rows = whole.chunks_exact_mut(stride).skip(above);
        let bands = (band..self.count[1] as usize).flat_map(move |band| {
            let of_band = band * across..(band + 1) * across;
            let height = self.rect(of_band.start).height as usize;
            let mut places: Vec<_> = of_band.map(|n| (n, Vec::with_capacity(height))).collect();
            for mut row in rows.by_ref().take(height) {
                for (n, place) in &mut places {
                    let (part, rest) = row.split_at_mut(width(*n));
                    place.push(part);
                    row = rest;
                }
            }
            places
        });
        bands.skip(first % across)
    }
}

/// Renders blocks from `first` on until the deadline if there is one, at least one, and puts each into the rows of its pixels. A pixel has so
/// many parts. Returns how many there were.
fn fill<T: Copy + Send>(
    blocks: Blocks,
    first: usize,
    deadline: Option<Instant>,
    whole: &mut [T],
    parts: usize,
    render: impl Fn(usize) -> Vec<T> + Sync,
) -> usize {
    let mut taken = 0;
    // Each thread takes the next block when it is done with one, so that no more are begun than there is time for,
    // however much dearer they are than those before.
    let work = blocks.places(first, whole, parts).take_while(|_| {
        let is_time = taken == 0 || deadline.is_none_or(|deadline| Instant::now() < deadline);
        taken += usize::from(is_time);
        is_time
    });
    work.par_bridge().for_each(|(n, rows)| {
        let block = render(n);
        let width = blocks.rect(n).width as usize * parts;
        for (row, part) in rows.into_iter().zip(block.chunks_exact(width)) {
            row.copy_from_slice(part);
        }
    });
    taken
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    /// However dear blocks are that come after cheap ones, no more is begun than there is time for; and what is left is done
    /// by later calls, each block at its place.
    #[test]
    fn dear_blocks_after_cheap_ones_keep_to_the_time() {
        let rect = PixelRect { x: 3, y: 5, width: 90, height: 70 };
        let blocks = Blocks::new(rect, [8, 4]);
        let [cheap, dear] = [100, 3];
        assert!(cheap + dear < blocks.len());
        let render = |n: usize| {
            if (cheap..cheap + dear).contains(&n) {
                sleep(Duration::from_millis(50));
            }
            let PixelRect { width, height, .. } = blocks.rect(n);
            vec![n + 1; (width * height) as usize]
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread can be had");
        let mut whole = vec![0; (rect.width * rect.height) as usize];
        let (mut next, mut most_dear) = (0, 0);
        while next < blocks.len() {
            let deadline = Some(Instant::now() + Duration::from_millis(20));
            let taken = pool.install(|| fill(blocks, next, deadline, &mut whole, 1, render));
            assert!(taken > 0);
            let dear = (next..next + taken).filter(|n| (cheap..cheap + dear).contains(n)).count();
            most_dear = most_dear.max(dear);
            next += taken;
        }
        assert_eq!(most_dear, 1);
        for n in 0..blocks.len() {
            let PixelRect { x, y, width, height } = blocks.rect(n);
            for (x, y) in (y..y + height).flat_map(|y| (x..x + width).map(move |x| (x, y))) {
                assert_eq!(whole[((y - rect.y) * rect.width + x - rect.x) as usize], n + 1);
            }
        }
    }
}
