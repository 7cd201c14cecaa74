//! Which images are one volume, which are several, and which are none: nothing is mixed, nothing lost in silence.

use anatome_core::NoteCode;
use anatome_dicom::{Form, FramePixels, Limits, Series, Source, SpacingSource, Stack, group};

use crate::made::{Image, element, item};
use crate::objects_made::sequence;
use crate::shared::{all_values, load_one, scan_all};

pub type Tag = (u16, u16);

const UID: Tag = (0x08, 0x18);
const NUMBER: Tag = (0x20, 0x13);
pub const POSITION: Tag = (0x20, 0x32);
pub const ORIENTATION: Tag = (0x20, 0x37);
pub const SPACING: Tag = (0x28, 0x30);
pub const FRAMES: Tag = (0x28, 0x08);
pub const PIXELS: Tag = (0x7FE0, 0x10);
pub const ACQUISITION: Tag = (0x20, 0x12);
const ACQUISITION_TIME: Tag = (0x08, 0x32);
pub const CONTENT_TIME: Tag = (0x08, 0x33);
pub const TRIGGER_TIME: Tag = (0x18, 0x1060);
pub const IMAGE_TYPE: Tag = (0x08, 0x08);

pub trait With {
    fn text(self, tag: Tag, vr: &[u8; 2], value: impl ToString) -> Self;
    fn mr(self) -> Self;
}

impl With for Image {
    fn text(self, tag: Tag, vr: &[u8; 2], value: impl ToString) -> Self {
        let mut value = value.to_string().into_bytes();
        value.resize(value.len().next_multiple_of(2), b' ');
        self.with(tag, vr, &value)
    }

    fn mr(self) -> Self {
        self.with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.4\0").with((0x08, 0x60), b"CS", b"MR")
    }
}

/// A slice with a number, a position, and one value in all its pixels. UIDs fall as numbers rise.
fn slice(number: usize, position: [f64; 3], value: usize) -> Image {
    let [x, y, z] = position;
    Image::new()
        .with(UID, b"UI", format!("2.25.{}", 9000 - number).as_bytes())
        .text(NUMBER, b"IS", number)
        .text(POSITION, b"DS", format!("{x}\\{y}\\{z}"))
        .with(PIXELS, b"OW", &(value as u16).to_le_bytes().repeat(16))
}

pub fn at(number: usize, z: f64, value: usize) -> Image {
    slice(number, [0.0, 0.0, z], value)
}

pub fn series_of(images: &[Image]) -> Vec<Series> {
    let sources: Vec<Source> = images.iter().map(|image| Source::Bytes(image.bytes().into())).collect();
    group(scan_all(&sources).unwrap().instances)
}

pub fn parts(series: &[Series]) -> Vec<&str> {
    series.iter().map(|series| series.part().unwrap_or("whole")).collect()
}

/// The value of each slice of a volume.
pub fn volume(series: &Series) -> Vec<f64> {
    let volume = load_one(series).unwrap().volume;
    (0..volume.grid().shape()[0]).map(|k| volume.modality_value([k, 0, 0]).unwrap()).collect()
}

/// The value of each frame of a stack, with why it is one.
fn stack(series: &Series) -> (Vec<f64>, String) {
    let Form::Stack { reason } = series.form() else { panic!("a volume") };
    let stack = Stack::new(series, &Limits::default()).unwrap();
    let value = |n| match stack.frame(n).unwrap().pixels {
        FramePixels::Grey(grey) => all_values(&grey.samples)[0],
        other => panic!("{other:?}"),
    };
    ((0..stack.frames().len()).map(value).collect(), reason)
}

pub fn note(series: &Series, code: NoteCode) -> String {
    let mut texts = series.notes().iter().filter(|note| note.code == code).map(|note| note.text.clone());
    texts.next().unwrap_or_else(|| panic!("no such note among {:?}", series.notes()))
}

