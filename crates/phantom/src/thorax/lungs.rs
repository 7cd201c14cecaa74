//! The lungs: their outline, fissures, airways, vessels, and a nodule.

use super::abdomen::Diaphragm;
use super::block::{Block, Tissue};
use super::heart::Heart;
use super::noise::{Sequence, value_noise};
use super::shapes::{Bounds, Capsule, Tubes, smooth_max, smooth_min, tube};
use super::spine::{body_half, column_centre};
use super::tree::{Calibre, Root, Twig, companions, grow, tubes};
use super::vessels::{GreatVessels, Path};
use super::wall::Wall;
use glam::Vec3;

const PARENCHYMA: Tissue = Tissue::new(-868.0, 16.0, 0.45);
const FISSURE: Tissue = Tissue::new(-560.0, 10.0, 0.5);
const AIR: Tissue = Tissue::new(-1000.0, 0.0, 0.1);
const AIRWAY_WALL: Tissue = Tissue::new(10.0, 12.0, 0.8);
const ARTERY: Tissue = Tissue::new(310.0, 3.0, 1.7);
const VEIN: Tissue = Tissue::new(255.0, 3.0, 1.7);
const NODULE: Tissue = Tissue::new(48.0, 16.0, 9.0);

const AIRWAY_CALIBRE: Calibre = Calibre { root_mm: 6.3, least_mm: 0.75, law: 2.75 };
const ARTERY_CALIBRE: Calibre = Calibre { root_mm: 7.5, least_mm: 0.30, law: 2.65 };
const VEIN_CALIBRE: Calibre = Calibre { root_mm: 6.0, least_mm: 0.30, law: 2.65 };

/// What pushes the lungs aside between them.
pub(crate) struct Mediastinum {
    tubes: Tubes,
    heart: Heart,
}

impl Mediastinum {
    pub(crate) fn new(vessels: &GreatVessels) -> Self {
        let v = Vec3::new;
        let mut all = vessels.all_outer();
        let mut add = |points: &[(Vec3, f32)]| all.extend(tube(points, 6.0, 0.0));
        // Thymic fat, the junction behind the sternum, fat around the trachea and below the carina, the hila.
        add(&[
            (v(0.0, -42.0, 122.0), 18.0),
            (v(0.0, -50.0, 94.0), 16.0),
            (v(2.0, -57.0, 62.0), 11.0),
            (v(3.0, -64.0, 36.0), 13.0),
            (v(5.0, -77.0, 5.0), 8.0),
            (v(6.0, -83.0, -20.0), 7.0),
            (v(8.0, -86.0, -48.0), 10.0),
            (v(6.0, -84.0, -64.0), 13.0),
        ]);
        add(&[(v(-2.0, -8.0, 56.0), 19.0), (v(0.0, -12.0, 90.0), 23.0), (v(0.0, -14.0, 140.0), 24.0)]);
        add(&[
            (v(3.0, 26.0, 52.0), 10.0),
            (v(6.0, 28.0, 10.0), 10.0),
            (v(6.0, 26.0, -40.0), 9.0),
            (v(9.0, 24.0, -110.0), 11.0),
        ]);
        // Between the heart and the spine, down to the diaphragm.
        add(&[
            (v(4.0, 22.0, -4.0), 12.0),
            (v(4.0, 10.0, -26.0), 15.0),
            (v(3.0, 0.0, -46.0), 19.0),
            (v(-2.0, -4.0, -70.0), 24.0),
        ]);
        add(&[(v(3.0, 22.0, -6.0), 10.0), (v(-2.0, 20.0, -32.0), 14.0), (v(-12.0, 18.0, -60.0), 22.0)]);
        add(&[(v(0.0, 4.0, 54.0), 14.0), (v(1.0, 12.0, 30.0), 11.0)]);
        // Between the aorta, the pulmonary artery and the left atrium.
        add(&[
            (v(12.0, 0.0, 54.0), 10.0),
            (v(23.0, -2.0, 40.0), 11.0),
            (v(26.0, -12.0, 28.0), 10.0),
            (v(27.0, -23.0, 19.0), 8.0),
        ]);
        add(&[(v(-44.0, 8.0, 34.0), 9.0), (v(-46.0, 12.0, 12.0), 8.0)]);
        add(&[(v(50.0, 12.0, 38.0), 9.0), (v(50.0, 14.0, 12.0), 8.0)]);
        // Fat pads in the angles between heart and diaphragm.
        add(&[(v(-34.0, -66.0, -50.0), 12.0), (v(-20.0, -76.0, -52.0), 12.0)]);
        add(&[(v(66.0, -70.0, -58.0), 11.0), (v(84.0, -56.0, -62.0), 9.0)]);
        Self { tubes: Tubes::new(all), heart: Heart::new() }
    }

