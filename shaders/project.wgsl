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
        for (var n = 0u; n < min(u32(ray.last - ray.first + 1), MAX_SAMPLES); n++) {
            gather(&gathered, sample_ray(ray, ray.first + i32(n)));
        }
    }
    let found = projected(gathered);
    // Missing slices are hatched in slices and slabs only.
    let shown = Sample(found.value, select(NONE, SOME, found.kind == SOME));
    store(group.x * TILE_PIXELS + index, pixel_word(shown, pixel));
}
