//! What the pointer does in a view.

use std::f32::consts::{PI, TAU};

use anatome::{Voi, Window, WindowFunction};
use egui::{CursorIcon, Event, MouseWheelUnit, PointerButton, Popup, Pos2, Response, Ui, Vec2};
use glam::{DQuat, DVec2, DVec3};

use super::{PlaneMap, Seen};
use crate::command::Command;
use crate::interaction::{Hover, Interaction};
use crate::measure::{Kind, shown_at, value_at};
use crate::overlay::crop;
use crate::overlay::crosshair::{self, Part};
use crate::overlay::facts::number;
use crate::overlay::measurements::{hit, hit_in_space};
use crate::pick::pick;
use crate::session::{Content, PlaneView, SeriesId, Slab, coordinate, voi_of};
use crate::tools::{Draft, Drag, Tool};

/// Drags of this many points double or halve.
const DOUBLE: f32 = 180.0;
/// A step of the wheel in points, for touch pads that tell points.
const WHEEL_STEP: f32 = 40.0;
/// A step of a drag through slices, in points.
const SCROLL_STEP: f32 = 6.0;

/// Takes what the pointer did in a view.
pub(super) fn handle(
    ui: &Ui,
    response: &Response,
    seen: &Seen<'_>,
    interaction: &mut Interaction,
    commands: &mut Vec<Command>,
) {
    let view = seen.index;
    if response.clicked() || response.drag_started() || response.secondary_clicked() {
        if seen.session.active != view {
            commands.push(Command::Activate { view });
        }
        interaction.selected = interaction.hot.filter(|_| response.hovered());
    }
    if seen.view.series.is_none() {
        return;
    }
    if response.hovered() {
        interaction.by_keys &= ui.input(|input| !input.pointer.is_moving() && !input.pointer.any_down());
        wheel(ui, response, seen, interaction, commands);
        hover(ui, response, seen, interaction);
    } else if interaction.hover.as_ref().is_some_and(|hover| hover.view == view) {
        interaction.hover = None;
        interaction.hot = None;
    }
    if response.drag_started() {
        // As clicks do: it would stay over what is moved.
        Popup::close_all(ui.ctx());
        start(response, seen, interaction, commands);
    }
    if let Some((own, drag)) = interaction.drag.take() {
        if own != view {
            interaction.drag = Some((own, drag));
        } else if response.dragged() || response.drag_stopped() {
            let drag = go_on(response, drag, seen, interaction, commands);
            if response.drag_stopped() {
                end(&drag, interaction, commands);
            } else {
                interaction.drag = Some((own, drag));
            }
        }
    }
    clicks(response, seen, interaction, commands);
}

fn wheel(
    ui: &Ui,
    response: &Response,
    seen: &Seen<'_>,
    interaction: &mut Interaction,
    commands: &mut Vec<Command>,
) {
    let view = seen.index;
    let (lines, modifiers, zoom) = ui.input(|input| {
        let lines: f32 = input
            .events
            .iter()
            .filter_map(|event| match event {
                Event::MouseWheel { unit, delta, .. } => Some(match unit {
                    MouseWheelUnit::Point => (delta.x + delta.y) / WHEEL_STEP,
                    MouseWheelUnit::Line => delta.x + delta.y,
                    MouseWheelUnit::Page => (delta.x + delta.y) * 10.0,
                }),
                _ => None,
            })
            .sum();
        (lines, input.modifiers, input.zoom_delta())
    });
    let at = response.hover_pos().unwrap_or(seen.rect.center());
    if zoom != 1.0 {
        commands.push(Command::Zoom { view, factor: f64::from(zoom), about_mm: flat_mm(seen, at) });
        return;
    }
    if lines == 0.0 || modifiers.command {
        return;
    }
    match seen.view.content {
        Content::Orbit(_) => {
            let factor = 1.1_f64.powf(f64::from(lines));
            commands.push(Command::Zoom { view, factor, about_mm: flat_mm(seen, at) });
        }
        Content::Plane(plane) if modifiers.shift => {
            let thickness_mm = (plane.slab.thickness_mm + f64::from(lines.signum())).max(0.0).round();
            commands.push(Command::Thicken { view, slab: Slab { thickness_mm, ..plane.slab } });
        }
        _ => {
            interaction.wheel -= lines;
            let steps = interaction.wheel.trunc();
            interaction.wheel -= steps;
            if steps != 0.0 {
                commands.push(Command::Scroll { view, steps: steps.into() });
            }
        }
    }
}

