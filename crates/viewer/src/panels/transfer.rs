//! Colours and opacities over the histogram, and what part of a volume is shown.

use anatome::{CropBox, Region, TransferFunction, TransferPoint, Unit};
use egui::{Button, Color32, DragValue, Pos2, Rect, Sense, Slider, Stroke, Ui, Vec2};

use super::number_field;
use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::Defaults;
use crate::overlay::facts::number;
use crate::session::{Direction, ViewState, bounds_mm, transfer_function_of};
use crate::steps::Step;

/// The height of the editor in points.
const HEIGHT: f32 = 110.0;
/// So near the pointer must be to a point.
const NEAR: f32 = 8.0;
/// So many points are never removed: between them there is a curve.
const FEWEST: usize = 2;

/// The curve of opacity over the histogram: points are dragged, added by a double click, and taken away by a right click.
/// Below it are the numbers of the point that was touched last.
pub(super) fn editor(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState, defaults: &Defaults) {
    let Some(function) = transfer_function_of(&own.look, defaults).cloned() else { return };
    let view = viewer.session.active;
    let size = Vec2::new(ui.available_width(), HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::accesskit::Role::Canvas, true, "Transfer function"));
    let scale =
        Scale { rect: rect.shrink2(Vec2::new(6.0, 6.0)), ends: ends(viewer, own, &function, &defaults.unit) };
    let points = function.points();
    // Of another preset it would be another point.
    let [dragged, remembered] = ["dragged point", "chosen point"]
        .map(|what| ui.scope_id().with((what, own.series, own.look.preset.clone())));
    let mut chosen = ui.data(|memory| memory.get_temp(remembered)).unwrap_or(0usize).min(points.len() - 1);
    draw(viewer, ui, own, &function, &scale, chosen);
    let at = response.interact_pointer_pos().or(response.hover_pos());
    let nearest = at.and_then(|at| scale.nearest(points, at));
    if let (Some(at), true) = (at, response.hovered()) {
        response.show_tooltip_text(told(points, nearest, scale.place(at), &defaults.unit));
    }
    if response.drag_started() {
        let pressed = at.zip(response.total_drag_delta()).and_then(|(at, by)| scale.nearest(points, at - by));
        ui.data_mut(|memory| memory.insert_temp(dragged, pressed));
        chosen = pressed.unwrap_or(chosen);
    } else if response.clicked() {
        chosen = nearest.unwrap_or(chosen);
    }
    let mut changed = None;
    if response.dragged() {
        let held: Option<usize> = ui.data(|memory| memory.get_temp(dragged)).flatten();
        changed = match (held, at) {
            (Some(held), Some(at)) => moved(points, held, scale.place(at)),
            // Beside the points all of them are shifted.
            _ => shifted(points, scale.span(response.drag_delta().x)),
        };
    } else if let (true, Some(at)) = (response.double_clicked(), at) {
        let place = scale.place(at);
        chosen = place_of(points, place.0);
        changed = Some(added(&function, place));
    } else if let (true, Some(nearest)) = (response.secondary_clicked(), nearest) {
        changed = without(points, nearest);
        // It stays the same point.
        chosen -= usize::from(changed.is_some() && nearest <= chosen && chosen > 0);
    }
    let (low, high) = scale.ends;
    ui.horizontal(|ui| {
        ui.weak(number(low));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.weak(format!("{} {}", number(high), defaults.unit).trim_end().to_owned());
        });
    });
    ui.weak("Drag points, or beside them to shift all; double click adds, right click removes.");
    let (typed, chosen) = chosen_point(ui, &function, chosen, &defaults.unit);
    ui.data_mut(|memory| memory.insert_temp(remembered, chosen));
    if let Some(function) = changed.or(typed).and_then(|points| TransferFunction::new(points).ok()) {
        viewer.push(Command::Transfer { view, function });
    }
}

/// What is said of a place under the pointer: of a point its own numbers, and what can be done with it.
fn told(
    points: &[TransferPoint],
    nearest: Option<usize>,
    (value, opacity): (f64, f64),
    unit: &Unit,
) -> String {
    let numbers = |value: f64, opacity: f64| format!("{} {unit}, {opacity:.3} a mm", number(value));
    let Some(point) = nearest.and_then(|nearest| points.get(nearest)) else {
        return numbers(value, opacity);
    };
    let removes = if points.len() > FEWEST { "right click removes it" } else { "the last two stay" };
    format!("Point at {}: drag to move, {removes}", numbers(point.value, point.opacity_per_mm))
}

