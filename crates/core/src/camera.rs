//! Cameras for 3D views.

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::{Result, SceneFault};

/// How a camera maps directions to the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lens {
    /// Parallel rays; the height of the picture in mm.
    Orthographic {
        /// Millimetres from the top edge of the picture to the bottom edge.
        height_mm: f64,
    },
    /// Rays from the eye; the vertical field of view in radians, 0 to pi.
    Perspective {
        /// The angle between the rays through the middle of the top edge and of the bottom edge.
        fov_rad: f64,
    },
}

/// A view of 3D space, in LPS millimetres. Its width follows from its height and the picture's shape.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Where the eye is. An orthographic camera sees what is behind its eye too.
    pub eye_mm: DVec3,
    /// What the middle of the picture shows.
    pub target_mm: DVec3,
    /// A direction that points up in the picture; need not be at a right angle to the view.
    pub up: DVec3,
    /// How directions map to the picture.
    pub lens: Lens,
}

impl Camera {
    /// The unit vectors (right, down, forward) of the picture in patient space.
    ///
    /// # Errors
    /// Scene, if a number is not finite, the eye is at the target, or `up` is parallel to the view.
    pub fn frame(&self) -> Result<(DVec3, DVec3, DVec3)> {
        let forward = self.target_mm - self.eye_mm;
        let right = forward.cross(self.up);
        if !(forward.is_finite() && right.is_finite()) {
            return Err(SceneFault::NotFinite { field: "camera" }.into());
        }
        let degenerate = |reason| Err(SceneFault::Degenerate { field: "camera", reason }.into());
        if forward.length() == 0.0 {
            return degenerate("eye_mm and target_mm are the same place");
        }
        if self.up.length() == 0.0 {
            return degenerate("up is zero");
        }
        if right.length() == 0.0 || right.length() < 1e-9 * forward.length() * self.up.length() {
            return degenerate("up points along the view, from eye_mm to target_mm or back");
        }
        let (forward, right) = (forward.normalize(), right.normalize());
        Ok((right, forward.cross(right), forward))
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Scene, as [`Self::frame`], or if the lens is out of range.
    pub fn check(&self) -> Result<()> {
        self.frame()?;
        match self.lens {
            Lens::Orthographic { height_mm } if !(height_mm.is_finite() && height_mm > 0.0) => {
                Err(SceneFault::NotPositive { field: "height_mm", value: height_mm }.into())
            }
            Lens::Perspective { fov_rad } if !(fov_rad > 1e-4 && fov_rad < 3.1) => {
                Err(SceneFault::OutOfRange { field: "fov_rad", value: fov_rad, low: 1e-4, high: 3.1 }.into())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen from the front with the head up, the patient's left (+x) is on the right of the picture.
    #[test]
    fn a_view_from_the_front_has_the_left_on_the_right() {
        let camera = Camera {
            eye_mm: DVec3::new(0.0, -500.0, 0.0),
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            lens: Lens::Orthographic { height_mm: 400.0 },
        };
        let (right, down, forward) = camera.frame().unwrap();
        assert_eq!((right, down, forward), (DVec3::X, -DVec3::Z, DVec3::Y));
        let fault = |camera: Camera| camera.check().unwrap_err().to_string();
        assert!(fault(Camera { up: DVec3::Y, ..camera }).contains("up points along the view"));
        assert!(fault(Camera { up: DVec3::ZERO, ..camera }).contains("up is zero"));
        assert!(fault(Camera { eye_mm: camera.target_mm, ..camera }).contains("the same place"));
        assert!(fault(Camera { eye_mm: DVec3::NAN, ..camera }).contains("not finite"));
        assert!(Camera { lens: Lens::Orthographic { height_mm: 0.0 }, ..camera }.check().is_err());
    }
}
