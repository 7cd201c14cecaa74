//! A picture in the making: batches of tiles, two in flight, read back as they finish.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anatome_core::checkerboard::{self, is_computed};
use anatome_core::plan::{Plan, TILE_PX};
use anatome_core::{
    Error, Frame, FrameStatus, Image, PixelRect, PixelSubset, Pixels, Recipe, Request, Result,
};

use crate::GpuVolume;
use crate::bricks::BUDGET_BYTES;
use crate::device::{Gpu, Mapped};
use crate::gpu_data::Tile;
use crate::inputs::Inputs;
use crate::kept::{Finished, GpuPicture, Kept};
use crate::needs::bricks_of_tile;
use crate::pace::{MAX_BATCH, MAX_BATCH_IN_ORDER, Pace, Tiles};
use crate::slot::{Slot, Slots};

const TILE_PIXELS: u64 = (TILE_PX * TILE_PX) as u64;

/// Which pixels of a picture are computed.
pub(crate) fn pixels_of(plan: &Plan) -> PixelSubset {
    match plan {
        Plan::Plane(_) => PixelSubset::All,
        Plan::Rays(plan) => plan.pixels,
    }
}

/// What all batches of a frame share.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) inputs: Arc<Inputs>,
    /// The bytes of a pixel of the result.
    pub(crate) pixel_bytes: u32,
    /// Where the picture stays; without it, its pixels are read back.
    pub(crate) kept: Option<Kept>,
}

/// A picture in the making on a GPU.
#[derive(Debug)]
pub struct GpuFrame<'a> {
    gpu: &'a Gpu,
    slots: &'a Slots,
    uploaded: &'a GpuVolume,
    work: Work,
    plan: Plan,
    recipe: Recipe,
    pixels: Pixels,
    rect: PixelRect,
    tiles: Tiles,
    /// Parts of tiles that come before the next.
    parts: Vec<Tile>,
    pace: Pace,
    free: Vec<Slot>,
    in_flight: VecDeque<Batch>,
    finished_pixels: u64,
    last_finish: Option<Instant>,
    device_time: Option<Duration>,
}

/// Tiles that the GPU is working on.
#[derive(Debug)]
struct Batch {
    slot: Slot,
    tiles: Vec<Tile>,
    submission: wgpu::SubmissionIndex,
    submitted: Instant,
    mapped: Mapped,
}

impl<'a> GpuFrame<'a> {
    pub(crate) fn new(
        gpu: &'a Gpu,
        slots: &'a Slots,
        uploaded: &'a GpuVolume,
        work: Work,
        plan: Plan,
        request: &Request,
        recipe: Recipe,
    ) -> Result<Self> {
        let rect = request.rect();
        let subset = pixels_of(&plan);
        // What neighbours need of a volume in bricks is brought once.
        let is_in_order = uploaded.bricks.is_some();
        let tiles = Tiles::covering(rect, subset, is_in_order);
        let most = tiles.len().min(if is_in_order { MAX_BATCH_IN_ORDER } else { MAX_BATCH });
        let capacity = u64::from(most);
        let pipeline = work.inputs.pipeline();
        let slot = || slots.take(gpu, pipeline, capacity, capacity * work.tile_bytes());
        let free = vec![slot()?, slot()?];
        let read_back = if work.kept.is_none() { rect.width as usize * rect.height as usize } else { 0 };
        let pixels = Pixels::blank(request.output, read_back)?;
        Ok(Self {
            gpu,
            slots,
            uploaded,
            work,
            plan,
            recipe,
            pixels,
            rect,
            tiles,
            parts: Vec::new(),
            pace: Pace::new(most),
            free,
            in_flight: VecDeque::new(),
            finished_pixels: 0,
            last_finish: None,
            device_time: None,
        })
    }

