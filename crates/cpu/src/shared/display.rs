//! From modality value to pixel, by the rules of [`DisplayPlan`].

use anatome_core::plan::{DisplayPlan, VoiPlan};
use anatome_core::{Output, PixelRect, Pixels};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, each_axis, each_lane, exp, f32s, i32s, magnitude};
use crate::shared::position::floor;
use crate::shared::sampling::{Found, between};

/// The display values, 0 to 1, of modality values.
#[inline(always)]
fn display_values<S: Simd>(simd: S, plan: &DisplayPlan, value: F32s<S>) -> F32s<S> {
    let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
    let shown = match &plan.voi {
        VoiPlan::Linear { low, high, inverse_width } => {
            let ramp = (value - *low) * *inverse_width;
            let ramp = value.simd_gt(*high).select(all, ramp);
            value.simd_le(*low).select(none, ramp)
        }
        VoiPlan::Sigmoid { center, rate } => {
            let x = (value - *center) * *rate;
            let small = exp(simd, -magnitude(x));
            x.simd_gt(0.0).select(small, all) / (small + 1.0)
        }
        VoiPlan::Lut { first, values } => {
            let values = value.to_array().map(|value| {
                let nearest = floor(value - first + 0.5).max(0) as usize;
                values.get(nearest).or(values.last()).copied().unwrap_or(0.0)
            });
            values.simd_into(simd)
        }
    };
    if plan.invert { all - shown } else { shown }
}

/// The colours of display values.
#[inline(always)]
fn colors_of<S: Simd>(simd: S, plan: &DisplayPlan, shown: F32s<S>) -> [F32s<S>; 3] {
    let Some(colors) = &plan.colors else { return [shown; 3] };
    let place = shown * (colors.len() - 1) as f32;
    let index: I32s<S> = place.to_int();
    let index = index.max(0).min(colors.len() as i32 - 2);
    let f = place - index.to_float::<F32s<S>>();
    let index = index.to_array();
    each_axis(
        #[inline(always)]
        |c| {
            let [a, b] = [0, 1].map(
                #[inline(always)]
                |next| {
                    let parts = each_lane(
                        #[inline(always)]
                        |lane| colors[index[lane] as usize + next][c],
                    );
                    let parts: F32s<S> = parts.simd_into(simd);
                    parts
                },
            );
            between(a, b, f)
        },
    )
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
    values: Vec<f32>,
    /// Whether no pixel was ever put.
    is_blank: bool,
    /// Where there is none because slices are missing; empty if that is so nowhere.
    missing: Vec<bool>,
}

impl FoundPixels {
    /// That many pixels without a sample.
    pub(crate) fn nothing(count: usize) -> Self {
        Self { values: vec![f32::NAN; count], is_blank: true, missing: Vec::new() }
    }

    /// All values, to be changed.
    #[inline(always)]
    pub(crate) fn values_mut(&mut self) -> &mut [f32] {
        self.is_blank = false;
        &mut self.values
    }

