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
    let steps = steps_of(clip_ray(ray));
    var gathered = gather_none();
    for (var n = 0u; n < min(steps.count, MAX_SAMPLES); n++) {
        gather(&gathered, sample_ray(ray, f32(steps.first + i32(n)) * rays.step_mm));
    }
    store(group.x * TILE_PIXELS + index, pixel_word(without_hatch(projected(gathered)), pixel));
}

/// Missing slices are hatched in slices and slabs only.
fn without_hatch(value: Sample) -> Sample {
    return Sample(value.value, select(NONE, SOME, value.kind == SOME));
}