/// How many mm right and down of the picture's middle a place is.
fn flat_mm(seen: &Seen<'_>, at: Pos2) -> DVec2 {
    match (seen.drawn_map(), seen.orbit_point_mm()) {
        (Some(map), _) => map.flat_mm(at),
        (None, Some(point_mm)) => {
            let from = at - seen.rect.center();
            DVec2::new(from.x.into(), from.y.into()) * point_mm
        }
        (None, None) => DVec2::ZERO,
    }
}

fn hover(ui: &Ui, response: &Response, seen: &Seen<'_>, interaction: &mut Interaction) {
    let Some(at) = response.hover_pos() else { return };
    interaction.hover = None;
    interaction.hot = None;
    if crop::handle_at(seen, at).is_some() {
        ui.ctx().set_cursor_icon(CursorIcon::Grab);
        return;
    }
    if let Some((id, point)) = distance_at(seen, at) {
        interaction.hot = Some(id);
        if point.is_some() {
            ui.ctx().set_cursor_icon(CursorIcon::Move);
        }
        return;
    }
    let Some(map) = seen.map() else { return };
    let at_mm = map.patient_mm(at);
    interaction.hover = Some(Hover { view: seen.index, text: told(seen, at_mm, map.plane.normal()) });
    interaction.hot = seen.measurements().find(|own| hit(&map, own, at).is_some()).map(|own| own.id);
    let measures = matches!(interaction.tool, Tool::Measure(_));
    let cursor = match (interaction.hot, part_at(seen, &map, at).filter(|_| !measures)) {
        (Some(_), _) => CursorIcon::Move,
        (None, Some(Part::Middle)) => CursorIcon::Move,
        (None, Some(Part::End)) => CursorIcon::Grab,
        _ if matches!(interaction.tool, Tool::Measure(_) | Tool::Cross) => CursorIcon::Crosshair,
        _ => CursorIcon::Default,
    };
    ui.ctx().set_cursor_icon(cursor);
}

/// Where a place of the picture's plane is, and the value that the picture has there.
fn told(seen: &Seen<'_>, at_mm: DVec3, normal: DVec3) -> Vec<String> {
    let interpolation = match seen.view.look.interpolation {
        anatome::Interpolation::Nearest => anatome::Interpolation::Nearest,
        _ => anatome::Interpolation::Linear,
    };
    let said = |volume: &anatome::Volume, value: Option<f64>| {
        value.map(|value| format!("{} {}", number(value), volume.mapping().unit).trim_end().to_owned())
    };
    match seen.view.content {
        Content::Frame(_) => {
            let Some(frame) = seen.frame() else { return Vec::new() };
            let mm = frame.volume.grid().spacing_mm();
            let pixel = format!("column {:.0}  row {:.0}", at_mm.x / mm.x + 1.0, at_mm.y / mm.y + 1.0);
            let value = value_at(&frame.volume, at_mm, interpolation).filter(|_| !frame.is_color());
            let place = frame.patient_from_frame.map(|to| place(to.transform_point3(at_mm)));
            std::iter::once(pixel).chain(place).chain(said(&frame.volume, value)).collect()
        }
        Content::Plane(PlaneView { slab, .. }) => {
            let series: Vec<SeriesId> = seen.view.series().collect();
            let values = series.iter().filter_map(|&own| {
                let volume = &seen.document.loaded(own)?.volume;
                let value = shown_at(volume, at_mm, normal, slab, interpolation);
                let name = (series.len() > 1).then(|| seen.document.name(own)).flatten();
                let name = name.map(|name| format!("{name}: ")).unwrap_or_default();
                Some(format!("{name}{}", said(volume, value)?))
            });
            std::iter::once(place(at_mm)).chain(values).collect()
        }
        Content::Orbit(_) => Vec::new(),
    }
}

