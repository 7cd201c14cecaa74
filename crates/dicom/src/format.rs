//! How one frame is stored, checked, and what its bits say.

use dicom_dictionary_std::tags;

use crate::elements::PixelElement;
use crate::header::Tile;
use crate::{Error, InstanceHeader, Limits};

/// The number format of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Integer { signed: bool },
    Float,
}

/// What the samples of a pixel are (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Photometric {
    /// MONOCHROME1 (the lowest value is white) and MONOCHROME2.
    Grey {
        inverted: bool,
    },
    Palette,
    Rgb,
    YbrFull,
    YbrFull422,
    /// The retired form whose black is 16 and whose white is 235.
    YbrPartial422,
    /// YBR_ICT and YBR_RCT of JPEG 2000, XYB of JPEG XL: their decoders give RGB.
    OfCodestream,
}

impl Photometric {
    fn new(name: &str, samples_per_pixel: u32) -> Result<Self, Error> {
        let (kind, samples) = match name {
            "MONOCHROME1" => (Self::Grey { inverted: true }, 1),
            "MONOCHROME2" => (Self::Grey { inverted: false }, 1),
            "" if samples_per_pixel == 1 => (Self::Grey { inverted: false }, 1),
            "PALETTE COLOR" => (Self::Palette, 1),
            "RGB" => (Self::Rgb, 3),
            "YBR_FULL" => (Self::YbrFull, 3),
            "YBR_FULL_422" => (Self::YbrFull422, 3),
            "YBR_PARTIAL_422" => (Self::YbrPartial422, 3),
            "YBR_ICT" | "YBR_RCT" | "XYB" => (Self::OfCodestream, 3),
            "" => return Err(Error::malformed("image pixel module", "it does not say what its colours are")),
            other => return Err(Error::unsupported(format!("the photometric interpretation {other}"))),
        };
        if samples_per_pixel != samples {
            let reason = format!("{name} with {samples_per_pixel} samples per pixel");
            return Err(Error::malformed("image pixel module", reason));
        }
        Ok(kind)
    }

    /// Whether two pixels of a native frame share their colour.
    pub fn is_422(self) -> bool {
        matches!(self, Self::YbrFull422 | Self::YbrPartial422)
    }

    /// Whether it is in colour once decoded.
    pub fn is_color(self) -> bool {
        !matches!(self, Self::Grey { .. })
    }
}

/// The checked storage of a frame (PS3.3 C.7.6.3.1). Decoded frames have little-endian samples of
/// [`Self::bytes_per_sample`] bytes, those of a pixel together, row by row; what is stored as 1 bit has a byte of its
/// own, what is stored as 12 bits has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameFormat {
    pub rows: u32,
    pub columns: u32,
    /// 1 or 3.
    pub samples_per_pixel: usize,
    /// 1, 8, 12, 16, 32 or 64.
    pub bits_allocated: u32,
    /// 1, 2, 4 or 8, decoded.
    pub bytes_per_sample: usize,
    pub number: Number,
    pub bits_stored: u32,
    /// How far the stored bits stand above bit 0.
    pub shift: u32,
    pub photometric: Photometric,
    /// Native samples are stored colour by colour.
    pub planar: bool,
}

