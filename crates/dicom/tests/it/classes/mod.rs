//! The classes of hostile files, one made file for each kind of lie, and what must come of it: a typed error or a
//! note, in less than a second, alone and in a folder of good files, which still load.
//!
//! | class | what lies |
//! |---|---|
//! | 1 | the file: empty, cut off, without preamble, something else |
//! | 2 | the meta information: lengths, transfer syntax, deflate bombs |
//! | 3 | elements: lengths, VRs, order, long values |
//! | 4 | sequences: depth, lengths, numbers of items |
//! | 5 | the pixel module against itself and against the pixel data |
//! | 6 | encapsulated pixel data: offset tables, fragments, codestreams |
//! | 7 | geometry |
//! | 8 | what values mean: slopes, windows, padding, lookup tables |
//! | 9 | text |
//! | 10 | sets of files, folders and archives: `sets.rs` |

mod elements;
mod files;
pub mod pixels;
mod places;
mod sets;
mod text;

use std::time::Duration;

use anatome_core::{ErrorKind, NoteCode};
use anatome_dicom::{Error, Limits, Scanned, Source, Stack, group};

use crate::exercise::Watch;
use crate::made::{Image, element, item};
use crate::shared::{load_one, scan_all, scan_bytes};

/// What must come of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// The scan refuses it: among others it is skipped, with a note.
    Unreadable(ErrorKind),
    /// It is scanned, but makes no volume.
    NoVolume(ErrorKind),
    /// It is scanned, but its first frame can't be shown, not even by itself.
    NoFrame(ErrorKind),
    /// It becomes a volume of 4 x 4 pixels, and a note says what was odd.
    Noted(NoteCode),
    /// It is a plain volume: what is odd about it touches nothing that is used.
    Loads,
}

/// A file that lies.
pub struct Case {
    pub class: u8,
    pub name: String,
    pub bytes: Vec<u8>,
    pub expect: Expect,
}

pub fn case(class: u8, name: impl Into<String>, bytes: Vec<u8>, expect: Expect) -> Case {
    Case { class, name: name.into(), bytes, expect }
}

/// All classes but sets of files.
fn cases() -> Vec<Case> {
    let classes = [files::cases(), elements::cases(), pixels::cases(), places::cases(), text::cases()];
    classes.into_iter().flatten().collect()
}

/// Loads a file alone, and compares what comes of it with what must.
fn alone(case: &Case) -> Result<(), String> {
    let found = outcome(&case.bytes, case.expect);
    if found == Ok(case.expect) { Ok(()) } else { Err(format!("{found:?}, not {:?}", case.expect)) }
}

fn outcome(bytes: &[u8], expect: Expect) -> Result<Expect, String> {
    let scanned = match scan_bytes(bytes.to_vec()) {
        Ok(scanned) => scanned,
        Err(error) => return Ok(Expect::Unreadable(error.kind())),
    };
    let notes = scanned.notes.clone();
    let series = group(scanned.instances);
    let [series] = series.as_slice() else { return Err(format!("{} series", series.len())) };
    if matches!(expect, Expect::NoFrame(_)) {
        let frame = Stack::new(series, &Limits::default()).and_then(|stack| stack.frame(0));
        return frame.map_or_else(|error| Ok(Expect::NoFrame(error.kind())), |_| Err("a frame".into()));
    }
    let mut loaded = match load_one(series) {
        Ok(loaded) => loaded,
        Err(error) => return Ok(Expect::NoVolume(error.kind())),
    };
    if loaded.volume.grid().shape()[1..] != [4, 4] {
        return Err(format!("a volume of {:?}", loaded.volume.grid().shape()));
    }
    loaded.notes.append(notes);
    match expect {
        Expect::Noted(code) if loaded.notes.has(code) => Ok(expect),
        // One slice has no spacing of its own: that is assumed and noted.
        _ if loaded.notes.iter().all(|note| note.code == NoteCode::Assumed) => Ok(Expect::Loads),
        _ => Err(format!("{:?}", loaded.notes)),
    }
}

