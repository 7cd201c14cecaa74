//! What commands do.

use anatome::Presets;
use glam::DQuat;

use super::space::{onward, stepped};
use super::{
    Borders, Content, Direction, FrameView, Framing, Layout, Look, Orbit, OrbitView, Overlay, PlaneView,
    SeriesId, Session, Slab, Space, ViewState, voi_of,
};
use crate::command::Command;
use crate::document::{Document, Kind, Loaded};
use crate::measure::Measurement;

/// Why a command changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Refused(pub(super) &'static str);

const NO_VIEW: Refused = Refused("there is no such view");
pub(super) const NOTHING_SHOWN: Refused = Refused("the view shows nothing that this could change");
pub(super) const NO_NUMBER: Refused = Refused("a number is out of range");

pub(super) type Done = Result<(), Refused>;

/// The colour map of what is laid over something grey.
const OVERLAY_COLORS: &str = "hot";

impl Session {
    /// Does what a command says, or nothing of it.
    ///
    /// # Errors
    /// If it makes no sense now.
    pub(crate) fn apply(&mut self, command: &Command, document: &Document) -> Done {
        match command {
            Command::Show { .. }
            | Command::Clear { .. }
            | Command::Arrange { .. }
            | Command::Divide { .. }
            | Command::Activate { .. }
            | Command::Enlarge { .. }
            | Command::SetAside { .. }
            | Command::SetApart { .. }
            | Command::Look { .. } => self.apply_to_layout(command, document),
            Command::Place { space } => self.place(*space),
            Command::Scroll { .. }
            | Command::GoTo { .. }
            | Command::Cross { .. }
            | Command::Turn { .. }
            | Command::ResetPlanes { .. }
            | Command::Thicken { .. } => self.apply_to_planes(command, document),
            Command::Pan { .. }
            | Command::Zoom { .. }
            | Command::Fit { .. }
            | Command::Rotate { .. }
            | Command::Mirror { .. } => self.apply_to_framing(command),
            Command::Orbit { .. }
            | Command::Face { .. }
            | Command::Mode { .. }
            | Command::Perspective { .. } => self.apply_to_orbit(command),
            Command::Fuse { .. }
            | Command::Opacity { .. }
            | Command::OverlayWindow { .. }
            | Command::OverlayColors { .. } => self.apply_to_overlay(command, document),
            Command::Visit { view, id, size_px } => self.visit(*view, *id, *size_px, document),
            Command::Measure { .. }
            | Command::Move { .. }
            | Command::Write { .. }
            | Command::Delete { .. }
            | Command::DeleteAll => self.apply_to_measurements(command),
            Command::Mark { .. } | Command::Unmark { .. } | Command::Recall { .. } => {
                self.apply_to_key_images(command, document)
            }
            Command::Phase { view, series } => self.show_phase(*view, *series, document),
            Command::Overlays { shown } => {
                self.shown = *shown;
                Ok(())
            }
            _ => self.apply_to_look(command),
        }
    }

    pub(super) fn view_mut(&mut self, view: usize) -> Result<&mut ViewState, Refused> {
        self.views.get_mut(view).ok_or(NO_VIEW)
    }

