//! Slices and slabs: values on a plane, or along its normal.

use std::marker::PhantomData;

use anatome_core::plan::{PlanePlan, TILE_PX, TileOrigin};
use anatome_core::{Output, PixelRect, Pixels, Projection, Sample};

use crate::kernel::Kernel;
use crate::shared::display;
use crate::shared::projection::{Gather, Highest, Lowest, Mean};
use crate::shared::sampling::{Field, Found, Interpolate};

/// Renders slices and slabs.
pub(crate) struct SliceKernel<'a, T, I, const PADDED: bool> {
    pub(crate) field: Field<'a, T, PADDED>,
    pub(crate) plan: PlanePlan,
    pub(crate) output: Output,
    pub(crate) interpolation: PhantomData<fn(I)>,
}

impl<T: Sample, I: Interpolate, const PADDED: bool> Kernel for SliceKernel<'_, T, I, PADDED> {
    fn block(&self, rect: PixelRect) -> Pixels {
        let found = match (self.plan.steps, self.plan.projection) {
            (1, _) => self.found(rect, |voxel, rest| {
                self.field.sample::<I>(&self.field.position_from_rest(voxel, rest))
            }),
            (_, Projection::Mip) => self.found(rect, |voxel, rest| self.slab::<Highest>(voxel, rest)),
            (_, Projection::MinIp) => self.found(rect, |voxel, rest| self.slab::<Lowest>(voxel, rest)),
            (_, Projection::Mean) => self.found(rect, |voxel, rest| self.slab::<Mean>(voxel, rest)),
        };
        display::pixels(&self.plan.display, self.output, rect, &found)
    }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> SliceKernel<'_, T, I, PADDED> {
    /// What is found at each pixel of a rectangle, from the tile's voxel and the first sample's distance to it.
    #[inline(always)]
    fn found(&self, rect: PixelRect, at: impl Fn([i32; 3], [f32; 3]) -> Found) -> Vec<Found> {
        let mut found = Vec::with_capacity(rect.width as usize * rect.height as usize);
        for y in rect.y..rect.y + rect.height {
            let mut tile: Option<(u32, TileOrigin)> = None;
            for x in rect.x..rect.x + rect.width {
                let column = x / TILE_PX;
                let origin = match tile {
                    Some((known, origin)) if known == column => origin,
                    _ => self.plan.tile(column, y / TILE_PX),
                };
                tile = Some((column, origin));
                let (lx, ly) = ((x % TILE_PX) as f32, (y % TILE_PX) as f32);
                let rest = std::array::from_fn(|n| {
                    (origin.fraction[n] + lx * self.plan.per_x[n]) + ly * self.plan.per_y[n]
                });
                found.push(at(origin.voxel, rest));
            }
        }
        found
    }

    #[inline(always)]
    fn slab<G: Gather>(&self, voxel: [i32; 3], first: [f32; 3]) -> Found {
        let mut gathered = G::default();
        for s in 0..self.plan.steps {
            let rest = std::array::from_fn(|n| first[n] + s as f32 * self.plan.per_step[n]);
            gathered.gather(self.field.sample::<I>(&self.field.position_from_rest(voxel, rest)));
        }
        gathered.projected()
    }
}