/// An object whose frames have these functional groups and their number as value.
pub fn enhanced(number: usize, first: usize, each: &[Vec<Vec<u8>>]) -> Image {
    let shared = [
        sequence((0x20, 0x9116), &[element(ORIENTATION, b"DS", b"1\\0\\0\\0\\1\\0")]),
        sequence((0x28, 0x9110), &[element(SPACING, b"DS", b"0.5\\0.5")]),
    ];
    let groups: Vec<u8> = each.iter().flat_map(|groups| item(groups)).collect();
    let pixels: Vec<u8> =
        (0..each.len()).flat_map(|n| ((first + n) as u16).to_le_bytes().repeat(16)).collect();
    at(number, 0.0, 0)
        .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.4.1")
        .text(FRAMES, b"IS", each.len())
        .with((0x5200, 0x9229), b"SQ", &item(&shared))
        .with((0x5200, 0x9230), b"SQ", &groups)
        .with(PIXELS, b"OW", &pixels)
        .without(POSITION)
        .without(ORIENTATION)
        .without(SPACING)
}

pub fn place(z: f64) -> Vec<u8> {
    sequence((0x20, 0x9113), &[element(POSITION, b"DS", format!("0\\0\\{z}").as_bytes())])
}

pub fn content(elements: &[Vec<u8>]) -> Vec<u8> {
    sequence((0x20, 0x9111), &[elements.concat()])
}

#[test]
fn a_cine_of_one_place_is_a_stack_in_the_order_of_time() {
    let images: Vec<Image> = (0..30)
        // Numbered against the time.
        .map(|t| at(30 - t, 10.0, t).mr().text(TRIGGER_TIME, b"DS", t as f64 * 30.5))
        .collect();
    let series = series_of(&images);
    assert_eq!(series.len(), 1);
    let (values, reason) = stack(&series[0]);
    assert_eq!(values, (0..30).map(f64::from).collect::<Vec<_>>());
    assert_eq!(reason, "all 30 images stand at one position");
    let text = "30 images at one position: they follow each other in the order of trigger time";
    assert_eq!(note(&series[0], NoteCode::Ordered), text);
    let spacing = Stack::new(&series[0], &Limits::default()).unwrap().spacing(29).unwrap();
    assert_eq!((spacing.mm, spacing.source), (Some([1.0, 1.0]), SpacingSource::PixelSpacing));
}

#[test]
fn a_perfusion_of_one_place_and_frames_of_one_place_lose_nothing() {
    let of = |t: usize| at(1, 0.0, t).with(UID, b"UI", format!("2.25.7{t:02}").as_bytes());
    let images: Vec<Image> = (0..20)
        .map(|t| of(t).text(ACQUISITION, b"IS", t + 1).text(ACQUISITION_TIME, b"TM", 100_000 + t))
        .collect();
    let (values, _) = stack(&series_of(&images)[0]);
    assert_eq!(values, (0..20).map(f64::from).collect::<Vec<_>>());
    let order = [3u32, 1, 2, 5, 4];
    let index = |t: u32| content(&[element((0x20, 0x9128), b"UL", &t.to_le_bytes())]);
    let each: Vec<_> = order.iter().map(|&t| vec![index(t), place(5.0)]).collect();
    let (values, _) = stack(&series_of(&[enhanced(1, 0, &each)])[0]);
    assert_eq!(values, [1.0, 2.0, 0.0, 4.0, 3.0]);
}

/// Magnitude and velocity of one place are two cines, not one in turns.
#[test]
fn two_kinds_of_image_at_one_place_are_two_stacks() {
    let image = |n: usize| {
        let (t, kind) = (n / 2, ["M", "VELOCITY"][n % 2]);
        let image = at(n, 0.0, n).mr().text(TRIGGER_TIME, b"DS", t * 40);
        image.text(IMAGE_TYPE, b"CS", format!("ORIGINAL\\PRIMARY\\{kind}"))
    };
    let series = series_of(&(0..8).map(image).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["image type M", "image type VELOCITY"]);
    assert_eq!(stack(&series[0]).0, [0.0, 2.0, 4.0, 6.0]);
    assert_eq!(stack(&series[1]).0, [1.0, 3.0, 5.0, 7.0]);
}

