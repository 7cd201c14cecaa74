//! Puts finished tiles where they stand in a picture that stays on the GPU. Of a checkerboard the picture is that of the
//! pixels that are computed, half as many in a row.

#import output

struct Params {
    /// The words of a row of the picture.
    row_words: u32,
    /// The columns of the whole picture for each pixel of a tile's row.
    columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> picture: array<u32>;

@compute @workgroup_size(256)
fn place(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) index: u32,
) {
    let across = TILE_PX / PACK;
    if (index >= across * TILE_PX) {
        return;
    }
    let tile = tiles[group.x];
    let row = tile.y + index / across;
    let at = row * params.row_words + tile.x / params.columns / PACK + index % across;
    let word = output[group.x * (TILE_PIXELS / PACK) + index];
    // Below its last row there is no picture; to its right there is room for whole tiles.
    if (at < arrayLength(&picture)) {
        picture[at] = word;
    }
}
