//! Samples on a grid.

use std::fmt;
use std::sync::{Arc, OnceLock};

use glam::DVec3;
use ndarray::{Array3, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

use crate::{Error, GeometryFault, Grid, Result, Voi};

/// Stored samples, `[k, j, i]`, in their own type.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Samples {
    /// 8 bits, unsigned.
    U8(Array3<u8>),
    /// 16 bits, signed.
    I16(Array3<i16>),
    /// 16 bits, unsigned.
    U16(Array3<u16>),
    /// 32-bit floating point, finite.
    F32(Array3<f32>),
}

/// A type in which samples are stored.
pub trait Sample: Copy + Send + Sync + PartialOrd + bytemuck::Pod + 'static {
    /// The sample as f32: exact for all stored types.
    fn to_f32(self) -> f32;
}

macro_rules! sample {
    ($($t:ty),*) => {$(
        impl Sample for $t {
            #[inline(always)]
            fn to_f32(self) -> f32 {
                f32::from(self)
            }
        }
    )*};
}
sample!(u8, i16, u16, f32);

impl Samples {
    /// The shape, `[k, j, i]`.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        let (k, j, i) = match self {
            Self::U8(a) => a.dim(),
            Self::I16(a) => a.dim(),
            Self::U16(a) => a.dim(),
            Self::F32(a) => a.dim(),
        };
        [k, j, i]
    }

    /// The samples' bytes in the machine's byte order, i fastest; `None` for an array that is not contiguous.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::U8(a) => a.as_slice(),
            Self::I16(a) => a.as_slice().map(bytemuck::cast_slice),
            Self::U16(a) => a.as_slice().map(bytemuck::cast_slice),
            Self::F32(a) => a.as_slice().map(bytemuck::cast_slice),
        }
    }

    /// The stored value at `[k, j, i]` as f64, or `None` outside.
    #[must_use]
    pub fn get(&self, index: [usize; 3]) -> Option<f64> {
        match self {
            Self::U8(a) => a.get(index).map(|&v| f64::from(v)),
            Self::I16(a) => a.get(index).map(|&v| f64::from(v)),
            Self::U16(a) => a.get(index).map(|&v| f64::from(v)),
            Self::F32(a) => a.get(index).map(|&v| f64::from(v)),
        }
    }

    /// The slices `kept` of these, in that order; numbers that are not there give nothing.
    #[must_use]
    pub fn of_slices(self, kept: &[usize]) -> Self {
        fn of<T: Copy>(samples: &Array3<T>, kept: &[usize]) -> Array3<T> {
            let there: Vec<usize> = kept.iter().copied().filter(|&k| k < samples.dim().0).collect();
            samples.select(Axis(0), &there)
        }
        match self {
            Self::U8(a) => Self::U8(of(&a, kept)),
            Self::I16(a) => Self::I16(of(&a, kept)),
            Self::U16(a) => Self::U16(of(&a, kept)),
            Self::F32(a) => Self::F32(of(&a, kept)),
        }
    }

    /// The type's name: `u8`, `i16`, `u16` or `f32`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::U8(_) => "u8",
            Self::I16(_) => "i16",
            Self::U16(_) => "u16",
            Self::F32(_) => "f32",
        }
    }
}

/// What the modality values measure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Hounsfield units.
    Hounsfield,
    /// Becquerel per millilitre.
    BecquerelPerMl,
    /// Standardised uptake value by body weight, g/ml.
    SuvBodyWeight,
    /// Standardised uptake value by lean body mass after James with 120 for men, g/ml.
    SuvLeanBodyMassJames,
    /// Standardised uptake value by lean body mass after James with 128 for men, g/ml.
    SuvLeanBodyMassJames128,
    /// Standardised uptake value by lean body mass after Janmahasatian, g/ml.
    SuvLeanBodyMassJanmahasatian,
    /// Standardised uptake value by body surface area, cm²/ml.
    SuvBodySurfaceArea,
    /// Standardised uptake value by ideal body weight, g/ml.
    SuvIdealBodyWeight,
    /// Gray: absorbed dose.
    Gray,
    /// Values that have no unit, as in most MR.
    Arbitrary,
    /// Another unit, by the name that the file gives.
    Other(String),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hounsfield => "HU",
            Self::BecquerelPerMl => "Bq/ml",
            Self::SuvBodyWeight => "g/ml SUVbw",
            Self::SuvLeanBodyMassJames => "g/ml SUVlbm",
            Self::SuvLeanBodyMassJames128 => "g/ml SUVlbm (James 128)",
            Self::SuvLeanBodyMassJanmahasatian => "g/ml SUVlbm (Janmahasatian)",
            Self::SuvBodySurfaceArea => "cm²/ml SUVbsa",
            Self::SuvIdealBodyWeight => "g/ml SUVibw",
            Self::Gray => "Gy",
            Self::Arbitrary => "",
            Self::Other(name) => name,
        })
    }
}

