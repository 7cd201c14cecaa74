//! Reads samples back from a volume, so that an adapter can prove that it keeps them exactly.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import volume

struct Params {
    /// Samples along i, j, k.
    shape: vec3<u32>,
    /// The sample to begin with; i is fastest.
    first: u32,
}

@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn selftest(@builtin(global_invocation_id) id: vec3<u32>) {
    let sample = params.first + id.x;
    let row = sample / params.shape.x;
    let index = vec3<u32>(sample % params.shape.x, row % params.shape.y, row / params.shape.y);
    if (index.z < params.shape.z) {
        store(id.x, bitcast<u32>(texture_value(vec3<i32>(index) + shift_around(vec3<i32>(index)))));
    }
}
