//! What parts of a series are called, and what is said of why it was split.

use anatome_core::NoteCode;
use anatome_dicom::Series;

use crate::groups::{
    ACQUISITION, CONTENT_TIME, FRAMES, IMAGE_TYPE, ORIENTATION, PIXELS, POSITION, SPACING, TRIGGER_TIME, Tag,
    With, at, content, enhanced, note, parts, place, series_of, volume,
};
use crate::made::{Image, element};
use crate::objects_made::sequence;

fn fd(tag: Tag, value: f64) -> Vec<u8> {
    element(tag, b"FD", &value.to_le_bytes())
}

#[test]
fn a_split_says_what_it_was() {
    let base = || (0..3).map(|k| at(k + 1, 2.0 * k as f64, k));
    let other = || at(9, 20.0, 9);
    for (image, names, reason) in [
        (
            other().us((0x28, 0x10), 2).with(PIXELS, b"OW", &[0; 16]),
            ["4 x 2 pixels", "4 x 4 pixels"],
            "its images differ in size",
        ),
        (
            other().with((0x20, 0x52), b"UI", b"2.25.77\0"),
            ["frame of reference 1", "frame of reference 2"],
            "its images differ in frame of reference",
        ),
        (
            other().text(IMAGE_TYPE, b"CS", "ORIGINAL\\PRIMARY\\LOCALIZER"),
            ["group 1", "localizer"],
            "localizers stand apart",
        ),
        (
            Image { syntax: "1.2.3", ..other() },
            ["group 1", "damaged images"],
            "images that can't be decoded stand apart",
        ),
        (
            other().mr().with((0x08, 0x60), b"CS", b"CT"),
            ["CT Image", "MR Image"],
            "its images differ in kind of object",
        ),
        (
            other().text(FRAMES, b"IS", 2).with(PIXELS, b"OW", &[0; 64]),
            ["group 1", "object 1"],
            "each object of several frames stands for itself",
        ),
        (
            other().text(ORIENTATION, b"DS", "0\\1\\0\\0\\0\\-1"),
            ["orientation 1", "orientation 2"],
            "its images differ in orientation",
        ),
        (
            other().text(SPACING, b"DS", "2\\3"),
            ["pixels of 1 x 1 mm", "pixels of 3 x 2 mm"],
            "its images differ in pixel spacing",
        ),
        (other().without(POSITION), ["group 1", "without position"], "images without a position stand apart"),
    ] {
        let series = series_of(&base().chain([image]).collect::<Vec<_>>());
        assert_eq!(parts(&series), names);
        for series in &series {
            assert_eq!(note(series, NoteCode::Split), format!("the series was split: {reason}"));
        }
    }
}

#[test]
fn stacks_of_an_enhanced_object_have_their_ids() {
    let stack = |id: &str| content(&[element((0x20, 0x9056), b"SH", id.as_bytes())]);
    let each: Vec<_> =
        (0..6).map(|n| vec![stack(["a", "left hip"][n / 3]), place(3.0 * (n % 3) as f64)]).collect();
    let series = series_of(&[enhanced(1, 0, &each)]);
    // Words may say anything.
    assert_eq!(parts(&series), ["stack ID a", "stack 2"]);
    assert_eq!(note(&series[0], NoteCode::Split), "the series was split: its images differ in stack ID");
    assert_eq!(volume(&series[1]), [3.0, 4.0, 5.0]);
}

