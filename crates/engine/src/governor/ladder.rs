//! How well pictures in motion are made, by the time that they took.

use anatome_core::{Interpolation, Output, PixelSubset, Precision, Request, View};
use serde::Serialize;

/// How a picture in motion differs from the one that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Level {
    /// How samples are interpolated.
    pub precision: Precision,
    /// How much farther samples along 3D rays are apart.
    pub step_factor: f64,
    /// Which pixels are computed.
    pub pixels: PixelSubset,
    /// By what width and height are divided, rounded up.
    pub divisor: u32,
}

/// In the order of what they cost, and of how like the wanted picture theirs are: where a texture unit interpolates, values
/// are off by 3/512 of how far neighbours are apart at most; a checkerboard costs half and is hardly seen (53 to 57 dB in
/// the tests), a larger step saves less and is seen in surfaces (31 to 37 dB).
const LEVELS: [Level; 7] = [
    Level::FULL,
    PREVIEW,
    Level { pixels: PixelSubset::Checkerboard, ..PREVIEW },
    Level { step_factor: 2.0, pixels: PixelSubset::Checkerboard, ..PREVIEW },
    Level { step_factor: 2.0, divisor: 2, ..PREVIEW },
    Level { step_factor: 4.0, divisor: 2, ..PREVIEW },
    Level { step_factor: 4.0, divisor: 4, ..PREVIEW },
];
const PREVIEW: Level = Level { precision: Precision::Preview, ..Level::FULL };

/// Where a step of 3D rays ends.
const LARGEST_STEP: f64 = 4.0;

/// Later than this part of the target twice in a row, or than [`MUCH_TOO_LATE`] once, and pictures become cheaper.
const TOO_LATE: f64 = 1.1;
const MUCH_TOO_LATE: f64 = 1.5;
/// What is aimed at when pictures become cheaper.
const AIM: f64 = 0.9;
/// They become better when that should stay below this part of the target, as often in a row as [`PATIENCE`]. The gap to
/// [`TOO_LATE`] is what keeps levels from swinging.
const EARLY: f64 = 0.8;
const PATIENCE: u32 = 3;
/// By what a level is taken to cost less than the one before, until it is known.
const RATIO: f64 = 1.7;
const RATIOS: std::ops::RangeInclusive<f64> = 1.0..=16.0;

impl Level {
    /// The picture that is wanted itself.
    pub const FULL: Self =
        Self { precision: Precision::Exact, step_factor: 1.0, pixels: PixelSubset::All, divisor: 1 };

    /// The request for a picture of this level.
    #[must_use]
    pub fn request(&self, wanted: &Request) -> Request {
        let mut request = wanted.clone();
        request.size_px = wanted.size_px.map(|n| n.div_ceil(self.divisor));
        if self.step_factor > 1.0 {
            let step = wanted.quality.step;
            request.quality.step = (step * self.step_factor).min(LARGEST_STEP.max(step));
        }
        if self.precision == Precision::Preview {
            request.quality.precision = self.precision;
        }
        if self.pixels == PixelSubset::Checkerboard {
            request.quality.pixels = self.pixels;
        }
        request
    }
}

/// The levels that make pictures of a request cheaper. `has_preview` says whether [`Precision::Preview`] does.
pub(super) fn levels(wanted: &Request, has_preview: bool) -> Vec<Level> {
    let is_3d = matches!(wanted.scene.view, View::Projection { .. } | View::Rendering { .. });
    // Values are measured: none are made up. A part of a picture has no smaller like.
    let makes_sense = |level: &Level| {
        (wanted.output != Output::Values || *level == Level::FULL)
            && (level.divisor == 1 || wanted.region.is_none())
    };
    let has_preview = has_preview && is_interpolated_linearly(wanted);
    let of_view = |level: Level| Level {
        precision: if has_preview { level.precision } else { Precision::Exact },
        ..if is_3d {
            level
        } else {
            Level { precision: level.precision, divisor: level.divisor, ..Level::FULL }
        }
    };
    let mut levels: Vec<Level> = LEVELS.into_iter().map(of_view).filter(makes_sense).collect();
    levels.dedup();
    levels
}

/// Whether interpolation is linear, and what a picture takes: of a slice, each pixel is one sample.
fn is_interpolated_linearly(wanted: &Request) -> bool {
    let interpolations = wanted.scene.layers.iter().map(|layer| layer.interpolation);
    let mut interpolations = interpolations.map(|interpolation| match &wanted.scene.view {
        View::Projection { .. } | View::Rendering { .. } => interpolation != Interpolation::Nearest,
        View::Slab { .. } => interpolation == Interpolation::Linear,
        _ => false,
    });
    interpolations.any(|is_linear| is_linear)
}

