//! Values at lattice positions, by the rules of `anatome_core::plan::SamplingPlan`.

#import cell
#import volume

/// 0 nearest, 1 linear, 2 cubic.
override INTERPOLATION: u32;
/// Whether some stored values are no samples.
override HAS_PADDING: bool;
/// Whether slices are unevenly spaced.
override UNEVEN: bool;

const NEAREST = 0u;
const CUBIC = 2u;

/// The most slices of a volume, and so the most steps over intervals.
const MAX_SLICES = 65536u;

/// A fraction below this, or above one minus this, counts as 0 or 1.
const SNAP = 1.0 / 32768.0;

struct Sampling {
    /// The number of voxels along i, j and k.
    size: vec3<i32>,
    /// Modality units per stored unit.
    slope: f32,
    /// The modality value of a stored zero.
    intercept: f32,
    /// What is added to stored values to give texture values.
    bias: f32,
    /// Stored values from `padding_low` to `padding_high` are padding.
    padding_low: f32,
    padding_high: f32,
    /// Bins of `slice_rows` per mm along the normal.
    bins_per_mm: f32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

/// A slice of an uneven grid and the interval after it.
struct SliceRow {
    /// Of four evenly spaced bins from the first slice to the last, the intervals that hold their starts. The first row has
    /// the first four.
    bins: vec4<u32>,
    /// Position along the normal in mm.
    z_mm: f32,
    /// Width of the interval after it in mm; negative if slices are missing in it.
    gap_mm: f32,
    padding_a: u32,
    padding_b: u32,
}

@group(0) @binding(3) var<uniform> sampling: Sampling;
@group(0) @binding(4) var<storage, read> slice_rows: array<SliceRow>;
/// As the shader `cells` leaves them; looked at by previews of volumes with padding only.
@group(0) @binding(5) var<storage, read> are_padded: array<u32>;

/// An integer voxel and a fraction of 0 to 1 on each axis.
struct Position {
    voxel: vec3<i32>,
    fraction: vec3<f32>,
}

/// There is no sample.
const NONE = 0u;
/// There is no sample, inside the volume, because slices are missing.
const MISSING = 1u;
/// There is a sample.
const SOME = 2u;

/// A modality value, if there is one.
struct Sample {
    value: f32,
    kind: u32,
}

fn no_sample(kind: u32) -> Sample {
    return Sample(0.0, kind);
}

/// The position of `rest`, in lattice units, beyond a voxel; along the third axis of an uneven grid in mm.
fn position_from_rest(voxel: vec3<i32>, rest: vec3<f32>) -> Position {
    if (UNEVEN) {
        let z = walk(voxel.z, rest.z);
        return whole_and_fraction(vec3(voxel.xy, z.voxel), vec3(rest.xy, z.fraction));
    }
    return whole_and_fraction(voxel, rest);
}

/// The position of a lattice position.
fn position_from_lattice(lattice: vec3<f32>) -> Position {
    if (UNEVEN) {
        let z = find_interval(lattice.z);
        return whole_and_fraction(vec3(0, 0, z.voxel), vec3(lattice.xy, z.fraction));
    }
    return whole_and_fraction(vec3(0), lattice);
}

fn whole_and_fraction(voxel: vec3<i32>, rest: vec3<f32>) -> Position {
    // Far outside nothing is sampled; the bound keeps the sum from overflowing.
    let whole = clamp(floor(rest), vec3(-1e8), vec3(1e8));
    return snap(Position(voxel + vec3<i32>(whole), rest - whole));
}

fn snap(position: Position) -> Position {
    let is_next = position.fraction > vec3(1.0 - SNAP);
    let is_whole = is_next | (position.fraction < vec3(SNAP));
    let voxel = position.voxel + select(vec3(0), vec3(1), is_next);
    return Position(voxel, select(position.fraction, vec3(0.0), is_whole));
}

/// A slice and a fraction of the interval after it, which may lie outside 0 to 1 beyond the ends.
struct SlicePosition {
    voxel: i32,
    fraction: f32,
}

/// From the distance in mm to a slice to the interval that holds the place.
fn walk(slice: i32, rest_mm: f32) -> SlicePosition {
    let last = sampling.size.z - 2;
    var k = clamp(slice, 0, last);
    var rest = rest_mm;
    for (var n = 0u; n < MAX_SLICES; n++) {
        if (rest >= 0.0 || k <= 0) {
            break;
        }
        k -= 1;
        rest += abs(slice_rows[k].gap_mm);
    }
    for (var n = 0u; n < MAX_SLICES; n++) {
        let gap = abs(slice_rows[k].gap_mm);
        if (rest < gap || k >= last) {
            break;
        }
        rest -= gap;
        k += 1;
    }
    return SlicePosition(k, rest / abs(slice_rows[k].gap_mm));
}

/// The interval that holds a position in mm along the normal.
fn find_interval(z_mm: f32) -> SlicePosition {
    let last = sampling.size.z - 2;
    let bins = 4u * arrayLength(&slice_rows);
    let bin = floor((z_mm - slice_rows[0].z_mm) * sampling.bins_per_mm);
    let nearest = u32(clamp(bin, 0.0, f32(bins - 1u)));
    let k = i32(slice_rows[nearest / 4u].bins[nearest % 4u]);
    return walk(k, z_mm - slice_rows[k].z_mm);
}

/// Puts positions of the outer half voxels onto the outermost voxels, and tells whether a position is inside.
fn hold_at_edge(position: ptr<function, Position>) -> bool {
    let voxel = (*position).voxel;
    let fraction = (*position).fraction;
    let last = sampling.size - 1;
    let before = (voxel == vec3(-1)) & (fraction >= vec3(0.5));
    let after = (voxel == last) & (fraction < vec3(0.5));
    let between = (voxel >= vec3(0)) & (voxel < last);
    (*position).voxel = select(voxel, vec3(0), before);
    (*position).fraction = select(fraction, vec3(0.0), before | after);
    return all(before | after | between);
}

/// As `hold_at_edge`, of a position that counts as inside whatever its rounding.
fn hold_inside(position: Position) -> Position {
    let last = sampling.size - 1;
    let between = (position.voxel >= vec3(0)) & (position.voxel < last);
    return Position(clamp(position.voxel, vec3(0), last), select(vec3(0.0), position.fraction, between));
}

/// Whether slices are missing at a position inside.
fn is_missing(held: Position) -> bool {
    if (UNEVEN) {
        return held.fraction.z > 0.0 && slice_rows[held.voxel.z].gap_mm < 0.0;
    }
    return false;
}

/// What is at a position.
fn sample(position: Position) -> Sample {
    var held = position;
    if (!hold_at_edge(&held)) {
        return no_sample(NONE);
    }
    return sample_held(held);
}

/// What is at a position inside.
fn sample_held(held: Position) -> Sample {
    if (is_missing(held)) {
        return no_sample(MISSING);
    }
    if (INTERPOLATION == NEAREST) {
        return sample_nearest(held);
    }
    if (INTERPOLATION == CUBIC) {
        let cubic = sample_cubic(held);
        if (cubic.kind == SOME) {
            return cubic;
        }
    }
    return sample_linear(held);
}

/// The stored value at a place of the texture.
fn stored_value(texel: vec3<i32>) -> f32 {
    return texture_value(texel) - sampling.bias;
}

fn is_padding(stored: f32) -> bool {
    return HAS_PADDING && sampling.padding_low <= stored && stored <= sampling.padding_high;
}

/// Whether a voxel may be padding of those that a position from one voxel on to before the next needs.
fn is_near_padding(voxel: vec3<i32>) -> bool {
    if (!HAS_PADDING) {
        return false;
    }
    let cell = vec3<u32>(voxel) / CELL;
    return are_padded[cell_index(cell, cell_count(vec3<u32>(sampling.size)))] != 0u;
}

fn modality_value(stored: f32) -> Sample {
    return Sample(stored * sampling.slope + sampling.intercept, SOME);
}

fn sample_nearest(position: Position) -> Sample {
    let next = select(vec3(0), vec3(1), position.fraction >= vec3(0.5));
    let stored = stored_value(position.voxel + next + shift_around(position.voxel));
    if (is_padding(stored)) {
        return no_sample(NONE);
    }
    return modality_value(stored);
}

/// A neighbour of weight zero is replaced by the voxel itself, so that only voxels that count are looked at.
fn sample_linear(position: Position) -> Sample {
    let a = position.voxel + shift_around(position.voxel);
    // The texture unit knows of no padding.
    if (PREVIEW && !is_near_padding(position.voxel)) {
        return modality_value(filtered_value(vec3<f32>(a) + position.fraction) - sampling.bias);
    }
    let b = a + select(vec3(0), vec3(1), position.fraction > vec3(0.0));
    let f = position.fraction;
    let v000 = stored_value(a);
    let v100 = stored_value(vec3(b.x, a.y, a.z));
    let v010 = stored_value(vec3(a.x, b.y, a.z));
    let v110 = stored_value(vec3(b.x, b.y, a.z));
    let v001 = stored_value(vec3(a.x, a.y, b.z));
    let v101 = stored_value(vec3(b.x, a.y, b.z));
    let v011 = stored_value(vec3(a.x, b.y, b.z));
    let v111 = stored_value(b);
    if (is_padding(v000) || is_padding(v100) || is_padding(v010) || is_padding(v110)
        || is_padding(v001) || is_padding(v101) || is_padding(v011) || is_padding(v111)) {
        return no_sample(NONE);
    }
    let v00 = v000 + f.x * (v100 - v000);
    let v10 = v010 + f.x * (v110 - v010);
    let v01 = v001 + f.x * (v101 - v001);
    let v11 = v011 + f.x * (v111 - v011);
    let v0 = v00 + f.y * (v10 - v00);
    let v1 = v01 + f.y * (v11 - v01);
    return modality_value(v0 + f.z * (v1 - v0));
}

/// No sample where not all 4 x 4 x 4 voxels are samples without missing slices between them.
fn sample_cubic(position: Position) -> Sample {
    let first = position.voxel - 1;
    if (any(first < vec3(0)) || any(first + 3 >= sampling.size)) {
        return no_sample(NONE);
    }
    let tangents = tangents_at(position.voxel.z);
    if (tangents.x < 0.0) {
        return no_sample(NONE);
    }
    let along_i = cubic_weights(position.fraction.x, 0.5, 0.5);
    let along_j = cubic_weights(position.fraction.y, 0.5, 0.5);
    let along_k = cubic_weights(position.fraction.z, tangents.x, tangents.y);
    let first_texel = first + shift_around(position.voxel);
    var planes = vec4(0.0);
    for (var k = 0u; k < 4u; k++) {
        var rows = vec4(0.0);
        for (var j = 0u; j < 4u; j++) {
            let row = first_texel + vec3(0, i32(j), i32(k));
            let v0 = stored_value(row);
            let v1 = stored_value(row + vec3(1, 0, 0));
            let v2 = stored_value(row + vec3(2, 0, 0));
            let v3 = stored_value(row + vec3(3, 0, 0));
            if (is_padding(v0) || is_padding(v1) || is_padding(v2) || is_padding(v3)) {
                return no_sample(NONE);
            }
            rows[j] = weighted(along_i, vec4(v0, v1, v2, v3));
        }
        planes[k] = weighted(along_j, rows);
    }
    return modality_value(weighted(along_k, planes));
}

/// The tangents' factors from the intervals before, around and after a slice; negative if slices are missing.
fn tangents_at(k: i32) -> vec2<f32> {
    if (UNEVEN) {
        let before = slice_rows[k - 1].gap_mm;
        let middle = slice_rows[k].gap_mm;
        let after = slice_rows[k + 1].gap_mm;
        if (before < 0.0 || middle < 0.0 || after < 0.0) {
            return vec2(-1.0);
        }
        return vec2(middle / (before + middle), middle / (middle + after));
    }
    return vec2(0.5);
}

/// The weights of four neighbours, of which the place lies between the second and the third.
fn cubic_weights(f: f32, r: f32, q: f32) -> vec4<f32> {
    let g = (f - 1.0) * (f - 1.0) * f;
    let h = f * f * (f - 1.0);
    let s = f * f * (3.0 - 2.0 * f);
    return vec4(-g * r, 1.0 - s - h * q, s + g * r, h * q);
}

fn weighted(weights: vec4<f32>, values: vec4<f32>) -> f32 {
    return ((weights.x * values.x + weights.y * values.y) + weights.z * values.z) + weights.w * values.w;
}

/// The lattice units between the sides one slice before and one after a position.
fn side_distance(position: Position) -> f32 {
    if (UNEVEN) {
        let k = position.voxel.z;
        let f = position.fraction.z;
        return ((1.0 - f) * gap_after(k - 1) + f * gap_after(k))
            + ((1.0 - f) * gap_after(k) + f * gap_after(k + 1));
    }
    return 2.0;
}

fn gap_after(k: i32) -> f32 {
    return abs(slice_rows[clamp(k, 0, sampling.size.z - 2)].gap_mm);
}
