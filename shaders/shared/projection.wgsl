//! From the samples along a line to one value.

#import sampling

/// 0 the largest value, 1 the smallest, 2 the mean.
override PROJECTION: u32;

const MIP = 0u;
const MEAN = 2u;

/// What is known of the samples of a line so far.
struct Gathered {
    /// The largest or smallest value, or the sum of all.
    value: f32,
    /// How many samples.
    count: u32,
    /// The sum of the means of neighbours that are both samples, times how far they are apart.
    area: f32,
    /// How far all such neighbours are apart.
    length: f32,
    /// The sample before.
    previous: Sample,
    /// Whether slices are missing somewhere on the line.
    is_missing: bool,
}

fn gather_none() -> Gathered {
    return Gathered(0.0, 0u, 0.0, 0.0, no_sample(NONE), false);
}

/// Takes the next sample, which is `apart` from the one before.
fn gather(gathered: ptr<function, Gathered>, next: Sample, apart: f32) {
    let before = *gathered;
    (*gathered).previous = next;
    if (next.kind != SOME) {
        (*gathered).is_missing = before.is_missing || next.kind == MISSING;
        return;
    }
    (*gathered).count = before.count + 1u;
    if (PROJECTION == MEAN) {
        (*gathered).value = before.value + next.value;
        if (before.previous.kind == SOME) {
            (*gathered).area = before.area + (0.5 * (before.previous.value + next.value)) * apart;
            (*gathered).length = before.length + apart;
        }
    } else if (before.count == 0u) {
        (*gathered).value = next.value;
    } else if (PROJECTION == MIP) {
        (*gathered).value = max(before.value, next.value);
    } else {
        (*gathered).value = min(before.value, next.value);
    }
}

/// The value of a line.
fn projected(gathered: Gathered) -> Sample {
    if (gathered.count == 0u) {
        return no_sample(select(NONE, MISSING, gathered.is_missing));
    }
    if (PROJECTION == MEAN) {
        if (gathered.length > 0.0) {
            return Sample(gathered.area / gathered.length, SOME);
        }
        return Sample(gathered.value / f32(gathered.count), SOME);
    }
    return Sample(gathered.value, SOME);
}
