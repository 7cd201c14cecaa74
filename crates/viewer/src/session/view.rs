//! One view: which series, from where, and how it looks.

use anatome::{Interpolation, Projection, Region, Shading, StandardView, TransferFunction, Voi};
use glam::{DMat3, DQuat, DVec3};
use serde::{Deserialize, Serialize};

use super::{Framing, SeriesId};
use crate::document::Document;

/// A view. Empty if it has no series.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewState {
    /// What is shown.
    pub series: Option<SeriesId>,
    /// What is laid over it: another series of the same space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// From where.
    pub content: Content,
    /// How much of it.
    pub framing: Framing,
    /// How it looks.
    pub look: Look,
    /// Whether its looks, its slab and what lies over it are its own: other views neither give nor take them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_apart: bool,
}

/// A series laid over another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Overlay {
    /// Which.
    pub series: SeriesId,
    /// 0: not seen; 1: nothing else is seen where it is bright.
    pub opacity: f64,
    /// How it looks.
    pub look: Look,
}

/// What a view is a view of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    /// A plane through a volume.
    Plane(PlaneView),
    /// A volume in three dimensions.
    Orbit(OrbitView),
    /// A frame of images that make no volume.
    Frame(FrameView),
}

impl Default for Content {
    fn default() -> Self {
        Self::Plane(PlaneView::default())
    }
}

/// Which of the three planes of a crosshair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    /// Seen from the feet.
    #[default]
    Axial,
    /// Seen from the front.
    Coronal,
    /// Seen from the left.
    Sagittal,
}

impl Direction {
    pub(crate) const ALL: [Self; 3] = [Self::Axial, Self::Coronal, Self::Sagittal];

    pub(crate) fn standard(self) -> StandardView {
        match self {
            Self::Axial => StandardView::Axial,
            Self::Coronal => StandardView::Coronal,
            Self::Sagittal => StandardView::Sagittal,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Axial => "Axial",
            Self::Coronal => "Coronal",
            Self::Sagittal => "Sagittal",
        }
    }
}

/// A plane of the space's crosshair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct PlaneView {
    /// Which.
    pub direction: Direction,
    /// How thick.
    pub slab: Slab,
}

/// What lies in front of and behind a plane and is seen in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slab {
    /// In mm; 0 is a slice.
    pub thickness_mm: f64,
    /// How values become one.
    pub projection: Projection,
}

impl Default for Slab {
    fn default() -> Self {
        Self { thickness_mm: 0.0, projection: Projection::Mip }
    }
}

impl Slab {
    /// The thickest slab in mm: rays of many samples would be no slab but a projection.
    pub(crate) const THICKEST_MM: f64 = 200.0;

    /// Whether there is nothing in front of and behind the plane.
    pub(crate) fn is_slice(&self) -> bool {
        self.thickness_mm == 0.0
    }
}

/// How a volume is seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrbitView {
    /// What becomes of values along a ray.
    pub mode: Mode,
    /// From where.
    pub orbit: Orbit,
    /// The vertical field of view, for a picture in perspective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fov_rad: Option<f64>,
}

impl Default for OrbitView {
    fn default() -> Self {
        Self { mode: Mode::Rendering, orbit: Orbit::of(Side::Front), fov_rad: None }
    }
}

/// What becomes of values along a ray.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Colours and opacities.
    Rendering,
    /// One value.
    Projection(Projection),
}

/// A direction of view in three dimensions: a rotation from the picture's axes (right, down, into it) to the patient's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Orbit(pub DQuat);

/// From where the patient is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    Front,
    Back,
    Left,
    Right,
    Head,
    Feet,
}

impl Side {
    /// All, with their letters.
    pub(crate) const ALL: [(Self, &str); 6] = [
        (Self::Front, "A"),
        (Self::Back, "P"),
        (Self::Left, "L"),
        (Self::Right, "R"),
        (Self::Head, "H"),
        (Self::Feet, "F"),
    ];
}

