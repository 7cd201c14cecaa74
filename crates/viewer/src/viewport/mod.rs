//! One view on the screen: its picture, what is drawn over it, and what the pointer does in it.

mod canvas;
mod corners;
mod picture;
mod plane_map;
mod pointer;
mod values;

use std::sync::Arc;

use anatome::{Camera, View};
use egui::emath::GuiRounding as _;
use egui::{Color32, Pos2, Rect, Sense, Stroke, StrokeKind, Ui};
use glam::DVec3;

pub(crate) use canvas::{Canvas, Moved};
#[cfg(test)]
pub(crate) use corners::written;
pub(crate) use corners::{NOT_FOR_DIAGNOSIS, date, projection, slab_name, zoom_percent};
pub(crate) use picture::{ground, install};
pub(crate) use plane_map::PlaneMap;
pub(crate) use pointer::{end_drawing, set_point};
pub(crate) use values::{Values, frame_of};

use crate::command::Command;
use crate::document::{Document, FrameImage};
use crate::interaction::Interaction;
use crate::measure::{Kind, Measurement, Place};
use crate::overlay::corners::is_small;
use crate::overlay::crosshair::Extent;
use crate::overlay::measurements::{self, Drawn, Told};
use crate::overlay::{crop, crosshair, facts, references};
use crate::session::{
    Content, Direction, Mode, OrbitView, SeriesId, Session, ViewState, camera_of, color_map, frame_plane,
    is_on_white, plane_name, plane_of, reach_mm, shown_overlay, voi_of,
};
use crate::theme;
use crate::tools::Tool;

/// A view and all that is known about it.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub session: &'a Session,
    pub document: &'a Document,
    /// Its place in the session.
    pub index: usize,
    pub view: &'a ViewState,
    pub canvas: &'a Canvas,
    /// In points.
    pub rect: Rect,
}

impl<'a> Seen<'a> {
    pub(crate) fn aspect(&self) -> f64 {
        f64::from(self.rect.width()) / f64::from(self.rect.height()).max(1.0)
    }

