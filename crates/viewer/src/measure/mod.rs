//! Measurements: places in the patient or on a frame, and what follows from them.

mod probe;
mod region;
mod slab;

use glam::{DVec2, DVec3};
use serde::{Deserialize, Serialize};

pub(crate) use probe::value_at;
pub(crate) use region::{Outline, Statistics};
pub(crate) use slab::shown_at;

use crate::actions::Action;
use crate::session::{SeriesId, Slab};

/// A measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Measurement {
    /// Unique in its session.
    pub id: u64,
    pub kind: Kind,
    pub place: Place,
    /// In the order in which they were set: LPS mm, or mm on the frame.
    pub points: Vec<DVec3>,
    /// What someone wrote to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A value.
    Probe,
    /// A distance.
    Length,
    /// A distance between two places that need not lie in one picture.
    Distance,
    /// The sum of distances.
    Polyline,
    /// Between two lines that meet in the second point.
    Angle,
    /// Between two lines that need not meet.
    Cobb,
    /// Two distances, the longest and the one across.
    Bidirectional,
    /// Values in the ellipse between two corners.
    Ellipse,
    /// Values in the rectangle between two corners.
    Rectangle,
    /// Values within a line.
    Freehand,
    /// A text with an arrow at the first point.
    Arrow,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Length,
        Self::Distance,
        Self::Polyline,
        Self::Angle,
        Self::Cobb,
        Self::Bidirectional,
        Self::Ellipse,
        Self::Rectangle,
        Self::Freehand,
        Self::Probe,
        Self::Arrow,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Probe => "Probe",
            Self::Length => "Length",
            Self::Distance => "3D distance",
            Self::Polyline => "Polyline",
            Self::Angle => "Angle",
            Self::Cobb => "Cobb angle",
            Self::Bidirectional => "Bidirectional",
            Self::Ellipse => "Ellipse",
            Self::Rectangle => "Rectangle",
            Self::Freehand => "Freehand",
            Self::Arrow => "Arrow",
        }
    }

    /// What chooses it as the tool.
    pub(crate) fn action(self) -> Action {
        match self {
            Self::Probe => Action::Probe,
            Self::Length => Action::Length,
            Self::Distance => Action::Distance,
            Self::Polyline => Action::Polyline,
            Self::Angle => Action::Angle,
            Self::Cobb => Action::Cobb,
            Self::Bidirectional => Action::Bidirectional,
            Self::Ellipse => Action::Ellipse,
            Self::Rectangle => Action::Rectangle,
            Self::Freehand => Action::Freehand,
            Self::Arrow => Action::Arrow,
        }
    }

    /// How it is drawn.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Probe => "A click",
            Self::Length => "A drag, or a click at each end",
            Self::Distance => "A click at each end, also in 3D",
            Self::Polyline => "A click at each point; a double or right click ends it",
            Self::Angle => "Three clicks; the second at the corner",
            Self::Cobb => "Two lines, a click at each of their ends; at most 90°, as lines have no direction",
            Self::Bidirectional => {
                "Two lines, a click at each of their ends: the longest, and at a right angle the one across it"
            }
            Self::Ellipse | Self::Rectangle => "A drag from corner to corner",
            Self::Freehand => "A drag around it",
            Self::Arrow => "A drag from its tip; its text is asked for",
        }
    }

    /// How many points it has; the number may be open above.
    pub(crate) fn points(self) -> (usize, Option<usize>) {
        match self {
            Self::Probe => (1, Some(1)),
            Self::Length | Self::Distance | Self::Ellipse | Self::Rectangle | Self::Arrow => (2, Some(2)),
            Self::Angle => (3, Some(3)),
            Self::Cobb | Self::Bidirectional => (4, Some(4)),
            Self::Polyline => (2, None),
            Self::Freehand => (3, None),
        }
    }

    /// Whether it is drawn in one stroke of the pointer.
    pub(crate) fn is_stroke(self) -> bool {
        matches!(self, Self::Freehand)
    }

    /// Whether values within it are told.
    pub(crate) fn is_region(self) -> bool {
        matches!(self, Self::Ellipse | Self::Rectangle | Self::Freehand)
    }
}

