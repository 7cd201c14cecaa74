//! From a request to the numbers that a kernel needs.
//!
//! All backends render from the same plan, so that they agree on sample positions, steps and display by
//! construction. A kernel does arithmetic in f32 in the order that the field's documentation gives, without fused
//! multiply-add.

mod display;
mod plane;
mod rays;
mod sampling;

pub use display::{DisplayPlan, VoiPlan};
pub use plane::{PlanePlan, TILE_PX, TileOrigin};
pub use rays::{LensPlan, RayMode, RayPlan, RenderingPlan};
pub use sampling::{SNAP, SamplingPlan, SliceRow, SliceRows};

use crate::{Request, Result, View, Volume};

/// What one layer of a request asks of a kernel.
#[derive(Clone, Debug)]
pub enum Plan {
    /// Slices and slabs: one position a pixel, or a few along the normal.
    Plane(PlanePlan),
    /// Projections and renderings: a ray a pixel.
    Rays(RayPlan),
}

impl Plan {
    /// The plan of a request for the volume bound to its layer.
    ///
    /// # Errors
    /// As [`Request::check`]; limits for a slab or rays of more than 65,536 samples.
    pub fn new(request: &Request, volume: &Volume) -> Result<Self> {
        request.check()?;
        match &request.scene.view {
            View::Slice { .. } | View::Slab { .. } => PlanePlan::new(request, volume).map(Self::Plane),
            View::Projection { .. } | View::Rendering { .. } => RayPlan::new(request, volume).map(Self::Rays),
        }
    }
}
