//! Projections and renderings: a ray a pixel.

use glam::{DAffine3, DVec3, Vec3};

use super::plane::lattice_from_scene;
use super::{DisplayPlan, SamplingPlan, SliceRows};
use crate::{
    Appearance, Camera, EmissionTable, Error, Layer, Lens, PixelRect, PixelSubset, Projection, Request,
    Result, SceneFault, Shading, View, Volume,
};

/// A ray for every pixel, in millimetres relative to [`Self::center_mm`].
///
/// Rules for kernels:
/// - The ray's point at distance t is `origin + t * direction`, t in mm. Its part inside the volume's lattice box and
///   all half-spaces is `t_in..=t_out`.
/// - Samples stand at whole multiples of `step_mm`: `t = n * step_mm` for whole n with `t_in <= t <= t_out`. A rendering
///   and a mean have one more at `t_in` and at `t_out`, so that nothing jumps where a multiple passes a face.
/// - The lattice position is `lattice_origin + t * lattice_direction`, where once a ray
///   `lattice_origin = lattice_from_relative * origin + lattice_offset` and
///   `lattice_direction = lattice_from_relative * direction`; its floor is the voxel. Between `t_in` and `t_out` it counts
///   as inside, whatever its rounding at the faces of the box.
#[derive(Clone, Debug)]
pub struct RayPlan {
    /// How values are found. Cubic counts as linear.
    pub sampling: SamplingPlan,
    /// The pixels to compute.
    pub rect: PixelRect,
    /// Which of these.
    pub pixels: PixelSubset,
    /// What points are relative to: the volume's centre in the scene's space, LPS mm.
    pub center_mm: DVec3,
    /// The rays.
    pub lens: LensPlan,
    /// The columns of the linear map from relative mm to lattice (i, j, z).
    pub lattice_from_relative: [[f32; 3]; 3],
    /// The lattice position of the centre. On an uneven grid all lattice z are in mm from the first slice.
    pub lattice_offset: [f32; 3],
    /// The volume's extent in lattice coordinates: half a voxel beyond the outermost centres.
    pub lattice_low: [f32; 3],
    /// The upper end of the extent.
    pub lattice_high: [f32; 3],
    /// Crop box and clip planes: points with `n · p + d >= 0` are kept, as `[nx, ny, nz, d]`, n of unit length.
    pub half_spaces: Vec<[f32; 4]>,
    /// The distance between samples in mm.
    pub step_mm: f32,
    /// What is made of the samples.
    pub mode: RayMode,
}

/// Where rays start and go, for the pixel (x, y) of the whole picture.
#[derive(Clone, Debug)]
pub enum LensPlan {
    /// `origin = first + x * per_x + y * per_y` on the plane through the target; one direction. t may be negative.
    Parallel {
        /// The centre of the first pixel.
        first: [f32; 3],
        /// From a pixel to its right neighbour.
        per_x: [f32; 3],
        /// From a pixel to the one below.
        per_y: [f32; 3],
        /// Unit vector away from the viewer.
        direction: [f32; 3],
    },
    /// One origin; `direction = normalize(first + x * per_x + y * per_y)`. t is not negative.
    Central {
        /// The eye.
        eye: [f32; 3],
        /// Towards the centre of the first pixel; not of unit length.
        first: [f32; 3],
        /// From a pixel to its right neighbour.
        per_x: [f32; 3],
        /// From a pixel to the one below.
        per_y: [f32; 3],
    },
}

/// What is made of the samples along a ray.
#[derive(Clone, Debug)]
pub enum RayMode {
    /// One value. Mean: the trapezoidal rule, `sum of (v0 + v1) / 2 * (t1 - t0)` over `sum of (t1 - t0)`, over neighbours
    /// that are both samples; the plain mean if there are none.
    Project {
        /// How.
        projection: Projection,
        /// How it is shown.
        display: DisplayPlan,
    },
    /// A colour, by emission and absorption.
    Render(Box<RenderingPlan>),
}

