//! Direct volume rendering, by the rules of [`RenderingPlan`].

use std::sync::Arc;

use anatome_core::plan::{RayPlan, RenderingPlan};
use anatome_core::{PixelRect, Pixels};
use fearless_simd::Simd;
use fearless_simd::prelude::*;

use crate::beam::{Beam, Hull, PACKETS, beams, pixel_of};
use crate::cells::{CELL, Cells, Occupancy};
use crate::lanes::{
    F32s, LANES, Mask, dot, each_axis, exp, f32s, i32s, least, magnitude, most, pow, vec3, within,
};
use crate::parts::Parts;
use crate::seen::is_seen;
use crate::shared::display::rgba_bytes;
use crate::shared::position::Positions;
use crate::shared::ray::Rays;
use crate::shared::sampling::{Field, Found};
use crate::transfer::{Emission, Integral, Table};

/// Renders by emission and absorption.
pub(crate) struct RaycastKernel<'a> {
    field: Field<'a>,
    plan: RayPlan,
    rendering: RenderingPlan,
    table: Table,
    /// What is needed to leap, if leaps are wanted.
    occupancy: Option<Arc<Occupancy>>,
}

/// The segments that are looked at together.
const RUN: i32 = 8;

/// Light gathered along rays, and the parts of the light behind that are still seen.
#[derive(Clone, Copy)]
struct Light<S: Simd> {
    sum: [F32s<S>; 3],
    transmittance: F32s<S>,
    /// The samples that were taken last, and their number.
    before: Found<S>,
    number: Option<i32>,
    /// The integral of the transfer function up to the end of the segments that were added last, and that end's number.
    integral: Integral<S>,
    integral_at: Option<i32>,
}

/// Segments of rays: between two values at two distances.
struct Segments<S: Simd> {
    is_any: Mask<S>,
    t: [F32s<S>; 2],
    value: [F32s<S>; 2],
    /// The number of the sample at their end.
    end: i32,
}

/// What is in the middle of segments, and how a colour is lit there: by a factor, and by what is added.
struct Middle<S: Simd> {
    found: Found<S>,
    matt: F32s<S>,
    gloss: F32s<S>,
}

impl<S: Simd> Middle<S> {
    #[inline(always)]
    fn lit(&self, color: F32s<S>) -> F32s<S> {
        color * self.matt + self.gloss
    }
}

impl<'a> RaycastKernel<'a> {
    /// Works in the current pool.
    pub(crate) fn new(
        field: Field<'a>,
        plan: RayPlan,
        rendering: RenderingPlan,
        cells: Option<&Cells>,
    ) -> Self {
        let table = Table::new(&rendering);
        // With padding, what can be seen is known only of values that follow one another in neighbouring cells.
        let is_known = field.padding.is_none() || plan.voxels_of_step() < CELL as f64;
        let occupancy = cells.filter(|_| is_known).map(|cells| cells.occupancy(&field, table.visibility()));
        Self { field, plan, rendering, table, occupancy }
    }

    #[inline(always)]
    pub(crate) fn block<S: Simd>(&self, simd: S, rect: PixelRect) -> Pixels {
        let background = rgba_bytes(self.rendering.background);
        let mut bytes = background.repeat(rect.width as usize * rect.height as usize);
        let (pixels, _) = bytes.as_chunks_mut::<4>();
        for part in beams(rect, self.plan.pixels) {
            let Some(beam) = Beam::new(simd, &self.plan, &self.field, part) else { continue };
            let lights = self.march(simd, &beam);
            for (packet, (rays, light)) in beam.packets.iter().zip(lights).enumerate() {
                let behind = self.rendering.background;
                let color: [F32s<S>; 3] = each_axis(
                    #[inline(always)]
                    |n| light.sum[n] + light.transmittance * behind[n],
                );
                for lane in (0..LANES).filter(|&lane| rays.hit.test(lane)) {
                    let (x, y) = pixel_of(self.plan.pixels, part, packet, lane);
                    if x < part.width && y < part.height {
                        let at = (part.y - rect.y + y) * rect.width + (part.x - rect.x + x);
                        pixels[at as usize] = rgba_bytes([color[0][lane], color[1][lane], color[2][lane]]);
                    }
                }
            }
        }
        Pixels::Rgba8(bytes)
    }

