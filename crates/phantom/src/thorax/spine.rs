//! Vertebrae with their processes, discs, and the canal with the cord.

use super::shapes::{Bounds, Capsule, ellipse, profile, smooth_max, smooth_min};
use glam::{Mat3, Vec3};

/// Height of the centre of each vertebra, C6 to L2, in mm.
const CENTRES_MM: [f32; 17] = [
    165.5, 147.5, 128.0, 108.2, 88.0, 67.2, 46.0, 24.2, 2.0, -20.8, -44.2, -68.8, -94.5, -121.8, -151.2,
    -182.5, -215.0,
];
/// The index of T1 in [`CENTRES_MM`].
const FIRST_THORACIC: usize = 2;
const DEPTH: [(f32, f32); 12] = [
    (-215.0, 34.0),
    (-182.0, 37.0),
    (-151.0, 42.0),
    (-122.0, 47.0),
    (-94.0, 51.5),
    (-44.0, 57.0),
    (2.0, 59.0),
    (46.0, 56.0),
    (88.0, 47.0),
    (128.0, 34.5),
    (147.0, 28.5),
    (166.0, 24.0),
];

/// Centre of the vertebral column at height `z`.
pub(crate) fn column_centre(z: f32) -> Vec3 {
    Vec3::new(1.6 * (z / 70.0).sin(), profile(&DEPTH, z), z)
}

/// The column's own axes at height `z`: left, back, up.
fn column_axes(z: f32) -> Mat3 {
    let up = (column_centre(z + 6.0) - column_centre(z - 6.0)).normalize();
    let back = (Vec3::Y - up * up.y).normalize();
    Mat3::from_cols(back.cross(up), back, up)
}

/// Half width and half depth of a vertebral body at height `z`.
pub(crate) fn body_half(z: f32) -> (f32, f32) {
    let t = ((150.0 - z) / 300.0).clamp(-0.1, 1.2);
    (13.0 + 8.0 * t, 8.6 + 7.4 * t)
}

/// Height of the centre of thoracic vertebra `number` (1 to 12).
pub(crate) fn thoracic_centre_mm(number: usize) -> f32 {
    CENTRES_MM[FIRST_THORACIC + number - 1]
}

pub(crate) struct Vertebra {
    centre: Vec3,
    local_from_patient: Mat3,
    half: Vec3,
    arch: Vec<Capsule>,
    /// The spinous process and the laminae are flat: they are capsules in a space stretched along x or z.
    spinous: [Capsule; 2],
    laminae: [Capsule; 2],
}

const FLAT: f32 = 2.1;

pub(crate) fn vertebrae() -> Vec<Vertebra> {
    (0..CENTRES_MM.len() - 1).map(Vertebra::new).collect()
}

impl Vertebra {
    fn new(index: usize) -> Self {
        let z = CENTRES_MM[index];
        let pitch = z - CENTRES_MM[index + 1];
        let (width, depth) = body_half(z);
        let thoracic = index as f32 - FIRST_THORACIC as f32;
        let half = Vec3::new(width, depth, pitch * 0.5 - 2.4 - 0.1 * thoracic.max(0.0));
        let pillar = depth + 11.0;
        let mut arch = Vec::new();
        for side in [-1.0, 1.0] {
            let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
            let lateral = width * 0.62;
            let pillar_x = lateral.max(10.5) + 1.5;
            arch.push(Capsule::new(
                at(lateral, depth * 0.55, half.z * 0.35),
                at(pillar_x, pillar, half.z * 0.25),
                4.4,
                4.2,
            ));
            arch.push(Capsule::new(
                at(pillar_x, pillar + 1.0, half.z * 1.05),
                at(pillar_x + 1.0, pillar + 3.5, -half.z * 1.15),
                4.4,
                4.4,
            ));
            let lumbar = thoracic > 11.5;
            let reach = if lumbar { width + 17.0 } else { width + 16.5 - 0.75 * thoracic.max(0.0) };
            let back = if lumbar { pillar + 4.0 } else { pillar + 13.0 };
            arch.push(Capsule::new(
                at(pillar_x, pillar + 1.5, half.z * 0.3),
                at(reach, back, half.z * 0.45),
                4.0,
                if lumbar { 2.6 } else { 4.8 },
            ));
        }
        let (spinous_y, spinous_z) = spinous_process(thoracic);
        let root = Vec3::new(0.0, depth + 18.5, -1.0);
        let tip = root + Vec3::new(1.2 * (index as f32 * 2.4).sin(), spinous_y, spinous_z);
        let flat_x = |p: Vec3| Vec3::new(p.x * FLAT, p.y, p.z);
        let flat_z = |p: Vec3| Vec3::new(p.x, p.y, p.z / FLAT);
        let lamina = |side: f32| {
            Capsule::new(
                flat_z(Vec3::new(side * 12.0, depth + 13.0, 0.0)),
                flat_z(Vec3::new(side * 2.0, depth + 19.0, -3.0)),
                3.6,
                3.8,
            )
        };
        let middle = root.lerp(tip, 0.5);
        Self {
            centre: column_centre(z),
            local_from_patient: column_axes(z).transpose(),
            half,
            arch,
            spinous: [
                Capsule::new(flat_x(root), flat_x(middle), 8.0, 5.8),
                Capsule::new(flat_x(middle), flat_x(tip), 5.8, 6.6),
            ],
            laminae: [lamina(-1.0), lamina(1.0)],
        }
    }

