//! The courses of the great vessels, the large airways and the oesophagus.

use super::shapes::{Capsule, tube};
use glam::Vec3;

pub(crate) type Path = Vec<(Vec3, f32)>;
/// Points that a tube runs through: x, y, z, and the radius of its lumen, in mm.
type Waypoints = &'static [[f32; 4]];

fn path(points: Waypoints) -> Path {
    points.iter().map(|p| (Vec3::new(p[0], p[1], p[2]), p[3])).collect()
}

/// Root, arch and descending aorta.
const AORTA: Waypoints = &[
    [6.0, -22.0, 2.0, 15.0],
    [-3.0, -28.0, 16.0, 15.5],
    [-13.0, -33.0, 38.0, 15.0],
    [-12.0, -26.0, 62.0, 14.5],
    [3.0, -12.0, 77.0, 13.5],
    [20.0, 4.0, 79.0, 12.8],
    [29.0, 21.0, 71.0, 12.4],
    [29.0, 33.0, 54.0, 12.0],
    [27.0, 38.0, 30.0, 11.6],
    [26.0, 39.0, -10.0, 11.2],
    [22.0, 38.0, -50.0, 10.8],
    [14.0, 33.0, -90.0, 10.4],
    [7.0, 26.0, -125.0, 10.0],
    [4.0, 21.0, -175.0, 9.6],
];
/// Brachiocephalic trunk, right carotid, right subclavian to brachial, left carotid, left subclavian to brachial.
const ARCH_BRANCHES: [Waypoints; 5] = [
    &[[-7.0, -20.0, 78.0, 6.4], [-13.0, -17.0, 96.0, 6.0], [-22.0, -12.0, 112.0, 5.6]],
    &[[-22.0, -12.0, 112.0, 4.4], [-26.0, -10.0, 132.0, 3.6], [-28.0, -8.0, 190.0, 3.4]],
    &[
        [-22.0, -12.0, 112.0, 4.6],
        [-36.0, -7.0, 124.0, 4.4],
        [-62.0, -10.0, 126.0, 4.0],
        [-92.0, -10.0, 118.0, 3.6],
        [-110.0, -14.0, 128.0, 3.3],
        [-118.0, -20.0, 160.0, 3.0],
        [-120.0, -22.0, 190.0, 2.8],
    ],
    &[[9.0, -7.0, 82.0, 4.2], [15.0, -6.0, 100.0, 3.8], [24.0, -8.0, 130.0, 3.5], [28.0, -8.0, 190.0, 3.4]],
    &[
        [22.0, 8.0, 82.0, 5.0],
        [29.0, 8.0, 100.0, 4.8],
        [40.0, -2.0, 122.0, 4.5],
        [64.0, -9.0, 127.0, 4.0],
        [92.0, -10.0, 120.0, 3.6],
        [110.0, -14.0, 128.0, 3.3],
        [118.0, -20.0, 160.0, 3.0],
        [120.0, -22.0, 190.0, 2.8],
    ],
];
/// Trunk, left, right.
const PULMONARY: [Waypoints; 3] = [
    &[[18.0, -57.0, 14.0, 13.2], [22.0, -48.0, 30.0, 13.5], [23.0, -32.0, 39.0, 12.6]],
    &[
        [23.0, -32.0, 39.0, 10.8],
        [36.0, -14.0, 45.0, 10.4],
        [44.0, 5.0, 47.0, 9.6],
        [50.0, 22.0, 40.0, 8.6],
        [56.0, 30.0, 24.0, 7.6],
        [58.0, 33.0, 8.0, 6.6],
    ],
    &[
        [23.0, -32.0, 39.0, 10.8],
        [9.0, -13.0, 38.0, 10.4],
        [-13.0, -4.0, 36.0, 10.0],
        [-34.0, -3.0, 33.0, 9.4],
        [-45.0, 4.0, 25.0, 8.6],
        [-49.0, 13.0, 13.0, 7.6],
        [-51.0, 21.0, 3.0, 6.6],
    ],
];
/// Right upper, right lower, left upper, left lower.
const PULMONARY_VEINS: [Waypoints; 4] = [
    &[[-22.0, 0.0, 10.0, 7.5], [-38.0, -6.0, 15.0, 6.6], [-50.0, -6.0, 21.0, 5.8]],
    &[[-22.0, 12.0, -4.0, 7.5], [-38.0, 17.0, -8.0, 6.6], [-50.0, 20.0, -13.0, 6.0]],
    &[[34.0, 2.0, 12.0, 7.0], [46.0, -6.0, 20.0, 6.2], [56.0, -10.0, 27.0, 5.6]],
    &[[34.0, 14.0, -4.0, 7.0], [47.0, 19.0, -8.0, 6.4], [58.0, 22.0, -14.0, 5.8]],
];
/// From the right atrium up.
const SUPERIOR_CAVA: Waypoints = &[
    [-34.0, -21.0, 10.0, 9.5],
    [-37.0, -20.0, 30.0, 8.8],
    [-36.0, -20.0, 60.0, 8.4],
    [-33.0, -24.0, 82.0, 7.4],
];
/// Left brachiocephalic with the left subclavian; left jugular; right brachiocephalic with jugular; right subclavian.
const HEAD_VEINS: [Waypoints; 4] = [
    &[
        [-33.0, -24.0, 82.0, 6.6],
        [-8.0, -38.0, 91.0, 6.4],
        [18.0, -36.0, 98.0, 6.2],
        [41.0, -25.0, 113.0, 5.8],
        [66.0, -25.0, 118.0, 5.2],
        [94.0, -21.0, 114.0, 4.7],
        [112.0, -24.0, 124.0, 4.2],
        [120.0, -30.0, 165.0, 3.6],
        [121.0, -32.0, 190.0, 3.6],
    ],
    &[
        [34.0, -29.0, 107.0, 5.0],
        [42.0, -20.0, 122.0, 5.4],
        [42.0, -15.0, 145.0, 5.4],
        [41.0, -12.0, 190.0, 5.4],
    ],
    &[
        [-34.0, -23.0, 80.0, 7.2],
        [-38.0, -22.0, 102.0, 6.6],
        [-43.0, -19.0, 120.0, 6.2],
        [-42.0, -14.0, 145.0, 5.6],
        [-40.0, -12.0, 190.0, 5.6],
    ],
    &[
        [-39.0, -21.0, 108.0, 5.0],
        [-52.0, -23.0, 118.0, 5.2],
        [-68.0, -24.0, 118.0, 5.0],
        [-94.0, -21.0, 113.0, 4.7],
        [-112.0, -24.0, 124.0, 4.2],
        [-120.0, -30.0, 165.0, 3.6],
        [-121.0, -32.0, 190.0, 3.6],
    ],
];
/// From the right atrium down.
const INFERIOR_CAVA: Waypoints = &[
    [-28.0, -7.0, -50.0, 10.5],
    [-27.0, -1.0, -60.0, 11.5],
    [-24.0, 10.0, -90.0, 11.5],
    [-20.0, 16.0, -130.0, 11.0],
    [-18.0, 15.0, -180.0, 10.5],
];
/// From its arch down.
const AZYGOS: Waypoints = &[
    [-36.0, -12.0, 57.0, 4.2],
    [-32.0, 4.0, 62.0, 4.4],
    [-20.0, 22.0, 61.0, 4.4],
    [-9.0, 36.0, 48.0, 4.0],
    [-5.0, 41.0, 20.0, 3.5],
    [-4.0, 42.0, -40.0, 3.2],
    [-5.0, 34.0, -110.0, 2.6],
    [-6.0, 28.0, -150.0, 2.2],
];
/// Anterior descending, circumflex, right.
const CORONARIES: [Waypoints; 3] = [
    &[
        [14.0, -30.0, 6.0, 2.0],
        [28.0, -34.0, 10.0, 1.9],
        [40.0, -52.0, 4.0, 1.8],
        [52.0, -64.0, -12.0, 1.6],
        [68.0, -66.0, -34.0, 1.3],
        [80.0, -60.0, -52.0, 1.0],
    ],
    &[
        [28.0, -34.0, 10.0, 1.7],
        [42.0, -24.0, 9.0, 1.6],
        [54.0, -6.0, 0.0, 1.5],
        [52.0, 6.0, -16.0, 1.3],
        [40.0, 6.0, -32.0, 1.1],
    ],
    &[
        [-4.0, -40.0, 8.0, 1.9],
        [-14.0, -56.0, 0.0, 1.8],
        [-22.0, -56.0, -18.0, 1.7],
        [-20.0, -44.0, -42.0, 1.6],
        [0.0, -22.0, -54.0, 1.4],
        [20.0, -18.0, -56.0, 1.2],
    ],
];
/// From the neck to the carina.
const TRACHEA: Waypoints = &[
    [1.0, -12.0, 190.0, 9.2],
    [0.0, -4.0, 145.0, 9.0],
    [0.0, 5.0, 112.0, 8.8],
    [0.5, 12.4, 84.0, 8.6],
    [1.5, 17.0, 60.0, 9.2],
];
/// Right with the one between the lobes, left.
const MAIN_BRONCHI: [Waypoints; 2] = [
    &[
        [0.5, 15.5, 62.0, 8.0],
        [-9.0, 16.5, 51.0, 7.6],
        [-19.0, 16.8, 42.5, 7.0],
        [-27.0, 17.5, 32.0, 6.0],
        [-33.0, 18.0, 22.0, 5.5],
        [-35.0, 18.5, 15.0, 5.2],
    ],
    &[[2.5, 15.5, 62.0, 7.4], [13.0, 15.5, 51.0, 6.8], [28.0, 14.5, 38.0, 6.4], [38.0, 16.0, 30.0, 6.0]],
];
/// Of each lobe its bronchus, and the branch of the pulmonary artery to it: right upper, middle, lower.
const RIGHT_LOBES: [[Waypoints; 2]; 3] = [
    [
        &[
            [-17.0, 16.7, 44.5, 5.2],
            [-30.0, 15.0, 43.0, 4.8],
            [-40.0, 13.0, 46.0, 4.2],
            [-46.0, 12.0, 50.0, 3.8],
        ],
        &[[-28.0, -3.0, 34.0, 6.5], [-40.0, 0.0, 42.0, 5.4], [-46.0, 2.0, 49.0, 4.8]],
    ],
    [
        &[[-33.5, 18.2, 20.0, 4.2], [-39.0, 10.0, 11.0, 3.5], [-45.0, 3.0, 5.0, 3.0]],
        &[[-46.5, 8.0, 20.0, 5.0], [-51.0, 2.0, 12.0, 4.2], [-54.0, -1.0, 8.0, 3.8]],
    ],
    [
        &[[-34.5, 18.4, 17.0, 5.2], [-38.0, 23.0, 5.0, 5.0], [-41.0, 27.0, -5.0, 4.8]],
        &[[-51.0, 21.0, 3.0, 6.6], [-53.0, 27.0, -5.0, 6.4]],
    ],
];
/// As for the right: left upper, lower.
const LEFT_LOBES: [[Waypoints; 2]; 2] = [
    [
        &[[36.0, 15.5, 31.7, 5.4], [44.0, 12.0, 29.0, 5.1], [52.0, 5.0, 31.0, 4.8], [57.0, 0.0, 35.0, 4.6]],
        &[[43.0, 2.0, 47.0, 7.0], [53.0, -4.0, 48.0, 6.4], [59.0, -7.0, 46.0, 6.0]],
    ],
    [
        &[[36.0, 15.6, 31.7, 5.6], [42.0, 20.0, 22.0, 5.3], [46.0, 25.5, 10.0, 5.0], [48.0, 30.0, 0.0, 4.7]],
        &[[58.0, 33.0, 8.0, 6.6], [59.5, 36.0, -1.0, 6.4]],
    ],
];
/// From the neck to the stomach.
const OESOPHAGUS: Waypoints = &[
    [4.0, 8.0, 190.0, 5.5],
    [5.0, 15.0, 140.0, 6.0],
    [7.0, 24.0, 105.0, 6.2],
    [8.0, 32.0, 75.0, 6.5],
    [5.0, 35.0, 45.0, 6.5],
    [6.0, 33.0, 10.0, 6.8],
    [10.0, 28.0, -30.0, 7.2],
    [16.0, 18.0, -62.0, 8.0],
    [28.0, 6.0, -92.0, 9.0],
];