/// Three phases of three slices with what names them, in files and in enhanced frames.
#[test]
fn phases_are_named_by_what_tells_them_apart() {
    type Change = fn(Image, usize) -> Image;
    let cases: [(Change, [&str; 3]); 10] = [
        (|i, t| i.text((0x18, 0x86), b"IS", t + 1), ["echo 1", "echo 2", "echo 3"]),
        (
            |i, t| i.with((0x20, 0x9241), b"FL", &([10.0f32, 40.0, 75.0][t]).to_le_bytes()),
            ["cardiac phase 10 %", "cardiac phase 40 %", "cardiac phase 75 %"],
        ),
        (
            |i, t| i.with((0x20, 0x9245), b"FL", &([0.0f32, 25.0, 50.0][t]).to_le_bytes()),
            ["respiratory phase 0 %", "respiratory phase 25 %", "respiratory phase 50 %"],
        ),
        (
            |i, t| i.text((0x18, 0x1210), b"SH", ["B30f", "B70f", "I70f\\3"][t]),
            ["kernel B30f", "kernel B70f", "kernel I70f 3"],
        ),
        (
            |i, t| i.text(CONTENT_TIME, b"TM", 100_000 + t),
            ["content time 1", "content time 2", "content time 3"],
        ),
        (
            |i, t| {
                i.text(IMAGE_TYPE, b"CS", format!("ORIGINAL\\PRIMARY\\{}\\NONE", ["M", "P", "VELOCITY"][t]))
            },
            ["image type M", "image type P", "image type VELOCITY"],
        ),
        (
            |i, t| {
                let b = ["0 ", "500 ", "1000"][t];
                i.mr().with((0x19, 0x10), b"LO", b"SIEMENS MR HEADER ").with(
                    (0x19, 0x100C),
                    b"IS",
                    b.as_bytes(),
                )
            },
            ["b-value 0 s/mm2", "b-value 500 s/mm2", "b-value 1000 s/mm2"],
        ),
        (
            |i, t| {
                let b = ["0\\0 ", "1000000500\\8\\0\\0", "1000001000\\8"][t];
                i.mr().with((0x43, 0x10), b"LO", b"GEMS_PARM_01").with((0x43, 0x1039), b"IS", b.as_bytes())
            },
            ["b-value 0 s/mm2", "b-value 500 s/mm2", "b-value 1000 s/mm2"],
        ),
        (
            // As unknown, which is what private elements of implicit files are.
            |i, t| {
                let b = [0.0f32, 500.0, 1000.0][t].to_le_bytes();
                let i = i.mr().with((0x2001, 0x11), b"LO", b"Philips Imaging DD 001");
                i.with((0x2001, 0x1103), b"UN", &b)
            },
            ["b-value 0 s/mm2", "b-value 500 s/mm2", "b-value 1000 s/mm2"],
        ),
        (
            |i, t| {
                let directions = [[0.0f64, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]];
                let direction: Vec<u8> = directions[t].iter().flat_map(|n| n.to_le_bytes()).collect();
                i.mr().with((0x19, 0x10), b"LO", b"SIEMENS MR HEADER ").with(
                    (0x19, 0x100E),
                    b"FD",
                    &direction,
                )
            },
            ["diffusion direction 1", "diffusion direction 2", "diffusion direction 3"],
        ),
    ];
    for (change, names) in cases {
        let image = |n: usize| change(at(n + 1, 2.0 * (n % 3) as f64, n), n / 3);
        let series = series_of(&(0..9).map(image).collect::<Vec<_>>());
        assert_eq!(parts(&series), names);
        assert_eq!(volume(&series[1]), [3.0, 4.0, 5.0], "{}", names[0]);
    }
}

/// Each slice has times of its own, so that no time names a phase.
#[test]
fn phases_that_only_their_order_tells_apart_say_so() {
    let image = |n: usize| {
        let (k, t) = (n % 4, n / 4);
        at(20 - n, 2.0 * k as f64, n).mr().text(TRIGGER_TIME, b"DS", 100 * t + 3 * k)
    };
    let series = series_of(&(0..12).map(image).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["order in time 1", "order in time 2", "order in time 3"]);
    assert_eq!(volume(&series[0]), [0.0, 1.0, 2.0, 3.0]);
    let series = series_of(&(0..12).map(|n| at(n, 2.0 * (n % 4) as f64, n)).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["order of images 1", "order of images 2", "order of images 3"]);
    assert_eq!(volume(&series[2]), [8.0, 9.0, 10.0, 11.0]);
}

/// The agent is free text, and may say anything.
#[test]
fn contrast_is_told_from_none_and_by_its_phase() {
    let image = |n: usize| {
        let image = at(n + 1, 2.0 * (n % 3) as f64, n);
        if n < 3 { image } else { image.text((0x18, 0x10), b"LO", "given to N.N. by hand") }
    };
    let series = series_of(&(0..6).map(image).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["without contrast agent", "with contrast agent"]);
    let usage = |phase: &str| sequence((0x18, 0x9341), &[element((0x18, 0x9344), b"CS", phase.as_bytes())]);
    let phases = ["ARTERIAL", "PORTAL_VENOUS"];
    let each: Vec<_> = (0..6).map(|n| vec![usage(phases[n / 3]), place(3.0 * (n % 3) as f64)]).collect();
    let series = series_of(&[enhanced(1, 0, &each)]);
    assert_eq!(parts(&series), ["contrast phase arterial", "contrast phase portal venous"]);
    assert_eq!(volume(&series[1]), [3.0, 4.0, 5.0]);
}

