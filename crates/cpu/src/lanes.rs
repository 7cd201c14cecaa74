//! Eight numbers at a time, with whatever vector instructions there are. The same operations in the same order on each
//! number, so that results do not depend on the instructions.

use fearless_simd::prelude::*;
use fearless_simd::{Level, Simd, f32x8, i32x8, mask32x8};

/// How many positions are sampled together.
pub(crate) const LANES: usize = 8;

/// A number for each of the positions that are sampled together.
pub(crate) type F32s<S> = f32x8<S>;
/// A whole number for each.
pub(crate) type I32s<S> = i32x8<S>;
/// Yes or no for each.
pub(crate) type Mask<S> = mask32x8<S>;

/// Work that is compiled for each kind of vector instructions.
pub(crate) trait Work {
    /// What comes out.
    type Output;

    /// Does it. Must be `#[inline(always)]`.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Does work with the instructions of a level. Of those of x86-64 only two kinds are compiled: AVX2, and what all
/// processors have. AVX-512 is no faster for this work.
#[cfg(target_arch = "x86_64")]
pub(crate) fn run<W: Work>(level: Level, work: W) -> W::Output {
    match (level.as_avx2(), level.as_sse2()) {
        (Some(simd), _) => simd.vectorize(
            #[inline(always)]
            || work.run(simd),
        ),
        (None, Some(simd)) => work.run(simd),
        (None, None) => unreachable!("every processor of this kind has SSE2"),
    }
}

/// Does work with the instructions of a level.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn run<W: Work>(level: Level, work: W) -> W::Output {
    fearless_simd::dispatch!(level, simd => work.run(simd))
}

/// The same number for each.
#[inline(always)]
pub(crate) fn f32s<S: Simd>(simd: S, value: f32) -> F32s<S> {
    F32s::splat(simd, value)
}

/// The same whole number for each.
#[inline(always)]
pub(crate) fn i32s<S: Simd>(simd: S, value: i32) -> I32s<S> {
    I32s::splat(simd, value)
}

/// The same three numbers for each.
#[inline(always)]
pub(crate) fn vec3<S: Simd>(simd: S, v: [f32; 3]) -> [F32s<S>; 3] {
    [f32s(simd, v[0]), f32s(simd, v[1]), f32s(simd, v[2])]
}

/// What is made of each axis. Unlike `map` of an array it is always inlined: code that is not does not get the vector
/// instructions. So closures that compute with lanes say `#[inline(always)]`.
#[inline(always)]
pub(crate) fn each_axis<T>(f: impl Fn(usize) -> T) -> [T; 3] {
    [f(0), f(1), f(2)]
}

/// What is made of each lane. See [`each_axis`].
#[inline(always)]
pub(crate) fn each_lane<T>(f: impl Fn(usize) -> T) -> [T; LANES] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

/// The product of two vectors.
#[inline(always)]
pub(crate) fn dot<S: Simd>(a: [F32s<S>; 3], b: [F32s<S>; 3]) -> F32s<S> {
    (a[0] * b[0] + a[1] * b[1]) + a[2] * b[2]
}

/// The smaller of two numbers, the second if they can't be compared.
#[inline(always)]
pub(crate) fn least<S: Simd>(a: F32s<S>, b: F32s<S>) -> F32s<S> {
    // The instruction of these processors does just this; those of others treat such numbers in other ways.
    if cfg!(target_arch = "x86_64") { a.min(b) } else { a.simd_lt(b).select(a, b) }
}

/// The larger of two numbers, the second if they can't be compared.
#[inline(always)]
pub(crate) fn most<S: Simd>(a: F32s<S>, b: F32s<S>) -> F32s<S> {
    if cfg!(target_arch = "x86_64") { a.max(b) } else { a.simd_gt(b).select(a, b) }
}

/// No lower than the one, no higher than the other; what is not a number is the one.
#[inline(always)]
pub(crate) fn within<S: Simd>(x: F32s<S>, low: F32s<S>, high: F32s<S>) -> F32s<S> {
    least(most(x, low), high)
}

/// The least of the numbers.
#[inline(always)]
pub(crate) fn lowest<S: Simd>(simd: S, x: F32s<S>) -> f32 {
    let (a, b) = simd.split_f32x8(x);
    let [a, b, c, d] = a.simd_lt(b).select(a, b).to_array();
    (if a < b { a } else { b }).min(if c < d { c } else { d })
}

/// Without its sign.
#[inline(always)]
pub(crate) fn magnitude<S: Simd>(x: F32s<S>) -> F32s<S> {
    x.abs()
}

