//! Series with more than one volume in them, as scanners, archives and mistakes make them.

use anatome_core::NoteCode;
use anatome_dicom::{Form, Series};

use crate::groups::{
    ACQUISITION, CONTENT_TIME, IMAGE_TYPE, With, at, content, enhanced, note, parts, place, series_of, volume,
};
use crate::made::{Image, element};

const UID: (u16, u16) = (0x08, 0x18);
const ACQUISITION_TIME: (u16, u16) = (0x08, 0x32);
const KERNEL: (u16, u16) = (0x18, 0x1210);
const ECHO_TIME: (u16, u16) = (0x18, 0x81);

/// Each part's name and the values of its slices.
fn found(images: &[Image]) -> Vec<(String, Vec<usize>)> {
    let series = series_of(images);
    let values = |series: &Series| volume(series).into_iter().map(|v| v as usize).collect();
    series.iter().map(|series| (series.part().unwrap_or("whole").to_owned(), values(series))).collect()
}

fn named<const N: usize>(expected: [(&str, Vec<usize>); N]) -> Vec<(String, Vec<usize>)> {
    expected.map(|(name, values)| (name.to_owned(), values)).to_vec()
}

fn count(series: &Series, code: NoteCode) -> usize {
    series.notes().iter().filter(|note| note.code == code).map(|note| note.count).sum()
}

/// The second echo of one place is lost, and the first is there twice: each place has as many images as the others.
#[test]
fn a_repeated_image_in_place_of_a_lost_one_is_not_taken_for_it() {
    let echo = |e: usize, k: usize, number: usize| {
        at(number, 3.0 * k as f64, 100 * e + k).mr().text(ECHO_TIME, b"DS", [20, 80][e])
    };
    let mut images: Vec<Image> = (0..10).map(|k| echo(0, k, k + 1)).collect();
    images.extend((0..10).filter(|&k| k != 4).map(|k| echo(1, k, k + 11)));
    images.push(echo(0, 4, 40));
    let second = (100..110).filter(|&v| v != 104).collect();
    let expected = named([("echo time 20 ms", (0..10).collect()), ("echo time 80 ms", second)]);
    assert_eq!(found(&images), expected);
    // And one more of each, at different places.
    images.push(echo(1, 4, 41));
    images.push(echo(1, 7, 42));
    let expected = named([("echo time 20 ms", (0..10).collect()), ("echo time 80 ms", (100..110).collect())]);
    assert_eq!(found(&images), expected);
    let series = series_of(&images);
    assert_eq!([0, 1].map(|n| count(&series[n], NoteCode::DuplicateSlice)), [1, 1]);
}

/// Positions of each phase are rounded in their own way, and every slice has a time of its own.
#[test]
fn phases_whose_positions_jitter_are_not_interleaved() {
    // The last is far more than rounding: only the order in time says that the table moved over the same range again.
    for jitter in [0.0007, 0.003, 0.05] {
        let image = |n: usize| {
            let (t, k) = (n / 6, n % 6);
            let z = 3.27 * k as f64 + jitter * (n * 7 % 5) as f64;
            at(n + 1, z, 100 * t + k).text(ACQUISITION_TIME, b"TM", format!("10{t:02}{:02}", 10 + k))
        };
        let phases = found(&(0..18).map(image).collect::<Vec<_>>());
        let values: Vec<Vec<usize>> = phases.into_iter().map(|(_, values)| values).collect();
        assert_eq!(values, [0, 100, 200].map(|t| (t..t + 6).collect::<Vec<_>>()), "{jitter}");
    }
}

