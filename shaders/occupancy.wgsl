//! Which cells can't be seen with a transfer function.

#import cell

struct Params {
    /// The number of cells along i, j and k.
    count: vec3<u32>,
    /// The modality value of the transfer function's first entry.
    first_value: f32,
    /// Entries per modality unit.
    entries_per_unit: f32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
/// As the shader `cells` leaves them.
@group(0) @binding(1) var<storage, read> ranges: array<vec2<f32>>;
/// As the shader `cells` leaves them.
@group(0) @binding(4) var<storage, read> are_padded: array<u32>;
/// The number of entries that may be seen before each entry, and before their end.
@group(0) @binding(3) var<storage, read> before: array<u32>;
/// 0 for cells that can be seen, FAR for the others.
@group(0) @binding(2) var<storage, read_write> distances: array<u32>;

@compute @workgroup_size(4, 4, 4)
fn occupancy(@builtin(global_invocation_id) cell: vec3<u32>) {
    if (any(cell >= params.count)) {
        return;
    }
    let index = cell_index(cell, params.count);
    let distance = select(0u, FAR, is_transparent(range_around(cell)));
    if (index < arrayLength(&distances)) {
        distances[index] = distance;
    }
}

/// The range of a cell; of one with padding together with those of all neighbours. Cells share voxels, so that values
/// that follow one another along a ray lie in ranges that overlap; but not where the shared ones are padding: then
/// whatever lies between the ranges may be interpolated, too.
fn range_around(cell: vec3<u32>) -> vec2<f32> {
    let index = cell_index(cell, params.count);
    var range = ranges[index];
    if (are_padded[index] == 0u) {
        return range;
    }
    let low = max(cell, vec3(1u)) - 1u;
    let high = min(cell + 1u, params.count - 1u);
    for (var n = 0u; n < 27u; n++) {
        let near = min(low + vec3(n % 3u, n / 3u % 3u, n / 9u), high);
        let other = ranges[cell_index(near, params.count)];
        range = vec2(min(range.x, other.x), max(range.y, other.y));
    }
    return range;
}

/// Whether looking up any value of a range gives no extinction.
fn is_transparent(range: vec2<f32>) -> bool {
    if (range.x > range.y) {
        return true;
    }
    let last = arrayLength(&before) - 2u;
    let places = (range - params.first_value) * params.entries_per_unit;
    let held = clamp(places, vec2(0.0), vec2(f32(last)));
    // The entry above counts only where it has a weight: many tables begin with a transparent entry.
    let above = u32(ceil(held.y));
    return before[u32(held.x)] == before[min(above, last) + 1u];
}
