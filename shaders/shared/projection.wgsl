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
    /// The sum of the means of neighbours that are both samples.
    pair_sum: f32,
    /// How many such neighbours.
    pairs: u32,
    /// The sample before.
    previous: Sample,
    /// Whether slices are missing somewhere on the line.
    is_missing: bool,
}

fn gather_none() -> Gathered {
    return Gathered(0.0, 0u, 0.0, 0u, no_sample(NONE), false);
}

fn gather(gathered: ptr<function, Gathered>, next: Sample) {
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
            (*gathered).pair_sum = before.pair_sum + 0.5 * (before.previous.value + next.value);
            (*gathered).pairs = before.pairs + 1u;
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
        if (gathered.pairs > 0u) {
            return Sample(gathered.pair_sum / f32(gathered.pairs), SOME);
        }
        return Sample(gathered.value / f32(gathered.count), SOME);
    }
    return Sample(gathered.value, SOME);
}
