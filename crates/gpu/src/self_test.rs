//! Whether an adapter keeps samples and makes pictures as it should.

use std::sync::Arc;

use anatome_core::{
    Appearance, Bindings, Camera, DeviceFault, Facts, Grid, Image, Interpolation, Lens, Modality, Output,
    Padding, Pixels, Planes, Progress, Projection, Renderer as _, Request, Result, Samples, Scene, Shading,
    SlicePlane, SliceTable, StandardView, TransferFunction, TransferPoint, Unit, ValueMapping, View, Voi,
    Volume, Window, WindowFunction,
};
use anatome_shaders::selftest;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;
use wgpu::BufferUsages;

use crate::{GpuRenderer, GpuVolume, gpu_data};

/// Width and height of the pictures.
const SIZE_PX: [u32; 2] = [72, 56];

/// Display levels by which a component may differ: divisions and exponentials round differently on each driver.
const LEVELS: u8 = 2;
/// The part of the values' size by which modality values may differ.
const PART: f32 = 1e-4;
/// One pixel in this many may differ more: where rounding puts a position on the other side of an edge.
const PIXELS_FOR_ONE_ODD: u64 = 500;

impl GpuRenderer {
    /// Checks that the adapter keeps every 16-bit sample exactly, and that its pictures of [`self_test_scenes`] agree
    /// with those that `render` makes, which is to be the CPU renderer.
    ///
    /// # Errors
    /// Device, if they differ or the device fails; what `render` fails with.
    pub fn self_test(&self, mut render: impl FnMut(&Arc<Volume>, &Request) -> Result<Image>) -> Result<()> {
        self.check_samples()?;
        for (volume, request) in self_test_scenes()? {
            let expected = render(&volume, &request)?;
            let uploaded = self.upload(&volume, &Progress::new())?;
            let image = GpuRenderer::render(self, &request, &Bindings::primary(&uploaded), &Progress::new())?;
            let pixels = differing(image.pixels(), expected.pixels());
            let allowed = u64::from(image.width_px()) * u64::from(image.height_px()) / PIXELS_FOR_ONE_ODD;
            if pixels > allowed {
                return Err(DeviceFault::SelfTest { pixels }.into());
            }
        }
        Ok(())
    }

    fn check_samples(&self) -> Result<()> {
        let all: Vec<u16> = (0..=u16::MAX).collect();
        let expected: Vec<u32> = all.iter().map(|&v| f32::from(v).to_bits()).collect();
        let samples = Array3::from_shape_vec((16, 64, 64), all).unwrap_or_default();
        let grid = Grid::even([16, 64, 64], DAffine3::IDENTITY)?;
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let facts = Facts::new(Modality::Ct);
        let volume = Arc::new(Volume::new(grid, Samples::U16(samples), mapping, None, facts)?);
        let uploaded = self.upload(&volume, &Progress::new())?;
        let found = self.read_back(&uploaded, expected.len())?;
        let differing = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        let missing = expected.len().saturating_sub(found.len());
        match (differing + missing) as u64 {
            0 => Ok(()),
            pixels => Err(DeviceFault::SelfTest { pixels }.into()),
        }
    }

    /// The first texture values of a volume, as the bits of f32.
    pub(crate) fn read_back(&self, uploaded: &GpuVolume, count: usize) -> Result<Vec<u32>> {
        let gpu = &self.gpu;
        let pipeline = self.pipelines.get(gpu, &selftest::SHADER, uploaded.format, &[("BRICKED", 0)])?;
        let output = gpu.guarded(4 * count as u64, || {
            let params = gpu_data::SelfTest::new(uploaded);
            let params = gpu.filled_buffer("params", bytemuck::bytes_of(&params), BufferUsages::UNIFORM);
            let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
            let output = gpu.empty_buffer("output", 4 * count as u64, usage);
            let own = [("params", params.as_entire_binding()), ("output", output.as_entire_binding())];
            let resources: Vec<_> = own.into_iter().chain(uploaded.resources()).collect();
            let bind_groups = [0, 1].map(|group| pipeline.bind(gpu, group, &resources));
            let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline.compute);
            for (group, bind_group) in (0..).zip(&bind_groups) {
                pass.set_bind_group(group, bind_group, &[]);
            }
            let [width, _, _] = selftest::SHADER.workgroup_size;
            pass.dispatch_workgroups((count as u32).div_ceil(width), 1, 1);
            drop(pass);
            gpu.queue.submit([encoder.finish()]);
            output
        })?;
        Ok(gpu.read(&output, count as u64)?)
    }
}