/// The levels of a request, and the one that is held.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    levels: Vec<Level>,
    at: usize,
    /// What a level costs in terms of the next.
    ratios: Vec<f64>,
    /// The level and cost (in terms of the target) of the last picture.
    last: Option<(usize, f64)>,
    late: u32,
    early: u32,
}

impl Ladder {
    /// The ladder of a request; it begins where another of the same levels stands.
    pub(super) fn new(wanted: &Request, has_preview: bool, before: Option<&Self>) -> Self {
        let levels = levels(wanted, has_preview);
        match before {
            Some(before) if before.levels == levels => before.clone(),
            _ => {
                let ratios = vec![RATIO; levels.len().saturating_sub(1)];
                Self { levels, at: 0, ratios, last: None, late: 0, early: 0 }
            }
        }
    }

    pub(super) fn level(&self) -> Level {
        self.levels.get(self.at).copied().unwrap_or(Level::FULL)
    }

    pub(super) fn is_lowest(&self) -> bool {
        self.at + 1 >= self.levels.len()
    }

    /// Takes a picture of the present level into account that took (or would have taken) `cost` times the target.
    pub(super) fn moved(&mut self, cost: f64) {
        self.learn(self.at, cost);
        let finer = self.at.checked_sub(1).and_then(|finer| self.ratios.get(finer));
        let is_early = finer.is_some_and(|ratio| cost * ratio < EARLY);
        self.late = if cost > TOO_LATE { self.late + 1 } else { 0 };
        self.early = if is_early { self.early + 1 } else { 0 };
        if cost > MUCH_TOO_LATE || self.late >= 2 {
            self.lower(cost);
        } else if self.early >= PATIENCE {
            self.at -= 1;
            self.early = 0;
        }
    }

    /// Takes a picture of full quality into account.
    pub(super) fn rested(&mut self, cost: f64) {
        self.learn(0, cost);
    }

    /// Goes to a cheaper level than the present one, at which a picture was given up that would have taken about `cost`
    /// times the target.
    pub(super) fn too_slow(&mut self, cost: f64) {
        self.lower(cost.max(MUCH_TOO_LATE));
    }

    fn lower(&mut self, mut cost: f64) {
        (self.late, self.early) = (0, 0);
        while !self.is_lowest() && cost > AIM {
            cost /= self.ratios[self.at];
            self.at += 1;
        }
    }