    fn submit(&mut self, slot: Slot) -> Result<()> {
        let (tiles, needed) = self.next_tiles()?;
        // Until it is dropped what is needed stays.
        let _residents = match &self.uploaded.bricks {
            Some(bricks) => {
                let mut residents = bricks.lock();
                bricks.bring(self.gpu, &mut residents, &needed)?;
                Some(residents)
            }
            None => None,
        };
        let bytes = self.work.read_back_bytes(tiles.len());
        let (tell, mapped) = channel();
        let submitted = Instant::now();
        let submission = self.gpu.guarded(0, || {
            let label = Some(self.work.inputs.pipeline().label);
            self.gpu.queue.write_buffer(&slot.tiles, 0, bytemuck::cast_slice(&tiles));
            let description = wgpu::CommandEncoderDescriptor { label };
            let mut encoder = self.gpu.device.create_command_encoder(&description);
            let timestamp_writes = slot.timestamps();
            let mut pass =
                encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes });
            self.work.inputs.set(&mut pass);
            slot.set(&mut pass);
            pass.dispatch_workgroups(tiles.len() as u32, 1, 1);
            if let Some(kept) = &self.work.kept {
                kept.place(&mut pass, &slot, tiles.len() as u32);
            }
            drop(pass);
            slot.copy_back(&mut encoder, &self.uploaded.pages, bytes);
            let submission = self.gpu.queue.submit([encoder.finish()]);
            slot.map(bytes, move |result| drop(tell.send(result)));
            submission
        })?;
        self.in_flight.push_back(Batch { slot, tiles, submission, submitted, mapped });
        Ok(())
    }

    /// The tiles of the next batch, and the bricks that they need, as many as there is room for. A tile that alone needs
    /// more is cut in two.
    fn next_tiles(&mut self) -> Result<(Vec<Tile>, Vec<u32>)> {
        let (mut tiles, mut needed) = (Vec::new(), Vec::new());
        while tiles.len() < self.pace.batch() as usize
            && let Some(tile) = self.parts.pop().or_else(|| self.tiles.next().map(|place| self.tile(place)))
        {
            if let Some(bricks) = &self.uploaded.bricks {
                let mut more: Vec<u32> = bricks_of_tile(&self.plan, bricks.cut, &tile);
                let alone = more.len();
                more.extend(&needed);
                more.sort_unstable();
                more.dedup();
                if alone > bricks.room() {
                    let [needed, allowed] = [alone, bricks.room()].map(|count| bricks.bytes_of(count));
                    let error = Error::Limits { what: BUDGET_BYTES, needed, allowed };
                    let [first, second] = tile.halves().ok_or(error)?;
                    self.parts.extend([second, first]);
                    continue;
                }
                if more.len() > bricks.room() {
                    self.parts.push(tile);
                    break;
                }
                needed = more;
            }
            tiles.push(tile);
        }
        Ok((tiles, needed))
    }

    fn is_more(&self) -> bool {
        self.tiles.len() > 0 || !self.parts.is_empty()
    }

    fn tile(&self, [column, row]: [u32; 2]) -> Tile {
        let origin = match &self.plan {
            Plan::Plane(plane) => Some(plane.tile(column, row)),
            Plan::Rays(_) => None,
        };
        let width_px = self.tiles.width_px;
        let (x, y, rect) = (column * width_px, row * TILE_PX, self.rect);
        let [right, bottom] = [rect.x + rect.width, rect.y + rect.height];
        let part = [x.max(rect.x), y.max(rect.y), (x + width_px).min(right), (y + TILE_PX).min(bottom)];
        Tile::new([x, y], part, origin)
    }

    /// Waits for the oldest batch and puts its pixels where they belong.
    fn collect(&mut self, batch: Batch) -> Result<()> {
        let Batch { slot, tiles, submission, submitted, mapped } = batch;
        self.gpu.wait_mapped(submission, &mapped)?;
        let took = self.time_of(submitted);
        self.pace.finished(tiles.len() as u32, took);
        let tile_bytes = self.work.tile_bytes() as usize;
        let read_back_bytes = self.work.read_back_bytes(tiles.len());
        let (pixels, rect, device_time) = (&mut self.pixels, self.rect, &mut self.device_time);
        let mut has_missed = false;
        let width_px = self.tiles.width_px;
        slot.read(read_back_bytes, |read| {
            for (tile, part) in tiles.iter().zip(read.pixels.chunks_exact(tile_bytes)) {
                scatter(pixels, rect, tile, width_px, part);
            }
            has_missed = read.has_missed;
            if let Some(took) = read.took {
                *device_time = Some(device_time.unwrap_or_default() + took);
            }
        })?;
        self.finished_pixels += tiles.iter().map(|tile| u64::from(tile.len())).sum::<u64>();
        self.free.push(slot);
        match &self.uploaded.bricks {
            Some(bricks) if has_missed => Err(bricks.lock().missed().into()),
            _ => Ok(()),
        }
    }

    /// How long a batch took that has finished now.
    fn time_of(&mut self, submitted: Instant) -> Duration {
        let now = Instant::now();
        // While two are in flight, the second starts when the first ends.
        let started = self.last_finish.map_or(submitted, |before| before.max(submitted));
        self.last_finish = Some(now);
        now.duration_since(started)
    }
}

