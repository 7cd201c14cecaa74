//! What the pointer does.

use crate::measure::Kind;

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
    pub place: crate::measure::Place,
    /// Set so far; the last one follows the pointer.
    pub points: Vec<glam::DVec3>,
}
