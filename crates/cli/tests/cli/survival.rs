//! What is left behind when the system or the user ends a run: whole files or none, and those that were there before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::{anatome, path, text, with_study};

const PROGRAM: &str = env!("CARGO_BIN_EXE_anatome");

/// Runs a script of the shell, `$0` being the program.
fn shell(script: &str, args: &[&str]) -> Output {
    Command::new("sh").args(["-c", script, PROGRAM]).args(args).output().unwrap()
}

/// As [`shell`], where file systems may be mounted that only the script sees; `None`, said aloud, where the system does
/// not allow that.
fn shell_that_mounts(script: &str, args: &[&str]) -> Option<Output> {
    let run = |script: &str, args: &[&str]| {
        Command::new("unshare").args(["-rm", "sh", "-c", script, PROGRAM]).args(args).output()
    };
    let folder = tempfile::tempdir().unwrap();
    let probe = run("mount -t tmpfs -o size=64k none \"$1\"", &[folder.path().to_str().unwrap()]);
    if !probe.is_ok_and(|probe| probe.status.success()) {
        println!("SKIP: file systems can't be mounted here");
        return None;
    }
    Some(run(script, args).unwrap())
}

/// Each picture with its scene, each file whole, and nothing else.
fn assert_whole(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let bytes = fs::read(&file).unwrap();
        match file.extension().and_then(|ending| ending.to_str()) {
            Some("png") => {
                assert!(bytes.ends_with(b"IEND\xaeB\x60\x82"), "{file:?} is cut off");
                assert!(file.with_extension("json").exists(), "{file:?} has no scene");
            }
            Some("json") => {
                assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(), "{file:?} is cut off");
                assert!(file.with_extension("png").exists(), "{file:?} has no picture");
            }
            _ => panic!("{file:?} is left"),
        }
    }
}

#[test]
fn a_full_disk_costs_the_pictures_that_do_not_fit() {
    let folder = with_study();
    let (study, disk, kept) = (path(&folder, "study"), path(&folder, "disk"), path(&folder, "kept"));
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o size=$1 none \"$3\" || exit 99
        \"$0\" render \"$2\" --out \"$3\" --size 600x400 --backend cpu; code=$?
        mkdir -p \"$4\" && cp -a \"$3/.\" \"$4\"; exit $code";
    // None fits; some do.
    for (size, code) in [("16k", 4), ("300k", 3)] {
        let Some(run) = shell_that_mounts(script, &[size, &study, &disk, &kept]) else { return };
        let told = text(&run.stdout);
        assert_eq!(run.status.code(), Some(code), "{told}{}", text(&run.stderr));
        assert!(told.contains("FAILED: cannot write: No space left on device"), "{told}");
        assert!(!told.contains(".part"), "a temporary name is shown: {told}");
        assert!(told.contains(&format!("{disk}/")), "{told}");
        assert_whole(Path::new(&kept));
        assert_eq!(fs::read_dir(&kept).unwrap().count() > 0, code == 3, "{told}");
    }
}

#[test]
fn a_file_over_the_limit_of_size_leaves_what_it_would_have_replaced() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "volume.nii"));
    fs::write(&out, "precious").unwrap();
    let script = "ulimit -f 20; exec \"$0\" convert \"$1\" --out \"$2\" --overwrite";
    let run = shell(script, &[&study, &out]);
    let told = text(&run.stderr);
    assert_eq!(run.status.code(), Some(4), "{:?} {told}", run.status);
    assert!(told.contains("File too large") && told.trim_end().ends_with("volume.nii"), "{told}");
    assert_eq!(fs::read(&out).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "something is left beside it");
}

#[test]
fn a_folder_that_can_not_be_written_is_told_before_anything_is_read() {
    let folder = with_study();
    let (disk, nowhere) = (path(&folder, "disk"), path(&folder, "nowhere"));
    fs::create_dir(&disk).unwrap();
    let script = "mount -t tmpfs -o ro none \"$2\" || exit 99; exec \"$0\" render \"$1\" --out \"$2$3\"";
    for below in ["", "/new/folder"] {
        let Some(run) = shell_that_mounts(script, &[&nowhere, &disk, below]) else { return };
        let told = text(&run.stderr);
        assert_eq!(run.status.code(), Some(4), "{told}");
        assert!(told.contains("Read-only file system"), "{told}");
        assert!(told.trim_end().ends_with(&format!("{disk}{below}")), "{told}");
    }
}

