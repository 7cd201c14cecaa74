//! One compressed frame to samples: which decoder, and what it found out.

mod jpeg2000;
mod jpeg_xl;
mod openjpeg;

use anatome_codecs::{ColorSpace, FrameShape, jpeg, jpeg_ls, rle};

use crate::Error;
use crate::decode::Coding;

/// What a codestream says about itself beyond its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodestreamFacts {
    /// Decoded samples may differ from those that were compressed.
    pub lossy: bool,
    /// What the components are after decoding; the dataset's photometric interpretation may say something else.
    pub color: ColorSpace,
    /// Bits of a sample, where the codestream has a say: not the dataset's bits stored in every file.
    pub precision: Option<u16>,
    /// Whether samples are signed, where the codestream has a say.
    pub signed: Option<bool>,
}

/// Decodes one frame's codestream into `samples`, which is exactly the frame of `shape`: little-endian samples,
/// interleaved by pixel, row by row, colours not converted unless [`CodestreamFacts::color`] says so. Signed samples
/// of fewer bits than allocated may or may not be sign-extended: bits above those stored mean nothing.
///
/// # Errors
/// Malformed where the codestream breaks its standard or is of another size than `shape`; unsupported for its rarer
/// features. The size is compared before anything is decoded or allocated.
pub(crate) fn decode(
    coding: Coding,
    bytes: &[u8],
    shape: &FrameShape,
    samples: &mut [u8],
) -> Result<CodestreamFacts, Error> {
    let unstated = if shape.samples_per_pixel == 1 { ColorSpace::Gray } else { ColorSpace::Unstated };
    let plain = CodestreamFacts { lossy: false, color: unstated, precision: None, signed: None };
    match coding {
        Coding::Native { .. } | Coding::DeflatedFrames => {
            Err(Error::malformed("pixel data", "no codestream in a native transfer syntax"))
        }
        Coding::Rle => rle::decode(bytes, shape, samples).map(|()| plain).map_err(codec_error),
        Coding::JpegLs => jpeg_ls::decode(bytes, shape, samples)
            .map(|found| CodestreamFacts { lossy: found.near > 0, precision: Some(found.precision), ..plain })
            .map_err(codec_error),
        Coding::Jpeg => jpeg::decode(bytes, shape, samples)
            .map(|found| CodestreamFacts {
                lossy: found.is_lossy(),
                color: found.color,
                precision: Some(found.precision),
                // A lossless codestream carries signed samples without knowing it.
                signed: None,
            })
            .map_err(codec_error),
        Coding::Jpeg2000 => jpeg2000::decode(bytes, shape, samples),
        Coding::JpegXl { lossless } => jpeg_xl::decode(bytes, shape, lossless, samples),
    }
}

fn codec_error(error: anatome_codecs::Error) -> Error {
    match error {
        anatome_codecs::Error::Unsupported { codec, feature } => {
            Error::unsupported(format!("{codec} with {feature}"))
        }
        anatome_codecs::Error::Limits { requested, allowed } => {
            Error::Limits { what: "bytes of a frame", needed: requested, allowed }
        }
        other => Error::malformed("pixel data", other.to_string()),
    }
}