/// Three good slices of a series of their own.
fn good(n: usize) -> Image {
    Image::new()
        .with((0x08, 0x18), b"UI", format!("2.25.90{n}").as_bytes())
        .with((0x20, 0x0E), b"UI", b"2.25.999")
        .with((0x20, 0x32), b"DS", format!("0\\0\\{n} ").as_bytes())
}

fn good_ones_load(scanned: Scanned) -> Result<(), String> {
    let series = group(scanned.instances);
    let good = series.iter().find(|series| series.series_instance_uid() == "2.25.999");
    let loaded = load_one(good.ok_or("the good series is gone")?).map_err(|error| error.to_string())?;
    let shape = loaded.volume.grid().shape();
    if shape == [3, 4, 4] { Ok(()) } else { Err(format!("the good series has the shape {shape:?}")) }
}

/// The same in a folder, where the good files must still load.
fn among_others(case: &Case, folder: &std::path::Path) -> Result<(), String> {
    std::fs::write(folder.join("bad"), &case.bytes).unwrap();
    let scanned = scan_all(&[Source::from(folder)]).map_err(|error| error.to_string())?;
    // An image without pixels is listed for who looks for the file, and is there.
    let skipped = scanned.skipped.iter().any(|file| file.reason != "an image without pixel data");
    if skipped != matches!(case.expect, Expect::Unreadable(_)) {
        return Err(format!("skipped: {skipped}"));
    }
    good_ones_load(scanned)
}

/// Runs three times before it calls a file slow: the machine may be busy.
fn quickly(case: &Case, check: impl Fn(&Case) -> Result<(), String>) -> Option<String> {
    let mut took = Duration::MAX;
    for _ in 0..3 {
        let watch = Watch::start();
        if let Err(found) = check(case) {
            return Some(format!("class {}, {}: {found}", case.class, case.name));
        }
        took = took.min(watch.elapsed());
        if took < Duration::from_secs(1) {
            return None;
        }
    }
    Some(format!("class {}, {}: took {took:?}", case.class, case.name))
}