/// A place in the patient in words.
fn place(at_mm: DVec3) -> String {
    format!("{} mm", [0, 1, 2].map(|axis| coordinate(at_mm, axis)).join("  "))
}

/// What of the crosshair is at a place, if it is shown.
fn part_at(seen: &Seen<'_>, map: &PlaneMap, at: Pos2) -> Option<Part> {
    let Content::Plane(plane) = seen.view.content else { return None };
    let space = seen.session.space_of(seen.view.series?, seen.document)?;
    let extent = seen.crosshair(plane.direction)?;
    crosshair::part_at(&crosshair::lines(map, space, plane.direction), seen.rect, extent, at)
}

fn start(response: &Response, seen: &Seen<'_>, interaction: &mut Interaction, commands: &mut Vec<Command>) {
    let by = |button| response.drag_started_by(button);
    let pressed = response.interact_pointer_pos().zip(response.total_drag_delta());
    let Some(at) = pressed.map(|(at, by)| at - by) else { return };
    let is_plane = seen.drawn_map().is_some();
    let face = Some(at).filter(|_| by(PointerButton::Primary)).and_then(|at| crop::handle_at(seen, at));
    let drag = if let Some(face) = face {
        Drag::Crop { face }
    } else if by(PointerButton::Middle) {
        Drag::Pan
    } else if by(PointerButton::Secondary) {
        Drag::Zoom
    } else if let Some((id, Some(point))) = distance_at(seen, at) {
        Drag::Handle { id, point }
    } else if !is_plane {
        match interaction.tool {
            Tool::Pan => Drag::Pan,
            Tool::Zoom => Drag::Zoom,
            _ => Drag::Orbit,
        }
    } else {
        match grabbed(seen, at, interaction.tool).or_else(|| with_tool(seen, at, interaction, commands)) {
            Some(drag) => drag,
            None => return,
        }
    };
    interaction.drag = Some((seen.index, drag));
}

/// The distance in space at a place of a 3D view, and which of its points. By its line it is not moved: that may lie
/// across the whole picture, which is turned there, too.
fn distance_at(seen: &Seen<'_>, at: Pos2) -> Option<(u64, Option<usize>)> {
    seen.distances().find_map(|(own, points)| Some((own.id, hit_in_space(&points, at)?)))
}

/// What lies under the pointer is moved, whatever the tool; but who measures does not move the crosshair.
fn grabbed(seen: &Seen<'_>, at: Pos2, tool: Tool) -> Option<Drag> {
    let map = seen.map()?;
    let measured = seen.measurements().find_map(|own| Some((own.id, hit(&map, own, at)?)));
    if let Some((id, point)) = measured {
        return Some(point.map_or(Drag::Whole { id }, |point| Drag::Handle { id, point }));
    }
    match part_at(seen, &map, at).filter(|_| !matches!(tool, Tool::Measure(_)))? {
        Part::Middle => Some(Drag::Cross),
        Part::End => Some(Drag::Turn),
    }
}

fn with_tool(
    seen: &Seen<'_>,
    at: Pos2,
    interaction: &mut Interaction,
    commands: &mut Vec<Command>,
) -> Option<Drag> {
    Some(match interaction.tool {
        Tool::Window => Drag::Window,
        Tool::Pan => Drag::Pan,
        Tool::Zoom => Drag::Zoom,
        Tool::Scroll => Drag::Scroll(0.0),
        Tool::Cross => {
            commands.push(Command::Cross { view: seen.index, at_mm: seen.map()?.patient_mm(at) });
            Drag::Cross
        }
        Tool::Measure(kind) => {
            let at_mm = seen.map()?.patient_mm(at);
            begin_or_extend(seen, kind, at_mm, interaction)?;
            Drag::Draw
        }
    })
}

