//! The governor with a clock and costs that are made up, and with real pictures.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use anatome_core::{
    Appearance, Camera, Lens, Output, PixelSubset, Pixels, Precision, Progress, Projection, Recipe, Scene,
    SlicePlane, View, Voi, Volume, Window, WindowFunction,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anatome_testkit::Need;
use glam::{DMat3, DVec3};

use super::*;
use crate::{BackendChoice, Error, Picture, Style, UploadedVolume, scene};

const SIZE_PX: [u32; 2] = [64, 48];

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A camera at some angle: a picture in motion.
fn turned(angle: f64) -> Request {
    let camera = Camera {
        eye_mm: DMat3::from_rotation_z(angle) * -DVec3::Y,
        target_mm: DVec3::ZERO,
        up: DVec3::Z,
        lens: Lens::Orthographic { height_mm: 1.0 },
    };
    let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::LinearExact).unwrap());
    let appearance = Appearance::Grey { voi, invert: false, colors: None };
    let view = View::Projection { camera, projection: Projection::Mip };
    Request::new(Scene::of_primary(view, appearance), SIZE_PX, Output::Grey8)
}

/// Time that passes only when frames work or the test says so.
#[derive(Clone)]
struct Fake {
    start: Instant,
    passed: Rc<Cell<Duration>>,
    /// What is begun: when, and what for.
    begun: Rc<RefCell<Vec<(Duration, Request)>>>,
    /// What a picture costs of as many pixels as are wanted, all computed, at the step that is wanted.
    whole: Rc<Cell<Duration>>,
    /// What part of that a preview costs, if there are any.
    preview: Option<f64>,
    /// How long a frame works at least, whatever its budget.
    part: Duration,
}

struct FakeFrame {
    fake: Fake,
    request: Request,
    cost: Duration,
    left: Duration,
}

impl Fake {
    fn new(whole: Duration) -> Self {
        let (passed, begun) = (Rc::default(), Rc::default());
        let whole = Rc::new(Cell::new(whole));
        Self { start: Instant::now(), passed, begun, whole, preview: None, part: ms(1) }
    }

    fn now(&self) -> Instant {
        self.start + self.passed.get()
    }

    fn pass(&self, time: Duration) {
        self.passed.set(self.passed.get() + time);
    }

    fn step(&self, governor: &mut Governor<Self>) -> Option<Ready> {
        governor.step(&|| self.now(), ms(10)).unwrap()
    }
}

impl FrameSource for Fake {
    type Frame = FakeFrame;
    type Picture = Image;

    fn begin(&self, request: &Request) -> Result<FakeFrame> {
        request.check()?;
        self.begun.borrow_mut().push((self.passed.get(), request.clone()));
        let [width, height] = request.size_px.map(f64::from);
        let part = width * height / f64::from(SIZE_PX[0] * SIZE_PX[1]);
        let half = if request.quality.pixels == PixelSubset::Checkerboard { 0.5 } else { 1.0 };
        // A tenth does not depend on the step.
        let preview = self.preview.filter(|_| request.quality.precision == Precision::Preview).unwrap_or(1.0);
        let cost = self.whole.get().mul_f64(preview * part * half * (0.1 + 0.9 * 0.5 / request.quality.step));
        Ok(FakeFrame { fake: self.clone(), request: request.clone(), cost, left: cost })
    }

    fn has_preview(&self) -> bool {
        self.preview.is_some()
    }

    fn finish(frame: FakeFrame) -> anatome_core::Result<Image> {
        frame.finish()
    }
}

impl Frame for FakeFrame {
    fn advance(&mut self, budget: Duration) -> anatome_core::Result<FrameStatus> {
        let time = budget.max(self.fake.part).min(self.left);
        self.fake.pass(time);
        self.left -= time;
        let done = 1.0 - self.left.div_duration_f64(self.cost);
        Ok(if self.left.is_zero() { FrameStatus::Done } else { FrameStatus::Pending { done } })
    }

    fn finish(self) -> anatome_core::Result<Image> {
        let [width, height] = self.request.size_px;
        let pixels = Pixels::blank(self.request.output, (width * height) as usize)?;
        Image::new(width, height, pixels, None, Recipe::new(&self.request, Vec::new(), "fake", None))
    }
}

