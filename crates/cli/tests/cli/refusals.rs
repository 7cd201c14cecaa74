//! What can't be done, or makes no sense: told by a message and a code, with nothing left behind.

use std::fs;
use std::path::{Path, PathBuf};

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::ThoraxSpec;
use anatome_testkit::Need;

use super::{anatome, fails, files, path, text, with_study};

#[test]
fn wrong_inputs_end_with_a_message_and_a_code() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let (empty, note) = (path(&folder, "empty"), path(&folder, "note.txt"));
    fs::create_dir(&empty).unwrap();
    fs::write(&note, "not an image at all, but long enough to have had a preamble of 128 bytes".repeat(4))
        .unwrap();
    let first = files(Path::new(&study)).remove(0).1;
    let cut = path(&folder, "cut.dcm");
    fs::write(&cut, &first[..first.len() / 2]).unwrap();

    let nowhere = path(&folder, "nowhere");
    fails(&["render", &nowhere, "--out", &out], 2, "there is no such file or folder: ");
    fails(&["render", &study, &nowhere, "--out", &out], 2, &nowhere);
    fails(&["render", &format!("{note}/below"), "--out", &out], 2, "there is no such file or folder: ");
    fails(&["inspect", &nowhere], 2, "there is no such file or folder: ");
    fails(&["convert", &nowhere, "--out", &format!("{study}/a.nii")], 2, "there is no such file or folder: ");
    fails(&["convert", &study, "--out", &format!("{nowhere}/a.nii")], 2, "a.nii");
    let nothing = "no DICOM, NIfTI, NRRD or MetaImage files among 0 found in ";
    fails(&["render", &empty, "--out", &out], 4, nothing);
    fails(&["render", &note, "--out", &out], 4, "it is no DICOM, NIfTI, NRRD or MetaImage file and no zip, ");
    fails(&["render", &cut, "--out", &out], 4, "anatome: pixel data is not valid: ");
    fails(&["render", &cut, "--out", &out], 4, &format!(": {cut}\n"));
    fails(&["render", &study, "--out", &format!("{note}/out")], 4, "note.txt");
    fails(&["render", &study, "--out", &out, "--series", "7"], 2, "no series \"7\"");
    fails(&["render", &study, "--out", &out, "--window", "spleen"], 2, "subdural");
    for window in ["1", "a,b", "40,", ","] {
        fails(&["render", &study, "--out", &out, "--window", window], 2, "such as 40,400");
    }
    fails(&["render", &study, "--out", &note], 4, "cannot write into the folder: not a directory");
    fails(&["render", &study, "--out", &out, "--preset", "none"], 2, "vessels");
    fails(&["render", &study, "--out", &out, "--size", "0x0"], 2, "3840x2160");
    fails(&["render", &study], 2, "--out");
    fails(&["render", &study, "--out", &out, "--scene", &note], 2, "not a scene");
    fails(
        &["render", &study, "--out", &out, "--backend", "gpu", "--adapter", "no such GPU"],
        5,
        "no such GPU",
    );
    if only_software_gpus() {
        fails(&["render", &study, "--out", &out, "--backend", "gpu"], 5, "software adapter");
        fails(&["render", &study, "--out", &out, "--backend", "gpu"], 5, "--adapter NUMBER|NAME");
    }
    let left: Vec<_> = fs::read_dir(&out).map(|d| d.collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_nothing_behind() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let render = ["render", &study, "--out", &out, "--size", "32x18"];
    let both = [&render[..], &["--backend", "cpu", "--adapter", "x"]].concat();
    fails(&both, 2, "'--adapter <NUMBER|NAME>' chooses a GPU, and '--backend cpu' uses none");
    fails(&both, 2, "Usage: anatome render ");
    fails(&[&render[..], &["--adapter", ""]].concat(), 2, "--adapter");
    fails(&[&render[..], &["--limits", "volume_bytes=1K"]].concat(), 4, "volume");
    fails(&[&render[..], &["--limits", "volume=1K"]].concat(), 2, "volume_bytes");
    assert!(!Path::new(&out).exists());
}

