//! Class 10: sets of files, folders and archives. What DICOMDIR, tar and gzip add is in `sources.rs`.

use std::io::Write as _;

use anatome_core::{ErrorKind, NoteCode};
use anatome_dicom::{Error, FrameReader, Limits, Source, Stack, group};

use super::{good, good_ones_load, pixels};
use crate::made::Image;
use crate::shared::{load_one, scan_all, scan_bytes};

fn series_of(images: &[Image]) -> Vec<anatome_dicom::Series> {
    let sources: Vec<Source> = images.iter().map(|image| Source::Bytes(image.bytes().into())).collect();
    group(scan_all(&sources).unwrap().instances)
}

#[test]
fn a_file_that_is_there_twice_is_used_once() {
    let other = || good(1).with((0x7FE0, 0x10), b"OW", &[9; 32]);
    for (name, second) in [("the same bytes", good(1)), ("other bytes", other())] {
        let series = series_of(&[good(0), good(1), second, good(2)]);
        assert_eq!(series.len(), 1, "{name}");
        let loaded = load_one(&series[0]).unwrap();
        assert_eq!(loaded.volume.grid().shape(), [3, 4, 4], "{name}");
        assert!(loaded.notes.has(NoteCode::InstanceSkipped), "{name}");
    }
}

#[test]
fn two_patients_in_one_study_never_meet() {
    let of = |n: usize, patient: &[u8]| good(n).with((0x10, 0x20), b"LO", patient);
    let series = series_of(&[of(0, b"A "), of(1, b"A "), of(0, b"B "), of(1, b"B ")]);
    assert_eq!(series.iter().map(|series| series.frames().len()).collect::<Vec<_>>(), [2, 2]);
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Entries with names that lead elsewhere are read, and nothing is written anywhere.
#[test]
fn a_zip_that_slips_is_only_read() {
    let bytes: Vec<Vec<u8>> = (0..3).map(|n| good(n).bytes()).collect();
    let names = ["../../../tmp/a", "/etc/passwd", "C:\\x\0y"];
    let files: Vec<(&str, &[u8])> = names.into_iter().zip(bytes.iter().map(Vec::as_slice)).collect();
    good_ones_load(scan_bytes(zipped(&files)).unwrap()).unwrap();
}

/// A gigabyte of zeros behind a header that asks for them, and one behind nothing.
#[test]
fn a_zip_bomb_is_an_entry_that_is_skipped() {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let mut header = Image::new().without((0x7FE0, 0x10)).bytes();
    header.extend_from_slice(b"\x09\x00\x10\x10OB\0\0\0\0\0\x10");
    for start in [header.as_slice(), &[]] {
        writer.start_file(format!("bomb of {}", start.len()), options).unwrap();
        writer.write_all(start).unwrap();
        for _ in 0..256 {
            writer.write_all(&[0; 1 << 20]).unwrap();
        }
    }
    for n in 0..3 {
        writer.start_file(format!("good {n}"), options).unwrap();
        writer.write_all(&good(n).bytes()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    let start = std::time::Instant::now();
    let scanned = scan_bytes(bytes).unwrap();
    assert_eq!(scanned.skipped.len(), 2);
    good_ones_load(scanned).unwrap();
    assert!(start.elapsed() < std::time::Duration::from_secs(1), "{:?}", start.elapsed());
}

/// The directory of a zip promises gigabytes where there are bytes.
#[test]
fn a_zip_that_promises_gigabytes_has_what_it_has() {
    let image = Image::new().us((0x28, 0x10), 16_000).us((0x28, 0x11), 16_000).without((0x7FE0, 0x10));
    let mut giant = image.bytes();
    giant.extend_from_slice(b"\xE0\x7F\x10\x00OW\0\0\0\x40\x84\x1E");
    let mut bytes = zipped(&[("giant", &giant)]);
    let directory = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").unwrap();
    bytes[directory + 24..directory + 28].copy_from_slice(&0x7000_0000u32.to_le_bytes());
    let series = group(scan_bytes(bytes).unwrap().instances);
    assert_eq!(load_one(&series[0]).unwrap_err().kind(), ErrorKind::Malformed);
}

fn written(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> Source {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    Source::from(path)
}

/// Whatever reads pixels says that the file is another one, or gone.
#[test]
fn files_that_change_or_go_between_scan_and_load_are_io_errors() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<Vec<u8>> = (0..3).map(|n| good(n).bytes()).collect();
    let entries: Vec<(&str, &[u8])> =
        ["a", "b", "c"].into_iter().zip(bytes.iter().map(Vec::as_slice)).collect();
    let several = crate::sources::tar(
        &entries.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect::<Vec<_>>(),
    );
    for (name, bytes) in [("image", bytes[0].clone()), ("zip", zipped(&entries)), ("tar", several)] {
        let source = written(&folder, name, &bytes);
        let path = folder.path().join(name);
        let scanned = scan_all(&[source]).unwrap();
        let header = scanned.instances[0].clone();
        let series = &group(scanned.instances)[0];
        let limits = Limits::default();
        let reader = FrameReader::new(&header, &limits).unwrap();
        let stack = Stack::new(series, &limits).unwrap();
        assert!(reader.stored_bytes(0).is_ok(), "{name}");
        let attempts = || -> [Error; 4] {
            [
                load_one(series).unwrap_err(),
                reader.stored_bytes(0).unwrap_err(),
                stack.frame(0).unwrap_err(),
                series.frames()[0].stored_samples(&limits).unwrap_err(),
            ]
        };
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        for error in attempts() {
            assert!(
                error.kind() == ErrorKind::Io && error.to_string().contains("changed"),
                "{name}: {error}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        // An archive that is open stays so where the system allows it, and has changed.
        for error in attempts() {
            assert_eq!(error.kind(), ErrorKind::Io, "{name}: {error}");
        }
    }
}

#[cfg(unix)]
#[test]
fn special_files_and_links_to_nowhere_leave_the_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3 {
        written(&folder, &format!("good {n}"), &good(n).bytes());
    }
    let link = |to: &str, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link("/dev/zero", "zero");
    link("/nowhere", "broken");
    link(".", "circle");
    link("good 0", "again");
    let fifo = std::process::Command::new("mkfifo").arg(folder.path().join("fifo")).status();
    assert!(fifo.is_ok_and(|status| status.success()));
    let scanned = scan_all(&[Source::from(folder.path())]).unwrap();
    assert_eq!(scanned.instances.len(), 3);
    assert!(scanned.notes.has(NoteCode::FileSkipped));
    good_ones_load(scanned).unwrap();
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_leaves_the_good_ones() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3 {
        written(&folder, &format!("good {n}"), &good(n).bytes());
    }
    written(&folder, "secret", &Image::new().bytes());
    let path = folder.path().join("secret");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&path).is_ok() {
        return println!("SKIP: whoever runs this reads everything");
    }
    let scanned = scan_all(&[Source::from(folder.path())]).unwrap();
    assert_eq!((scanned.instances.len(), scanned.skipped.len()), (3, 1));
    good_ones_load(scanned).unwrap();
}

/// A slice of a series, in RLE or native, whole or cut off.
fn slice(n: usize, is_packed: bool, cut: usize) -> Vec<u8> {
    let number = n.to_string();
    let image = good(n).with((0x20, 0x13), b"IS", number.as_bytes());
    if is_packed {
        let frame = pixels::rle();
        return image.encapsulated(pixels::RLE, &frame[..frame.len() - cut]);
    }
    let bytes = image.bytes();
    bytes[..bytes.len() - cut].to_vec()
}

fn loaded_from(files: Vec<Vec<u8>>) -> anatome_dicom::Loaded {
    let sources: Vec<Source> = files.into_iter().map(|bytes| Source::Bytes(bytes.into())).collect();
    let series = group(scan_all(&sources).unwrap().instances);
    assert!(series[0].frames().len() > 1, "{series:?}");
    load_one(&series[0]).unwrap()
}

fn says(loaded: &anatome_dicom::Loaded, text: &str) -> bool {
    loaded.notes.iter().any(|note| note.text.contains(text))
}

/// Whether the header tells of the damage or only decoding does, and whichever of the two is found first.
#[test]
fn a_whole_copy_stands_in_for_a_damaged_one() {
    for is_packed in [true, false] {
        let [whole, cut] = [0, 2].map(|cut| slice(1, is_packed, cut));
        let others = [slice(0, is_packed, 0), slice(2, is_packed, 0)];
        let with = |copies: &[&Vec<u8>]| {
            let copies = copies.iter().map(|&copy| copy.clone());
            loaded_from(copies.chain(others.clone()).collect())
        };
        let expected = with(&[&whole]);
        for copies in [[&whole, &cut], [&cut, &whole]] {
            let loaded = with(&copies);
            assert_eq!(loaded.volume.grid(), expected.volume.grid());
            assert_eq!(loaded.volume.samples(), expected.volume.samples());
            assert!(!loaded.notes.has(NoteCode::Damaged), "{:?}", loaded.notes);
        }
        let loaded = with(&[&cut, &whole]);
        assert!(says(&loaded, "image 1 was read from another copy: "), "{:?}", loaded.notes);
        assert_eq!(loaded.damaged.len(), 1);
        let lost = with(&[&cut, &cut]);
        assert!(says(&lost, "image 1 was left out: "), "{:?}", lost.notes);
        assert!(lost.notes.has(NoteCode::Damaged));
        assert_eq!(lost.volume.grid().shape()[0], 2);
        assert!(lost.damaged.iter().all(|file| file.reason.starts_with("a damaged DICOM file: ")));
    }
}

#[test]
fn a_copy_that_means_something_else_does_not_stand_in() {
    let cut = slice(1, true, 2);
    let other = good(1).with((0x20, 0x13), b"IS", b"1 ").with((0x28, 0x1053), b"DS", b"2 ");
    let other = other.encapsulated(pixels::RLE, &pixels::rle());
    let loaded = loaded_from(vec![cut, other, slice(0, true, 0), slice(2, true, 0)]);
    assert!(says(&loaded, "image 1 was left out: "), "{:?}", loaded.notes);
}

#[test]
fn frames_of_a_stack_are_read_from_a_whole_copy() {
    let frame = pixels::rle();
    let cine = |cut: usize| {
        let cine = Image::new().without((0x20, 0x32)).with((0x28, 8), b"IS", b"1 ");
        cine.encapsulated(pixels::RLE, &frame[..frame.len() - cut])
    };
    let native = |frames: usize| {
        let pixels: Vec<u8> = (0..frames * 32).map(|n| n as u8).collect();
        let cine = Image::new().without((0x20, 0x32)).with((0x28, 8), b"IS", b"2 ");
        cine.with((0x7FE0, 0x10), b"OW", &pixels).bytes()
    };
    let pairs = [[cine(0), cine(2)], [cine(2), cine(0)], [native(2), native(1)], [native(1), native(2)]];
    for (n, pair) in pairs.into_iter().enumerate() {
        let sources: Vec<Source> = pair.into_iter().map(|bytes| Source::Bytes(bytes.into())).collect();
        let series = group(scan_all(&sources).unwrap().instances);
        assert_eq!(series.len(), 1, "{n}");
        let stack = Stack::new(&series[0], &Limits::default()).unwrap();
        for frame in 0..stack.frames().len() {
            assert!(stack.frame(frame).is_ok(), "{n}");
        }
        assert_eq!(stack.frames().len(), if n < 2 { 1 } else { 2 });
        let survey = stack.survey(&crate::shared::POOL, &anatome_core::Progress::new()).unwrap();
        assert!(survey.damaged.is_empty(), "{n}");
    }
}