impl Orbit {
    /// The view from a side, the head (or, from head or feet, the front) up.
    pub(crate) fn of(side: Side) -> Self {
        let (right, down) = match side {
            Side::Front => (DVec3::X, -DVec3::Z),
            Side::Back => (-DVec3::X, -DVec3::Z),
            Side::Left => (DVec3::Y, -DVec3::Z),
            Side::Right => (-DVec3::Y, -DVec3::Z),
            Side::Head => (-DVec3::X, DVec3::Y),
            Side::Feet => (DVec3::X, DVec3::Y),
        };
        Self(DQuat::from_mat3(&DMat3::from_cols(right, down, right.cross(down))).normalize())
    }

    /// The directions (right, down, into the picture) in the patient.
    pub(crate) fn axes(self) -> (DVec3, DVec3, DVec3) {
        (self.0 * DVec3::X, self.0 * DVec3::Y, self.0 * DVec3::Z)
    }

    /// The view after what is seen was turned by a rotation in the picture's axes.
    pub(crate) fn turned(self, by: DQuat) -> Self {
        let to = (self.0 * by.inverse()).normalize();
        if to.is_finite() { Self(to) } else { self }
    }
}

/// A frame of a stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FrameView {
    /// From 0.
    pub frame: usize,
}

/// How a series looks, where that was chosen; what is absent is the series' own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Look {
    /// The window of planes, projections and frames.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voi: Option<Voi>,
    /// Whether black and white are exchanged against what is usual.
    pub invert: bool,
    /// The name of a colour map; grey if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colors: Option<String>,
    /// How values between voxel centres are found.
    pub interpolation: Interpolation,
    /// The name of a rendering preset; the modality's first if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// A transfer function that was changed from the preset's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_function: Option<TransferFunction>,
    /// Lighting that was changed from the preset's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shading: Option<Shading>,
    /// What part 3D views show.
    pub region: Region,
}

/// What a picture is a picture of, as far as labels tell it. A picture never stands under the labels of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    series: SeriesId,
    /// The plane; none in 3D and of frames.
    direction: Option<Direction>,
    is_frame: bool,
}

impl ViewState {
    /// What it shows and what lies over it.
    pub(crate) fn series(&self) -> impl Iterator<Item = SeriesId> + use<> {
        [self.series, self.overlay.as_ref().map(|over| over.series)].into_iter().flatten()
    }

    /// What its picture is a picture of.
    pub(crate) fn subject(&self, document: &Document) -> Option<Subject> {
        let direction = match self.content {
            Content::Plane(plane) => Some(plane.direction),
            _ => None,
        };
        let is_frame = matches!(self.content, Content::Frame(_));
        // Phases are told apart by the picture itself: between them nothing flickers.
        Some(Subject { series: document.first_phase(self.series?), direction, is_frame })
    }

    pub(super) fn fault(&self) -> Option<&'static str> {
        let overlay = self.overlay.as_ref();
        let usable = match self.content {
            Content::Plane(view) => (0.0..=Slab::THICKEST_MM).contains(&view.slab.thickness_mm),
            Content::Orbit(view) => {
                let fov = view.fov_rad.is_none_or(|fov| (0.05..=2.5).contains(&fov));
                fov && view.orbit.0.is_finite() && view.orbit.0.is_normalized()
            }
            Content::Frame(_) => true,
        };
        if !(usable && self.framing.is_usable()) {
            return Some("a view is not usable");
        }
        overlay
            .is_some_and(|overlay| !(0.0..=1.0).contains(&overlay.opacity))
            .then_some("an opacity is not usable")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome::orientation_letters;

    #[test]
    fn sides_are_seen_as_radiologists_expect() {
        let letters = |side: Side| {
            let (right, down, forward) = Orbit::of(side).axes();
            [right, -down, -forward].map(orientation_letters).concat()
        };
        let seen: Vec<String> = Side::ALL.iter().map(|&(side, _)| letters(side)).collect();
        assert_eq!(seen, ["LHA", "RHP", "PHL", "AHR", "RAH", "LAF"]);
    }

    #[test]
    fn what_is_seen_follows_the_hand() {
        // A quarter turn about the vertical axis that takes the near side to the right: the patient's right comes to
        // the front.
        let by = DQuat::from_axis_angle(DVec3::Y, -std::f64::consts::FRAC_PI_2);
        let near = DVec3::NEG_Z;
        assert!((by * near - DVec3::X).length() < 1e-12);
        let (_, _, forward) = Orbit::of(Side::Front).turned(by).axes();
        assert_eq!(orientation_letters(-forward), "R");
    }
}
