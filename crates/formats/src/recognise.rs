//! Telling formats apart by how files begin.

use std::ffi::OsStr;
use std::io::Read as _;
use std::path::Path;

use flate2::read::GzDecoder;

use crate::{nifti, nrrd};

/// A format of volumes that is not DICOM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// NIfTI-1.
    Nifti1,
    /// NIfTI-2.
    Nifti2,
    /// NRRD.
    Nrrd,
    /// MetaImage.
    MetaImage,
}

impl Format {
    /// The format's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nifti1 => "NIfTI-1",
            Self::Nifti2 => "NIfTI-2",
            Self::Nrrd => "NRRD",
            Self::MetaImage => "MetaImage",
        }
    }
}

/// The format of a file by its first bytes (a kilobyte is enough) and, where these do not tell, its name's ending.
/// `None` for anything else, such as DICOM.
#[must_use]
pub fn recognise(start: &[u8], name: &Path) -> Option<Format> {
    if is_gzip(start) {
        let unpacked = unpacked(start);
        // A damaged file of that name should be reported as one, not passed over.
        return nifti::recognise(&unpacked)
            .or_else(|| ends_with(name, &[".nii.gz"]).then_some(Format::Nifti1));
    }
    if nrrd::recognise(start) {
        return Some(Format::Nrrd);
    }
    let text = start.trim_ascii_start();
    let named = ends_with(name, &[".mha", ".mhd"]) && text.windows(5).any(|word| word == b"NDims");
    if text.starts_with(b"ObjectType") || named {
        return Some(Format::MetaImage);
    }
    nifti::recognise(start)
}

pub(crate) fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1F, 0x8B])
}

/// The beginning of what a gzip file holds, as far as its own beginning tells.
fn unpacked(start: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    let mut reader = GzDecoder::new(start);
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(count) if count > 0 => filled += count,
            _ => break,
        }
    }
    bytes.truncate(filled);
    bytes
}

fn ends_with(name: &Path, endings: &[&str]) -> bool {
    let name = name.file_name().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    endings.iter().any(|ending| name.ends_with(ending))
}
