//! Stored samples of any type, and eight pairs of neighbours of them at a time.

use anatome_core::{Error, Result, Sample, Samples};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::lanes::{F32s, I32s, LANES, each_lane};

/// The samples of a volume, i fastest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'a> {
    U8(&'a [u8]),
    I16(&'a [i16]),
    U16(&'a [u16]),
    F32(&'a [f32]),
}

impl<'a> Stored<'a> {
    pub(crate) fn new(samples: &'a Samples) -> Result<Self> {
        let malformed =
            || Error::Malformed { what: "volume", reason: "samples that are not contiguous".to_owned() };
        Ok(match samples {
            Samples::U8(a) => Self::U8(a.as_slice().ok_or_else(malformed)?),
            Samples::I16(a) => Self::I16(a.as_slice().ok_or_else(malformed)?),
            Samples::U16(a) => Self::U16(a.as_slice().ok_or_else(malformed)?),
            Samples::F32(a) => Self::F32(a.as_slice().ok_or_else(malformed)?),
            other => {
                return Err(Error::Unsupported {
                    feature: format!("{} samples on the CPU", other.type_name()),
                });
            }
        })
    }

    /// Whether they are whole numbers of at most 16 bits.
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::U8(_) => u8::IS_WHOLE,
            Self::I16(_) => i16::IS_WHOLE,
            Self::U16(_) => u16::IS_WHOLE,
            Self::F32(_) => f32::IS_WHOLE,
        }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::U8(a) => a.len(),
            Self::I16(a) => a.len(),
            Self::U16(a) => a.len(),
            Self::F32(a) => a.len(),
        }
    }
}

/// Samples of which two neighbours are loaded at once.
pub(crate) trait Pairs: Sample {
    /// Whether they are whole numbers of at most 16 bits.
    const IS_WHOLE: bool;

    /// The samples `more` behind places, and those after them.
    ///
    /// # Safety
    /// `at[n] + more + 1` is the place of a sample for each n.
    #[expect(unsafe_code, reason = "checking each of 32 loads costs more than the loads")]
    unsafe fn pairs<S: Simd>(
        simd: S,
        samples: &[Self],
        at: [usize; LANES],
        more: usize,
    ) -> (F32s<S>, F32s<S>);
}

/// Two neighbours of each place: all that `read` makes of the bytes of both.
///
/// # Safety
/// As [`Pairs::pairs`]; a `P` is no larger than two samples, and any bits make one.
#[expect(unsafe_code, reason = "see Pairs::pairs")]
#[inline(always)]
unsafe fn read_pairs<T: Pairs, P: Copy>(samples: &[T], at: [usize; LANES], more: usize) -> [P; LANES] {
    debug_assert!(at.iter().all(|n| n + more + 1 < samples.len()));
    each_lane(
        #[inline(always)]
        |n| {
            // SAFETY: the caller promises that both samples are in the slice.
            unsafe { samples.as_ptr().add(at[n] + more).cast::<P>().read_unaligned() }
        },
    )
}

/// The lower and the upper half of whole numbers, in the machine's order of bytes.
#[inline(always)]
fn in_order<T>(low: T, high: T) -> (T, T) {
    if cfg!(target_endian = "little") { (low, high) } else { (high, low) }
}

#[expect(unsafe_code, reason = "see Pairs::pairs")]
impl Pairs for i16 {
    const IS_WHOLE: bool = true;

    #[inline(always)]
    unsafe fn pairs<S: Simd>(
        simd: S,
        samples: &[Self],
        at: [usize; LANES],
        more: usize,
    ) -> (F32s<S>, F32s<S>) {
        // SAFETY: as the caller promises; two of 16 bits are 32.
        let pairs: I32s<S> = unsafe { read_pairs(samples, at, more) }.simd_into(simd);
        in_order(((pairs << 16u32) >> 16u32).to_float(), (pairs >> 16u32).to_float())
    }
}

#[expect(unsafe_code, reason = "see Pairs::pairs")]
impl Pairs for u16 {
    const IS_WHOLE: bool = true;

    #[inline(always)]
    unsafe fn pairs<S: Simd>(
        simd: S,
        samples: &[Self],
        at: [usize; LANES],
        more: usize,
    ) -> (F32s<S>, F32s<S>) {
        // SAFETY: as the caller promises; two of 16 bits are 32.
        let pairs: I32s<S> = unsafe { read_pairs(samples, at, more) }.simd_into(simd);
        in_order((pairs & 0xFFFF).to_float(), ((pairs >> 16u32) & 0xFFFF).to_float())
    }
}

#[expect(unsafe_code, reason = "see Pairs::pairs")]
impl Pairs for u8 {
    const IS_WHOLE: bool = true;

    #[inline(always)]
    unsafe fn pairs<S: Simd>(
        simd: S,
        samples: &[Self],
        at: [usize; LANES],
        more: usize,
    ) -> (F32s<S>, F32s<S>) {
        // SAFETY: as the caller promises; two of 8 bits are 16.
        let pairs: [u16; LANES] = unsafe { read_pairs(samples, at, more) };
        let pairs: I32s<S> = pairs.map(i32::from).simd_into(simd);
        in_order((pairs & 0xFF).to_float(), (pairs >> 8u32).to_float())
    }
}

#[expect(unsafe_code, reason = "see Pairs::pairs")]
impl Pairs for f32 {
    const IS_WHOLE: bool = false;

    #[inline(always)]
    unsafe fn pairs<S: Simd>(
        simd: S,
        samples: &[Self],
        at: [usize; LANES],
        more: usize,
    ) -> (F32s<S>, F32s<S>) {
        // SAFETY: as the caller promises.
        let pairs: [[Self; 2]; LANES] = unsafe { read_pairs(samples, at, more) };
        (pairs.map(|pair| pair[0]).simd_into(simd), pairs.map(|pair| pair[1]).simd_into(simd))
    }
}