    #[inline(always)]
    fn march<S: Simd>(&self, simd: S, beam: &Beam<S>) -> [Light<S>; PACKETS] {
        let mut lights = [Light {
            sum: vec3(simd, [0.0; 3]),
            transmittance: f32s(simd, 1.0),
            before: Found::nothing(simd),
            number: None,
            integral: Integral::nothing(simd),
            integral_at: None,
        }; PACKETS];
        // The sample before the first is where a ray enters, that after the last where it leaves.
        let mut n = beam.first - 1;
        while n <= beam.last {
            let leap = self.leap(simd, beam, n);
            if leap > 0 {
                n += leap;
                continue;
            }
            let mut is_over = true;
            for ((rays, hull), light) in beam.packets.iter().zip(&beam.hulls).zip(&mut lights) {
                if self.is_lit(light, rays).any_true() {
                    is_over = false;
                    if !self.shows_nothing(simd, beam, hull, n) {
                        self.add_run(simd, light, rays, n);
                    }
                }
            }
            if is_over {
                break;
            }
            n += RUN;
        }
        lights
    }

    /// How many segments from the sample `n` on can't be seen.
    #[inline(always)]
    fn leap<S: Simd>(&self, simd: S, beam: &Beam<S>, n: i32) -> i32 {
        let Some(occupancy) = &self.occupancy else { return 0 };
        let voxels = |count: i32| beam.voxels(simd, &self.field, &beam.hull, n, n + count);
        if !occupancy.is_empty(&voxels(RUN)) {
            return 0;
        }
        let mut count = RUN;
        while n + count <= beam.last && occupancy.is_empty_from_middle(&voxels(2 * count)) {
            count *= 2;
        }
        count
    }

    /// Whether no segment of a run along the rays in a hull can be seen, as far as it can be told in little time.
    #[inline(always)]
    fn shows_nothing<S: Simd>(&self, simd: S, beam: &Beam<S>, hull: &Hull<S>, n: i32) -> bool {
        let Some(occupancy) = &self.occupancy else { return false };
        let voxels = beam.voxels(simd, &self.field, hull, n, n + RUN);
        occupancy.is_empty_by_parts(&voxels, |cell| self.parts_seen(cell))
    }

    /// Which parts of a cell can be seen. Needed once for a cell.
    #[cold]
    #[inline(never)]
    fn parts_seen(&self, cell: [usize; 3]) -> Parts {
        Parts::new(&self.field, cell, |stored| is_seen(&self.field, self.table.visibility(), stored))
    }

    /// The rays along which more light may come.
    #[inline(always)]
    fn is_lit<S: Simd>(&self, light: &Light<S>, rays: &Rays<S>) -> Mask<S> {
        rays.hit & light.transmittance.simd_ge(self.rendering.least_transmittance)
    }

    /// Adds the segments between the samples from `first` on.
    #[inline(always)]
    fn add_run<S: Simd>(&self, simd: S, light: &mut Light<S>, rays: &Rays<S>, first: i32) {
        let taken = usize::from(light.number == Some(first));
        let mut run = [light.before; RUN as usize + 1];
        if self.field.found_along(simd, rays, first + taken as i32, &mut run[taken..]) {
            self.add_found(simd, light, rays, first, &run);
        } else {
            self.add_each(simd, light, rays, first);
        }
        light.number = Some(first + RUN);
    }

    /// Adds the segments between what is found at the samples from `first` on.
    #[inline(always)]
    fn add_found<S: Simd>(
        &self,
        simd: S,
        light: &mut Light<S>,
        rays: &Rays<S>,
        first: i32,
        run: &[Found<S>; RUN as usize + 1],
    ) {
        let (mut low, mut high) = (run[0].value, run[0].value);
        for found in &run[1..] {
            (low, high) = (least(low, found.value), most(high, found.value));
        }
        if self.table.may_be_seen(low, high).any_true() {
            for (n, [from, to]) in (first + 1..).zip(run.array_windows()) {
                let is_any = (from.is_sample & to.is_sample) & rays.has_before(simd, n);
                let is_any = is_any & self.is_lit(light, rays);
                let value = [from.value, to.value];
                if self.may_be_seen(is_any, value).any_true() {
                    let t = [rays.t_of(simd, n - 1), rays.t_of(simd, n)];
                    self.add_seen(simd, light, rays, &Segments { is_any, t, value, end: n });
                }
            }
        }
        light.before = run[RUN as usize];
    }

    /// As [`Self::add_found`], taking a sample after the other.
    #[inline(always)]
    fn add_each<S: Simd>(&self, simd: S, light: &mut Light<S>, rays: &Rays<S>, first: i32) {
        let is_next = light.number == Some(first);
        let mut t_before = rays.t_of(simd, first);
        for n in first + i32::from(is_next)..=first + RUN {
            let t = rays.t_of(simd, n);
            let number = i32s(simd, n);
            let is_inside = number.simd_ge(rays.first - 1) & number.simd_le(rays.last + 1);
            let is_inside = is_inside & self.is_lit(light, rays);
            let found = if is_inside.any_true() {
                self.field.sample_inside(simd, rays.lattice_at(t))
            } else {
                Found::nothing(simd)
            };
            if n > first {
                let is_any = is_inside & rays.has_before(simd, n) & light.before.is_sample & found.is_sample;
                let value = [light.before.value, found.value];
                if self.may_be_seen(is_any, value).any_true() {
                    self.add_seen(simd, light, rays, &Segments { is_any, t: [t_before, t], value, end: n });
                }
            }
            light.before = found;
            t_before = t;
        }
    }

