//! Volumes written as DICOM and read back, by this reader and by other tools.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use anatome_core::{
    Facts, Grid, Modality, NamedVoi, NoteCode, Padding, Progress, Samples, SliceSamples, SliceTable, Unit,
    ValueMapping, Voi, Volume, Window, WindowFunction,
};
use anatome_dicom::{
    Coming, FinishedSlice, Limits, Loaded, SeriesSpec, SliceSink, Source, group, load_with, write_series,
};
use anatome_testkit::Need;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

use crate::shared::{POOL, load_one, scan_all};

fn spec(number: u16) -> SeriesSpec {
    SeriesSpec { seed: 7, number, description: "Test series".into(), file_prefix: "image-".into() }
}

fn ct(grid: Grid) -> Volume {
    let [slices, rows, columns] = grid.shape();
    let samples = Array3::from_shape_fn((slices, rows, columns), |(k, j, i)| {
        if i == 0 { -2000 } else { (1000 * k as i16 - 900) + 10 * j as i16 + i as i16 }
    });
    let mut facts = Facts::new(Modality::Ct);
    let window = |center, width| Voi::Window(Window::new(center, width, WindowFunction::Linear).unwrap());
    facts.vois = vec![
        NamedVoi { name: "Soft".into(), voi: window(40.0, 400.0) },
        NamedVoi { name: "Bone".into(), voi: window(400.0, 1800.0) },
    ];
    facts.slice_thickness_mm = Some(2.5);
    let mapping = ValueMapping { slope: 1.0, intercept: -24.0, unit: Unit::Hounsfield };
    let padding = Some(Padding { lowest: -2000.0, highest: -2000.0 });
    Volume::new(grid, Samples::I16(samples), mapping, padding, facts).unwrap()
}

/// Oblique, sheared and not square.
fn sheared(shape: [usize; 3]) -> Grid {
    let turn = DMat3::from_rotation_z(0.3) * DMat3::from_rotation_x(-0.4);
    let matrix = DMat3::from_cols(
        turn * DVec3::X * 0.8,
        turn * DVec3::Y * 1.1,
        turn * (DVec3::Z * 3.0 + DVec3::Y * 0.9),
    );
    let affine = DAffine3 { matrix3: matrix, translation: DVec3::new(-31.25, 12.5, 77.0) };
    Grid::even(shape, affine).unwrap()
}

fn uneven() -> Grid {
    let table = SliceTable::new(vec![0.0, 4.0, 8.0, 9.08, 16.08], vec![false; 4]).unwrap();
    let matrix = DMat3::from_cols(DVec3::X * 0.5, DVec3::Y * 0.5, DVec3::new(0.0, 0.2, 1.0));
    Grid::uneven([5, 6, 7], DAffine3 { matrix3: matrix, translation: DVec3::splat(3.0) }, table).unwrap()
}

fn written(volume: &Volume, number: u16, folder: &Path) -> Loaded {
    let paths = write_series(volume, &spec(number), folder, &POOL, &Progress::new()).unwrap();
    assert_eq!(paths.len(), volume.grid().shape()[0]);
    let scanned = scan_all(&[Source::from(folder)]).unwrap();
    assert!(scanned.notes.is_empty(), "{:?}", scanned.notes);
    let mut series = group(scanned.instances);
    assert_eq!(series.len(), 1);
    load_one(&series.pop().unwrap()).unwrap()
}

#[test]
fn a_ct_comes_back_as_it_was() {
    for grid in [sheared([5, 6, 7]), uneven()] {
        let folder = tempfile::tempdir().unwrap();
        let volume = ct(grid);
        let loaded = written(&volume, 1, folder.path());
        let back = &loaded.volume;
        assert_eq!(back.samples(), volume.samples());
        assert_eq!(back.mapping(), volume.mapping());
        assert_eq!(back.padding(), volume.padding());
        assert_eq!(back.facts().vois, volume.facts().vois);
        assert_eq!(back.facts().slice_thickness_mm, Some(2.5));
        for n in 0..8 {
            let corner = DVec3::new((n & 1) as f64, (n >> 1 & 1) as f64, (n >> 2) as f64) * 4.0;
            let (a, b) = (volume.grid().patient_from_index(corner), back.grid().patient_from_index(corner));
            assert!(a.distance(b) < 1e-9, "{a} came back as {b}");
        }
        assert_eq!(back.grid().slices().is_some(), volume.grid().slices().is_some());
    }
}

