//! The heart: four chambers, their walls, and the sac around them.

use super::shapes::{Capsule, Ellipsoid, smooth_max, smooth_min, smooth_path, smooth_step};
use super::vessels::Path;
use glam::Vec3;

/// Signed distances to the parts of the heart at one point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeartSample {
    pub surface: f32,
    pub left_ventricle: f32,
    pub right_ventricle: f32,
    pub left_atrium: f32,
    pub right_atrium: f32,
}

pub(crate) struct Heart {
    left: [Ellipsoid; 2],
    right: Ellipsoid,
    outflow: [Capsule; 2],
    left_atrium: Ellipsoid,
    left_appendage: Capsule,
    right_atrium: Ellipsoid,
    right_appendage: Capsule,
    papillary: [Capsule; 2],
    root: Capsule,
}

impl Heart {
    pub(crate) fn new() -> Self {
        let apex = Vec3::new(0.66, -0.60, -0.44).normalize();
        let left_centre = Vec3::new(46.0, -26.0, -24.0);
        let v = Vec3::new;
        Self {
            left: [
                Ellipsoid::along(left_centre, apex, v(45.0, 31.0, 32.0)),
                Ellipsoid::along(left_centre - apex * 4.0, apex, v(36.0, 20.5, 21.5)),
            ],
            right: Ellipsoid::along(v(17.0, -53.0, -31.0), v(0.86, -0.30, -0.40), v(47.0, 26.0, 30.0)),
            outflow: [
                Capsule::new(v(10.0, -58.0, -18.0), v(15.0, -60.0, 2.0), 18.0, 14.5),
                Capsule::new(v(15.0, -60.0, 2.0), v(18.0, -57.0, 16.0), 14.5, 13.5),
            ],
            left_atrium: Ellipsoid::upright(v(6.0, 7.0, 3.0), v(36.0, 19.5, 24.0)),
            left_appendage: Capsule::new(v(36.0, -8.0, 12.0), v(47.0, -28.0, 17.0), 9.5, 5.5),
            right_atrium: Ellipsoid::upright(v(-31.0, -23.0, -19.0), v(24.0, 28.0, 33.0)),
            right_appendage: Capsule::new(v(-26.0, -42.0, 2.0), v(-10.0, -58.0, 10.0), 12.0, 7.0),
            papillary: [
                Capsule::new(v(60.0, -56.0, -34.0), v(47.0, -38.0, -20.0), 5.0, 3.2),
                Capsule::new(v(66.0, -30.0, -48.0), v(51.0, -16.0, -36.0), 5.0, 3.2),
            ],
            root: Capsule::new(v(15.0, -17.0, -8.0), v(4.0, -25.0, 8.0), 14.0, 16.0),
        }
    }

    pub(crate) fn sample(&self, p: Vec3) -> HeartSample {
        let left_wall = self.left[0].distance(p);
        let right = smooth_min(
            self.right.distance(p),
            self.outflow[0].distance(p).min(self.outflow[1].distance(p)),
            8.0,
        );
        let left_atrium = smooth_min(self.left_atrium.distance(p), self.left_appendage.distance(p), 4.0);
        let right_atrium = smooth_min(self.right_atrium.distance(p), self.right_appendage.distance(p), 6.0);
        let surface =
            smooth_min(smooth_min(left_wall, right, 7.0), smooth_min(left_atrium, right_atrium, 3.0), 5.0);
        let papillary = self.papillary[0].distance(p).min(self.papillary[1].distance(p));
        let left_room = self.left[1].distance(p).min(self.root.distance(p) + 3.0);
        HeartSample {
            surface,
            left_ventricle: smooth_max(left_room, -papillary, 2.0),
            right_ventricle: smooth_max(right + 3.6, -left_wall + 1.0, 3.0),
            left_atrium: smooth_max(left_atrium + 2.0, -left_wall - 5.0, 2.0),
            right_atrium: smooth_max(right_atrium + 2.0, -(left_atrium - 2.0).min(left_wall), 2.0),
        }
    }

    /// A path that begins at the aorta and runs on in the fat on the heart.
    pub(crate) fn over_surface(&self, path: &Path) -> Path {
        const LIFT_MM: f32 = 0.6;
        let mut path = smooth_path(path, 4.0);
        let Some((start, _)) = path.first().copied() else { return path };
        for (p, radius) in &mut path {
            let free = smooth_step(4.0, 16.0, p.distance(start));
            for _ in 0..3 {
                let lack = *radius + LIFT_MM - self.sample(*p).surface;
                let slope = |d: Vec3| self.sample(*p + d).surface - self.sample(*p - d).surface;
                let up = Vec3::new(slope(Vec3::X), slope(Vec3::Y), slope(Vec3::Z)).normalize_or_zero();
                *p += up * (lack * free);
            }
        }
        path
    }

    /// Distance to the pericardial sac, which holds some fat.
    pub(crate) fn sac(&self, p: Vec3) -> f32 {
        let fat = 4.5 + 5.0 * ((-p.y - 30.0) / 50.0).clamp(0.0, 1.0) * ((-p.z - 15.0) / 40.0).clamp(0.0, 1.0);
        let upright = smooth_min(
            smooth_min(self.left[0].distance(p), self.right.distance(p), 16.0),
            smooth_min(self.left_atrium.distance(p), self.right_atrium.distance(p), 12.0),
            14.0,
        );
        let top = self.outflow[1]
            .distance(p)
            .min(self.left_appendage.distance(p))
            .min(self.right_appendage.distance(p));
        smooth_min(upright, top, 10.0) - fat
    }
}
