//! Leaps of rays: whatever is rendered from wherever, they pass by nothing that is seen.

use std::sync::Arc;

use anatome_core::*;
use glam::DVec3;
use ndarray::Array3;

use crate::scenes::*;

/// How samples are stored: their type, and the value that a stored one stands for.
#[derive(Clone, Copy, Debug)]
enum Storage {
    U8,
    I16,
    U16,
    F32,
}

impl Storage {
    const ALL: [Self; 4] = [Self::U8, Self::I16, Self::U16, Self::F32];

    fn mapping(self) -> ValueMapping {
        let (slope, intercept) = match self {
            Self::U8 => (12.0, -1100.0),
            Self::I16 => (1.0, 10.0),
            Self::U16 => (-0.5, 1700.0),
            Self::F32 => (0.37, -3.0),
        };
        ValueMapping { slope, intercept, unit: Unit::Hounsfield }
    }

    fn padding(self) -> Padding {
        let (lowest, highest) = match self {
            Self::U8 | Self::U16 => (0.0, 0.0),
            Self::I16 => (-3000.0, -2000.0),
            Self::F32 => return Padding::F32,
        };
        Padding { lowest, highest }
    }

    /// Modality values, or padding.
    fn stored(self, values: &Array3<Option<f64>>) -> Samples {
        let (mapping, padding) = (self.mapping(), self.padding());
        let stored = |value: &Option<f64>, low: f64, high: f64| match value {
            Some(value) => mapping.stored_from_modality(*value).clamp(low, high),
            None => padding.highest,
        };
        match self {
            Self::U8 => Samples::U8(values.map(|v| stored(v, 1.0, 255.0) as u8)),
            Self::I16 => Samples::I16(values.map(|v| stored(v, -1999.0, 9000.0) as i16)),
            Self::U16 => Samples::U16(values.map(|v| stored(v, 1.0, 9000.0) as u16)),
            Self::F32 => Samples::F32(values.map(|v| stored(v, f64::from(f32::MIN), 9000.0) as f32)),
        }
    }
}

/// Lumps, layers and noise, with air, bone and padding, so that some parts can be leapt over and others can't.
fn lumps(random: &mut Random, storage: Storage, round: usize) -> Arc<Volume> {
    // Thin ones, too.
    let shape = match round % 11 {
        10 => [1 + (random.unit() * 5.0) as usize, 45, 50],
        _ => [40, 45, 50],
    };
    let is_padded = !round.is_multiple_of(3);
    let is_uneven = shape[0] > 5 && round % 5 < 2;
    let grid = random.grid(shape, is_uneven, round.is_multiple_of(2));
    let mut place =
        || DVec3::new(random.between(0.0, 50.0), random.between(0.0, 45.0), random.between(0.0, 40.0));
    let (hole, centers) = (place(), [(); 6].map(|()| place()));
    let lumps = centers.map(|at| (at, random.between(3.0, 12.0), random.between(-500.0, 1500.0)));
    let values = Array3::from_shape_fn((shape[0], shape[1], shape[2]), |(k, j, i)| {
        let p = DVec3::new(i as f64, j as f64, k as f64);
        if is_padded && p.distance(hole) < 9.0 {
            return None;
        }
        let lump = lumps.iter().find(|(at, radius, _)| p.distance(*at) < *radius);
        // Neighbours that are all transparent, with what can be seen between them.
        let layer = if i % 16 < 8 { -1000.0 } else { -985.0 };
        Some(lump.map_or(layer, |lump| lump.2 + random.between(-20.0, 20.0)))
    });
    let padding = is_padded.then(|| storage.padding());
    let facts = Facts::new(Modality::Ct);
    let (samples, mapping) = (storage.stored(&values), storage.mapping());
    Arc::new(Volume::new(grid, samples, mapping, padding, facts).unwrap())
}

