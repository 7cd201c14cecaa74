//! From a volume to DICOM files: one single-frame CT or PET image for each slice.

mod attributes;
mod encode;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anatome_core::{Modality, Progress, Volume};
use rayon::prelude::*;
use tempfile::TempDir;

use crate::Error;
pub(crate) use attributes::slice_bytes;

/// What the files of a generated series say beside the volume. There is no patient: names and dates are fixed.
///
/// Series written with one seed share study and frame of reference, and the same seed gives the same UIDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesSpec {
    /// From which all UIDs are made.
    pub seed: u64,
    /// Series Number (0020,0011), unique within the study.
    pub number: u16,
    /// Series Description (0008,103E), ASCII, at most 64 characters.
    pub description: String,
    /// What file names begin with, such as `ct-`.
    pub file_prefix: String,
}

/// Writes a volume as CT or PET images (PS3.3 A.3, A.21), explicit VR little endian, into `folder`, which is made if
/// it is not there. Counts slices in `progress`. Returns the files, in the order of slices.
///
/// Integer samples are written as they are, with the volume's slope, intercept, padding and windows; f32 samples as
/// 16 bits with a slope for each slice, off by at most half that slope. Tilted and uneven grids are written by the
/// position of each slice. The same volume and spec give the same bytes.
///
/// Files of the same names are replaced, and only when every new one is whole: all are written into a hidden folder
/// within `folder`, brought to the disk, and then renamed. If anything fails before that, or it is cancelled, `folder`
/// holds what it held. If the system refuses to rename in the midst, each file is still whole, but some are new and
/// some old, and the error names the first that is old.
///
/// # Errors
/// Io, with the path: no permission, a full disk. Unsupported, for modalities other than CT and PT and for grids
/// whose rows and columns are not at right angles. Cancelled.
pub fn write_series(
    volume: &Volume,
    spec: &SeriesSpec,
    folder: &Path,
    pool: &rayon::ThreadPool,
    progress: &Progress,
) -> Result<Vec<PathBuf>, Error> {
    if !matches!(volume.facts().modality, Modality::Ct | Modality::Pt) {
        let code = volume.facts().modality.code();
        return Err(Error::unsupported(format!("writing images of modality {code}")));
    }
    let series = attributes::SeriesAttributes::new(volume, spec)?;
    fs::create_dir_all(folder).map_err(|cause| Error::io("make the folder", folder, cause))?;
    let slices = volume.grid().shape()[0];
    let names: Vec<String> = (1..=slices).map(|n| format!("{}{n:04}.dcm", spec.file_prefix)).collect();
    if let Some(name) = names.iter().find(|name| folder.join(name).is_dir()) {
        let cause = io::ErrorKind::IsADirectory.into();
        return Err(Error::io("write the file", &folder.join(name), cause));
    }
    let aside = aside_in(folder)?;
    progress.start(slices as u64);
    pool.install(|| {
        names.par_iter().enumerate().try_for_each(|(k, name)| {
            progress.check()?;
            let bytes = slice_bytes(volume, &series, k)?;
            write_synced(&aside.path().join(name), &bytes)
                .map_err(|cause| Error::io("write the file", &folder.join(name), cause))?;
            progress.advance(1);
            Ok::<_, Error>(())
        })
    })?;
    progress.check()?;
    names.iter().map(|name| move_into(folder, name, &aside)).collect()
}

/// What the names of files and folders begin with that this process has not finished; [`UNFINISHED_SUFFIX`] ends them.
#[must_use]
pub fn unfinished_prefix() -> String {
    format!(".anatome-{}-", std::process::id())
}

/// See [`unfinished_prefix`].
pub const UNFINISHED_SUFFIX: &str = ".part";

/// A folder of a name that nothing else has. It goes, with what is in it, when it is dropped.
fn aside_in(folder: &Path) -> Result<TempDir, Error> {
    let builder = &mut tempfile::Builder::new();
    let aside = builder.prefix(&unfinished_prefix()).suffix(UNFINISHED_SUFFIX).tempdir_in(folder);
    // The system's answer without the temporary name.
    aside.map_err(|cause| Error::io("write into the folder", folder, cause.kind().into()))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn move_into(folder: &Path, name: &str, aside: &TempDir) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    match fs::rename(aside.path().join(name), &path) {
        Ok(()) => Ok(path),
        Err(cause) => Err(Error::io("write the file", &path, cause)),
    }
}
