//! NRRD by its definition (teem.sourceforge.net/nrrd/format.html).

use anatome_core::{ErrorKind, NoteCode};

use crate::made::{gzip, load_bytes, load_path, nrrd, one, stands_at, stored};

#[test]
fn spaces_become_lps() {
    for (space, x, y) in [
        ("left-posterior-superior", 1., 1.),
        ("LPS", 1., 1.),
        ("right-anterior-superior", -1., -1.),
        ("RAS", -1., -1.),
        ("left-anterior-superior", 1., -1.),
    ] {
        let loaded = one(nrrd(&[("space", space)]));
        assert_eq!(loaded.volume.grid().shape(), [2, 3, 2]);
        stands_at(loaded.volume.grid(), [1., 2., 1.], [12. * x, 26. * y, 34.]);
        assert_eq!(stored(&loaded.volume), (0..12).map(f64::from).collect::<Vec<_>>());
        assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    }
    for space in ["scanner-xyz", "3D-right-handed"] {
        assert!(one(nrrd(&[("space", space)])).notes.has(NoteCode::Assumed));
    }
    for space in ["3D-left-handed", "right-anterior-superior-time", "nowhere"] {
        assert_eq!(load_bytes(nrrd(&[("space", space)])).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}

#[test]
fn oblique_and_sheared_axes_are_kept() {
    let loaded = one(nrrd(&[("space directions", "(0,2,0) (-3,0,0) (0,1.5,4)")]));
    stands_at(loaded.volume.grid(), [1., 1., 1.], [7., 23.5, 34.]);
    let loaded = one(nrrd(&[("space units", "\"cm\" \"cm\" \"cm\"")]));
    stands_at(loaded.volume.grid(), [1., 0., 0.], [120., 200., 300.]);
}

#[test]
fn bytes_are_found_behind_the_header_in_any_encoding() {
    let header_of = |changes: &[(&str, &str)]| {
        let mut bytes = nrrd(changes);
        bytes.truncate(bytes.len() - 12);
        bytes
    };
    let voxels: Vec<u8> = (0..12).collect();
    let expected: Vec<f64> = (0..12).map(f64::from).collect();
    let zipped = [header_of(&[("encoding", "gzip")]), gzip(&voxels)].concat();
    assert_eq!(stored(&one(zipped).volume), expected);
    let skipped =
        [header_of(&[("line skip", "2"), ("byte skip", "3")]), b"a\nb\nxyz".to_vec(), voxels.clone()];
    assert_eq!(stored(&one(skipped.concat()).volume), expected);
    let from_end = [header_of(&[("byte skip", "-1")]), b"whatever".to_vec(), voxels.clone()].concat();
    assert_eq!(stored(&one(from_end).volume), expected);
    let inside =
        [header_of(&[("encoding", "gz"), ("byte skip", "3")]), gzip(&[b"xyz", &voxels[..]].concat())];
    assert_eq!(stored(&one(inside.concat()).volume), expected);
    let windows = String::from_utf8_lossy(&header_of(&[])).replace('\n', "\r\n").into_bytes();
    assert_eq!(stored(&one([windows, voxels.clone()].concat()).volume), expected);
    let big = header_of(&[("type", "short"), ("sizes", "1 3 2"), ("endian", "big")]);
    assert_eq!(stored(&one([big, voxels.clone()].concat()).volume)[1], 0x0203 as f64);
    let little = header_of(&[("type", "short"), ("sizes", "1 3 2"), ("endian", "little")]);
    assert_eq!(stored(&one([little, voxels].concat()).volume)[1], 0x0302 as f64);
}

#[test]
fn voxels_may_be_in_a_file_beside_the_header_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let voxels: Vec<u8> = (0..12).collect();
    std::fs::write(inner.join("a.raw"), &voxels).unwrap();
    std::fs::write(folder.path().join("secret.raw"), &voxels).unwrap();
    let load = |name: &str| {
        let mut header = nrrd(&[("data file", name)]);
        header.truncate(header.len() - 12);
        std::fs::write(inner.join("a.nhdr"), header).unwrap();
        load_path(&inner.join("a.nhdr"))
    };
    assert_eq!(stored(&load("a.raw").unwrap()[0].volume)[11], 11.0);
    assert_eq!(stored(&load("./a.raw").unwrap()[0].volume)[11], 11.0);
    let outside = folder.path().join("secret.raw");
    for name in ["../secret.raw", outside.to_str().unwrap(), "a/../../secret.raw"] {
        assert_eq!(load(name).unwrap_err().kind(), ErrorKind::Malformed, "{name}");
    }
    assert_eq!(load("gone.raw").unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(load("LIST").unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(load("slice%03d.raw 1 12 1").unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(load_bytes(nrrd(&[("data file", "a.raw")])).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn lists_in_front_and_times_behind_are_volumes() {
    let front = nrrd(&[
        ("dimension", "4"),
        ("sizes", "2 2 3 1"),
        ("kinds", "list domain domain domain"),
        ("space directions", "none (2,0,0) (0,3,0) (0,0,4)"),
    ]);
    let all = load_bytes(front).unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(stored(&all[0].volume), [0., 2., 4., 6., 8., 10.]);
    assert_eq!(stored(&all[1].volume), [1., 3., 5., 7., 9., 11.]);
    assert_eq!(all[1].part.as_deref(), Some("component 2 of 2"));
    let behind = nrrd(&[
        ("dimension", "4"),
        ("sizes", "2 3 1 2"),
        ("space directions", "(2,0,0) (0,3,0) (0,0,4) none"),
    ]);
    let all = load_bytes(behind).unwrap();
    assert_eq!(stored(&all[1].volume), [6., 7., 8., 9., 10., 11.]);
    assert_eq!(all[1].part.as_deref(), Some("time point 2 of 2"));
    let between = nrrd(&[
        ("dimension", "4"),
        ("sizes", "2 2 3 1"),
        ("space directions", "(2,0,0) none (0,3,0) (0,0,4)"),
    ]);
    assert_eq!(load_bytes(between).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn what_is_not_stated_is_assumed_aloud() {
    let plain =
        one(nrrd(&[("space", ""), ("space directions", ""), ("space origin", ""), ("spacings", "2 3 4")]));
    stands_at(plain.volume.grid(), [1., 1., 1.], [2., 3., 4.]);
    assert_eq!(plain.notes.iter().filter(|note| note.code == NoteCode::Assumed).count(), 3);
    let flat = one(nrrd(&[("dimension", "2"), ("sizes", "4 3"), ("space directions", "(2,0,0) (0,3,0)")]));
    assert_eq!(flat.volume.grid().shape(), [1, 3, 4]);
    assert!(flat.notes.has(NoteCode::Assumed));
}

#[test]
fn what_can_not_be_read_is_refused_by_name() {
    for (changes, kind) in [
        (&[("encoding", "bzip2")][..], ErrorKind::Unsupported),
        (&[("encoding", "ascii")], ErrorKind::Unsupported),
        (&[("encoding", "rot13")], ErrorKind::Malformed),
        (&[("type", "block")], ErrorKind::Unsupported),
        (&[("type", "quaternion")], ErrorKind::Malformed),
        (&[("kinds", "RGB-color space space")], ErrorKind::Unsupported),
        (&[("kinds", "complex space space")], ErrorKind::Unsupported),
        (&[("type", "int16")], ErrorKind::Malformed),
        (&[("type", "")], ErrorKind::Malformed),
        (&[("sizes", "2 3")], ErrorKind::Malformed),
    ] {
        let error = load_bytes(nrrd(changes)).unwrap_err();
        assert_eq!(error.kind(), kind, "{changes:?}: {error}");
    }
}

#[test]
fn free_text_is_nowhere() {
    let loaded = one(nrrd(&[]));
    assert!(!format!("{loaded:?}").contains("Miller"));
}