fn camera(random: &mut Random, volume: &Volume) -> Camera {
    let target_mm = volume.center_mm() + random.vector(5.0);
    let toward = (random.vector(1.0) + DVec3::splat(0.01)).normalize();
    // As often within the volume as outside.
    let farthest = if random.unit() < 0.5 { 20.0 } else { 200.0 };
    let away = random.between(1.0, farthest);
    let lens = if random.unit() < 0.5 {
        Lens::Orthographic { height_mm: random.between(4.0, 90.0) }
    } else {
        Lens::Perspective { fov_rad: random.between(0.05, 2.8) }
    };
    Camera { eye_mm: target_mm - toward * away, target_mm, up: toward.any_orthogonal_vector(), lens }
}

/// A few ramps and bands, some of them narrower than what neighbours differ by, and steps.
fn transfer(random: &mut Random) -> Appearance {
    let mut value = random.between(-1100.0, 500.0);
    let points: Vec<(f64, f64)> = (0..3 + (random.unit() * 6.0) as usize)
        .map(|_| {
            value += match (random.unit() * 4.0) as u32 {
                0 => 0.0,
                1 => random.between(0.05, 8.0),
                _ => random.between(8.0, 500.0),
            };
            let opacity = if random.unit() < 0.6 { 0.0 } else { random.between(0.01, 1.0) };
            (value, opacity)
        })
        .collect();
    let last = (value + 1.0, if random.unit() < 0.7 { 0.0 } else { 0.4 });
    classified(&[points, vec![last]].concat())
}

fn request(random: &mut Random, volume: &Volume) -> Request {
    let camera = camera(random, volume);
    let window = grey(random.between(-1050.0, 900.0), random.between(1.0, 1500.0));
    let projection = match (random.unit() * 8.0) as u32 {
        0 | 1 => Some(Projection::Mip),
        2 | 3 => Some(Projection::MinIp),
        4 => Some(Projection::Mean),
        _ => None,
    };
    let (view, appearance) = match projection {
        Some(projection) => (View::Projection { camera, projection }, window),
        None => (View::Rendering { camera, shading: Shading::default() }, transfer(random)),
    };
    let mut scene = Scene::of_primary(view, appearance);
    // So that a place without a sample differs from one whose value is at the window's low end.
    scene.background = [0.2, 0.4, 0.6];
    let layer = &mut scene.layers[0];
    if random.unit() < 0.3 {
        layer.interpolation = Interpolation::Nearest;
    }
    if random.unit() < 0.3 {
        let clip =
            ClipPlane { point_mm: volume.center_mm() + random.vector(5.0), normal: random.vector(1.0) };
        layer.region.clip_planes.push(clip);
    }
    if random.unit() < 0.3 {
        let [min_mm, max_mm] = [-1.0, 1.0].map(|side| {
            let away =
                DVec3::new(random.between(0.5, 30.0), random.between(0.5, 30.0), random.between(0.5, 30.0));
            volume.center_mm() + away * side
        });
        layer.region.crop = Some(CropBox { min_mm, max_mm });
    }
    let output = if projection.is_some() { Output::Values } else { Output::Rgba8 };
    let mut request = Request::new(scene, [61, 47], output);
    request.quality.step = random.between(0.2, 4.0);
    request.quality.early_termination = false;
    request
}

/// The picture with leaps, which is that without.
fn leaping(volume: &Arc<Volume>, request: &Request, what: &str) -> Vec<u8> {
    let pictures = [true, false].map(|skipping| {
        let mut request = request.clone();
        request.quality.skipping = skipping;
        bytes(&render(volume, &request))
    });
    assert!(pictures[0] == pictures[1], "{what}: {request:?}");
    let [with, _] = pictures;
    with
}

#[test]
fn skipping_does_not_change_a_bit() {
    let mut random = Random(7);
    let mut shown = [0; 2];
    for round in 0..120 {
        let storage = Storage::ALL[round % 4];
        let volume = lumps(&mut random, storage, round / 4);
        let mut request = request(&mut random, &volume);
        let what = format!("round {round}, {storage:?}");
        let whole = leaping(&volume, &request, &what);
        let is_projection = request.output == Output::Values;
        shown[usize::from(is_projection)] += whole.chunks(4).filter(|&pixel| pixel != &whole[..4]).count();
        if is_projection {
            // Where only pixels are asked for, nothing beyond the window's ends matters.
            request.output = [Output::Grey8, Output::Grey16, Output::Rgba8][round % 3];
            leaping(&volume, &request, &what);
        } else {
            request.quality.early_termination = true;
            let ended = leaping(&volume, &request, &what);
            let apart = ended.iter().zip(&whole).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(apart <= Some(1), "{what}: ends: {apart:?}: {request:?}");
        }
    }
    // Most pictures show something.
    assert!(shown[0] > 40_000 && shown[1] > 60_000, "{shown:?}");
}

