//! From the samples along a line to one value.

use crate::shared::sampling::Found;

/// What is known of the samples of a line so far.
pub(crate) trait Gather: Default {
    /// Whether samples may be taken in any order, and more than once.
    const IS_UNORDERED: bool;

    /// Takes the next sample; whether its value is now that of the line.
    fn gather(&mut self, next: Found) -> bool;

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

/// The largest value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Highest {
    value: Option<f32>,
    is_missing: bool,
}

impl Gather for Highest {
    const IS_UNORDERED: bool = true;

    #[inline(always)]
    fn gather(&mut self, next: Found) -> bool {
        match next {
            Found::Value(v) => {
                let is_new = self.value.is_none_or(|most| v > most);
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
        low > high || self.value.is_some_and(|most| high <= most)
    }

    fn promise(_low: f32, high: f32) -> f32 {
        high
    }

    fn projected(&self) -> Found {
        found(self.value, self.is_missing)
    }
}

/// The smallest value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lowest {
    value: Option<f32>,
    is_missing: bool,
}

impl Gather for Lowest {
    const IS_UNORDERED: bool = true;

    #[inline(always)]
    fn gather(&mut self, next: Found) -> bool {
        match next {
            Found::Value(v) => {
                let is_new = self.value.is_none_or(|least| v < least);
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
        low > high || self.value.is_some_and(|least| low >= least)
    }

    fn promise(low: f32, _high: f32) -> f32 {
        -low
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
    pair_sum: f32,
    pairs: u32,
    previous: Option<f32>,
    is_missing: bool,
}

impl Gather for Mean {
    const IS_UNORDERED: bool = false;

    #[inline(always)]
    fn gather(&mut self, next: Found) -> bool {
        if let Some(value) = next.value() {
            self.sum += value;
            self.count += 1;
            if let Some(previous) = self.previous {
                self.pair_sum += 0.5 * (previous + value);
                self.pairs += 1;
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
        let mean = match (self.pairs, self.count) {
            (0, 0) => None,
            (0, count) => Some(self.sum / count as f32),
            (pairs, _) => Some(self.pair_sum / pairs as f32),
        };
        found(mean, self.is_missing)
    }
}
