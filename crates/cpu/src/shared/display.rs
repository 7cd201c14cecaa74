//! From modality value to pixel, by the rules of [`DisplayPlan`].

use anatome_core::plan::{DisplayPlan, VoiPlan};
use anatome_core::{Output, PixelRect, Pixels};

use crate::shared::sampling::{Found, floor};

/// The display value, 0 to 1, of a modality value.
pub(crate) fn display_value(plan: &DisplayPlan, value: f32) -> f32 {
    let shown = voi_value(&plan.voi, value);
    if plan.invert { 1.0 - shown } else { shown }
}

fn voi_value(voi: &VoiPlan, value: f32) -> f32 {
    match voi {
        VoiPlan::Linear { low, high, inverse_width } => {
            if value <= *low {
                0.0
            } else if value > *high {
                1.0
            } else {
                (value - low) * inverse_width
            }
        }
        // Beyond these exponents the result is 0 or 1 in f32.
        VoiPlan::Sigmoid { center, rate } => 1.0 / (1.0 + ((value - center) * rate).clamp(-80.0, 80.0).exp()),
        VoiPlan::Lut { first, values } => {
            let nearest = floor(value - first + 0.5).max(0) as usize;
            values.get(nearest).or(values.last()).copied().unwrap_or(0.0)
        }
    }
}

/// The colour of a display value.
fn color_of(plan: &DisplayPlan, shown: f32) -> [f32; 3] {
    let Some(colors) = &plan.colors else { return [shown; 3] };
    let place = shown * (colors.len() - 1) as f32;
    let index = (floor(place).max(0) as usize).min(colors.len() - 2);
    let (a, b, f) = (colors[index], colors[index + 1], place - index as f32);
    std::array::from_fn(|c| a[c] + f * (b[c] - a[c]))
}

/// The background of a pixel of the whole picture, hatched where slices are missing.
fn background(plan: &DisplayPlan, found: Found, x: u32, y: u32) -> [f32; 3] {
    let hatched = found == Found::Missing && ((x + y) / DisplayPlan::HATCH_PX).is_multiple_of(2);
    plan.background.map(|b| if hatched { b + DisplayPlan::HATCH * (0.5 - b) } else { b })
}

/// From 0..1 to whole numbers up to `most`, rounded once.
#[inline(always)]
fn quantise(part: f32, most: f32) -> i32 {
    floor(part.clamp(0.0, 1.0) * most + 0.5)
}

/// The bytes of a colour, opaque.
pub(crate) fn rgba_bytes(color: [f32; 3]) -> [u8; 4] {
    let [r, g, b] = color.map(|part| quantise(part, 255.0) as u8);
    [r, g, b, 255]
}

/// The pixels of a rectangle of the whole picture from what was found at each.
pub(crate) fn pixels(plan: &DisplayPlan, output: Output, rect: PixelRect, found: &[Found]) -> Pixels {
    let places = found.iter().enumerate().map(|(n, &found)| {
        let n = n as u32;
        (found, rect.x + n % rect.width, rect.y + n / rect.width)
    });
    let grey = |(found, x, y): (Found, u32, u32)| match found.value() {
        Some(value) => display_value(plan, value),
        None => background(plan, found, x, y)[0],
    };
    let color = |(found, x, y): (Found, u32, u32)| match found.value() {
        Some(value) => color_of(plan, display_value(plan, value)),
        None => background(plan, found, x, y),
    };
    match output {
        Output::Grey8 => Pixels::Grey8(places.map(|p| quantise(grey(p), 255.0) as u8).collect()),
        Output::Grey16 => Pixels::Grey16(places.map(|p| quantise(grey(p), 65535.0) as u16).collect()),
        Output::Rgba8 => Pixels::Rgba8(places.flat_map(|p| rgba_bytes(color(p))).collect()),
        Output::Values => Pixels::Values(found.iter().map(|f| f.value().unwrap_or(f32::NAN)).collect()),
        _ => Pixels::blank(output, found.len()),
    }
}
