//! The samples of a volume, exactly as they were uploaded.

#ifdef UINT16
@group(0) @binding(1) var volume: texture_3d<u32>;
#else
@group(0) @binding(1) var volume: texture_3d<f32>;
#endif

/// The stored value at an index (i, j, k) inside the volume. Integers are stored with a bias of 32768.
fn stored_value(index: vec3<u32>) -> f32 {
    let texel = textureLoad(volume, index, 0).x;
#ifdef UNORM16
    return round(texel * 65535.0) - 32768.0;
#else
#ifdef UINT16
    return f32(texel) - 32768.0;
#else
    return texel;
#endif
#endif
}
