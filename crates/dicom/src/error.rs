//! What can go wrong, grouped by who must act.

use std::io;
use std::path::{Path, PathBuf};

use anatome_core::ErrorKind;

use crate::SkipReasons;

/// Why files gave no series, a series no volume, or a volume no files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action}: {cause}: {}", path.display())]
    Io {
        /// What was tried, such as `read the file`.
        action: &'static str,
        /// The system's answer.
        cause: io::Error,
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A file that is no DICOM file.
    #[error("not a DICOM file: {}", path.display())]
    NotDicom {
        /// The file.
        path: PathBuf,
    },
    /// Inputs without a single DICOM object.
    #[error("no DICOM files among {files} found in {}{reasons}", path.display())]
    NothingFound {
        /// How many files were looked at.
        files: usize,
        /// The first input.
        path: PathBuf,
        /// Why what was found could not be read.
        reasons: SkipReasons,
    },
    /// The input breaks the DICOM standard.
    #[error("{what} is not valid: {reason}")]
    Malformed {
        /// The part that is broken.
        what: &'static str,
        /// How it is broken.
        reason: String,
    },
    /// Valid input that this version can't handle.
    #[error("{feature} is not supported")]
    Unsupported {
        /// What is missing, named as the standard names it.
        feature: String,
    },
    /// Slices that make no grid.
    #[error("the slices make no volume: {0}")]
    Geometry(#[from] StackFault),
    /// A limit would be exceeded; nothing was allocated.
    #[error("{what}: {needed} needed, {allowed} allowed")]
    Limits {
        /// What is limited, with its unit.
        what: &'static str,
        /// How much the input asks for.
        needed: u64,
        /// How much is allowed.
        allowed: u64,
    },
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The model refused.
    #[error(transparent)]
    Core(anatome_core::Error),
}

impl From<anatome_core::Error> for Error {
    fn from(error: anatome_core::Error) -> Self {
        match error {
            anatome_core::Error::Cancelled => Self::Cancelled,
            other => Self::Core(other),
        }
    }
}

impl Error {
    /// The kind from which exit codes are made.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Io,
            Self::NothingFound { reasons, .. } => reasons.kind,
            Self::NotDicom { .. } | Self::Malformed { .. } => ErrorKind::Malformed,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Geometry(_) => ErrorKind::Geometry,
            Self::Limits { .. } => ErrorKind::Limits,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Core(error) => error.kind(),
        }
    }

    /// The same fault again, if it lies in one image's pixels and others may be whole.
    pub(crate) fn of_one_image(&self) -> Option<Self> {
        match self {
            Self::Malformed { what, reason } => Some(Self::malformed(what, reason)),
            Self::Unsupported { feature } => Some(Self::unsupported(feature)),
            _ => None,
        }
    }

    /// The same error once more, for another image of the same file.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Io { action, cause, path } => {
                let cause = io::Error::new(cause.kind(), cause.to_string());
                Self::Io { action, cause, path: path.clone() }
            }
            &Self::Limits { what, needed, allowed } => Self::Limits { what, needed, allowed },
            Self::Cancelled => Self::Cancelled,
            other => other.of_one_image().unwrap_or_else(|| Self::malformed("image", other.to_string())),
        }
    }

    pub(crate) fn io(action: &'static str, path: &Path, cause: io::Error) -> Self {
        Self::Io { action, cause, path: path.to_owned() }
    }

    pub(crate) fn malformed(what: &'static str, reason: impl Into<String>) -> Self {
        Self::Malformed { what, reason: reason.into() }
    }

    pub(crate) fn unsupported(feature: impl Into<String>) -> Self {
        Self::Unsupported { feature: feature.into() }
    }
}

/// Why slices make no grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StackFault {
    /// Image Position (Patient) (0020,0032) is absent or not three finite numbers.
    #[error("{images} of the images state no position (0020,0032)")]
    NoPosition {
        /// How many images have none.
        images: usize,
    },
    /// Frames whose positions do not follow from what their object states.
    #[error("the positions of {images} of the images are not known: {reason}")]
    Unplaced {
        /// How many frames have none.
        images: usize,
        /// What is absent or wrong, and where.
        reason: &'static str,
    },
    /// Image Orientation (Patient) (0020,0037) is absent or not six finite numbers.
    #[error("the images state no orientation (0020,0037)")]
    NoOrientation,
    /// The orientation is not made of two unit vectors at right angles.
    #[error("the orientation (0020,0037) is off from two unit vectors at right angles by {error}")]
    NotOrthonormal {
        /// The largest error of length or right angle.
        error: f64,
    },
    /// Pixel Spacing (0028,0030) is absent or not two positive numbers.
    #[error("the images state no usable pixel spacing (0028,0030)")]
    NoSpacing,
    /// A distance or a place that no scanner has: nothing could be computed with it.
    #[error("a spacing or a position of {mm:e} mm")]
    OutOfProportion {
        /// The distance, or the largest coordinate.
        mm: f64,
    },
    /// The first voxels of the slices do not stand on one line.
    #[error("the first voxels of the slices leave their line by {deviation_mm:.3} mm")]
    OffLine {
        /// The largest distance from the line in mm.
        deviation_mm: f64,
    },
    /// Slices at one position along the normal, but at different places in their plane.
    #[error("slices side by side in one plane")]
    SamePlane,
    /// Images that differ in time or by their settings, not in their place.
    #[error("all {images} images stand at one position")]
    OnePosition {
        /// How many there are.
        images: usize,
    },
    /// Several images at most positions, such as phases of which some are incomplete.
    #[error("{images} images stand at {positions} positions, and nothing tells which belong together")]
    Mixed {
        /// How many there are.
        images: usize,
        /// At how many positions.
        positions: usize,
    },
}
