//! Huffman tables (T.81 Annex C) and decoding with them (F.2.2.3).

use super::bits::Bits;
use crate::error::Defect;

/// Codes of up to this many bits are looked up at once.
const LOOKUP_BITS: u32 = 9;
/// The same for a code together with the bits of its difference.
const DIFFERENCE_BITS: u32 = 12;
const LONGEST_CODE: usize = 16;

/// One Huffman table.
#[derive(Clone)]
pub(super) struct Huffman {
    /// By the next bits: the code's length and, in the low byte, its symbol; 0 where the code is longer.
    lookup: Box<[u16; 1 << LOOKUP_BITS]>,
    /// By length: where, among 16 bits, the codes of greater length begin.
    limits: [u32; LONGEST_CODE + 1],
    /// By length: from a code to the place of its symbol.
    offsets: [i32; LONGEST_CODE + 1],
    symbols: Vec<u8>,
}

impl Huffman {
    /// A table from the number of its codes of each length, and its symbols.
    pub(super) fn new(counts: &[u8; LONGEST_CODE], symbols: &[u8]) -> Result<Self, Defect> {
        let mut table = Self {
            lookup: Box::new([0; 1 << LOOKUP_BITS]),
            limits: [0; LONGEST_CODE + 1],
            offsets: [0; LONGEST_CODE + 1],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut place) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            code <<= 1;
            table.offsets[length as usize] = place as i32 - code.cast_signed();
            for _ in 0..count {
                if code >= 1 << length {
                    return Err(Defect::HuffmanTable);
                }
                let &symbol = symbols.get(place).ok_or(Defect::HuffmanTable)?;
                if length <= LOOKUP_BITS {
                    let first = (code << (LOOKUP_BITS - length)) as usize;
                    let entries = table.lookup.get_mut(first..first + (1 << (LOOKUP_BITS - length)));
                    entries.unwrap_or_default().fill((length as u16) << 8 | u16::from(symbol));
                }
                (code, place) = (code + 1, place + 1);
            }
            table.limits[length as usize] = code << (LONGEST_CODE as u32 - length);
        }
        Ok(table)
    }

    /// The length and symbol of the code at the start of 16 bits.
    #[inline(always)]
    fn look_up(&self, bits: u32) -> Option<(u32, u8)> {
        let entry = self.lookup[(bits >> (16 - LOOKUP_BITS)) as usize & ((1 << LOOKUP_BITS) - 1)];
        if entry != 0 { Some((u32::from(entry >> 8), entry as u8)) } else { self.search(bits) }
    }

    #[inline(never)]
    fn search(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (1..=LONGEST_CODE).find(|&length| bits < self.limits[length])?;
        let code = (bits >> (LONGEST_CODE - length)).cast_signed();
        let place = usize::try_from(code + self.offsets[length]).ok()?;
        Some((length as u32, *self.symbols.get(place)?))
    }

    /// Takes a code, for which 16 bits must be at hand.
    #[inline(always)]
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Result<u8, Defect> {
        let Some((length, symbol)) = self.look_up(bits.peek16()) else {
            return Err(bits.explain(Defect::HuffmanCode));
        };
        bits.skip(length);
        Ok(symbol)
    }
}

/// A Huffman table for differences of samples, by code and value together (T.81 H.1.2.2).
pub(super) struct Differences<'a> {
    /// By the next bits: the difference in the high half, the number of bits in the low one, 0 where they are more.
    lookup: Box<[u32; 1 << DIFFERENCE_BITS]>,
    table: &'a Huffman,
}

impl<'a> Differences<'a> {
    pub(super) fn new(table: &'a Huffman) -> Self {
        let mut lookup = Box::new([0; 1 << DIFFERENCE_BITS]);
        for (index, entry) in (0u32..).zip(lookup.iter_mut()) {
            let bits = index << (16 - DIFFERENCE_BITS);
            let Some((length, size)) = table.look_up(bits) else { continue };
            let size = u32::from(size);
            if length + size > DIFFERENCE_BITS {
                continue;
            }
            let value = (bits << length & 0xFFFF) >> (16 - size);
            let half = (1 << size) >> 1;
            let difference = if value < half { value.wrapping_sub(2 * half) + 1 } else { value };
            *entry = difference << 16 | (length + size);
        }
        Self { lookup, table }
    }

    /// Takes a difference, modulo 2^16.
    #[inline(always)]
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Result<u16, Defect> {
        bits.ensure();
        let entry = self.lookup[bits.peek(DIFFERENCE_BITS) & ((1 << DIFFERENCE_BITS) - 1)];
        if entry == 0 {
            return self.decode_long(bits);
        }
        bits.skip(entry & 0xFF);
        Ok((entry >> 16) as u16)
    }

    #[inline(never)]
    fn decode_long(&self, bits: &mut Bits<'_>) -> Result<u16, Defect> {
        match self.table.decode(bits)? {
            // Half of the range, either way, has no bits of its own.
            16 => Ok(1 << 15),
            size @ 0..16 => Ok(bits.take_signed(size.into()) as u16),
            _ => Err(bits.explain(Defect::Coefficient)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// T.81 K.3.1: the table for the luminance's DC coefficients.
    const COUNTS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
    const SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

    #[test]
    fn codes_of_the_standards_table() {
        let table = Huffman::new(&COUNTS, &SYMBOLS).unwrap();
        assert_eq!(table.look_up(0b0000_0000_0000_0000), Some((2, 0)));
        assert_eq!(table.look_up(0b1101_1111_1111_1111), Some((3, 5)));
        assert_eq!(table.look_up(0b1110_0000_0000_0000), Some((4, 6)));
        assert_eq!(table.look_up(0b1111_1111_0000_0000), Some((9, 11)));
        assert_eq!(table.look_up(0b1111_1111_1000_0000), None);
        assert_eq!(table.search(0b1101_1111_1111_1111), Some((3, 5)));
    }

    #[test]
    fn long_codes_are_found() {
        let mut counts = [0; 16];
        (counts[0], counts[15]) = (1, 2);
        let table = Huffman::new(&counts, &[7, 8, 9]).unwrap();
        assert_eq!(table.look_up(0x7FFF), Some((1, 7)));
        assert_eq!(table.look_up(0x8000), Some((16, 8)));
        assert_eq!(table.look_up(0x8001), Some((16, 9)));
        assert_eq!(table.look_up(0x8002), None);
    }

    #[test]
    fn too_many_codes_are_refused() {
        let mut counts = [0; 16];
        counts[0] = 3;
        assert!(matches!(Huffman::new(&counts, &[1, 2, 3]), Err(Defect::HuffmanTable)));
        assert!(matches!(Huffman::new(&COUNTS, &SYMBOLS[..11]), Err(Defect::HuffmanTable)));
    }

    #[test]
    fn differences_are_the_same_short_and_long() {
        let table = Huffman::new(&COUNTS, &SYMBOLS).unwrap();
        let differences = Differences::new(&table);
        let data: Vec<u8> = (0..400u32).map(|i| (i * 73 % 251) as u8).collect();
        let (mut fast, mut slow) = (Bits::new(&data, 0), Bits::new(&data, 0));
        for _ in 0..300 {
            slow.ensure();
            assert_eq!(differences.decode(&mut fast).unwrap(), differences.decode_long(&mut slow).unwrap());
        }
    }
}