    pub(crate) const fn heart(&self) -> &Heart {
        &self.heart
    }

    /// The tubes that matter in a box.
    pub(crate) fn near(&self, bounds: &Bounds, found: &mut Vec<u32>, near: &mut Vec<Capsule>) {
        self.tubes.near(&bounds.grown(9.0), found, near);
    }

    pub(crate) fn distance(&self, near: &[Capsule], p: Vec3) -> f32 {
        let solid = smooth_min(self.heart.sac(p) - 1.0, spine_outline(p), 10.0);
        near.iter().fold(solid, |d, capsule| smooth_min(d, capsule.distance(p), 8.0))
    }

    /// Height above the dome over the top of each lung, which falls towards the middle and, as the first rib, towards
    /// the front.
    pub(crate) fn apex(p: Vec3) -> f32 {
        let inward = ((36.0 - p.x.abs()) / 22.0).max(0.0);
        let middle = (p.z - 134.0 + 24.0 * inward * inward) * 0.6;
        smooth_max(middle, (p.z - 92.0 - 0.46 * (p.y + 60.0)) * 0.9, 10.0)
    }

    fn distance_anywhere(&self, p: Vec3) -> f32 {
        let (mut found, mut near) = (Vec::new(), Vec::new());
        self.near(&Bounds { min: p, max: p }, &mut found, &mut near);
        self.distance(&near, p)
    }
}

/// The pleura over the vertebral bodies and the heads of the ribs.
fn spine_outline(p: Vec3) -> f32 {
    let (centre, (width, depth)) = (column_centre(p.z), body_half(p.z));
    let body = super::shapes::ellipse(p.x - centre.x, p.y - centre.y, width + 3.0, depth + 3.5);
    let arch = super::shapes::ellipse(p.x - centre.x, p.y - centre.y - depth - 14.0, width + 14.0, 14.0);
    smooth_min(body, arch, 12.0)
}

/// Height above the oblique fissure, along its normal: negative in the upper lobe (on the right also the middle).
fn oblique_fissure(p: Vec3) -> f32 {
    let wave = 3.5 * value_noise(p / 55.0, 0x0b1) + 0.0016 * (p.x.abs() - 60.0).powi(2);
    let lift = if p.x < 0.0 { -4.0 } else { 3.0 };
    0.78 * (p.y - 55.0) - 0.63 * (p.z - 66.0 - lift) + wave
}

/// Height above the horizontal fissure, which only the right lung has.
fn horizontal_fissure(p: Vec3) -> f32 {
    p.z - 8.0 - 0.12 * (p.y + 40.0) + 0.0012 * (p.x + 70.0).powi(2) + 2.5 * value_noise(p / 50.0, 0x0b2)
}

pub(crate) struct Lungs {
    airway_walls: Tubes,
    airways: Tubes,
    arteries: Tubes,
    veins: Tubes,
    nodule: Nodule,
}

