//! Ribs with their cartilage, sternum, shoulder girdle, and the spine as one set of bones.

use super::block::Block;
use super::shapes::{
    Arc, Bins, Bounds, Capsule, ellipse, length, profile, rod, smooth_max, smooth_min, smooth_step,
};
use super::spine::{Vertebra, body_half, column_centre, thoracic_centre_mm, vertebrae};
use super::wall::{CAGE_MM, SUBSCAPULAR, Wall, front_mm};
use glam::{Vec2, Vec3};

/// What fills a bone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BoneKind {
    /// Ribs and flat bones: a thin cortex.
    Flat,
    /// Vertebrae: a thin shell around dense spongy bone.
    Vertebra,
    /// Humerus and clavicle: a thick cortex along the shaft, which runs between these points; at the ends it marches
    /// out into a thin shell around spongy bone.
    Long { shaft: [Vec3; 2] },
}

impl BoneKind {
    /// How much of an end of a long bone `p` belongs to: 0 on the shaft, 1 well beyond it.
    pub(crate) fn end_share(self, p: Vec3) -> f32 {
        let Self::Long { shaft: [a, b] } = self else { return 0.0 };
        let length = (b - a).length();
        let along = (p - a).dot(b - a) / length;
        smooth_step(0.0, 26.0, (-along).max(along - length))
    }
}

/// A segment with an elliptic section: half `thick` along `normal`, half `tall` across it.
#[derive(Clone, Copy, Debug)]
struct Station {
    at: Vec3,
    normal: Vec3,
    thick: f32,
    tall: f32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Slat {
    from: Station,
    to: Station,
}

impl Slat {
    fn distance(&self, p: Vec3) -> f32 {
        const ROUNDING_MM: f32 = 3.4;
        let axis = self.to.at - self.from.at;
        let offset = p - self.from.at;
        let along = offset.dot(axis) / axis.length_squared().max(1e-6);
        let t = along.clamp(0.0, 1.0);
        let widest = self.from.thick.max(self.from.tall).max(self.to.thick.max(self.to.tall));
        let clearance = (offset - axis * t).length() - widest;
        if clearance > 2.5 {
            return clearance;
        }
        let mix = |a: f32, b: f32| a + (b - a) * t;
        let normal = self.from.normal.lerp(self.to.normal, t);
        let tangent = axis.normalize_or(Vec3::Z);
        let normal = (normal - tangent * normal.dot(tangent)).normalize_or(Vec3::Y);
        let rest = offset - axis * along;
        let (u, v) = (rest.dot(normal), rest.dot(tangent.cross(normal)));
        let around = ellipse(u, v, mix(self.from.thick, self.to.thick), mix(self.from.tall, self.to.tall));
        let beyond = (along - t).abs() * axis.length();
        if beyond == 0.0 { around } else { length((around + ROUNDING_MM).max(0.0), beyond) - ROUNDING_MM }
    }

    fn bounds(&self) -> Bounds {
        let reach =
            [self.from.thick, self.from.tall, self.to.thick, self.to.tall].into_iter().fold(0.0, f32::max);
        Capsule::new(self.from.at, self.to.at, reach, reach).bounds()
    }
}

/// The blade of a scapula: a thin triangle that follows the muscles on the cage.
struct Blade {
    across: Vec2,
    corners: [Vec2; 3],
    bounds: Bounds,
}

impl Blade {
    fn new(wall: &Wall, side: f32) -> Self {
        let corners = [(143.0, 100.0), (126.0, -18.0), (98.0, 90.0)]
            .map(|(phi, z)| wall.point(phi, side, z, CAGE_MM + 12.0));
        let across = Vec2::new(0.74 * side, -0.67);
        let flat = corners.map(|p| Vec2::new(p.truncate().dot(across), p.z));
        let [a, b, c] = corners;
        let bounds = Bounds { min: a.min(b).min(c), max: a.max(b).max(c) }.grown(22.0);
        Self { across, corners: flat, bounds }
    }

