//! What `convert` writes of real series, against dcm2niix, both read by nibabel: voxel for voxel in patient space.

use std::process::Command;

use anatome_testkit::{Need, python_with_nibabel, shared_data};

use crate::text;

fn has(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok()
}

/// Compares each volume of an archive. `mm`: how far apart places may be. `alone`: the series that dcm2niix writes in
/// another way or not at all, or that make no NIfTI file, with the word that says so.
fn agrees(name: &str, series: usize, mm: f64, alone: &[(&str, &str)]) {
    let (Some(path), Some(python)) = (shared_data(name), python_with_nibabel()) else { return };
    if !has("dcm2niix", &["-h"]) || !has("dcmdjpls", &["--version"]) {
        return Need::Tools.is_missing("dcm2niix or dcmtk does not run");
    }
    let mut run = Command::new(python);
    run.args(["-c", include_str!("nifti.py"), env!("CARGO_BIN_EXE_anatome")]).arg(path);
    let output = run.output().unwrap();
    let found = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let mut compared = 0;
    for line in found.lines() {
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
    assert_eq!(compared, series, "{found}");
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