/// The pictures of a motion of which the request changes before each step, and when they were there.
fn moved(fake: &Fake, governor: &mut Governor<Fake>, time: Duration) -> Vec<(Duration, Ready)> {
    let end = fake.passed.get() + time;
    let mut ready = Vec::new();
    while fake.passed.get() < end {
        governor.want(turned(0.5 * fake.passed.get().as_secs_f64()), fake.now());
        ready.extend(fake.step(governor).map(|picture| (fake.passed.get(), picture)));
        // Other work of whoever owns the thread.
        fake.pass(ms(1));
    }
    ready
}

#[test]
fn pictures_in_motion_come_in_time_and_in_order() {
    for whole in [5, 60, 300, 1500] {
        let fake = Fake::new(ms(whole));
        let mut governor = Governor::new(fake.clone(), Settings::default());
        let pictures = moved(&fake, &mut governor, ms(4000));
        // The first may be too slow, because nothing is known; and what can't be fast enough is as fast as it can be.
        let settled = &pictures[3..];
        for (_, picture) in settled {
            assert!(picture.took <= ms(33).mul_f64(TOO_LATE_TO_SEE), "{whole}: {:?}", picture.took);
        }
        let rate = pictures.len() as f64 / 4.0;
        assert!(rate > 18.0, "{whole} ms: {rate} pictures a second");
        let angle = |picture: &Ready| match &picture.wanted.scene.view {
            View::Projection { camera, .. } => camera.eye_mm.y.acos(),
            _ => unreachable!(),
        };
        assert!(pictures.windows(2).all(|pair| angle(&pair[0].1) > angle(&pair[1].1)), "out of order");
        let changes = settled.windows(2).filter(|pair| pair[0].1.level != pair[1].1.level).count();
        assert!(changes <= 3, "{whole} ms: levels swing");
        // As good as there is time for.
        let level = settled.last().unwrap().1.level;
        assert_eq!(level == Level::FULL, whole < 33, "{whole} ms: {level:?}");
    }
}

/// Before anything that is seen is left out; and exact pictures where there is time for them.
#[test]
fn previews_are_held_where_they_are_in_time() {
    for (whole, expected) in [(20, Precision::Exact), (60, Precision::Preview)] {
        let fake = Fake { preview: Some(0.3), ..Fake::new(ms(whole)) };
        let mut governor = Governor::new(fake.clone(), Settings::default());
        let pictures = moved(&fake, &mut governor, ms(4000));
        let (_, last) = pictures.last().unwrap();
        assert_eq!(last.level, Level { precision: expected, ..Level::FULL }, "{whole} ms");
        assert_eq!(last.image.recipe().quality.precision, expected);
    }
}

/// The whole cost of the lowest level and what is lost to noise is below this.
const TOO_LATE_TO_SEE: f64 = 1.2;

#[test]
fn the_whole_picture_is_begun_within_a_tenth_of_a_second_of_rest() {
    for whole in [5, 60, 300, 1500] {
        let (fake, mut governor) = moved_for_a_while(ms(whole));
        let wanted = turned(100.0);
        let stopped = fake.passed.get();
        governor.want(wanted.clone(), fake.now());
        let (_, last) = to_the_end(&fake, &mut governor).pop().unwrap();
        assert!(last.is_final && last.wanted == wanted && last.level == Level::FULL);
        assert_eq!(last.image.recipe().quality, wanted.quality);
        let begun = fake.begun.borrow().iter().find(|(at, of)| *at >= stopped && *of == wanted).unwrap().0;
        assert!(begun - stopped <= ms(100), "{whole} ms: {:?}", begun - stopped);
        assert!(fake.step(&mut governor).is_none(), "nothing changed");
        // The same again is no change.
        governor.want(wanted, fake.now());
        assert!(governor.next_step().is_none() && fake.step(&mut governor).is_none());
    }
}

fn moved_for_a_while(whole: Duration) -> (Fake, Governor<Fake>) {
    let fake = Fake::new(whole);
    let mut governor = Governor::new(fake.clone(), Settings::default());
    moved(&fake, &mut governor, ms(777));
    (fake, governor)
}

/// The pictures until nothing is left to do, and when they were there.
fn to_the_end(fake: &Fake, governor: &mut Governor<Fake>) -> Vec<(Duration, Ready)> {
    let mut ready = Vec::new();
    while let Some(then) = governor.next_step() {
        fake.pass(then.saturating_duration_since(fake.now()));
        ready.extend(fake.step(governor).map(|picture| (fake.passed.get(), picture)));
    }
    ready
}

