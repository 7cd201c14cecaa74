//! What `convert` writes of real series, against dcm2niix, both read by nibabel: voxel for voxel in patient space.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests fail by panicking and say what they skip"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn required(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| value == "1")
}

/// A file of the shared data.
fn archive(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = env::var_os("ANATOME_DATA").map_or(beside, PathBuf::from);
    // Tests run in the crate's folder, and the variable may be relative to the workspace.
    let folder = if folder.is_absolute() { folder } else { Path::new("../..").join(folder) };
    Some(folder.join(name)).filter(|path| path.is_file())
}

fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok()
}

fn python() -> Option<String> {
    let own = env::var("ANATOME_PYTHON").ok();
    let has_nibabel = |python: &String| {
        let output = Command::new(python).args(["-c", "import nibabel"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    own.into_iter().chain(["python3", "/usr/bin/python3"].map(str::to_owned)).find(has_nibabel)
}

/// Compares each volume of an archive. `mm`: how far apart places may be. `alone`: the series that dcm2niix writes in
/// another way or not at all, or that make no NIfTI file, with the word that says so.
fn agrees(name: &str, series: usize, mm: f64, alone: &[(&str, &str)]) {
    let Some(path) = archive(name) else {
        assert!(!required("ANATOME_REQUIRE_DATA"), "ANATOME_REQUIRE_DATA is 1, but {name} is not there");
        println!("SKIP: {name} is not there");
        return;
    };
    let tools = has("dcm2niix", &["-h"]) && has("dcmdjpls", &["--version"]);
    let Some(python) = python().filter(|_| tools) else {
        assert!(!required("ANATOME_REQUIRE_TOOLS"), "dcm2niix, dcmtk or nibabel is missing");
        println!("SKIP: dcm2niix, dcmtk or nibabel is missing");
        return;
    };
    let mut run = Command::new(python);
    run.args(["-c", include_str!("nifti.py"), env!("CARGO_BIN_EXE_anatome")]).arg(path);
    let output = run.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut compared = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let Some((_, why)) = alone.iter().find(|(number, _)| *number == words[0]) {
            assert_eq!(words[1], *why, "{line}");
            continue;
        }
        let [highest, value, off_mm] = [2, 3, 4].map(|n| words[n].parse::<f64>().unwrap());
        // Both write f32 where slices have slopes of their own.
        assert!(value <= highest * f64::from(f32::EPSILON), "{line}");
        assert!(off_mm <= mm, "{line}");
        compared += 1;
    }
    assert_eq!(compared, series, "{text}");
}

/// As far as 32 bits hold a place half a metre away.
const SAME_PLACE_MM: f64 = 2e-4;

#[test]
fn oblique_magnetic_resonance() {
    agrees("mr-prostatex.zip", 2, SAME_PLACE_MM, &[]);
}

#[test]
fn phases_of_a_dynamic_series() {
    agrees("4d-prostatex-dce.zip", 6, SAME_PLACE_MM, &[]);
}

#[test]
fn enhanced_magnetic_resonance_and_a_mosaic() {
    agrees("mr-xa30-enhanced.zip", 2, SAME_PLACE_MM, &[]);
}

/// One of these series is tilted and uneven: NIfTI can't hold it.
#[test]
fn generated_geometry() {
    agrees("geometry.zip", 6, SAME_PLACE_MM, &[("2", "refused:")]);
}

/// The PET's positions jitter. dcm2niix goes on from the first two slices, and is 0.04 mm off at the last of 135.
#[test]
fn positron_emission_and_computed_tomography() {
    agrees("petct-acrin042.zip", 2, 0.05, &[]);
}
