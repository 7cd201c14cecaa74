//! Going to where a measurement is.

use anatome::{Grid, Planes};
use glam::{DVec2, DVec3};

use super::apply::{Done, NO_NUMBER, NOTHING_SHOWN, Refused};
use super::scene::{bounds_mm, camera_of, plane_of};
use super::{Content, Direction, OrbitView, PlaneView, SeriesId, Session, Slab, Space, ViewState, step_mm};
use crate::command::Command;
use crate::document::Document;
use crate::measure::{Measurement, Place};

/// So far, in parts of a radian, planes may be turned before they are laid along the axes anew.
const TURNED_ANEW: f64 = 1e-3;

/// How far from a plane that a view shows points still count as in it, in mm.
pub(crate) fn reach_mm(grid: &Grid, slab: Slab, normal: DVec3) -> f64 {
    (slab.thickness_mm / 2.0).max(step_mm(grid, normal) * 0.51)
}

impl Session {
    /// The view in which a measurement is gone to: one that shows its plane as it is; else one of its space or its frames;
    /// else the active one. Of equal ones the active, then the first.
    pub(crate) fn view_to_visit(&self, own: &Measurement, document: &Document) -> usize {
        let series = own.place.series();
        let direction = self.lying(own, document).map(|(_, direction)| direction);
        let rank = |view: &ViewState| match (own.place, view.content) {
            _ if !shows(view, own.place, document) => 3,
            (Place::Plane { .. }, Content::Plane(plane)) if Some(plane.direction) == direction => 0,
            (Place::Plane { .. }, Content::Plane(_)) => 1,
            (Place::Space { .. }, Content::Plane(plane))
                if self.lies_along(own, series, plane, document) == Some(true) =>
            {
                0
            }
            (Place::Space { .. }, Content::Orbit(_)) => 1,
            (Place::Frame { .. }, _) => 0,
            _ => 2,
        };
        let views = self.views.iter().enumerate();
        let best = views.min_by_key(|(n, view)| (rank(view), *n != self.active));
        best.map(|(n, view)| if rank(view) == 3 { self.active } else { n }).unwrap_or(self.active)
    }

    /// Shows a measurement in a view of so many pixels: the series, the plane or the frame, and the part of it. What shows
    /// the place already stays as it is.
    pub(super) fn visit(&mut self, view: usize, id: u64, size_px: [u32; 2], document: &Document) -> Done {
        let absent = Refused("there is no such measurement");
        let own = self.measurements.iter().find(|own| own.id == id).ok_or(absent)?.clone();
        if size_px.contains(&0) {
            return Err(NO_NUMBER);
        }
        let series = own.place.series();
        let mut then = self.clone();
        if !shows(then.view_mut(view)?, own.place, document) {
            then.apply(&Command::Show { view, series, content: None }, document)?;
        }
        let aspect = f64::from(size_px[0]) / f64::from(size_px[1]);
        match own.place {
            Place::Frame { frame, .. } => then.go_to(view, frame, document)?,
            Place::Plane { .. } | Place::Space { .. } => then.visit_in_space(view, &own, aspect, document)?,
        }
        then.active = view;
        then.shown.measurements = true;
        *self = then;
        Ok(())
    }

