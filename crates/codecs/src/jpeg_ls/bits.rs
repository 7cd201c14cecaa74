//! Reading bits out of the coded samples (T.87 A.1, D.1).

use super::parameters::Parameters;
use crate::error::Defect;

/// Bits that are at hand after [`Bits::ensure`].
const ENSURED: u32 = 32;

/// Leading zeros of a byte; more than any code has where it is all zeros.
///
/// Without the instructions of newer processors, which a portable build lacks, this is faster than to count.
const LEADING_ZEROS: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut byte = 1;
    while byte < 256 {
        table[byte] = (byte as u8).leading_zeros() as u8;
        byte += 1;
    }
    table
};

/// Where bits come from: the bytes up to the next marker, and from there on zeros.
///
/// The zeros keep the check for the end out of the inner loop: whoever reads a line asks [`Source::overrun`]
/// afterwards.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    codestream: &'a [u8],
    /// The next byte to be taken.
    position: usize,
    /// Zeros that were added behind the last bit of the scan.
    invented: u64,
}

/// Bits at hand: small and handed on by value, so that they can live in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    /// From the most significant bit on; zeros behind them.
    cache: u64,
    available: u32,
}

impl<'a> Source<'a> {
    /// A source from the first coded byte on, which stands behind some marker segment.
    pub(super) fn new(codestream: &'a [u8], position: usize) -> Self {
        Self { codestream, position, invented: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether bits were taken that the scan does not have.
    pub(super) fn overrun(&self, bits: Bits) -> bool {
        self.invented > u64::from(bits.available)
    }

    /// The defect that a nonsensical code stands for.
    #[cold]
    pub(super) fn explain(&self, bits: Bits, defect: Defect) -> Defect {
        if self.overrun(bits) { Defect::Truncated } else { defect }
    }

    /// Adds bytes to less than 32 bits.
    #[inline(always)]
    fn refill(&mut self, bits: Bits) -> Bits {
        let bytes = (63 - bits.available) / 8;
        let previous = self.codestream.get(self.position.wrapping_sub(1));
        if let Some(window) = self.codestream.get(self.position..).and_then(|rest| rest.first_chunk::<8>())
            && previous != Some(&0xFF)
        {
            let word = u64::from_be_bytes(*window) & (u64::MAX << (64 - 8 * bytes));
            if !contains_ff(word) {
                self.position += bytes as usize;
                let cache = bits.cache | word >> bits.available;
                return Bits { cache, available: bits.available + 8 * bytes };
            }
        }
        self.refill_bytewise(bits)
    }

    /// Adds single bytes, minding the zero bit that follows each 0xFF (T.87 D.1) and the end of the scan.
    ///
    /// At least 57 bits are at hand afterwards.
    #[inline(never)]
    fn refill_bytewise(&mut self, mut bits: Bits) -> Bits {
        while bits.available <= 56 {
            let stuffed = self.codestream.get(self.position.wrapping_sub(1)) == Some(&0xFF);
            let byte = match self.codestream.get(self.position..) {
                Some([0xFF, next, ..]) if *next < 0x80 => 0xFF,
                None | Some([] | [0xFF, ..]) => {
                    self.invented += u64::from(64 - bits.available);
                    bits.available = 64;
                    break;
                }
                Some([byte, ..]) => *byte,
            };
            bits.available += if stuffed { 7 } else { 8 };
            bits.cache |= u64::from(byte) << (64 - bits.available);
            self.position += 1;
        }
        bits
    }

    /// The position of the marker behind the scan or restart interval, which must be all read.
    pub(super) fn finish(mut self, bits: Bits) -> Result<usize, Defect> {
        if self.overrun(bits) {
            return Err(Defect::Truncated);
        }
        let bits = self.refill_bytewise(bits);
        // An encoder whose last byte is 0xFF adds another one, so that the marker stays recognisable.
        let last = self.position.checked_sub(2).and_then(|last| self.codestream.get(last));
        let padding = if last == Some(&0xFF) { 7 + 7 } else { 7 };
        let unread = u64::from(bits.available) - self.invented;
        if self.invented == 0 || unread > padding { Err(Defect::TooLong) } else { Ok(self.position) }
    }

    /// Takes a Golomb code that is too long for [`Bits::take_golomb`].
    #[inline(never)]
    fn long_golomb(
        &mut self,
        mut bits: Bits,
        k: u32,
        escape: u32,
        error_bits: u32,
    ) -> Result<(u32, Bits), Defect> {
        bits = self.refill_bytewise(bits);
        let zeros = bits.cache.leading_zeros();
        // Valid prefixes have at most 47 zeros, and 57 bits are at hand.
        if zeros > escape {
            bits.available = 0;
            return Err(self.explain(bits, Defect::PredictionError));
        }
        bits.take(zeros);
        bits.take(1);
        bits = self.refill_bytewise(bits);
        let value = if zeros < escape { (zeros << k) + bits.take(k) } else { bits.take(error_bits) + 1 };
        Ok((value, bits))
    }
}

impl Bits {
    pub(super) const NONE: Self = Self { cache: 0, available: 0 };

    /// Sees to it that 32 bits are at hand.
    #[inline(always)]
    pub(super) fn ensure(&mut self, source: &mut Source<'_>) {
        if self.available < ENSURED {
            *self = source.refill(*self);
        }
    }

    /// Takes bits, which must be at hand, and returns the last 32 of them.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        let value = ((self.cache >> 1) >> (63 - bits)) as u32;
        self.cache <<= bits;
        self.available -= bits;
        value
    }

    /// Takes a limited-length Golomb code of the order `k` (T.87 A.5.3).
    ///
    /// `escape` is the number of leading zeros that announces a value that is written out. `k` is at most 17.
    #[inline(always)]
    pub(super) fn take_golomb(
        &mut self,
        source: &mut Source<'_>,
        k: u32,
        escape: u32,
        parameters: &Parameters,
    ) -> Result<u32, Defect> {
        self.ensure(source);
        let zeros = u32::from(LEADING_ZEROS[usize::from((self.cache >> 56) as u8)]);
        let value = if zeros < escape {
            let rest = (self.cache << zeros) << 1;
            self.cache = rest << k;
            self.available -= zeros + 1 + k;
            (zeros << k) | ((rest >> 1) >> (63 - k)) as u32
        } else {
            let value;
            (value, *self) = source.long_golomb(*self, k, escape, parameters.error_bits)?;
            value
        };
        if value > parameters.max_mapped_error {
            return Err(source.explain(*self, Defect::PredictionError));
        }
        Ok(value)
    }
}

/// Whether one of the bytes of `word` is 0xFF.
#[inline(always)]
pub(crate) fn contains_ff(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    (!word).wrapping_sub(ONES) & word & (ONES << 7) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_of_ones_is_seen_in_any_place() {
        for place in 0..8 {
            assert!(contains_ff(0xFF << (8 * place)));
            assert!(contains_ff(!(1 << (8 * ((place + 1) % 8)))));
        }
        assert!(!contains_ff(0xFEFD_7F80_00FE_FE7F));
        assert!(!contains_ff(0));
    }

    /// T.87 D.1: the bit behind eight ones is stuffed and no part of the data.
    #[test]
    fn stuffed_bits_are_dropped_and_markers_end_the_data() {
        let (mut source, mut bits) = (Source::new(&[0xFF, 0x55, 0xA0, 0xFF, 0xD9, 0x77], 0), Bits::NONE);
        bits.ensure(&mut source);
        assert_eq!(bits.take(8), 0xFF);
        assert_eq!(bits.take(7), 0x55);
        assert_eq!(bits.take(8), 0xA0);
        assert!(!source.overrun(bits));
        assert_eq!(source.finish(bits), Ok(3));
        assert_eq!(bits.take(1), 0);
        assert!(source.overrun(bits));
        assert_eq!(source.finish(bits), Err(Defect::Truncated));
    }

    #[test]
    fn both_ways_to_refill_agree() {
        let data: Vec<u8> = (0..64u32).map(|i| (i * 167 % 255) as u8).collect();
        let (mut words, mut bytes) = (Source::new(&data, 0), Source::new(&data, 0));
        let (mut fast, mut slow) = (Bits::NONE, Bits::NONE);
        for step in 0..30 {
            fast.ensure(&mut words);
            slow = bytes.refill_bytewise(slow);
            assert_eq!(fast.take(step % 17), slow.take(step % 17));
        }
    }

    #[test]
    fn unread_data_is_noticed() {
        let (mut source, mut bits) = (Source::new(&[0x12, 0x34, 0xFF, 0xD9], 0), Bits::NONE);
        bits.ensure(&mut source);
        bits.take(8);
        assert_eq!(source.finish(bits), Err(Defect::TooLong));
        bits.take(1);
        assert_eq!(source.finish(bits), Ok(2));
    }
}