impl Frame for GpuFrame<'_> {
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus> {
        let start = Instant::now();
        loop {
            while self.is_more()
                && let Some(slot) = self.free.pop()
            {
                self.submit(slot)?;
            }
            let Some(oldest) = self.in_flight.pop_front() else { return Ok(FrameStatus::Done) };
            self.collect(oldest)?;
            let all = u64::from(self.rect.width) * u64::from(self.rect.height);
            if start.elapsed() >= budget && self.finished_pixels < all {
                let done = self.finished_pixels as f64 / all as f64;
                return Ok(FrameStatus::Pending { done });
            }
        }
    }

    fn device_time(&self) -> Option<Duration> {
        self.device_time
    }

    fn finish(self) -> Result<Image> {
        self.finish_kept()?.into_image()
    }
}

impl GpuFrame<'_> {
    /// As [`Frame::finish`], where the picture is.
    ///
    /// # Errors
    /// Device.
    pub fn finish_kept(mut self) -> Result<Finished> {
        while self.advance(Duration::MAX)? != FrameStatus::Done {}
        let plane = match &self.plan {
            Plan::Plane(plane) => Some(plane.geometry),
            Plan::Rays(_) => None,
        };
        if let Some(kept) = self.work.kept.take() {
            kept.fill()?;
            return Ok(Finished::OnGpu(GpuPicture::new(kept, plane, self.recipe.clone())));
        }
        if self.tiles.width_px > TILE_PX {
            checkerboard::fill(&mut self.pixels, self.rect);
        }
        let pixels = std::mem::replace(&mut self.pixels, Pixels::Grey8(Vec::new()));
        let image = Image::new(self.rect.width, self.rect.height, pixels, plane, self.recipe.clone())?;
        Ok(Finished::Image(image))
    }
}

impl Drop for GpuFrame<'_> {
    /// What is in flight is finished by the GPU, before it works on these slots again, and looked at by nobody.
    fn drop(&mut self) {
        for batch in self.in_flight.drain(..) {
            if self.gpu.guarded(0, || batch.slot.unmap()).is_ok() {
                self.free.push(batch.slot);
            }
        }
        for slot in self.free.drain(..) {
            self.slots.give_back(slot);
        }
    }
}

impl Work {
    /// The bytes of the pixels of a tile.
    fn tile_bytes(&self) -> u64 {
        TILE_PIXELS * u64::from(self.pixel_bytes)
    }

    /// What is read back of the pixels of so many tiles.
    fn read_back_bytes(&self, tiles: usize) -> u64 {
        if self.kept.is_some() { 0 } else { tiles as u64 * self.tile_bytes() }
    }
}

/// Puts the pixels that were computed of a tile where they stand in the picture of `rect`. A tile that is twice as wide
/// holds every second pixel.
fn scatter(pixels: &mut Pixels, rect: PixelRect, tile: &Tile, width_px: u32, bytes: &[u8]) {
    let [left, top, right, bottom] = tile.rect;
    let all: &mut [u8] = match pixels {
        Pixels::Grey8(all) | Pixels::Rgba8(all) => all,
        Pixels::Grey16(all) => bytemuck::cast_slice_mut(all),
        Pixels::Values(all) => bytemuck::cast_slice_mut(all),
        _ => return,
    };
    let (step, pixel_bytes) = (width_px / TILE_PX, bytes.len() / TILE_PIXELS as usize);
    for y in top..bottom {
        let start = tile.x + if step == 2 { u32::from(!is_computed(tile.x, y)) } else { 0 };
        // Of the columns from `start` on, in steps, those that were computed.
        let first = left.saturating_sub(start).div_ceil(step);
        let end = right.saturating_sub(start).div_ceil(step).max(first);
        let row = ((y - tile.y) * TILE_PX) as usize;
        let to = (y - rect.y) as usize * rect.width as usize + (start + first * step - rect.x) as usize;
        let from = (row + first as usize) * pixel_bytes..(row + end as usize) * pixel_bytes;
        let (Some(places), Some(row)) = (all.get_mut(to * pixel_bytes..), bytes.get(from)) else { continue };
        if step == 1 {
            places[..row.len()].copy_from_slice(row);
            continue;
        }
        for (place, pixel) in places.chunks_mut(2 * pixel_bytes).zip(row.chunks(pixel_bytes)) {
            place[..pixel_bytes].copy_from_slice(pixel);
        }
    }
}
