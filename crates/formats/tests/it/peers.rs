//! Other programs' files, and other programs on ours: voxel for voxel in patient space.

use std::path::Path;
use std::process::Command;

use anatome_core::Volume;
use anatome_testkit::python_with_nibabel;
use glam::{DAffine3, DMat3, DVec3};

use crate::made::load_path;
use crate::written::{bytes_of, grids, samples, volume};

fn run(python: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(python).args(["-c", include_str!("peers.py")]).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for line in text.lines().filter(|line| line.starts_with("SKIP")) {
        println!("{line}");
    }
    text
}

/// What another program says of a file.
struct Answer {
    name: String,
    /// Volumes, then k, j, i.
    shape: [usize; 4],
    lps_from_index: DAffine3,
    values: Vec<f64>,
}

fn answers(text: &str, folder: &Path) -> Vec<Answer> {
    let answer = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let shape: Vec<usize> = words[1..5].iter().map(|w| w.parse().unwrap()).collect();
        let n: Vec<f64> = words[5..].iter().map(|w| w.parse().unwrap()).collect();
        let column = |c: usize| DVec3::new(n[c], n[c + 4], n[c + 8]);
        let matrix3 = DMat3::from_cols(column(0), column(1), column(2));
        let bytes = std::fs::read(folder.join(format!("{}.f64", words[0]))).unwrap();
        let values = bytes.chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        Answer {
            name: words[0].to_owned(),
            shape: shape.try_into().unwrap(),
            lps_from_index: DAffine3 { matrix3, translation: column(3) },
            values,
        }
    };
    text.lines().filter(|line| !line.starts_with("SKIP")).map(answer).collect()
}

/// How far apart, in mm, two that have been through 32 bits may be.
const SAME_PLACE_MM: f64 = 1e-4;

/// What differs between volumes and an answer, if anything.
fn difference(volumes: &[&Volume], answer: &Answer) -> Option<String> {
    let [times, k, j, i] = answer.shape;
    if volumes.len() != times {
        return Some(format!("{} volumes, not {times}", volumes.len()));
    }
    let mut values = answer.values.iter();
    for volume in volumes {
        let grid = volume.grid();
        if grid.shape() != [k, j, i] {
            return Some(format!("shape {:?}, not {:?}", grid.shape(), [k, j, i]));
        }
        for at in 0..k * j * i {
            let index = [at / (j * i), at / i % j, at % i];
            let ijk = DVec3::new(index[2] as f64, index[1] as f64, index[0] as f64);
            let (ours, theirs) = (grid.patient_from_index(ijk), answer.lps_from_index.transform_point3(ijk));
            if (ours - theirs).length() > SAME_PLACE_MM {
                return Some(format!("{index:?} at {ours}, not {theirs}"));
            }
            let value = volume.modality_value(index);
            if value != values.next().copied() {
                return Some(format!("{value:?} at {index:?}"));
            }
        }
    }
    None
}

#[test]
fn other_programs_files_read_alike() {
    let Some(python) = python_with_nibabel() else { return };
    let folder = tempfile::tempdir().unwrap();
    run(&python, &["write", folder.path().to_str().unwrap()]);
    let expected = std::fs::read_to_string(folder.path().join("expected.txt")).unwrap();
    let answers = answers(&expected, folder.path());
    assert!(answers.len() >= 70);
    println!("{} files", answers.len());
    for answer in answers {
        let loaded = load_path(&folder.path().join(&answer.name)).unwrap();
        let volumes: Vec<&Volume> = loaded.iter().map(|l| &*l.volume).collect();
        assert_eq!(difference(&volumes, &answer), None, "{}", answer.name);
    }
}

#[test]
fn nibabel_reads_written_files_alike() {
    let Some(python) = python_with_nibabel() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut written = Vec::new();
    let mut paths = Vec::new();
    for (place, grid) in grids() {
        for (kind, samples) in samples(grid.shape()) {
            let volume = volume(&grid, samples, 2.0, -1024.0);
            let gzip = kind != "u8";
            let name = format!("{}-{kind}.nii{}", place.replace(' ', "_"), if gzip { ".gz" } else { "" });
            let path = folder.path().join(name);
            std::fs::write(&path, bytes_of(&volume, gzip)).unwrap();
            paths.push(path.to_str().unwrap().to_owned());
            written.push(volume);
        }
    }
    let arguments: Vec<&str> = ["read"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let text = run(&python, &arguments);
    let answers = answers(&text, folder.path());
    assert_eq!(answers.len(), written.len());
    for (volume, answer) in written.iter().zip(&answers) {
        assert_eq!(difference(&[volume], answer), None, "{}", answer.name);
    }
    // The comparison can fail: by a voxel's value and by a tenth of a millimetre.
    let [first, ..] = &mut { answers }[..] else { unreachable!("there are many") };
    first.values[5] += 1.0;
    assert!(difference(&[&written[0]], first).is_some());
    first.values[5] -= 1.0;
    first.lps_from_index.translation.x += 0.1;
    assert!(difference(&[&written[0]], first).is_some());
}
