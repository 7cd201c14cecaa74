//! The only way to change a session.

use anatome::{Interpolation, Planes, Region, Shading, TransferFunction, Voi};
use glam::{DQuat, DVec2, DVec3};
use serde::{Deserialize, Serialize};

use crate::measure::{Kind, Place};
use crate::session::{Borders, Content, Layout, Mode, SeriesId, Shown, Side, Slab, Space};

/// A change of the session. Views are named by their place in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// Shows a series in a view; how is found by what it is, unless it is said.
    Show { view: usize, series: SeriesId, content: Option<Content> },
    /// Empties a view.
    Clear { view: usize },
    /// Makes room for other views.
    Arrange { layout: Layout },
    /// Moves the borders between the cells of the layout.
    Divide { borders: Borders },
    /// Makes a view the one that keys act on.
    Activate { view: usize },
    /// Gives the active view the window for itself, or takes it back.
    Enlarge { enlarged: bool },
    /// Shows a view in a window of its own, or none.
    SetAside { view: Option<usize> },
    /// Gives a view looks, a slab and an overlay of its own, or links them with those of other views again.
    SetApart { view: usize, is_apart: bool },
    /// Says where the crosshair of a space is, when the space is first shown.
    Place { space: Space },
    /// What a view is a view of.
    Look { view: usize, content: Content },

    /// Moves the crosshair along the normal of a plane, or goes to other frames.
    Scroll { view: usize, steps: f64 },
    /// Goes to a frame.
    GoTo { view: usize, frame: usize },
    /// Moves the crosshair of the view's space.
    Cross { view: usize, at_mm: DVec3 },
    /// Turns the planes of the view's space about an axis through the crosshair.
    Turn { view: usize, axis: DVec3, angle_rad: f64 },
    /// Lays the planes along the patient's or the acquisition's axes, through the middle.
    ResetPlanes { view: usize, planes: Planes },
    /// How thick all planes of the view's space are.
    Thicken { view: usize, slab: Slab },

    /// Moves what is seen: the middle of the picture goes by so many mm right and down.
    Pan { view: usize, by_mm: DVec2 },
    /// Zooms about a place that is so many mm right and down of the picture's middle.
    Zoom { view: usize, factor: f64, about_mm: DVec2 },
    /// Shows all.
    Fit { view: usize },
    /// Turns the picture of a frame clockwise by a right angle.
    Rotate { view: usize },
    /// Exchanges left and right in the picture of a frame.
    Mirror { view: usize },
    /// Turns what a 3D view shows by a rotation in the picture's axes.
    Orbit { view: usize, by: DQuat },
    /// Shows a 3D view from a side.
    Face { view: usize, side: Side },
    /// What becomes of values along rays of a 3D view.
    Mode { view: usize, mode: Mode },
    /// A vertical field of view, or parallel rays.
    Perspective { view: usize, fov_rad: Option<f64> },

    /// The window of the series' planes, or of its projections; its own if absent.
    Window { view: usize, voi: Option<Voi> },
    /// Exchanges black and white.
    Invert { view: usize },
    /// A colour map by name, or grey.
    Colors { view: usize, name: Option<String> },
    /// How values between voxel centres are found.
    Interpolate { view: usize, interpolation: Interpolation },
    /// A rendering preset by name; takes back what was changed.
    Preset { view: usize, name: String },
    /// Colours and opacities.
    Transfer { view: usize, function: TransferFunction },
    /// Lighting.
    Shade { view: usize, shading: Shading },
    /// What part of the series 3D views show.
    Crop { view: usize, region: Region },
    /// Lays another series of the same space over the planes and projections of one, or takes it away.
    Fuse { view: usize, overlay: Option<SeriesId> },
    /// How much of it is seen.
    Opacity { view: usize, opacity: f64 },
    /// The window of what is laid over.
    OverlayWindow { view: usize, voi: Voi },
    /// The colour map of what is laid over.
    OverlayColors { view: usize, name: String },

    /// Adds a measurement.
    Measure { kind: Kind, place: Place, points: Vec<DVec3>, text: String },
    /// Moves the points of a measurement.
    Move { id: u64, points: Vec<DVec3> },
    /// Writes to a measurement.
    Write { id: u64, text: String },
    /// Shows a measurement in a view of a size: its plane or frame, and the part of it.
    Visit { view: usize, id: u64, size_px: [u32; 2] },
    /// Takes a measurement away.
    Delete { id: u64 },
    /// Takes all away.
    DeleteAll,
    /// Marks what a view of a size shows as a key image.
    Mark { view: usize, size_px: [u32; 2] },
    /// Takes a key image off the list.
    Unmark { id: u64 },
    /// Shows a key image in a view.
    Recall { view: usize, id: u64 },
    /// Shows another phase of what a view shows, in all views that show a phase of it.
    Phase { view: usize, series: SeriesId },
    /// What is written over pictures.
    Overlays { shown: Shown },
}

impl Command {
    /// Commands of one kind that follow each other soon are undone at once.
    pub(crate) fn kind(&self) -> std::mem::Discriminant<Self> {
        std::mem::discriminant(self)
    }

    /// Whether it comes many times in a row: by turns of a wheel, repeated keys, letters.
    pub(crate) fn is_repeated(&self) -> bool {
        matches!(
            self,
            Self::Scroll { .. }
                | Self::GoTo { .. }
                | Self::Phase { .. }
                | Self::Zoom { .. }
                | Self::Thicken { .. }
                | Self::Write { .. }
        )
    }

    /// Whether it changes nothing that one would want back.
    pub(crate) fn is_trifle(&self) -> bool {
        matches!(self, Self::Activate { .. } | Self::Place { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_plain_json() {
        let text = r#"{"scroll":{"view":0,"steps":-2.0}}"#;
        let command: Command = serde_json::from_str(text).unwrap();
        assert_eq!(command, Command::Scroll { view: 0, steps: -2.0 });
        assert_eq!(serde_json::to_string(&command).unwrap(), text);
    }
}