    /// What the levels between this picture's and the last one's cost in terms of each other.
    fn learn(&mut self, at: usize, cost: f64) {
        if let Some((before, before_cost)) = self.last
            && before != at
        {
            let (fine, coarse) = (before.min(at), before.max(at));
            let whole = if before < at { before_cost / cost } else { cost / before_cost };
            let known: f64 = self.ratios[fine..coarse].iter().product();
            let each = (whole / known).powf(1.0 / (coarse - fine) as f64);
            if each.is_finite() && each > 0.0 {
                for ratio in &mut self.ratios[fine..coarse] {
                    *ratio = (*ratio * each).clamp(*RATIOS.start(), *RATIOS.end());
                }
            }
        }
        self.last = Some((at, cost));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::{
        Appearance, Camera, Lens, Projection, Quality, Scene, SlicePlane, Voi, Window, WindowFunction,
    };
    use anatome_testkit::Random;
    use glam::DVec3;

    fn request(view: View) -> Request {
        let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::LinearExact).unwrap());
        let appearance = Appearance::Grey { voi, invert: false, colors: None };
        Request::new(Scene::of_primary(view, appearance), [1001, 600], Output::Grey8)
    }

    fn mip() -> Request {
        let camera = Camera {
            eye_mm: -DVec3::Y,
            target_mm: DVec3::ZERO,
            up: DVec3::Z,
            lens: Lens::Orthographic { height_mm: 1.0 },
        };
        request(View::Projection { camera, projection: Projection::Mip })
    }

    /// The levels that are held while each picture costs what `costs` says, with noise.
    fn run(ladder: &mut Ladder, frames: usize, noise: f64, costs: [f64; 6]) -> Vec<usize> {
        let mut random = Random::new(7);
        let mut held = Vec::new();
        for _ in 0..frames {
            held.push(ladder.at);
            ladder.moved(costs[ladder.at] * random.between(1.0 - noise, 1.0 + noise));
        }
        held
    }

    fn changes(held: &[usize]) -> usize {
        held.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    #[test]
    fn slow_pictures_become_cheaper_at_once_and_fast_ones_better_in_time() {
        let mut ladder = Ladder::new(&mip(), false, None);
        let held = run(&mut ladder, 20, 0.0, [4.0, 2.3, 1.3, 0.75, 0.5, 0.2]);
        // One slow picture, a guess, and what fits.
        assert_eq!(held[0], 0);
        assert!(held[1] > 1 && held[3..].iter().all(|&at| at == 3), "{held:?}");
        let held = run(&mut ladder, 30, 0.0, [0.3, 0.18, 0.1, 0.06, 0.03, 0.01]);
        assert!(held.windows(2).all(|pair| pair[0] >= pair[1]) && *held.last().unwrap() == 0, "{held:?}");
        assert!(held[PATIENCE as usize - 1] == 3, "it was not patient: {held:?}");
    }

    /// Whatever the levels cost, and with a tenth of noise: after the first pictures a level changes once in a hundred
    /// pictures at most.
    #[test]
    fn levels_do_not_swing() {
        let mut random = Random::new(3);
        for _ in 0..200 {
            let mut cost = random.between(0.2, 12.0);
            let costs = [0; 6].map(|_| {
                let here = cost;
                cost /= random.between(1.05, 5.0);
                here
            });
            let mut ladder = Ladder::new(&mip(), false, None);
            run(&mut ladder, 20, 0.1, costs);
            let held = run(&mut ladder, 300, 0.1, costs);
            assert!(changes(&held) <= 3, "{costs:?}: {held:?}");
            let cost = costs[*held.last().unwrap()];
            assert!(cost < 1.25 || *held.last().unwrap() == 5, "{costs:?}: {held:?}");
        }
    }

    #[test]
    fn a_level_is_left_out_where_it_gains_nothing() {
        let divisors =
            |wanted: &Request| levels(wanted, false).iter().map(|level| level.divisor).collect::<Vec<_>>();
        assert_eq!(divisors(&mip()), [1, 1, 1, 2, 2, 4]);
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        assert_eq!(divisors(&request(View::Slice { plane })), [1, 2, 4]);
        let slab = View::Slab { plane, thickness_mm: 9.0, projection: Projection::Mip };
        assert_eq!(divisors(&request(slab)), [1, 2, 4]);
        let region = Some(anatome_core::PixelRect { x: 0, y: 0, width: 9, height: 9 });
        assert_eq!(divisors(&Request { region, ..mip() }), [1, 1, 1]);
        assert_eq!(divisors(&Request { output: Output::Values, ..mip() }), [1]);
    }

    /// Where it gains something, and nothing is measured; before anything that is seen.
    #[test]
    fn previews_come_first_where_a_texture_unit_makes_them() {
        let of = |wanted: &Request| {
            let (without, with) = (levels(wanted, false), levels(wanted, true));
            assert!(without.iter().all(|level| level.precision == Precision::Exact));
            if without == with {
                return false;
            }
            assert_eq!(with[..2], [Level::FULL, PREVIEW]);
            assert!(with[1..].iter().all(|level| level.precision == Precision::Preview));
            let exact = with[2..].iter().map(|level| Level { precision: Precision::Exact, ..*level });
            assert!(exact.eq(without[1..].iter().copied()));
            true
        };
        let with = |interpolation, mut wanted: Request| {
            wanted.scene.layers[0].interpolation = interpolation;
            wanted
        };
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        let slice = request(View::Slice { plane });
        let slab = request(View::Slab { plane, thickness_mm: 9.0, projection: Projection::Mip });
        assert!(of(&mip()) && of(&slab) && of(&with(Interpolation::Cubic, mip())));
        assert!(!of(&slice) && !of(&with(Interpolation::Cubic, slab)));
        assert!(!of(&with(Interpolation::Nearest, mip())));
        assert!(!of(&Request { output: Output::Values, ..mip() }));
    }

    #[test]
    fn a_level_changes_what_it_says_and_no_more() {
        let wanted = mip();
        assert_eq!(Level::FULL.request(&wanted), wanted);
        let preview = PREVIEW.request(&wanted);
        assert_eq!(preview.quality.precision, Precision::Preview);
        assert_eq!(Level::FULL.request(&preview), preview, "who wants a preview gets one");
        let exact = Quality { precision: Precision::Exact, ..preview.quality };
        assert_eq!(Request { quality: exact, ..preview }, wanted);
        let lowest = LEVELS[6].request(&wanted);
        assert_eq!((lowest.size_px, lowest.quality.step), ([251, 150], 2.0));
        assert_eq!(lowest.scene, wanted.scene);
        let mut coarse = wanted;
        coarse.quality.step = 3.0;
        assert_eq!(LEVELS[6].request(&coarse).quality.step, LARGEST_STEP);
    }
}