/// A copy that says nothing else of itself than that it lost something is no second image.
#[test]
fn a_lossy_copy_of_the_one_image_is_not_used() {
    let images = [at(1, 0.0, 1).with((0x28, 0x2110), b"CS", b"01"), at(2, 0.0, 2)];
    let series = series_of(&images);
    assert_eq!((series.len(), volume(&series[0])), (1, vec![2.0]));
    assert!(series[0].notes().has(NoteCode::DuplicateSlice));
}

/// Two phases, each slice with a time of its own; the first lacks a slice.
#[test]
fn phases_with_a_missing_image_are_not_mixed() {
    let image = |t: usize, k: usize| {
        at(6 * t + k + 1, 2.0 * k as f64, 100 * t + k).text(
            ACQUISITION_TIME,
            b"TM",
            format!("10{t:02}{k:02}"),
        )
    };
    for missing in [(0, 3), (0, 0), (0, 5), (1, 0), (1, 5)] {
        let all = (0..2).flat_map(|t| (0..6).map(move |k| (t, k))).filter(|&one| one != missing);
        let series = series_of(&all.clone().map(|(t, k)| image(t, k)).collect::<Vec<_>>());
        assert_eq!(parts(&series), ["order in time 1", "order in time 2"], "{missing:?}");
        for (n, series) in series.iter().enumerate() {
            let expected = all.clone().filter(|(t, _)| *t == n).map(|(t, k)| (100 * t + k) as f64);
            assert_eq!(volume(series), expected.collect::<Vec<_>>(), "{missing:?}");
            let text = "11 images at 6 positions, up to 2 at one, and nothing names their phases: a phase begins \
                        where, in the order of acquisition time, the positions begin again";
            assert_eq!(note(series, NoteCode::Assumed), text);
        }
    }
}

/// Numbered place by place, with times that no two places share.
#[test]
fn a_cine_of_a_stack_with_a_missing_image_is_sorted_by_its_numbers() {
    let image = |k: usize, t: usize| {
        // Longer heartbeats further up: late phases of one place are as late as early ones of another.
        let time = t * (30 + 20 * k) + k;
        at(4 * k + t + 1, 2.0 * k as f64, 100 * t + k).mr().text(TRIGGER_TIME, b"DS", time)
    };
    let all = (0..6).flat_map(|k| (0..4).map(move |t| (k, t))).filter(|&one| one != (3, 0));
    let series = series_of(&all.clone().map(|(k, t)| image(k, t)).collect::<Vec<_>>());
    assert_eq!(series.len(), 4);
    for (n, series) in series.iter().enumerate() {
        let expected = all.clone().filter(|(_, t)| *t == n).map(|(k, t)| (100 * t + k) as f64);
        assert_eq!(volume(series), expected.collect::<Vec<_>>());
    }
    assert!(
        note(&series[0], NoteCode::Assumed).ends_with("their numbers leave gaps where images are missing")
    );
}

#[test]
fn phases_that_cannot_be_known_are_not_guessed() {
    let z = [0, 0, 1, 1, 2, 2, 3, 4, 4];
    let images: Vec<Image> = (0..9).map(|n| at(n + 1, 3.0 * f64::from(z[n]), n)).collect();
    let series = series_of(&images);
    assert_eq!(series.len(), 1);
    let (values, reason) = stack(&series[0]);
    assert_eq!(values, (0..9).map(f64::from).collect::<Vec<_>>());
    assert_eq!(reason, "9 images stand at 5 positions, and nothing tells which belong together");
    let text = "9 images at 5 positions, up to 2 at one, and nothing tells which belong together: they make no \
                volume, and follow each other in the order of their numbers";
    assert_eq!(note(&series[0], NoteCode::Ordered), text);
}

