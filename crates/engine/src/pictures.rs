//! The standard pictures of a volume.

use anatome_core::{
    Appearance, Grid, Modality, NoteCode, Notes, Output, Planes, Projection, Scene, StandardView, View, Voi,
    Volume, Window, WindowFunction,
};
use serde::{Deserialize, Serialize};

use crate::presets::{Presets, Scale, default_window};
use crate::{Error, Result};

/// One of the standard pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// The plane through the centre, from the feet.
    Axial,
    /// The plane through the centre, from the front.
    Coronal,
    /// The plane through the centre, from the left.
    Sagittal,
    /// The maximum intensity projection from the front.
    Mip,
    /// The rendering from the front.
    Rendering,
}

impl Picture {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Axial, Self::Coronal, Self::Sagittal, Self::Mip, Self::Rendering];

    /// The name of its files, without an ending.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
            Self::Mip => "mip",
            Self::Rendering => "rendering",
        }
    }
}

/// The picture along the only slice (or row, or column) of a grid that has but one; `None` for all others. Its planes
/// are the acquisition's.
pub(crate) fn only_picture(grid: &Grid) -> Option<Picture> {
    let normals = [grid.slice_normal(), grid.column_direction(), grid.row_direction()];
    let (normal, _) = normals.into_iter().zip(grid.shape()).find(|&(_, count)| count == 1)?;
    let views = [
        (Picture::Axial, StandardView::Axial),
        (Picture::Coronal, StandardView::Coronal),
        (Picture::Sagittal, StandardView::Sagittal),
    ];
    let along = |view: StandardView| {
        let plane = view.plane(grid, Planes::Acquisition, grid.center_mm(), 1.0);
        plane.normal().dot(normal).abs()
    };
    views.into_iter().max_by(|a, b| along(a.1).total_cmp(&along(b.1))).map(|(picture, _)| picture)
}

/// What a user may choose about standard pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// Along whose axes planes are cut.
    pub planes: Planes,
    /// The window; the volume's default if absent.
    pub window: Option<WindowChoice>,
    /// The name of the rendering preset; the modality's default if absent.
    pub preset: Option<String>,
    /// SUV by body weight for each unit of the volume's values, where it is known: [`Study::suv_factor`](crate::Study::suv_factor).
    /// A job finds it out itself.
    pub suv_factor: Option<f64>,
}

impl Style {
    /// Whether the names in it are known and fit a modality.
    ///
    /// # Errors
    /// Unknown or other modality, with the names there are.
    pub fn check(&self, modality: &Modality) -> Result<()> {
        self.window.as_ref().map(|window| window.resolve(modality)).transpose()?;
        Presets::built_in().rendering_for(self.preset.as_deref(), modality).map(drop)
    }

    /// Says what was taken on trust, of names that [fit](Self::check).
    pub(crate) fn note_assumed(&self, modality: &Modality, notes: &mut Notes) {
        let presets = Presets::built_in();
        if let Some(WindowChoice::Named(name)) = &self.window
            && let Ok(window) = presets.window(name)
        {
            note_assumed("window", &window.modality, modality, notes);
        }
        if let Some(name) = &self.preset
            && let Ok(preset) = presets.rendering(Some(name), modality)
            && preset.scale != Scale::Relative
        {
            note_assumed("rendering preset", &preset.modality, modality, notes);
        }
    }
}

/// Says that something that is made for one modality is used for a volume of none.
pub(crate) fn note_assumed(kind: &str, made_for: &Modality, modality: &Modality, notes: &mut Notes) {
    if !modality.is_known() {
        let made_for = made_for.code();
        let text = format!(
            "the modality is not stated: the {kind} is applied as if the values were those of {made_for}"
        );
        notes.add(NoteCode::Assumed, text);
    }
}

/// A window by name or by numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowChoice {
    /// A built-in window.
    Named(String),
    /// A window by centre and width.
    Window(Window),
}

impl WindowChoice {
    /// The window, for volumes of a modality.
    ///
    /// # Errors
    /// As [`Presets::window_for`].
    pub fn resolve(&self, modality: &Modality) -> Result<Window> {
        match self {
            Self::Named(name) => Presets::built_in().window_for(name, modality),
            Self::Window(window) => Ok(*window),
        }
    }
}

impl std::str::FromStr for WindowChoice {
    type Err = Error;

