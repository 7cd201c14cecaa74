//! Transfer functions, windows and colour maps, built in from `assets/`.

use std::sync::LazyLock;

use anatome_core::{
    ColorMap, Modality, Shading, TransferFunction, TransferPoint, Unit, Volume, Window, WindowFunction,
};
use serde::Deserialize;

use crate::values::{mean_uptake, quantiles};
use crate::{Error, Result};

macro_rules! assets {
    ($folder:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../assets/", $folder, "/", $name, ".json")))),*]
    };
}

const RENDERINGS: &[(&str, &str)] = assets!("presets":
    "ct-bone", "ct-soft-tissue", "ct-lung", "ct-vessels", "ct-skin", "ct-muscle-bone",
    "mr-t1-brain", "mr-angiography", "pt-hot",
);
const COLOR_MAPS: &[(&str, &str)] = assets!("colormaps": "hot", "hot-metal", "rainbow", "cool");
const WINDOWS: &str = include_str!("../../../assets/presets/windows.json");

/// In what units a preset's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// Modality values, such as HU.
    Modality,
    /// 0 is the volume's 1st percentile and 1 its 99.9th: for modalities without fixed units.
    Relative,
    /// SUV by body weight. Where the factor is not known, what takes tracer up is taken to have the usual mean.
    Uptake,
}

/// A transfer function with its lighting.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenderingPreset {
    /// The name by which it is chosen.
    pub name: String,
    /// The modality that it is made for.
    pub modality: Modality,
    /// In what units its values are.
    pub scale: Scale,
    /// How surfaces are lit.
    pub shading: Shading,
    points: Vec<TransferPoint>,
}

/// A window with a name.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowPreset {
    /// The name by which it is chosen.
    pub name: String,
    /// The modality that it is made for.
    pub modality: Modality,
    /// The window, in modality units.
    pub window: Window,
}

/// A colour map with a name.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorMapPreset {
    /// The name by which it is chosen.
    pub name: String,
    /// The map.
    pub map: ColorMap,
}

/// All that is built in.
#[derive(Clone, Debug)]
pub struct Presets {
    /// For renderings; the first of a modality is its default.
    pub renderings: Vec<RenderingPreset>,
    /// Windows.
    pub windows: Vec<WindowPreset>,
    /// Colour maps.
    pub color_maps: Vec<ColorMapPreset>,
}

