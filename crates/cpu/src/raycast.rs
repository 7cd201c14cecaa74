//! Direct volume rendering, by the rules of [`RenderingPlan`].

use std::marker::PhantomData;

use anatome_core::plan::{RayPlan, RenderingPlan};
use anatome_core::{PixelRect, Pixels, Sample};

use crate::cells::Cells;
use crate::kernel::Kernel;
use crate::leap::Leaps;
use crate::project::modality_range;
use crate::shared::display::rgba_bytes;
use crate::shared::ray::{Ray, dot};
use crate::shared::sampling::{Field, Interpolate, Position, floor};

/// Renders by emission and absorption.
pub(crate) struct RaycastKernel<'a, T, I, const PADDED: bool> {
    pub(crate) field: Field<'a, T, PADDED>,
    pub(crate) plan: RayPlan,
    pub(crate) rendering: RenderingPlan,
    pub(crate) opacity: Opacity,
    pub(crate) skipping: Option<RaycastSkipping<'a>>,
    pub(crate) interpolation: PhantomData<fn(I)>,
}

/// Which ranges of values are transparent.
pub(crate) struct Opacity {
    /// The number of entries with extinction before each entry.
    before: Vec<u32>,
    first: f32,
    entries_per_unit: f32,
}

impl Opacity {
    pub(crate) fn new(rendering: &RenderingPlan) -> Self {
        let mut before = vec![0];
        let mut count = 0;
        for entry in &rendering.table {
            count += u32::from(entry[3] > 0.0);
            before.push(count);
        }
        Self { before, first: rendering.table_first, entries_per_unit: rendering.entries_per_unit }
    }

    /// Whether looking up any value from `low` to `high` gives no extinction.
    #[inline(always)]
    fn is_transparent(&self, low: f32, high: f32) -> bool {
        let entries = self.before.len() - 1;
        let entry = |value: f32| {
            let place = (value - self.first) * self.entries_per_unit;
            (floor(place).max(0) as usize).min(entries - 2)
        };
        // A look-up takes two neighbouring entries.
        self.before[entry(low)] == self.before[entry(high) + 2]
    }
}

/// What is needed to leap over transparent cells.
pub(crate) struct RaycastSkipping<'a> {
    cells: &'a Cells,
    leaps: Leaps,
    /// The distance to the nearest cell that may be seen.
    distance: Vec<u8>,
}

impl<'a> RaycastSkipping<'a> {
    pub(crate) fn new<T: Sample, const PADDED: bool>(
        field: &Field<'_, T, PADDED>,
        plan: &RayPlan,
        opacity: &Opacity,
        cells: &'a Cells,
    ) -> Option<Self> {
        let leaps = Leaps::new(field, plan)?;
        let ranges = cells.connected();
        let distance = cells.distances(|n| {
            let range = modality_range(field, ranges[n]);
            // What is interpolated between two samples of a ray rounds once more.
            let range = range.of_interpolated();
            range.is_empty() || opacity.is_transparent(range.low, range.high)
        });
        Some(Self { cells, leaps, distance })
    }
}

/// Light gathered, and the part of the light behind that is still seen.
struct Light {
    sum: [f32; 3],
    transmittance: f32,
}

/// A value at a distance along a ray.
#[derive(Clone, Copy)]
struct End {
    t: f32,
    value: f32,
}

/// The end of the segment before the present sample.
enum Before {
    /// The sample before, if there is one.
    Known(Option<End>),
    /// The sample before was leapt over.
    Unknown,
}