/// Sets a point of a measurement that is being drawn; the one after it follows the pointer.
fn begin_or_extend(seen: &Seen<'_>, kind: Kind, at_mm: DVec3, interaction: &mut Interaction) -> Option<()> {
    match &mut interaction.draft {
        Some(draft) if draft.view == seen.index && draft.kind == kind => {
            if let Some(last) = draft.points.last_mut() {
                *last = at_mm;
            }
            if kind.points().1.is_none_or(|most| draft.points.len() < most) {
                draft.points.push(at_mm);
            }
        }
        draft => {
            let place = seen.place(kind)?;
            // What goes on moving would take the ground from under it.
            interaction.cine = None;
            let points = if kind.points().1 == Some(1) { vec![at_mm] } else { vec![at_mm, at_mm] };
            *draft = Some(Draft { view: seen.index, kind, place, points });
        }
    }
    Some(())
}

fn go_on(
    response: &Response,
    drag: Drag,
    seen: &Seen<'_>,
    interaction: &mut Interaction,
    commands: &mut Vec<Command>,
) -> Drag {
    let view = seen.index;
    // A drag counts from where the button was pressed, not from where it was seen to be one.
    let whole = response.total_drag_delta().filter(|_| response.drag_started());
    let by = whole.unwrap_or(response.drag_delta());
    let at = response.interact_pointer_pos().unwrap_or(seen.rect.center());
    if by == Vec2::ZERO && !response.drag_stopped() {
        return drag;
    }
    match &drag {
        Drag::Window => {
            commands.extend(windowed(seen, by).map(|voi| Command::Window { view, voi: Some(voi) }))
        }
        Drag::Pan => {
            let by_mm = flat_mm(seen, at - by) - flat_mm(seen, at);
            commands.push(Command::Pan { view, by_mm });
        }
        Drag::Zoom => {
            let start = response.interact_pointer_pos().zip(response.total_drag_delta());
            let about = start.map_or(seen.rect.center(), |(at, all)| at - all);
            let factor = 2f64.powf(f64::from(by.y / DOUBLE));
            commands.push(Command::Zoom { view, factor, about_mm: flat_mm(seen, about) });
        }
        Drag::Scroll(left) => {
            let all = left + by.y / SCROLL_STEP;
            let steps = all.trunc();
            if steps != 0.0 {
                commands.push(Command::Scroll { view, steps: steps.into() });
            }
            return Drag::Scroll(all - steps);
        }
        Drag::Cross => {
            if let Some(map) = seen.map() {
                commands.push(Command::Cross { view, at_mm: map.patient_mm(at) });
            }
        }
        Drag::Turn => commands.extend(turned(seen, at - by, at)),
        Drag::Crop { face } => commands.extend(crop::dragged(seen, *face, by)),
        Drag::Orbit => commands.push(Command::Orbit { view, by: orbited(seen, at - by, at) }),
        Drag::Handle { .. } | Drag::Whole { .. } => commands.extend(moved(seen, &drag, at - by, at)),
        Drag::Draw => {
            if let (Some(map), Some(draft)) = (seen.map(), &mut interaction.draft) {
                let at_mm = map.patient_mm(at);
                if draft.kind.is_stroke() {
                    draft.points.push(at_mm);
                } else if let Some(last) = draft.points.last_mut() {
                    *last = at_mm;
                }
            }
        }
    }
    drag
}

/// The window after a drag: right is wider, up is brighter.
fn windowed(seen: &Seen<'_>, by: Vec2) -> Option<Voi> {
    let defaults = match seen.drawn_frame() {
        Some(frame) if frame.is_color() => return None,
        Some(frame) => &frame.defaults,
        None => seen.document.defaults(seen.view.series?)?,
    };
    let (center, width, function) = match voi_of(&seen.view.look, defaults, &seen.view.content) {
        Voi::Window(window) => (window.center(), window.width(), window.function()),
        // A table can't be moved: from here on a window goes on in its place.
        Voi::Lut(lut) => {
            let width = lut.display_values().len() as f64;
            (lut.first_mapped() + width / 2.0, width.max(1.0), WindowFunction::Linear)
        }
    };
    let narrowest = if function == WindowFunction::Linear { 1.0 } else { 1e-9 };
    let new_width = (width * 2f64.powf(f64::from(by.x / DOUBLE))).clamp(narrowest, 1e9);
    // Up is brighter, also where low values are white.
    let brighter = if seen.view.look.invert != defaults.is_dark_on_white { -1.0 } else { 1.0 };
    let new_center = center + f64::from(by.y) * brighter * width / f64::from(DOUBLE) / 2.0;
    Window::new(new_center, new_width, function).ok().map(Voi::Window)
}

