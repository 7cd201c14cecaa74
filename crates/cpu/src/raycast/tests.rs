//! What leaps rely on, held against all voxels.

use anatome_core::plan::{Plan, RayMode, SamplingPlan};
use anatome_core::*;
use fearless_simd::Level;
use glam::{DAffine3, DVec3};
use ndarray::Array3;

use super::*;
use crate::cells::VoxelBox;
use crate::stored::Stored;

/// `[k, j, i]`.
const SHAPE: [usize; 3] = [23, 26, 37];

/// Numbers that look random (splitmix64).
struct Random(u64);

impl Random {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        low + (high - low) * ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn whole(&mut self, low: usize, high: usize) -> usize {
        self.between(low as f64, high as f64 + 1.0) as usize
    }
}

/// Blocks of one value or of noise, most of them air, and some padding.
fn volume(round: usize, random: &mut Random) -> Volume {
    let is_padded = round / 4 % 2 == 1;
    let blocks = Array3::from_shape_simple_fn((4, 5, 7), || {
        let value = if random.between(0.0, 1.0) < 0.7 { -1000.0 } else { random.between(-900.0, 900.0) };
        (value, if random.between(0.0, 1.0) < 0.5 { 0.0 } else { 30.0 }, random.whole(0, 9) == 0)
    });
    let [k, j, i] = SHAPE;
    let values = Array3::from_shape_fn((k, j, i), |(k, j, i)| {
        let (value, noise, is_padding) = blocks[[k / 6, j / 6, i / 6]];
        (value + random.between(-noise, noise), is_padded && is_padding)
    });
    let (slope, intercept, lowest) = [
        (9.0, -1100.0, 255.0),
        (0.5, 10.0, -3000.0),
        (-1.0, 3000.0, 9000.0),
        (0.3, 7.0, f64::from(f32::MIN)),
    ][round % 4];
    let stored = |&(value, is_padding): &(f64, bool)| match is_padding {
        true => lowest,
        false => (value - intercept) / slope,
    };
    let samples = match round % 4 {
        0 => Samples::U8(values.map(|v| stored(v) as u8)),
        1 => Samples::I16(values.map(|v| stored(v) as i16)),
        2 => Samples::U16(values.map(|v| stored(v) as u16)),
        _ => Samples::F32(values.map(|v| stored(v) as f32)),
    };
    let grid = Grid::even(SHAPE, DAffine3::IDENTITY).unwrap();
    let mapping = ValueMapping { slope, intercept, unit: Unit::Hounsfield };
    let padding = is_padded.then_some(Padding { lowest, highest: lowest });
    Volume::new(grid, samples, mapping, padding, Facts::new(Modality::Ct)).unwrap()
}

/// A rendering with bands at random, of which one may be where most voxels are.
fn request(random: &mut Random, volume: &Volume) -> Request {
    let mut value = random.between(-1300.0, 300.0);
    let points = (0..random.whole(2, 7)).map(|_| {
        value +=
            if random.whole(0, 1) == 0 { random.between(0.1, 10.0) } else { random.between(10.0, 600.0) };
        let opacity_per_mm = if random.whole(0, 2) > 0 { 0.0 } else { random.between(0.01, 0.9) };
        TransferPoint { value, color: [1.0; 3], opacity_per_mm }
    });
    let transfer_function = TransferFunction::new(points.collect()).unwrap();
    let lens = Lens::Orthographic { height_mm: 30.0 };
    let camera =
        Camera { eye_mm: DVec3::splat(-50.0), target_mm: volume.grid().center_mm(), up: DVec3::Z, lens };
    let view = View::Rendering { camera, shading: Shading::default() };
    let scene = Scene::of_primary(view, Appearance::Classified { transfer_function });
    Request::new(scene, [8, 8], Output::Rgba8)
}

