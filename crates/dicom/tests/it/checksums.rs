//! Checksums of archives: a byte that changed is told, wherever it stands and however it was compressed.

use std::io::Write as _;

use anatome_core::NoteCode;
use anatome_dicom::{Loaded, Source, group};
use zip::CompressionMethod;

use crate::made::Image;
use crate::shared::{load_one, scan_all, scan_bytes};
use crate::sources::{gzip, slices, tar};

/// Ten slices that are longer than what a scan reads of a file.
fn long_slices() -> Vec<(String, Vec<u8>)> {
    let slice = |n: u8| {
        let pixels: Vec<u8> = (0..128 * 128 * 2u32).map(|at| (at / 97) as u8 ^ n).collect();
        let image = Image::new().us((0x28, 0x10), 128).us((0x28, 0x11), 128);
        let image = image.with((0x08, 0x18), b"UI", format!("2.25.10{n}\0").as_bytes());
        let image = image.with((0x20, 0x13), b"IS", format!("{:<2}", n + 1).as_bytes());
        let image = image.with((0x20, 0x32), b"DS", format!("0\\0\\{n} ").as_bytes());
        (format!("study/IM{n:06}"), image.with((0x7FE0, 0x10), b"OW", &pixels).bytes())
    };
    (0..10).map(slice).collect()
}

fn zip(files: Vec<(String, Vec<u8>)>, method: CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        writer.start_file(name, options).unwrap();
        writer.write_all(&bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Where the packed bytes of each entry stand.
fn entries(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut range = |n| {
        let entry = archive.by_index(n).unwrap();
        let start = entry.data_start().unwrap() as usize;
        start..start + entry.compressed_size() as usize
    };
    (0..10).map(&mut range).collect()
}

/// What is said of images and files, all codes together; `None` where nothing can be loaded.
fn told(bytes: Vec<u8>) -> Option<(Loaded, Vec<NoteCode>)> {
    let scanned = scan_bytes(bytes).ok()?;
    let mut codes: Vec<NoteCode> = scanned.notes.iter().map(|note| note.code).collect();
    let series = group(scanned.instances);
    let loaded = load_one(series.iter().max_by_key(|series| series.frames().len())?).ok()?;
    codes.extend(loaded.notes.iter().map(|note| note.code));
    Some((loaded, codes))
}

#[test]
fn a_pixel_that_changed_in_a_zip_costs_its_image_which_is_named() {
    let stored = zip(long_slices(), CompressionMethod::Stored);
    let whole = told(stored.clone()).unwrap();
    assert!(whole.1.is_empty() && whole.0.volume.grid().shape() == [10, 128, 128], "{:?}", whole.1);
    let mut flipped = stored;
    let last_pixel = entries(&flipped)[4].end - 3;
    flipped[last_pixel] ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    std::fs::write(&path, &flipped).unwrap();
    for source in [Source::from(path), Source::Bytes(flipped.into())] {
        let scanned = scan_all(&[source]).unwrap();
        assert!(scanned.notes.is_empty(), "a scan reads headers only: {:?}", scanned.notes);
        let loaded = load_one(&group(scanned.instances)[0]).unwrap();
        assert_eq!(loaded.volume.grid().shape(), [9, 128, 128]);
        // Those after it keep their images' numbers.
        let numbers: Vec<i64> = loaded.image_numbers.into_iter().flatten().collect();
        assert_eq!(numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10]);
        let note = loaded.notes.iter().find(|note| note.code == NoteCode::Damaged).unwrap();
        assert!(note.text.ends_with("the checksum of an entry is wrong"), "{}", note.text);
        assert!(loaded.damaged[0].path.ends_with("study/IM000004"), "{}", loaded.damaged[0].path.display());
    }
}

#[test]
fn no_bit_of_an_entry_changes_unseen() {
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let whole = zip(slices(), method);
        let entry = entries(&whole)[6].clone();
        for bit in entry.start * 8..entry.end * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Some bits of compressed data say nothing.
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&flipped)).unwrap();
            let is_same = std::io::copy(&mut archive.by_index(6).unwrap(), &mut std::io::sink()).is_ok();
            drop(archive);
            if let Some((loaded, codes)) = told(flipped) {
                let slices = loaded.volume.grid().shape()[0];
                assert_eq!(slices, 9 + usize::from(is_same), "{method:?}: bit {bit}: {codes:?}");
            }
        }
    }
}

#[test]
fn frames_of_a_zip_are_checked() {
    let frames: Vec<u8> = (0..1u32 << 16).map(|n| (n / 253) as u8).collect();
    let image = Image::new().us((0x28, 0x10), 128).us((0x28, 0x11), 128).with((0x28, 0x08), b"IS", b"2 ");
    let image = image.with((0x7FE0, 0x10), b"OW", &frames);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("IM", stored).unwrap();
    writer.write_all(&image.bytes()).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let read = |bytes: &[u8]| {
        let scanned = scan_bytes(bytes.to_vec()).unwrap();
        let reader = anatome_dicom::FrameReader::new(&scanned.instances[0], &Default::default());
        reader.and_then(|reader| reader.stored_bytes(1))
    };
    assert_eq!(read(&bytes).unwrap(), frames[1 << 15..]);
    let at = bytes.windows(frames.len()).position(|window| window == frames).unwrap();
    bytes[at + 40_000] ^= 4;
    let error = read(&bytes).unwrap_err().to_string();
    assert!(error.contains("checksum"), "{error}");
}

#[test]
fn no_bit_of_a_gzip_file_changes_unseen() {
    let whole = gzip(&tar(&slices()));
    assert!(told(whole.clone()).unwrap().1.is_empty());
    // Behind the header, which says when and where it was made.
    for bit in (10 * 8..whole.len() * 8).step_by(3) {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // Some bits of compressed data say nothing.
        let mut decoder = flate2::read::MultiGzDecoder::new(flipped.as_slice());
        let is_same = std::io::copy(&mut decoder, &mut std::io::sink()).is_ok();
        if let Some((_, codes)) = told(flipped) {
            assert!(is_same != codes.contains(&NoteCode::FileDamaged), "bit {bit} is believed: {codes:?}");
        }
    }
    let single = gzip(&slices()[3].1);
    for at in [10, single.len() / 2, single.len() - 8, single.len() - 4] {
        let mut flipped = single.clone();
        flipped[at] ^= 8;
        assert!(told(flipped).is_none(), "byte {at} is believed");
    }
}

#[test]
fn what_stands_behind_a_gzip_file_does_not_matter() {
    for behind in [&[0; 1000][..], b"text", &[0x1F]] {
        let (loaded, codes) = told([&gzip(&tar(&slices()))[..], behind].concat()).unwrap();
        assert!(codes.is_empty() && loaded.volume.grid().shape()[0] == 10, "{codes:?}");
    }
}

#[test]
fn a_gzip_file_of_many_members_is_one() {
    let tar = tar(&slices());
    let members: Vec<u8> = tar.chunks(700).flat_map(gzip).collect();
    let (loaded, codes) = told(members).unwrap();
    assert!(codes.is_empty() && loaded.volume.grid().shape()[0] == 10, "{codes:?}");
    for k in 0..10u16 {
        assert_eq!(loaded.volume.samples().get([k.into(), 3, 3]), Some(f64::from(k * 257)));
    }
}
