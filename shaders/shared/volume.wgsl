//! The samples of a volume, exactly as they were uploaded: as one texture, or those bricks of it that are needed now.

#ifdef UINT16
@group(0) @binding(1) var volume: texture_3d<u32>;
#else
@group(0) @binding(1) var volume: texture_3d<f32>;
#endif

/// Whether the texture unit may interpolate. Its weights have 8 fractional bits.
override PREVIEW: bool;

#ifdef UNORM16
@group(0) @binding(12) var filtering: sampler;
#endif

/// Whether the texture holds bricks.
override BRICKED: bool;

/// Word MISSED is set when a brick is looked for that is not there. Three words from COUNT on are the number of bricks
/// along i, j and k. From PAGES on follows for each brick, i fastest, its place in the texture, in bricks: ten bits
/// each for x, y and z; or ABSENT.
@group(0) @binding(11) var<storage, read_write> pages: array<u32>;

const MISSED = 0u;
const COUNT = 1u;
const PAGES = 4u;
const ABSENT = 0xffffffffu;
/// The side of a brick in voxels.
const BRICK = 32;
/// With the neighbours that are kept with it for interpolation: one before and two after it.
const KEPT = 35;
const KEPT_BEFORE = 1;

/// What is to be added to the indices around a voxel, from one before to two after it along each axis, to give
/// coordinates in the texture.
fn shift_around(voxel: vec3<i32>) -> vec3<i32> {
    if (!BRICKED) {
        return vec3(0);
    }
    let brick = voxel / BRICK;
    let at = (u32(brick.z) * pages[COUNT + 1u] + u32(brick.y)) * pages[COUNT] + u32(brick.x);
    let page = pages[PAGES + at];
    if (page == ABSENT) {
        miss();
        return -voxel;
    }
    let place = vec3<i32>(vec3(page, page >> 10u, page >> 20u) & vec3(1023u));
    return place * KEPT + KEPT_BEFORE - brick * BRICK;
}

fn miss() {
    let index = MISSED;
    if (index < arrayLength(&pages)) {
        pages[index] = 1u;
    }
}

/// The number at a place of the texture: for 16-bit formats, 0 to 65535.
fn texture_value(texel: vec3<i32>) -> f32 {
    let found = textureLoad(volume, texel, 0).x;
#ifdef UNORM16
    return round(found * 65535.0);
#else
#ifdef UINT16
    return f32(found);
#else
    return found;
#endif
#endif
}

/// As `texture_value`, interpolated by the texture unit, at a place counted from the first texel's centre.
fn filtered_value(texel: vec3<f32>) -> f32 {
#ifdef UNORM16
    let size = vec3<f32>(textureDimensions(volume));
    return textureSampleLevel(volume, filtering, (texel + 0.5) / size, 0.0).x * 65535.0;
#else
    return 0.0;
#endif
}
