//! Cells of voxels, for leaps of rays. A cell covers the voxels from `CELL * a` to `CELL * (a + 1)`, both included,
//! along i, and likewise along j and k: all that positions from its first voxel to before the next cell's need.

/// The side of a cell in voxels.
const CELL = 8u;

/// The distance, in cells, of what is nowhere near; the longest leap.
const FAR = 32u;

/// The number of cells along i, j and k of a volume.
fn cell_count(size: vec3<u32>) -> vec3<u32> {
    return (size + CELL - 1u) / CELL;
}

/// The place of a cell in tables.
fn cell_index(cell: vec3<u32>, count: vec3<u32>) -> u32 {
    return (cell.z * count.y + cell.y) * count.x + cell.x;
}
