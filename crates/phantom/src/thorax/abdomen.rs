//! The diaphragm and what lies under it.

use super::block::{Block, Tissue};
use super::noise::Sequence;
use super::shapes::{Capsule, Ellipsoid, Tubes, smooth_max, smooth_min};
use super::spine::{body_half, column_centre, column_distance};
use super::tree::{Calibre, Root, grow, tubes};
use glam::Vec3;

const MUSCLE: Tissue = Tissue::new(58.0, 9.0, 0.8);
const LIVER: Tissue = Tissue::new(80.0, 4.0, 2.3);
const SPLEEN: Tissue = Tissue::new(114.0, 5.0, 1.9);
const HEPATIC_VEIN: Tissue = Tissue::new(74.0, 2.0, 1.8);
const PORTAL_VEIN: Tissue = Tissue::new(108.0, 2.0, 1.8);
const BILE: Tissue = Tissue::new(8.0, 1.0, 0.5);
const GUT_WALL: Tissue = Tissue::new(64.0, 5.0, 1.6);
const GUT_FLUID: Tissue = Tissue::new(18.0, 9.0, 0.7);
const STOOL: Tissue = Tissue::new(-60.0, 150.0, 1.0);
const GAS: Tissue = Tissue::new(-985.0, 0.0, 0.2);
const KIDNEY_CORTEX: Tissue = Tissue::new(240.0, 4.0, 4.5);
const KIDNEY_MEDULLA: Tissue = Tissue::new(165.0, 4.0, 5.5);
const FAT: Tissue = Tissue::new(-102.0, 7.0, 0.3);
const GLAND: Tissue = Tissue::new(62.0, 5.0, 1.4);

/// Height of the diaphragm, tabled over x and y.
pub(crate) struct Diaphragm {
    heights: Vec<f32>,
}

const STEP_MM: f32 = 2.0;
const COUNT: usize = 161;
const CORNER_MM: f32 = -160.0;

impl Diaphragm {
    pub(crate) fn new() -> Self {
        let at = |index: usize| CORNER_MM + index as f32 * STEP_MM;
        let heights = (0..COUNT * COUNT).map(|n| dome_height(at(n % COUNT), at(n / COUNT))).collect();
        Self { heights }
    }

    fn height(&self, x: f32, y: f32) -> (f32, f32) {
        let cell = |v: f32| ((v - CORNER_MM) / STEP_MM).clamp(0.0, COUNT as f32 - 1.001);
        let (u, v) = (cell(x), cell(y));
        let (i, j) = (u as usize, v as usize);
        let (fx, fy) = (u - i as f32, v - j as f32);
        let at = |i: usize, j: usize| self.heights[j * COUNT + i];
        let low = at(i, j) + (at(i + 1, j) - at(i, j)) * fx;
        let high = at(i, j + 1) + (at(i + 1, j + 1) - at(i, j + 1)) * fx;
        let slope_x = (at(i + 1, j) - at(i, j)) / STEP_MM;
        let slope_y = (at(i, j + 1) - at(i, j)) / STEP_MM;
        (low + (high - low) * fy, 1.0 / (1.0 + slope_x * slope_x + slope_y * slope_y).sqrt())
    }

    /// Signed distance to the upper face: positive in the chest.
    pub(crate) fn above(&self, p: Vec3) -> f32 {
        let (height, steepness) = self.height(p.x, p.y);
        (p.z - height) * steepness
    }
}

fn dome_height(x: f32, y: f32) -> f32 {
    // Each dome falls steeply to the side and the back, gently to the middle and the front.
    let dome = |centre_x: f32, top: f32, side: f32| {
        let (outward, back) = (side * (x - centre_x), y + 10.0);
        let q = (outward / if outward > 0.0 { 51.0 } else { 80.0 }).powi(2)
            + (back / if back > 0.0 { 70.0 } else { 80.0 }).powi(2);
        top - 12.0 * q - 14.0 * q * q
    };
    let right = dome(-66.0, -44.0, -1.0);
    let left = dome(70.0, -57.0, 1.0);
    let tendon = -57.0 - 14.0 * (((x - 12.0) / 60.0).powi(2) + ((y + 36.0) / 56.0).powi(2)).powf(1.4);
    smooth_max(smooth_max(right, left, 14.0), tendon, 16.0).max(-220.0)
}

