//! Places of a picture's columns, rows and depth along the axes of the grid.

use std::ops::Range;

use anatome_core::Interpolation;
use anatome_core::plan::{PlanePlan, TILE_PX, TileOrigin};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, f32s};
use crate::shared::sampling::Field;

/// So small a part of a voxel is lost when it is added to a position of f32, unless the position is so near to a voxel's
/// that it counts as on it.
const NOTHING: f32 = 1e-13;

/// The axes of the grid along which a picture's columns, rows and depth run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes {
    /// The axis along which a place is known by the column of a pixel.
    pub(crate) column: usize,
    pub(crate) row: usize,
    pub(crate) depth: usize,
}

impl Axes {
    /// `None` if a picture does not run along the axes in their order, or samples are found in a rarer way.
    pub(crate) fn new(field: &Field<'_>, plan: &PlanePlan) -> Option<Self> {
        let is_simple = match field.interpolation {
            Interpolation::Linear => true,
            Interpolation::Nearest => field.samples.is_whole(),
            Interpolation::Cubic => false,
        };
        let slices = field.slices.as_ref().map(|slices| slices.rows.as_slice()).unwrap_or_default();
        let has_gaps = slices.iter().any(|row| row.gap_mm < 0.0);
        if !is_simple || has_gaps || field.samples.len() != field.slice * field.size[2] as usize {
            return None;
        }
        let is_still = |axis: usize, per: [f32; 3], steps: u32| {
            let is_in_mm = axis == 2 && field.slices.is_some();
            per[axis] == 0.0 || !is_in_mm && per[axis].abs() * (steps as f32) < NOTHING
        };
        let in_order = [[0, 1, 2], [0, 2, 1], [1, 2, 0]].into_iter();
        let mut fitting = in_order.filter(|&[column, row, depth]| {
            [row, depth].into_iter().all(|axis| is_still(axis, plan.per_x, TILE_PX))
                && [column, depth].into_iter().all(|axis| is_still(axis, plan.per_y, TILE_PX))
                && [column, row].into_iter().all(|axis| is_still(axis, plan.per_step, plan.steps))
        });
        fitting.next().map(|[column, row, depth]| Self { column, row, depth })
    }
}

/// Steps along an axis of the grid.
#[derive(Clone, Copy)]
pub(crate) struct Steps {
    pub(crate) axis: usize,
    /// The length of one, as positions are measured.
    pub(crate) per: f32,
    /// The number of the first, from the origin.
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// Places along an axis: between two voxels each.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Places {
    pub(crate) before: Vec<usize>,
    /// The same voxel where the next has no weight.
    pub(crate) after: Vec<usize>,
    /// The part of the way from the one to the other.
    pub(crate) fraction: Vec<f32>,
    pub(crate) is_inside: Vec<bool>,
}

impl Places {
    /// None, with room for so many.
    pub(crate) fn with_room(count: u32) -> Self {
        let count = (count as usize).next_multiple_of(LANES);
        let [before, after] = [Vec::with_capacity(count), Vec::with_capacity(count)];
        let (fraction, is_inside) = (Vec::with_capacity(count), Vec::with_capacity(count));
        Self { before, after, fraction, is_inside }
    }

    /// Adds the places of steps from the origin of a tile, as [`Field::sample_beyond`] has them.
    #[inline(always)]
    pub(crate) fn add<S: Simd>(&mut self, simd: S, field: &Field<'_>, steps: Steps, origin: &TileOrigin) {
        let Steps { axis, per, first, count } = steps;
        let lanes: F32s<S> = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0].simd_into(simd);
        for start in (first..first + count).step_by(LANES) {
            let (mut voxel, mut rest) = ([0; 3], [f32s(simd, 0.0); 3]);
            voxel[axis] = origin.voxel[axis];
            rest[axis] = (lanes + start as f32) * per + origin.fraction[axis];
            let held = field.hold_at_edge(simd, &field.position_from_rest(simd, voxel, &rest));
            let (before, after, fraction) = pair(simd, field, axis, held.voxel[axis], held.fraction[axis]);
            let [before, after] = [before.to_array(), after.to_array()];
            for lane in 0..LANES.min((first + count - start) as usize) {
                self.before.push(before[lane] as usize);
                self.after.push(after[lane] as usize);
                self.fraction.push(fraction[lane]);
                self.is_inside.push(held.is_inside.test(lane));
            }
        }
    }

    /// Whether steps from two origins are at the same places.
    #[inline(always)]
    pub(crate) fn agree<S: Simd>(simd: S, field: &Field<'_>, steps: Steps, [a, b]: [&TileOrigin; 2]) -> bool {
        if a.voxel[steps.axis] == b.voxel[steps.axis] && a.fraction[steps.axis] == b.fraction[steps.axis] {
            return true;
        }
        let [mut of_a, mut of_b] = [Self::default(), Self::default()];
        of_a.add(simd, field, steps, a);
        of_b.add(simd, field, steps, b);
        of_a == of_b
    }

    pub(crate) fn len(&self) -> usize {
        self.fraction.len()
    }

    /// From the first place inside to behind the last; empty if there is none.
    pub(crate) fn inside(&self) -> Range<usize> {
        let first = self.is_inside.iter().position(|&is| is).unwrap_or(0);
        let last = self.is_inside.iter().rposition(|&is| is);
        first..last.map_or(0, |last| last + 1)
    }

    /// From the first voxel of some of the places to behind the last.
    pub(crate) fn voxels(&self, places: Range<usize>) -> Range<usize> {
        let all = self.before[places.clone()].iter().chain(&self.after[places]);
        let low = all.clone().copied().min().unwrap_or(0);
        low..all.max().map_or(0, |&high| high + 1)
    }

    /// Repeats the last place, as one outside, until their number is a multiple of [`LANES`].
    pub(crate) fn fill_eights(&mut self) {
        let (last, count) = (self.len().saturating_sub(1), self.len().next_multiple_of(LANES));
        self.before.resize(count, self.before.get(last).copied().unwrap_or(0));
        self.after.resize(count, self.after.get(last).copied().unwrap_or(0));
        self.fraction.resize(count, self.fraction.get(last).copied().unwrap_or(0.0));
        self.is_inside.resize(count, false);
    }
}

