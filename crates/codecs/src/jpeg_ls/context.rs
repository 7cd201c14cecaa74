//! Statistics of past prediction errors, which steer the coding of the next (T.87 A.2, A.6, A.7.2).

use super::parameters::Parameters;

/// Contexts of the regular mode: 9 regions for each of three gradients, up to the sign of all.
pub(super) const REGULAR_CONTEXTS: usize = 1 + (9 * 9 * 9 - 1) / 2;

/// One context of the regular mode.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// Sum of the errors' sizes, A. It stays below 2^32: RESET errors of at most RANGE, both up to 65536.
    sizes: u32,
    /// Sum of the errors in sample units, B.
    bias: i32,
    /// Number of errors, N.
    count: u32,
    /// What the prediction is corrected by, C.
    pub(super) correction: i16,
    /// The Golomb code's order for the next error, k (T.87 A.5.1).
    pub(super) order: u8,
    /// All ones where the next error is mapped the other way round (T.87 A.5.2), otherwise 0.
    pub(super) inversion: i8,
}

impl Context {
    pub(super) fn new(parameters: &Parameters) -> Self {
        let sizes = initial_sizes(parameters);
        // B is 0 and N is 1, so that nothing is inverted.
        Self { sizes, bias: 0, count: 1, correction: 0, order: order(sizes, 1) as u8, inversion: 0 }
    }

    /// Takes an error into account, and prepares the next (T.87 A.6).
    ///
    /// Order and inversion are prepared here because nothing waits for them, while the next sample would.
    #[inline(always)]
    pub(super) fn update<const BY_MASK: bool>(&mut self, error: i32, parameters: &Parameters) {
        let mut sizes = self.sizes + error.unsigned_abs();
        let mut bias = self.bias + if BY_MASK { error } else { error * parameters.step };
        let mut count = self.count;
        if count == parameters.reset {
            sizes >>= 1;
            bias >>= 1;
            count >>= 1;
        }
        count += 1;
        let n = count.cast_signed();
        let change = i32::from(bias > 0) - i32::from(bias <= -n);
        self.correction = (i32::from(self.correction) + change).clamp(-128, 127) as i16;
        bias = (bias - n * change).clamp(1 - n, 0);
        let k = adjusted_order(self.order.into(), sizes, count);
        let inverted = (k == 0) & (BY_MASK || parameters.near == 0) & (2 * bias <= -n);
        (self.sizes, self.bias, self.count) = (sizes, bias, count);
        (self.order, self.inversion) = (k as u8, -i8::from(inverted));
    }
}

/// One of the two contexts for the sample that interrupts a run.
#[derive(Clone, Copy)]
pub(super) struct RunContext {
    sizes: u32,
    count: u32,
    /// Number of negative errors, Nn.
    negatives: u32,
    /// 1 where both neighbours are alike, otherwise 0: RItype.
    kind: u32,
}

impl RunContext {
    pub(super) fn new(parameters: &Parameters, kind: u32) -> Self {
        Self { sizes: initial_sizes(parameters), count: 1, negatives: 0, kind }
    }

    /// The Golomb code's order for the next error (T.87 A.7.2).
    pub(super) fn order(&self) -> u32 {
        let sizes = if self.kind == 1 { self.sizes + (self.count >> 1) } else { self.sizes };
        order(sizes, self.count)
    }

    /// The error that a mapped error stands for (T.87 A.7.2.1 backwards).
    pub(super) fn error(&self, mapped: u32, order: u32) -> i32 {
        let doubled = mapped + self.kind;
        let odd = doubled & 1 == 1;
        let size = doubled.div_ceil(2).cast_signed();
        let negative_if_odd = order != 0 || 2 * self.negatives >= self.count;
        if odd == negative_if_odd { -size } else { size }
    }

    /// Takes an error into account (T.87 A.7.2.2).
    pub(super) fn update(&mut self, error: i32, mapped: u32, parameters: &Parameters) {
        self.negatives += u32::from(error < 0);
        self.sizes += (mapped + 1 - self.kind) >> 1;
        if self.count == parameters.reset {
            self.sizes >>= 1;
            self.count >>= 1;
            self.negatives >>= 1;
        }
        self.count += 1;
    }
}

fn initial_sizes(parameters: &Parameters) -> u32 {
    ((parameters.range + 32) / 64).max(2).unsigned_abs()
}

/// The least `k` for which `count << k` reaches `sizes`.
#[inline(always)]
fn order(sizes: u32, count: u32) -> u32 {
    let k = count.leading_zeros().saturating_sub((sizes | 1).leading_zeros());
    k + u32::from(count << k < sizes)
}

/// [`order`], where `k` is the order before the last error and most likely still right.
#[inline(always)]
fn adjusted_order(k: u32, sizes: u32, count: u32) -> u32 {
    let reach = count << k;
    if sizes <= reach && (sizes > reach >> 1 || k == 0) { k } else { order(sizes, count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_least_that_reaches_the_sum() {
        for count in 1..70u32 {
            for sizes in (0..5000).chain(0xFFFF_0000..0xFFFF_0010) {
                let least = (0..40).find(|&k| u64::from(count) << k >= u64::from(sizes)).unwrap();
                assert_eq!(order(sizes, count), least, "{sizes} over {count}");
                for previous in 0..20 {
                    assert_eq!(adjusted_order(previous, sizes, count), least, "{sizes} over {count}");
                }
            }
        }
    }
}
