//! NIfTI by the definition's own words (nifti1.h, nifti2.h).

use anatome_core::{NoteCode, Samples};
use anatome_formats::{Format, ImageFile, Limits, Source, recognise};

use crate::made::{Nifti1, gzip, load_bytes, load_path, one, stands_at, stored};

#[test]
fn ras_becomes_lps_in_both_byte_orders() {
    for big_endian in [false, true] {
        let rows = [0., -2., 0., 5., 3., 0., 0., 6., 0., 0., 4., 7.];
        let loaded = one(Nifti1::new(big_endian).f32(280, &rows).bytes());
        let volume = &loaded.volume;
        assert_eq!(volume.grid().shape(), [4, 3, 2]);
        assert_eq!(stored(volume), (0..24).map(f64::from).collect::<Vec<_>>());
        // i goes to anterior, j to right in RAS; x and y change sign.
        stands_at(volume.grid(), [0., 0., 0.], [-5., -6., 7.]);
        stands_at(volume.grid(), [1., 2., 3.], [-1., -9., 19.]);
        assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
        assert_eq!(loaded.part, None);
    }
}

#[test]
fn samples_of_every_type_keep_their_values() {
    let values = [0, 1, 2, 100, 127, 3, 5, 7];
    for big_endian in [false, true] {
        let file = |code, bits| Nifti1::new(big_endian).dim(&[2, 2, 2]).datatype(code, bits);
        let all = |f: fn(i32) -> f64| values.iter().map(|&v| f(v)).collect::<Vec<_>>();
        for (name, made, kept, expected) in [
            ("u8", file(2, 8).voxels(values.map(|v| [v as u8])), "u8", all(f64::from)),
            (
                "i8",
                file(256, 8).voxels(values.map(|v| (-v as i8).to_le_bytes())),
                "i16",
                all(|v| f64::from(-v)),
            ),
            (
                "i16",
                file(4, 16).voxels(values.map(|v| (-258 * v as i16).to_le_bytes())),
                "i16",
                all(|v| f64::from((-258 * v) as i16)),
            ),
            (
                "u16",
                file(512, 16).voxels(values.map(|v| (515 * v as u16).to_le_bytes())),
                "u16",
                all(|v| f64::from(515 * v)),
            ),
            (
                "i32",
                file(8, 32).voxels(values.map(|v| (-70_000 * v).to_le_bytes())),
                "f32",
                all(|v| f64::from(-70_000 * v)),
            ),
            (
                "u32",
                file(768, 32).voxels(values.map(|v| (70_000 * v as u32).to_le_bytes())),
                "f32",
                all(|v| f64::from(70_000 * v)),
            ),
            (
                "i64",
                file(1024, 64).voxels(values.map(|v| (-70_000 * i64::from(v)).to_le_bytes())),
                "f32",
                all(|v| f64::from(-70_000 * v)),
            ),
            (
                "u64",
                file(1280, 64).voxels(values.map(|v| (70_000 * v as u64).to_le_bytes())),
                "f32",
                all(|v| f64::from(70_000 * v)),
            ),
            (
                "f32",
                file(16, 32).voxels(values.map(|v| (v as f32 / 8.0).to_le_bytes())),
                "f32",
                all(|v| f64::from(v) / 8.0),
            ),
            (
                "f64",
                file(64, 64).voxels(values.map(|v| (f64::from(v) / 8.0).to_le_bytes())),
                "f32",
                all(|v| f64::from(v) / 8.0),
            ),
        ] {
            for bytes in [made.bytes(), gzip(&made.bytes())] {
                let loaded = one(bytes);
                assert_eq!(stored(&loaded.volume), expected, "{name}");
                assert_eq!(loaded.volume.samples().type_name(), kept, "{name}");
                let notes: Vec<&str> = loaded.notes.iter().map(|note| note.text.as_str()).collect();
                assert_eq!(loaded.notes.has(NoteCode::Converted), kept != name, "{name}");
                assert!(notes.iter().all(|text| text.ends_with("exact")), "{notes:?}");
            }
        }
    }
}

#[test]
fn what_f32_can_not_hold_is_stated_with_its_error() {
    let error = |made: Nifti1| {
        let notes = one(made.bytes()).notes;
        notes.iter().find(|note| note.code == NoteCode::Converted).unwrap().text.clone()
    };
    let two = || Nifti1::new(false).dim(&[2]);
    let text = error(two().datatype(8, 32).voxels([16_777_217i32, 5].map(i32::to_le_bytes)));
    assert!(text.ends_with("off by up to 1.000e0"), "{text}");
    // In modality units.
    let scaled = two().datatype(8, 32).f32(112, &[0.5]).voxels([16_777_217i32, 5].map(i32::to_le_bytes));
    assert!(error(scaled).ends_with("off by up to 5.000e-1"));
    let text = error(two().datatype(1280, 64).voxels([u64::MAX, 5].map(u64::to_le_bytes)));
    assert!(text.ends_with("off by up to 1.000e0"), "{text}");
    let text = error(two().datatype(64, 64).voxels([0.1f64, 5.0].map(f64::to_le_bytes)));
    assert!(text.ends_with("off by up to 1.490e-9"), "{text}");
}

