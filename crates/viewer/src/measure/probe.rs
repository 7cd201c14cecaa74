//! The value at a place, in f64 by the rules of `anatome_core::plan::SamplingPlan`: what is measured does not depend on
//! the backend or on the size of the picture.

use anatome::{Interpolation, Volume};
use glam::DVec3;

/// A fraction of a voxel below this is none: see `anatome_core::plan::SNAP`.
const SNAP: f64 = 1.0 / 32768.0;

/// The modality value at a place in LPS mm, between voxel centres linear (or that of the nearest); nothing where there is
/// no sample.
pub(crate) fn value_at(volume: &Volume, at_mm: DVec3, interpolation: Interpolation) -> Option<f64> {
    let grid = volume.grid();
    let index = grid.index_from_patient(at_mm);
    let size = grid.size_ijk();
    let inside = index.cmpge(DVec3::splat(-0.5)).all() && index.cmplt(size - DVec3::splat(0.5)).all();
    if !inside {
        return None;
    }
    let splits: [(usize, f64); 3] = std::array::from_fn(|axis| split(index[axis], size[axis]));
    let (k, rest) = splits[2];
    let missing = grid.slices().and_then(|table| table.missing_after().get(k)).copied().unwrap_or(false);
    if rest > 0.0 && missing {
        return None;
    }
    let stored = |[i, j, k]: [usize; 3]| {
        let stored = volume.samples().get([k, j, i])?;
        (!volume.padding().is_some_and(|padding| padding.contains(stored))).then_some(stored)
    };
    let value = match interpolation {
        Interpolation::Nearest => stored(splits.map(|(n, rest)| if rest < 0.5 { n } else { n + 1 }))?,
        _ => {
            let mut sum = 0.0;
            for corner in 0..8usize {
                let upper: [usize; 3] = std::array::from_fn(|axis| (corner >> axis) & 1);
                let part = |axis: usize| if upper[axis] == 1 { splits[axis].1 } else { 1.0 - splits[axis].1 };
                let weight = part(0) * part(1) * part(2);
                if weight != 0.0 {
                    sum += weight * stored(std::array::from_fn(|axis| splits[axis].0 + upper[axis]))?;
                }
            }
            sum
        }
    };
    Some(volume.mapping().modality_from_stored(value))
}

/// The voxel and the rest of an index on an axis; the outer half voxels hold the outermost value.
fn split(index: f64, size: f64) -> (usize, f64) {
    let (mut whole, mut rest) = (index.floor(), index - index.floor());
    if rest < SNAP {
        rest = 0.0;
    } else if rest > 1.0 - SNAP {
        (whole, rest) = (whole + 1.0, 0.0);
    }
    if whole < 0.0 {
        (whole, rest) = (0.0, 0.0);
    } else if whole >= size - 1.0 {
        (whole, rest) = (size - 1.0, 0.0);
    }
    (whole as usize, rest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::measure::shown_at;
    use crate::session::Slab;
    use anatome::{
        Appearance, Backend, BackendChoice, Output, Pixels, Progress, Projection, Request, Scene, SlicePlane,
        View, Voi, Window, Workers,
    };
    use anatome_phantom::{ThoraxSpec, thorax_ct};

    /// A picture in modality values is what they have to agree with.
    #[test]
    fn values_are_those_of_the_picture() {
        let workers = Workers::new(Some(2)).unwrap();
        let spec = ThoraxSpec { shape: [40, 48, 48], ..ThoraxSpec::default() };
        let volume = Arc::new(thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap());
        let backend = Backend::open(BackendChoice::Cpu, None, &workers).unwrap();
        let uploaded = backend.upload(&volume, &Progress::new()).unwrap();
        let right = DVec3::new(0.8, 0.36, 0.48);
        let down = DVec3::new(-0.6, 0.48, 0.64);
        let plane = SlicePlane { center_mm: volume.center_mm(), right, down, width_mm: 420.0 };
        let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
        let (slice, linear) = (Slab::default(), Interpolation::Linear);
        let thick = |projection| Slab { thickness_mm: 23.0, projection };
        for (slab, interpolation) in [
            (slice, linear),
            (slice, Interpolation::Nearest),
            (thick(Projection::Mip), linear),
            (thick(Projection::MinIp), linear),
            (thick(Projection::Mean), linear),
        ] {
            let appearance = Appearance::Grey { voi: voi.clone(), invert: false, colors: None };
            let Slab { thickness_mm, projection } = slab;
            let view = match thickness_mm {
                0.0 => View::Slice { plane },
                _ => View::Slab { plane, thickness_mm, projection },
            };
            let mut scene = Scene::of_primary(view, appearance);
            scene.layers[0].interpolation = interpolation;
            let request = Request::new(scene, [60, 50], Output::Values);
            let image = backend.render(&request, &uploaded, &Progress::new()).unwrap();
            let geometry = *image.plane().unwrap();
            let Pixels::Values(values) = image.pixels() else { panic!("no values") };
            let (mut seen, mut differ) = (0, 0);
            for (n, &shown) in values.iter().enumerate() {
                let (x, y) = ((n % 60) as f64, (n / 60) as f64);
                let at_mm =
                    geometry.first_pixel_mm + (geometry.right * x + geometry.down * y) * geometry.pixel_mm;
                match shown_at(&volume, at_mm, plane.normal(), slab, interpolation) {
                    Some(value) => {
                        seen += 1;
                        // f32 against f64; at the edge between two voxels the nearest may be the other.
                        if (value - f64::from(shown)).abs() > 0.02 {
                            differ += 1;
                        }
                    }
                    None => assert!(shown.is_nan(), "{n} {slab:?}"),
                }
            }
            assert!(seen > 800, "{seen}");
            assert!(differ <= usize::from(interpolation == Interpolation::Nearest) * 3, "{differ}");
        }
    }
}
