//! The whole body: what is painted over what.

use super::abdomen::Abdomen;
use super::block::{Block, Tissue, coverage};
use super::heart::Heart;
use super::lungs::{Lungs, Mediastinum};
use super::noise::{Sequence, Texture};
use super::shapes::{Capsule, Tubes, smooth_max, smooth_min, tube};
use super::skeleton::{BoneKind, Skeleton};
use super::spine::{canal_path, column_distance};
use super::vessels::GreatVessels;
use super::wall::{CAGE_MM, MUSCLES, Wall, WallSample};
use glam::Vec3;

pub(crate) const AIR: Tissue = Tissue::new(-1000.0, 0.0, 0.0);
const FOAM: Tissue = Tissue::new(-955.0, 0.0, 0.0);
const SHELL: Tissue = Tissue::new(-40.0, 0.0, 0.0);
/// With its blurred faces it is flat for a voxel, so that projections show no stripes.
const SKIN_MM: f32 = 2.7;
const SKIN: Tissue = Tissue::new(25.0, 10.0, 0.5);
const FAT: Tissue = Tissue::new(-104.0, 8.0, 0.25);
const INNER_FAT: Tissue = Tissue::new(-98.0, 9.0, 0.4);
const MUSCLE: Tissue = Tissue::new(58.0, 9.0, 0.75);
const CARTILAGE: Tissue = Tissue::new(115.0, 16.0, 0.7);
const DISC: Tissue = Tissue::new(82.0, 6.0, 0.7);
const CORTEX: Tissue = Tissue::new(600.0, 50.0, 0.9);
const THIN_CORTEX: Tissue = Tissue::new(470.0, 60.0, 0.9);
const LONG_CORTEX: Tissue = Tissue::new(740.0, 40.0, 0.9);
const END_CORTEX: Tissue = Tissue::new(430.0, 30.0, 0.9);
const MARROW: Tissue = Tissue::new(165.0, 38.0, 1.4);
const SPONGY: Tissue = Tissue::new(222.0, 42.0, 1.9);
const END_SPONGY: Tissue = Tissue::new(245.0, 45.0, 1.2);
const YELLOW_MARROW: Tissue = Tissue::new(60.0, 40.0, 0.7);
const CANAL: Tissue = Tissue::new(6.0, 4.0, 0.4);
const CORD: Tissue = Tissue::new(42.0, 2.0, 1.6);
const VESSEL_WALL: Tissue = Tissue::new(48.0, 3.0, 1.3);
const AORTA: Tissue = Tissue::new(350.0, 2.0, 1.7);
const CAVA: Tissue = Tissue::new(395.0, 14.0, 1.7);
const LOWER_CAVA: Tissue = Tissue::new(112.0, 6.0, 1.7);
const BODY_VEIN: Tissue = Tissue::new(112.0, 4.0, 1.7);
const HEAD_VEIN: Tissue = Tissue::new(290.0, 4.0, 1.7);
const CALCIUM: Tissue = Tissue::new(780.0, 0.0, 1.2);
const GULLET: Tissue = Tissue::new(48.0, 6.0, 1.3);
const GAS: Tissue = Tissue::new(-900.0, 0.0, 0.2);
const NODE: Tissue = Tissue::new(55.0, 4.0, 1.3);
const HOT_NODE: Tissue = Tissue::new(60.0, 6.0, 6.0);
const MYOCARDIUM: Tissue = Tissue::new(108.0, 5.0, 5.2);
const PERICARDIUM: Tissue = Tissue::new(28.0, 2.0, 0.7);
const LEFT_ROOM: Tissue = Tissue::new(345.0, 3.0, 1.7);
const RIGHT_ROOM: Tissue = Tissue::new(295.0, 6.0, 1.7);
const RIGHT_ATRIUM: Tissue = Tissue::new(236.0, 14.0, 1.7);
const THYROID: Tissue = Tissue::new(118.0, 6.0, 2.0);