/// The cheapest picture takes 406 ms, the whole one 20 s: whoever looks has something to see soon, and the whole picture
/// is begun as soon as that is there.
#[test]
fn what_is_never_in_time_is_seen_before_the_whole_picture() {
    let (fake, mut governor) = moved_for_a_while(ms(20_000));
    let stopped = fake.passed.get();
    governor.want(turned(100.0), fake.now());
    let pictures = to_the_end(&fake, &mut governor);
    let [.., (seen, first), (_, last)] = &pictures[..] else { panic!("{pictures:?}") };
    // After the one that was in the making.
    assert!(first.wanted == turned(100.0) && *seen - stopped <= ms(2 * 407), "{:?}", *seen - stopped);
    assert!(!first.is_final && last.is_final && last.wanted == first.wanted);
    let begun = fake.begun.borrow().iter().find(|(_, of)| *of == last.wanted).unwrap().0;
    assert!(begun - *seen <= ms(1), "{:?}", begun - *seen);
}

/// A machine that has too much to do works for longer than it is asked to, so that nothing is in time.
#[test]
fn a_machine_that_is_late_shows_motion_first() {
    for part in [60, 90, 200] {
        let fake = Fake { part: ms(part), ..Fake::new(ms(2300)) };
        let mut governor = Governor::new(fake.clone(), Settings::default());
        for n in 0..20u32 {
            let (asked, wanted) = (fake.passed.get(), turned(0.1 * f64::from(n)));
            governor.want(wanted.clone(), fake.now());
            // Nor does it come back in time.
            fake.pass(ms(part));
            let picture = std::iter::repeat_with(|| fake.step(&mut governor)).flatten().next().unwrap();
            assert_eq!(picture.wanted, wanted);
            let took = fake.passed.get() - asked;
            assert!(!picture.is_final && took <= ms(3 * part), "{part} ms: {took:?} for {n}");
        }
        assert!(to_the_end(&fake, &mut governor).pop().unwrap().1.is_final);
    }
}

/// Changes that come farther apart than the whole picture waits for, of pictures that take longer than that. The cheapest
/// of the third take 406 ms, so that there is time for nine. The last aim at more time than the whole picture waits for.
#[test]
fn a_motion_in_jerks_is_seen() {
    for (target, every, whole, least) in [
        (33, 200, 1500, 16),
        (33, 200, 5000, 16),
        (33, 200, 20_000, 8),
        (350, 350, 2600, 16),
        (350, 90, 2600, 3),
    ] {
        let fake = Fake::new(ms(whole));
        let mut governor =
            Governor::new(fake.clone(), Settings { target: ms(target), ..Settings::default() });
        let mut seen = 0;
        for n in 0..20u32 {
            governor.want(turned(0.1 * f64::from(n)), fake.now());
            let end = fake.passed.get() + ms(every);
            while fake.passed.get() < end {
                seen += u32::from(fake.step(&mut governor).is_some());
                fake.pass(ms(1));
            }
        }
        assert!(seen >= least, "{whole} ms for {target}: {seen} pictures of 20");
    }
}

#[test]
fn what_is_no_longer_wanted_is_dropped_and_never_comes() {
    let fake = Fake::new(ms(1500));
    let mut governor = Governor::new(fake.clone(), Settings::default());
    governor.want(turned(0.0), fake.now());
    while fake.begun.borrow().last().is_none_or(|(_, of)| *of != turned(0.0)) || fake.passed.get() < ms(200) {
        fake.step(&mut governor);
        fake.pass(ms(1));
    }
    // The whole picture is in the making. Of three requests the last one counts.
    let before = fake.begun.borrow().len();
    for angle in [1.0, 2.0, 3.0] {
        governor.want(turned(angle), fake.now());
    }
    let mut pictures = Vec::new();
    while fake.begun.borrow().last().unwrap().1 != turned(3.0) {
        pictures.extend(fake.step(&mut governor));
        fake.pass(ms(1));
    }
    let of_last = |request: &Request| request.scene == turned(3.0).scene;
    assert!(fake.begun.borrow()[before..].iter().all(|(_, request)| of_last(request)));
    assert!(!pictures.is_empty() && pictures.iter().all(|picture| of_last(&picture.wanted)));
    // A picture of another size is of no use, even in motion.
    governor.want(turned(4.0), fake.now());
    assert!(fake.step(&mut governor).is_none(), "it takes longer than a step");
    let larger = Request { size_px: [65, 48], ..turned(4.0) };
    governor.want(larger.clone(), fake.now());
    let next = std::iter::repeat_with(|| fake.step(&mut governor)).flatten().next().unwrap();
    assert_eq!(next.wanted, larger);
    governor.cancel();
    assert!(governor.next_step().is_none() && fake.step(&mut governor).is_none());
}