/// Each object is the volume of one time.
#[test]
fn enhanced_objects_of_one_series_are_named_by_their_time() {
    let frames = |trigger: Option<f64>| -> Vec<Vec<Vec<u8>>> {
        let timing = trigger.map(|t| sequence((0x18, 0x9118), &[fd((0x20, 0x9153), t)]));
        (0..3)
            .map(|k| [Some(place(2.0 * f64::from(k))), timing.clone()].into_iter().flatten().collect())
            .collect()
    };
    let objects = [0, 1, 2].map(|t| enhanced(t + 1, 10 * t, &frames(Some(40.0 * t as f64))));
    let series = series_of(&objects);
    assert_eq!(parts(&series), ["trigger time 0 ms", "trigger time 40 ms", "trigger time 80 ms"]);
    assert_eq!(volume(&series[2]), [20.0, 21.0, 22.0]);
    // The day is not shown.
    let dated = |t: usize| {
        let date = format!("2020010110000{}.5", 3 - t);
        enhanced(t + 1, 10 * t, &frames(None)).with((0x08, 0x2A), b"DT", date.as_bytes())
    };
    let series = series_of(&[0, 1].map(dated));
    assert_eq!(parts(&series), ["acquisition time 2", "acquisition time 1"]);
    let bare = |t: usize| enhanced(t + 1, 10 * t, &frames(None));
    assert_eq!(parts(&series_of(&[0, 1].map(bare))), ["object 1", "object 2"]);
}

const KERNEL: Tag = (0x18, 0x1210);
const ECHO_TIME: Tag = (0x18, 0x81);

/// The values of what each part holds.
fn values(series: &[Series]) -> Vec<Vec<f64>> {
    series.iter().map(volume).collect()
}

/// Two kernels half a spacing apart are two volumes, although all slices together would make a finer one.
#[test]
fn images_of_two_kinds_between_each_other_are_not_one_volume() {
    let image = |n: usize| {
        let (kind, k) = (n / 12, n % 12);
        let kernel = ["B30f", "B70f"][kind];
        at(n + 1, 5.0 * k as f64 + 2.5 * kind as f64, 100 * kind + k).text(KERNEL, b"SH", kernel)
    };
    let series = series_of(&(0..24).map(image).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["kernel B30f", "kernel B70f"]);
    let each = |kind: usize| (0..12).map(|k| (100 * kind + k) as f64).collect::<Vec<_>>();
    assert_eq!(values(&series), [each(0), each(1)]);
}

/// A second echo of some places, unevenly spaced, and a single image of another kernel: neither is a duplicate.
#[test]
fn images_of_another_kind_are_no_duplicates() {
    let first = (0..30).map(|k| at(k + 1, 4.0 * k as f64, k).mr().text(ECHO_TIME, b"DS", 20));
    let places = [2, 3, 4, 9, 11, 17, 18, 25];
    let second = places.map(|k| at(k + 50, 4.0 * k as f64, 100 + k).mr().text(ECHO_TIME, b"DS", 90));
    let series = series_of(&first.chain(second).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["echo time 20 ms", "echo time 90 ms"]);
    assert_eq!(values(&series)[0], (0..30).map(f64::from).collect::<Vec<_>>());
    assert_eq!(values(&series)[1], places.map(|k| (100 + k) as f64));

    let mut images: Vec<Image> =
        (0..20).map(|k| at(k + 1, 2.0 * k as f64, k).text(KERNEL, b"SH", "B30f")).collect();
    images.push(at(50, 14.0, 500).text(KERNEL, b"SH", "B70f"));
    let series = series_of(&images);
    assert_eq!(parts(&series), ["kernel B30f", "kernel B70f"]);
    assert_eq!((values(&series)[0].len(), values(&series)[1].clone()), (20, vec![500.0]));
    assert!(series.iter().all(|series| !series.notes().has(NoteCode::DuplicateSlice)));
}

/// The arterial scan, and a venous one of the lower half and beyond, with slices missing.
#[test]
fn a_scan_with_gaps_over_another_is_a_volume_of_its_own() {
    let scan = |number: usize, from: usize, to: usize, missing: &[usize]| -> Vec<Image> {
        let there = (from..to).filter(|k| !missing.contains(k));
        let image = |k: usize| at(1000 * number + k, 5.0 * k as f64, 100 * number + k);
        there.map(|k| image(k).text(ACQUISITION, b"IS", number)).collect()
    };
    let mut images = scan(1, 0, 21, &[]);
    images.extend(scan(2, 12, 33, &[14, 19, 25, 26]));
    let series = series_of(&images);
    assert_eq!(parts(&series), ["acquisition 1", "acquisition 2"]);
    assert_eq!(values(&series).iter().map(Vec::len).collect::<Vec<_>>(), [21, 17]);
}

/// Parts of several kernels that follow each other are one volume, and a note says so.
#[test]
fn kinds_that_follow_each_other_are_told() {
    let image =
        |k: usize| at(k + 1, 2.0 * k as f64, k).text(KERNEL, b"SH", if k < 6 { "B30f" } else { "B70f" });
    let series = series_of(&(0..12).map(image).collect::<Vec<_>>());
    assert_eq!((series.len(), volume(&series[0]).len()), (1, 12));
    let text = "the images of this volume differ in kernel: B30f, B70f";
    assert!(series[0].notes().iter().any(|note| note.code == NoteCode::Mixed && note.text == text));
}
