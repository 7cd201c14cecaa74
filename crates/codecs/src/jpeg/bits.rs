//! Reading bits out of entropy-coded segments (T.81 F.2.2.5).

use crate::error::Defect;
use crate::jpeg_ls::contains_ff;

/// Bits that are at hand after [`Bits::ensure`]: a Huffman code and the bits of its value.
const ENSURED: u32 = 32;

/// Bits left over at the end of an interval beyond which something must have gone wrong.
const MOST_UNREAD: u32 = 64;

/// The bits up to the next marker, and zeros behind them.
///
/// The zeros keep the check for the end out of the inner loops: whoever has read a row asks [`Bits::overrun`].
pub(super) struct Bits<'a> {
    codestream: &'a [u8],
    /// The next byte to be taken.
    position: usize,
    /// From the most significant bit on; zeros behind them.
    cache: u64,
    available: u32,
    /// Zeros that were added behind the last bit, at most.
    invented: u64,
}

impl<'a> Bits<'a> {
    pub(super) fn new(codestream: &'a [u8], position: usize) -> Self {
        Self { codestream, position, cache: 0, available: 0, invented: 0 }
    }

    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// Whether bits were taken that the interval does not have.
    pub(super) fn overrun(&self) -> bool {
        self.invented > u64::from(self.available)
    }

    /// The defect that nonsense stands for.
    #[cold]
    pub(super) fn explain(&self, defect: Defect) -> Defect {
        if self.overrun() { Defect::Truncated } else { defect }
    }

    /// Sees to it that 32 bits are at hand.
    #[inline(always)]
    pub(super) fn ensure(&mut self) {
        if self.available < ENSURED {
            self.refill();
        }
    }

    #[inline(always)]
    fn refill(&mut self) {
        let bytes = (63 - self.available) / 8;
        if let Some(window) = self.codestream.get(self.position..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_be_bytes(*window) & (u64::MAX << (64 - 8 * bytes));
            if !contains_ff(word) {
                self.position += bytes as usize;
                self.cache |= word >> self.available;
                self.available += 8 * bytes;
                return;
            }
        }
        self.refill_bytewise();
    }

    /// Adds single bytes, minding the zero byte that follows each 0xFF and the marker that ends the interval.
    #[inline(never)]
    fn refill_bytewise(&mut self) {
        while self.available <= 56 {
            let (byte, taken) = match self.codestream.get(self.position..) {
                Some([0xFF, 0x00, ..]) => (0xFF, 2),
                None | Some([] | [0xFF, ..]) => {
                    self.invented += u64::from(64 - self.available);
                    self.available = 64;
                    return;
                }
                Some([byte, ..]) => (*byte, 1),
            };
            self.available += 8;
            self.cache |= u64::from(byte) << (64 - self.available);
            self.position += taken;
        }
    }

    /// The next 16 bits, which must be at hand and stay there.
    #[inline(always)]
    pub(super) fn peek16(&self) -> u32 {
        (self.cache >> 48) as u32
    }

    /// The next `bits` bits, 1 to 16, which must be at hand and stay there.
    #[inline(always)]
    pub(super) fn peek(&self, bits: u32) -> usize {
        (self.cache >> (64 - bits)) as usize
    }

    /// Drops bits, which must be at hand.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.cache <<= bits;
        self.available -= bits;
    }

    /// Takes up to 16 bits, which must be at hand.
    #[inline(always)]
    pub(super) fn take(&mut self, bits: u32) -> u32 {
        let value = ((self.cache >> 1) >> (63 - bits)) as u32;
        self.skip(bits);
        value
    }

    /// Takes a difference of `bits` bits, up to 16, which must be at hand (T.81 F.2.2.1, H.1.2.2).
    #[inline(always)]
    pub(super) fn take_signed(&mut self, bits: u32) -> i32 {
        if bits == 0 {
            return 0;
        }
        let value = self.take(bits).cast_signed();
        // Without its top bit set, it stands for a negative number.
        if value < 1 << (bits - 1) { value - (1 << bits) + 1 } else { value }
    }

    /// The position of the marker behind the interval, of which everything must be read.
    pub(super) fn finish(&mut self) -> Result<usize, Defect> {
        if self.overrun() {
            return Err(Defect::Truncated);
        }
        let unread = self.available - self.invented as u32;
        let rest = self.codestream.get(self.position..).unwrap_or_default();
        let is_marker = |pair: &[u8; 2]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xFF);
        let mut pairs = rest.array_windows::<2>();
        let skipped = pairs.position(is_marker).unwrap_or(rest.len());
        if unread + 8 * u32::try_from(skipped).unwrap_or(u32::MAX / 16) > MOST_UNREAD {
            return Err(Defect::TooLong);
        }
        Ok(self.position + skipped)
    }

    /// Goes on behind the restart marker with the given number, 0 to 7 (T.81 E.2.4).
    pub(super) fn restart(&mut self, number: u8) -> Result<(), Defect> {
        let marker = self.finish()?;
        if self.codestream.get(marker + 1) != Some(&(0xD0 | number)) {
            let ended = marker + 1 >= self.codestream.len();
            return Err(if ended { Defect::Truncated } else { Defect::RestartMarker });
        }
        *self = Self::new(self.codestream, marker + 2);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stuffed_bytes_are_dropped_and_markers_end_the_data() {
        let mut bits = Bits::new(&[0xFF, 0x00, 0x5A, 0xFF, 0xD0, 0x80, 0xFF, 0xD9], 0);
        bits.ensure();
        assert_eq!((bits.take(8), bits.take(8)), (0xFF, 0x5A));
        assert!(!bits.overrun());
        assert_eq!(bits.restart(0), Ok(()));
        bits.ensure();
        assert_eq!(bits.take(1), 1);
        assert_eq!(bits.finish(), Ok(6));
        assert_eq!(bits.restart(1), Err(Defect::RestartMarker));
        assert_eq!(bits.take(8), 0);
        assert!(bits.overrun());
        assert_eq!(bits.finish(), Err(Defect::Truncated));
    }

    /// T.81 F.2.2.1: half of the values of a size are negative.
    #[test]
    fn signed_values() {
        let mut bits = Bits::new(&[0b0110_0011, 0b1000_0000, 0, 0, 0, 0, 0, 0], 0);
        bits.ensure();
        assert_eq!((bits.take_signed(1), bits.take_signed(1), bits.take_signed(2)), (-1, 1, 2));
        assert_eq!((bits.take_signed(0), bits.take_signed(4), bits.take_signed(2)), (0, -12, 2));
    }

    #[test]
    fn both_ways_to_refill_agree() {
        let data: Vec<u8> = (0..64u32).map(|i| (i * 167 % 255) as u8).collect();
        let (mut fast, mut slow) = (Bits::new(&data, 0), Bits::new(&data, 0));
        for step in 0..30 {
            fast.ensure();
            slow.refill_bytewise();
            assert_eq!(fast.take(step % 17), slow.take(step % 17));
        }
    }
}
