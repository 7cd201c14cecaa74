//! Rays through a volume: the rules of [`anatome_core::plan::RayPlan`] in float64.

use anatome_core::{
    Camera, Error, Interpolation, Lens, Projection, Region, Request, Result, SceneFault, Volume,
};
use glam::{DAffine3, DVec3};

use super::plane::project;
use super::sampler::{Found, Sampler};

/// The most samples along a ray.
const MAX_SAMPLES: f64 = 1_000_000.0;

/// A camera's view of a volume.
#[derive(Debug)]
pub(super) struct RayView<'a> {
    pub(super) volume: &'a Volume,
    pub(super) sampler: Sampler<'a>,
    pub(super) patient_from_scene: DAffine3,
    region: Region,
    camera: Camera,
    /// The picture's right, down and forward.
    frame: (DVec3, DVec3, DVec3),
    size_px: [u32; 2],
    step_mm: f64,
}

/// A ray in the scene's space, LPS mm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ray {
    pub(super) origin_mm: DVec3,
    /// Of unit length.
    pub(super) direction: DVec3,
    /// The smallest distance that is seen.
    nearest_mm: f64,
}

impl Ray {
    pub(super) fn at(&self, t_mm: f64) -> DVec3 {
        self.origin_mm + self.direction * t_mm
    }
}

/// The part of a ray that is inside, and where samples stand on it.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) enters_mm: f64,
    /// The unit normal in the scene's space of the face through which it enters; `None` if it begins inside.
    pub(super) face: Option<DVec3>,
    pub(super) leaves_mm: f64,
    /// Whole multiples of the step.
    pub(super) samples_mm: Vec<f64>,
}

impl<'a> RayView<'a> {
    pub(super) fn new(request: &Request, camera: &Camera, volume: &'a Volume) -> Result<Self> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let step_mm = request.quality.step * volume.grid().smallest_spacing_mm();
        let [corner, .., opposite] = volume.grid().corners_mm();
        let longest = corner.distance(opposite) * 2.0 / step_mm;
        if longest > MAX_SAMPLES {
            let (needed, allowed) = (longest as u64, MAX_SAMPLES as u64);
            return Err(Error::Limits { what: "the ray's samples", needed, allowed });
        }
        let interpolation = match layer.interpolation {
            Interpolation::Cubic => Interpolation::Linear,
            other => other,
        };
        Ok(Self {
            volume,
            sampler: Sampler::new(volume, interpolation),
            patient_from_scene: layer
                .scene_from_patient
                .map_or(DAffine3::IDENTITY, |placed| placed.inverse()),
            region: layer.region.clone(),
            camera: *camera,
            frame: camera.frame()?,
            size_px: request.size_px,
            step_mm,
        })
    }

    /// The ray of the pixel (x, y) of the whole picture.
    pub(super) fn ray(&self, x: u32, y: u32) -> Ray {
        let (right, down, forward) = self.frame;
        let [width, height] = self.size_px.map(f64::from);
        // From the middle of the picture, in picture heights.
        let (across, below) =
            ((f64::from(x) + 0.5 - width / 2.0) / height, (f64::from(y) + 0.5) / height - 0.5);
        let aside = right * across + down * below;
        match self.camera.lens {
            Lens::Orthographic { height_mm } => Ray {
                origin_mm: self.camera.target_mm + aside * height_mm,
                direction: forward,
                nearest_mm: f64::NEG_INFINITY,
            },
            Lens::Perspective { fov_rad } => Ray {
                origin_mm: self.camera.eye_mm,
                direction: (forward + aside * (2.0 * (fov_rad / 2.0).tan())).normalize(),
                nearest_mm: 0.0,
            },
        }
    }

    /// The part of a ray inside the volume, its crop box and its clip planes.
    pub(super) fn part(&self, ray: &Ray) -> Option<Part> {
        let origin = self.patient_from_scene.transform_point3(ray.origin_mm);
        let direction = self.patient_from_scene.transform_vector3(ray.direction);
        let (mut enters, mut leaves, mut face) = (ray.nearest_mm, f64::INFINITY, None);
        // Keeps where start + t * slope >= 0.
        let mut keep = |start: f64, slope: f64, normal: DVec3| {
            if slope > 0.0 {
                if -start / slope > enters {
                    enters = -start / slope;
                    face = Some(normal);
                }
            } else if slope < 0.0 {
                leaves = leaves.min(-start / slope);
            } else if start < 0.0 {
                leaves = f64::NEG_INFINITY;
            }
        };
        let grid = self.volume.grid();
        let lattice = grid.lattice_from_patient();
        let (low, high) = grid.lattice_bounds();
        let (from, along) = (lattice.transform_point3(origin), lattice.transform_vector3(direction));
        for axis in 0..3 {
            let normal = lattice.matrix3.row(axis);
            keep(from[axis] - low[axis], along[axis], normal);
            keep(high[axis] - from[axis], -along[axis], normal);
        }
        if let Some(crop) = self.region.crop {
            for axis in 0..3 {
                let normal = DVec3::AXES[axis];
                keep(origin[axis] - crop.min_mm[axis], direction[axis], normal);
                keep(crop.max_mm[axis] - origin[axis], -direction[axis], normal);
            }
        }
        for plane in &self.region.clip_planes {
            keep(plane.normal.dot(origin - plane.point_mm), plane.normal.dot(direction), plane.normal);
        }
        if enters > leaves {
            return None;
        }
        let first = (enters / self.step_mm).ceil() as i64;
        let last = (leaves / self.step_mm).floor() as i64;
        let samples_mm = (first..=last).map(|n| n as f64 * self.step_mm).collect();
        let scene = self.patient_from_scene.matrix3.transpose();
        let face = face.map(|normal: DVec3| (scene * normal).normalize());
        Some(Part { enters_mm: enters, face, leaves_mm: leaves, samples_mm })
    }

    /// The continuous index of a point of the scene.
    pub(super) fn index(&self, scene_mm: DVec3) -> DVec3 {
        self.volume.grid().index_from_patient(self.patient_from_scene.transform_point3(scene_mm))
    }

    /// The value at a point of a ray's part, which is inside by construction.
    pub(super) fn value(&self, scene_mm: DVec3) -> Option<f64> {
        self.sampler.within(self.index(scene_mm)).value()
    }

    /// The value of a projection at the pixel (x, y) of the whole picture.
    pub(super) fn projected(&self, x: u32, y: u32, how: Projection) -> Found {
        let ray = self.ray(x, y);
        let Some(part) = self.part(&ray) else { return Found::Nothing };
        let mut places = part.samples_mm;
        if how == Projection::Mean {
            places.insert(0, part.enters_mm);
            places.push(part.leaves_mm);
        }
        let samples: Vec<_> = places.into_iter().map(|t| (t, self.value(ray.at(t)))).collect();
        project(&samples, how).map_or(Found::Nothing, Found::Value)
    }
}
