//! How much memory a run takes at its peak, as the system counts it.

use std::fs;
use std::process::{Command, Stdio};

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct};

use super::{files, find, path};

const SLICES: usize = 400;

/// Of 512 x 512 x 400 samples of 16 bits.
const VOLUME_BYTES: u64 = 512 * 512 * SLICES as u64 * 2;

/// Pictures are smaller here than by default, so that the test takes seconds. Each of the pixels that they lack would
/// take a colour in the picture that is rendered and in the one that is written, and as much for the strips of the
/// latter's file and for that file, at most.
const MISSING_BYTES: u64 = (3840 * 2160 - 960 * 540) * 16;

/// The range of a short element's value.
fn value(bytes: &[u8], tag_and_vr: &[u8; 6]) -> std::ops::Range<usize> {
    let start = find(bytes, tag_and_vr) + 8;
    start..start + usize::from(u16::from_le_bytes([bytes[start - 2], bytes[start - 1]]))
}

/// A folder with a CT of 512 x 512 x 400 in `study`: one slice of a thorax at each millimetre.
pub fn with_large_study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let study = folder.path().join("study");
    let workers = Workers::new(Some(2)).unwrap();
    let thorax = ThoraxSpec { shape: [2, 512, 512], seed: 3 };
    let volume = thorax_ct(&thorax, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 1, description: "test".into(), file_prefix: String::new() };
    write_series(&volume, &spec, &study, workers.pool(), &Progress::new()).unwrap();
    let bytes = files(&study).remove(1).1;
    let uid = value(&bytes, b"\x08\0\x18\0UI");
    let in_meta = value(&bytes, b"\x02\0\x03\0UI");
    assert_eq!(bytes[uid.clone()], bytes[in_meta.clone()]);
    // A UID of 64 bytes may end with one of padding.
    let digits = bytes[uid.clone()].iter().rposition(u8::is_ascii_digit).unwrap() - 2;
    let position = value(&bytes, b"\x20\0\x32\0DS");
    for n in 0..SLICES {
        let mut slice = bytes.clone();
        for uid in [&uid, &in_meta] {
            slice[uid.start + digits..][..3].copy_from_slice(format!("{n:03}").as_bytes());
        }
        let place = format!("{:<16}", format!("-200\\-200\\{n}"));
        let element = [&(place.len() as u16).to_le_bytes(), place.as_bytes()].concat();
        slice.splice(position.start - 2..position.end, element);
        fs::write(study.join(format!("{n:04}.dcm")), slice).unwrap();
    }
    folder
}

/// The exit code of a program, and the most bytes of memory that it had at once.
#[expect(unsafe_code, reason = "there is no other way to ask the system what a child took")]
#[expect(clippy::zombie_processes, reason = "it is waited for, in another way")]
fn peak_of(command: &mut Command) -> (i32, u64) {
    let child = command.stdout(Stdio::null()).spawn().unwrap();
    let mut status = 0;
    // SAFETY: numbers only, for which all bits may be zero.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both are there as long as the call, and nobody else waits for this child.
    let ended = unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, &raw mut usage) };
    assert_eq!(ended, child.id().cast_signed());
    assert!(libc::WIFEXITED(status), "{status}");
    (libc::WEXITSTATUS(status), u64::try_from(usage.ru_maxrss).unwrap() * 1024)
}

/// Of a folder and of archives of every kind: nothing is unpacked beside the volume.
#[test]
fn render_takes_at_most_two_and_a_half_volumes() {
    let folder = with_large_study();
    let at = |name: &str| path(&folder, name);
    let tar = |flag: &str, to: &str| {
        let mut command = Command::new("tar");
        command.env("GZIP", "-1").args(["-C", &at(""), flag, &at(to), "study"]);
        assert!(command.stderr(Stdio::null()).status().unwrap().success());
    };
    tar("-cf", "study.tar");
    tar("-czf", "study.tar.gz");
    fs::write(
        at("study.zip"),
        super::lost::zipped(&folder.path().join("study"), zip::CompressionMethod::DEFLATE),
    )
    .unwrap();
    for input in ["study", "study.tar", "study.tar.gz", "study.zip"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_anatome"));
        let size = ["--size", "960x540", "--backend", "cpu", "--overwrite"];
        let (code, bytes) = peak_of(command.args(["render", &at(input), "--out", &at("out")]).args(size));
        assert_eq!(code, 0);
        let volumes = |bytes: u64| bytes as f64 / VOLUME_BYTES as f64;
        println!(
            "{input}: {:.2} volumes, {:.2} with pictures of 4K",
            volumes(bytes),
            volumes(bytes + MISSING_BYTES)
        );
        // It can't take less than one: otherwise something else was counted.
        assert!(
            volumes(bytes) >= 1.0 && volumes(bytes + MISSING_BYTES) <= 2.5,
            "{input}: {:.2}",
            volumes(bytes)
        );
    }
}
