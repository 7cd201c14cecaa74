//! What keys do bit by bit: with what the pointer drags and panels have sliders for.

use anatome::{ClipPlane, Interpolation, Presets, Projection, Region, Voi, Window};
use glam::{DQuat, DVec2, DVec3};

use crate::app::Viewer;
use crate::command::Command;
use crate::document::Kind;
use crate::session::{Content, Direction, Mode, OrbitView, PlaneView, step_mm, voi_of};

/// A small change of what the active view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// Turns a 3D view, or moves a picture, to the left or right; in 3D also up or down.
    Aside(Way),
    /// Moves the picture.
    Pan(Way),
    /// Moves the crosshair by a voxel.
    Cross(Way),
    /// Turns the other planes about the crosshair, clockwise or not.
    Turn {
        clockwise: bool,
    },
    Brighter,
    Darker,
    Wider,
    Narrower,
    NextColors,
    NextInterpolation,
    /// Lays the next series over it, or none.
    NextOverlay,
    MoreOverlay,
    LessOverlay,
    /// Moves the selected measurement, or a point of it.
    Nudge(Way),
    NextPreset,
    NextMode,
    /// Perspective, or parallel rays.
    Perspective,
    /// Shows all of what was cropped and cut.
    Uncrop,
    /// Hides in 3D what is in front of a plane of the crosshair.
    Cut(Direction),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    Left,
    Right,
    Up,
    Down,
}

impl Way {
    /// In a picture, right and down.
    pub(crate) fn flat(self) -> DVec2 {
        match self {
            Self::Left => -DVec2::X,
            Self::Right => DVec2::X,
            Self::Up => -DVec2::Y,
            Self::Down => DVec2::Y,
        }
    }
}

/// A turn by a key.
const TURN_RAD: f64 = std::f64::consts::PI / 36.0;
/// The vertical field of view of pictures in perspective.
pub(crate) const PERSPECTIVE_RAD: f64 = std::f64::consts::PI / 6.0;
/// A step through a window, in parts of its width.
const WINDOW: f64 = 0.1;

impl Viewer {
    /// What a step does in the active view; nothing if it makes no sense there.
    pub(crate) fn step(&self, step: Step) -> Option<Command> {
        let view = self.session.active;
        let own = self.session.active_view()?;
        let series = own.series?;
        match step {
            Step::Aside(way) if matches!(own.content, Content::Orbit(_)) => {
                // As a drag that way does.
                let by = way.flat();
                let by = DQuat::from_axis_angle(DVec3::new(by.y, -by.x, 0.0), 2.0 * TURN_RAD);
                Some(Command::Orbit { view, by })
            }
            Step::Aside(way) | Step::Pan(way) => self.panned(way),
            Step::Cross(way) => self.crossed(way),
            Step::Turn { clockwise } => {
                let Content::Plane(PlaneView { direction, .. }) = own.content else { return None };
                let axis = self.session.space_of(series, &self.document)?.normal(direction);
                let angle_rad = if clockwise { TURN_RAD } else { -TURN_RAD };
                Some(Command::Turn { view, axis, angle_rad })
            }
            Step::Brighter => self.windowed(-WINDOW, 1.0),
            Step::Darker => self.windowed(WINDOW, 1.0),
            Step::Wider => self.windowed(0.0, 1.0 + WINDOW),
            Step::Narrower => self.windowed(0.0, 1.0 / (1.0 + WINDOW)),
            Step::NextColors => {
                let maps = Presets::built_in().color_maps.iter().map(|preset| Some(preset.name.clone()));
                let all: Vec<Option<String>> = std::iter::once(None).chain(maps).collect();
                Some(Command::Colors { view, name: after(&all, &own.look.colors)? })
            }
            Step::NextInterpolation => {
                let all = [Interpolation::Linear, Interpolation::Nearest, Interpolation::Cubic];
                Some(Command::Interpolate { view, interpolation: after(&all, &own.look.interpolation)? })
            }
            Step::NextOverlay => {
                let space = self.document.space(series);
                let fits = self.document.entries().iter().filter(|entry| {
                    let is_volume = entry.facts.kind == Kind::Volume && entry.id != series;
                    is_volume && self.document.space(entry.id) == space
                });
                let all: Vec<_> = std::iter::once(None).chain(fits.map(|entry| Some(entry.id))).collect();
                let shown = own.overlay.as_ref().map(|over| over.series);
                Some(Command::Fuse { view, overlay: after(&all, &shown)? })
            }
            Step::MoreOverlay | Step::LessOverlay => {
                let by = if step == Step::MoreOverlay { 0.1 } else { -0.1 };
                Some(Command::Opacity { view, opacity: own.overlay.as_ref()?.opacity + by })
            }
            Step::NextPreset => {
                let Content::Orbit(_) = own.content else { return None };
                let defaults = self.document.defaults(series)?;
                let all: Vec<&String> = defaults.renderings.keys().collect();
                let chosen = own.look.preset.clone().unwrap_or_else(|| defaults.first_preset().to_owned());
                Some(Command::Preset { view, name: after(&all, &&chosen)?.clone() })
            }
            Step::NextMode => {
                let Content::Orbit(orbit) = own.content else { return None };
                let projections =
                    [Projection::Mip, Projection::MinIp, Projection::Mean].map(Mode::Projection);
                let all: Vec<Mode> = std::iter::once(Mode::Rendering).chain(projections).collect();
                Some(Command::Mode { view, mode: after(&all, &orbit.mode)? })
            }
            Step::Perspective => {
                let Content::Orbit(orbit) = own.content else { return None };
                let fov_rad = if orbit.fov_rad.is_none() { Some(PERSPECTIVE_RAD) } else { None };
                Some(Command::Perspective { view, fov_rad })
            }
            Step::Nudge(way) => self.nudged(way),
            Step::Uncrop => Some(Command::Crop { view: self.shown_in_3d()?, region: Region::default() }),
            Step::Cut(direction) => self.cut(direction),
        }
    }