fn turned(seen: &Seen<'_>, from: Pos2, to: Pos2) -> Option<Command> {
    let Content::Plane(PlaneView { direction, .. }) = seen.view.content else { return None };
    let map = seen.map()?;
    let space = seen.session.space_of(seen.view.series?, seen.document)?;
    let angle_rad = crosshair::angle_rad(map.screen(space.center_mm), from, to);
    let axis = space.normal(direction);
    (angle_rad != 0.0).then_some(Command::Turn { view: seen.index, axis, angle_rad })
}

/// The rotation of what a 3D view shows: in the middle as if a ball was rolled, at the edge about the line of sight.
fn orbited(seen: &Seen<'_>, from: Pos2, to: Pos2) -> DQuat {
    let radius = seen.rect.width().min(seen.rect.height()) / 2.0;
    let middle = seen.rect.center();
    if (from - middle).length() > radius * 0.95 {
        let angle = (to - middle).angle() - (from - middle).angle();
        let angle = if angle > PI {
            angle - TAU
        } else if angle < -PI {
            angle + TAU
        } else {
            angle
        };
        return DQuat::from_axis_angle(DVec3::Z, angle.into());
    }
    let by = to - from;
    let axis = DVec3::new(by.y.into(), -f64::from(by.x), 0.0);
    match axis.try_normalize() {
        Some(axis) => DQuat::from_axis_angle(axis, f64::from(by.length() / radius) * 1.6),
        None => DQuat::IDENTITY,
    }
}

fn moved(seen: &Seen<'_>, drag: &Drag, from: Pos2, to: Pos2) -> Option<Command> {
    let (Drag::Handle { id, .. } | Drag::Whole { id }) = drag else { return None };
    let own = seen.session.measurements.iter().find(|own| own.id == *id)?;
    let mut points = own.points.clone();
    if let (Content::Orbit(_), Drag::Handle { point, .. }) = (seen.view.content, drag) {
        // As it was set: on what is seen there. Where nothing is seen it stays.
        *points.get_mut(*point)? = pick(seen, to)?;
        return Some(Command::Move { id: *id, points });
    }
    let map = seen.map()?;
    let by = map.patient_mm(to) - map.patient_mm(from);
    for (n, point) in points.iter_mut().enumerate() {
        if !matches!(drag, Drag::Handle { point, .. } if *point != n) {
            *point += by;
        }
    }
    Some(Command::Move { id: *id, points })
}

/// A drawing is finished when its last point was let go, a point at a time otherwise.
fn end(drag: &Drag, interaction: &mut Interaction, commands: &mut Vec<Command>) {
    if *drag == Drag::Draw {
        let is_stroke = interaction.draft.as_ref().is_some_and(|draft| draft.kind.is_stroke());
        finish_if_whole(interaction, is_stroke, commands);
        // The next point follows the pointer.
        if let Some(draft) = &mut interaction.draft
            && let Some(&last) = draft.points.last()
            && draft.kind.points().1.is_none_or(|most| draft.points.len() < most)
        {
            draft.points.push(last);
        }
    }
}

/// Adds the measurement that is being drawn, if it has all its points.
pub(crate) fn finish_if_whole(interaction: &mut Interaction, now: bool, commands: &mut Vec<Command>) {
    let Some(draft) = &interaction.draft else { return };
    let (least, most) = draft.kind.points();
    let count = draft.points.len();
    if (most == Some(count) || now)
        && let Some(draft) = interaction.draft.take().filter(|_| count >= least)
    {
        let Draft { kind, place, points, .. } = draft;
        commands.push(Command::Measure { kind, place, points, text: String::new() });
    }
}

