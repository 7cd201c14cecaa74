//! Slices and slabs: values on a plane, or along its normal.

use anatome_core::plan::{PlanePlan, TILE_PX};
use anatome_core::{Output, PixelRect, Pixels, Projection};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::aligned::Block;
use crate::lanes::{F32s, LANES, Mask, each_axis, f32s};
use crate::places::Axes;
use crate::shared::display::{self, FoundPixels};
use crate::shared::projection::{Gather, Highest, Lowest, Mean};
use crate::shared::sampling::{Field, Found};

/// Renders slices and slabs.
pub(crate) struct SliceKernel<'a> {
    pub(crate) field: Field<'a>,
    pub(crate) plan: PlanePlan,
    pub(crate) output: Output,
    /// If what pixels share is to be computed once.
    pub(crate) axes: Option<Axes>,
}

impl SliceKernel<'_> {
    #[inline(always)]
    pub(crate) fn block<S: Simd>(&self, simd: S, rect: PixelRect) -> Pixels {
        let block = match self.axes {
            Some(axes) => Block::new(simd, &self.field, &self.plan, axes, rect),
            None => None,
        };
        let found = match block {
            Some(block) => self.shared(simd, &block),
            None => self.each(simd, rect),
        };
        display::pixels(simd, &self.plan.display, self.output, rect, found)
    }

    /// What is found at the pixels of a block along the axes.
    #[inline(always)]
    fn shared<S: Simd>(&self, simd: S, block: &Block<'_>) -> FoundPixels {
        match (self.plan.steps, self.plan.projection) {
            // Of one sample any projection makes the same.
            (1, _) | (_, Projection::Mip) => block.found::<S, Highest<S>>(simd),
            (_, Projection::MinIp) => block.found::<S, Lowest<S>>(simd),
            (_, Projection::Mean) => block.found::<S, Mean<S>>(simd),
        }
    }

    /// What is found at the pixels of any rectangle.
    #[inline(always)]
    fn each<S: Simd>(&self, simd: S, rect: PixelRect) -> FoundPixels {
        match (self.plan.steps, self.plan.projection) {
            (1, _) => self.found(
                simd,
                rect,
                #[inline(always)]
                |voxel, rest| self.field.sample_beyond(simd, voxel, &rest),
            ),
            (_, Projection::Mip) => self.slabs::<S, Highest<S>>(simd, rect),
            (_, Projection::MinIp) => self.slabs::<S, Lowest<S>>(simd, rect),
            (_, Projection::Mean) => self.slabs::<S, Mean<S>>(simd, rect),
        }
    }

    #[inline(always)]
    fn slabs<S: Simd, G: Gather<S>>(&self, simd: S, rect: PixelRect) -> FoundPixels {
        self.found(
            simd,
            rect,
            #[inline(always)]
            |voxel, rest| self.slab::<S, G>(simd, voxel, rest),
        )
    }

    /// What is found at each pixel of a rectangle, by what is at some neighbours: from their tile's voxel and their
    /// first samples' distances to it.
    #[inline(always)]
    fn found<S: Simd>(
        &self,
        simd: S,
        rect: PixelRect,
        at: impl Fn([i32; 3], [F32s<S>; 3]) -> Found<S>,
    ) -> FoundPixels {
        let mut found = FoundPixels::nothing(rect.width as usize * rect.height as usize);
        let lanes: F32s<S> = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].simd_into(simd);
        let PlanePlan { per_x, per_y, .. } = self.plan;
        for part in tiles(rect) {
            let origin = self.plan.tile(part.x / TILE_PX, part.y / TILE_PX);
            for y in part.y..part.y + part.height {
                let ly = (y % TILE_PX) as f32;
                let row = (y - rect.y) * rect.width;
                for x in (part.x..part.x + part.width).step_by(LANES) {
                    let lx = lanes + (x % TILE_PX) as f32;
                    let rest = each_axis(
                        #[inline(always)]
                        |n| (lx * per_x[n] + origin.fraction[n]) + ly * per_y[n],
                    );
                    let count = LANES.min((part.x + part.width - x) as usize);
                    found.put(simd, (row + x - rect.x) as usize, count, &at(origin.voxel, rest));
                }
            }
        }
        found
    }

    #[inline(always)]
    fn slab<S: Simd, G: Gather<S>>(&self, simd: S, voxel: [i32; 3], first: [F32s<S>; 3]) -> Found<S> {
        let mut gathered = G::new(simd);
        let (all, apart) = (Mask::splat(simd, true), f32s(simd, 1.0));
        for s in 0..self.plan.steps {
            let rest = each_axis(
                #[inline(always)]
                |n| first[n] + s as f32 * self.plan.per_step[n],
            );
            gathered.gather(simd, &self.field.sample_beyond(simd, voxel, &rest), all, apart);
        }
        gathered.projected(simd)
    }
}

/// The parts of a rectangle in each tile of the whole picture.
pub(crate) fn tiles(rect: PixelRect) -> impl Iterator<Item = PixelRect> {
    let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
    let starts =
        |from: u32, to: u32| (from / TILE_PX..to.div_ceil(TILE_PX)).map(move |n| (n * TILE_PX).max(from));
    let end = |start: u32, to: u32| ((start / TILE_PX + 1) * TILE_PX).min(to);
    starts(rect.y, bottom).flat_map(move |y| {
        starts(rect.x, right).map(move |x| PixelRect {
            x,
            y,
            width: end(x, right) - x,
            height: end(y, bottom) - y,
        })
    })
}
