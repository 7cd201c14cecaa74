//! Compression of filtered pictures (RFC 1950, RFC 1951): Huffman codes and runs of zeros.
//!
//! What a filter leaves of a picture are small numbers, and zeros where nothing is seen; longer repetitions are rare, and
//! looking for them is what makes compressors slow. docs/performance.md compares it with others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How a zlib stream begins.
pub(super) const ZLIB_HEADER: [u8; 2] = [0x78, 0x01];
/// An empty last block.
pub(super) const LAST_BLOCK: [u8; 2] = [0x03, 0x00];

/// Literals, the end of the block, and lengths.
const SYMBOLS: usize = 286;
const END_OF_BLOCK: usize = 256;
/// Four codes and what is left of a byte fit into 64 bits.
const LONGEST_CODE: u8 = 12;
/// The longest match.
const LONGEST: usize = 258;
/// The order in which the lengths of the codes of code lengths are stated.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A block that is not the last, of codes of its own, up to a whole byte.
pub(super) fn push_block(out: &mut Vec<u8>, bytes: &[u8]) {
    let mut counts = Counts([0; SYMBOLS]);
    counts.0[END_OF_BLOCK] = 1;
    walk(bytes, &mut counts);
    let codes = Codes::new(&counts.0);
    let mut bits = Bits { codes: &codes, out, buffer: 0, count: 0 };
    bits.header();
    walk(bytes, &mut bits);
    bits.symbol(END_OF_BLOCK);
    // An empty stored block ends at a whole byte.
    bits.put(0, 3);
    bits.flush();
    out.extend_from_slice(&[0, 0, 0xff, 0xff]);
}

/// A whole zlib stream.
pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2);
    out.extend_from_slice(&ZLIB_HEADER);
    push_block(&mut out, bytes);
    out.extend_from_slice(&LAST_BLOCK);
    out.extend_from_slice(&Adler::of(bytes).sum.to_be_bytes());
    out
}

/// The checksum of bytes, and how many they are.
#[derive(Clone, Copy)]
pub(super) struct Adler {
    pub(super) sum: u32,
    len: u64,
}

impl Adler {
    const BASE: u64 = 65521;

    pub(super) const NONE: Self = Self { sum: 1, len: 0 };

    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut adler = simd_adler32::Adler32::new();
        adler.write(bytes);
        Self { sum: adler.finish(), len: bytes.len() as u64 }
    }

    /// Of the bytes of both: with a the sum of the bytes plus 1, b the sum of all a.
    pub(super) fn followed_by(self, next: Self) -> Self {
        let parts = |sum: u32| (u64::from(sum & 0xffff), u64::from(sum >> 16));
        let ((a0, b0), (a1, b1)) = (parts(self.sum), parts(next.sum));
        let a = (a0 + a1 + Self::BASE - 1) % Self::BASE;
        // The second's bytes were summed up from 1, and should have been from a0.
        let b = (b0 + b1 + next.len % Self::BASE * (a0 + Self::BASE - 1)) % Self::BASE;
        Self { sum: (b << 16 | a) as u32, len: self.len + next.len }
    }
}

/// What takes literals and runs of zeros.
trait Sink {
    fn literals(&mut self, bytes: &[u8]);
    fn symbol(&mut self, symbol: usize);
    /// Bits that are not coded: those after the code of a length, with the distance, which is always 1.
    fn extra(&mut self, bits: u64, count: u32);

    fn zeros(&mut self, count: usize) {
        self.symbol(0);
        let mut left = count - 1;
        while left >= LONGEST {
            self.symbol(285);
            self.extra(0, 1);
            left -= LONGEST;
        }
        if left >= 3 {
            let (symbol, bits, count) = length_symbol(left);
            self.symbol(symbol);
            self.extra(bits, count + 1);
        } else {
            (0..left).for_each(|_| self.symbol(0));
        }
    }
}

/// The symbol of a length from 3 to 257, and the bits that follow it.
fn length_symbol(length: usize) -> (usize, u64, u32) {
    let n = length - 3;
    if n < 8 {
        return (257 + n, 0, 0);
    }
    let extra = n.ilog2() - 2;
    (257 + 4 * extra as usize + (n >> extra), (n & ((1 << extra) - 1)) as u64, extra)
}

