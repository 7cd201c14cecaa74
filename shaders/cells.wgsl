//! The range of modality values in each cell, so that rays can leap over what can't be seen.
//! variants: UNORM16 UINT16 FLOAT32

#import cell
#import volume

/// Larger than any value.
const HUGE = 3.4e38;
/// What is interpolated between values, and mapped to modality values, rounds by less than this part of them.
const ROUNDING = 1e-6;

struct Params {
    /// The number of voxels along i, j and k.
    size: vec3<u32>,
    /// Modality units per stored unit.
    slope: f32,
    /// The first cell to look at.
    first: vec3<u32>,
    /// The modality value of a stored zero.
    intercept: f32,
    /// What is added to stored values to give texture values.
    bias: f32,
    /// Whether some stored values are no samples.
    has_padding: u32,
    /// Stored values from `padding_low` to `padding_high` are padding.
    padding_low: f32,
    padding_high: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
/// The least and the largest modality value that positions in a cell can have; the first is larger where there is none.
@group(0) @binding(2) var<storage, read_write> ranges: array<vec2<f32>>;
/// 1 for cells of which a voxel is padding, 0 for the others.
@group(0) @binding(3) var<storage, read_write> are_padded: array<u32>;

struct Stored {
    range: vec2<f32>,
    is_padded: bool,
}

@compute @workgroup_size(4, 4, 4)
fn cells(@builtin(global_invocation_id) id: vec3<u32>) {
    let count = cell_count(params.size);
    let cell = id + params.first;
    if (any(cell >= count)) {
        return;
    }
    let index = cell_index(cell, count);
    let stored = stored_in(cell);
    if (index < arrayLength(&ranges)) {
        ranges[index] = modality_range(stored.range);
    }
    if (index < arrayLength(&are_padded)) {
        are_padded[index] = u32(stored.is_padded);
    }
}

fn stored_in(cell: vec3<u32>) -> Stored {
    let first = cell * CELL;
    let texel = vec3<i32>(first) + shift_around(vec3<i32>(first));
    let voxels = min(vec3(CELL + 1u), params.size - first);
    var found = Stored(vec2(HUGE, -HUGE), false);
    for (var k = 0u; k < min(voxels.z, CELL + 1u); k++) {
        for (var j = 0u; j < min(voxels.y, CELL + 1u); j++) {
            for (var i = 0u; i < min(voxels.x, CELL + 1u); i++) {
                let stored = texture_value(texel + vec3<i32>(vec3(i, j, k))) - params.bias;
                let is_padding = params.has_padding != 0u && params.padding_low <= stored
                    && stored <= params.padding_high;
                if (is_padding) {
                    found.is_padded = true;
                } else {
                    found.range = vec2(min(found.range.x, stored), max(found.range.y, stored));
                }
            }
        }
    }
    return found;
}

fn modality_range(stored: vec2<f32>) -> vec2<f32> {
    if (stored.x > stored.y) {
        return stored;
    }
    let scaled = stored * params.slope;
    let a = min(scaled.x, scaled.y) + params.intercept;
    let b = max(scaled.x, scaled.y) + params.intercept;
    // Between equal values nothing is rounded but the mapping.
    let rounding = ROUNDING * (abs(scaled.x) + abs(scaled.y) + abs(params.intercept));
    return vec2(a - rounding, b + rounding);
}
