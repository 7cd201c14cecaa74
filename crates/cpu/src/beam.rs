//! Neighbouring rays, and which of their samples matter.

use anatome_core::plan::{LensPlan, RayPlan};
use anatome_core::{PixelRect, Sample};

use crate::cells::{Cells, Range};
use crate::shared::ray::{Line, Ray, dot};
use crate::shared::sampling::Field;

/// Boxes are made larger by this part of a voxel, which is far more than the rounding of positions along a ray.
const MARGIN: f32 = 1.0 / 64.0;
/// Up to this distance from the origin of lattice coordinates, in voxels, rounding stays below [`MARGIN`].
const MOST_REACH: f32 = 32768.0;
/// The side of the rectangle of pixels whose rays make a beam.
pub(crate) const BEAM_PX: u32 = 8;

/// The parts of a rectangle whose rays make beams.
pub(crate) fn beams(rect: PixelRect) -> impl Iterator<Item = PixelRect> {
    let starts = |from: u32, count: u32| (from..from + count).step_by(BEAM_PX as usize);
    starts(rect.y, rect.height).flat_map(move |y| {
        starts(rect.x, rect.width).map(move |x| PixelRect {
            x,
            y,
            width: BEAM_PX.min(rect.x + rect.width - x),
            height: BEAM_PX.min(rect.y + rect.height - y),
        })
    })
}

/// What is known of a volume for leaping over samples that can't be seen.
pub(crate) struct Skipping<'a> {
    cells: &'a Cells,
    /// The smallest distance in lattice units between voxels along each axis.
    voxel: [f32; 3],
}

impl<'a> Skipping<'a> {
    pub(crate) fn new<T: Sample, const PADDED: bool>(field: &Field<'_, T, PADDED>, cells: &'a Cells) -> Self {
        let gaps = field.slices().map(|slices| slices.rows.iter().map(|row| row.gap_mm.abs()));
        Self { cells, voxel: [1.0, 1.0, gaps.map_or(1.0, |gaps| gaps.fold(f32::INFINITY, f32::min))] }
    }
}

/// The rays of a rectangle of pixels.
pub(crate) struct Beam<'a> {
    /// The ray of each pixel, row by row.
    pub(crate) rays: Vec<Option<Ray>>,
    /// The first whole multiple of the step in any ray.
    pub(crate) first: i32,
    /// The last.
    pub(crate) last: i32,
    step_mm: f32,
    /// What is needed to leap, if leaps are wanted and safe.
    bounds: Option<Bounds<'a>>,
}

/// Where the rays of a beam are.
struct Bounds<'a> {
    skipping: &'a Skipping<'a>,
    corners: [Line; 4],
    /// How much farther out than the corners a ray in between may be, in lattice units for each mm from the eye.
    bulge: [f32; 3],
}

impl<'a> Beam<'a> {
    /// The beam of a rectangle; `None` if all its rays miss.
    pub(crate) fn new(plan: &RayPlan, rect: PixelRect, skipping: Option<&'a Skipping<'a>>) -> Option<Self> {
        let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
        let pixels = (rect.y..bottom).flat_map(|y| (rect.x..right).map(move |x| (x, y)));
        let rays: Vec<_> = pixels.map(|(x, y)| Ray::of_pixel(plan, x, y)).collect();
        let hits = || rays.iter().flatten();
        let first = hits().map(|ray| ray.first).min()?;
        let last = hits().map(|ray| ray.last).max()?;
        let corners = [(rect.x, rect.y), (right - 1, rect.y), (rect.x, bottom - 1), (right - 1, bottom - 1)];
        let corners = corners.map(|(x, y)| Line::of_pixel(plan, x, y));
        let bounds = skipping.and_then(|skipping| {
            let bulge = bulge(plan, &corners)?;
            Some(Bounds { skipping, corners, bulge })
        });
        Some(Self { rays, first, last, step_mm: plan.step_mm, bounds })
    }

    /// The range of the stored values that samples from `first` to `last` of any ray may depend on; `None` if it is
    /// not known.
    pub(crate) fn range<T: Sample, const PADDED: bool>(
        &self,
        field: &Field<'_, T, PADDED>,
        first: i32,
        last: i32,
    ) -> Option<Range> {
        let [low, high] = self.corners_of_box(first, last)?;
        let cells = self.bounds.as_ref()?.skipping.cells;
        Some(cells.range_between(field.voxel_at(low), field.voxel_at(high)))
    }

