//! The types in which samples are stored.

use std::ops::Range;

use ndarray::{Array3, Axis};

use crate::Padding;

/// Stored samples, `[k, j, i]`, in their own type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Samples {
    /// 8 bits, unsigned.
    U8(Array3<u8>),
    /// 16 bits, signed.
    I16(Array3<i16>),
    /// 16 bits, unsigned.
    U16(Array3<u16>),
    /// 32-bit floating point, finite.
    F32(Array3<f32>),
}

/// Stored samples of slices that follow one another, i fastest, then j.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SliceSamples<'a> {
    /// 8 bits, unsigned.
    U8(&'a [u8]),
    /// 16 bits, signed.
    I16(&'a [i16]),
    /// 16 bits, unsigned.
    U16(&'a [u16]),
    /// 32-bit floating point.
    F32(&'a [f32]),
}

impl SliceSamples<'_> {
    /// The number of samples.
    #[must_use]
    pub fn count(&self) -> usize {
        match self {
            Self::U8(samples) => samples.len(),
            Self::I16(samples) => samples.len(),
            Self::U16(samples) => samples.len(),
            Self::F32(samples) => samples.len(),
        }
    }

    /// The type's name, as [`Samples::type_name`].
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I16(_) => "i16",
            Self::U16(_) => "u16",
            Self::F32(_) => "f32",
        }
    }
}

/// A type in which samples are stored.
pub trait Sample: Copy + Send + Sync + PartialOrd + bytemuck::Pod + 'static {
    /// The least and the largest sample; of floating point the infinities, which are none.
    const ENDS: (Self, Self);

    /// The sample as f32: exact for all stored types.
    fn to_f32(self) -> f32;

    /// The least and the largest sample from `lowest` to `highest`, both included. The first is larger than the second
    /// if there is none.
    fn ends_within(lowest: f64, highest: f64) -> (Self, Self);
}

/// What is after every sample, and what is before.
fn none<T: Sample>() -> (T, T) {
    (T::ENDS.1, T::ENDS.0)
}

macro_rules! whole_sample {
    ($($t:ty),*) => {$(
        impl Sample for $t {
            const ENDS: (Self, Self) = (Self::MIN, Self::MAX);

            #[inline(always)]
            fn to_f32(self) -> f32 {
                f32::from(self)
            }

            fn ends_within(lowest: f64, highest: f64) -> (Self, Self) {
                let (least, most) = Self::ENDS;
                let is_any = lowest <= f64::from(most) && highest >= f64::from(least);
                // Numbers beyond the ends become the ends.
                if is_any { (lowest.ceil() as Self, highest.floor() as Self) } else { none() }
            }
        }
    )*};
}
whole_sample!(u8, i16, u16);

impl Sample for f32 {
    const ENDS: (Self, Self) = (Self::NEG_INFINITY, Self::INFINITY);

    #[inline(always)]
    fn to_f32(self) -> f32 {
        self
    }

    fn ends_within(lowest: f64, highest: f64) -> (Self, Self) {
        let (low, high) = (lowest as Self, highest as Self);
        let low = if f64::from(low) < lowest { low.next_up() } else { low };
        let high = if f64::from(high) > highest { high.next_down() } else { high };
        if low <= high { (low, high) } else { none() }
    }
}

impl Samples {
    /// The shape, `[k, j, i]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let (k, j, i) = match self {
            Self::U8(a) => a.dim(),
            Self::I16(a) => a.dim(),
            Self::U16(a) => a.dim(),
            Self::F32(a) => a.dim(),
        };
        [k, j, i]
    }

    /// The samples' bytes in the machine's byte order, i fastest; `None` for an array that is not contiguous.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::U8(a) => a.as_slice(),
            Self::I16(a) => a.as_slice().map(bytemuck::cast_slice),
            Self::U16(a) => a.as_slice().map(bytemuck::cast_slice),
            Self::F32(a) => a.as_slice().map(bytemuck::cast_slice),
        }
    }

    /// The samples of some slices; `None` if one of them is not there, or for an array that is not contiguous.
    #[must_use]
    pub fn slices(&self, k: Range<usize>) -> Option<SliceSamples<'_>> {
        let [_, rows, columns] = self.shape();
        let range = k.start * rows * columns..k.end * rows * columns;
        match self {
            Self::U8(a) => a.as_slice()?.get(range).map(SliceSamples::U8),
            Self::I16(a) => a.as_slice()?.get(range).map(SliceSamples::I16),
            Self::U16(a) => a.as_slice()?.get(range).map(SliceSamples::U16),
            Self::F32(a) => a.as_slice()?.get(range).map(SliceSamples::F32),
        }
    }

    /// The stored value at `[k, j, i]` as f64, or `None` outside.
    #[must_use]
    pub fn get(&self, index: [usize; 3]) -> Option<f64> {
        match self {
            Self::U8(a) => a.get(index).map(|&v| f64::from(v)),
            Self::I16(a) => a.get(index).map(|&v| f64::from(v)),
            Self::U16(a) => a.get(index).map(|&v| f64::from(v)),
            Self::F32(a) => a.get(index).map(|&v| f64::from(v)),
        }
    }

    /// The slices `kept` of these, in that order; numbers that are not there give nothing.
    #[must_use]
    pub fn of_slices(self, kept: &[usize]) -> Self {
        fn of<T: Copy>(samples: &Array3<T>, kept: &[usize]) -> Array3<T> {
            let there: Vec<usize> = kept.iter().copied().filter(|&k| k < samples.dim().0).collect();
            samples.select(Axis(0), &there)
        }
        match self {
            Self::U8(a) => Self::U8(of(&a, kept)),
            Self::I16(a) => Self::I16(of(&a, kept)),
            Self::U16(a) => Self::U16(of(&a, kept)),
            Self::F32(a) => Self::F32(of(&a, kept)),
        }
    }

    /// The type's name: `u8`, `i16`, `u16` or `f32`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I16(_) => "i16",
            Self::U16(_) => "u16",
            Self::F32(_) => "f32",
        }
    }

    /// The least and the largest of those that are no padding; `None` if all are.
    pub(crate) fn range(&self, padding: Option<Padding>) -> Option<(f64, f64)> {
        match self {
            Self::U8(a) => stored_range(a, padding),
            Self::I16(a) => stored_range(a, padding),
            Self::U16(a) => stored_range(a, padding),
            Self::F32(a) => stored_range(a, padding),
        }
    }
}