/// Two acquisitions that begin at these places.
fn acquisitions(starts: [f64; 2], spacing: f64, count: usize) -> Vec<Image> {
    let image = |n: usize| {
        let (a, k) = (n / count, n % count);
        at(n + 1, starts[a] + spacing * k as f64, 1000 * a + k).text(ACQUISITION, b"IS", a + 1)
    };
    (0..2 * count).map(image).collect()
}

#[test]
fn acquisitions_that_overlap_are_not_interleaved() {
    // Shifted a little; overlapping between each other; overlapping in equal places.
    let irregular = "together their slices have no regular spacing";
    for (second, count, why) in
        [(0.3, 10, irregular), (37.5, 11, irregular), (35.0, 11, "4 images stand at positions of others")]
    {
        let series = series_of(&acquisitions([0.0, second], 5.0, count));
        assert_eq!(parts(&series), ["acquisition 1", "acquisition 2"], "{second}");
        for (a, series) in series.iter().enumerate() {
            let expected: Vec<f64> = (0..count).map(|k| (1000 * a + k) as f64).collect();
            assert_eq!(volume(series), expected, "{second}");
            assert!(series.geometry().unwrap().0.slices().is_none());
            assert!(!series.notes().has(NoteCode::DuplicateSlice));
            let text = format!("the series was split by acquisition into 2 volumes, which overlap: {why}");
            assert_eq!(note(series, NoteCode::Split), text);
        }
    }
}