/// Every structure, built once from a seed.
pub(crate) struct Anatomy {
    texture: Texture,
    wall: Wall,
    skeleton: Skeleton,
    abdomen: Abdomen,
    mediastinum: Mediastinum,
    lungs: Lungs,
    shoulders: Tubes,
    axillae: Tubes,
    neck_muscles: Tubes,
    cartilage: Tubes,
    canal: Tubes,
    cord: Tubes,
    drawn: Vec<(Tubes, Tissue)>,
}

impl Anatomy {
    pub(crate) fn new(seed: u64) -> Self {
        let wall = Wall::new(seed);
        let vessels = GreatVessels::new();
        let skeleton = Skeleton::new(&wall);
        let abdomen = Abdomen::new(seed, &|p| wall.cage(p));
        let mediastinum = Mediastinum::new(&vessels);
        let lungs = Lungs::new(seed, &wall, &abdomen.diaphragm, &mediastinum, &vessels);
        let canal: Vec<(Vec3, f32)> = canal_path().into_iter().map(|p| (p, 7.2)).collect();
        Self {
            texture: Texture::new(seed),
            shoulders: Tubes::new(both_sides(&SHOULDER)),
            axillae: Tubes::new(both_sides(&AXILLA)),
            neck_muscles: Tubes::new(both_sides(&NECK)),
            cartilage: Tubes::new(skeleton.cartilage.clone()),
            canal: Tubes::new(tube(&canal, 6.0, 0.0)),
            cord: Tubes::new(tube(&canal, 6.0, -2.6)),
            drawn: mediastinal_tubes(&vessels, mediastinum.heart()),
            wall,
            skeleton,
            abdomen,
            mediastinum,
            lungs,
        }
    }

    fn neck(p: Vec3) -> f32 {
        if p.z < 50.0 {
            return 1e3;
        }
        let around = super::shapes::ellipse(p.x, p.y - 26.0 - (150.0 - p.z) * 0.1, 62.0, 70.0);
        smooth_max(around, 84.0 - p.z, 20.0)
    }

    fn body(&self, shoulders: &[Capsule], p: Vec3, sample: &WallSample) -> (f32, f32) {
        let trunk = smooth_max(sample.body, p.z - 124.0, 30.0);
        let on_couch = |whole: f32| smooth_max(whole, p.y - couch_top(p.x) + 0.6, 7.0);
        if shoulders.is_empty() && p.z < 50.0 {
            return (on_couch(trunk), 1e3);
        }
        let arms = shoulders.iter().fold(1e3, |d, capsule| smooth_min(d, capsule.distance(p), 22.0));
        let upper = smooth_min(arms, Self::neck(p), 30.0);
        let whole = smooth_min(trunk, upper, 40.0);
        (on_couch(whole), arms)
    }

    /// Paints everything that reaches into the block.
    pub(crate) fn paint(&self, block: &mut Block) {
        paint_couch(block);
        let (mut found, mut near) = (Vec::new(), Vec::new());
        self.shoulders.near(&block.bounds.grown(24.0), &mut found, &mut near);
        near.retain(|capsule| capsule.distance(block.centre) < block.reach_mm + 60.0);
        let at_centre = self.wall.sample(block.centre);
        let (body, _) = self.body(&near, block.centre, &at_centre);
        if block.misses(body) {
            return;
        }
        block.roughen(&self.texture);
        if block.within(at_centre.cage) {
            block.flood(INNER_FAT);
        } else {
            self.paint_wall(block, &near);
        }
        self.paint_neck(block);
        if block.misses(at_centre.cage - 4.0) {
            self.paint_tubes(block);
        } else {
            self.paint_cavity(block);
        }
        self.paint_bones(block);
    }

