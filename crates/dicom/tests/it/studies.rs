//! Real studies: known facts of the data's README, and dcm2niix's answers.

use anatome_core::{NoteCode, Samples, Unit, Volume};
use anatome_dicom::{Source, group};
use glam::{DAffine3, DMat3, DVec3};
use serde_json::Value;

use crate::shared::{all_values, data, json, load_one, one_series, scan_all, series_of, sha256};

/// What another reader says of a series.
pub struct Reference {
    pub shape: [usize; 3],
    /// From its index, with flipped rows, to RAS mm.
    pub ras_from_index: DAffine3,
    /// Not stated for colours: not a number.
    pub low: f64,
    pub high: f64,
    pub mean: f64,
    pub sha256: String,
}

pub fn reference(folder: &str, n: usize) -> Option<Reference> {
    let all = json("REFERENCE-dcm2niix.json")?;
    let entry = &all[folder]["nifti"][n];
    let number = |value: &Value| value.as_f64().unwrap();
    let m = |row: usize, column: usize| number(&entry["affine_RAS"][row][column]);
    let column = |c: usize| DVec3::new(m(0, c), m(1, c), m(2, c));
    let size = |n: usize| entry["shape"][n].as_u64().unwrap() as usize;
    Some(Reference {
        shape: [size(2), size(1), size(0)],
        ras_from_index: DAffine3 {
            matrix3: DMat3::from_cols(column(0), column(1), column(2)),
            translation: column(3),
        },
        low: entry["min"].as_f64().unwrap_or(f64::NAN),
        high: entry["max"].as_f64().unwrap_or(f64::NAN),
        mean: entry["mean"].as_f64().unwrap_or(f64::NAN),
        sha256: entry["stored_sha256"].as_str().unwrap().to_owned(),
    })
}

pub fn statistics(volume: &Volume) -> (f64, f64, f64) {
    let mapping = volume.mapping();
    let values: Vec<f64> =
        all_values(volume.samples()).iter().map(|&v| mapping.modality_from_stored(v)).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (low, high, values.iter().sum::<f64>() / values.len() as f64)
}

/// Which of its axes run against ours. Its rows always do, columns only those of 3D acquisitions.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reversed {
    columns: bool,
    slices: bool,
}

/// How far the reference's voxel stands from ours at the eight corners, in mm.
fn distance_mm(volume: &Volume, reference: &Reference, reversed: Reversed) -> f64 {
    let last = volume.grid().size_ijk() - DVec3::ONE;
    let corner = |n: usize| DVec3::new((n & 1) as f64, (n >> 1 & 1) as f64, (n >> 2) as f64) * last;
    let distance = |index: DVec3| {
        let i = if reversed.columns { last.x - index.x } else { index.x };
        let k = if reversed.slices { last.z - index.z } else { index.z };
        let ras = reference.ras_from_index.transform_point3(DVec3::new(i, last.y - index.y, k));
        volume.grid().patient_from_index(index).distance(DVec3::new(-ras.x, -ras.y, ras.z))
    };
    (0..8).map(|n| distance(corner(n))).fold(0.0, f64::max)
}

/// The stored samples as the reference orders them: rows from the bottom.
fn stored_sha256(volume: &Volume, reversed: Reversed) -> String {
    let [slices, rows, columns] = volume.samples().shape();
    let bytes = volume.samples().bytes().unwrap();
    let size = bytes.len() / (slices * rows * columns);
    let mut flipped = Vec::with_capacity(bytes.len());
    for k in 0..slices {
        let k = if reversed.slices { slices - 1 - k } else { k };
        for j in (0..rows).rev() {
            let row = &bytes[(k * rows + j) * columns * size..][..columns * size];
            if reversed.columns {
                row.chunks(size).rev().for_each(|sample| flipped.extend_from_slice(sample));
            } else {
                flipped.extend_from_slice(row);
            }
        }
    }
    sha256(flipped)
}

