//! Slices and slabs.

use anatome_core::*;
use glam::{DAffine3, DVec3};
use ndarray::Array3;

use crate::scenes::*;

const ALL: [Interpolation; 3] = [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic];

/// The axial slice k of 1 mm voxels, pixel by voxel.
fn axial(volume: &Volume, k: f64) -> (SlicePlane, [u32; 2]) {
    let [_, j, i] = volume.grid().shape();
    let size = [i as u32, j as u32];
    (plane(DVec3::new(0.0, 0.0, k), DVec3::X, DVec3::Y, size), size)
}

#[test]
fn voxel_centres_come_back_exactly_from_every_type() {
    let mut random = Random(1);
    let shape = (6, 37, 50);
    let all: [Samples; 4] = [
        Samples::U8(Array3::from_shape_simple_fn(shape, || random.between(0.0, 255.0) as u8)),
        Samples::I16(Array3::from_shape_simple_fn(shape, || random.between(-32768.0, 32767.0) as i16)),
        Samples::U16(Array3::from_shape_simple_fn(shape, || random.between(0.0, 65535.0) as u16)),
        Samples::F32(Array3::from_shape_simple_fn(shape, || random.between(-1e4, 1e4) as f32)),
    ];
    for samples in all {
        let name = samples.type_name();
        let volume = volume(Grid::even([6, 37, 50], DAffine3::IDENTITY).unwrap(), samples, None);
        for (interpolation, k) in ALL.into_iter().flat_map(|how| (0..6).map(move |k| (how, k))) {
            let (plane, size) = axial(&volume, k as f64);
            let mut request = slice(plane, size, Output::Values);
            request.scene.layers[0].interpolation = interpolation;
            let image = render(&volume, &request);
            for (n, &value) in values(&image).iter().enumerate() {
                let exact = volume.modality_value([k, n / 50, n % 50]).unwrap() as f32;
                assert_eq!(value, exact, "{name} {interpolation:?} {k} {n}");
            }
        }
    }
}

/// Rounding of positions must not give padding beside a voxel a weight.
#[test]
fn voxel_centres_of_turned_grids_touch_no_neighbour() {
    let mut random = Random(9);
    for _ in 0..10 {
        let turn = DAffine3 { matrix3: random.rotation() * 0.7, translation: random.vector(500.0) };
        let samples = Array3::from_shape_fn((5, 60, 60), |(k, j, i)| {
            if (i + j + k) % 2 == 0 { -2000 } else { (i + 60 * j) as i16 }
        });
        let grid = Grid::even([5, 60, 60], turn).unwrap();
        let volume = volume(grid, Samples::I16(samples), padding(-2000.0));
        let (right, down) = (turn.matrix3.x_axis.normalize(), turn.matrix3.y_axis.normalize());
        let center_mm = turn.transform_point3(DVec3::new(29.5, 29.5, 2.0));
        let plane = SlicePlane { center_mm, right, down, width_mm: 42.0 };
        let image = render(&volume, &slice(plane, [60, 60], Output::Values));
        for (n, &value) in values(&image).iter().enumerate() {
            let padded = (n % 60 + n / 60) % 2 == 0;
            assert!(if padded { value.is_nan() } else { value == n as f32 }, "{n} {value}");
        }
    }
}

