//! Which bricks a tile of a picture needs: those around all its samples.

use std::ops::RangeInclusive;

use anatome_core::plan::{LensPlan, Plan, PlanePlan, RayPlan, SamplingPlan, TILE_PX};
use glam::{DMat3, DVec3};

use crate::bricks::{BRICK, Cut};
use crate::gpu_data::Tile;

/// Boxes around samples are cut so that they are no longer than this many voxels. With a margin on both sides they then
/// touch two bricks along an axis at most.
const LONGEST: f64 = 16.0;
/// Boxes are made larger by this many voxels: for rounding, and for the neighbours of which gradients are made.
const MARGIN: f64 = 2.0;

/// The bricks around the samples of a tile's pixels, each once, in order.
pub(crate) fn bricks_of_tile(plan: &Plan, cut: Cut, tile: &Tile) -> Vec<u32> {
    let mut found = Vec::new();
    match plan {
        Plan::Plane(plane) => of_plane(plane, tile, |low, high| {
            add(&mut found, cut, voxels(&plane.sampling, low, high));
        }),
        Plan::Rays(rays) => of_rays(rays, corners(tile), |low, high| {
            add(&mut found, cut, voxels(&rays.sampling, low, high));
        }),
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The corner pixels that are computed: left, top, right and bottom.
fn corners(tile: &Tile) -> [f64; 4] {
    let [left, top, right, bottom] = tile.rect;
    [left, top, right - 1, bottom - 1].map(f64::from)
}

/// Gives boxes in lattice coordinates that hold all samples.
fn of_plane(plane: &PlanePlan, tile: &Tile, mut take: impl FnMut(DVec3, DVec3)) {
    let vector = |v: [f32; 3]| DVec3::from_array(v.map(f64::from));
    let [per_x, per_y, per_step] = [plane.per_x, plane.per_y, plane.per_step].map(vector);
    let origin = plane.tile(tile.x / TILE_PX, tile.y / TILE_PX);
    let mut first = vector(origin.fraction) + DVec3::from_array(origin.voxel.map(f64::from));
    if let Some(slices) = &plane.sampling.slices {
        let slice = origin.voxel[2].clamp(0, slices.rows.len() as i32 - 1) as usize;
        first.z = f64::from(slices.rows[slice].z_mm) + f64::from(origin.fraction[2]);
    }
    let [left, top, right, bottom] = corners(tile);
    let [x, y] = [tile.x, tile.y].map(f64::from);
    let across = [per_x * (left - x), per_x * (right - x)];
    let down = [per_y * (top - y), per_y * (bottom - y)];
    let low = first + across[0].min(across[1]) + down[0].min(down[1]);
    let high = first + across[0].max(across[1]) + down[0].max(down[1]);
    let voxels = per_step.abs() / DVec3::new(1.0, 1.0, shortest_interval(&plane.sampling));
    let steps = (LONGEST / voxels.max_element()).clamp(1.0, f64::from(plane.steps.max(1))) as u32;
    for from in (0..plane.steps).step_by(steps as usize) {
        let to = (from + steps).min(plane.steps) - 1;
        let [a, b] = [per_step * f64::from(from), per_step * f64::from(to)];
        take(low + a.min(b), high + a.max(b));
    }
}

/// Gives boxes in lattice coordinates that hold all samples of the rays of the pixels from left, top to right, bottom.
fn of_rays(rays: &RayPlan, [left, top, right, bottom]: [f64; 4], mut take: impl FnMut(DVec3, DVec3)) {
    let vector = |v: [f32; 3]| DVec3::from_array(v.map(f64::from));
    let [x, y, z] = rays.lattice_from_relative.map(vector);
    let lattice_from_relative = DMat3::from_cols(x, y, z);
    let lattice = |relative: DVec3| lattice_from_relative * relative + vector(rays.lattice_offset);
    let radius_mm = radius_mm(rays, lattice_from_relative);
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
    // Points at the same depth make a rectangle, whose corners lie on the corner pixels' lines.
    let (origin, forward, at) = match rays.lens {
        LensPlan::Parallel { first, per_x, per_y, direction } => {
            let start = |(x, y)| vector(first) + vector(per_x) * x + vector(per_y) * y;
            (None, vector(direction), corners.map(start))
        }
        LensPlan::Central { eye, first, per_x, per_y } => {
            let along = |(x, y)| vector(first) + vector(per_x) * x + vector(per_y) * y;
            let normal = vector(per_x).cross(vector(per_y)).normalize_or_zero();
            (Some(vector(eye)), normal * vector(first).dot(normal).signum(), corners.map(along))
        }
    };
    let point = |n: usize, depth: f64| match origin {
        None => at[n] + forward * depth,
        Some(eye) => eye + at[n] * (depth / at[n].dot(forward).max(1e-9)),
    };
    let depth_of_center = -origin.unwrap_or(at[0]).dot(forward);
    let nearest = match origin {
        None => depth_of_center - radius_mm,
        Some(_) => (depth_of_center - radius_mm).max(0.0),
    };
    let farthest = depth_of_center + radius_mm;
    let interval = [1.0, 1.0, shortest_interval(&rays.sampling)];
    let voxels_per_mm = (0..3).map(|n| lattice_from_relative.row(n).length() / interval[n]);
    // Aside, lines of a lens go farther than they go deep.
    let deep = match origin {
        None => 1.0,
        Some(_) => at.iter().map(|at| at.dot(forward) / at.length()).fold(1.0, f64::min),
    };
    let length_mm = deep * LONGEST / voxels_per_mm.fold(0.0, f64::max);
    let parts = ((farthest - nearest) / length_mm).ceil().clamp(0.0, 1e6) as u32;
    for part in 0..parts {
        let depths = [0, 1].map(|end| nearest + f64::from(part + end) * length_mm);
        let points = (0..4).flat_map(|n| depths.map(|depth| lattice(point(n, depth))));
        let far = DVec3::splat(f64::INFINITY);
        let (low, high) = points.fold((far, -far), |(low, high), p| (low.min(p), high.max(p)));
        take(low, high);
    }
}

/// The shortest interval between slices in lattice units, at least a part of their mean.
fn shortest_interval(sampling: &SamplingPlan) -> f64 {
    let Some(slices) = &sampling.slices else { return 1.0 };
    let intervals = || slices.rows.iter().map(|row| f64::from(row.gap_mm.abs()));
    let mean = intervals().sum::<f64>() / slices.rows.len() as f64;
    intervals().fold(f64::INFINITY, f64::min).max(mean / 64.0)
}

/// The radius of a ball around the origin of relative coordinates that holds the volume.
fn radius_mm(rays: &RayPlan, lattice_from_relative: DMat3) -> f64 {
    let relative_from_lattice = lattice_from_relative.inverse();
    let corner = |n: u32| {
        let side = |axis: usize| {
            let ends = [rays.lattice_low[axis], rays.lattice_high[axis]];
            f64::from(ends[(n >> axis & 1) as usize]) - f64::from(rays.lattice_offset[axis])
        };
        relative_from_lattice * DVec3::new(side(0), side(1), side(2))
    };
    (0..8).map(|n| corner(n).length()).fold(0.0, f64::max)
}

/// The voxels from which samples in a box are made, the next ones excluded; `None` if it lies beside the volume.
fn voxels(sampling: &SamplingPlan, low: DVec3, high: DVec3) -> Option<[RangeInclusive<u32>; 3]> {
    let index = |axis: usize, at: f64| match &sampling.slices {
        Some(slices) if axis == 2 => {
            let after = slices.rows.partition_point(|row| f64::from(row.z_mm) <= at);
            // Beyond the ends, one interval is as good as another.
            let beyond = after == 0 && at < -f64::from(slices.rows[0].gap_mm.abs());
            let last = slices.rows.len() - 1;
            let past = at > f64::from(slices.rows[last].z_mm + slices.rows[last].gap_mm.abs());
            if beyond { -1e6 } else { after as f64 - 1.0 + if past { 1e6 } else { 0.0 } }
        }
        _ => at.floor(),
    };
    let mut ranges = [const { 0..=0 }; 3];
    for (axis, range) in ranges.iter_mut().enumerate() {
        let last = f64::from(sampling.size[axis]) - 1.0;
        let first = index(axis, low[axis]) - MARGIN;
        let end = index(axis, high[axis]) + MARGIN;
        // Also what is not a number lies beside it.
        if !(first <= last && end >= 0.0) {
            return None;
        }
        *range = first.clamp(0.0, last) as u32..=end.clamp(0.0, last) as u32;
    }
    Some(ranges)
}

fn add(found: &mut Vec<u32>, cut: Cut, voxels: Option<[RangeInclusive<u32>; 3]>) {
    let Some([i, j, k]) =
        voxels.map(|ranges| ranges.map(|range| range.start() / BRICK..=range.end() / BRICK))
    else {
        return;
    };
    for c in k {
        for b in j.clone() {
            found.extend(i.clone().map(|a| cut.number([a, b, c])));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anatome_core::*;
    use anatome_testkit::Random;
    use glam::{DAffine3, DQuat};
    use ndarray::Array3;

    use super::*;

    /// 3 x 4 x 16 bricks.
    const SHAPE: [usize; 3] = [500, 100, 90];

    fn volume(is_even: bool) -> Arc<Volume> {
        let grid = if is_even {
            Grid::even(SHAPE, DAffine3::IDENTITY)
        } else {
            let z = (0..SHAPE[0]).map(|k| k as f64 * 0.2 + f64::from(k > 300) * 3.0).collect();
            let table = SliceTable::new(z, vec![false; SHAPE[0] - 1]).unwrap();
            Grid::uneven(SHAPE, DAffine3::IDENTITY, table)
        };
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let samples = Samples::U8(Array3::zeros((SHAPE[0], SHAPE[1], SHAPE[2])));
        Arc::new(Volume::new(grid.unwrap(), samples, mapping, None, Facts::new(Modality::Ct)).unwrap())
    }

    /// A view of which a pixel of the middle row looks along a direction, at a place.
    fn view(random: &mut Random, at: DVec3, along: DVec3, x: u32) -> View {
        let across = along.any_orthonormal_vector();
        match random.between(0.0, 4.0) as u32 {
            0 => {
                let (right, down) = (across, along.cross(across));
                let plane = SlicePlane { center_mm: at, right, down, width_mm: 8.0 };
                View::Slab { plane, thickness_mm: 300.0, projection: Projection::Mean }
            }
            n => {
                let fov_rad = random.between(1.0, 3.1);
                // Of a wide lens the pixel looks far aside, to the right of the middle or to the left.
                let aside = (f64::from(x) + 0.5) / 8.0 - 1.0;
                let angle = (aside * (fov_rad / 2.0).tan() * 16.0 / 17.0).atan();
                let (lens, far_mm, angle) = match n {
                    1 => (Lens::Orthographic { height_mm: 8.0 }, 700.0, 0.0),
                    2 => (Lens::Perspective { fov_rad: 0.01 }, 700.0, 0.0),
                    _ => (Lens::Perspective { fov_rad }, random.between(5.0, 300.0), angle),
                };
                let eye_mm = at - along * far_mm;
                let target_mm = eye_mm + DQuat::from_axis_angle(across, angle) * along;
                View::Projection {
                    camera: Camera { eye_mm, target_mm, up: across, lens },
                    projection: Projection::Mean,
                }
            }
        }
    }

    /// Along edges of bricks, near them, and anywhere.
    #[test]
    fn no_pixel_needs_more_bricks_than_a_budget_must_have_room_for() {
        let mut random = Random::new(8);
        let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::Linear).unwrap());
        let grey = Appearance::Grey { voi, invert: false, colors: None };
        for volume in [volume(true), volume(false)] {
            let cut = Cut::new(SHAPE);
            let mut most = 0;
            for n in 0..600 {
                let at = volume.grid().center_mm() + random.direction() * random.between(0.0, 40.0);
                let at = if n % 3 == 0 { at } else { DVec3::new(32.0 * (at.x / 32.0).round(), 32.0, at.z) };
                let along = match n % 3 {
                    0 => random.direction(),
                    1 => DVec3::Z,
                    _ => (DVec3::Z + random.direction() * 0.2).normalize(),
                };
                let [x, y] = [random.between(0.0, 16.0) as u32, 8];
                let scene = Scene::of_primary(view(&mut random, at, along, x), grey.clone());
                let plan = Plan::new(&Request::new(scene, [16, 17], Output::Values), &volume).unwrap();
                let origin = match &plan {
                    Plan::Plane(plane) => Some(plane.tile(0, 0)),
                    Plan::Rays(_) => None,
                };
                let tile = Tile::new([0, 0], [x, y, x + 1, y + 1], origin);
                let needed = bricks_of_tile(&plan, cut, &tile).len() as u64;
                assert!(needed <= cut.of_pixel(), "{needed} of {}: {plan:?}", cut.of_pixel());
                most = most.max(needed);
            }
            // Four columns of 16: the bound is not far away.
            assert!(most >= 64, "{most}");
        }
    }
}
