//! The crosshair: where the other planes of a space cut this one.

use egui::{Painter, Pos2, Rect};
use glam::DVec3;

use super::line;
use crate::session::{Direction, Space};
use crate::theme;
use crate::viewport::PlaneMap;

/// What of a crosshair is at a place of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Middle,
    /// An end of one of the lines, by which the planes are turned.
    End,
}

/// How much of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// The place alone, which equal planes of several series have in common: no lines through what is compared.
    Mark,
    /// Lines where the other planes are, by which these are turned.
    Whole,
}

/// A line of the crosshair on the screen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Which plane it is.
    pub direction: Direction,
    /// Unit vector along it.
    along: egui::Vec2,
    /// Where in the patient it goes.
    middle: Pos2,
}

/// So near the pointer must be.
const NEAR: f32 = 7.0;
/// The part around the middle that is left free.
const FREE: f32 = 9.0;
/// Where the handles are: this part of the way from the middle to the nearest edge.
const HANDLE: f32 = 0.72;
/// Of a handle under the pointer.
const HOT_RADIUS: f32 = 4.0;
/// How long each of the four lines of a mark is.
const ARM: f32 = 8.0;

/// The lines of the two other planes on a plane.
pub(crate) fn lines(map: &PlaneMap, space: &Space, own: Direction) -> Vec<Line> {
    let normal = space.normal(own);
    let middle = map.screen(space.center_mm);
    let others = Direction::ALL.into_iter().filter(|&other| other != own);
    let line = |direction: Direction| {
        let along: DVec3 = normal.cross(space.normal(direction)).try_normalize()?;
        let along = egui::vec2(along.dot(map.plane.right) as f32, along.dot(map.plane.down) as f32);
        Some(Line { direction, along, middle })
    };
    others.filter_map(line).collect()
}

impl Line {
    /// The two handles.
    pub(crate) fn handles(&self, rect: Rect) -> [Pos2; 2] {
        let reach = (rect.width().min(rect.height()) / 2.0 * HANDLE).max(FREE * 2.0);
        [self.middle - self.along * reach, self.middle + self.along * reach]
    }

    /// Draws it as far as `room` goes, if its middle lies there, or else through the whole view. Returns what its handles
    /// take.
    pub(crate) fn draw(
        &self,
        painter: &Painter,
        rect: Rect,
        room: Rect,
        extent: Extent,
        is_hot: bool,
    ) -> Vec<Rect> {
        let color = theme::PLANES[self.direction as usize];
        let color = if is_hot { color } else { color.gamma_multiply(0.75) };
        let far = match extent {
            Extent::Mark => FREE + ARM,
            Extent::Whole => rect.width() + rect.height(),
        };
        let room = if room.contains(self.middle) { room } else { rect };
        let inner = painter.with_clip_rect(painter.clip_rect().intersect(room));
        for sign in [-1.0, 1.0] {
            let from = self.middle + self.along * FREE * sign;
            line(&inner, [from, self.middle + self.along * far * sign], 1.0, color);
        }
        let handles = self.handles(rect).into_iter().filter(|_| extent == Extent::Whole);
        let handles = handles.filter(|&handle| rect.contains(handle));
        let drawn = handles.map(|handle| {
            painter.circle_filled(handle, if is_hot { HOT_RADIUS } else { 3.0 }, color);
            // The same under the pointer and not: nothing jumps.
            Rect::from_center_size(handle, egui::Vec2::splat(2.0 * HOT_RADIUS + 2.0))
        });
        drawn.collect()
    }
}

/// What is at a place.
pub(crate) fn part_at(lines: &[Line], rect: Rect, extent: Extent, at: Pos2) -> Option<Part> {
    let middle = lines.first()?.middle;
    if middle.distance(at) <= NEAR + 3.0 {
        return Some(Part::Middle);
    }
    let handles = lines.iter().filter(|_| extent == Extent::Whole).flat_map(|line| line.handles(rect));
    { handles }.into_iter().any(|handle| handle.distance(at) <= NEAR + 2.0).then_some(Part::End)
}

/// The angle in radians by which the planes turn about the viewer's line of sight when a handle goes from one place to
/// another: positive turns right to down.
pub(crate) fn angle_rad(middle: Pos2, from: Pos2, to: Pos2) -> f64 {
    let (a, b) = (from - middle, to - middle);
    if a.length() < 1.0 || b.length() < 1.0 {
        return 0.0;
    }
    f64::from(b.angle() - a.angle())
}
