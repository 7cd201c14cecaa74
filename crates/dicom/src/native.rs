//! Native frames whose stored form is not their decoded one: single bits, packed 12 bits, subsampled colour, colour by
//! colour.

use crate::format::FrameFormat;

/// Turns the stored little-endian bytes of one frame, which begins `first_bit` bits behind their start, into decoded
/// samples. What is not there stays as it was.
pub(crate) fn settle(format: &FrameFormat, stored: &[u8], first_bit: usize, raw: &mut [u8]) {
    if format.bits_allocated == 1 {
        // PS3.5 8.1.1, D: from the lowest bit of each byte on, across rows and frames.
        for (n, sample) in raw.iter_mut().enumerate() {
            let bit = first_bit + n;
            *sample = stored.get(bit / 8).map_or(0, |byte| byte >> (bit % 8) & 1);
        }
        return;
    }
    if format.bits_allocated == 12 {
        return from_12_bits(stored, first_bit, raw);
    }
    let stored = stored.get(first_bit / 8..).unwrap_or_default();
    match format.photometric {
        color if color.is_422() => from_422(stored, raw),
        _ if format.planar => interleave(format, stored, raw),
        _ => raw.iter_mut().zip(stored).for_each(|(to, from)| *to = *from),
    }
}

/// PS3.5 8.1.1, D: two samples in three bytes, from the lowest bit of each byte on. A frame may begin within a byte.
fn from_12_bits(stored: &[u8], first_bit: usize, raw: &mut [u8]) {
    let byte = |n: usize| stored.get(n).copied().unwrap_or(0);
    for (n, sample) in raw.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let bit = first_bit + 12 * n;
        let word = u16::from_le_bytes([byte(bit / 8), byte(bit / 8 + 1)]);
        *sample = (word >> (bit % 8) & 0x0FFF).to_le_bytes();
    }
}

/// PS3.3 C.7.6.3.1.2: two luminances, then the colour that both pixels share.
fn from_422(stored: &[u8], raw: &mut [u8]) {
    let pairs = stored.as_chunks::<4>().0.iter();
    for (to, &[y0, y1, cb, cr]) in raw.as_chunks_mut::<6>().0.iter_mut().zip(pairs) {
        *to = [y0, cb, cr, y1, cb, cr];
    }
}

fn interleave(format: &FrameFormat, stored: &[u8], raw: &mut [u8]) {
    let size = format.bytes_per_sample;
    for (plane, samples) in stored.chunks(format.pixels() * size).take(format.samples_per_pixel).enumerate() {
        let pixels = raw.chunks_exact_mut(size * format.samples_per_pixel);
        for (pixel, sample) in pixels.zip(samples.chunks_exact(size)) {
            if let Some(to) = pixel.get_mut(plane * size..(plane + 1) * size) {
                to.copy_from_slice(sample);
            }
        }
    }
}