/// A ramp in patient space of 10 HU/mm, on random planes of random grids.
#[test]
fn a_ramp_comes_back_within_a_hundredth() {
    let mut random = Random(2);
    let mut seen = 0;
    for round in 0..24 {
        let grid = random.grid([24, 40, 50], round % 3 == 1, false);
        let gradient = random.vector(1.0).normalize() * 10.0;
        let ramp = |p: DVec3| gradient.dot(p - grid.center_mm());
        let samples = Array3::from_shape_fn((24, 40, 50), |(k, j, i)| {
            ramp(grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64))) as f32
        });
        let volume = volume(grid.clone(), Samples::F32(samples), None);
        let turn = random.rotation();
        let size = [150, 110];
        let plane = SlicePlane {
            center_mm: grid.center_mm() + random.vector(3.0),
            right: turn.x_axis,
            down: turn.y_axis,
            width_mm: 60.0,
        };
        let mut request = slice(plane, size, Output::Values);
        request.scene.layers[0].interpolation = [Interpolation::Linear, Interpolation::Cubic][round % 2];
        let image = render(&volume, &request);
        let geometry = *image.plane().unwrap();
        for (n, &value) in values(&image).iter().enumerate() {
            let (x, y) = ((n % 150) as f64, (n / 150) as f64);
            let p = geometry.first_pixel_mm + (geometry.right * x + geometry.down * y) * geometry.pixel_mm;
            let index = grid.index_from_patient(p);
            let last = grid.size_ijk() - 1.0;
            if index.cmpge(DVec3::ZERO).all() && index.cmple(last).all() {
                let off = (f64::from(value) - ramp(p)).abs();
                assert!(off < 0.01, "round {round}: {value} at {index}, off by {off}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50_000, "{seen}");
}

/// PS3.3 C.11.2.1.2.1 for W400 C40, rounded once.
#[test]
fn windows_give_the_standards_grey_levels() {
    let samples = Array3::from_shape_fn((1, 1, 5), |(_, _, i)| [-160, -129, 65, 194, 239][i]);
    let volume = cubes(samples, None);
    let (plane, size) = axial(&volume, 0.0);
    let mut request = slice(plane, size, Output::Grey8);
    assert_eq!(bytes(&render(&volume, &request)), [0, 20, 144, 226, 255]);
    request.output = Output::Rgba8;
    let rgba = bytes(&render(&volume, &request));
    assert_eq!(rgba[4..12], [20, 20, 20, 255, 144, 144, 144, 255]);
    request.output = Output::Grey16;
    let Pixels::Grey16(words) = render(&volume, &request).pixels().clone() else { panic!("not Grey16") };
    // 31/399, 225/399 and 354/399 of 65535.
    assert_eq!(words, [0, 5092, 36956, 58144, 65535]);
    let Appearance::Grey { invert, .. } = &mut request.scene.layers[0].appearance else { unreachable!() };
    *invert = true;
    request.output = Output::Grey8;
    assert_eq!(bytes(&render(&volume, &request)), [255, 235, 111, 29, 0]);
}

#[test]
fn colours_are_interpolated() {
    let volume = cubes(Array3::from_shape_fn((1, 1, 3), |(_, _, i)| [0, 50, 100][i]), None);
    let (plane, size) = axial(&volume, 0.0);
    let mut request = slice(plane, size, Output::Rgba8);
    let stop = |at, color| ColorStop { at, color };
    let colors = ColorMap::new(vec![stop(0.0, [1.0, 0.0, 0.0]), stop(1.0, [0.0, 0.0, 1.0])]).unwrap();
    let voi = Voi::Window(Window::spanning(0.0, 100.0).unwrap());
    request.scene.layers[0].appearance = Appearance::Grey { voi, invert: false, colors: Some(colors) };
    assert_eq!(bytes(&render(&volume, &request)), [255, 0, 0, 255, 128, 0, 128, 255, 0, 0, 255, 255]);
}

/// The patient's left (+x) is right of the picture from the front and from the feet, the head (+z) is up.
#[test]
fn left_is_right_and_the_head_is_up() {
    let mut samples = Array3::zeros((20, 20, 20));
    samples[[18, 10, 17]] = 1000;
    let volume = cubes(samples, None);
    for (view, place) in
        [(StandardView::Axial, [17, 10]), (StandardView::Coronal, [17, 1]), (StandardView::Sagittal, [10, 1])]
    {
        let through = DVec3::new(17.0, 10.0, 18.0);
        let plane = view.plane(volume.grid(), Planes::Patient, through, 1.0);
        let image = render(&volume, &slice(plane, [20, 20], Output::Values));
        let brightest = values(&image).iter().position(|&v| v == 1000.0).unwrap();
        assert_eq!([brightest % 20, brightest / 20], place, "{view:?}");
    }
}

#[test]
fn half_a_voxel_beyond_the_border_is_the_border_and_no_more() {
    let volume = cubes(Array3::from_shape_fn((3, 3, 3), |(k, j, i)| (100 * k + 10 * j + i) as i16), None);
    for interpolation in ALL {
        for (x, expected) in [(-0.51, None), (-0.5, Some(110.0)), (2.49, Some(112.0)), (2.5, None)] {
            let at = plane(DVec3::new(x, 1.0, 1.0), DVec3::Y, DVec3::Z, [1, 1]);
            let mut request = slice(at, [1, 1], Output::Values);
            request.scene.layers[0].interpolation = interpolation;
            let value = values(&render(&volume, &request))[0];
            assert_eq!((!value.is_nan()).then_some(value), expected, "{interpolation:?} {x}");
        }
    }
    let mut outside = slice(plane(DVec3::splat(9.0), DVec3::X, DVec3::Y, [1, 1]), [1, 1], Output::Rgba8);
    outside.scene.background = [0.2, 0.4, 1.0];
    assert_eq!(bytes(&render(&volume, &outside)), [51, 102, 255, 255]);
}

#[test]
fn padding_is_no_sample_where_it_has_a_weight() {
    let mut samples = Array3::from_elem((8, 8, 8), 100);
    samples[[4, 4, 4]] = -2000;
    let volume = cubes(samples, padding(-2000.0));
    let at = |interpolation, x: f64, y: f64| {
        let place = plane(DVec3::new(x, y, 4.0), DVec3::X, DVec3::Y, [1, 1]);
        let mut request = slice(place, [1, 1], Output::Values);
        request.scene.layers[0].interpolation = interpolation;
        values(&render(&volume, &request))[0]
    };
    for (x, y, linear, nearest) in [
        (4.0, 4.0, false, false),
        (3.0, 4.0, true, true),
        (3.001, 4.0, false, true),
        (3.5, 4.5, false, true),
        (3.6, 3.6, false, false),
        (5.0, 5.0, true, true),
        (3.0, 4.4, true, true),
    ] {
        for (interpolation, there) in [
            (Interpolation::Linear, linear),
            (Interpolation::Cubic, linear),
            (Interpolation::Nearest, nearest),
        ] {
            let value = at(interpolation, x, y);
            let expected = if there { value == 100.0 } else { value.is_nan() };
            assert!(expected, "{interpolation:?} at {x}, {y}: {value}");
        }
    }
}

/// A grid whose slices stand at 0, 1, 2, 6 and 7 mm, with slices missing between 2 and 6.
fn gap() -> std::sync::Arc<Volume> {
    let table = SliceTable::new(vec![0.0, 1.0, 2.0, 6.0, 7.0], vec![false, false, true, false]).unwrap();
    let grid = Grid::uneven([5, 4, 32], DAffine3::IDENTITY, table).unwrap();
    volume(grid, Samples::I16(Array3::from_shape_fn((5, 4, 32), |(k, _, _)| 10 * k as i16)), None)
}

#[test]
fn missing_slices_are_hatched() {
    let volume = gap();
    let size = [33, 10];
    // Seen from the front: x to the right, z from 8.25 mm down to -0.75.
    let front = plane(DVec3::new(0.0, 1.0, 8.25), DVec3::X, -DVec3::Z, size);
    let image = render(&volume, &slice(front, size, Output::Values));
    let row = |y: usize| values(&image)[33 * y];
    assert!(row(0).is_nan() && row(9).is_nan());
    assert_eq!([row(1), row(2)], [40.0, 32.5]);
    assert!((3..6).all(|y| row(y).is_nan()), "{:?}", values(&image));
    assert_eq!([row(7), row(8)], [12.5, 2.5]);
    let mut request = slice(front, size, Output::Grey8);
    request.scene.background = [0.0; 3];
    let shown = bytes(&render(&volume, &request));
    for (x, y) in (0..32).flat_map(|x| (3..6).map(move |y| (x, y))) {
        let hatched = (x + y) / 8 % 2 == 0;
        assert_eq!(shown[33 * y + x], if hatched { 51 } else { 0 }, "{x} {y}");
    }
    // Outside of the volume nothing is hatched.
    assert_eq!([shown[0], shown[33 * 4 + 32]], [0, 0]);
}

/// On a slice beside missing ones there are samples.
#[test]
fn slices_beside_missing_ones_are_there() {
    for (z, expected) in [(2.0, 20.0), (6.0, 30.0)] {
        let at = plane(DVec3::new(1.0, 1.0, z), DVec3::X, DVec3::Y, [2, 2]);
        for interpolation in ALL {
            let mut request = slice(at, [2, 2], Output::Values);
            request.scene.layers[0].interpolation = interpolation;
            assert_eq!(values(&render(&gap(), &request)), [expected; 4], "{interpolation:?}");
        }
    }
}

#[test]
fn slabs_reach_from_face_to_face() {
    let mut samples = Array3::from_elem((21, 4, 4), 0);
    samples.slice_mut(ndarray::s![5, .., ..]).fill(100);
    let volume = cubes(samples, None);
    let at = plane(DVec3::new(0.0, 0.0, 10.0), DVec3::X, DVec3::Y, [4, 4]);
    let of = |mm, how| values(&render(&volume, &slab(at, mm, how, [4, 4])))[5];
    assert_eq!(of(10.0, Projection::Mip), 100.0);
    assert!((of(9.0, Projection::Mip) - 50.0).abs() < 1e-3);
    assert_eq!(of(8.0, Projection::Mip), 0.0);
    assert_eq!(of(10.0, Projection::MinIp), 0.0);
    // A triangle of 100 whose half lies inside: 50 mm over 10 mm.
    assert!((of(10.0, Projection::Mean) - 5.0).abs() < 1e-4);
    assert!((of(14.0, Projection::Mean) - 100.0 / 14.0).abs() < 1e-4);
}

#[test]
fn slabs_never_show_padding() {
    let samples =
        Array3::from_shape_fn((20, 20, 20), |(k, j, i)| if k < 10 { -2000 } else { (i + 20 * j) as i16 });
    let volume = cubes(samples, padding(-2000.0));
    let at = plane(DVec3::new(0.0, 0.0, 10.0), DVec3::X, DVec3::Y, [20, 20]);
    for how in [Projection::Mip, Projection::MinIp, Projection::Mean] {
        for (n, &value) in values(&render(&volume, &slab(at, 6.0, how, [20, 20]))).iter().enumerate() {
            assert!((value - n as f32).abs() < 1e-3, "{how:?} {n} {value}");
        }
    }
    let padded = plane(DVec3::new(0.0, 0.0, 4.0), DVec3::X, DVec3::Y, [20, 20]);
    let image = render(&volume, &slab(padded, 6.0, Projection::MinIp, [20, 20]));
    assert!(values(&image).iter().all(|v| v.is_nan()));
}
