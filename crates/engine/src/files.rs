//! Files that are either whole or not there.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anatome_core::{Image, Notes, Progress, Volume};
use anatome_dicom::{UNFINISHED_SUFFIX, unfinished_prefix};
use tempfile::NamedTempFile;

use crate::{Error, PictureFormat, Result, Workers, encode};

/// Whether a file that is already there may be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overwrite {
    /// It stays, and writing fails.
    #[default]
    Never,
    /// It is replaced in one step, when the new one is whole.
    Allowed,
}

/// Writes a picture, encoded on the threads of `workers`; see [`encode`].
///
/// # Errors
/// Exists; I/O, when the folder can't be written or the disk is full: then nothing is left behind. Unsupported, for
/// pixels that the format can't hold.
pub fn write_picture(
    image: &Image,
    path: &Path,
    format: PictureFormat,
    overwrite: Overwrite,
    workers: &Workers,
) -> Result<()> {
    write_whole(path, &encode(image, format, workers)?, overwrite)
}

/// Writes a volume as NIfTI, compressed if the name ends in `.gz`; see [`anatome_formats::write_nifti`]. The notes say
/// what the file does not hold exactly. Counts slices in `progress`.
///
/// # Errors
/// Unknown, for a name that ends neither in `.nii` nor in `.nii.gz`; unsupported, for uneven slices; exists; I/O and
/// cancelled, after which nothing is left behind.
pub fn write_nifti(volume: &Volume, path: &Path, overwrite: Overwrite, progress: &Progress) -> Result<Notes> {
    let gzip = nifti_is_gzip(path)?;
    whole(path, overwrite, |file| match anatome_formats::write_nifti(volume, file, gzip, progress) {
        Err(anatome_formats::Error::Io { cause, .. }) => Err(Error::io("cannot write", path)(cause)),
        other => Ok(other?),
    })
}

/// Whether a NIfTI file of this name is compressed.
///
/// # Errors
/// Unknown, for a name that ends neither in `.nii` nor in `.nii.gz`.
pub fn nifti_is_gzip(path: &Path) -> Result<bool> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match (name.ends_with(".nii"), name.ends_with(".nii.gz")) {
        (true, _) => Ok(false),
        (_, true) => Ok(true),
        _ => {
            let known = "names that end in .nii or .nii.gz".to_owned();
            Err(Error::Unknown { kind: "format to write", name, known })
        }
    }
}

/// Writes bytes under a temporary name beside the file, then renames.
///
/// # Errors
/// Exists; I/O, after which nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8], overwrite: Overwrite) -> Result<()> {
    whole(path, overwrite, |file| file.write_all(bytes).map_err(Error::io("cannot write", path)))
}

/// Checks, before work is put into a file, that it could be written now.
///
/// # Errors
/// Exists; I/O: there is no such folder, it can't be written to, or the path is itself a folder.
pub fn check_target(path: &Path, overwrite: Overwrite) -> Result<()> {
    aside(path, overwrite).map(drop)
}

/// Writes through a file aside, which is renamed when its bytes are on the disk.
fn whole<T>(path: &Path, overwrite: Overwrite, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let failed = || Error::io("cannot write", path);
    let mut file = aside(path, overwrite)?;
    // Not through the temporary file: its errors name it rather than what is being written.
    let written = write(file.as_file_mut())?;
    file.as_file().sync_all().map_err(failed())?;
    let persisted = match overwrite {
        Overwrite::Allowed => file.persist(path),
        Overwrite::Never => file.persist_noclobber(path),
    };
    match persisted {
        Ok(_) => Ok(written),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::Exists { path: path.to_owned() })
        }
        Err(e) => Err(failed()(e.error)),
    }
}

/// A file beside the one that is to be written, of a name that nothing else has. It goes when it is dropped.
fn aside(path: &Path, overwrite: Overwrite) -> Result<NamedTempFile<File>> {
    let failed = || Error::io("cannot write", path);
    if path.is_dir() {
        return Err(failed()(io::ErrorKind::IsADirectory.into()));
    }
    if overwrite == Overwrite::Never && path.exists() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    aside_in(folder).map_err(failed())
}

