//! The spread of a volume's values, for presets that are relative to it.

use anatome_core::{Samples, Volume};

/// The most samples that are looked at.
const MOST: usize = 1 << 20;

/// The modality values below which the given parts (0 to 1, ascending order not needed) of the samples lie, padding
/// excluded; from an evenly strided subset of about a million. `None` if all is padding.
#[must_use]
pub fn quantiles<const N: usize>(volume: &Volume, parts: [f64; N]) -> Option<[f64; N]> {
    let stored: Vec<f32> = match volume.samples() {
        Samples::U8(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::I16(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::U16(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::F32(a) => strided(a.iter().copied(), a.len()),
        _ => return None,
    };
    let padding = volume.padding();
    let mut values: Vec<f64> = stored
        .into_iter()
        .map(f64::from)
        .filter(|&v| !padding.is_some_and(|p| p.contains(v)))
        .map(|v| volume.mapping().modality_from_stored(v))
        .collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(parts.map(|part| values[((last as f64 * part).round() as usize).min(last)]))
}

/// Every n-th sample, with n odd so that no column of the grid is always hit.
fn strided(samples: impl Iterator<Item = f32>, len: usize) -> Vec<f32> {
    samples.step_by((len / MOST) | 1).collect()
}