/// The two voxels beside places, and the parts of the way between them, as [`Field::sample_beyond`] has them.
#[inline(always)]
fn pair<S: Simd>(
    simd: S,
    field: &Field<'_>,
    axis: usize,
    voxel: I32s<S>,
    fraction: F32s<S>,
) -> (I32s<S>, I32s<S>, F32s<S>) {
    let none = f32s(simd, 0.0);
    if field.interpolation == Interpolation::Nearest {
        let nearest = fraction.simd_ge(0.5).select(voxel + 1, voxel);
        return (nearest, nearest, none);
    }
    let (mut before, mut fraction) = (voxel, fraction);
    if field.samples.is_whole() && field.has_pairs {
        let last = field.size[axis] - 2;
        before = voxel.min(last);
        fraction = voxel.simd_gt(last).select(f32s(simd, 1.0), fraction);
    }
    (before, fraction.simd_gt(none).select(before + 1, before), fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::Stored;
    use anatome_core::plan::Plan;
    use anatome_core::*;
    use glam::{DAffine3, DMat3, DVec3};
    use ndarray::Array3;

    fn axes(
        turn: DMat3,
        plane: impl Fn(&Grid) -> SlicePlane,
        interpolation: Interpolation,
    ) -> Option<[usize; 3]> {
        let samples = Samples::I16(Array3::zeros((20, 30, 40)));
        let grid = Grid::even([20, 30, 40], DAffine3::from_mat3(turn)).unwrap();
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let plane = plane(&grid);
        let volume = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
        let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
        let view = View::Slab { plane, thickness_mm: 5.0, projection: Projection::Mip };
        let mut scene = Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None });
        scene.layers[0].interpolation = interpolation;
        let Plan::Plane(plan) = Plan::new(&Request::new(scene, [300, 200], Output::Values), &volume).unwrap()
        else {
            panic!("a plane was asked for")
        };
        let field = Field::new(Stored::new(volume.samples()).unwrap(), &plan.sampling);
        Axes::new(&field, &plan).map(|axes| [axes.column, axes.row, axes.depth])
    }

    /// Also where the grid is turned, so that the axes are not those of the patient, and rounding is not zero.
    #[test]
    fn standard_views_run_along_axes() {
        for turn in [DMat3::IDENTITY, DMat3::from_rotation_z(0.3) * DMat3::from_rotation_x(0.2)] {
            for (view, expected) in [
                (StandardView::Axial, [0, 1, 2]),
                (StandardView::Coronal, [0, 2, 1]),
                (StandardView::Sagittal, [1, 2, 0]),
            ] {
                let of = |planes, interpolation| {
                    let plane = |grid: &Grid| view.plane(grid, planes, grid.center_mm(), 1.5);
                    axes(turn, plane, interpolation)
                };
                assert_eq!(of(Planes::Acquisition, Interpolation::Linear), Some(expected));
                assert_eq!(of(Planes::Acquisition, Interpolation::Nearest), Some(expected));
                assert_eq!(of(Planes::Acquisition, Interpolation::Cubic), None);
                let is_turned = turn != DMat3::IDENTITY;
                assert_eq!(of(Planes::Patient, Interpolation::Linear).is_none(), is_turned);
            }
        }
    }

    #[test]
    fn a_thousandth_of_a_degree_is_off_the_axes() {
        let turned = |by: DMat3| {
            let plane = |grid: &Grid| {
                let plane = StandardView::Axial.plane(grid, Planes::Patient, grid.center_mm(), 1.5);
                SlicePlane { right: by * plane.right, down: by * plane.down, ..plane }
            };
            axes(DMat3::IDENTITY, plane, Interpolation::Linear)
        };
        assert!(turned(DMat3::IDENTITY).is_some());
        for axis in [DVec3::X, DVec3::Y, DVec3::Z] {
            assert!(turned(DMat3::from_axis_angle(axis, 1.7e-5)).is_none(), "{axis}");
        }
    }
}