/// `e^x` for `x <= 0`, within 2e-7 of it: the nearest power of two, times a polynomial of the rest.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: F32s<S>) -> F32s<S> {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = within(x, f32s(simd, -87.0), f32s(simd, 0.0));
    let whole = (x * std::f32::consts::LOG2_E + 0.5).floor();
    let rest = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
    // The minimax polynomial of Cephes' expf.
    let mut sum = rest * 1.987_569_1e-4 + 1.398_199_9e-3;
    for term in [8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        sum = sum * rest + term;
    }
    let mantissa = (sum * (rest * rest) + rest) + 1.0;
    let exponent: I32s<S> = whole.to_int();
    let power: F32s<S> = ((exponent + 127) << 23u32).bitcast();
    mantissa * power
}

/// The natural logarithm of `x`, which is above 0 and a normal number.
#[inline(always)]
fn ln<S: Simd>(simd: S, x: F32s<S>) -> F32s<S> {
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let bits: I32s<S> = x.bitcast();
    // A mantissa from half to one.
    let mantissa: F32s<S> = ((bits & 0x007F_FFFF) | 0x3F00_0000).bitcast();
    let exponent: F32s<S> = ((bits >> 23u32) - 126).to_float();
    let is_low = mantissa.simd_lt(f32s(simd, std::f32::consts::FRAC_1_SQRT_2));
    let exponent = is_low.select(exponent - 1.0, exponent);
    let rest = is_low.select((mantissa + mantissa) - 1.0, mantissa - 1.0);
    let square = rest * rest;
    // The minimax polynomial of Cephes' logf.
    let mut sum = rest * 7.037_683_6e-2 - 0.115_146_1;
    let terms =
        [0.116_769_99, -0.124_201_41, 0.142_493_23, -0.166_680_57, 0.200_007_15, -0.249_999_94, 0.333_333_3];
    for term in terms {
        sum = sum * rest + term;
    }
    let tail = ((sum * rest) * square + exponent * LN_2_LOW) - square * 0.5;
    (rest + tail) + exponent * LN_2_HIGH
}

/// Up to this power, factors are multiplied: as most highlights are.
const MOST_FACTORS: f32 = 256.0;

/// What is smaller counts as nothing: so that no square of it is too small for the fast instructions.
const LEAST_FACTOR: f32 = 1e-18;

/// `x^power`, by squares.
#[inline(always)]
fn whole_pow<S: Simd>(simd: S, x: F32s<S>, power: u32) -> F32s<S> {
    let none = f32s(simd, 0.0);
    let (mut raised, mut square, mut left) = (f32s(simd, 1.0), x, power);
    while left > 0 {
        if left & 1 == 1 {
            raised *= square;
        }
        square *= square;
        square = square.simd_gt(LEAST_FACTOR).select(square, none);
        raised = raised.simd_gt(LEAST_FACTOR).select(raised, none);
        left >>= 1;
    }
    raised
}

/// `x^power` for x from 0 to 1 and a power above 0; what is below [`LEAST_FACTOR`] may be 0.
#[inline(always)]
pub(crate) fn pow<S: Simd>(simd: S, x: F32s<S>, power: f32) -> F32s<S> {
    if power.fract() == 0.0 && (1.0..=MOST_FACTORS).contains(&power) {
        return whole_pow(simd, x, power as u32);
    }
    let least_normal = f32s(simd, f32::MIN_POSITIVE);
    let raised = exp(simd, ln(simd, most(x, least_normal)) * power);
    x.simd_gt(least_normal).select(raised, f32s(simd, 0.0))
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};

    use super::*;

    #[test]
    fn powers_are_those_of_the_library() {
        let checked = |x: f32| dispatch!(Level::new(), simd => exp(simd, f32s(simd, x)).to_array()[3]);
        for n in 0..10_000 {
            let x = -(n as f32) * 0.0087;
            let (found, exact) = (f64::from(checked(x)), f64::from(x).exp());
            assert!((found - exact).abs() <= 2e-7 * exact + 1e-37, "{x}: {found} {exact}");
        }
        assert_eq!(checked(0.0), 1.0);
        let raised =
            |x: f32, p: f32| dispatch!(Level::new(), simd => pow(simd, f32s(simd, x), p).to_array()[3]);
        for power in [0.5, 1.0, 15.5, 16.0, 32.0, 99.0, 100.5, 256.0, 257.0] {
            for n in 1..=1000 {
                let x = n as f32 / 1000.0;
                let (found, exact) = (f64::from(raised(x, power)), f64::from(x).powf(f64::from(power)));
                // The logarithm's rounding counts `power` times.
                assert!(
                    (found - exact).abs() <= 2e-5 * exact + f64::from(LEAST_FACTOR),
                    "{x} ^ {power}: {found} {exact}"
                );
            }
            assert_eq!(raised(0.0, power), 0.0);
        }
    }
}
