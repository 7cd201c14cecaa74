//! Samples on a grid, and what they mean.

use std::fmt;
use std::sync::{Arc, OnceLock};

use glam::DVec3;
use serde::{Deserialize, Serialize};

use crate::digest::{SEED, mix, mix_bytes};
use crate::{Error, GeometryFault, Grid, Result, Samples, Voi};

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
        let (low, high) = self.samples.range(self.padding)?;
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
            mix_bytes(hash, self.samples.bytes().unwrap_or_default())
        })
    }
}
