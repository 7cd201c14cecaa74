//! What `anatome inspect` tells of studies that are not what they seem, and by which code.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::damaged::{cut, with_packed_study};
use super::{anatome, files, find, path, text, with_study};

const NUMBER_OF_FRAMES: &[u8] = b"\x28\x00\x08\x00IS\x02\x0030";
const ROWS: &[u8] = b"\x28\x00\x10\x00US";

/// Exit code, standard output and standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let run = anatome(args);
    (run.status.code(), text(&run.stdout), text(&run.stderr))
}

fn report(args: &[&str]) -> Value {
    let (_, said, errors) = run(&[args, &["--json"]].concat());
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}{errors}"))
}

/// Changes some files of a folder, by their place.
fn change(folder: &str, which: impl Fn(usize) -> bool, change: impl Fn(&mut Vec<u8>)) {
    for (n, (name, mut bytes)) in files(Path::new(folder)).into_iter().enumerate() {
        if which(n) {
            change(&mut bytes);
            fs::write(Path::new(folder).join(name), bytes).unwrap();
        }
    }
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = find(bytes, from);
    bytes[at..at + to.len()].copy_from_slice(to);
}

/// Nobody reads (0020,0033).
fn without_position(bytes: &mut [u8]) {
    replace(bytes, b"\x20\x00\x32\x00DS", b"\x20\x00\x33\x00DS");
}

#[test]
fn two_patients_under_one_study_uid_are_two_studies() {
    let folder = with_study();
    let study = path(&folder, "study");
    assert!(!run(&["inspect", &study]).1.contains("patients"));
    change(&study, |n| n >= 12, |bytes| replace(bytes, b"LO\x04\0DEMO", b"LO\x04\0ECHO"));
    let (code, said, _) = run(&["inspect", &study, "--with-identity"]);
    let of = |id: &str| said.find(&format!("  ID: {id}\n")).unwrap_or_else(|| panic!("{said}"));
    assert!(code == Some(0) && said.starts_with("24 files, 2 studies\n"), "{said}");
    // Each is in front of its own series.
    let series = [said.find("  series 1: ").unwrap(), said.find("  series 2: ").unwrap()];
    assert!(of("DEMO").min(of("ECHO")) < series[0] && of("DEMO").max(of("ECHO")) > series[0], "{said}");
    assert!(of("DEMO").max(of("ECHO")) < series[1], "{said}");
    let note = "note: one Study Instance UID holds images of 2 patients, by ID and name [tolerated]";
    let (_, said, _) = run(&["inspect", &study]);
    assert!(said.contains(note) && !said.contains("ECHO"), "{said}");
}

#[test]
fn damaged_images_of_a_stack_are_named_and_told_by_the_code() {
    let folder = with_packed_study();
    let study = path(&folder, "study");
    change(&study, |_| true, |bytes| without_position(bytes));
    let (code, said, _) = run(&["inspect", &study]);
    assert!(code == Some(0) && said.contains("24 images of "), "{said}");
    let file = cut(&folder, "study/0010.dcm");
    let (code, said, _) = run(&["inspect", &study]);
    assert!(code == Some(3) && said.contains("1 of 24 images can't be decoded (image 10): "), "{said}");
    assert!(!said.contains("0010.dcm"), "{said}");
    let (code, said, _) = run(&["inspect", &study, "--with-identity"]);
    assert!(code == Some(3) && said.contains(&format!("skipped: {file}: a damaged DICOM file: ")), "{said}");
    let damage = &report(&["inspect", &study])["studies"][0]["series"][0]["decoded"]["damaged"][0];
    assert_eq!((&damage["frames"], &damage["images"]), (&1.into(), &vec!["image 10"].into()));
}

#[test]
fn missing_frames_are_told_and_the_file_is_named() {
    let folder = with_study();
    let study = path(&folder, "study");
    change(
        &study,
        |n| n == 4,
        |bytes| {
            let at = find(bytes, ROWS);
            bytes.splice(at..at, NUMBER_OF_FRAMES.iter().copied());
        },
    );
    for more in [&[][..], &["--headers-only"]] {
        let (code, said, _) = run(&[&["inspect", &study], more].concat());
        assert!(code == Some(3) && said.contains("30 frames are stated, 1 are there [damaged]"), "{said}");
        assert!(!said.contains(".dcm"), "{said}");
    }
    let (_, said, _) = run(&["inspect", &study, "--with-identity"]);
    assert!(said.contains(&format!("skipped: {study}/0005.dcm: a damaged DICOM file: ")), "{said}");
}

#[test]
fn why_nothing_can_be_read_is_told() {
    let folder = with_study();
    let study = path(&folder, "study");
    let (code, _, said) = run(&["inspect", &study, "--limits", "elements=10"]);
    assert!(
        code == Some(4) && said.contains("elements of one header: 11 needed, 10 allowed (24 times)"),
        "{said}"
    );
    assert!(said.contains("hint: --limits changes what files may ask for"), "{said}");
    assert_eq!(report(&["inspect", &study, "--limits", "elements=10"])["error"]["kind"], "limits");
    change(&study, |n| n >= 3, |bytes| *bytes = b"Dear colleague, ".repeat(20));
    // Within the value of an element.
    change(&study, |n| n < 3, |bytes| bytes.truncate(find(bytes, ROWS) + 9));
    let (code, _, said) = run(&["inspect", &study]);
    assert!(code == Some(4) && said.contains("a damaged DICOM file: dataset is not valid: "), "{said}");
    assert!(said.contains("does not begin like one (21 times)") && !said.contains(".dcm"), "{said}");
    assert_eq!(report(&["inspect", &study])["error"]["kind"], "malformed");
}

#[test]
fn images_of_several_kinds_in_a_stack_are_not_described_by_the_first() {
    let folder = with_study();
    let study = path(&folder, "study");
    change(&study, |_| true, |bytes| without_position(bytes));
    let series = |study: &str| report(&["inspect", study])["studies"][0]["series"][0].clone();
    assert!(series(&study)["values"]["differs"] == false && series(&study).get("other_pixels").is_none());
    let stored = |bits: u8| [&b"\x28\x00\x01\x01US\x02\x00"[..], &[bits, 0]].concat();
    let high = |bit: u8| [&b"\x28\x00\x02\x01US\x02\x00"[..], &[bit, 0]].concat();
    let narrow = |bytes: &mut Vec<u8>| {
        replace(bytes, &stored(16), &stored(12));
        replace(bytes, &high(15), &high(11));
        replace(bytes, b"\x28\x00\x53\x10DS\x02\x001 ", b"\x28\x00\x53\x10DS\x02\x002 ");
    };
    change(&study, |n| n >= 20, narrow);
    let (_, said, _) = run(&["inspect", &study]);
    assert!(said.contains("MONOCHROME2 of signed 16 bits or signed 12 bits, "), "{said}");
    assert!(said.contains("samples in the first image, others differ in type or scale, values "), "{said}");
    let series = series(&study);
    assert_eq!(
        (&series["values"]["differs"], &series["other_pixels"][0]["bits_stored"]),
        (&true.into(), &12.into())
    );
}