    /// The frame of the picture that was drawn last: for what is said of that picture.
    pub(crate) fn drawn_frame(&self) -> Option<&'a Arc<FrameImage>> {
        self.canvas.shown.as_ref()?.frame.as_ref()
    }

    /// The frame that the view is to show, as soon as its picture is there: for places on it, and its values.
    pub(crate) fn frame(&self) -> Option<&'a Arc<FrameImage>> {
        let Content::Frame(own) = self.view.content else { return None };
        let shown = self.canvas.shown.as_ref().filter(|shown| Some(shown.series) == self.view.series)?;
        shown.frame.as_ref().filter(|frame| frame.number == own.frame)
    }

    /// Where the plane of the view is, if it has one. On frames there are no places as long as another is drawn.
    pub(crate) fn map(&self) -> Option<PlaneMap> {
        let is_behind = matches!(self.view.content, Content::Frame(_)) && self.frame().is_none();
        self.drawn_map().filter(|_| !is_behind)
    }

    /// As [`Self::map`], of the picture that was drawn last: for what does not depend on which frame it shows.
    pub(crate) fn drawn_map(&self) -> Option<PlaneMap> {
        let plane = match self.view.content {
            Content::Plane(own) => {
                let series = self.view.series?;
                let space = self.session.space_of(series, self.document)?;
                plane_of(self.view, self.document.grid(series)?, space, own.direction, self.aspect())
            }
            Content::Frame(_) => {
                let frame = self.drawn_frame()?;
                frame_plane(self.view.framing, frame.volume.grid(), self.aspect())
            }
            Content::Orbit(_) => return None,
        };
        Some(PlaneMap { rect: self.rect, plane })
    }

    /// How the picture is drawn that was made last, if it is of another part of the plane than is wanted.
    pub(crate) fn moved(&self) -> Option<Moved> {
        let shown = self.canvas.shown.as_ref()?;
        let (View::Slice { plane } | View::Slab { plane, .. }) = &shown.view else { return None };
        let map = self.drawn_map()?;
        let is_turned =
            plane.right.dot(map.plane.right) < 1.0 - 1e-9 || plane.down.dot(map.plane.down) < 1.0 - 1e-9;
        let pixels = f64::from(self.canvas.size_px[0]) / f64::from(self.rect.width()).max(1.0);
        let width = f64::from(shown.wanted_px[0]) / pixels;
        let scale = plane.width_mm / map.point_mm() / width;
        let by = map.screen(plane.center_mm) - self.rect.center();
        let half_a_pixel = 0.5 / pixels;
        let is_there = ((scale - 1.0) * width).abs() < half_a_pixel && f64::from(by.length()) < half_a_pixel;
        (!is_turned && !is_there).then_some(Moved { scale: scale as f32, by })
    }

    /// The directions (right, down) that the edges of a 3D view are named by: those of the picture, which may be behind;
    /// else it would be seen from another side for a moment.
    pub(crate) fn named_axes(&self) -> Option<(DVec3, DVec3)> {
        let Content::Orbit(wanted) = self.view.content else { return None };
        let drawn = match self.canvas.shown.as_ref().map(|shown| &shown.view) {
            Some(View::Rendering { camera, .. } | View::Projection { camera, .. }) => camera.frame().ok(),
            _ => None,
        };
        let (right, down, _) = drawn.unwrap_or_else(|| wanted.orbit.axes());
        Some((right, down))
    }

    /// Millimetres a point of the screen in a 3D view with parallel rays.
    pub(crate) fn orbit_point_mm(&self) -> Option<f64> {
        let grid = self.document.grid(self.view.series?)?;
        let height_mm = crate::session::whole_height_mm(grid, self.aspect()) / self.view.framing.zoom;
        Some(height_mm / f64::from(self.rect.height()).max(1.0))
    }

    /// The camera of a 3D view.
    pub(crate) fn camera(&self) -> Option<Camera> {
        let Content::Orbit(orbit) = self.view.content else { return None };
        Some(camera_of(orbit, self.view.framing, self.document.grid(self.view.series?)?, self.aspect()))
    }

    /// How far the crosshair goes in a view of a plane, if it says anything: of one view alone it does not.
    pub(crate) fn crosshair(&self, own: Direction) -> Option<Extent> {
        let space = self.document.space(self.view.series?);
        let others = self.session.views.iter().enumerate().filter(|(n, _)| *n != self.index);
        let planes = others.filter_map(|(_, view)| match view.content {
            Content::Plane(plane) if self.document.space(view.series?) == space => Some(plane.direction),
            _ => None,
        });
        let extents = planes.map(|other| if other == own { Extent::Mark } else { Extent::Whole });
        extents.max().filter(|_| self.session.shown.crosshair)
    }

    /// Where a new measurement would stand.
    pub(crate) fn place(&self, kind: Kind) -> Option<Place> {
        let series = self.view.series?;
        match self.view.content {
            Content::Orbit(_) | Content::Plane(_) if kind == Kind::Distance => Some(Place::Space { series }),
            Content::Plane(own) => {
                let (right, down) = self.session.space_of(series, self.document)?.directions(own.direction);
                Some(Place::Plane { series, right, down, slab: own.slab })
            }
            Content::Frame(own) => Some(Place::Frame { series, frame: own.frame }),
            Content::Orbit(_) => None,
        }
    }

    /// The series whose values a measurement tells in the view: its own, of phases that of the picture, and of several
    /// that are seen over each other all.
    pub(crate) fn valued(&self, measurement: &Measurement) -> Vec<SeriesId> {
        let own = measurement.place.series();
        let phase_of = |series: SeriesId| self.document.first_phase(series);
        let mut all =
            vec![self.drawn_series().filter(|shown| phase_of(*shown) == phase_of(own)).unwrap_or(own)];
        let is_plane =
            matches!((measurement.place, self.view.content), (Place::Plane { .. }, Content::Plane(_)));
        let space = self.document.space(own);
        for id in self.view.series().filter(|_| is_plane && self.view.overlay.is_some()) {
            if self.document.space(id) == space && !all.iter().any(|known| phase_of(*known) == phase_of(id)) {
                all.push(id);
            }
        }
        all
    }

    /// The series of the picture, which may be a phase behind.
    pub(crate) fn drawn_series(&self) -> Option<SeriesId> {
        self.canvas.shown.as_ref().map(|shown| shown.series).or(self.view.series)
    }

    /// The measurements that lie in the view.
    pub(crate) fn measurements(&self) -> impl Iterator<Item = &Measurement> {
        let shown = self.session.shown.measurements;
        self.session.measurements.iter().filter(move |own| shown && self.holds(own))
    }

    fn holds(&self, measurement: &Measurement) -> bool {
        let (Some(series), Some(map)) = (self.view.series, self.map()) else { return false };
        match (measurement.place, self.view.content) {
            (Place::Frame { series: own, frame }, Content::Frame(shown)) => {
                own == series && frame == shown.frame
            }
            (Place::Plane { series: own, .. } | Place::Space { series: own }, Content::Plane(plane)) => {
                let same_space =
                    self.document.space(own).is_some_and(|space| Some(space) == self.document.space(series));
                let Some(grid) = self.document.grid(series) else { return false };
                let reach_mm = reach_mm(grid, plane.slab, map.plane.normal());
                same_space && measurement.points.iter().all(|&point| map.depth_mm(point).abs() <= reach_mm)
            }
            _ => false,
        }
    }

    /// The distances in space that a 3D view shows, with where their points are seen.
    pub(crate) fn distances(&self) -> impl Iterator<Item = (&Measurement, Vec<Pos2>)> {
        let camera = self.camera().filter(|_| self.session.shown.measurements);
        let space = self.view.series.and_then(|series| self.document.space(series));
        self.session.measurements.iter().filter_map(move |own| {
            let Place::Space { series } = own.place else { return None };
            let is_here = self.document.space(series) == space;
            Some((own, self.projected(camera.as_ref().filter(|_| is_here)?, &own.points)?))
        })
    }

    /// Where places are seen in a 3D view; none if the eye is beyond one of them.
    fn projected(&self, camera: &Camera, points: &[DVec3]) -> Option<Vec<Pos2>> {
        points.iter().map(|&at| crate::pick::projected(camera, self.rect, at)).collect()
    }

    /// The colour of letters: dark where what is around the images is white, which it never is around frames.
    pub(crate) fn ink(&self) -> Color32 {
        let is_rendering =
            matches!(self.view.content, Content::Orbit(OrbitView { mode: Mode::Rendering, .. }));
        let is_frame = matches!(self.view.content, Content::Frame(_));
        let defaults = self.view.series.and_then(|series| self.document.defaults(series));
        match defaults.filter(|_| !is_rendering && !is_frame) {
            Some(own) if is_on_white(&self.view.look, own) => theme::LABEL_ON_WHITE,
            _ => theme::LABEL,
        }
    }

    pub(crate) fn series(&self) -> Option<SeriesId> {
        self.view.series
    }

    pub(crate) fn name(&self) -> String {
        let what = match self.view.content {
            _ if self.view.series.is_none() => "empty".to_owned(),
            Content::Plane(plane) => self.plane_name(plane.direction),
            Content::Orbit(_) => "3D".to_owned(),
            Content::Frame(_) => "Frame".to_owned(),
        };
        format!("View {}: {what}", self.index + 1)
    }

    /// What the view's plane is called: by how it lies in the patient, as far as that is known.
    pub(crate) fn plane_name(&self, direction: Direction) -> String {
        let space = self.view.series.and_then(|series| self.session.space_of(series, self.document));
        space.map_or(direction.name().to_owned(), |space| plane_name(space.normal(direction)))
    }
}

