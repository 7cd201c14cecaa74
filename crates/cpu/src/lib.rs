//! The CPU renderer of Anatome: runs everywhere, on the threads that the caller gives it.
//!
//! Kernels follow the rules of [`anatome_core::plan`] in f32, eight pixels at a time. They are compiled for several sets
//! of vector instructions, of which the best that the processor has is taken at run time. `slice.rs`, `project.rs`,
//! `raycast.rs` and `shared/*.rs` are the twins of the shaders of the same names. A picture depends on the request only,
//! not on the number of threads or the instructions.

mod aligned;
mod beam;
mod cells;
mod frame;
mod interior;
mod intervals;
mod kernel;
mod lanes;
mod parts;
mod places;
mod project;
mod raycast;
mod seen;
mod shared;
mod slice;
mod stored;
mod transfer;

use std::sync::{Arc, OnceLock};

use anatome_core::plan::Plan;
use anatome_core::{Bindings, Progress, Renderer, Request, Result, SceneFault, Uploaded, Volume};
use fearless_simd::Level;
use rayon::ThreadPool;

pub use frame::CpuFrame;

use cells::Cells;
use kernel::Kernel;

/// Renders on the CPU.
#[derive(Clone, Debug)]
pub struct CpuRenderer {
    pool: Arc<ThreadPool>,
    level: Level,
}

impl CpuRenderer {
    /// A renderer that works on the threads of `pool`, with the best vector instructions of this processor.
    #[must_use]
    pub fn new(pool: Arc<ThreadPool>) -> Self {
        Self { pool, level: Level::new() }
    }

    /// As [`Self::new`], with no vector instructions but those that all processors of this kind have. Makes the same
    /// pictures, more slowly.
    #[must_use]
    pub fn portable(pool: Arc<ThreadPool>) -> Self {
        Self { pool, level: Level::baseline() }
    }
}

/// A volume as the CPU renderer holds it: the host's copy itself and, once a 3D view or a large slab was rendered, the value
/// ranges of its blocks (1/16 of the size of 16-bit samples, twice that where there is padding), and what of them each of the
/// last two transfer functions shows (1/64 of it).
#[derive(Debug)]
pub struct CpuVolume {
    volume: Arc<Volume>,
    cells: OnceLock<Cells>,
}

impl Uploaded for CpuVolume {
    fn volume(&self) -> &Arc<Volume> {
        &self.volume
    }
}

impl Renderer for CpuRenderer {
    type Uploaded = CpuVolume;
    type Frame<'a> = CpuFrame<'a>;

    fn upload(&self, volume: &Arc<Volume>, progress: &Progress) -> Result<CpuVolume> {
        progress.check()?;
        // Every picture names it, and it takes longer than a slice.
        let digested = Arc::clone(volume);
        self.pool.spawn(move || {
            let _ = digested.digest();
        });
        Ok(CpuVolume { volume: Arc::clone(volume), cells: OnceLock::new() })
    }

    fn begin<'a>(&'a self, request: &Request, bindings: &Bindings<'a, CpuVolume>) -> Result<CpuFrame<'a>> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let uploaded = bindings.get(&layer.slot)?;
        let plan = Plan::new(request, &uploaded.volume)?;
        let plane = match &plan {
            Plan::Plane(plan) => Some(plan.geometry),
            Plan::Rays(_) => None,
        };
        let kernel = self.pool.install(|| Kernel::new(self.level, request, plan, uploaded))?;
        CpuFrame::new(&self.pool, self.level, kernel, request, uploaded, plane)
    }
}
