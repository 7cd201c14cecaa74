//! Emission and absorption: the rules of [`anatome_core::plan::RenderingPlan`] in float64, with the transfer function
//! itself instead of its table.

use anatome_core::{Appearance, Camera, Request, Result, SceneFault, Shading, TransferFunction};
use glam::DVec3;

use super::ray::{Ray, RayView};

/// A ray ends when less of the light than this is left.
const LEAST_LIGHT: f64 = 1.0 / 512.0;

/// Nodes and weights of Gauss's rule of five points on -1 to 1.
const GAUSS: [(f64, f64); 5] = [
    (0.0, 0.568_888_888_888_888_9),
    (0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (-0.538_469_310_105_683_1, 0.478_628_670_499_366_5),
    (0.906_179_845_938_664, 0.236_926_885_056_189_1),
    (-0.906_179_845_938_664, 0.236_926_885_056_189_1),
];

/// How a volume emits and absorbs light.
#[derive(Debug)]
pub(super) struct Emission {
    transfer_function: TransferFunction,
    shading: Shading,
    /// Towards the light, of unit length.
    light: DVec3,
    background: DVec3,
    early_termination: bool,
}

/// Where a ray enters, and through which face.
struct Entrance {
    t_mm: f64,
    face: Option<DVec3>,
}

/// A sample on a ray.
#[derive(Clone, Copy, Debug)]
struct Sample {
    t_mm: f64,
    value: Option<f64>,
}

impl Emission {
    pub(super) fn new(request: &Request, camera: &Camera, shading: Shading) -> Result<Self> {
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let Appearance::Classified { transfer_function } = &layer.appearance else {
            let view = request.scene.view.kind();
            return Err(SceneFault::Appearance { view, needed: "classified" }.into());
        };
        let (right, down, forward) = camera.frame()?;
        Ok(Self {
            transfer_function: transfer_function.clone(),
            shading,
            light: (-forward - 0.35 * right - 0.45 * down).normalize(),
            background: DVec3::from_array(request.scene.background.map(f64::from)),
            early_termination: request.quality.early_termination,
        })
    }

    /// The colour of the pixel (x, y) of the whole picture.
    pub(super) fn color(&self, view: &RayView<'_>, x: u32, y: u32) -> [f64; 3] {
        let ray = view.ray(x, y);
        let (mut sum, mut left) = (DVec3::ZERO, 1.0);
        let Some(part) = view.part(&ray) else { return self.background.to_array() };
        let surface = Entrance { t_mm: part.enters_mm, face: part.face };
        let sample = |t_mm: f64| Sample { t_mm, value: view.value(ray.at(t_mm)) };
        let mut before = sample(part.enters_mm);
        for t_mm in part.samples_mm.into_iter().chain([part.leaves_mm]) {
            let after = sample(t_mm);
            let (color, opacity) = self.segment(view, &ray, &surface, before, after);
            sum += left * opacity * color;
            left *= 1.0 - opacity;
            before = after;
            if self.early_termination && left < LEAST_LIGHT {
                break;
            }
        }
        (sum + left * self.background).to_array()
    }

    /// The lit colour and the opacity between two samples.
    fn segment(
        &self,
        view: &RayView<'_>,
        ray: &Ray,
        entrance: &Entrance,
        before: Sample,
        after: Sample,
    ) -> (DVec3, f64) {
        let (Some(v0), Some(v1)) = (before.value, after.value) else { return (DVec3::ZERO, 0.0) };
        let length_mm = after.t_mm - before.t_mm;
        let t_mm = before.t_mm + length_mm / 2.0;
        let middle = view.value(ray.at(t_mm)).map(|value| value.clamp(v0.min(v1), v0.max(v1)));
        let middle = middle.unwrap_or(f64::midpoint(v0, v1));
        let halves = [self.mean(v0, middle), self.mean(middle, v1)];
        let (emitted, extinction) = ((halves[0].0 + halves[1].0) / 2.0, (halves[0].1 + halves[1].1) / 2.0);
        if extinction <= 0.0 {
            return (DVec3::ZERO, 0.0);
        }
        let opacity = 1.0 - (-extinction * length_mm).exp();
        let color = emitted / extinction;
        let lit = self.lit(view, ray, color, ray.at(t_mm));
        let Some(normal) = entrance.face else { return (lit, opacity) };
        let depth_mm = (t_mm - entrance.t_mm) * normal.dot(ray.direction).abs();
        let part = (2.0 - depth_mm / view.volume.grid().smallest_spacing_mm()).clamp(0.0, 1.0);
        let (ambient, diffuse) = (f64::from(self.shading.ambient), f64::from(self.shading.diffuse));
        let cut = color * (ambient + diffuse * normal.dot(self.light).abs());
        (cut * part + lit * (1.0 - part), opacity)
    }

    /// The means of colour x extinction and of extinction over the values from one to another, by Gauss's rule between the
    /// points of the transfer function.
    fn mean(&self, from: f64, to: f64) -> (DVec3, f64) {
        let emission = |value: f64| {
            let extinction = self.transfer_function.extinction_per_mm(value);
            (DVec3::from_array(self.transfer_function.at(value).0) * extinction, extinction)
        };
        let (low, high) = (from.min(to), from.max(to));
        if high - low <= 1e-9 * (low.abs() + high.abs()) {
            return emission(low);
        }
        let points = self.transfer_function.points().iter().map(|point| point.value);
        let inner = points.filter(|&value| low < value && value < high);
        let (mut colors, mut extinctions, mut start) = (DVec3::ZERO, 0.0, low);
        for end in inner.chain([high]) {
            for (node, weight) in GAUSS {
                let (color, extinction) = emission(f64::midpoint(start, end) + node * (end - start) / 2.0);
                let part = weight / 2.0 * (end - start) / (high - low);
                colors += part * color;
                extinctions += part * extinction;
            }
            start = end;
        }
        (colors, extinctions)
    }

    /// A colour under the light at a place.
    fn lit(&self, view: &RayView<'_>, ray: &Ray, color: DVec3, place_mm: DVec3) -> DVec3 {
        let gradient = gradient_per_mm(view, place_mm);
        let floor = f64::from(self.shading.gradient_floor);
        let squared = gradient.length_squared();
        if squared == 0.0 {
            return color;
        }
        let surface = squared / (squared + floor * floor);
        let normal = gradient.normalize();
        let halfway = (self.light - ray.direction).normalize();
        let diffuse = f64::from(self.shading.diffuse) * normal.dot(self.light).abs();
        let highlight = normal.dot(halfway).abs().powf(f64::from(self.shading.shininess));
        let reflected = surface * f64::from(self.shading.specular) * highlight;
        color * (1.0 + surface * (f64::from(self.shading.ambient) + diffuse - 1.0)) + DVec3::splat(reflected)
    }
}

/// Central differences one voxel to each side along the lattice axes, in modality units per mm. A side without a sample
/// takes the middle's value; if that has none either, the axis is flat.
fn gradient_per_mm(view: &RayView<'_>, place_mm: DVec3) -> DVec3 {
    let grid = view.volume.grid();
    let index = view.index(place_mm);
    let middle = view.sampler.within(index).value();
    let z_mm = |k: f64| grid.slices().map_or(k, |table| table.z_from_k(k));
    let mut along = DVec3::ZERO;
    for axis in 0..3 {
        let [before, after] = [index - DVec3::AXES[axis], index + DVec3::AXES[axis]];
        let value = |place: DVec3| view.sampler.at_index(place).value().or(middle);
        let (Some(low), Some(high)) = (value(before), value(after)) else { continue };
        let apart = if axis == 2 { z_mm(after.z) - z_mm(before.z) } else { 2.0 };
        along[axis] = (high - low) / apart;
    }
    let lattice_from_scene = grid.lattice_from_patient() * view.patient_from_scene;
    lattice_from_scene.matrix3.transpose() * along
}