/// The least and the largest modality value of eight neighbours, one of which is the last before the others; `None` with
/// padding among them.
fn modality_range(volume: &Volume, [i, j, k]: [usize; 3]) -> Option<[f64; 2]> {
    let [slices, rows, row] = SHAPE;
    let mut range = [f64::INFINITY, f64::NEG_INFINITY];
    for (k, j, i) in (0..8).map(|n| (k + n / 4, j + n / 2 % 2, i + n % 2)) {
        let at = [k.min(slices - 1), j.min(rows - 1), i.min(row - 1)];
        let stored = match volume.samples() {
            Samples::U8(a) => f64::from(a[at]),
            Samples::I16(a) => f64::from(a[at]),
            Samples::U16(a) => f64::from(a[at]),
            Samples::F32(a) => f64::from(a[at]),
            other => panic!("{other:?}"),
        };
        if volume.padding().is_some_and(|padding| padding.contains(stored)) {
            return None;
        }
        let value = stored * volume.mapping().slope + volume.mapping().intercept;
        range = [range[0].min(value), range[1].max(value)];
    }
    Some(range)
}

/// Whether a value of a range has opacity, by more than rounding.
fn is_visible(request: &Request, [low, high]: [f64; 2]) -> bool {
    let Appearance::Classified { transfer_function } = &request.scene.layers[0].appearance else {
        panic!("a rendering was asked for");
    };
    let rounding = 1e-6 * (low.abs() + high.abs() + 1000.0);
    let middle = f64::midpoint(low, high);
    transfer_function.is_seen_between((low + rounding).min(middle), (high - rounding).max(middle))
}

fn sampling(plan: &Plan) -> (&SamplingPlan, &RenderingPlan) {
    match plan {
        Plan::Rays(RayPlan { sampling, mode: RayMode::Render(rendering), .. }) => (sampling, rendering),
        _ => panic!("a rendering was asked for"),
    }
}

/// For all sample types, with and without padding, with transfer functions and boxes at random.
#[test]
fn no_box_with_opacity_is_empty() {
    let mut random = Random(21);
    let (mut empty, mut full) = (0, 0);
    for round in 0..160 {
        let volume = volume(round, &mut random);
        let asked = request(&mut random, &volume);
        let plan = Plan::new(&asked, &volume).unwrap();
        let (sampling, rendering) = sampling(&plan);
        let samples = Stored::new(volume.samples()).unwrap();
        let field = Field::new(samples, sampling).along_rays();
        let cells = Cells::new(Level::new(), samples, sampling);
        let Plan::Rays(rays) = plan.clone() else { panic!("rays") };
        let kernel = RaycastKernel::new(field, rays, rendering.clone(), Some(&cells));
        let occupancy = kernel.occupancy.as_ref().unwrap();
        for _ in 0..60 {
            let size = [37, 26, 23];
            let low = size.map(|n| random.whole(0, n - 1));
            let longest = [0, 3, 30][random.whole(0, 2)];
            let high = std::array::from_fn(|n| (low[n] + random.whole(0, longest)).min(size[n] - 1));
            let voxels = VoxelBox { low, high };
            let mut within = (low[2]..=high[2]).flat_map(|k| {
                (low[1]..=high[1]).flat_map(move |j| (low[0]..=high[0]).map(move |i| [i, j, k]))
            });
            let is_seen =
                within.any(|at| modality_range(&volume, at).is_some_and(|range| is_visible(&asked, range)));
            let is_empty = occupancy.is_empty(&voxels);
            let is_empty_by_parts = occupancy.is_empty_by_parts(&voxels, |cell| kernel.parts_seen(cell));
            assert!(!(is_seen && is_empty), "{round}: {voxels:?}");
            assert!(!(is_seen && is_empty_by_parts), "{round}: {voxels:?} by parts");
            empty += usize::from(is_empty);
            full += usize::from(is_seen);
        }
    }
    assert!(empty > 1000 && full > 1000, "{empty} {full}");
}
