//! Files of a series that are damaged or can't be read: what is left is drawn, and the exit code says that it is not all.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use super::{anatome, files, find, path, text, with_study};

const SMALL: [&str; 4] = ["--size", "48x36", "--backend", "cpu"];

/// Exit code and everything that is said.
fn run(args: &[&str]) -> (Option<i32>, String) {
    let run = anatome(args);
    (run.status.code(), text(&run.stdout) + &text(&run.stderr))
}

/// What render, convert and inspect say of an input.
fn all(folder: &tempfile::TempDir, input: &str) -> [(Option<i32>, String); 3] {
    let (out, volume) = (path(folder, "out"), path(folder, "volume.nii"));
    [
        run(&[&["render", input, "--out", &out, "--overwrite"], &SMALL[..]].concat()),
        run(&["convert", input, "--out", &volume, "--overwrite"]),
        run(&["inspect", input]),
    ]
}

#[track_caller]
fn is_partial(folder: &tempfile::TempDir, input: &str, note: &str) {
    for (code, said) in all(folder, input) {
        assert_eq!(code, Some(3), "{said}");
        assert!(said.contains(note), "{note:?}: {said}");
        assert!(
            said.contains("hint: `anatome inspect --with-identity`") || said.contains("skipped: "),
            "{said}"
        );
    }
}

#[track_caller]
fn is_whole(folder: &tempfile::TempDir, input: &str) {
    for (code, said) in all(folder, input) {
        assert!(code == Some(0) && !said.contains("hint: "), "{said}");
    }
}

/// Files in the place of the last slice: without it nothing is seen to be missing.
#[test]
fn a_slice_that_is_lost_is_told_by_the_code() {
    let folder = with_study();
    let (study, last) = (path(&folder, "study"), path(&folder, "study/0024.dcm"));
    let whole = fs::read(&last).unwrap();
    let pixels = find(&whole, b"\xE0\x7F\x10\x00OW");
    for (bytes, note) in [
        (&whole[..300], "a damaged DICOM file: "),
        (&whole[..pixels - 20], "an image without pixel data"),
        (&whole[..pixels], "an image without pixel data"),
        (b"", "it is named like a DICOM file"),
        (&[0; 4000], "it is named like a DICOM file"),
        (b"<html>404 Not Found</html>", "it is named like a DICOM file"),
    ] {
        fs::write(&last, bytes).unwrap();
        is_partial(&folder, &study, note);
        assert!(!all(&folder, &study)[0].1.contains("0024.dcm"));
    }
    let (_, said) = run(&["inspect", &study, "--with-identity"]);
    assert!(
        said.contains(&format!("skipped: {last}: a damaged DICOM file")) && !said.contains("hint"),
        "{said}"
    );
}

#[test]
fn a_damaged_archive_in_a_folder_is_told_by_the_code() {
    let folder = with_study();
    let study = path(&folder, "study");
    let bytes = zipped(Path::new(&study), zip::CompressionMethod::Deflated);
    fs::write(format!("{study}/more.zip"), &bytes[..bytes.len() - 100]).unwrap();
    is_partial(&folder, &study, "a damaged archive: ");
}

#[test]
fn what_is_plainly_something_else_is_no_loss() {
    let folder = with_study();
    let study = path(&folder, "study");
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(b"<xml/>").unwrap();
    let letter = writer.finish().unwrap().into_inner();
    for (name, bytes) in [
        ("README.txt", &b"Dear colleague"[..]),
        ("report.pdf", b"%PDF-1.7 and so on"),
        ("empty", b""),
        ("LOCKFILE", b""),
        ("._0003.dcm", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "),
        ("letter.docx", &letter),
    ] {
        fs::write(format!("{study}/{name}"), bytes).unwrap();
    }
    is_whole(&folder, &study);
}

#[cfg(unix)]
#[test]
fn files_that_can_not_be_read_are_told_by_the_code() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = with_study();
    let (study, last) = (path(&folder, "study"), path(&folder, "study/0024.dcm"));
    // What stands for the content of a file that was not fetched.
    fs::remove_file(&last).unwrap();
    symlink(folder.path().join("gone"), &last).unwrap();
    is_partial(&folder, &study, "could not be opened [file_unreadable]");
    fs::remove_file(&last).unwrap();
    is_whole(&folder, &study);
    let closed = path(&folder, "study/0023.dcm");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    if fs::File::open(&closed).is_ok() {
        return println!("SKIP: whoever runs this may read everything");
    }
    is_partial(&folder, &study, "could not be read");
}

pub fn zipped(study: &Path, method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files(study) {
        writer.start_file(name.to_str().unwrap(), options).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// One byte in the middle of the pixels of a slice.
#[test]
fn a_byte_that_changed_in_a_zip_is_told_by_the_code() {
    let folder = with_study();
    let (study, file) = (folder.path().join("study"), path(&folder, "study.zip"));
    for method in [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated] {
        let mut bytes = zipped(&study, method);
        fs::write(&file, &bytes).unwrap();
        is_whole(&folder, &file);
        let at = {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
            let entry = archive.by_name("0024.dcm").unwrap();
            entry.data_start().unwrap() + entry.compressed_size() / 2
        };
        bytes[at as usize] ^= 0x10;
        fs::write(&file, &bytes).unwrap();
        is_partial(&folder, &file, "damaged]");
    }
}

/// An archive that its user names, and that lacks its second half or has a changed byte.
#[cfg(unix)]
#[test]
fn a_damaged_tar_gz_that_was_named_is_told_by_the_code() {
    let folder = with_study();
    let file = path(&folder, "study.tar.gz");
    let names = files(&folder.path().join("study")).into_iter().map(|(name, _)| name);
    let mut tar = std::process::Command::new("tar");
    let tar = tar.args(["-C", &path(&folder, "study"), "-czf", &file]).args(names).status();
    assert!(tar.unwrap().success());
    is_whole(&folder, &file);
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() * 2 / 3]).unwrap();
    is_partial(&folder, &file, &format!("skipped: {file}: a damaged archive: "));
    let mut flipped = whole;
    let checksum = flipped.len() - 6;
    flipped[checksum] ^= 1;
    fs::write(&file, &flipped).unwrap();
    is_partial(&folder, &file, &format!("skipped: {file}: a damaged archive: "));
}