    fn apply_to_layout(&mut self, command: &Command, document: &Document) -> Done {
        match command {
            Command::Show { view, series, content } => {
                let entry = document.entry(*series).ok_or(NOTHING_SHOWN)?;
                let own = self.view_mut(*view)?;
                let content = content.unwrap_or_else(|| match (entry.facts.kind, own.content) {
                    (Kind::Stack, _) => Content::Frame(FrameView::default()),
                    (_, Content::Frame(_)) => Content::default(),
                    (_, other) => other,
                });
                let fits = matches!(content, Content::Frame(_)) == (entry.facts.kind == Kind::Stack);
                if entry.facts.kind == Kind::Object || !fits {
                    return Err(NOTHING_SHOWN);
                }
                let other = own.series != Some(*series);
                let framing = if other { Framing::default() } else { own.framing };
                let look = if other { self.look_of(*series) } else { self.views[*view].look.clone() };
                let overlay = if other { None } else { self.views[*view].overlay.clone() };
                let is_apart = self.views[*view].is_apart;
                self.views[*view] =
                    checked(ViewState { series: Some(*series), overlay, content, framing, look, is_apart })?;
                Ok(())
            }
            Command::Clear { view } => {
                *self.view_mut(*view)? = ViewState::default();
                Ok(())
            }
            Command::Arrange { layout } => {
                self.arrange(layout.bounded(), document);
                Ok(())
            }
            Command::Divide { borders } => {
                if !borders.fit(self.layout) {
                    return Err(NO_NUMBER);
                }
                self.borders = borders.clone();
                Ok(())
            }
            Command::Activate { view } => {
                self.view_mut(*view)?;
                self.active = *view;
                Ok(())
            }
            Command::SetAside { view } => {
                if view.is_some_and(|view| view >= self.views.len()) {
                    return Err(NO_VIEW);
                }
                self.aside = *view;
                Ok(())
            }
            Command::SetApart { view, is_apart } => {
                self.view_mut(*view)?.is_apart = *is_apart;
                Ok(())
            }
            Command::Enlarge { enlarged } => {
                self.enlarged = *enlarged;
                Ok(())
            }
            Command::Look { view, content } => {
                let own = self.view_mut(*view)?;
                if matches!(own.content, Content::Frame(_)) != matches!(content, Content::Frame(_)) {
                    return Err(NOTHING_SHOWN);
                }
                *own = checked(ViewState { content: *content, framing: Framing::default(), ..own.clone() })?;
                Ok(())
            }
            _ => Err(NOTHING_SHOWN),
        }
    }

    /// Shows another phase in all views that show one of the same series. The window stays, also if it was the series' own:
    /// one that differs from phase to phase would flicker.
    fn show_phase(&mut self, view: usize, series: SeriesId, document: &Document) -> Done {
        let phases = self.view_mut(view)?.series.map(|shown| document.phases(shown)).unwrap_or_default();
        if !phases.contains(&series) {
            return Err(NOTHING_SHOWN);
        }
        for own in &mut self.views {
            let Some(shown) = own.series.filter(|shown| phases.contains(shown)) else { continue };
            if let (None, Some(defaults)) = (&own.look.voi, document.defaults(shown)) {
                own.look.voi = Some(voi_of(&own.look, defaults, &own.content).clone());
            }
            own.series = Some(series);
        }
        Ok(())
    }

    /// As another view of the series looks, so that it looks alike everywhere.
    fn look_of(&self, series: SeriesId) -> Look {
        let same = self.views.iter().find(|view| view.series == Some(series) && !view.is_apart);
        same.map(|view| view.look.clone()).unwrap_or_default()
    }

    fn arrange(&mut self, layout: Layout, document: &Document) {
        let shown = self.views.get(self.active).cloned().unwrap_or_default();
        let is_volume = shown.series.is_some() && !matches!(shown.content, Content::Frame(_));
        let cells = layout.cells();
        let planes = Direction::ALL.map(|direction| {
            let slab = match shown.content {
                Content::Plane(plane) => plane.slab,
                _ => Slab::default(),
            };
            Content::Plane(PlaneView { direction, slab })
        });
        let orbit = match shown.content {
            Content::Orbit(orbit) => orbit,
            _ => OrbitView::default(),
        };
        let of = |content: Content| {
            let framing = if content == shown.content { shown.framing } else { Framing::default() };
            ViewState { content, framing, is_apart: false, ..shown.clone() }
        };
        self.views = match layout {
            Layout::TwoByTwo if is_volume => {
                planes.into_iter().chain([Content::Orbit(orbit)]).map(of).collect()
            }
            Layout::OneAndThree if is_volume => {
                std::iter::once(Content::Orbit(orbit)).chain(planes).map(of).collect()
            }
            _ => {
                let mut views: Vec<ViewState> =
                    self.views.drain(..).filter(|view| view.series.is_some()).collect();
                // The active one first, so that it stays where there is less room.
                if let Some(at) = views.iter().position(|view| *view == shown) {
                    views.rotate_left(at);
                }
                views.truncate(cells);
                fill(&mut views, cells, &shown, document);
                views
            }
        };
        self.views.resize(cells, ViewState::default());
        (self.layout, self.borders) = (layout, Borders::default());
        self.active = self.views.iter().position(|view| *view == shown).unwrap_or(0);
        (self.enlarged, self.aside) = (false, None);
    }

