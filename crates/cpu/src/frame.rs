//! Pictures in the making, block by block.

use std::fmt;
use std::time::{Duration, Instant};

use anatome_core::{
    Frame, FrameStatus, Image, PixelRect, Pixels, PlaneGeometry, Recipe, Request, Result, Source,
};
use fearless_simd::Level;
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::CpuVolume;
use crate::kernel::Kernel;

/// The side of the blocks that threads work on, in pixels: whole tiles, counted from the top left of the whole picture.
const BLOCK_PX: u32 = 32;
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
    plane: Option<PlaneGeometry>,
    recipe: Recipe,
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
        uploaded: &CpuVolume,
        plane: Option<PlaneGeometry>,
    ) -> Self {
        let rect = request.rect();
        let digest = format!("{:016x}", uploaded.volume.digest());
        let slot = request.scene.layers.first().map(|layer| layer.slot.clone()).unwrap_or_default();
        Self {
            pool,
            kernel,
            level,
            rect,
            blocks: Blocks::new(rect),
            next: 0,
            batch: 2 * pool.current_num_threads(),
            pixels: Pixels::blank(request.output, rect.width as usize * rect.height as usize),
            plane,
            recipe: Recipe::new(request, vec![Source { slot, digest }], "cpu", None),
        }
    }

    fn render_batch(&mut self) {
        let end = (self.next + self.batch).min(self.blocks.len());
        let (kernel, level, blocks) = (&self.kernel, self.level, &self.blocks);
        let rendered: Vec<(PixelRect, Pixels)> = self.pool.install(|| {
            let batch = (self.next..end).into_par_iter().with_max_len(1);
            batch.map(|n| (blocks.rect(n), kernel.block(level, blocks.rect(n)))).collect()
        });
        for (rect, block) in &rendered {
            paste(&mut self.pixels, self.rect, block, *rect);
        }
        self.next = end;
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
        Image::new(self.rect.width, self.rect.height, self.pixels, self.plane, self.recipe)
    }
}

/// The blocks that a rectangle of the whole picture touches, row by row.
#[derive(Clone, Copy, Debug)]
struct Blocks {
    rect: PixelRect,
    first: [u32; 2],
    count: [u32; 2],
}

impl Blocks {
    fn new(rect: PixelRect) -> Self {
        let first = [rect.x / BLOCK_PX, rect.y / BLOCK_PX];
        let end = [(rect.x + rect.width).div_ceil(BLOCK_PX), (rect.y + rect.height).div_ceil(BLOCK_PX)];
        Self { rect, first, count: [end[0] - first[0], end[1] - first[1]] }
    }

    fn len(&self) -> usize {
        self.count[0] as usize * self.count[1] as usize
    }

    /// The part of a block inside the rectangle.
    fn rect(&self, n: usize) -> PixelRect {
        let n = n as u32;
        let (column, row) = (self.first[0] + n % self.count[0], self.first[1] + n / self.count[0]);
        let x = (column * BLOCK_PX).max(self.rect.x);
        let y = (row * BLOCK_PX).max(self.rect.y);
        let right = ((column + 1) * BLOCK_PX).min(self.rect.x + self.rect.width);
        let bottom = ((row + 1) * BLOCK_PX).min(self.rect.y + self.rect.height);
        PixelRect { x, y, width: right - x, height: bottom - y }
    }
}

/// Copies the pixels of `rect` into those of `whole`.
fn paste(target: &mut Pixels, whole: PixelRect, block: &Pixels, rect: PixelRect) {
    match (target, block) {
        (Pixels::Grey8(target), Pixels::Grey8(block)) => paste_rows(target, whole, block, rect, 1),
        (Pixels::Grey16(target), Pixels::Grey16(block)) => paste_rows(target, whole, block, rect, 1),
        (Pixels::Rgba8(target), Pixels::Rgba8(block)) => paste_rows(target, whole, block, rect, 4),
        (Pixels::Values(target), Pixels::Values(block)) => paste_rows(target, whole, block, rect, 1),
        // Kernels give the form that was asked for.
        _ => {}
    }
}

fn paste_rows<T: Copy>(target: &mut [T], whole: PixelRect, block: &[T], rect: PixelRect, parts: usize) {
    let (width, stride) = (rect.width as usize * parts, whole.width as usize * parts);
    let left = (rect.x - whole.x) as usize * parts;
    let rows = target.chunks_exact_mut(stride).skip((rect.y - whole.y) as usize);
    for (row, part) in rows.zip(block.chunks_exact(width)) {
        row[left..left + width].copy_from_slice(part);
    }
}
