// A picture in its view, black beyond its edges, and the ground of panels.

struct Place {
    /// The corner of the picture, in pixels of the window.
    origin_px: vec2<f32>,
    /// Texels for each pixel of the window.
    scale: vec2<f32>,
    /// 1 if a texel is one grey value, 0 if it is a colour.
    is_grey: u32,
}

// Constants, because drivers that draw without a GPU go both ways of a branch.

/// Whether the window's format takes linear light, which it stores as sRGB.
override IS_LINEAR: bool = false;
/// The grey of what lies below panels.
override GROUND: f32 = 0.0;

@group(0) @binding(0) var<uniform> place: Place;
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var between: sampler;

/// One triangle over the whole rectangle.
@vertex
fn corner(@builtin(vertex_index) n: u32) -> @builtin(position) vec4<f32> {
    return vec4(f32(n & 1u) * 4.0 - 1.0, f32(n >> 1u) * 4.0 - 1.0, 0.0, 1.0);
}

fn linear(value: vec3<f32>) -> vec3<f32> {
    return select(pow((value + 0.055) / 1.055, vec3(2.4)), value / 12.92, value <= vec3(0.04045));
}

/// What the window takes for a display value.
fn stored(value: vec3<f32>) -> vec4<f32> {
    if IS_LINEAR {
        return vec4(linear(value), 1.0);
    }
    return vec4(value, 1.0);
}

fn shown(texel: vec4<f32>, is_inside: bool) -> vec4<f32> {
    let color = select(texel.rgb, texel.rrr, place.is_grey == 1u);
    return stored(select(vec3(0.0), color, is_inside));
}

/// The texel below each pixel, to the byte.
@fragment
fn exact(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = vec2<i32>(floor((position.xy - place.origin_px) * place.scale));
    let size = vec2<i32>(textureDimensions(picture));
    let is_inside = all(texel >= vec2(0)) && all(texel < size);
    return shown(textureLoad(picture, texel, 0), is_inside);
}

/// Smooth between texels.
@fragment
fn smooth_between(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let at = (position.xy - place.origin_px) * place.scale / vec2<f32>(textureDimensions(picture));
    let is_inside = all(at >= vec2(0.0)) && all(at < vec2(1.0));
    return shown(textureSampleLevel(picture, between, at, 0.0), is_inside);
}

/// What lies below panels.
@fragment
fn ground() -> @location(0) vec4<f32> {
    return stored(vec3(GROUND));
}
