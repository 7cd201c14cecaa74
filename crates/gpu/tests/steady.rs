//! From frame to frame nothing is made on the GPU: buffers and bind groups are kept, and what changes is rewritten.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail anywhere, and says what it ran on"
)]

use std::sync::Arc;
use std::time::Duration;

use anatome_core::*;
use anatome_gpu::{AdapterChoice, GpuRenderer, GpuVolume};
use anatome_testkit::{Need, Random};
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

/// 5 x 5 x 5 bricks.
const SHAPE: [usize; 3] = [140, 150, 160];
/// 64 of them.
const BUDGET_BYTES: u64 = 5_600_000;

fn open() -> Option<GpuRenderer> {
    let hardware = GpuRenderer::open(&AdapterChoice::Hardware);
    match hardware.or_else(|_| GpuRenderer::open(&AdapterChoice::Number(1))) {
        Ok(renderer) => {
            println!("adapter: {}", renderer.adapter().name);
            Some(renderer)
        }
        Err(error) => {
            Need::Gpu.is_missing(&error.to_string());
            None
        }
    }
}

fn volume() -> Arc<Volume> {
    let [k, j, i] = SHAPE;
    let samples = Array3::from_shape_fn((k, j, i), |(k, j, i)| {
        let far = (DVec3::new(i as f64, j as f64, k as f64) - DVec3::new(80.0, 75.0, 70.0)).length();
        let wave = (i as f64 * 0.3).sin() * (j as f64 * 0.2).cos() * 300.0;
        if far > 70.0 { -1000 } else { (800.0 - 14.0 * far + wave) as i16 }
    });
    let matrix3 = DMat3::from_rotation_x(0.2) * DMat3::from_diagonal(DVec3::new(0.7, 0.7, 1.1));
    let grid = Grid::even(SHAPE, DAffine3 { matrix3, translation: DVec3::ZERO }).unwrap();
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Arc::new(Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap())
}

/// A kind of picture.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Slice,
    Mip,
    Rendering,
}

const KINDS: [Kind; 3] = [Kind::Slice, Kind::Mip, Kind::Rendering];

/// What renderings of a volume show: bone at first, then more.
fn transfer_function(bone: f64) -> TransferFunction {
    let point = |value, opacity_per_mm| TransferPoint { value, color: [0.9, 0.8, 0.7], opacity_per_mm };
    TransferFunction::new(vec![point(bone, 0.0), point(bone + 300.0, 0.4)]).unwrap()
}

/// A picture from somewhere, with some window or light.
fn request(kind: Kind, grid: &Grid, transfer_function: &TransferFunction, random: &mut Random) -> Request {
    let center_mm = grid.center_mm();
    let voi = Voi::Window(Window::new(random.between(0.0, 200.0), 900.0, WindowFunction::Linear).unwrap());
    let grey = Appearance::Grey { voi, invert: false, colors: None };
    let turn = random.rotation();
    let camera = Camera {
        eye_mm: center_mm + turn.z_axis * 400.0,
        target_mm: center_mm,
        up: turn.x_axis,
        lens: Lens::Orthographic { height_mm: random.between(80.0, 200.0) },
    };
    let (view, appearance, output) = match kind {
        Kind::Slice => {
            let plane = SlicePlane { center_mm, right: turn.x_axis, down: turn.y_axis, width_mm: 150.0 };
            (View::Slice { plane }, grey, Output::Grey8)
        }
        Kind::Mip => (View::Projection { camera, projection: Projection::Mip }, grey, Output::Grey8),
        Kind::Rendering => {
            let shading = Shading { ambient: random.between(0.1, 0.9) as f32, ..Shading::default() };
            let transfer_function = transfer_function.clone();
            (View::Rendering { camera, shading }, Appearance::Classified { transfer_function }, Output::Rgba8)
        }
    };
    Request::new(Scene::of_primary(view, appearance), [152, 100], output)
}

/// A renderer that keeps what it makes, one for comparison that never has anything, and the volume on both.
struct Pair {
    kept: GpuRenderer,
    fresh: GpuRenderer,
    volume: Arc<Volume>,
}

impl Pair {
    fn new(is_cut: bool) -> Option<Self> {
        let budget = if is_cut { BUDGET_BYTES } else { u64::MAX };
        let [kept, fresh] = [open()?, open()?].map(|renderer| renderer.with_memory_budget(budget));
        Some(Self { kept, fresh, volume: volume() })
    }

    fn upload(&self) -> GpuVolume {
        self.kept.upload(&self.volume, &Progress::new()).unwrap()
    }

    /// By a volume of which nothing is kept.
    fn expected(&self, request: &Request) -> Image {
        let uploaded = self.fresh.upload(&self.volume, &Progress::new()).unwrap();
        self.fresh.render(request, &Bindings::primary(&uploaded), &Progress::new()).unwrap()
    }
}

#[test]
fn frames_after_the_first_make_nothing_and_are_the_same() {
    for is_cut in [false, true] {
        let Some(pair) = Pair::new(is_cut) else { return };
        let (uploaded, shown) = (pair.upload(), transfer_function(300.0));
        assert_eq!(uploaded.is_in_parts(), is_cut);
        let mut random = Random::new(11);
        for kind in KINDS {
            let mut made = None;
            for n in 0..5 {
                let request = request(kind, pair.volume.grid(), &shown, &mut random);
                let image =
                    pair.kept.render(&request, &Bindings::primary(&uploaded), &Progress::new()).unwrap();
                assert_eq!(image.pixels(), pair.expected(&request).pixels(), "{kind:?} {n} {is_cut}");
                let before = made.replace(pair.kept.resources_made());
                assert!(before.is_none_or(|before| Some(before) == made), "{kind:?} {n} {is_cut}");
            }
        }
    }
}

/// Several frames at once, of several kinds and transfer functions, one part of each after the other; and some that are
/// dropped while the GPU works on them.
#[test]
fn frames_at_once_keep_apart_what_they_are_told() {
    for is_cut in [false, true] {
        let Some(pair) = Pair::new(is_cut) else { return };
        let (uploaded, shown) = (pair.upload(), [300.0, 500.0].map(transfer_function));
        let bindings = Bindings::primary(&uploaded);
        let mut random = Random::new(12);
        let mut made = None;
        for round in 0..4 {
            let wanted = [Kind::Slice, Kind::Mip, Kind::Rendering, Kind::Rendering];
            let requests: Vec<Request> = wanted
                .iter()
                .enumerate()
                .map(|(n, &kind)| request(kind, pair.volume.grid(), &shown[n % 2], &mut random))
                .collect();
            let mut frames: Vec<_> =
                requests.iter().map(|request| pair.kept.begin(request, &bindings).unwrap()).collect();
            for frame in &mut frames {
                frame.advance(Duration::ZERO).unwrap();
            }
            // One that is dropped for the next of its kind, with batches in flight.
            drop(frames.remove(round));
            let again = pair.kept.begin(&requests[round], &bindings).unwrap();
            frames.insert(round, again);
            for (n, (frame, request)) in frames.into_iter().zip(&requests).enumerate() {
                let image = frame.finish().unwrap();
                assert_eq!(image.pixels(), pair.expected(request).pixels(), "{round} {n} {is_cut}");
            }
            let before = made.replace(pair.kept.resources_made());
            assert!(before.is_none_or(|before| Some(before) == made), "{round} {is_cut}");
        }
    }
}