    /// A function of its own: seldom needed.
    #[inline(always)]
    fn add_seen<S: Simd>(&self, simd: S, light: &mut Light<S>, rays: &Rays<S>, segments: &Segments<S>) {
        simd.vectorize(
            #[inline(always)]
            || self.add_segments(simd, light, rays, segments),
        );
    }

    #[inline(always)]
    fn may_be_seen<S: Simd>(&self, is_any: Mask<S>, [from, to]: [F32s<S>; 2]) -> Mask<S> {
        is_any & self.table.may_be_seen(least(from, to), most(from, to))
    }

    #[inline(always)]
    fn add_segments<S: Simd>(&self, simd: S, light: &mut Light<S>, rays: &Rays<S>, segments: &Segments<S>) {
        let is_seen = self.may_be_seen(segments.is_any, segments.value);
        let [from, to] = segments.value.each_ref().map(
            #[inline(always)]
            |value| self.table.place(*value),
        );
        let before = match light.integral_at {
            Some(n) if n + 1 == segments.end => light.integral,
            _ => self.table.integral(simd, from),
        };
        let after = self.table.integral(simd, to);
        (light.integral, light.integral_at) = (after, Some(segments.end));
        let whole = self.mean(simd, [from, to], [&before, &after], is_seen);
        let is_seen = is_seen & whole.extinction.simd_gt(0.0);
        if !is_seen.any_true() {
            return;
        }
        let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
        let length_mm = segments.t[1] - segments.t[0];
        let middle = self.middle(simd, rays, segments.t[0] + length_mm * 0.5, is_seen);
        let place = within(self.table.place(middle.found.value), least(from, to), most(from, to));
        let place = middle.found.is_sample.select(place, (from + to) * 0.5);
        let between = self.table.integral(simd, place);
        let halves = [
            self.mean(simd, [from, place], [&before, &between], is_seen),
            self.mean(simd, [place, to], [&between, &after], is_seen),
        ];
        let extinction = halves[0].extinction + halves[1].extinction;
        let is_seen = is_seen & extinction.simd_gt(0.0);
        let per_extinction = all / is_seen.select(extinction, all);
        let opacity = is_seen.select(all - exp(simd, -extinction * (length_mm * 0.5)), none);
        let weight = light.transmittance * opacity;
        light.sum = each_axis(
            #[inline(always)]
            |c| {
                let color = (halves[0].color[c] + halves[1].color[c]) * per_extinction;
                light.sum[c] + is_seen.select(weight * middle.lit(color), none)
            },
        );
        light.transmittance *= all - opacity;
    }

    /// What is emitted in the mean between two places among the entries, by the integrals up to them.
    #[inline(always)]
    fn mean<S: Simd>(
        &self,
        simd: S,
        [from, to]: [F32s<S>; 2],
        [before, after]: [&Integral<S>; 2],
        is_seen: Mask<S>,
    ) -> Emission<S> {
        let entries = to - from;
        let is_short = magnitude(entries).simd_lt(RenderingPlan::FEW_ENTRIES);
        let per_entry = f32s(simd, 1.0) / is_short.select(f32s(simd, 1.0), entries);
        let mean = after.less(before, per_entry);
        if !(is_short & is_seen).any_true() {
            return mean;
        }
        mean.or(&self.table.emission(simd, from + entries * 0.5), is_short)
    }

    /// What is in the middle of segments, and how it is lit.
    #[inline(always)]
    fn middle<S: Simd>(&self, simd: S, rays: &Rays<S>, t: F32s<S>, is_seen: Mask<S>) -> Middle<S> {
        let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
        let face = if rays.has_faces { self.face_part(simd, rays, t) } else { none };
        let by_gradient = is_seen & face.simd_lt(1.0);
        let mut middle = if by_gradient.any_true() {
            simd.vectorize(
                #[inline(always)]
                || self.lit_by_gradient(simd, rays, t),
            )
        } else {
            Middle { found: self.field.sample_inside(simd, rays.lattice_at(t)), matt: all, gloss: none }
        };
        if (is_seen & face.simd_gt(0.0)).any_true() {
            let RenderingPlan { shading, light, .. } = &self.rendering;
            let facing = magnitude(dot(rays.face, vec3(simd, *light)));
            let shade = facing * shading.diffuse + shading.ambient;
            let is_face_alone = face.simd_ge(1.0);
            middle.matt = is_face_alone.select(shade, face * shade + (all - face) * middle.matt);
            middle.gloss = is_face_alone.select(none, (all - face) * middle.gloss);
        }
        middle
    }