    pub(crate) fn bounds(&self) -> Bounds {
        Bounds {
            min: self.centre - Vec3::new(44.0, 30.0, 54.0),
            max: self.centre + Vec3::new(44.0, 82.0, 34.0),
        }
    }

    pub(crate) fn distance(&self, p: Vec3) -> f32 {
        let q = self.local_from_patient * (p - self.centre);
        let body = self.body(q);
        let arch = self.arch.iter().fold(1e3, |d, capsule| smooth_min(d, capsule.distance(q), 3.0));
        let stretched = Vec3::new(q.x * FLAT, q.y, q.z);
        let spinous = self.spinous.iter().map(|c| c.distance(stretched)).fold(1e3, f32::min) * 0.6;
        let squeezed = Vec3::new(q.x, q.y, q.z / FLAT);
        let laminae = self.laminae.iter().map(|c| c.distance(squeezed)).fold(1e3, f32::min);
        let behind = smooth_min(smooth_min(arch, laminae, 3.0), spinous, 3.0);
        let canal = ellipse(q.x, q.y - self.half.y - 8.2, 9.2, 8.0);
        smooth_max(smooth_min(body, behind, 2.5), -canal, 1.5)
    }

    /// The body: an elliptic drum with a waist and a rounded rim.
    fn body(&self, q: Vec3) -> f32 {
        let rise = (q.z / self.half.z).abs().min(1.0);
        let waist = 0.90 + 0.10 * rise * rise;
        let around = ellipse(q.x, q.y, self.half.x * waist, self.half.y * waist);
        let above = q.z.abs() - self.half.z + 0.9 * (1.0 - (around / self.half.y + 1.0).clamp(0.0, 1.0));
        smooth_max(around, above, 2.2)
    }
}

/// How far back and down the spinous process reaches; longest and steepest in the middle of the thorax.
fn spinous_process(thoracic: f32) -> (f32, f32) {
    match thoracic {
        t if t < -0.5 => (20.0, -8.0),
        t if t < 2.0 => (24.0, -10.0),
        t if t < 4.0 => (27.0, -17.0),
        t if t < 8.0 => (23.0, -27.0),
        t if t < 10.0 => (23.0, -20.0),
        _ => (27.0, -7.0),
    }
}

/// Distance to the column of bodies and discs, without processes.
pub(crate) fn column_distance(p: Vec3) -> f32 {
    let (centre, (width, depth)) = (column_centre(p.z), body_half(p.z));
    ellipse(p.x - centre.x, p.y - centre.y, width, depth)
}

/// Centre line of the spinal canal, head to foot, every few millimetres.
pub(crate) fn canal_path() -> Vec<Vec3> {
    (0..=40)
        .map(|step| {
            let z = 170.0 - step as f32 * 9.0;
            column_centre(z) + column_axes(z).y_axis * (body_half(z).1 + 8.2)
        })
        .collect()
}
