//! JPEG-LS (ISO/IEC 14495-1, ITU-T T.87): lossless and near-lossless, 2 to 16 bits, 1 to 4 components in any
//! interleave mode, preset coding parameters, restart intervals.

mod bits;
mod context;
mod markers;
mod parameters;
mod scan;

pub(crate) use bits::contains_ff;

use crate::error::{Codec, Defect, Error, Feature, Quantity};
use crate::shape::FrameShape;
use markers::{Frame, MAX_COMPONENTS, Markers};
use parameters::Parameters;

/// What a codestream says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Header {
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Components of a pixel, 1 to 4.
    pub components: u16,
    /// Bits per sample, 2 to 16.
    pub precision: u16,
    /// The largest difference between a decoded sample and the original: 0 for lossless. The largest of all
    /// scans after [`decode`], that of the first scan after [`read_header`].
    pub near: u16,
}

impl Header {
    fn new(frame: &Frame, near: u16) -> Self {
        Self {
            width: u32::from(frame.width),
            height: u32::from(frame.height),
            components: frame.components().len() as u16,
            precision: u16::from(frame.precision),
            near,
        }
    }

    /// Refuses a codestream that is not what the dataset announced.
    fn check(&self, shape: &FrameShape) -> Result<(), Error> {
        let mismatch = |quantity, expected, found| {
            let (expected, found) = (u64::from(expected), u64::from(found));
            Err(Error::Mismatch { codec: Codec::JpegLs, quantity, expected, found })
        };
        if self.width != shape.columns {
            return mismatch(Quantity::Columns, shape.columns, self.width);
        }
        if self.height != shape.rows {
            return mismatch(Quantity::Rows, shape.rows, self.height);
        }
        if self.components != shape.samples_per_pixel {
            let (expected, found) = (shape.samples_per_pixel.into(), self.components.into());
            return mismatch(Quantity::SamplesPerPixel, expected, found);
        }
        if self.precision > shape.bits_allocated {
            let (expected, found) = (shape.bits_allocated.into(), self.precision.into());
            return mismatch(Quantity::Precision, expected, found);
        }
        Ok(())
    }
}

/// Reads a codestream's headers up to its first scan, and decodes nothing.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::Unsupported`], as from [`decode`].
pub fn read_header(codestream: &[u8]) -> Result<Header, Error> {
    let mut markers = Markers::open(codestream)?;
    let scan = markers.next_scan()?.ok_or(malformed(Defect::MissingScan, codestream.len()))?;
    Ok(Header::new(&scan.frame, scan.near))
}

/// Decodes one frame.
///
/// `output` must be exactly [`FrameShape::byte_len`] long; it receives one byte a sample where `shape` has 8 bits
/// allocated and two, little-endian, where it has 16. Samples come as they were coded, without sign extension:
/// a 12-bit two's complement sample of -1 is 4095. `output` is left in an unspecified state on failure.
///
/// Bytes behind the last scan are not looked at, so that a padded fragment or a missing end-of-image marker is
/// no error.
///
/// # Errors
/// [`Error::Mismatch`], before anything is allocated, where the codestream's dimensions, components or precision
/// do not fit `shape`, or `output` has another size; [`Error::Malformed`] where the codestream breaks T.87 or
/// ends early; [`Error::Unsupported`] for mapping tables, colour and point transforms, subsampling, other kinds
/// of JPEG, and bits allocated other than 8 and 16.
pub fn decode(codestream: &[u8], shape: &FrameShape, output: &mut [u8]) -> Result<Header, Error> {
    if !matches!(shape.bits_allocated, 8 | 16) {
        return Err(unsupported(Feature::BitsAllocated(shape.bits_allocated)));
    }
    shape.check_output(Codec::JpegLs, output)?;
    let mut markers = Markers::open(codestream)?;
    let mut decoded = [false; MAX_COMPONENTS];
    let mut near = 0;
    loop {
        let Some(scan) = markers.next_scan()? else {
            return Err(malformed(Defect::MissingScan, markers.position()));
        };
        Header::new(&scan.frame, scan.near).check(shape)?;
        let parameters = Parameters::new(scan.frame.precision, scan.near, &scan.presets)
            .map_err(|defect| malformed(defect, markers.position()))?;
        for &component in scan.components() {
            if std::mem::replace(&mut decoded[component], true) {
                return Err(malformed(Defect::ScanHeader, markers.position()));
            }
        }
        let end = scan::decode(codestream, markers.position(), &scan, &parameters, shape, output)?;
        markers.seek(end);
        near = near.max(scan.near);
        if decoded.iter().take(scan.frame.components().len()).all(|&done| done) {
            return Ok(Header::new(&scan.frame, near));
        }
    }
}

fn malformed(defect: Defect, offset: usize) -> Error {
    Error::Malformed { codec: Codec::JpegLs, defect, offset }
}

fn unsupported(feature: Feature) -> Error {
    Error::Unsupported { codec: Codec::JpegLs, feature }
}
