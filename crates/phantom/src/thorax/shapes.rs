//! Signed distances in millimetres, negative inside.

use glam::{Mat3, Vec3};

/// An axis-aligned box in patient millimetres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub min: Vec3,
    pub max: Vec3,
}

impl Bounds {
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.min.cmple(other.max).all() && other.min.cmple(self.max).all()
    }

    pub(crate) fn joined(&self, other: &Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    pub(crate) fn grown(&self, by_mm: f32) -> Self {
        Self { min: self.min - by_mm, max: self.max + by_mm }
    }
}

/// Joins two distances with a fillet of about `fillet_mm`; equal to the smaller one where they differ by more.
pub(crate) fn smooth_min(a: f32, b: f32, fillet_mm: f32) -> f32 {
    let overlap = (fillet_mm - (a - b).abs()).max(0.0) / fillet_mm;
    a.min(b) - overlap * overlap * fillet_mm * 0.25
}

/// Intersects two distances with a rounded edge.
pub(crate) fn smooth_max(a: f32, b: f32, fillet_mm: f32) -> f32 {
    -smooth_min(-a, -b, fillet_mm)
}

/// Rises smoothly from 0 at `from` to 1 at `to`.
pub(crate) fn smooth_step(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// One inside `from..to`, falling smoothly to zero over `soft` on the inner side of both ends.
pub(crate) fn plateau(from: f32, to: f32, soft: f32, value: f32) -> f32 {
    smooth_step(from, from + soft, value) * smooth_step(to, to - soft, value)
}

/// Interpolates a table of (position, value) with Catmull-Rom tangents; constant beyond its ends.
pub(crate) fn profile(table: &[(f32, f32)], at: f32) -> f32 {
    let (Some(first), Some(last)) = (table.first(), table.last()) else { return 0.0 };
    if at <= first.0 {
        return first.1;
    }
    if at >= last.0 {
        return last.1;
    }
    let upper = table.partition_point(|point| point.0 <= at);
    let (p1, p2) = (table[upper - 1], table[upper]);
    let slope = |a: (f32, f32), b: (f32, f32)| (b.1 - a.1) / (b.0 - a.0);
    let m1 = if upper >= 2 { slope(table[upper - 2], p2) } else { slope(p1, p2) };
    let m2 = table.get(upper + 1).map_or_else(|| slope(p1, p2), |p3| slope(p1, *p3));
    let span = p2.0 - p1.0;
    let t = (at - p1.0) / span;
    let (t2, t3) = (t * t, t * t * t);
    p1.1 * (2.0 * t3 - 3.0 * t2 + 1.0)
        + p2.1 * (3.0 * t2 - 2.0 * t3)
        + (m1 * (t3 - 2.0 * t2 + t) + m2 * (t3 - t2)) * span
}

/// The hypotenuse, without the care for overflow that makes `hypot` slow.
pub(crate) fn length(a: f32, b: f32) -> f32 {
    (a * a + b * b).sqrt()
}

/// First-order distance to an ellipse (half axes `a`, `b`) in its plane; inside, never more than the depth along the
/// shorter axis, so that the middle of a flat section is no deeper than it is thick.
pub(crate) fn ellipse(u: f32, v: f32, a: f32, b: f32) -> f32 {
    let (u_scaled, v_scaled) = (u / a, v / b);
    let scaled = length(u_scaled, v_scaled);
    if scaled >= 1.0 {
        return scaled * (scaled - 1.0) / length(u_scaled / a, v_scaled / b);
    }
    let (half, across, along) = if a < b { (a, u, v_scaled) } else { (b, v, u_scaled) };
    let depth = half * (1.0 - along * along).sqrt() - across.abs();
    let gradient = length(u_scaled / a, v_scaled / b).max(1e-6);
    (scaled * (scaled - 1.0) / gradient).max(-depth)
}

/// A rounded cone: a segment with a radius at each end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capsule {
    pub a: Vec3,
    pub b: Vec3,
    pub radius_a: f32,
    pub radius_b: f32,
}

impl Capsule {
    pub(crate) const fn new(a: Vec3, b: Vec3, radius_a: f32, radius_b: f32) -> Self {
        Self { a, b, radius_a, radius_b }
    }

    pub(crate) fn distance(&self, p: Vec3) -> f32 {
        let (off, radius) = self.off_axis(p);
        off.length() - radius
    }

    /// From the nearest point of the axis to `p`, and the radius there.
    pub(crate) fn off_axis(&self, p: Vec3) -> (Vec3, f32) {
        let axis = self.b - self.a;
        let from_a = p - self.a;
        let t = (from_a.dot(axis) / axis.length_squared().max(1e-6)).clamp(0.0, 1.0);
        (from_a - axis * t, self.radius_a + (self.radius_b - self.radius_a) * t)
    }