impl Lungs {
    pub(crate) fn new(
        seed: u64,
        wall: &Wall,
        diaphragm: &Diaphragm,
        mediastinum: &Mediastinum,
        vessels: &GreatVessels,
    ) -> Self {
        let depth = |p: Vec3| {
            let shell = (wall.cage(p) + 1.0).max(1.5 - diaphragm.above(p));
            if shell > 0.0 { shell } else { shell.max(-mediastinum.distance_anywhere(p)) }
        };
        let inside = |p: Vec3| depth(p) < -3.5;
        // Only large vessels cross what lies between the lungs.
        let stays = |vessel: &Capsule| {
            vessel.radius_a > 3.2 || depth((vessel.a + vessel.b) * 0.5) < -0.5 - vessel.radius_a
        };
        let heart = mediastinum.heart();
        let clear = |p: Vec3| {
            let lack = 7.0 - heart.sac(p);
            if lack <= 0.0 {
                return p;
            }
            let slope = |d: Vec3| heart.sac(p + d) - heart.sac(p - d);
            p + Vec3::new(slope(Vec3::X), slope(Vec3::Y), slope(Vec3::Z)).normalize_or_zero() * lack
        };
        let (right, left) = rayon::join(
            || LungTrees::new(seed ^ 0x51, -1.0, vessels, &inside, &clear),
            || LungTrees::new(seed ^ 0x52, 1.0, vessels, &inside, &clear),
        );
        let mut airways: Vec<Capsule> = tube(&vessels.trachea, 4.0, 0.0);
        let mut airway_walls = tube(&vessels.trachea, 4.0, 2.1);
        let lobes = || vessels.lobes.iter().flatten();
        let bronchi = vessels.main_bronchi.iter().map(|path| (path, 2.0));
        for (bronchus, wall_mm) in bronchi.chain(lobes().map(|lobe| (&lobe.bronchus, 1.9))) {
            airways.extend(tube(bronchus, 3.0, 0.0));
            airway_walls.extend(tube(bronchus, 3.0, wall_mm));
        }
        let central = vessels.pulmonary.iter().chain(lobes().map(|lobe| &lobe.artery));
        let mut arteries: Vec<Capsule> = central.flat_map(|path| tube(path, 3.0, 0.0)).collect();
        let mut veins: Vec<Capsule> =
            vessels.pulmonary_veins.iter().flat_map(|p| tube(p, 3.0, 0.0)).collect();
        for lung in [right, left] {
            for (twigs, artery_end) in &lung.lobes {
                let kept =
                    |wall: fn(f32) -> f32| tubes(twigs, AIRWAY_CALIBRE, wall).into_iter().filter(stays);
                airways.extend(kept(|_| 0.0));
                airway_walls.extend(kept(|radius| 0.45 + 0.27 * radius));
                let companions = companions(twigs, AIRWAY_CALIBRE, ARTERY_CALIBRE);
                if let Some(first) = companions.first() {
                    let ends = [(*artery_end, first.radius_a), (first.a, first.radius_a)];
                    arteries.extend(tube(&ends, 3.0, 0.0));
                }
                arteries.extend(companions.into_iter().filter(stays));
            }
            veins.extend(lung.veins.iter().flat_map(|tree| tubes(tree, VEIN_CALIBRE, |_| 0.0)).filter(stays));
        }
        let mut others = wide(&airway_walls, 1.2);
        push_aside(&mut arteries, &Tubes::new(others.clone()));
        others.extend(wide(&arteries, 3.0));
        push_aside(&mut veins, &Tubes::new(others));
        Self {
            airway_walls: Tubes::new(airway_walls),
            airways: Tubes::new(airways),
            arteries: Tubes::new(arteries),
            veins: Tubes::new(veins),
            nodule: Nodule::new(seed),
        }
    }

    /// Paints lung where `outline` (by voxel) is negative.
    pub(crate) fn paint_parenchyma(&self, block: &mut Block, outline: &[f32], blend_mm: f32) {
        // Blood sinks to the back of a patient who lies on it.
        block.fill_graded(blend_mm, |voxel, p| {
            let sunk = 0.45 * (p.y + 10.0);
            (outline[voxel], Tissue { hu: PARENCHYMA.hu + sunk, ..PARENCHYMA })
        });
        let seen = |distance: f32, p: Vec3| if p.z.abs() < 150.0 { distance.abs() - 0.35 } else { 1.0 };
        if !block.misses(oblique_fissure(block.centre).abs() - 4.0) {
            block.fill(FISSURE, |voxel, p| seen(oblique_fissure(p), p).max(outline[voxel]));
        }
        if block.centre.x < 0.0 && !block.misses(horizontal_fissure(block.centre).abs() - 4.0) {
            block.fill(FISSURE, |voxel, p| {
                seen(horizontal_fissure(p), p).max(outline[voxel]).max(oblique_fissure(p))
            });
        }
    }

