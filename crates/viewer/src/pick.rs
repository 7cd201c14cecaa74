//! What place of the patient is seen at a place of a 3D view.

use anatome::{
    Appearance, Camera, Grid, Interpolation, Lens, Projection, Region, Scene, TransferFunction, View, Volume,
};
use egui::{Pos2, Rect};
use glam::DVec3;

use crate::measure::value_at;
use crate::session::passes;
use crate::viewport::Seen;

/// The place in the patient that is seen at a place of the screen: where what is in front hides half of what is behind,
/// or, of a projection, where the value is that is shown.
pub(crate) fn pick(seen: &Seen<'_>, at: Pos2) -> Option<DVec3> {
    let pass = passes(seen.session, seen.view, seen.document, seen.aspect())?.into_iter().next()?;
    let volume = &seen.document.loaded(pass.series)?.volume;
    let from = (at - seen.rect.center()) / seen.rect.height().max(1.0);
    seen_at(&pass.scene, volume, [from.x.into(), from.y.into()])
}

/// As [`pick`], by the part of the picture's height right and down of its middle.
fn seen_at(scene: &Scene, volume: &Volume, [x, y]: [f64; 2]) -> Option<DVec3> {
    let layer = scene.layers.first()?;
    let (camera, found) = match (&scene.view, &layer.appearance) {
        (View::Rendering { camera, .. }, Appearance::Classified { transfer_function }) => {
            (camera, Found::Surface(transfer_function))
        }
        (View::Projection { camera, projection }, _) => (camera, Found::Extreme(*projection)),
        _ => return None,
    };
    let (start, direction) = ray(camera, [x, y])?;
    let (near, far) = within_grid(volume.grid(), start, direction)?;
    let step_mm = volume.grid().smallest_spacing_mm() / 2.0;
    let count = (((far - near) / step_mm) as usize).min(20_000);
    let places = (0..count).map(|n| start + direction * (near + (n as f64 + 0.5) * step_mm));
    let shown = places.filter(|&place| is_in(&layer.region, place));
    let samples = shown.filter_map(|place| Some((place, value_at(volume, place, Interpolation::Linear)?)));
    found.along(samples, step_mm)
}

enum Found<'a> {
    Surface(&'a TransferFunction),
    Extreme(Projection),
}

impl Found<'_> {
    fn along(&self, samples: impl Iterator<Item = (DVec3, f64)>, step_mm: f64) -> Option<DVec3> {
        match self {
            Self::Surface(function) => {
                let mut light = 1.0;
                let mut most = (0.0, None);
                for (place, value) in samples {
                    let kept = (-function.extinction_per_mm(value) * step_mm).exp();
                    let taken = light * (1.0 - kept);
                    light *= kept;
                    if light < 0.5 {
                        return Some(place);
                    }
                    if taken > most.0 {
                        most = (taken, Some(place));
                    }
                }
                // Nothing hides half; what is seen best counts, unless it is hardly seen.
                most.1.filter(|_| light < 0.9)
            }
            Self::Extreme(Projection::MinIp) => {
                samples.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
            }
            Self::Extreme(_) => samples.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place),
        }
    }
}

/// Where a place in the patient is seen in a 3D view; nothing if it lies behind the eye.
pub(crate) fn projected(camera: &Camera, rect: Rect, at_mm: DVec3) -> Option<Pos2> {
    let (right, down, forward) = camera.frame().ok()?;
    let from = at_mm - camera.eye_mm;
    let height = match camera.lens {
        Lens::Orthographic { height_mm } => height_mm,
        Lens::Perspective { fov_rad } => {
            let depth = from.dot(forward);
            2.0 * (fov_rad / 2.0).tan() * Some(depth).filter(|depth| *depth > 1e-6)?
        }
    };
    let part = |axis: DVec3| (from.dot(axis) / height) as f32 * rect.height();
    Some(rect.center() + egui::vec2(part(right), part(down)))
}

/// Where the ray of a place of the picture begins, and its direction.
fn ray(camera: &Camera, [x, y]: [f64; 2]) -> Option<(DVec3, DVec3)> {
    let (right, down, forward) = camera.frame().ok()?;
    Some(match camera.lens {
        Lens::Orthographic { height_mm } => (camera.eye_mm + (right * x + down * y) * height_mm, forward),
        Lens::Perspective { fov_rad } => {
            let height = 2.0 * (fov_rad / 2.0).tan();
            (camera.eye_mm, (forward + (right * x + down * y) * height).normalize())
        }
    })
}

