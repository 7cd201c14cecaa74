//! From modality value to display value: windows and VOI LUTs (PS3.3 C.11.2).

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The function of a window (0028,1056), PS3.3 C.11.2.1.2.1 and C.11.2.1.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowFunction {
    /// LINEAR: for integers; a width of 1 is a threshold.
    #[default]
    Linear,
    /// LINEAR_EXACT: for any number.
    LinearExact,
    /// SIGMOID: never clamps.
    Sigmoid,
}

/// A window: which modality values are spread from black to white.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawWindow")]
pub struct Window {
    center: f64,
    width: f64,
    #[serde(default)]
    function: WindowFunction,
}

#[derive(Deserialize)]
struct RawWindow {
    center: f64,
    width: f64,
    #[serde(default)]
    function: WindowFunction,
}

impl TryFrom<RawWindow> for Window {
    type Error = Error;

    fn try_from(raw: RawWindow) -> Result<Self> {
        Self::new(raw.center, raw.width, raw.function)
    }
}

impl Window {
    /// A window by centre and width in modality units.
    ///
    /// # Errors
    /// Malformed, unless both are finite and the width is at least 1 for LINEAR and positive for the others.
    pub fn new(center: f64, width: f64, function: WindowFunction) -> Result<Self> {
        let narrowest = if function == WindowFunction::Linear { 1.0 } else { f64::MIN_POSITIVE };
        if !center.is_finite() || !width.is_finite() || width < narrowest {
            let reason = format!("centre {center}, width {width} (PS3.3 C.11.2.1.2)");
            return Err(Error::Malformed { what: "window", reason });
        }
        Ok(Self { center, width, function })
    }

    /// The LINEAR_EXACT window that spreads `low..=high` over the whole range.
    ///
    /// # Errors
    /// Malformed, if they are not finite. Equal ends give a width of 1.
    pub fn spanning(low: f64, high: f64) -> Result<Self> {
        let width = if high > low { high - low } else { 1.0 };
        Self::new(f64::midpoint(low, high), width, WindowFunction::LinearExact)
    }

    /// The centre in modality units.
    #[must_use]
    pub fn center(&self) -> f64 {
        self.center
    }

    /// The width in modality units.
    #[must_use]
    pub fn width(&self) -> f64 {
        self.width
    }

    /// The function.
    #[must_use]
    pub fn function(&self) -> WindowFunction {
        self.function
    }

    /// The ends of the linear part in modality units: at or below `.0` is black, above `.1` is white. For SIGMOID the
    /// ends of the tangent at the centre.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let (center, width) = match self.function {
            WindowFunction::Linear => (self.center - 0.5, self.width - 1.0),
            WindowFunction::LinearExact | WindowFunction::Sigmoid => (self.center, self.width),
        };
        (center - width / 2.0, center + width / 2.0)
    }

    /// The display value, 0 (black) to 1 (white), of a modality value.
    #[must_use]
    pub fn display_from_modality(&self, value: f64) -> f64 {
        if self.function == WindowFunction::Sigmoid {
            return 1.0 / (1.0 + (-4.0 * (value - self.center) / self.width).exp());
        }
        let (low, high) = self.ends();
        if value <= low {
            0.0
        } else if value > high {
            1.0
        } else {
            (value - low) / (high - low)
        }
    }
}

/// A VOI LUT (PS3.3 C.11.2.1.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawVoiLut")]
pub struct VoiLut {
    first_mapped: f64,
    bits: u8,
    entries: Vec<u16>,
}

#[derive(Deserialize)]
struct RawVoiLut {
    first_mapped: f64,
    bits: u8,
    entries: Vec<u16>,
}

impl TryFrom<RawVoiLut> for VoiLut {
    type Error = Error;

    fn try_from(raw: RawVoiLut) -> Result<Self> {
        Self::new(raw.first_mapped, raw.bits, raw.entries)
    }
}

impl VoiLut {
    /// A table whose first entry belongs to the modality value `first_mapped`, with entries of `bits` (8 to 16) bits.
    ///
    /// # Errors
    /// Malformed, if it is empty, longer than 65,536 entries, or the bits are out of range.
    pub fn new(first_mapped: f64, bits: u8, entries: Vec<u16>) -> Result<Self> {
        if entries.is_empty()
            || entries.len() > 65_536
            || !(8..=16).contains(&bits)
            || !first_mapped.is_finite()
        {
            let reason = format!("{} entries of {bits} bits (PS3.3 C.11.2.1.1)", entries.len());
            return Err(Error::Malformed { what: "VOI LUT", reason });
        }
        Ok(Self { first_mapped, bits, entries })
    }