#[test]
fn numbers_that_are_not_finite_become_padding() {
    let values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 4.0].map(f32::to_le_bytes);
    let loaded = one(Nifti1::new(false).dim(&[4]).datatype(16, 32).voxels(values).bytes());
    let volume = &loaded.volume;
    assert_eq!(volume.value_range(), Some((4.0, 4.0)));
    assert_eq!(volume.modality_value([0, 0, 0]), None);
    let note = loaded.notes.iter().find(|note| note.code == NoteCode::NotFinite).unwrap();
    assert_eq!(note.count, 3);
    let large = [1e300f64, 2.0].map(f64::to_le_bytes);
    let loaded = one(Nifti1::new(false).dim(&[2]).datatype(64, 64).voxels(large).bytes());
    assert!(loaded.notes.has(NoteCode::NotFinite));
    // Without any there is no padding, even of the largest number.
    let values = [f32::MIN, 4.0].map(f32::to_le_bytes);
    let loaded = one(Nifti1::new(false).dim(&[2]).datatype(16, 32).voxels(values).bytes());
    assert_eq!((loaded.volume.padding(), loaded.notes.is_empty()), (None, true));
}

#[test]
fn a_slope_of_zero_is_none() {
    let mapping = |slope, inter| {
        let loaded = one(Nifti1::new(true).f32(112, &[slope, inter]).bytes());
        let mapping = loaded.volume.mapping().clone();
        (mapping.slope, mapping.intercept, loaded.notes.has(NoteCode::Tolerated))
    };
    assert_eq!(mapping(0.0, 9.0), (1.0, 0.0, false));
    assert_eq!(mapping(2.0, -1024.0), (2.0, -1024.0, false));
    assert_eq!(mapping(f32::NAN, f32::NAN), (1.0, 0.0, true));
    assert!(load_bytes(Nifti1::new(true).f32(112, &[2.0, f32::NAN]).bytes()).is_err());
}

/// nifti1.h, method 2: a quarter turn about z, (b, c, d) = (0, 0, sin 45), takes i to +y and j to -x.
#[test]
fn the_qform_is_a_rotation_with_a_flip() {
    let quarter = 0.5f32.sqrt();
    for (flip, z) in [(0.0f32, 8.), (1.0, 8.), (-1.0, -8.)] {
        let made = Nifti1::new(false)
            .i16(252, &[1, 0])
            .f32(256, &[0., 0., quarter, 11., 12., 13.])
            .f32(76, &[flip, 2., 3., 4.]);
        let grid = one(made.bytes()).volume.grid().clone();
        // RAS (11, 12, 13), then i: +2 y, j: -3 x, k: +4 z.
        stands_at(&grid, [0., 0., 0.], [-11., -12., 13.]);
        stands_at(&grid, [1., 2., 2.], [-(11. - 6.), -(12. + 2.), 13. + z]);
    }
}

#[test]
fn half_a_turn_loses_nothing_to_rounding() {
    let half = [0.6f32, 0.8, 0.0];
    let made =
        Nifti1::new(false).i16(252, &[1, 0]).f32(256, &half).f32(268, &[0.; 3]).f32(76, &[1., 1., 1., 1.]);
    let grid = one(made.bytes()).volume.grid().clone();
    // 2 b² - 1, 2 b c: i goes to (-0.28, 0.96, 0), k to -z.
    stands_at(&grid, [10., 0., 0.], [2.8, -9.6, 0.]);
    stands_at(&grid, [0., 0., 10.], [0., 0., -10.]);
}

/// The quaternion gives the directions: a sign in the distances would flip what it has flipped already.
#[test]
fn distances_of_a_qform_lose_their_sign() {
    let made = Nifti1::new(false).i16(252, &[1, 0]).f32(256, &[0., 0., 0., 11., 12., 13.]);
    let [plain, negative] = [2.0, -2.0].map(|x| one(made.clone().f32(76, &[1., x, 3., 4.]).bytes()));
    assert_eq!(negative.volume.grid(), plain.volume.grid());
    stands_at(negative.volume.grid(), [1., 1., 1.], [-13., -15., 17.]);
    assert!(negative.notes.has(NoteCode::Tolerated) && !plain.notes.has(NoteCode::Tolerated));
}