    fn paint_wall(&self, block: &mut Block, shoulders: &[Capsule]) {
        block.roughen_edges(&self.texture);
        let samples: Vec<WallSample> = block.points.iter().map(|p| self.wall.sample(*p)).collect();
        let outlines: Vec<(f32, f32)> =
            block.points.iter().zip(&samples).map(|(p, sample)| self.body(shoulders, *p, sample)).collect();
        if block.within(outlines[outlines.len() / 2].0 + 4.0) {
            block.flood(FAT);
        } else {
            block.fill(SKIN, |voxel, _| outlines[voxel].0);
            block.fill(FAT, |voxel, _| outlines[voxel].0 + SKIN_MM);
        }
        let (mut found, mut axillae) = (Vec::new(), Vec::new());
        self.axillae.near(&block.bounds.grown(12.0), &mut found, &mut axillae);
        let side = block.centre.x.signum();
        let septa: Vec<f32> = (0..block.points.len()).map(|voxel| block.bump(voxel)).collect();
        block.fill(MUSCLE, |voxel, p| {
            let (body, arms) = outlines[voxel];
            let sample = &samples[voxel];
            let on_cage = layer_distance(sample, septa[voxel]).max(body + 4.2);
            let on_cage = smooth_max(on_cage, over_apex(p), 4.0);
            let arm = arms + 9.0;
            let bellies =
                if arm < 2.0 { smooth_max(arm, between_bellies(p, side, septa[voxel]), 3.0) } else { arm };
            let muscle = smooth_min(on_cage, bellies.max(3.0 - sample.cage), 4.0);
            let fat = axillae.iter().fold(1e3, |d, capsule| smooth_min(d, capsule.hull_distance(p), 8.0));
            smooth_max(muscle, -(fat + 4.0 * septa[voxel]), 8.0)
        });
        // The inlet of the chest has no wall: it lies open towards the neck.
        let inlet = |p: Vec3| (p.z - 93.0 - (p.y + 60.0) * 0.46) * 0.9;
        block.fill(MUSCLE, |voxel, p| {
            let wall = (samples[voxel].cage - CAGE_MM + 0.8).max(outlines[voxel].0 + 4.2);
            smooth_max(wall, inlet(p), 10.0)
        });
        block.fill(INNER_FAT, |voxel, _| samples[voxel].cage);
    }

    fn paint_cavity(&self, block: &mut Block) {
        let diaphragm = &self.abdomen.diaphragm;
        let cage: Vec<f32> = block.points.iter().map(|p| self.wall.cage(*p)).collect();
        let above: Vec<f32> = block.points.iter().map(|p| diaphragm.above(*p)).collect();
        let centre_above = diaphragm.above(block.centre);
        if !block.misses(centre_above) {
            block.roughen_edges(&self.texture);
            self.abdomen.paint(block, &cage, &above);
        }
        if !block.misses(-centre_above) {
            let (mut found, mut near) = (Vec::new(), Vec::new());
            self.mediastinum.near(&block.bounds, &mut found, &mut near);
            let middle = self.mediastinum.distance(&near, block.centre);
            if !block.within(middle) {
                let alone = block.misses(middle);
                if !alone || !block.within(cage[cage.len() / 2]) || !block.misses(-centre_above - 4.0) {
                    block.roughen_edges(&self.texture);
                }
                let outline: Vec<f32> = (0..block.points.len())
                    .map(|voxel| {
                        let p = block.points[voxel];
                        let shell = (cage[voxel] + 1.2).max(1.5 - above[voxel]);
                        let shell =
                            if p.z > 70.0 { smooth_max(shell, Mediastinum::apex(p), 9.0) } else { shell };
                        let between = || -self.mediastinum.distance(&near, p);
                        // Edges are round, as the lung fills no sharp corner.
                        let outline =
                            if alone || shell > 2.0 { shell } else { smooth_max(shell, between(), 7.0) };
                        outline + 0.5 * block.bump(voxel)
                    })
                    .collect();
                // The diaphragm moves while the scanner turns.
                let breath = 1.6 * super::shapes::smooth_step(14.0, 2.0, centre_above.abs() - block.reach_mm);
                self.lungs.paint_parenchyma(block, &outline, block.blend_mm + breath);
            }
        }
        self.paint_heart(block, &above);
        self.paint_tubes(block);
    }

    /// Vessels and airways, which run on from the chest into the neck and the arms.
    fn paint_tubes(&self, block: &mut Block) {
        for (tubes, tissue) in &self.drawn {
            block.draw(tubes, *tissue);
        }
        self.lungs.paint_vessels(block);
    }