    pub(crate) fn paint_vessels(&self, block: &mut Block) {
        // From lung to blood with contrast is a steeper edge than any but bone's: as there, a wider blend.
        let blend_mm = 1.3 * block.blend_mm;
        block.draw_soft(&self.veins, VEIN, blend_mm);
        block.draw_soft(&self.arteries, ARTERY, blend_mm);
        block.draw(&self.airway_walls, AIRWAY_WALL);
        block.draw(&self.airways, AIR);
        self.nodule.paint(block);
    }
}

/// Tubes that vessels keep out of.
fn wide(tubes: &[Capsule], least_mm: f32) -> Vec<Capsule> {
    tubes.iter().filter(|tube| tube.radius_b > least_mm).copied().collect()
}

/// Bends `vessels` around `others`, which lie beside them and do not cross them. Those that follow one another make
/// one curve, and stay one.
fn push_aside(vessels: &mut [Capsule], others: &Tubes) {
    let (mut found, mut near) = (Vec::new(), Vec::new());
    let mut clear = |mut p: Vec3, radius: f32| {
        others.near(&Bounds { min: p, max: p }.grown(radius + 6.0), &mut found, &mut near);
        for _ in 0..3 {
            let lack = |other: &&Capsule| radius - 0.3 - other.distance(p);
            let Some(worst) = near.iter().max_by(|a, b| lack(a).total_cmp(&lack(b))) else { break };
            let depth = lack(&worst);
            if depth <= 0.0 {
                break;
            }
            p += worst.off_axis(p).0.normalize_or_zero() * depth;
        }
        p
    };
    for run in vessels.chunk_by_mut(|before, after| before.b == after.a) {
        let Some(first) = run.first() else { continue };
        let mut path: Vec<(Vec3, f32)> = vec![(first.a, first.radius_a)];
        path.extend(run.iter().map(|vessel| (vessel.b, vessel.radius_b)));
        for _ in 0..3 {
            let moved: Vec<Vec3> = path.iter().map(|(p, radius)| clear(*p, *radius) - *p).collect();
            let moved = spread(moved);
            path.iter_mut().zip(moved).for_each(|((p, _), by)| *p += by);
        }
        for (vessel, ends) in run.iter_mut().zip(path.windows(2)) {
            (vessel.a, vessel.b) = (ends[0].0, ends[1].0);
        }
    }
}

/// Shares moves with the neighbours on the path; its ends keep their own.
fn spread(mut moved: Vec<Vec3>) -> Vec<Vec3> {
    for _ in 0..4 {
        let before = moved.clone();
        for (index, around) in before.windows(3).enumerate() {
            moved[index + 1] = (around[0] + around[1] * 2.0 + around[2]) * 0.25;
        }
    }
    moved
}

/// What grows in one lung.
struct LungTrees {
    /// The airways of each lobe, and where its artery has come to.
    lobes: Vec<(Vec<Twig>, Vec3)>,
    veins: [Vec<Twig>; 2],
}

impl LungTrees {
    fn new(
        seed: u64,
        side: f32,
        vessels: &GreatVessels,
        inside: &dyn Fn(Vec3) -> bool,
        clear: &dyn Fn(Vec3) -> Vec3,
    ) -> Self {
        let (lobes, veins) = if side < 0.0 {
            (&vessels.lobes[0], &vessels.pulmonary_veins[..2])
        } else {
            (&vessels.lobes[1], &vessels.pulmonary_veins[2..])
        };
        let cloud = scatter(seed, side, 7.2, inside);
        let whole = cloud.len().max(1) as f32;
        let mut clouds = vec![Vec::new(); lobes.len()];
        for p in cloud {
            clouds[lobe_number(p, lobes.len())].push(p);
        }
        let lobes = lobes.iter().zip(&mut clouds).enumerate().map(|(number, (lobe, cloud))| {
            let artery_end = end(&lobe.artery).0;
            let (at, direction) = end(&lobe.bronchus);
            let root = Root { at, direction, beside: artery_end - at, share: cloud.len() as f32 / whole };
            (grow(root, cloud, seed ^ (7 + number as u64), clear), artery_end)
        });
        let lobes = lobes.collect();
        let (upper, lower): (Vec<Vec3>, Vec<Vec3>) =
            scatter(seed ^ 0xfe, side, 7.4, inside).into_iter().partition(|p| oblique_fissure(*p) < 0.0);
        let mut clouds = [upper, lower];
        let mut number = 0;
        let veins = clouds.each_mut().map(|cloud| {
            let (at, direction) = end(&veins[number]);
            number += 1;
            let root = Root { at, direction, beside: Vec3::Z, share: 1.0 };
            grow(root, cloud, seed ^ (20 + number as u64), clear)
        });
        Self { lobes, veins }
    }
}

