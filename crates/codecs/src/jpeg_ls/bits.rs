//! Reading bits out of the coded samples (T.87 A.1, D.1).

use super::parameters::Parameters;
use crate::error::Defect;

/// Bits that are at hand after [`BitReader::ensure`].
const ENSURED: u32 = 32;

/// A reader that stops in front of the next marker and from there on gives zeros.
///
/// The zeros keep the check for the end out of the inner loop: whoever reads a line asks [`BitReader::overrun`]
/// afterwards. The reader is `Copy`, and its slow paths take and return it by value, so that it can live in
/// registers.
#[derive(Clone, Copy)]
pub(super) struct BitReader<'a> {
    codestream: &'a [u8],
    /// The next byte to be taken.
    position: usize,
    /// Bits at hand, from the most significant bit on; zeros behind them.
    cache: u64,
    available: u32,
    /// Zeros that were added behind the last bit of the scan.
    invented: u64,
}

impl<'a> BitReader<'a> {
    /// A reader from the first coded byte on, which stands behind some marker segment.
    pub(super) fn new(codestream: &'a [u8], position: usize) -> Self {
        Self { codestream, position, cache: 0, available: 0, invented: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether bits were taken that the scan does not have.
    pub(super) fn overrun(&self) -> bool {
        self.invented > u64::from(self.available)
    }

    /// The defect that a nonsensical code stands for.
    #[cold]
    pub(super) fn explain(self, defect: Defect) -> Defect {
        if self.overrun() { Defect::Truncated } else { defect }
    }

    /// Fetches bytes until at least 32 bits are at hand.
    #[inline(always)]
    pub(super) fn ensure(&mut self) {
        if self.available < ENSURED {
            self.refill();
        }
    }

    #[inline(always)]
    fn refill(&mut self) {
        let bytes = (63 - self.available) / 8;
        let previous = self.codestream.get(self.position.wrapping_sub(1));
        if let Some(window) = self.codestream.get(self.position..).and_then(|rest| rest.first_chunk::<8>())
            && previous != Some(&0xFF)
        {
            let word = u64::from_be_bytes(*window) & (u64::MAX << (64 - 8 * bytes));
            if !contains_ff(word) {
                self.cache |= word >> self.available;
                self.available += 8 * bytes;
                self.position += bytes as usize;
                return;
            }
        }
        *self = self.refilled_bytewise();
    }

    /// Fetches single bytes, minding the zero bit that follows each 0xFF (T.87 D.1) and the end of the scan.
    #[inline(never)]
    fn refilled_bytewise(mut self) -> Self {
        while self.available <= 56 {
            let stuffed = self.codestream.get(self.position.wrapping_sub(1)) == Some(&0xFF);
            let byte = match self.codestream.get(self.position..) {
                Some([0xFF, next, ..]) if *next < 0x80 => 0xFF,
                None | Some([] | [0xFF, ..]) => {
                    self.invented += u64::from(64 - self.available);
                    self.available = 64;
                    break;
                }
                Some([byte, ..]) => *byte,
            };
            let bits = if stuffed { 7 } else { 8 };
            self.available += bits;
            self.cache |= u64::from(byte) << (64 - self.available);
            self.position += 1;
        }
        self
    }

    /// Takes up to 31 bits, which must be at hand.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        let value = ((self.cache >> 1) >> (63 - bits)) as u32;
        self.cache <<= bits;
        self.available -= bits;
        value
    }

    /// Takes a limited-length Golomb code of the order `k` (T.87 A.5.3).
    ///
    /// `escape` is the number of leading zeros that announces a value that is written out.
    #[inline(always)]
    pub(super) fn take_golomb(
        &mut self,
        k: u32,
        escape: u32,
        parameters: &Parameters,
    ) -> Result<u32, Defect> {
        self.ensure();
        let zeros = self.cache.leading_zeros();
        let length = zeros + 1 + k;
        let value = if length <= escape.min(ENSURED) {
            let rest = (self.cache << zeros) << 1;
            self.cache = rest << k;
            self.available -= length;
            (zeros << k) | ((rest >> 1) >> (63 - k)) as u32
        } else {
            let value;
            (value, *self) = self.long_golomb(k, escape, parameters.error_bits)?;
            value
        };
        if value > parameters.max_mapped_error {
            return Err(self.explain(Defect::PredictionError));
        }
        Ok(value)
    }

    #[inline(never)]
    fn long_golomb(mut self, k: u32, escape: u32, error_bits: u32) -> Result<(u32, Self), Defect> {
        self = self.refilled_bytewise();
        let zeros = self.cache.leading_zeros();
        // Valid prefixes have at most 47 zeros, and 57 bits are at hand.
        if zeros > escape {
            self.available = 0;
            return Err(self.explain(Defect::PredictionError));
        }
        self.cache = (self.cache << zeros) << 1;
        self.available -= zeros + 1;
        self = self.refilled_bytewise();
        let value = if zeros < escape { (zeros << k) + self.take(k) } else { self.take(error_bits) + 1 };
        Ok((value, self))
    }

    /// Goes to the marker behind the scan or restart interval, which must be all read.
    pub(super) fn finish(mut self) -> Result<usize, Defect> {
        if self.overrun() {
            return Err(Defect::Truncated);
        }
        self = self.refilled_bytewise();
        // An encoder whose last byte is 0xFF adds another one, so that the marker stays recognisable.
        let last = self.position.checked_sub(2).and_then(|last| self.codestream.get(last));
        let padding = if last == Some(&0xFF) { 7 + 7 } else { 7 };
        let unread = u64::from(self.available) - self.invented;
        if self.invented == 0 || unread > padding { Err(Defect::TooLong) } else { Ok(self.position) }
    }
}

/// Whether one of the bytes of `word` is 0xFF.
#[inline(always)]
fn contains_ff(word: u64) -> bool {
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
        let mut bits = BitReader::new(&[0xFF, 0x55, 0xA0, 0xFF, 0xD9, 0x77], 0);
        bits.ensure();
        assert_eq!(bits.take(8), 0xFF);
        assert_eq!(bits.take(7), 0x55);
        assert_eq!(bits.take(8), 0xA0);
        assert!(!bits.overrun());
        assert_eq!(bits.finish(), Ok(3));
        assert_eq!(bits.take(1), 0);
        assert!(bits.overrun());
        assert_eq!(bits.finish(), Err(Defect::Truncated));
    }

    #[test]
    fn both_ways_to_refill_agree() {
        let data: Vec<u8> = (0..64u32).map(|i| (i * 167 % 255) as u8).collect();
        let (mut fast, mut slow) = (BitReader::new(&data, 0), BitReader::new(&data, 0));
        for step in 0..30 {
            fast.ensure();
            slow = slow.refilled_bytewise();
            assert_eq!(fast.take(step % 17), slow.take(step % 17));
        }
    }

    #[test]
    fn unread_data_is_noticed() {
        let mut bits = BitReader::new(&[0x12, 0x34, 0xFF, 0xD9], 0);
        bits.ensure();
        bits.take(8);
        assert_eq!(bits.finish(), Err(Defect::TooLong));
        bits.take(1);
        assert_eq!(bits.finish(), Ok(2));
    }
}