/// dcm2niix writes six decimals, and takes the slice spacing from the first two slices: over n slices its last one
/// is off by n times the rounding of one position.
pub fn agrees(volume: &Volume, reference: &Reference, tolerance_mm: f64) {
    assert_eq!(volume.grid().shape(), reference.shape);
    let ways = [(false, false), (false, true), (true, false), (true, true)]
        .map(|(columns, slices)| Reversed { columns, slices });
    let mut distances = ways.map(|way| (distance_mm(volume, reference, way), way));
    distances.sort_by(|a, b| a.0.total_cmp(&b.0));
    let [(distance, reversed), (next, _), ..] = distances;
    assert!(distance <= tolerance_mm, "corners are {distance} mm apart");
    assert!(next > 1.0, "the comparison can't tell the order of columns and slices");
    let (low, high, mean) = statistics(volume);
    // The reference's scale is f32.
    let close = |ours: f64, theirs: f64| (ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0);
    assert!(close(low, reference.low) && close(high, reference.high), "{low} to {high}");
    assert!((mean - reference.mean).abs() <= 2e-6, "mean {mean}, not {}", reference.mean);
    if !matches!(volume.samples(), Samples::F32(_)) {
        assert_eq!(stored_sha256(volume, reversed), reference.sha256);
    }
}

#[test]
fn the_ct_of_a_pet_ct_study() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let series = one_series(&zip, "petct-acrin042/ct/");
    let loaded = load_one(&series).unwrap();
    let volume = &loaded.volume;
    agrees(volume, &reference("petct-acrin042/ct", 0).unwrap(), 5e-4);
    assert_eq!(volume.mapping().unit, Unit::Hounsfield);
    assert_eq!((volume.mapping().slope, volume.mapping().intercept), (1.0, 0.0));
    let z = |k: f64| volume.grid().patient_from_index(DVec3::new(0.0, 0.0, k)).z;
    assert!((z(0.0) + 360.18).abs() < 1e-3 && (z(134.0) - 78.0).abs() < 1e-3);
    // Instance 1 is the top.
    assert_eq!(series.instances().last().unwrap().instance_number, Some(1));
    let window = &volume.facts().vois[0].voi;
    let anatome_core::Voi::Window(window) = window else { panic!("no window") };
    assert_eq!((window.center(), window.width()), (40.0, 400.0));
}

#[test]
fn the_pet_of_a_pet_ct_study_keeps_its_slices_slopes_and_its_jitter_is_even() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let loaded = load_one(&one_series(&zip, "petct-acrin042/pet-ac/")).unwrap();
    let volume = &loaded.volume;
    assert!(volume.grid().slices().is_none());
    assert!(loaded.notes.has(NoteCode::Converted));
    assert_eq!(volume.mapping().unit, Unit::BecquerelPerMl);
    // Its first distance is 3.27 - 0.0003 mm, ours their mean.
    agrees(volume, &reference("petct-acrin042/pet-ac", 0).unwrap(), 0.05);
    let peak = volume.modality_value([10, 63, 51]).unwrap();
    assert!((peak - 121_329.975).abs() < 0.01, "{peak}");
    assert_eq!(statistics(volume).1, peak);
}

#[test]
fn two_oblique_mr_grids_of_one_study() {
    let Some(zip) = data("mr-prostatex.zip") else { return };
    for (folder, mean, most) in [("t2-tra", 214.02337, 1329.0), ("adc", 599.2297, 4095.0)] {
        let name = format!("mr-prostatex/{folder}");
        let loaded = load_one(&one_series(&zip, &format!("{name}/"))).unwrap();
        agrees(&loaded.volume, &reference(&name, 0).unwrap(), 1e-4);
        let (_, high, found) = statistics(&loaded.volume);
        assert!((found - mean).abs() < 1e-5 && high == most);
        assert!(loaded.volume.grid().tilt_rad() < 1e-6);
    }
}