impl FrameFormat {
    /// Checks what the header says, so that nothing after it needs to doubt it.
    pub fn new(header: &InstanceHeader, limits: &Limits) -> Result<Self, Error> {
        let (Some(pixels), Some(place)) = (&header.pixels, &header.pixel_data) else {
            return Err(Error::unsupported("an image from objects without pixels"));
        };
        let malformed = |reason: String| Err(Error::malformed("image pixel module", reason));
        if pixels.frames < 1 {
            return malformed("the number of frames is no positive number".into());
        }
        let (rows, columns) = (pixels.rows, pixels.columns);
        if rows == 0 || columns == 0 {
            return malformed(format!("{rows} rows of {columns} columns"));
        }
        let needed = u64::from(rows) * u64::from(columns);
        if needed > limits.frame_pixels {
            return Err(Error::Limits { what: "pixels of a frame", needed, allowed: limits.frame_pixels });
        }
        let photometric = Photometric::new(&pixels.photometric, pixels.samples_per_pixel)?;
        let bits = (pixels.bits_allocated, pixels.bits_stored, pixels.high_bit);
        let format = Self::with_bits(rows, columns, place.element, bits, pixels.signed)?;
        let format = Self {
            photometric,
            samples_per_pixel: pixels.samples_per_pixel as usize,
            planar: pixels.planar && pixels.samples_per_pixel > 1,
            ..format
        };
        if photometric.is_color()
            && (format.number == Number::Float || !format.bits_allocated.is_multiple_of(8))
        {
            return malformed(format!("{} with {} bits", pixels.photometric, format.bits_allocated));
        }
        Ok(format)
    }

    fn with_bits(
        rows: u32,
        columns: u32,
        element: PixelElement,
        (allocated, stored, high): (u32, u32, u32),
        signed: bool,
    ) -> Result<Self, Error> {
        let malformed = |reason: String| Err(Error::malformed("image pixel module", reason));
        let number = match element.tag {
            tags::FLOAT_PIXEL_DATA | tags::DOUBLE_FLOAT_PIXEL_DATA => Number::Float,
            _ => Number::Integer { signed },
        };
        let expected = match element.tag {
            tags::FLOAT_PIXEL_DATA => &[32][..],
            tags::DOUBLE_FLOAT_PIXEL_DATA => &[64],
            _ => &[1, 8, 12, 16, 32],
        };
        if !expected.contains(&allocated) {
            return malformed(format!("{allocated} bits allocated"));
        }
        let (stored, high) =
            if number == Number::Float { (allocated, allocated - 1) } else { (stored, high) };
        if stored == 0 || stored > allocated || high >= allocated || high + 1 < stored {
            return malformed(format!("{stored} bits stored up to bit {high} of {allocated} bits allocated"));
        }
        Ok(Self {
            rows,
            columns,
            samples_per_pixel: 1,
            bits_allocated: allocated,
            bytes_per_sample: (allocated as usize).div_ceil(8),
            number,
            bits_stored: stored,
            shift: high + 1 - stored,
            photometric: Photometric::Grey { inverted: false },
            planar: false,
        })
    }

    /// Whether the lowest value is white.
    pub fn is_inverted(&self) -> bool {
        self.photometric == Photometric::Grey { inverted: true }
    }

    /// Bits of a native frame in the file: frames of one object follow each other without a gap, even those of 1 bit.
    pub fn native_bits(&self) -> u64 {
        let samples = if self.photometric.is_422() { 2 } else { self.samples_per_pixel as u64 };
        self.pixels() as u64 * samples * u64::from(self.bits_allocated)
    }

    /// Samples of the frame.
    pub fn samples(&self) -> usize {
        self.pixels() * self.samples_per_pixel
    }

