//! From modality value to pixel, by the rules of `anatome_core::plan::DisplayPlan`.

#import output
#import sampling

const VOI_LINEAR = 0u;
const VOI_SIGMOID = 1u;

const GREY8 = 0u;
const GREY16 = 1u;
const RGBA8 = 2u;

/// Pixels whose `(x + y) / HATCH_PX` is even are moved by HATCH of the way towards mid-grey.
const HATCH_PX = 8u;
const HATCH = 0.4;

/// The bits of the value NaN, which stands where there is no sample.
const NAN_BITS = 0x7fc00000u;

struct Display {
    /// The colour where there is no sample.
    background: vec3<f32>,
    /// 0 LINEAR, 1 SIGMOID, 2 LUT.
    voi: u32,
    /// At or below is black.
    low: f32,
    /// Above is white.
    high: f32,
    /// `1 / (high - low)`.
    inverse_width: f32,
    /// The centre of a sigmoid.
    center: f32,
    /// `-4 / width` of a sigmoid.
    rate: f32,
    /// The modality value of the first entry of `lut`.
    lut_first: f32,
    /// Whether the display value is subtracted from 1.
    invert: u32,
    /// The number of colours; 0 for grey.
    colors: u32,
    /// 0 Grey8, 1 Grey16, 2 Rgba8, 3 Values.
    form: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

@group(0) @binding(6) var<uniform> display: Display;
@group(0) @binding(7) var<storage, read> lut: array<f32>;
@group(0) @binding(8) var<storage, read> colors: array<vec4<f32>>;

/// The display value, 0 to 1, of a modality value.
fn display_value(value: f32) -> f32 {
    let shown = voi_value(value);
    return select(shown, 1.0 - shown, display.invert != 0u);
}

fn voi_value(value: f32) -> f32 {
    if (display.voi == VOI_LINEAR) {
        if (value <= display.low) {
            return 0.0;
        }
        if (value > display.high) {
            return 1.0;
        }
        return (value - display.low) * display.inverse_width;
    }
    if (display.voi == VOI_SIGMOID) {
        // Beyond these exponents the result is 0 or 1 in f32, and exp might overflow.
        return 1.0 / (1.0 + exp(clamp((value - display.center) * display.rate, -80.0, 80.0)));
    }
    let last = f32(arrayLength(&lut) - 1u);
    return lut[u32(clamp(floor(value - display.lut_first + 0.5), 0.0, last))];
}

/// Values at or below the first look the same, and values above the second.
fn display_window() -> vec2<f32> {
    if (display.voi == VOI_LINEAR && display.form <= RGBA8) {
        return vec2(display.low, display.high);
    }
    return vec2(-3.4e38, 3.4e38);
}

fn color_of(shown: f32) -> vec3<f32> {
    if (display.colors == 0u) {
        return vec3(shown);
    }
    let place = shown * f32(display.colors - 1u);
    let index = min(u32(max(place, 0.0)), display.colors - 2u);
    let a = colors[index].xyz;
    let b = colors[index + 1u].xyz;
    return a + (place - f32(index)) * (b - a);
}

/// The word of a pixel of the whole picture.
fn pixel_word(value: Sample, pixel: vec2<u32>) -> u32 {
    if (display.form > RGBA8) {
        return select(NAN_BITS, bitcast<u32>(value.value), value.kind == SOME);
    }
    var color = display.background;
    if (value.kind == SOME) {
        let shown = display_value(value.value);
        if (display.form == RGBA8) {
            color = color_of(shown);
        } else {
            color = vec3(shown);
        }
    } else if (value.kind == MISSING && ((pixel.x + pixel.y) / HATCH_PX) % 2u == 0u) {
        color = color + HATCH * (0.5 - color);
    }
    if (display.form == GREY8) {
        return quantise(color.x, 255.0);
    }
    if (display.form == GREY16) {
        return quantise(color.x, 65535.0);
    }
    return rgba_word(color);
}
