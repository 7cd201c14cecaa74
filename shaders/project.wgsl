//! Projections: the largest, smallest or mean value along a ray.
//! variants: UNORM16 UINT16 FLOAT32

#import output
#import sampling
#import projection
#import display
#import ray

@compute @workgroup_size(16, 16)
fn project(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = tiles[group.x];
    let pixel = vec2(tile.x, tile.y) + local.xy;
    if (any(pixel < rays.rect.xy) || any(pixel >= rays.rect.zw)) {
        return;
    }
    let ray = ray_of_pixel(pixel);
    var gathered = gather_none();
    if (ray.is_inside) {
        // A mean has samples where the ray enters and leaves, too.
        let ends = select(0, 1, PROJECTION == MEAN);
        let first = ray.first - ends;
        var before = t_of(ray, first);
        for (var n = 0u; n < min(u32(ray.last + ends - first + 1), MAX_SAMPLES); n++) {
            let t = t_of(ray, first + i32(n));
            gather(&gathered, sample_ray(ray, first + i32(n)), t - before);
            before = t;
        }
    }
    let found = projected(gathered);
    // Missing slices are hatched in slices and slabs only.
    let shown = Sample(found.value, select(NONE, SOME, found.kind == SOME));
    store(group.x * TILE_PIXELS + index, pixel_word(shown, pixel));
}
