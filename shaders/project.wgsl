//! Projections: the largest, smallest or mean value along a ray.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import sampling
#import projection
#import display
#import ray
#import leap

/// As the shader `cells` leaves them; not looked at without leaps.
@group(0) @binding(10) var<storage, read> ranges: array<vec2<f32>>;

@compute @workgroup_size(16, 16)
fn project(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = tiles[group.x];
    let pixel = pixel_of(vec2(tile.x, tile.y), local.xy);
    var word = 0u;
    if (is_wanted(tile, pixel)) {
        let found = projected(gather_ray(ray_of_pixel(pixel)));
        // Missing slices are hatched in slices and slabs only.
        word = pixel_word(Sample(found.value, select(NONE, SOME, found.kind == SOME)), pixel);
    }
    store_tile(group.x, index, word);
}

fn gather_ray(ray: Ray) -> Gathered {
    var gathered = gather_none();
    if (!ray.is_inside) {
        return gathered;
    }
    // A mean has samples where the ray enters and leaves, too.
    let ends = select(0, 1, PROJECTION == MEAN);
    var n = ray.first - ends;
    var before = t_of(ray, n);
    for (var step = 0u; step < min(u32(ray.last + ends - ray.first + ends + 1), MAX_SAMPLES); step++) {
        if (n > ray.last + ends) {
            break;
        }
        if (SKIPPING && PROJECTION != MEAN) {
            let cell = cell_of_sample(ray, n);
            if (is_indifferent(gathered, ranges[cell_index(cell, cells_of_volume())])) {
                n = last_within(ray, n, cell, 1u) + 1;
                continue;
            }
        }
        let t = t_of(ray, n);
        gather(&gathered, sample_ray(ray, n), t - before);
        if (SKIPPING && is_settled(gathered)) {
            break;
        }
        before = t;
        n += 1;
    }
    return gathered;
}

/// Whether no value of a range would change what is shown.
fn is_indifferent(gathered: Gathered, range: vec2<f32>) -> bool {
    if (range.x > range.y) {
        return true;
    }
    if (gathered.count == 0u) {
        return false;
    }
    let window = display_window();
    if (PROJECTION == MIP) {
        return range.y <= max(gathered.value, window.x);
    }
    return range.x >= gathered.value || range.x > window.y;
}

/// Whether no further value can change what is shown.
fn is_settled(gathered: Gathered) -> bool {
    if (PROJECTION == MEAN || gathered.count == 0u) {
        return false;
    }
    let window = display_window();
    if (PROJECTION == MIP) {
        return gathered.value > window.y;
    }
    return gathered.value <= window.x;
}