impl Presets {
    /// The built-in presets. A file that does not parse is left out; a test makes sure that none is.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static BUILT_IN: LazyLock<Presets> = LazyLock::new(|| Presets {
            renderings: RENDERINGS.iter().filter_map(|(_, json)| serde_json::from_str(json).ok()).collect(),
            windows: serde_json::from_str(WINDOWS).unwrap_or_default(),
            color_maps: COLOR_MAPS
                .iter()
                .filter_map(|&(name, json)| {
                    Some(ColorMapPreset { name: name.to_owned(), map: serde_json::from_str(json).ok()? })
                })
                .collect(),
        });
        &BUILT_IN
    }

    /// The rendering preset of a name, preferably one of this modality; without a name the modality's default.
    ///
    /// # Errors
    /// Unknown, with the names there are.
    pub fn rendering(&self, name: Option<&str>, modality: &Modality) -> Result<&RenderingPreset> {
        let named = |p: &&RenderingPreset| name.is_none_or(|n| n == p.name);
        let mut matching = self.renderings.iter().filter(named);
        let first = matching.clone().next();
        matching.find(|p| p.modality == *modality).or(if name.is_some() { first } else { None }).ok_or_else(
            || Error::Unknown {
                kind: "rendering preset",
                name: name.map_or_else(|| format!("for {}", modality.code()), str::to_owned),
                known: names(self.renderings.iter().map(|p| p.name.as_str())),
            },
        )
    }

    /// The window of a name, for volumes of a modality. Where none is stated, any is taken.
    ///
    /// # Errors
    /// Unknown, with the names there are; other modality, with the names that fit, if the window is made for another
    /// one.
    pub fn window_for(&self, name: &str, modality: &Modality) -> Result<Window> {
        let preset = self.window(name)?;
        if preset.modality == *modality || !modality.is_known() {
            return Ok(preset.window);
        }
        let fitting = names(self.windows.iter().filter(|p| p.modality == *modality).map(|p| p.name.as_str()));
        let numbers = "give centre and width as C,W";
        let advice =
            if fitting.is_empty() { numbers.to_owned() } else { format!("{numbers}, or one of: {fitting}") };
        Err(other_modality("window", name, &preset.modality, modality, advice))
    }

    /// The rendering preset of a name, or without one the modality's default, for volumes of a modality. Where a
    /// modality has no default, that of MR serves, which is relative to the values.
    ///
    /// # Errors
    /// Unknown, with the names there are; other modality, with the names that fit, if the preset is in its units.
    pub fn rendering_for(&self, name: Option<&str>, modality: &Modality) -> Result<&RenderingPreset> {
        let Some(name) = name else {
            return self.rendering(None, modality).or_else(|_| self.rendering(None, &Modality::Mr));
        };
        let preset = self.rendering(Some(name), modality)?;
        if preset.fits(modality) {
            return Ok(preset);
        }
        let fitting = names(self.renderings.iter().filter(|p| p.fits(modality)).map(|p| p.name.as_str()));
        let advice = format!("choose one of: {fitting}");
        Err(other_modality("rendering preset", name, &preset.modality, modality, advice))
    }

    /// The window of a name.
    ///
    /// # Errors
    /// Unknown, with the names there are.
    pub fn window(&self, name: &str) -> Result<&WindowPreset> {
        self.windows.iter().find(|p| p.name == name).ok_or_else(|| Error::Unknown {
            kind: "window",
            name: name.to_owned(),
            known: names(self.windows.iter().map(|p| p.name.as_str())),
        })
    }
}

impl RenderingPreset {
    /// Whether its values mean something for volumes of a modality, or may where none is stated.
    #[must_use]
    pub fn fits(&self, modality: &Modality) -> bool {
        self.scale != Scale::Modality || self.modality == *modality || !modality.is_known()
    }

    /// The transfer function and lighting for a volume of a modality that the preset [fits](Self::fits). `suv_factor` is
    /// the SUV by body weight for each modality unit, where it is known.
    ///
    /// # Errors
    /// Malformed, if the preset's points are.
    pub fn resolve(&self, volume: &Volume, suv_factor: Option<f64>) -> Result<(TransferFunction, Shading)> {
        let (zero, one) = match self.scale {
            Scale::Modality => (0.0, 1.0),
            Scale::Relative => relative_scale(volume),
            Scale::Uptake => (0.0, value_of_suv_1(volume, suv_factor)),
        };
        let scaled = |p: &TransferPoint| TransferPoint { value: zero + p.value * (one - zero), ..*p };
        let points = self.points.iter().map(scaled).collect();
        let mut shading = self.shading;
        let within_a_voxel = (one - zero) / volume.grid().smallest_spacing_mm();
        match self.scale {
            Scale::Modality => {}
            // A change of a twentieth of the range within a voxel counts half as a surface.
            Scale::Relative => shading.gradient_floor = (0.05 * within_a_voxel) as f32,
            Scale::Uptake => shading.gradient_floor *= within_a_voxel as f32,
        }
        Ok((TransferFunction::new(points)?, shading))
    }
}

/// The SUV that what takes tracer up has in the mean: of evenly spread tracer it is 1, and of FDG about a seventh is
/// excreted when images are made.
const MEAN_SUV: f64 = 0.85;