    /// `C,W` (LINEAR where the width allows it, else LINEAR_EXACT) or a name.
    fn from_str(text: &str) -> Result<Self> {
        let number = |part: &str| part.trim().parse::<f64>().ok();
        let numbers = text.split_once(',').map(|(center, width)| (number(center), number(width)));
        let Some((Some(center), Some(width))) = numbers else {
            return match Presets::built_in().window(text) {
                Ok(preset) => Ok(Self::Named(preset.name.clone())),
                Err(Error::Unknown { kind, name, known }) => {
                    let known = format!("{known}; or give centre and width as C,W, such as 40,400");
                    Err(Error::Unknown { kind, name, known })
                }
                Err(other) => Err(other),
            };
        };
        let function = if width >= 1.0 { WindowFunction::Linear } else { WindowFunction::LinearExact };
        Ok(Self::Window(Window::new(center, width, function)?))
    }
}

/// The scene of a standard picture of `volume`, for a picture `aspect` times as wide as it is high.
///
/// # Errors
/// Unknown, for a name of a window or preset that is on no list; other modality, for one that is made for another one.
pub fn scene(picture: Picture, volume: &Volume, style: &Style, aspect: f64) -> Result<Scene> {
    let mut scene = of_any_modality(picture, volume, style, aspect)?;
    let modality = Some(&volume.facts().modality).filter(|modality| modality.is_known());
    for layer in &mut scene.layers {
        layer.modality = modality.cloned();
    }
    Ok(scene)
}

fn of_any_modality(picture: Picture, volume: &Volume, style: &Style, aspect: f64) -> Result<Scene> {
    let grid = volume.grid();
    let plane =
        |view: StandardView| View::Slice { plane: view.plane(grid, style.planes, grid.center_mm(), aspect) };
    let camera = StandardView::Coronal.camera(grid, aspect);
    let view = match picture {
        Picture::Axial => plane(StandardView::Axial),
        Picture::Coronal => plane(StandardView::Coronal),
        Picture::Sagittal => plane(StandardView::Sagittal),
        Picture::Mip => View::Projection { camera, projection: Projection::Mip },
        Picture::Rendering => return rendering(volume, style, camera),
    };
    // PET is read dark on white.
    let pet = volume.facts().modality == Modality::Pt;
    let invert = volume.facts().inverted != pet;
    let appearance = Appearance::Grey { voi: voi(volume, style, picture)?, invert, colors: None };
    let mut scene = Scene::of_primary(view, appearance);
    if pet {
        scene.background = [1.0; 3];
    }
    Ok(scene)
}

fn rendering(volume: &Volume, style: &Style, camera: anatome_core::Camera) -> Result<Scene> {
    let preset = Presets::built_in().rendering_for(style.preset.as_deref(), &volume.facts().modality)?;
    let (transfer_function, shading) = preset.resolve(volume, style.suv_factor)?;
    let view = View::Rendering { camera, shading };
    Ok(Scene::of_primary(view, Appearance::Classified { transfer_function }))
}

fn voi(volume: &Volume, style: &Style, picture: Picture) -> Result<Voi> {
    Ok(match &style.window {
        Some(WindowChoice::Window(window)) => Voi::Window(*window),
        Some(WindowChoice::Named(name)) => {
            Voi::Window(Presets::built_in().window_for(name, &volume.facts().modality)?)
        }
        // A projection of CT shows bone and contrast, which a soft-tissue window would burn out.
        None if picture == Picture::Mip && volume.facts().modality == Modality::Ct => {
            Voi::Window(Window::new(300.0, 1000.0, WindowFunction::Linear)?)
        }
        None => default_window(volume)?,
    })
}

/// The pixel form that loses nothing of a scene: grey for grey layers, colour otherwise.
#[must_use]
pub fn natural_output(scene: &Scene) -> Output {
    let grey = |appearance: &Appearance| matches!(appearance, Appearance::Grey { colors: None, .. });
    let [r, g, b] = scene.background;
    if r == g && g == b && scene.layers.iter().all(|layer| grey(&layer.appearance)) {
        Output::Grey8
    } else {
        Output::Rgba8
    }
}

#[cfg(test)]
mod tests {
    use glam::{DAffine3, DMat3, DVec3};

    use super::*;

    #[test]
    fn a_single_slice_is_seen_from_where_it_faces() {
        let turn = DMat3::from_rotation_x(0.2) * DMat3::from_rotation_z(0.1);
        let grid = |shape, axes: DMat3| Grid::even(shape, DAffine3::from_mat3(turn * axes)).unwrap();
        let sagittal = DMat3::from_cols(DVec3::Y, -DVec3::Z, DVec3::X * 4.0);
        assert_eq!(only_picture(&grid([1, 20, 30], DMat3::IDENTITY)), Some(Picture::Axial));
        assert_eq!(only_picture(&grid([1, 20, 30], sagittal)), Some(Picture::Sagittal));
        assert_eq!(only_picture(&grid([10, 1, 30], DMat3::IDENTITY)), Some(Picture::Coronal));
        assert_eq!(only_picture(&grid([2, 20, 30], DMat3::IDENTITY)), None);
    }
}
