//! From the samples along lines to one value each.

use anatome_core::Output;
use anatome_core::plan::{DisplayPlan, VoiPlan};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::cells::Range;
use crate::lanes::{F32s, Mask, f32s};
use crate::shared::sampling::Found;

/// The samples of a line that are taken together.
pub(crate) const RUN: usize = 8;

/// [`RUN`] samples from `n` on.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) n: i32,
    /// The modality values that they may have.
    pub(crate) range: Range,
}

/// Values at or below the low end of this range, and above the high one, look the same.
pub(crate) fn window(display: &DisplayPlan, output: Output) -> Range {
    match display.voi {
        VoiPlan::Linear { low, high, .. } if output != Output::Values => Range { low, high },
        _ => Range { low: f32::NEG_INFINITY, high: f32::INFINITY },
    }
}

/// Puts the most promising first.
pub(crate) fn sort<S: Simd, G: Gather<S>>(runs: &mut [Run]) {
    let promise = |run: &Run| G::promise(run.range);
    runs.sort_unstable_by(|a, b| promise(b).total_cmp(&promise(a)));
}

/// What is known of the samples of lines so far.
pub(crate) trait Gather<S: Simd>: Copy {
    /// Whether samples may be taken in any order, and more than once.
    const IS_UNORDERED: bool;

    /// Whether a ray has a sample where it enters and one where it leaves.
    const TAKES_ENDS: bool;

    /// Nothing is known.
    fn new(simd: S) -> Self;

    /// Takes the next samples of the lines of a mask, which are `apart` from the ones before; the lines of which they
    /// are now the value.
    fn gather(&mut self, simd: S, next: &Found<S>, of: Mask<S>, apart: F32s<S>) -> Mask<S>;

    /// The lines of which no value of a range would change what is shown in a window; the range is empty where no sample
    /// is.
    fn is_indifferent(&self, simd: S, range: Range, window: Range) -> Mask<S>;

    /// The lines whose value is beyond the end of a window: no later one changes what is shown.
    fn is_settled(&self, simd: S, window: Range) -> Mask<S>;

    /// How much a range of values promises to change the result: the more, the sooner it is worth a look.
    fn promise(range: Range) -> f32;

    /// The values of the lines.
    fn projected(&self, simd: S) -> Found<S>;
}

/// The largest value, or the smallest.
#[derive(Clone, Copy)]
pub(crate) struct Extreme<S: Simd, const LARGEST: bool> {
    value: F32s<S>,
    is_known: Mask<S>,
    is_missing: Mask<S>,
}

pub(crate) type Highest<S> = Extreme<S, true>;
pub(crate) type Lowest<S> = Extreme<S, false>;

impl<S: Simd, const LARGEST: bool> Extreme<S, LARGEST> {
    #[inline(always)]
    fn is_beaten_by(&self, value: F32s<S>) -> Mask<S> {
        let is_better = if LARGEST { value.simd_gt(self.value) } else { value.simd_lt(self.value) };
        !self.is_known | is_better
    }
}

impl<S: Simd, const LARGEST: bool> Gather<S> for Extreme<S, LARGEST> {
    const IS_UNORDERED: bool = true;
    const TAKES_ENDS: bool = false;

    #[inline(always)]
    fn new(simd: S) -> Self {
        let never = Mask::splat(simd, false);
        Self { value: f32s(simd, 0.0), is_known: never, is_missing: never }
    }

    #[inline(always)]
    fn gather(&mut self, _simd: S, next: &Found<S>, of: Mask<S>, _apart: F32s<S>) -> Mask<S> {
        let is_sample = of & next.is_sample;
        let is_new = is_sample & self.is_beaten_by(next.value);
        self.value = is_new.select(next.value, self.value);
        self.is_known |= is_sample;
        self.is_missing |= of & next.is_missing;
        is_new
    }

    #[inline(always)]
    fn is_indifferent(&self, simd: S, range: Range, window: Range) -> Mask<S> {
        if range.is_empty() {
            return Mask::splat(simd, true);
        }
        // A sample more only tells that there is one.
        let looks_alike = if LARGEST { range.high <= window.low } else { range.low > window.high };
        let best = f32s(simd, if LARGEST { range.high } else { range.low });
        !self.is_beaten_by(best) | (self.is_known & Mask::splat(simd, looks_alike))
    }

    #[inline(always)]
    fn is_settled(&self, _simd: S, window: Range) -> Mask<S> {
        let is_beyond =
            if LARGEST { self.value.simd_gt(window.high) } else { self.value.simd_le(window.low) };
        self.is_known & is_beyond
    }

    fn promise(range: Range) -> f32 {
        if LARGEST { range.high } else { -range.low }
    }

    #[inline(always)]
    fn projected(&self, _simd: S) -> Found<S> {
        let is_missing = self.is_missing & !self.is_known;
        Found { value: self.value, is_sample: self.is_known, is_missing }
    }
}

/// The mean by the trapezoidal rule over neighbours that are both samples; the plain mean if there are none.
#[derive(Clone, Copy)]
pub(crate) struct Mean<S: Simd> {
    sum: F32s<S>,
    count: F32s<S>,
    area: F32s<S>,
    length: F32s<S>,
    previous: F32s<S>,
    is_previous: Mask<S>,
    is_missing: Mask<S>,
}

impl<S: Simd> Gather<S> for Mean<S> {
    const IS_UNORDERED: bool = false;
    const TAKES_ENDS: bool = true;

    #[inline(always)]
    fn new(simd: S) -> Self {
        let (none, never) = (f32s(simd, 0.0), Mask::splat(simd, false));
        Self {
            sum: none,
            count: none,
            area: none,
            length: none,
            previous: none,
            is_previous: never,
            is_missing: never,
        }
    }

    #[inline(always)]
    fn gather(&mut self, simd: S, next: &Found<S>, of: Mask<S>, apart: F32s<S>) -> Mask<S> {
        let is_sample = of & next.is_sample;
        let is_pair = is_sample & self.is_previous;
        self.sum = is_sample.select(self.sum + next.value, self.sum);
        self.count = is_sample.select(self.count + 1.0, self.count);
        let area = ((self.previous + next.value) * 0.5) * apart;
        self.area = is_pair.select(self.area + area, self.area);
        self.length = is_pair.select(self.length + apart, self.length);
        self.previous = is_sample.select(next.value, self.previous);
        self.is_previous = (of & is_sample) | (!of & self.is_previous);
        self.is_missing |= of & next.is_missing;
        Mask::splat(simd, false)
    }

    #[inline(always)]
    fn is_indifferent(&self, simd: S, range: Range, _window: Range) -> Mask<S> {
        Mask::splat(simd, range.is_empty())
    }

    #[inline(always)]
    fn is_settled(&self, simd: S, _window: Range) -> Mask<S> {
        Mask::splat(simd, false)
    }

    fn promise(_range: Range) -> f32 {
        0.0
    }

    #[inline(always)]
    fn projected(&self, _simd: S) -> Found<S> {
        let is_sample = self.count.simd_gt(0.0);
        let value = self.length.simd_gt(0.0).select(self.area / self.length, self.sum / self.count);
        Found { value, is_sample, is_missing: self.is_missing & !is_sample }
    }
}
