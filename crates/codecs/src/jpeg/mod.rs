//! JPEG (ISO/IEC 10918-1, ITU-T T.81) with Huffman codes: baseline, extended sequential and progressive DCT of 8
//! and 12 bits, and lossless of 2 to 16 bits with all predictors; 1 to 4 components, restart intervals.

mod bits;
mod block;
mod dct;
mod huffman;
mod idct;
mod lossless;
mod markers;
mod planes;

use crate::color::ColorSpace;
use crate::error::{Codec, Defect, Error, Feature, Quantity};
use crate::shape::FrameShape;
pub use markers::Process;
use markers::{Frame, MAX_COMPONENTS, Markers, Scan};

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
    /// How the samples are coded.
    pub process: Process,
    /// What the components are. They are never converted here.
    pub color: ColorSpace,
}

impl Header {
    fn new(frame: &Frame, color: ColorSpace) -> Self {
        Self {
            width: frame.width.into(),
            height: frame.height.into(),
            components: frame.components().len() as u16,
            precision: frame.precision.into(),
            process: frame.process,
            color,
        }
    }

    /// Refuses a codestream that is not what the dataset announced.
    fn check(&self, shape: &FrameShape) -> Result<(), Error> {
        let mismatch = |quantity, expected: u32, found: u32| {
            let (expected, found) = (expected.into(), found.into());
            Err(Error::Mismatch { codec: Codec::Jpeg, quantity, expected, found })
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
            return mismatch(Quantity::Precision, shape.bits_allocated.into(), self.precision.into());
        }
        Ok(())
    }

    /// Whether decoded samples may differ from the original ones.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        self.process != Process::Lossless
    }
}

/// Reads a codestream's headers up to its first scan, and decodes nothing.
///
/// # Errors
/// [`Error::Malformed`] and [`Error::Unsupported`], as from [`decode`].
pub fn read_header(codestream: &[u8]) -> Result<Header, Error> {
    let mut markers = Markers::open(codestream)?;
    let frame = markers.frame()?;
    markers.scan()?;
    Ok(Header::new(&frame, markers.color_space(&frame)))
}

/// Decodes one frame.
///
/// `output` must be exactly [`FrameShape::byte_len`] long; it receives one byte a sample where `shape` has 8 bits
/// allocated and two, little-endian, where it has 16, interleaved by pixel. Subsampled components are brought to
/// full resolution; colours are not converted, [`Header::color`] says what they are. Samples come as they were
/// coded, without sign extension. `output` is left in an unspecified state on failure.
///
/// Bytes behind the last scan are not looked at, so that a padded fragment or a missing end-of-image marker is
/// no error.
///
/// # Errors
/// [`Error::Mismatch`], before anything is allocated, where the codestream's dimensions, components or precision
/// do not fit `shape`, or `output` has another size; [`Error::Malformed`] where the codestream breaks T.81 or ends
/// early; [`Error::Unsupported`] for arithmetic and hierarchical coding, a height that follows the first scan, other
/// kinds of JPEG, and bits allocated other than 8 and 16.
pub fn decode(codestream: &[u8], shape: &FrameShape, output: &mut [u8]) -> Result<Header, Error> {
    if !matches!(shape.bits_allocated, 8 | 16) {
        return Err(unsupported(Feature::BitsAllocated(shape.bits_allocated)));
    }
    shape.check_output(Codec::Jpeg, output)?;
    let mut markers = Markers::open(codestream)?;
    let frame = markers.frame()?;
    Header::new(&frame, ColorSpace::Unstated).check(shape)?;
    match frame.process {
        Process::Lossless => lossless::decode(codestream, &mut markers, &frame, shape, output)?,
        _ => dct::decode(codestream, &mut markers, &frame, shape, output)?,
    }
    Ok(Header::new(&frame, markers.color_space(&frame)))
}

/// The components that scans have not brought yet.
struct Missing {
    present: [bool; MAX_COMPONENTS],
    count: usize,
}

impl Missing {
    fn new(frame: &Frame) -> Self {
        Self { present: [false; MAX_COMPONENTS], count: frame.components().len() }
    }

    /// Takes the scan's components into account, and says whether one of them was there before.
    fn take(&mut self, scan: &Scan) -> bool {
        let mut repeated = false;
        for selector in scan.selectors() {
            repeated |= std::mem::replace(&mut self.present[selector.component], true);
        }
        repeated
    }

    fn is_none(&self) -> bool {
        self.present.iter().take(self.count).all(|&present| present)
    }
}

fn malformed(defect: Defect, offset: usize) -> Error {
    Error::Malformed { codec: Codec::Jpeg, defect, offset }
}

fn unsupported(feature: Feature) -> Error {
    Error::Unsupported { codec: Codec::Jpeg, feature }
}