/// A table that goes to and fro: two places a pass, and an image lost.
#[test]
fn a_shuttle_with_a_missing_image_is_sorted_by_its_spans_of_time() {
    let image = |n: usize| {
        let (t, pass, s) = (n / 8, n % 8 / 4, n % 4);
        let k = 4 * (if t % 2 == 0 { pass } else { 1 - pass }) + s;
        let time = format!("1000{:02}", 2 * (n / 4));
        at(n + 1, 5.0 * k as f64, 100 * t + k).text(ACQUISITION_TIME, b"TM", time).text(
            ACQUISITION,
            b"IS",
            n / 4,
        )
    };
    let images: Vec<Image> = (0..24).filter(|&n| n != 13).map(image).collect();
    let second = (100..108).filter(|&v| v != 101).collect();
    let expected = named([
        ("order in time 1", (0..8).collect()),
        ("order in time 2", second),
        ("order in time 3", (200..208).collect()),
    ]);
    assert_eq!(found(&images), expected);
    let text = "23 images at 8 positions, up to 3 at one, and nothing names their phases: each takes its own span of \
                acquisition time";
    assert_eq!(note(&series_of(&images)[0], NoteCode::Assumed), text);
}

/// Scans that overlap by a few slices, of which nothing but the time of each slice speaks.
#[test]
fn scans_that_overlap_are_told_apart_by_the_order_of_their_slices() {
    let scan = |a: usize, from: usize, to: usize| {
        (from..to).map(move |k| {
            let image = at(100 * a + k, 2.5 * k as f64, 100 * a + k);
            image.text(ACQUISITION_TIME, b"TM", format!("1{a}00{k:02}"))
        })
    };
    let images: Vec<Image> = scan(0, 0, 10).chain(scan(1, 6, 20)).collect();
    let expected = named([("order in time 1", (0..10).collect()), ("order in time 2", (106..120).collect())]);
    assert_eq!(found(&images), expected);
    let series = series_of(&images);
    let why = "the series was split by order in time into 2 volumes, which overlap: 4 images stand at positions of \
               others";
    assert_eq!(note(&series[1], NoteCode::Split), why);
    let how = "nothing names these volumes: one begins where, in the order of acquisition time, the positions go back";
    assert_eq!(note(&series[1], NoteCode::Assumed), how);
    // Three, each with the next.
    let images: Vec<Image> = scan(0, 0, 10).chain(scan(1, 7, 17)).chain(scan(2, 14, 24)).collect();
    let values: Vec<usize> = found(&images).iter().map(|(_, values)| values.len()).collect();
    assert_eq!(values, [10, 10, 10]);
    // Images that were made again are duplicates.
    let images: Vec<Image> = scan(0, 0, 10).chain(scan(1, 4, 6)).collect();
    assert_eq!(found(&images), named([("whole", (0..10).collect())]));
}

/// The odd slices before the even ones, and two lost beside each other.
#[test]
fn slices_taken_up_in_turns_stay_one_volume() {
    let image = |k: usize| {
        let order = k / 2 + 10 * (1 - k % 2);
        at(order + 1, 4.0 * k as f64, k).mr().text(ACQUISITION_TIME, b"TM", format!("1000{order:02}"))
    };
    let there = (0..20).filter(|k| !(9..11).contains(k));
    let series = series_of(&there.clone().map(image).collect::<Vec<_>>());
    assert_eq!(series.len(), 1);
    assert_eq!(volume(&series[0]), there.map(|k| k as f64).collect::<Vec<_>>());
    let grid = series[0].geometry().unwrap().0;
    assert_eq!(grid.slices().unwrap().missing_after().iter().filter(|missing| **missing).count(), 1);
}

/// A slice with a number, a moment, and a UID that tells nothing of the order.
fn copy(k: usize, number: usize, uid: usize) -> Image {
    let image = at(number, 2.0 * k as f64, k).with(UID, b"UI", format!("1.2.{}", uid * 37 % 997).as_bytes());
    image.text(ACQUISITION_TIME, b"TM", format!("1000{k:02}"))
}

