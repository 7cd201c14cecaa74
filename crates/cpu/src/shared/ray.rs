//! Rays through a volume, by the rules of [`RayPlan`].

use anatome_core::plan::{LensPlan, RayPlan};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::interior::Track;
use crate::lanes::{
    F32s, I32s, LANES, Mask, dot, each_axis, f32s, i32s, least, lowest, magnitude, vec3, within,
};

/// Beyond this many steps from its origin a ray has no samples: f32 could not tell them apart.
const MOST_STEPS: f32 = 1e7;

/// The lines of pixels through the scene.
#[derive(Clone, Copy)]
pub(crate) struct Lines<S: Simd> {
    /// Where t is 0, mm from the volume's centre.
    origin: [F32s<S>; 3],
    /// Unit vector away from the viewer, mm.
    pub(crate) direction: [F32s<S>; 3],
    /// The lattice position at t = 0.
    pub(crate) lattice_origin: [F32s<S>; 3],
    /// The change of lattice position for a millimetre.
    pub(crate) lattice_direction: [F32s<S>; 3],
}

impl<S: Simd> Lines<S> {
    /// The lines of pixels of the whole picture.
    #[inline(always)]
    pub(crate) fn of_pixels(simd: S, plan: &RayPlan, x: F32s<S>, y: F32s<S>) -> Self {
        let (origin, direction) = ray_of_pixel(simd, &plan.lens, x, y);
        let [a, b, c] = plan.lattice_from_relative;
        let start = each_axis(
            #[inline(always)]
            |n| (origin[0] * a[n] + origin[1] * b[n]) + origin[2] * c[n],
        );
        let along = each_axis(
            #[inline(always)]
            |n| (direction[0] * a[n] + direction[1] * b[n]) + direction[2] * c[n],
        );
        Self {
            origin,
            direction,
            lattice_origin: each_axis(
                #[inline(always)]
                |n| start[n] + plan.lattice_offset[n],
            ),
            lattice_direction: along,
        }
    }

    /// Where the volume is not hit, all of the line is its middle: no sample of it needs a look at edges.
    #[inline(always)]
    fn where_hit(self, simd: S, plan: &RayPlan, hit: Mask<S>) -> Self {
        let lattice_origin = each_axis(
            #[inline(always)]
            |n| {
                let middle = (plan.lattice_low[n] + plan.lattice_high[n]) * 0.5;
                hit.select(self.lattice_origin[n], f32s(simd, middle))
            },
        );
        let lattice_direction = each_axis(
            #[inline(always)]
            |n| hit.select(self.lattice_direction[n], f32s(simd, 0.0)),
        );
        Self { lattice_origin, lattice_direction, ..self }
    }
}

/// Parts of lines, mm, and the number of the face through which each begins; -1 for none.
struct Spans<S: Simd> {
    t_in: F32s<S>,
    t_out: F32s<S>,
    face: I32s<S>,
}

/// The parts of pixels' lines that lie inside the volume and all half-spaces.
#[derive(Clone, Copy)]
pub(crate) struct Rays<S: Simd> {
    /// Which pixels have one.
    pub(crate) hit: Mask<S>,
    /// The lines.
    pub(crate) lines: Lines<S>,
    /// Where they enter, mm.
    pub(crate) t_in: F32s<S>,
    /// Where they leave, mm.
    t_out: F32s<S>,
    /// Between which two distances all are inside.
    within: (f32, f32),
    /// Of the faces through which they enter, the unit normals; zero for those that begin inside.
    pub(crate) face: [F32s<S>; 3],
    /// Whether any enters through a face.
    pub(crate) has_faces: bool,
    /// The first whole multiples of the step inside.
    pub(crate) first: I32s<S>,
    /// The last whole multiples of the step inside; below `first` where there are none.
    pub(crate) last: I32s<S>,
    step_mm: f32,
}

impl<S: Simd> Rays<S> {
    /// The rays of pixels of the whole picture.
    #[inline(always)]
    pub(crate) fn of_pixels(simd: S, plan: &RayPlan, x: F32s<S>, y: F32s<S>) -> Self {
        simd.vectorize(
            #[inline(always)]
            || Self::of_lines(simd, plan, Lines::of_pixels(simd, plan, x, y)),
        )
    }

    #[inline(always)]
    fn of_lines(simd: S, plan: &RayPlan, lines: Lines<S>) -> Self {
        let Spans { t_in, t_out, face } = clip_rays(simd, plan, &lines);
        let (low, high) = (t_in / plan.step_mm, t_out / plan.step_mm);
        let hit = t_in.simd_le(t_out) & low.simd_gt(-MOST_STEPS) & high.simd_lt(MOST_STEPS);
        let none = f32s(simd, 0.0);
        let (low, high) = (hit.select(low, none), hit.select(high, none));
        let far = f32s(simd, f32::INFINITY);
        let within = (-lowest(simd, hit.select(-t_in, far)), lowest(simd, hit.select(t_out, far)));
        let (t_in, t_out) = (hit.select(t_in, none), hit.select(t_out, none));
        let lines = lines.where_hit(simd, plan, hit);
        let has_faces = (hit & face.simd_ge(0)).any_true();
        let face = face_normals(simd, plan, face);
        let (first, last) = (low.ceil().to_int(), high.floor().to_int());
        Self { hit, lines, t_in, t_out, within, face, has_faces, first, last, step_mm: plan.step_mm }
    }

