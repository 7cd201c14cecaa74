//! Scenes, windows and presets that are made for one modality, and images of another or of none.

use std::fs;
use std::path::Path;

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};

use super::{anatome, fails, path, text, with_study};

const SMALL: [&str; 4] = ["--size", "48x36", "--backend", "cpu"];

/// A folder with a CT in `study/ct`, a PET in `study/pet` and pictures of both in `ct` and `pet`.
fn with_ct_and_pet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let thorax = ThoraxSpec { shape: [24, 48, 48], seed: 3 };
    let ct = thorax_ct(&thorax, workers.pool(), &Progress::new()).unwrap();
    let pet = thorax_pet(&thorax, workers.pool(), &Progress::new()).unwrap();
    for (number, name, volume) in [(1, "ct", ct), (2, "pet", pet)] {
        let spec = SeriesSpec { seed: 3, number, description: "test".into(), file_prefix: String::new() };
        let to = folder.path().join("study").join(name);
        write_series(&volume, &spec, &to, workers.pool(), &Progress::new()).unwrap();
        let run = render(&folder, &format!("study/{name}"), name, &[]);
        assert_eq!(run.0, Some(0), "{}", run.1);
    }
    folder
}

/// Exit code and report.
fn render(folder: &tempfile::TempDir, from: &str, to: &str, more: &[&str]) -> (Option<i32>, String) {
    let (from, to) = (path(folder, from), path(folder, to));
    let run = anatome(&[&["render", &from, "--out", &to], &SMALL[..], more].concat());
    (run.status.code(), text(&run.stdout) + &text(&run.stderr))
}

#[test]
fn a_scene_takes_the_series_that_it_was_made_for() {
    let folder = with_ct_and_pet();
    for name in ["ct", "pet"] {
        let scene = path(&folder, &format!("{name}/axial.json"));
        let again = format!("{name}-again");
        let (code, said) = render(&folder, "study", &again, &["--scene", &scene]);
        assert_eq!(code, Some(0), "{said}");
        let picture = |of: &str| fs::read(folder.path().join(of).join("axial.png")).unwrap();
        assert!(picture(name) == picture(&again), "{said}");
    }
}

#[test]
fn a_scene_of_another_modality_is_refused_before_pixels_are_read() {
    let folder = with_ct_and_pet();
    let (pet, out) = (path(&folder, "study/pet"), path(&folder, "out"));
    let scene = path(&folder, "ct/axial.json");
    // The backend is opened before anything is loaded, and this one can't be.
    let args = ["render", &pet, "--out", &out, "--scene", &scene, "--adapter", "no such GPU"];
    fails(&args, 2, "the scene \"axial\" is made for CT and means nothing for PT; choose a series of CT");
    fails(&args, 2, "--series chooses a series");
    assert!(!Path::new(&out).exists());
    // Whoever takes the modality out means it.
    let mut free: serde_json::Value = serde_json::from_str(&fs::read_to_string(&scene).unwrap()).unwrap();
    assert_eq!(free["layers"][0].as_object_mut().unwrap().remove("modality"), Some("CT".into()));
    let scene = path(&folder, "free.json");
    fs::write(&scene, free.to_string()).unwrap();
    let (code, said) = render(&folder, "study/pet", "out", &["--scene", &scene]);
    assert_eq!(code, Some(0), "{said}");
}

/// NIfTI does not say what made the image.
#[test]
fn what_is_named_is_applied_where_the_modality_is_not_stated() {
    let folder = with_study();
    let volume = path(&folder, "volume.nii");
    assert_eq!(anatome(&["convert", &path(&folder, "study"), "--out", &volume]).status.code(), Some(0));
    // What is padding in one and air in the other is black in this window.
    let chosen = ["--window", "abdomen", "--preset", "bone"];
    let (code, said) = render(&folder, "study", "dicom", &chosen);
    assert!(code == Some(0) && !said.contains("the modality is not stated"), "{said}");
    let (code, said) = render(&folder, "volume.nii", "nifti", &chosen);
    assert_eq!(code, Some(0), "{said}");
    for kind in ["window", "rendering preset"] {
        let note = format!(
            "note: the modality is not stated: the {kind} is applied as if the values were those of CT [assumed]"
        );
        assert_eq!(said.matches(&note).count(), 1, "{said}");
    }
    let picture = |of: &str, name: &str| fs::read(folder.path().join(of).join(name)).unwrap();
    assert!(picture("dicom", "axial.png") == picture("nifti", "axial.png"));
    // Padding that is air in the other may be seen at the rim of a rendering.
    let layer = |of: &str| {
        let mut scene: serde_json::Value = serde_json::from_slice(&picture(of, "rendering.json")).unwrap();
        scene["layers"][0].take()
    };
    let (dicom, nifti) = (layer("dicom"), layer("nifti"));
    assert_eq!(dicom["appearance"], nifti["appearance"]);
    assert_eq!((&dicom["modality"], nifti.get("modality")), (&"CT".into(), None));
    let scene = path(&folder, "dicom/axial.json");
    let (code, said) = render(&folder, "volume.nii", "scene", &["--scene", &scene]);
    assert!(code == Some(0) && said.contains("not stated: the scene is applied as if"), "{said}");
    assert!(picture("dicom", "axial.png") == picture("scene", "axial.png"));
    // Without a name nothing is taken on trust.
    let (_, said) = render(&folder, "volume.nii", "plain", &[]);
    assert!(!said.contains("the modality is not stated"), "{said}");
}
