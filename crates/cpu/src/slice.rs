//! Slices and slabs: values on a plane, or along its normal.

use anatome_core::plan::{PlanePlan, TILE_PX, TileOrigin};
use anatome_core::{Interpolation, Output, PixelRect, Pixels, Projection};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::aligned::Block;
use crate::beam::MARGIN;
use crate::cells::{Cells, Range, VoxelBox};
use crate::interior::Track;
use crate::lanes::{F32s, LANES, Mask, each_axis, f32s};
use crate::places::Axes;
use crate::project::modality_range;
use crate::shared::display::{self, FoundPixels};
use crate::shared::projection::{Gather, Highest, Lowest, Mean, RUN, Run, sort, window};
use crate::shared::sampling::{Field, Found};

/// Renders slices and slabs.
pub(crate) struct SliceKernel<'a> {
    pub(crate) field: Field<'a>,
    pub(crate) plan: PlanePlan,
    pub(crate) output: Output,
    /// If what pixels share is to be computed once.
    pub(crate) axes: Option<Axes>,
    /// What is needed to pass samples of slabs by, if that is wanted.
    cells: Option<&'a Cells>,
    window: Range,
}

impl<'a> SliceKernel<'a> {
    pub(crate) fn new(
        field: Field<'a>,
        plan: PlanePlan,
        output: Output,
        axes: Option<Axes>,
        cells: Option<&'a Cells>,
    ) -> Self {
        let window = window(&plan.display, output);
        Self { field, plan, output, axes, cells, window }
    }

    /// Whether samples may be passed by: of several, where cells bound what lies between voxels, and where no slice is
    /// missing, which has to be told.
    pub(crate) fn may_leap(plan: &PlanePlan) -> bool {
        let is_bound = plan.sampling.interpolation != Interpolation::Cubic && plan.sampling.slices.is_none();
        plan.steps > 1 && plan.projection != Projection::Mean && is_bound
    }

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
                |tile| self.announce(tile),
                #[inline(always)]
                |(), row, found| self.row(simd, row, found),
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
            |tile| self.runs::<S, G>(tile),
            #[inline(always)]
            |runs, row, found| {
                for (n, found) in (0..).zip(found) {
                    let below =
                        Below { origin: row.origin, first: row.rest(simd, n), per_step: self.plan.per_step };
                    *found = self.slab::<S, G>(simd, &below, runs);
                }
            },
        )
    }

    /// The samples below the pixels of a tile, the most promising first if their order does not matter.
    fn runs<S: Simd, G: Gather<S>>(&self, tile: &TileOrigin) -> Vec<Run> {
        let any = Range { low: f32::NEG_INFINITY, high: f32::INFINITY };
        let steps = self.plan.steps as i32;
        let range = |n: i32| {
            self.cells.map_or(any, |cells| {
                let voxels = self.voxels(tile, [n, (n + RUN as i32).min(steps) - 1]);
                modality_range(&self.field, cells.range(&voxels))
            })
        };
        let mut runs: Vec<Run> = (0..steps).step_by(RUN).map(|n| Run { n, range: range(n) }).collect();
        if self.cells.is_some() {
            sort::<S, G>(&mut runs);
        }
        runs
    }

    /// The voxels that samples below the pixels of a tile may depend on, the next ones along each axis excluded.
    fn voxels(&self, tile: &TileOrigin, steps: [i32; 2]) -> VoxelBox {
        let PlanePlan { per_x, per_y, per_step, .. } = &self.plan;
        let across = (TILE_PX - 1) as f32;
        let [low, high]: [[usize; 3]; 2] = [f32::min as fn(f32, f32) -> f32, f32::max].map(|farther| {
            std::array::from_fn(|axis| {
                let sides = [per_x[axis], per_y[axis]].map(|side| farther(0.0, side * across));
                let [from, to] = steps.map(|s| s as f32 * per_step[axis]);
                let away = farther(-MARGIN, MARGIN);
                let rest = ((tile.fraction[axis] + sides[0]) + sides[1]) + farther(from, to) + away;
                let voxel = tile.voxel[axis].saturating_add(rest.floor() as i32);
                voxel.clamp(0, self.field.size[axis] - 1) as usize
            })
        });
        VoxelBox { low, high }
    }

    /// What is found at each pixel of a rectangle, by what is found out of each tile and then at each eight of a row of it.
    #[inline(always)]
    fn found<S: Simd, T>(
        &self,
        simd: S,
        rect: PixelRect,
        of: impl Fn(&TileOrigin) -> T,
        at: impl Fn(&T, &Row<S>, &mut [Found<S>]),
    ) -> FoundPixels {
        let mut found = FoundPixels::nothing(rect.width as usize * rect.height as usize);
        let lanes: F32s<S> = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].simd_into(simd);
        let PlanePlan { per_x, per_y, .. } = self.plan;
        for part in tiles(rect) {
            let tile = self.plan.tile(part.x / TILE_PX, part.y / TILE_PX);
            let of_tile = of(&tile);
            let first = lanes + (part.x % TILE_PX) as f32;
            for y in part.y..part.y + part.height {
                let below = per_y.map(|per_y| (y % TILE_PX) as f32 * per_y);
                let row = Row { origin: tile.voxel, fraction: tile.fraction, first, per_x, below };
                let mut eights = [Found::nothing(simd); (TILE_PX as usize).div_ceil(LANES)];
                let eights = &mut eights[..(part.width as usize).div_ceil(LANES)];
                at(&of_tile, &row, eights);
                let start = (y - rect.y) * rect.width + part.x - rect.x;
                for (n, eight) in eights.iter().enumerate() {
                    let count = LANES.min(part.width as usize - n * LANES);
                    found.put(simd, start as usize + n * LANES, count, eight);
                }
            }
        }
        found
    }

    /// Has all voxels around the pixels of a tile brought near at once: its rows would wait for theirs one after the other.
    fn announce(&self, tile: &TileOrigin) {
        let PlanePlan { per_x, per_y, .. } = &self.plan;
        // Cubic values take so long that nothing is waited for.
        if self.field.slices.is_some() || self.field.interpolation == Interpolation::Cubic {
            return;
        }
        // So many pixels go no farther than a voxel.
        let stride = |per_px: &[f32; 3]| {
            let most = per_px.iter().fold(0.0_f32, |most, part| most.max(part.abs()));
            ((1.0 / most) as usize).clamp(1, TILE_PX as usize)
        };
        let pixels = |stride: usize| (0..TILE_PX as usize + stride).step_by(stride).map(|n| n as f32);
        for y in pixels(stride(per_y)) {
            for x in pixels(stride(per_x)) {
                self.field.announce(std::array::from_fn(|axis| {
                    let rest = tile.fraction[axis] + x * per_x[axis] + y * per_y[axis];
                    tile.voxel[axis].saturating_add(rest.floor() as i32)
                }));
            }
        }
    }

    /// What is found at a row's pixels themselves.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, row: &Row<S>, found: &mut [Found<S>]) {
        if !self.field.found_along(simd, row, 0, found) {
            for (n, found) in (0..).zip(found) {
                *found = self.field.sample_beyond(simd, row.origin, &row.rest(simd, n));
            }
        }
    }

    #[inline(always)]
    fn slab<S: Simd, G: Gather<S>>(&self, simd: S, below: &Below<S>, runs: &[Run]) -> Found<S> {
        let mut gathered = G::new(simd);
        let (all, apart) = (Mask::splat(simd, true), f32s(simd, 1.0));
        let steps = self.plan.steps as i32;
        let mut run = [Found::nothing(simd); RUN];
        for &Run { n: first, range } in runs {
            if self.cells.is_some() {
                let is_done = gathered.is_indifferent(simd, range, self.window);
                if (is_done | gathered.is_settled(simd, self.window)).all_true() {
                    // No later run promises more.
                    break;
                }
            }
            let run = &mut run[..RUN.min((steps - first) as usize)];
            if !self.field.found_along(simd, below, first, run) {
                for (s, found) in (first..).zip(&mut *run) {
                    *found = self.field.sample_beyond(simd, below.origin, &below.rest(simd, s));
                }
            }
            for found in run {
                gathered.gather(simd, found, all, apart);
            }
        }
        gathered.projected(simd)
    }
}