/// Emission and absorption along a ray.
///
/// The ray is a chain of segments between neighbouring samples `v0` at `t0` and `v1` at `t1`; a segment of which one
/// end is no sample is empty. In its middle the value is `vm`: what is there, held between `v0` and `v1`, or their mean where
/// that is no sample. In each half the value is linear, and the transfer function is integrated over the values between its
/// ends, so that nothing between two samples is missed, however narrow, and no terraces show: C and E are the means of
/// colour x extinction and of extinction there (their values, where both ends are equal), and those of the segment are the means
/// of both halves. The segment's colour is `C / E`, its opacity `a = 1 - exp(-E * (t1 - t0))`; it is lit in its middle. With
/// transmittance T from 1, front to back: `sum += T * a * lit colour; T *= 1 - a`. The pixel is `sum + T * background`.
///
/// A kernel takes the means from [`EmissionTable::integral`]: its change from one end to the other over the entries between them.
/// Where those are fewer than [`Self::FEW_ENTRIES`], in which such a difference has too few digits, it takes what the value
/// in their middle emits. The middle is looked at only where the whole, taken as linear and in the same way, has an
/// extinction: otherwise no value between its ends has one, but for such few entries.
///
/// Lighting: the gradient g (modality units per mm) is taken by central differences one voxel to each side along the
/// lattice axes, with the same fractions, divided by the distance of the two sides, mapped to mm by the transpose of
/// `lattice_from_relative`. A side without a sample takes the middle's value; if that has none either, the axis counts
/// as flat. `w = |g|² / (|g|² + floor²)`, n = g / |g|, h = normalize(light - direction);
/// `lit = c * (1 + w * (ambient + diffuse * |n · light| - 1)) + w * specular * |n · h|^shininess`.
///
/// Where a ray enters through a face of the volume or a half-space, what it meets is cut, and the gradient there is that
/// of the texture within, or ends at the face. At the depth `s = (t - t_in) * |m · direction|` below the face with the unit
/// normal m, the part `f = clamp(2 - s / face_mm, 0, 1)` of the light is that of the face:
/// `f * c * (ambient + diffuse * |m · light|) + (1 - f) * lit`. Of faces that a ray enters at one place, the first counts:
/// i, j, k, half-spaces. A ray that begins inside enters through none.
#[derive(Clone, Debug)]
pub struct RenderingPlan {
    /// What values emit; the same for all pictures of a transfer function and its clones.
    pub emission: EmissionTable,
    /// The modality value of the first entry.
    pub first_value: f32,
    /// Entries per modality unit.
    pub entries_per_unit: f32,
    /// How surfaces are lit.
    pub shading: Shading,
    /// How deep below a face its light reaches whole: the smallest distance between voxels, mm. It ends at twice that.
    pub face_mm: f32,
    /// Unit vector towards the light.
    pub light: [f32; 3],
    /// The colour behind the volume.
    pub background: [f32; 3],
    /// A ray ends when less of the light than this is left; 0 never.
    pub least_transmittance: f32,
}

impl RenderingPlan {
    /// Over fewer entries the difference of two integrals has too few digits.
    pub const FEW_ENTRIES: f32 = 1.0;
}

impl RayPlan {
    /// The most samples of a ray.
    pub const MAX_SAMPLES: u32 = 1 << 16;

    /// The most voxels along an axis between neighbouring samples of a ray. Axes of one voxel, which have no others, do not
    /// count.
    pub fn voxels_of_step(&self) -> f64 {
        let smallest_gap =
            |slices: &SliceRows| slices.rows.iter().map(|row| row.gap_mm.abs()).fold(f32::INFINITY, f32::min);
        let voxel = [1.0, 1.0, self.sampling.slices.as_ref().map_or(1.0, smallest_gap)];
        let along = |axis: usize| self.lattice_from_relative.map(|column| column[axis]);
        let voxels = |axis: usize| Vec3::from_array(along(axis)).as_dvec3().length() / f64::from(voxel[axis]);
        let axes = (0..3).filter(|&axis| self.sampling.size[axis] > 1);
        f64::from(self.step_mm) * axes.map(voxels).fold(0.0, f64::max)
    }

