//! What a plane's picture shows at a place: the value there, or what becomes of those through a slab.

use anatome::{Interpolation, Projection, Volume};
use glam::DVec3;

use super::value_at;
use crate::session::Slab;

/// The modality value that a picture shows at a place in LPS mm of a plane of a normal, by the rules of
/// `anatome_core::plan::PlanePlan`; nothing where there is no sample.
pub(crate) fn shown_at(
    volume: &Volume,
    at_mm: DVec3,
    normal: DVec3,
    slab: Slab,
    interpolation: Interpolation,
) -> Option<f64> {
    let intervals = intervals(volume, slab);
    if intervals == 0 {
        return value_at(volume, at_mm, interpolation);
    }
    let first = at_mm - normal * (slab.thickness_mm / 2.0);
    let step = normal * (slab.thickness_mm / intervals as f64);
    let values = (0..=intervals).map(|n| value_at(volume, first + step * n as f64, interpolation));
    match slab.projection {
        Projection::Mip => values.flatten().reduce(f64::max),
        Projection::MinIp => values.flatten().reduce(f64::min),
        Projection::Mean => mean(values),
    }
}

/// How many samples through a slab one place takes.
pub(super) fn samples(volume: &Volume, slab: Slab) -> usize {
    intervals(volume, slab) + 1
}

/// Samples are at most half the smallest spacing apart, both faces included.
fn intervals(volume: &Volume, slab: Slab) -> usize {
    // A quotient that is whole but for its rounding is not rounded up.
    (slab.thickness_mm / (volume.grid().smallest_spacing_mm() / 2.0) - 1e-9).ceil().max(0.0) as usize
}

/// By the trapezoidal rule over neighbours that are both samples; the plain mean if there are none.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (mut pairs, mut plain) = ((0.0, 0), (0.0, 0));
    let mut before = None;
    for value in values {
        if let Some(value) = value {
            plain = (plain.0 + value, plain.1 + 1);
            if let Some(before) = before {
                pairs = (pairs.0 + (before + value) / 2.0, pairs.1 + 1);
            }
        }
        before = value;
    }
    let of = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
    of(pairs).or_else(|| of(plain))
}