/// What enters a lobe of the lung.
pub(crate) struct Lobe {
    pub bronchus: Path,
    pub artery: Path,
}

fn lobes<const COUNT: usize>(all: [[Waypoints; 2]; COUNT]) -> Vec<Lobe> {
    all.map(|[bronchus, artery]| Lobe { bronchus: path(bronchus), artery: path(artery) }).into()
}

/// Large vessels and airways as (centre, radius of the lumen).
pub(crate) struct GreatVessels {
    pub aorta: Path,
    pub arch_branches: Vec<Path>,
    pub pulmonary: Vec<Path>,
    pub pulmonary_veins: Vec<Path>,
    pub superior_cava: Path,
    pub head_veins: Vec<Path>,
    pub inferior_cava: Path,
    pub azygos: Path,
    pub coronaries: Vec<Path>,
    pub trachea: Path,
    pub main_bronchi: [Path; 2],
    /// Of the right lung from the top: upper, middle, lower; of the left: upper, lower.
    pub lobes: [Vec<Lobe>; 2],
    pub oesophagus: Path,
}

impl GreatVessels {
    pub(crate) fn new() -> Self {
        Self {
            aorta: path(AORTA),
            arch_branches: ARCH_BRANCHES.map(path).to_vec(),
            pulmonary: PULMONARY.map(path).to_vec(),
            pulmonary_veins: PULMONARY_VEINS.map(path).to_vec(),
            superior_cava: path(SUPERIOR_CAVA),
            head_veins: HEAD_VEINS.map(path).to_vec(),
            inferior_cava: path(INFERIOR_CAVA),
            azygos: path(AZYGOS),
            coronaries: CORONARIES.map(path).to_vec(),
            trachea: path(TRACHEA),
            main_bronchi: MAIN_BRONCHI.map(path),
            lobes: [lobes(RIGHT_LOBES), lobes(LEFT_LOBES)],
            oesophagus: path(OESOPHAGUS),
        }
    }

