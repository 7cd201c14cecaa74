//! A small block of voxels, painted tissue over tissue.

use super::noise::Texture;
use super::shapes::{Bounds, Capsule, Tubes};
use glam::Vec3;

/// What a tissue looks like: attenuation, its unevenness, and tracer uptake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tissue {
    pub hu: f32,
    /// HU per unit of texture.
    pub grain: f32,
    /// Standardised uptake value.
    pub suv: f32,
}

impl Tissue {
    pub(crate) const fn new(hu: f32, grain: f32, suv: f32) -> Self {
        Self { hu, grain, suv }
    }

    /// `share` (0 to 1) of `other`, the rest of this.
    pub(crate) fn mixed(self, other: Self, share: f32) -> Self {
        let mix = |a: f32, b: f32| a + (b - a) * share;
        Self {
            hu: mix(self.hu, other.hu),
            grain: mix(self.grain, other.grain),
            suv: mix(self.suv, other.suv),
        }
    }
}

/// Which property of the tissues is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Hounsfield units.
    Attenuation,
    /// Standardised uptake values.
    Uptake,
}

/// Voxels of a box of the grid, at most [`SIDE`] along each axis, in `[k, j, i]` order.
pub(crate) struct Block {
    pub points: Vec<Vec3>,
    pub value: Vec<f32>,
    /// The block in patient mm, with half a blend width around it.
    pub bounds: Bounds,
    pub centre: Vec3,
    /// From the centre to the farthest voxel.
    pub reach_mm: f32,
    /// Thickness of the blend at an edge.
    pub blend_mm: f32,
    channel: Channel,
    grain: Vec<f32>,
    bump: Vec<f32>,
    uneven: bool,
    cover: Vec<f32>,
    found: Vec<u32>,
    near: Vec<Capsule>,
}

/// Voxels along the side of a block.
pub(crate) const SIDE: usize = 8;

impl Block {
    pub(crate) fn new(channel: Channel, blend_mm: f32) -> Self {
        Self {
            points: Vec::new(),
            value: Vec::new(),
            bounds: Bounds { min: Vec3::ZERO, max: Vec3::ZERO },
            centre: Vec3::ZERO,
            reach_mm: 0.0,
            blend_mm,
            channel,
            grain: Vec::new(),
            bump: Vec::new(),
            uneven: false,
            cover: Vec::new(),
            found: Vec::new(),
            near: Vec::new(),
        }
    }

    /// Starts over at `points`, everything filled with `tissue`.
    pub(crate) fn reset(&mut self, points: impl Iterator<Item = Vec3>, tissue: Tissue) {
        self.points.clear();
        self.points.extend(points);
        // The first and the last voxel are opposite corners.
        let first = self.points.first().copied().unwrap_or_default();
        let last = self.points.last().copied().unwrap_or_default();
        let all = Bounds { min: first.min(last), max: first.max(last) };
        self.centre = (all.min + all.max) * 0.5;
        self.reach_mm = (all.max - all.min).length() * 0.5;
        self.bounds = all.grown(self.blend_mm * 0.6);
        self.value.clear();
        self.value.resize(self.points.len(), self.level(tissue, 0.0));
        self.uneven = false;
        self.grain.clear();
        self.bump.clear();
        self.grain.resize(self.points.len(), 0.0);
        self.bump.resize(self.points.len(), 0.0);
    }

    /// Fills in the grain; until then it is zero.
    pub(crate) fn roughen(&mut self, texture: &Texture) {
        // Every other voxel takes the mean of its neighbours: the noise is smoother than a voxel.
        let last = self.points.len() - 1;
        for voxel in (0..=last).step_by(2) {
            self.grain[voxel] = texture.grain(self.points[voxel]);
        }
        for voxel in (1..=last).step_by(2) {
            let (before, after) = (voxel - 1, last.min(voxel + 1));
            let in_row = self.points[before].y == self.points[after].y && after > voxel;
            let other = if in_row { after } else { before };
            self.grain[voxel] = 0.5 * (self.grain[before] + self.grain[other]);
        }
    }

    /// Fills in the unevenness of surfaces; until then it is zero.
    pub(crate) fn roughen_edges(&mut self, texture: &Texture) {
        if !std::mem::replace(&mut self.uneven, true) {
            for (p, bump) in self.points.iter().zip(&mut self.bump) {
                *bump = texture.bump(*p);
            }
        }
    }

    pub(crate) fn bump(&self, voxel: usize) -> f32 {
        self.bump[voxel]
    }

    fn level(&self, tissue: Tissue, grain: f32) -> f32 {
        match self.channel {
            Channel::Attenuation => tissue.hu + tissue.grain * grain,
            Channel::Uptake => tissue.suv,
        }
    }

