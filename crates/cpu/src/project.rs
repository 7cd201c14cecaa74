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
use crate::shared::sampling::{Field, Found, Interpolate, Position};

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
        for y in rect.y..rect.y + rect.height {
            for x in rect.x..rect.x + rect.width {
                let ray = Ray::of_pixel(&self.plan, x, y);
                found.push(ray.map_or(Found::Nothing, |ray| self.along::<G>(&ray)));
            }
        }
        found
    }

    #[inline(always)]
    fn position(&self, ray: &Ray, n: i32) -> ([f32; 3], Position) {
        let lattice = ray.lattice_at(ray.t_of(n));
        (lattice, self.field.position_from_lattice(lattice))
    }

    fn along<G: Gather>(&self, ray: &Ray) -> Found {
        let mut gathered = G::default();
        let skipping = self.skipping.as_ref().filter(|skipping| skipping.leaps.suit(ray));
        let mut n = ray.first;
        while n <= ray.last {
            let (lattice, position) = self.position(ray, n);
            let held = self.field.hold_inside(&position);
            let mut end = n;
            if let Some(ProjectSkipping { cells, leaps, ranges }) = skipping {
                let cell = Leaps::cell(&held);
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
            gathered.gather(self.field.sample_held::<I>(&held));
            for n in n + 1..=end {
                let held = self.field.hold_inside(&self.position(ray, n).1);
                gathered.gather(self.field.sample_held::<I>(&held));
            }
            n = end + 1;
        }
        match gathered.projected() {
            // Missing slices are hatched in slices and slabs only.
            Found::Missing => Found::Nothing,
            found => found,
        }
    }
}
