//! MetaImage by MetaIO's documentation.

use anatome_core::{ErrorKind, Modality, NoteCode, Unit};

use crate::made::{load_bytes, load_path, metaimage, one, stands_at, stored};

#[test]
fn the_matrix_has_a_row_for_each_axis() {
    let plain = one(metaimage(&[]));
    stands_at(plain.volume.grid(), [1., 2., 1.], [12., 26., 34.]);
    assert_eq!(stored(&plain.volume), (0..12).map(f64::from).collect::<Vec<_>>());
    assert!(plain.notes.is_empty(), "{:?}", plain.notes);
    // The first axis goes to posterior, the second to right.
    let turned =
        one(metaimage(&[("TransformMatrix", "0 1 0 -1 0 0 0 0 1"), ("AnatomicalOrientation", "ALI")]));
    stands_at(turned.volume.grid(), [1., 1., 0.], [7., 22., 30.]);
    assert!(turned.notes.is_empty(), "{:?}", turned.notes);
}

#[test]
fn letters_say_where_axes_come_from() {
    let by_letters = |letters| one(metaimage(&[("TransformMatrix", ""), ("AnatomicalOrientation", letters)]));
    stands_at(by_letters("RAI").volume.grid(), [1., 1., 1.], [12., 23., 34.]);
    stands_at(by_letters("LPI").volume.grid(), [1., 1., 1.], [8., 17., 34.]);
    stands_at(by_letters("PIR").volume.grid(), [1., 1., 1.], [14., 18., 33.]);
    assert!(by_letters("???").notes.has(NoteCode::Assumed));
    let contradicting = one(metaimage(&[("AnatomicalOrientation", "LPI")]));
    stands_at(contradicting.volume.grid(), [1., 1., 1.], [12., 23., 34.]);
    assert!(contradicting.notes.has(NoteCode::Tolerated));
}

#[test]
fn values_have_their_function_and_equipment() {
    let changes = [
        ("ElementToIntensityFunctionSlope", "2"),
        ("ElementToIntensityFunctionOffset", "-1024"),
        ("Modality", "MET_MOD_CT"),
    ];
    let volume = one(metaimage(&changes)).volume;
    assert_eq!(volume.modality_value([0, 0, 1]), Some(-1022.0));
    assert_eq!((&volume.facts().modality, &volume.mapping().unit), (&Modality::Ct, &Unit::Hounsfield));
}

#[test]
fn byte_order_and_wide_types_are_read() {
    let volume = |msb, kind, sizes| {
        one(metaimage(&[("BinaryDataByteOrderMSB", msb), ("ElementType", kind), ("DimSize", sizes)])).volume
    };
    assert_eq!(stored(&volume("True", "MET_USHORT", "2 3 1"))[1], 0x0203 as f64);
    assert_eq!(stored(&volume("False", "MET_USHORT", "2 3 1"))[1], 0x0302 as f64);
    assert_eq!(stored(&volume("True", "MET_LONG", "3 1 1"))[1], f64::from(0x0405_0607 as f32));
}

#[test]
fn compressed_voxels_are_zlib() {
    use std::io::Write as _;
    let mut bytes = metaimage(&[("CompressedData", "True")]);
    let voxels = bytes.split_off(bytes.len() - 12);
    let mut zlib = flate2::write::ZlibEncoder::new(bytes, flate2::Compression::fast());
    zlib.write_all(&voxels).unwrap();
    assert_eq!(stored(&one(zlib.finish().unwrap()).volume)[11], 11.0);
}