impl<T: Sample, I: Interpolate, const PADDED: bool> Kernel for RaycastKernel<'_, T, I, PADDED> {
    fn block(&self, rect: PixelRect) -> Pixels {
        let mut bytes = Vec::with_capacity(4 * rect.width as usize * rect.height as usize);
        for y in rect.y..rect.y + rect.height {
            for x in rect.x..rect.x + rect.width {
                let mut light = Light { sum: [0.0; 3], transmittance: 1.0 };
                if let Some(ray) = Ray::of_pixel(&self.plan, x, y) {
                    self.march(&ray, &mut light);
                }
                let behind = self.rendering.background;
                let color = std::array::from_fn(|c| light.sum[c] + light.transmittance * behind[c]);
                bytes.extend_from_slice(&rgba_bytes(color));
            }
        }
        Pixels::Rgba8(bytes)
    }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> RaycastKernel<'_, T, I, PADDED> {
    fn march(&self, ray: &Ray, light: &mut Light) {
        let skipping = self.skipping.as_ref().filter(|skipping| skipping.leaps.suit(ray));
        let mut before = Before::Known(None);
        let mut n = ray.first - 1;
        while n <= ray.last + 1 {
            let t = ray.t_of(n);
            let lattice = ray.lattice_at(t);
            let held = self.field.hold_inside(&self.field.position_from_lattice(lattice));
            let mut end = n;
            let mut is_empty = false;
            if let Some(RaycastSkipping { cells, leaps, distance }) = skipping {
                let cell = Leaps::cell(&held);
                let distance = usize::from(distance[cells.index(cell)]);
                if distance > 0 {
                    is_empty = true;
                    end = leaps.last_within(ray, n, lattice, cell, distance);
                }
            }
            if is_empty && !matches!(before, Before::Known(Some(_))) {
                before = Before::Unknown;
                n = end + 1;
                continue;
            }
            let value = self.field.sample_held::<I>(&held).value();
            let after = value.map(|value| End { t, value });
            let from = match before {
                Before::Known(from) => from,
                Before::Unknown => self.end_at(ray, n - 1),
            };
            if let (Some(from), Some(to)) = (from, after) {
                self.add_segment(light, ray, from, to);
                if light.transmittance < self.rendering.least_transmittance {
                    return;
                }
            }
            before = if end > n { Before::Unknown } else { Before::Known(after) };
            n = end + 1;
        }
    }

    fn end_at(&self, ray: &Ray, n: i32) -> Option<End> {
        let t = ray.t_of(n);
        let position = self.field.position_from_lattice(ray.lattice_at(t));
        let value = self.field.sample_held::<I>(&self.field.hold_inside(&position)).value();
        value.map(|value| End { t, value })
    }

    #[inline(always)]
    fn add_segment(&self, light: &mut Light, ray: &Ray, from: End, to: End) {
        if self.opacity.is_transparent(from.value.min(to.value), from.value.max(to.value)) {
            return;
        }
        let change = to.value - from.value;
        let lookups = (change.abs() / self.rendering.value_step).ceil();
        let lookups = lookups.clamp(1.0, RenderingPlan::MAX_LOOKUPS as f32);
        let mut sum = [0.0; 4];
        let mut place_sum = 0.0;
        for n in 0..lookups as u32 {
            let u = (n as f32 + 0.5) / lookups;
            let entry = self.look_up(from.value + u * change);
            sum = std::array::from_fn(|c| sum[c] + entry[c]);
            place_sum += entry[3] * u;
        }
        let [r, g, b, extinction] = sum;
        if extinction <= 0.0 {
            return;
        }
        let length_mm = to.t - from.t;
        let opacity = 1.0 - (-(extinction / lookups) * length_mm).exp();
        let color = [r, g, b].map(|part| part / extinction);
        let lit = self.lit_color(color, ray, from.t + (place_sum / extinction) * length_mm);
        let weight = light.transmittance * opacity;
        light.sum = std::array::from_fn(|c| light.sum[c] + weight * lit[c]);
        light.transmittance *= 1.0 - opacity;
    }

    #[inline(always)]
    fn look_up(&self, value: f32) -> [f32; 4] {
        let table = &self.rendering.table;
        let last = table.len() - 1;
        let place = (value - self.rendering.table_first) * self.rendering.entries_per_unit;
        let place = place.clamp(0.0, last as f32);
        let index = (place as usize).min(last - 1);
        let (a, b, f) = (table[index], table[index + 1], place - index as f32);
        std::array::from_fn(|c| a[c] + f * (b[c] - a[c]))
    }

    #[inline(always)]
    fn lit_color(&self, color: [f32; 3], ray: &Ray, t: f32) -> [f32; 3] {
        let RenderingPlan { shading, light, .. } = &self.rendering;
        let gradient = self.gradient_per_mm(ray.lattice_at(t));
        let steepness = dot(gradient, gradient);
        if steepness <= 0.0 {
            return color;
        }
        let w = steepness / (steepness + shading.gradient_floor * shading.gradient_floor);
        let length = steepness.sqrt();
        let normal = gradient.map(|part| part / length);
        let half_way: [f32; 3] = std::array::from_fn(|n| light[n] - ray.direction[n]);
        let shine = dot(normal, half_way).abs() / dot(half_way, half_way).sqrt().max(1e-12);
        let shade = shading.ambient + shading.diffuse * dot(normal, *light).abs();
        let highlight = if shading.specular > 0.0 { shine.powf(shading.shininess) } else { 0.0 };
        color.map(|part| part * (1.0 + w * (shade - 1.0)) + w * shading.specular * highlight)
    }

    /// The gradient in modality units per mm, by central differences one voxel to each side.
    #[inline(always)]
    fn gradient_per_mm(&self, lattice: [f32; 3]) -> [f32; 3] {
        let here = self.field.position_from_lattice(lattice);
        let distance = [2.0, 2.0, self.field.side_distance(&here)];
        let g: [f32; 3] = std::array::from_fn(|axis| {
            let [minus, plus] = [-1, 1].map(|side| self.neighbour(here, axis, side));
            let change = match (minus, plus) {
                (Some(minus), Some(plus)) => plus - minus,
                _ => self.one_sided(here, minus, plus),
            };
            change / distance[axis]
        });
        self.plan.lattice_from_relative.map(|column| dot(column, g))
    }

    /// The difference of two sides of which one or both are no samples.
    #[cold]
    fn one_sided(&self, here: Position, minus: Option<f32>, plus: Option<f32>) -> f32 {
        let middle = self.field.sample_held::<I>(&self.field.hold_inside(&here)).value();
        middle.map_or(0.0, |middle| plus.unwrap_or(middle) - minus.unwrap_or(middle))
    }

    #[inline(always)]
    fn neighbour(&self, here: Position, axis: usize, side: i32) -> Option<f32> {
        let mut there = here;
        there.voxel[axis] += side;
        self.field.sample::<I>(&there).value()
    }
}
