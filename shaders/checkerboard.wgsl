//! The whole picture from a checkerboard, by the rule of `core::checkerboard`, for a picture that stays on the GPU.

struct Params {
    /// Width and height of the picture in pixels.
    size: vec2<u32>,
    /// The words of a row of the pixels that were computed.
    computed_row_words: u32,
    /// The words of a row of the picture.
    row_words: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
/// Of each row every second pixel, from the first or the second on.
@group(0) @binding(1) var<storage, read> computed: array<u32>;
@group(0) @binding(2) var<storage, read_write> picture: array<u32>;

/// How many pixels share a word: 4 grey ones or 1 of colour.
override PACK: u32;

/// Two neighbours on opposite sides of a pixel, or the one that there is.
struct Pair {
    /// How much they differ; more than any two do, if there is but one.
    difference: u32,
    mean: vec4<u32>,
    is_there: bool,
}

const FARTHEST = 0xffffffffu;

@compute @workgroup_size(16, 16)
fn checkerboard(@builtin(global_invocation_id) at: vec3<u32>) {
    let first = at.x * PACK;
    if (first >= params.size.x || at.y >= params.size.y) {
        return;
    }
    var word = 0u;
    for (var n = 0u; n < 4u; n++) {
        if (n >= PACK || first + n >= params.size.x) {
            break;
        }
        word |= packed(pixel(vec2(first + n, at.y)), n);
    }
    let index = at.y * params.row_words + at.x;
    if (index < arrayLength(&picture)) {
        picture[index] = word;
    }
}

/// The bytes of a pixel where they stand in its word.
fn packed(pixel: vec4<u32>, n: u32) -> u32 {
    if (PACK == 4u) {
        return pixel.x << (8u * n);
    }
    return pixel.x | (pixel.y << 8u) | (pixel.z << 16u) | (pixel.w << 24u);
}

/// A pixel that was computed; a grey one is red.
fn computed_at(x: u32, y: u32) -> vec4<u32> {
    let column = x / 2u;
    let word = computed[y * params.computed_row_words + column / PACK];
    if (PACK == 4u) {
        return vec4((word >> (8u * (column % 4u))) & 0xffu, 0u, 0u, 0u);
    }
    return vec4(word, word >> 8u, word >> 16u, word >> 24u) & vec4(0xffu);
}

fn pixel(at: vec2<u32>) -> vec4<u32> {
    if (((at.x ^ at.y) & 1u) == 0u) {
        return computed_at(at.x, at.y);
    }
    let beside = pair(at, vec2(1u, 0u));
    let across = pair(at, vec2(0u, 1u));
    if (!across.is_there) {
        return beside.mean;
    }
    if (!beside.is_there || across.difference < beside.difference) {
        return across.mean;
    }
    if (beside.difference < across.difference) {
        return beside.mean;
    }
    return between(beside.mean, across.mean);
}

/// The neighbours of a pixel along an axis.
fn pair(at: vec2<u32>, axis: vec2<u32>) -> Pair {
    let has_before = dot(at, axis) > 0u;
    let has_after = dot(at, axis) + 1u < dot(params.size, axis);
    let before = at - axis * u32(has_before);
    let after = at + axis * u32(has_after);
    if (has_before && has_after) {
        let a = computed_at(before.x, before.y);
        let b = computed_at(after.x, after.y);
        return Pair(difference(a, b), between(a, b), true);
    }
    if (has_before) {
        return Pair(FARTHEST, computed_at(before.x, before.y), true);
    }
    if (has_after) {
        return Pair(FARTHEST, computed_at(after.x, after.y), true);
    }
    return Pair(FARTHEST, vec4(0u), false);
}

fn difference(a: vec4<u32>, b: vec4<u32>) -> u32 {
    let apart = max(a, b) - min(a, b);
    return apart.x + apart.y + apart.z;
}

/// The rounded mean.
fn between(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
    return (a + b + 1u) / 2u;
}