    /// The modality value of the first entry.
    #[must_use]
    pub fn first_mapped(&self) -> f64 {
        self.first_mapped
    }

    /// The entries as display values, 0 to 1.
    #[must_use]
    pub fn display_values(&self) -> Vec<f32> {
        let white = f64::from((1u32 << self.bits) - 1);
        self.entries.iter().map(|&e| (f64::from(e) / white).min(1.0) as f32).collect()
    }

    /// The display value, 0 to 1: the entry of the nearest integer; outside, the first or last entry.
    #[must_use]
    pub fn display_from_modality(&self, value: f64) -> f64 {
        let last = self.entries.len() - 1;
        let n = (value - self.first_mapped + 0.5).floor().clamp(0.0, last as f64) as usize;
        (f64::from(self.entries[n]) / f64::from((1u32 << self.bits) - 1)).min(1.0)
    }
}

/// Values of interest: a window or a LUT, never both (PS3.4 N.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Voi {
    /// By a function.
    Window(Window),
    /// By a table.
    Lut(VoiLut),
}

impl Voi {
    /// The display value, 0 (black) to 1 (white), of a modality value.
    #[must_use]
    pub fn display_from_modality(&self, value: f64) -> f64 {
        match self {
            Self::Window(window) => window.display_from_modality(value),
            Self::Lut(lut) => lut.display_from_modality(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(center: f64, width: f64, function: WindowFunction, value: f64) -> f64 {
        Window::new(center, width, function).unwrap().display_from_modality(value) * 255.0
    }

    /// Computed in f64 from the formulae of PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2.
    #[test]
    fn the_three_functions_give_the_standards_numbers() {
        let rows = [
            (-160.0, 0.0, 0.0, 30.3967),
            (-159.0, 0.6391, 0.6375, 30.6655),
            (-129.0, 19.8120, 19.7625, 39.7228),
            (0.0, 102.2556, 102.0, 102.3346),
            (39.0, 127.1805, 126.8625, 126.8625),
            (40.0, 127.8195, 127.5, 127.5),
            (65.0, 143.7970, 143.4375, 143.3550),
            (194.0, 226.2406, 225.6750, 209.9835),
            (239.0, 255.0, 254.3625, 224.3345),
            (240.0, 255.0, 255.0, 224.6033),
        ];
        for (x, linear, exact, sigmoid) in rows {
            assert!((grey(40.0, 400.0, WindowFunction::Linear, x) - linear).abs() < 5e-5, "LINEAR {x}");
            assert!((grey(40.0, 400.0, WindowFunction::LinearExact, x) - exact).abs() < 5e-5, "EXACT {x}");
            assert!((grey(40.0, 400.0, WindowFunction::Sigmoid, x) - sigmoid).abs() < 5e-5, "SIGMOID {x}");
        }
    }

    /// The worked examples in the notes of PS3.3 C.11.2.1.2.1.
    #[test]
    fn linear_follows_the_standards_examples() {
        let linear = |c, w, x| grey(c, w, WindowFunction::Linear, x);
        assert_eq!(linear(2048.0, 4096.0, 0.0), 0.0);
        assert_eq!(linear(2048.0, 4096.0, 4095.0), 255.0);
        assert!((linear(2048.0, 4096.0, 2047.0) - 127.4689).abs() < 5e-5);
        assert_eq!((linear(2048.0, 1.0, 2047.0), linear(2048.0, 1.0, 2048.0)), (0.0, 255.0));
        assert_eq!((linear(0.0, 100.0, -50.0), linear(0.0, 100.0, 49.0)), (0.0, 255.0));
        assert!((linear(0.0, 100.0, 0.0) - 128.7879).abs() < 5e-5);
        assert_eq!((linear(0.0, 1.0, -1.0), linear(0.0, 1.0, 0.0)), (0.0, 255.0));
    }

    #[test]
    fn windows_that_the_standard_forbids_are_refused() {
        assert!(Window::new(0.0, 0.5, WindowFunction::Linear).is_err());
        assert!(Window::new(0.0, 0.5, WindowFunction::LinearExact).is_ok());
        assert!(Window::new(0.0, 0.0, WindowFunction::LinearExact).is_err());
        assert!(Window::new(f64::NAN, 1.0, WindowFunction::Sigmoid).is_err());
    }

    #[test]
    fn a_lut_goes_on_with_its_ends() {
        let lut = VoiLut::new(-2.0, 8, vec![10, 20, 255]).unwrap();
        let at = |x| (lut.display_from_modality(x) * 255.0).round();
        assert_eq!([-9.0, -2.0, -1.2, 0.0, 7.0].map(at), [10.0, 10.0, 20.0, 255.0, 255.0]);
    }
}
