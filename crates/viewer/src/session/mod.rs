//! What is shown, and how: small plain data that is saved. Nothing here knows of a window.

mod apply;
mod framing;
mod key_image;
mod layout;
#[cfg(test)]
mod monkey;
mod scene;
mod space;
mod view;
mod visit;

use serde::{Deserialize, Serialize};

pub(crate) use framing::Framing;
#[cfg(test)]
pub(crate) use framing::Turn;
pub(crate) use key_image::KeyImage;
pub(crate) use layout::{Border, Borders, Layout};
pub(crate) use scene::{
    bounds_mm, camera_of, color_map, frame_plane, frame_scene, is_on_white, passes, plane_of, shading_of,
    shown_overlay, transfer_function_of, voi_of, whole_height_mm,
};
#[cfg(test)]
pub(crate) use space::slice_number;
pub(crate) use space::{
    Among, Space, among, coordinate, is_along_slices, on_its_way, plane_name, position, short_letters,
    shown_mm, step_mm,
};
pub(crate) use view::{
    Content, Direction, FrameView, Look, Mode, Orbit, OrbitView, Overlay, PlaneView, Side, Slab, Subject,
    ViewState,
};
pub(crate) use visit::reach_mm;

use crate::document::Document;
use crate::measure::Measurement;

/// The version of the session format that this program writes.
pub(crate) const SESSION_VERSION: u32 = 1;

/// A series of a document: by the input it came with, and its place in it. Both stay the same when the same files are
/// opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SeriesId {
    /// The number of the input, from 0, in the order in which they were opened.
    pub input: u32,
    /// Its place in the study, from 0.
    pub number: u32,
}

/// What is written over pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Shown {
    /// Letters, scale bars and facts.
    pub labels: bool,
    /// Who the patient is.
    pub identity: bool,
    /// The crosshair.
    pub crosshair: bool,
    /// Where the other planes cut a plane.
    pub reference_lines: bool,
    /// Measurements.
    pub measurements: bool,
    /// The box that 3D views are cropped to, with its handles.
    pub crop_box: bool,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            labels: true,
            identity: false,
            crosshair: true,
            reference_lines: true,
            measurements: true,
            crop_box: false,
        }
    }
}

/// All that is shown and saved. Changes only by a [`crate::command::Command`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Session {
    /// [`SESSION_VERSION`] when written by this program.
    pub version: u32,
    /// How the views share the window.
    pub layout: Layout,
    /// Where the cells meet.
    #[serde(default)]
    pub borders: Borders,
    /// One for each cell of the layout, in its order.
    pub views: Vec<ViewState>,
    /// The view that keys act on.
    pub active: usize,
    /// Whether the active view has the window for itself.
    pub enlarged: bool,
    /// The view that has a window of its own, for a second screen.
    #[serde(default)]
    pub aside: Option<usize>,
    /// The crosshairs of the spaces that are shown.
    pub spaces: Vec<Space>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// The number of the next measurement.
    pub next_measurement: u64,
    /// Pictures that were marked, in the order in which they were.
    #[serde(default)]
    pub key_images: Vec<KeyImage>,
    /// What is written over pictures.
    pub shown: Shown,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            version: SESSION_VERSION,
            layout: Layout::One,
            borders: Borders::default(),
            views: vec![ViewState::default()],
            active: 0,
            enlarged: false,
            aside: None,
            spaces: Vec::new(),
            measurements: Vec::new(),
            next_measurement: 1,
            key_images: Vec::new(),
            shown: Shown::default(),
        }
    }
}

impl Session {
    /// The crosshair of a space.
    pub(crate) fn space(&self, id: SeriesId) -> Option<&Space> {
        self.spaces.iter().find(|space| space.id == id)
    }

    /// The crosshair of the space of a series.
    pub(crate) fn space_of(&self, series: SeriesId, document: &Document) -> Option<&Space> {
        self.space(document.space(series)?)
    }

    /// The series that are shown, lie over others or are measured in; some more than once.
    pub(crate) fn series(&self) -> impl Iterator<Item = SeriesId> + '_ {
        let measured = self.measurements.iter().map(|own| own.place.series());
        self.views.iter().flat_map(ViewState::series).chain(measured)
    }

    /// Empties what shows series, and takes away what was made with them.
    pub(crate) fn close(&mut self, ids: &[SeriesId]) {
        for view in &mut self.views {
            if view.series.is_some_and(|id| ids.contains(&id)) {
                *view = ViewState::default();
            }
            view.overlay.take_if(|over| ids.contains(&over.series));
        }
        self.measurements.retain(|own| !ids.contains(&own.place.series()));
        self.key_images.retain(|image| !image.view.series().any(|id| ids.contains(&id)));
    }

    /// Whether the active view fills the first window.
    pub(crate) fn is_one_enlarged(&self) -> bool {
        self.enlarged && self.aside != Some(self.active)
    }

    /// The active view.
    pub(crate) fn active_view(&self) -> Option<&ViewState> {
        self.views.get(self.active)
    }

    /// Why the session is not usable, if so. What comes from a file is checked by this.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        if self.version != SESSION_VERSION {
            return Some("it was written by another version");
        }
        if self.views.len() != self.layout.cells() {
            return Some("views and layout do not fit each other");
        }
        if !self.borders.fit(self.layout) {
            return Some("borders and layout do not fit each other");
        }
        if self.active >= self.views.len() {
            return Some("the active view is not there");
        }
        if self.aside.is_some_and(|aside| aside >= self.views.len()) {
            return Some("the view of the second window is not there");
        }
        if let Some(fault) = self.views.iter().find_map(ViewState::fault) {
            return Some(fault);
        }
        if let Some(fault) = self.spaces.iter().find_map(Space::fault) {
            return Some(fault);
        }
        let marked = self.key_images.iter().find_map(KeyImage::fault);
        marked.or_else(|| self.measurements.iter().find_map(Measurement::fault))
    }
}
