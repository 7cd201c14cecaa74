//! The chest wall: the inside of the rib cage as a radial surface, and the layers that lie on it out to the skin.

use super::noise::value_noise;
use super::shapes::{length, plateau, profile, smooth_step};
use glam::{Vec2, Vec3};

/// Ribs and intercostal muscles: the layer between the pleura and the first outer muscle.
pub(crate) const CAGE_MM: f32 = 9.0;
/// Layers of muscle on the cage, from deep to superficial.
pub(crate) const MUSCLES: usize = 9;
/// Of those, the one whose outer face carries the blade of the scapula.
pub(crate) const SUBSCAPULAR: usize = 2;

const CHANNELS: usize = 12;
const RADIUS: usize = 0;
const STEEPNESS: usize = 1;
const FIRST_LAYER: usize = 2;
const BODY: usize = 11;
const ANGLES: usize = 512;
const LEVELS: usize = 181;
const LOWEST_MM: f32 = -180.0;
const LEVEL_MM: f32 = 2.0;

const HALF_WIDTH: [(f32, f32); 16] = [
    (-180.0, 124.0),
    (-130.0, 129.0),
    (-110.0, 132.0),
    (-85.0, 135.0),
    (-60.0, 136.0),
    (-35.0, 134.0),
    (-8.0, 130.0),
    (18.0, 124.0),
    (42.0, 115.0),
    (65.0, 103.0),
    (88.0, 87.0),
    (105.0, 72.0),
    (120.0, 57.0),
    (131.0, 43.0),
    (138.0, 28.0),
    (142.0, 12.0),
];
const FRONT: [(f32, f32); 9] = [
    (-180.0, 92.0),
    (-100.0, 92.0),
    (-40.0, 88.0),
    (0.0, 83.0),
    (55.0, 70.0),
    (98.0, 52.0),
    (122.0, 34.0),
    (135.0, 20.0),
    (142.0, 10.0),
];
const BACK: [(f32, f32); 10] = [
    (-180.0, 78.0),
    (-100.0, 84.0),
    (-50.0, 88.0),
    (0.0, 89.0),
    (60.0, 83.0),
    (90.0, 75.0),
    (110.0, 64.0),
    (128.0, 46.0),
    (137.0, 28.0),
    (142.0, 12.0),
];

/// How far the front of the cavity lies before the axis at height `z`, in mm.
pub(crate) fn front_mm(z: f32) -> f32 {
    profile(&FRONT, z)
}

/// What the wall looks like along the ray from the axis through a point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallSample {
    /// Signed distance to the inside of the cage (the parietal pleura).
    pub cage: f32,
    /// Signed distance to the skin of the trunk.
    pub body: f32,
    /// Outer face of each layer of muscle, as a distance from the outside of the cage.
    pub layers: [f32; MUSCLES],
}

pub(crate) struct Wall {
    table: Vec<[f32; CHANNELS]>,
}

impl Wall {
    pub(crate) fn new(seed: u64) -> Self {
        let mut table = vec![[0.0; CHANNELS]; LEVELS * ANGLES];
        for level in 0..LEVELS {
            let z = LOWEST_MM + level as f32 * LEVEL_MM;
            for angle in 0..ANGLES {
                let direction = direction_of(angle as f32 / ANGLES as f32 * 4.0);
                let phi = direction.x.abs().atan2(-direction.y).to_degrees();
                let entry = &mut table[level * ANGLES + angle];
                entry[RADIUS] = cage_radius(direction, z);
                let place = Vec3::new(direction.x * 130.0, direction.y * 130.0, z);
                fill_layers(entry, phi, place, seed);
            }
        }
        let mut wall = Self { table };
        wall.smooth_skin();
        wall.fill_steepness();
        wall
    }

    /// Skin bridges the furrows between muscles: a wide blur, kept clear of the muscles under it.
    fn smooth_skin(&mut self) {
        for _ in 0..3 {
            for vertical in [false, true] {
                let before: Vec<f32> = self.table.iter().map(|entry| entry[BODY]).collect();
                for level in 0..LEVELS {
                    for angle in 0..ANGLES {
                        let at = |offset: usize| {
                            if vertical {
                                let row = (level + 2 * offset).saturating_sub(8).min(LEVELS - 1);
                                before[row * ANGLES + angle]
                            } else {
                                before[level * ANGLES + (angle + offset + ANGLES - 4) % ANGLES]
                            }
                        };
                        self.table[level * ANGLES + angle][BODY] = (0..9).map(at).sum::<f32>() / 9.0;
                    }
                }
            }
        }
        for entry in &mut self.table {
            let muscle = entry[FIRST_LAYER + MUSCLES - 1];
            entry[BODY] = super::shapes::smooth_max(entry[BODY], muscle + 3.0, 6.0);
        }
    }