    fn paint_heart(&self, block: &mut Block, above: &[f32]) {
        let heart = self.mediastinum.heart();
        let sac = heart.sac(block.centre);
        if block.misses(sac - 4.0) {
            return;
        }
        block.roughen_edges(&self.texture);
        let sacs: Vec<f32> = block.points.iter().map(|p| heart.sac(*p)).collect();
        block.fill(PERICARDIUM, |voxel, _| (sacs[voxel].abs() - 0.5).max(1.0 - above[voxel]));
        let samples: Vec<_> = block.points.iter().map(|p| heart.sample(*p)).collect();
        let beat = block.blend_mm + 0.9;
        block.fill_soft(MYOCARDIUM, beat, |voxel, _| samples[voxel].surface.max(2.0 - above[voxel]));
        // The wall goes on between the rooms and the diaphragm.
        let room = |voxel: usize, inside: f32| smooth_max(inside, 6.0 - above[voxel], 3.0);
        block.fill_soft(RIGHT_ROOM, beat, |voxel, _| room(voxel, samples[voxel].right_ventricle));
        block.fill_graded(beat, |voxel, p| (room(voxel, samples[voxel].right_atrium), mixed_blood(p)));
        block.fill_soft(LEFT_ROOM, beat, |voxel, _| samples[voxel].left_atrium);
        let rough: Vec<f32> = (0..block.points.len()).map(|voxel| 1.0 * block.bump(voxel)).collect();
        block
            .fill_soft(LEFT_ROOM, beat, |voxel, _| room(voxel, samples[voxel].left_ventricle + rough[voxel]));
    }

    fn paint_neck(&self, block: &mut Block) {
        if block.bounds.max.z < 85.0 {
            return;
        }
        let trapezius = |p: Vec3| {
            let front = (44.0 - p.y).max(4.0 - p.x.abs()).max(112.0 - p.z);
            ((Self::neck(p) + 12.0).abs() - 4.0).max(front)
        };
        if !block.misses(trapezius(block.centre)) {
            block.fill(MUSCLE, |_, p| trapezius(p));
        }
        block.draw(&self.neck_muscles, MUSCLE);
    }

    fn paint_bones(&self, block: &mut Block) {
        if !block.misses(column_distance(block.centre)) {
            block.fill(DISC, |_, p| column_distance(p) + 0.6);
        }
        block.draw(&self.canal, CANAL);
        block.draw(&self.cord, CORD);
        block.draw(&self.cartilage, CARTILAGE);
        let mut near = Vec::new();
        self.skeleton.near(&self.wall, block, &mut near);
        if near.is_empty() {
            return;
        }
        let bones: Vec<(f32, BoneKind)> =
            block.points.iter().map(|p| self.skeleton.distance(&self.wall, &near, *p)).collect();
        // Bone is the steepest edge of all: a wider blend keeps terraces off it in 3D.
        let blend_mm = 1.3 * block.blend_mm;
        for (voxel, (distance, kind)) in bones.into_iter().enumerate() {
            let share = coverage(distance, blend_mm);
            if share <= 0.0 {
                continue;
            }
            let (shell, filling, cortex_mm) = match kind {
                BoneKind::Flat => (CORTEX, MARROW, 2.95),
                BoneKind::Vertebra => (THIN_CORTEX, SPONGY, 2.2),
                BoneKind::Long { .. } => {
                    let end = kind.end_share(block.points[voxel]);
                    (
                        LONG_CORTEX.mixed(END_CORTEX, end),
                        YELLOW_MARROW.mixed(END_SPONGY, end),
                        3.8 - 1.0 * end,
                    )
                }
            };
            block.blend(voxel, shell, share);
            let inner = coverage(distance + cortex_mm, blend_mm);
            block.blend(voxel, filling, inner);
        }
    }
}

/// The right atrium, where blood with and without contrast has not mixed yet.
fn mixed_blood(p: Vec3) -> Tissue {
    let near = |inlet: Vec3| super::shapes::smooth_step(24.0, 6.0, p.distance(inlet));
    let from_above = RIGHT_ATRIUM.mixed(CAVA, near(Vec3::new(-34.0, -21.0, 10.0)));
    from_above.mixed(LOWER_CAVA, 0.9 * near(Vec3::new(-28.0, -8.0, -48.0)))
}