    /// As [`Self::distance`], measured to the smooth hull of the two ends however much their radii differ.
    pub(crate) fn hull_distance(&self, p: Vec3) -> f32 {
        let axis = self.b - self.a;
        let length = axis.length().max(1e-3);
        let slope = ((self.radius_a - self.radius_b) / length).clamp(-0.9, 0.9);
        let from_a = p - self.a;
        let along = from_a.dot(axis) / length;
        let across = (from_a - axis * (along / length)).length();
        // The hull's normal leans towards the thinner end, so the foot of the perpendicular lies nearer the thicker.
        let t = ((along - across * slope / (1.0 - slope * slope).sqrt()) / length).clamp(0.0, 1.0);
        (from_a - axis * t).length() - (self.radius_a + (self.radius_b - self.radius_a) * t)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let radius = self.radius_a.max(self.radius_b);
        Bounds { min: self.a.min(self.b) - radius, max: self.a.max(self.b) + radius }
    }
}

/// A piece of a round rod along a cubic curve; pieces of one [`smooth_path`] meet without a kink.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arc {
    /// Coefficients of the powers of the parameter, 0 to 3: of the place, and of the radius.
    place: [Vec3; 4],
    radius: [f32; 4],
}

impl Arc {
    /// From `knots[1]` to `knots[2]`; the outer two give the tangents.
    fn new(knots: [(Vec3, f32); 4]) -> Self {
        let [p0, p1, p2, p3] = knots.map(|knot| knot.0.extend(knot.1));
        let (m1, m2) = ((p2 - p0) * 0.5, (p3 - p1) * 0.5);
        let powers = [p1, m1, (p2 - p1) * 3.0 - m1 * 2.0 - m2, (p1 - p2) * 2.0 + m1 + m2];
        Self { place: powers.map(glam::Vec4::truncate), radius: powers.map(|power| power.w) }
    }

    fn at(&self, t: f32) -> Vec3 {
        let [a, b, c, d] = self.place;
        a + (b + (c + d * t) * t) * t
    }

    fn velocity(&self, t: f32) -> Vec3 {
        let [_, b, c, d] = self.place;
        b + (c * 2.0 + d * (3.0 * t)) * t
    }

    pub(crate) fn distance(&self, p: Vec3) -> f32 {
        let chord = self.at(1.0) - self.at(0.0);
        let mut t = ((p - self.at(0.0)).dot(chord) / chord.length_squared().max(1e-6)).clamp(0.0, 1.0);
        for _ in 0..2 {
            let velocity = self.velocity(t);
            t = (t + (p - self.at(t)).dot(velocity) / velocity.length_squared().max(1e-6)).clamp(0.0, 1.0);
        }
        let [a, b, c, d] = self.radius;
        let slope = (b + (c * 2.0 + d * (3.0 * t)) * t) / self.velocity(t).length().max(1e-3);
        ((p - self.at(t)).length() - (a + (b + (c + d * t) * t) * t)) / length(1.0, slope)
    }

    pub(crate) fn bounds(&self) -> Bounds {
        let [a, b, c, d] = self.radius;
        let radius = a.max(a + b + c + d) + 0.5;
        Capsule::new(self.at(0.0), self.at(1.0), radius, radius).bounds().grown(1.0)
    }
}

/// The curve of [`smooth_path`] through (point, radius) as one smooth rod.
pub(crate) fn rod(points: &[(Vec3, f32)]) -> Vec<Arc> {
    let path = smooth_path(points, 8.0);
    let at = |index: usize| path[index.min(path.len() - 1)];
    (1..path.len())
        .map(|index| Arc::new([at(index.saturating_sub(2)), at(index - 1), at(index), at(index + 1)]))
        .collect()
}

/// An ellipsoid with its own axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ellipsoid {
    center: Vec3,
    local_from_patient: Mat3,
    half: Vec3,
}

impl Ellipsoid {
    /// Half axes along x, y and z.
    pub(crate) const fn upright(center: Vec3, half: Vec3) -> Self {
        Self { center, local_from_patient: Mat3::IDENTITY, half }
    }

    /// Half axis `half.x` along `long`, `half.y` across it in the axial plane, `half.z` across both.
    pub(crate) fn along(center: Vec3, long: Vec3, half: Vec3) -> Self {
        let x = long.normalize();
        let y = Vec3::Z.cross(x).normalize();
        let patient_from_local = Mat3::from_cols(x, y, x.cross(y));
        Self { center, local_from_patient: patient_from_local.transpose(), half }
    }

    pub(crate) fn distance(&self, p: Vec3) -> f32 {
        let q = self.local_from_patient * (p - self.center);
        let scaled = (q / self.half).length();
        let gradient = (q / (self.half * self.half)).length();
        if gradient < 1e-6 { -self.half.min_element() } else { scaled * (scaled - 1.0) / gradient }
    }
}

