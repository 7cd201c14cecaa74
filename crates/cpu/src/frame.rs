//! Pictures in the making, block by block.

use std::fmt;
use std::ops::Range;
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

/// The most blocks between two looks at the clock.
const MAX_BATCH: usize = 1024;

/// A picture in the making on the CPU.
pub struct CpuFrame<'a> {
    pool: &'a ThreadPool,
    kernel: Kernel<'a>,
    level: Level,
    rect: PixelRect,
    blocks: Blocks,
    next: usize,
    batch: usize,
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
            batch: 2 * pool.current_num_threads(),
            pixels: Pixels::blank(request.output, rect.width as usize * rect.height as usize)?,
            is_checkerboard: request.quality.pixels == PixelSubset::Checkerboard && !is_slice,
            plane,
            recipe: Recipe::new(request, Vec::new(), "cpu", None),
            slot,
            volume: &uploaded.volume,
        })
    }

    fn render_batch(&mut self) {
        let batch = self.next..(self.next + self.batch).min(self.blocks.len());
        self.next = batch.end;
        let Self { pool, kernel, level, blocks, pixels, .. } = self;
        let (level, blocks) = (*level, *blocks);
        let render = |n: usize| kernel.block(level, blocks.rect(n));
        pool.install(|| match pixels {
            Pixels::Grey8(whole) => fill(blocks, batch, whole, 1, |n| match render(n) {
                Pixels::Grey8(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Grey16(whole) => fill(blocks, batch, whole, 1, |n| match render(n) {
                Pixels::Grey16(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Rgba8(whole) => fill(blocks, batch, whole, 4, |n| match render(n) {
                Pixels::Rgba8(block) => block,
                _ => Vec::new(),
            }),
            Pixels::Values(whole) => fill(blocks, batch, whole, 1, |n| match render(n) {
                Pixels::Values(block) => block,
                _ => Vec::new(),
            }),
            // The kernel of a plan refuses others.
            _ => {}
        });
    }
}

impl Frame for CpuFrame<'_> {
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus> {
        let started = Instant::now();
        while self.next < self.blocks.len() {
            let batch_started = Instant::now();
            self.render_batch();
            if started.elapsed() >= budget {
                break;
            }
            if batch_started.elapsed() < budget / 8 {
                self.batch = (2 * self.batch).min(MAX_BATCH);
            } else if batch_started.elapsed() > budget / 2 {
                self.batch = (self.batch / 2).max(1);
            }
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

    /// The rows of the pixels of each block of a batch, of which each has so many parts, in those of the whole rectangle.
    fn places<'a, T>(&self, batch: Range<usize>, whole: &'a mut [T], parts: usize) -> Vec<Vec<&'a mut [T]>> {
        let mut places: Vec<Vec<&mut [T]>> =
            batch.clone().map(|_| Vec::with_capacity(self.size[1] as usize)).collect();
        let across = self.count[0] as usize;
        let stride = self.rect.width as usize * parts;
        let bands = batch.start / across..batch.end.div_ceil(across);
        let first = self.rect(bands.start * across).y - self.rect.y;
        let mut rows = whole.chunks_exact_mut(stride).skip(first as usize);
        for band in bands {
            for mut row in rows.by_ref().take(self.rect(band * across).height as usize) {
                for n in band * across..(band + 1) * across {
                    let (part, rest) = row.split_at_mut(self.rect(n).width as usize * parts);
                    if batch.contains(&n) {
                        places[n - batch.start].push(part);
                    }
                    row = rest;
                }
            }
        }
        places
    }
}

/// Renders blocks, and puts each into the rows of its pixels. A pixel has so many parts.
fn fill<T: Copy + Send>(
    blocks: Blocks,
    batch: Range<usize>,
    whole: &mut [T],
    parts: usize,
    render: impl Fn(usize) -> Vec<T> + Sync,
) {
    let places = blocks.places(batch.clone(), whole, parts);
    let work = batch.into_par_iter().zip(places).with_max_len(1);
    work.for_each(|(n, rows)| {
        let block = render(n);
        let width = blocks.rect(n).width as usize * parts;
        for (row, part) in rows.into_iter().zip(block.chunks_exact(width)) {
            row.copy_from_slice(part);
        }
    });
}