    fn visit_in_space(&mut self, view: usize, own: &Measurement, aspect: f64, document: &Document) -> Done {
        let series = self.view_mut(view)?.series.ok_or(NOTHING_SHOWN)?;
        let grid = document.whole(series).ok_or(NOTHING_SHOWN)?.volume.grid();
        let (space, direction) = match own.place {
            Place::Plane { .. } => {
                let (space, direction) = self.lying(own, document).ok_or(NOTHING_SHOWN)?;
                (space, Some(direction))
            }
            _ => {
                let space = *self.space_of(series, document).ok_or(NOTHING_SHOWN)?;
                let plane = match self.view_mut(view)?.content {
                    Content::Plane(plane) => Some(plane),
                    _ => None,
                };
                let in_plane =
                    plane.filter(|plane| self.lies_along(own, series, *plane, document) == Some(true));
                (space, in_plane.map(|plane| plane.direction))
            }
        };
        let middle = own.middle();
        let (low, high) = bounds_mm(grid);
        let inside = middle.clamp(low, high);
        // What was measured beside the volume keeps its plane.
        let normal = direction.map_or(DVec3::ZERO, |direction| space.normal(direction));
        let center_mm = inside + normal * normal.dot(middle - inside);
        let space = Space { center_mm, ..space };
        self.place(space)?;
        let seen = self.view_mut(view)?;
        let content = match (direction, seen.content) {
            (Some(direction), Content::Plane(plane)) => Content::Plane(PlaneView { direction, ..plane }),
            (Some(direction), _) => Content::Plane(PlaneView { direction, slab: Slab::default() }),
            (None, Content::Orbit(orbit)) => Content::Orbit(orbit),
            (None, _) => Content::Orbit(OrbitView::default()),
        };
        if content != seen.content {
            (seen.content, seen.framing) = (content, super::Framing::default());
        }
        let (right, down, center_mm, width_mm) = match content {
            Content::Orbit(orbit) => {
                let camera = camera_of(orbit, seen.framing, grid, aspect);
                let (right, down, _) = orbit.orbit.axes();
                let height_mm = super::whole_height_mm(grid, aspect) / seen.framing.zoom;
                (right, down, camera.target_mm, height_mm * aspect)
            }
            _ => {
                let direction = direction.ok_or(NOTHING_SHOWN)?;
                let plane = plane_of(seen, grid, &space, direction, aspect);
                (plane.right, plane.down, plane.center_mm, plane.width_mm)
            }
        };
        let flat = own.points.iter().map(|&point| {
            let from = point - center_mm;
            DVec2::new(from.dot(right), from.dot(down))
        });
        let ends = flat.fold(None, |ends: Option<(DVec2, DVec2)>, at| {
            Some(ends.map_or((at, at), |(low, high)| (low.min(at), high.max(at))))
        });
        if let Some((low, high)) = ends {
            seen.framing = seen.framing.with_in_view(low, high, DVec2::new(width_mm, width_mm / aspect));
        }
        Ok(())
    }

    /// The crosshair with one of its planes as that of a measurement, and which: as the planes are, or turned as little as
    /// may be, or laid anew along the axes where the measurement lay along them.
    fn lying(&self, own: &Measurement, document: &Document) -> Option<(Space, Direction)> {
        let Place::Plane { series, right, down, .. } = own.place else { return None };
        let id = document.space(series)?;
        let now = *self.space(id)?;
        let grid = document.whole(series)?.volume.grid();
        let normal = right.cross(down);
        let anew = [Planes::Acquisition, Planes::Patient]
            .map(|planes| (Space::around(id, grid, planes), TURNED_ANEW));
        let all = std::iter::once((now, 0.0)).chain(anew);
        let turned = all.flat_map(|(space, cost)| {
            Direction::ALL.map(|direction| {
                let turned = space.tilted(direction, normal);
                let (own_right, _) = turned.directions(direction);
                let by = space.normal(direction).angle_between(normal) + own_right.angle_between(right);
                (turned, direction, cost + by)
            })
        });
        let least = turned.min_by(|a, b| a.2.total_cmp(&b.2));
        least.map(|(space, direction, _)| (space, direction))
    }

    /// Whether all points of a measurement lie in the plane of a view that goes through their middle.
    fn lies_along(
        &self,
        own: &Measurement,
        series: SeriesId,
        plane: PlaneView,
        document: &Document,
    ) -> Option<bool> {
        let grid = document.grid(series)?;
        let normal = self.space_of(series, document)?.normal(plane.direction);
        let shown = super::shown_mm(grid, own.middle(), normal);
        let reach = reach_mm(grid, plane.slab, normal);
        Some(own.points.iter().all(|point| normal.dot(*point - shown).abs() <= reach))
    }
}

/// Whether a view shows the space or the frames in which something stands.
fn shows(view: &ViewState, place: Place, document: &Document) -> bool {
    let (own, is_frame) = (place.series(), matches!(place, Place::Frame { .. }));
    view.series.is_some_and(|series| match view.content {
        Content::Frame(_) => is_frame && series == own,
        _ => !is_frame && document.space(series).is_some_and(|space| document.space(own) == Some(space)),
    })
}
