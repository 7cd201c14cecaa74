//! Files that lie: an error or a note, never a panic, a long wait or a large allocation.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anatome_core::{ErrorKind, NoteCode, Progress};
use anatome_dicom::{Error, Frame, Limits, Source, group, scan};

use crate::made::{EXPLICIT, Image, element, loaded, meta};
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
fn nesting_is_limited_wherever_it_is_and_however_deep() {
    for depth in [70, 2_000, 200_000] {
        for undefined in [true, false] {
            let mut nested = Vec::new();
            if undefined {
                for _ in 0..depth {
                    nested.extend_from_slice(
                        b"\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF",
                    );
                }
            } else {
                // Every level states the length of what is in it.
                let mut length = 0u32;
                let mut levels = Vec::new();
                for _ in 0..depth {
                    levels.push(length);
                    length += 20;
                }
                for &inner in levels.iter().rev() {
                    nested.extend_from_slice(b"\x40\x00\x30\xA7SQ\0\0");
                    nested.extend_from_slice(&(inner + 8).to_le_bytes());
                    nested.extend_from_slice(b"\xFE\xFF\x00\xE0");
                    nested.extend_from_slice(&inner.to_le_bytes());
                }
            }
            let mut bytes = meta(EXPLICIT);
            bytes.extend(element((8, 0x16), b"UI", b"1.2\0"));
            bytes.extend(nested);
            let error = scan_bytes(bytes).unwrap_err();
            assert!(matches!(error, Error::Limits { allowed: 64, .. }), "{depth}: {error}");
        }
    }
}

#[test]
fn a_million_empty_items_are_over_the_limit_and_quick() {
    let mut bytes = meta(EXPLICIT);
    bytes.extend_from_slice(b"\x40\x00\x30\xA7SQ\0\0\xFF\xFF\xFF\xFF");
    for _ in 0..1_100_000 {
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0\0\0\0\0");
    }
    let start = Instant::now();
    assert!(matches!(scan_bytes(bytes).unwrap_err(), Error::Limits { .. }));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn lengths_beyond_the_end_are_malformed() {
    for (tag, vr) in [((0x10u16, 0x10u16), b"UT"), ((0x40, 0xA730), b"SQ"), ((0x09, 0x1010), b"OB")] {
        let mut bytes = Image::new().bytes();
        let at = bytes.len() - 44;
        bytes.truncate(at);
        bytes.extend_from_slice(&[tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat());
        bytes.extend_from_slice(vr);
        bytes.extend_from_slice(&[0, 0, 0xF0, 0xFF, 0xFF, 0x0F]);
        assert_eq!(scan_bytes(bytes).unwrap_err().kind(), ErrorKind::Malformed);
    }
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

/// Damage within each kind of codestream: any outcome but a panic or a long wait.
#[test]
fn flipped_codestreams_are_survived() {
    let Some(zip) = data("syntaxes.zip") else { return };
    for name in [
        "MR_small_RLE.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "JPGLosslessP14SV1_1s_1f_8b.dcm",
        "JPEGLSNearLossless_08.dcm",
    ] {
        let files = unzipped(&zip, &format!("syntaxes/pydicom/{name}"));
        let whole = files.values().next().unwrap();
        let mut state = 0x2545_F491_4F6C_DD1Du64;
        for _ in 0..300 {
            let mut bytes = whole.to_vec();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = 400 + (state >> 33) as usize % (bytes.len() - 400);
                bytes[at] = (state >> 20) as u8;
            }
            survives(name, &bytes);
        }
    }
}

#[test]
fn impossible_pixel_modules_are_refused_before_anything_is_allocated() {
    let kind = |image: Image| loaded(&image.bytes()).unwrap_err().kind();
    let image = Image::new;
    assert_eq!(kind(image().us((0x28, 0x10), 0)), ErrorKind::Malformed);
    assert_eq!(kind(image().without((0x28, 0x10))), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x10), 65_535).us((0x28, 0x11), 65_535)), ErrorKind::Limits);
    // Within the limit, but the pixels are not there.
    assert_eq!(kind(image().us((0x28, 0x10), 8_000).us((0x28, 0x11), 8_000)), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x100), 0)), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x100), 13)), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x101), 17)), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x02), 0)), ErrorKind::Malformed);
    assert_eq!(kind(image().us((0x28, 0x02), 65_535)), ErrorKind::Malformed);
    for frames in [&b"-1"[..], b"0 ", b"many", b"1e"] {
        assert_eq!(kind(image().with((0x28, 0x08), b"IS", frames)), ErrorKind::Malformed);
    }
    assert_eq!(kind(image().with((0x28, 0x08), b"IS", b"2147483647")), ErrorKind::Limits);
    assert_eq!(kind(image().with((0x28, 0x08), b"IS", b"2 ")), ErrorKind::Malformed);
    assert_eq!(kind(image().with((0x28, 0x04), b"CS", b"RGB ").us((0x28, 0x02), 3)), ErrorKind::Unsupported);
    assert_eq!(kind(image().with((0x28, 0x04), b"CS", b"PALETTE COLOR ")), ErrorKind::Unsupported);
}