pub(crate) struct Abdomen {
    pub diaphragm: Diaphragm,
    stomach: [Ellipsoid; 2],
    spleen: Ellipsoid,
    gallbladder: Ellipsoid,
    kidneys: [Ellipsoid; 2],
    colon: Vec<Capsule>,
    glands: Tubes,
    hepatic: Tubes,
    portal: Tubes,
}

impl Abdomen {
    pub(crate) fn new(seed: u64, cage: &dyn Fn(Vec3) -> f32) -> Self {
        let v = Vec3::new;
        let mut abdomen = Self {
            diaphragm: Diaphragm::new(),
            stomach: [
                Ellipsoid::along(v(63.0, -2.0, -97.0), v(0.25, 0.9, 0.3), v(56.0, 46.0, 42.0)),
                Ellipsoid::along(v(46.0, -48.0, -138.0), v(-0.5, -0.4, -0.7), v(54.0, 34.0, 34.0)),
            ],
            spleen: Ellipsoid::along(v(92.0, 50.0, -118.0), v(-0.55, 0.75, 0.2), v(60.0, 30.0, 46.0)),
            gallbladder: Ellipsoid::along(v(-38.0, -46.0, -160.0), v(0.2, -0.6, -0.8), v(32.0, 14.0, 15.0)),
            kidneys: [
                Ellipsoid::along(v(53.0, 48.0, -166.0), v(0.2, -0.1, -1.0), v(52.0, 26.0, 22.0)),
                Ellipsoid::along(v(-55.0, 48.0, -182.0), v(-0.2, -0.1, -1.0), v(52.0, 26.0, 22.0)),
            ],
            colon: super::shapes::tube(
                &[
                    (v(96.0, 20.0, -180.0), 21.0),
                    (v(99.0, 0.0, -148.0), 20.0),
                    (v(84.0, -38.0, -136.0), 19.0),
                    (v(60.0, -74.0, -166.0), 18.0),
                    (v(40.0, -80.0, -190.0), 18.0),
                ],
                5.0,
                0.0,
            ),
            glands: Tubes::new(Vec::new()),
            hepatic: Tubes::new(Vec::new()),
            portal: Tubes::new(Vec::new()),
        };
        abdomen.glands = glands();
        abdomen.grow_liver(seed, cage);
        abdomen
    }

    fn grow_liver(&mut self, seed: u64, cage: &dyn Fn(Vec3) -> f32) {
        let mut random = Sequence::new(seed ^ 0x11fe);
        let mut clouds: [Vec<Vec3>; 2] = [Vec::new(), Vec::new()];
        for number in 0..9000 {
            let p = Vec3::new(
                -132.0 + 192.0 * random.next(),
                -95.0 + 180.0 * random.next(),
                -185.0 + 140.0 * random.next(),
            );
            if self.liver(p, cage(p)) < -5.0 {
                clouds[number % 2].push(p);
            }
        }
        let [mut veins, mut portals] = clouds;
        let calibre = Calibre { root_mm: 8.5, least_mm: 0.8, law: 2.7 };
        let grown = grow(
            Root {
                at: Vec3::new(-27.0, 4.0, -68.0),
                direction: Vec3::new(-0.5, -0.5, -0.4),
                beside: Vec3::Z,
                share: 1.0,
            },
            &mut veins,
            seed ^ 1,
            &|p| p,
        );
        self.hepatic = Tubes::new(tubes(&grown, calibre, |_| 0.0));
        let grown = grow(
            Root {
                at: Vec3::new(-20.0, -8.0, -150.0),
                direction: Vec3::new(-0.6, -0.2, 0.7),
                beside: Vec3::Z,
                share: 1.0,
            },
            &mut portals,
            seed ^ 2,
            &|p| p,
        );
        self.portal = Tubes::new(tubes(&grown, calibre, |_| 0.0));
    }