/// A gantry tilt of 20 degrees and slices lost on the way: what lies on both sides of the gaps is as far apart as it
/// was (PS3.3 C.7.6.2.1.1).
#[test]
fn a_tilted_series_with_gaps_keeps_its_distances() {
    let tilt = 20f64.to_radians();
    // The table moves along z, the rows lean.
    let column = DVec3::new(0.0, tilt.cos(), -tilt.sin());
    let matrix = DMat3::from_cols(DVec3::X * 0.7, column * 0.9, DVec3::Z * 5.0);
    let affine = DAffine3 { matrix3: matrix, translation: DVec3::new(-50.0, 20.0, -300.0) };
    let grid = Grid::even([14, 9, 8], affine).unwrap();
    assert!((grid.spacing_mm().z - 4.69846).abs() < 5e-6);
    let markers = [[0, 1, 2], [2, 7, 6], [6, 0, 5], [9, 8, 1], [13, 4, 7]];
    let mut samples = Array3::<i16>::zeros((14, 9, 8));
    for (n, marker) in markers.into_iter().enumerate() {
        samples[marker] = 1000 + n as i16;
    }
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    let volume = Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let paths = write_series(&volume, &spec(1), folder.path(), &POOL, &Progress::new()).unwrap();
    for lost in [4, 5, 8, 11] {
        std::fs::remove_file(&paths[lost]).unwrap();
    }
    let series = group(scan_all(&[Source::from(folder.path())]).unwrap().instances);
    let loaded = load_one(&series[0]).unwrap();
    assert!(loaded.notes.has(NoteCode::GantryTilt) && loaded.notes.has(NoteCode::MissingSlices));
    let grid = loaded.volume.grid();
    assert!((grid.tilt_rad() - tilt).abs() < 1e-6);
    let missing = grid.slices().unwrap().missing_after().iter().enumerate().filter(|(_, missing)| **missing);
    assert_eq!(missing.map(|(k, _)| k).collect::<Vec<_>>(), [3, 5, 7]);
    let Samples::I16(samples) = loaded.volume.samples() else { panic!("another type") };
    let found = |n: usize| {
        let ((k, j, i), _) = samples.indexed_iter().find(|(_, value)| **value == 1000 + n as i16).unwrap();
        grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64))
    };
    let truth = |n: usize| {
        let [k, j, i] = markers[n].map(|n| n as f64);
        DVec3::new(0.7 * i, 0.9 * j * tilt.cos(), 5.0 * k - 0.9 * j * tilt.sin())
    };
    for a in 0..markers.len() {
        for b in 0..a {
            let (found, truth) = (found(a).distance(found(b)), truth(a).distance(truth(b)));
            assert!((found - truth).abs() < 1e-3 * truth, "{found} mm, not {truth}");
        }
    }
}