/// Shows a view, and collects what is to be done.
pub(crate) fn show(
    ui: &mut Ui,
    seen: &Seen<'_>,
    interaction: &mut Interaction,
    values: &mut Values,
    commands: &mut Vec<Command>,
) {
    let rect = seen.rect;
    let response = ui.interact(rect, ui.scope_id().with(("view", seen.index)), Sense::click_and_drag());
    let name = seen.name();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Image, true, &name));
    if response.has_focus() {
        // Keys are the viewer's there; only Tab goes on.
        let keeps =
            egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, keeps));
    }
    if response.gained_focus() && seen.session.active != seen.index {
        commands.push(Command::Activate { view: seen.index });
    }
    let painter = ui.painter().with_clip_rect(rect);
    seen.canvas.paint(&painter, rect, seen.moved());
    pointer::handle(ui, &response, seen, interaction, commands);
    let is_hot = response.hovered() || interaction.drag.as_ref().is_some_and(|(view, _)| *view == seen.index);
    // Where keys set points, as long as the pointer does not.
    let measures = matches!(interaction.tool, Tool::Measure(_)) && seen.session.active == seen.index;
    let by_keys = measures && (interaction.by_keys || !is_hot);
    if let (Some(map), Some(at_mm)) = (seen.map(), seen.keyed_mm().filter(|_| by_keys)) {
        measurements::draw_mark(&painter, map.screen(at_mm));
    }
    draw_over(&painter, seen, interaction, values, is_hot);
    frame(ui, seen);
    take_dropped(ui, &response, seen, commands);
}

