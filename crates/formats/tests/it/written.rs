//! What is written reads back as it was.

use std::sync::{Arc, OnceLock};

use anatome_core::{
    Facts, Grid, Modality, NoteCode, Padding, Progress, Samples, SliceTable, Unit, ValueMapping, Volume,
};
use anatome_formats::{Error, Format, ImageFile, Limits, Source, write_nifti};
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

use crate::made::{load_bytes, stored};

pub fn bytes_of(volume: &Volume, gzip: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_nifti(volume, &mut bytes, gzip, &Progress::new()).unwrap();
    bytes
}

/// Grids that hospitals send: straight, oblique, tilted, flipped, left-handed, flat.
pub fn grids() -> Vec<(&'static str, Grid)> {
    let turn = DMat3::from_rotation_x(0.3) * DMat3::from_rotation_z(-1.1) * DMat3::from_rotation_y(2.9);
    let tilt = 18.5f64.to_radians();
    let tilted = DMat3::from_cols(
        DVec3::new(0.5, 0.0, 0.0),
        DVec3::new(0.0, 0.5 * tilt.cos(), -0.5 * tilt.sin()),
        DVec3::new(0.0, 0.0, 4.0),
    );
    let sizes = DMat3::from_diagonal(DVec3::new(0.7, 0.9, 2.5));
    let half_turn = DMat3::from_axis_angle(DVec3::new(0.6, 0.0, 0.8), std::f64::consts::PI);
    let grid = |shape, matrix3| {
        Grid::even(shape, DAffine3 { matrix3, translation: DVec3::new(-123.4, 56.7, -890.1) }).unwrap()
    };
    vec![
        ("straight", grid([4, 3, 2], sizes)),
        ("oblique", grid([4, 3, 2], turn * sizes)),
        ("sheared", grid([4, 3, 2], tilted)),
        ("sheared and turned", grid([4, 3, 2], turn * tilted)),
        ("flipped", grid([4, 3, 2], DMat3::from_diagonal(DVec3::new(-0.7, 0.9, -2.5)))),
        ("left-handed", grid([4, 3, 2], turn * DMat3::from_diagonal(DVec3::new(0.7, 0.9, -2.5)))),
        ("half a turn", grid([4, 3, 2], half_turn * sizes)),
        ("flat", grid([1, 3, 2], turn * sizes)),
    ]
}

/// Different at every voxel, of each type.
pub fn samples(shape: [usize; 3]) -> Vec<(&'static str, Samples)> {
    let [rows, columns] = [shape[1], shape[2]];
    let number = move |(k, j, i): (usize, usize, usize)| ((k * rows + j) * columns + i) % 90;
    vec![
        ("u8", Samples::U8(Array3::from_shape_fn(shape, |at| 250 - number(at) as u8))),
        ("i16", Samples::I16(Array3::from_shape_fn(shape, |at| 300 * number(at) as i16 - 12_000))),
        ("u16", Samples::U16(Array3::from_shape_fn(shape, |at| 65_535 - 700 * number(at) as u16))),
        ("f32", Samples::F32(Array3::from_shape_fn(shape, |at| number(at) as f32 * 1.37 - 5.0))),
    ]
}

pub fn volume(grid: &Grid, samples: Samples, slope: f64, intercept: f64) -> Volume {
    let mapping = ValueMapping { slope, intercept, unit: Unit::Arbitrary };
    Volume::new(grid.clone(), samples, mapping, None, Facts::new(Modality::Mr)).unwrap()
}

#[test]
fn geometry_values_and_types_come_back() {
    for (place, grid) in grids() {
        for (kind, samples) in samples(grid.shape()) {
            for gzip in [false, true] {
                let written = volume(&grid, samples.clone(), 0.5, -1024.0);
                let read = load_bytes(bytes_of(&written, gzip)).unwrap().pop().unwrap();
                assert_eq!(read.volume.samples(), written.samples(), "{place}, {kind}");
                assert_eq!(read.volume.mapping(), written.mapping());
                assert!(read.notes.is_empty(), "{place}: {:?}", read.notes);
                for corner in grid.corners_mm() {
                    let index = grid.index_from_patient(corner);
                    let found = read.volume.grid().patient_from_index(index);
                    // 32 bits of a position of a metre.
                    assert!((found - corner).length() < 1e-4, "{place}: {corner} became {found}");
                }
            }
        }
    }
}

/// The same through the qform, which others may prefer, where there is one.
#[test]
fn the_qform_says_the_same_where_axes_are_at_right_angles() {
    for (place, grid) in grids() {
        let (_, samples) = samples(grid.shape()).remove(0);
        let mut bytes = bytes_of(&volume(&grid, samples, 1.0, 0.0), false);
        let has_qform = bytes[252] == 1;
        assert_eq!(has_qform, !place.starts_with("sheared"), "{place}");
        if has_qform {
            bytes[254] = 0;
            let read = load_bytes(bytes).unwrap().pop().unwrap();
            for corner in grid.corners_mm() {
                let found = read.volume.grid().patient_from_index(grid.index_from_patient(corner));
                assert!((found - corner).length() < 1e-3, "{place}: {corner} became {found}");
            }
        }
    }
}

#[test]
fn long_axes_need_nifti_2() {
    let grid = Grid::even([1, 2, 40_000], DAffine3::from_scale(DVec3::new(0.01, 0.1, 1.0))).unwrap();
    let (_, samples) = samples(grid.shape()).remove(2);
    let written = volume(&grid, samples, 0.1, 0.3);
    let bytes = bytes_of(&written, false);
    let file = ImageFile::open(&Source::Bytes(bytes.clone().into()), &Limits::default()).unwrap();
    assert_eq!(file.format(), Format::Nifti2);
    let read = load_bytes(bytes).unwrap().pop().unwrap();
    assert_eq!((read.volume.samples(), read.volume.mapping()), (written.samples(), written.mapping()));
    assert_eq!(read.volume.grid(), written.grid());
}