/// Tells literals and runs of at least eight zeros.
fn walk(bytes: &[u8], sink: &mut impl Sink) {
    let mut rest = bytes;
    // From the start of `rest`, where to look.
    let mut at = 0;
    while let Some(eight) = rest.get(at..at + 8) {
        if eight != [0; 8] {
            at += 8;
            continue;
        }
        let literals = rest[..at].iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let (before, from) = rest.split_at(literals);
        let zeros = count_zeros(from);
        sink.literals(before);
        sink.zeros(zeros);
        rest = &from[zeros..];
        at = 0;
    }
    sink.literals(rest);
}

fn count_zeros(bytes: &[u8]) -> usize {
    let whole = 8 * bytes.as_chunks::<8>().0.iter().take_while(|eight| **eight == [0; 8]).count();
    whole + bytes[whole..].iter().take_while(|&&byte| byte == 0).count()
}

/// How often each symbol occurs.
struct Counts([u32; SYMBOLS]);

impl Sink for Counts {
    fn literals(&mut self, bytes: &[u8]) {
        // Four tables: one would wait for itself where a value repeats.
        let mut tables = [[0; 256]; 4];
        let (fours, rest) = bytes.as_chunks::<4>();
        for four in fours {
            for (table, &byte) in tables.iter_mut().zip(four) {
                table[usize::from(byte)] += 1;
            }
        }
        for &byte in rest {
            tables[0][usize::from(byte)] += 1;
        }
        for table in tables {
            self.0.iter_mut().zip(table).for_each(|(all, count)| *all += count);
        }
    }

    fn symbol(&mut self, symbol: usize) {
        self.0[symbol] += 1;
    }

    fn extra(&mut self, _bits: u64, _count: u32) {}
}

/// A code for each symbol, the first bit lowest, and its length.
struct Codes([(u16, u8); SYMBOLS]);

impl Codes {
    fn new(counts: &[u32; SYMBOLS]) -> Self {
        let lengths = code_lengths(counts);
        let mut codes = [(0, 0); SYMBOLS];
        let mut next = 0u16;
        for length in 1..=LONGEST_CODE {
            next <<= 1;
            for (code, _) in codes.iter_mut().zip(lengths).filter(|(_, of)| *of == length) {
                *code = (next.reverse_bits() >> (16 - length), length);
                next += 1;
            }
        }
        Self(codes)
    }
}

/// The lengths of Huffman codes, at most [`LONGEST_CODE`]; at least two symbols occur.
fn code_lengths(counts: &[u32; SYMBOLS]) -> [u8; SYMBOLS] {
    let mut counts = *counts;
    loop {
        let lengths = huffman(&counts);
        if lengths.iter().all(|&length| length <= LONGEST_CODE) {
            return lengths;
        }
        // Rare symbols become less rare, until no code is too long.
        counts.iter_mut().for_each(|count| *count = count.div_ceil(2));
    }
}

fn huffman(counts: &[u32; SYMBOLS]) -> [u8; SYMBOLS] {
    let mut parents = [0; 2 * SYMBOLS];
    let leaves = counts.iter().enumerate().filter(|(_, count)| **count > 0);
    let mut heap: BinaryHeap<_> = leaves.map(|(n, &count)| Reverse((u64::from(count), n))).collect();
    let mut next = SYMBOLS;
    while let (Some(Reverse((a, m))), Some(Reverse((b, n)))) = (heap.pop(), heap.pop()) {
        (parents[m], parents[n]) = (next, next);
        heap.push(Reverse((a + b, next)));
        next += 1;
    }
    let mut depths = [0; 2 * SYMBOLS];
    for n in (0..next - 1).rev().filter(|&n| n >= SYMBOLS || counts[n] > 0) {
        depths[n] = depths[parents[n]] + 1;
    }
    std::array::from_fn(|n| depths[n])
}

/// Writes bits, the lowest first.
struct Bits<'a> {
    codes: &'a Codes,
    out: &'a mut Vec<u8>,
    buffer: u64,
    /// Of the buffer, less than 8.
    count: u32,
}

