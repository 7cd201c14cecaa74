//! Files that were left out.

use std::fmt;
use std::path::PathBuf;

use anatome_core::{ErrorKind, NoteCode, Notes};

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
    /// What became of it: [`NoteCode::FileSkipped`], [`NoteCode::FileDamaged`] or [`NoteCode::FileUnreadable`]; for the
    /// file of an image of a series [`NoteCode::Damaged`], or [`NoteCode::Tolerated`] where a copy stands in for it.
    pub code: NoteCode,
    /// Why it was left out. Holds no identity.
    pub reason: String,
}

impl fmt::Debug for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skipped")
            .field("code", &self.code)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl Skipped {
    /// A file with a reason that holds no identity.
    #[must_use]
    pub fn new(path: PathBuf, code: NoteCode, reason: String) -> Self {
        Self { path, code, reason }
    }

    pub(crate) fn of(path: PathBuf, error: &Error) -> Self {
        let reason = match error {
            Error::Io { cause, .. } => format!("{}: {cause}", kind(error)),
            Error::NotDicom { .. } => kind(error).to_owned(),
            other => format!("{}: {other}", kind(other)),
        };
        Self { path, code: code(error), reason }
    }
}

fn code(error: &Error) -> NoteCode {
    match error {
        Error::NotDicom { .. } | Error::Unsupported { .. } => NoteCode::FileSkipped,
        Error::Io { .. } | Error::Limits { .. } => NoteCode::FileUnreadable,
        _ => NoteCode::FileDamaged,
    }
}

/// So many reasons are told, the rest counted.
const MOST_TOLD: usize = 3;

/// Why nothing of what was found could be read. Displayed behind what was looked for, with a colon in front; empty if
/// nothing was found at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkipReasons {
    /// Each reason, without identity, with how many files it cost; the most frequent first.
    pub counts: Vec<(String, usize)>,
    /// The kind of the most frequent error, apart from files that are simply not DICOM.
    pub kind: ErrorKind,
}

impl SkipReasons {
    /// Of the notes of a scan, with the kinds of errors that it met.
    pub(crate) fn new(notes: &Notes, kinds: &[(ErrorKind, usize)]) -> Self {
        let codes = [NoteCode::FileSkipped, NoteCode::FileDamaged, NoteCode::FileUnreadable];
        let skipped = notes.iter().filter(|note| codes.contains(&note.code));
        let mut counts: Vec<_> = skipped.map(|note| (note.text.clone(), note.count)).collect();
        counts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let most = kinds.iter().max_by_key(|&&(kind, count)| (count, kind == ErrorKind::Limits));
        Self { counts, kind: most.map_or(ErrorKind::Io, |&(kind, _)| kind) }
    }
}

impl fmt::Display for SkipReasons {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, (reason, count)) in self.counts.iter().take(MOST_TOLD).enumerate() {
            let between = if n == 0 { ": " } else { "; " };
            write!(f, "{between}{reason}")?;
            if *count > 1 {
                write!(f, " ({count} times)")?;
            }
        }
        match self.counts.len().saturating_sub(MOST_TOLD) {
            0 => Ok(()),
            1 => f.write_str("; and another reason"),
            more => write!(f, "; and {more} other reasons"),
        }
    }
}

/// A note's text: no name of a file, nothing out of it.
pub(crate) fn kind(error: &Error) -> &'static str {
    match error {
        Error::Io { .. } => "could not be read",
        Error::NotDicom { .. } => "not a DICOM file",
        Error::Limits { .. } => "over a limit of size, nesting or count",
        Error::Unsupported { .. } => "a kind of file that is not supported",
        Error::Malformed { what: "zip archive" | "tar archive" | "gzip file", .. } => "a damaged archive",
        _ => "a damaged DICOM file",
    }
}
