//! What tests of leaps need: volumes of which most can't be seen, transfer functions of which most show nothing, and what
//! of them can be seen by the functions themselves, without tables or cells.

use std::sync::Arc;

use anatome_core::*;
use glam::{DAffine3, DVec3};
use ndarray::Array3;

use crate::Random;

/// A volume of `[k, j, i]` voxels 1 mm apart, in blocks so many voxels wide: one in `rarity` or more of one value or of
/// noise, and then a few of padding, the others air. The number of the round says how samples are stored, and whether
/// with padding: all ways come within eight.
///
/// # Errors
/// As [`Volume::new`].
pub fn blocks(
    round: usize,
    shape: [usize; 3],
    side: usize,
    rarity: usize,
    random: &mut Random,
) -> Result<Arc<Volume>> {
    let is_padded = round / 4 % 2 == 1;
    let [k, j, i] = shape.map(|n| n.div_ceil(side));
    let blocks = Array3::from_shape_simple_fn((k, j, i), || {
        let value = if random.whole(1, rarity) > 1 { -1000.0 } else { random.between(-900.0, 900.0) };
        (value, [0.0, 30.0][random.whole(0, 1)], random.whole(0, 14) == 0)
    });
    let [k, j, i] = shape;
    let values = Array3::from_shape_fn((k, j, i), |(k, j, i)| {
        let (value, noise, is_padding) = blocks[[k / side, j / side, i / side]];
        (value + random.between(-noise, noise), is_padded && is_padding)
    });
    let lowest = f64::from(f32::MIN);
    let (slope, intercept, lowest) =
        [(9.0, -1100.0, 255.0), (0.5, 10.0, -3000.0), (-1.0, 3000.0, 9000.0), (0.3, 7.0, lowest)][round % 4];
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
    let grid = Grid::even(shape, DAffine3::IDENTITY)?;
    let mapping = ValueMapping { slope, intercept, unit: Unit::Hounsfield };
    let padding = is_padded.then_some(Padding { lowest, highest: lowest });
    Ok(Arc::new(Volume::new(grid, samples, mapping, padding, Facts::new(Modality::Ct))?))
}

/// A small rendering of a volume whose first values with opacity lie at `lowest` or higher, in bands at random, some of
/// them narrow.
///
/// # Errors
/// As [`TransferFunction::new`].
pub fn bands(lowest: f64, volume: &Volume, random: &mut Random) -> Result<Request> {
    let mut value = random.between(lowest, 300.0);
    let points = (0..random.whole(2, 7)).map(|_| {
        value += [random.between(0.1, 10.0), random.between(10.0, 600.0)][random.whole(0, 1)];
        let opacity_per_mm = [0.0, 0.0, random.between(0.01, 0.9)][random.whole(0, 2)];
        TransferPoint { value, color: [1.0; 3], opacity_per_mm }
    });
    let transfer_function = TransferFunction::new(points.collect())?;
    let target_mm = volume.center_mm();
    let lens = Lens::Orthographic { height_mm: 30.0 };
    let camera = Camera { eye_mm: target_mm - DVec3::X * 200.0, target_mm, up: DVec3::Z, lens };
    let view = View::Rendering { camera, shading: Shading::default() };
    let scene = Scene::of_primary(view, Appearance::Classified { transfer_function });
    Ok(Request::new(scene, [8, 8], Output::Rgba8))
}

/// Whether a rendering shows a value between the lowest and the highest of some, by more than rounding.
#[must_use]
pub fn is_visible(request: &Request, values: impl Iterator<Item = f64>) -> bool {
    let Some(Appearance::Classified { transfer_function }) =
        request.scene.layers.first().map(|layer| &layer.appearance)
    else {
        return false;
    };
    let range = |(low, high): (f64, f64), value: f64| (low.min(value), high.max(value));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), range);
    let rounding = 1e-6 * (low.abs() + high.abs() + 1000.0);
    let middle = f64::midpoint(low, high);
    low <= high
        && transfer_function.is_seen_between((low + rounding).min(middle), (high - rounding).max(middle))
}