/// The value that stands for an SUV of 1.
fn value_of_suv_1(volume: &Volume, suv_factor: Option<f64>) -> f64 {
    let stated = match volume.mapping().unit {
        Unit::SuvBodyWeight => Some(1.0),
        _ => suv_factor.map(f64::recip),
    };
    let usable = |value: &f64| value.is_finite() && *value > 0.0;
    let estimated = || mean_uptake(volume).map(|mean| mean / MEAN_SUV);
    stated.filter(usable).or_else(estimated).filter(usable).unwrap_or(1.0)
}

/// The values that stand for 0 and 1 of a relative preset.
fn relative_scale(volume: &Volume) -> (f64, f64) {
    match quantiles(volume, [0.01, 0.999]) {
        Some([low, high]) if high > low => (low, high),
        _ => volume.value_range().filter(|(low, high)| high > low).unwrap_or((0.0, 1.0)),
    }
}

/// The window for a volume when nobody chose one: the file's first, else the modality's, else the spread of values.
///
/// # Errors
/// Malformed, if the volume's values are not finite.
pub fn default_window(volume: &Volume) -> Result<anatome_core::Voi> {
    if let Some(named) = volume.facts().vois.first() {
        return Ok(named.voi.clone());
    }
    let window = match volume.facts().modality {
        Modality::Ct => Window::new(40.0, 400.0, WindowFunction::Linear)?,
        _ => {
            // Activity spans decades: its few hottest voxels must not all be black.
            let top = if volume.facts().modality == Modality::Pt { 0.9995 } else { 0.995 };
            let (low, high) = quantiles(volume, [0.01, top])
                .map(|[low, high]| (low, high))
                .filter(|(low, high)| high > low)
                .or_else(|| volume.value_range())
                .unwrap_or((0.0, 1.0));
            Window::spanning(low, high)?
        }
    };
    Ok(anatome_core::Voi::Window(window))
}

fn other_modality(
    kind: &'static str,
    name: &str,
    made_for: &Modality,
    modality: &Modality,
    advice: String,
) -> Error {
    let (name, made_for) = (name.to_owned(), made_for.code().to_owned());
    Error::OtherModality { kind, name, made_for, modality: modality.code().to_owned(), advice }
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_parses_and_makes_a_function() {
        for (name, json) in RENDERINGS {
            let preset: RenderingPreset = serde_json::from_str(json).expect(name);
            TransferFunction::new(preset.points).expect(name);
            assert_eq!(format!("{}-{}", preset.modality.code().to_lowercase(), preset.name), *name);
        }
        let presets = Presets::built_in();
        assert_eq!(presets.renderings.len(), RENDERINGS.len());
        assert_eq!(presets.color_maps.len(), COLOR_MAPS.len());
        assert_eq!(presets.windows.len(), 8);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = Presets::built_in().window("spleen").unwrap_err().to_string();
        assert!(error.contains("spleen") && error.contains("subdural"), "{error}");
        assert!(Presets::built_in().rendering(Some("bone"), &Modality::Mr).is_ok());
        assert_eq!(Presets::built_in().rendering(None, &Modality::Ct).unwrap().name, "bone");
    }

    #[test]
    fn a_name_of_another_modality_lists_the_ones_that_fit() {
        let presets = Presets::built_in();
        let error = presets.rendering_for(Some("bone"), &Modality::Mr).unwrap_err().to_string();
        assert!(error.contains("made for CT") && error.contains("t1-brain"), "{error}");
        assert!(!error.contains("vessels"), "{error}");
        let error = presets.window_for("lung", &Modality::Pt).unwrap_err().to_string();
        assert!(error.contains("C,W") && !error.contains("abdomen"), "{error}");
        assert!(presets.rendering_for(Some("hot"), &Modality::Ct).is_ok());
        for unknown in ["", "OT"].map(Modality::from_code) {
            assert!(presets.window_for("lung", &unknown).is_ok());
            assert_eq!(presets.rendering_for(Some("bone"), &unknown).unwrap().modality, Modality::Ct);
        }
        assert_eq!(presets.rendering_for(None, &Modality::from_code("US")).unwrap().modality, Modality::Mr);
    }
}
