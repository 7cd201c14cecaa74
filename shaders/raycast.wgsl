//! Direct volume rendering by the rules of `anatome_core::plan::RenderingPlan`.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import sampling
#import ray

/// The most look-ups in a segment.
const MAX_LOOKUPS = 8u;

struct Rendering {
    /// Unit vector towards the light.
    light: vec3<f32>,
    /// The modality value of the first entry of the table.
    table_first: f32,
    /// The colour behind the volume.
    background: vec3<f32>,
    /// Entries per modality unit.
    entries_per_unit: f32,
    /// The largest change of value within a segment for which one look-up is enough.
    value_step: f32,
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
/// Evenly spaced entries: colour x extinction, extinction, in 1/mm.
@group(0) @binding(7) var<storage, read> table: array<vec4<f32>>;

/// A value at a distance along a ray.
struct End {
    t: f32,
    at: Sample,
}

/// Light gathered, and the part of the light behind that is still seen.
struct Light {
    sum: vec3<f32>,
    transmittance: f32,
}

@compute @workgroup_size(16, 16)
fn raycast(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = tiles[group.x];
    let pixel = vec2(tile.x, tile.y) + local.xy;
    if (any(pixel < rays.rect.xy) || any(pixel >= rays.rect.zw)) {
        return;
    }
    let light = march(ray_of_pixel(pixel));
    store(group.x * TILE_PIXELS + index, rgba_word(light.sum + light.transmittance * rendering.background));
}

fn march(ray: Ray) -> Light {
    var light = Light(vec3(0.0), 1.0);
    if (!ray.is_inside) {
        return light;
    }
    var before = End(0.0, no_sample(NONE));
    for (var n = 0u; n < min(u32(ray.last - ray.first + 3), MAX_SAMPLES); n++) {
        let number = ray.first - 1 + i32(n);
        let after = End(t_of(ray, number), sample_ray(ray, number));
        if (before.at.kind == SOME && after.at.kind == SOME) {
            add_segment(&light, ray, before, after);
            if (light.transmittance < rendering.least_transmittance) {
                break;
            }
        }
        before = after;
    }
    return light;
}

fn add_segment(light: ptr<function, Light>, ray: Ray, before: End, after: End) {
    let v0 = before.at.value;
    let change = after.at.value - v0;
    let lookups = clamp(ceil(abs(change) / rendering.value_step), 1.0, f32(MAX_LOOKUPS));
    let length_mm = after.t - before.t;
    let part_mm = length_mm / lookups;
    var color = vec3(0.0);
    var place = 0.0;
    var opacity = 0.0;
    var left = 1.0;
    for (var n = 0u; n < min(u32(lookups), MAX_LOOKUPS); n++) {
        let u = (f32(n) + 0.5) / lookups;
        let entry = look_up(v0 + u * change);
        if (entry.w > 0.0) {
            let through = exp(-entry.w * part_mm);
            let weight = left * (1.0 - through);
            color += weight * (entry.xyz / entry.w);
            place += weight * u;
            opacity += weight;
            left *= through;
        }
    }
    if (opacity <= 0.0) {
        return;
    }
    let lit = lit_color(color / opacity, ray, before.t + (place / opacity) * length_mm);
    (*light).sum += ((*light).transmittance * opacity) * lit;
    (*light).transmittance *= 1.0 - opacity;
}

fn look_up(value: f32) -> vec4<f32> {
    let last = arrayLength(&table) - 1u;
    let place = clamp((value - rendering.table_first) * rendering.entries_per_unit, 0.0, f32(last));
    let index = min(u32(place), last - 1u);
    let a = table[index];
    return a + (place - f32(index)) * (table[index + 1u] - a);
}

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