#[test]
fn a_pet_comes_back_within_half_a_step_of_each_slice_and_shares_the_frame_of_reference() {
    let grid = Grid::even([4, 5, 6], DAffine3::from_scale(DVec3::new(4.0, 4.0, 3.0))).unwrap();
    let samples = Array3::from_shape_fn((4, 5, 6), |(k, j, i)| {
        if (k, j, i) == (2, 0, 0) {
            f32::MIN
        } else {
            (10f32.powi(k as i32) * (1.0 + j as f32 * 1.7 + i as f32 / 3.0)).max(0.0) * f32::from(k != 3)
        }
    });
    let mapping = ValueMapping::identity(Unit::BecquerelPerMl);
    let facts = Facts::new(Modality::Pt);
    let pet = Volume::new(grid, Samples::F32(samples), mapping, Some(Padding::F32), facts).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let back = written(&pet, 2, folder.path()).volume;
    assert_eq!(back.mapping().unit, Unit::BecquerelPerMl);
    for k in 0..4 {
        let value = |volume: &Volume, j, i| volume.modality_value([k, j, i]);
        let most = (0..30).filter_map(|n| value(&pet, n / 6, n % 6)).fold(0.0, f64::max);
        for n in 0..30 {
            match (value(&pet, n / 6, n % 6), value(&back, n / 6, n % 6)) {
                (Some(a), Some(b)) => assert!((a - b).abs() <= most / 65_534.0 * 0.51 + 1e-12, "{a} {b}"),
                (a, b) => assert!(a.is_none() && b.is_none(), "{a:?} {b:?}"),
            }
        }
    }
    let other = tempfile::tempdir().unwrap();
    let ct = written(&ct(sheared([3, 4, 5])), 1, other.path()).volume;
    assert!(ct.facts().frame_of_reference.is_some());
    assert_eq!(ct.facts().frame_of_reference, back.facts().frame_of_reference);
}

#[test]
fn the_same_volume_gives_the_same_files() {
    let volume = ct(sheared([3, 4, 5]));
    let bytes = |threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let paths = write_series(&volume, &spec(1), folder.path(), &pool, &Progress::new()).unwrap();
        paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    assert!(bytes(1) == bytes(2));
}

#[test]
fn a_failure_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    // Where the second file should go there is a folder.
    std::fs::create_dir(folder.path().join("image-0002.dcm")).unwrap();
    let volume = ct(sheared([3, 4, 5]));
    let error = write_series(&volume, &spec(1), folder.path(), &POOL, &Progress::new()).unwrap_err();
    assert!(error.to_string().ends_with("image-0002.dcm"), "{error}");
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1);
}

/// This test again in a process in which no file may grow beyond 10 KiB, as on a full disk.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_what_was_there() {
    const FOLDER: &str = "ANATOME_TEST_WRITES_INTO";
    let large = ct(sheared([3, 80, 80]));
    if let Some(folder) = std::env::var_os(FOLDER) {
        let error = write_series(&large, &spec(2), Path::new(&folder), &POOL, &Progress::new()).unwrap_err();
        let told = error.to_string();
        assert!(matches!(error, anatome_dicom::Error::Io { .. }) && told.ends_with(".dcm"), "{told}");
        assert!(!told.contains(".part"), "{told}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let paths =
        write_series(&ct(sheared([3, 4, 5])), &spec(1), folder.path(), &POOL, &Progress::new()).unwrap();
    let contents = || paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = contents();
    let run = Command::new("sh")
        // Ignored, the signal of the limit becomes an error.
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 20; exec \"$0\" --exact written::a_full_disk_leaves_what_was_there",
        ])
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success() && told.contains("1 passed"), "{told}");
    assert!(contents() == before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_is_replaced_stays_until_everything_new_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let contents = || -> BTreeMap<_, _> {
        let entries = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    write_series(&ct(sheared([3, 4, 5])), &spec(1), folder.path(), &POOL, &Progress::new()).unwrap();
    let before = contents();
    assert_eq!(before.len(), 3);
    // Another series of the same names, cancelled when two of its files are written.
    let (sender, receiver) = std::sync::mpsc::channel::<Progress>();
    let receiver = Mutex::new(receiver);
    let progress = Progress::with_listener(move |done, _| {
        if done == 2 {
            receiver.lock().unwrap().recv().unwrap().cancel();
        }
    });
    sender.send(progress.clone()).unwrap();
    let other = ct(sheared([9, 6, 7]));
    let error = write_series(&other, &spec(2), folder.path(), &POOL, &progress).unwrap_err();
    assert!(matches!(error, anatome_dicom::Error::Cancelled), "{error}");
    assert!(contents() == before);
    write_series(&other, &spec(2), folder.path(), &POOL, &Progress::new()).unwrap();
    let after = contents();
    assert_eq!(after.len(), 9);
    assert!(before.iter().all(|(path, bytes)| after[path] != *bytes));
}

/// The output of a tool; `None`, said aloud, where it is not installed and not required.
fn tool(name: &str, arguments: &[&str], file: &Path) -> Option<(bool, String)> {
    match Command::new(name).args(arguments).arg(file).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(error) => {
            Need::Tools.is_missing(&format!("{name} does not run: {error}"));
            None
        }
    }
}