    /// The lowest and the highest corner of a box in lattice coordinates around the samples from `first` to `last` of
    /// all rays; `None` if it is not known.
    fn corners_of_box(&self, first: i32, last: i32) -> Option<[[f32; 3]; 2]> {
        let Bounds { skipping, corners, bulge } = self.bounds.as_ref()?;
        let ends = [first as f32 * self.step_mm, last as f32 * self.step_mm];
        let farthest = ends[0].abs().max(ends[1].abs());
        let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
        for axis in 0..3 {
            for line in corners {
                for t in ends {
                    let p = line.lattice_origin[axis] + t * line.lattice_direction[axis];
                    low[axis] = low[axis].min(p);
                    high[axis] = high[axis].max(p);
                }
            }
            let more = MARGIN * skipping.voxel[axis] + farthest * bulge[axis];
            low[axis] -= more;
            high[axis] += more;
            let reach = MOST_REACH * skipping.voxel[axis];
            if !(low[axis] > -reach && high[axis] < reach) {
                return None;
            }
        }
        Some([low, high])
    }
}

/// A direction between those of the corners is `w / |w|` with `w` a mean of the corners' unit directions, and `|w|²` is
/// at least the smallest product of two of them: so it is at most `1 - |w|` longer than `w`, which lies between the
/// corners. `None` if the corners are too far apart for that.
fn bulge(plan: &RayPlan, corners: &[Line; 4]) -> Option<[f32; 3]> {
    if matches!(plan.lens, LensPlan::Parallel { .. }) {
        return Some([0.0; 3]);
    }
    let products = corners.iter().flat_map(|a| corners.iter().map(|b| dot(a.direction, b.direction)));
    let least = products.fold(1.0, f32::min);
    let per_mm = 1.0 - least.sqrt() + f32::EPSILON;
    let columns = plan.lattice_from_relative;
    let lattice_per_mm = |n: usize| columns.iter().map(|c| c[n] * c[n]).sum::<f32>().sqrt();
    (least > 0.0).then(|| [0, 1, 2].map(|n| per_mm * lattice_per_mm(n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::plan::Plan;
    use anatome_core::*;
    use glam::{DAffine3, DVec3};
    use ndarray::Array3;

    fn plan(camera: Camera, size: [u32; 2]) -> RayPlan {
        let samples = Samples::U8(Array3::zeros((40, 50, 60)));
        let grid = Grid::even([40, 50, 60], DAffine3::from_rotation_y(0.3)).unwrap();
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let volume = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Ct)).unwrap();
        let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
        let view = View::Projection { camera, projection: Projection::Mip };
        let scene = Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None });
        match Plan::new(&Request::new(scene, size, Output::Values), &volume).unwrap() {
            Plan::Rays(plan) => plan,
            Plan::Plane(_) => panic!("rays were asked for"),
        }
    }

    fn cells(plan: &RayPlan) -> Cells {
        Cells::new(&vec![0u8; 40 * 50 * 60], &plan.sampling)
    }

    /// All samples of all rays lie in the boxes, by half of their margin, also where directions spread widely.
    #[test]
    fn boxes_hold_all_samples() {
        let target_mm = DVec3::new(25.0, 22.0, 15.0);
        let lenses = [0.3, 0.9, 1.6, 2.4].map(|fov_rad| Lens::Perspective { fov_rad });
        let mut seen = 0;
        for lens in lenses.into_iter().chain([Lens::Orthographic { height_mm: 30.0 }]) {
            let eye_mm = target_mm + DVec3::new(11.0, -40.0, 17.0);
            let plan = plan(Camera { eye_mm, target_mm, up: DVec3::Z, lens }, [20, 18]);
            let cells = cells(&plan);
            let field = Field::<u8, false>::new(&[], &plan.sampling);
            let skipping = Skipping::new(&field, &cells);
            for part in beams(plan.rect) {
                let Some(beam) = Beam::new(&plan, part, Some(&skipping)) else { continue };
                for first in (beam.first..=beam.last).step_by(5) {
                    let Some([low, high]) = beam.corners_of_box(first, first + 4) else { continue };
                    for ray in beam.rays.iter().flatten() {
                        let lattice = ray.lattice_at(ray.t_from(first));
                        for lane in (0..5).filter(|lane| (ray.first..=ray.last).contains(&(first + lane))) {
                            for axis in 0..3 {
                                let p = lattice[axis][lane as usize];
                                let within = low[axis] + MARGIN / 2.0 < p && p < high[axis] - MARGIN / 2.0;
                                assert!(within, "{lens:?} {p} {low:?} {high:?}");
                                seen += 1;
                            }
                        }
                    }
                }
            }
        }
        assert!(seen > 50_000, "{seen}");
    }

    #[test]
    fn rays_of_all_directions_have_no_box() {
        let eye_mm = DVec3::new(25.0, 22.0, 15.0);
        let lens = Lens::Perspective { fov_rad: 3.0 };
        let plan = plan(Camera { eye_mm, target_mm: eye_mm + DVec3::Y, up: DVec3::Z, lens }, [4, 4]);
        let cells = cells(&plan);
        let skipping = Skipping::new(&Field::<u8, false>::new(&[], &plan.sampling), &cells);
        let beam = Beam::new(&plan, plan.rect, Some(&skipping)).unwrap();
        assert_eq!(beam.corners_of_box(0, 7), None);
    }
}
