//! From the samples along a line to one value.

use crate::shared::sampling::Found;

/// What is known of the samples of a line so far.
pub(crate) trait Gather: Default {
    /// Whether samples may be taken in any order, and more than once.
    const IS_UNORDERED: bool;

    /// Whether a ray has a sample where it enters and one where it leaves.
    const TAKES_ENDS: bool;

    /// Takes the next sample, which is `apart` from the one before; whether its value is now that of the line.
    fn gather(&mut self, next: Found, apart: f32) -> bool;

    /// Whether no value from `low` to `high` would change the result; the range is empty (`low > high`) where no sample
    /// is.
    fn is_indifferent(&self, low: f32, high: f32) -> bool;

    /// How much a range of values promises to change the result: the more, the sooner it is worth a look.
    fn promise(low: f32, high: f32) -> f32;

    /// The value of the line.
    fn projected(&self) -> Found;
}

fn found(value: Option<f32>, is_missing: bool) -> Found {
    match value {
        Some(value) => Found::Value(value),
        None if is_missing => Found::Missing,
        None => Found::Nothing,
    }
}

/// The largest value, or the smallest.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Extreme<const LARGEST: bool> {
    value: Option<f32>,
    is_missing: bool,
}

pub(crate) type Highest = Extreme<true>;
pub(crate) type Lowest = Extreme<false>;

impl<const LARGEST: bool> Extreme<LARGEST> {
    #[inline(always)]
    fn is_beaten_by(&self, value: f32) -> bool {
        self.value.is_none_or(|best| if LARGEST { value > best } else { value < best })
    }
}

impl<const LARGEST: bool> Gather for Extreme<LARGEST> {
    const IS_UNORDERED: bool = true;
    const TAKES_ENDS: bool = false;

    #[inline(always)]
    fn gather(&mut self, next: Found, _apart: f32) -> bool {
        match next {
            Found::Value(v) => {
                let is_new = self.is_beaten_by(v);
                if is_new {
                    self.value = Some(v);
                }
                is_new
            }
            Found::Missing => {
                self.is_missing = true;
                false
            }
            Found::Nothing => false,
        }
    }

    #[inline(always)]
    fn is_indifferent(&self, low: f32, high: f32) -> bool {
        low > high || !self.is_beaten_by(if LARGEST { high } else { low })
    }

    fn promise(low: f32, high: f32) -> f32 {
        if LARGEST { high } else { -low }
    }

    fn projected(&self) -> Found {
        found(self.value, self.is_missing)
    }
}

/// The mean by the trapezoidal rule over neighbours that are both samples; the plain mean if there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mean {
    sum: f32,
    count: u32,
    area: f32,
    length: f32,
    previous: Option<f32>,
    is_missing: bool,
}

impl Gather for Mean {
    const IS_UNORDERED: bool = false;
    const TAKES_ENDS: bool = true;

    #[inline(always)]
    fn gather(&mut self, next: Found, apart: f32) -> bool {
        if let Some(value) = next.value() {
            self.sum += value;
            self.count += 1;
            if let Some(previous) = self.previous {
                self.area += (0.5 * (previous + value)) * apart;
                self.length += apart;
            }
        }
        self.is_missing |= next == Found::Missing;
        self.previous = next.value();
        false
    }

    #[inline(always)]
    fn is_indifferent(&self, low: f32, high: f32) -> bool {
        low > high
    }

    fn promise(_low: f32, _high: f32) -> f32 {
        0.0
    }

    fn projected(&self) -> Found {
        let mean = if self.length > 0.0 {
            Some(self.area / self.length)
        } else {
            (self.count > 0).then(|| self.sum / self.count as f32)
        };
        found(mean, self.is_missing)
    }
}
