//! DICOM files to series and volumes, and volumes to DICOM files.
//!
//! The line through this crate: [`scan`] reads headers from files, folders, archives, DICOMDIRs and bytes; [`group`]
//! sorts them into [`Series`]; [`load`] decodes one into a volume, and [`Stack`] gives the frames of one that is none.
//! [`write_series`] goes the
//! other way. Nothing that a file says is trusted: every length,
//! depth and size is checked against what there is and against [`Limits`] before it is followed.
//!
//! Positions are LPS millimetres in f64, arrays `[k, j, i]`. Errors and notes hold no identity.

mod archive;
mod behind;
mod charset;
mod codestream;
mod color;
mod damage;
mod decode;
mod dicomdir;
mod elements;
mod error;
mod format;
mod fragments;
mod frame;
mod functional_groups;
mod gather;
mod group;
mod gzip;
mod handover;
mod header;
mod limits;
mod load;
mod mosaic;
mod native;
pub mod objects;
mod overlay;
mod parse;
mod phase;
mod scan;
mod series;
mod sides;
mod skipped;
mod slices;
mod source;
mod spacing;
mod stack;
mod survey;
mod suv;
mod syntax;
mod tar;
mod units;
mod values;
mod write;

pub use color::SupplementalPalette;
pub use decode::FrameReader;
pub use error::{Error, StackFault};
pub use frame::Frame;
pub use gather::{Scanned, scan, scan_beside};
pub use group::group;
pub use handover::{Coming, FinishedSlice, SliceSink};
pub use header::{Identity, InstanceHeader, PixelModule, Plane, Values};
pub use limits::{Limits, LimitsFault, number_with_unit};
pub use load::{Loaded, load, load_with};
pub use overlay::{Overlay, OverlayKind};
pub use phase::Phase;
pub use series::{Form, Series};
pub use sides::Sides;
pub use skipped::{SkipReasons, Skipped};
pub use source::Source;
pub use spacing::{FrameSpacing, SpacingSource, UltrasoundRegion};
pub use stack::{FramePixels, GreyFrame, Stack, StackFrame};
pub use survey::{DamagedFrames, Survey, SurveyedValues};
pub use suv::{ReferenceTime, SuvRefusal, SuvReport, SuvStep, SuvType};
pub use syntax::TransferSyntax;
pub use write::{SeriesSpec, UNFINISHED_SUFFIX, unfinished_prefix, write_series};
