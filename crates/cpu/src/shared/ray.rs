//! Rays through a volume, by the rules of [`RayPlan`].

use anatome_core::plan::{LensPlan, RayPlan};

use crate::shared::sampling::Lanes;

/// Beyond this many steps from its origin a ray has no samples: f32 could not tell them apart.
const MOST_STEPS: f32 = 1e7;

/// A pixel's line through the scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// Where t is 0, mm from the volume's centre.
    origin: [f32; 3],
    /// Unit vector away from the viewer, mm.
    pub(crate) direction: [f32; 3],
    /// The lattice position at t = 0.
    pub(crate) lattice_origin: [f32; 3],
    /// The change of lattice position for a millimetre.
    pub(crate) lattice_direction: [f32; 3],
}

impl Line {
    /// The line of a pixel of the whole picture.
    pub(crate) fn of_pixel(plan: &RayPlan, x: u32, y: u32) -> Self {
        let (origin, direction) = ray_of_pixel(&plan.lens, x, y);
        let [a, b, c] = plan.lattice_from_relative;
        let lattice_vector = |v: [f32; 3]| std::array::from_fn(|n| (a[n] * v[0] + b[n] * v[1]) + c[n] * v[2]);
        let start: [f32; 3] = lattice_vector(origin);
        Self {
            origin,
            direction,
            lattice_origin: std::array::from_fn(|n| start[n] + plan.lattice_offset[n]),
            lattice_direction: lattice_vector(direction),
        }
    }
}

/// A part of a line, mm, and the number of the face through which it begins.
struct Span {
    t_in: f32,
    t_out: f32,
    face: Option<usize>,
}

/// The part of a pixel's line that lies inside the volume and all half-spaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ray {
    /// The line.
    pub(crate) line: Line,
    /// Where it enters, mm.
    pub(crate) t_in: f32,
    /// Where it leaves, mm.
    t_out: f32,
    /// Of the face through which it enters, the unit normal; zero if it begins inside.
    pub(crate) face: [f32; 3],
    /// The first whole multiple of the step inside.
    pub(crate) first: i32,
    /// The last whole multiple of the step inside; below `first` if there is none.
    pub(crate) last: i32,
    step_mm: f32,
}

impl Ray {
    /// The ray of a pixel of the whole picture; `None` if it misses.
    pub(crate) fn of_pixel(plan: &RayPlan, x: u32, y: u32) -> Option<Self> {
        let line = Line::of_pixel(plan, x, y);
        let Span { t_in, t_out, face } = clip_ray(plan, &line)?;
        let (first, last) = steps_of(t_in, t_out, plan.step_mm)?;
        let face = face_normal(plan, face);
        Some(Self { line, t_in, t_out, face, first, last, step_mm: plan.step_mm })
    }

    /// The lattice positions at distances, axis by axis.
    #[inline(always)]
    pub(crate) fn lattice_at(&self, t: Lanes<f32>) -> [Lanes<f32>; 3] {
        std::array::from_fn(|n| {
            let (origin, along) = (self.line.lattice_origin[n], self.line.lattice_direction[n]);
            t.map(|t| origin + t * along)
        })
    }

    /// The distances of the samples from `n` on.
    #[inline(always)]
    pub(crate) fn t_from(&self, n: i32) -> Lanes<f32> {
        std::array::from_fn(|lane| self.t_of(n + lane as i32))
    }

    /// The distance of a sample in mm; that before the first is where the ray enters, that after the last where it
    /// leaves.
    #[inline(always)]
    pub(crate) fn t_of(&self, n: i32) -> f32 {
        if n < self.first {
            self.t_in
        } else if n > self.last {
            self.t_out
        } else {
            n as f32 * self.step_mm
        }
    }
}

fn ray_of_pixel(lens: &LensPlan, x: u32, y: u32) -> ([f32; 3], [f32; 3]) {
    let (x, y) = (x as f32, y as f32);
    let place = |first: &[f32; 3], per_x: &[f32; 3], per_y: &[f32; 3]| {
        std::array::from_fn(|n| (first[n] + x * per_x[n]) + y * per_y[n])
    };
    match lens {
        LensPlan::Parallel { first, per_x, per_y, direction } => (place(first, per_x, per_y), *direction),
        LensPlan::Central { eye, first, per_x, per_y } => {
            let towards: [f32; 3] = place(first, per_x, per_y);
            let length = dot(towards, towards).sqrt();
            (*eye, towards.map(|part| part / length))
        }
    }
}

/// The part of a ray inside the volume's box and all half-spaces.
fn clip_ray(plan: &RayPlan, line: &Line) -> Option<Span> {
    let Line { origin, direction, lattice_origin, lattice_direction } = *line;
    let nearest = if matches!(plan.lens, LensPlan::Central { .. }) { 0.0 } else { f32::NEG_INFINITY };
    let mut span = Span { t_in: nearest, t_out: f32::INFINITY, face: None };
    for axis in 0..3 {
        let (start, along) = (lattice_origin[axis], lattice_direction[axis]);
        clip(&mut span, start - plan.lattice_low[axis], along, axis);
        clip(&mut span, plan.lattice_high[axis] - start, -along, axis);
    }
    for (n, &[x, y, z, d]) in plan.half_spaces.iter().enumerate() {
        clip(&mut span, dot([x, y, z], origin) + d, dot([x, y, z], direction), 3 + n);
    }
    (span.t_in <= span.t_out).then_some(span)
}

/// Keeps where `start + t * along >= 0`.
fn clip(span: &mut Span, start: f32, along: f32, face: usize) {
    if along.abs() < 1e-12 {
        if start < 0.0 {
            span.t_out = f32::NEG_INFINITY;
        }
    } else if along > 0.0 {
        let t = -start / along;
        if t > span.t_in {
            span.t_in = t;
            span.face = Some(face);
        }
    } else {
        span.t_out = span.t_out.min(-start / along);
    }
}

/// The unit normal of a face: of the lattice axes first, then of the half-spaces.
fn face_normal(plan: &RayPlan, face: Option<usize>) -> [f32; 3] {
    match face {
        None => [0.0; 3],
        Some(axis @ 0..3) => {
            let normal = plan.lattice_from_relative.map(|column| column[axis]);
            let length = dot(normal, normal).sqrt();
            normal.map(|part| part / length)
        }
        Some(n) => plan.half_spaces.get(n - 3).map_or([0.0; 3], |&[x, y, z, _]| [x, y, z]),
    }
}

/// The first and the last whole multiple of the step inside a span.
fn steps_of(t_in: f32, t_out: f32, step_mm: f32) -> Option<(i32, i32)> {
    let (low, high) = (t_in / step_mm, t_out / step_mm);
    (low > -MOST_STEPS && high < MOST_STEPS).then(|| (low.ceil() as i32, high.floor() as i32))
}

/// The product of two vectors.
#[inline(always)]
pub(crate) fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    (a[0] * b[0] + a[1] * b[1]) + a[2] * b[2]
}
