//! Images whose compressed pixels end early: what is said of them, to whom, and what is still made.

use std::fs;
use std::path::Path;

use super::{anatome, files, find, path, text, with_study};

const EXPLICIT: &[u8] = b"1.2.840.10008.1.2.1\0";
const RLE: &[u8] = b"1.2.840.10008.1.2.5\0";

/// The file with its pixels of 16 bits in RLE (PS3.5 annex G): literal runs of the high bytes, then of the low ones.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let start = find(bytes, b"\xE0\x7F\x10\x00OW\0\0");
    let samples = bytes[start + 12..].as_chunks::<2>().0;
    let segment = |byte: usize| {
        let plane: Vec<u8> = samples.iter().map(|sample| sample[byte]).collect();
        let runs = plane.chunks(128).flat_map(|run| [&[run.len() as u8 - 1], run].concat());
        let mut segment: Vec<u8> = runs.collect();
        segment.resize(segment.len().next_multiple_of(2), 0x80);
        segment
    };
    let segments = [segment(1), segment(0)];
    let mut frame = vec![0; 64];
    for (n, word) in [2, 64, 64 + segments[0].len() as u32].into_iter().enumerate() {
        frame[4 * n..4 * n + 4].copy_from_slice(&word.to_le_bytes());
    }
    frame.extend(segments.concat());
    let mut packed = bytes[..start].to_vec();
    let syntax = find(&packed, EXPLICIT);
    packed[syntax..syntax + RLE.len()].copy_from_slice(RLE);
    packed.extend(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
    packed.extend(b"\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0");
    packed.extend((frame.len() as u32).to_le_bytes());
    packed.extend(frame);
    packed.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
    packed
}

/// A folder with a CT of 24 images in `study`, in RLE.
pub fn with_packed_study() -> tempfile::TempDir {
    let folder = with_study();
    let study = folder.path().join("study");
    for (name, bytes) in files(&study) {
        fs::write(study.join(name), packed(&bytes)).unwrap();
    }
    folder
}

/// Cuts the end of an image off; its path.
pub fn cut(folder: &tempfile::TempDir, name: &str) -> String {
    let file = path(folder, name);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 200]).unwrap();
    file
}

const SMALL: [&str; 4] = ["--size", "64x48", "--backend", "cpu"];

/// Exit code, standard output and standard error.
fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let run = anatome(args);
    (run.status.code(), text(&run.stdout), text(&run.stderr))
}

