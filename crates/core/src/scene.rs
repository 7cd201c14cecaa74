//! What a picture shows, as plain data.

use glam::{DAffine3, DVec3};
use serde::{Deserialize, Serialize};

use crate::{Camera, ColorMap, Error, Modality, Result, SceneFault, TransferFunction, Voi};

/// The version of the scene format that this library writes.
pub const SCENE_VERSION: u32 = 1;

/// What a picture shows. Depends neither on the size in pixels nor on a patient: layers name slots, to which volumes
/// are bound when it is rendered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// [`SCENE_VERSION`] when written by this library.
    pub version: u32,
    /// From where, and how.
    pub view: View,
    /// What is shown, the first at the bottom.
    pub layers: Vec<Layer>,
    /// sRGB display value, 0 to 1, where there are no samples.
    #[serde(default)]
    pub background: [f32; 3],
}

/// From where and how a scene is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum View {
    /// Values on a plane (multiplanar reformation).
    Slice {
        /// The plane.
        plane: SlicePlane,
    },
    /// Values through a slab, symmetric about a plane.
    Slab {
        /// The plane in the middle.
        plane: SlicePlane,
        /// The distance between the two faces, both included, in mm; 0 is a slice.
        thickness_mm: f64,
        /// How the samples along the normal become one value.
        projection: Projection,
    },
    /// Values through the whole volume.
    Projection {
        /// The camera.
        camera: Camera,
        /// How the samples along a ray become one value.
        projection: Projection,
    },
    /// Direct volume rendering: emission and absorption along rays.
    Rendering {
        /// The camera.
        camera: Camera,
        /// How surfaces are lit.
        #[serde(default)]
        shading: Shading,
    },
}

impl View {
    /// The view's kind as it is written in a scene: `slice`, `slab`, `projection` or `rendering`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Slice { .. } => "slice",
            Self::Slab { .. } => "slab",
            Self::Projection { .. } => "projection",
            Self::Rendering { .. } => "rendering",
        }
    }
}

/// A rectangle on a plane in the patient: its centre, two unit directions and its width.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlicePlane {
    /// The middle of the picture, LPS mm.
    pub center_mm: DVec3,
    /// Unit vector along which the picture's columns go, left to right.
    pub right: DVec3,
    /// Unit vector along which the picture's rows go, top to bottom; at a right angle to `right`.
    pub down: DVec3,
    /// From the left edge of the picture to its right edge, in mm.
    pub width_mm: f64,
}

impl SlicePlane {
    /// The unit normal, `right` x `down`: away from the viewer.
    #[must_use]
    pub fn normal(&self) -> DVec3 {
        self.right.cross(self.down)
    }

    /// Checks every number.
    ///
    /// # Errors
    /// Scene, if the directions are not orthonormal within 1e-6, or a number is not finite or the width not positive.
    pub fn check(&self) -> Result<()> {
        if !self.center_mm.is_finite() {
            return Err(SceneFault::NotFinite { field: "center_mm" }.into());
        }
        if !(self.width_mm.is_finite() && self.width_mm > 0.0) {
            return Err(SceneFault::NotPositive { field: "width_mm", value: self.width_mm }.into());
        }
        let off = (self.right.length() - 1.0).abs().max((self.down.length() - 1.0).abs());
        let off = off + self.right.dot(self.down).abs();
        if off.is_nan() || off > 1e-6 {
            return Err(SceneFault::NotOrthonormal { field: "right and down" }.into());
        }
        Ok(())
    }
}

/// How the samples along a line become one value. Padding and places without samples do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Projection {
    /// The largest value (maximum intensity projection).
    Mip,
    /// The smallest value.
    MinIp,
    /// The mean by the trapezoidal rule over the samples that are there.
    Mean,
}

/// How values between voxel centres are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interpolation {
    /// The nearest voxel's value.
    Nearest,
    /// Trilinear.
    #[default]
    Linear,
    /// Tricubic, Catmull-Rom: sharper, may overshoot; linear where its 4 x 4 x 4 voxels are not all samples. Slices and
    /// slabs only; 3D views take it as linear.
    Cubic,
}

/// How surfaces are lit in a rendering: a light at the viewer's upper left, on both sides of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Shading {
    /// The part of a colour that is seen without light, 0 to 1.
    pub ambient: f32,
    /// The part that depends on the angle to the light, 0 to 1.
    pub diffuse: f32,
    /// The strength of the highlight, 0 to 1.
    pub specular: f32,
    /// The sharpness of the highlight (Blinn-Phong exponent), 1 to 256.
    pub shininess: f32,
    /// The gradient, in modality units per mm, at which a place counts half as a surface. Flatter places are lit
    /// evenly, so that noise does not glitter.
    pub gradient_floor: f32,
}

