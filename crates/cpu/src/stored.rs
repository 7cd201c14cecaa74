//! Stored samples of any type, and eight pairs of neighbours of them at a time.

use anatome_core::{Error, Result, Sample, Samples};
use fearless_simd::prelude::*;
use fearless_simd::{Simd, i16x16, u16x16};

use crate::lanes::{F32s, I32s, LANES, each_lane, i32s};
use crate::shared::sampling::between;

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
        !matches!(self, Self::F32(_))
    }

    /// The least and the largest whole number from one value to another, each in both halves; more if there are none.
    pub(crate) fn halves(&self, (low, high): (f32, f32)) -> (i32, i32) {
        let (low, high) = (low.ceil(), high.floor());
        let [low, high] = match self {
            Self::U8(_) | Self::U16(_) => [low as u16, high as u16],
            // Those beyond the ends become the ends.
            Self::I16(_) => [low as i16, high as i16].map(i16::cast_unsigned),
            Self::F32(_) => [0; 2],
        };
        let both = |half: u16| (u32::from(half) * 0x0001_0001).cast_signed();
        (both(low), both(high))
    }

    /// Has a sample brought near the processor while that goes on with other work.
    #[inline]
    pub(crate) fn announce(&self, at: usize) {
        match self {
            Self::U8(a) => bring_near(a.get(at)),
            Self::I16(a) => bring_near(a.get(at)),
            Self::U16(a) => bring_near(a.get(at)),
            Self::F32(a) => bring_near(a.get(at)),
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

#[inline(always)]
fn bring_near<T>(sample: Option<&T>) {
    #[cfg(target_arch = "x86_64")]
    if let Some(sample) = sample {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: nothing is read, and every x86-64 has the instruction.
        #[expect(unsafe_code, reason = "the instruction has no safe interface")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(sample).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = sample;
}

/// Whole numbers of at most 16 bits, of which two neighbours are loaded at once.
pub(crate) trait Whole: Sample {
    /// Two of them.
    type Pair: Copy;

    /// Two halves that are the largest, and two that are the smallest.
    const ENDS_IN_HALVES: (i32, i32);

    /// A pair as two halves of 16 bits, the first one in the lower.
    fn halves(pair: Self::Pair) -> i32;

    /// The lower and the upper halves.
    fn split<S: Simd>(halves: I32s<S>) -> (F32s<S>, F32s<S>);

    /// Whether a half of the first is at most that of the second, and that of the third at most that of the fourth.
    fn any_at_most<S: Simd>(pairs: [I32s<S>; 4]) -> bool;

    /// The smaller of each two halves, and the larger.
    fn order<S: Simd>(a: I32s<S>, b: I32s<S>) -> (I32s<S>, I32s<S>);
}

/// The samples `more` behind places, and those after them, as halves.
///
/// # Safety
/// `at[n] + more + 1` is the place of a sample for each n.
#[expect(unsafe_code, reason = "checking each of 32 loads costs more than the loads")]
#[inline(always)]
unsafe fn pairs<S: Simd, T: Whole>(simd: S, samples: &[T], at: [u32; LANES], more: usize) -> I32s<S> {
    const { assert!(size_of::<T::Pair>() == 2 * size_of::<T>(), "a pair is two samples") };
    debug_assert!(at.iter().all(|&n| n as usize + more + 1 < samples.len()));
    each_lane(
        #[inline(always)]
        |n| {
            // SAFETY: the caller promises that both samples are in the slice; they are as large as a pair, which is a
            // whole number.
            T::halves(unsafe {
                samples.as_ptr().add(at[n] as usize + more).cast::<T::Pair>().read_unaligned()
            })
        },
    )
    .simd_into(simd)
}

/// Of so many bits, the first half of those in memory below the second.
macro_rules! in_order {
    ($bits:expr, $half:expr) => {
        if cfg!(target_endian = "little") { $bits } else { $bits.rotate_left($half) }
    };
}

impl Whole for i16 {
    type Pair = u32;
    const ENDS_IN_HALVES: (i32, i32) = (0x7FFF_7FFF, !0x7FFF_7FFF);

    #[inline(always)]
    fn halves(pair: u32) -> i32 {
        in_order!(pair, 16) as i32
    }

    #[inline(always)]
    fn split<S: Simd>(halves: I32s<S>) -> (F32s<S>, F32s<S>) {
        (((halves << 16u32) >> 16u32).to_float(), (halves >> 16u32).to_float())
    }

    #[inline(always)]
    fn order<S: Simd>(a: I32s<S>, b: I32s<S>) -> (I32s<S>, I32s<S>) {
        let (a, b): (i16x16<S>, i16x16<S>) = (a.bitcast(), b.bitcast());
        (a.min(b).bitcast(), a.max(b).bitcast())
    }

    #[inline(always)]
    fn any_at_most<S: Simd>([a, b, c, d]: [I32s<S>; 4]) -> bool {
        let [a, b, c, d]: [i16x16<S>; 4] = [a.bitcast(), b.bitcast(), c.bitcast(), d.bitcast()];
        (a.simd_le(b) & c.simd_le(d)).any_true()
    }
}

impl Whole for u16 {
    type Pair = u32;
    const ENDS_IN_HALVES: (i32, i32) = (!0, 0);

    #[inline(always)]
    fn halves(pair: u32) -> i32 {
        in_order!(pair, 16) as i32
    }

    #[inline(always)]
    fn split<S: Simd>(halves: I32s<S>) -> (F32s<S>, F32s<S>) {
        ((halves & 0xFFFF).to_float(), ((halves >> 16u32) & 0xFFFF).to_float())
    }

    #[inline(always)]
    fn order<S: Simd>(a: I32s<S>, b: I32s<S>) -> (I32s<S>, I32s<S>) {
        let (a, b): (u16x16<S>, u16x16<S>) = (a.bitcast(), b.bitcast());
        (a.min(b).bitcast(), a.max(b).bitcast())
    }

    #[inline(always)]
    fn any_at_most<S: Simd>([a, b, c, d]: [I32s<S>; 4]) -> bool {
        let [a, b, c, d]: [u16x16<S>; 4] = [a.bitcast(), b.bitcast(), c.bitcast(), d.bitcast()];
        (a.simd_le(b) & c.simd_le(d)).any_true()
    }
}

impl Whole for u8 {
    type Pair = u16;
    const ENDS_IN_HALVES: (i32, i32) = u16::ENDS_IN_HALVES;

    #[inline(always)]
    fn halves(pair: u16) -> i32 {
        let pair = i32::from(in_order!(pair, 8));
        (pair & 0xFF) | ((pair >> 8) << 16)
    }

    #[inline(always)]
    fn split<S: Simd>(halves: I32s<S>) -> (F32s<S>, F32s<S>) {
        u16::split(halves)
    }

    #[inline(always)]
    fn order<S: Simd>(a: I32s<S>, b: I32s<S>) -> (I32s<S>, I32s<S>) {
        u16::order(a, b)
    }

    #[inline(always)]
    fn any_at_most<S: Simd>(pairs: [I32s<S>; 4]) -> bool {
        u16::any_at_most(pairs)
    }
}

/// Samples of which two neighbours are loaded at once, of whatever type.
pub(crate) trait Paired: Sample {
    /// Eight pairs.
    type Eight<S: Simd>: Copy;

    /// The samples `more` behind places, and those after them.
    ///
    /// # Safety
    /// As of [`pairs`].
    #[expect(unsafe_code, reason = "see pairs")]
    unsafe fn eight<S: Simd>(simd: S, samples: &[Self], at: [u32; LANES], more: usize) -> Self::Eight<S>;

    /// The first and the second ones.
    fn apart<S: Simd>(eight: Self::Eight<S>) -> (F32s<S>, F32s<S>);

    /// Between which values samples lie, if that is known.
    type Bounds<S: Simd>: Copy;

    /// Those of none.
    fn no_bounds<S: Simd>(simd: S) -> Self::Bounds<S>;

    /// Those of four eights.
    fn bounds<S: Simd>(eights: [Self::Eight<S>; 4]) -> Self::Bounds<S>;

    /// With one more.
    fn widened<S: Simd>(bounds: Self::Bounds<S>, eight: Self::Eight<S>) -> Self::Bounds<S>;

    /// Whether one of the samples may lie between two values, both included; see [`Stored::halves`].
    fn may_reach<S: Simd>(simd: S, bounds: Self::Bounds<S>, halves: (i32, i32)) -> bool;

    /// As [`between`], and `a` at 0 whatever `b` is.
    fn between_that_count<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S>;

    /// The values at the corners of a cell, i fastest, with such instead of those without weight that what is between them
    /// is right whatever those are.
    fn that_count<S: Simd>(corners: [F32s<S>; 8], fraction: [F32s<S>; 3]) -> [F32s<S>; 8];
}

impl<T: Whole> Paired for T {
    type Eight<S: Simd> = I32s<S>;

    #[expect(unsafe_code, reason = "see pairs")]
    #[inline(always)]
    unsafe fn eight<S: Simd>(simd: S, samples: &[T], at: [u32; LANES], more: usize) -> I32s<S> {
        // SAFETY: as the caller promises.
        unsafe { pairs(simd, samples, at, more) }
    }

    #[inline(always)]
    fn apart<S: Simd>(eight: I32s<S>) -> (F32s<S>, F32s<S>) {
        T::split(eight)
    }

    type Bounds<S: Simd> = Bounds<S>;

    #[inline(always)]
    fn no_bounds<S: Simd>(simd: S) -> Bounds<S> {
        Bounds { low: i32s(simd, T::ENDS_IN_HALVES.0), high: i32s(simd, T::ENDS_IN_HALVES.1) }
    }

    #[inline(always)]
    fn bounds<S: Simd>([a, b, c, d]: [I32s<S>; 4]) -> Bounds<S> {
        let (ab, cd) = (T::order(a, b), T::order(c, d));
        Bounds { low: T::order(ab.0, cd.0).0, high: T::order(ab.1, cd.1).1 }
    }

    #[inline(always)]
    fn widened<S: Simd>(Bounds { low, high }: Bounds<S>, halves: I32s<S>) -> Bounds<S> {
        Bounds { low: T::order(low, halves).0, high: T::order(high, halves).1 }
    }

    #[inline(always)]
    fn may_reach<S: Simd>(simd: S, bounds: Bounds<S>, (low, high): (i32, i32)) -> bool {
        T::any_at_most([bounds.low, i32s(simd, high), i32s(simd, low), bounds.high])
    }

    #[inline(always)]
    fn between_that_count<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S> {
        between(a, b, f)
    }

    #[inline(always)]
    fn that_count<S: Simd>(corners: [F32s<S>; 8], _: [F32s<S>; 3]) -> [F32s<S>; 8] {
        corners
    }
}

impl Paired for f32 {
    type Eight<S: Simd> = [F32s<S>; 2];

    #[expect(unsafe_code, reason = "see pairs")]
    #[inline(always)]
    unsafe fn eight<S: Simd>(simd: S, samples: &[f32], at: [u32; LANES], more: usize) -> [F32s<S>; 2] {
        debug_assert!(at.iter().all(|&n| n as usize + more + 1 < samples.len()));
        let pairs = each_lane(
            #[inline(always)]
            |n| {
                // SAFETY: the caller promises that both samples are in the slice.
                unsafe { samples.as_ptr().add(at[n] as usize + more).cast::<[f32; 2]>().read() }
            },
        );
        let [first, second] = [0, 1].map(
            #[inline(always)]
            |of| {
                each_lane(
                    #[inline(always)]
                    |n| pairs[n][of],
                )
            },
        );
        [first.simd_into(simd), second.simd_into(simd)]
    }

    #[inline(always)]
    fn apart<S: Simd>([first, second]: [F32s<S>; 2]) -> (F32s<S>, F32s<S>) {
        (first, second)
    }

    type Bounds<S: Simd> = ();

    #[inline(always)]
    fn no_bounds<S: Simd>(_: S) {}

    #[inline(always)]
    fn bounds<S: Simd>(_: [[F32s<S>; 2]; 4]) {}

    #[inline(always)]
    fn widened<S: Simd>((): (), _: [F32s<S>; 2]) {}

    #[inline(always)]
    fn may_reach<S: Simd>(_: S, (): (), _: (i32, i32)) -> bool {
        true
    }

    /// See [`Self::that_count`].
    #[inline(always)]
    fn between_that_count<S: Simd>(a: F32s<S>, b: F32s<S>, f: F32s<S>) -> F32s<S> {
        between(a, f.simd_gt(0.0).select(b, a), f)
    }

    /// The difference of two numbers may have no number of this type, and no part of that is none.
    #[inline(always)]
    fn that_count<S: Simd>(corners: [F32s<S>; 8], [fi, fj, fk]: [F32s<S>; 3]) -> [F32s<S>; 8] {
        let [v000, v100, v010, v110, v001, v101, v011, v111] = corners;
        let (i, j, k) = (fi.simd_gt(0.0), fj.simd_gt(0.0), fk.simd_gt(0.0));
        let (v100, v110, v101, v111) =
            (i.select(v100, v000), i.select(v110, v010), i.select(v101, v001), i.select(v111, v011));
        let (v010, v110, v011, v111) =
            (j.select(v010, v000), j.select(v110, v100), j.select(v011, v001), j.select(v111, v101));
        let (v001, v101, v011, v111) =
            (k.select(v001, v000), k.select(v101, v100), k.select(v011, v010), k.select(v111, v110));
        [v000, v100, v010, v110, v001, v101, v011, v111]
    }
}

/// Between which values samples lie that were loaded as halves: in each lane of its own.
#[derive(Clone, Copy)]
pub(crate) struct Bounds<S: Simd> {
    low: I32s<S>,
    high: I32s<S>,
}
