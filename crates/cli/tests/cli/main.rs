//! The command as a user and a script meet it: output, exit codes, files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it skips"
)]

mod budget;
mod damaged;
mod inspect;
mod lost;
#[cfg(target_os = "linux")]
mod memory;
mod modalities;
mod nifti;
mod refusals;
mod reports;
#[cfg(unix)]
mod survival;
mod told;
#[cfg(all(target_os = "linux", feature = "viewer"))]
mod window;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct};

fn anatome(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_anatome")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a small CT in `study`.
fn with_study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let thorax = ThoraxSpec { shape: [24, 48, 48], seed: 3 };
    let volume = thorax_ct(&thorax, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 1, description: "test".into(), file_prefix: String::new() };
    write_series(&volume, &spec, &folder.path().join("study"), workers.pool(), &Progress::new()).unwrap();
    folder
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().unwrap().to_owned()
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|p| (p.file_name().unwrap().into(), fs::read(&p).unwrap())).collect()
}

/// Where bytes stand in others.
fn find(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).position(|window| window == part).unwrap()
}

#[test]
fn render_writes_pictures_and_scenes_that_draw_them_again() {
    let folder = with_study();
    let (study, out, again) = (path(&folder, "study"), path(&folder, "out"), path(&folder, "again"));
    let common = ["--size", "160x90", "--backend", "cpu"];
    let first = anatome(&[&["render", &study, "--out", &out], &common[..]].concat());
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    let names: Vec<PathBuf> = files(Path::new(&out)).into_iter().map(|(name, _)| name).collect();
    let expected = ["axial", "coronal", "mip", "rendering", "sagittal"];
    let expected: Vec<PathBuf> =
        expected.iter().flat_map(|n| [format!("{n}.json").into(), format!("{n}.png").into()]).collect();
    assert_eq!(names, expected);
    for name in ["axial", "mip", "rendering"] {
        let scene = format!("{out}/{name}.json");
        let run = anatome(&[&["render", &study, "--out", &again, "--scene", &scene], &common[..]].concat());
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        for ending in ["png", "json"] {
            let file = |folder: &str| fs::read(format!("{folder}/{name}.{ending}")).unwrap();
            assert!(file(&out) == file(&again), "{name}.{ending}");
        }
    }
}