#[test]
fn voxels_may_be_beside_the_header() {
    let folder = tempfile::tempdir().unwrap();
    let voxels: Vec<u8> = (100..112).collect();
    std::fs::write(folder.path().join("a b.raw"), [&b"0123"[..], &voxels].concat()).unwrap();
    let load = |changes: &[(&str, &str)]| {
        std::fs::write(folder.path().join("a.mhd"), metaimage(changes)).unwrap();
        load_path(&folder.path().join("a.mhd"))
    };
    for skip in ["4", "-1"] {
        let loaded = load(&[("ElementDataFile", "a b.raw"), ("HeaderSize", skip)]).unwrap();
        assert_eq!(stored(&loaded[0].volume)[0], 100.0);
    }
    assert_eq!(load(&[("ElementDataFile", "/etc/hostname")]).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn voxels_may_be_in_several_files_or_in_words() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0u8..2 {
        let voxels: Vec<u8> = (6 * n..6 * n + 6).collect();
        std::fs::write(folder.path().join(format!("s{:03}.raw", n + 1)), voxels).unwrap();
    }
    let load = |changes: &[(&str, &str)]| {
        let mut header = metaimage(changes);
        header.truncate(header.len() - 12);
        std::fs::write(folder.path().join("a.mhd"), header).unwrap();
        load_path(&folder.path().join("a.mhd"))
    };
    let expected: Vec<f64> = (0..12).map(f64::from).collect();
    for name in
        ["LIST\ns001.raw\ns002.raw", "LIST 2\ns001.raw\n\ns002.raw\n", "s%03d.raw 1 2 1", "s%03d.raw 1 2"]
    {
        assert_eq!(stored(&load(&[("ElementDataFile", name)]).unwrap()[0].volume), expected, "{name}");
    }
    for (name, kind) in [
        ("LIST", ErrorKind::Malformed),
        ("LIST\ns001.raw\ns003.raw", ErrorKind::Io),
        ("LIST\ns001.raw\n../s002.raw", ErrorKind::Malformed),
        ("s%03d.raw", ErrorKind::Malformed),
        ("s%03d.raw 1 5 1", ErrorKind::Io),
    ] {
        assert_eq!(load(&[("ElementDataFile", name)]).unwrap_err().kind(), kind, "{name}");
    }
    let mut words = metaimage(&[
        ("BinaryData", "False"),
        ("BinaryDataByteOrderMSB", "True"),
        ("ElementType", "MET_SHORT"),
    ]);
    words.truncate(words.len() - 12);
    words.extend_from_slice(b"0 1 2 3 4 5 6 7 8 9 10 -11");
    assert_eq!(stored(&one(words).volume)[11], -11.0);
}

#[test]
fn time_is_the_fourth_axis() {
    let changes = [
        ("NDims", "4"),
        ("DimSize", "2 3 1 2"),
        ("ElementSpacing", "2 3 4 1.5"),
        ("Offset", "10 20 30 0"),
        ("TransformMatrix", "1 0 0 0 0 1 0 0 0 0 1 0 0 0 0 1"),
    ];
    let all = load_bytes(metaimage(&changes)).unwrap();
    assert_eq!((all.len(), stored(&all[1].volume)[0]), (2, 6.0));
    stands_at(all[1].volume.grid(), [1., 1., 0.], [12., 23., 30.]);
}

#[test]
fn what_can_not_be_read_is_refused_by_name() {
    for (changes, kind) in [
        (&[("ObjectType", "Mesh")][..], ErrorKind::Unsupported),
        (&[("ElementNumberOfChannels", "3")], ErrorKind::Unsupported),
        (&[("NDims", "7")], ErrorKind::Unsupported),
        (&[("ElementType", "MET_FLOAT_ARRAY")], ErrorKind::Unsupported),
        (&[("ElementType", "MET_NONE")], ErrorKind::Malformed),
        (&[("DimSize", "2 3 0")], ErrorKind::Malformed),
        (&[("DimSize", "2 3 -2")], ErrorKind::Malformed),
        (&[("ElementSpacing", "2 3 nan")], ErrorKind::Malformed),
        (&[("ElementSpacing", "2 3 0")], ErrorKind::Geometry),
        (&[("TransformMatrix", "1 0 0 1 0 0 0 0 1")], ErrorKind::Geometry),
        (&[("TransformMatrix", "0 0 0 0 0 0 0 0 0")], ErrorKind::Geometry),
        (&[("Offset", "1e30 0 0")], ErrorKind::Geometry),
        (&[("DimSize", "65535 65535 65535")], ErrorKind::Limits),
    ] {
        let error = load_bytes(metaimage(changes)).unwrap_err();
        assert_eq!(error.kind(), kind, "{changes:?}: {error}");
    }
}