    fn distance(&self, wall: &Wall, p: Vec3) -> f32 {
        let at = Vec2::new(p.truncate().dot(self.across), p.z);
        let [superior, inferior, lateral] = self.corners;
        let rounded = triangle_distance(at, [superior, inferior, lateral]) - 5.0;
        if rounded > 5.0 {
            return rounded;
        }
        let sample = wall.sample(p);
        let height = sample.cage - CAGE_MM - sample.layers[SUBSCAPULAR] - 1.5;
        let rim = smooth_step(11.0, 1.0, line_distance(at, inferior, lateral));
        let edge = smooth_step(5.0, 0.0, -rounded);
        smooth_max(height.abs() - (1.5 + 3.2 * rim + 0.7 * edge), rounded, 2.0)
    }
}

fn line_distance(p: Vec2, a: Vec2, b: Vec2) -> f32 {
    let axis = b - a;
    let t = ((p - a).dot(axis) / axis.length_squared()).clamp(0.0, 1.0);
    (p - a - axis * t).length()
}

fn triangle_distance(p: Vec2, [a, b, c]: [Vec2; 3]) -> f32 {
    let edges = [(a, b), (b, c), (c, a)];
    let turn = (b - a).perp_dot(c - a).signum();
    let inside = edges.iter().all(|(from, to)| (*to - *from).perp_dot(p - *from) * turn >= 0.0);
    let nearest = edges.iter().map(|(from, to)| line_distance(p, *from, *to)).fold(f32::MAX, f32::min);
    if inside { -nearest } else { nearest }
}

enum Piece {
    Slat(Slat),
    Arc(Arc),
    /// Rods that flow into one another.
    Joined(Vec<Capsule>),
    Blade(Blade),
    Vertebra(Box<Vertebra>),
}

impl Piece {
    fn bounds(&self) -> Bounds {
        match self {
            Self::Slat(slat) => slat.bounds(),
            Self::Arc(arc) => arc.bounds(),
            Self::Joined(rods) => {
                let start = Bounds { min: Vec3::splat(f32::MAX), max: Vec3::splat(f32::MIN) };
                rods.iter().map(Capsule::bounds).fold(start, |all, b| all.joined(&b)).grown(2.0)
            }
            Self::Blade(blade) => blade.bounds,
            Self::Vertebra(vertebra) => vertebra.bounds(),
        }
    }

    fn distance(&self, wall: &Wall, p: Vec3) -> f32 {
        match self {
            Self::Slat(slat) => slat.distance(p),
            Self::Arc(arc) => arc.distance(p),
            Self::Joined(rods) => rods.iter().fold(1e3, |d, rod| smooth_min(d, rod.hull_distance(p), 10.0)),
            Self::Blade(blade) => blade.distance(wall, p),
            Self::Vertebra(vertebra) => vertebra.distance(p),
        }
    }
}

/// A piece of a bone, hollowed where another bone or a notch lies.
struct Part {
    piece: Piece,
    kind: BoneKind,
    /// Of a scapula: which of its [`STRANDS`].
    strand: usize,
    hollows: Vec<Capsule>,
}

/// Parts that flow into one another: blade, spine with acromion, neck with glenoid, coracoid. Strand 0 stands alone.
const STRANDS: usize = 5;
const BLADE: usize = 1;
const SPINE: usize = 2;
const NECK: usize = 3;
const CORACOID: usize = 4;

impl Part {
    const fn new(piece: Piece, kind: BoneKind) -> Self {
        Self { piece, kind, strand: 0, hollows: Vec::new() }
    }

    fn distance(&self, wall: &Wall, p: Vec3) -> f32 {
        self.hollows.iter().fold(self.piece.distance(wall, p), |d, h| smooth_max(d, -h.distance(p), 4.0))
    }
}

pub(crate) struct Skeleton {
    parts: Vec<Part>,
    boxes: Vec<Bounds>,
    bins: Bins,
    /// Cartilage from the ribs to the sternum.
    pub cartilage: Vec<Capsule>,
}

impl Skeleton {
    pub(crate) fn new(wall: &Wall) -> Self {
        let mut parts: Vec<Part> = vertebrae()
            .into_iter()
            .map(|v| Part::new(Piece::Vertebra(Box::new(v)), BoneKind::Vertebra))
            .collect();
        let mut cartilage = Vec::new();
        for side in [-1.0, 1.0] {
            for number in 1..=12 {
                let rib = rib_stations(wall, number, side);
                if let Some(end) = rib.last() {
                    cartilage.extend(rib_cartilage(number, side, end.at));
                }
                parts.extend(slats(&rib).map(|slat| Part::new(Piece::Slat(slat), BoneKind::Flat)));
            }
            parts.extend(shoulder(wall, side));
        }
        let hollows = vec![JUGULAR_NOTCH, medial_end(-1.0, JOINT_MM), medial_end(1.0, JOINT_MM)];
        parts.extend(sternum().into_iter().map(|slat| Part {
            piece: Piece::Slat(slat),
            kind: BoneKind::Flat,
            strand: 0,
            hollows: if slat.from.at.z > 80.0 { hollows.clone() } else { Vec::new() },
        }));
        let boxes: Vec<Bounds> = parts.iter().map(|part| part.piece.bounds().grown(1.5)).collect();
        let bins = Bins::new(&boxes, 16.0);
        Self { parts, boxes, bins, cartilage }
    }