/// Shows a series that was dragged onto the view.
fn take_dropped(ui: &Ui, response: &egui::Response, seen: &Seen<'_>, commands: &mut Vec<Command>) {
    if response.dnd_hover_payload::<SeriesId>().is_some() {
        ui.painter().rect_stroke(seen.rect, 0.0, Stroke::new(2.0, theme::ACTIVE), StrokeKind::Inside);
    }
    if let Some(series) = response.dnd_release_payload::<SeriesId>() {
        let view = seen.index;
        commands.push(Command::Activate { view });
        commands.push(Command::Show { view, series: *series, content: None });
    }
}

/// The rectangle of whole physical pixels nearest to one.
pub(crate) fn to_pixels(rect: Rect, pixels_per_point: f32) -> Rect {
    rect.round_to_pixels(pixels_per_point)
}

fn frame(ui: &Ui, seen: &Seen<'_>) {
    if seen.session.views.len() > 1 && !seen.session.enlarged {
        let is_active = seen.session.active == seen.index;
        let color = if is_active { theme::ACTIVE } else { Color32::from_gray(44) };
        ui.painter().rect_stroke(seen.rect, 0.0, Stroke::new(1.0, color), StrokeKind::Inside);
    }
}

/// Draws what lies over a picture; `is_hot` if the pointer is in it.
pub(crate) fn draw_over(
    painter: &egui::Painter,
    seen: &Seen<'_>,
    interaction: &Interaction,
    values: &mut Values,
    is_hot: bool,
) {
    let shown = seen.session.shown;
    let map = seen.map();
    let handles = match (&map, seen.view.content) {
        (Some(map), Content::Plane(plane)) => draw_crosshair(painter, seen, map, plane.direction, is_hot),
        _ => Vec::new(),
    };
    if let Some(map) = map.as_ref().filter(|_| shown.reference_lines) {
        references::draw(painter, seen, map);
    }
    let measured = match &map {
        Some(map) => drawn_in_plane(seen, map, interaction, values),
        None => drawn_in_space(seen, interaction, values),
    };
    measurements::draw_lines(painter, &measured);
    crop::draw(painter, seen);
    let mut taken = corners::corners(seen, interaction).draw(painter, seen.rect, seen.ink());
    if shown.labels {
        let others = [&taken[..], &handles].concat();
        taken.extend(draw_labels(painter, seen, map.as_ref(), &others));
    }
    let taken = taken.into_iter().map(|text| text.expand2(egui::vec2(4.0, 1.0))).collect();
    measurements::draw_texts(painter, seen.rect, &measured, taken);
}

/// The measurements in the plane of a view, and the one that is being drawn.
fn drawn_in_plane(
    seen: &Seen<'_>,
    map: &PlaneMap,
    interaction: &Interaction,
    values: &mut Values,
) -> Vec<Drawn> {
    let mut all: Vec<Drawn> = Vec::new();
    for own in seen.measurements() {
        let told = values.told(own, seen);
        let drawn = Drawn::in_plane(map, own, &told, interaction.is_hot(own.id));
        all.push(drawn.held_by(interaction.held_point(own.id)));
    }
    if let Some(draft) = interaction.draft.as_ref().filter(|draft| draft.view == seen.index) {
        let own = Measurement {
            id: 0,
            kind: draft.kind,
            place: draft.place,
            points: draft.points.clone(),
            text: String::new(),
        }
        .squared();
        let told = if own.fault().is_none() { values.told(&own, seen) } else { Told::default() };
        all.push(Drawn::in_plane(map, &own, &told, true));
    }
    all
}