    /// The lattice positions at distances, axis by axis.
    #[inline(always)]
    pub(crate) fn lattice_at(&self, t: F32s<S>) -> [F32s<S>; 3] {
        each_axis(
            #[inline(always)]
            |n| self.lines.lattice_origin[n] + t * self.lines.lattice_direction[n],
        )
    }

    /// The distances of a sample in mm; before the first it is where a ray enters, after the last where it leaves. They
    /// grow with the number, rounding included.
    #[inline(always)]
    pub(crate) fn t_of(&self, simd: S, n: i32) -> F32s<S> {
        let t = n as f32 * self.step_mm;
        if self.within.0 <= t && t <= self.within.1 {
            // As most are.
            return f32s(simd, t);
        }
        within(f32s(simd, t), self.t_in, self.t_out)
    }

    /// Of which rays a sample has one before it, at most that at the end of a ray.
    #[inline(always)]
    pub(crate) fn has_before(&self, simd: S, n: i32) -> Mask<S> {
        let number = i32s(simd, n);
        number.simd_ge(self.first) & number.simd_le(self.last + 1)
    }

    /// The lowest first and the highest last sample; `None` without any ray.
    #[inline(always)]
    pub(crate) fn extent(&self) -> Option<(i32, i32)> {
        let lanes = (0..LANES).filter(|&lane| self.hit.test(lane));
        lanes.map(|lane| (self.first[lane], self.last[lane])).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }
}

// SAFETY: distances grow with the number, and neither a product with one number nor a sum with another turns that around.
#[expect(unsafe_code, reason = "see Track")]
unsafe impl<S: Simd> Track<S> for Rays<S> {
    #[inline(always)]
    fn origin(&self) -> Option<[i32; 3]> {
        None
    }

    #[inline(always)]
    fn rest(&self, simd: S, n: i32) -> [F32s<S>; 3] {
        self.lattice_at(self.t_of(simd, n))
    }
}

#[inline(always)]
fn ray_of_pixel<S: Simd>(simd: S, lens: &LensPlan, x: F32s<S>, y: F32s<S>) -> ([F32s<S>; 3], [F32s<S>; 3]) {
    let (LensPlan::Parallel { first, per_x, per_y, .. } | LensPlan::Central { first, per_x, per_y, .. }) =
        lens;
    let place = each_axis(
        #[inline(always)]
        |n| (x * per_x[n] + first[n]) + y * per_y[n],
    );
    match lens {
        LensPlan::Parallel { direction, .. } => (place, vec3(simd, *direction)),
        LensPlan::Central { eye, .. } => {
            let length = dot(place, place).sqrt();
            (vec3(simd, *eye), [place[0] / length, place[1] / length, place[2] / length])
        }
    }
}

/// The parts of rays inside the volume's box and all half-spaces.
#[inline(always)]
fn clip_rays<S: Simd>(simd: S, plan: &RayPlan, lines: &Lines<S>) -> Spans<S> {
    let Lines { origin, direction, lattice_origin, lattice_direction } = lines;
    let nearest = if matches!(plan.lens, LensPlan::Central { .. }) { 0.0 } else { f32::NEG_INFINITY };
    let mut spans =
        Spans { t_in: f32s(simd, nearest), t_out: f32s(simd, f32::INFINITY), face: i32s(simd, -1) };
    for axis in 0..3 {
        let (start, along) = (lattice_origin[axis], lattice_direction[axis]);
        clip(simd, &mut spans, start - plan.lattice_low[axis], along, axis as i32);
        clip(simd, &mut spans, -start + plan.lattice_high[axis], -along, axis as i32);
    }
    for (n, &[x, y, z, d]) in (3..).zip(&plan.half_spaces) {
        let normal = vec3(simd, [x, y, z]);
        clip(simd, &mut spans, dot(normal, *origin) + d, dot(normal, *direction), n);
    }
    spans
}

/// Keeps where `start + t * along >= 0`.
#[inline(always)]
fn clip<S: Simd>(simd: S, spans: &mut Spans<S>, start: F32s<S>, along: F32s<S>, face: i32) {
    let is_across = magnitude(along).simd_lt(1e-12);
    let t = -start / along;
    let enters = !is_across & along.simd_gt(0.0) & t.simd_gt(spans.t_in);
    spans.t_in = enters.select(t, spans.t_in);
    spans.face = enters.select(i32s(simd, face), spans.face);
    let leaves = !is_across & along.simd_lt(0.0);
    spans.t_out = leaves.select(least(t, spans.t_out), spans.t_out);
    let is_out = is_across & start.simd_lt(0.0);
    spans.t_out = is_out.select(f32s(simd, f32::NEG_INFINITY), spans.t_out);
}

/// The unit normals of faces: of the lattice axes first, then of the half-spaces.
#[inline(always)]
fn face_normals<S: Simd>(simd: S, plan: &RayPlan, face: I32s<S>) -> [F32s<S>; 3] {
    let mut normals = vec3(simd, [0.0; 3]);
    let axes = (0..3).map(|axis| {
        let normal = plan.lattice_from_relative.map(|column| column[axis]);
        let length = (normal[0] * normal[0] + normal[1] * normal[1]) + normal[2] * normal[2];
        normal.map(|part| part / length.sqrt())
    });
    let half_spaces = plan.half_spaces.iter().map(|&[x, y, z, _]| [x, y, z]);
    for (n, normal) in (0..).zip(axes.chain(half_spaces)) {
        let is_this = face.simd_eq(n);
        for (part, of_this) in normals.iter_mut().zip(normal) {
            *part = is_this.select(f32s(simd, of_this), *part);
        }
    }
    normals
}
