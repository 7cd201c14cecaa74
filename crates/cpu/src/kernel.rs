//! The kernel of a plan, compiled for its sample type, padding and interpolation.

use std::marker::PhantomData;

use anatome_core::plan::{Plan, RayMode, RayPlan, SamplingPlan};
use anatome_core::{Error, Interpolation, Output, PixelRect, Pixels, Request, Result, Sample, Samples};

use crate::CpuVolume;
use crate::beam::Skipping;
use crate::cells::Cells;
use crate::project::ProjectKernel;
use crate::raycast::{Opacity, RaycastKernel};
use crate::shared::sampling::{Cubic, Field, Interpolate, Linear, MAX_SIZE, Nearest};
use crate::slice::SliceKernel;

/// Computes pixels.
pub(crate) trait Kernel: Send + Sync {
    /// The pixels of a rectangle of the whole picture.
    fn block(&self, rect: PixelRect) -> Pixels;
}

type BoxedKernel<'a> = Box<dyn Kernel + 'a>;

/// The kernel of a plan.
pub(crate) fn new<'a>(request: &Request, plan: Plan, uploaded: &'a CpuVolume) -> Result<BoxedKernel<'a>> {
    if !matches!(request.output, Output::Grey8 | Output::Grey16 | Output::Rgba8 | Output::Values) {
        let feature = format!("the output {:?} on the CPU", request.output);
        return Err(Error::Unsupported { feature });
    }
    let longest = sampling(&plan).size.into_iter().fold(0, i32::max);
    if longest > MAX_SIZE {
        let [needed, allowed] = [longest, MAX_SIZE].map(|n| u64::from(n.unsigned_abs()));
        return Err(Error::Limits { what: "voxels along an axis on the CPU", needed, allowed });
    }
    match uploaded.volume.samples() {
        Samples::U8(a) => of_type(request, plan, uploaded, a.as_slice()),
        Samples::I16(a) => of_type(request, plan, uploaded, a.as_slice()),
        Samples::U16(a) => of_type(request, plan, uploaded, a.as_slice()),
        Samples::F32(a) => of_type(request, plan, uploaded, a.as_slice()),
        other => Err(Error::Unsupported { feature: format!("{} samples on the CPU", other.type_name()) }),
    }
}

fn of_type<'a, T: Sample>(
    request: &Request,
    plan: Plan,
    uploaded: &'a CpuVolume,
    samples: Option<&'a [T]>,
) -> Result<BoxedKernel<'a>> {
    let malformed =
        || Error::Malformed { what: "volume", reason: "samples that are not contiguous".to_owned() };
    let samples = samples.ok_or_else(malformed)?;
    Ok(match sampling(&plan).padding {
        None => of_padding::<T, false>(request, plan, uploaded, samples),
        Some(_) => of_padding::<T, true>(request, plan, uploaded, samples),
    })
}

fn sampling(plan: &Plan) -> &SamplingPlan {
    match plan {
        Plan::Plane(plan) => &plan.sampling,
        Plan::Rays(plan) => &plan.sampling,
    }
}

fn of_padding<'a, T: Sample, const PADDED: bool>(
    request: &Request,
    plan: Plan,
    uploaded: &'a CpuVolume,
    samples: &'a [T],
) -> BoxedKernel<'a> {
    let interpolation = sampling(&plan).interpolation;
    let field = Field::<T, PADDED>::new(samples, sampling(&plan));
    match (plan, interpolation) {
        (Plan::Plane(plan), Interpolation::Nearest) => {
            let interpolation = PhantomData::<fn(Nearest)>;
            Box::new(SliceKernel { field, plan, output: request.output, interpolation })
        }
        (Plan::Plane(plan), Interpolation::Linear) => {
            let interpolation = PhantomData::<fn(Linear)>;
            Box::new(SliceKernel { field, plan, output: request.output, interpolation })
        }
        (Plan::Plane(plan), Interpolation::Cubic) => {
            let interpolation = PhantomData::<fn(Cubic)>;
            Box::new(SliceKernel { field, plan, output: request.output, interpolation })
        }
        (Plan::Rays(plan), interpolation) => {
            let cells = request
                .quality
                .skipping
                .then(|| uploaded.cells.get_or_init(|| Cells::new(samples, &plan.sampling)));
            match interpolation {
                Interpolation::Nearest => of_rays::<T, Nearest, PADDED>(request, plan, field, cells),
                Interpolation::Linear | Interpolation::Cubic => {
                    of_rays::<T, Linear, PADDED>(request, plan, field, cells)
                }
            }
        }
    }
}

fn of_rays<'a, T: Sample, I: Interpolate, const PADDED: bool>(
    request: &Request,
    plan: RayPlan,
    field: Field<'a, T, PADDED>,
    cells: Option<&'a Cells>,
) -> BoxedKernel<'a> {
    let interpolation = PhantomData::<fn(I)>;
    let skipping = cells.map(|cells| Skipping::new(&field, cells));
    match plan.mode.clone() {
        RayMode::Project { projection, display } => {
            let output = request.output;
            Box::new(ProjectKernel { field, plan, projection, display, output, skipping, interpolation })
        }
        RayMode::Render(rendering) => {
            let opacity = Opacity::new(&rendering.table, rendering.table_first, rendering.entries_per_unit);
            Box::new(RaycastKernel { field, plan, rendering: *rendering, opacity, skipping, interpolation })
        }
    }
}
