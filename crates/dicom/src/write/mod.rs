//! From a volume to DICOM files: one single-frame CT or PET image for each slice.

mod attributes;
mod encode;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anatome_core::{Modality, Progress, Volume};
use rayon::prelude::*;

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
/// Each file is written aside and renamed. If anything fails, the files written by this call are removed.
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
    let name = |k: usize| folder.join(format!("{}{:04}.dcm", spec.file_prefix, k + 1));
    progress.start(slices as u64);
    let written: Vec<Result<PathBuf, Error>> = pool.install(|| {
        let write = |k: usize| {
            progress.check()?;
            let path = name(k);
            write_aside(&path, &slice_bytes(volume, &series, k)?)?;
            progress.advance(1);
            Ok(path)
        };
        (0..slices).into_par_iter().map(write).collect()
    });
    let mut paths = Vec::with_capacity(slices);
    let mut failure = None;
    for result in written {
        match result {
            Ok(path) => paths.push(path),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let Some(failure) = failure else { return Ok(paths) };
    for path in paths {
        // What can't be removed is left: the first failure is what counts.
        let _ = fs::remove_file(path);
    }
    Err(failure)
}

/// Writes a file under another name and renames it, so that it is there whole or not at all.
fn write_aside(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let aside = path.with_extension("dcm.part");
    let written: io::Result<()> = fs::write(&aside, bytes).and_then(|()| fs::rename(&aside, path));
    written.map_err(|cause| {
        let _ = fs::remove_file(&aside);
        Error::io("write the file", path, cause)
    })
}