    /// Puts into `found` the indices of the pieces that may reach a block around `centre`.
    pub(crate) fn near(&self, wall: &Wall, block: &Block, found: &mut Vec<u32>) {
        self.bins.query(&block.bounds, found);
        found.retain(|item| {
            let touches = self.boxes[*item as usize].touches(&block.bounds);
            touches && !block.misses(self.parts[*item as usize].piece.distance(wall, block.centre))
        });
    }

    /// Distance to bone among the pieces `near`, and what kind of bone is nearest.
    pub(crate) fn distance(&self, wall: &Wall, near: &[u32], p: Vec3) -> (f32, BoneKind) {
        let mut nearest = (f32::MAX, BoneKind::Flat);
        let mut strands = [f32::MAX; STRANDS];
        for item in near {
            let part = &self.parts[*item as usize];
            let d = part.distance(wall, p);
            if part.strand > 0 {
                strands[part.strand] = strands[part.strand].min(d);
            } else if d < nearest.0 {
                nearest = (d, part.kind);
            }
        }
        let scapula = strands[1..].iter().fold(f32::MAX, |d, strand| smooth_min(d, *strand, 5.0));
        if scapula < nearest.0 {
            nearest = (scapula, BoneKind::Flat);
        }
        nearest
    }
}

fn slats(stations: &[Station]) -> impl Iterator<Item = Slat> {
    stations.windows(2).map(|pair| Slat { from: pair[0], to: pair[1] })
}

/// How far each rib comes forward (degrees from the front) and how much its front end lies below its head.
const RIBS: [(f32, f32); 12] = [
    (32.0, 32.0),
    (25.0, 48.0),
    (25.0, 58.0),
    (27.0, 69.0),
    (31.0, 80.0),
    (36.0, 89.0),
    (42.0, 95.0),
    (50.0, 96.0),
    (58.0, 92.0),
    (70.0, 83.0),
    (103.0, 52.0),
    (132.0, 30.0),
];

/// Rib `number` (1 to 12) from its head at the vertebra, over the angle, to its front end.
fn rib_stations(wall: &Wall, number: usize, side: f32) -> Vec<Station> {
    let (front_deg, drop_mm) = RIBS[number - 1];
    let centre_z = thoracic_centre_mm(number);
    let head_z = centre_z + if number == 1 || number > 10 { 2.0 } else { 8.0 };
    let vertebra = column_centre(centre_z);
    let (width, depth) = body_half(centre_z);
    let at = |x: f32, y: f32, z: f32| Vec3::new(vertebra.x + side * x, y, z);
    let mut points = vec![
        (at(width * 0.97, vertebra.y + depth * 0.55, head_z), 4.6, 4.6),
        (at(width + 9.0, vertebra.y + depth + 11.0, head_z - 0.5), 3.4, 4.4),
        (at(width + 17.0, vertebra.y + depth + 19.0, head_z - 2.5), 4.4, 5.4),
    ];
    let back_deg = if number <= 2 { 128.0 } else { 147.0 };
    let steps = 44;
    for step in 0..=steps {
        let t = step as f32 / steps as f32;
        let phi = back_deg + (front_deg - back_deg) * t;
        let run = (back_deg - phi) / (150.0 - front_deg).max(30.0);
        let slope = 0.35 * run + 0.65 * smooth_step(-0.15, 1.1, run);
        let wobble = 1.2 * (number as f32 * 1.7 + side + t * 7.0).sin();
        let z = head_z - 4.0 - (drop_mm - 4.0) * slope + wobble;
        let point = wall.point(phi, side, z, CAGE_MM * 0.5 + 0.2);
        let tall = profile(&[(0.0, 5.4), (0.25, 6.2), (0.7, 6.6), (1.0, 7.2)], t);
        let (thick, tall) = match number {
            1 => (6.8, 3.6),
            // These end free, in a point.
            11 | 12 => (4.0 - 1.0 * t, tall - (tall - 3.2) * smooth_step(0.3, 1.0, t)),
            _ => (4.3, tall),
        };
        points.push((point, thick, tall));
    }
    let path: Vec<(Vec3, f32)> = points.iter().map(|(p, _, tall)| (*p, *tall)).collect();
    let thicks: Vec<(Vec3, f32)> = points.iter().map(|(p, thick, _)| (*p, *thick)).collect();
    let tapered = super::shapes::smooth_path(&path, 4.0);
    let thick = super::shapes::smooth_path(&thicks, 4.0);
    tapered
        .iter()
        .zip(&thick)
        .map(|((point, tall), (_, thick))| Station {
            at: *point,
            normal: if number == 1 {
                wall.normal(*point).with_z(0.0).normalize_or(Vec3::Y)
            } else {
                wall.normal(*point)
            },
            thick: *thick,
            tall: *tall,
        })
        .collect()
}

/// From the front end of a rib to the sternum (1 to 7), or up to the cartilage above (8 to 10).
fn rib_cartilage(number: usize, side: f32, end: Vec3) -> Vec<Capsule> {
    const JOINTS_MM: [f32; 10] = [92.0, 57.0, 37.0, 20.0, 5.0, -8.0, -19.0, -37.0, -62.0, -86.0];
    const REACH_MM: [f32; 10] = [24.0, 17.0, 17.0, 18.0, 20.0, 20.0, 18.0, 33.0, 52.0, 72.0];
    if number > 10 {
        return Vec::new();
    }
    let (z, x) = (JOINTS_MM[number - 1], REACH_MM[number - 1]);
    let on_front = |x: f32, z: f32| {
        let depth = front_mm(z);
        let width = 131.0;
        let y = -depth * (1.0 - (x / width).powf(2.25)).max(0.0).powf(1.0 / 2.25) - CAGE_MM * 0.55;
        Vec3::new(side * x, y, z)
    };
    let joint = on_front(x, z);
    let middle_x = x + (end.x.abs() - x) * 0.55;
    let middle = on_front(middle_x, end.z + (z - end.z) * 0.28);
    super::shapes::tube(&[(end, 5.4), (middle, 5.2), (joint, 4.6)], 4.0, 0.0)
}

fn sternum() -> Vec<Slat> {
    // height, half width
    const WIDTHS: [(f32, f32); 14] = [
        (-68.0, 2.5),
        (-62.0, 5.0),
        (-50.0, 6.5),
        (-42.0, 9.0),
        (-36.0, 16.0),
        (-16.0, 20.0),
        (10.0, 18.0),
        (36.0, 15.5),
        (51.0, 16.5),
        (56.5, 17.0),
        (70.0, 21.0),
        (84.0, 28.0),
        (94.0, 31.0),
        (101.0, 24.0),
    ];
    let station = |z: f32| Station {
        at: Vec3::new(0.6, -front_mm(z) - 5.5, z),
        normal: -Vec3::Y,
        thick: profile(&[(53.0, 5.2), (62.0, 5.6), (76.0, 6.4)], z),
        tall: profile(&WIDTHS, z),
    };
    let piece = |from: f32, to: f32| {
        let steps = 10;
        let stations: Vec<Station> =
            (0..=steps).map(|step| station(from + (to - from) * step as f32 / steps as f32)).collect();
        slats(&stations).collect::<Vec<_>>()
    };
    [piece(98.6, 60.2), piece(51.0, -35.4), piece(-43.8, -65.0)].concat()
}

/// Width of the gap that cartilage leaves between bones.
const JOINT_MM: f32 = 2.6;
/// The dip in the upper edge of the sternum.
const JUGULAR_NOTCH: Capsule =
    Capsule::new(Vec3::new(0.6, -100.0, 112.0), Vec3::new(0.6, -20.0, 112.0), 15.0, 15.0);

/// The end of the clavicle at the sternum.
fn medial_end(side: f32, extra_mm: f32) -> Capsule {
    let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
    Capsule::new(at(21.0, -61.0, 103.0), at(38.0, -62.0, 108.5), 8.6 + extra_mm, 6.8 + extra_mm)
}

/// Head, tubercle and shaft of the humerus of a raised arm, the head first.
fn humerus(side: f32) -> Vec<Capsule> {
    let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
    let neck = at(142.5, 2.0, 170.0);
    vec![
        Capsule::new(at(130.5, 9.0, 126.0), at(131.0, 9.0, 127.0), 21.5, 21.5),
        Capsule::new(at(139.0, 5.0, 137.0), neck, 16.5, 11.5),
        Capsule::new(neck, at(147.0, -3.0, 240.0), 11.5, 11.0),
    ]
}

fn shoulder(wall: &Wall, side: f32) -> Vec<Part> {
    let at = |x: f32, y: f32, z: f32| Vec3::new(side * x, y, z);
    let blade = Piece::Blade(Blade::new(wall, side));
    let mut parts = vec![Part { strand: BLADE, ..Part::new(blade, BoneKind::Flat) }];
    let humerus = humerus(side);
    let mut socket = humerus[0];
    (socket.radius_a, socket.radius_b) = (socket.radius_a + JOINT_MM, socket.radius_b + JOINT_MM);
    let mut rods = |points: &[(Vec3, f32)], kind: BoneKind, strand: usize| {
        let part = |arc| Part { piece: Piece::Arc(arc), kind, strand, hollows: vec![socket] };
        parts.extend(rod(points).into_iter().map(part));
    };
    let lift = 1.5 * side;
    let medial = medial_end(side, 0.0);
    rods(
        &[
            (medial.a, medial.radius_a),
            (medial.b + Vec3::Z * lift, medial.radius_b),
            (at(58.0, -56.0, 115.0 + lift), 6.0),
            (at(86.0, -33.0, 126.0 + lift), 5.4),
            (at(104.0, -6.0, 138.0), 5.8),
            (at(109.0, 13.0, 147.0), 6.6),
        ],
        BoneKind::Long { shaft: [at(44.0, -60.0, 110.0), at(90.0, -28.0, 129.0)] },
        0,
    );
    // Neck and glenoid, then the coracoid.
    let lateral = wall.point(106.0, side, 86.0, CAGE_MM + 13.0);
    rods(
        &[(lateral, 4.0), (at(106.0, 15.0, 105.0), 9.0), (at(113.0, 13.0, 115.0), 14.0)],
        BoneKind::Flat,
        NECK,
    );
    rods(
        &[
            (at(106.0, 10.0, 108.0), 7.0),
            (at(101.0, -8.0, 121.0), 6.0),
            (at(106.0, -24.0, 120.0), 4.6),
            (at(111.0, -30.0, 115.0), 3.8),
        ],
        BoneKind::Flat,
        CORACOID,
    );
    let ridge = [
        (wall.point(146.0, side, 80.0, CAGE_MM + 14.0), 2.6, 3.0),
        (wall.point(136.0, side, 88.0, CAGE_MM + 20.0), 2.6, 8.0),
        (wall.point(122.0, side, 98.0, CAGE_MM + 26.0), 3.0, 10.0),
        (at(119.0, 46.0, 124.0), 4.2, 10.0),
        (at(126.0, 43.0, 140.0), 4.2, 10.5),
        (at(119.0, 30.0, 151.0), 3.8, 8.5),
    ];
    let middles: Vec<(Vec3, f32)> = ridge.iter().map(|(p, thick, _)| (*p, *thick)).collect();
    let widths: Vec<(Vec3, f32)> = ridge.iter().map(|(p, _, tall)| (*p, *tall)).collect();
    let stations: Vec<Station> = super::shapes::smooth_path(&middles, 5.0)
        .into_iter()
        .zip(super::shapes::smooth_path(&widths, 5.0))
        .map(|((at, thick), (_, tall))| Station {
            at,
            normal: Vec3::new(0.0, 0.45, 0.9).normalize(),
            thick,
            tall,
        })
        .collect();
    parts.extend(slats(&stations).map(|slat| Part {
        piece: Piece::Slat(slat),
        kind: BoneKind::Flat,
        strand: SPINE,
        hollows: vec![socket],
    }));
    let shaft = [at(143.0, 1.5, 174.0), at(147.0, -3.0, 240.0)];
    parts.push(Part::new(Piece::Joined(humerus), BoneKind::Long { shaft }));
    parts
}
