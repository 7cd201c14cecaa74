//! Branching trees that fill a region: airways, arteries and veins of the lungs, vessels of the liver.
//!
//! A tree grows towards a cloud of points. Each twig runs part of the way to the centre of its points; a plane through
//! that centre, along the twig, splits them between two daughters. Calibre follows the number of points served, so
//! branches taper as flow divides.

use super::noise::Sequence;
use super::shapes::Capsule;
use glam::Vec3;

/// One branch: a cubic curve from `start` to `end`, serving `flow` of the tree's points.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Twig {
    start: Vec3,
    leave: Vec3,
    end: Vec3,
    arrive: Vec3,
    /// Share of the whole tree that the twig before this one serves, and that this one serves.
    shares: [f32; 2],
    /// Where a companion runs beside the twig, at its start and its end: across the twig, of unit length.
    beside: [Vec3; 2],
}

/// Where a tree begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root {
    pub at: Vec3,
    pub direction: Vec3,
    /// Roughly where a companion runs beside the first twig.
    pub beside: Vec3,
    /// Share (0 to 1) of the organ's flow that the tree serves.
    pub share: f32,
}

/// Grows a tree to `points`. `clear` moves the end of a twig out of what it must not enter.
pub(crate) fn grow(root: Root, points: &mut [Vec3], seed: u64, clear: &dyn Fn(Vec3) -> Vec3) -> Vec<Twig> {
    let total = points.len() as f32 / root.share;
    let mut growth = Growth { twigs: Vec::new(), total, random: Sequence::new(seed), clear };
    let direction = root.direction.normalize_or(Vec3::Z);
    let beside = across(root.beside, direction);
    growth.branch(root.at, direction, beside, points, root.share);
    growth.twigs
}

fn across(v: Vec3, direction: Vec3) -> Vec3 {
    (v - direction * v.dot(direction)).normalize_or(direction.any_orthonormal_vector())
}

struct Growth<'a> {
    clear: &'a dyn Fn(Vec3) -> Vec3,
    twigs: Vec<Twig>,
    total: f32,
    random: Sequence,
}

impl Growth<'_> {
    fn branch(&mut self, start: Vec3, leave: Vec3, beside: Vec3, points: &mut [Vec3], before: f32) {
        if points.is_empty() {
            return;
        }
        let centre = points.iter().sum::<Vec3>() / points.len() as f32;
        let aim = centre - start;
        let share = points.len() as f32 / self.total;
        let reach = if points.len() == 1 { 0.9 } else { 0.34 + 0.14 * self.random.next() };
        let heading = (aim.normalize_or(leave) + leave * 0.55).normalize_or(leave);
        let length = (aim.length() * reach).max(0.8);
        let end = (self.clear)(start + heading * length);
        let arrive = (heading + (centre - end).normalize_or(heading) * 0.5).normalize_or(heading);
        let after = across(beside, arrive);
        self.twigs.push(Twig { start, leave, end, arrive, shares: [before, share], beside: [beside, after] });
        if points.len() == 1 {
            return;
        }
        let onward = (centre - end).normalize_or(arrive);
        let normal = widest_across(points, centre, onward, &mut self.random);
        let middle = split(points, centre, normal);
        let (left, right) = points.split_at_mut(middle);
        for side in [left, right] {
            let aim = (side.iter().sum::<Vec3>() / side.len().max(1) as f32 - end).normalize_or(arrive);
            let turned = (arrive * 0.75 + aim * 0.65).normalize_or(arrive);
            self.branch(end, turned, across(after, turned), side, share);
        }
    }
}

/// The direction across `axis` in which the points spread most, a little off at random.
fn widest_across(points: &[Vec3], centre: Vec3, axis: Vec3, random: &mut Sequence) -> Vec3 {
    let u = axis.any_orthonormal_vector();
    let v = axis.cross(u);
    let (mut uu, mut uv, mut vv) = (0.0_f32, 0.0_f32, 0.0_f32);
    for p in points {
        let (a, b) = ((*p - centre).dot(u), (*p - centre).dot(v));
        uu += a * a;
        uv += a * b;
        vv += b * b;
    }
    let angle = 0.5 * (2.0 * uv).atan2(uu - vv) + random.signed() * 0.35;
    u * angle.cos() + v * angle.sin()
}

/// Moves the points before the plane to the front; at least one stays on either side.
fn split(points: &mut [Vec3], centre: Vec3, normal: Vec3) -> usize {
    let mut front = 0;
    for index in 0..points.len() {
        if (points[index] - centre).dot(normal) < 0.0 {
            points.swap(front, index);
            front += 1;
        }
    }
    front.clamp(1, points.len() - 1)
}

/// How a tree becomes tubes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calibre {
    /// Radius of the root in mm.
    pub root_mm: f32,
    /// Twigs thinner than this are left out.
    pub least_mm: f32,
    /// Radius is proportional to share to the power 1/`law` (3 is Murray's law).
    pub law: f32,
}

impl Calibre {
    fn radius(&self, share: f32) -> f32 {
        self.root_mm * share.powf(1.0 / self.law)
    }
}

impl Twig {
    fn at(&self, t: f32) -> Vec3 {
        let third = (self.end - self.start).length() * 0.36;
        let (b, c) = (self.start + self.leave * third, self.end - self.arrive * third);
        let s = 1.0 - t;
        self.start * (s * s * s) + b * (3.0 * s * s * t) + c * (3.0 * s * t * t) + self.end * (t * t * t)
    }

    fn radii(&self, calibre: Calibre) -> [f32; 2] {
        let own = calibre.radius(self.shares[1]);
        [calibre.radius(self.shares[0]).min(own * 1.25), own]
    }

    fn capsules(&self, radii: [f32; 2], beside_mm: [f32; 2], out: &mut Vec<Capsule>) {
        let pieces = ((self.end - self.start).length() / 2.5).ceil().clamp(1.0, 12.0) as usize;
        let point = |t: f32| {
            let shift = beside_mm[0] + (beside_mm[1] - beside_mm[0]) * t;
            self.at(t) + self.beside[0].lerp(self.beside[1], t) * shift
        };
        let radius = |t: f32| radii[1] + (radii[0] - radii[1]) * (1.0 - t) * (1.0 - t);
        for piece in 0..pieces {
            let (t0, t1) = (piece as f32 / pieces as f32, (piece + 1) as f32 / pieces as f32);
            out.push(Capsule::new(point(t0), point(t1), radius(t0), radius(t1)));
        }
    }
}

/// The tree itself as tubes, each radius enlarged by `wall` of it.
pub(crate) fn tubes(twigs: &[Twig], calibre: Calibre, wall: impl Fn(f32) -> f32) -> Vec<Capsule> {
    let mut out = Vec::new();
    for twig in twigs {
        let radii = twig.radii(calibre);
        if radii[1] >= calibre.least_mm {
            twig.capsules(radii.map(|r| r + wall(r)), [0.0; 2], &mut out);
        }
    }
    out
}

/// A vessel that runs beside each airway of the tree, and goes on where the airways become invisible.
pub(crate) fn companions(twigs: &[Twig], airway: Calibre, vessel: Calibre) -> Vec<Capsule> {
    let mut out = Vec::new();
    for twig in twigs {
        let radii = twig.radii(vessel);
        if radii[1] >= vessel.least_mm {
            let room = |share: f32| airway.radius(share) * 1.3 + vessel.radius(share) + 0.5;
            twig.capsules(radii, [room(twig.shares[0]), room(twig.shares[1])], &mut out);
        }
    }
    out
}
