//! The buffers that batches of tiles go through, kept from frame to frame.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anatome_core::DeviceFault;
use wgpu::{BufferUsages, ComputePassTimestampWrites, Features};

use crate::device::Gpu;
use crate::gpu_data::Tile;
use crate::pipeline::Pipeline;

/// Where the pixels of a batch begin in what is read back; before them stand its times and what it missed.
const PIXELS_AT: u64 = 256;
const MISSED_AT: u64 = 16;
/// The most slots that wait for a frame: two for each of four that are in the making at once.
const KEPT: usize = 8;
/// The bind group of the shaders in which they stand.
const GROUP: u32 = 1;

/// Slots that no frame uses.
#[derive(Debug, Default)]
pub(crate) struct Slots(Mutex<Vec<Slot>>);

impl Slots {
    /// A slot for batches of up to so many tiles and bytes of pixels; the smallest that does.
    pub(crate) fn take(
        &self,
        gpu: &Gpu,
        pipeline: &Pipeline,
        tiles: u64,
        pixel_bytes: u64,
    ) -> Result<Slot, DeviceFault> {
        let fits = |slot: &Slot| {
            slot.tiles.size() >= tiles * size_of::<Tile>() as u64 && slot.output.size() >= pixel_bytes
        };
        // What a panic elsewhere left is whole: slots are moved in and out at once.
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = waiting.iter().enumerate().filter(|(_, slot)| fits(slot));
        let found = fitting.min_by_key(|(_, slot)| slot.output.size()).map(|(at, _)| at);
        match found {
            Some(at) => Ok(waiting.remove(at)),
            None => Slot::new(gpu, pipeline, tiles, pixel_bytes),
        }
    }

    /// Takes back a slot whose read-back is not mapped. The latest are kept.
    pub(crate) fn give_back(&self, slot: Slot) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == KEPT {
            waiting.remove(0);
        }
        waiting.push(slot);
    }
}

/// Buffers of a batch.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) tiles: wgpu::Buffer,
    output: wgpu::Buffer,
    /// Of both, for every pipeline that makes pictures.
    bind_group: wgpu::BindGroup,
    readback: wgpu::Buffer,
    clock: Option<Clock>,
}

/// When a pass begins and ends, by the GPU's own clock.
#[derive(Debug)]
struct Clock {
    queries: wgpu::QuerySet,
    ticks: wgpu::Buffer,
    ns_per_tick: f32,
}

/// What was read back of a batch.
pub(crate) struct ReadBack<'a> {
    /// How long the GPU worked on it, if it can tell.
    pub(crate) took: Option<Duration>,
    /// Whether a part of the volume was not there when it was needed.
    pub(crate) has_missed: bool,
    /// The pixels, tile by tile.
    pub(crate) pixels: &'a [u8],
}

impl Slot {
    fn new(gpu: &Gpu, pipeline: &Pipeline, tiles: u64, pixel_bytes: u64) -> Result<Self, DeviceFault> {
        let storage = BufferUsages::STORAGE;
        let clock = || {
            let queries = gpu.query_set(&wgpu::QuerySetDescriptor {
                label: Some("clock"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            });
            let usage = BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC;
            let ticks = gpu.empty_buffer("ticks", 16, usage);
            Clock { queries, ticks, ns_per_tick: gpu.queue.get_timestamp_period() }
        };
        let read = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        gpu.guarded(2 * pixel_bytes, || {
            let tiles_bytes = tiles * size_of::<Tile>() as u64;
            let tiles = gpu.empty_buffer("tiles", tiles_bytes, storage | BufferUsages::COPY_DST);
            let output = gpu.empty_buffer("output", pixel_bytes, storage | BufferUsages::COPY_SRC);
            let resources = [("tiles", tiles.as_entire_binding()), ("output", output.as_entire_binding())];
            let bind_group = pipeline.bind(gpu, GROUP, &resources);
            let readback = gpu.empty_buffer("readback", PIXELS_AT + pixel_bytes, read);
            let clock = gpu.device.features().contains(Features::TIMESTAMP_QUERY).then(clock);
            Self { tiles, output, bind_group, readback, clock }
        })
    }

    /// Lets a pass work on these buffers.
    pub(crate) fn set(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_bind_group(GROUP, &self.bind_group, &[]);
    }

    /// Gives up reading what was asked for; nobody may look at it any more.
    pub(crate) fn unmap(&self) {
        self.readback.unmap();
    }

    pub(crate) fn timestamps(&self) -> Option<ComputePassTimestampWrites<'_>> {
        self.clock.as_ref().map(|clock| ComputePassTimestampWrites {
            query_set: &clock.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        })
    }

    /// Copies what the pass left to where it can be read.
    pub(crate) fn copy_back(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pages: &wgpu::Buffer,
        pixel_bytes: u64,
    ) {
        if let Some(clock) = &self.clock {
            encoder.resolve_query_set(&clock.queries, 0..2, &clock.ticks, 0);
            encoder.copy_buffer_to_buffer(&clock.ticks, 0, &self.readback, 0, 16);
        }
        encoder.copy_buffer_to_buffer(pages, 0, &self.readback, MISSED_AT, 4);
        // What this batch missed is no other's failure.
        encoder.clear_buffer(pages, 0, Some(4));
        encoder.copy_buffer_to_buffer(&self.output, 0, &self.readback, PIXELS_AT, pixel_bytes);
    }

    /// Asks to read what was copied back.
    pub(crate) fn map(
        &self,
        pixel_bytes: u64,
        answer: impl FnOnce(Result<(), wgpu::BufferAsyncError>) + Send + 'static,
    ) {
        self.readback.slice(..PIXELS_AT + pixel_bytes).map_async(wgpu::MapMode::Read, answer);
    }

    /// Reads what was mapped, and unmaps it.
    pub(crate) fn read(&self, pixel_bytes: u64, read: impl FnOnce(ReadBack<'_>)) -> Result<(), DeviceFault> {
        {
            let view = self
                .readback
                .slice(..PIXELS_AT + pixel_bytes)
                .get_mapped_range()
                .map_err(|error| DeviceFault::Validation { reason: error.to_string() })?;
            let (before, pixels) = view.split_at(PIXELS_AT as usize);
            let (times, missed) = before.split_at(MISSED_AT as usize);
            let took = self.clock.as_ref().map(|clock| {
                let ticks =
                    |n: usize| times.as_chunks().0.get(n).map_or(0, |&ticks| u64::from_le_bytes(ticks));
                let ns = ticks(1).saturating_sub(ticks(0)) as f64 * f64::from(clock.ns_per_tick);
                Duration::from_nanos(ns as u64)
            });
            let has_missed = missed.iter().take(4).any(|&byte| byte != 0);
            read(ReadBack { took, has_missed, pixels });
        }
        self.readback.unmap();
        Ok(())
    }
}
