//! The samples of a volume, exactly as they were uploaded.

#ifdef UINT16
@group(0) @binding(1) var volume: texture_3d<u32>;
#else
@group(0) @binding(1) var volume: texture_3d<f32>;
#endif

/// The number in the texture at an index (i, j, k) inside the volume: for 16-bit formats, 0 to 65535.
fn texture_value(index: vec3<i32>) -> f32 {
    let texel = textureLoad(volume, index, 0).x;
#ifdef UNORM16
    return round(texel * 65535.0);
#else
#ifdef UINT16
    return f32(texel);
#else
    return texel;
#endif
#endif
}
