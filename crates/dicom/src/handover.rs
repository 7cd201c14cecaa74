//! Slices on their way out while others are still decoded.

use anatome_core::{Facts, Grid, Padding, ValueMapping};

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

/// Samples of a slice, i fastest.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SliceSamples<'a> {
    /// 8 bits, unsigned.
    U8(&'a [u8]),
    /// 16 bits, signed.
    I16(&'a [i16]),
    /// 16 bits, unsigned.
    U16(&'a [u16]),
    /// 32-bit floating point.
    F32(&'a [f32]),
}

/// Lets slices go by.
impl SliceSink for () {
    fn begin(&self, _: &Coming<'_>) {}

    fn slice(&self, _: FinishedSlice<'_>) {}
}
