//! How far the nearest cell that can be seen is, along one more axis. After all three it is the chessboard distance,
//! as in Deakin and Knackstedt, "Efficient ray casting of volumetric images using distance maps for empty space
//! skipping", Computational Visual Media, 2020.

#import cell

struct Params {
    /// The number of cells along i, j and k.
    count: vec3<u32>,
    /// 0, 1 or 2 for i, j or k.
    axis: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> along_fewer: array<u32>;
@group(0) @binding(2) var<storage, read_write> distances: array<u32>;

@compute @workgroup_size(4, 4, 4)
fn chessboard(@builtin(global_invocation_id) cell: vec3<u32>) {
    if (any(cell >= params.count)) {
        return;
    }
    let index = cell_index(cell, params.count);
    let nearest = nearest_along(cell, index);
    if (index < arrayLength(&distances)) {
        distances[index] = nearest;
    }
}

fn nearest_along(cell: vec3<u32>, index: u32) -> u32 {
    var strides = vec3(1u, params.count.x, params.count.x * params.count.y);
    let stride = strides[params.axis];
    let place = cell[params.axis];
    let after = params.count[params.axis] - 1u - place;
    var nearest = along_fewer[index];
    for (var away = 1u; away < FAR; away++) {
        if (away >= nearest) {
            break;
        }
        if (away <= place) {
            nearest = min(nearest, max(away, along_fewer[index - away * stride]));
        }
        if (away <= after) {
            nearest = min(nearest, max(away, along_fewer[index + away * stride]));
        }
    }
    return nearest;
}