/// The end of a path and its direction there.
fn end(path: &Path) -> (Vec3, Vec3) {
    match path[..] {
        [.., before, last] => (last.0, (last.0 - before.0).normalize_or(Vec3::X)),
        _ => (Vec3::ZERO, Vec3::X),
    }
}

/// The lobe that holds a point of a lung of so many lobes, from the top.
fn lobe_number(p: Vec3, count: usize) -> usize {
    if oblique_fissure(p) >= 0.0 { count - 1 } else { usize::from(count > 2 && horizontal_fissure(p) < 0.0) }
}

/// Points about `pitch_mm` apart, each a little off its place, where `inside` holds.
fn scatter(seed: u64, side: f32, pitch_mm: f32, inside: &dyn Fn(Vec3) -> bool) -> Vec<Vec3> {
    let mut random = Sequence::new(seed);
    let mut points = Vec::new();
    let steps = |span: f32| (span / pitch_mm) as usize;
    for k in 0..steps(290.0) {
        for j in 0..steps(200.0) {
            for i in 0..steps(145.0) {
                let cell = Vec3::new(i as f32, j as f32, k as f32);
                let jitter = Vec3::new(random.next(), random.next(), random.next());
                let p = (cell + jitter) * pitch_mm + Vec3::new(2.0, -98.0, -148.0);
                let p = Vec3::new(p.x * side, p.y, p.z);
                if inside(p) {
                    points.push(p);
                }
            }
        }
    }
    points
}

/// A lobulated mass about 14 mm across, with spicules.
struct Nodule {
    centre: Vec3,
    spicules: Tubes,
    seed: u64,
}

impl Nodule {
    fn new(seed: u64) -> Self {
        let centre = Vec3::new(-70.0, -22.0, 70.0);
        let mut random = Sequence::new(seed ^ 0x40d);
        let mut spicules = Vec::new();
        let count = 22;
        for number in 0..count {
            let z = 1.0 - 2.0 * (number as f32 + 0.5) / count as f32;
            let turn = number as f32 * 2.399_963 + random.signed() * 0.3;
            let flat = (1.0 - z * z).sqrt();
            let direction = Vec3::new(flat * turn.cos(), flat * turn.sin(), z);
            let bend = Vec3::new(random.signed(), random.signed(), random.signed()) * 2.2;
            let length = 10.0 + 6.5 * random.next();
            let path = [
                (centre + direction * 4.0, 1.7),
                (centre + direction * (length * 0.7) + bend * 0.4, 0.75),
                (centre + direction * length + bend, 0.25),
            ];
            spicules.extend(tube(&path, 2.0, 0.0));
        }
        spicules.extend(tube(
            &[
                (centre, 1.0),
                (centre + Vec3::new(-12.0, -8.0, 2.0), 0.7),
                (centre + Vec3::new(-27.0, -14.0, 3.0), 0.5),
            ],
            3.0,
            0.0,
        ));
        Self { centre, spicules: Tubes::new(spicules), seed }
    }

    fn paint(&self, block: &mut Block) {
        if block.misses((block.centre - self.centre).length() - 32.0) {
            return;
        }
        block.draw(&self.spicules, NODULE);
        let lobes = |p: Vec3| 1.9 * value_noise(p / 4.6, self.seed ^ 0x90d);
        block.fill(NODULE, |_, p| (p - self.centre).length() - 6.6 + lobes(p));
    }
}
