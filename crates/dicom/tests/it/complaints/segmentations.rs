//! Complaints about segmentations.

use std::time::Duration;

use anatome_core::Progress;
use anatome_dicom::objects::{DerivedObject, read_object};
use anatome_dicom::{Limits, scan};

use super::*;

fn us(tag: (u16, u16), value: usize) -> Vec<u8> {
    element(tag, b"US", &(value as u16).to_le_bytes())
}

fn code(tag: (u16, u16)) -> Vec<u8> {
    let code = [
        element((0x08, 0x100), b"SH", b"121322"),
        element((0x08, 0x102), b"SH", b"DCM"),
        element((0x08, 0x104), b"LO", b"Source image"),
    ];
    sequence(tag, &[code.concat()])
}

/// All that writers say of a frame: some 45 elements and items.
fn segmented(segment: usize, z: f64) -> Vec<u8> {
    let image = |uid: String| {
        [
            element((0x08, 0x1150), b"UI", b"1.2.840.10008.5.1.4.1.1.2"),
            element((0x08, 0x1155), b"UI", uid.as_bytes()),
            code((0x40, 0xA170)),
        ]
        .concat()
    };
    let images = [image(format!("2.25.{}", z as i64 + 1000)), image("2.25.77".into())];
    let derivation = [code((0x08, 0x9215)), sequence((0x08, 0x2112), &images)].concat();
    let content = [
        element((0x18, 0x9074), b"DT", b"20200101100000"),
        element((0x18, 0x9151), b"DT", b"20200101100000"),
        element((0x18, 0x9220), b"FD", &[0; 8]),
        element((0x20, 0x9056), b"SH", b"1"),
        element((0x20, 0x9057), b"UL", &[1, 0, 0, 0]),
        element((0x20, 0x9157), b"UL", &[1, 0, 0, 0, 2, 0, 0, 0]),
    ];
    let [orientation, measures] = axial().try_into().unwrap();
    item(&[
        sequence((0x08, 0x9124), &[derivation]),
        sequence((0x20, 0x9111), &[content.concat()]),
        place(z),
        orientation,
        measures,
        sequence((0x62, 0x0A), &[us((0x62, 0x0B), segment)]),
    ])
}

/// A binary segmentation: the segment and the height of each frame, and its pixels.
fn segmentation(segments: usize, each: &[(usize, f64)], columns: u16, pixels: &[u8]) -> Image {
    let described = |n| {
        let label = element((0x62, 0x05), b"LO", b"a segment");
        item(&[us((0x62, 0x04), n), label, element((0x62, 0x08), b"CS", b"AUTOMATIC")])
    };
    let described: Vec<u8> = (1..=segments).flat_map(described).collect();
    let groups: Vec<u8> = each.iter().flat_map(|&(segment, z)| segmented(segment, z)).collect();
    Image::new()
        .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.66.4")
        .with((0x08, 0x60), b"CS", b"SEG")
        .with((0x28, 0x08), b"IS", each.len().to_string().as_bytes())
        .us((0x28, 0x11), columns)
        .us((0x28, 0x100), 1)
        .us((0x28, 0x101), 1)
        .us((0x28, 0x102), 0)
        .with((0x62, 0x01), b"CS", b"BINARY")
        .with((0x62, 0x02), b"SQ", &described)
        .with((0x5200, 0x9229), b"SQ", &item(&[]))
        .with((0x5200, 0x9230), b"SQ", &groups)
        .with(PIXELS, b"OB", pixels)
        .without(POSITION)
        .without(ORIENTATION)
        .without(SPACING)
}

fn read_segmentation(
    bytes: Vec<u8>,
) -> (std::sync::Arc<anatome_dicom::InstanceHeader>, anatome_dicom::objects::Segmentation) {
    let header = scan_bytes(bytes).unwrap().instances.remove(0);
    match read_object(&header, &Limits::default()).unwrap() {
        DerivedObject::Segmentation(read) => (header, read),
        other => panic!("{other:?}"),
    }
}

