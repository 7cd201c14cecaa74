//! Direct volume rendering, by the rules of [`RenderingPlan`].

use std::marker::PhantomData;

use anatome_core::plan::{RayPlan, RenderingPlan};
use anatome_core::{PixelRect, Pixels, Sample};

use crate::beam::{Beam, Skipping, beams};
use crate::kernel::Kernel;
use crate::project::modality_range;
use crate::shared::display::rgba_bytes;
use crate::shared::ray::{Ray, dot};
use crate::shared::sampling::{Field, Found, Interpolate, LANES};

/// Renders by emission and absorption.
pub(crate) struct RaycastKernel<'a, T, I, const PADDED: bool> {
    pub(crate) field: Field<'a, T, PADDED>,
    pub(crate) plan: RayPlan,
    pub(crate) rendering: RenderingPlan,
    pub(crate) opacity: Opacity,
    pub(crate) skipping: Option<Skipping<'a>>,
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
    /// From a table whose first entry stands for the value `first`.
    pub(crate) fn new(table: &[[f32; 4]], first: f32, entries_per_unit: f32) -> Self {
        let mut before = vec![0];
        let mut count = 0;
        for entry in table {
            count += u32::from(entry[3] > 0.0);
            before.push(count);
        }
        Self { before, first, entries_per_unit }
    }

    /// Whether looking up any value from `low` to `high` gives no extinction.
    #[inline(always)]
    fn is_transparent(&self, low: f32, high: f32) -> bool {
        let last = self.before.len() - 2;
        let place = |value: f32| ((value - self.first) * self.entries_per_unit).clamp(0.0, last as f32);
        let high = place(high);
        // The entry above counts only where it has a weight: many tables begin with a transparent entry.
        let above = high as usize + usize::from(high > (high as usize) as f32);
        self.before[place(low) as usize] == self.before[above + 1]
    }
}

/// Light gathered, and the part of the light behind that is still seen.
struct Light {
    sum: [f32; 3],
    transmittance: f32,
}

/// Of the positions at which a gradient is sampled, the one in the middle; the six sides come before it.
const MIDDLE: usize = 6;

/// A value at a distance along a ray.
#[derive(Clone, Copy)]
struct End {
    t: f32,
    value: f32,
}

/// The segments between the samples that are taken together.
const SEGMENTS: usize = LANES - 1;

impl<T: Sample, I: Interpolate, const PADDED: bool> Kernel for RaycastKernel<'_, T, I, PADDED> {
    fn block(&self, rect: PixelRect) -> Pixels {
        let background = rgba_bytes(self.rendering.background);
        let mut bytes = background.repeat(rect.width as usize * rect.height as usize);
        let (pixels, _) = bytes.as_chunks_mut::<4>();
        for part in beams(rect) {
            let Some(beam) = Beam::new(&self.plan, part, self.skipping.as_ref()) else { continue };
            let runs = self.runs(&beam);
            for (n, ray) in beam.rays.iter().enumerate() {
                let (x, y) = (n as u32 % part.width, n as u32 / part.width);
                let at = (part.y - rect.y + y) * rect.width + (part.x - rect.x + x);
                if let Some(ray) = ray {
                    pixels[at as usize] = rgba_bytes(self.march(ray, &runs));
                }
            }
        }
        Pixels::Rgba8(bytes)
    }
}

