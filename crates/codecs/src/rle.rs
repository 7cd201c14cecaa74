//! DICOM RLE (PS3.5 Annex G): a header of up to 15 segment offsets, then one PackBits segment for each byte of
//! a pixel, most significant byte first, component by component.

use crate::error::{Codec, Defect, Error, Feature, Quantity};
use crate::shape::FrameShape;

const HEADER_BYTES: usize = 64;
const MAX_SEGMENTS: usize = 15;

/// Decodes one frame.
///
/// `output` must be exactly [`FrameShape::byte_len`] long; it receives little-endian samples, interleaved by
/// pixel. It is left in an unspecified state on failure.
///
/// Real files are read as they are: a segment may be followed by padding (zeros or the no-operation byte
/// 0x80), and may carry one byte more than the plane, as encoders write that pad odd planes before they
/// encode them.
///
/// # Errors
/// [`Error::Malformed`] where a segment lies outside `fragment`, ends early or goes on after its plane is full;
/// [`Error::Mismatch`] where the number of segments or the size of `output` is not the one that `shape` asks for;
/// [`Error::Unsupported`] where the bits allocated are not whole bytes or need more than 15 segments.
pub fn decode(fragment: &[u8], shape: &FrameShape, output: &mut [u8]) -> Result<(), Error> {
    shape.check_output(Codec::Rle, output)?;
    let bytes_per_sample = usize::from(shape.bits_allocated / 8);
    let bytes_per_pixel = bytes_per_sample * usize::from(shape.samples_per_pixel);
    let whole_bytes = shape.bits_allocated.is_multiple_of(8);
    if bytes_per_pixel == 0 || bytes_per_pixel > MAX_SEGMENTS || !whole_bytes {
        let feature = Feature::BitsAllocated(shape.bits_allocated);
        return Err(Error::Unsupported { codec: Codec::Rle, feature });
    }
    let segments = Segments::read(fragment, bytes_per_pixel)?;
    if bytes_per_pixel == 1 {
        let (start, segment) = segments.get(0)?;
        return unpack(segment, output).map_err(|failure| failure.at(start));
    }
    let mut plane = vec![0; output.len() / bytes_per_pixel];
    for index in 0..bytes_per_pixel {
        let (start, segment) = segments.get(index)?;
        unpack(segment, &mut plane).map_err(|failure| failure.at(start))?;
        let (component, byte) = (index / bytes_per_sample, index % bytes_per_sample);
        let place = component * bytes_per_sample + (bytes_per_sample - 1 - byte);
        scatter(&plane, output, bytes_per_pixel, place);
    }
    Ok(())
}

/// Puts one byte into each pixel.
fn scatter(plane: &[u8], output: &mut [u8], bytes_per_pixel: usize, place: usize) {
    // A stride known to the compiler is twice as fast.
    match bytes_per_pixel {
        2 => scatter_fixed::<2>(plane, output, place),
        3 => scatter_fixed::<3>(plane, output, place),
        4 => scatter_fixed::<4>(plane, output, place),
        6 => scatter_fixed::<6>(plane, output, place),
        _ => {
            for (pixel, &byte) in output.chunks_exact_mut(bytes_per_pixel).zip(plane) {
                pixel[place] = byte;
            }
        }
    }
}

fn scatter_fixed<const N: usize>(plane: &[u8], output: &mut [u8], place: usize) {
    for (pixel, &byte) in output.as_chunks_mut::<N>().0.iter_mut().zip(plane) {
        pixel[place] = byte;
    }
}

/// The fragment cut into segments (PS3.5 G.5).
struct Segments<'a> {
    fragment: &'a [u8],
    starts: [u32; MAX_SEGMENTS],
    count: usize,
}

impl<'a> Segments<'a> {
    fn read(fragment: &'a [u8], expected: usize) -> Result<Self, Error> {
        let header = fragment.get(..HEADER_BYTES).ok_or(malformed(Defect::Truncated, fragment.len()))?;
        let mut words = header.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word));
        let found = words.next().unwrap_or(0);
        if u64::from(found) != expected as u64 {
            return Err(Error::Mismatch {
                codec: Codec::Rle,
                quantity: Quantity::Segments,
                expected: expected as u64,
                found: u64::from(found),
            });
        }
        let mut starts = [0; MAX_SEGMENTS];
        starts.iter_mut().zip(words).for_each(|(start, word)| *start = word);
        Ok(Self { fragment, starts, count: expected })
    }

    /// A segment's start in the fragment, and its bytes up to the next one.
    fn get(&self, index: usize) -> Result<(usize, &'a [u8]), Error> {
        let starts = &self.starts[..self.count];
        let start = starts[index] as usize;
        let end = starts.get(index + 1).map_or(self.fragment.len(), |&next| next as usize);
        let segment = self.fragment.get(start..end).filter(|_| start >= HEADER_BYTES);
        let defect = Defect::SegmentOffset { segment: index, start: starts[index] };
        Ok((start, segment.ok_or(malformed(defect, 4 + 4 * index))?))
    }
}

