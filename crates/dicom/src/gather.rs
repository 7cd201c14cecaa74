//! From sources to instance headers.

use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anatome_core::{ErrorKind, NoteCode, Notes, Progress};
use rayon::prelude::*;

use crate::archive::Archive;
use crate::dicomdir::{Medium, Named};
use crate::gzip::{Gzip, MOST_INFLATION, OneWay, Unpacking};
use crate::scan::{ArchiveKind, FIRST_READ, Outcome, may_be_dicom, not_dicom, read_place};
use crate::skipped::kind;
use crate::source::{Origin, Part, Place, Search, Source, UNPACKED};
use crate::tar::{Entry, Seekable, Tar, is_tar};
use crate::{Error, InstanceHeader, Limits, SkipReasons, Skipped};

/// What a scan found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Scanned {
    /// One header for each DICOM object, in an order that depends only on the sources' names.
    pub instances: Vec<Arc<InstanceHeader>>,
    /// Files of other formats, as [`scan_beside`] was told to find.
    pub foreign: Vec<Source>,
    /// How many files and entries of archives were looked at.
    pub files: usize,
    /// What was skipped or tolerated.
    pub notes: Notes,
    /// Which files were skipped, or are images without pixels, and why. Paths may name patients: to be shown only to who asks.
    pub skipped: Vec<Skipped>,
}

/// Whether a file, by its path and first bytes, is for another reader.
pub type Foreign<'a> = dyn Fn(&Path, &[u8]) -> bool + Sync + 'a;

/// Reads the headers of all DICOM objects in `sources`, in parallel and without pixels.
///
/// Folders are searched with all folders in them. Archives are read as they are, but not archives within archives:
/// zip and tar from where they lie; gzip (a tar archive or a single file) in one pass, after which its DICOM objects are
/// unpacked again where they are wanted. Checksums of zip entries are not looked at here, but where their pixels are
/// read; one of a gzip file that is wrong is a note. The files that a DICOMDIR names are read, too, unless they lie
/// outside its folder; no file is read twice. Whatever is not DICOM or can't be read becomes a note and is listed in
/// [`Scanned::skipped`]. Counts files in `progress`.
///
/// # Errors
/// Io, if a source itself can't be opened; limits, if there are too many files; cancelled. If nothing at all is
/// found: the reason, for a single file; [`Error::NothingFound`] otherwise.
pub fn scan(
    sources: &[Source],
    limits: &Limits,
    pool: &rayon::ThreadPool,
    progress: &Progress,
) -> Result<Scanned, Error> {
    scan_beside(sources, &|_, _| false, limits, pool, progress)
}

/// As [`scan`], but files for which `foreign` is true are for the caller, in [`Scanned::foreign`]. It is asked with
/// the path and up to 16 KiB of the beginning of all that has not the mark of DICOM files and is no zip archive.
///
/// # Errors
/// As [`scan`].
pub fn scan_beside(
    sources: &[Source],
    foreign: &Foreign<'_>,
    limits: &Limits,
    pool: &rayon::ThreadPool,
    progress: &Progress,
) -> Result<Scanned, Error> {
    let mut search = Search::new(limits, progress);
    for source in sources {
        search.source(source)?;
    }
    let places = std::mem::take(&mut search.places);
    let mut gather = Gather {
        foreign,
        limits,
        pool,
        progress,
        search,
        scanned: Scanned {
            instances: Vec::new(),
            foreign: Vec::new(),
            files: 0,
            notes: Notes::new(),
            skipped: Vec::new(),
        },
        only_failure: None,
        kinds: Vec::new(),
        archives: Vec::new(),
        directories: Vec::new(),
        unpacked: 0,
    };
    gather.read(places)?;
    gather.directories()?;
    gather.archives()?;
    gather.finish(sources)
}

/// Different reasons for skipping files that notes give; further ones are only counted by kind.
const MOST_REASONS: usize = 32;

struct Gather<'a> {
    foreign: &'a Foreign<'a>,
    limits: &'a Limits,
    pool: &'a rayon::ThreadPool,
    progress: &'a Progress,
    search: Search<'a>,
    scanned: Scanned,
    only_failure: Option<Error>,
    /// How many errors of each kind were met; what is simply not DICOM does not count.
    kinds: Vec<(ErrorKind, usize)>,
    archives: Vec<(Place, ArchiveKind)>,
    directories: Vec<(Place, Vec<Vec<String>>)>,
    /// Bytes out of gzip archives that are kept.
    unpacked: u64,
}

