//! From modality value to pixel, by the rules of [`DisplayPlan`].

use anatome_core::plan::{DisplayPlan, VoiPlan};
use anatome_core::{Output, PixelRect, Pixels};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, f32s, within};
use crate::shared::sampling::{Found, floor};

/// The display value, 0 to 1, of a modality value.
fn display_value(plan: &DisplayPlan, value: f32) -> f32 {
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
fn background(plan: &DisplayPlan, is_missing: bool, x: u32, y: u32) -> [f32; 3] {
    let hatched = is_missing && ((x + y) / DisplayPlan::HATCH_PX).is_multiple_of(2);
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

/// What was found at the pixels of a rectangle, row by row.
pub(crate) struct FoundPixels {
    /// Modality values; NaN where there is no sample.
    pub(crate) values: Vec<f32>,
    /// Where there is none because slices are missing; empty if that is so nowhere.
    missing: Vec<bool>,
}

impl FoundPixels {
    /// That many pixels without a sample.
    pub(crate) fn nothing(count: usize) -> Self {
        Self { values: vec![f32::NAN; count], missing: Vec::new() }
    }

    /// Puts the first `count` of eight at pixels from `at` on.
    #[inline(always)]
    pub(crate) fn put<S: Simd>(&mut self, simd: S, at: usize, count: usize, found: &Found<S>) {
        let values = found.is_sample.select(found.value, f32s(simd, f32::NAN)).to_array();
        match self.values[at..at + count].as_chunks_mut::<LANES>() {
            ([all], _) => *all = values,
            (_, some) => some.copy_from_slice(&values[..count]),
        }
        if found.is_missing.any_true() {
            self.missing.resize(self.values.len(), false);
            for lane in 0..count {
                self.missing[at + lane] = found.is_missing.test(lane);
            }
        }
    }

    fn is_missing(&self, n: usize) -> bool {
        self.missing.get(n).copied().unwrap_or(false)
    }
}

/// The display values, 0 to 1, of modality values.
#[inline(always)]
fn display_values<S: Simd>(simd: S, plan: &DisplayPlan, values: &[f32]) -> Vec<f32> {
    let VoiPlan::Linear { low, high, inverse_width } = plan.voi else {
        return values.iter().map(|&value| display_value(plan, value)).collect();
    };
    let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
    let mut shown = vec![0.0; values.len()];
    let (of_eight, rest) = values.as_chunks::<LANES>();
    let (to_eight, to_rest) = shown.as_chunks_mut::<LANES>();
    for (to, &from) in to_eight.iter_mut().zip(of_eight) {
        let value: F32s<S> = from.simd_into(simd);
        let ramp = (value - low) * inverse_width;
        let ramp = value.simd_gt(high).select(all, ramp);
        let ramp = value.simd_le(low).select(none, ramp);
        *to = if plan.invert { all - ramp } else { ramp }.to_array();
    }
    for (to, &from) in to_rest.iter_mut().zip(rest) {
        *to = display_value(plan, from);
    }
    shown
}

/// The pixels of a rectangle of the whole picture from what was found at each.
#[inline(always)]
pub(crate) fn pixels<S: Simd>(
    simd: S,
    plan: &DisplayPlan,
    output: Output,
    rect: PixelRect,
    found: &FoundPixels,
) -> Pixels {
    simd.vectorize(
        #[inline(always)]
        || displayed(simd, plan, output, rect, found),
    )
}

#[inline(always)]
fn displayed<S: Simd>(
    simd: S,
    plan: &DisplayPlan,
    output: Output,
    rect: PixelRect,
    found: &FoundPixels,
) -> Pixels {
    if output == Output::Values {
        return Pixels::Values(found.values.clone());
    }
    let shown = display_values(simd, plan, &found.values);
    let behind = |n: usize| {
        let (x, y) = (rect.x + n as u32 % rect.width, rect.y + n as u32 / rect.width);
        background(plan, found.is_missing(n), x, y)
    };
    if output == Output::Rgba8 {
        let color = |(n, (&shown, value)): (usize, (&f32, &f32))| {
            if value.is_nan() { behind(n) } else { color_of(plan, shown) }
        };
        let places = shown.iter().zip(&found.values).enumerate();
        return Pixels::Rgba8(places.flat_map(|p| rgba_bytes(color(p))).collect());
    }
    let mut shown = shown;
    for (n, (shown, value)) in shown.iter_mut().zip(&found.values).enumerate() {
        if value.is_nan() {
            *shown = behind(n)[0];
        }
    }
    match output {
        Output::Grey8 => Pixels::Grey8(quantised(simd, &shown, 255.0).into_iter().map(|n| n as u8).collect()),
        Output::Grey16 => {
            Pixels::Grey16(quantised(simd, &shown, 65535.0).into_iter().map(|n| n as u16).collect())
        }
        _ => Pixels::blank(output, found.values.len()),
    }
}

/// As [`quantise`].
#[inline(always)]
fn quantised<S: Simd>(simd: S, parts: &[f32], most: f32) -> Vec<i32> {
    let mut numbers = vec![0; parts.len()];
    let (of_eight, rest) = parts.as_chunks::<LANES>();
    let (to_eight, to_rest) = numbers.as_chunks_mut::<LANES>();
    let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
    for (to, &from) in to_eight.iter_mut().zip(of_eight) {
        let part: F32s<S> = from.simd_into(simd);
        let number: I32s<S> = (within(part, none, all) * most + 0.5).to_int();
        *to = number.to_array();
    }
    for (to, &from) in to_rest.iter_mut().zip(rest) {
        *to = quantise(from, most);
    }
    numbers
}