    /// Puts the first `count` of eight at pixels from `at` on.
    #[inline(always)]
    pub(crate) fn put<S: Simd>(&mut self, simd: S, at: usize, count: usize, found: &Found<S>) {
        let values = found.is_sample.select(found.value, f32s(simd, f32::NAN)).to_array();
        match self.values_mut()[at..at + count].as_chunks_mut::<LANES>() {
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

/// The pixels of a rectangle of the whole picture from what was found at each.
#[inline(always)]
pub(crate) fn pixels<S: Simd>(
    simd: S,
    plan: &DisplayPlan,
    output: Output,
    rect: PixelRect,
    found: FoundPixels,
) -> Pixels {
    match output {
        Output::Rgba8 => simd.vectorize(
            #[inline(always)]
            || Pixels::Rgba8(colors(simd, plan, rect, &found)),
        ),
        Output::Grey16 => simd.vectorize(
            #[inline(always)]
            || Pixels::Grey16(greys(simd, plan, rect, &found, u16::MAX, |n| n as u16)),
        ),
        Output::Grey8 => simd.vectorize(
            #[inline(always)]
            || Pixels::Grey8(greys(simd, plan, rect, &found, u8::MAX, |n| n as u8)),
        ),
        // Values: the kernel of a plan refuses others.
        _ => Pixels::Values(found.values),
    }
}

/// What is shown at the pixel `n` of a rectangle if there is no sample.
fn behind(plan: &DisplayPlan, rect: PixelRect, found: &FoundPixels, n: usize) -> [f32; 3] {
    let (x, y) = (rect.x + n as u32 % rect.width, rect.y + n as u32 / rect.width);
    background(plan, found.is_missing(n), x, y)
}

/// Bytes of colours.
#[inline(always)]
fn colors<S: Simd>(simd: S, plan: &DisplayPlan, rect: PixelRect, found: &FoundPixels) -> Vec<u8> {
    let background = rgba_bytes(plan.background);
    if found.is_blank {
        return background.repeat(found.values.len());
    }
    let mut bytes = vec![0; 4 * found.values.len()];
    let (pixels, _) = bytes.as_chunks_mut::<4>();
    for (eight, (to, from)) in pixels.chunks_mut(LANES).zip(found.values.chunks(LANES)).enumerate() {
        let mut values = [f32::NAN; LANES];
        values[..from.len()].copy_from_slice(from);
        let value: F32s<S> = values.simd_into(simd);
        let parts = colors_of(simd, plan, display_values(simd, plan, value)).map(
            #[inline(always)]
            |part| levels(simd, part, 255.0),
        );
        let words = parts[0] | (parts[1] << 8u32) | (parts[2] << 16u32) | i32s(simd, 0xFF << 24);
        let (words, is_sample) = (words.to_array(), value.simd_eq(value));
        for (lane, to) in to.iter_mut().enumerate() {
            *to = if is_sample.test(lane) {
                words[lane].to_le_bytes()
            } else if found.is_missing(eight * LANES + lane) {
                rgba_bytes(behind(plan, rect, found, eight * LANES + lane))
            } else {
                background
            };
        }
    }
    bytes
}

/// From 0..1 to whole numbers up to `most`, as [`quantise`], of numbers.
#[inline(always)]
fn levels<S: Simd>(simd: S, part: F32s<S>, most: f32) -> I32s<S> {
    let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
    (part.max(none).min(all) * most + 0.5).to_int()
}

/// Grey levels up to `most`.
#[inline(always)]
fn greys<S: Simd, T: Copy + Default + Into<f32>>(
    simd: S,
    plan: &DisplayPlan,
    rect: PixelRect,
    found: &FoundPixels,
    most: T,
    level: impl Fn(i32) -> T,
) -> Vec<T> {
    if found.is_blank {
        return vec![level(quantise(plan.background[0], most.into())); found.values.len()];
    }
    let mut pixels = vec![T::default(); found.values.len()];
    let behind_all = f32s(simd, plan.background[0]);
    // So many at a time that the compiler narrows them with vector instructions.
    const PART: usize = 8 * LANES;
    for (part, (to, from)) in pixels.chunks_mut(PART).zip(found.values.chunks(PART)).enumerate() {
        let mut values = [f32::NAN; PART];
        values[..from.len()].copy_from_slice(from);
        let mut numbers = [0; PART];
        let (eights, _) = values.as_chunks::<LANES>();
        let (to_eights, _) = numbers.as_chunks_mut::<LANES>();
        for (n, (to, &eight)) in to_eights.iter_mut().zip(eights).enumerate() {
            let value: F32s<S> = eight.simd_into(simd);
            let mut shown = value.simd_eq(value).select(display_values(simd, plan, value), behind_all);
            if !found.missing.is_empty() {
                let at = part * PART + n * LANES;
                for lane in (0..LANES).filter(|lane| found.is_missing(at + lane)) {
                    shown[lane] = behind(plan, rect, found, at + lane)[0];
                }
            }
            *to = levels(simd, shown, most.into()).to_array();
        }
        for (to, &number) in to.iter_mut().zip(&numbers) {
            *to = level(number);
        }
    }
    pixels
}
