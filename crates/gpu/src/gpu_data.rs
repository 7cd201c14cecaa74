//! What shaders are told, laid out as they read it, and made from plans here only.

use anatome_core::plan::{
    DisplayPlan, LensPlan, PlanePlan, RayPlan, RenderingPlan, SamplingPlan, SliceRows, TileOrigin, VoiPlan,
};
use anatome_core::{Output, PixelSubset, Shading, Uploaded as _};
use anatome_shaders::{
    cells, checkerboard, chessboard, mirror, occupancy, place, project, raycast, selftest, slice,
};
use bytemuck::{Pod, Zeroable};

use crate::GpuVolume;

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Tile = slice::TILE, project::TILE, raycast::TILE, place::TILE {
        voxel: [i32; 3],
        pub(crate) x: u32,
        fraction: [f32; 3],
        pub(crate) y: u32,
        pub(crate) rect: [u32; 4],
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Sampling = slice::SAMPLING, project::SAMPLING, raycast::SAMPLING {
        size: [i32; 3],
        slope: f32,
        intercept: f32,
        bias: f32,
        padding_low: f32,
        padding_high: f32,
        bins_per_mm: f32,
        padding_a: u32,
        padding_b: u32,
        padding_c: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct SliceRow = slice::SLICE_ROW, project::SLICE_ROW, raycast::SLICE_ROW {
        bins: [u32; 4],
        z_mm: f32,
        gap_mm: f32,
        padding_a: u32,
        padding_b: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Display = slice::DISPLAY, project::DISPLAY {
        background: [f32; 3],
        voi: u32,
        low: f32,
        high: f32,
        inverse_width: f32,
        center: f32,
        rate: f32,
        lut_first: f32,
        invert: u32,
        colors: u32,
        form: u32,
        padding_a: u32,
        padding_b: u32,
        padding_c: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Slice = slice::PARAMS {
        per_x: [f32; 3],
        steps: u32,
        per_y: [f32; 3],
        padding_a: u32,
        per_step: [f32; 3],
        padding_b: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Rays = project::RAYS, raycast::RAYS {
        first: [f32; 3],
        is_central: u32,
        per_x: [f32; 3],
        step_mm: f32,
        per_y: [f32; 3],
        half_space_count: u32,
        direction_or_eye: [f32; 3],
        is_checkerboard: u32,
        lattice_x: [f32; 3],
        padding_b: u32,
        lattice_y: [f32; 3],
        padding_c: u32,
        lattice_z: [f32; 3],
        padding_d: u32,
        lattice_offset: [f32; 3],
        padding_e: u32,
        lattice_low: [f32; 3],
        padding_f: u32,
        lattice_high: [f32; 3],
        padding_g: u32,
        half_spaces: [[f32; 4]; MAX_HALF_SPACES],
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Rendering = raycast::RENDERING {
        light: [f32; 3],
        first_value: f32,
        background: [f32; 3],
        entries_per_unit: f32,
        few_entries: f32,
        ambient: f32,
        diffuse: f32,
        specular: f32,
        shininess: f32,
        gradient_floor: f32,
        least_transmittance: f32,
        face_mm: f32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct SelfTest = selftest::PARAMS {
        shape: [u32; 3],
        first: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Cells = cells::PARAMS {
        size: [u32; 3],
        slope: f32,
        pub(crate) first: [u32; 3],
        intercept: f32,
        bias: f32,
        has_padding: u32,
        padding_low: f32,
        padding_high: f32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Occupancy = occupancy::PARAMS {
        count: [u32; 3],
        first_value: f32,
        entries_per_unit: f32,
        padding_a: u32,
        padding_b: u32,
        padding_c: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Place = place::PARAMS {
        pub(crate) row_words: u32,
        pub(crate) columns: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Checkerboard = checkerboard::PARAMS {
        pub(crate) size: [u32; 2],
        pub(crate) computed_row_words: u32,
        pub(crate) row_words: u32,
    }
}

mirror! {
    #[derive(Clone, Copy, Debug, Pod, Zeroable)]
    pub(crate) struct Chessboard = chessboard::PARAMS {
        pub(crate) count: [u32; 3],
        pub(crate) axis: u32,
    }
}

/// 6 of a crop box and 16 clip planes.
const MAX_HALF_SPACES: usize = 22;

impl Tile {
    /// A tile whose first pixel is (x, y) of the whole picture, of which those in `rect` are computed: left, top, right
    /// and bottom, the last two excluded.
    pub(crate) fn new([x, y]: [u32; 2], rect: [u32; 4], origin: Option<TileOrigin>) -> Self {
        let TileOrigin { voxel, fraction } =
            origin.unwrap_or(TileOrigin { voxel: [0; 3], fraction: [0.0; 3] });
        Self { voxel, x, fraction, y, rect }
    }

    /// The number of pixels that are computed.
    pub(crate) fn len(&self) -> u32 {
        let [left, top, right, bottom] = self.rect;
        (right - left) * (bottom - top)
    }

    /// Its two halves; `None` if it is a single pixel.
    pub(crate) fn halves(&self) -> Option<[Self; 2]> {
        let [left, top, right, bottom] = self.rect;
        let (mut a, mut b) = (self.rect, self.rect);
        if right - left > bottom - top {
            (a[2], b[0]) = (u32::midpoint(left, right), u32::midpoint(left, right));
        } else if bottom - top > 1 {
            (a[3], b[1]) = (u32::midpoint(top, bottom), u32::midpoint(top, bottom));
        } else {
            return None;
        }
        Some([Self { rect: a, ..*self }, Self { rect: b, ..*self }])
    }
}

impl Sampling {
    pub(crate) fn new(plan: &SamplingPlan, bias: f32) -> Self {
        let SamplingPlan { size, slope, intercept, padding, interpolation: _, slices } = plan;
        let (padding_low, padding_high) = padding.unwrap_or_default();
        Self {
            size: *size,
            slope: *slope,
            intercept: *intercept,
            bias,
            padding_low,
            padding_high,
            bins_per_mm: slices.as_ref().map_or(0.0, |slices| slices.bins_per_mm),
            padding_a: 0,
            padding_b: 0,
            padding_c: 0,
        }
    }
}

/// The rows of an uneven grid; of an even one, one that is not looked at.
pub(crate) fn slice_rows(slices: Option<&SliceRows>) -> Vec<SliceRow> {
    let row = |z_mm, gap_mm, bins| SliceRow { bins, z_mm, gap_mm, padding_a: 0, padding_b: 0 };
    let Some(SliceRows { rows, bins, bins_per_mm: _ }) = slices else { return vec![row(0.0, 1.0, [0; 4])] };
    let bins = bins.as_chunks::<4>().0;
    rows.iter().zip(bins).map(|(of, bins)| row(of.z_mm, of.gap_mm, *bins)).collect()
}

impl Display {
    pub(crate) fn new(plan: &DisplayPlan, output: Output) -> Self {
        let DisplayPlan { voi, invert, colors, background } = plan;
        let mut display = Self {
            background: *background,
            invert: u32::from(*invert),
            colors: colors.as_ref().map_or(0, |colors| colors.len() as u32),
            form: match output {
                Output::Grey8 => 0,
                Output::Grey16 => 1,
                Output::Rgba8 => 2,
                _ => 3,
            },
            ..Self::zeroed()
        };
        match voi {
            VoiPlan::Linear { low, high, inverse_width } => {
                (display.low, display.high, display.inverse_width) = (*low, *high, *inverse_width);
            }
            VoiPlan::Sigmoid { center, rate } => {
                (display.voi, display.center, display.rate) = (1, *center, *rate);
            }
            VoiPlan::Lut { first, values: _ } => (display.voi, display.lut_first) = (2, *first),
        }
        display
    }
}

/// The entries of a VOI LUT and of a colour map; one of each that is not looked at, where there is none.
pub(crate) fn display_tables(plan: &DisplayPlan) -> (Vec<f32>, Vec<[f32; 4]>) {
    let lut = match &plan.voi {
        VoiPlan::Lut { values, .. } if !values.is_empty() => values.clone(),
        _ => vec![0.0],
    };
    let color = |&[r, g, b]: &[f32; 3]| [r, g, b, 1.0];
    let colors = plan.colors.iter().flatten().map(color).collect::<Vec<_>>();
    (lut, if colors.is_empty() { vec![[0.0; 4]] } else { colors })
}

impl Slice {
    pub(crate) fn new(plan: &PlanePlan) -> Self {
        Self {
            per_x: plan.per_x,
            steps: plan.steps,
            per_y: plan.per_y,
            padding_a: 0,
            per_step: plan.per_step,
            padding_b: 0,
        }
    }
}

impl Rays {
    pub(crate) fn new(plan: &RayPlan) -> Self {
        let [lattice_x, lattice_y, lattice_z] = plan.lattice_from_relative;
        let mut rays = Self {
            step_mm: plan.step_mm,
            lattice_x,
            lattice_y,
            lattice_z,
            lattice_offset: plan.lattice_offset,
            lattice_low: plan.lattice_low,
            lattice_high: plan.lattice_high,
            is_checkerboard: u32::from(plan.pixels == PixelSubset::Checkerboard),
            ..Self::zeroed()
        };
        match plan.lens {
            LensPlan::Parallel { first, per_x, per_y, direction } => {
                (rays.first, rays.per_x, rays.per_y) = (first, per_x, per_y);
                rays.direction_or_eye = direction;
            }
            LensPlan::Central { eye, first, per_x, per_y } => {
                (rays.first, rays.per_x, rays.per_y) = (first, per_x, per_y);
                (rays.direction_or_eye, rays.is_central) = (eye, 1);
            }
        }
        for (kept, half_space) in rays.half_spaces.iter_mut().zip(&plan.half_spaces) {
            *kept = *half_space;
            rays.half_space_count += 1;
        }
        rays
    }
}

impl Rendering {
    pub(crate) fn new(plan: &RenderingPlan) -> Self {
        let Shading { ambient, diffuse, specular, shininess, gradient_floor } = plan.shading;
        Self {
            light: plan.light,
            first_value: plan.first_value,
            background: plan.background,
            entries_per_unit: plan.entries_per_unit,
            few_entries: RenderingPlan::FEW_ENTRIES,
            ambient,
            diffuse,
            specular,
            shininess,
            gradient_floor,
            least_transmittance: plan.least_transmittance,
            face_mm: plan.face_mm,
        }
    }
}

impl Cells {
    pub(crate) fn new(plan: &SamplingPlan, bias: f32) -> Self {
        let SamplingPlan { size, slope, intercept, padding, interpolation: _, slices: _ } = plan;
        let (padding_low, padding_high) = padding.unwrap_or_default();
        Self {
            size: size.map(i32::cast_unsigned),
            slope: *slope,
            first: [0; 3],
            intercept: *intercept,
            bias,
            has_padding: u32::from(padding.is_some()),
            padding_low,
            padding_high,
        }
    }
}

impl Occupancy {
    pub(crate) fn new(count: [u32; 3], plan: &RenderingPlan) -> Self {
        Self {
            count,
            first_value: plan.first_value,
            entries_per_unit: plan.entries_per_unit,
            padding_a: 0,
            padding_b: 0,
            padding_c: 0,
        }
    }
}

impl SelfTest {
    /// All samples of a volume from the first.
    pub(crate) fn new(uploaded: &GpuVolume) -> Self {
        let [k, j, i] = uploaded.volume().grid().shape();
        Self { shape: [i as u32, j as u32, k as u32], first: 0 }
    }
}
