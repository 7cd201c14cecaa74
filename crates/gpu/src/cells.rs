//! What lets rays leap over cells in which nothing matters: made on the GPU when it is first needed, and kept with the
//! volume.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anatome_core::plan::{RenderingPlan, SamplingPlan};
use anatome_core::{DeviceFault, Result, Uploaded as _};
use anatome_shaders::{Shader, cells, chessboard, occupancy};
use bytemuck::{NoUninit, bytes_of, cast_slice};
use wgpu::{BindingResource, BufferUsages};

use crate::bricks::{BRICK, Bricks};
use crate::pace::{LONGEST, SHORT};
use crate::pipeline::Constant;
use crate::{GpuRenderer, GpuVolume, gpu_data};

/// The side of a cell in voxels, as in the shaders.
pub(crate) const CELL: u32 = 8;
/// The transfer functions of which leaps are kept: those of the views that are looked at in turn.
const KEPT: usize = 4;

/// The leaps of a volume that were needed so far.
#[derive(Debug, Default)]
pub(crate) struct Leaps {
    /// What is in each cell.
    contents: Mutex<Option<Contents>>,
    /// The distances to what can be seen, the transfer function of the last frame first.
    distances: Mutex<Vec<(Seen, wgpu::Buffer)>>,
}

/// What is in each cell of a volume.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    /// The range of modality values.
    pub(crate) ranges: wgpu::Buffer,
    /// Whether a voxel is padding.
    pub(crate) are_padded: wgpu::Buffer,
}

/// All that tells which cells a transfer function lets see.
#[derive(Debug, PartialEq)]
struct Seen {
    /// As [`anatome_core::EmissionTable::seen_before`] says.
    before: Arc<[u32]>,
    first_value: f32,
    entries_per_unit: f32,
}

impl Seen {
    fn new(plan: &RenderingPlan) -> Self {
        let before = Arc::clone(&plan.emission.seen_before);
        Self { before, first_value: plan.first_value, entries_per_unit: plan.entries_per_unit }
    }
}

/// The number of cells along i, j and k.
fn cell_count(plan: &SamplingPlan) -> [u32; 3] {
    plan.size.map(|n| n.unsigned_abs().div_ceil(CELL))
}

fn bytes_of_table<T>(count: [u32; 3]) -> u64 {
    count.into_iter().fold(size_of::<T>() as u64, |bytes, n| bytes.saturating_mul(u64::from(n)))
}

/// The workgroups of a shader that cover all cells.
fn groups(shader: &Shader, count: [u32; 3]) -> [u32; 3] {
    let [across, down, deep] = shader.workgroup_size;
    [count[0].div_ceil(across), count[1].div_ceil(down), count[2].div_ceil(deep)]
}

impl GpuRenderer {
    /// What is in each cell of a volume.
    pub(crate) fn contents(&self, uploaded: &GpuVolume, plan: &SamplingPlan) -> Result<Contents> {
        // What a panic elsewhere left is whole: buffers are put in at once.
        let mut made = uploaded.leaps.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(contents) = &*made {
            return Ok(contents.clone());
        }
        let count = cell_count(plan);
        let [of_ranges, of_padded] = [bytes_of_table::<[f32; 2]>(count), bytes_of_table::<u32>(count)];
        let empty = |name, bytes| self.gpu.empty_buffer(name, bytes, BufferUsages::STORAGE);
        let contents = self.gpu.guarded(of_ranges.saturating_add(of_padded), || Contents {
            ranges: empty("ranges", of_ranges),
            are_padded: empty("are_padded", of_padded),
        })?;
        match &uploaded.bricks {
            None => self.contents_of_all(uploaded, plan, &contents)?,
            Some(bricks) => self.contents_of_bricks(uploaded, bricks, plan, &contents)?,
        }
        *made = Some(contents.clone());
        Ok(contents)
    }

    /// All voxels are read: layer by layer at first, so that nothing holds the GPU for long.
    fn contents_of_all(&self, uploaded: &GpuVolume, plan: &SamplingPlan, contents: &Contents) -> Result<()> {
        let mut params = gpu_data::Cells::new(plan, GpuVolume::bias(uploaded.volume()));
        let [across, down, deep] = groups(&cells::SHADER, cell_count(plan));
        let (mut first, mut layers) = (0, 1);
        while first < deep {
            params.first[2] = first * cells::SHADER.workgroup_size[2];
            let now = layers.min(deep - first);
            let started = Instant::now();
            let submission =
                self.run(uploaded, &[contents_pass(uploaded, &params, [across, down, now], contents)])?;
            self.gpu.wait(submission)?;
            first += now;
            layers = match started.elapsed() {
                took if took > LONGEST => (now / 2).max(1),
                took if took < SHORT => now.saturating_mul(4),
                _ => now,
            };
        }
        Ok(())
    }