    fn liver(&self, p: Vec3, cage: f32) -> f32 {
        // Nothing parts the liver from the diaphragm over it.
        let under = self.diaphragm.above(p) + 1.2;
        let outside = smooth_max(cage + 3.0, under, 8.0);
        // The left lobe tapers to the left over the stomach; behind it the liver ends at the spine.
        let leftward = (p.x - 36.0) * 0.86 + (p.y + 34.0) * 0.62 - (p.z + 100.0) * 0.22;
        let belly = (p.x + 6.0) * 0.62 - (p.z + 142.0) * 0.75 - (p.y - 10.0) * 0.15;
        let edge = smooth_max(smooth_max(outside, leftward, 18.0), belly, 24.0);
        let spine = column_distance(p) - 16.0;
        let kidney = self.kidneys[1].distance(p) - 3.5;
        smooth_max(smooth_max(edge, -spine, 12.0), -kidney, 6.0)
    }

    fn stomach_outside(&self, p: Vec3, cage: f32, above: f32) -> f32 {
        let bag = smooth_min(self.stomach[0].distance(p), self.stomach[1].distance(p), 24.0);
        smooth_max(smooth_max(bag, above + 4.0, 8.0), cage + 6.0, 8.0)
    }

    /// Paints a block that reaches below the diaphragm; `cage` and `above` are distances by voxel.
    pub(crate) fn paint(&self, block: &mut Block, cage: &[f32], above: &[f32]) {
        let soft = block.blend_mm + 1.2;
        let centre = cage.len() / 2;
        if !block.misses(above[centre].abs() - 4.0) {
            let muscle = |voxel: usize| (above[voxel] + 1.6).abs() - 1.6;
            block.fill_soft(MUSCLE, soft, |voxel, _| muscle(voxel).max(cage[voxel]));
        }
        if !block.misses(crura(block.centre) - 3.0) {
            block.fill(MUSCLE, |_, p| crura(p));
        }
        block.draw(&self.glands, GLAND);
        self.paint_kidneys(block, cage);
        let liver = |voxel: usize, p: Vec3| self.liver(p, cage[voxel]);
        if !block.misses(self.liver(block.centre, cage[centre]) - 6.0) {
            let bumps: Vec<f32> = (0..block.points.len()).map(|voxel| block.bump(voxel)).collect();
            block.fill_soft(LIVER, soft, |voxel, p| liver(voxel, p) + 0.5 * bumps[voxel]);
            block.draw(&self.portal, PORTAL_VEIN);
            block.draw(&self.hepatic, HEPATIC_VEIN);
            let gallbladder = self.gallbladder;
            block.fill(GUT_WALL, |_, p| gallbladder.distance(p) - 1.5);
            block.fill(BILE, |_, p| gallbladder.distance(p));
        }
        let spleen = |voxel: usize, p: Vec3| {
            let inside =
                smooth_max(self.spleen.distance(p), (cage[voxel] + 4.0).max(above[voxel] + 4.0), 6.0);
            let inside = smooth_max(inside, 3.0 - self.stomach_outside(p, cage[voxel], above[voxel]), 6.0);
            smooth_max(inside, 3.0 - self.kidneys[0].distance(p), 6.0)
        };
        if !block.misses(self.spleen.distance(block.centre) - 6.0) {
            block.fill_soft(SPLEEN, soft, spleen);
        }
        self.paint_gut(block, cage, above);
    }

    fn paint_kidneys(&self, block: &mut Block, cage: &[f32]) {
        for kidney in &self.kidneys {
            if block.misses(kidney.distance(block.centre) - 6.0) {
                continue;
            }
            let soft = 1.3 * block.blend_mm;
            block.fill_soft(KIDNEY_CORTEX, soft, |voxel, p| kidney.distance(p).max(cage[voxel] + 5.0));
            block.fill(KIDNEY_MEDULLA, |_, p| kidney.distance(p) + 7.0);
            block.fill(FAT, |_, p| kidney.distance(p) + 15.0);
        }
    }