    /// Pixels of the frame.
    pub fn pixels(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// Bytes of the decoded frame.
    pub fn bytes(&self) -> usize {
        self.samples() * self.bytes_per_sample
    }

    /// The lowest and highest value that the stored bits can hold.
    pub fn range(&self) -> (f64, f64) {
        let span = f64::from(self.bits_stored).exp2();
        match self.number {
            Number::Float => (f64::NEG_INFINITY, f64::INFINITY),
            Number::Integer { signed: true } => (-span / 2.0, span / 2.0 - 1.0),
            Number::Integer { signed: false } => (0.0, span - 1.0),
        }
    }

    /// The stored value in allocated bits: bits beside it (old overlays) cut off, sign extended.
    #[inline]
    fn integer(&self, allocated: u32) -> i64 {
        let unused = 32 - self.bits_stored;
        let bits = allocated >> self.shift << unused;
        match self.number {
            Number::Integer { signed: true } => i64::from(bits.cast_signed() >> unused),
            _ => i64::from(bits >> unused),
        }
    }

    /// Clamps samples of `precision` bits, more than are stored, to the range of those stored: the errors of a lossy
    /// codestream carry them beyond, and cutting bits off would turn the brightest into the darkest. `signed` is what
    /// the codestream says of its samples. Does nothing where the stored bits do not begin at bit 0.
    pub fn clamp(&self, raw: &mut [u8], precision: u32, signed: Option<bool>) {
        let (Number::Integer { signed: is_signed }, 0) = (self.number, self.shift) else { return };
        let (low, high) = self.range();
        let unused = 32 - precision.clamp(1, 32);
        let size = self.bytes_per_sample;
        let bits = |sample: &[u8]| {
            let bytes = sample.iter().rev();
            bytes.fold(0u32, |bits, &byte| bits.checked_shl(8).unwrap_or(0) | u32::from(byte)) << unused
        };
        let has_sign = || raw.chunks_exact(size).any(|sample| bits(sample).cast_signed() < 0);
        let with_sign = match signed {
            Some(true) => true,
            // Without any, negative values may be there in the stored bits alone: cutting the others off is right then.
            _ if is_signed && !has_sign() => return,
            _ => is_signed,
        };
        for sample in raw.chunks_exact_mut(size) {
            let bits = bits(sample);
            let value =
                if with_sign { f64::from(bits.cast_signed() >> unused) } else { f64::from(bits >> unused) };
            let clamped = value.clamp(low, high) as i64;
            sample.iter_mut().zip(clamped.to_le_bytes()).for_each(|(to, byte)| *to = byte);
        }
    }

    /// Gives `take` each sample's stored value, in order. Raw samples are little endian.
    pub fn for_each(&self, raw: &[u8], mut take: impl FnMut(f64)) {
        match (self.number, self.bytes_per_sample) {
            (Number::Float, 4) => {
                raw.as_chunks::<4>().0.iter().for_each(|&b| take(f64::from(f32::from_le_bytes(b))));
            }
            (Number::Float, _) => raw.as_chunks::<8>().0.iter().for_each(|&b| take(f64::from_le_bytes(b))),
            (_, 1) => raw.iter().for_each(|&b| take(self.integer(u32::from(b)) as f64)),
            (_, 2) => {
                let words = raw.as_chunks::<2>().0.iter();
                words.for_each(|&b| take(self.integer(u32::from(u16::from_le_bytes(b))) as f64));
            }
            _ => {
                let words = raw.as_chunks::<4>().0.iter();
                words.for_each(|&b| take(self.integer(u32::from_le_bytes(b)) as f64));
            }
        }
    }

    /// As [`Self::for_each`], for the samples of a part of a greyscale frame.
    pub fn for_each_of(&self, raw: &[u8], tile: Tile, mut take: impl FnMut(f64)) {
        let at = |row: u32, column: u32| {
            (row as usize * self.columns as usize + column as usize) * self.bytes_per_sample
        };
        for row in tile.row..tile.row + tile.rows {
            let line = at(row, tile.column)..at(row, tile.column + tile.columns);
            self.for_each(raw.get(line).unwrap_or_default(), &mut take);
        }
    }

    /// Whether the raw samples are their values already, apart from byte order.
    pub fn is_plain(&self) -> bool {
        self.shift == 0 && self.bits_stored as usize == 8 * self.bytes_per_sample
    }

    /// From a raw little-endian sample to its value, in place.
    pub fn settle_u16(&self, samples: &mut [u16]) {
        if self.is_plain() && cfg!(target_endian = "little") {
            return;
        }
        for sample in samples {
            *sample = self.integer(u32::from(u16::from_le(*sample))) as u16;
        }
    }

    /// As [`Self::settle_u16`].
    pub fn settle_i16(&self, samples: &mut [i16]) {
        if self.is_plain() && cfg!(target_endian = "little") {
            return;
        }
        for sample in samples {
            *sample = self.integer(u32::from(u16::from_le(sample.cast_unsigned()))) as i16;
        }
    }

    /// As [`Self::settle_u16`].
    pub fn settle_u8(&self, samples: &mut [u8]) {
        if !self.is_plain() {
            for sample in samples {
                *sample = self.integer(u32::from(*sample)) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(allocated: u32, stored: u32, high: u32, signed: bool) -> Result<FrameFormat, Error> {
        let element = PixelElement { tag: tags::PIXEL_DATA, vr: dicom_core::VR::OW, offset: 0, length: None };
        FrameFormat::with_bits(1, 4, element, (allocated, stored, high), signed)
    }

    #[test]
    fn stored_bits_are_masked_shifted_and_sign_extended() {
        let words: Vec<u8> =
            [0xFFFFu16, 0x8FFF, 0x7000, 0x0801].iter().flat_map(|w| w.to_le_bytes()).collect();
        let values = |format: FrameFormat| {
            let mut values = Vec::new();
            format.for_each(&words, |v| values.push(v));
            values
        };
        assert_eq!(values(format(16, 12, 11, true).unwrap()), [-1.0, -1.0, 0.0, -2047.0]);
        assert_eq!(values(format(16, 12, 11, false).unwrap()), [4095.0, 4095.0, 0.0, 2049.0]);
        assert_eq!(values(format(16, 12, 15, false).unwrap()), [4095.0, 2303.0, 1792.0, 128.0]);
        assert_eq!(values(format(16, 16, 15, true).unwrap()), [-1.0, -28673.0, 28672.0, 2049.0]);
    }

    #[test]
    fn settling_agrees_with_reading_one_by_one() {
        let samples = [0xFFFFu16, 0x8FFF, 0x7000, 0x0801];
        let raw: Vec<u8> = samples.iter().flat_map(|w| w.to_le_bytes()).collect();
        for (stored, high) in [(12, 11), (12, 15), (10, 12), (16, 15)] {
            let format = format(16, stored, high, true).unwrap();
            let mut settled = samples.map(|s| u16::from_le_bytes(s.to_le_bytes()).cast_signed());
            format.settle_i16(&mut settled);
            let mut each = Vec::new();
            format.for_each(&raw, |v| each.push(v as i16));
            assert_eq!(settled.to_vec(), each);
        }
    }

    #[test]
    fn samples_beyond_the_stored_bits_are_clamped() {
        let clamped = |format: FrameFormat, samples: [i32; 4], signed: Option<bool>| {
            let mut raw: Vec<u8> = samples.iter().flat_map(|&s| (s as u16).to_le_bytes()).collect();
            format.clamp(&mut raw, 16, signed);
            let mut values = Vec::new();
            format.for_each(&raw, |v| values.push(v as i32));
            values
        };
        let unsigned = format(16, 12, 11, false).unwrap();
        assert_eq!(clamped(unsigned, [0, 4097, 4095, 65_535], None), [0, 4095, 4095, 4095]);
        assert_eq!(clamped(unsigned, [0, 4097, -2, 7], Some(true)), [0, 4095, 0, 7]);
        let signed = format(16, 12, 11, true).unwrap();
        for codestream in [None, Some(true), Some(false)] {
            assert_eq!(clamped(signed, [-2050, 2049, -1, 5], codestream), [-2048, 2047, -1, 5]);
        }
        // Written without the bits above those stored: -1 and, by an error of 2, 1.
        assert_eq!(clamped(signed, [4095, 4097, 2048, 5], None), [-1, 1, -2048, 5]);
        let shifted = format(16, 12, 15, false).unwrap();
        assert_eq!(clamped(shifted, [0x1234, 0, 0, 0], None), [0x123, 0, 0, 0]);
    }

    #[test]
    fn impossible_bits_are_refused() {
        for (allocated, stored, high) in
            [(0, 0, 0), (13, 12, 11), (16, 17, 16), (16, 12, 10), (16, 0, 0), (64, 64, 63)]
        {
            assert!(matches!(format(allocated, stored, high, false), Err(Error::Malformed { .. })));
        }
    }
}
