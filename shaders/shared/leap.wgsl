//! Leaps of rays over cells in which nothing matters. They pass samples by, and move none.

#import cell
#import ray

/// Whether leaps are wanted.
override SKIPPING: bool;

/// Cells are made smaller by this, in lattice units: far more than the rounding of positions along a ray.
const MARGIN = 1.0 / 64.0;
/// Up to this distance from the origin of lattice coordinates rounding stays below MARGIN.
const MOST_REACH = 32768.0;
/// Farther than any ray goes, mm.
const NEVER = 1e30;

/// The number of cells along i, j and k.
fn cells_of_volume() -> vec3<u32> {
    return cell_count(vec3<u32>(sampling.size));
}

/// The cell that holds a sample of a ray.
fn cell_of_sample(ray: Ray, n: i32) -> vec3<u32> {
    let voxel = position_from_lattice(lattice_at(ray, t_of(ray, n))).voxel;
    return vec3<u32>(clamp(voxel, vec3(0), sampling.size - 1)) / CELL;
}

/// The number of the last sample from `n` on that is known to lie less than `reach` cells from a cell, that of the
/// sample `n`.
fn last_within(ray: Ray, n: i32, cell: vec3<u32>, reach: u32) -> i32 {
    if (any(abs(ray.lattice_origin) > vec3(MOST_REACH))) {
        return n;
    }
    let count = cells_of_volume();
    var t = NEVER;
    for (var axis = 0u; axis < 3u; axis++) {
        let along = ray.lattice_direction[axis];
        let start = ray.lattice_origin[axis];
        // The outermost cells have no outer face.
        if (along > 1e-12 && cell[axis] + reach < count[axis]) {
            t = min(t, (lattice_of_face(axis, cell[axis] + reach) - MARGIN - start) / along);
        } else if (along < -1e-12 && cell[axis] >= reach) {
            t = min(t, (lattice_of_face(axis, cell[axis] + 1u - reach) + MARGIN - start) / along);
        }
    }
    let last = floor(t / rays.step_mm);
    return clamp(i32(clamp(last, -MOST_STEPS, MOST_STEPS)), n, max(n, ray.last + 1));
}

/// Where a cell begins along an axis.
fn lattice_of_face(axis: u32, cell: u32) -> f32 {
    let voxel = cell * CELL;
    if (UNEVEN && axis == 2u) {
        return slice_rows[voxel].z_mm;
    }
    return f32(voxel);
}
