//! Rays through a volume, by the rules of `anatome_core::plan::RayPlan`.

#import sampling

/// 6 of a crop box and 16 clip planes.
const MAX_HALF_SPACES = 22u;
/// The most samples of a ray.
const MAX_SAMPLES = 65536u;
/// Beyond this many steps from its origin a ray has no samples: f32 could not tell them apart.
const MOST_STEPS = 1e7;

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
    /// Whether tiles are twice as wide, and every second pixel of theirs is computed.
    is_checkerboard: u32,
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
    /// Points with `n · p + d >= 0` are kept: nx, ny, nz, d.
    half_spaces: array<vec4<f32>, 22>,
}

@group(0) @binding(9) var<uniform> rays: Rays;

/// The pixel of an invocation in a tile.
fn pixel_of(tile: vec2<u32>, local: vec2<u32>) -> vec2<u32> {
    if (rays.is_checkerboard == 0u) {
        return tile + local;
    }
    let y = tile.y + local.y;
    return vec2(tile.x + 2u * local.x + ((tile.x ^ y) & 1u), y);
}

/// The part of a pixel's ray that lies inside the volume and all half-spaces.
struct Ray {
    /// Unit vector away from the viewer, mm.
    direction: vec3<f32>,
    /// Where it enters, mm.
    t_in: f32,
    /// The lattice position at t = 0.
    lattice_origin: vec3<f32>,
    /// Where it leaves, mm.
    t_out: f32,
    /// The change of lattice position for a millimetre.
    lattice_direction: vec3<f32>,
    /// The first whole multiple of the step inside.
    first: i32,
    /// The last whole multiple of the step inside; below `first` if there is none.
    last: i32,
    /// Of the face through which it enters, the unit normal; zero if it begins inside.
    face: vec3<f32>,
    /// Whether it meets the volume at all.
    is_inside: bool,
}

/// A part of a ray in mm; empty if `t_in > t_out`.
struct Span {
    t_in: f32,
    t_out: f32,
    /// The number of the face through which it begins; negative if it begins inside.
    face: i32,
}

/// The ray of a pixel of the whole picture.
fn ray_of_pixel(pixel: vec2<u32>) -> Ray {
    let place = (rays.first + f32(pixel.x) * rays.per_x) + f32(pixel.y) * rays.per_y;
    var origin = place;
    var ray: Ray;
    ray.direction = rays.direction_or_eye;
    if (rays.is_central != 0u) {
        origin = rays.direction_or_eye;
        ray.direction = place / sqrt(dot(place, place));
    }
    ray.lattice_origin = lattice_vector(origin) + rays.lattice_offset;
    ray.lattice_direction = lattice_vector(ray.direction);
    let span = clip_ray(origin, ray);
    ray.t_in = span.t_in;
    ray.t_out = span.t_out;
    ray.face = face_normal(span.face);
    let low = span.t_in / rays.step_mm;
    let high = span.t_out / rays.step_mm;
    if (span.t_in <= span.t_out && low > -MOST_STEPS && high < MOST_STEPS) {
        ray.first = i32(ceil(low));
        ray.last = i32(floor(high));
        ray.is_inside = true;
    }
    return ray;
}

fn lattice_vector(v: vec3<f32>) -> vec3<f32> {
    return (rays.lattice_x * v.x + rays.lattice_y * v.y) + rays.lattice_z * v.z;
}

/// The lattice position at a distance.
fn lattice_at(ray: Ray, t: f32) -> vec3<f32> {
    return ray.lattice_origin + t * ray.lattice_direction;
}

/// The distance of a sample in mm; that before the first is where the ray enters, that after the last where it leaves.
fn t_of(ray: Ray, n: i32) -> f32 {
    if (n < ray.first) {
        return ray.t_in;
    }
    if (n > ray.last) {
        return ray.t_out;
    }
    return f32(n) * rays.step_mm;
}

/// What is at a sample of a ray.
fn sample_ray(ray: Ray, n: i32) -> Sample {
    return sample_held(hold_inside(position_from_lattice(lattice_at(ray, t_of(ray, n)))));
}

/// The part of a ray inside the volume's box and all half-spaces.
fn clip_ray(origin: vec3<f32>, ray: Ray) -> Span {
    var span = Span(-1e30, 1e30, -1);
    if (rays.is_central != 0u) {
        span.t_in = 0.0;
    }
    for (var axis = 0u; axis < 3u; axis++) {
        let start = ray.lattice_origin[axis];
        let along = ray.lattice_direction[axis];
        clip(&span, start - rays.lattice_low[axis], along, i32(axis));
        clip(&span, rays.lattice_high[axis] - start, -along, i32(axis));
    }
    for (var n = 0u; n < min(rays.half_space_count, MAX_HALF_SPACES); n++) {
        let plane = rays.half_spaces[n];
        clip(&span, dot(plane.xyz, origin) + plane.w, dot(plane.xyz, ray.direction), 3 + i32(n));
    }
    return span;
}

/// Keeps where `start + t * along >= 0`.
fn clip(span: ptr<function, Span>, start: f32, along: f32, face: i32) {
    if (abs(along) < 1e-12) {
        if (start < 0.0) {
            (*span).t_out = -1e30;
        }
    } else if (along > 0.0) {
        let t = -start / along;
        if (t > (*span).t_in) {
            (*span).t_in = t;
            (*span).face = face;
        }
    } else {
        (*span).t_out = min((*span).t_out, -start / along);
    }
}

/// The unit normal of a face: of the lattice axes first, then of the half-spaces.
fn face_normal(face: i32) -> vec3<f32> {
    if (face < 0) {
        return vec3(0.0);
    }
    if (face < 3) {
        let normal = vec3(rays.lattice_x[face], rays.lattice_y[face], rays.lattice_z[face]);
        return normal / sqrt(dot(normal, normal));
    }
    return rays.half_spaces[min(u32(face) - 3u, MAX_HALF_SPACES - 1u)].xyz;
}