/// Where a measurement stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// On a plane in the patient.
    Plane {
        /// The series whose values count.
        series: SeriesId,
        /// The plane's directions in its picture.
        right: DVec3,
        down: DVec3,
        /// How thick the plane was, and how values through it become one.
        #[serde(default, skip_serializing_if = "Slab::is_slice")]
        slab: Slab,
    },
    /// In the patient, on no plane.
    Space {
        /// The series in which it was set.
        series: SeriesId,
    },
    /// On a frame.
    Frame {
        /// The stack.
        series: SeriesId,
        /// From 0.
        frame: usize,
    },
}

impl Place {
    pub(crate) fn series(self) -> SeriesId {
        match self {
            Self::Plane { series, .. } | Self::Space { series } | Self::Frame { series, .. } => series,
        }
    }

    /// The slab whose values count; on frames and in space a slice.
    pub(crate) fn slab(self) -> Slab {
        match self {
            Self::Plane { slab, .. } => slab,
            Self::Space { .. } | Self::Frame { .. } => Slab::default(),
        }
    }

    /// The directions (right, down) in the space of the points.
    pub(crate) fn axes(self) -> (DVec3, DVec3) {
        match self {
            Self::Plane { right, down, .. } => (right, down),
            Self::Space { .. } | Self::Frame { .. } => (DVec3::X, DVec3::Y),
        }
    }
}

/// The most points of a line.
const MOST_POINTS: usize = 10_000;

