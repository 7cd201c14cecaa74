//! Where every shader writes its result: tile by tile, as many pixels a word as it holds.

@group(1) @binding(0) var<storage, read_write> output: array<u32>;

/// The side of a tile in pixels; a workgroup computes one tile.
const TILE_PX = 16u;
const TILE_PIXELS = 256u;

/// A tile of the picture, and where its first pixel's first sample stands.
struct Tile {
    /// Voxel along i, j and k; unused by rays.
    voxel: vec3<i32>,
    /// Column of the first pixel in the whole picture.
    x: u32,
    /// The rest of the position; unused by rays.
    fraction: vec3<f32>,
    /// Row of the first pixel in the whole picture.
    y: u32,
    /// The pixels to compute, in the whole picture: left, top, right and bottom, the last two excluded.
    rect: vec4<u32>,
}

@group(1) @binding(1) var<storage, read> tiles: array<Tile>;

/// How many pixels share a word of the result, the first in its lowest bits: 4 of 8 bits, 2 of 16, or 1.
override PACK: u32;

var<workgroup> tile_words: array<u32, 256>;

/// Writes what all invocations of a workgroup have found, one pixel each.
fn store_tile(group: u32, index: u32, word: u32) {
    tile_words[index] = word;
    workgroupBarrier();
    if (index < TILE_PIXELS / PACK) {
        var packed = 0u;
        for (var n = 0u; n < 4u; n++) {
            if (n >= PACK) {
                break;
            }
            packed |= tile_words[index * PACK + n] << (n * (32u / PACK));
        }
        store(group * (TILE_PIXELS / PACK) + index, packed);
    }
}

/// Whether a pixel of the whole picture is to be computed.
fn is_wanted(tile: Tile, pixel: vec2<u32>) -> bool {
    return all(pixel >= tile.rect.xy) && all(pixel < tile.rect.zw);
}

/// Writes a word of the result; a place beyond its end is left out.
fn store(index: u32, value: u32) {
    if (index < arrayLength(&output)) {
        output[index] = value;
    }
}

/// A colour of components from 0 to 1 as four bytes, opaque.
fn rgba_word(color: vec3<f32>) -> u32 {
    return quantise(color.x, 255.0) | (quantise(color.y, 255.0) << 8u) | (quantise(color.z, 255.0) << 16u)
        | 0xff000000u;
}

/// From 0..1 to whole numbers up to `most`, rounded once.
fn quantise(part: f32, most: f32) -> u32 {
    return u32(floor(clamp(part, 0.0, 1.0) * most + 0.5));
}
