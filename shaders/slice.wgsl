//! Slices and slabs: values on a plane, or along its normal.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import sampling
#import projection
#import display

/// The most samples along a slab's normal.
const MAX_STEPS = 65536u;

struct Params {
    /// Lattice step from a pixel to its right neighbour.
    per_x: vec3<f32>,
    /// The number of samples along the normal.
    steps: u32,
    /// Lattice step from a pixel to the one below.
    per_y: vec3<f32>,
    padding_a: u32,
    /// Lattice step from a sample to the next.
    per_step: vec3<f32>,
    padding_b: u32,
}

@group(0) @binding(9) var<uniform> params: Params;

@compute @workgroup_size(16, 16)
fn slice(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = tiles[group.x];
    let pixel = vec2(tile.x, tile.y) + local.xy;
    var word = 0u;
    if (is_wanted(tile, pixel)) {
        word = pixel_word(value_at(tile, local), pixel);
    }
    store_tile(group.x, index, word);
}

fn value_at(tile: Tile, local: vec3<u32>) -> Sample {
    let start = (tile.fraction + f32(local.x) * params.per_x) + f32(local.y) * params.per_y;
    var gathered = gather_none();
    for (var s = 0u; s < min(params.steps, MAX_STEPS); s++) {
        let position = position_from_rest(tile.voxel, start + f32(s) * params.per_step);
        gather(&gathered, sample(position), 1.0);
    }
    return projected(gathered);
}