#[test]
fn a_folder_without_permission_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "closed"));
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(Path::new(&out).join("a"), "").is_ok() {
        return println!("SKIP: whoever runs this may write everywhere");
    }
    let run = anatome(&["render", &study, "--out", &out]);
    assert_eq!(run.status.code(), Some(4), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("Permission denied"), "{}", text(&run.stderr));
}

fn start(args: &[&str]) -> Child {
    let piped = || Stdio::piped();
    Command::new(PROGRAM).args(args).stdout(piped()).stderr(piped()).spawn().unwrap()
}

/// Presses Ctrl-C as soon as `is_time`, and waits for the end.
fn interrupted(child: Child, is_time: impl Fn() -> bool) -> Output {
    signalled(child, is_time, "kill -INT $0")
}

/// Sends signals by a script of the shell as soon as `is_time`, and waits for the end.
fn signalled(mut child: Child, is_time: impl Fn() -> bool, script: &str) -> Output {
    let start = Instant::now();
    while !is_time() {
        if let Some(status) = child.try_wait().unwrap() {
            panic!("it ended too early: {status}");
        }
        assert!(start.elapsed() < Duration::from_secs(120), "the moment did not come");
        std::thread::sleep(Duration::from_millis(1));
    }
    let sent = Command::new("sh").args(["-c", script, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    child.wait_with_output().unwrap()
}

#[test]
fn ctrl_c_leaves_whole_pictures_and_no_others() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), folder.path().join("out"));
    let size = ["--size", "4000x3000", "--backend", "cpu", "--threads", "1"];
    let child = start(&[&["render", &study, "--out", out.to_str().unwrap()], &size[..]].concat());
    let run = interrupted(child, || out.join("axial.png").exists());
    assert_eq!(run.status.code(), Some(130), "{:?} {}", run.status, text(&run.stderr));
    assert_eq!(text(&run.stderr).trim_end(), "anatome: cancelled");
    assert_whole(&out);
    assert!(!out.join("rendering.png").exists());
}

/// Begins to write a folder's study as one compressed file into an empty folder, which is given, too.
#[cfg(target_os = "linux")]
fn converting(folder: &tempfile::TempDir) -> (Child, PathBuf) {
    let (study, out) = (path(folder, "study"), folder.path().join("out"));
    fs::create_dir(&out).unwrap();
    (start(&["convert", &study, "--out", out.join("volume.nii.gz").to_str().unwrap()]), out)
}

/// Whether a file of a folder has any content yet.
#[cfg(target_os = "linux")]
fn holds_bytes(folder: &Path) -> bool {
    let lengths = fs::read_dir(folder).unwrap().flatten().filter_map(|entry| entry.metadata().ok());
    lengths.map(|found| found.len()).sum::<u64>() > 0
}

/// The work is asked to stop, and does so long before it would be finished.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_while_a_volume_is_written_leaves_no_file() {
    let folder = super::memory::with_large_study();
    let (child, out) = converting(&folder);
    let run = interrupted(child, || holds_bytes(&out));
    assert_eq!(run.status.code(), Some(130), "{:?} {}", run.status, text(&run.stderr));
    assert_eq!(text(&run.stderr).trim_end(), "anatome: cancelled");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

/// Compressing a volume of 200 MiB takes longer than the second Ctrl-C waits for the first to be obeyed. Stopped, the
/// program gets both at once.
#[cfg(target_os = "linux")]
#[test]
fn a_second_ctrl_c_leaves_no_unfinished_file() {
    let folder = super::memory::with_large_study();
    let (child, out) = converting(&folder);
    let run =
        signalled(child, || holds_bytes(&out), "kill -STOP $0; kill -INT $0; kill -TERM $0; kill -CONT $0");
    assert_eq!(run.status.code(), Some(130), "{:?} {}", run.status, text(&run.stderr));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
}

#[test]
fn ctrl_c_before_anything_is_written_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let child = start(&["demo", "--out", out.to_str().unwrap()]);
    let run = interrupted(child, || out.join("study/pet").exists());
    assert_eq!(run.status.code(), Some(130), "{:?} {}", run.status, text(&run.stderr));
    assert!(!out.exists());
}