impl Bits<'_> {
    /// At most 56 bits.
    #[inline]
    fn put(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
        let whole = self.count / 8;
        self.out.extend_from_slice(&self.buffer.to_le_bytes());
        self.out.truncate(self.out.len() - 8 + whole as usize);
        self.buffer = self.buffer.checked_shr(8 * whole).unwrap_or(0);
        self.count %= 8;
    }

    /// Fills the last byte with zeros.
    fn flush(&mut self) {
        self.put(0, (8 - self.count) % 8);
    }

    /// The head of a block that is not the last, and its codes.
    fn header(&mut self) {
        self.put(0b100, 3);
        self.put(SYMBOLS as u64 - 257, 5);
        // One code for distances, and all codes of code lengths.
        self.put(0, 5);
        self.put(ORDER.len() as u64 - 4, 4);
        for symbol in ORDER {
            // Lengths from 0 to 15 have codes of 4 bits, and runs of them none.
            self.put(if symbol < 16 { 4 } else { 0 }, 3);
        }
        for n in 0..SYMBOLS {
            self.code_length(self.codes.0[n].1);
        }
        self.code_length(1);
    }

    fn code_length(&mut self, length: u8) {
        self.put(u64::from(length.reverse_bits() >> 4), 4);
    }
}

impl Sink for Bits<'_> {
    fn literals(&mut self, bytes: &[u8]) {
        let codes = self.codes;
        let of = |byte: u8| {
            let (code, length) = codes.0[usize::from(byte)];
            (u64::from(code), u32::from(length))
        };
        let (fours, rest) = bytes.as_chunks::<4>();
        let four = |[a, b, c, d]: [u8; 4]| {
            let ((a, m), (b, n), (c, o), (d, p)) = (of(a), of(b), of(c), of(d));
            (a | b << m | (c | d << o) << (m + n), m + n + o + p)
        };
        for &bytes in fours {
            let (bits, count) = four(bytes);
            self.put(bits, count);
        }
        for &byte in rest {
            self.symbol(usize::from(byte));
        }
    }

    fn symbol(&mut self, symbol: usize) {
        let (code, length) = self.codes.0[symbol];
        self.put(u64::from(code), u32::from(length));
    }

    fn extra(&mut self, bits: u64, count: u32) {
        self.put(bits, count);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use anatome_testkit::Random;

    fn unpacked(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    /// Runs of all lengths, at all places, between literals that are zeros, too.
    #[test]
    fn another_program_unpacks_what_is_packed() {
        let mut random = Random::new(1);
        for longest in [1, 12, 300, 3000] {
            for _ in 0..50 {
                let mut bytes = Vec::new();
                while bytes.len() < 20_000 {
                    let run = random.whole(0, longest);
                    bytes.resize(bytes.len() + run, 0);
                    let literals = random.whole(1, 20);
                    bytes.extend((0..literals).map(|_| random.bits() as u8 & 7));
                }
                assert!(unpacked(&zlib(&bytes)) == bytes, "{longest}");
            }
        }
        let noise: Vec<u8> = (0..100_000).map(|_| random.bits() as u8).collect();
        let packed = zlib(&noise);
        assert!(unpacked(&packed) == noise && packed.len() < noise.len() + noise.len() / 100);
        for bytes in [&[][..], &[0], &[7], &[0; 259], &[0; 260], &[0; 261], &[0; 1 << 20]] {
            assert!(unpacked(&zlib(bytes)) == bytes, "{}", bytes.len());
        }
    }

    /// Counts that are powers of two make codes as long as there are symbols.
    #[test]
    fn no_code_is_too_long() {
        let bytes: Vec<u8> = (0..18u8).flat_map(|n| vec![n + 1; 1 << n]).collect();
        let mut counts = [0; SYMBOLS];
        counts[END_OF_BLOCK] = 1;
        bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        assert!(huffman(&counts).iter().any(|&length| length > LONGEST_CODE));
        assert_eq!(code_lengths(&counts).into_iter().max(), Some(LONGEST_CODE));
        assert!(unpacked(&zlib(&bytes)) == bytes);
    }

    #[test]
    fn checksums_of_parts_make_that_of_the_whole() {
        let mut random = Random::new(2);
        let bytes: Vec<u8> = (0..300_000).map(|_| random.bits() as u8 | 0xf0).collect();
        for at in [0, 1, 65_520, 65_521, 65_522, 131_042, 299_999, 300_000] {
            let (a, b) = bytes.split_at(at);
            let joined = Adler::NONE.followed_by(Adler::of(a)).followed_by(Adler::of(b));
            assert_eq!(joined.sum, Adler::of(&bytes).sum, "{at}");
        }
    }
}
