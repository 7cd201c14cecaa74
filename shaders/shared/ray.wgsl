//! Rays through a volume, by the rules of `anatome_core::plan::RayPlan`.

#import sampling

/// 6 of a crop box and 16 clip planes.
const MAX_HALF_SPACES = 22u;
/// The most samples of a ray.
const MAX_SAMPLES = 65536u;

struct Rays {
    /// Parallel: the first pixel's centre. Central: towards it from the eye.
    first: vec3<f32>,
    /// Whether all rays start at the eye.
    is_central: u32,
    /// From a pixel to its right neighbour.
    per_x: vec3<f32>,
    /// The distance between samples in mm.
    step_mm: f32,
    /// From a pixel to the one below.
    per_y: vec3<f32>,
    /// The number of half-spaces.
    half_space_count: u32,
    /// Parallel: the direction. Central: the eye.
    direction_or_eye: vec3<f32>,
    padding_a: u32,
    /// The columns of the linear map from relative mm to lattice.
    lattice_x: vec3<f32>,
    padding_b: u32,
    lattice_y: vec3<f32>,
    padding_c: u32,
    lattice_z: vec3<f32>,
    padding_d: u32,
    /// The lattice position of the point that rays are relative to.
    lattice_offset: vec3<f32>,
    padding_e: u32,
    /// The volume's extent in lattice coordinates.
    lattice_low: vec3<f32>,
    padding_f: u32,
    lattice_high: vec3<f32>,
    padding_g: u32,
    /// The pixels to compute: left, top, right and bottom, the last two excluded.
    rect: vec4<u32>,
    /// Points with `n · p + d >= 0` are kept: nx, ny, nz, d.
    half_spaces: array<vec4<f32>, 22>,
}

@group(0) @binding(9) var<uniform> rays: Rays;

/// Where a ray starts and its unit direction, in mm relative to the volume's centre.
struct Ray {
    origin: vec3<f32>,
    direction: vec3<f32>,
}

/// The part of a ray inside the volume; empty if `t_in > t_out`.
struct Span {
    t_in: f32,
    t_out: f32,
}

fn ray_of_pixel(pixel: vec2<u32>) -> Ray {
    let place = (rays.first + f32(pixel.x) * rays.per_x) + f32(pixel.y) * rays.per_y;
    if (rays.is_central != 0u) {
        return Ray(rays.direction_or_eye, normalize(place));
    }
    return Ray(place, rays.direction_or_eye);
}

fn lattice_vector(v: vec3<f32>) -> vec3<f32> {
    return (rays.lattice_x * v.x + rays.lattice_y * v.y) + rays.lattice_z * v.z;
}

/// The sample at a distance along a ray.
fn sample_ray(ray: Ray, t: f32) -> Sample {
    return sample(position_from_lattice(lattice_of(ray, t)));
}

fn lattice_of(ray: Ray, t: f32) -> vec3<f32> {
    return lattice_vector(ray.origin + t * ray.direction) + rays.lattice_offset;
}

/// The part of a ray inside the volume's box and all half-spaces.
fn clip_ray(ray: Ray) -> Span {
    var span = Span(-1e30, 1e30);
    if (rays.is_central != 0u) {
        span.t_in = 0.0;
    }
    let start = lattice_vector(ray.origin) + rays.lattice_offset;
    let along = lattice_vector(ray.direction);
    for (var axis = 0u; axis < 3u; axis++) {
        clip(&span, start[axis] - rays.lattice_low[axis], along[axis]);
        clip(&span, rays.lattice_high[axis] - start[axis], -along[axis]);
    }
    for (var n = 0u; n < min(rays.half_space_count, MAX_HALF_SPACES); n++) {
        let plane = rays.half_spaces[n];
        clip(&span, dot(plane.xyz, ray.origin) + plane.w, dot(plane.xyz, ray.direction));
    }
    return span;
}

/// Keeps where `start + t * along >= 0`.
fn clip(span: ptr<function, Span>, start: f32, along: f32) {
    if (abs(along) < 1e-12) {
        if (start < 0.0) {
            (*span).t_out = -1e30;
        }
    } else if (along > 0.0) {
        (*span).t_in = max((*span).t_in, -start / along);
    } else {
        (*span).t_out = min((*span).t_out, -start / along);
    }
}

/// The whole multiples of the step inside a span: the first, and how many.
struct Steps {
    first: i32,
    count: u32,
}

fn steps_of(span: Span) -> Steps {
    let low = clamp(ceil(span.t_in / rays.step_mm), -1e9, 1e9);
    let high = clamp(floor(span.t_out / rays.step_mm), -1e9, 1e9);
    if (span.t_in > span.t_out || low > high) {
        return Steps(0, 0u);
    }
    return Steps(i32(low), u32(high - low) + 1u);
}
