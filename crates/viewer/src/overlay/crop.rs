//! The box that 3D views are cropped to, with handles on its faces.

use anatome::{CropBox, Region};
use egui::{Color32, Painter, Pos2, Rect, Stroke, Vec2};
use glam::DVec3;

use super::line;
use crate::command::Command;
use crate::pick::projected;
use crate::session::{Content, bounds_mm};
use crate::viewport::Seen;

const COLOR: Color32 = Color32::from_rgb(130, 200, 230);
/// So near the pointer must be to a handle.
const NEAR: f32 = 9.0;
/// So far handles stay from the edge of the picture, where letters stand.
const EDGE: f32 = 30.0;
/// The edges between the corners, which are numbered by the bits of their axes.
const EDGES: [(usize, usize); 12] =
    [(0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 4), (1, 5), (2, 6), (3, 7)];

/// A face of the box, 0 to 5: low and high along x, y and z.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Handle {
    pub face: usize,
    pub at: Pos2,
    /// How far on the screen 1 mm along the face's axis is.
    per_mm: Vec2,
}

/// The box of a view: which view's region it is, and where it is. That of the first 3D view of the same series.
fn shown(seen: &Seen<'_>) -> Option<(usize, CropBox, Region)> {
    if !seen.session.shown.crop_box {
        return None;
    }
    let series = seen.view.series?;
    let is_3d = |view: &crate::session::ViewState| {
        view.series == Some(series) && matches!(view.content, Content::Orbit(_))
    };
    let index = if is_3d(seen.view) { seen.index } else { seen.session.views.iter().position(is_3d)? };
    let region = seen.session.views.get(index)?.look.region.clone();
    let (min_mm, max_mm) = bounds_mm(seen.document.grid(series)?);
    Some((index, region.crop.unwrap_or(CropBox { min_mm, max_mm }), region))
}

fn corners(crop: &CropBox) -> [DVec3; 8] {
    std::array::from_fn(|n| {
        let part = |axis: usize| if n >> axis & 1 == 1 { crop.max_mm[axis] } else { crop.min_mm[axis] };
        DVec3::new(part(0), part(1), part(2))
    })
}

/// The middle of a face, and its axis.
fn face(crop: &CropBox, n: usize) -> (DVec3, DVec3) {
    let axis = n / 2;
    let mut middle = (crop.min_mm + crop.max_mm) / 2.0;
    middle[axis] = if n.is_multiple_of(2) { crop.min_mm[axis] } else { crop.max_mm[axis] };
    (middle, DVec3::AXES[axis])
}

/// Where an edge crosses a plane.
fn crossing(a: DVec3, b: DVec3, depth: impl Fn(DVec3) -> f64) -> Option<DVec3> {
    let (from, to) = (depth(a), depth(b));
    ((from < 0.0) != (to < 0.0)).then(|| a.lerp(b, from / (from - to)))
}

/// The lines of the box in a view.
fn lines(seen: &Seen<'_>, crop: &CropBox) -> Vec<[Pos2; 2]> {
    let corners = corners(crop);
    if let Some(camera) = seen.camera() {
        let on_screen = corners.map(|corner| projected(&camera, seen.rect, corner));
        return EDGES.iter().filter_map(|&(a, b)| Some([on_screen[a]?, on_screen[b]?])).collect();
    }
    let Some(map) = seen.map() else { return Vec::new() };
    // On a plane: where each face cuts it.
    (0..6)
        .filter_map(|n| {
            let is_of_face = |corner: usize| (corner >> (n / 2) & 1) == n % 2;
            let edges = EDGES.iter().filter(|(a, b)| is_of_face(*a) && is_of_face(*b));
            let cut = edges.filter_map(|&(a, b)| crossing(corners[a], corners[b], |at| map.depth_mm(at)));
            let cut: Vec<Pos2> = cut.map(|at| map.screen(at)).collect();
            <[Pos2; 2]>::try_from(cut).ok()
        })
        .collect()
}

