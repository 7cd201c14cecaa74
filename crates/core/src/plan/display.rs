//! From modality value to pixel.

use crate::{Appearance, Layer, Scene, Voi, WindowFunction};

/// From modality value to pixel: VOI, inversion, colours, and one rounding at the end: `floor(display * max + 0.5)`.
#[derive(Clone, Debug)]
pub struct DisplayPlan {
    /// From modality value to display value, 0 to 1.
    pub voi: VoiPlan,
    /// Whether the display value is subtracted from 1.
    pub invert: bool,
    /// Evenly spaced colours for display values from 0 to 1, to interpolate linearly; grey if absent.
    pub colors: Option<Vec<[f32; 3]>>,
    /// The colour where there is no sample; its first component for grey outputs.
    pub background: [f32; 3],
}

/// From modality value to display value.
#[derive(Clone, Debug)]
pub enum VoiPlan {
    /// `x <= low` is 0, `x > high` is 1, else `(x - low) * inverse_width`.
    Linear {
        /// At or below is black.
        low: f32,
        /// Above is white.
        high: f32,
        /// `1 / (high - low)`; 0 if they are equal.
        inverse_width: f32,
    },
    /// `1 / (1 + exp((x - center) * rate))`.
    Sigmoid {
        /// The centre.
        center: f32,
        /// `-4 / width`.
        rate: f32,
    },
    /// `values[clamp(floor(x - first + 0.5), 0, len - 1)]`.
    Lut {
        /// The modality value of the first entry.
        first: f32,
        /// Display values, 0 to 1.
        values: Vec<f32>,
    },
}

impl VoiPlan {
    fn new(voi: &Voi) -> Self {
        match voi {
            Voi::Lut(lut) => Self::Lut { first: lut.first_mapped() as f32, values: lut.display_values() },
            Voi::Window(window) if window.function() == WindowFunction::Sigmoid => {
                Self::Sigmoid { center: window.center() as f32, rate: (-4.0 / window.width()) as f32 }
            }
            Voi::Window(window) => {
                let (low, high) = window.ends();
                let inverse_width = if high > low { (1.0 / (high - low)) as f32 } else { 0.0 };
                Self::Linear { low: low as f32, high: high as f32, inverse_width }
            }
        }
    }
}

impl DisplayPlan {
    /// The number of colours in a table.
    pub const COLORS: usize = 1024;

    /// The hatching that marks missing slices in slices and slabs: pixels whose `(x + y) / HATCH_PX` is even are moved
    /// by [`Self::HATCH`] of the way towards mid-grey.
    pub const HATCH_PX: u32 = 8;
    /// How far hatched pixels are moved towards mid-grey.
    pub const HATCH: f32 = 0.4;

    pub(super) fn new(scene: &Scene, layer: &Layer) -> Option<Self> {
        let Appearance::Grey { voi, invert, colors } = &layer.appearance else { return None };
        Some(Self {
            voi: VoiPlan::new(voi),
            invert: *invert,
            colors: colors.as_ref().map(|map| map.table(Self::COLORS)),
            background: scene.background,
        })
    }
}
