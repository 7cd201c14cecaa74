//! What leaps rely on, held against all voxels.

use anatome_core::plan::{Plan, RayMode, SamplingPlan};
use anatome_core::{Request, Volume};
use anatome_testkit::{Random, leaps};
use fearless_simd::Level;

use super::*;
use crate::cells::VoxelBox;
use crate::stored::Stored;

/// `[k, j, i]`.
const SHAPE: [usize; 3] = [23, 26, 37];

/// Whether one of eight neighbours that are no padding, of which one is the last before the others, may be seen.
fn is_seen(asked: &Request, volume: &Volume, [i, j, k]: [usize; 3]) -> bool {
    let [slices, rows, row] = SHAPE;
    let place = |n: usize| [k + n / 4, j + n / 2 % 2, i + n % 2];
    let held = |[k, j, i]: [usize; 3]| [k.min(slices - 1), j.min(rows - 1), i.min(row - 1)];
    let values: Option<Vec<f64>> = (0..8).map(|n| volume.modality_value(held(place(n)))).collect();
    values.is_some_and(|values| leaps::is_visible(asked, values.into_iter()))
}

fn sampling(plan: &Plan) -> (&SamplingPlan, &RenderingPlan) {
    match plan {
        Plan::Rays(RayPlan { sampling, mode: RayMode::Render(rendering), .. }) => (sampling, rendering),
        _ => panic!("a rendering was asked for"),
    }
}

/// For all sample types, with and without padding, with transfer functions and boxes at random.
#[test]
fn no_box_with_opacity_is_empty() {
    let mut random = Random::new(21);
    let (mut empty, mut full) = (0, 0);
    for round in 0..160 {
        let volume = leaps::blocks(round, SHAPE, 6, 3, &mut random).unwrap();
        let asked = leaps::bands(-1300.0, &volume, &mut random).unwrap();
        let plan = Plan::new(&asked, &volume).unwrap();
        let (sampling, rendering) = sampling(&plan);
        let samples = Stored::new(volume.samples()).unwrap();
        let field = Field::new(samples, sampling).along_rays();
        let cells = Cells::new(Level::new(), samples, sampling);
        let Plan::Rays(rays) = plan.clone() else { panic!("rays") };
        let kernel = RaycastKernel::new(field, rays, rendering.clone(), Some(&cells));
        let occupancy = kernel.occupancy.as_ref().unwrap();
        for _ in 0..60 {
            let size = [37, 26, 23];
            let low = size.map(|n| random.whole(0, n - 1));
            let longest = [0, 3, 30][random.whole(0, 2)];
            let high = std::array::from_fn(|n| (low[n] + random.whole(0, longest)).min(size[n] - 1));
            let voxels = VoxelBox { low, high };
            let mut within = (low[2]..=high[2]).flat_map(|k| {
                (low[1]..=high[1]).flat_map(move |j| (low[0]..=high[0]).map(move |i| [i, j, k]))
            });
            let is_seen = within.any(|at| is_seen(&asked, &volume, at));
            let is_empty = occupancy.is_empty(&voxels);
            let is_empty_by_parts = occupancy.is_empty_by_parts(&voxels, |cell| kernel.parts_seen(cell));
            assert!(!(is_seen && is_empty), "{round}: {voxels:?}");
            assert!(!(is_seen && is_empty_by_parts), "{round}: {voxels:?} by parts");
            empty += usize::from(is_empty);
            full += usize::from(is_seen);
        }
    }
    assert!(empty > 1000 && full > 1000, "{empty} {full}");
}