#[test]
fn names_of_another_modality_are_refused_before_pixels_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = path(&folder, "out");
    let pet = path(&folder, "pet");
    let workers = Workers::new(Some(2)).unwrap();
    let thorax = ThoraxSpec { shape: [24, 48, 48], seed: 3 };
    let volume = anatome_phantom::thorax_pet(&thorax, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 2, description: "test".into(), file_prefix: String::new() };
    write_series(&volume, &spec, Path::new(&pet), workers.pool(), &Progress::new()).unwrap();
    // The backend is opened before anything is loaded, and this one can't be.
    let render = ["render", &pet, "--out", &out, "--size", "32x18", "--adapter", "no such GPU"];
    fails(&[&render[..], &["--preset", "bone"]].concat(), 2, "made for CT");
    fails(&[&render[..], &["--preset", "bone"]].concat(), 2, "choose one of: t1-brain, angiography, hot");
    fails(&[&render[..], &["--window", "lung"]].concat(), 2, "give centre and width as C,W");
    fails(&[&render[..], &["--window", "40,400", "--preset", "hot"]].concat(), 5, "no such GPU");
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_scene_that_is_none_is_a_usage_error() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let scene = path(&folder, "scene.json");
    let render = ["render", &study, "--out", &out, "--scene", &scene];
    fails(&render, 2, "cannot use the scene: No such file");
    fs::write(&scene, "{").unwrap();
    fails(&render, 2, "it is not a scene");
    fs::write(&scene, r#"{"version": 99, "layers": [], "hologram": true}"#).unwrap();
    fails(&render, 2, "version 99 is not the known version 1");
    fails(&render, 2, &format!(": {scene}\n"));
    assert!(!Path::new(&out).exists());
}

#[test]
fn a_scene_that_asks_for_what_is_not_there_is_refused_before_anything_is_read() {
    let folder = with_study();
    let (study, out, nowhere) = (path(&folder, "study"), path(&folder, "out"), path(&folder, "nowhere"));
    let first = anatome(&["render", &study, "--out", &out, "--size", "32x18", "--backend", "cpu"]);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let scene = path(&folder, "scene.json");
    let refused = |from: &str, change: &dyn Fn(&mut serde_json::Value), message: &str| {
        let json = fs::read_to_string(format!("{out}/{from}.json")).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        change(&mut json);
        fs::write(&scene, json.to_string()).unwrap();
        fails(&["render", &nowhere, "--out", &out, "--scene", &scene], 2, message);
    };
    refused(
        "axial",
        &|json| json["layers"][0]["slot"] = "overlay".into(),
        "no slot \"overlay\"; choose one of: primary",
    );
    let plane = serde_json::json!([{ "point_mm": [0, 0, 0], "normal": [0, 1, 0] }]);
    let clips = |json: &mut serde_json::Value| json["layers"][0]["region"]["clip_planes"] = plane.clone();
    refused("axial", &clips, "a slice view shows all of the volume");
    let camera = |field: &str, value: serde_json::Value| {
        let field = field.to_owned();
        move |json: &mut serde_json::Value| json["view"]["rendering"]["camera"][&field] = value.clone()
    };
    refused("rendering", &camera("up", [0, 1, 0].to_vec().into()), "camera: up points along the view");
    refused("rendering", &camera("up", [0, 0, 0].to_vec().into()), "camera: up is zero");
}

#[test]
fn inspect_says_by_its_code_what_can_not_be_read() {
    let folder = with_study();
    let study = path(&folder, "study");
    let (cut, note) = (path(&folder, "cut.dcm"), path(&folder, "note.txt"));
    let first = files(Path::new(&study)).remove(0).1;
    fs::write(&cut, &first[..first.len() - 1000]).unwrap();
    fs::write(&note, "no image").unwrap();
    let code = |inputs: &[&str]| anatome(&[&["inspect"], inputs].concat()).status.code();
    assert_eq!(code(&[&study]), Some(0));
    assert_eq!(code(&[&cut]), Some(4));
    assert_eq!(code(&[&note]), Some(4));
    assert_eq!(code(&[&study, &note]), Some(3));
    fs::rename(&note, Path::new(&study).join("note.txt")).unwrap();
    assert_eq!(code(&[&study]), Some(0), "what else lies in a folder is a note");
    // A series of its own that can't be loaded, beside one that can.
    let other = path(&folder, "other");
    fs::create_dir(&other).unwrap();
    let mut bytes = first[..first.len() - 1000].to_vec();
    let uid = b"2.25.";
    let at: Vec<usize> = (0..bytes.len() - uid.len())
        .filter(|&at| bytes[at..].starts_with(uid))
        .map(|at| at + uid.len())
        .collect();
    for at in at {
        bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    }
    fs::write(Path::new(&other).join("cut.dcm"), &bytes).unwrap();
    assert_eq!(code(&[&study, &other]), Some(3));
}