#[test]
fn what_fails_is_told_once() {
    let fake = Fake::new(ms(5));
    let mut governor = Governor::new(fake.clone(), Settings::default());
    let mut wrong = turned(0.0);
    wrong.quality.step = -1.0;
    governor.want(wrong, fake.now());
    assert!(matches!(governor.step(&|| fake.now(), ms(10)), Err(Error::Core(_))));
    assert!(governor.next_step().is_none() && fake.step(&mut governor).is_none());
    governor.want(turned(0.0), fake.now());
    assert!(fake.step(&mut governor).is_some());
}

/// A generated thorax, and what renders it.
fn thorax() -> (Workers, Arc<Volume>, Backend, UploadedVolume) {
    let workers = Workers::new(Some(2)).unwrap();
    let spec = ThoraxSpec { shape: [80, 96, 96], ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap());
    let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
    let uploaded = backend.upload(&volume, &Progress::new()).unwrap();
    (workers, volume, backend, uploaded)
}

/// Whatever was in time before: the last picture is what a direct render makes, bit by bit.
#[test]
fn the_last_picture_is_that_of_a_direct_render() {
    let (workers, volume, backend, uploaded) = thorax();
    for picture in [Picture::Rendering, Picture::Mip, Picture::Axial] {
        let scene = scene_of(picture, &volume);
        let request = Request::new(scene.clone(), [301, 200], crate::natural_output(&scene));
        let (levels, last) = pictures_that_are_late(&backend, &uploaded, &request);
        assert!(last.is_final && levels.iter().any(|level| *level != Level::FULL), "{levels:?}");
        let direct = backend.render(&request, &uploaded, &Progress::new()).unwrap();
        assert_eq!(last.enlarged(&workers).unwrap(), direct);
    }
}

/// The levels of the pictures that come of a request, and the last of them.
fn pictures_that_are_late(
    backend: &Backend,
    volume: &UploadedVolume,
    request: &Request,
) -> (Vec<Level>, Ready) {
    // A millisecond passes at each look at the clock, and frames go on by the least they can, so that every picture is late,
    // on any machine.
    let (start, looks) = (Instant::now(), Cell::new(0));
    let clock = || start + ms(looks.replace(looks.get() + 1));
    let settings = Settings { target: ms(1), ..Settings::default() };
    let mut governor = Governor::new(Bound { backend, volume }, settings);
    governor.want(request.clone(), clock());
    let (mut levels, mut last) = (Vec::new(), None);
    while governor.next_step().is_some() {
        if let Some(ready) = governor.step(&clock, Duration::ZERO).unwrap() {
            levels.push(ready.level);
            last = Some(ready);
        }
    }
    (levels, last.unwrap())
}

/// Where a texture unit interpolates: what it makes is like the wanted picture, told as a preview, and never the last.
#[test]
fn previews_are_of_motion_only() {
    let (workers, volume, ..) = thorax();
    let backend = match Backend::open(BackendChoice::Gpu, Some("1"), &workers) {
        Ok(backend) => backend,
        Err(error) => return Need::Gpu.is_missing(&error.to_string()),
    };
    let uploaded = backend.upload(&volume, &Progress::new()).unwrap();
    if !uploaded.has_preview() {
        return println!("SKIP: no texture unit interpolates 16 bits");
    }
    for (picture, floor_db) in [(Picture::Rendering, 45.0), (Picture::Mip, 45.0)] {
        let scene = scene_of(picture, &volume);
        let wanted = Request::new(scene.clone(), [301, 200], crate::natural_output(&scene));
        let (levels, last) = pictures_that_are_late(&backend, &uploaded, &wanted);
        assert!(levels.iter().any(|level| level.precision == Precision::Preview), "{levels:?}");
        let exact = backend.render(&wanted, &uploaded, &Progress::new()).unwrap();
        assert!(last.is_final && last.image == exact && exact.recipe().quality.precision == Precision::Exact);
        let preview = ladder::levels(&wanted, true)[1].request(&wanted);
        let preview = backend.render(&preview, &uploaded, &Progress::new()).unwrap();
        assert_eq!(preview.recipe().quality.precision, Precision::Preview);
        let db = psnr_db(&preview, &exact);
        println!("{}: {db:.1} dB", picture.name());
        assert!(db > floor_db, "{}: {db}", picture.name());
    }
}

