//! Files that lie: an error or a note, never a panic, a long wait or a large allocation.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anatome_core::{ErrorKind, NoteCode, Progress};
use anatome_dicom::{Error, Frame, Limits, Source, group, scan};

use crate::made::{Image, loaded};
use crate::shared::{POOL, data, load_one, scan_all, scan_bytes, unzipped};

/// Scans and loads whatever there is; only panics and time count.
fn survives(name: &str, bytes: &[u8]) {
    let start = Instant::now();
    if let Ok(scanned) = scan_bytes(bytes.to_vec()) {
        for header in &scanned.instances {
            let _ = header.identity();
            for frame in Frame::all(header).take(4) {
                let _ = frame.stored_samples(&Limits::default());
            }
        }
        for series in group(scanned.instances) {
            let _ = load_one(&series);
        }
    }
    let took = start.elapsed();
    // Generous for a busy machine; what is wrong here takes minutes.
    assert!(took < Duration::from_secs(5), "{name} took {took:?}");
}

#[test]
fn every_malformed_file_ends_in_an_error_or_a_note() {
    let Some(zip) = data("malformed.zip") else { return };
    for (name, bytes) in unzipped(&zip, "malformed/") {
        survives(&name, &bytes);
    }
}

#[test]
fn the_plain_image_loads() {
    let volume = loaded(&Image::new().bytes()).unwrap().volume;
    assert_eq!(volume.samples().get([0, 3, 3]), Some(f64::from(0x0707)));
}

#[test]
fn every_truncation_is_survived() {
    let whole = Image::new().bytes();
    for length in 0..whole.len() {
        survives("a truncated file", &whole[..length]);
    }
    let pixels_cut = &whole[..whole.len() - 1];
    assert_eq!(loaded(pixels_cut).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn every_flipped_byte_is_survived() {
    let whole = Image::new().bytes();
    for at in 132..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            survives("a flipped byte", &bytes);
        }
    }
}

#[test]
fn a_lying_transfer_syntax_is_named() {
    let native = Image { syntax: "1.2.840.10008.1.2.4.80", ..Image::new() };
    assert_eq!(loaded(&native.bytes()).unwrap_err().kind(), ErrorKind::Malformed);
    let unknown = Image::new().encapsulated("1.2.3.4.5", b"abcd");
    let error = loaded(&unknown).unwrap_err();
    assert!(error.to_string().contains("1.2.3.4.5"), "{error}");
    let j2k = Image::new().encapsulated("1.2.840.10008.1.2.4.90", b"abcd");
    let error = loaded(&j2k).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }) && error.to_string().contains("JPEG 2000"), "{error}");
    let video = Image::new().encapsulated("1.2.840.10008.1.2.4.100", b"abcd");
    let error = loaded(&video).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("MPEG2"), "{error}");
    let retired = Image::new().encapsulated("1.2.840.10008.1.2.4.65", b"abcd");
    let error = loaded(&retired).unwrap_err();
    let named = error.to_string().contains("JPEG Lossless, Hierarchical");
    assert!(matches!(error, Error::Unsupported { .. }) && named, "{error}");
}

#[test]
fn identity_is_in_no_note_error_or_debug_text() {
    let image = Image::new().with((0x10, 0x10), b"PN", b"SECRET^NAME ").with((0x28, 0x30), b"DS", b"x\\y ");
    let scanned = scan_bytes(image.bytes()).unwrap();
    assert_eq!(scanned.instances[0].identity().patient_name.as_deref(), Some("SECRET^NAME"));
    let series = group(scanned.instances.clone());
    let error = load_one(&series[0]).unwrap_err();
    for text in [format!("{scanned:?}"), format!("{error:?}"), format!("{series:?}")] {
        assert!(!text.contains("SECRET"), "{text}");
    }
    assert!(!format!("{:?}", scanned.instances[0].identity()).contains("SECRET"));
}

