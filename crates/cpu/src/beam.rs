//! Neighbouring rays, and which of their samples matter.

use anatome_core::plan::RayPlan;
use anatome_core::{PixelRect, PixelSubset};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::cells::VoxelBox;
use crate::lanes::{F32s, I32s, LANES, each_axis, each_lane, f32s, least, lowest, within};
use crate::shared::ray::Rays;
use crate::shared::sampling::Field;

/// Boxes are made larger by this part of a voxel, which is far more than positions are moved to be at a voxel. Rounding
/// moves none out of its box: products and sums of larger numbers are never rounded to smaller ones.
pub(crate) const MARGIN: f32 = 1.0 / 64.0;
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

/// Between which lines the rays lie that hit. Lanes 0, 1 and 2 are of the lowest numbers of their lattice origins and
/// directions along i, j and k, lanes 4, 5 and 6 of the highest with their signs turned, so that the least is wanted of all.
#[derive(Clone, Copy)]
pub(crate) struct Hull<S: Simd> {
    origin: F32s<S>,
    direction: F32s<S>,
    /// The other end of the directions, with the same signs.
    other: F32s<S>,
}

impl<S: Simd> Hull<S> {
    #[inline(always)]
    fn of_rays(simd: S, rays: &Rays<S>) -> Self {
        let far = f32s(simd, f32::INFINITY);
        let ends = |of: &[F32s<S>; 3]| {
            let low = each_axis(|n| lowest(simd, rays.hit.select(of[n], far)));
            let high = each_axis(|n| lowest(simd, rays.hit.select(-of[n], far)));
            [low[0], low[1], low[2], 0.0, high[0], high[1], high[2], 0.0].simd_into(simd)
        };
        Self::new(simd, ends(&rays.lines.lattice_origin), ends(&rays.lines.lattice_direction))
    }

    #[inline(always)]
    fn new(simd: S, origin: F32s<S>, direction: F32s<S>) -> Self {
        let (low, high) = simd.split_f32x8(direction);
        Self { origin, direction, other: -simd.combine_f32x4(high, low) }
    }

    #[inline(always)]
    fn union(self, simd: S, other: Self) -> Self {
        Self::new(simd, least(self.origin, other.origin), least(self.direction, other.direction))
    }

    /// The lowest lattice positions at distances from one to another, and the highest with their signs turned.
    #[inline(always)]
    fn corners(&self, [from, to]: [f32; 2]) -> F32s<S> {
        let at = |t: f32| least(self.direction * t, self.other * t);
        self.origin + least(at(from), at(to))
    }
}

/// The rays of a square of pixels.
pub(crate) struct Beam<S: Simd> {
    /// The rays of each packet.
    pub(crate) packets: [Rays<S>; PACKETS],
    /// Between which lines those of each packet lie.
    pub(crate) hulls: [Hull<S>; PACKETS],
    /// Between which lines all lie.
    pub(crate) hull: Hull<S>,
    /// The first whole multiple of the step in any ray.
    pub(crate) first: i32,
    /// The last.
    pub(crate) last: i32,
    step_mm: f32,
    /// How much larger boxes are made, in lattice units, by lanes as in [`Hull`].
    margin: F32s<S>,
    /// The last voxel along each axis, likewise.
    last_voxel: F32s<S>,
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
        let hulls = each_lane(
            #[inline(always)]
            |packet| Hull::of_rays(simd, &packets[packet]),
        );
        let by_lanes = |of: [f32; 3]| [of[0], of[1], of[2], 0.0, of[0], of[1], of[2], 0.0].simd_into(simd);
        let mut hull = hulls[0];
        for other in &hulls[1..] {
            hull = hull.union(simd, *other);
        }
        Some(Self {
            hull,
            hulls,
            first,
            last,
            step_mm: plan.step_mm,
            margin: by_lanes(field.smallest_gaps().map(|gap| gap * MARGIN)),
            last_voxel: by_lanes(field.size.map(|size| (size - 1) as f32)),
            packets,
        })
    }

    /// The voxels that samples from `first` to `last` of rays in a hull may depend on, the next ones along each axis
    /// excluded.
    #[inline(always)]
    pub(crate) fn voxels(
        &self,
        simd: S,
        field: &Field<'_>,
        hull: &Hull<S>,
        first: i32,
        last: i32,
    ) -> VoxelBox {
        let corners = self.corners_of_box(simd, hull, first, last);
        // No axis has more voxels than f32 can count.
        let voxels: I32s<S> = within(corners.floor(), f32s(simd, 0.0), self.last_voxel).to_int();
        let [i, j, k, _, i_high, j_high, k_high, _] = voxels.to_array();
        let [k, k_high] = match &field.slices {
            None => [k, k_high],
            Some(_) => [corners[2], corners[6]].map(|z| field.slice_at(z)),
        };
        let voxel = |n: i32| n as usize;
        VoxelBox { low: [voxel(i), voxel(j), voxel(k)], high: [voxel(i_high), voxel(j_high), voxel(k_high)] }
    }

    /// The lowest and the highest corner of a box in lattice coordinates around the samples from `first` to `last` of
    /// the rays in a hull, by lanes as in [`Hull`], with their own signs.
    #[inline(always)]
    fn corners_of_box(&self, simd: S, hull: &Hull<S>, first: i32, last: i32) -> F32s<S> {
        let [from, to] = [first as f32 * self.step_mm, last as f32 * self.step_mm];
        // A ray that enters or leaves just beside a whole multiple of the step counts as doing so there.
        let beside = |t: f32| t.abs() * (2.0 * f32::EPSILON);
        let corners = hull.corners([from - beside(from), to + beside(to)]) - self.margin;
        let signs: F32s<S> = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0].simd_into(simd);
        corners * signs
    }
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
        let lenses = [0.3, 0.9, 1.6, 2.4, 3.0].map(|fov_rad| Lens::Perspective { fov_rad });
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
                let corners = |hull: &Hull<S>| {
                    let [i, j, k, _, i_high, j_high, k_high, _] =
                        beam.corners_of_box(simd, hull, first, first + 4).to_array();
                    [[i, j, k], [i_high, j_high, k_high]]
                };
                let boxes = beam.hulls.each_ref().map(corners);
                let [lowest, highest] = corners(&beam.hull);
                for ((rays, [low, high]), n) in
                    beam.packets.iter().zip(boxes).flat_map(|of| (first..first + 5).map(move |n| (of, n)))
                {
                    let lattice = rays.lattice_at(rays.t_of(simd, n));
                    for lane in (0..LANES).filter(|&lane| rays.hit.test(lane)) {
                        // Where it enters and leaves are the ends of segments, of which the box holds both or none.
                        let (enters, leaves) = (rays.first[lane] - 1, rays.last[lane] + 1);
                        let is_end = n == enters && n < first + 4 || n == leaves && n > first;
                        if !is_end && !(enters + 1..leaves).contains(&n) {
                            continue;
                        }
                        for axis in 0..3 {
                            let p = lattice[axis][lane];
                            let within = low[axis] + MARGIN / 2.0 < p && p < high[axis] - MARGIN / 2.0;
                            assert!(within, "{:?} {p} {low:?} {high:?}", plan.lens);
                            assert!(lowest[axis] <= low[axis] && high[axis] <= highest[axis]);
                            seen += 1;
                        }
                    }
                }
            }
        }
        seen
    }
}
