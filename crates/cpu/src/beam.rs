//! Neighbouring rays, and which of their samples matter.

use anatome_core::plan::{LensPlan, RayPlan};
use anatome_core::{PixelRect, PixelSubset};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::cells::VoxelBox;
use crate::lanes::{F32s, LANES, each_lane, lowest};
use crate::shared::ray::{Lines, Rays};
use crate::shared::sampling::Field;

/// Boxes are made larger by this part of a voxel, which is far more than the rounding of positions along a ray.
const MARGIN: f32 = 1.0 / 64.0;
/// Up to this distance from the origin of lattice coordinates, in voxels, rounding stays below [`MARGIN`].
const MOST_REACH: f32 = 32768.0;
/// The side of the square of pixels whose rays make a beam; of a checkerboard it is twice as wide.
pub(crate) const BEAM_PX: u32 = 8;
/// The rays of a packet are those of as many columns of pixels.
const PACKET_COLUMNS: u32 = 4;
/// The packets of a beam: two columns of them.
pub(crate) const PACKETS: usize = (BEAM_PX * BEAM_PX) as usize / LANES;

/// The parts of a rectangle whose rays make beams.
pub(crate) fn beams(rect: PixelRect, pixels: PixelSubset) -> impl Iterator<Item = PixelRect> {
    let starts = |from: u32, count: u32, size: u32| (from..from + count).step_by(size as usize);
    let columns = beam_columns(pixels);
    starts(rect.y, rect.height, BEAM_PX).flat_map(move |y| {
        starts(rect.x, rect.width, columns).map(move |x| PixelRect {
            x,
            y,
            width: columns.min(rect.x + rect.width - x),
            height: BEAM_PX.min(rect.y + rect.height - y),
        })
    })
}

/// The columns of pixels that a beam covers.
#[inline(always)]
fn beam_columns(pixels: PixelSubset) -> u32 {
    match pixels {
        PixelSubset::All => BEAM_PX,
        PixelSubset::Checkerboard => 2 * BEAM_PX,
    }
}

/// The column and row of the pixel of a lane of a packet, from the first of its beam, `rect`.
#[inline(always)]
pub(crate) fn pixel_of(pixels: PixelSubset, rect: PixelRect, packet: usize, lane: usize) -> (u32, u32) {
    let (packet, lane) = (packet as u32, lane as u32);
    let (x, y) =
        (packet % 2 * PACKET_COLUMNS + lane % PACKET_COLUMNS, packet / 2 * 2 + lane / PACKET_COLUMNS);
    match pixels {
        PixelSubset::All => (x, y),
        PixelSubset::Checkerboard => (2 * x + ((rect.x ^ (rect.y + y)) & 1), y),
    }
}

/// The rays of a square of pixels.
pub(crate) struct Beam<S: Simd> {
    /// The rays of each packet.
    pub(crate) packets: [Rays<S>; PACKETS],
    /// The first whole multiple of the step in any ray.
    pub(crate) first: i32,
    /// The last.
    pub(crate) last: i32,
    step_mm: f32,
    /// The lines of the corner pixels, twice, as lattice positions.
    corner_origin: [F32s<S>; 3],
    corner_direction: [F32s<S>; 3],
    /// How much farther out than the corners a ray in between may be, in lattice units for each mm from the eye; `None`
    /// if that is not known.
    bulge: Option<[f32; 3]>,
    /// The smallest distance in lattice units between voxels along each axis.
    voxel: [f32; 3],
}

impl<S: Simd> Beam<S> {
    /// The beam of the square whose first pixel is that of a rectangle; `None` if all its rays miss.
    #[inline(always)]
    pub(crate) fn new(simd: S, plan: &RayPlan, field: &Field<'_>, rect: PixelRect) -> Option<Self> {
        simd.vectorize(
            #[inline(always)]
            || Self::of_rect(simd, plan, field, rect),
        )
    }

    #[inline(always)]
    fn of_rect(simd: S, plan: &RayPlan, field: &Field<'_>, rect: PixelRect) -> Option<Self> {
        let packets = each_lane(
            #[inline(always)]
            |packet| {
                let pixel = |lane| pixel_of(plan.pixels, rect, packet, lane);
                let x = each_lane(|lane| (rect.x + pixel(lane).0) as f32);
                let y = each_lane(|lane| (rect.y + pixel(lane).1) as f32);
                Rays::of_pixels(simd, plan, x.simd_into(simd), y.simd_into(simd))
            },
        );
        let extents = packets.iter().filter_map(Rays::extent);
        let (first, last) = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        // The corner pixels, twice.
        let columns = beam_columns(plan.pixels);
        let x = each_lane(|lane| (rect.x + (lane as u32 & 1) * (columns - 1)) as f32);
        let y = each_lane(|lane| (rect.y + (lane as u32 >> 1 & 1) * (BEAM_PX - 1)) as f32);
        let corners = Lines::of_pixels(simd, plan, x.simd_into(simd), y.simd_into(simd));
        let directions = [0, 1, 2, 3].map(|lane| corners.direction.map(|part| part[lane]));
        Some(Self {
            first,
            last,
            step_mm: plan.step_mm,
            corner_origin: corners.lattice_origin,
            corner_direction: corners.lattice_direction,
            bulge: bulge(plan, &directions),
            voxel: field.smallest_gaps(),
            packets,
        })
    }

