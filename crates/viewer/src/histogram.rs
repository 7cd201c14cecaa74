//! How often values occur.

use anatome::{Samples, Volume};

/// The most samples that are looked at.
const MOST: usize = 1 << 20;

/// How often values occur, in bins of one width.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    /// The modality values at the start of the first bin and at the end of the last.
    pub ends: (f64, f64),
    /// Counts.
    pub counts: Vec<u32>,
}

impl Histogram {
    const BINS: usize = 256;

    /// Of an evenly strided subset of about a million samples, padding excluded.
    pub(crate) fn of(volume: &Volume) -> Self {
        let values = values(volume);
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low >= high || values.is_empty() {
            return Self::default();
        }
        let mut counts = vec![0; Self::BINS];
        let scale = Self::BINS as f64 / (high - low);
        for value in values {
            let bin = (((value - low) * scale) as usize).min(Self::BINS - 1);
            counts[bin] += 1;
        }
        Self { ends: (low, high), counts }
    }

    /// The value below which a part of all lies, 0 to 1; nothing where nothing was counted.
    pub(crate) fn percentile(&self, part: f64) -> Option<f64> {
        let all: f64 = self.counts.iter().map(|&count| f64::from(count)).sum();
        let width = (self.ends.1 - self.ends.0) / self.counts.len() as f64;
        let (wanted, mut below) = (part * all, 0.0);
        for (bin, count) in self.counts.iter().map(|&count| f64::from(count)).enumerate() {
            if count > 0.0 && below + count >= wanted {
                return Some(self.ends.0 + (bin as f64 + (wanted - below) / count) * width);
            }
            below += count;
        }
        None
    }
}

fn values(volume: &Volume) -> Vec<f64> {
    // Odd, so that no column of the grid is always hit.
    let stride = |len: usize| (len / MOST) | 1;
    let stored: Vec<f64> = match volume.samples() {
        Samples::U8(a) => a.iter().step_by(stride(a.len())).map(|&v| v.into()).collect(),
        Samples::I16(a) => a.iter().step_by(stride(a.len())).map(|&v| v.into()).collect(),
        Samples::U16(a) => a.iter().step_by(stride(a.len())).map(|&v| v.into()).collect(),
        Samples::F32(a) => a.iter().step_by(stride(a.len())).map(|&v| v.into()).collect(),
        _ => Vec::new(),
    };
    let padding = volume.padding();
    let samples = stored.into_iter().filter(|&v| !padding.is_some_and(|p| p.contains(v)));
    samples.map(|v| volume.mapping().modality_from_stored(v)).collect()
}