#[test]
fn pictures_are_drawn_and_a_note_says_which_image_is_not_in_them() {
    let folder = with_packed_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let render = [&["render", &study, "--out", &out, "--overwrite"], &SMALL[..]].concat();
    let (code, said, _) = run(&render);
    assert!(code == Some(0) && !said.contains("hint: "), "{said}");
    cut(&folder, "study/0010.dcm");
    let (code, said, _) = run(&render);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("note: image 10 was left out: "), "{said}");
    assert!(!said.contains("0010.dcm") && said.contains("hint: `anatome inspect --with-identity`"), "{said}");
    assert_eq!(files(Path::new(&out)).len(), 10);
    let (code, said, _) = run(&[&render[..], &["--json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, report.get("skipped")), (Some(3), None), "{said}");
    for n in 11..18 {
        cut(&folder, &format!("study/00{n}.dcm"));
    }
    let said = run(&render).1;
    let list = "image 10, image 11, image 12, image 13, image 14 and 3 more were left out: ";
    assert!(said.contains(list) && said.contains("(8 times) [damaged]"), "{said}");
}

#[test]
fn the_file_is_named_to_who_named_it_or_may_see_it() {
    let folder = with_packed_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let file = cut(&folder, "study/0010.dcm");
    let line = format!("skipped: {file}: a damaged DICOM file: ");
    let (code, said, _) = run(&["inspect", &study]);
    assert!(code == Some(3) && said.contains("image 10 was left out: ") && !said.contains(".dcm"), "{said}");
    let (code, said, _) = run(&["inspect", &study, "--with-identity"]);
    assert!(code == Some(3) && said.matches(&line).count() == 1, "{said}");
    let each: Vec<String> =
        files(Path::new(&study)).into_iter().map(|(name, _)| format!("{study}/{}", name.display())).collect();
    let each: Vec<&str> = each.iter().map(String::as_str).collect();
    let (code, said, _) = run(&[&["inspect"], &each[..]].concat());
    assert!(code == Some(3) && said.matches(&line).count() == 1, "{said}");
    let (code, said, _) = run(&[&["render"], &each[..], &["--out", &out], &SMALL].concat());
    assert!(code == Some(3) && said.matches(&line).count() == 1, "{said}");
    assert_eq!(said.matches(".dcm").count(), 1, "{said}");
    let note = path(&folder, "note.txt");
    fs::write(&note, "no image").unwrap();
    let (_, said, _) = run(&[&["render", each[0], &note, "--out", &out, "--overwrite"], &SMALL[..]].concat());
    assert!(said.contains(&format!("skipped: {note}: not a DICOM file")), "{said}");
}

#[test]
fn a_header_that_tells_of_the_damage_is_told_alike() {
    let folder = with_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let file = cut(&folder, "study/0010.dcm");
    let (code, said, _) = run(&[&["render", &study, "--out", &out], &SMALL[..]].concat());
    assert!(code == Some(3) && said.contains("note: image 10 was left out: "), "{said}");
    assert!(!said.contains(".dcm"), "{said}");
    let (code, said, _) = run(&["inspect", &study, "--with-identity", "--headers-only"]);
    assert!(said.contains(&format!("skipped: {file}: a damaged DICOM file: ")), "{code:?} {said}");
}

#[test]
fn the_only_image_is_an_error_that_says_why() {
    let folder = with_packed_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "out"));
    let file = cut(&folder, "study/0010.dcm");
    let (code, _, said) = run(&[&["render", &file, "--out", &out], &SMALL[..]].concat());
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("pixel data is not valid: ") && said.trim_end().ends_with(&file), "{said}");
    assert!(!Path::new(&out).exists());
    for entry in fs::read_dir(&study).unwrap().map(|entry| entry.unwrap().path()) {
        if !entry.ends_with("0010.dcm") {
            fs::remove_file(entry).unwrap();
        }
    }
    let (code, _, said) = run(&[&["render", &study, "--out", &out], &SMALL[..]].concat());
    assert!(
        code == Some(4) && said.contains("pixel data is not valid: ") && !said.contains(".dcm"),
        "{said}"
    );
}

/// Files are read in the order of their names.
#[test]
fn a_whole_copy_is_used_whichever_comes_first() {
    let folder = with_packed_study();
    let study = path(&folder, "study");
    let axial = |out: &str| {
        let out = path(&folder, out);
        let (code, said, _) = run(&[&["render", &study, "--out", &out], &SMALL[..]].concat());
        (code, said, fs::read(format!("{out}/axial.png")).unwrap())
    };
    let whole = axial("whole");
    // The copy comes last, then first.
    fs::copy(path(&folder, "study/0012.dcm"), path(&folder, "study/copy.dcm")).unwrap();
    cut(&folder, "study/copy.dcm");
    let last = axial("last");
    fs::rename(path(&folder, "study/copy.dcm"), path(&folder, "study/0000.dcm")).unwrap();
    let first = axial("first");
    for (code, said, picture) in [&last, &first] {
        assert!(*code == Some(0) && *picture == whole.2, "{said}");
    }
    assert!(first.1.contains("image 12 was read from another copy: "), "{}", first.1);
}

#[test]
fn a_converted_series_without_an_image_is_told_by_the_code() {
    let folder = with_packed_study();
    let (study, out) = (path(&folder, "study"), path(&folder, "volume.nii"));
    cut(&folder, "study/0024.dcm");
    let (code, said, errors) = run(&["convert", &study, "--out", &out]);
    assert_eq!(code, Some(3), "{said}{errors}");
    assert!(said.contains("image 24 was left out: ") && Path::new(&out).exists(), "{said}");
}