fn clicks(response: &Response, seen: &Seen<'_>, interaction: &mut Interaction, commands: &mut Vec<Command>) {
    let view = seen.index;
    let at = response.interact_pointer_pos();
    if response.double_clicked() {
        match interaction.draft {
            // The second click of the two has set a point already.
            Some(_) => end_drawing(interaction, commands),
            None if !matches!(interaction.tool, Tool::Measure(_)) => {
                commands.push(Command::Enlarge { enlarged: !seen.session.enlarged });
            }
            None => {}
        }
        return;
    }
    if response.secondary_clicked() && interaction.draft.is_some() {
        return end_drawing(interaction, commands);
    }
    if let (Some(draft), Some(map), Some(at)) = (&mut interaction.draft, seen.map(), response.hover_pos())
        && draft.view == view
        && interaction.drag.is_none()
        && !interaction.by_keys
        && let Some(last) = draft.points.last_mut()
    {
        *last = map.patient_mm(at);
    }
    let (true, Some(at)) = (response.clicked(), at) else { return };
    match (seen.view.content, interaction.tool) {
        // It is selected, and nothing more.
        (Content::Orbit(_), _) if interaction.hot.is_some() && interaction.draft.is_none() => {}
        (Content::Orbit(_), Tool::Measure(Kind::Distance)) => {
            let Some(at_mm) = pick(seen, at) else { return };
            set_in_space(seen, at_mm, interaction, commands);
        }
        (Content::Orbit(_), _) => {
            commands.extend(pick(seen, at).map(|at_mm| Command::Cross { view, at_mm }));
        }
        (_, Tool::Cross) => {
            commands.extend(seen.map().map(|map| Command::Cross { view, at_mm: map.patient_mm(at) }));
        }
        (_, Tool::Measure(kind)) if interaction.hot.is_none() || interaction.draft.is_some() => {
            let Some(map) = seen.map() else { return };
            set_point(seen, kind, map.patient_mm(at), interaction, commands);
        }
        _ => {}
    }
}

/// Sets the next point of a measurement; the last that there may be ends it.
pub(crate) fn set_point(
    seen: &Seen<'_>,
    kind: Kind,
    at_mm: DVec3,
    interaction: &mut Interaction,
    commands: &mut Vec<Command>,
) {
    if matches!(seen.view.content, Content::Orbit(_)) {
        if kind == Kind::Distance {
            set_in_space(seen, at_mm, interaction, commands);
        }
        return;
    }
    let is_new = interaction.draft.is_none();
    if begin_or_extend(seen, kind, at_mm, interaction).is_some() && (!is_new || kind == Kind::Probe) {
        finish_clicked(interaction, commands);
    }
}

/// Sets an end of a distance in a 3D view.
fn set_in_space(seen: &Seen<'_>, at_mm: DVec3, interaction: &mut Interaction, commands: &mut Vec<Command>) {
    let (view, kind) = (seen.index, Kind::Distance);
    match interaction.draft.take().filter(|draft| draft.view == view && draft.kind == kind) {
        Some(Draft { kind, place, mut points, .. }) => {
            points.truncate(1);
            points.push(at_mm);
            commands.push(Command::Measure { kind, place, points, text: String::new() });
        }
        None => {
            let Some(place) = seen.place(kind) else { return };
            interaction.draft = Some(Draft { view, kind, place, points: vec![at_mm] });
        }
    }
}

/// Ends what is being drawn without the point that follows the pointer.
pub(crate) fn end_drawing(interaction: &mut Interaction, commands: &mut Vec<Command>) {
    if let Some(draft) = &mut interaction.draft {
        draft.points.pop();
    }
    finish_if_whole(interaction, true, commands);
}

/// After a click the last point follows the pointer, unless it was the last that there may be.
fn finish_clicked(interaction: &mut Interaction, commands: &mut Vec<Command>) {
    let Some(draft) = &interaction.draft else { return };
    let settled = match draft.points.len() {
        0 | 1 => draft.points.len(),
        // Equal ones: set now, and the one that follows.
        count if draft.points[count - 1] == draft.points[count - 2] => count - 1,
        count => count,
    };
    if draft.kind.points().1 == Some(settled) {
        finish_if_whole(interaction, true, commands);
    }
}