/// The numbers and the colour of a point, which keys reach, too, and what adds and removes one: the points after what was
/// done, and which is chosen then.
fn chosen_point(
    ui: &mut Ui,
    function: &TransferFunction,
    chosen: usize,
    unit: &Unit,
) -> (Option<Vec<TransferPoint>>, usize) {
    let points = function.points();
    let mut number = chosen + 1;
    let (mut changed, mut next) = (None, None);
    ui.horizontal(|ui| {
        let label = ui.label("Point");
        let field = DragValue::new(&mut number).range(1..=points.len()).update_while_editing(false);
        ui.add(field.speed(0.05)).labelled_by(label.id);
        ui.weak(format!("of {}", points.len()));
        if ui.button("Add").on_hover_text("Adds a point between it and the next").clicked() {
            let place = between(function, chosen);
            next = Some(place_of(points, place.0));
            changed = Some(added(function, place));
        }
        let remove = ui.add_enabled(points.len() > FEWEST, Button::new("Remove"));
        if remove.on_disabled_hover_text("The last two stay").clicked() {
            next = Some(chosen.saturating_sub(1));
            changed = without(points, chosen);
        }
    });
    // One that was added behind the last is there in the next frame.
    let Some(own) = points.get(chosen) else { return (changed, chosen) };
    let (first, last) = function.domain();
    let span = last - first;
    let digits = (4.0 - span.log10().floor()).clamp(0.0, 9.0) as usize;
    let suffix = format!(" {unit}");
    let mut point = *own;
    // What is typed for one point is not for another.
    ui.push_id(chosen, |ui| {
        ui.horizontal(|ui| {
            let label = ui.label("Value");
            let field = number_field(ui, &mut point.value, digits, |field| {
                field.speed(span / 500.0).suffix(suffix.trim_end())
            });
            field.labelled_by(label.id);
        });
        ui.horizontal(|ui| {
            let label = ui.label("Opacity a mm");
            let range = 0.0..=TransferFunction::MAX_OPACITY_PER_MM;
            let field =
                number_field(ui, &mut point.opacity_per_mm, 4, |field| field.range(range).speed(0.002));
            field.labelled_by(label.id);
        });
        ui.horizontal(|ui| {
            let label = ui.label("Colour of the point");
            // It is rounded when it is only shown.
            let mut color = point.color;
            if ui.color_edit_button_rgb(&mut color).labelled_by(label.id).changed() {
                point.color = color.map(|part| part.clamp(0.0, 1.0));
            }
        });
    });
    let mut by = 0.0;
    ui.horizontal(|ui| {
        let label = ui.label("Shift all by");
        // Typed only: the pointer drags beside the points for it.
        let field = number_field(ui, &mut by, digits, |field| field.speed(0.0).suffix(suffix.trim_end()));
        field.labelled_by(label.id);
    });
    changed = changed.or_else(|| shifted(points, by));
    if point != *own {
        changed = moved(points, chosen, (point.value, point.opacity_per_mm));
        if let Some(own) = changed.as_mut().and_then(|points| points.get_mut(chosen)) {
            own.color = point.color;
        }
    }
    (changed, next.unwrap_or(number - 1))
}

/// The middle between a point and the next, or the one before, and the opacity there.
fn between(function: &TransferFunction, chosen: usize) -> (f64, f64) {
    let points = function.points();
    let first = chosen.min(points.len().saturating_sub(2));
    let ends = [first, first + 1].map(|n| points.get(n).map_or(0.0, |point| point.value));
    let middle = ends[0].midpoint(ends[1]);
    (middle, function.at(middle).1)
}

struct Scale {
    rect: Rect,
    ends: (f64, f64),
}

impl Scale {
    fn screen(&self, value: f64, opacity: f64) -> Pos2 {
        let part = ((value - self.ends.0) / (self.ends.1 - self.ends.0)) as f32;
        // The root spreads small opacities, which matter most.
        let up = opacity.sqrt() as f32;
        Pos2::new(self.rect.left() + part * self.rect.width(), self.rect.bottom() - up * self.rect.height())
    }

    fn place(&self, at: Pos2) -> (f64, f64) {
        let part = f64::from((at.x - self.rect.left()) / self.rect.width().max(1.0));
        let up = f64::from((self.rect.bottom() - at.y) / self.rect.height().max(1.0)).clamp(0.0, 1.0);
        (self.ends.0 + part * (self.ends.1 - self.ends.0), up * up)
    }

    fn span(&self, points: f32) -> f64 {
        f64::from(points / self.rect.width().max(1.0)) * (self.ends.1 - self.ends.0)
    }

    fn nearest(&self, points: &[TransferPoint], at: Pos2) -> Option<usize> {
        let far = |point: &TransferPoint| self.screen(point.value, point.opacity_per_mm).distance(at);
        let near =
            points.iter().enumerate().map(|(n, point)| (n, far(point))).filter(|(_, far)| *far <= NEAR);
        near.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(n, _)| n)
    }
}