/// What can be dragged in a view.
pub(crate) fn handles(seen: &Seen<'_>) -> Vec<Handle> {
    let Some((_, crop, _)) = shown(seen) else { return Vec::new() };
    let camera = seen.camera();
    let map = seen.map();
    let corners = corners(&crop);
    let handle = |n: usize| {
        let (middle, axis) = face(&crop, n);
        if let Some(camera) = &camera {
            let at = projected(camera, seen.rect, middle)?;
            let per_mm = projected(camera, seen.rect, middle + axis)? - at;
            return Some(Handle { face: n, at, per_mm });
        }
        let map = map.as_ref()?;
        let is_of_face = |corner: usize| (corner >> (n / 2) & 1) == n % 2;
        let edges = EDGES.iter().filter(|(a, b)| is_of_face(*a) && is_of_face(*b));
        let cut: Vec<DVec3> =
            edges.filter_map(|&(a, b)| crossing(corners[a], corners[b], |at| map.depth_mm(at))).collect();
        let [a, b] = <[DVec3; 2]>::try_from(cut).ok()?;
        let per_mm = map.screen(map.plane.center_mm + axis) - map.screen(map.plane.center_mm);
        Some(Handle { face: n, at: map.screen(a.midpoint(b)), per_mm })
    };
    // A face that is looked at from the front can't be dragged.
    let draggable = (0..6).filter_map(handle).filter(|handle| handle.per_mm.length() > 1e-3);
    // What lies outside of the picture is dragged by its edge.
    let inner = inner(seen.rect);
    draggable.map(|handle| Handle { at: handle.at.clamp(inner.min, inner.max), ..handle }).collect()
}

/// Where handles stay.
fn inner(rect: Rect) -> Rect {
    let inner = rect.shrink2(Vec2::splat(EDGE).min(rect.size() / 2.0));
    // Half of a narrow one, taken from both sides, may leave less than nothing.
    Rect::from_min_max(inner.min, inner.max.max(inner.min))
}

/// The handle at a place of the screen.
pub(crate) fn handle_at(seen: &Seen<'_>, at: Pos2) -> Option<usize> {
    let near = handles(seen).into_iter().map(|own| (own.face, own.at.distance(at)));
    near.filter(|(_, far)| *far <= NEAR).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(face, _)| face)
}

/// What is to be done when a handle is dragged.
pub(crate) fn dragged(seen: &Seen<'_>, face: usize, by: Vec2) -> Option<Command> {
    let (view, mut crop, region) = shown(seen)?;
    let handle = handles(seen).into_iter().find(|own| own.face == face)?;
    let by_mm = f64::from(by.dot(handle.per_mm) / handle.per_mm.length_sq());
    let axis = face / 2;
    let (low, high) = bounds_mm(seen.document.grid(seen.view.series?)?);
    // Something remains.
    let least = (high - low)[axis] * 0.02;
    if face.is_multiple_of(2) {
        crop.min_mm[axis] =
            (crop.min_mm[axis] + by_mm).clamp(low[axis], (crop.max_mm[axis] - least).max(low[axis]));
    } else {
        crop.max_mm[axis] =
            (crop.max_mm[axis] + by_mm).clamp((crop.min_mm[axis] + least).min(high[axis]), high[axis]);
    }
    Some(Command::Crop { view, region: Region { crop: Some(crop), ..region } })
}

/// Draws the box of a view.
pub(crate) fn draw(painter: &Painter, seen: &Seen<'_>) {
    let Some((_, crop, _)) = shown(seen) else { return };
    for ends in lines(seen, &crop) {
        line(painter, ends, 1.0, COLOR.gamma_multiply(0.8));
    }
    for handle in handles(seen) {
        painter.circle(handle.at, 4.5, COLOR, Stroke::new(1.0, Color32::BLACK));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_face_has_four_of_the_edges() {
        let crop = CropBox { min_mm: DVec3::ZERO, max_mm: DVec3::new(1.0, 2.0, 3.0) };
        let corners = corners(&crop);
        for n in 0..6 {
            let (middle, axis) = face(&crop, n);
            let of = corners.iter().filter(|corner| ((**corner - middle).dot(axis)).abs() < 1e-12);
            let sum: DVec3 = of.clone().sum();
            assert_eq!((of.count(), sum / 4.0), (4, middle));
        }
        // Each edge is along one axis.
        for (a, b) in EDGES {
            let by = (corners[a] - corners[b]).abs();
            assert_eq!((by.cmpgt(DVec3::splat(1e-9)).bitmask()).count_ones(), 1);
        }
    }

    /// Else a handle could not be clamped to it.
    #[test]
    fn in_the_narrowest_view_there_is_a_place_for_handles() {
        for n in 0..3000_u16 {
            let left = f32::from(n) * 0.37;
            let rect = Rect::from_min_max(Pos2::new(left, 7.3), Pos2::new(left + 41.7, 7.3 + left / 70.0));
            let inner = inner(rect);
            assert!(inner.min.x <= inner.max.x && inner.min.y <= inner.max.y, "{rect} {inner}");
        }
    }

    #[test]
    fn an_edge_crosses_where_its_depth_is_none() {
        let at = crossing(DVec3::ZERO, DVec3::X * 10.0, |at| at.x - 4.0).unwrap();
        assert!((at.x - 4.0).abs() < 1e-12);
        assert_eq!(crossing(DVec3::ZERO, DVec3::X, |at| at.x + 1.0), None);
    }
}