    pub(super) fn new(request: &Request, volume: &Volume) -> Result<Self> {
        let scene = &request.scene;
        let layer = scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let needed = |needed| SceneFault::Appearance { view: scene.view.kind(), needed };
        let (camera, mode) = match &scene.view {
            View::Projection { camera, projection } => {
                let display = DisplayPlan::new(scene, layer).ok_or(needed("grey"))?;
                (camera, RayMode::Project { projection: *projection, display })
            }
            View::Rendering { camera, shading } => {
                let rendering = RenderingPlan::new(request, volume, layer, camera, *shading)?;
                (camera, RayMode::Render(Box::new(rendering)))
            }
            _ => return Err(needed("camera").into()),
        };
        let placed = layer.scene_from_patient.unwrap_or(DAffine3::IDENTITY);
        let center_mm = placed.transform_point3(volume.center_mm());
        let first_z_mm = volume.grid().slices().map_or(0.0, |table| table.z_mm()[0]);
        let first = DVec3::new(0.0, 0.0, first_z_mm);
        let lattice = lattice_from_scene(layer, volume);
        let (low, high) = volume.grid().lattice_bounds();
        let m = lattice.matrix3;
        let step_mm = request.quality.step * volume.grid().smallest_spacing_mm();
        check_samples(volume, placed, step_mm)?;
        Ok(Self {
            sampling: SamplingPlan::new(layer, volume)?,
            rect: request.rect(),
            pixels: request.quality.pixels,
            center_mm,
            lens: LensPlan::new(camera, request.size_px, center_mm)?,
            lattice_from_relative: [m.x_axis, m.y_axis, m.z_axis].map(f32s),
            lattice_offset: f32s(lattice.transform_point3(center_mm) - first),
            lattice_low: f32s(low - first),
            lattice_high: f32s(high - first),
            half_spaces: half_spaces(layer, placed, center_mm),
            step_mm: step_mm as f32,
            mode,
        })
    }
}

impl LensPlan {
    fn new(camera: &Camera, [width, height]: [u32; 2], center_mm: DVec3) -> Result<Self> {
        let (right, down, forward) = camera.frame()?;
        let half = |n: u32| (f64::from(n) - 1.0) / 2.0;
        let corner = right * half(width) + down * half(height);
        Ok(match camera.lens {
            Lens::Orthographic { height_mm } => {
                let pixel_mm = height_mm / f64::from(height);
                Self::Parallel {
                    first: f32s(camera.target_mm - center_mm - corner * pixel_mm),
                    per_x: f32s(right * pixel_mm),
                    per_y: f32s(down * pixel_mm),
                    direction: f32s(forward),
                }
            }
            Lens::Perspective { fov_rad } => {
                let pixel = 2.0 * (fov_rad / 2.0).tan() / f64::from(height);
                Self::Central {
                    eye: f32s(camera.eye_mm - center_mm),
                    first: f32s(forward - corner * pixel),
                    per_x: f32s(right * pixel),
                    per_y: f32s(down * pixel),
                }
            }
        })
    }
}

impl RenderingPlan {
    fn new(
        request: &Request,
        volume: &Volume,
        layer: &Layer,
        camera: &Camera,
        shading: Shading,
    ) -> Result<Self> {
        let Appearance::Classified { transfer_function } = &layer.appearance else {
            return Err(SceneFault::Appearance { view: "rendering", needed: "classified" }.into());
        };
        let (low, high) = transfer_function.domain();
        let (right, down, forward) = camera.frame()?;
        let entries = EmissionTable::ENTRIES;
        Ok(Self {
            emission: transfer_function.emission_table().clone(),
            first_value: low as f32,
            entries_per_unit: ((entries - 1) as f64 / (high - low)) as f32,
            shading,
            face_mm: volume.grid().smallest_spacing_mm() as f32,
            light: f32s((-forward - right * 0.35 - down * 0.45).normalize()),
            background: request.scene.background,
            least_transmittance: if request.quality.early_termination { 1.0 / 512.0 } else { 0.0 },
        })
    }
}

