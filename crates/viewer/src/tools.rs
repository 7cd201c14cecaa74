//! What the pointer does.

use glam::DVec3;

use crate::document::Document;
use crate::measure::{Kind, Place};
use crate::session::{Content, SeriesId, Session, Subject};

/// What a drag with the left button does in planes and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Changes the window.
    #[default]
    Window,
    Pan,
    Zoom,
    Scroll,
    /// Moves the crosshair.
    Cross,
    /// Measures.
    Measure(Kind),
}

impl Tool {
    /// Those that are no measurements, with names and what they do.
    pub(crate) const SIMPLE: [(Self, &str, &str); 5] = [
        (Self::Window, "Window", "Drag: right for a wider window, up for a brighter picture"),
        (Self::Pan, "Pan", "Drag: moves the picture"),
        (Self::Zoom, "Zoom", "Drag: down for a larger picture"),
        (Self::Scroll, "Scroll", "Drag: goes through the slices"),
        (Self::Cross, "Crosshair", "Click or drag: moves the crosshair"),
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Measure(kind) => kind.name(),
            simple => Self::SIMPLE.iter().find(|(tool, ..)| *tool == simple).map_or("", |(_, name, _)| name),
        }
    }
}

/// A drag that goes on in a view.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Drag {
    Window,
    Pan,
    Zoom,
    /// With the steps that were not made yet.
    Scroll(f32),
    /// The crosshair.
    Cross,
    /// A line of the crosshair, by one of its ends.
    Turn,
    /// What a 3D view shows.
    Orbit,
    /// A face of the crop box.
    Crop {
        face: usize,
    },
    /// A point of a measurement.
    Handle {
        id: u64,
        point: usize,
    },
    /// All points of a measurement.
    Whole {
        id: u64,
    },
    /// A measurement that is being drawn.
    Draw,
}

/// A measurement that is being drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    /// In which view.
    pub view: usize,
    pub kind: Kind,
    pub place: Place,
    /// Set so far; the last one follows the pointer.
    pub points: Vec<DVec3>,
}

/// What a measurement is drawn on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground {
    shown: (SeriesId, Subject, Option<usize>),
    /// Its directions and its depth in mm, of what lies on a plane.
    plane: Option<(DVec3, DVec3, f64)>,
}

impl Draft {
    /// What its view shows, as far as its points depend on it; none if the view shows nothing.
    pub(crate) fn ground(&self, session: &Session, document: &Document) -> Option<Ground> {
        let view = session.views.get(self.view)?;
        let series = view.series?;
        let frame = match view.content {
            Content::Frame(own) => Some(own.frame),
            _ => None,
        };
        let plane = match (self.place, view.content) {
            (Place::Plane { .. }, Content::Plane(own)) => {
                let space = session.space_of(series, document)?;
                let (right, down) = space.directions(own.direction);
                Some((right, down, right.cross(down).dot(space.center_mm)))
            }
            _ => None,
        };
        Some(Ground { shown: (series, view.subject(document)?, frame), plane })
    }
}

impl Ground {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        /// So much is lost in computing.
        const NEAR: f64 = 1e-6;
        let is_near = |(right, down, depth): (DVec3, DVec3, f64), other: (DVec3, DVec3, f64)| {
            right.abs_diff_eq(other.0, NEAR)
                && down.abs_diff_eq(other.1, NEAR)
                && (depth - other.2).abs() < NEAR
        };
        let same_plane = match (self.plane, other.plane) {
            (Some(own), Some(other)) => is_near(own, other),
            (own, other) => own.is_none() && other.is_none(),
        };
        self.shown == other.shown && same_plane
    }
}