impl Default for Shading {
    fn default() -> Self {
        Self { ambient: 0.25, diffuse: 0.75, specular: 0.2, shininess: 24.0, gradient_floor: 20.0 }
    }
}

/// One volume of a scene and how it looks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// The name that a volume is bound to.
    pub slot: String,
    /// From the volume's patient space to the scene's (a registration); identity if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene_from_patient: Option<DAffine3>,
    /// The modality in whose values the appearance is stated; absent if it suits any. Rendering does not heed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Modality>,
    /// How values look.
    pub appearance: Appearance,
    /// How values between voxel centres are found.
    #[serde(default)]
    pub interpolation: Interpolation,
    /// What part of the volume 3D views show.
    #[serde(default)]
    pub region: Region,
}

/// How values look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Appearance {
    /// Grey levels or a colour map, for slices, slabs and projections.
    Grey {
        /// Which values are spread from black to white.
        voi: Voi,
        /// Whether low values are white (MONOCHROME1).
        #[serde(default)]
        invert: bool,
        /// Colours for the display values; grey if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        colors: Option<ColorMap>,
    },
    /// Colour and opacity by value, for renderings.
    Classified {
        /// The transfer function.
        transfer_function: TransferFunction,
    },
}

/// The part of a volume that 3D views show: inside the box and in front of every plane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Region {
    /// A box along the patient's axes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<CropBox>,
    /// Planes; at most 16.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clip_planes: Vec<ClipPlane>,
}

/// A box along the patient's axes, LPS mm, in the volume's patient space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropBox {
    /// The corner of smallest coordinates.
    pub min_mm: DVec3,
    /// The corner of largest coordinates.
    pub max_mm: DVec3,
}

/// A plane that hides what is behind it, in the volume's patient space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipPlane {
    /// A point on the plane, LPS mm.
    pub point_mm: DVec3,
    /// Points to the side that is kept; need not be of unit length.
    pub normal: DVec3,
}

impl Scene {
    /// A scene of one layer without crop or registration, in the slot `primary`.
    #[must_use]
    pub fn of_primary(view: View, appearance: Appearance) -> Self {
        let layer = Layer {
            slot: Self::PRIMARY.to_owned(),
            scene_from_patient: None,
            modality: None,
            appearance,
            interpolation: Interpolation::default(),
            region: Region::default(),
        };
        Self { version: SCENE_VERSION, view, layers: vec![layer], background: [0.0; 3] }
    }

    /// The slot of the main volume.
    pub const PRIMARY: &str = "primary";

    /// Checks every number and that the layers suit the view.
    ///
    /// # Errors
    /// Scene, with the field that is wrong; unsupported for more than one layer.
    pub fn check(&self) -> Result<()> {
        if self.version != SCENE_VERSION {
            return Err(SceneFault::Version { found: self.version, known: SCENE_VERSION }.into());
        }
        match &self.view {
            View::Slice { plane } => plane.check()?,
            View::Slab { plane, thickness_mm, .. } => {
                plane.check()?;
                in_range("thickness_mm", *thickness_mm, 0.0, 1e6)?;
            }
            View::Projection { camera, .. } => camera.check()?,
            View::Rendering { camera, shading } => {
                camera.check()?;
                shading.check()?;
            }
        }
        for background in self.background {
            in_range("background", f64::from(background), 0.0, 1.0)?;
        }
        let layer = match self.layers.as_slice() {
            [] => return Err(SceneFault::NoLayers.into()),
            [layer] => layer,
            _ => return Err(Error::Unsupported { feature: "a scene of several layers".to_owned() }),
        };
        layer.check(&self.view)
    }
}

impl Shading {
    fn check(&self) -> Result<()> {
        in_range("ambient", f64::from(self.ambient), 0.0, 1.0)?;
        in_range("diffuse", f64::from(self.diffuse), 0.0, 1.0)?;
        in_range("specular", f64::from(self.specular), 0.0, 1.0)?;
        in_range("shininess", f64::from(self.shininess), 1.0, 256.0)?;
        in_range("gradient_floor", f64::from(self.gradient_floor), 0.0, 1e9)
    }
}