#[test]
fn phases_that_are_series_of_their_own() {
    let Some(zip) = data("4d-prostatex-dce.zip") else { return };
    let means = [121.5419, 115.7031, 117.8355, 120.6407, 118.8612, 123.0957];
    let series = series_of(&zip, "4d-prostatex-dce/");
    assert_eq!(series.len(), means.len());
    for (n, (series, mean)) in series.iter().zip(means).enumerate() {
        let volume = load_one(series).unwrap().volume;
        assert!((statistics(&volume).2 - mean).abs() < 5e-5);
        agrees(&volume, &reference("4d-prostatex-dce", n).unwrap(), 1e-4);
    }
}

/// The phases as one series: what tells them apart is the acquisition number.
#[test]
fn phases_in_one_series_are_told_apart() {
    let Some(zip) = data("4d-prostatex-dce.zip") else { return };
    let files = crate::shared::unzipped(&zip, "4d-prostatex-dce/");
    let uid_of = |bytes: &[u8]| {
        let scanned = crate::shared::scan_bytes(bytes.to_vec()).unwrap();
        scanned.instances[0].series_instance_uid.clone()
    };
    let first = uid_of(files.values().next().unwrap());
    let merged: Vec<Source> = files
        .values()
        .map(|bytes| {
            let mut own = uid_of(bytes);
            let mut uid = first.clone();
            // Same length, so that only these bytes change.
            let longest = own.len().max(uid.len());
            own.extend(std::iter::repeat_n('\0', longest + longest % 2 - own.len()));
            uid.extend(std::iter::repeat_n('\0', own.len() - uid.len()));
            Source::Bytes(replaced(bytes, own.as_bytes(), uid.as_bytes()).into())
        })
        .collect();
    let series = group(scan_all(&merged).unwrap().instances);
    assert_eq!(series.len(), 6);
    let means = [121.5419, 115.7031, 117.8355, 120.6407, 118.8612, 123.0957];
    for (series, mean) in series.iter().zip(means) {
        assert_eq!(series.shape(), Some([16, 128, 128]));
        assert!(series.part().unwrap().starts_with("acquisition "), "{:?}", series.part());
        assert!(series.notes().has(NoteCode::Split));
        assert!((statistics(&load_one(series).unwrap().volume).2 - mean).abs() < 5e-5);
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
        bytes[at + found..at + found + to.len()].copy_from_slice(to);
        at += found + to.len();
    }
    bytes
}

#[test]
fn a_head_with_gantry_tilt_and_a_change_of_spacing() {
    let Some(zip) = data("geometry.zip") else { return };
    let name = "geometry/ct-ge-tilt-variable-spacing";
    let loaded = load_one(&one_series(&zip, &format!("{name}/"))).unwrap();
    let volume = &loaded.volume;
    let grid = volume.grid();
    assert_eq!(grid.shape(), [28, 512, 512]);
    assert!((grid.tilt_rad().to_degrees() - 18.5).abs() < 0.01);
    let gaps: Vec<f64> = grid.slices().unwrap().z_mm().windows(2).map(|z| z[1] - z[0]).collect();
    let expected = [vec![4.0; 13], vec![1.08], vec![7.0; 13]].concat();
    assert!(gaps.iter().zip(&expected).all(|(gap, mm)| (gap - mm).abs() < 0.005), "{gaps:?}");
    assert!(grid.slices().unwrap().missing_after().iter().all(|missing| !missing));
    assert!(loaded.notes.has(NoteCode::GantryTilt) && loaded.notes.has(NoteCode::UnevenSpacing));
    let (low, high, mean) = statistics(volume);
    assert_eq!((low, high), (-1500.0, 2121.0));
    assert!((mean + 661.729121).abs() < 1e-6);
    // The stored voxels of the reference's first answer are the raw ones.
    let reference = reference(name, 0).unwrap();
    assert_eq!(stored_sha256(volume, Reversed { columns: false, slices: false }), reference.sha256);
}

