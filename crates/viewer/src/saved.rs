//! Sessions as files.

use std::path::{Path, PathBuf};

use anatome::Overwrite;
use anatome::files::write_whole;
use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::config::user_folder;
use crate::document::{Document, Entry};
use crate::session::{SeriesId, Session};

/// A session with what it is a session of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saved {
    /// What was opened, in its order. Paths may name patients: so may the file.
    pub inputs: Vec<Vec<PathBuf>>,
    /// What the series are, to see whether files have changed.
    pub series: Vec<Known>,
    pub session: Session,
}

/// What tells a series from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    pub id: SeriesId,
    pub modality: String,
    /// Frames, rows and columns.
    pub shape: Option<[usize; 3]>,
    /// A digest of its UID, or of its grid where files have none: another patient's may have the same shape.
    pub digest: u64,
}

impl Known {
    pub(crate) fn of(entry: &Entry, document: &Document) -> Self {
        let digest = match document.series(entry.id) {
            Some(series) => {
                let part = series.part().unwrap_or_default();
                digest([series.series_instance_uid(), "\0", part].into_iter().flat_map(str::bytes))
            }
            None => {
                let part = document.image_part(entry.id);
                let corners = part.into_iter().flat_map(|part| {
                    let grid = part.file().grid();
                    [DVec3::ZERO, DVec3::X, DVec3::Y, DVec3::Z].map(|at| grid.patient_from_index(at))
                });
                let name = entry.facts.part.iter().flat_map(|part| part.bytes());
                digest(corners.flat_map(|at| at.to_array()).flat_map(f64::to_le_bytes).chain(name))
            }
        };
        let (modality, shape) = (entry.facts.modality.code().to_owned(), entry.facts.shape);
        Self { id: entry.id, modality, shape, digest }
    }
}

/// FNV-1a: the same on every machine and in every version of this program.
fn digest(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes
        .fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Why a session can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot read the session: {0}")]
    Io(#[from] std::io::Error),
    #[error("not a session: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a usable session: {0}")]
    Unusable(&'static str),
}

/// The largest file that is read as a session.
const MOST_BYTES: u64 = 64 << 20;

impl Saved {
    /// Reads and checks a session.
    ///
    /// # Errors
    /// If it can't be read, or makes no sense.
    pub(crate) fn read(path: &Path) -> Result<Self, LoadError> {
        if std::fs::metadata(path)?.len() > MOST_BYTES {
            return Err(LoadError::Unusable("the file is too large"));
        }
        let saved: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        match saved.session.fault() {
            Some(fault) => Err(LoadError::Unusable(fault)),
            None => Ok(saved),
        }
    }

    /// Writes the session: whole, or not at all.
    ///
    /// # Errors
    /// As [`write_whole`].
    pub(crate) fn write(&self, path: &Path, overwrite: Overwrite) -> anatome::Result<()> {
        // A session is plain data without keys that JSON could not hold.
        let json = serde_json::to_vec_pretty(self).unwrap_or_default();
        write_whole(path, &json, overwrite)
    }
}

/// Where the session is usually kept against a crash, in the user's own folder.
#[must_use]
pub fn autosave_path() -> Option<PathBuf> {
    user_folder("XDG_DATA_HOME", ".local/share").map(|folder| folder.join("autosave.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.json");
        let saved = Saved { inputs: vec![vec!["a".into()]], series: Vec::new(), session: Session::default() };
        saved.write(&path, Overwrite::Never).unwrap();
        assert_eq!(Saved::read(&path).unwrap(), saved);
        assert!(saved.write(&path, Overwrite::Never).is_err());
    }

    #[test]
    fn the_digest_is_that_of_its_specification() {
        assert_eq!(digest("foobar".bytes()), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn what_is_no_session_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.json");
        let mut saved = Saved { inputs: Vec::new(), series: Vec::new(), session: Session::default() };
        saved.session.active = 7;
        saved.write(&path, Overwrite::Never).unwrap();
        assert!(matches!(Saved::read(&path), Err(LoadError::Unusable(_))));
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(Saved::read(&path), Err(LoadError::Json(_))));
    }
}