impl Layer {
    fn check(&self, view: &View) -> Result<()> {
        let needed = match (view, &self.appearance) {
            (View::Rendering { .. }, Appearance::Grey { .. }) => Some("classified"),
            (View::Rendering { .. }, _) | (_, Appearance::Grey { .. }) => None,
            (_, Appearance::Classified { .. }) => Some("grey"),
        };
        if let Some(needed) = needed {
            return Err(SceneFault::Appearance { view: view.kind(), needed }.into());
        }
        if let Some(affine) = self.scene_from_patient {
            let field = "scene_from_patient";
            if !affine.is_finite() {
                return Err(SceneFault::NotFinite { field }.into());
            }
            if affine.matrix3.determinant().abs() < 1e-9 {
                let reason = "it can't be inverted: its columns lie in one plane, or are zero or tiny";
                return Err(SceneFault::Degenerate { field, reason }.into());
            }
        }
        if matches!(view, View::Slice { .. } | View::Slab { .. }) && self.region != Region::default() {
            return Err(SceneFault::Region { view: view.kind() }.into());
        }
        self.region.check()
    }
}

impl Region {
    /// The most clip planes that a region may have.
    pub const MAX_CLIP_PLANES: usize = 16;

    fn check(&self) -> Result<()> {
        in_range("clip_planes", self.clip_planes.len() as f64, 0.0, Self::MAX_CLIP_PLANES as f64)?;
        if let Some(crop) = self.crop
            && !(crop.min_mm.is_finite() && crop.max_mm.is_finite())
        {
            return Err(SceneFault::NotFinite { field: "crop" }.into());
        }
        for plane in &self.clip_planes {
            let (field, length) = ("clip_planes", plane.normal.length());
            if !plane.point_mm.is_finite() || !length.is_finite() {
                return Err(SceneFault::NotFinite { field }.into());
            }
            if length == 0.0 {
                return Err(SceneFault::Degenerate { field, reason: "a normal is zero" }.into());
            }
        }
        Ok(())
    }
}

fn in_range(field: &'static str, value: f64, low: f64, high: f64) -> Result<()> {
    if (low..=high).contains(&value) {
        Ok(())
    } else {
        Err(SceneFault::OutOfRange { field, value, low, high }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lens, TransferPoint, Window};

    fn rendering() -> Scene {
        let camera = Camera {
            eye_mm: DVec3::new(0.0, -500.0, 0.0),
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            lens: Lens::Orthographic { height_mm: 400.0 },
        };
        let point = |value| TransferPoint { value, color: [1.0; 3], opacity_per_mm: 0.5 };
        let transfer_function = TransferFunction::new(vec![point(0.0), point(1.0)]).unwrap();
        let view = View::Rendering { camera, shading: Shading::default() };
        Scene::of_primary(view, Appearance::Classified { transfer_function })
    }

    #[track_caller]
    fn is_refused(scene: &Scene, because: &str) {
        let said = scene.check().unwrap_err().to_string();
        assert!(said.contains(because), "{said}");
    }

    #[test]
    fn what_is_wrong_is_said_as_it_is() {
        let mut scene = rendering();
        scene.check().unwrap();
        scene.layers[0].scene_from_patient = Some(DAffine3::from_scale(DVec3::new(1.0, 0.0, 1.0)));
        is_refused(&scene, "scene_from_patient: it can't be inverted");
        scene.layers[0].scene_from_patient = Some(DAffine3::from_translation(DVec3::INFINITY));
        is_refused(&scene, "scene_from_patient is not finite");
        let mut scene = rendering();
        scene.layers[0].region.clip_planes = vec![ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::ZERO }];
        is_refused(&scene, "clip_planes: a normal is zero");
        scene.layers[0].region.clip_planes[0].normal = DVec3::NAN;
        is_refused(&scene, "clip_planes is not finite");
    }

    #[test]
    fn a_region_is_of_three_dimensions() {
        let region = Region {
            crop: Some(CropBox { min_mm: -DVec3::ONE, max_mm: DVec3::ONE }),
            clip_planes: vec![ClipPlane { point_mm: DVec3::ZERO, normal: DVec3::X }],
        };
        let mut scene = rendering();
        scene.layers[0].region = region.clone();
        scene.check().unwrap();
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        let slab = View::Slab { plane, thickness_mm: 1.0, projection: Projection::Mip };
        let voi = Voi::Window(Window::spanning(0.0, 1.0).unwrap());
        for view in [View::Slice { plane }, slab] {
            let appearance = Appearance::Grey { voi: voi.clone(), invert: false, colors: None };
            let mut scene = Scene::of_primary(view, appearance);
            scene.check().unwrap();
            for region in [
                Region { crop: None, ..region.clone() },
                Region { clip_planes: Vec::new(), ..region.clone() },
            ] {
                scene.layers[0].region = region;
                is_refused(&scene, "for projections and renderings");
            }
        }
    }
}
