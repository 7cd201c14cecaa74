//! Folders, archives and DICOMDIRs: everything is found once, nothing outside is touched, nothing hangs.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anatome_core::{ErrorKind, NoteCode, Progress};
use anatome_dicom::{Error, Limits, Scanned, Source, group, scan, scan_beside};

use crate::made::{EXPLICIT, Image, element, meta};
use crate::shared::{POOL, data, load_one, scan_all, scan_bytes, unzipped};

/// Ten slices, 1 mm apart, each with its own value.
pub fn slices() -> Vec<(String, Vec<u8>)> {
    let slice = |n: u8| {
        let image = Image::new()
            .with((0x08, 0x18), b"UI", format!("2.25.10{n}\0").as_bytes())
            .with((0x20, 0x32), b"DS", format!("0\\0\\{n} ").as_bytes())
            .with((0x7FE0, 0x10), b"OW", &[n; 32]);
        (format!("study/IM{n:06}"), image.bytes())
    };
    (0..10).map(slice).collect()
}

/// A header of an entry and its content, in whole blocks.
fn tar_entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
    header[100..107].copy_from_slice(b"0000644");
    header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let mut bytes = signed(header).to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn signed(mut header: [u8; 512]) -> [u8; 512] {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}

pub fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = tar_entry("study/", b'5', b"");
    files.iter().for_each(|(name, content)| bytes.extend(tar_entry(name, b'0', content)));
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Fails unless the scan holds the ten slices, once, with their own values.
#[track_caller]
fn holds_the_slices(scanned: Scanned) {
    let series = group(scanned.instances);
    assert_eq!(series.len(), 1);
    let loaded = load_one(&series[0]).unwrap();
    assert_eq!(loaded.volume.grid().shape(), [10, 4, 4]);
    for k in 0..10u16 {
        assert_eq!(loaded.volume.samples().get([k.into(), 3, 3]), Some(f64::from(k * 257)));
    }
    assert!(!loaded.notes.has(NoteCode::DuplicateSlice), "{:?}", loaded.notes);
}

#[test]
fn archives_of_every_kind_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let tar = tar(&slices());
    for (name, bytes) in [("a.tar", tar.clone()), ("a.tgz", gzip(&tar)), ("a.zip", zip(&slices()))] {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        for source in [Source::from(path), Source::Bytes(bytes.into())] {
            let scanned = scan_all(&[source]).unwrap();
            assert_eq!(scanned.files, 11, "{name}");
            assert!(scanned.skipped.is_empty() && scanned.notes.is_empty(), "{name}: {:?}", scanned.notes);
            holds_the_slices(scanned);
        }
    }
    let single = scan_bytes(gzip(&slices()[3].1)).unwrap();
    assert_eq!(load_one(&group(single.instances)[0]).unwrap().volume.samples().get([0, 0, 0]), Some(771.0));
}

#[test]
fn long_names_of_every_writer_are_read() {
    let name = format!("{}/IM", "a".repeat(150));
    let image = Image::new().bytes();
    let old = [tar_entry("", b'L', format!("{name}\0").as_bytes()), tar_entry("x", b'0', &image)].concat();
    let record = format!("path={name}\n");
    let record = format!("{} {record}", record.len() + 4);
    let pax = [tar_entry("", b'x', record.as_bytes()), tar_entry("x", b'0', &image)].concat();
    for bytes in [old, pax] {
        let damaged = tar_entry("last", b'0', b"no image");
        let scanned = scan_bytes([bytes, damaged, vec![0; 1024]].concat()).unwrap();
        assert_eq!(scanned.instances.len(), 1);
        assert_eq!(scanned.skipped.len(), 1);
        assert!(scanned.skipped[0].path.ends_with("last"), "{}", scanned.skipped[0].path.display());
    }
    // The size, too, may stand in a record.
    let size = [tar_entry("", b'x', format!("12 size={}\n", image.len()).as_bytes()), {
        let mut lying = tar_entry("x", b'0', &image);
        lying[124..135].fill(b'0');
        let header = signed(*lying.first_chunk().unwrap());
        lying[..512].copy_from_slice(&header);
        lying
    }];
    assert_eq!(scan_bytes(size.concat()).unwrap().instances.len(), 1);
}

