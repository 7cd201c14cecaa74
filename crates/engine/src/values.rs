//! The spread of a volume's values, for presets that are relative to it.

use anatome_core::{Samples, Volume};

/// The most samples that are looked at.
const MOST: usize = 1 << 20;

/// The modality values below which the given parts (0 to 1, ascending order not needed) of the samples lie, padding
/// excluded; from an evenly strided subset of about a million. `None` if all is padding.
#[must_use]
pub fn quantiles<const N: usize>(volume: &Volume, parts: [f64; N]) -> Option<[f64; N]> {
    let mut values = values(volume)?;
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(parts.map(|part| values[((last as f64 * part).round() as usize).min(last)]))
}

/// The mean of the values that are above a tenth of the 99th percentile: those of the body, in an image of uptake.
pub(crate) fn mean_uptake(volume: &Volume) -> Option<f64> {
    let [high] = quantiles(volume, [0.99])?;
    let body: Vec<f64> = values(volume)?.into_iter().filter(|&value| value > 0.1 * high).collect();
    (!body.is_empty()).then(|| body.iter().sum::<f64>() / body.len() as f64)
}

/// Modality values of an evenly strided subset of about a million samples, padding excluded.
fn values(volume: &Volume) -> Option<Vec<f64>> {
    let stored: Vec<f32> = match volume.samples() {
        Samples::U8(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::I16(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::U16(a) => strided(a.iter().map(|&v| f32::from(v)), a.len()),
        Samples::F32(a) => strided(a.iter().copied(), a.len()),
        _ => return None,
    };
    let padding = volume.padding();
    let values = stored.into_iter().map(f64::from).filter(|&v| !padding.is_some_and(|p| p.contains(v)));
    Some(values.map(|v| volume.mapping().modality_from_stored(v)).collect())
}

/// Every n-th sample, with n odd so that no column of the grid is always hit.
fn strided(samples: impl Iterator<Item = f32>, len: usize) -> Vec<f32> {
    samples.step_by((len / MOST) | 1).collect()
}