/// Where a ray enters and leaves a grid, in mm from its start; what is behind the start does not count in
/// perspective, and a parallel ray starts outside.
pub(crate) fn within_grid(grid: &Grid, start: DVec3, direction: DVec3) -> Option<(f64, f64)> {
    let lattice = grid.lattice_from_patient();
    let (low, high) = grid.lattice_bounds();
    let (from, along) = (lattice.transform_point3(start), lattice.transform_vector3(direction));
    let (mut near, mut far) = (0.0_f64, f64::INFINITY);
    for axis in 0..3 {
        if along[axis].abs() < 1e-12 {
            if from[axis] < low[axis] || from[axis] > high[axis] {
                return None;
            }
            continue;
        }
        let ends = [low[axis], high[axis]].map(|end| (end - from[axis]) / along[axis]);
        near = near.max(ends[0].min(ends[1]));
        far = far.min(ends[0].max(ends[1]));
    }
    (near < far && far.is_finite()).then_some((near, far))
}

fn is_in(region: &Region, place: DVec3) -> bool {
    let in_box =
        region.crop.is_none_or(|crop| place.cmpge(crop.min_mm).all() && place.cmple(crop.max_mm).all());
    in_box && region.clip_planes.iter().all(|plane| (place - plane.point_mm).dot(plane.normal) >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome::{Facts, Modality, Samples, Shading, TransferPoint, Unit, ValueMapping, Voi, Window};
    use glam::DAffine3;
    use ndarray::Array3;

    /// A ball of 10 mm around the middle of 40 voxels of 1 mm.
    fn ball() -> Volume {
        let at = |n: usize| n as f64 - 19.5;
        let samples = Array3::from_shape_fn((40, 40, 40), |(k, j, i)| {
            let radius = (at(i).powi(2) + at(j).powi(2) + at(k).powi(2)).sqrt();
            if radius < 10.0 { 1000_i16 } else { 0 }
        });
        let grid = Grid::even([40, 40, 40], DAffine3::from_translation(DVec3::splat(-19.5))).unwrap();
        let mapping = ValueMapping::identity(Unit::Hounsfield);
        Volume::new(grid, Samples::I16(samples), mapping, None, Facts::new(Modality::Ct)).unwrap()
    }

    fn from_the_front(lens: Lens) -> Camera {
        Camera { eye_mm: DVec3::new(0.0, -100.0, 0.0), target_mm: DVec3::ZERO, up: DVec3::Z, lens }
    }

    #[test]
    fn the_surface_of_a_ball_is_hit() {
        let point = |value, opacity_per_mm| TransferPoint { value, color: [1.0; 3], opacity_per_mm };
        let transfer_function = TransferFunction::new(vec![point(400.0, 0.0), point(600.0, 0.95)]).unwrap();
        for lens in [Lens::Orthographic { height_mm: 60.0 }, Lens::Perspective { fov_rad: 0.58 }] {
            let camera = from_the_front(lens);
            let view = View::Rendering { camera, shading: Shading::default() };
            let appearance = Appearance::Classified { transfer_function: transfer_function.clone() };
            let scene = Scene::of_primary(view, appearance);
            let hit = seen_at(&scene, &ball(), [0.0, 0.0]).unwrap();
            assert!((hit - DVec3::new(0.0, -10.0, 0.0)).length() < 1.5, "{hit}");
            let right = seen_at(&scene, &ball(), [0.1, 0.0]).unwrap();
            assert!(right.x > 4.0 && right.x < 8.0, "{right}");
            assert_eq!(seen_at(&scene, &ball(), [0.3, 0.0]), None);
        }
    }

    #[test]
    fn what_is_picked_is_seen_where_it_was_picked() {
        let rect = Rect::from_min_size(Pos2::new(30.0, 40.0), egui::vec2(300.0, 200.0));
        for lens in [Lens::Orthographic { height_mm: 60.0 }, Lens::Perspective { fov_rad: 0.58 }] {
            let camera = from_the_front(lens);
            let (start, direction) = ray(&camera, [0.2, -0.1]).unwrap();
            let at = projected(&camera, rect, start + direction * 80.0).unwrap();
            assert!((at - rect.center() - egui::vec2(40.0, -20.0)).length() < 1e-3, "{at}");
        }
        let behind = DVec3::new(0.0, -200.0, 0.0);
        assert_eq!(projected(&from_the_front(Lens::Perspective { fov_rad: 0.58 }), rect, behind), None);
    }

    #[test]
    fn a_projection_is_picked_where_its_value_is() {
        let view = View::Projection {
            camera: from_the_front(Lens::Orthographic { height_mm: 40.0 }),
            projection: Projection::Mip,
        };
        let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
        let scene = Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None });
        let hit = seen_at(&scene, &ball(), [0.0, 0.0]).unwrap();
        assert!(hit.length() < 10.5, "{hit}");
    }
}