/// Distance to the nearest muscle that lies on the cage; a thin layer of fat parts each from the next.
fn layer_distance(sample: &WallSample, uneven: f32) -> f32 {
    let gap = 1.1 + 0.9 * uneven;
    let height = sample.cage - CAGE_MM + 1.2 * uneven;
    let mut lower = 0.0;
    let mut nearest = f32::MAX;
    for layer in 0..MUSCLES {
        let upper = sample.layers[layer];
        let half = (upper - lower) * 0.5;
        if half > 0.7 {
            let middle = (upper + lower) * 0.5;
            nearest = nearest.min((height - middle).abs() - half + gap * 0.5);
        }
        lower = upper;
    }
    nearest
}

/// Cuts off the layers of muscle on the cage where its dome ends under the neck.
fn over_apex(p: Vec3) -> f32 {
    (p.z - 126.0 - 0.8 * (super::shapes::length(p.x, p.y) - 20.0)) * 0.78
}

/// Distance into the sheet of fat between the two nearest muscles of the shoulder on one `side`; the sheet thins out
/// to nothing where `uneven` is low.
fn between_bellies(p: Vec3, side: f32, uneven: f32) -> f32 {
    let p = Vec3::new(p.x * side, p.y, p.z);
    let mut nearest = [1e3_f32; 2];
    for [a, b] in BELLIES {
        let (start, end) = (Vec3::from_slice(&a), Vec3::from_slice(&b));
        let d = Capsule::new(start, end, a[3], b[3]).distance(p);
        if d < nearest[0] {
            nearest = [d, nearest[0]];
        } else {
            nearest[1] = nearest[1].min(d);
        }
    }
    0.8 + 1.7 * uneven - 0.5 * (nearest[1] - nearest[0])
}

/// The surface of the table on which the patient lies, at `x`.
fn couch_top(x: f32) -> f32 {
    126.0 - x * x / 1000.0
}

fn paint_couch(block: &mut Block) {
    if block.bounds.max.y < 80.0 {
        return;
    }
    let pad = |p: Vec3| {
        let height = p.y - couch_top(p.x);
        smooth_max((height - 5.5).abs() - 5.5, p.x.abs() - 138.0, 8.0)
    };
    // A trough of foam in a shell. It lies behind the body and within the field of view, so that no projection from
    // the front shows it; its shell is thick enough for its full value to be seen in every row of voxels.
    let outer = |p: Vec3| {
        let below = (p.y - 171.0 + p.x * p.x / 620.0) * 0.9;
        smooth_max(smooth_max(couch_top(p.x) + 11.0 - p.y, below, 10.0), p.x.abs() - 150.0, 18.0)
    };
    block.fill(Tissue::new(-925.0, 0.0, 0.0), |_, p| pad(p));
    block.fill(SHELL, |_, p| outer(p));
    block.fill(FOAM, |_, p| outer(p) + 3.0);
}

type Rod = [[f32; 4]; 2];

/// Flesh of the shoulder and the raised arm: ends of rods as x, y, z, radius.
const SHOULDER: [Rod; 10] = [
    // Over the collar bone.
    [[16.0, -58.0, 101.0, 15.0], [58.0, -53.0, 114.0, 14.0]],
    [[58.0, -53.0, 114.0, 14.0], [90.0, -29.0, 127.0, 16.0]],
    [[104.0, 22.0, 20.0, 34.0], [124.0, 14.0, 108.0, 40.0]],
    [[45.0, 44.0, 116.0, 36.0], [112.0, 34.0, 116.0, 40.0]],
    [[112.0, 30.0, 112.0, 40.0], [136.0, 12.0, 138.0, 44.0]],
    [[136.0, 12.0, 138.0, 44.0], [142.0, 2.0, 185.0, 42.0]],
    [[60.0, -16.0, 104.0, 30.0], [118.0, 0.0, 114.0, 34.0]],
    [[96.0, -46.0, 62.0, 15.0], [126.0, -14.0, 112.0, 26.0]],
    [[124.0, 44.0, 22.0, 16.0], [134.0, 30.0, 100.0, 30.0]],
    [[104.0, 52.0, 84.0, 26.0], [128.0, 26.0, 116.0, 36.0]],
];