#[test]
fn skipped_files_are_named_apart_from_the_notes() {
    let mut files = slices();
    files.push(("study/Miller_Eve.txt".into(), b"Dear colleague".repeat(60)));
    files.push(("study/broken.dcm".into(), files[0].1[..300].to_vec()));
    for bytes in [tar(&files), gzip(&tar(&files)), zip(&files)] {
        let scanned = scan_bytes(bytes).unwrap();
        let text = format!("{scanned:?}{:?}", scanned.notes);
        assert!(!text.contains("Miller"), "{text}");
        let named: Vec<_> = scanned.skipped.iter().map(|s| (s.path.to_str().unwrap(), &*s.reason)).collect();
        assert_eq!(named[0], ("(bytes)/study/Miller_Eve.txt", "not a DICOM file"));
        assert!(
            named[1].0.ends_with("broken.dcm") && named[1].1.starts_with("a damaged DICOM file"),
            "{named:?}"
        );
        assert_eq!(scanned.notes.iter().map(|note| note.count).sum::<usize>(), named.len());
        holds_the_slices(scanned);
    }
}

#[test]
fn archives_within_archives_are_named_and_not_opened() {
    let inner = tar(&slices());
    for inner in [inner.clone(), gzip(&inner), zip(&slices())] {
        let mut files = slices();
        files.push(("inner".into(), inner));
        for outer in [tar(&files), zip(&files)] {
            let scanned = scan_bytes(outer).unwrap();
            assert_eq!((scanned.instances.len(), scanned.skipped.len()), (10, 1), "{:?}", scanned.skipped);
            assert!(scanned.skipped[0].reason.contains("archive within an archive"));
        }
    }
}

#[test]
fn what_stands_in_front_of_damage_is_read() {
    let whole = tar(&slices());
    let size = tar_entry("x", b'0', &slices()[0].1).len();
    let cut = &whole[..512 + 4 * size + 700];
    for (bytes, expected) in [(cut.to_vec(), 4), (gzip(cut), 4)] {
        let scanned = scan_bytes(bytes).unwrap();
        assert_eq!(scanned.instances.len(), expected);
        assert!(scanned.notes.has(NoteCode::FileDamaged));
    }
    let mut flipped = whole;
    flipped[512 + 4 * size + 10] ^= 1;
    assert_eq!(scan_bytes(flipped).unwrap().instances.len(), 4);
}

#[test]
fn names_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inner/a");
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let image = Image::new().bytes();
    let mut files: Vec<_> =
        ["../escape.dcm", "/escape.dcm", "..\\escape.dcm"].map(|n| (n.to_owned(), image.clone())).into();
    files.push(("study/IM".into(), image));
    for bytes in [tar(&files), gzip(&tar(&files)), zip(&files)] {
        std::fs::write(&path, bytes).unwrap();
        let scanned = scan_all(&[Source::from(path.clone())]).unwrap();
        assert_eq!(scanned.instances.len(), 4);
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
    // Links of archives are not followed, devices not opened.
    let links =
        [tar_entry("link", b'2', b""), tar_entry("device", b'3', b""), tar_entry("pipe", b'6', b"")].concat();
    assert!(scan_bytes([links, vec![0; 1024]].concat()).is_err());
}