#[test]
fn copies_under_new_uids_are_left_out() {
    for copied in [0..3, 2..9, 0..10] {
        let mut images: Vec<Image> = (0..10).map(|k| copy(k, k + 1, k + 1)).collect();
        images.extend(copied.clone().map(|k| copy(k, k + 1, k + 50).with((0x08, 0x13), b"TM", b"235959")));
        assert_eq!(found(&images), named([("whole", (0..10).collect())]));
        let note = series_of(&images)[0].notes().iter().next().unwrap().clone();
        let text = "a copy of another image under a UID of its own is not used: its header says the same";
        assert_eq!((note.text.as_str(), note.count), (text, copied.len()));
    }
    // One that was changed shows that none is a mere copy.
    let mut images: Vec<Image> = (0..10).map(|k| copy(k, k + 1, k + 1)).collect();
    images.extend((0..10).map(|k| copy(k, k + 1, k + 50)));
    images[13] = copy(3, 4, 53).text((0x28, 0x1050), b"DS", 40);
    let series = series_of(&images);
    assert_eq!((series.len(), series[0].frames().len()), (1, 20));
}

/// Numbers that begin again with each phase, and UIDs that tell nothing.
#[test]
fn phases_with_the_same_numbers_are_not_told_apart_by_their_uids() {
    let image = |n: usize| {
        let (t, k) = (n / 5, n % 5);
        let uid = format!("1.2.{}", (37 * n + 11) % 97);
        at(k + 1, 2.0 * k as f64, 100 * t + k).with(UID, b"UI", uid.as_bytes())
    };
    let series = series_of(&(0..10).map(image).collect::<Vec<_>>());
    assert!(matches!(series[0].form(), Form::Stack { .. }) && series[0].frames().len() == 10);
    let timed = |n: usize| image(n).text(CONTENT_TIME, b"TM", format!("1000{n:02}"));
    let expected =
        named([("order of images 1", (0..5).collect()), ("order of images 2", (100..105).collect())]);
    assert_eq!(found(&(0..10).map(timed).collect::<Vec<_>>()), expected);
}

/// A writer that gives all its images one UID.
#[test]
fn different_images_with_one_uid_are_all_used() {
    let images: Vec<Image> =
        (0..8).map(|k| at(k + 1, 2.0 * k as f64, k).with(UID, b"UI", b"1.2.3\0")).collect();
    assert_eq!(found(&images), named([("whole", (0..8).collect())]));
    assert_eq!(count(&series_of(&images)[0], NoteCode::Tolerated), 7);
}

#[test]
fn images_of_two_other_kinds_are_both_kept() {
    let image = |k: usize, value: usize, kernel: &str, kind: &str| {
        at(value, 2.0 * k as f64, value).text(KERNEL, b"SH", kernel).text(IMAGE_TYPE, b"CS", kind)
    };
    let mut images: Vec<Image> = (0..10).map(|k| image(k, k, "B30f", "ORIGINAL\\PRIMARY\\AXIAL")).collect();
    images.push(image(3, 103, "B70f", "ORIGINAL\\PRIMARY\\AXIAL"));
    images.push(image(5, 205, "B30f", "DERIVED\\PRIMARY\\AXIAL"));
    let series = series_of(&images);
    assert_eq!(
        parts(&series),
        ["kernel B30f, image type DERIVED", "kernel B30f, image type ORIGINAL", "kernel B70f"]
    );
    assert_eq!(series.iter().map(|series| series.frames().len()).collect::<Vec<_>>(), [1, 10, 1]);
}

/// Frames in another order at each place, which only their indices tell apart (PS3.3 C.7.6.17).
#[test]
fn frames_are_told_apart_by_their_dimensions() {
    let frame = |n: usize| {
        let (k, t) = (n / 3, [[2, 1, 3], [1, 3, 2]][n / 3 % 2][n % 3]);
        let indices = [k as u32 + 1, t].map(u32::to_le_bytes).concat();
        vec![content(&[element((0x20, 0x9157), b"UL", &indices)]), place(2.0 * k as f64)]
    };
    let images = [enhanced(1, 0, &(0..11).map(frame).collect::<Vec<_>>())];
    let expected = named([
        ("dimension 2 index 1", vec![1, 3, 7, 9]),
        ("dimension 2 index 2", vec![0, 5, 6]),
        ("dimension 2 index 3", vec![2, 4, 8, 10]),
    ]);
    assert_eq!(found(&images), expected);
}
