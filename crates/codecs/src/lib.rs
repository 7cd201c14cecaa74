//! Memory-safe decoders for the DICOM encodings that no kept Rust library decodes.
//!
//! Bytes in, samples out: a decoder gets one frame's compressed bytes, the [`FrameShape`] that the dataset
//! announced, and a buffer of exactly that size. It writes little-endian samples, interleaved by pixel, row by
//! row. No decoder trusts the dimensions in the compressed bytes, and none starts a thread.
//!
//! ```
//! use anatome_codecs::{FrameShape, rle};
//!
//! let shape = FrameShape { columns: 3, rows: 2, samples_per_pixel: 1, bits_allocated: 8 };
//! let mut fragment = vec![0; 64];
//! fragment[0] = 1; // one segment,
//! fragment[4] = 64; // which starts behind the header
//! fragment.extend([0xFD, 7, 1, 8, 9, 0]); // 7 four times, then 8 and 9 as they are, then padding
//! let mut samples = vec![0; shape.byte_len()?];
//! rle::decode(&fragment, &shape, &mut samples)?;
//! assert_eq!(samples, [7, 7, 7, 7, 8, 9]);
//! # Ok::<(), anatome_codecs::Error>(())
//! ```

mod color;
mod error;
pub mod jpeg;
pub mod jpeg_ls;
pub mod rle;
mod shape;

pub use color::ColorSpace;
pub use error::{Codec, Defect, Error, Feature, Quantity};
pub use shape::FrameShape;
