//! The kernel of a plan.

use anatome_core::plan::{Plan, RayMode, SamplingPlan};
use anatome_core::{Error, Output, PixelRect, Pixels, Request, Result};
use fearless_simd::{Level, Simd};

use crate::CpuVolume;
use crate::cells::Cells;
use crate::lanes::{self, Work};
use crate::places::Axes;
use crate::project::ProjectKernel;
use crate::raycast::RaycastKernel;
use crate::shared::position::MAX_SIZE;
use crate::shared::sampling::Field;
use crate::slice::SliceKernel;
use crate::stored::Stored;

/// Computes pixels.
pub(crate) enum Kernel<'a> {
    Slice(SliceKernel<'a>),
    Project(ProjectKernel<'a>),
    Raycast(RaycastKernel<'a>),
}

impl<'a> Kernel<'a> {
    /// The kernel of a plan. Works in the current pool.
    pub(crate) fn new(level: Level, request: &Request, plan: Plan, uploaded: &'a CpuVolume) -> Result<Self> {
        if !matches!(request.output, Output::Grey8 | Output::Grey16 | Output::Rgba8 | Output::Values) {
            let feature = format!("the output {:?} on the CPU", request.output);
            return Err(Error::Unsupported { feature });
        }
        let sampling = sampling(&plan);
        let longest = sampling.size.into_iter().fold(0, i32::max);
        if longest > MAX_SIZE {
            let [needed, allowed] = [longest, MAX_SIZE].map(|n| u64::from(n.unsigned_abs()));
            return Err(Error::Limits { what: "voxels along an axis on the CPU", needed, allowed });
        }
        let samples = Stored::new(uploaded.volume.samples())?;
        let field = Field::new(samples, sampling);
        // Made outside of the lock: it is made by all threads of the pool, and one that waited for the lock could be one of
        // those that make it. Two pictures that begin at once each make their own, and the first counts.
        let cells = |sampling: &SamplingPlan| {
            uploaded.cells.get().unwrap_or_else(|| {
                let cells = Cells::new(level, samples, sampling);
                uploaded.cells.get_or_init(|| cells)
            })
        };
        let plan = match plan {
            Plan::Plane(plan) => {
                let axes = if request.quality.skipping { Axes::new(&field, &plan) } else { None };
                let may_leap = request.quality.skipping && axes.is_none() && SliceKernel::may_leap(&plan);
                // To make them takes about as long as to take a sample for each voxel.
                let pixels = u64::from(plan.rect.width) * u64::from(plan.rect.height);
                let voxels: u64 = uploaded.volume.samples().shape().map(|n| n as u64).iter().product();
                let are_worth_it = pixels * u64::from(plan.steps) >= voxels;
                let cells = match uploaded.cells.get() {
                    None if may_leap && are_worth_it => Some(cells(&plan.sampling)),
                    made => made.filter(|_| may_leap),
                };
                return Ok(Self::Slice(SliceKernel::new(field, plan, request.output, axes, cells)));
            }
            Plan::Rays(plan) => plan,
        };
        let field = field.along_rays();
        let cells = request.quality.skipping.then(|| cells(&plan.sampling));
        Ok(match plan.mode.clone() {
            RayMode::Project { projection, display } => {
                let output = request.output;
                Self::Project(ProjectKernel::new(field, plan, projection, display, output, cells))
            }
            RayMode::Render(rendering) => Self::Raycast(RaycastKernel::new(field, plan, *rendering, cells)),
        })
    }

    /// The width and height in pixels of the blocks that threads work on: whole tiles, wide where a block's pixels share
    /// work.
    pub(crate) fn block_px(&self) -> [u32; 2] {
        match self {
            Self::Slice(SliceKernel { axes: Some(_), .. }) => [256, 64],
            Self::Slice(SliceKernel { plan, .. }) if plan.steps == 1 => [128, 32],
            _ => [32, 32],
        }
    }

    /// The pixels of a rectangle of the whole picture.
    pub(crate) fn block(&self, level: Level, rect: PixelRect) -> Pixels {
        lanes::run(level, Block { kernel: self, rect })
    }
}

/// The pixels of a rectangle.
struct Block<'a> {
    kernel: &'a Kernel<'a>,
    rect: PixelRect,
}

impl Work for Block<'_> {
    type Output = Pixels;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Pixels {
        let rect = self.rect;
        // Functions of their own: in one, the kernels would keep each other from the registers.
        match self.kernel {
            Kernel::Slice(kernel) => simd.vectorize(
                #[inline(always)]
                || kernel.block(simd, rect),
            ),
            Kernel::Project(kernel) => simd.vectorize(
                #[inline(always)]
                || kernel.block(simd, rect),
            ),
            Kernel::Raycast(kernel) => simd.vectorize(
                #[inline(always)]
                || kernel.block(simd, rect),
            ),
        }
    }
}

fn sampling(plan: &Plan) -> &SamplingPlan {
    match plan {
        Plan::Plane(plan) => &plan.sampling,
        Plan::Rays(plan) => &plan.sampling,
    }
}
