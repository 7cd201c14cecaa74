//! What can go wrong, grouped by who must act.

use std::io;
use std::path::{Path, PathBuf};

use anatome_core::ErrorKind;

/// Why a file gave no volume, or a volume no file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action}: {cause}: {}", path.display())]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The system's answer.
        cause: io::Error,
        /// The path that was asked for.
        path: PathBuf,
    },
    /// A file of none of the formats.
    #[error("not a NIfTI, NRRD or MetaImage file: {}", path.display())]
    Unrecognised {
        /// The file.
        path: PathBuf,
    },
    /// The input breaks its format.
    #[error("{what} is not valid: {reason}")]
    Malformed {
        /// The part that is broken.
        what: &'static str,
        /// How it is broken.
        reason: String,
    },
    /// Valid input that this version can't handle, or a volume that the format can't hold.
    #[error("{feature} is not supported")]
    Unsupported {
        /// What is missing, in the format's words.
        feature: String,
    },
    /// Axes, spacings or positions that make no grid.
    #[error("the geometry is not usable: {reason}")]
    Geometry {
        /// What is wrong about it.
        reason: String,
    },
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
            anatome_core::Error::Geometry(fault) => Self::geometry(fault.to_string()),
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
            Self::Unrecognised { .. } | Self::Malformed { .. } => ErrorKind::Malformed,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Geometry { .. } => ErrorKind::Geometry,
            Self::Limits { .. } => ErrorKind::Limits,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Core(error) => error.kind(),
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

    pub(crate) fn geometry(reason: impl Into<String>) -> Self {
        Self::Geometry { reason: reason.into() }
    }
}