/// A slab somewhere in a volume, mostly off its axes, in a window or in modality values.
fn slab(random: &mut Random, volume: &Volume) -> Request {
    let right = (random.vector(1.0) + DVec3::splat(0.01)).normalize();
    let down = right.cross(random.vector(1.0) + DVec3::Z * 0.01).normalize();
    let center_mm = volume.center_mm() + random.vector(12.0);
    let plane = SlicePlane { center_mm, right, down, width_mm: random.between(5.0, 110.0) };
    let projection = if random.unit() < 0.5 { Projection::Mip } else { Projection::MinIp };
    let view = View::Slab { plane, thickness_mm: random.between(0.5, 60.0), projection };
    let window = grey(random.between(-1050.0, 900.0), random.between(1.0, 1500.0));
    let mut scene = Scene::of_primary(view, window);
    scene.background = [0.2, 0.4, 0.6];
    scene.layers[0].interpolation =
        [Interpolation::Linear, Interpolation::Linear, Interpolation::Nearest, Interpolation::Cubic]
            [(random.unit() * 4.0) as usize];
    let output =
        [Output::Values, Output::Grey8, Output::Grey16, Output::Rgba8][(random.unit() * 4.0) as usize];
    Request::new(scene, [75, 58], output)
}

#[test]
fn slabs_pass_by_nothing_that_is_seen() {
    let mut random = Random(9);
    let mut shown = 0;
    for round in 0..160 {
        let storage = Storage::ALL[round % 4];
        let volume = lumps(&mut random, storage, round / 4);
        // Others find a volume whose cells are there, whatever is asked for.
        let renderer = renderer(2);
        let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
        let mut all = PixelRect { x: 0, y: 0, width: 75, height: 58 };
        for _ in 0..3 {
            let mut request = slab(&mut random, &volume);
            let mut picture = |skipping: bool| {
                request.quality.skipping = skipping;
                request.region = Some(all);
                bytes(&renderer.render(&request, &Bindings::primary(&uploaded), &Progress::new()).unwrap())
            };
            let [with, without] = [true, false].map(&mut picture);
            assert!(with == without, "round {round}, {storage:?}: {request:?}");
            shown += with.chunks(4).filter(|&pixel| pixel != &with[..4]).count();
            // Parts of tiles.
            all = PixelRect { x: 5, y: 3, width: 60, height: 41 };
        }
    }
    assert!(shown > 200_000, "{shown}");
}

/// What is kept from one transfer function is not taken for another.
#[test]
fn transfer_functions_may_change_in_any_order() {
    let mut random = Random(8);
    let renderer = renderer(2);
    let volume = lumps(&mut random, Storage::I16, 7);
    let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
    let camera = camera(&mut random, &volume);
    let requests: Vec<Request> = (0..6)
        .map(|_| {
            let view = View::Rendering { camera, shading: Shading::default() };
            Request::new(Scene::of_primary(view, transfer(&mut random)), [61, 47], Output::Rgba8)
        })
        .collect();
    let fresh: Vec<Vec<u8>> = requests.iter().map(|request| bytes(&render(&volume, request))).collect();
    let different = (1..requests.len()).filter(|&n| fresh[n] != fresh[n - 1]).count();
    assert!(different > 3, "{different}");
    for n in [0, 1, 0, 2, 1, 3, 3, 4, 5, 0, 5, 4] {
        let image = renderer.render(&requests[n], &Bindings::primary(&uploaded), &Progress::new()).unwrap();
        assert!(bytes(&image) == fresh[n], "{n}");
    }
}
