//! Volumes of which slices come while others are still decoded are on the GPU as if they had been uploaded whole.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may fail anywhere, and says what it ran on"
)]

use std::sync::Arc;

use anatome_core::*;
use anatome_gpu::{AdapterChoice, GpuArrival, GpuRenderer};
use anatome_testkit::{Need, Random};
use glam::{DAffine3, DVec3};
use ndarray::Array3;

const SHAPE: [usize; 3] = [70, 131, 150];

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

fn volume(samples: Samples, padding: Option<f64>) -> Arc<Volume> {
    let grid = Grid::even(samples.shape(), DAffine3::IDENTITY).unwrap();
    let padding = padding.map(|value| Padding { lowest: value, highest: value });
    let mapping = ValueMapping { slope: 2.0, intercept: -5.0, unit: Unit::Arbitrary };
    Arc::new(Volume::new(grid, samples, mapping, padding, Facts::new(Modality::Ct)).unwrap())
}

/// Noise of every type.
fn every_type(random: &mut Random) -> [Samples; 4] {
    let [k, j, i] = SHAPE;
    let u16s = Array3::from_shape_simple_fn((k, j, i), || random.whole(0, 65_535) as u16);
    [
        Samples::U8(u16s.mapv(|v| (v >> 8) as u8)),
        Samples::I16(u16s.mapv(|v| v.wrapping_sub(1 << 15).cast_signed())),
        Samples::F32(u16s.mapv(|v| f32::from(v) / 7.0)),
        Samples::U16(u16s),
    ]
}

/// The values of all voxels.
fn values(renderer: &GpuRenderer, volume: &Arc<Volume>, uploaded: &anatome_gpu::GpuVolume) -> Vec<u32> {
    let [slices, rows, columns] = volume.grid().shape().map(|n| n as u32);
    let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::LinearExact).unwrap());
    let appearance = Appearance::Grey { voi, invert: false, colors: None };
    let mut all = Vec::new();
    for k in 0..slices {
        let corner = DVec3::new(f64::from(columns) - 1.0, f64::from(rows) - 1.0, 2.0 * f64::from(k));
        let plane = SlicePlane {
            center_mm: corner / 2.0,
            right: DVec3::X,
            down: DVec3::Y,
            width_mm: f64::from(columns),
        };
        let scene = Scene::of_primary(View::Slice { plane }, appearance.clone());
        let request = Request::new(scene, [columns, rows], Output::Values);
        let image = renderer.render(&request, &Bindings::primary(uploaded), &Progress::new()).unwrap();
        if let Pixels::Values(values) = image.pixels() {
            all.extend(values.iter().map(|value| value.to_bits()));
        }
    }
    all
}

/// Hands slices over in some order, on two threads.
fn send(arrival: &GpuArrival<'_>, samples: &Samples, order: &[usize]) {
    let half = |order: &[usize]| {
        for &k in order {
            arrival.slice(k, samples.slices(k..k + 1).unwrap());
        }
    };
    let (first, second) = order.split_at(order.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| half(first));
        half(second);
    });
}

fn shuffled(random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..SHAPE[0]).collect();
    for n in (1..order.len()).rev() {
        order.swap(n, random.whole(0, n));
    }
    order
}

#[test]
fn what_arrives_slice_by_slice_is_what_is_uploaded_whole() {
    let Some(renderer) = open() else { return };
    let mut random = Random::new(21);
    for (n, samples) in every_type(&mut random).into_iter().enumerate() {
        let order = shuffled(&mut random);
        let arrival = renderer.receive(SHAPE);
        // Of some types all slices come, of others some, before the volume is known to have padding or not.
        send(&arrival, &samples, &order[..[SHAPE[0], 23, 1, 0][n]]);
        let volume = volume(samples, [None, Some(7.0)][n % 2]);
        let expected = values(&renderer, &volume, &renderer.upload(&volume, &Progress::new()).unwrap());
        let progress = Progress::new();
        let arrived = renderer.upload_arrived(&volume, arrival, &progress).unwrap();
        assert!(values(&renderer, &volume, &arrived) == expected, "{}", volume.samples().type_name());
        assert!(!arrived.is_in_parts());
    }
}

