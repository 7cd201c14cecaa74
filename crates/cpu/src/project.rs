//! Projections: the largest, smallest or mean value along a ray.

use std::marker::PhantomData;

use anatome_core::plan::{DisplayPlan, RayPlan};
use anatome_core::{Output, PixelRect, Pixels, Projection, Sample};

use crate::cells::{Cells, Range};
use crate::kernel::Kernel;
use crate::leap::Leaps;
use crate::shared::display;
use crate::shared::projection::{Gather, Highest, Lowest, Mean};
use crate::shared::ray::Ray;
use crate::shared::sampling::{Field, Found, Interpolate, LANES, Lanes};

/// Renders projections.
pub(crate) struct ProjectKernel<'a, T, I, const PADDED: bool> {
    pub(crate) field: Field<'a, T, PADDED>,
    pub(crate) plan: RayPlan,
    pub(crate) projection: Projection,
    pub(crate) display: DisplayPlan,
    pub(crate) output: Output,
    pub(crate) skipping: Option<ProjectSkipping<'a>>,
    pub(crate) interpolation: PhantomData<fn(I)>,
}

/// What is needed to leap over cells that can't change the result.
pub(crate) struct ProjectSkipping<'a> {
    cells: &'a Cells,
    leaps: Leaps,
    /// The modality values that each cell may give.
    ranges: Vec<Range>,
}

impl<'a> ProjectSkipping<'a> {
    pub(crate) fn new<T: Sample, const PADDED: bool>(
        field: &Field<'_, T, PADDED>,
        plan: &RayPlan,
        cells: &'a Cells,
    ) -> Option<Self> {
        let leaps = Leaps::new(field, plan)?;
        let ranges = cells.ranges.iter().map(|range| modality_range(field, *range)).collect();
        Some(Self { cells, leaps, ranges })
    }
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
        let mut found = Vec::with_capacity(rect.width as usize * rect.height as usize);
        let mut guess = 0;
        for y in rect.y..rect.y + rect.height {
            for x in rect.x..rect.x + rect.width {
                let ray = Ray::of_pixel(&self.plan, x, y);
                found.push(ray.map_or(Found::Nothing, |ray| self.along::<G>(&ray, &mut guess)));
            }
        }
        found
    }

    /// What is at the samples of a ray from `n` on.
    #[inline(always)]
    fn sample_ray(&self, ray: &Ray, n: i32) -> Lanes<Found> {
        self.field.sample::<I>(&self.field.hold_inside(ray.lattice_at(ray.t_from(n))))
    }

    /// What is found along a ray. The sample `guess` is looked at first: where the neighbour's ray had its result, so
    /// that most cells can be leapt over.
    fn along<G: Gather>(&self, ray: &Ray, guess: &mut i32) -> Found {
        let mut gathered = G::default();
        let skipping = self.skipping.as_ref().filter(|skipping| skipping.leaps.suit(ray));
        if G::IS_UNORDERED && skipping.is_some() && (ray.first..=ray.last).contains(guess) {
            gathered.gather(self.sample_ray(ray, *guess)[0]);
        }
        let mut n = ray.first;
        while n <= ray.last {
            let mut end = ray.last;
            if let Some(ProjectSkipping { cells, leaps, ranges }) = skipping {
                let lattice = ray.lattice_at([ray.t_of(n)]).map(|[p]| p);
                let cell = Cells::cell_of(self.field.voxel_at(lattice));
                end = leaps.last_within(ray, n, lattice, cell, 1);
                let range = ranges[cells.index(cell)];
                if gathered.is_indifferent(range.low, range.high) {
                    if range.is_empty() {
                        gathered.gather(Found::Nothing);
                    }
                    n = end + 1;
                    continue;
                }
            }
            while n <= end {
                let found = self.sample_ray(ray, n);
                for (found, n) in found.into_iter().zip(n..=end) {
                    if gathered.gather(found) {
                        *guess = n;
                    }
                }
                n = (n + LANES as i32).min(end + 1);
            }
        }
        match gathered.projected() {
            // Missing slices are hatched in slices and slabs only.
            Found::Missing => Found::Nothing,
            found => found,
        }
    }
}