    /// Cuts what the active view, or else the first of its series, shows in 3D.
    fn cut(&self, direction: Direction) -> Option<Command> {
        let view = self.shown_in_3d()?;
        let own = self.session.views.get(view)?;
        let Content::Orbit(OrbitView { orbit, .. }) = own.content else { return None };
        let space = self.session.space_of(own.series?, &self.document)?;
        let normal = space.normal(direction);
        // What is kept lies on the side away from the viewer.
        let (_, _, forward) = orbit.axes();
        let normal = if normal.dot(forward) < 0.0 { -normal } else { normal };
        let clip_planes = vec![ClipPlane { point_mm: space.center_mm, normal }];
        Some(Command::Crop { view, region: Region { clip_planes, ..own.look.region.clone() } })
    }

    /// The picture goes that way: by a tenth of the view.
    fn panned(&self, way: Way) -> Option<Command> {
        let seen = self.active_seen()?;
        let point_mm = seen.drawn_map().map(|map| map.point_mm()).or(seen.orbit_point_mm())?;
        let by_mm = -way.flat() * point_mm * f64::from(seen.rect.width()) * 0.1;
        Some(Command::Pan { view: seen.index, by_mm })
    }

    fn crossed(&self, way: Way) -> Option<Command> {
        let seen = self.active_seen()?;
        let Content::Plane(_) = seen.view.content else { return None };
        let series = seen.view.series?;
        let (map, grid) = (seen.map()?, self.document.grid(series)?);
        let by = way.flat();
        let towards = map.plane.right * by.x + map.plane.down * by.y;
        let center_mm = self.session.space_of(series, &self.document)?.center_mm;
        Some(Command::Cross { view: seen.index, at_mm: center_mm + towards * step_mm(grid, towards) })
    }

    /// The window with its centre moved by parts of its width, and its width changed by a factor.
    fn windowed(&self, by: f64, factor: f64) -> Option<Command> {
        let own = self.session.active_view()?;
        let frame = self.active_seen().and_then(|seen| seen.drawn_frame().cloned());
        let defaults = match &frame {
            Some(frame) if frame.is_color() => return None,
            Some(frame) => &frame.defaults,
            None => self.document.defaults(own.series?)?,
        };
        let Voi::Window(window) = voi_of(&own.look, defaults, &own.content) else { return None };
        // Brighter, also where low values are white.
        let sign = if own.look.invert == defaults.is_dark_on_white { 1.0 } else { -1.0 };
        let (center, width) = (window.center() + sign * by * window.width(), window.width() * factor);
        let voi = Window::new(center, width, window.function()).ok().map(Voi::Window)?;
        Some(Command::Window { view: self.session.active, voi: Some(voi) })
    }
}

/// What follows one of several, in a circle; the first if it is none of them.
fn after<T: Clone + PartialEq>(all: &[T], own: &T) -> Option<T> {
    let next = all.iter().position(|other| other == own).map_or(0, |at| at + 1);
    all.get(next).or(all.first()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::SeriesId;
    use crate::walkthrough::unseen::{document, viewer};

    fn window(viewer: &Viewer) -> Window {
        let defaults = viewer.document.defaults(SeriesId { input: 0, number: 0 }).unwrap();
        let own = viewer.session.active_view().unwrap();
        match voi_of(&own.look, defaults, &own.content) {
            Voi::Window(window) => *window,
            Voi::Lut(_) => panic!("a table"),
        }
    }

    #[test]
    fn windows_are_stepped_and_lists_are_circles() {
        let mut viewer = viewer(document(&[40, -70]));
        let act = |viewer: &mut Viewer, step: Step| {
            let command = viewer.step(step).unwrap();
            viewer.do_now(&command);
        };
        let before = window(&viewer);
        act(&mut viewer, Step::Brighter);
        assert!((window(&viewer).center() - (before.center() - 0.1 * before.width())).abs() < 1e-9);
        act(&mut viewer, Step::Darker);
        act(&mut viewer, Step::Wider);
        assert!((window(&viewer).width() / before.width() - 1.1).abs() < 1e-9);
        assert!((window(&viewer).center() - before.center()).abs() < 1e-9);
        let overlay =
            |viewer: &Viewer| viewer.session.views[0].overlay.as_ref().map(|over| over.series.number);
        let mut seen = Vec::new();
        for _ in 0..3 {
            act(&mut viewer, Step::NextOverlay);
            seen.push(overlay(&viewer));
        }
        assert_eq!(seen, [Some(1), None, Some(1)]);
        act(&mut viewer, Step::LessOverlay);
        assert!((viewer.session.views[0].overlay.as_ref().unwrap().opacity - 0.4).abs() < 1e-9);
        // What a plane has not is not changed.
        assert_eq!([Step::NextPreset, Step::NextMode].map(|step| viewer.step(step)), [None, None]);
    }
}