/// From stored value to modality value (PS3.3 C.11.1): `slope * stored + intercept`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ValueMapping {
    /// Modality units per stored unit; finite, not zero.
    pub slope: f64,
    /// The modality value of a stored zero.
    pub intercept: f64,
    /// What the modality values measure.
    pub unit: Unit,
}

impl ValueMapping {
    /// Stored values that are modality values already.
    #[must_use]
    pub fn identity(unit: Unit) -> Self {
        Self { slope: 1.0, intercept: 0.0, unit }
    }

    /// The modality value of a stored value.
    #[must_use]
    pub fn modality_from_stored(&self, stored: f64) -> f64 {
        self.slope * stored + self.intercept
    }

    /// The stored value of a modality value.
    #[must_use]
    pub fn stored_from_modality(&self, modality: f64) -> f64 {
        (modality - self.intercept) / self.slope
    }
}

/// Stored values from `lowest` to `highest` (both included) are no samples (PS3.3 C.7.5.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Padding {
    /// The lowest stored value that is padding.
    pub lowest: f64,
    /// The highest stored value that is padding.
    pub highest: f64,
}

impl Padding {
    /// The stored value that marks places without samples in f32 volumes.
    pub const F32: Self = Self { lowest: f32::MIN as f64, highest: f32::MIN as f64 };

    /// Whether a stored value is padding.
    #[must_use]
    pub fn contains(&self, stored: f64) -> bool {
        self.lowest <= stored && stored <= self.highest
    }
}

/// The kind of equipment (0008,0060).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Modality {
    /// Computed tomography.
    Ct,
    /// Magnetic resonance.
    Mr,
    /// Positron emission tomography.
    Pt,
    /// Another modality, by its DICOM code.
    #[serde(untagged)]
    Other(String),
}

impl Modality {
    /// From the DICOM code, such as `CT`.
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        match code {
            "CT" => Self::Ct,
            "MR" => Self::Mr,
            "PT" => Self::Pt,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Whether the file states one: `OT`, other, says nothing of what values mean.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !matches!(self.code(), "" | "OT")
    }

    /// The DICOM code; empty if the file states none.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Ct => "CT",
            Self::Mr => "MR",
            Self::Pt => "PT",
            Self::Other(code) => code,
        }
    }
}

/// A window or LUT that the file recommends, with its explanation (0028,1055).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedVoi {
    /// The explanation, or an empty string.
    pub name: String,
    /// The window or LUT.
    pub voi: Voi,
}

/// What is known of a volume beside its samples. Holds no identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// The kind of equipment.
    pub modality: Modality,
    /// Whether low values are to be shown white (MONOCHROME1).
    pub inverted: bool,
    /// The windows that the file recommends, in its order.
    pub vois: Vec<NamedVoi>,
    /// Whether the pixels were ever compressed with loss.
    pub lossy: bool,
    /// Frame of Reference UID (0020,0052): volumes that share it share patient coordinates.
    pub frame_of_reference: Option<String>,
    /// Nominal thickness of a slice in mm (0018,0050): the blur, not the distance between slices.
    pub slice_thickness_mm: Option<f64>,
}

impl Facts {
    /// Facts of a generated volume.
    #[must_use]
    pub fn new(modality: Modality) -> Self {
        Self {
            modality,
            inverted: false,
            vois: Vec::new(),
            lossy: false,
            frame_of_reference: None,
            slice_thickness_mm: None,
        }
    }
}

/// Samples on a grid, with what they mean. Never changes after it is made.
#[derive(Debug)]
pub struct Volume {
    grid: Grid,
    samples: Samples,
    mapping: ValueMapping,
    padding: Option<Padding>,
    facts: Facts,
    digest: OnceLock<u64>,
}

impl Volume {
    /// A volume from its parts.
    ///
    /// # Errors
    /// Geometry, if samples and grid differ in shape; malformed, if the mapping is not finite or its slope is zero,
    /// the array is not contiguous in `[k, j, i]` order, or an f32 sample is not finite.
    pub fn new(
        grid: Grid,
        samples: Samples,
        mapping: ValueMapping,
        padding: Option<Padding>,
        facts: Facts,
    ) -> Result<Self> {
        if samples.shape() != grid.shape() {
            return Err(GeometryFault::ShapeMismatch { samples: samples.shape(), grid: grid.shape() }.into());
        }
        let malformed = |what, reason: &str| Err(Error::Malformed { what, reason: reason.to_owned() });
        if !mapping.slope.is_finite() || mapping.slope == 0.0 || !mapping.intercept.is_finite() {
            return malformed("value mapping", "slope and intercept must be finite and the slope not zero");
        }
        if samples.bytes().is_none() {
            return malformed("volume", "samples must be contiguous in [k, j, i] order");
        }
        if let Samples::F32(a) = &samples
            && a.iter().any(|v| !v.is_finite())
        {
            return malformed("volume", "f32 samples must be finite; mark absent ones with Padding::F32");
        }
        Ok(Self { grid, samples, mapping, padding, facts, digest: OnceLock::new() })
    }

