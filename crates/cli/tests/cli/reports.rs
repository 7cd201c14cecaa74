//! Reports that can't be written: who reads them may have gone away, or the disk is full.

use std::process::{Command, Stdio};

use super::{path, text, with_study};

const PROGRAM: &str = env!("CARGO_BIN_EXE_anatome");

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let render = ["render", &study, "--out", &out, "--size", "32x18", "--backend", "cpu"];
    for args in [&["inspect", &study][..], &["inspect", &study, "--json"], &render] {
        let mut command = Command::new(PROGRAM);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let run = child.wait_with_output().unwrap();
        assert_eq!((run.status.code(), text(&run.stderr).as_str()), (Some(0), ""), "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_report_that_is_lost_costs_no_picture_and_is_told() {
    use std::fs::{self, File};
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let full = |args: &[&str]| {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let run = Command::new(PROGRAM).args(args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        (run.status.code(), text(&run.stderr))
    };
    for json in [&[][..], &["--json"]] {
        let render = ["render", &study, "--out", &out, "--size", "32x18", "--backend", "cpu", "--overwrite"];
        let (code, said) = full(&[&render, json].concat());
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains("cannot write the report to standard output: No space left"), "{said}");
        assert!(said.trim_end().ends_with("the files are written"), "{said}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 10);
        // Nothing but the report was asked for.
        let (code, said) = full(&[&["inspect", &study], json].concat());
        assert!(code == Some(4) && !said.contains("files are written"), "{said}");
    }
}