/// Each slice of a sheared, uneven grid stands where its own header says.
#[test]
fn every_slice_stands_where_its_header_says() {
    let Some(zip) = data("geometry.zip") else { return };
    for folder in ["ct-ge-tilt-variable-spacing", "mr-decubitus-hfdr", "ct-oriented-tiny"] {
        let series = one_series(&zip, &format!("geometry/{folder}/"));
        let (grid, _) = series.geometry().unwrap();
        for (k, header) in series.instances().iter().enumerate() {
            let place = grid.patient_from_index(DVec3::new(0.0, 0.0, k as f64));
            let stated = header.plane.image_position_mm.unwrap();
            assert!(place.distance(stated) < 2e-3, "{folder}, slice {k}: {place} instead of {stated}");
        }
    }
}

#[test]
fn a_sagittal_head_on_its_side_and_a_tiny_oblique_ct() {
    let Some(zip) = data("geometry.zip") else { return };
    for (folder, tolerance_mm) in [("mr-decubitus-hfdr", 1e-3), ("ct-oriented-tiny", 1e-4)] {
        let name = format!("geometry/{folder}");
        let loaded = load_one(&one_series(&zip, &format!("{name}/"))).unwrap();
        agrees(&loaded.volume, &reference(&name, 0).unwrap(), tolerance_mm);
    }
}

#[test]
fn phantoms_with_known_shapes() {
    let Some(zip) = data("geometry.zip") else { return };
    for (name, shape) in [
        ("sphere", [64, 64, 64]),
        ("checkerboard", [64, 64, 64]),
        ("impulse", [64, 64, 64]),
        ("orientation", [64, 48, 32]),
    ] {
        let loaded = load_one(&one_series(&zip, &format!("geometry/ibsi2-phantoms/{name}/"))).unwrap();
        assert_eq!(loaded.volume.grid().shape(), shape, "{name}");
        assert!((loaded.volume.grid().spacing_mm() - DVec3::splat(2.0)).length() < 1e-9, "{name}");
    }
}

#[test]
fn a_whole_zip_gives_every_series_and_says_what_it_passed_over() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let scanned = scan_all(&[Source::Path(zip)]).unwrap();
    assert_eq!((scanned.instances.len(), scanned.files), (274, 275));
    let series = group(scanned.instances);
    let count = |code: &str| series.iter().filter(|s| s.modality().code() == code).count();
    assert_eq!((count("CT"), count("PT"), count("SEG"), count("RWV")), (1, 1, 3, 1));
    let of = |code: &str| series.iter().find(|s| s.modality().code() == code).unwrap();
    assert_eq!(of("CT").frame_of_reference_uid(), of("PT").frame_of_reference_uid());
    for code in ["SEG", "RWV"] {
        let error = load_one(of(code)).unwrap_err();
        assert!(matches!(error, anatome_dicom::Error::Unsupported { .. }), "{error}");
    }
}

#[test]
fn the_order_of_sources_and_threads_does_not_matter() {
    let Some(zip) = data("mr-prostatex.zip") else { return };
    let files = crate::shared::unzipped(&zip, "mr-prostatex/");
    let digests = |sources: Vec<Source>, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (limits, progress) = (anatome_dicom::Limits::default(), anatome_core::Progress::new());
        let scanned = anatome_dicom::scan(&sources, &limits, &pool, &progress).unwrap();
        let series = group(scanned.instances);
        let load = |s| anatome_dicom::load(s, &limits, &pool, &progress).unwrap();
        series.iter().map(|s| load(s).volume.digest()).collect::<Vec<_>>()
    };
    let forward: Vec<Source> = files.values().cloned().map(Source::Bytes).collect();
    let backward: Vec<Source> = forward.iter().rev().cloned().collect();
    assert_eq!(digests(forward, 1), digests(backward, 2));
}