/// Refuses a step so small that a ray through the volume may have more than [`RayPlan::MAX_SAMPLES`] samples.
fn check_samples(volume: &Volume, placed: DAffine3, step_mm: f64) -> Result<()> {
    let corners = volume.grid().corners_mm().map(|corner| placed.transform_point3(corner));
    let distances = corners.iter().flat_map(|a| corners.map(|b| a.distance(b)));
    let needed = distances.fold(0.0, f64::max) / step_mm + 2.0;
    if needed > f64::from(RayPlan::MAX_SAMPLES) {
        let allowed = u64::from(RayPlan::MAX_SAMPLES);
        return Err(Error::Limits { what: "a ray's samples", needed: needed as u64, allowed });
    }
    Ok(())
}

/// Crop box and clip planes, in the scene's space, relative to `center_mm`.
fn half_spaces(layer: &Layer, placed: DAffine3, center_mm: DVec3) -> Vec<[f32; 4]> {
    let mut kept: Vec<(DVec3, DVec3)> = Vec::new();
    if let Some(crop) = layer.region.crop {
        for axis in DVec3::AXES {
            kept.push((crop.min_mm, axis));
            kept.push((crop.max_mm, -axis));
        }
    }
    kept.extend(layer.region.clip_planes.iter().map(|plane| (plane.point_mm, plane.normal)));
    let normals = placed.matrix3.inverse().transpose();
    let relative = |(point, normal): (DVec3, DVec3)| {
        let n = (normals * normal).normalize();
        let d = -n.dot(placed.transform_point3(point) - center_mm);
        [n.x as f32, n.y as f32, n.z as f32, d as f32]
    };
    kept.into_iter().map(relative).collect()
}

fn f32s(v: DVec3) -> [f32; 3] {
    v.as_vec3().to_array()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClipPlane, CropBox, Region};

    #[test]
    fn clip_planes_follow_a_registration() {
        let region = Region {
            crop: Some(CropBox { min_mm: DVec3::ZERO, max_mm: DVec3::splat(10.0) }),
            clip_planes: vec![ClipPlane { point_mm: DVec3::new(5.0, 0.0, 0.0), normal: DVec3::X * 2.0 }],
        };
        let placed = DAffine3::from_rotation_z(0.5) * DAffine3::from_translation(DVec3::new(3.0, 2.0, 1.0));
        let layer = Layer {
            slot: "primary".to_owned(),
            scene_from_patient: Some(placed),
            modality: None,
            appearance: Appearance::Classified {
                transfer_function: crate::TransferFunction::new(vec![
                    crate::TransferPoint { value: 0.0, color: [0.0; 3], opacity_per_mm: 0.0 },
                    crate::TransferPoint { value: 1.0, color: [0.0; 3], opacity_per_mm: 0.5 },
                ])
                .unwrap(),
            },
            interpolation: crate::Interpolation::Linear,
            region,
        };
        let center = DVec3::new(1.0, 2.0, 3.0);
        let spaces = half_spaces(&layer, placed, center);
        let inside = |patient: DVec3| {
            let p = placed.transform_point3(patient) - center;
            spaces
                .iter()
                .all(|s| s[0] as f64 * p.x + s[1] as f64 * p.y + s[2] as f64 * p.z + s[3] as f64 >= 0.0)
        };
        assert!(inside(DVec3::new(5.1, 0.1, 9.9)));
        assert!(!inside(DVec3::new(4.9, 5.0, 5.0)));
        assert!(!inside(DVec3::new(6.0, -0.1, 5.0)));
        assert!(!inside(DVec3::new(6.0, 5.0, 10.1)));
    }
}