/// From where to where values are shown: those of the volume that occur, and all points.
fn ends(viewer: &Viewer, own: &ViewState, function: &TransferFunction, unit: &Unit) -> (f64, f64) {
    let loaded = own.series.and_then(|series| viewer.document.whole(series));
    let occurring = loaded.map_or(function.domain(), |loaded| loaded.histogram.ends);
    range(occurring, function.domain(), unit)
}

/// No HU mean anything below air: scanners write it around what they see.
const BELOW_AIR_HU: f64 = -1100.0;

fn range((low, high): (f64, f64), (first, last): (f64, f64), unit: &Unit) -> (f64, f64) {
    let low = if *unit == Unit::Hounsfield { low.max(BELOW_AIR_HU) } else { low };
    let (low, high) = (low.min(first), high.max(last));
    if high > low { (low, high) } else { (low, low + 1.0) }
}

fn draw(
    viewer: &Viewer,
    ui: &Ui,
    own: &ViewState,
    function: &TransferFunction,
    scale: &Scale,
    chosen: usize,
) {
    let painter = ui.painter().with_clip_rect(scale.rect.expand(6.0));
    painter.rect_filled(scale.rect.expand(6.0), 3.0, Color32::from_gray(20));
    if let Some(loaded) = own.series.and_then(|series| viewer.document.whole(series)) {
        let histogram = &loaded.histogram;
        let most = histogram.counts.iter().copied().max().unwrap_or(1).max(1);
        let width = (histogram.ends.1 - histogram.ends.0) / histogram.counts.len().max(1) as f64;
        for (n, &count) in histogram.counts.iter().enumerate() {
            let value = histogram.ends.0 + (n as f64 + 0.5) * width;
            if value < scale.ends.0 {
                continue;
            }
            // Air is most of it: logarithms show the rest.
            let part = f64::from(count).ln_1p() / f64::from(most).ln_1p();
            let top = scale.screen(value, (part * 0.95).powi(2));
            let bottom = Pos2::new(top.x, scale.rect.bottom());
            painter.line_segment([bottom, top], Stroke::new(1.0, Color32::from_gray(52)));
        }
    }
    let points = function.points();
    let mut line: Vec<Pos2> = Vec::new();
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        line.push(scale.screen(scale.ends.0, first.opacity_per_mm));
        line.extend(points.iter().map(|point| scale.screen(point.value, point.opacity_per_mm)));
        line.push(scale.screen(scale.ends.1, last.opacity_per_mm));
    }
    painter.line(line, Stroke::new(1.5, Color32::from_gray(210)));
    for (n, point) in points.iter().enumerate() {
        let [r, g, b] = point.color.map(|part| (part * 255.0) as u8);
        let at = scale.screen(point.value, point.opacity_per_mm);
        let rim = if n == chosen { 2.0 } else { 1.0 };
        painter.circle(at, 4.5, Color32::from_rgb(r, g, b), Stroke::new(rim, Color32::WHITE));
    }
}

/// The points after one was moved; it stays between its neighbours.
fn moved(points: &[TransferPoint], held: usize, (value, opacity): (f64, f64)) -> Option<Vec<TransferPoint>> {
    let mut points = points.to_vec();
    let low =
        held.checked_sub(1).and_then(|before| points.get(before)).map_or(f64::NEG_INFINITY, |p| p.value);
    let high = points.get(held + 1).map_or(f64::INFINITY, |p| p.value);
    let point = points.get_mut(held)?;
    (point.value, point.opacity_per_mm) =
        (value.clamp(low, high), opacity.min(TransferFunction::MAX_OPACITY_PER_MM));
    Some(points)
}

fn shifted(points: &[TransferPoint], by: f64) -> Option<Vec<TransferPoint>> {
    (by != 0.0)
        .then(|| points.iter().map(|point| TransferPoint { value: point.value + by, ..*point }).collect())
}

/// Where a point of a value comes among others.
fn place_of(points: &[TransferPoint], value: f64) -> usize {
    points.partition_point(|point| point.value <= value)
}

fn added(function: &TransferFunction, (value, opacity): (f64, f64)) -> Vec<TransferPoint> {
    let mut points = function.points().to_vec();
    let color = function.at(value).0.map(|part| part as f32);
    let at = place_of(&points, value);
    points.insert(at, TransferPoint { value, color, opacity_per_mm: opacity });
    points
}

fn without(points: &[TransferPoint], nearest: usize) -> Option<Vec<TransferPoint>> {
    (points.len() > FEWEST).then(|| {
        let others = points.iter().enumerate().filter(|(n, _)| *n != nearest);
        others.map(|(_, point)| *point).collect()
    })
}