/// A defect and its position in the segment.
struct Failure {
    defect: Defect,
    position: usize,
}

impl Failure {
    fn at(self, start: usize) -> Error {
        malformed(self.defect, start + self.position)
    }
}

fn malformed(defect: Defect, offset: usize) -> Error {
    Error::Malformed { codec: Codec::Rle, defect, offset }
}

/// Decodes one PackBits segment (PS3.5 G.3.2) into a plane of known size.
fn unpack(segment: &[u8], plane: &mut [u8]) -> Result<(), Failure> {
    let (mut from, mut to) = (0, 0);
    let fail = |defect, position| Err(Failure { defect, position });
    while to < plane.len() {
        let Some(&control) = segment.get(from) else { return fail(Defect::Truncated, from) };
        from += 1;
        let room = plane.len() - to;
        let length = match control {
            0x80 => continue,
            0..=0x7F => usize::from(control) + 1,
            0x81.. => 257 - usize::from(control),
        };
        if length > room + 1 {
            return fail(Defect::TooLong, from);
        }
        let kept = length.min(room);
        let target = &mut plane[to..to + kept];
        if control < 0x80 {
            let Some(literal) = segment.get(from..from + kept) else { return fail(Defect::Truncated, from) };
            target.copy_from_slice(literal);
            from += length;
        } else {
            let Some(&byte) = segment.get(from) else { return fail(Defect::Truncated, from) };
            target.fill(byte);
            from += 1;
        }
        to += kept;
    }
    match segment.get(from..).unwrap_or_default().iter().position(|&byte| byte != 0 && byte != 0x80) {
        Some(excess) => fail(Defect::TooLong, from + excess),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn shape(columns: u32, rows: u32, samples_per_pixel: u16, bits_allocated: u16) -> FrameShape {
        FrameShape { columns, rows, samples_per_pixel, bits_allocated }
    }

    fn fragment(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![segments.len() as u32];
        let mut start = HEADER_BYTES;
        for segment in segments {
            header.push(start as u32);
            start += segment.len();
        }
        header.resize(16, 0);
        header.iter().flat_map(|word| word.to_le_bytes()).chain(segments.concat()).collect()
    }

    fn decoded(fragment: &[u8], shape: FrameShape) -> Result<Vec<u8>, Error> {
        let mut output = vec![0xEE; shape.byte_len()?];
        decode(fragment, &shape, &mut output).map(|()| output)
    }

    fn defect(fragment: &[u8], shape: FrameShape) -> (Defect, usize) {
        match decoded(fragment, shape) {
            Err(Error::Malformed { codec: Codec::Rle, defect, offset }) => (defect, offset),
            other => panic!("{other:?}"),
        }
    }

    /// PS3.5 G.3.2: literal runs, replicated runs and the byte that means nothing.
    #[test]
    fn runs_literals_and_no_operations() {
        let segment = [0x80, 0x02, 1, 2, 3, 0xFE, 9, 0x80, 0x00, 5, 0x81 + 0x7B, 4];
        assert_eq!(
            decoded(&fragment(&[&segment]), shape(3, 4, 1, 8)).unwrap(),
            [1, 2, 3, 9, 9, 9, 5, 4, 4, 4, 4, 4]
        );
        let longest = [0x81, 6, 0x81, 7];
        let expected = [[6; 128], [7; 128]].concat();
        assert_eq!(decoded(&fragment(&[&longest]), shape(16, 16, 1, 8)).unwrap(), expected);
    }

    /// PS3.5 G.2: most significant byte first, component by component.
    #[test]
    fn segments_become_little_endian_pixels() {
        let (high, low) = ([0x01u8, 0x12, 0x56], [0x01u8, 0x34, 0x78]);
        assert_eq!(decoded(&fragment(&[&high, &low]), shape(2, 1, 1, 16)).unwrap(), [0x34, 0x12, 0x78, 0x56]);
        let literals: Vec<[u8; 3]> = (0..6).map(|i| [1, 16 * i, 16 * i + 1]).collect();
        let planes: Vec<&[u8]> = literals.iter().map(|plane| &plane[..]).collect();
        assert_eq!(
            decoded(&fragment(&planes[..3]), shape(1, 2, 3, 8)).unwrap(),
            [0x00, 0x10, 0x20, 0x01, 0x11, 0x21]
        );
        assert_eq!(
            decoded(&fragment(&planes[..4]), shape(2, 1, 1, 32)).unwrap(),
            [0x30, 0x20, 0x10, 0x00, 0x31, 0x21, 0x11, 0x01]
        );
        assert_eq!(
            decoded(&fragment(&planes), shape(2, 1, 3, 16)).unwrap(),
            [0x10, 0x00, 0x30, 0x20, 0x50, 0x40, 0x11, 0x01, 0x31, 0x21, 0x51, 0x41]
        );
    }

    #[test]
    fn twelve_segments_and_fifteen() {
        for (samples, bits) in [(3, 32), (15, 8)] {
            let count = samples * bits / 8;
            let literals: Vec<[u8; 2]> = (0..count).map(|i| [0, i as u8]).collect();
            let planes: Vec<&[u8]> = literals.iter().map(|plane| &plane[..]).collect();
            let bytes = usize::from(bits / 8);
            let sample = |sample: usize| (0..bytes).rev().map(move |byte| (sample * bytes + byte) as u8);
            let expected: Vec<u8> = (0..usize::from(samples)).flat_map(sample).collect();
            assert_eq!(decoded(&fragment(&planes), shape(1, 1, samples, bits)).unwrap(), expected);
        }
    }

    #[test]
    fn padding_is_read_over() {
        let odd = shape(3, 1, 1, 8);
        for segment in [&[0x02, 1, 2, 3, 0][..], &[2, 1, 2, 3, 0x80, 0x80], &[3, 1, 2, 3, 0], &[3, 1, 2, 3]] {
            assert_eq!(decoded(&fragment(&[segment]), odd).unwrap(), [1, 2, 3], "{segment:?}");
        }
        assert_eq!(decoded(&fragment(&[&[0xFD, 8]]), odd).unwrap(), [8, 8, 8]);
    }

    #[test]
    fn too_little_and_too_much_is_refused() {
        let frame = shape(4, 1, 1, 8);
        assert_eq!(defect(&fragment(&[&[2, 1, 2, 3]]), frame), (Defect::Truncated, 68));
        assert_eq!(defect(&fragment(&[&[3, 1, 2, 3]]), frame), (Defect::Truncated, 65));
        assert_eq!(defect(&fragment(&[&[0xFD]]), frame), (Defect::Truncated, 65));
        assert_eq!(defect(&fragment(&[&[0xFB, 1]]), frame), (Defect::TooLong, 65));
        assert_eq!(defect(&fragment(&[&[0xFD, 1, 0, 7]]), frame), (Defect::TooLong, 67));
        assert_eq!(defect(&[], frame), (Defect::Truncated, 0));
        assert_eq!(defect(&[0; 63], frame), (Defect::Truncated, 63));
    }

    #[test]
    fn offsets_out_of_place_are_refused() {
        let good = fragment(&[&[1, 1, 2], &[1, 3, 4]]);
        let frame = shape(2, 1, 1, 16);
        assert!(decoded(&good, frame).is_ok());
        for (segment, start) in [(0, 0), (0, 63), (0, 68), (0, u32::MAX), (1, 71), (1, 63), (1, u32::MAX)] {
            let mut bad = good.clone();
            bad[4 + 4 * segment..][..4].copy_from_slice(&start.to_le_bytes());
            assert!(matches!(defect(&bad, frame).0, Defect::SegmentOffset { .. }), "{segment} at {start}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let one = fragment(&[&[1, 1, 2]]);
        let mismatch =
            |quantity, expected, found| Error::Mismatch { codec: Codec::Rle, quantity, expected, found };
        assert_eq!(decoded(&one, shape(2, 1, 1, 16)), Err(mismatch(Quantity::Segments, 2, 1)));
        assert_eq!(decode(&one, &shape(2, 1, 1, 8), &mut [0; 3]), Err(mismatch(Quantity::OutputBytes, 2, 3)));
        for (samples, bits) in [(0, 8), (1, 0), (1, 12), (4, 32)] {
            assert!(matches!(decoded(&one, shape(2, 1, samples, bits)), Err(Error::Unsupported { .. })));
        }
    }
}