/// Letters, and where there is room a scale bar and what colours mean. They hide nothing of what is taken. Returns where
/// letters and bar are.
fn draw_labels(
    painter: &egui::Painter,
    seen: &Seen<'_>,
    map: Option<&PlaneMap>,
    others: &[Rect],
) -> Vec<Rect> {
    let edges = edges(seen, map);
    let letters = edges.map(|edges| facts::letters(painter, seen.rect, &edges, seen.ink(), others));
    let mut taken = letters.unwrap_or_default();
    if !is_small(seen.rect) {
        taken.extend(draw_color_bar(painter, seen));
    }
    let bar = match seen.view.content {
        Content::Plane(_) => map.map(|map| (map.point_mm(), "mm")),
        Content::Frame(_) => {
            seen.drawn_map().zip(seen.drawn_frame()).map(|(map, frame)| (map.point_mm(), frame.unit()))
        }
        // In perspective no length is that of all depths.
        Content::Orbit(orbit) => {
            seen.orbit_point_mm().filter(|_| orbit.fov_rad.is_none()).map(|mm| (mm, "mm"))
        }
    };
    if let Some(bar) = bar {
        let others = [others, &taken].concat();
        taken.extend(facts::scale_bar(painter, seen.rect, bar, seen.ink(), &others));
    }
    taken
}

/// The letters at the edges of a view, where its picture says which way it lies.
pub(crate) fn edges(seen: &Seen<'_>, map: Option<&PlaneMap>) -> Option<[String; 4]> {
    match seen.view.content {
        Content::Plane(_) => map.map(|map| facts::letters_of(map.plane.right, map.plane.down)),
        Content::Frame(_) => {
            // As the picture lies, which may be behind.
            let View::Slice { plane } = &seen.canvas.shown.as_ref()?.view else { return None };
            seen.drawn_frame()?.sides.edges((plane.right.truncate(), plane.down.truncate()))
        }
        Content::Orbit(_) => {
            seen.view.series?;
            seen.named_axes().map(|(right, down)| facts::letters_of(right, down))
        }
    }
}

/// What the colours of what lies over a series mean. Returns what it takes.
fn draw_color_bar(painter: &egui::Painter, seen: &Seen<'_>) -> Vec<Rect> {
    let Some((overlay, defaults)) = shown_overlay(seen.view, seen.document) else { return Vec::new() };
    let Some(map) = color_map(&overlay.look) else { return Vec::new() };
    let ends = facts::range(voi_of(&overlay.look, defaults, &seen.view.content), &defaults.unit.to_string());
    facts::color_bar(painter, seen.rect, map, &ends, seen.ink())
}

/// Distances in space, in a 3D view.
fn drawn_in_space(seen: &Seen<'_>, interaction: &Interaction, values: &mut Values) -> Vec<Drawn> {
    let mut all: Vec<Drawn> = Vec::new();
    for (own, points) in seen.distances() {
        let lines = measurements::lines(own, &values.told(own, seen));
        all.push(Drawn::in_space(points, lines, interaction.is_hot(own.id)));
    }
    let draft = interaction.draft.as_ref().filter(|draft| draft.view == seen.index);
    if let Some((draft, camera)) = draft.zip(seen.camera()) {
        let points = seen.projected(&camera, &draft.points).unwrap_or_default();
        all.push(Drawn::in_space(points, Vec::new(), true));
    }
    all
}

/// Returns what its handles take.
fn draw_crosshair(
    painter: &egui::Painter,
    seen: &Seen<'_>,
    map: &PlaneMap,
    own: Direction,
    is_hot: bool,
) -> Vec<Rect> {
    let space = seen.series().and_then(|series| seen.session.space_of(series, seen.document));
    let Some((space, extent)) = space.zip(seen.crosshair(own)) else { return Vec::new() };
    let room = if seen.session.shown.labels { facts::within_letters(seen.rect) } else { seen.rect };
    let lines = crosshair::lines(map, space, own).into_iter();
    lines.flat_map(|line| line.draw(painter, seen.rect, room, extent, is_hot)).collect()
}