impl Gather<'_> {
    fn read(&mut self, places: Vec<Place>) -> Result<(), Error> {
        self.count(places.len())?;
        self.progress.start(places.len() as u64);
        let (foreign, limits, progress) = (self.foreign, self.limits, self.progress);
        let outcomes: Result<Vec<Outcome>, Error> = self.pool.install(|| {
            let read = |place: Place| {
                progress.check()?;
                let outcome = read_place(place, foreign, limits);
                progress.advance(1);
                Ok(outcome)
            };
            places.into_par_iter().map(read).collect()
        });
        outcomes?.into_iter().try_for_each(|outcome| self.take(outcome))
    }

    fn count(&mut self, files: usize) -> Result<(), Error> {
        self.scanned.files += files;
        let (needed, allowed) = (self.scanned.files as u64, self.limits.files as u64);
        if needed > allowed {
            return Err(Error::Limits { what: "files in one scan", needed, allowed });
        }
        Ok(())
    }

    fn take(&mut self, outcome: Outcome) -> Result<(), Error> {
        match outcome {
            Outcome::Instance(header, notes) => {
                if header.lacks_pixels() {
                    let (path, reason) = (header.file(), "an image without pixel data".to_owned());
                    self.scanned.notes.add(NoteCode::FileDamaged, reason.clone());
                    self.scanned.skipped.push(Skipped { path, code: NoteCode::FileDamaged, reason });
                }
                self.scanned.instances.push(header);
                self.scanned.notes.append(notes);
            }
            Outcome::Archive(place, kind) => self.archives.push((place, kind)),
            Outcome::Directory(place, references) => self.directories.push((place, references)),
            Outcome::Foreign(place) => self.take_foreign(&place)?,
            Outcome::Skipped(place, error) => self.skip(&place, error),
        }
        Ok(())
    }

    fn skip(&mut self, place: &Place, error: Error) {
        let skipped = Skipped::of(place.name(), &error);
        let notes = &mut self.scanned.notes;
        let known = |note: &anatome_core::Note| note.code == skipped.code;
        let few = notes.iter().filter(|note| known(note)).count() < MOST_REASONS;
        let stated = few || notes.iter().any(|note| known(note) && note.text == skipped.reason);
        notes.add(skipped.code, if stated { &skipped.reason } else { kind(&error) });
        self.scanned.skipped.push(skipped);
        if !matches!(error, Error::NotDicom { .. }) {
            match self.kinds.iter_mut().find(|(kind, _)| *kind == error.kind()) {
                Some((_, count)) => *count += 1,
                None => self.kinds.push((error.kind(), 1)),
            }
        }
        self.only_failure = Some(error);
    }

    /// Files stay where they are; entries of archives are unpacked.
    fn take_foreign(&mut self, place: &Place) -> Result<(), Error> {
        let source = match place {
            Place::File(path, _) => Source::Path(path.to_path_buf()),
            Place::Bytes(bytes, _) => Source::Bytes(Arc::clone(bytes)),
            Place::Entry(..) | Place::Part(_) | Place::Unpacked(_) => {
                let left = self.limits.unpacked_bytes.saturating_sub(self.unpacked);
                let bytes = place.with_reader(0, |reader, _| {
                    let mut bytes = Vec::new();
                    let read = reader.take(left.saturating_add(1)).read_to_end(&mut bytes);
                    read.map(|_| bytes).map_err(|cause| place.io(cause))
                });
                match bytes.and_then(|bytes| self.keep(bytes.len() as u64).map(|()| bytes)) {
                    Ok(bytes) => Source::Bytes(bytes.into()),
                    Err(error) => {
                        self.skip(place, error);
                        return Ok(());
                    }
                }
            }
        };
        self.scanned.foreign.push(source);
        Ok(())
    }

    fn keep(&mut self, bytes: u64) -> Result<(), Error> {
        let (needed, allowed) = (self.unpacked.saturating_add(bytes), self.limits.unpacked_bytes);
        if needed > allowed {
            return Err(Error::Limits { what: "bytes unpacked from archives", needed, allowed });
        }
        self.unpacked = needed;
        Ok(())
    }

    /// Reads what directories name and folders did not give.
    fn directories(&mut self) -> Result<(), Error> {
        for (place, references) in std::mem::take(&mut self.directories) {
            // What an archive holds is read anyway.
            let Place::File(path, _) = &place else { continue };
            let folder = path.parent().unwrap_or(Path::new(""));
            let mut medium = Medium::new(folder);
            let mut missing = 0;
            for reference in &references {
                self.progress.check()?;
                let (path, code, reason) = match medium.find(reference) {
                    Named::There(file) => {
                        self.search.file(&file)?;
                        continue;
                    }
                    Named::Missing(file) => {
                        missing += 1;
                        (file, NoteCode::FileUnreadable, "named by the DICOMDIR, but not there")
                    }
                    Named::Outside => {
                        let reason = "named by the DICOMDIR, but outside its folder";
                        (path.to_path_buf(), NoteCode::FileSkipped, reason)
                    }
                };
                self.search.skip(&path, code, reason);
            }
            if missing > 0 {
                // Who named the directory is to know which it was; the notes say it of the files.
                let reason =
                    format!("{missing} of the {} files that it names are not there", references.len());
                self.scanned.skipped.push(Skipped::new(path.to_path_buf(), NoteCode::FileUnreadable, reason));
            }
        }
        let places = std::mem::take(&mut self.search.places);
        if places.is_empty() { Ok(()) } else { self.read(places) }
    }

    fn archives(&mut self) -> Result<(), Error> {
        for (place, kind) in std::mem::take(&mut self.archives) {
            let done = match kind {
                ArchiveKind::Zip => zip_entries(&place).and_then(|places| self.read(places)),
                ArchiveKind::Tar => self.tar(&place),
                ArchiveKind::Gzip => self.gzip(&place),
            };
            self.progress.check()?;
            match done {
                Err(error @ Error::Limits { what: "files in one scan", .. }) => return Err(error),
                Err(error) => self.skip(&place, error),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// What stands in front of damage is read all the same.
    fn tar(&mut self, archive: &Place) -> Result<(), Error> {
        let (places, damage) = match archive {
            Place::File(path, _) => {
                let file = std::fs::File::open(path).map_err(|cause| archive.io(cause))?;
                self.tar_entries(archive, Seekable(BufReader::new(file)))
            }
            Place::Bytes(bytes, _) => self.tar_entries(archive, Seekable(io::Cursor::new(bytes))),
            _ => return Err(Error::unsupported("an archive within an archive")),
        };
        self.read(places)?;
        damage.map_or(Ok(()), |cause| Err(archive_error("tar archive", archive, cause)))
    }

    fn tar_entries(
        &self,
        archive: &Place,
        stream: impl crate::tar::Stream,
    ) -> (Vec<Place>, Option<io::Error>) {
        let mut tar = Tar::new(stream);
        let mut places = Vec::new();
        loop {
            match tar.next() {
                Ok(Some(Entry { name, bytes, offset, is_file: true }))
                    if places.len() <= self.limits.files =>
                {
                    let part = Part { whole: archive.clone(), offset, bytes, entry: name };
                    places.push(Place::Part(Arc::new(part)));
                }
                Ok(Some(_)) if places.len() <= self.limits.files && !self.progress.is_cancelled() => {}
                Ok(_) => return (places, None),
                Err(cause) => return (places, Some(cause)),
            }
        }
    }

    fn gzip(&mut self, archive: &Place) -> Result<(), Error> {
        let gzip = Arc::new(Gzip::new(archive.clone()));
        archive.with_reader(0, |reader, _| {
            let mut unpacking = Unpacking::new(reader, self.progress);
            let done = self.unpack_all(&gzip, &mut unpacking);
            gzip.settle(unpacking);
            done
        })
    }

    fn unpack_all(&mut self, gzip: &Arc<Gzip>, unpacking: &mut dyn Read) -> Result<(), Error> {
        let archive = gzip.packed();
        let failed = |cause| archive_error("gzip file", archive, cause);
        let mut start = Vec::new();
        (&mut *unpacking).take(FIRST_READ as u64).read_to_end(&mut start).map_err(failed)?;
        let mut whole = io::Cursor::new(start.clone()).chain(unpacking);
        if is_tar(&start) {
            self.unpack_tar(gzip, &mut whole)?;
            // The checksum stands behind whatever follows the archive's own end.
            return io::copy(&mut whole, &mut io::sink()).map(drop).map_err(failed);
        }
        if !may_be_dicom(&start) {
            return Err(Error::NotDicom { path: archive.path().to_owned() });
        }
        let left = self.limits.unpacked_bytes.saturating_sub(self.unpacked);
        let place = Place::Unpacked(Arc::clone(gzip));
        let outcome = self.unpack(place, UNPACKED, &mut whole.take(left.saturating_add(1)))?;
        self.take(outcome)
    }

    /// Reads the archive in order. What stands in front of damage is kept.
    fn unpack_tar(&mut self, gzip: &Arc<Gzip>, stream: &mut dyn Read) -> Result<(), Error> {
        let archive = gzip.packed();
        let failed = |cause| archive_error("tar archive", archive, cause);
        self.progress.start(0);
        let mut tar = Tar::new(OneWay(stream));
        while let Some(entry) = tar.next().map_err(failed)? {
            self.progress.check()?;
            let Entry { name, bytes, offset, is_file } = entry;
            if !is_file {
                continue;
            }
            self.count(1)?;
            self.progress.advance(1);
            let mut start = Vec::new();
            let first = bytes.min(FIRST_READ as u64);
            let read = (&mut tar.stream.0).take(first).read_to_end(&mut start).map_err(failed)?;
            tar.advanced(read as u64);
            let whole = Place::Unpacked(Arc::clone(gzip));
            let place = Place::Part(Arc::new(Part { whole, offset, bytes, entry: name.clone() }));
            let allowed =
                self.limits.unpacked_bytes.saturating_sub(self.unpacked).min(self.limits.file_bytes);
            let refusal = if !may_be_dicom(&start) && !(self.foreign)(&place.name(), &start) {
                Some(not_dicom(&place))
            } else if bytes > allowed {
                Some(Error::Limits { what: "bytes unpacked from archives", needed: bytes, allowed })
            } else {
                None
            };
            if let Some(error) = refusal {
                self.skip(&place, error);
                continue;
            }
            let rest = bytes - first;
            let mut whole = io::Cursor::new(start).chain((&mut tar.stream.0).take(rest));
            let outcome = self.unpack(place, &name, &mut whole)?;
            tar.advanced(rest);
            self.take(outcome)?;
        }
        Ok(())
    }

    /// Looks at an object in memory, where it stays only if it is for another reader: what else is read of it will be
    /// unpacked from its place again.
    fn unpack(&mut self, place: Place, entry: &str, reader: &mut dyn Read) -> Result<Outcome, Error> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(|cause| archive_error("gzip file", &place, cause))?;
        let length = bytes.len() as u64;
        let origin = Origin { path: place.path().into(), entry: Some(entry.into()) };
        let mut outcome = read_place(Place::Bytes(bytes.into(), origin), self.foreign, self.limits);
        match &mut outcome {
            Outcome::Instance(header, _) => {
                if let Some(header) = Arc::get_mut(header) {
                    header.place = place;
                }
            }
            Outcome::Foreign(_) => self.keep(length)?,
            _ => {}
        }
        Ok(outcome)
    }

    fn finish(mut self, sources: &[Source]) -> Result<Scanned, Error> {
        for skipped in std::mem::take(&mut self.search.skipped) {
            self.scanned.notes.add(skipped.code, skipped.reason.clone());
            self.scanned.skipped.push(skipped);
        }
        if self.scanned.instances.is_empty() && self.scanned.foreign.is_empty() {
            return Err(match self.only_failure {
                Some(error) if self.scanned.files == 1 => error,
                _ => {
                    let reasons = SkipReasons::new(&self.scanned.notes, &self.kinds);
                    Error::NothingFound { files: self.scanned.files, path: first_path(sources), reasons }
                }
            });
        }
        Ok(self.scanned)
    }
}

fn first_path(sources: &[Source]) -> PathBuf {
    let path = sources.iter().find_map(|source| match source {
        Source::Path(path) => Some(path.clone()),
        Source::Bytes(_) => None,
    });
    path.unwrap_or_else(|| "(bytes)".into())
}

fn zip_entries(place: &Place) -> Result<Vec<Place>, Error> {
    let archive = match place {
        Place::File(path, _) => Archive::open_file(path),
        Place::Bytes(bytes, _) => Archive::open_bytes(Arc::clone(bytes)),
        _ => return Err(Error::unsupported("an archive within an archive")),
    };
    let archive = archive.map_err(|cause| archive_error("zip archive", place, cause))?;
    let plain = |index: &usize| archive.entry(*index).is_ok_and(|entry| entry.is_file);
    Ok((0..archive.len()).filter(plain).map(|index| Place::Entry(archive.clone(), index)).collect())
}

/// What damage of an archive, and what the operating system says about it, means.
fn archive_error(what: &'static str, archive: &Place, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof => Error::malformed(what, "it ends early"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Error::malformed(what, "it is damaged"),
        io::ErrorKind::FileTooLarge => {
            let (needed, allowed) = (MOST_INFLATION + 1, MOST_INFLATION);
            Error::Limits { what: "bytes unpacked from one byte of an archive", needed, allowed }
        }
        _ => archive.io(cause),
    }
}
