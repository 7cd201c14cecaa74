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
    assert_eq!(load_bytes(nrrd(&[("data file", "a.raw")])).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn voxels_may_be_in_several_files() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0u8..4 {
        let voxels: Vec<u8> = [b'#'].into_iter().chain(3 * n..3 * n + 3).collect();
        std::fs::write(folder.path().join(format!("s {n:02}.raw")), &voxels).unwrap();
        std::fs::write(folder.path().join(format!("s{}.raw", 10 - n)), &voxels[1..]).unwrap();
        std::fs::write(folder.path().join(format!("s{n}.gz")), gzip(&voxels[1..])).unwrap();
    }
    let load = |changes: &[(&str, &str)], after: &str| {
        let mut header = nrrd(changes);
        header.truncate(header.len() - 12 - "secret:=Miller^Eve\n\n".len());
        header.extend_from_slice(after.as_bytes());
        std::fs::write(folder.path().join("a.nhdr"), header).unwrap();
        load_path(&folder.path().join("a.nhdr"))
    };
    let expected: Vec<f64> = (0..12).map(f64::from).collect();
    let listed = [("byte skip", "-1"), ("data file", "LIST")];
    let names = "s 00.raw\r\ns 01.raw\ns 02.raw\n\ns 03.raw";
    assert_eq!(stored(&load(&listed, names).unwrap()[0].volume), expected);
    let skipped = [("byte skip", "1"), ("data file", "LIST 2")];
    assert_eq!(stored(&load(&skipped, names).unwrap()[0].volume), expected);
    let falling = [("data file", "s%d.raw 10 7 -1 2")];
    assert_eq!(stored(&load(&falling, "").unwrap()[0].volume), expected);
    let zipped = [("encoding", "gzip"), ("data file", "s%1d.gz 0 3 1")];
    assert_eq!(stored(&load(&zipped, "").unwrap()[0].volume), expected);
    for (name, after, kind) in [
        ("LIST", "s 00.raw\ns 01.raw\ns 02.raw\ns 09.raw", ErrorKind::Io),
        ("LIST", "s 00.raw\n../a.raw", ErrorKind::Malformed),
        ("LIST", "", ErrorKind::Malformed),
        ("LIST", "s10.raw\ns9.raw\ns8.raw\ns7.raw\ns7.raw", ErrorKind::Malformed),
        ("s%d.raw 7 10 -1", "", ErrorKind::Malformed),
        ("s%d.raw 0 10 0", "", ErrorKind::Malformed),
        ("s%99999999d.raw 0 3 1", "", ErrorKind::Malformed),
        ("s%d.raw 0 9223372036854775807 1", "", ErrorKind::Limits),
        ("s%d.raw -9223372036854775808 9223372036854775807 1", "", ErrorKind::Limits),
    ] {
        assert_eq!(load(&[("data file", name)], after).unwrap_err().kind(), kind, "{name}");
    }
    // One file that is too short is no reason to go on with the next.
    std::fs::write(folder.path().join("s9.raw"), [1, 2]).unwrap();
    assert_eq!(load(&falling, "").unwrap_err().kind(), ErrorKind::Malformed);
}

/// Text has no byte order.
#[test]
fn voxels_may_be_numbers_in_words() {
    let load = |kind: &str, voxels: &str| {
        let mut header = nrrd(&[("type", kind), ("encoding", "ascii")]);
        header.truncate(header.len() - 12);
        load_bytes([&header, voxels.as_bytes()].concat())
    };
    let words = "0 -1 2\n3\t4 5\r\n 6,7 8 9 10 -32768";
    let expected = [0., -1., 2., 3., 4., 5., 6., 7., 8., 9., 10., -32768.];
    assert_eq!(stored(&load("short", words).unwrap()[0].volume), expected);
    assert_eq!(stored(&load("short", &format!("{words}\n")).unwrap()[0].volume), expected);
    let floats = load("float", "1.5 2 3 4 5 6 7 8 9 1e1 nan 12").unwrap().remove(0);
    assert_eq!(stored(&floats.volume)[..2], [1.5, 2.0]);
    assert!(floats.notes.has(NoteCode::NotFinite));
    assert!(load("short", &format!("{words} 7")).unwrap()[0].notes.has(NoteCode::Tolerated));
    for broken in ["0 1 2", "0 1 2 3 4 5 6 7 8 9 10 x", "0 1 2 3 4 5 6 7 8 9 10 40000", &"1".repeat(9999)] {
        assert_eq!(load("short", broken).unwrap_err().kind(), ErrorKind::Malformed);
    }
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
        (&[("encoding", "hex")], ErrorKind::Unsupported),
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