fn one_of_each() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let mut paths =
        write_series(&ct(sheared([2, 4, 5])), &spec(1), &folder.path().join("ct"), &POOL, &Progress::new())
            .unwrap();
    let grid = Grid::even([2, 3, 4], DAffine3::from_scale(DVec3::splat(4.0))).unwrap();
    let samples = Samples::F32(Array3::from_shape_fn((2, 3, 4), |(k, j, i)| (k + j * i) as f32 * 1.5));
    let mapping = ValueMapping::identity(Unit::BecquerelPerMl);
    let pet = Volume::new(grid, samples, mapping, None, Facts::new(Modality::Pt)).unwrap();
    paths.extend(write_series(&pet, &spec(2), &folder.path().join("pet"), &POOL, &Progress::new()).unwrap());
    (folder, paths)
}

#[test]
fn a_validator_finds_no_errors_in_written_files() {
    let (_folder, paths) = one_of_each();
    for path in paths {
        let Some((success, text)) = tool("dciodvfy", &["-new"], &path) else { return };
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("Error")).collect();
        assert!(success && errors.is_empty(), "{text}");
    }
}

#[test]
fn another_toolkit_reads_written_files() {
    let (_folder, paths) = one_of_each();
    for path in paths {
        let Some((success, text)) = tool("dcmdump", &["+P", "PixelSpacing", "+P", "PatientID"], &path) else {
            return;
        };
        assert!(success && text.contains("[DEMO]"), "{text}");
    }
}

#[derive(Default)]
struct Kept {
    shape: Mutex<Option<[usize; 3]>>,
    slices: Mutex<BTreeMap<usize, Vec<i16>>>,
}

impl SliceSink for Kept {
    fn begin(&self, coming: &Coming<'_>) {
        assert!(self.slices.lock().unwrap().is_empty());
        assert_eq!(coming.mapping.intercept, -24.0);
        assert!(self.shape.lock().unwrap().replace(coming.grid.shape()).is_none());
    }

    fn slice(&self, slice: FinishedSlice<'_>) {
        let SliceSamples::I16(samples) = slice.samples else { panic!("not i16") };
        assert!(self.slices.lock().unwrap().insert(slice.k, samples.to_vec()).is_none());
    }
}

#[test]
fn each_slice_is_handed_over_once_as_it_stands_in_the_volume() {
    let folder = tempfile::tempdir().unwrap();
    write_series(&ct(sheared([9, 6, 7])), &spec(1), folder.path(), &POOL, &Progress::new()).unwrap();
    let series = group(scan_all(&[Source::from(folder.path())]).unwrap().instances);
    let kept = Kept::default();
    let loaded = load_with(&series[0], &Limits::default(), &POOL, &Progress::new(), &kept).unwrap();
    let Samples::I16(samples) = loaded.volume.samples() else { panic!("not i16") };
    assert_eq!(*kept.shape.lock().unwrap(), Some([9, 6, 7]));
    let slices = kept.slices.into_inner().unwrap();
    assert!(slices.keys().copied().eq(0..9));
    for (k, slice) in slices {
        assert!(samples.index_axis(ndarray::Axis(0), k).iter().eq(&slice));
    }
}