/// What came is used, and not written again: here it is not what the volume holds.
#[test]
fn only_slices_that_did_not_come_are_written_at_the_end() {
    let Some(renderer) = open() else { return };
    let came = Samples::U8(Array3::from_elem((70, 131, 150), 1));
    let arrival = renderer.receive(SHAPE);
    send(&arrival, &came, &[3, 69]);
    // What can't stand there, or is of another type, is left to the end.
    arrival.slice(70, came.slices(0..1).unwrap());
    arrival.slice(5, Samples::U16(Array3::from_elem((1, 131, 150), 1)).slices(0..1).unwrap());
    let volume = volume(Samples::U8(Array3::from_elem((70, 131, 150), 9)), None);
    let arrived = renderer.upload_arrived(&volume, arrival, &Progress::new()).unwrap();
    let slice_len = SHAPE[1] * SHAPE[2];
    for (k, slice) in values(&renderer, &volume, &arrived).chunks(slice_len).enumerate() {
        let expected = if [3, 69].contains(&k) { -3.0f32 } else { 13.0 };
        assert!(slice.iter().all(|&bits| bits == expected.to_bits()), "{k}");
    }
}

#[test]
fn what_came_is_left_where_it_is_not_the_volume() {
    let Some(renderer) = open() else { return };
    let mut random = Random::new(22);
    let [bytes, words, ..] = every_type(&mut random);
    let all = shuffled(&mut random);
    let arrive = |renderer: &GpuRenderer, came: &Samples, volume: &Arc<Volume>| {
        let (arrival, progress) = (renderer.receive(SHAPE), Progress::new());
        send(&arrival, came, &all);
        let arrived = renderer.upload_arrived(volume, arrival, &progress).unwrap();
        let expected = values(renderer, volume, &renderer.upload(volume, &progress).unwrap());
        assert!(values(renderer, volume, &arrived) == expected);
        arrived.is_in_parts()
    };
    // Slices that could not be decoded are left out of the volume.
    let kept: Vec<usize> = (0..SHAPE[0]).filter(|&k| k != 11).collect();
    assert!(!arrive(&renderer, &words, &volume(words.clone().of_slices(&kept), None)));
    // It turned out to be of another type.
    assert!(!arrive(&renderer, &bytes, &volume(words.clone(), None)));
    // Another renderer asked for it.
    let arrival = renderer.receive(SHAPE);
    send(&arrival, &words, &all);
    let other = open().unwrap();
    let whole = volume(words, None);
    let uploaded = other.upload_arrived(&whole, arrival, &Progress::new()).unwrap();
    let expected = values(&renderer, &whole, &renderer.upload(&whole, &Progress::new()).unwrap());
    assert!(values(&other, &whole, &uploaded) == expected);
}

/// Nothing is allocated for what does not go there whole.
#[test]
fn what_goes_there_in_parts_does_not_arrive() {
    let Some(renderer) = open() else { return };
    let renderer = renderer.with_memory_budget(5_600_000);
    let samples = Samples::U8(Array3::from_shape_fn((160, 140, 140), |(k, j, i)| (k * 7 + j * 3 + i) as u8));
    let (arrival, made) = (renderer.receive(samples.shape()), renderer.resources_made());
    for k in 0..160 {
        arrival.slice(k, samples.slices(k..k + 1).unwrap());
    }
    assert_eq!(renderer.resources_made(), made);
    let volume = volume(samples, None);
    assert!(renderer.upload_arrived(&volume, arrival, &Progress::new()).unwrap().is_in_parts());
}

/// A device that fails meanwhile is told of at the end, and cancelling is, too.
#[test]
fn failures_come_with_the_upload() {
    let Some(renderer) = open() else { return };
    let samples = Samples::U8(Array3::from_elem((70, 131, 150), 1));
    let whole = volume(samples.clone(), None);
    let arrival = renderer.receive(SHAPE);
    send(&arrival, &samples, &[0, 1]);
    let cancelled = Progress::new();
    cancelled.cancel();
    assert!(matches!(renderer.upload_arrived(&whole, arrival, &cancelled), Err(Error::Cancelled)));
    let arrival = renderer.receive(SHAPE);
    send(&arrival, &samples, &[0, 1]);
    renderer.lose();
    send(&arrival, &samples, &[2, 3]);
    let lost = renderer.upload_arrived(&whole, arrival, &Progress::new());
    assert!(matches!(lost, Err(Error::Device(_))), "{lost:?}");
}
