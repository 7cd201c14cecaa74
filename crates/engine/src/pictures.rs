//! The standard pictures of a volume.

use anatome_core::{
    Appearance, Modality, Output, Planes, Projection, Scene, StandardView, View, Voi, Volume, Window,
    WindowFunction,
};
use serde::{Deserialize, Serialize};

use crate::presets::{Presets, default_window};
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

/// What a user may choose about standard pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Style {
    /// Along whose axes planes are cut.
    pub planes: Planes,
    /// The window; the volume's default if absent.
    pub window: Option<WindowChoice>,
    /// The name of the rendering preset; the modality's default if absent.
    pub preset: Option<String>,
}

/// A window by name or by numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum WindowChoice {
    /// A built-in window.
    Named(String),
    /// A window by centre and width.
    Window(Window),
}

impl std::str::FromStr for WindowChoice {
    type Err = Error;

    /// `C,W` (LINEAR where the width allows it, else LINEAR_EXACT) or a name.
    fn from_str(text: &str) -> Result<Self> {
        let Some((center, width)) = text.split_once(',') else {
            return Presets::built_in().window(text).map(|_| Self::Named(text.to_owned()));
        };
        let number = |part: &str| part.trim().parse::<f64>().unwrap_or(f64::NAN);
        let (center, width) = (number(center), number(width));
        let function = if width >= 1.0 { WindowFunction::Linear } else { WindowFunction::LinearExact };
        Ok(Self::Window(Window::new(center, width, function)?))
    }
}

/// The scene of a standard picture of `volume`, for a picture `aspect` times as wide as it is high.
///
/// # Errors
/// Unknown, for a name of a window or preset that is on no list; other modality, for one that is made for another one.
pub fn scene(picture: Picture, volume: &Volume, style: &Style, aspect: f64) -> Result<Scene> {
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
    let presets = Presets::built_in();
    let modality = &volume.facts().modality;
    let preset = presets
        .rendering(style.preset.as_deref(), modality)
        // Other modalities have no units either, so that a relative preset serves.
        .or_else(
            |error| if style.preset.is_none() { presets.rendering(None, &Modality::Mr) } else { Err(error) },
        )?;
    let (transfer_function, shading) = preset.resolve(volume)?;
    let view = View::Rendering { camera, shading };
    Ok(Scene::of_primary(view, Appearance::Classified { transfer_function }))
}

fn voi(volume: &Volume, style: &Style, picture: Picture) -> Result<Voi> {
    Ok(match &style.window {
        Some(WindowChoice::Window(window)) => Voi::Window(*window),
        Some(WindowChoice::Named(name)) => Voi::Window(Presets::built_in().window_for(name, volume)?),
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