    fn fill_steepness(&mut self) {
        let radius = |wall: &Self, level: usize, angle: usize| wall.table[level * ANGLES + angle][RADIUS];
        for level in 0..LEVELS {
            for angle in 0..ANGLES {
                let r = radius(self, level, angle);
                let (before, after) = ((angle + ANGLES - 1) % ANGLES, (angle + 1) % ANGLES);
                let ends = [before, after].map(|a| direction_of(a as f32 / ANGLES as f32 * 4.0));
                let turn = ends[0].angle_to(ends[1]).abs();
                let around = (radius(self, level, after) - radius(self, level, before)) / (turn * r);
                let (low, high) = (level.saturating_sub(1), (level + 1).min(LEVELS - 1));
                let up =
                    (radius(self, high, angle) - radius(self, low, angle)) / ((high - low) as f32 * LEVEL_MM);
                self.table[level * ANGLES + angle][STEEPNESS] =
                    1.0 / (1.0 + around * around + up * up).sqrt();
            }
        }
    }

    fn entry(&self, p: Vec3) -> [f32; CHANNELS] {
        let level = ((p.z - LOWEST_MM) / LEVEL_MM).clamp(0.0, LEVELS as f32 - 1.001);
        let angle = (angle_of(p.x, p.y) * (ANGLES as f32 / 4.0)).max(0.0);
        let (row, column) = (level as usize, angle as usize % ANGLES);
        let (down, across) = (level - row as f32, angle - (angle as usize) as f32);
        let next = (column + 1) % ANGLES;
        let rows = [row * ANGLES, (row + 1) * ANGLES];
        let corners = [rows[0] + column, rows[0] + next, rows[1] + column, rows[1] + next];
        let weights =
            [(1.0 - down) * (1.0 - across), (1.0 - down) * across, down * (1.0 - across), down * across];
        let mut entry = [0.0; CHANNELS];
        for (corner, weight) in corners.into_iter().zip(weights) {
            for (sum, value) in entry.iter_mut().zip(&self.table[corner]) {
                *sum += weight * value;
            }
        }
        entry
    }

    pub(crate) fn sample(&self, p: Vec3) -> WallSample {
        let entry = self.entry(p);
        let cage = distance_off(length(p.x, p.y) - entry[RADIUS], entry[STEEPNESS]);
        let mut layers = [0.0; MUSCLES];
        layers.copy_from_slice(&entry[FIRST_LAYER..FIRST_LAYER + MUSCLES]);
        WallSample { cage, body: cage - CAGE_MM - entry[BODY], layers }
    }

    /// Signed distance to the inside of the cage.
    pub(crate) fn cage(&self, p: Vec3) -> f32 {
        let level = ((p.z - LOWEST_MM) / LEVEL_MM).clamp(0.0, LEVELS as f32 - 1.001);
        let angle = (angle_of(p.x, p.y) * (ANGLES as f32 / 4.0)).max(0.0);
        let (row, column) = (level as usize, angle as usize % ANGLES);
        let (down, across) = (level - row as f32, angle - (angle as usize) as f32);
        let next = (column + 1) % ANGLES;
        let mix = |channel: usize| {
            let at = |row: usize, column: usize| self.table[row * ANGLES + column][channel];
            let low = at(row, column) + (at(row, next) - at(row, column)) * across;
            let high = at(row + 1, column) + (at(row + 1, next) - at(row + 1, column)) * across;
            low + (high - low) * down
        };
        distance_off(length(p.x, p.y) - mix(RADIUS), mix(STEEPNESS))
    }

    /// The point at distance `offset_mm` outside the inner face of the cage, in the direction `phi_deg` from the
    /// front towards the side (`side` +1 is the patient's left), at height `z`.
    pub(crate) fn point(&self, phi_deg: f32, side: f32, z: f32, offset_mm: f32) -> Vec3 {
        let (sin, cos) = phi_deg.to_radians().sin_cos();
        let direction = Vec2::new(side * sin, -cos);
        let entry = self.entry(direction.extend(z));
        let radius = entry[RADIUS] + offset_mm / entry[STEEPNESS].max(0.5);
        (direction * radius).extend(z)
    }

    /// The outward normal of the cage.
    pub(crate) fn normal(&self, p: Vec3) -> Vec3 {
        let slope = |d: Vec3| self.cage(p + d) - self.cage(p - d);
        Vec3::new(slope(Vec3::X * 2.0), slope(Vec3::Y * 2.0), slope(Vec3::Z * 2.0)).normalize_or(Vec3::Y)
    }
}

/// Distance from the cage of a point `beyond_mm` outside it along the ray from the axis. Near the cage the slope of its
/// surface tells; far off, over the dome of the chest, it would tell far too little.
fn distance_off(beyond_mm: f32, steepness: f32) -> f32 {
    steepness * beyond_mm + (0.8 - steepness).max(0.0) * (beyond_mm - 6.0).max(0.0)
}

