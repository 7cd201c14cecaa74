//! Files that lie: a typed error, in less than a second and without memory.

use std::time::{Duration, Instant};

use anatome_core::{ErrorKind, NoteCode, Progress};
use anatome_formats::{Error, ImageFile, Limits, Source, load};

use crate::made::{Nifti1, gzip, load_bytes, load_path, metaimage, nrrd, one};

/// The kind of error of a file that must be refused at once.
#[track_caller]
fn refused(bytes: Vec<u8>) -> ErrorKind {
    let start = Instant::now();
    let error = load_bytes(bytes).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1), "{error} took {:?}", start.elapsed());
    error.kind()
}

#[test]
fn sizes_are_positive_and_within_the_limits() {
    let of = |sizes: &[i16]| refused(Nifti1::new(false).dim(sizes).bytes());
    assert_eq!(of(&[2, 3, 0]), ErrorKind::Malformed);
    assert_eq!(of(&[2, -3, 4]), ErrorKind::Malformed);
    assert_eq!(of(&[32_767, 32_767, 32_767]), ErrorKind::Limits);
    assert_eq!(of(&[1, 1, 1, 32_767, 32_767]), ErrorKind::Limits);
    assert_eq!(of(&[32_767; 7]), ErrorKind::Limits);
    // Within the limit, but the voxels are not there.
    assert_eq!(of(&[1000, 1000, 1000]), ErrorKind::Malformed);
    for rank in [0, 8, -1, i16::MAX] {
        assert_eq!(refused(Nifti1::new(false).i16(40, &[rank]).bytes()), ErrorKind::Malformed);
    }
    for sizes in ["0 3 2", "-2 3 2", "2 3 x", "1e9 1 1", ""] {
        assert_eq!(refused(nrrd(&[("sizes", sizes)])), ErrorKind::Malformed);
    }
    assert_eq!(refused(nrrd(&[("sizes", "99999999999 99999999999 2")])), ErrorKind::Limits);
    assert_eq!(refused(nrrd(&[("dimension", "17")])), ErrorKind::Malformed);
}

#[test]
fn axes_that_make_no_grid_are_refused() {
    let sform = |rows: [f32; 12]| refused(Nifti1::new(false).f32(280, &rows).bytes());
    assert_eq!(sform([0.; 12]), ErrorKind::Geometry);
    assert_eq!(sform([1., 1., 0., 0., 0., 0., 0., 0., 0., 0., 1., 0.]), ErrorKind::Geometry);
    for bad in [f32::NAN, f32::INFINITY, 1e30, 1e-30, f32::MIN_POSITIVE / 2.0] {
        assert_eq!(sform([bad, 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0.]), ErrorKind::Geometry, "{bad}");
    }
    assert_eq!(sform([1., 0., 0., 1e30, 0., 1., 0., 0., 0., 0., 1., 0.]), ErrorKind::Geometry);
    let qform = |quaternion: [f32; 3], distances: [f32; 4]| {
        let made = Nifti1::new(false).i16(252, &[1, 0]).f32(256, &quaternion).f32(76, &distances);
        refused(made.bytes())
    };
    assert_eq!(qform([f32::NAN, 0., 0.], [1.; 4]), ErrorKind::Geometry);
    assert_eq!(qform([1., 1., 1.], [1.; 4]), ErrorKind::Geometry);
    assert_eq!(qform([0.; 3], [1., 0., 1., 1.]), ErrorKind::Geometry);
    let directions = |text| refused(nrrd(&[("space directions", text)]));
    assert_eq!(directions("(0,0,0) (0,1,0) (0,0,1)"), ErrorKind::Geometry);
    assert_eq!(directions("(1,0,0) (1,0,0) (0,0,1)"), ErrorKind::Geometry);
    assert_eq!(directions("(1e30,0,0) (0,1,0) (0,0,1)"), ErrorKind::Geometry);
    assert_eq!(directions("(1,0,inf) (0,1,0) (0,0,1)"), ErrorKind::Malformed);
    assert_eq!(directions("(1,0,0) (0,1,0"), ErrorKind::Malformed);
    assert_eq!(directions("none none none"), ErrorKind::Unsupported);
    assert_eq!(refused(nrrd(&[("space origin", "(nan,0,0)")])), ErrorKind::Malformed);
}

#[test]
fn every_truncation_is_refused() {
    for whole in [
        Nifti1::new(true).bytes(),
        gzip(&Nifti1::new(false).bytes()),
        nrrd(&[]),
        metaimage(&[]),
        gzip(&Nifti1::new(false).dim(&[2, 3, 2, 2]).bytes()),
    ] {
        assert!(load_bytes(whole.clone()).is_ok());
        for length in 0..whole.len() {
            let kind = refused(whole[..length].to_vec());
            assert!(matches!(kind, ErrorKind::Malformed | ErrorKind::Unsupported), "{kind:?} at {length}");
        }
    }
}

#[test]
fn a_wrong_checksum_is_found() {
    let mut bytes = gzip(&Nifti1::new(false).bytes());
    let at = bytes.len() - 6;
    bytes[at] ^= 1;
    assert_eq!(refused(bytes), ErrorKind::Malformed);
}