/// Samples a Catmull-Rom curve through (point, radius) every `step_mm` or closer.
pub(crate) fn smooth_path(points: &[(Vec3, f32)], step_mm: f32) -> Vec<(Vec3, f32)> {
    let mut path = Vec::new();
    for index in 1..points.len() {
        let (p1, p2) = (points[index - 1], points[index]);
        let p0 = if index >= 2 { points[index - 2] } else { p1 };
        let p3 = points.get(index + 1).copied().unwrap_or(p2);
        let pieces = ((p2.0 - p1.0).length() / step_mm).ceil().max(1.0) as usize;
        for piece in 0..pieces {
            let t = piece as f32 / pieces as f32;
            let (t2, t3) = (t * t, t * t * t);
            let m1 = (p2.0 - p0.0) * 0.5;
            let m2 = (p3.0 - p1.0) * 0.5;
            let (ahead, behind) = (3.0 * t2 - 2.0 * t3, 2.0 * t3 - 3.0 * t2 + 1.0);
            let point = p1.0 * behind + p2.0 * ahead + m1 * (t3 - 2.0 * t2 + t) + m2 * (t3 - t2);
            path.push((point, p1.1 * behind + p2.1 * ahead));
        }
    }
    path.extend(points.last());
    path
}

/// The curve of [`smooth_path`] as capsules, every radius enlarged by `extra_mm`.
pub(crate) fn tube(points: &[(Vec3, f32)], step_mm: f32, extra_mm: f32) -> Vec<Capsule> {
    let path = smooth_path(points, step_mm);
    path.windows(2)
        .map(|pair| Capsule::new(pair[0].0, pair[1].0, pair[0].1 + extra_mm, pair[1].1 + extra_mm))
        .collect()
}

/// Which items may touch a box: a regular grid of lists.
pub(crate) struct Bins {
    origin: Vec3,
    cell_mm: f32,
    shape: [usize; 3],
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Bins {
    pub(crate) fn new(boxes: &[Bounds], cell_mm: f32) -> Self {
        let start = Bounds { min: Vec3::splat(f32::MAX), max: Vec3::splat(f32::MIN) };
        let all =
            boxes.iter().fold(start, |all, b| Bounds { min: all.min.min(b.min), max: all.max.max(b.max) });
        let extent = ((all.max - all.min).max(Vec3::ZERO) / cell_mm).floor();
        let shape = extent.to_array().map(|cells| cells as usize + 1);
        let mut bins = Self { origin: all.min, cell_mm, shape, starts: Vec::new(), items: Vec::new() };
        let cells = shape.iter().product::<usize>();
        let mut counts = vec![0_u32; cells + 1];
        for b in boxes {
            bins.for_cells(b, |cell| counts[cell + 1] += 1);
        }
        for cell in 0..cells {
            counts[cell + 1] += counts[cell];
        }
        let mut next = counts.clone();
        bins.items = vec![0; counts[cells] as usize];
        let mut items = std::mem::take(&mut bins.items);
        for (item, b) in boxes.iter().enumerate() {
            bins.for_cells(b, |cell| {
                items[next[cell] as usize] = item as u32;
                next[cell] += 1;
            });
        }
        bins.items = items;
        bins.starts = counts;
        bins
    }

    fn for_cells(&self, b: &Bounds, mut visit: impl FnMut(usize)) {
        let low = (b.min - self.origin) / self.cell_mm;
        let high = (b.max - self.origin) / self.cell_mm;
        let range = |axis: usize| {
            let end = |cell: f32| (cell.floor() + 1.0).clamp(0.0, self.shape[axis] as f32) as usize;
            end(low[axis] - 1.0)..end(high[axis])
        };
        for z in range(2) {
            for y in range(1) {
                for x in range(0) {
                    visit((z * self.shape[1] + y) * self.shape[0] + x);
                }
            }
        }
    }

    /// Puts into `found` each item that may touch `b`, in order, once.
    pub(crate) fn query(&self, b: &Bounds, found: &mut Vec<u32>) {
        found.clear();
        self.for_cells(b, |cell| {
            found.extend_from_slice(&self.items[self.starts[cell] as usize..self.starts[cell + 1] as usize]);
        });
        found.sort_unstable();
        found.dedup();
    }
}

/// Many capsules of one tissue, found by place.
pub(crate) struct Tubes {
    pub capsules: Vec<Capsule>,
    boxes: Vec<Bounds>,
    bins: Bins,
}

impl Tubes {
    pub(crate) fn new(capsules: Vec<Capsule>) -> Self {
        let boxes: Vec<Bounds> = capsules.iter().map(|c| c.bounds().grown(1.0)).collect();
        let bins = Bins::new(&boxes, 8.0);
        Self { capsules, boxes, bins }
    }

    /// Puts the capsules whose box touches `b` into `near`.
    pub(crate) fn near(&self, b: &Bounds, found: &mut Vec<u32>, near: &mut Vec<Capsule>) {
        near.clear();
        if self.capsules.is_empty() {
            return;
        }
        self.bins.query(b, found);
        near.extend(
            found
                .iter()
                .map(|item| *item as usize)
                .filter(|item| self.boxes[*item].touches(b))
                .map(|item| self.capsules[item]),
        );
    }
}
