//! How a series looks before anyone changes it.

use std::collections::BTreeMap;

use anatome::{
    Modality, Presets, RenderingPreset, Shading, TransferFunction, Unit, Voi, Volume, Window, WindowFunction,
    default_window,
};

/// How a series looks before anyone changes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Defaults {
    pub modality: Modality,
    pub unit: Unit,
    /// The window of planes and frames.
    plane: Voi,
    /// The window of projections through all of it.
    projection: Voi,
    /// Whether low values are white: MONOCHROME1, or PET, which is read dark on white.
    pub is_dark_on_white: bool,
    /// The presets that fit, by name, for this volume.
    pub renderings: BTreeMap<String, (TransferFunction, Shading)>,
    /// The one that is taken if none is named.
    first: String,
    /// Whether the pixels were ever compressed with loss.
    pub is_lossy: bool,
}

/// From what SUV a PET shows black: above what organs take up, so that lesions are told apart from them.
const PET_SUV: f64 = 7.0;

impl Defaults {
    /// Of a volume.
    ///
    /// # Errors
    /// If its values are not finite.
    pub(crate) fn of(volume: &Volume) -> anatome::Result<Self> {
        let facts = volume.facts();
        let plane = match volume.mapping().unit {
            Unit::SuvBodyWeight => Voi::Window(Window::spanning(0.0, PET_SUV)?),
            _ => default_window(volume)?,
        };
        let projection = match facts.modality {
            // A soft-tissue window would burn bone and contrast out.
            Modality::Ct => Voi::Window(Window::new(300.0, 1000.0, WindowFunction::Linear)?),
            _ => plane.clone(),
        };
        Ok(Self {
            modality: facts.modality.clone(),
            unit: volume.mapping().unit.clone(),
            plane,
            projection,
            is_dark_on_white: facts.inverted != (facts.modality == Modality::Pt),
            renderings: BTreeMap::new(),
            first: String::new(),
            is_lossy: facts.lossy,
        })
    }

    /// Those of colour images: nothing can be changed.
    pub(crate) fn of_color(is_lossy: bool) -> Option<Self> {
        let voi = Voi::Window(Window::new(127.5, 255.0, WindowFunction::LinearExact).ok()?);
        Some(Self {
            modality: Modality::Other(String::new()),
            unit: Unit::Arbitrary,
            plane: voi.clone(),
            projection: voi,
            is_dark_on_white: false,
            renderings: BTreeMap::new(),
            first: String::new(),
            is_lossy,
        })
    }

    /// With the presets of 3D views, which need a look at all values.
    pub(crate) fn with_renderings(mut self, volume: &Volume, suv_factor: Option<f64>) -> Self {
        let presets = Presets::built_in();
        // Those of another modality say something only where there are none of its own.
        let has_own = presets.renderings.iter().any(|preset| preset.modality == self.modality);
        let is_offered = |preset: &&RenderingPreset| {
            preset.fits(&self.modality) && (!has_own || preset.modality == self.modality)
        };
        for preset in presets.renderings.iter().filter(is_offered) {
            if let Ok(resolved) = preset.resolve(volume, suv_factor) {
                self.renderings.insert(preset.name.clone(), resolved);
            }
        }
        if let Ok(first) = presets.rendering_for(None, &self.modality) {
            self.first.clone_from(&first.name);
        }
        self
    }

    /// The window of planes, or of projections.
    pub(crate) fn voi(&self, is_projection: bool) -> &Voi {
        if is_projection { &self.projection } else { &self.plane }
    }

    /// The name of the preset that is taken if none is named.
    pub(crate) fn first_preset(&self) -> &str {
        &self.first
    }

    /// Its colours and lighting.
    pub(crate) fn rendering(&self) -> Option<&(TransferFunction, Shading)> {
        self.renderings.get(&self.first)
    }
}