#[test]
fn of_a_single_slice_only_the_picture_along_it_is_drawn() {
    let folder = with_study();
    let slice = files(Path::new(&path(&folder, "study"))).remove(12).0;
    let (slice, out) = (path(&folder, &format!("study/{}", slice.display())), path(&folder, "out"));
    let run = anatome(&["render", &slice, "--out", &out, "--size", "48x48", "--backend", "cpu"]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("a single slice: only the picture along it"), "{}", text(&run.stdout));
    let names: Vec<PathBuf> = files(Path::new(&out)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [Path::new("axial.json"), Path::new("axial.png")]);
    assert!(!text(&run.stdout).contains("nothing is seen in it"), "{}", text(&run.stdout));
}

#[test]
fn a_scene_beside_the_volume_is_noted() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let render = ["render", &study, "--out", &out, "--size", "48x48", "--backend", "cpu", "--overwrite"];
    let seen = "nothing is seen in a picture";
    let first = anatome(&render);
    assert!(!text(&first.stdout).contains(seen), "{}", text(&first.stdout));
    let scene = path(&folder, "away.json");
    let axial = fs::read_to_string(format!("{out}/axial.json")).unwrap();
    let mut away: serde_json::Value = serde_json::from_str(&axial).unwrap();
    away["view"]["slice"]["plane"]["center_mm"] = serde_json::json!([0.0, 0.0, 9999.0]);
    fs::write(&scene, away.to_string()).unwrap();
    let run = anatome(&[&render[..], &["--scene", &scene]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains(seen), "{}", text(&run.stdout));
    let run = anatome(&[&render[..], &["--window", "30000,1"]].concat());
    assert!(text(&run.stdout).contains(seen), "{}", text(&run.stdout));
}

/// Whether there are GPUs to choose, and none that would be taken unasked.
fn only_software_gpus() -> bool {
    let report: serde_json::Value = serde_json::from_slice(&anatome(&["adapters", "--json"]).stdout).unwrap();
    let adapters = report["adapters"].as_array().unwrap();
    if adapters.is_empty() {
        Need::Gpu.is_missing("no GPU adapter");
    }
    !adapters.is_empty() && adapters.iter().all(|adapter| adapter["kind"] == "software")
}

/// An image whose compressed pixels end early costs its slice, and the exit code says that there was one.
#[test]
fn inspect_says_by_its_code_that_an_image_is_damaged() {
    let folder = with_study();
    let packed = folder.path().join("packed");
    fs::create_dir(&packed).unwrap();
    for (n, file) in fs::read_dir(path(&folder, "study")).unwrap().enumerate() {
        let (from, to) = (file.unwrap().path(), packed.join(format!("{n}.dcm")));
        match std::process::Command::new("dcmcrle").args([&from, &to]).status() {
            Ok(status) => assert!(status.success()),
            Err(error) => return Need::Tools.is_missing(&format!("dcmcrle does not run: {error}")),
        }
    }
    let packed = packed.to_str().unwrap().to_owned();
    assert_eq!(anatome(&["inspect", &packed]).status.code(), Some(0));
    let one = format!("{packed}/9.dcm");
    let bytes = fs::read(&one).unwrap();
    fs::write(&one, &bytes[..bytes.len() - 200]).unwrap();
    let run = anatome(&["inspect", &packed]);
    assert_eq!(run.status.code(), Some(3));
    let said = text(&run.stdout);
    assert!(said.contains(" was left out: ") && said.contains(" x 23 voxels"), "{said}");
}