#[test]
fn the_sform_wins_and_contradictions_are_noted() {
    let both = Nifti1::new(false).i16(252, &[1, 1]).f32(256, &[0.; 6]).f32(76, &[1., 1., 1., 1.]);
    assert!(one(both.bytes()).notes.is_empty());
    let moved = both.clone().f32(268, &[40., 0., 0.]);
    let loaded = one(moved.bytes());
    stands_at(loaded.volume.grid(), [0.; 3], [0.; 3]);
    let note = loaded.notes.iter().next().unwrap();
    assert!(note.code == NoteCode::Tolerated && note.text.contains("40.0 mm apart"), "{}", note.text);
    // One of them broken: the other is used, and that is said.
    let no_sform = both.clone().f32(280, &[0.; 12]).f32(268, &[40., 0., 0.]);
    let loaded = one(no_sform.bytes());
    stands_at(loaded.volume.grid(), [0.; 3], [-40., 0., 0.]);
    assert!(loaded.notes.has(NoteCode::Tolerated));
    let no_qform = both.f32(256, &[f32::NAN]);
    assert!(one(no_qform.bytes()).notes.has(NoteCode::Tolerated));
}

#[test]
fn distances_alone_leave_the_orientation_assumed() {
    let made = Nifti1::new(false).i16(252, &[0, 0]).f32(76, &[1., 2., 3., 4.]);
    let loaded = one(made.bytes());
    stands_at(loaded.volume.grid(), [1., 1., 1.], [-2., -3., 4.]);
    assert!(loaded.notes.has(NoteCode::Assumed));
}

#[test]
fn lengths_may_be_metres_or_micrometres() {
    for (units, mm) in [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)] {
        let mut made = Nifti1::new(false);
        made.header[123] = units | 8;
        let loaded = one(made.bytes());
        stands_at(loaded.volume.grid(), [1., 0., 0.], [-mm, 0., 0.]);
        assert_eq!(loaded.notes.has(NoteCode::Assumed), units == 0);
    }
    let mut made = Nifti1::new(false);
    made.header[123] = 5;
    assert!(load_bytes(made.bytes()).is_err());
}

#[test]
fn time_points_are_volumes_in_order_and_can_be_read_alone() {
    let made = Nifti1::new(false).dim(&[2, 3, 2, 2]);
    for bytes in [made.bytes(), gzip(&made.bytes())] {
        let all = load_bytes(bytes.clone()).unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(stored(&all[1].volume), (12..24).map(f64::from).collect::<Vec<_>>());
        assert_eq!(all[1].part.as_deref(), Some("time point 2 of 2"));
        let file = ImageFile::open(&Source::Bytes(bytes.into()), &Limits::default()).unwrap();
        let second = file.load(1, &anatome_core::Progress::new()).unwrap();
        assert_eq!(stored(&second.volume), stored(&all[1].volume));
        assert!(file.load(2, &anatome_core::Progress::new()).is_err());
    }
}

#[test]
fn a_pair_is_found_by_its_header() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = Nifti1::new(false).f32(108, &[0.0]);
    made.header[344..348].copy_from_slice(b"ni1\0");
    std::fs::write(folder.path().join("a.hdr"), &made.header[..348]).unwrap();
    assert_eq!(load_path(&folder.path().join("a.hdr")).unwrap_err().kind(), anatome_core::ErrorKind::Io);
    std::fs::write(folder.path().join("a.img"), &made.voxels).unwrap();
    let loaded = load_path(&folder.path().join("a.hdr")).unwrap();
    assert_eq!(stored(&loaded[0].volume)[23], 23.0);
    std::fs::remove_file(folder.path().join("a.img")).unwrap();
    std::fs::write(folder.path().join("a.img.gz"), gzip(&made.voxels)).unwrap();
    assert_eq!(stored(&load_path(&folder.path().join("a.hdr")).unwrap()[0].volume)[23], 23.0);
    // Voxels without their header, and a header without a folder.
    assert!(load_bytes(made.voxels.clone()).is_err() && load_bytes(made.header).is_err());
}

#[test]
fn the_displayed_range_is_a_window() {
    let loaded = one(Nifti1::new(false).f32(124, &[80., -20.]).bytes());
    let anatome_core::Voi::Window(window) = &loaded.volume.facts().vois[0].voi else { unreachable!() };
    assert_eq!(window.ends(), (-20.0, 80.0));
}

#[test]
fn formats_are_told_by_their_bytes() {
    let start = Nifti1::new(true).bytes();
    let name = std::path::Path::new("x");
    assert_eq!(recognise(&start, name), Some(Format::Nifti1));
    assert_eq!(recognise(&gzip(&start), name), Some(Format::Nifti1));
    assert_eq!(recognise(&gzip(b"something else"), name), None);
    assert_eq!(recognise(&gzip(b"something else"), "x.NII.GZ".as_ref()), Some(Format::Nifti1));
    assert_eq!(recognise(&start[..300], name), None);
    assert_eq!(recognise(b"", name), None);
    assert!(matches!(one(start).volume.samples(), Samples::U8(_)));
}
