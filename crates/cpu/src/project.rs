//! Projections: the largest, smallest or mean value along a ray.

use anatome_core::plan::{DisplayPlan, RayPlan};
use anatome_core::{Output, PixelRect, Pixels, Projection};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::beam::{Beam, beams, pixel_of};
use crate::cells::{Cells, Range};
use crate::lanes::{LANES, Mask, i32s};
use crate::shared::display::{self, FoundPixels};
use crate::shared::projection::{Gather, Highest, Lowest, Mean, RUN, Run, sort, window};
use crate::shared::ray::Rays;
use crate::shared::sampling::{Field, Found};

/// Renders projections.
pub(crate) struct ProjectKernel<'a> {
    field: Field<'a>,
    plan: RayPlan,
    projection: Projection,
    display: DisplayPlan,
    output: Output,
    /// What is needed to leap, if leaps are wanted.
    cells: Option<&'a Cells>,
    window: Range,
}

/// The modality values that samples between stored values of a range have.
pub(crate) fn modality_range(field: &Field<'_>, stored: Range) -> Range {
    if stored.is_empty() {
        return Range::EMPTY;
    }
    let stored = stored.of_interpolated();
    let (a, b) = (field.modality_value(stored.low), field.modality_value(stored.high));
    Range { low: a.min(b), high: a.max(b) }
}

impl<'a> ProjectKernel<'a> {
    pub(crate) fn new(
        field: Field<'a>,
        plan: RayPlan,
        projection: Projection,
        display: DisplayPlan,
        output: Output,
        cells: Option<&'a Cells>,
    ) -> Self {
        let window = window(&display, output);
        Self { field, plan, projection, display, output, cells, window }
    }

    #[inline(always)]
    pub(crate) fn block<S: Simd>(&self, simd: S, rect: PixelRect) -> Pixels {
        let found = match self.projection {
            Projection::Mip => self.found::<S, Highest<S>>(simd, rect),
            Projection::MinIp => self.found::<S, Lowest<S>>(simd, rect),
            Projection::Mean => self.found::<S, Mean<S>>(simd, rect),
        };
        display::pixels(simd, &self.display, self.output, rect, found)
    }

    #[inline(always)]
    fn found<S: Simd, G: Gather<S>>(&self, simd: S, rect: PixelRect) -> FoundPixels {
        let mut found = FoundPixels::nothing(rect.width as usize * rect.height as usize);
        for part in beams(rect, self.plan.pixels) {
            let Some(beam) = Beam::new(simd, &self.plan, &self.field, part) else { continue };
            let runs = self.runs::<S, G>(simd, &beam);
            let mut guess = None;
            for (packet, rays) in beam.packets.iter().enumerate() {
                let projected = self.along::<S, G>(simd, rays, &runs, &mut guess);
                // Missing slices are hatched in slices and slabs only.
                for lane in (0..LANES).filter(|&lane| projected.is_sample.test(lane)) {
                    let (x, y) = pixel_of(self.plan.pixels, part, packet, lane);
                    if x < part.width && y < part.height {
                        let at = (part.y - rect.y + y) * rect.width + (part.x - rect.x + x);
                        found.values_mut()[at as usize] = projected.value[lane];
                    }
                }
            }
        }
        found
    }

    /// The samples of a beam, the most promising first if their order does not matter.
    #[inline(always)]
    fn runs<S: Simd, G: Gather<S>>(&self, simd: S, beam: &Beam<S>) -> Vec<Run> {
        let any = Range { low: f32::NEG_INFINITY, high: f32::INFINITY };
        let ends = i32::from(G::TAKES_ENDS);
        let mut runs = Vec::with_capacity(256);
        for n in (beam.first - ends..=beam.last + ends).step_by(RUN) {
            // An end lies within a step of the whole multiple beside it.
            let (first, last) = (n - ends, n + RUN as i32 - 1 + ends);
            let range = match self.cells {
                Some(cells) => {
                    let voxels = beam.voxels(simd, &self.field, &beam.hull, first, last);
                    modality_range(&self.field, cells.range(&voxels))
                }
                None => any,
            };
            runs.push(Run { n, range });
        }
        if G::IS_UNORDERED && self.cells.is_some() {
            sort::<S, G>(&mut runs);
        }
        runs
    }

    /// What is found along rays. The run `guess` is looked at first: where the neighbours' rays had their result, so
    /// that most others need no look.
    #[inline(always)]
    fn along<S: Simd, G: Gather<S>>(
        &self,
        simd: S,
        rays: &Rays<S>,
        runs: &[Run],
        guess: &mut Option<Run>,
    ) -> Found<S> {
        let mut gathered = G::new(simd);
        let may_leap = G::IS_UNORDERED && self.cells.is_some();
        let first = guess.filter(|_| may_leap);
        for run in first.iter().chain(runs) {
            let is_indifferent = gathered.is_indifferent(simd, run.range, self.window) | !rays.hit;
            let is_indifferent = match may_leap {
                true => is_indifferent | gathered.is_settled(simd, self.window),
                false => is_indifferent,
            };
            if !is_indifferent.all_true() {
                if self.gather_run(simd, &mut gathered, rays, run.n) {
                    *guess = Some(*run);
                }
            } else if may_leap {
                // No later run promises more.
                break;
            } else {
                let none = Found::nothing(simd);
                gathered.gather(simd, &none, rays.hit, none.value);
            }
        }
        gathered.projected(simd)
    }

    /// Takes the samples of a run; whether one of them is now a result.
    #[inline(always)]
    fn gather_run<S: Simd, G: Gather<S>>(&self, simd: S, gathered: &mut G, rays: &Rays<S>, n: i32) -> bool {
        let ends = i32::from(G::TAKES_ENDS);
        let (first, last) = (rays.first - ends, rays.last + ends);
        let mut run = [Found::nothing(simd); RUN];
        if !self.field.found_along(simd, rays, n, &mut run) {
            for (n, found) in (n..).zip(&mut run) {
                let number = i32s(simd, n);
                if (rays.hit & number.simd_ge(first) & number.simd_le(last)).any_true() {
                    *found = self.field.sample_inside(simd, rays.lattice_at(rays.t_of(simd, n)));
                }
            }
        }
        let (mut is_new, mut before) = (Mask::splat(simd, false), rays.t_of(simd, n - 1));
        for (n, found) in (n..).zip(&run) {
            let (t, number) = (rays.t_of(simd, n), i32s(simd, n));
            let of = rays.hit & number.simd_ge(first) & number.simd_le(last);
            is_new |= gathered.gather(simd, found, of, t - before);
            before = t;
        }
        is_new.any_true()
    }
}