const AXILLA: [Rod; 3] = [
    [[120.0, 6.0, 6.0, 2.0], [112.0, -2.0, 56.0, 12.0]],
    [[112.0, -2.0, 56.0, 12.0], [108.0, -5.0, 88.0, 16.0]],
    [[108.0, -5.0, 88.0, 16.0], [104.0, -14.0, 126.0, 7.0]],
];

/// Middle lines of the muscles of the shoulder: fat parts two of them where both are equally far. The fourth number
/// shifts that place away from the larger muscle.
const BELLIES: [Rod; 11] = [
    // Deltoid in three parts; supraspinatus, subscapularis, infraspinatus.
    [[104.0, -34.0, 132.0, 8.0], [150.0, -24.0, 200.0, 8.0]],
    [[160.0, 8.0, 96.0, 11.0], [176.0, 4.0, 200.0, 11.0]],
    [[132.0, 50.0, 118.0, 8.0], [162.0, 38.0, 200.0, 8.0]],
    [[60.0, 42.0, 124.0, 7.0], [122.0, 20.0, 152.0, 7.0]],
    [[96.0, 24.0, 40.0, 6.0], [112.0, 6.0, 112.0, 6.0]],
    [[104.0, 62.0, 70.0, 9.0], [128.0, 44.0, 112.0, 9.0]],
    // Latissimus with teres major; pectoralis major and minor.
    [[128.0, 40.0, 10.0, 10.0], [142.0, 20.0, 96.0, 10.0]],
    [[84.0, -62.0, 60.0, 9.0], [130.0, -36.0, 116.0, 9.0]],
    [[88.0, -44.0, 74.0, 5.0], [108.0, -22.0, 116.0, 5.0]],
    // Trapezius; the muscles along the inner side of the arm.
    [[40.0, 66.0, 128.0, 8.0], [112.0, 54.0, 142.0, 8.0]],
    [[120.0, -10.0, 132.0, 4.0], [122.0, -6.0, 200.0, 4.0]],
];

const NECK: [Rod; 10] = [
    [[36.0, -18.0, 180.0, 10.0], [17.0, -38.0, 114.0, 6.5]],
    [[30.0, 14.0, 180.0, 11.0], [45.0, 8.0, 128.0, 11.0]],
    [[40.0, 26.0, 180.0, 9.0], [54.0, 24.0, 126.0, 8.0]],
    [[14.0, 46.0, 180.0, 11.0], [15.0, 66.0, 118.0, 12.0]],
    [[32.0, 48.0, 180.0, 12.0], [36.0, 68.0, 122.0, 12.0]],
    [[47.0, 36.0, 180.0, 8.5], [72.0, 58.0, 112.0, 10.0]],
    [[9.0, 17.0, 180.0, 6.0], [10.0, 26.0, 130.0, 6.0]],
    [[7.0, -20.0, 180.0, 4.0], [11.0, -36.0, 112.0, 3.5]],
    [[30.0, 54.0, 174.0, 8.0], [58.0, 58.0, 134.0, 8.0]],
    [[58.0, 58.0, 134.0, 8.0], [108.0, 46.0, 132.0, 10.0]],
];

fn both_sides(rods: &[Rod]) -> Vec<Capsule> {
    let end = |side: f32, e: [f32; 4]| Vec3::new(side * e[0], e[1], e[2]);
    [-1.0, 1.0]
        .into_iter()
        .flat_map(|side| {
            rods.iter().map(move |[a, b]| Capsule::new(end(side, *a), end(side, *b), a[3], b[3]))
        })
        .collect()
}

