//! Reference lines: where what other views show cuts this one.

use anatome::{Grid, SlicePlane};
use egui::{Color32, Painter, Pos2};
use glam::{DVec2, DVec3};

use super::line;
use crate::document::Document;
use crate::pick::within_grid;
use crate::session::{Content, SeriesId, Session, ViewState, plane_of};
use crate::theme;
use crate::viewport::{PlaneMap, Seen};

/// A rectangle in the patient.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sheet {
    corner_mm: DVec3,
    right: DVec3,
    down: DVec3,
    size_mm: DVec2,
}

impl Sheet {
    fn normal(&self) -> DVec3 {
        self.right.cross(self.down)
    }

    /// The two places at which its edges cross a plane.
    fn cut(&self, point_mm: DVec3, normal: DVec3) -> Option<[DVec3; 2]> {
        let (x, y) = (self.right * self.size_mm.x, self.down * self.size_mm.y);
        let corners = [self.corner_mm, self.corner_mm + x, self.corner_mm + x + y, self.corner_mm + y];
        let depths = corners.map(|corner| (corner - point_mm).dot(normal));
        let mut crossed = Vec::new();
        for (n, &a) in depths.iter().enumerate() {
            let b = depths[(n + 1) % 4];
            if (a < 0.0) != (b < 0.0) {
                crossed.push(corners[n].lerp(corners[(n + 1) % 4], a / (a - b)));
            }
        }
        <[DVec3; 2]>::try_from(crossed).ok()
    }
}

/// Where a frame of a stack stands; nothing if it does not say.
fn of_frame(document: &Document, series: SeriesId, frame: usize) -> Option<Sheet> {
    let frame = document.stack(series)?.frames().get(frame)?;
    let plane = frame.plane();
    let (right, down) = (plane.row_cosines?.try_normalize()?, plane.column_cosines?.try_normalize()?);
    let [row_mm, column_mm] = plane.pixel_spacing_mm?;
    let [rows, columns] = frame.size().map(f64::from);
    let first = plane.image_position_mm?;
    let usable = right.dot(down).abs() < 1e-3 && row_mm > 0.0 && column_mm > 0.0;
    // The position is that of the middle of the first pixel.
    let corner_mm = first - right * (column_mm / 2.0) - down * (row_mm / 2.0);
    usable.then_some(Sheet {
        corner_mm,
        right,
        down,
        size_mm: DVec2::new(columns * column_mm, rows * row_mm),
    })
}

/// What a view shows of the patient, if it is flat. Of a volume the plane as far as a square picture of all of it goes.
fn of_view(session: &Session, document: &Document, view: &ViewState) -> Option<Sheet> {
    let series = view.series?;
    match view.content {
        Content::Frame(own) => of_frame(document, series, own.frame),
        Content::Plane(own) => {
            let whole = ViewState { framing: crate::session::Framing::default(), ..view.clone() };
            let space = session.space_of(series, document)?;
            let SlicePlane { center_mm, right, down, width_mm } =
                plane_of(&whole, document.grid(series)?, space, own.direction, 1.0);
            let corner_mm = center_mm - (right + down) * (width_mm / 2.0);
            Some(Sheet { corner_mm, right, down, size_mm: DVec2::splat(width_mm) })
        }
        Content::Orbit(_) => None,
    }
}

/// The part of a line within a grid.
fn clipped(grid: &Grid, [from, to]: [DVec3; 2]) -> Option<[DVec3; 2]> {
    let direction = (to - from).try_normalize()?;
    let (near, far) = within_grid(grid, from, direction)?;
    let far = far.min(from.distance(to));
    (near < far).then(|| [from + direction * near, from + direction * far])
}

