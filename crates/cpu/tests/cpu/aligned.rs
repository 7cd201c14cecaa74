//! Slices and slabs along the axes of the grid: computed in two ways.

use std::sync::Arc;

use anatome_core::*;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

use crate::scenes::*;

/// Numbers of a type, of which one in a few is padding if that is wanted.
fn samples(random: &mut Random, shape: [usize; 3], kind: usize, padded: bool) -> Samples {
    let [k, j, i] = shape;
    let mut number = |low: f64, high: f64| {
        let is_padding = padded && random.unit() < 0.05;
        if is_padding { 7.0 } else { random.between(low, high).floor() }
    };
    match kind {
        0 => Samples::U8(Array3::from_shape_simple_fn((k, j, i), || number(0.0, 256.0) as u8)),
        1 => Samples::I16(Array3::from_shape_simple_fn((k, j, i), || number(-32768.0, 32768.0) as i16)),
        2 => Samples::U16(Array3::from_shape_simple_fn((k, j, i), || number(0.0, 65536.0) as u16)),
        _ => Samples::F32(Array3::from_shape_simple_fn((k, j, i), || number(-3e4, 3e4) as f32 * 1.7)),
    }
}

/// A grid whose axes lie anywhere; even, uneven, or with missing slices.
fn grid(random: &mut Random, shape: [usize; 3], slices: usize) -> Grid {
    let spacing = DVec3::new(random.between(0.4, 1.2), random.between(0.4, 1.2), random.between(0.8, 2.0));
    let turn = if random.unit() < 0.5 { DMat3::IDENTITY } else { random.rotation() };
    let axes = turn * DMat3::from_diagonal(spacing);
    let translation = if random.unit() < 0.5 { DVec3::ZERO } else { random.vector(300.0) };
    let affine = DAffine3 { matrix3: axes, translation };
    if slices == 0 || shape[0] < 2 {
        return Grid::even(shape, affine).unwrap();
    }
    let mut z = random.between(-300.0, 300.0);
    let mut next = || {
        z += random.between(0.5, 2.5);
        z
    };
    let table = (0..shape[0]).map(|_| next()).collect();
    let missing = (1..shape[0]).map(|k| slices == 2 && k == shape[0] / 2).collect();
    let affine =
        DAffine3 { matrix3: turn * DMat3::from_diagonal(DVec3::new(spacing.x, spacing.y, 1.0)), ..affine };
    Grid::uneven(shape, affine, SliceTable::new(table, missing).unwrap()).unwrap()
}

/// A plane along two axes of a grid, in any of the 48 ways, some on voxels' centres, most over an edge of the volume.
fn aligned(random: &mut Random, grid: &Grid) -> SlicePlane {
    let matrix = grid.lattice_from_patient().inverse().matrix3;
    let axes = [matrix.x_axis, matrix.y_axis, matrix.z_axis].map(DVec3::normalize);
    let turned = |random: &mut Random, n: usize| if random.unit() < 0.5 { axes[n] } else { -axes[n] };
    let orders = [[0, 1], [0, 2], [1, 2], [1, 0], [2, 0], [2, 1]];
    let [x, y] = orders[(random.unit() * 5.99) as usize];
    let (right, down) = (turned(random, x), turned(random, y));
    let middle = grid.size_ijk() / 2.0;
    let place = if random.unit() < 0.5 { middle.floor() } else { middle + random.vector(0.4) * middle };
    let center_mm = grid.patient_from_index(place);
    SlicePlane { center_mm, right, down, width_mm: random.between(0.2, 1.5) * grid.size_ijk().max_element() }
}

/// The pictures with what pixels share computed once, and with each pixel by itself.
fn both(volume: &Arc<Volume>, mut request: Request) -> [Vec<u8>; 2] {
    request.quality.skipping = true;
    let shared = bytes(&render(volume, &request));
    request.quality.skipping = false;
    [shared, bytes(&render(volume, &request))]
}

#[test]
fn sharing_work_between_pixels_does_not_change_a_bit() {
    let mut random = Random(31);
    let mut samples_seen = 0;
    for round in 0..240 {
        let side = |random: &mut Random, most: f64| random.between(1.0, most) as usize;
        let shape = [side(&mut random, 12.0), side(&mut random, 30.0), side(&mut random, 40.0)];
        let padded = round % 3 == 0;
        let grid = grid(&mut random, shape, round / 4 % 3);
        let samples = samples(&mut random, shape, round % 4, padded);
        let volume = volume(grid.clone(), samples, padded.then_some(Padding { lowest: 7.0, highest: 11.0 }));
        let plane = aligned(&mut random, &grid);
        let size = [(20.0 + 300.0 * random.unit()) as u32, (20.0 + 60.0 * random.unit()) as u32];
        let mut request = slice(plane, size, Output::Values);
        if round % 2 == 1 {
            let how = [Projection::Mip, Projection::MinIp, Projection::Mean][round / 2 % 3];
            request = slab(plane, random.between(0.1, 15.0), how, size);
        }
        request.scene.layers[0].interpolation =
            [Interpolation::Linear, Interpolation::Linear, Interpolation::Nearest][round / 8 % 3];
        let [shared, each] = both(&volume, request.clone());
        assert!(shared == each, "round {round}: {shape:?} {:?}", request.scene);
        samples_seen +=
            shared.chunks_exact(4).filter(|bits| *bits != f32::NAN.to_bits().to_le_bytes()).count();
    }
    assert!(samples_seen > 500_000, "{samples_seen}");
}

/// Of every output, and of parts of pictures.
#[test]
fn shared_work_is_displayed_like_any() {
    let mut random = Random(32);
    let shape = [20, 40, 50];
    let grid = grid(&mut random, shape, 0);
    let volume = volume(grid.clone(), samples(&mut random, shape, 1, true), padding(7.0));
    for view in [StandardView::Axial, StandardView::Coronal, StandardView::Sagittal] {
        let plane = view.plane(&grid, Planes::Acquisition, grid.center_mm(), 1.3);
        for output in [Output::Grey8, Output::Grey16, Output::Rgba8, Output::Values] {
            let mut request = slice(plane, [390, 300], output);
            request.scene.background = [0.3, 0.2, 0.9];
            request.scene.layers[0].appearance = grey(0.0, 40_000.0);
            let [shared, each] = both(&volume, request.clone());
            assert!(shared == each, "{view:?} {output:?}");
            request.region = Some(PixelRect { x: 37, y: 41, width: 301, height: 77 });
            let [shared, each] = both(&volume, request);
            assert!(shared == each, "a part, {view:?} {output:?}");
        }
    }
}