/// 16 GB of zeros in 16 MB behind a small image: read no further than the image.
#[test]
fn a_bomb_behind_the_voxels_is_left_alone() {
    let zeros = gzip(&vec![0; 1 << 24]);
    let bytes = [gzip(&Nifti1::new(false).bytes()), zeros.repeat(1000)].concat();
    let start = Instant::now();
    let loaded = one(bytes);
    assert!(loaded.notes.has(NoteCode::Tolerated) && start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_small_file_can_not_ask_for_memory() {
    // 4 GB announced and 100 bytes there: deflate can't hold that much in so little.
    let made = Nifti1::new(false).dim(&[2000, 2000, 1000]);
    assert_eq!(refused(gzip(&made.bytes())), ErrorKind::Malformed);
    // Far more in front of the voxels than any header has.
    assert_eq!(refused(gzip(&Nifti1::new(false).f32(108, &[1e12]).bytes())), ErrorKind::Limits);
    for offset in [-1.0, f32::NAN, f32::INFINITY, 352.5, 100.0] {
        let kind = refused(Nifti1::new(false).f32(108, &[offset]).bytes());
        assert!(matches!(kind, ErrorKind::Malformed | ErrorKind::Limits), "{offset}");
    }
    assert_eq!(refused(nrrd(&[("byte skip", "999999999999")])), ErrorKind::Limits);
    assert_eq!(refused(nrrd(&[("byte skip", "-2")])), ErrorKind::Malformed);
    assert_eq!(refused(nrrd(&[("byte skip", "99999999999999999999")])), ErrorKind::Malformed);
    assert_eq!(refused(nrrd(&[("line skip", "1000")])), ErrorKind::Malformed);
    assert_eq!(refused(metaimage(&[("HeaderSize", "-7")])), ErrorKind::Malformed);
}

#[test]
fn limits_are_the_callers() {
    let tight = Limits::new(64 << 20, 23, 8 << 30);
    let load = |bytes: Vec<u8>| load(&Source::Bytes(bytes.into()), &tight, &Progress::new());
    let error = load(Nifti1::new(false).bytes()).unwrap_err();
    assert!(matches!(error, Error::Limits { needed: 24, allowed: 23, .. }), "{error}");
    // Each volume is small enough, all together are not.
    let made = Nifti1::new(false).dim(&[2, 3, 2, 2]);
    assert!(matches!(load(made.bytes()).unwrap_err(), Error::Limits { needed: 24, .. }));
    let one = ImageFile::open(&Source::Bytes(made.bytes().into()), &tight).unwrap();
    assert!(one.load(1, &Progress::new()).is_ok());
    // Conversion needs more memory than the file has bytes.
    let error = load(Nifti1::new(false).datatype(256, 8).bytes()).unwrap_err();
    assert!(matches!(error, Error::Limits { needed: 48, .. }), "{error}");
}

#[test]
fn a_header_without_end_is_refused() {
    let mut endless = b"NRRD0004\n".to_vec();
    endless.resize(80 << 20, b'#');
    assert_eq!(refused(endless), ErrorKind::Limits);
    let mut endless = b"ObjectType = Image\n".to_vec();
    endless.resize(80 << 20, b'x');
    assert_eq!(refused(endless), ErrorKind::Malformed);
    assert_eq!(refused(b"NRRD0004\nsizes: 1\nsizes: 2\n\n".to_vec()), ErrorKind::Malformed);
}

#[test]
fn what_no_volume_can_hold_is_refused_by_name() {
    for code in [1, 32, 128, 1536, 1792, 2048, 2304] {
        assert_eq!(refused(Nifti1::new(false).datatype(code, 8).bytes()), ErrorKind::Unsupported);
    }
    assert_eq!(refused(Nifti1::new(false).datatype(3, 8).bytes()), ErrorKind::Malformed);
    let mut analyze = Nifti1::new(false);
    analyze.header[344..348].fill(0);
    assert!(load_bytes(analyze.bytes()).is_err());
}

#[test]
fn a_file_that_changes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.nii");
    std::fs::write(&path, Nifti1::new(false).bytes()).unwrap();
    let file = ImageFile::open(&Source::from(path.as_path()), &Limits::default()).unwrap();
    std::fs::write(&path, &Nifti1::new(false).bytes()[..360]).unwrap();
    let error = file.load(0, &Progress::new()).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("changed"), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("a.nii");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if !made.is_ok_and(|status| status.success()) {
        return println!("SKIP: no mkfifo");
    }
    for path in [&fifo, std::path::Path::new("/dev/zero"), folder.path()] {
        assert_eq!(load_path(path).unwrap_err().kind(), ErrorKind::Io);
    }
}

#[test]
fn a_caller_can_cancel() {
    let progress = Progress::new();
    progress.cancel();
    let source = Source::Bytes(Nifti1::new(false).bytes().into());
    assert!(matches!(load(&source, &Limits::default(), &progress), Err(Error::Cancelled)));
}

#[test]
fn no_error_or_debug_text_holds_a_name_before_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Miller_Eve.nii");
    std::fs::write(&path, Nifti1::new(false).bytes()).unwrap();
    let source = Source::from(path.as_path());
    let file = ImageFile::open(&source, &Limits::default()).unwrap();
    let loaded = load_path(&path).unwrap();
    for text in [format!("{source:?}"), format!("{file:?}"), format!("{loaded:?}")] {
        assert!(!text.contains("Miller"), "{text}");
    }
}