/// How many pixels differ by more than rounding explains; all, if the pictures are of different forms.
fn differing(a: &Pixels, b: &Pixels) -> u64 {
    let levels = |(a, b): (&u8, &u8)| a.abs_diff(*b) > LEVELS;
    let values = |(a, b): (&f32, &f32)| {
        a.is_nan() != b.is_nan() || (a - b).abs() > PART * a.abs().max(b.abs()).max(1.0)
    };
    let count = match (a, b) {
        (Pixels::Grey8(a), Pixels::Grey8(b)) if a.len() == b.len() => {
            a.iter().zip(b).filter(|&p| levels(p)).count()
        }
        (Pixels::Rgba8(a), Pixels::Rgba8(b)) if a.len() == b.len() => {
            let (a, b) = (a.as_chunks::<4>().0, b.as_chunks::<4>().0);
            a.iter().zip(b).filter(|(a, b)| a.iter().zip(*b).any(levels)).count()
        }
        (Pixels::Values(a), Pixels::Values(b)) if a.len() == b.len() => {
            a.iter().zip(b).filter(|&p| values(p)).count()
        }
        _ => return u64::MAX,
    };
    count as u64
}

/// Small pictures that between them use every kernel, both kinds of samples, padding, a sheared and an uneven grid.
///
/// # Errors
/// None in practice: all numbers are fixed.
pub fn self_test_scenes() -> Result<Vec<(Arc<Volume>, Request)>> {
    let (sheared, uneven) = (Arc::new(sheared()?), Arc::new(uneven()?));
    let grey = Appearance::Grey {
        voi: Voi::Window(Window::new(40.0, 1200.0, WindowFunction::Linear)?),
        invert: false,
        colors: None,
    };
    let request = |view: View, appearance: &Appearance, output| {
        Request::new(Scene::of_primary(view, appearance.clone()), SIZE_PX, output)
    };
    let plane = oblique(&sheared);
    let slab = |projection| View::Slab { plane, thickness_mm: 6.0, projection };
    let mut cubic = request(View::Slice { plane: oblique(&uneven) }, &grey, Output::Values);
    for layer in &mut cubic.scene.layers {
        layer.interpolation = Interpolation::Cubic;
    }
    let orthographic = StandardView::Coronal.camera(sheared.grid(), 1.3);
    let camera = Camera { lens: Lens::Perspective { fov_rad: 0.6 }, ..orthographic };
    let rendering = View::Rendering { camera, shading: Shading::default() };
    let projection = View::Projection { camera: orthographic, projection: Projection::Mip };
    let classified = Appearance::Classified { transfer_function: transfer_function()? };
    Ok(vec![
        (Arc::clone(&sheared), request(View::Slice { plane }, &grey, Output::Grey8)),
        (Arc::clone(&sheared), request(slab(Projection::Mean), &grey, Output::Values)),
        (uneven, cubic),
        (Arc::clone(&sheared), request(projection, &grey, Output::Grey8)),
        (sheared, request(rendering, &classified, Output::Rgba8)),
    ])
}

/// A plane through the middle of a volume, along none of its axes.
fn oblique(volume: &Volume) -> SlicePlane {
    let plane = StandardView::Axial.plane(volume.grid(), Planes::Patient, volume.center_mm(), 1.3);
    let turn = DMat3::from_rotation_x(0.5) * DMat3::from_rotation_y(0.3);
    SlicePlane { right: turn * plane.right, down: turn * plane.down, ..plane }
}