#[test]
fn a_slope_that_32_bits_do_not_hold_is_noted() {
    let (_, grid) = grids().remove(0);
    let (_, samples) = samples(grid.shape()).remove(1);
    let notes = |slope| {
        write_nifti(
            &volume(&grid, samples.clone(), slope, 0.0),
            &mut std::io::sink(),
            false,
            &Progress::new(),
        )
        .unwrap()
    };
    assert!(notes(0.1).has(NoteCode::Converted));
    assert!(notes(0.125).is_empty());
}

#[test]
fn padding_stays_its_value_and_becomes_nan_in_f32() {
    let (_, grid) = grids().remove(0);
    let with = |samples, padding| {
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid.clone(), samples, mapping, Some(padding), Facts::new(Modality::Ct)).unwrap()
    };
    let padding = Padding { lowest: -2000.0, highest: -2000.0 };
    let padded = with(Samples::I16(Array3::from_elem([4, 3, 2], -2000)), padding);
    let mut bytes = Vec::new();
    assert!(write_nifti(&padded, &mut bytes, true, &Progress::new()).unwrap().has(NoteCode::Ignored));
    let read = load_bytes(bytes).unwrap().pop().unwrap();
    assert_eq!((stored(&read.volume)[0], read.volume.padding()), (-2000.0, None));

    let mut samples = Array3::from_elem([4, 3, 2], 1.5f32);
    samples[[1, 1, 1]] = f32::MIN;
    let padded = with(Samples::F32(samples), Padding::F32);
    let read = load_bytes(bytes_of(&padded, false)).unwrap().pop().unwrap();
    assert_eq!(read.volume.modality_value([1, 1, 1]), None);
    assert_eq!(read.volume.samples(), padded.samples());
}

#[test]
fn uneven_slices_are_refused_with_the_reason() {
    let table = SliceTable::new(vec![0.0, 4.0, 5.08, 12.08], vec![false; 3]).unwrap();
    let grid = Grid::uneven([4, 3, 2], DAffine3::IDENTITY, table).unwrap();
    let (_, samples) = samples(grid.shape()).remove(0);
    let mut bytes = Vec::new();
    let error =
        write_nifti(&volume(&grid, samples, 1.0, 0.0), &mut bytes, false, &Progress::new()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains("unevenly"), "{error}");
    assert!(bytes.is_empty());
}

#[test]
fn the_same_volume_gives_the_same_bytes() {
    let (_, grid) = grids().remove(1);
    let (_, samples) = samples(grid.shape()).remove(3);
    let volume = volume(&grid, samples, 1.0, 0.0);
    assert_eq!(bytes_of(&volume, true), bytes_of(&volume, true));
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_, grid) = grids().remove(0);
    for gzip in [false, true] {
        let (_, samples) = samples(grid.shape()).remove(0);
        let error =
            write_nifti(&volume(&grid, samples, 1.0, 0.0), &mut Full, gzip, &Progress::new()).unwrap_err();
        assert_eq!(error.kind(), anatome_core::ErrorKind::Io);
    }
}

/// NIfTI-1 has 32 bits for a slope: it would become infinite, or vanish. NIfTI-2 has 64.
#[test]
fn slopes_that_the_file_cannot_hold_are_refused() {
    let flat = |columns: usize, slope: f64, intercept: f64| {
        let grid = Grid::even([1, 1, columns], DAffine3::IDENTITY).unwrap();
        volume(&grid, Samples::U8(Array3::from_elem([1, 1, columns], 1)), slope, intercept)
    };
    for (slope, intercept) in
        [(1e300, 0.0), (1e-300, 0.0), (-1e39, 0.0), (1e-39, 0.0), (1.0, 1e39), (1.0, -1e-40)]
    {
        let mut out = Vec::new();
        let error = write_nifti(&flat(4, slope, intercept), &mut out, false, &Progress::new()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && out.is_empty(), "{slope} {intercept}: {error}");
        let wide = flat(40_000, slope, intercept);
        let read = load_bytes(bytes_of(&wide, false)).unwrap().pop().unwrap();
        assert_eq!(read.volume.mapping(), wide.mapping());
    }
    for (slope, intercept) in [(1e-37, 0.0), (-3e38, -3e38)] {
        assert!(!bytes_of(&flat(4, slope, intercept), false).is_empty());
    }
}

#[test]
fn writing_ends_soon_after_it_was_cancelled() {
    let grid = Grid::even([64, 128, 128], DAffine3::IDENTITY).unwrap();
    let volume = volume(&grid, Samples::U16(Array3::zeros([64, 128, 128])), 1.0, 0.0);
    let stop = Arc::new(OnceLock::<Progress>::new());
    let stopper = Arc::clone(&stop);
    let progress = Progress::with_listener(move |done, total| {
        assert!(total == 64 && done <= 10, "{done} of {total}");
        if done == 10 {
            stopper.get().unwrap().cancel();
        }
    });
    stop.set(progress.clone()).unwrap();
    let mut bytes = Vec::new();
    let error = write_nifti(&volume, &mut bytes, false, &progress).unwrap_err();
    assert!(matches!(error, Error::Cancelled), "{error}");
    assert!(bytes.len() <= 352 + 11 * 128 * 128 * 2, "{}", bytes.len());
}