fn scene_of(picture: Picture, volume: &Volume) -> Scene {
    scene(picture, volume, &Style::default(), 1.5).unwrap()
}

/// Of 8-bit pixels.
fn psnr_db(a: &Image, b: &Image) -> f64 {
    let bytes = |image: &Image| match image.pixels() {
        Pixels::Grey8(p) | Pixels::Rgba8(p) => p.clone(),
        other => panic!("{other:?}"),
    };
    let (a, b) = (bytes(a), bytes(b));
    let squares = a.iter().zip(&b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    let mean = squares.sum::<f64>() / a.len() as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

/// The levels that a view has, of a generated thorax, against the picture that is wanted. The floors are 2 dB below what
/// was measured: they keep pictures in motion from becoming worse, not more. Eight pixels lie across a voxel here, so that
/// it is the step, not the pixels left out, that is seen in bone.
#[test]
fn pictures_in_motion_are_like_the_whole_one() {
    let (workers, volume, backend, uploaded) = thorax();
    let mut seen = Vec::new();
    for picture in [Picture::Rendering, Picture::Mip, Picture::Coronal] {
        let scene = scene_of(picture, &volume);
        let wanted = Request::new(scene.clone(), [960, 640], crate::natural_output(&scene));
        let render = |request: &Request| backend.render(request, &uploaded, &Progress::new()).unwrap();
        let whole = render(&wanted);
        for level in ladder::levels(&wanted, false).into_iter().skip(1) {
            let image = render(&level.request(&wanted));
            let ready = Ready {
                image,
                wanted: wanted.clone(),
                level,
                is_final: false,
                took: Duration::ZERO,
                device_time: None,
            };
            let image = ready.enlarged(&workers).unwrap();
            assert_eq!(image.plane().is_some(), whole.plane().is_some());
            seen.push((picture.name(), level, psnr_db(&image, &whole)));
        }
    }
    let floors = [50.7, 29.1, 29.0, 22.2, 22.2, 54.5, 35.4, 35.2, 30.1, 29.9, 45.1, 36.9];
    assert_eq!(seen.len(), floors.len());
    let too_low = seen.iter().zip(floors).any(|((.., db), floor)| *db < floor);
    assert!(!too_low, "{seen:#?}");
}

/// Places of an enlarged slice are those of the whole one, also where sizes don't divide.
#[test]
fn an_enlarged_slice_stands_where_the_whole_one_does() {
    let (workers, volume, backend, uploaded) = thorax();
    let plane =
        SlicePlane { center_mm: volume.center_mm(), right: DVec3::X, down: DVec3::Y, width_mm: 200.0 };
    // A window so wide that grey follows the values, and no edge is in the picture but soft ones.
    let voi = Voi::Window(Window::new(0.0, 2000.0, WindowFunction::LinearExact).unwrap());
    let appearance = Appearance::Grey { voi, invert: false, colors: None };
    let scene = Scene::of_primary(View::Slice { plane }, appearance);
    let wanted = Request::new(scene, [803, 601], Output::Grey16);
    let render = |request: &Request| backend.render(request, &uploaded, &Progress::new()).unwrap();
    let whole = render(&wanted);
    for level in ladder::levels(&wanted, false).into_iter().skip(1) {
        let image = render(&level.request(&wanted));
        let ready = Ready {
            image,
            wanted: wanted.clone(),
            level,
            is_final: false,
            took: Duration::ZERO,
            device_time: None,
        };
        let image = ready.enlarged(&workers).unwrap();
        let (a, b) = (image.plane().unwrap(), whole.plane().unwrap());
        assert!(
            (a.first_pixel_mm - b.first_pixel_mm).length() < 1e-9 && (a.pixel_mm - b.pixel_mm).abs() < 1e-12
        );
        let (Pixels::Grey16(a), Pixels::Grey16(b)) = (image.pixels(), whole.pixels()) else { panic!() };
        let away = |shift: usize| {
            let pairs = a.iter().zip(&b[shift..]).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
            pairs.sum::<f64>()
        };
        // A pixel to the right, or down, fits worse.
        assert!(away(0) < away(1) && away(0) < away(803), "{level:?}");
    }
}