impl<T: Sample, I: Interpolate, const PADDED: bool> RaycastKernel<'_, T, I, PADDED> {
    /// The samples of a beam between which something may be seen, from where each ray enters to where it leaves:
    /// [`SEGMENTS`] segments from each on.
    fn runs(&self, beam: &Beam<'_>) -> Vec<i32> {
        let starts = (beam.first - 1..=beam.last).step_by(SEGMENTS);
        let is_seen = |&n: &i32| {
            beam.range(&self.field, n, n + SEGMENTS as i32).is_none_or(|stored| {
                // What is interpolated between two samples of a ray rounds once more.
                let range = modality_range(&self.field, stored).of_interpolated();
                !range.is_empty() && !self.opacity.is_transparent(range.low, range.high)
            })
        };
        starts.filter(is_seen).collect()
    }

    fn march(&self, ray: &Ray, runs: &[i32]) -> [f32; 3] {
        let mut light = Light { sum: [0.0; 3], transmittance: 1.0 };
        for &n in runs {
            // The sample before the first is where the ray enters, that after the last where it leaves.
            if n + (SEGMENTS as i32) < ray.first || n > ray.last {
                continue;
            }
            self.add_run(&mut light, ray, n);
            if light.transmittance < self.rendering.least_transmittance {
                break;
            }
        }
        let behind = self.rendering.background;
        std::array::from_fn(|c| light.sum[c] + light.transmittance * behind[c])
    }

    /// Adds the segments between the samples from `n` on.
    fn add_run(&self, light: &mut Light, ray: &Ray, n: i32) {
        let t = ray.t_from(n);
        let found = self.field.sample::<I>(&self.field.hold_inside(ray.lattice_at(t)));
        let values = || found.iter().filter_map(|found| found.value());
        if self.opacity.is_transparent(
            values().fold(f32::INFINITY, f32::min),
            values().fold(f32::NEG_INFINITY, f32::max),
        ) {
            return;
        }
        for segment in 0..SEGMENTS {
            let end = n + segment as i32 + 1;
            let (from, to) = (found[segment].value(), found[segment + 1].value());
            if let (Some(from), Some(to)) = (from, to)
                && ray.first <= end
                && end <= ray.last + 1
            {
                let [from, to] =
                    [(t[segment], from), (t[segment + 1], to)].map(|(t, value)| End { t, value });
                self.add_segment(light, ray, from, to);
                if light.transmittance < self.rendering.least_transmittance {
                    return;
                }
            }
        }
    }

    #[inline(always)]
    fn add_segment(&self, light: &mut Light, ray: &Ray, from: End, to: End) {
        if self.opacity.is_transparent(from.value.min(to.value), from.value.max(to.value)) {
            return;
        }
        let change = to.value - from.value;
        let lookups = (change.abs() / self.rendering.value_step).ceil();
        let lookups = lookups.clamp(1.0, RenderingPlan::MAX_LOOKUPS as f32);
        let length_mm = to.t - from.t;
        let part_mm = length_mm / lookups;
        let (mut color, mut place, mut opacity, mut left) = ([0.0; 3], 0.0, 0.0, 1.0);
        for n in 0..lookups as u32 {
            let u = (n as f32 + 0.5) / lookups;
            let entry = self.look_up(from.value + u * change);
            if entry[3] <= 0.0 {
                continue;
            }
            let through = (-entry[3] * part_mm).exp();
            let weight = left * (1.0 - through);
            color = std::array::from_fn(|c| color[c] + weight * (entry[c] / entry[3]));
            place += weight * u;
            opacity += weight;
            left *= through;
        }
        if opacity <= 0.0 {
            return;
        }
        let color = color.map(|part| part / opacity);
        let lit = self.lit_color(color, ray, from.t + (place / opacity) * length_mm);
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
        let face = self.face_part(ray, t);
        if face <= 0.0 {
            return self.lit_by_gradient(color, ray, t);
        }
        let RenderingPlan { shading, light, .. } = &self.rendering;
        let shade = shading.ambient + shading.diffuse * dot(ray.face, *light).abs();
        if face >= 1.0 {
            return color.map(|part| part * shade);
        }
        let lit = self.lit_by_gradient(color, ray, t);
        std::array::from_fn(|c| face * (color[c] * shade) + (1.0 - face) * lit[c])
    }

    /// How much of the light is that of the face through which the ray enters.
    #[inline(always)]
    fn face_part(&self, ray: &Ray, t: f32) -> f32 {
        if ray.face == [0.0; 3] {
            return 0.0;
        }
        let depth_mm = (t - ray.t_in) * dot(ray.face, ray.line.direction).abs();
        (2.0 - depth_mm / self.rendering.face_mm).clamp(0.0, 1.0)
    }

    #[inline(always)]
    fn lit_by_gradient(&self, color: [f32; 3], ray: &Ray, t: f32) -> [f32; 3] {
        let RenderingPlan { shading, light, .. } = &self.rendering;
        let gradient = self.gradient_per_mm(ray, t);
        let steepness = dot(gradient, gradient);
        if steepness <= 0.0 {
            return color;
        }
        let w = steepness / (steepness + shading.gradient_floor * shading.gradient_floor);
        let length = steepness.sqrt();
        let normal = gradient.map(|part| part / length);
        let half_way: [f32; 3] = std::array::from_fn(|n| light[n] - ray.line.direction[n]);
        let shine = dot(normal, half_way).abs() / dot(half_way, half_way).sqrt().max(1e-12);
        let shade = shading.ambient + shading.diffuse * dot(normal, *light).abs();
        let highlight = if shading.specular > 0.0 { shine.powf(shading.shininess) } else { 0.0 };
        color.map(|part| part * (1.0 + w * (shade - 1.0)) + w * shading.specular * highlight)
    }

    /// The gradient in modality units per mm, by central differences one voxel to each side.
    #[inline(always)]
    fn gradient_per_mm(&self, ray: &Ray, t: f32) -> [f32; 3] {
        let mut sides = self.field.position_from_lattice(&ray.lattice_at([t; LANES]));
        let k = sides.voxel[2][MIDDLE];
        let distance = [2.0, 2.0, self.field.side_distance(k, sides.fraction[2][MIDDLE])];
        for axis in 0..3 {
            sides.voxel[axis][2 * axis] -= 1;
            sides.voxel[axis][2 * axis + 1] += 1;
        }
        let mut held = self.field.hold_at_edge(&sides);
        // It is on the ray, which is inside.
        held.is_inside[MIDDLE] = 1;
        let found = self.field.sample::<I>(&held).map(Found::value);
        let g: [f32; 3] = std::array::from_fn(|axis| {
            let [minus, plus] = [found[2 * axis], found[2 * axis + 1]].map(|side| side.or(found[MIDDLE]));
            let change = minus.zip(plus).map_or(0.0, |(minus, plus)| plus - minus);
            change / distance[axis]
        });
        self.plan.lattice_from_relative.map(|column| dot(column, g))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entries at 0, 10, ... 50, of which only those at 20 and 30 are seen.
    #[test]
    fn what_is_between_two_entries_is_seen_if_one_is() {
        let seen = [0.0, 0.0, 0.5, 0.5, 0.0, 0.0];
        let opacity = Opacity::new(&seen.map(|extinction| [0.0, 0.0, 0.0, extinction]), 0.0, 0.1);
        for (low, high, transparent) in [
            (-50.0, -20.0, true),
            (-50.0, 10.0, true),
            (-50.0, 11.0, false),
            (12.0, 12.0, false),
            (20.0, 30.0, false),
            (39.0, 45.0, false),
            (40.0, 90.0, true),
            (60.0, 90.0, true),
            (0.0, 50.0, false),
        ] {
            assert_eq!(opacity.is_transparent(low, high), transparent, "{low} {high}");
        }
    }
}
