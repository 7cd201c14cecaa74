//! Direct volume rendering by the rules of `anatome_core::plan::RenderingPlan`.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import sampling
#import ray
#import leap
#import lighting

/// A piece of the integral of colour x extinction, and of extinction, one entry long: f of the way along it,
/// `at + (rest + f * (slope + f * bend))`. Differences of `at` are exact.
struct Piece {
    at: vec4<f32>,
    rest: vec4<f32>,
    slope: vec4<f32>,
    bend: vec4<f32>,
}

/// The first begins an entry before the first one and stands for all lower values, the last for all higher ones.
@group(0) @binding(7) var<storage, read> integral: array<Piece>;
/// For each cell, how far the nearest that can be seen is; see the shader `chessboard`. Not looked at without leaps.
@group(0) @binding(10) var<storage, read> distances: array<u32>;

/// A value at a distance along a ray.
struct End {
    t: f32,
    at: Sample,
    /// Its place among the entries.
    place: f32,
    /// The integral up to there: what is exact, and the rest.
    integral: array<vec4<f32>, 2>,
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
    let pixel = pixel_of(vec2(tile.x, tile.y), local.xy);
    var word = 0u;
    if (is_wanted(tile, pixel)) {
        let light = march(ray_of_pixel(pixel));
        word = rgba_word(light.sum + light.transmittance * rendering.background);
    }
    store_tile(group.x, index, word);
}

fn march(ray: Ray) -> Light {
    var light = Light(vec3(0.0), 1.0);
    if (!ray.is_inside) {
        return light;
    }
    // The sample before the first is where the ray enters, that after the last where it leaves.
    var n = ray.first - 1;
    var before = End(0.0, no_sample(NONE), 0.0, array(vec4(0.0), vec4(0.0)));
    var is_known = false;
    var is_free = SKIPPING && free_cells(ray, n).w > 0u;
    for (var step = 0u; step < min(u32(ray.last - ray.first + 2), MAX_SAMPLES); step++) {
        if (n > ray.last) {
            break;
        }
        if (SKIPPING) {
            let next = free_cells(ray, n + 1);
            if (is_free && next.w > 0u) {
                n = last_within(ray, n + 1, next.xyz, next.w);
                is_known = false;
                continue;
            }
            is_free = next.w > 0u;
        }
        if (!is_known) {
            before = end_at(ray, n);
        }
        let after = end_at(ray, n + 1);
        if (before.at.kind == SOME && after.at.kind == SOME) {
            add_segment(&light, ray, before, after);
            if (light.transmittance < rendering.least_transmittance) {
                break;
            }
        }
        before = after;
        is_known = true;
        n += 1;
    }
    return light;
}

fn end_at(ray: Ray, n: i32) -> End {
    let at = sample_ray(ray, n);
    let place = place_of(at);
    return End(t_of(ray, n), at, place, integral_at(place));
}

/// The cell of a sample, and the distance to the nearest cell that can be seen.
fn free_cells(ray: Ray, n: i32) -> vec4<u32> {
    let cell = cell_of_sample(ray, n);
    return vec4(cell, distances[cell_index(cell, cells_of_volume())]);
}

fn add_segment(light: ptr<function, Light>, ray: Ray, before: End, after: End) {
    if (mean(before, after).w <= 0.0) {
        return;
    }
    let length_mm = after.t - before.t;
    let middle = middle_of(ray, before, after, length_mm);
    let twice = mean(before, middle) + mean(middle, after);
    let extinction = twice.w;
    if (extinction <= 0.0) {
        return;
    }
    let opacity = 1.0 - exp(-extinction * (length_mm * 0.5));
    let lit = lit_color(twice.xyz / extinction, ray, middle.t);
    (*light).sum += ((*light).transmittance * opacity) * lit;
    (*light).transmittance *= 1.0 - opacity;
}

/// What is in the middle between two ends, held between what they are.
fn middle_of(ray: Ray, before: End, after: End, length_mm: f32) -> End {
    let t = before.t + length_mm * 0.5;
    let at = sample_held(hold_inside(position_from_lattice(lattice_at(ray, t))));
    var place = (before.place + after.place) * 0.5;
    if (at.kind == SOME) {
        place = clamp(place_of(at), min(before.place, after.place), max(before.place, after.place));
    }
    return End(t, at, place, integral_at(place));
}

/// What is emitted in the mean between two ends.
fn mean(before: End, after: End) -> vec4<f32> {
    let entries = after.place - before.place;
    if (abs(entries) < rendering.few_entries) {
        return emission_at(before.place + entries * 0.5);
    }
    return ((after.integral[0] - before.integral[0]) + (after.integral[1] - before.integral[1])) / entries;
}

fn place_of(at: Sample) -> f32 {
    return (at.value - rendering.first_value) * rendering.entries_per_unit;
}

/// The integral up to a place among the entries.
fn integral_at(place: f32) -> array<vec4<f32>, 2> {
    let n = piece_at(place);
    let piece = integral[n];
    let f = place + 1.0 - f32(n);
    return array(piece.at, piece.rest + f * (piece.slope + f * piece.bend));
}

/// What is emitted at a place among the entries.
fn emission_at(place: f32) -> vec4<f32> {
    let n = piece_at(place);
    let piece = integral[n];
    let f = place + 1.0 - f32(n);
    return piece.slope + (2.0 * f) * piece.bend;
}

/// The number of the piece of a place.
fn piece_at(place: f32) -> u32 {
    let last = arrayLength(&integral) - 1u;
    return min(u32(clamp(place + 1.0, 0.0, f32(last))), last);
}