#[test]
fn codestreams_that_do_not_fit_the_header_are_malformed() {
    let big = || Image::new().us((0x28, 0x10), 16_000).us((0x28, 0x11), 16_000);
    let jpeg = b"\xFF\xD8\xFF\xC0\0\x0B\x08\xFF\xDC\xFF\xDC\x01\x01\x11\0";
    let jpeg_ls = b"\xFF\xD8\xFF\xF7\0\x0B\x10\x3E\x80\x3E\x80\x01\x01\x11\0";
    for (syntax, fragment) in [
        ("1.2.840.10008.1.2.5", &[0u8; 64][..]),
        ("1.2.840.10008.1.2.4.50", jpeg),
        ("1.2.840.10008.1.2.4.70", jpeg),
        ("1.2.840.10008.1.2.4.80", jpeg_ls),
        ("1.2.840.10008.1.2.4.80", b"garbage!"),
        ("1.2.840.10008.1.2.4.80", b""),
    ] {
        for image in [big(), Image::new()] {
            let start = Instant::now();
            let error = loaded(&image.encapsulated(syntax, fragment)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{syntax}: {error}");
            assert!(start.elapsed() < Duration::from_secs(1), "{syntax}");
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
fn geometry_that_makes_no_grid_is_refused() {
    let kind = |image: Image| loaded(&image.bytes()).unwrap_err().kind();
    let orientation = (0x20, 0x37);
    for bad in [
        &b"0\\0\\0\\0\\0\\0"[..],
        b"1\\0\\0\\1\\0\\0",
        b"1\\0\\0\\0\\1",
        b"1\\0\\0\\.5\\1\\0",
        b"a\\b\\c\\d\\e\\f",
    ] {
        assert_eq!(kind(Image::new().with(orientation, b"DS", bad)), ErrorKind::Geometry);
    }
    for bad in [&b"0\\0 "[..], b"-1\\1", b"nan\\1 ", b"inf\\1 ", b"1e308\\1e308 ", b"0,5\\0,5 ", b"1 "] {
        assert_eq!(kind(Image::new().with((0x28, 0x30), b"DS", bad)), ErrorKind::Geometry);
    }
    for tag in [(0x20, 0x32), orientation, (0x28, 0x30)] {
        assert_eq!(kind(Image::new().without(tag)), ErrorKind::Geometry);
    }
    for slope in [&b"0 "[..], b"nan ", b"inf "] {
        assert_eq!(kind(Image::new().with((0x28, 0x1053), b"DS", slope)), ErrorKind::Malformed);
    }
}

#[test]
fn a_deflate_bomb_stops_at_the_limit() {
    let mut dataset = element((8, 0x16), b"UI", b"1.2\0");
    dataset.extend_from_slice(b"\x09\x00\x10\x10OB\0\0\0\0\0\x20");
    dataset.resize(dataset.len() + (512 << 20), 0);
    let mut deflated =
        flate2::write::DeflateEncoder::new(meta("1.2.840.10008.1.2.1.99"), flate2::Compression::fast());
    deflated.write_all(&dataset).unwrap();
    drop(dataset);
    let bytes = deflated.finish().unwrap();
    assert!(matches!(scan_bytes(bytes).unwrap_err(), Error::Limits { .. }));
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