    /// The voxels that samples from `first` to `last` of any ray may depend on, the next ones along each axis excluded;
    /// `None` if that is not known.
    #[inline(always)]
    pub(crate) fn voxels(&self, simd: S, field: &Field<'_>, first: i32, last: i32) -> Option<VoxelBox> {
        let [low, high] = self.corners_of_box(simd, first, last)?;
        Some(VoxelBox { low: field.voxel_at(low), high: field.voxel_at(high) })
    }

    /// The lowest and the highest corner of a box in lattice coordinates around the samples from `first` to `last` of
    /// all rays; `None` if it is not known.
    #[inline(always)]
    fn corners_of_box(&self, simd: S, first: i32, last: i32) -> Option<[[f32; 3]; 2]> {
        let bulge = self.bulge?;
        let ends = [first as f32 * self.step_mm, last as f32 * self.step_mm];
        let farthest = ends[0].abs().max(ends[1].abs());
        let t: F32s<S> = each_lane(
            #[inline(always)]
            |lane| ends[lane / 4],
        )
        .simd_into(simd);
        let (mut low, mut high) = ([0.0; 3], [0.0; 3]);
        for axis in 0..3 {
            let p = self.corner_origin[axis] + t * self.corner_direction[axis];
            let more = MARGIN * self.voxel[axis] + farthest * bulge[axis];
            low[axis] = lowest(simd, p) - more;
            high[axis] = more - lowest(simd, -p);
            let reach = MOST_REACH * self.voxel[axis];
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
fn bulge(plan: &RayPlan, directions: &[[f32; 3]; 4]) -> Option<[f32; 3]> {
    if matches!(plan.lens, LensPlan::Parallel { .. }) {
        return Some([0.0; 3]);
    }
    let dot = |a: &[f32; 3], b: &[f32; 3]| (a[0] * b[0] + a[1] * b[1]) + a[2] * b[2];
    let products = directions.iter().flat_map(|a| directions.iter().map(move |b| dot(a, b)));
    let least = products.fold(1.0, f32::min);
    let per_mm = 1.0 - least.sqrt() + f32::EPSILON;
    let columns = plan.lattice_from_relative;
    let lattice_per_mm = |n: usize| columns.iter().map(|c| c[n] * c[n]).sum::<f32>().sqrt();
    (least > 0.0).then(|| [0, 1, 2].map(|n| per_mm * lattice_per_mm(n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::Stored;
    use anatome_core::plan::Plan;
    use anatome_core::*;
    use fearless_simd::{Level, dispatch};
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

    /// All samples of all rays lie in the boxes, by half of their margin, also where directions spread widely.
    #[test]
    fn boxes_hold_all_samples() {
        let target_mm = DVec3::new(25.0, 22.0, 15.0);
        let lenses = [0.3, 0.9, 1.6, 2.4].map(|fov_rad| Lens::Perspective { fov_rad });
        let mut seen = 0;
        for lens in lenses.into_iter().chain([Lens::Orthographic { height_mm: 30.0 }]) {
            let eye_mm = target_mm + DVec3::new(11.0, -40.0, 17.0);
            let plan = plan(Camera { eye_mm, target_mm, up: DVec3::Z, lens }, [20, 18]);
            for pixels in [PixelSubset::All, PixelSubset::Checkerboard] {
                let plan = RayPlan { pixels, ..plan.clone() };
                seen += dispatch!(Level::new(), simd => seen_in_boxes(simd, &plan));
            }
        }
        assert!(seen > 50_000, "{seen}");
    }

    fn seen_in_boxes<S: Simd>(simd: S, plan: &RayPlan) -> u32 {
        let mut seen = 0;
        let field = Field::new(Stored::U8(&[]), &plan.sampling);
        for part in beams(plan.rect, plan.pixels) {
            let Some(beam) = Beam::new(simd, plan, &field, part) else { continue };
            for first in (beam.first..=beam.last).step_by(5) {
                let Some([low, high]) = beam.corners_of_box(simd, first, first + 4) else { continue };
                for (rays, n) in
                    beam.packets.iter().flat_map(|rays| (first..first + 5).map(move |n| (rays, n)))
                {
                    let lattice = rays.lattice_at(rays.t_of(simd, n));
                    for lane in (0..LANES).filter(|&lane| rays.hit.test(lane)) {
                        if !(rays.first[lane]..=rays.last[lane]).contains(&n) {
                            continue;
                        }
                        for axis in 0..3 {
                            let p = lattice[axis][lane];
                            let within = low[axis] + MARGIN / 2.0 < p && p < high[axis] - MARGIN / 2.0;
                            assert!(within, "{:?} {p} {low:?} {high:?}", plan.lens);
                            seen += 1;
                        }
                    }
                }
            }
        }
        seen
    }

    #[test]
    fn rays_of_all_directions_have_no_box() {
        let eye_mm = DVec3::new(25.0, 22.0, 15.0);
        let lens = Lens::Perspective { fov_rad: 3.0 };
        let plan = plan(Camera { eye_mm, target_mm: eye_mm + DVec3::Y, up: DVec3::Z, lens }, [8, 8]);
        let field = Field::new(Stored::U8(&[]), &plan.sampling);
        let corners = dispatch!(Level::new(), simd => {
            Beam::new(simd, &plan, &field, plan.rect).unwrap().corners_of_box(simd, 0, 7)
        });
        assert_eq!(corners, None);
    }
}
