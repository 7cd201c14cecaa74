//! Where every shader writes its result.

@group(0) @binding(0) var<storage, read_write> output: array<u32>;

/// Writes a word of the result; a place beyond its end is left out.
fn store(index: u32, value: u32) {
    if (index < arrayLength(&output)) {
        output[index] = value;
    }
}
