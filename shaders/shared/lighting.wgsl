//! Light on what is rendered, by the rules of `anatome_core::plan::RenderingPlan`.

#import ray

struct Rendering {
    /// Unit vector towards the light.
    light: vec3<f32>,
    /// The modality value of the first entry.
    first_value: f32,
    /// The colour behind the volume.
    background: vec3<f32>,
    /// Entries per modality unit.
    entries_per_unit: f32,
    /// Over fewer entries the difference of two integrals has too few digits.
    few_entries: f32,
    ambient: f32,
    diffuse: f32,
    specular: f32,
    shininess: f32,
    /// Modality units per mm.
    gradient_floor: f32,
    /// A ray ends when less of the light than this is left.
    least_transmittance: f32,
    /// How deep below a face its light reaches whole, mm.
    face_mm: f32,
}

@group(0) @binding(6) var<uniform> rendering: Rendering;

fn lit_color(color: vec3<f32>, ray: Ray, t: f32) -> vec3<f32> {
    let face = face_part(ray, t);
    let shade = rendering.ambient + rendering.diffuse * abs(dot(ray.face, rendering.light));
    if (face >= 1.0) {
        return color * shade;
    }
    let lit = lit_by_gradient(color, ray, t);
    return select(lit, face * (color * shade) + (1.0 - face) * lit, face > 0.0);
}

/// How much of the light is that of the face through which the ray enters.
fn face_part(ray: Ray, t: f32) -> f32 {
    if (all(ray.face == vec3(0.0))) {
        return 0.0;
    }
    let depth_mm = (t - ray.t_in) * abs(dot(ray.face, ray.direction));
    return clamp(2.0 - depth_mm / rendering.face_mm, 0.0, 1.0);
}

fn lit_by_gradient(color: vec3<f32>, ray: Ray, t: f32) -> vec3<f32> {
    let gradient = gradient_per_mm(lattice_at(ray, t));
    let steepness = dot(gradient, gradient);
    if (steepness <= 0.0) {
        return color;
    }
    let w = steepness / (steepness + rendering.gradient_floor * rendering.gradient_floor);
    let normal = gradient / sqrt(steepness);
    let half_way = rendering.light - ray.direction;
    let shine = abs(dot(normal, half_way)) / max(length(half_way), 1e-12);
    let shade = rendering.ambient + rendering.diffuse * abs(dot(normal, rendering.light));
    var highlight = 0.0;
    if (shine > 0.0 && rendering.specular > 0.0) {
        highlight = pow(shine, rendering.shininess);
    }
    return color * (1.0 + w * (shade - 1.0)) + w * rendering.specular * highlight;
}

/// The gradient in modality units per mm, by central differences one voxel to each side.
fn gradient_per_mm(lattice: vec3<f32>) -> vec3<f32> {
    let here = position_from_lattice(lattice);
    var change = vec3(0.0);
    for (var axis = 0u; axis < 3u; axis++) {
        let minus = neighbour(here, axis, -1);
        let plus = neighbour(here, axis, 1);
        if (minus.kind == SOME && plus.kind == SOME) {
            change[axis] = plus.value - minus.value;
        } else {
            change[axis] = one_sided(here, minus, plus);
        }
    }
    let g = change / vec3(2.0, 2.0, side_distance(here));
    return vec3(dot(rays.lattice_x, g), dot(rays.lattice_y, g), dot(rays.lattice_z, g));
}

/// The difference of two sides of which one or both are no samples.
fn one_sided(here: Position, minus: Sample, plus: Sample) -> f32 {
    let middle = sample_held(hold_inside(here));
    if (middle.kind != SOME) {
        return 0.0;
    }
    return select(middle.value, plus.value, plus.kind == SOME)
        - select(middle.value, minus.value, minus.kind == SOME);
}

fn neighbour(here: Position, axis: u32, side: i32) -> Sample {
    var there = here;
    there.voxel[axis] += side;
    return sample(there);
}
