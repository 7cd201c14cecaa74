//! Slices on their way out while others are still decoded.

use anatome_core::{Facts, Grid, Padding, SliceSamples, ValueMapping};

/// Takes slices as they are finished, before the volume is whole. Called from the threads that decode: what takes long
/// here slows loading down.
pub trait SliceSink: Sync {
    /// Called once, before the first slice.
    fn begin(&self, coming: &Coming<'_>);

    /// A finished slice, in no particular order. One that can't be decoded never comes; the volume is then without it.
    fn slice(&self, slice: FinishedSlice<'_>);
}

/// What is known of a volume before its first slice is decoded.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Coming<'a> {
    /// Where the samples will stand.
    pub grid: &'a Grid,
    /// From stored to modality values.
    pub mapping: &'a ValueMapping,
    /// The stored values that are no samples; it may turn out that there are none.
    pub padding: Option<Padding>,
    /// What else is known.
    pub facts: &'a Facts,
}

/// The stored samples of a slice, `[j, i]`, as they stand in the volume.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FinishedSlice<'a> {
    /// Its number in the grid that was announced.
    pub k: usize,
    /// Its samples.
    pub samples: SliceSamples<'a>,
}

/// Lets slices go by.
impl SliceSink for () {
    fn begin(&self, _: &Coming<'_>) {}

    fn slice(&self, _: FinishedSlice<'_>) {}
}