/// A row of pixels of a tile, eight at a time.
struct Row<S: Simd> {
    /// The tile's voxel.
    origin: [i32; 3],
    /// Where the tile's first pixel is beyond it.
    fraction: [f32; 3],
    /// The places of the first eight in the row.
    first: F32s<S>,
    per_x: [f32; 3],
    /// How far the row is from the tile's first.
    below: [f32; 3],
}

// SAFETY: neither a product with one number nor a sum with another turns the order of numbers around, when rounded.
#[expect(unsafe_code, reason = "see Track")]
unsafe impl<S: Simd> Track<S> for Row<S> {
    #[inline(always)]
    fn origin(&self) -> Option<[i32; 3]> {
        Some(self.origin)
    }

    #[inline(always)]
    fn rest(&self, _simd: S, n: i32) -> [F32s<S>; 3] {
        let x = self.first + (n * LANES as i32) as f32;
        each_axis(
            #[inline(always)]
            |axis| (x * self.per_x[axis] + self.fraction[axis]) + self.below[axis],
        )
    }
}

/// The samples of a slab at eight pixels.
struct Below<S: Simd> {
    origin: [i32; 3],
    first: [F32s<S>; 3],
    per_step: [f32; 3],
}

// SAFETY: neither a product with one number nor a sum with another turns the order of numbers around, when rounded.
#[expect(unsafe_code, reason = "see Track")]
unsafe impl<S: Simd> Track<S> for Below<S> {
    #[inline(always)]
    fn origin(&self) -> Option<[i32; 3]> {
        Some(self.origin)
    }

    #[inline(always)]
    fn rest(&self, _simd: S, n: i32) -> [F32s<S>; 3] {
        each_axis(
            #[inline(always)]
            |axis| self.first[axis] + n as f32 * self.per_step[axis],
        )
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