    fn paint_gut(&self, block: &mut Block, cage: &[f32], above: &[f32]) {
        let bags: Vec<f32> = (0..block.points.len())
            .map(|voxel| self.stomach_outside(block.points[voxel], cage[voxel], above[voxel]))
            .collect();
        if !block.misses(bags[bags.len() / 2] - 4.0) {
            let inner: Vec<f32> =
                (0..bags.len()).map(|voxel| bags[voxel] + 4.2 + 1.4 * block.bump(voxel)).collect();
            block.fill_soft(GUT_WALL, block.blend_mm + 0.6, |voxel, _| bags[voxel]);
            block.fill(GUT_FLUID, |voxel, _| inner[voxel]);
            // Lying on the back, gas rises to the front; the level is flat.
            block.fill(GAS, |voxel, p| smooth_max(inner[voxel], p.y + 22.0, 1.0));
        }
        if block.misses(self.colon.iter().map(|c| c.distance(block.centre)).fold(1e3, f32::min) - 3.0) {
            return;
        }
        let haustra = |p: Vec3| {
            self.colon.iter().map(|capsule| capsule.distance(p)).fold(1e3, f32::min)
                + 2.2 * ((p.x * 0.16 + p.z * 0.23).sin().powi(2) - 0.3)
        };
        let outline: Vec<f32> = (0..bags.len())
            .map(|voxel| {
                let room = haustra(block.points[voxel]);
                let room = smooth_max(room, cage[voxel].max(above[voxel]) + 8.0, 6.0);
                smooth_max(room, 2.0 - bags[voxel], 5.0)
            })
            .collect();
        let bumps: Vec<f32> = (0..block.points.len()).map(|voxel| block.bump(voxel)).collect();
        block.fill(GUT_WALL, |voxel, _| outline[voxel]);
        block.fill(STOOL, |voxel, _| outline[voxel] + 2.2);
        block.fill(GAS, |voxel, p| smooth_max(outline[voxel] + 2.2, p.y + 14.0 + 4.0 * bumps[voxel], 3.0));
    }
}

/// The two pillars of the diaphragm beside the lumbar spine.
fn crura(p: Vec3) -> f32 {
    let (centre, (width, depth)) = (column_centre(p.z), body_half(p.z));
    let slope = ((-80.0 - p.z) / 60.0).clamp(0.0, 1.0);
    let pillar = |side: f32| {
        let x = p.x - centre.x - side * (width * 0.72 + 2.0);
        let y = p.y - centre.y + depth * 0.72 + 7.0 - 4.0 * slope;
        super::shapes::ellipse(x, y, 4.5 + 2.5 * slope, 8.0)
    };
    pillar(-1.0).min(pillar(1.0)).max(p.z + 88.0)
}

fn glands() -> Tubes {
    let v = Vec3::new;
    let mut all = Vec::new();
    // Adrenals: a body with two thin limbs each. Pancreas: a bent tube before the left kidney.
    for (x, z) in [(34.0, -136.0), (-34.0, -142.0)] {
        let side = f32::signum(x);
        all.push(Capsule::new(v(x, 30.0, z), v(x + side * 2.0, 36.0, z - 16.0), 2.8, 2.4));
        all.push(Capsule::new(v(x, 32.0, z), v(x + side * 8.0, 46.0, z - 12.0), 2.2, 1.6));
        all.push(Capsule::new(v(x, 32.0, z), v(x - side * 5.0, 47.0, z - 14.0), 2.2, 1.6));
    }
    all.extend(super::shapes::tube(
        &[
            (v(72.0, 32.0, -150.0), 9.0),
            (v(40.0, 12.0, -154.0), 10.0),
            (v(10.0, -10.0, -162.0), 9.0),
            (v(-15.0, -14.0, -176.0), 13.0),
        ],
        5.0,
        0.0,
    ));
    Tubes::new(all)
}
