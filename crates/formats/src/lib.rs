//! Volumes in files that are not DICOM: NIfTI-1 and NIfTI-2 (read and written), NRRD and MetaImage (read).
//!
//! [`recognise`] tells the formats by their first bytes, [`ImageFile`] reads a header and then the volumes behind it,
//! [`write_nifti`] writes one. Nothing that a header says is trusted: every size is checked against what there is and
//! against [`Limits`] before memory is asked for, and compressed data are unpacked only as far as the header announced.
//!
//! Positions come out as LPS millimetres in f64, arrays as `[k, j, i]`; NIfTI's RAS is converted on the way. These
//! formats hold no patients; what free text they have is not read.

mod error;
mod fields;
mod files;
mod geometry;
mod image_file;
mod layout;
mod limits;
mod metaimage;
mod nifti;
mod nrrd;
mod recognise;
mod source;
mod text;
mod voxels;

pub use error::Error;
pub use image_file::{ImageFile, Loaded, load};
pub use limits::Limits;
pub use nifti::write_nifti;
pub use recognise::{Format, recognise};
pub use source::Source;
