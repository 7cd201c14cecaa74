//! Slices and slabs: values on a plane, or along its normal.

use std::marker::PhantomData;

use anatome_core::plan::{PlanePlan, TILE_PX};
use anatome_core::{Output, PixelRect, Pixels, Projection, Sample};

use crate::kernel::Kernel;
use crate::shared::display;
use crate::shared::projection::{Gather, Highest, Lowest, Mean};
use crate::shared::sampling::{Field, Found, Interpolate, LANES, Lanes};

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
            (1, _) => self.found(rect, |voxel, rest| self.at(voxel, rest)),
            (_, Projection::Mip) => self.found(rect, |voxel, rest| self.slab::<Highest>(voxel, rest)),
            (_, Projection::MinIp) => self.found(rect, |voxel, rest| self.slab::<Lowest>(voxel, rest)),
            (_, Projection::Mean) => self.found(rect, |voxel, rest| self.slab::<Mean>(voxel, rest)),
        };
        display::pixels(&self.plan.display, self.output, rect, &found)
    }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> SliceKernel<'_, T, I, PADDED> {
    /// What is found at each pixel of a rectangle, by what is at some neighbours: from their tile's voxel and their
    /// first samples' distances to it.
    #[inline(always)]
    fn found(&self, rect: PixelRect, at: impl Fn([i32; 3], [Lanes<f32>; 3]) -> Lanes<Found>) -> Vec<Found> {
        let mut found = Vec::with_capacity(rect.width as usize * rect.height as usize);
        for y in rect.y..rect.y + rect.height {
            let ly = (y % TILE_PX) as f32;
            let (mut x, right) = (rect.x, rect.x + rect.width);
            while x < right {
                let tile = x / TILE_PX;
                let origin = self.plan.tile(tile, y / TILE_PX);
                let end = right.min((tile + 1) * TILE_PX);
                while x < end {
                    let lx = (x % TILE_PX) as f32;
                    let rest = std::array::from_fn(|n| {
                        let (start, per_x, per_y) =
                            (origin.fraction[n], self.plan.per_x[n], self.plan.per_y[n]);
                        std::array::from_fn(|lane| (start + (lx + lane as f32) * per_x) + ly * per_y)
                    });
                    let count = LANES.min((end - x) as usize);
                    found.extend_from_slice(&at(origin.voxel, rest)[..count]);
                    x += count as u32;
                }
            }
        }
        found
    }

    #[inline(always)]
    fn at(&self, voxel: [i32; 3], rest: [Lanes<f32>; 3]) -> Lanes<Found> {
        let positions = self.field.position_from_rest(voxel, &rest);
        let held = self.field.hold_at_edge(&positions);
        if held.is_inside == [0; LANES] {
            return [Found::Nothing; LANES];
        }
        self.field.sample::<I>(&held)
    }

    fn slab<G: Gather>(&self, voxel: [i32; 3], first: [Lanes<f32>; 3]) -> Lanes<Found> {
        let mut gathered: Lanes<G> = std::array::from_fn(|_| G::default());
        for s in 0..self.plan.steps {
            let rest =
                std::array::from_fn(|n| first[n].map(|first| first + s as f32 * self.plan.per_step[n]));
            for (gathered, found) in gathered.iter_mut().zip(self.at(voxel, rest)) {
                gathered.gather(found, 1.0);
            }
        }
        gathered.map(|gathered| gathered.projected())
    }
}