/// A monotone stand-in for the polar angle, 0 to 4, without trigonometry.
fn angle_of(x: f32, y: f32) -> f32 {
    let sum = x.abs() + y.abs();
    if sum < 1e-6 {
        return 0.0;
    }
    let t = y / sum;
    if x >= 0.0 { if y >= 0.0 { t } else { 4.0 + t } } else { 2.0 - t }
}

fn direction_of(angle: f32) -> Vec2 {
    let (quadrant, t) = (angle.floor(), angle - angle.floor());
    let v = match quadrant as i32 {
        0 => Vec2::new(1.0 - t, t),
        1 => Vec2::new(-t, 1.0 - t),
        2 => Vec2::new(t - 1.0, -t),
        _ => Vec2::new(t, t - 1.0),
    };
    v.normalize()
}

fn cage_radius(direction: Vec2, z: f32) -> f32 {
    let width = profile(&HALF_WIDTH, z) * if direction.x > 0.0 { 0.985 } else { 1.01 };
    let depth = if direction.y < 0.0 { profile(&FRONT, z) } else { profile(&BACK, z) };
    let power = 2.25;
    let sum = (direction.x.abs() / width).powf(power) + (direction.y.abs() / depth).powf(power);
    sum.powf(-1.0 / power)
}

/// Thicknesses of the muscles and of the fat at `phi` degrees from the front.
fn fill_layers(entry: &mut [f32; CHANNELS], phi: f32, place: Vec3, seed: u64) {
    let z = place.z;
    let hump = |centre: f32, half: f32, v: f32| smooth_step(half, 0.0, (v - centre).abs());
    let arms = smooth_step(140.0, 105.0, z);
    let lean = (z - 30.0) * 0.12;
    let muscles: [f32; MUSCLES] = [
        // serratus anterior; pectoralis minor; subscapularis
        9.0 * hump(98.0 + lean, 46.0, phi) * plateau(-95.0, 100.0, 50.0, z),
        9.0 * plateau(20.0, 66.0, 18.0, phi) * plateau(12.0, 108.0, 30.0, z),
        15.0 * plateau(92.0, 156.0, 26.0, phi) * plateau(-30.0, 135.0, 50.0, z),
        // infraspinatus and teres; rhomboids; erector spinae
        17.0 * plateau(100.0, 154.0, 24.0, phi) * plateau(-36.0, 135.0, 55.0, z),
        5.0 * plateau(146.0, 176.0, 12.0, phi) * plateau(10.0, 130.0, 30.0, z),
        (24.0 * hump(160.0, 30.0, phi) + 17.0 * smooth_step(168.0, 179.0, phi))
            * smooth_step(170.0, 130.0, z),
        // oblique and rectus abdominis; pectoralis major and latissimus dorsi; trapezius
        9.0 * smooth_step(-20.0, -75.0, z)
            * plateau(-30.0, 128.0, 26.0, phi)
            * (1.0 - 0.6 * hump(34.0, 10.0, phi))
            * (1.0 - 0.7 * hump(0.0, 6.0, phi)),
        16.0 * plateau(9.0, 88.0, 22.0, phi) * plateau(-34.0 + phi * 0.2, 128.0, 40.0, z)
            + 12.0 * plateau(84.0 - lean, 156.0, 24.0, phi) * plateau(-210.0, 70.0, 60.0, z),
        8.0 * plateau(130.0 - lean, 178.5, 10.0, phi) * smooth_step(-95.0, -40.0, z),
    ];
    let mut sum = 0.0;
    for (layer, thickness) in muscles.into_iter().enumerate() {
        let uneven = value_noise(place / 45.0, seed ^ (17 + layer as u64)) * 0.18;
        sum += (thickness * arms.max(0.3) * (1.0 + uneven)).max(0.0);
        entry[FIRST_LAYER + layer] = sum;
    }
    let fat = 7.0
        + 9.0 * hump(52.0, 38.0, phi) * plateau(-60.0, 60.0, 55.0, z)
        + 11.0 * hump(112.0, 50.0, phi) * smooth_step(20.0, -110.0, z)
        + 9.0 * smooth_step(60.0, 10.0, phi) * smooth_step(-50.0, -130.0, z)
        + 5.0 * hump(140.0, 40.0, phi)
        + 2.6 * value_noise(place / 38.0, seed ^ 31)
        - 2.0 * hump(0.0, 16.0, phi) * smooth_step(-30.0, 0.0, z);
    let front = 11.0 * smooth_step(22.0, 6.0, phi) * smooth_step(-80.0, -60.0, z);
    entry[BODY] = sum.max(front) + fat.max(3.5);
}