/// 42: OHIF #5301, #3523, #3480. 100 classes in 400 slices: two million elements.
#[test]
fn a_segmentation_of_a_hundred_classes_is_read_in_seconds() {
    let each: Vec<(usize, f64)> = (0..40_000).map(|n| (n / 400 + 1, (n % 400) as f64)).collect();
    let bytes = segmentation(100, &each, 4, &vec![0xFF; 80_000]).bytes();
    let few = "elements=1800000".parse().unwrap();
    let refused = scan(&[Source::Bytes(bytes.clone().into())], &few, &POOL, &Progress::new());
    assert!(matches!(refused, Err(Error::Limits { .. })));
    let watch = Watch::start();
    let (header, read) = read_segmentation(bytes);
    assert_eq!((read.segments.len(), read.frames.len(), header.frame_count()), (100, 40_000, 40_000));
    assert_eq!(read.frames[39_999].segment, Some(100));
    assert_eq!(
        Frame::all(&header).last().unwrap().plane().image_position_mm,
        Some(DVec3::new(0.0, 0.0, 399.0))
    );
    // About one second on one slow core; the complaint is of 13 to 35 s.
    assert!(watch.elapsed() < Duration::from_secs(3), "{:?}", watch.elapsed());
}

/// Within the address space that its size allows: four times its bytes, and the program.
#[cfg(unix)]
#[test]
fn a_segmentation_of_a_hundred_classes_takes_little_memory() {
    let this = std::env::current_exe().unwrap();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "ulimit -v 600000 && exec \"$0\" \"$@\""]).arg(this);
    limited.args([
        "--exact",
        "complaints::segmentations::a_segmentation_of_a_hundred_classes_is_read_in_seconds",
        "--test-threads",
        "1",
    ]);
    let done = limited.env("MALLOC_ARENA_MAX", "1").output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// 43: OHIF #3420, #2003, #3754, #4664; highdicom #214.
#[test]
fn segments_stand_where_their_frames_say_in_whatever_order() {
    let each = [(2, 4.0), (1, 0.0), (2, 0.0), (1, 4.0), (1, 2.0)];
    // Frame n has n + 1 pixels.
    let pixels: Vec<u8> = (0..5u32).flat_map(|n| ((1u16 << (n + 1)) - 1).to_le_bytes()).collect();
    let (header, read) = read_segmentation(segmentation(2, &each, 4, &pixels).bytes());
    let reader = FrameReader::new(&header, &Limits::default()).unwrap();
    let found: Vec<(u32, f64, usize)> = Frame::all(&header)
        .zip(&read.frames)
        .enumerate()
        .map(|(n, (frame, described))| {
            let count = reader.stored_bytes(n).unwrap().iter().filter(|&&bit| bit == 1).count();
            (described.segment.unwrap(), frame.plane().image_position_mm.unwrap().z, count)
        })
        .collect();
    assert_eq!(found, [(2, 4.0, 1), (1, 0.0, 2), (2, 0.0, 3), (1, 4.0, 4), (1, 2.0, 5)]);
    assert_eq!(read.frames[0].sources[0].sop_instance_uid, "2.25.1004");
    assert!(matches!(group(vec![header])[0].form(), Form::Object));
}

/// 45: Weasis #820. PS3.5 8.1.1: bits run on across rows and frames.
#[test]
fn binary_segments_of_odd_width_are_unpacked_across_rows() {
    let size = 4 * 5;
    let bits: Vec<bool> = (0..3 * size).map(|n| n % 7 == 0 || n % 5 == 1).collect();
    let byte = |bits: &[bool]| bits.iter().enumerate().fold(0u8, |byte, (n, &bit)| byte | u8::from(bit) << n);
    let pixels: Vec<u8> = bits.chunks(8).map(byte).collect();
    let (header, _) = read_segmentation(segmentation(1, &[(1, 0.0), (1, 1.0), (1, 2.0)], 5, &pixels).bytes());
    let reader = FrameReader::new(&header, &Limits::default()).unwrap();
    for (n, expected) in bits.chunks(size).enumerate() {
        assert!(
            reader.stored_bytes(n).unwrap().iter().map(|&bit| bit == 1).eq(expected.iter().copied()),
            "{n}"
        );
    }
}