    /// Rows of bricks along i, one after the other.
    fn contents_of_bricks(
        &self,
        uploaded: &GpuVolume,
        bricks: &Bricks,
        plan: &SamplingPlan,
        contents: &Contents,
    ) -> Result<()> {
        let mut params = gpu_data::Cells::new(plan, GpuVolume::bias(uploaded.volume()));
        let cells_along = BRICK / CELL;
        let [across, down, deep] = bricks.cut.count;
        let most = u32::try_from(bricks.room()).unwrap_or(u32::MAX).max(1);
        for (c, b) in (0..deep).flat_map(|c| (0..down).map(move |b| (c, b))) {
            for a in (0..across).step_by(most as usize) {
                let row: Vec<u32> = (a..across.min(a + most)).map(|a| bricks.cut.number([a, b, c])).collect();
                params.first = [a, b, c].map(|n| n * cells_along);
                let count = [row.len() as u32 * cells_along, cells_along, cells_along];
                let pass = contents_pass(uploaded, &params, groups(&cells::SHADER, count), contents);
                let mut residents = bricks.lock();
                bricks.bring(&self.gpu, &mut residents, &row)?;
                self.run(uploaded, &[pass])?;
                bricks.check(&self.gpu, &mut residents)?;
            }
        }
        Ok(())
    }

    /// For each cell of a volume, the number of cells to the nearest that can be seen, up to a few; 0 for those.
    pub(crate) fn distances(
        &self,
        uploaded: &GpuVolume,
        sampling: &SamplingPlan,
        plan: &RenderingPlan,
    ) -> Result<wgpu::Buffer> {
        let contents = self.contents(uploaded, sampling)?;
        let seen = Seen::new(plan);
        let mut made = uploaded.leaps.distances.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = made.iter().position(|(before, _)| *before == seen) {
            made[..=at].rotate_right(1);
            return Ok(made[0].1.clone());
        }
        let count = cell_count(sampling);
        let bytes = bytes_of_table::<u32>(count);
        let gpu = &self.gpu;
        let [a, b, before] = gpu.guarded(2 * bytes, || {
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            let table = |name| gpu.empty_buffer(name, bytes, usage);
            let before = gpu.filled_buffer("before", cast_slice(&seen.before), BufferUsages::STORAGE);
            [table("distances"), table("distances"), before]
        })?;
        let params = gpu_data::Occupancy::new(count, plan);
        let mut passes = vec![
            Pass::new(&occupancy::SHADER, &params, groups(&occupancy::SHADER, count))
                .with("ranges", contents.ranges.as_entire_binding())
                .with("are_padded", contents.are_padded.as_entire_binding())
                .with("before", before.as_entire_binding())
                .with("distances", a.as_entire_binding()),
        ];
        for (axis, (from, to)) in (0..).zip([(&a, &b), (&b, &a), (&a, &b)]) {
            let params = gpu_data::Chessboard { count, axis };
            passes.push(
                Pass::new(&chessboard::SHADER, &params, groups(&chessboard::SHADER, count))
                    .with("along_fewer", from.as_entire_binding())
                    .with("distances", to.as_entire_binding()),
            );
        }
        self.run(uploaded, &passes)?;
        drop(passes);
        made.truncate(KEPT - 1);
        made.insert(0, (seen, b.clone()));
        Ok(b)
    }

    /// Submits passes, one after the other.
    fn run(&self, uploaded: &GpuVolume, passes: &[Pass<'_>]) -> Result<wgpu::SubmissionIndex, DeviceFault> {
        let gpu = &self.gpu;
        let pipeline =
            |pass: &Pass<'_>| self.pipelines.get(gpu, pass.shader, uploaded.format, &pass.constants);
        let pipelines = passes.iter().map(pipeline).collect::<Result<Vec<_>, _>>()?;
        gpu.guarded(0, || {
            let description = wgpu::CommandEncoderDescriptor { label: Some("leaps") };
            let mut encoder = gpu.device.create_command_encoder(&description);
            for (pass, pipeline) in passes.iter().zip(&pipelines) {
                let params = gpu.filled_buffer("params", &pass.params, BufferUsages::UNIFORM);
                let mut resources = pass.resources.clone();
                resources.push(("params", params.as_entire_binding()));
                let bind_group = pipeline.bind(gpu, 0, &resources);
                let label = Some(pass.shader.name);
                let mut compute = encoder
                    .begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes: None });
                compute.set_pipeline(&pipeline.compute);
                compute.set_bind_group(0, &bind_group, &[]);
                let [x, y, z] = pass.groups;
                compute.dispatch_workgroups(x, y, z);
            }
            gpu.queue.submit([encoder.finish()])
        })
    }
}

fn contents_pass<'a>(
    uploaded: &'a GpuVolume,
    params: &gpu_data::Cells,
    groups: [u32; 3],
    contents: &'a Contents,
) -> Pass<'a> {
    let mut pass = Pass::new(&cells::SHADER, params, groups)
        .with("ranges", contents.ranges.as_entire_binding())
        .with("are_padded", contents.are_padded.as_entire_binding());
    pass.constants.push(("BRICKED", u32::from(uploaded.bricks.is_some())));
    pass.resources.extend(uploaded.resources());
    pass
}

