//! A picture in the making: batches of tiles, two in flight, read back as they finish.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anatome_core::plan::{Plan, TILE_PX};
use anatome_core::{DeviceFault, Frame, FrameStatus, Image, PixelRect, Pixels, Recipe, Request, Result};
use wgpu::{BufferUsages, MapMode};

use crate::device::Gpu;
use crate::gpu_data::Tile;
use crate::pipeline::Pipeline;

const TILE_PIXELS: usize = (TILE_PX * TILE_PX) as usize;
const TILE_BYTES: u64 = 4 * TILE_PIXELS as u64;

/// The most tiles in a batch: 16 MiB of words, and fewer workgroups than any adapter's limit of 65,535.
const MAX_BATCH: u32 = 16_384;
/// The first batch is small, because nothing is known yet of how long a tile takes.
const FIRST_BATCH: u32 = 16;
/// No batch should take longer: drivers end programs that hold a GPU for seconds, and other windows want to be drawn.
pub(crate) const LONGEST: Duration = Duration::from_millis(50);
/// Below this a batch may be larger.
pub(crate) const SHORT: Duration = Duration::from_millis(20);

/// What all batches of a frame share.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) pipeline: Pipeline,
    pub(crate) buffers: Vec<(&'static str, wgpu::Buffer)>,
    pub(crate) view: wgpu::TextureView,
}

/// A picture in the making on a GPU.
#[derive(Debug)]
pub struct GpuFrame<'a> {
    gpu: &'a Gpu,
    work: Work,
    plan: Plan,
    recipe: Recipe,
    pixels: Pixels,
    rect: PixelRect,
    tiles: Tiles,
    next: u32,
    batch: u32,
    free: Vec<Slot>,
    in_flight: VecDeque<Batch>,
    finished_tiles: u32,
    last_finish: Option<Instant>,
}

/// The tiles that cover a part of a picture, row by row.
#[derive(Clone, Copy, Debug)]
struct Tiles {
    first_column: u32,
    first_row: u32,
    columns: u32,
    count: u32,
}

/// Buffers of a batch.
#[derive(Debug)]
struct Slot {
    tiles: wgpu::Buffer,
    output: wgpu::Buffer,
    readback: wgpu::Buffer,
    bind_group: wgpu::BindGroup,
}

/// Tiles that the GPU is working on.
#[derive(Debug)]
struct Batch {
    slot: Slot,
    tiles: Vec<Tile>,
    submission: wgpu::SubmissionIndex,
    submitted: Instant,
    mapped: Arc<OnceLock<Result<(), wgpu::BufferAsyncError>>>,
}

impl Tiles {
    fn covering(rect: PixelRect) -> Self {
        let first_column = rect.x / TILE_PX;
        let first_row = rect.y / TILE_PX;
        let columns = (rect.x + rect.width).div_ceil(TILE_PX) - first_column;
        let rows = (rect.y + rect.height).div_ceil(TILE_PX) - first_row;
        Self { first_column, first_row, columns, count: columns * rows }
    }

    /// Column and row of the tile in the whole picture.
    fn place(&self, index: u32) -> (u32, u32) {
        (self.first_column + index % self.columns, self.first_row + index / self.columns)
    }
}

impl<'a> GpuFrame<'a> {
    pub(crate) fn new(
        gpu: &'a Gpu,
        work: Work,
        plan: Plan,
        request: &Request,
        recipe: Recipe,
    ) -> Result<Self> {
        let rect = request.rect();
        let tiles = Tiles::covering(rect);
        let capacity = u64::from(tiles.count.min(MAX_BATCH));
        let slot = || Slot::new(gpu, &work, capacity);
        let free = gpu.guarded(4 * capacity * TILE_BYTES, || vec![slot(), slot()])?;
        let pixels = Pixels::blank(request.output, rect.width as usize * rect.height as usize);
        Ok(Self {
            gpu,
            work,
            plan,
            recipe,
            pixels,
            rect,
            tiles,
            next: 0,
            batch: FIRST_BATCH,
            free,
            in_flight: VecDeque::new(),
            finished_tiles: 0,
            last_finish: None,
        })
    }