#[test]
fn every_class_ends_in_an_error_or_a_note() {
    let wrong: Vec<String> = cases().iter().filter_map(|case| quickly(case, alone)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn good_files_load_beside_every_class() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3 {
        std::fs::write(folder.path().join(format!("good {n}")), good(n).bytes()).unwrap();
    }
    let check = |case: &Case| among_others(case, folder.path());
    let wrong: Vec<String> = cases().iter().filter_map(|case| quickly(case, check)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An item of a Modality LUT Sequence with fewer entries than its descriptor says.
fn short_lut() -> Vec<u8> {
    let words = |words: [u16; 3]| words.map(u16::to_le_bytes).concat();
    item(&[
        element((0x28, 0x3002), b"US", &words([256, 0, 16])),
        element((0x28, 0x3004), b"LO", b"HU"),
        element((0x28, 0x3006), b"OW", &words([1, 2, 3])),
    ])
}

/// A slice that can't be decoded is missing in its series, and does not keep the others from being loaded.
#[test]
fn a_broken_slice_is_a_place_without_samples() {
    let slice = |n: usize| {
        Image::new().with((0x08, 0x18), b"UI", format!("2.25.90{n}").as_bytes()).with(
            (0x20, 0x32),
            b"DS",
            format!("0\\0\\{n} ").as_bytes(),
        )
    };
    let cut = |image: Image| {
        let bytes = image.bytes();
        bytes[..bytes.len() - 8].to_vec()
    };
    for (name, broken) in [
        ("cut off", cut(slice(3))),
        ("bits", slice(3).us((0x28, 0x100), 13).bytes()),
        ("lookup table", slice(3).with((0x28, 0x3000), b"SQ", &short_lut()).bytes()),
        ("slope", slice(3).with((0x28, 0x1053), b"DS", b"0 ").bytes()),
        ("syntax", Image { syntax: "1.2.3.4", ..slice(3) }.bytes()),
    ] {
        let mut sources: Vec<Source> =
            (0..8).filter(|&n| n != 3).map(|n| Source::Bytes(slice(n).bytes().into())).collect();
        sources.push(Source::Bytes(broken.into()));
        let series = group(scan_all(&sources).unwrap().instances);
        assert_eq!(series.len(), 2, "{name}");
        let (broken, good): (Vec<_>, Vec<_>) =
            series.iter().partition(|series| series.part().is_some_and(|part| part.starts_with("damaged")));
        assert!(load_one(broken[0]).is_err(), "{name}");
        let loaded = load_one(good[0]).unwrap();
        assert_eq!(loaded.volume.grid().shape(), [7, 4, 4]);
        assert!(loaded.notes.has(NoteCode::MissingSlices) && loaded.notes.has(NoteCode::Split), "{name}");
    }
}

/// Damage that only decoding finds costs the one slice, too, and not what stands beside it.
#[test]
fn a_slice_that_fails_to_decode_is_a_place_without_samples() {
    let slice = |n: usize, fragment: &[u8]| {
        let uid = format!("2.25.91{n}");
        let position = format!("0\\0\\{n} ");
        let image = Image::new().with((0x08, 0x18), b"UI", uid.as_bytes());
        image.with((0x20, 0x32), b"DS", position.as_bytes()).encapsulated(pixels::RLE, fragment)
    };
    let load = |broken: &[usize]| {
        let file = |n: usize| {
            let mut frame = pixels::rle();
            // The first value of the low bytes' run.
            *frame.last_mut().unwrap() = n as u8;
            let cut = frame.len() - if broken.contains(&n) { 2 } else { 0 };
            Source::Bytes(slice(n, &frame[..cut]).into())
        };
        let series = group(scan_all(&(0..5).map(file).collect::<Vec<_>>()).unwrap().instances);
        assert_eq!(series.len(), 1);
        load_one(&series[0])
    };
    let whole = load(&[]).unwrap();
    assert!(!whole.notes.has(NoteCode::Damaged));
    let gapped = load(&[1]).unwrap();
    assert!(gapped.notes.has(NoteCode::Damaged));
    assert_eq!(gapped.volume.grid(), &whole.volume.grid().of_slices(&[0, 2, 3, 4]).unwrap());
    for (k, was) in [0, 2, 3, 4].into_iter().enumerate() {
        assert_eq!(gapped.volume.samples().get([k, 1, 1]), whole.volume.samples().get([was, 1, 1]));
    }
    assert_eq!(load(&[0, 4]).unwrap().volume.grid().shape()[0], 3);
    assert!(load(&[0, 1, 2, 3, 4]).is_err_and(|error| error.kind() == ErrorKind::Malformed));
}

/// The address space that the classes may take, alone, in folders and in archives, with the threads and the program
/// itself. Of what comes out of gzip 128 MB are kept before they are called a bomb, in memory that grows by doubling.
#[cfg(unix)]
#[test]
fn every_class_stays_within_its_memory() {
    for (tests, kilobytes) in [(&["classes::"][..], 512 << 10), (&["hostile::", "sources::"][..], 1 << 20)] {
        let this = std::env::current_exe().unwrap();
        let mut limited = std::process::Command::new("sh");
        let limit = format!("ulimit -v {kilobytes} && exec \"$0\" \"$@\"");
        limited.args(["-c", &limit]).arg(this).args(tests);
        limited.args(["--skip", "stays_within", "--test-threads", "1"]);
        // Each thread's arena reserves 64 MB that it never uses.
        let done = limited.env("MALLOC_ARENA_MAX", "1").output().unwrap();
        let said =
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success() && said.contains(&format!("test {}", tests[0])), "{said}");
    }
}

/// The kind of error that a scan of one file gives.
pub fn refused(bytes: Vec<u8>) -> Option<ErrorKind> {
    scan_bytes(bytes).err().map(|error: Error| error.kind())
}