#[test]
fn images_of_two_patients_never_meet() {
    let image = |name: &[u8], uid: &[u8], position: &[u8]| {
        let image = Image::new().with((0x10, 0x20), b"LO", name).with((0x08, 0x18), b"UI", uid);
        Source::Bytes(image.with((0x20, 0x32), b"DS", position).bytes().into())
    };
    let sources = [image(b"A ", b"2.25.11\0", b"0\\0\\0 "), image(b"B ", b"2.25.12\0", b"0\\0\\1 ")];
    assert_eq!(group(scan_all(&sources).unwrap().instances).len(), 2);
}

/// Of files that state neither ID nor name only those of one study are known to be of one patient.
#[test]
fn people_without_id_and_name_are_told_apart_by_study() {
    let series = |id: &[u8], study: &[u8]| {
        let image = Image::new().with((0x10, 0x10), b"PN", b"").with((0x10, 0x20), b"LO", id);
        group(scan_bytes(image.with((0x20, 0x0D), b"UI", study).bytes()).unwrap().instances).remove(0)
    };
    let [one, other] = [b"2.25.1\0\0", b"2.25.2\0\0"].map(|study| series(b"", study));
    assert!(one.is_of_patient_of(&series(b"", b"2.25.1\0\0")) && !one.is_of_patient_of(&other));
    assert!(series(b"A ", b"2.25.1\0\0").is_of_patient_of(&series(b"A ", b"2.25.2\0\0")));
}

#[test]
fn inputs_that_hold_nothing_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let scan_path = |path: &std::path::Path| scan_all(&[Source::from(path)]);
    let missing = scan_path(&folder.path().join("missing")).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }) && missing.to_string().ends_with("missing"), "{missing}");
    let empty = scan_path(folder.path()).unwrap_err();
    assert!(matches!(empty, Error::NothingFound { files: 0, .. }), "{empty}");
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "Dear colleague, nothing to see here. ".repeat(20)).unwrap();
    assert!(matches!(scan_path(&text).unwrap_err(), Error::NotDicom { .. }));
    std::fs::write(folder.path().join("b.txt"), "").unwrap();
    assert!(matches!(scan_path(folder.path()).unwrap_err(), Error::NothingFound { files: 2, .. }));
}

#[test]
fn files_among_others_become_notes_without_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("a/b/c");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("image"), Image::new().bytes()).unwrap();
    std::fs::write(folder.path().join("Miller_Eve.txt"), "text").unwrap();
    let scanned = scan_all(&[Source::from(folder.path())]).unwrap();
    assert_eq!((scanned.instances.len(), scanned.files), (1, 2));
    assert!(scanned.notes.has(NoteCode::FileSkipped));
    assert!(scanned.notes.iter().all(|note| !note.text.contains("Miller")));
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_are_followed_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("image.dcm"), Image::new().bytes()).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("nowhere"), folder.path().join("broken")).unwrap();
    let scanned = scan_all(&[Source::from(folder.path())]).unwrap();
    assert_eq!(scanned.instances.len(), 1);
}

#[test]
fn zips_are_read_as_they_are_but_not_within_zips() {
    let zipped = |files: &[(&str, Vec<u8>)]| {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let inner = zipped(&[("x", Image::new().bytes())]);
    let outer = zipped(&[("../../escape.dcm", Image::new().bytes()), ("inner.zip", inner)]);
    let scanned = scan_bytes(outer.clone()).unwrap();
    assert_eq!((scanned.instances.len(), scanned.files), (1, 3));
    assert!(scanned.notes.has(NoteCode::FileSkipped));
    assert!(load_one(&group(scanned.instances)[0]).is_ok());
    for length in (0..outer.len()).step_by(7) {
        survives("a truncated zip", &outer[..length]);
    }
}

#[test]
fn a_caller_can_cancel() {
    let progress = Progress::new();
    progress.cancel();
    let source = Source::Bytes(Image::new().bytes().into());
    assert!(matches!(scan(&[source], &Limits::default(), &POOL, &progress), Err(Error::Cancelled)));
}