    fn submit(&mut self, slot: Slot) -> Result<()> {
        let end = self.tiles.count.min(self.next + self.batch);
        let tiles: Vec<Tile> = (self.next..end).map(|index| self.tile(index)).collect();
        let bytes = tiles.len() as u64 * TILE_BYTES;
        let mapped = Arc::new(OnceLock::new());
        let answer = Arc::clone(&mapped);
        let submitted = Instant::now();
        let submission = self.gpu.guarded(0, || {
            let label = Some(self.work.pipeline.label);
            self.gpu.queue.write_buffer(&slot.tiles, 0, bytemuck::cast_slice(&tiles));
            let description = wgpu::CommandEncoderDescriptor { label };
            let mut encoder = self.gpu.device.create_command_encoder(&description);
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes: None });
            pass.set_pipeline(&self.work.pipeline.compute);
            pass.set_bind_group(0, &slot.bind_group, &[]);
            pass.dispatch_workgroups(tiles.len() as u32, 1, 1);
            drop(pass);
            encoder.copy_buffer_to_buffer(&slot.output, 0, &slot.readback, 0, bytes);
            let submission = self.gpu.queue.submit([encoder.finish()]);
            slot.readback.slice(..bytes).map_async(MapMode::Read, move |result| {
                let _ = answer.set(result);
            });
            submission
        })?;
        self.next = end;
        self.in_flight.push_back(Batch { slot, tiles, submission, submitted, mapped });
        Ok(())
    }

    fn tile(&self, index: u32) -> Tile {
        let (column, row) = self.tiles.place(index);
        let origin = match &self.plan {
            Plan::Plane(plane) => Some(plane.tile(column, row)),
            Plan::Rays(_) => None,
        };
        Tile::new(column * TILE_PX, row * TILE_PX, origin)
    }

    /// Waits for the oldest batch and puts its pixels where they belong.
    fn collect(&mut self, batch: Batch) -> Result<()> {
        let Batch { slot, tiles, submission, submitted, mapped } = batch;
        self.gpu.wait(submission)?;
        self.adapt(submitted, tiles.len());
        if !matches!(mapped.get(), Some(Ok(()))) {
            return Err(DeviceFault::Lost { reason: "a result could not be read back".to_owned() }.into());
        }
        let bytes = tiles.len() as u64 * TILE_BYTES;
        {
            let view = slot
                .readback
                .slice(..bytes)
                .get_mapped_range()
                .map_err(|error| DeviceFault::Validation { reason: error.to_string() })?;
            let words: &[u32] = bytemuck::cast_slice(&view);
            for (tile, words) in tiles.iter().zip(words.chunks_exact(TILE_PIXELS)) {
                scatter(&mut self.pixels, self.rect, tile, words);
            }
        }
        slot.readback.unmap();
        self.finished_tiles += tiles.len() as u32;
        self.free.push(slot);
        Ok(())
    }

    /// Makes batches longer while they are short, and half as long when one took too long.
    fn adapt(&mut self, submitted: Instant, tiles: usize) {
        let now = Instant::now();
        // While two are in flight, the second starts when the first ends.
        let started = self.last_finish.map_or(submitted, |before| before.max(submitted));
        let took = now.duration_since(started);
        self.last_finish = Some(now);
        if took > LONGEST {
            self.batch = (tiles as u32 / 2).max(1);
        } else if took < SHORT && tiles as u32 >= self.batch {
            let factor = if took < SHORT / 4 { 4 } else { 2 };
            self.batch = (self.batch * factor).min(MAX_BATCH);
        }
    }
}

impl Frame for GpuFrame<'_> {
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus> {
        let start = Instant::now();
        loop {
            while self.next < self.tiles.count
                && let Some(slot) = self.free.pop()
            {
                self.submit(slot)?;
            }
            let Some(oldest) = self.in_flight.pop_front() else { return Ok(FrameStatus::Done) };
            self.collect(oldest)?;
            if start.elapsed() >= budget && self.finished_tiles < self.tiles.count {
                let done = f64::from(self.finished_tiles) / f64::from(self.tiles.count);
                return Ok(FrameStatus::Pending { done });
            }
        }
    }

    fn finish(mut self) -> Result<Image> {
        while self.advance(Duration::MAX)? != FrameStatus::Done {}
        let plane = match &self.plan {
            Plan::Plane(plane) => Some(plane.geometry),
            Plan::Rays(_) => None,
        };
        Image::new(self.rect.width, self.rect.height, self.pixels, plane, self.recipe)
    }
}

impl Slot {
    /// Must run in [`Gpu::guarded`].
    fn new(gpu: &Gpu, work: &Work, capacity: u64) -> Self {
        let storage = BufferUsages::STORAGE;
        let tiles =
            gpu.empty_buffer("tiles", capacity * size_of::<Tile>() as u64, storage | BufferUsages::COPY_DST);
        let output = gpu.empty_buffer("output", capacity * TILE_BYTES, storage | BufferUsages::COPY_SRC);
        let read = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let readback = gpu.empty_buffer("readback", capacity * TILE_BYTES, read);
        let mut resources = work.resources();
        resources.push(("tiles", tiles.as_entire_binding()));
        resources.push(("output", output.as_entire_binding()));
        let bind_group = work.pipeline.bind(gpu, &resources);
        Self { tiles, output, readback, bind_group }
    }
}

/// Puts the words of a tile where its pixels stand in the picture; what lies outside `rect` is left out.
fn scatter(pixels: &mut Pixels, rect: PixelRect, tile: &Tile, words: &[u32]) {
    let left = tile.x.max(rect.x);
    let right = (tile.x + TILE_PX).min(rect.x + rect.width);
    let (top, bottom) = (tile.y.max(rect.y), (tile.y + TILE_PX).min(rect.y + rect.height));
    let width = right.saturating_sub(left) as usize;
    for y in top..bottom {
        let from = ((y - tile.y) * TILE_PX + left - tile.x) as usize;
        let to = (y - rect.y) as usize * rect.width as usize + (left - rect.x) as usize;
        let Some(row) = words.get(from..from + width) else { continue };
        match pixels {
            Pixels::Grey8(all) => put(all, to, row, |word| word as u8),
            Pixels::Grey16(all) => put(all, to, row, |word| word as u16),
            Pixels::Values(all) => put(all, to, row, f32::from_bits),
            Pixels::Rgba8(all) => {
                let (quads, _) = all.as_chunks_mut::<4>();
                put(quads, to, row, u32::to_le_bytes);
            }
            _ => {}
        }
    }
}

fn put<T>(all: &mut [T], to: usize, row: &[u32], pixel: impl Fn(u32) -> T) {
    if let Some(places) = all.get_mut(to..to + row.len()) {
        for (place, &word) in places.iter_mut().zip(row) {
            *place = pixel(word);
        }
    }
}
