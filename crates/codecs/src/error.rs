//! What can go wrong, grouped by who must act.

use std::fmt;

/// Why a frame could not be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The compressed bytes break their standard: whoever wrote the file must act.
    #[error("{codec} data is malformed near byte {offset}: {defect}")]
    Malformed {
        /// The decoder that refused.
        codec: Codec,
        /// The rule that is broken.
        defect: Defect,
        /// The position in the frame's compressed bytes at which the decoder noticed.
        offset: usize,
    },
    /// The compressed bytes may be valid, but this decoder lacks what they need.
    #[error("{codec} data uses {feature}, which is not supported")]
    Unsupported {
        /// The decoder that refused.
        codec: Codec,
        /// What it lacks.
        feature: Feature,
    },
    /// The compressed bytes and the caller disagree about the frame.
    #[error("{codec} data and the frame's description disagree: {quantity} is {found}, expected {expected}")]
    Mismatch {
        /// The decoder that refused.
        codec: Codec,
        /// What they disagree about.
        quantity: Quantity,
        /// What the caller announced.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// The frame does not fit into memory.
    #[error("a frame of {requested} bytes does not fit into an address space of {allowed} bytes")]
    Limits {
        /// The size of the decoded frame in bytes (`u64::MAX` where it is larger still).
        requested: u64,
        /// The largest size that can be addressed here, in bytes.
        allowed: u64,
    },
}

/// A decoder of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// DICOM RLE, PS3.5 Annex G.
    Rle,
    /// JPEG-LS, ITU-T T.87.
    JpegLs,
    /// JPEG, lossy and lossless, ITU-T T.81.
    Jpeg,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rle => "RLE",
            Self::JpegLs => "JPEG-LS",
            Self::Jpeg => "JPEG",
        })
    }
}

/// A rule of the standard that the compressed bytes break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Defect {
    /// The data ends before the frame is complete.
    #[error("the data ends before the frame is complete")]
    Truncated,
    /// There is more data than the frame can hold.
    #[error("there is more data than the frame can hold")]
    TooLong,
    /// An RLE segment begins outside the fragment or before the segment in front of it.
    #[error("segment {segment} begins at {start}, outside its place in the fragment")]
    SegmentOffset {
        /// The segment, counted from 0.
        segment: usize,
        /// The offset that the header states.
        start: u32,
    },
    /// The codestream does not begin with a start-of-image marker.
    #[error("no start-of-image marker")]
    NoStartOfImage,
    /// A marker was expected and something else found.
    #[error("expected a marker, found byte {found:#04X}")]
    NoMarker {
        /// The byte that stands where 0xFF should.
        found: u8,
    },
    /// A marker that may not stand at this place.
    #[error("marker 0xFF{code:02X} out of place")]
    UnexpectedMarker {
        /// The marker's second byte.
        code: u8,
    },
    /// A marker segment's length does not fit its content.
    #[error("marker segment 0xFF{code:02X} has a wrong length")]
    SegmentLength {
        /// The marker's second byte.
        code: u8,
    },
    /// The frame header states a size of zero, or a number of components or a precision that cannot be.
    #[error("impossible frame header")]
    FrameHeader,
    /// The scan header names components or modes that cannot be.
    #[error("impossible scan header")]
    ScanHeader,
    /// The preset coding parameters are out of their ranges.
    #[error("preset coding parameters out of range")]
    PresetParameters,
    /// A coded prediction error is larger than any that an encoder can produce.
    #[error("a coded prediction error is out of range")]
    PredictionError,
    /// A run is longer than its line.
    #[error("a run is longer than its line")]
    RunLength,
    /// A Huffman table has more codes than there can be.
    #[error("impossible Huffman table")]
    HuffmanTable,
    /// A quantisation table that is no table.
    #[error("impossible quantisation table")]
    QuantisationTable,
    /// A scan uses a table that was not defined.
    #[error("a table that a scan uses is not defined")]
    MissingTable,
    /// Bits that are no code of their Huffman table.
    #[error("bits that are no Huffman code")]
    HuffmanCode,
    /// A coefficient beyond the end of its block, or of impossible size.
    #[error("a coefficient out of range")]
    Coefficient,
    /// A restart marker is missing or has another number than is its turn.
    #[error("a restart marker is missing or out of turn")]
    RestartMarker,
    /// The codestream ends without a scan for each of its components.
    #[error("a component has no scan")]
    MissingScan,
}

/// Something valid that this crate does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Feature {
    /// A number of bits allocated that the encoding is not decoded to.
    #[error("{0} bits allocated")]
    BitsAllocated(u16),
    /// More components than 4.
    #[error("{0} components")]
    Components(u8),
    /// Another kind of JPEG.
    #[error("the coding process of marker 0xFF{0:02X}")]
    CodingProcess(u8),
    /// Arithmetic coding.
    #[error("arithmetic coding")]
    ArithmeticCoding,
    /// A pyramid of frames of growing resolution.
    #[error("hierarchical coding")]
    HierarchicalCoding,
    /// A height that only stands behind the first scan.
    #[error("a height that is stated behind the first scan")]
    LateHeight,
    /// More scans than any encoder writes.
    #[error("more than {0} scans")]
    Scans(usize),
    /// A precision that the process does not have.
    #[error("{0}-bit samples in this process")]
    SampleBits(u8),
    /// Components that are stored at different resolutions.
    #[error("subsampled components")]
    Subsampling,
    /// Samples that index a palette inside the codestream.
    #[error("mapping tables")]
    MappingTable,
    /// Samples that were shifted before they were coded.
    #[error("point transform by {0} bits")]
    PointTransform(u8),
    /// The colour transforms of Hewlett-Packard's encoder.
    #[error("colour transform {0}")]
    ColourTransform(u8),
    /// A preset parameter segment of another kind than the coding parameters.
    #[error("preset parameter segments of type {0}")]
    PresetType(u8),
}

/// What the compressed bytes and the caller disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// Samples in a row.
    Columns,
    /// Rows in the frame.
    Rows,
    /// Samples per pixel.
    SamplesPerPixel,
    /// Bits per sample: the codestream's precision exceeds the bits allocated.
    Precision,
    /// RLE segments: one for each byte of a pixel.
    Segments,
    /// Bytes in the buffer that takes the samples.
    OutputBytes,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Columns => "columns",
            Self::Rows => "rows",
            Self::SamplesPerPixel => "samples per pixel",
            Self::Precision => "bits per sample",
            Self::Segments => "number of segments",
            Self::OutputBytes => "size of the output in bytes",
        })
    }
}