impl Measurement {
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let (least, most) = self.kind.points();
        let count = self.points.len();
        let (right, down) = self.place.axes();
        let is_plane = right.is_normalized() && down.is_normalized() && right.dot(down).abs() < 1e-6;
        let fits = count >= least && count <= most.unwrap_or(MOST_POINTS);
        let is_slab = (0.0..=Slab::THICKEST_MM).contains(&self.place.slab().thickness_mm);
        let usable = is_plane && is_slab && fits && self.points.iter().all(|point| point.is_finite());
        (!usable).then_some("a measurement is not usable")
    }

    /// With the shorter of two directions at a right angle to the longer, as RECIST asks: its end goes to the nearest such
    /// place. Anything else as it is.
    pub(crate) fn squared(mut self) -> Self {
        if let (Kind::Bidirectional, &mut [a, b, c, ref mut d]) = (self.kind, self.points.as_mut_slice()) {
            let (right, down) = self.place.axes();
            if let Some(across) = right.cross(down).cross(b - a).try_normalize() {
                *d = c + across * across.dot(*d - c);
            }
        }
        self
    }

    /// What it is called in lists.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind.name(), self.id)
    }

    /// The place that is jumped to.
    pub(crate) fn middle(&self) -> DVec3 {
        self.points.iter().sum::<DVec3>() / self.points.len().max(1) as f64
    }

    /// A point in the plane of the measurement: right and down of its first point.
    pub(crate) fn flat(&self, point: DVec3) -> DVec2 {
        let (right, down) = self.place.axes();
        let from = point - self.points.first().copied().unwrap_or_default();
        DVec2::new(from.dot(right), from.dot(down))
    }

    /// Distances in mm: one, or two of a bidirectional measurement; none of what has no length.
    pub(crate) fn lengths(&self) -> Vec<f64> {
        let between = |pair: &[DVec3]| pair[0].distance(pair[1]);
        match self.kind {
            Kind::Length | Kind::Distance | Kind::Polyline => vec![self.points.windows(2).map(between).sum()],
            Kind::Bidirectional => self.points.chunks_exact(2).map(between).collect(),
            _ => Vec::new(),
        }
    }

    /// The angle in radians.
    pub(crate) fn angle_rad(&self) -> Option<f64> {
        match (self.kind, self.points.as_slice()) {
            (Kind::Angle, &[a, b, c]) => {
                let angle = (a - b).try_normalize()?.dot((c - b).try_normalize()?);
                Some(angle.clamp(-1.0, 1.0).acos())
            }
            (Kind::Cobb, &[a, b, c, d]) => {
                // Lines have no direction: never more than a right angle.
                let cosine = (b - a).try_normalize()?.dot((d - c).try_normalize()?);
                Some(cosine.abs().clamp(0.0, 1.0).acos())
            }
            _ => None,
        }
    }

    /// The line around what a region holds.
    pub(crate) fn outline(&self) -> Option<Outline> {
        let flat: Vec<DVec2> = self.points.iter().map(|&point| self.flat(point)).collect();
        match (self.kind, flat.as_slice()) {
            (Kind::Ellipse, &[a, b]) => Some(Outline::Ellipse { low: a.min(b), high: a.max(b) }),
            (Kind::Rectangle, &[a, b]) => Some(Outline::Rectangle { low: a.min(b), high: a.max(b) }),
            (Kind::Freehand, _) => Some(Outline::Polygon(flat)),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn on_axial(kind: Kind, points: &[[f64; 3]]) -> Measurement {
        let series = SeriesId { input: 0, number: 0 };
        Measurement {
            id: 1,
            kind,
            place: Place::Plane { series, right: DVec3::X, down: DVec3::Y, slab: Slab::default() },
            points: points.iter().map(|&point| point.into()).collect(),
            text: String::new(),
        }
    }

    #[test]
    fn lengths_and_angles_are_those_of_triangles() {
        let triangle = [[0.0, 0.0, 7.0], [3.0, 4.0, 7.0], [3.0, 0.0, 7.0]];
        assert_eq!(on_axial(Kind::Length, &triangle[..2]).lengths(), [5.0]);
        assert_eq!(on_axial(Kind::Polyline, &triangle).lengths(), [9.0]);
        let right_angle = on_axial(Kind::Angle, &[triangle[0], triangle[2], triangle[1]]);
        assert!((right_angle.angle_rad().unwrap() - std::f64::consts::FRAC_PI_2).abs() < 1e-12);
        let lines = [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 5.0, 0.0], [-10.0, -5.0, 0.0]];
        let cobb = on_axial(Kind::Cobb, &lines).angle_rad().unwrap();
        assert!((cobb - std::f64::consts::FRAC_PI_4).abs() < 1e-12, "{cobb}");
        let across =
            on_axial(Kind::Bidirectional, &[[0.0; 3], [8.0, 0.0, 0.0], [4.0, -1.0, 0.0], [4.0, 2.0, 0.0]]);
        assert_eq!(across.lengths(), [8.0, 3.0]);
        assert_eq!(on_axial(Kind::Angle, &[[0.0; 3]; 3]).angle_rad(), None);
    }

    #[test]
    fn the_second_direction_is_across_the_first() {
        let points = [[0.0; 3], [8.0, 0.0, 0.0], [4.0, -1.0, 0.0], [7.0, 2.0, 0.0]];
        let squared = on_axial(Kind::Bidirectional, &points).squared();
        assert_eq!((squared.points[3], squared.lengths()), (DVec3::new(4.0, 2.0, 0.0), vec![8.0, 3.0]));
        let line = on_axial(Kind::Cobb, &points);
        assert_eq!(line.clone().squared(), line);
        // Without a first direction there is none across it.
        let none = on_axial(Kind::Bidirectional, &[[0.0; 3], [0.0; 3], points[2], points[3]]);
        assert_eq!(none.clone().squared(), none);
    }

    #[test]
    fn what_has_too_few_points_or_no_plane_is_refused() {
        assert!(on_axial(Kind::Angle, &[[0.0; 3]; 2]).fault().is_some());
        assert!(on_axial(Kind::Length, &[[0.0; 3]; 2]).fault().is_none());
        assert!(on_axial(Kind::Length, &[[0.0; 3], [f64::NAN; 3]]).fault().is_some());
        let mut leaning = on_axial(Kind::Length, &[[0.0; 3]; 2]);
        let (series, slab) = (SeriesId { input: 0, number: 0 }, Slab::default());
        leaning.place = Place::Plane { series, right: DVec3::X, down: DVec3::X, slab };
        assert!(leaning.fault().is_some());
        let slab = Slab { thickness_mm: f64::NAN, ..slab };
        leaning.place = Place::Plane { series, right: DVec3::X, down: DVec3::Y, slab };
        assert!(leaning.fault().is_some());
    }
}