    /// How much of the light is that of the face through which the ray enters.
    #[inline(always)]
    fn face_part<S: Simd>(&self, simd: S, rays: &Rays<S>, t: F32s<S>) -> F32s<S> {
        let depth_mm = (t - rays.t_in) * magnitude(dot(rays.face, rays.lines.direction));
        let none = f32s(simd, 0.0);
        let part = within(-(depth_mm / self.rendering.face_mm) + 2.0, none, f32s(simd, 1.0));
        let is_face = dot(rays.face, rays.face).simd_gt(0.0);
        is_face.select(part, none)
    }

    #[inline(always)]
    fn lit_by_gradient<S: Simd>(&self, simd: S, rays: &Rays<S>, t: F32s<S>) -> Middle<S> {
        let (none, all) = (f32s(simd, 0.0), f32s(simd, 1.0));
        let RenderingPlan { shading, light, .. } = &self.rendering;
        let light = vec3(simd, *light);
        let (found, gradient) = self.gradient_per_mm(simd, rays, t);
        let steepness = dot(gradient, gradient);
        let is_steep = steepness.simd_gt(0.0);
        let steepness = is_steep.select(steepness, all);
        let w = steepness / (steepness + shading.gradient_floor * shading.gradient_floor);
        let per_length = all / steepness.sqrt();
        let normal = each_axis(
            #[inline(always)]
            |n| gradient[n] * per_length,
        );
        let shade = magnitude(dot(normal, light)) * shading.diffuse + shading.ambient;
        let highlight = if shading.specular > 0.0 {
            let half_way = each_axis(
                #[inline(always)]
                |n| light[n] - rays.lines.direction[n],
            );
            let half_way_length = most(dot(half_way, half_way).sqrt(), f32s(simd, 1e-12));
            let shine = magnitude(dot(normal, half_way)) / half_way_length;
            pow(simd, least(shine, all), shading.shininess)
        } else {
            none
        };
        let (matt, gloss) = (w * (shade - 1.0) + 1.0, w * shading.specular * highlight);
        Middle { found, matt: is_steep.select(matt, all), gloss: is_steep.select(gloss, none) }
    }

    /// What is at distances, and its gradient in modality units per mm, by central differences one voxel to each side.
    #[inline(always)]
    fn gradient_per_mm<S: Simd>(&self, simd: S, rays: &Rays<S>, t: F32s<S>) -> (Found<S>, [F32s<S>; 3]) {
        let middle = self.field.position_from_lattice(simd, &rays.lattice_at(t));
        let (found, per_lattice) = match self.field.around(simd, &middle) {
            Some((found, [i, j, k])) if self.field.slices.is_none() => (found, [i * 0.5, j * 0.5, k * 0.5]),
            Some((found, [i, j, k])) => {
                let distance = self.field.side_distance(simd, middle.voxel[2], middle.fraction[2]);
                (found, [i * 0.5, j * 0.5, k / distance])
            }
            None => {
                // It is on the ray, which is inside.
                let found = self.field.sample_inside(simd, rays.lattice_at(t));
                (found, self.per_lattice(simd, &found, &middle))
            }
        };
        let columns = self.plan.lattice_from_relative;
        let gradient = each_axis(
            #[inline(always)]
            |n| dot(vec3(simd, columns[n]), per_lattice),
        );
        (found, gradient)
    }

    /// As much more as the modality value is one lattice unit farther along each axis, looking at edges.
    #[inline(always)]
    fn per_lattice<S: Simd>(&self, simd: S, found: &Found<S>, middle: &Positions<S>) -> [F32s<S>; 3] {
        let two = f32s(simd, 2.0);
        let distance = [two, two, self.field.side_distance(simd, middle.voxel[2], middle.fraction[2])];
        let mut sides = [Found::nothing(simd); 6];
        for (n, side) in sides.iter_mut().enumerate() {
            let mut position = *middle;
            position.voxel[n / 2] += if n % 2 == 0 { -1 } else { 1 };
            *side = self.field.sample_at(simd, &position);
        }
        for side in &mut sides {
            side.value = side.is_sample.select(side.value, found.value);
            side.is_sample |= found.is_sample;
        }
        each_axis(
            #[inline(always)]
            |axis| {
                let [minus, plus] = [sides[2 * axis], sides[2 * axis + 1]];
                let is_known = minus.is_sample & plus.is_sample;
                is_known.select(plus.value - minus.value, f32s(simd, 0.0)) / distance[axis]
            },
        )
    }
}

#[cfg(test)]
mod tests;
