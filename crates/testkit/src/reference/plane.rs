//! Slices and slabs: the rules of [`anatome_core::plan::PlanePlan`] in float64.

use anatome_core::{
    Error, PixelRect, PlaneGeometry, Projection, Request, Result, SceneFault, SlicePlane, View, Volume,
};
use glam::{DAffine3, DVec3};

use super::sampler::{Found, Sampler};

/// The most samples along a slab's normal.
const MAX_SAMPLES: f64 = 65_536.0;

/// A slice or a slab of a volume.
#[derive(Debug)]
pub(super) struct PlaneView<'a> {
    volume: &'a Volume,
    sampler: Sampler<'a>,
    patient_from_scene: DAffine3,
    plane: SlicePlane,
    size_px: [u32; 2],
    thickness_mm: f64,
    samples: u32,
    projection: Projection,
}

impl<'a> PlaneView<'a> {
    pub(super) fn new(request: &Request, volume: &'a Volume) -> Result<Self> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let (plane, thickness_mm, projection) = match &request.scene.view {
            View::Slice { plane } => (*plane, 0.0, Projection::Mean),
            View::Slab { plane, thickness_mm, projection } => (*plane, *thickness_mm, *projection),
            other => return Err(SceneFault::Appearance { view: other.kind(), needed: "plane" }.into()),
        };
        // At most half the smallest spacing apart; a quotient that is whole but for rounding is not rounded up.
        let half_spacing_mm = volume.grid().smallest_spacing_mm() / 2.0;
        let intervals = (thickness_mm / half_spacing_mm - 1e-9).ceil().max(0.0);
        if intervals >= MAX_SAMPLES {
            let (needed, allowed) = (intervals as u64 + 1, MAX_SAMPLES as u64);
            return Err(Error::Limits { what: "the slab's samples", needed, allowed });
        }
        Ok(Self {
            volume,
            sampler: Sampler::new(volume, layer.interpolation),
            patient_from_scene: layer
                .scene_from_patient
                .map_or(DAffine3::IDENTITY, |placed| placed.inverse()),
            plane,
            size_px: request.size_px,
            thickness_mm,
            samples: intervals as u32 + 1,
            projection,
        })
    }

    /// The middle of the pixel (x, y) of the whole picture on the plane, in the scene's space.
    fn position_mm(&self, x: u32, y: u32) -> DVec3 {
        let pixel_mm = self.plane.width_mm / f64::from(self.size_px[0]);
        let from_middle = |n: u32, size: u32| (f64::from(n) + 0.5 - f64::from(size) / 2.0) * pixel_mm;
        self.plane.center_mm
            + self.plane.right * from_middle(x, self.size_px[0])
            + self.plane.down * from_middle(y, self.size_px[1])
    }

    pub(super) fn geometry(&self, rect: PixelRect) -> PlaneGeometry {
        PlaneGeometry {
            first_pixel_mm: self.position_mm(rect.x, rect.y),
            right: self.plane.right,
            down: self.plane.down,
            pixel_mm: self.plane.width_mm / f64::from(self.size_px[0]),
        }
    }

    /// What the pixel (x, y) of the whole picture shows.
    pub(super) fn seen(&self, x: u32, y: u32) -> Found {
        let middle_mm = self.position_mm(x, y);
        let normal = self.plane.normal();
        let mut samples = Vec::with_capacity(self.samples as usize);
        let mut missing = false;
        for n in 0..self.samples {
            let along_mm = match self.samples {
                1 => -self.thickness_mm / 2.0,
                count => self.thickness_mm * (f64::from(n) / f64::from(count - 1) - 0.5),
            };
            let patient_mm = self.patient_from_scene.transform_point3(middle_mm + normal * along_mm);
            let found = self.sampler.at_index(self.volume.grid().index_from_patient(patient_mm));
            missing |= found == Found::Missing;
            samples.push((f64::from(n), found.value()));
        }
        match project(&samples, self.projection) {
            Some(value) => Found::Value(value),
            None if missing => Found::Missing,
            None => Found::Nothing,
        }
    }
}

/// One value of the samples along a line, each with its place on it, in which gaps are `None`.
pub(super) fn project(samples: &[(f64, Option<f64>)], how: Projection) -> Option<f64> {
    let there = samples.iter().filter_map(|sample| sample.1);
    match how {
        Projection::Mip => there.reduce(f64::max),
        Projection::MinIp => there.reduce(f64::min),
        Projection::Mean => {
            let trapezoids = samples.windows(2).filter_map(|pair| {
                let ((from, a), (to, b)) = (pair[0], pair[1]);
                Some((to - from, (to - from) * (a? + b?) / 2.0))
            });
            let (length, area) = trapezoids.fold((0.0, 0.0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
            if length > 0.0 {
                return Some(area / length);
            }
            let values: Vec<f64> = there.collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_trapezoids_over_what_is_there() {
        let at = |samples: &[Option<f64>]| -> Vec<_> {
            (0..).map(f64::from).zip(samples.iter().copied()).collect()
        };
        let mean = |samples: &[Option<f64>]| project(&at(samples), Projection::Mean);
        assert_eq!(mean(&[Some(1.0), Some(3.0), Some(5.0)]), Some(3.0));
        assert_eq!(mean(&[Some(0.0), Some(0.0), Some(4.0)]), Some(1.0));
        assert_eq!(mean(&[Some(1.0), None, Some(3.0), Some(5.0)]), Some(4.0));
        assert_eq!(mean(&[Some(1.0), None, Some(4.0)]), Some(2.5));
        assert_eq!(mean(&[None, None]), None);
        let part = [(0.5, Some(4.0)), (1.0, Some(6.0)), (3.0, Some(0.0)), (3.0, Some(100.0))];
        assert_eq!(project(&part, Projection::Mean), Some((0.5 * 5.0 + 2.0 * 3.0) / 2.5));
        let line = at(&[None, Some(-1.0), Some(2.0)]);
        assert_eq!(project(&line, Projection::MinIp), Some(-1.0));
        assert_eq!(project(&line, Projection::Mip), Some(2.0));
    }
}