    /// Every tube that pushes the lung aside, with a little room around it.
    pub(crate) fn all_outer(&self) -> Vec<Capsule> {
        let mut out = Vec::new();
        let mut add = |p: &Path, extra: f32| out.extend(tube(p, 6.0, extra));
        add(&self.aorta, 2.6);
        add(&self.superior_cava, 2.4);
        add(&self.inferior_cava, 2.0);
        add(&self.azygos, 2.0);
        add(&self.trachea, 3.2);
        add(&self.oesophagus, 2.2);
        for p in &self.pulmonary_veins {
            add(&p[..2].to_vec(), 1.5);
        }
        add(&self.pulmonary[0], 2.0);
        for p in &self.main_bronchi {
            add(p, 2.6);
        }
        // Towards the lobes the fat around them thins out to nothing.
        for p in &self.pulmonary[1..] {
            add(&thinning(p, 2.0), 0.0);
        }
        for lobe in self.lobes.iter().flatten() {
            add(&thinning(&lobe.bronchus, 2.6), 0.0);
            add(&thinning(&lobe.artery, 1.0), 0.0);
        }
        for p in self.arch_branches.iter().chain(&self.head_veins) {
            let inner: Path = p.iter().copied().filter(|(at, _)| at.x.abs() < 50.0).collect();
            add(&inner, 3.0);
        }
        out
    }
}

/// A path enlarged by `extra_mm` at its start and narrowed by as much at its end.
fn thinning(path: &Path, extra_mm: f32) -> Path {
    let last = (path.len() - 1).max(1) as f32;
    let extra = |index: usize| extra_mm * (1.0 - 2.0 * index as f32 / last);
    path.iter().enumerate().map(|(index, (at, radius))| (*at, radius + extra(index))).collect()
}