    /// The same samples with another meaning and other recommended windows. Copies the samples only if `volume` is
    /// shared.
    ///
    /// # Errors
    /// Malformed, if the mapping is not finite or its slope is zero.
    pub fn revalued(volume: Arc<Self>, mapping: ValueMapping, vois: Vec<NamedVoi>) -> Result<Self> {
        let (grid, samples, padding, facts) = match Arc::try_unwrap(volume) {
            Ok(own) => (own.grid, own.samples, own.padding, own.facts),
            Err(shared) => {
                (shared.grid.clone(), shared.samples.clone(), shared.padding, shared.facts.clone())
            }
        };
        Self::new(grid, samples, mapping, padding, Facts { vois, ..facts })
    }

    /// Where the samples stand.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The stored samples.
    #[must_use]
    pub fn samples(&self) -> &Samples {
        &self.samples
    }

    /// From stored to modality values.
    #[must_use]
    pub fn mapping(&self) -> &ValueMapping {
        &self.mapping
    }

    /// The stored values that are no samples.
    #[must_use]
    pub fn padding(&self) -> Option<Padding> {
        self.padding
    }

    /// What else is known.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The size of the samples in bytes.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.samples.bytes().map_or(0, <[u8]>::len)
    }

    /// The modality value at the voxel `[k, j, i]`; `None` outside and for padding.
    #[must_use]
    pub fn modality_value(&self, index: [usize; 3]) -> Option<f64> {
        let stored = self.samples.get(index)?;
        let padded = self.padding.is_some_and(|padding| padding.contains(stored));
        (!padded).then(|| self.mapping.modality_from_stored(stored))
    }

    /// The smallest and largest modality value, padding excluded; `None` if all is padding.
    #[must_use]
    pub fn value_range(&self) -> Option<(f64, f64)> {
        let (low, high) = match &self.samples {
            Samples::U8(a) => stored_range(a.view(), self.padding),
            Samples::I16(a) => stored_range(a.view(), self.padding),
            Samples::U16(a) => stored_range(a.view(), self.padding),
            Samples::F32(a) => stored_range(a.view(), self.padding),
        }?;
        let ends = [low, high].map(|v| self.mapping.modality_from_stored(v));
        Some((ends[0].min(ends[1]), ends[0].max(ends[1])))
    }

    /// The centre of the grid in LPS millimetres.
    #[must_use]
    pub fn center_mm(&self) -> DVec3 {
        self.grid.center_mm()
    }

    /// A 64-bit digest of shape, samples and geometry, computed once: tells sources apart in a [`crate::Recipe`]. Not
    /// cryptographic.
    #[must_use]
    pub fn digest(&self) -> u64 {
        *self.digest.get_or_init(|| {
            let affine = self.grid.patient_from_lattice().to_cols_array();
            let mut hash = affine.iter().fold(SEED, |h, v| mix(h, v.to_bits()));
            hash = self.grid.shape().iter().fold(hash, |h, &n| mix(h, n as u64));
            if let Some(table) = self.grid.slices() {
                hash = table.z_mm().iter().fold(hash, |h, z| mix(h, z.to_bits()));
            }
            hash = mix(mix(hash, self.mapping.slope.to_bits()), self.mapping.intercept.to_bits());
            let bytes = self.samples.bytes().unwrap_or_default();
            let (words, rest) = bytes.as_chunks::<8>();
            hash = words.iter().fold(hash, |h, w| mix(h, u64::from_le_bytes(*w)));
            rest.iter().fold(hash, |h, &b| mix(h, u64::from(b)))
        })
    }
}

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(23) ^ word).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

fn stored_range<T: Sample>(samples: ArrayView3<'_, T>, padding: Option<Padding>) -> Option<(f64, f64)> {
    let mut range: Option<(T, T)> = None;
    for &v in samples.iter() {
        if padding.is_some_and(|p| p.contains(f64::from(v.to_f32()))) {
            continue;
        }
        range =
            Some(range.map_or((v, v), |(low, high)| {
                (if v < low { v } else { low }, if v > high { v } else { high })
            }));
    }
    range.map(|(low, high)| (f64::from(low.to_f32()), f64::from(high.to_f32())))
}
