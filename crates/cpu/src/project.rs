//! Projections: the largest, smallest or mean value along a ray.

use std::marker::PhantomData;

use anatome_core::plan::{DisplayPlan, RayPlan};
use anatome_core::{Output, PixelRect, Pixels, Projection, Sample};

use crate::beam::{Beam, Skipping, beams};
use crate::cells::Range;
use crate::kernel::Kernel;
use crate::shared::display;
use crate::shared::projection::{Gather, Highest, Lowest, Mean};
use crate::shared::ray::Ray;
use crate::shared::sampling::{Field, Found, Interpolate, LANES};

/// Renders projections.
pub(crate) struct ProjectKernel<'a, T, I, const PADDED: bool> {
    pub(crate) field: Field<'a, T, PADDED>,
    pub(crate) plan: RayPlan,
    pub(crate) projection: Projection,
    pub(crate) display: DisplayPlan,
    pub(crate) output: Output,
    pub(crate) skipping: Option<Skipping<'a>>,
    pub(crate) interpolation: PhantomData<fn(I)>,
}

/// [`LANES`] samples from `n` on.
struct Run {
    n: i32,
    /// The modality values that they may have.
    range: Range,
}

/// The modality values that samples between stored values of a range have.
pub(crate) fn modality_range<T: Sample, const PADDED: bool>(
    field: &Field<'_, T, PADDED>,
    stored: Range,
) -> Range {
    if stored.is_empty() {
        return Range::EMPTY;
    }
    let stored = stored.of_interpolated();
    let (a, b) = (field.modality_value(stored.low), field.modality_value(stored.high));
    Range { low: a.min(b), high: a.max(b) }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> Kernel for ProjectKernel<'_, T, I, PADDED> {
    fn block(&self, rect: PixelRect) -> Pixels {
        let found = match self.projection {
            Projection::Mip => self.found::<Highest>(rect),
            Projection::MinIp => self.found::<Lowest>(rect),
            Projection::Mean => self.found::<Mean>(rect),
        };
        display::pixels(&self.display, self.output, rect, &found)
    }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> ProjectKernel<'_, T, I, PADDED> {
    fn found<G: Gather>(&self, rect: PixelRect) -> Vec<Found> {
        let mut found = vec![Found::Nothing; rect.width as usize * rect.height as usize];
        for part in beams(rect) {
            let Some(beam) = Beam::new(&self.plan, part, self.skipping.as_ref()) else { continue };
            let runs = self.runs::<G>(&beam);
            let mut guess = None;
            for (n, ray) in beam.rays.iter().enumerate() {
                let (x, y) = (n as u32 % part.width, n as u32 / part.width);
                let at = (part.y - rect.y + y) * rect.width + (part.x - rect.x + x);
                if let Some(ray) = ray {
                    found[at as usize] = self.along::<G>(ray, &runs, &mut guess);
                }
            }
        }
        found
    }

    /// The samples of a beam, the most promising first if their order does not matter.
    fn runs<G: Gather>(&self, beam: &Beam<'_>) -> Vec<Run> {
        let any = Range { low: f32::NEG_INFINITY, high: f32::INFINITY };
        let ends = i32::from(G::TAKES_ENDS);
        let starts = (beam.first - ends..=beam.last + ends).step_by(LANES);
        let runs = starts.map(|n| {
            // An end lies within a step of the whole multiple beside it.
            let stored = beam.range(&self.field, n - ends, n + LANES as i32 - 1 + ends);
            Run { n, range: stored.map_or(any, |stored| modality_range(&self.field, stored)) }
        });
        let mut runs: Vec<Run> = runs.collect();
        if G::IS_UNORDERED && self.skipping.is_some() {
            let promise = |run: &Run| G::promise(run.range.low, run.range.high);
            runs.sort_unstable_by(|a, b| promise(b).total_cmp(&promise(a)));
        }
        runs
    }

    /// What is found along a ray. The run `guess` is looked at first: where the neighbour's ray had its result, so that
    /// most others need no look.
    fn along<G: Gather>(&self, ray: &Ray, runs: &[Run], guess: &mut Option<i32>) -> Found {
        let mut gathered = G::default();
        if let Some(n) = *guess {
            self.gather_run(&mut gathered, ray, n);
        }
        for run in runs {
            if !gathered.is_indifferent(run.range.low, run.range.high) {
                if self.gather_run(&mut gathered, ray, run.n) && self.skipping.is_some() {
                    *guess = Some(run.n);
                }
            } else if G::IS_UNORDERED && self.skipping.is_some() {
                // No later run promises more.
                break;
            } else {
                gathered.gather(Found::Nothing, 0.0);
            }
        }
        match gathered.projected() {
            // Missing slices are hatched in slices and slabs only.
            Found::Missing => Found::Nothing,
            found => found,
        }
    }

    /// Takes the samples of a run; whether one of them is now the result.
    fn gather_run<G: Gather>(&self, gathered: &mut G, ray: &Ray, n: i32) -> bool {
        let t = ray.t_from(n);
        let found = self.field.sample::<I>(&self.field.hold_inside(ray.lattice_at(t)));
        let ends = i32::from(G::TAKES_ENDS);
        let (mut is_new, mut before) = (false, ray.t_of(n - 1));
        for ((found, t), n) in found.into_iter().zip(t).zip(n..) {
            if ray.first - ends <= n && n <= ray.last + ends {
                is_new |= gathered.gather(found, t - before);
            }
            before = t;
        }
        is_new
    }
}