fn stored_range<T: Sample>(samples: &Array3<T>, padding: Option<Padding>) -> Option<(f64, f64)> {
    let padding = padding.map_or_else(none, |padding| T::ends_within(padding.lowest, padding.highest));
    let (low, high) = match samples.as_slice() {
        Some(samples) => range(samples, padding),
        None => range(&samples.iter().copied().collect::<Vec<T>>(), padding),
    };
    (low <= high).then(|| (f64::from(low.to_f32()), f64::from(high.to_f32())))
}

/// The least and the largest of samples that do not lie between two; the first is larger than the second if all do.
fn range<T: Sample>(samples: &[T], (first_left_out, last_left_out): (T, T)) -> (T, T) {
    // So many at a time that vector instructions take them.
    const TOGETHER: usize = 64;
    let (mut low, mut high) = ([T::ENDS.1; TOGETHER], [T::ENDS.0; TOGETHER]);
    for samples in samples.chunks(TOGETHER) {
        for ((low, high), &sample) in low.iter_mut().zip(&mut high).zip(samples) {
            let is_left_out = (first_left_out <= sample) & (sample <= last_left_out);
            *low = if is_left_out | (*low < sample) { *low } else { sample };
            *high = if is_left_out | (*high > sample) { *high } else { sample };
        }
    }
    let least = |a: T, b: T| if b < a { b } else { a };
    let most = |a: T, b: T| if b > a { b } else { a };
    (low.into_iter().fold(T::ENDS.1, least), high.into_iter().fold(T::ENDS.0, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range_of<T: Sample>(samples: &[T], padding: Option<(f64, f64)>) -> Option<(f64, f64)> {
        let array = Array3::from_shape_vec((1, 1, samples.len()), samples.to_vec()).unwrap();
        stored_range(&array, padding.map(|(lowest, highest)| Padding { lowest, highest }))
    }

    #[test]
    fn ranges_leave_padding_out() {
        let mut samples: Vec<i16> = (0..1000).map(|n| (n * 7919 % 1000) as i16 - 300).collect();
        assert_eq!(range_of(&samples, None), Some((-300.0, 699.0)));
        assert_eq!(range_of(&samples, Some((-300.0, -250.5))), Some((-250.0, 699.0)));
        assert_eq!(range_of(&samples, Some((600.5, 40_000.0))), Some((-300.0, 600.0)));
        assert_eq!(range_of(&samples, Some((0.2, 0.8))), Some((-300.0, 699.0)));
        assert_eq!(range_of(&samples, Some((-1e9, -40_000.0))), Some((-300.0, 699.0)));
        assert_eq!(range_of(&samples, Some((-300.0, 699.0))), None);
        samples[63] = i16::MIN;
        samples[64] = i16::MAX;
        assert_eq!(range_of(&samples, None), Some((-32_768.0, 32_767.0)));
        assert_eq!(range_of(&[u8::MAX; 3], None), Some((255.0, 255.0)));
        assert_eq!(range_of::<u16>(&[0; 100], Some((0.0, 0.0))), None);
    }

    #[test]
    fn floating_point_padding_is_held_against_numbers_of_more_digits() {
        let samples = [0.1f32, 0.25, 0.5];
        // 0.1f32 is a little more than a tenth.
        assert_eq!(range_of(&samples, Some((0.0, 0.1))), Some((f64::from(0.1f32), 0.5)));
        assert_eq!(range_of(&samples, Some((0.0, f64::from(0.1f32)))), Some((0.25, 0.5)));
        assert_eq!(range_of(&samples, Some((-1.0, f64::MAX))), None);
        let marked = [f32::MIN, -1e30, 1e30];
        let padding = Padding::F32;
        assert_eq!(
            range_of(&marked, Some((padding.lowest, padding.highest))),
            Some((f64::from(-1e30f32), f64::from(1e30f32)))
        );
    }
}
