//! Where along a ray samples can be leapt over.

use anatome_core::Sample;
use anatome_core::plan::RayPlan;

use crate::cells::CELL;
use crate::shared::ray::Ray;
use crate::shared::sampling::{Field, floor};

/// Positions this near to the far faces of a box (in voxels) are not leapt over, which is far more than the rounding of
/// positions along a ray.
const MARGIN: f32 = 1.0 / 64.0;
/// Leaps are safe up to this distance from the origin of lattice coordinates, in voxels: rounding stays below
/// [`MARGIN`].
const MOST_REACH: f32 = 32768.0;

/// Finds the samples of a ray that lie in a box of cells.
#[derive(Clone, Debug)]
pub(crate) struct Leaps {
    size: [usize; 3],
    /// Lattice positions of the slices of an uneven grid.
    slices: Option<Vec<f32>>,
    /// [`MARGIN`] in lattice units.
    margin: [f32; 3],
    steps_per_mm: f32,
}

impl Leaps {
    /// `None` if a step may be longer than a cell, so that neighbouring samples need not lie in neighbouring cells.
    pub(crate) fn new<T: Sample, const PADDED: bool>(
        field: &Field<'_, T, PADDED>,
        plan: &RayPlan,
    ) -> Option<Self> {
        let gaps = field.slices().map(|slices| slices.rows.iter().map(|row| row.gap_mm.abs()));
        let smallest_gap = gaps.map_or(1.0, |gaps| gaps.fold(f32::INFINITY, f32::min));
        let per_voxel = [1.0, 1.0, smallest_gap];
        let fits = (0..3).all(|n| {
            let column = plan.lattice_from_relative.map(|column| column[n]);
            let longest = column.iter().map(|part| part * part).sum::<f32>().sqrt() * plan.step_mm;
            longest <= CELL as f32 * 0.99 * per_voxel[n]
        });
        let slices = field.slices().map(|slices| slices.rows.iter().map(|row| row.z_mm).collect());
        fits.then(|| Self {
            size: field.size().map(|n| n as usize),
            slices,
            margin: per_voxel.map(|voxel| voxel * MARGIN),
            steps_per_mm: 1.0 / plan.step_mm,
        })
    }

    /// Whether leaps along a ray are safe.
    pub(crate) fn suit(&self, ray: &Ray) -> bool {
        [ray.t_in, ray.t_out].into_iter().all(|t| {
            (0..3).all(|n| {
                let voxel = self.margin[n] / MARGIN;
                let reach = ray.lattice_origin[n].abs() + (t * ray.lattice_direction[n]).abs();
                reach < MOST_REACH * voxel
            })
        })
    }

    /// The last of the samples from `n` on that certainly lie within less than `radius` cells of `cell`, in which the
    /// sample `n` at `lattice` lies.
    #[inline(always)]
    pub(crate) fn last_within(
        &self,
        ray: &Ray,
        n: i32,
        lattice: [f32; 3],
        cell: [usize; 3],
        radius: usize,
    ) -> i32 {
        let mut t_exit = f32::INFINITY;
        for axis in 0..3 {
            let (low, high) = self.faces(axis, cell[axis], radius);
            let along = ray.lattice_direction[axis];
            // Rounding may take the next sample back over the face only where the ray goes along it.
            let oblique = along.abs() > 2.0 * self.margin[axis] * self.steps_per_mm;
            let behind = if oblique { self.margin[axis] } else { 0.0 };
            let (start, face) = if along > 0.0 { (low - behind, high) } else { (high + behind, low) };
            let p = lattice[axis];
            let is_between = if along > 0.0 { start <= p && p <= face } else { face <= p && p <= start };
            if !is_between {
                return n;
            }
            if along != 0.0 {
                t_exit = t_exit.min((face - ray.lattice_origin[axis]) * ray.mm_per_lattice[axis]);
            }
        }
        let last = floor(t_exit * self.steps_per_mm);
        last.min(ray.last).max(n)
    }

    /// The faces of a box along an axis, moved inwards by the margin.
    #[inline(always)]
    fn faces(&self, axis: usize, cell: usize, radius: usize) -> (f32, f32) {
        let at = |voxel: usize| match &self.slices {
            Some(slices) if axis == 2 => slices[voxel],
            _ => voxel as f32,
        };
        let first = (cell + 1).saturating_sub(radius) * CELL;
        let end = (cell + radius) * CELL;
        // What lies beyond the outermost voxels takes their values.
        let low = if first == 0 { f32::NEG_INFINITY } else { at(first) + self.margin[axis] };
        let high = if end >= self.size[axis] - 1 { f32::INFINITY } else { at(end) - self.margin[axis] };
        (low, high)
    }
}