#[test]
fn pictures_come_in_the_format_that_is_asked_for() {
    let folder = with_study();
    let study = path(&folder, "study");
    let run = |name: &str, more: &[&str]| {
        let (out, size) = (path(&folder, name), "64x64");
        let render =
            ["render", &study, "--out", &out, "--size", size, "--backend", "cpu", "--json", "--format"];
        (anatome(&[&render[..], more].concat()), out)
    };
    for (format, ending, start, lossy) in [
        ("png", "png", &b"\x89PNG\r\n\x1a\n"[..], false),
        ("jpeg", "jpg", b"\xff\xd8\xff", true),
        ("tiff", "tif", b"II*\0", false),
    ] {
        let (run, out) = run(format, &[format]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        for name in ["axial", "mip", "rendering"] {
            assert!(
                fs::read(format!("{out}/{name}.{ending}")).unwrap().starts_with(start),
                "{name} {format}"
            );
            assert!(Path::new(&format!("{out}/{name}.json")).exists());
        }
        assert_eq!(files(Path::new(&out)).len(), 10);
        for picture in report["pictures"].as_array().unwrap() {
            assert_eq!(picture["lossy"], lossy, "{picture}");
            assert!(picture["image"].as_str().unwrap().ends_with(ending), "{picture}");
        }
    }
    let length = |out: &str| fs::metadata(format!("{out}/axial.jpg")).unwrap().len();
    let [fine, coarse] = [("fine", "100"), ("coarse", "10")].map(|(name, quality)| {
        let (run, out) = run(name, &["jpeg", "--jpeg-quality", quality]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        length(&out)
    });
    assert!(2 * coarse < fine, "{coarse} {fine}");
    for wrong in [&["png", "--jpeg-quality", "90"][..], &["jpeg", "--jpeg-quality", "0"], &["gif"]] {
        assert_eq!(run("wrong", wrong).0.status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn one_thread_or_two_give_the_same_bytes() {
    let folder = with_study();
    let study = path(&folder, "study");
    let [one, two] = ["1", "2"].map(|threads| {
        let out = path(&folder, threads);
        let args =
            ["render", &study, "--out", &out, "--size", "200x120", "--backend", "cpu", "--threads", threads];
        assert_eq!(anatome(&args).status.code(), Some(0));
        files(Path::new(&out))
    });
    assert!(one == two);
}

#[test]
fn reports_are_json_with_a_schema_version() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let run = anatome(&["render", &study, "--out", &out, "--size", "64x64", "--backend", "cpu", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["pictures"].as_array().unwrap().len(), 5);
    assert_eq!(report["series"]["geometry"]["size"], serde_json::json!([48, 48, 24]));
    let run = anatome(&["inspect", &study, "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["studies"][0]["series"][0]["values"]["unit"], "HU");
    let run = anatome(&["inspect", &path(&folder, "nowhere"), "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&report["schema_version"], &report["error"]["kind"]), (&1.into(), &"io".into()));
    let run = anatome(&["adapters", "--json"]);
    assert_eq!(run.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
}

#[test]
fn identity_is_shown_only_when_asked_for() {
    let folder = with_study();
    let study = path(&folder, "study");
    for json in [&[][..], &["--json"]] {
        let run = |extra: &[&str]| text(&anatome(&[&["inspect", &study], extra, json].concat()).stdout);
        let (without, with) = (run(&[]), run(&["--with-identity"]));
        for secret in ["DEMO", "2.25."] {
            assert!(!without.contains(secret), "{secret}: {without}");
            assert!(with.contains(secret), "{secret}: {with}");
        }
    }
}

/// Runs and checks the exit code, and that the message names what is wrong.
fn fails(args: &[&str], code: i32, message: &str) {
    let run = anatome(args);
    let stderr = text(&run.stderr);
    assert_eq!(run.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(stderr.contains(message), "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn the_demo_replaces_no_study_unless_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let (out, precious) = (path(&folder, "demo"), folder.path().join("demo/study/ct/0001.dcm"));
    fs::create_dir_all(precious.parent().unwrap()).unwrap();
    fs::write(&precious, "precious").unwrap();
    fails(&["demo", "--out", &out, "--size", "32x18"], 2, "already there");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn one_frame_is_drawn_of_images_that_make_no_volume() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    for (name, mut bytes) in files(Path::new(&study)) {
        // The position becomes an element that nobody reads.
        let tag = [0x20, 0, 0x32, 0, b'D', b'S'];
        let at = bytes.windows(tag.len()).position(|window| window == tag).unwrap();
        bytes[at + 2] = 0x33;
        fs::write(Path::new(&study).join(name), bytes).unwrap();
    }
    let args = ["render", &study, "--out", &out, "--size", "32x18", "--frame", "3", "--labels"];
    let run = anatome(&args);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(text(&run.stdout).contains("labels: not for images"), "{}", text(&run.stdout));
    let names: Vec<PathBuf> = files(Path::new(&out)).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, [Path::new("frame-3.png")]);
    fails(&args, 2, "already there");
    fails(&["render", &study, "--out", &out, "--frame", "99"], 2, "1 to 24");
}

#[test]
fn files_are_replaced_only_when_allowed() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let args = ["render", &study, "--out", &out, "--size", "32x32", "--backend", "cpu"];
    assert_eq!(anatome(&args).status.code(), Some(0));
    fails(&args, 2, "already there");
    assert_eq!(anatome(&[&args[..], &["--overwrite"]].concat()).status.code(), Some(0));
}

#[test]
fn labels_change_the_picture_only_when_asked_for() {
    let folder = with_study();
    let study = path(&folder, "study");
    let [plain, labelled] = [None, Some("--labels")].map(|flag| {
        let out = path(&folder, flag.unwrap_or("plain"));
        let args = ["render", &study, "--out", &out, "--size", "320x180", "--backend", "cpu"];
        let args: Vec<&str> = args.into_iter().chain(flag).collect();
        assert_eq!(anatome(&args).status.code(), Some(0));
        files(Path::new(&out))
    });
    for ((name, plain), (_, labelled)) in plain.iter().zip(&labelled) {
        assert_eq!(plain == labelled, name.extension().unwrap() == "json", "{name:?}");
    }
}

#[test]
fn convert_writes_nifti_that_reads_and_renders_like_the_series() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "volume.nii.gz"));
    let run = anatome(&["convert", &study, "--out", &out]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let again = anatome(&["convert", &study, "--out", &out]);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    let wrong = anatome(&["convert", &study, "--out", &path(&folder, "volume.png")]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stderr));
    let series = |input: &str| {
        let run = anatome(&["inspect", input, "--json"]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
        let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
        report["studies"][0]["series"][0].clone()
    };
    let (dicom, nifti) = (series(&study), series(&out));
    assert_eq!(nifti["transfer_syntaxes"][0], "NIfTI-1");
    // NIfTI has no padding: what was none is the lowest value.
    assert_eq!(dicom["values"]["range"][1], nifti["values"]["range"][1]);
    assert_eq!(dicom["values"]["padding"][0], nifti["values"]["range"][0]);
    assert_eq!(dicom["geometry"]["size"], nifti["geometry"]["size"]);
    assert_eq!(dicom["geometry"]["orientation"], nifti["geometry"]["orientation"]);
    let rendered = |input: &str, name: &str| {
        let to = path(&folder, name);
        let window = ["--window", "40,400", "--size", "160x90", "--backend", "cpu"];
        let run = anatome(&[&["render", input, "--out", &to], &window[..]].concat());
        let axial = fs::read(format!("{to}/axial.png")).unwrap_or_default();
        (run.status.code(), axial)
    };
    let (from_dicom, from_nifti) = (rendered(&study, "a"), rendered(&out, "b"));
    assert!(
        !from_dicom.1.is_empty() && from_dicom.1 == from_nifti.1,
        "{:?} {:?}",
        from_dicom.0,
        from_nifti.0
    );
}