/// The box, and the plane that cuts.
pub(super) fn region(viewer: &mut Viewer, ui: &mut Ui, own: &ViewState) {
    let Some(series) = own.series else { return };
    let Some(grid) = viewer.document.grid(series).cloned() else { return };
    let view = viewer.session.active;
    let (low, high) = bounds_mm(&grid);
    let crop = own.look.region.crop.unwrap_or(CropBox { min_mm: low, max_mm: high });
    let mut changed = crop;
    for (axis, names) in
        [["from right", "to left"], ["from front", "to back"], ["from feet", "to head"]].iter().enumerate()
    {
        let range = low[axis]..=high[axis];
        ui.add(Slider::new(&mut changed.min_mm[axis], range.clone()).text(names[0]).show_value(false));
        ui.add(Slider::new(&mut changed.max_mm[axis], range).text(names[1]).show_value(false));
    }
    let changed =
        CropBox { min_mm: changed.min_mm.min(changed.max_mm), max_mm: changed.max_mm.max(changed.min_mm) };
    if changed != crop {
        let region = Region { crop: Some(changed), ..own.look.region.clone() };
        viewer.push(Command::Crop { view, region });
    }
    let mut shown = viewer.session.shown;
    let hint = viewer.keys.with_key("Shows it with handles to be dragged", Action::ShowCropBox);
    if ui.checkbox(&mut shown.crop_box, "Crop box").on_hover_text(hint).changed() {
        viewer.push(Command::Overlays { shown });
    }
    ui.horizontal_wrapped(|ui| {
        let hint = viewer.keys.hint(Action::Step(Step::Uncrop));
        if ui.button("All of it").on_hover_text(hint).clicked() {
            viewer.push(Command::Crop { view, region: Region::default() });
        }
        for direction in Direction::ALL {
            let step = Step::Cut(direction);
            let text = "Hides what is in front of the plane of the crosshair";
            let text = viewer.keys.with_key(text, Action::Step(step));
            let name = format!("Cut at {}", direction.name().to_lowercase());
            if ui.button(name).on_hover_text(text).clicked() {
                let cut = viewer.step(step);
                viewer.commands.extend(cut);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function() -> TransferFunction {
        let point = |value, opacity_per_mm| TransferPoint { value, color: [0.5; 3], opacity_per_mm };
        TransferFunction::new(vec![point(0.0, 0.0), point(100.0, 0.5), point(200.0, 0.9)]).unwrap()
    }

    #[test]
    fn points_stay_in_order_and_two_remain() {
        let points = moved(function().points(), 1, (500.0, 2.0)).unwrap();
        assert_eq!(points[1].value, 200.0);
        assert!(TransferFunction::new(points).is_ok());
        let two = without(function().points(), 1).unwrap();
        assert_eq!(two.len(), 2);
        assert!(without(&two, 0).is_none());
        let held = |points: &[TransferPoint]| told(points, Some(0), (7.0, 0.1), &Unit::Hounsfield);
        assert_eq!(
            held(function().points()),
            "Point at 0 HU, 0.000 a mm: drag to move, right click removes it"
        );
        assert!(held(&two).ends_with("drag to move, the last two stay"));
        assert_eq!(told(&two, None, (7.0, 0.1), &Unit::Hounsfield), "7 HU, 0.100 a mm");
        let four = added(&function(), (150.0, 0.2));
        assert_eq!((four.len(), four[2].value), (4, 150.0));
        assert!(TransferFunction::new(four).is_ok());
        let shifted = shifted(function().points(), -50.0).unwrap();
        assert_eq!((shifted[0].value, shifted[2].value), (-50.0, 150.0));
    }

    #[test]
    fn what_lies_around_a_ct_takes_no_room() {
        let of = |unit| range((-3024.0, 1400.0), (-500.0, 3000.0), &unit);
        assert_eq!(of(Unit::Hounsfield), (-1100.0, 3000.0));
        assert_eq!(of(Unit::Arbitrary), (-3024.0, 3000.0));
        assert_eq!(range((-3024.0, 1400.0), (-2000.0, 0.0), &Unit::Hounsfield), (-2000.0, 1400.0));
    }

    #[test]
    fn the_editor_reads_what_it_draws() {
        let rect = Rect::from_min_size(Pos2::new(3.0, 4.0), Vec2::new(200.0, 100.0));
        let scale = Scale { rect, ends: (-1000.0, 1000.0) };
        let (value, opacity) = scale.place(scale.screen(300.0, 0.36));
        assert!((value - 300.0).abs() < 1e-3 && (opacity - 0.36).abs() < 1e-5);
    }
}