#[test]
fn bombs_stop_at_the_limit() {
    let quick = |bytes: Vec<u8>| {
        let start = Instant::now();
        let outcome = scan_bytes(bytes);
        // Generous for a busy machine: what is wrong here takes minutes.
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        outcome
    };
    // 16 GB of zeros out of 16 MB: as a file, and as an entry in front of a good one.
    let zeros = gzip(&vec![0; 1 << 24]);
    let good = Image::new().bytes();
    assert!(matches!(quick([gzip(&good), zeros.repeat(1000)].concat()), Err(Error::Limits { .. })));
    let mut header = [0u8; 512];
    header[..4].copy_from_slice(b"bomb");
    header[124..135].copy_from_slice(format!("{:011o}", 7u64 << 30).as_bytes());
    header[156] = b'0';
    let first = tar_entry("good", b'0', &good);
    let bomb = [gzip(&[&first[..], &signed(header)].concat()), zeros.repeat(1000)].concat();
    let scanned = quick(bomb).unwrap();
    assert_eq!(scanned.instances.len(), 1);
    // Names and records of gigabytes.
    for kind in [b'L', b'x', b'g'] {
        let mut header = header;
        header[156] = kind;
        assert!(quick([gzip(&signed(header)), zeros.repeat(1000)].concat()).is_err());
    }
    let mut endless = signed(header);
    endless[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(quick(signed(endless).to_vec()).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn memory_for_unpacked_files_is_limited() {
    let limits = &mut Limits::default();
    // Images are unpacked again where they are wanted; what is for another reader stays.
    limits.unpacked_bytes = 3 * slices()[0].1.len() as u64 + 10;
    let mut files = slices();
    let text = vec![b'X'; 2 * slices()[0].1.len()];
    files.extend(["a", "b"].map(|name| (name.to_owned(), text.clone())));
    let foreign = |_: &Path, start: &[u8]| start.starts_with(b"X");
    let sources = [Source::Bytes(gzip(&tar(&files)).into())];
    let scanned = scan_beside(&sources, &foreign, limits, &POOL, &Progress::new()).unwrap();
    assert_eq!((scanned.instances.len(), scanned.foreign.len(), scanned.skipped.len()), (10, 1, 1));
    limits.files = 5;
    for bytes in [tar(&slices()), gzip(&tar(&slices())), zip(&slices())] {
        let error = scan(&[Source::Bytes(bytes.into())], limits, &POOL, &Progress::new()).unwrap_err();
        assert!(matches!(error, Error::Limits { what: "files in one scan", .. }), "{error}");
    }
}

#[test]
fn files_for_another_reader_are_handed_over_from_everywhere() {
    let mut files = slices();
    files.push(("study/a.xyz".into(), b"XYZ and more".to_vec()));
    let foreign = |path: &Path, start: &[u8]| path.ends_with("a.xyz") && start.starts_with(b"XYZ");
    for bytes in [tar(&files), gzip(&tar(&files)), zip(&files)] {
        let scanned = scan_beside(
            &[Source::Bytes(bytes.into())],
            &foreign,
            &Limits::default(),
            &POOL,
            &Progress::new(),
        );
        let scanned = scanned.unwrap();
        let [Source::Bytes(bytes)] = &scanned.foreign[..] else { panic!("{:?}", scanned.foreign) };
        assert_eq!(&**bytes, b"XYZ and more");
        assert!(scanned.skipped.is_empty());
        holds_the_slices(scanned);
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.xyz"), b"XYZ").unwrap();
    let sources = [Source::from(folder.path())];
    let alone = scan_beside(&sources, &foreign, &Limits::default(), &POOL, &Progress::new()).unwrap();
    assert!(matches!(&alone.foreign[..], [Source::Path(path)] if path.ends_with("a.xyz")));
}

/// A DICOMDIR whose records name files by their components.
fn dicomdir(references: &[&str]) -> Vec<u8> {
    let mut items = Vec::new();
    for reference in references {
        let mut text = reference.as_bytes().to_vec();
        text.resize(text.len() + text.len() % 2, b' ');
        // Links that lead back to the first record, for whoever follows them.
        let mut item = element((4, 0x1400), b"UL", &8u32.to_le_bytes());
        item.extend(element((4, 0x1420), b"UL", &8u32.to_le_bytes()));
        item.extend(element((4, 0x1430), b"CS", b"IMAGE "));
        item.extend(element((4, 0x1500), b"CS", &text));
        items.extend_from_slice(b"\xFE\xFF\x00\xE0");
        items.extend_from_slice(&(item.len() as u32).to_le_bytes());
        items.extend(item);
    }
    let mut bytes = meta(EXPLICIT);
    bytes.extend(element((8, 0x16), b"UI", b"1.2.840.10008.1.3.10"));
    bytes.extend(element((4, 0x1220), b"SQ", &items));
    bytes
}

/// A disc with the ten slices as `study/im000000` and so on, and a DICOMDIR.
fn disc(references: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("disc/study")).unwrap();
    for (name, bytes) in slices() {
        std::fs::write(folder.path().join("disc").join(name.to_lowercase()), bytes).unwrap();
    }
    std::fs::write(folder.path().join("outside.dcm"), Image::new().bytes()).unwrap();
    std::fs::write(folder.path().join("disc/DICOMDIR"), dicomdir(references)).unwrap();
    folder
}

#[test]
fn a_dicomdir_names_its_files() {
    let names: Vec<String> = (0..10).map(|n| format!("STUDY\\IM{n:06}")).collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names[4] = "Study\\IM000004.;1";
    let folder = disc(&names);
    let disc = folder.path().join("disc");
    let file = Source::from(disc.join("DICOMDIR"));
    let whole = Source::from(disc.as_path());
    for sources in
        [vec![file.clone()], vec![whole.clone()], vec![file.clone(), whole.clone()], vec![whole, file]]
    {
        let scanned = scan_all(&sources).unwrap();
        assert_eq!(scanned.files, 11);
        assert!(scanned.skipped.is_empty(), "{:?}", scanned.skipped);
        holds_the_slices(scanned);
    }
}

#[test]
fn a_dicomdir_leads_nowhere_else() {
    let outside =
        ["..\\outside.dcm", "study\\..\\..\\outside.dcm", "\\etc\\hostname", "/etc/hostname", "C:\\x", "."];
    let mut names = vec!["STUDY\\IM000000", "STUDY\\IM000000", "STUDY\\GONE", "STUDY"];
    names.extend(outside);
    let folder = disc(&names);
    let scanned = scan_all(&[Source::from(folder.path().join("disc/DICOMDIR"))]).unwrap();
    assert_eq!((scanned.instances.len(), scanned.files), (1, 2));
    let count = |reason: &str| scanned.skipped.iter().filter(|s| s.reason.ends_with(reason)).count();
    assert_eq!((count("but not there"), count("but outside its folder")), (2, outside.len()));
    let noted = |code| scanned.notes.iter().filter(|n| n.code == code).map(|n| n.count).sum::<usize>();
    assert_eq!((noted(NoteCode::FileUnreadable), noted(NoteCode::FileSkipped)), (2, outside.len()));
    // Who named the directory is told of it, and not only of files that nobody knows.
    let named: Vec<_> = scanned.skipped.iter().filter(|s| s.path.ends_with("DICOMDIR")).collect();
    assert!(named.iter().any(|s| s.reason == "2 of the 10 files that it names are not there"), "{named:?}");
    // Alone, without any of its files.
    let only = disc(&["GONE"]);
    let error = scan_all(&[Source::from(only.path().join("disc/DICOMDIR"))]).unwrap_err();
    assert!(matches!(error, Error::NothingFound { .. }), "{error}");
    assert!(error.to_string().ends_with(": named by the DICOMDIR, but not there"), "{error}");
    assert!(scan_bytes(dicomdir(&["STUDY\\IM000000"])).is_err());
}

#[test]
fn real_dicomdirs_name_all_their_files() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in unzipped(&zip, "syntaxes/dicomdir/") {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let root = folder.path().join("syntaxes/dicomdir");
    let images = |folder: &str| scan_all(&[Source::from(root.join(folder))]).map(|s| s.instances.len());
    // Read by its directory alone, and by searching.
    assert_eq!(images("TINY_ALPHA/DICOMDIR").unwrap(), images("TINY_ALPHA").unwrap());
    let all = images("DICOMDIR").unwrap();
    assert_eq!(all, 31);
    for other in ["DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-reordered", "DICOMDIR-nopatient"] {
        assert_eq!(images(other).unwrap(), all, "{other}");
    }
    // Its last record is longer than the sequence.
    assert_eq!(images("DICOMDIR-nooffset").unwrap_err().kind(), ErrorKind::Malformed);
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_passed_over() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("image.dcm"), Image::new().bytes()).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(at("fifo")).status();
    let has_fifo = fifo.is_ok_and(|status| status.success());
    symlink("/dev/zero", at("zero")).unwrap();
    symlink(at("gone"), at("broken")).unwrap();
    symlink(at("image.dcm"), at("same.dcm")).unwrap();
    symlink(at("loop"), at("loop")).unwrap();
    std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    std::fs::write(at("locked.dcm"), Image::new().bytes()).unwrap();
    std::fs::set_permissions(at("locked.dcm"), std::fs::Permissions::from_mode(0o0)).unwrap();
    let locked = std::fs::File::open(at("locked.dcm")).is_err();
    let scanned = scan_all(&[Source::from(folder.path())]).unwrap();
    // A super-user opens everything.
    assert_eq!(scanned.instances.len(), if locked { 1 } else { 2 });
    let skipped = 4 + usize::from(has_fifo) + usize::from(locked);
    assert_eq!(scanned.skipped.len(), skipped, "{:?}", scanned.skipped);
    assert_eq!(scanned.notes.iter().map(|note| note.count).sum::<usize>(), skipped);
    if has_fifo {
        assert!(matches!(scan_all(&[Source::from(at("fifo"))]), Err(Error::NotDicom { .. })));
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    for archive in [false, true] {
        let path = folder.path().join("a");
        let bytes = if archive { tar(&slices()) } else { Image::new().bytes() };
        std::fs::write(&path, &bytes).unwrap();
        let series = group(scan_all(&[Source::from(path.clone())]).unwrap().instances);
        for changed in [&bytes[..bytes.len() - 40], b"", &[&bytes[..], b"more"].concat()[..]] {
            std::fs::write(&path, changed).unwrap();
            let error = load_one(&series[0]).unwrap_err();
            assert!(error.kind() == ErrorKind::Io && error.to_string().contains("changed"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(load_one(&series[0]).unwrap_err().kind(), ErrorKind::Io);
    }
}

/// One archive of each kind, and a directory.
pub fn originals() -> Vec<Vec<u8>> {
    let few: Vec<_> = slices().into_iter().take(3).collect();
    vec![tar(&few), gzip(&tar(&few)), zip(&few), gzip(&few[0].1), dicomdir(&["A\\B", "C"])]
}