/// Tubes of the mediastinum and the neck in the order in which they are painted.
fn mediastinal_tubes(vessels: &GreatVessels, heart: &Heart) -> Vec<(Tubes, Tissue)> {
    let many = |paths: &[Vec<(Vec3, f32)>], extra: f32| {
        paths.iter().flat_map(|path| tube(path, 3.0, extra)).collect::<Vec<_>>()
    };
    let one = |path: &Vec<(Vec3, f32)>, extra: f32| tube(path, 3.0, extra);
    let v = Vec3::new;
    let node = |at: Vec3, radius: f32| Capsule::new(at, at + v(1.5, 2.0, 3.5), radius, radius * 0.8);
    let nodes = vec![
        node(v(-24.0, 2.0, 66.0), 3.6),
        node(v(16.0, -8.0, 58.0), 3.2),
        node(v(-14.0, -18.0, 84.0), 2.6),
        node(v(10.0, 24.0, 42.0), 4.0),
        node(v(106.0, -6.0, 70.0), 3.2),
        node(v(-108.0, -2.0, 78.0), 3.4),
        node(v(-102.0, -12.0, 92.0), 2.8),
    ];
    let hot = vec![node(v(-20.0, 0.0, 54.0), 5.2), node(v(-50.0, 0.0, 44.0), 4.6)];
    let thyroid =
        [-1.0, 1.0].map(|s| Capsule::new(v(15.0 * s, -8.0, 178.0), v(13.0 * s, -8.0, 143.0), 8.0, 5.0));
    let gullet_air: Vec<_> = vessels.oesophagus.iter().map(|(p, _)| (*p + v(1.0, -1.0, 0.0), 1.5)).collect();
    let mut calcium = aortic_plaques(&vessels.aorta);
    calcium.push(Capsule::new(v(41.0, -53.0, 2.0), v(43.0, -55.0, 0.0), 1.3, 0.9));
    let bigger = 1.5;
    let mut arteries = one(&vessels.aorta, 0.0);
    arteries.extend(many(&vessels.arch_branches, 0.0));
    let mut artery_walls = one(&vessels.aorta, bigger);
    artery_walls.extend(many(&vessels.arch_branches, 0.8));
    let coronaries: Vec<_> = vessels.coronaries.iter().map(|path| heart.over_surface(path)).collect();
    let mut cava = one(&vessels.superior_cava, 0.0);
    // Contrast was given into the left arm.
    let (undiluted, others) = vessels.head_veins.split_at(1);
    cava.extend(many(undiluted, 0.0));
    vec![
        (Tubes::new(thyroid.to_vec()), THYROID),
        (Tubes::new(nodes), NODE),
        (Tubes::new(hot), HOT_NODE),
        (Tubes::new(one(&vessels.oesophagus, 0.0)), GULLET),
        (Tubes::new(tube(&gullet_air, 4.0, 0.0)), GAS),
        (Tubes::new(one(&vessels.azygos, 0.0)), BODY_VEIN),
        (Tubes::new(one(&vessels.inferior_cava, 0.0)), LOWER_CAVA),
        (Tubes::new(many(others, 0.0)), HEAD_VEIN),
        (Tubes::new(cava), CAVA),
        (Tubes::new(artery_walls), VESSEL_WALL),
        (Tubes::new(arteries), AORTA),
        (Tubes::new(many(&coronaries, 0.0)), AORTA),
        (Tubes::new(calcium), CALCIUM),
    ]
}

/// Specks of calcium in the wall of the arch and the descending aorta.
fn aortic_plaques(aorta: &[(Vec3, f32)]) -> Vec<Capsule> {
    let path = super::shapes::smooth_path(aorta, 3.0);
    let mut random = Sequence::new(0xca1);
    let mut specks = Vec::new();
    for pair in path.windows(2).filter(|pair| pair[0].0.y > -15.0 && pair[0].0.z > -120.0) {
        let (at, radius) = pair[0];
        let along = (pair[1].0 - at).normalize_or(Vec3::Z);
        let turn = random.next() * std::f32::consts::TAU;
        let (u, w) = along.any_orthonormal_pair();
        let rim = at + (u * turn.cos() + w * turn.sin()) * (radius + 0.6);
        let size = random.next();
        if size > 0.62 {
            specks.push(Capsule::new(
                rim,
                rim + along * (3.0 * random.next()),
                0.5 + 1.0 * (size - 0.5),
                0.6,
            ));
        }
    }
    specks
}
