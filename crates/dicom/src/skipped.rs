//! Files that were left out.

use std::fmt;
use std::path::PathBuf;

use crate::Error;

/// A file, or an entry of an archive, that was left out, and why.
///
/// Paths may name patients, which is why notes hold none. Show this only to who asks for it, as a PACS administrator
/// does who must find the file.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The file; for an entry of an archive the archive's path with the entry's name behind it.
    pub path: PathBuf,
    /// Why it was left out. Holds no identity.
    pub reason: String,
}

impl fmt::Debug for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skipped").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl Skipped {
    /// A file with a reason that holds no identity.
    #[must_use]
    pub fn new(path: PathBuf, reason: String) -> Self {
        Self { path, reason }
    }

    pub(crate) fn of(path: PathBuf, error: &Error) -> Self {
        let reason = match error {
            Error::Io { cause, .. } => format!("{}: {cause}", kind(error)),
            Error::NotDicom { .. } => kind(error).to_owned(),
            other => format!("{}: {other}", kind(other)),
        };
        Self { path, reason }
    }
}

/// A note's text: no name of a file, nothing out of it.
pub(crate) fn kind(error: &Error) -> &'static str {
    match error {
        Error::Io { .. } => "could not be read",
        Error::NotDicom { .. } => "not a DICOM file",
        Error::Limits { .. } => "over a limit of size, nesting or count",
        Error::Unsupported { .. } => "a kind of file that is not supported",
        _ => "a damaged DICOM file",
    }
}