    /// Whether a shape whose distance at the centre is `distance` can't reach the block.
    pub(crate) fn misses(&self, distance: f32) -> bool {
        distance > self.reach_mm * 1.3 + self.blend_mm
    }

    /// Whether such a shape holds the whole block.
    pub(crate) fn within(&self, distance: f32) -> bool {
        distance < -(self.reach_mm * 1.3 + self.blend_mm)
    }

    /// Paints `tissue` where `distance` (of voxel number and position) is negative.
    pub(crate) fn fill(&mut self, tissue: Tissue, distance: impl Fn(usize, Vec3) -> f32) {
        self.fill_soft(tissue, self.blend_mm, distance);
    }

    /// As [`Self::fill`], with an edge `blend_mm` thick.
    pub(crate) fn fill_soft(&mut self, tissue: Tissue, blend_mm: f32, distance: impl Fn(usize, Vec3) -> f32) {
        for voxel in 0..self.points.len() {
            let share = coverage(distance(voxel, self.points[voxel]), blend_mm);
            if share > 0.0 {
                self.blend(voxel, tissue, share);
            }
        }
    }

    /// As [`Self::fill_soft`], with a tissue that changes from place to place.
    pub(crate) fn fill_graded(&mut self, blend_mm: f32, paint: impl Fn(usize, Vec3) -> (f32, Tissue)) {
        for voxel in 0..self.points.len() {
            let (distance, tissue) = paint(voxel, self.points[voxel]);
            let share = coverage(distance, blend_mm);
            if share > 0.0 {
                self.blend(voxel, tissue, share);
            }
        }
    }

    /// Paints `tissue` with `share` (0 to 1) of one voxel.
    pub(crate) fn blend(&mut self, voxel: usize, tissue: Tissue, share: f32) {
        let level = self.level(tissue, self.grain[voxel]);
        let value = &mut self.value[voxel];
        *value += (level - *value) * share;
    }

    pub(crate) fn flood(&mut self, tissue: Tissue) {
        for voxel in 0..self.points.len() {
            self.blend(voxel, tissue, 1.0);
        }
    }

    /// Paints tubes: where several overlap, the one that covers most counts, so that joints do not bulge.
    pub(crate) fn draw(&mut self, tubes: &Tubes, tissue: Tissue) {
        self.draw_soft(tubes, tissue, self.blend_mm);
    }

    /// As [`Self::draw`], with an edge `blend_mm` thick.
    pub(crate) fn draw_soft(&mut self, tubes: &Tubes, tissue: Tissue, blend_mm: f32) {
        let (mut found, mut near) = (std::mem::take(&mut self.found), std::mem::take(&mut self.near));
        tubes.near(&self.bounds, &mut found, &mut near);
        if !near.is_empty() {
            self.cover.clear();
            self.cover.resize(self.points.len(), 0.0);
            for capsule in &near {
                self.cover_capsule(capsule, blend_mm);
            }
            for voxel in 0..self.points.len() {
                let share = self.cover[voxel];
                if share > 0.0 {
                    self.blend(voxel, tissue, share);
                }
            }
        }
        (self.found, self.near) = (found, near);
    }

    fn cover_capsule(&mut self, capsule: &Capsule, blend_mm: f32) {
        let axis = capsule.b - capsule.a;
        let scale = 1.0 / axis.length_squared().max(1e-6);
        // A thread thinner than the blur shows as wide as the blur, and as faint as it is thin. No narrower than voxels
        // can follow: its brightness would change with every voxel, and in 3D it would have teeth.
        let least = 0.52 * self.blend_mm;
        let widest = capsule.radius_a.max(capsule.radius_b).max(least) + blend_mm * 0.5;
        let far = (widest + axis.length() * 0.5).powi(2);
        let middle = (capsule.a + capsule.b) * 0.5;
        for (p, cover) in self.points.iter().zip(&mut self.cover) {
            if p.distance_squared(middle) > far {
                continue;
            }
            let from_a = *p - capsule.a;
            let t = (from_a.dot(axis) * scale).clamp(0.0, 1.0);
            let radius = capsule.radius_a + (capsule.radius_b - capsule.radius_a) * t;
            let distance = (from_a - axis * t).length() - radius.max(least);
            let area = (radius / least).powi(2).min(1.0);
            *cover = cover.max(coverage(distance, blend_mm) * area * (2.0 - area));
        }
    }
}

/// The share of a voxel on the inside of a surface at `distance`, smooth over `blend_mm`. It begins and ends without a
/// bend: voxels could not follow that, and surfaces in 3D would show terraces.
pub(crate) fn coverage(distance: f32, blend_mm: f32) -> f32 {
    let t = (0.5 - distance / blend_mm).clamp(0.0, 1.0);
    t * t * t * (t * (6.0 * t - 15.0) + 10.0)
}