    pub(super) fn place(&mut self, space: Space) -> Done {
        if space.fault().is_some() {
            return Err(NO_NUMBER);
        }
        match self.spaces.iter_mut().find(|own| own.id == space.id) {
            Some(own) => *own = space,
            None => self.spaces.push(space),
        }
        Ok(())
    }

    /// The space of a view, and the volume of its series.
    fn crossed<'d>(&self, view: usize, document: &'d Document) -> Result<(Space, &'d Loaded), Refused> {
        let series = self.views.get(view).ok_or(NO_VIEW)?.series.ok_or(NOTHING_SHOWN)?;
        let space = self.space_of(series, document).ok_or(NOTHING_SHOWN)?;
        Ok((*space, document.loaded(series).ok_or(NOTHING_SHOWN)?))
    }

    fn apply_to_planes(&mut self, command: &Command, document: &Document) -> Done {
        match *command {
            Command::Scroll { view, steps } => {
                if !(steps.is_finite() && steps.abs() < 1e6) {
                    return Err(NO_NUMBER);
                }
                match self.views.get(view).ok_or(NO_VIEW)?.content {
                    Content::Frame(own) => {
                        let to = (own.frame as f64 + steps.round()).max(0.0) as usize;
                        self.go_to(view, to, document)
                    }
                    Content::Plane(plane) => {
                        let (space, loaded) = self.crossed(view, document)?;
                        let grid = loaded.volume.grid();
                        let onward = onward(&space, plane.direction, grid, &loaded.images);
                        let center_mm = stepped(grid, space.center_mm, onward, steps);
                        self.place(Space { center_mm, ..space })
                    }
                    Content::Orbit(_) => Err(NOTHING_SHOWN),
                }
            }
            Command::GoTo { view, frame } => self.go_to(view, frame, document),
            Command::Cross { view, at_mm } => {
                let (space, loaded) = self.crossed(view, document)?;
                let (low, high) = super::scene::bounds_mm(loaded.volume.grid());
                if !at_mm.is_finite() {
                    return Err(NO_NUMBER);
                }
                self.place(Space { center_mm: at_mm.clamp(low, high), ..space })
            }
            Command::Turn { view, axis, angle_rad } => {
                let (space, _) = self.crossed(view, document)?;
                self.place(space.turned(axis, angle_rad))
            }
            Command::ResetPlanes { view, planes } => {
                let (space, loaded) = self.crossed(view, document)?;
                let around = Space::around(space.id, loaded.volume.grid(), planes);
                self.place(Space { center_mm: space.center_mm, ..around })
            }
            Command::Thicken { view, slab } => self.thicken(view, slab, document),
            _ => Err(NOTHING_SHOWN),
        }
    }

    pub(super) fn go_to(&mut self, view: usize, frame: usize, document: &Document) -> Done {
        let own = self.view_mut(view)?;
        let stack = own.series.and_then(|series| document.stack(series)).ok_or(NOTHING_SHOWN)?;
        let last = stack.frames().len().saturating_sub(1);
        let Content::Frame(shown) = &mut own.content else { return Err(NOTHING_SHOWN) };
        shown.frame = frame.min(last);
        Ok(())
    }

    fn thicken(&mut self, view: usize, slab: Slab, document: &Document) -> Done {
        let series = self.view_mut(view)?.series.ok_or(NOTHING_SHOWN)?;
        if !slab.thickness_mm.is_finite() {
            return Err(NO_NUMBER);
        }
        let slab = Slab { thickness_mm: slab.thickness_mm.clamp(0.0, Slab::THICKEST_MM), ..slab };
        let space = document.space(series);
        let is_of_space = |own: &ViewState| own.series.is_some_and(|series| document.space(series) == space);
        for own in self.linked(view, is_of_space) {
            if let Content::Plane(plane) = &mut own.content {
                plane.slab = slab;
            }
        }
        Ok(())
    }

    /// A view, and those that look as it does: of those that `are_alike` all that are not apart, unless it is apart itself.
    fn linked(
        &mut self,
        view: usize,
        are_alike: impl Fn(&ViewState) -> bool,
    ) -> impl Iterator<Item = &mut ViewState> {
        let is_apart = self.views.get(view).is_some_and(|own| own.is_apart);
        let views = self.views.iter_mut().enumerate();
        let linked = move |(n, own): &(usize, &mut ViewState)| {
            *n == view || !is_apart && !own.is_apart && are_alike(own)
        };
        views.filter(linked).map(|(_, own)| own)
    }

    fn apply_to_framing(&mut self, command: &Command) -> Done {
        match *command {
            Command::Pan { view, by_mm } if by_mm.is_finite() => {
                let own = self.view_mut(view)?;
                own.framing = own.framing.shifted(by_mm);
            }
            Command::Zoom { view, factor, about_mm }
                if factor.is_finite() && factor > 0.0 && about_mm.is_finite() =>
            {
                let own = self.view_mut(view)?;
                own.framing = own.framing.zoomed(factor, about_mm);
            }
            Command::Fit { view } => {
                let own = self.view_mut(view)?;
                own.framing = Framing { turn: own.framing.turn, ..Framing::default() };
            }
            Command::Rotate { view } | Command::Mirror { view } => {
                let own = self.view_mut(view)?;
                if !matches!(own.content, Content::Frame(_)) {
                    return Err(NOTHING_SHOWN);
                }
                let turn = &mut own.framing.turn;
                *turn =
                    if matches!(command, Command::Rotate { .. }) { turn.turned() } else { turn.mirrored() };
            }
            _ => return Err(NO_NUMBER),
        }
        Ok(())
    }

    fn apply_to_orbit(&mut self, command: &Command) -> Done {
        let (Command::Orbit { view, .. }
        | Command::Face { view, .. }
        | Command::Mode { view, .. }
        | Command::Perspective { view, .. }) = *command
        else {
            return Err(NOTHING_SHOWN);
        };
        let own = self.view_mut(view)?;
        let Content::Orbit(mut seen) = own.content else { return Err(NOTHING_SHOWN) };
        match *command {
            Command::Orbit { by, .. } if by.is_finite() && by.length() > 1e-3 => {
                seen.orbit = seen.orbit.turned(DQuat::normalize(by));
            }
            Command::Orbit { .. } => return Err(NO_NUMBER),
            Command::Face { side, .. } => seen.orbit = Orbit::of(side),
            Command::Mode { mode, .. } => seen.mode = mode,
            Command::Perspective { fov_rad, .. } => seen.fov_rad = fov_rad,
            _ => {}
        }
        *own = checked(ViewState { content: Content::Orbit(seen), ..own.clone() })?;
        Ok(())
    }

    /// Changes how a series looks in the views that show it as this one does: planes and frames, or 3D.
    fn apply_to_look(&mut self, command: &Command) -> Done {
        let (Command::Window { view, .. }
        | Command::Invert { view }
        | Command::Colors { view, .. }
        | Command::Interpolate { view, .. }
        | Command::Preset { view, .. }
        | Command::Transfer { view, .. }
        | Command::Shade { view, .. }
        | Command::Crop { view, .. }) = *command
        else {
            return Err(NOTHING_SHOWN);
        };
        let own = self.view_mut(view)?;
        let series = own.series.ok_or(NOTHING_SHOWN)?;
        let in_3d = |view: &ViewState| matches!(view.content, Content::Orbit(_));
        let is_3d = in_3d(own);
        if let Command::Colors { name: Some(name), .. } = command
            && !Presets::built_in().color_maps.iter().any(|preset| preset.name == *name)
        {
            return Err(Refused("there is no such colour map"));
        }
        let are_alike = |view: &ViewState| view.series == Some(series) && in_3d(view) == is_3d;
        for own in self.linked(view, are_alike) {
            let look = &mut own.look;
            match command {
                Command::Window { voi, .. } => look.voi.clone_from(voi),
                Command::Invert { .. } => look.invert = !look.invert,
                Command::Colors { name, .. } => look.colors.clone_from(name),
                Command::Interpolate { interpolation, .. } => look.interpolation = *interpolation,
                Command::Preset { name, .. } => {
                    look.preset = Some(name.clone());
                    (look.transfer_function, look.shading) = (None, None);
                }
                Command::Transfer { function, .. } => look.transfer_function = Some(function.clone()),
                Command::Shade { shading, .. } => look.shading = Some(*shading),
                Command::Crop { region, .. } => look.region.clone_from(region),
                _ => {}
            }
        }
        Ok(())
    }

    /// What is laid over a series is so in all views of it.
    fn apply_to_overlay(&mut self, command: &Command, document: &Document) -> Done {
        let (Command::Fuse { view, .. }
        | Command::Opacity { view, .. }
        | Command::OverlayWindow { view, .. }
        | Command::OverlayColors { view, .. }) = *command
        else {
            return Err(NOTHING_SHOWN);
        };
        let own = self.view_mut(view)?;
        let series = own.series.ok_or(NOTHING_SHOWN)?;
        let overlay = match command {
            Command::Fuse { overlay: None, .. } => None,
            Command::Fuse { overlay: Some(over), .. } => {
                let space = document.space(series);
                if *over == series || space.is_none() || document.space(*over) != space {
                    return Err(Refused("the two series have no common frame of reference"));
                }
                let look = Look { colors: Some(OVERLAY_COLORS.to_owned()), ..Look::default() };
                Some(Overlay { series: *over, opacity: 0.5, look })
            }
            _ => {
                let mut over = own.overlay.clone().ok_or(NOTHING_SHOWN)?;
                match command {
                    Command::Opacity { opacity, .. } if opacity.is_finite() => {
                        over.opacity = opacity.clamp(0.0, 1.0)
                    }
                    Command::OverlayWindow { voi, .. } => over.look.voi = Some(voi.clone()),
                    Command::OverlayColors { name, .. } => over.look.colors = Some(name.clone()),
                    _ => return Err(NO_NUMBER),
                }
                Some(over)
            }
        };
        for own in self.linked(view, |own| own.series == Some(series)) {
            own.overlay.clone_from(&overlay);
        }
        Ok(())
    }

    fn apply_to_measurements(&mut self, command: &Command) -> Done {
        let absent = Refused("there is no such measurement");
        match command {
            Command::Measure { kind, place, points, text } => {
                let id = self.next_measurement;
                let new = Measurement {
                    id,
                    kind: *kind,
                    place: *place,
                    points: points.clone(),
                    text: text.clone(),
                }
                .squared();
                if new.fault().is_some() {
                    return Err(NO_NUMBER);
                }
                self.measurements.push(new);
                self.next_measurement = id.saturating_add(1);
            }
            Command::Move { id, points } => {
                let own = self.measurements.iter_mut().find(|own| own.id == *id).ok_or(absent)?;
                let moved = Measurement { points: points.clone(), ..own.clone() }.squared();
                if moved.fault().is_some() {
                    return Err(NO_NUMBER);
                }
                *own = moved;
            }
            Command::Write { id, text } => {
                let own = self.measurements.iter_mut().find(|own| own.id == *id).ok_or(absent)?;
                own.text.clone_from(text);
            }
            Command::Delete { id } => {
                let count = self.measurements.len();
                self.measurements.retain(|own| own.id != *id);
                if self.measurements.len() == count {
                    return Err(absent);
                }
            }
            Command::DeleteAll => self.measurements.clear(),
            _ => return Err(NOTHING_SHOWN),
        }
        Ok(())
    }
}

fn checked(view: ViewState) -> Result<ViewState, Refused> {
    if view.fault().is_some() { Err(NO_NUMBER) } else { Ok(view) }
}

/// More views: of a stack the frames that follow; else the series that are not shown yet.
fn fill(views: &mut Vec<ViewState>, cells: usize, shown: &ViewState, document: &Document) {
    let frames = shown.series.and_then(|series| document.stack(series)).map(|stack| stack.frames().len());
    if let (Content::Frame(first), Some(count)) = (shown.content, frames) {
        let following = (first.frame + 1..count).take(cells.saturating_sub(views.len()));
        views.extend(
            following
                .map(|frame| ViewState { content: Content::Frame(FrameView { frame }), ..shown.clone() }),
        );
        return;
    }
    let others = document.entries().iter().filter(|entry| entry.facts.kind != Kind::Object);
    for entry in others {
        if views.len() < cells && !views.iter().any(|view| view.series == Some(entry.id)) {
            let content = match entry.facts.kind {
                Kind::Stack => Content::Frame(FrameView::default()),
                _ => match shown.content {
                    Content::Frame(_) => Content::default(),
                    other => other,
                },
            };
            views.push(ViewState { series: Some(entry.id), content, ..ViewState::default() });
        }
    }
}