/// One shader over cells.
struct Pass<'a> {
    shader: &'static Shader,
    params: Vec<u8>,
    constants: Vec<Constant>,
    groups: [u32; 3],
    resources: Vec<(&'static str, BindingResource<'a>)>,
}

impl<'a> Pass<'a> {
    fn new<T: NoUninit>(shader: &'static Shader, params: &T, groups: [u32; 3]) -> Self {
        let params = bytes_of(params).to_vec();
        Self { shader, params, constants: Vec::new(), groups, resources: Vec::new() }
    }

    fn with(mut self, name: &'static str, resource: BindingResource<'a>) -> Self {
        self.resources.push((name, resource));
        self
    }
}

#[cfg(test)]
mod tests {
    use anatome_core::plan::{Plan, RayMode, RayPlan};
    use anatome_core::{Progress, Renderer, Request, Volume};
    use anatome_testkit::{Need, Random, leaps};

    use super::*;
    use crate::AdapterChoice;

    /// `[k, j, i]`: 18 x 7 x 6 cells, and more than fits in [`BUDGET_BYTES`].
    const SHAPES: [[usize; 3]; 2] = [[41, 50, 140], [110, 130, 210]];
    /// 65 bricks of 16 bits.
    const BUDGET_BYTES: u64 = 5_600_000;

    /// Whether a rendering may show something of the voxels that positions in a cell need.
    fn is_seen(asked: &Request, volume: &Volume, cell: [usize; 3]) -> bool {
        let [i, j, k] = std::array::from_fn(|axis| {
            let first = cell[axis] * CELL as usize;
            first..=(first + CELL as usize).min(volume.grid().shape()[2 - axis] - 1)
        });
        let rows = k.flat_map(|k| j.clone().map(move |j| [k, j]));
        let places = rows.flat_map(|[k, j]| i.clone().map(move |i| [k, j, i]));
        leaps::is_visible(asked, places.filter_map(|place| volume.modality_value(place)))
    }

    /// For all sample types, with and without padding, whole and in bricks, with transfer functions at random: a cell with
    /// opacity has distance 0, and no distance is longer than that to the nearest such cell.
    #[test]
    fn distances_reach_no_cell_with_opacity() {
        let open = || GpuRenderer::open(&AdapterChoice::Number(1));
        let (Ok(whole), Ok(small)) = (open(), open()) else {
            return Need::Gpu.is_missing("no adapter opens");
        };
        let small = small.with_memory_budget(BUDGET_BYTES);
        let mut random = Random::new(5);
        let (mut farthest, mut exact, mut all) = (0, 0, 0);
        for round in 0..24 {
            let is_cut = round % 7 == 6;
            let (shape, rarity) = (SHAPES[usize::from(is_cut)], [10, 301][round % 2]);
            let volume = leaps::blocks(round, shape, 12, rarity, &mut random).unwrap();
            let asked = leaps::bands(-990.0, &volume, &mut random).unwrap();
            let plan = Plan::new(&asked, &volume).unwrap();
            let Plan::Rays(RayPlan { sampling, mode: RayMode::Render(rendering), .. }) = &plan else {
                panic!("a rendering was asked for")
            };
            let renderer = if is_cut { &small } else { &whole };
            let uploaded = renderer.upload(&volume, &Progress::new()).unwrap();
            assert_eq!(uploaded.is_in_parts(), is_cut);
            let count = cell_count(sampling).map(|n| n as usize);
            let len = count.into_iter().product::<usize>();
            let buffer = renderer.distances(&uploaded, sampling, rendering).unwrap();
            let found = renderer.gpu.read(&buffer, len as u64).unwrap();
            let place = |n: usize| [n % count[0], n / count[0] % count[1], n / (count[0] * count[1])];
            let seen: Vec<[usize; 3]> =
                (0..len).map(place).filter(|&cell| is_seen(&asked, &volume, cell)).collect();
            for (n, &distance) in found.iter().enumerate() {
                let apart = |cell: &[usize; 3]| (0..3).map(|axis| cell[axis].abs_diff(place(n)[axis])).max();
                let nearest = seen.iter().filter_map(apart).min().unwrap_or(32).min(32);
                assert!(distance as usize <= nearest, "{round}: {:?}: {distance} {nearest}", place(n));
                exact += usize::from(distance as usize == nearest);
                farthest = if distance < 32 { farthest.max(distance) } else { farthest };
            }
            all += len;
        }
        assert!(farthest > 13, "{farthest}");
        assert!(exact > all * 3 / 5, "{exact} of {all}");
    }

    #[test]
    fn cells_are_as_large_as_the_shaders_say() {
        let said = format!("const CELL = {CELL}u;");
        let sources = [&cells::SHADER, &occupancy::SHADER, &chessboard::SHADER];
        for variant in sources.iter().flat_map(|shader| shader.variants) {
            assert!(variant.source.contains(&said));
        }
    }
}