fn aside_in(folder: &Path) -> io::Result<NamedTempFile<File>> {
    // Created here, because the crate's own files are private to the user.
    let create = |aside: &Path| File::options().write(true).create_new(true).open(aside);
    tempfile::Builder::new().prefix(&unfinished_prefix()).suffix(UNFINISHED_SUFFIX).make_in(folder, create)
}

/// Removes from a folder what this process has not finished writing, as far as the system allows: for a program that
/// ends now, while other threads still write.
pub fn remove_unfinished(folder: &Path) {
    let prefix = unfinished_prefix();
    let own = |name: &str| name.starts_with(&prefix) && name.ends_with(UNFINISHED_SUFFIX);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(own) {
            let path = entry.path();
            // Whatever can't be removed is the system's to tell: the program ends.
            drop(if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) });
        }
    }
}

/// A folder that is there; if it was made for this and nothing was put into it, it goes when this is dropped, with its
/// parents that were made, too.
#[derive(Debug)]
pub struct OutFolder {
    /// The folders that were made, the innermost first.
    made: Vec<PathBuf>,
}

impl OutFolder {
    /// Makes a folder, and its parents, if they are not there, and checks that files can be made in it.
    ///
    /// # Errors
    /// I/O.
    pub fn make(path: &Path) -> Result<Self> {
        if path.exists() && !path.is_dir() {
            return Err(Error::io("cannot write into the folder", path)(io::ErrorKind::NotADirectory.into()));
        }
        let absent = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let made = path.ancestors().take_while(absent).map(Path::to_owned).collect();
        let folder = Self { made };
        std::fs::create_dir_all(path).map_err(Error::io("cannot make the folder", path))?;
        aside_in(path).map_err(Error::io("cannot write into the folder", path))?;
        Ok(folder)
    }
}

impl Drop for OutFolder {
    fn drop(&mut self) {
        for path in &self.made {
            // Refused, as it should be, where something is in it.
            if std::fs::remove_dir(path).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_when_allowed_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        write_whole(&path, b"one", Overwrite::Never).unwrap();
        assert!(matches!(write_whole(&path, b"two", Overwrite::Never), Err(Error::Exists { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write_whole(&path, b"two", Overwrite::Allowed).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_whole(&folder.path().join("no/such/a"), b"", Overwrite::Never).is_err());
        let taken = write_whole(folder.path(), b"", Overwrite::Allowed).unwrap_err();
        assert!(matches!(taken, Error::Io { .. }) && folder.path().is_dir(), "{taken}");
    }

    #[test]
    fn only_what_this_process_has_not_finished_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mine = aside_in(folder.path()).unwrap();
        let inside = folder.path().join(format!("{}x{UNFINISHED_SUFFIX}", unfinished_prefix()));
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("slice"), b"").unwrap();
        let others = [".anatome-1-abc.part", "picture.png"].map(|name| folder.path().join(name));
        others.iter().for_each(|path| std::fs::write(path, b"").unwrap());
        remove_unfinished(folder.path());
        assert!(!mine.path().exists() && !inside.exists() && others.iter().all(|path| path.exists()));
    }

    #[test]
    fn folders_that_were_made_for_nothing_go() {
        let outer = tempfile::tempdir().unwrap();
        let (kept, path) = (outer.path().join("a"), outer.path().join("a/b/c"));
        std::fs::create_dir(&kept).unwrap();
        drop(OutFolder::make(&path).unwrap());
        assert!(kept.exists() && !kept.join("b").exists());
        let folder = OutFolder::make(&path).unwrap();
        std::fs::write(path.join("file"), b"").unwrap();
        drop(folder);
        assert!(path.join("file").exists());
        drop(OutFolder::make(&kept).unwrap());
        assert!(kept.exists());
    }
}