/// The lines of a view on its screen: of which other view, from where to where.
pub(crate) fn lines(seen: &Seen<'_>, map: &PlaneMap) -> Vec<(usize, [Pos2; 2])> {
    let Some(series) = seen.view.series else { return Vec::new() };
    let Some(own) = of_view(seen.session, seen.document, seen.view) else { return Vec::new() };
    let to_screen = |at_mm: DVec3| match seen.view.content {
        Content::Frame(frame) => {
            let stands = of_frame(seen.document, series, frame.frame)?;
            let mm = seen.frame()?.volume.grid().spacing_mm();
            // On a frame places count from the middle of its first pixel.
            let from = at_mm - stands.corner_mm;
            let at = DVec2::new(from.dot(stands.right), from.dot(stands.down)) - mm.truncate() / 2.0;
            Some(map.screen(at.extend(0.0)))
        }
        _ => Some(map.screen(at_mm)),
    };
    let space = seen.document.space(series);
    let others = seen.session.views.iter().enumerate().filter(|(n, _)| *n != seen.index);
    let mut lines: Vec<(usize, [Pos2; 2])> = Vec::new();
    for (n, view) in others {
        let shared = view.series.is_some_and(|other| seen.document.space(other) == space);
        let is_crosshair = seen.session.shown.crosshair
            && matches!((seen.view.content, view.content), (Content::Plane(_), Content::Plane(_)));
        if !shared || is_crosshair {
            continue;
        }
        let cut = of_view(seen.session, seen.document, view).and_then(|sheet| {
            let crossing = sheet.normal().cross(own.normal()).length() > 1e-3;
            sheet.cut(own.corner_mm, own.normal()).filter(|_| crossing)
        });
        let cut = match (view.content, view.series.and_then(|other| seen.document.grid(other))) {
            (Content::Plane(_), Some(grid)) => cut.and_then(|ends| clipped(grid, ends)),
            _ => cut,
        };
        if let Some([Some(from), Some(to)]) = cut.map(|ends| ends.map(to_screen))
            && !lines.iter().any(|(_, other)| *other == [from, to])
        {
            lines.push((n, [from, to]));
        }
    }
    lines
}

/// Draws the lines of a view; that of the active view stronger.
pub(crate) fn draw(painter: &Painter, seen: &Seen<'_>, map: &PlaneMap) {
    for (n, ends) in lines(seen, map) {
        let color = match seen.session.views.get(n).map(|view| view.content) {
            Some(Content::Plane(plane)) => theme::PLANES[plane.direction as usize],
            _ => Color32::from_rgb(110, 180, 220),
        };
        let is_active = n == seen.session.active;
        line(
            painter,
            ends,
            if is_active { 1.6 } else { 1.0 },
            color.gamma_multiply(if is_active { 1.0 } else { 0.7 }),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_cut_where_its_edges_cross() {
        let sheet = Sheet {
            corner_mm: DVec3::new(-10.0, -20.0, 5.0),
            right: DVec3::X,
            down: DVec3::Y,
            size_mm: DVec2::new(100.0, 60.0),
        };
        let ends = sheet.cut(DVec3::new(30.0, 0.0, 0.0), DVec3::X).unwrap();
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        assert!((low - DVec3::new(30.0, -20.0, 5.0)).length() < 1e-9, "{low}");
        assert!((high - DVec3::new(30.0, 40.0, 5.0)).length() < 1e-9, "{high}");
        // Beside it, and along it, there is none.
        assert_eq!(sheet.cut(DVec3::new(95.0, 0.0, 0.0), DVec3::X), None);
        assert_eq!(sheet.cut(DVec3::ZERO, DVec3::Z), None);
    }

    #[test]
    fn lines_end_where_the_volume_ends() {
        let grid = Grid::even([10, 10, 10], glam::DAffine3::IDENTITY).unwrap();
        let ends = clipped(&grid, [DVec3::new(-50.0, 4.0, 4.0), DVec3::new(50.0, 4.0, 4.0)]).unwrap();
        assert!((ends[0].x + 0.5).abs() < 1e-9 && (ends[1].x - 9.5).abs() < 1e-9, "{ends:?}");
        assert_eq!(clipped(&grid, [DVec3::new(-50.0, 40.0, 4.0), DVec3::new(50.0, 40.0, 4.0)]), None);
    }
}