fn transfer_function() -> Result<TransferFunction> {
    let point = |value, color, opacity_per_mm| TransferPoint { value, color, opacity_per_mm };
    TransferFunction::new(vec![
        point(-200.0, [0.9, 0.6, 0.5], 0.0),
        point(100.0, [0.9, 0.6, 0.5], 0.05),
        point(300.0, [0.8, 0.2, 0.1], 0.3),
        point(700.0, [1.0, 0.95, 0.9], 0.7),
    ])
}

/// Waves with some noise, about -500 to 600, of 24 x 20 x 16 voxels.
fn wave(k: usize, j: usize, i: usize) -> f32 {
    let (x, y, z) = (i as f32 * 0.45, j as f32 * 0.6, k as f32 * 0.5);
    let noise = (k * 7919 + j * 104_729 + i * 1_299_709) % 101;
    50.0 + 400.0 * (x.sin() * y.cos() + z.sin() * 0.5) + noise as f32 - 50.0
}

const SHAPE: [usize; 3] = [16, 20, 24];

/// 16-bit samples with padding in a corner, on a sheared grid.
fn sheared() -> Result<Volume> {
    let [k, j, i] = SHAPE;
    let samples =
        Array3::from_shape_fn(
            (k, j, i),
            |(k, j, i)| {
                if i + j + k < 9 { -2000 } else { wave(k, j, i).round() as i16 }
            },
        );
    let matrix3 =
        DMat3::from_cols(DVec3::new(0.8, 0.0, 0.0), DVec3::new(0.0, 0.85, -0.3), DVec3::new(0.0, 0.1, 1.5));
    let grid = Grid::even(SHAPE, DAffine3 { matrix3, translation: DVec3::new(-10.0, 20.0, 300.0) })?;
    let padding = Padding { lowest: -2000.0, highest: -2000.0 };
    let mapping = ValueMapping { slope: 1.0, intercept: -24.0, unit: Unit::Hounsfield };
    Volume::new(grid, Samples::I16(samples), mapping, Some(padding), Facts::new(Modality::Ct))
}

/// 32-bit samples on uneven slices, some of which are missing.
fn uneven() -> Result<Volume> {
    let [k, j, i] = SHAPE;
    let samples = Array3::from_shape_fn((k, j, i), |(k, j, i)| wave(k, j, i) / 3.0);
    let z_mm =
        (0..k).map(|k| k as f64 * 1.2 + if k > 9 { 4.0 } else { 0.0 } + (k % 2) as f64 * 0.3).collect();
    let missing_after = (0..k - 1).map(|k| k == 9).collect();
    let matrix3 = DMat3::from_diagonal(DVec3::new(0.9, 1.1, 1.0));
    let affine = DAffine3 { matrix3, translation: DVec3::ZERO };
    let grid = Grid::uneven(SHAPE, affine, SliceTable::new(z_mm, missing_after)?)?;
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Volume::new(grid, Samples::F32(samples), mapping, None, Facts::new(Modality::Ct))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_beyond_rounding_are_counted() {
        let grey = |v: &[u8]| Pixels::Grey8(v.to_vec());
        assert_eq!(differing(&grey(&[1, 2, 3]), &grey(&[3, 2, 0])), 1);
        assert_eq!(differing(&grey(&[1, 2, 3]), &grey(&[1, 2])), u64::MAX);
        let values = |v: &[f32]| Pixels::Values(v.to_vec());
        assert_eq!(differing(&values(&[1.0, f32::NAN, 5.0]), &values(&[1.001, f32::NAN, f32::NAN])), 2);
        let rgba = |v: u8| Pixels::Rgba8(vec![0, v, 0, 255]);
        assert_eq!(differing(&rgba(0), &rgba(3)), 1);
    }
}