/// Images that watch one place for the contrast agent, and the scan that follows.
#[test]
fn images_that_watch_one_place_are_no_duplicates_of_the_scan() {
    let watching = (0..12).map(|t| at(t + 1, 20.0, 100 + t).text(ACQUISITION, b"IS", 1));
    let scan = (0..30).map(|k| at(13 + k, 2.0 * k as f64, k).text(ACQUISITION, b"IS", 2));
    let series = series_of(&watching.chain(scan).collect::<Vec<_>>());
    assert_eq!(parts(&series), ["acquisition 1", "acquisition 2"]);
    assert_eq!(stack(&series[0]).0, (100..112).map(f64::from).collect::<Vec<_>>());
    assert_eq!(volume(&series[1]), (0..30).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn one_scan_in_several_acquisitions_stays_whole() {
    let numbered = |number: fn(usize) -> usize, z: fn(usize) -> f64| -> Vec<Image> {
        (0..12).map(|k| at(k + 1, z(k), k).text(ACQUISITION, b"IS", number(k))).collect()
    };
    let even = |k: usize| 2.5 * k as f64;
    let mut gap = numbered(|k| k % 2, even);
    gap.remove(6);
    for (name, images) in [
        ("a number for each slice", numbered(|k| k, even)),
        ("in turns", numbered(|k| k % 2, even)),
        ("in turns, one missing", gap),
        ("step and shoot", numbered(|k| k / 4, even)),
        (
            "another spacing",
            numbered(|k| k / 6, |k| if k < 6 { 2.5 * k as f64 } else { 5.0 * k as f64 - 15.0 }),
        ),
        (
            "a seam at half the spacing",
            numbered(|k| k / 6, |k| 2.5 * k as f64 - if k < 6 { 0.0 } else { 1.25 }),
        ),
    ] {
        let series = series_of(&images);
        assert_eq!(series.len(), 1, "{name}");
        assert_eq!(volume(&series[0]).len(), images.len(), "{name}");
    }
    // Beds that end with the slice with which the next begins.
    let beds = series_of(&acquisitions([0.0, 10.0], 2.5, 5));
    assert_eq!((beds.len(), volume(&beds[0]).len()), (1, 9));
    assert!(beds[0].notes().has(NoteCode::DuplicateSlice));
}

/// PS3.3 C.7.6.16.1: the parts of a concatenation, whose UIDs fall here.
#[test]
fn a_concatenation_plays_in_its_order() {
    let part = |n: u16| {
        let each: Vec<Vec<Vec<u8>>> = (0..4).map(|_| vec![content(&[])]).collect();
        enhanced(1, 4 * usize::from(n), &each)
            .with(UID, b"UI", format!("2.25.8{}", 9 - n).as_bytes())
            .with((0x20, 0x9161), b"UI", b"2.25.77\0")
            .us((0x20, 0x9162), n + 1)
            .with((0x20, 0x9228), b"UL", &(4 * u32::from(n)).to_le_bytes())
    };
    let whole = [part(1), part(2), part(0)];
    let by_number = whole.iter().map(|image| Image {
        syntax: image.syntax,
        elements: image.elements.iter().filter(|(tag, ..)| *tag != (0x20, 0x9228)).cloned().collect(),
    });
    let by_offset = whole.iter().map(|image| Image {
        syntax: image.syntax,
        elements: image.elements.iter().filter(|(tag, ..)| *tag != (0x20, 0x9162)).cloned().collect(),
    });
    for images in [by_number.collect::<Vec<_>>(), by_offset.collect()] {
        let (values, _) = stack(&series_of(&images)[0]);
        assert_eq!(values, (0..12).map(f64::from).collect::<Vec<_>>());
    }
}

#[test]
fn parallel_stacks_beside_each_other_are_volumes_of_their_own() {
    // Behind each other along the normal, and at the same heights.
    for step in [40.0, 0.0] {
        let image = |n: usize| {
            let (g, k) = ((n / 3) as f64, (n % 3) as f64);
            slice(n + 1, [0.0, 12.0 * g, 4.0 * k + step * g], n)
        };
        let series = series_of(&(0..6).map(image).collect::<Vec<_>>());
        assert_eq!(parts(&series), ["parallel stack 1", "parallel stack 2"]);
        assert_eq!((volume(&series[0]), volume(&series[1])), (vec![0.0, 1.0, 2.0], vec![3.0, 4.0, 5.0]));
        let text = "the series was split into 2 stacks of parallel slices, shifted sideways";
        assert_eq!(note(&series[1], NoteCode::Split), text);
    }
}

#[test]
fn a_slice_that_is_astray_costs_itself_only() {
    for (astray, how) in [
        ("50\\0\\16", "off the line of the others"),
        ("0\\0\\1e8", "no place that can be"),
        ("1e300\\0\\16", "no place that can be"),
    ] {
        // Sheared by a tilted gantry, too.
        for lean in [0.0, 0.3] {
            let mut images: Vec<Image> =
                (0..8).map(|k| slice(k + 1, [0.0, lean * 2.0 * k as f64, 2.0 * k as f64], k)).collect();
            images.push(slice(9, [0.0; 3], 8).text(POSITION, b"DS", astray));
            let series = series_of(&images);
            assert_eq!(parts(&series), ["whole", "set apart 1"], "{astray}");
            assert_eq!(volume(&series[0]), (0..8).map(f64::from).collect::<Vec<_>>());
            let text = format!("1 of 9 images set apart: the stated position is {how}");
            assert_eq!(note(&series[0], NoteCode::Split), text);
            assert_eq!(note(&series[1], NoteCode::Split), text);
        }
    }
}

/// Less than a pixel is how a table moves: nothing to split by.
#[test]
fn slices_that_jitter_are_no_stacks_beside_each_other() {
    let jitter = |k: usize| slice(k + 1, [0.15 * (k % 2) as f64, 0.0, 2.0 * k as f64], k);
    let series = series_of(&(0..8).map(jitter).collect::<Vec<_>>());
    assert_eq!((series.len(), stack(&series[0]).0.len()), (1, 8));
    // Nor is it where each goes its own way.
    let wild = |k: usize| slice(k + 1, [(7 * k % 5) as f64 * 3.0, (k * k) as f64, 2.0 * k as f64], k);
    let series = series_of(&(0..8).map(wild).collect::<Vec<_>>());
    assert_eq!((series.len(), stack(&series[0]).0.len()), (1, 8));
}

#[test]
fn frames_without_a_place_say_why() {
    let detector =
        item(&[element(POSITION, b"DS", b"0\\0\\0"), element(ORIENTATION, b"DS", b"1\\0\\0\\0\\1\\0")]);
    let nuclear = |spacing: Option<&[u8]>| {
        let image = at(1, 0.0, 0)
            .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.20\0\0")
            .text(FRAMES, b"IS", 3)
            .with((0x54, 0x22), b"SQ", &detector)
            .with((0x54, 0x80), b"US", &[1, 0, 2, 0, 3, 0])
            .with(PIXELS, b"OW", &[0; 96])
            .without(POSITION);
        match spacing {
            Some(spacing) => image.with((0x18, 0x88), b"DS", spacing),
            None => image,
        }
    };
    let spacing = "the positions of 3 of the images are not known: the spacing between slices (0018,0088) is absent \
                   or 0, so only the first one's position is known";
    for (image, expected) in [
        (nuclear(None), spacing),
        (nuclear(Some(b"0 ")), spacing),
        (
            nuclear(Some(b"4 ")).without((0x54, 0x80)),
            "the positions of 3 of the images are not known: the vector that numbers the slices (0054,0080) is \
             absent or too short",
        ),
        (
            at(1, 0.0, 0).text(FRAMES, b"IS", 2).with(PIXELS, b"OW", &[0; 64]),
            "the positions of 2 of the images are not known: one position (0020,0032) is stated for several frames",
        ),
        (
            at(1, 0.0, 0).text(FRAMES, b"IS", 0),
            "the positions of 1 of the images are not known: the number of frames (0028,0008) is not a positive \
             number",
        ),
        (at(1, 0.0, 0).without(POSITION), "1 of the images state no position (0020,0032)"),
    ] {
        let Form::Stack { reason } = series_of(&[image])[0].form() else { panic!("{expected}") };
        assert_eq!(reason, expected);
    }
}

#[test]
fn slices_keep_the_numbers_of_their_images() {
    let numbers = |images: &[Image]| series_of(images)[0].image_numbers();
    let falling: Vec<Image> = (0..4).map(|k| at(14 - k, k as f64, k)).collect();
    assert_eq!(numbers(&falling), [14, 13, 12, 11].map(Some));
    let loaded = load_one(&series_of(&falling)[0]).unwrap();
    assert_eq!(loaded.image_numbers, [14, 13, 12, 11].map(Some));
    // What several have names none of them.
    let mut twice = falling;
    twice[1] = at(7, 1.0, 1).with(UID, b"UI", b"2.25.1");
    twice[2] = at(7, 2.0, 2).with(UID, b"UI", b"2.25.2");
    assert_eq!(numbers(&twice), [Some(14), None, None, Some(11)]);
}

#[test]
fn images_say_which_way_they_lie() {
    let said = |image: Image| series_of(&[image])[0].instances()[0].sides();
    let plain = said(at(1, 0.0, 1));
    assert_eq!((plain.orientation, plain.laterality, plain.view_position), (None, None, None));
    let mammogram = at(1, 0.0, 1).text((0x20, 0x20), b"CS", "P\\FL").text((0x20, 0x62), b"CS", "R").text(
        (0x18, 0x5101),
        b"CS",
        "CC",
    );
    let found = said(mammogram);
    assert_eq!(found.orientation, Some(["P", "FL"].map(str::to_owned)));
    assert_eq!((found.laterality.as_deref(), found.view_position.as_deref()), (Some("R"), Some("CC")));
    // Half of it is nothing, and what is no letter of a direction says nothing.
    for broken in ["A", "A\\", "A\\X", "LR\\F"] {
        assert_eq!(said(at(1, 0.0, 1).text((0x20, 0x20), b"CS", broken)).orientation, None, "{broken}");
    }
}
