//! Volumes and requests of the tests.

use std::sync::Arc;

use anatome_core::*;
use anatome_cpu::CpuRenderer;
use glam::{DAffine3, DMat3, DVec3};
use ndarray::Array3;

/// Numbers from 0 to 1 that look random (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn vector(&mut self, size: f64) -> DVec3 {
        DVec3::new(self.between(-size, size), self.between(-size, size), self.between(-size, size))
    }

    /// A rotation.
    pub fn rotation(&mut self) -> DMat3 {
        let axis = (self.vector(1.0) + DVec3::splat(0.01)).normalize();
        DMat3::from_axis_angle(axis, self.between(0.0, 6.0))
    }

    /// A sheared, anisotropic grid of `[k, j, i]` voxels, with uneven slices (and one missing place) on demand.
    pub fn grid(&mut self, shape: [usize; 3], uneven: bool, missing: bool) -> Grid {
        let spacing = DVec3::new(self.between(0.4, 1.2), self.between(0.4, 1.2), self.between(0.8, 2.0));
        let shear = DVec3::new(self.between(-0.3, 0.3), self.between(-0.3, 0.3), 1.0);
        let axes = DMat3::from_cols(DVec3::X, DVec3::Y, shear) * DMat3::from_diagonal(spacing);
        let affine = DAffine3 { matrix3: self.rotation() * axes, translation: self.vector(100.0) };
        if !uneven {
            return Grid::even(shape, affine).unwrap();
        }
        let mut z = self.between(-300.0, 300.0);
        let gaps: Vec<f64> = (1..shape[0]).map(|_| self.between(0.5, 2.5)).collect();
        let table = std::iter::once(z).chain(gaps.iter().map(|gap| {
            z += gap;
            z
        }));
        let flags = (1..shape[0]).map(|k| missing && k == shape[0] / 2).collect();
        Grid::uneven(shape, affine, SliceTable::new(table.collect(), flags).unwrap()).unwrap()
    }
}

pub fn volume(grid: Grid, samples: Samples, padding: Option<Padding>) -> Arc<Volume> {
    let mapping = ValueMapping::identity(Unit::Hounsfield);
    Arc::new(Volume::new(grid, samples, mapping, padding, Facts::new(Modality::Ct)).unwrap())
}

/// Voxels of 1 mm, the first at the origin.
pub fn cubes(samples: Array3<i16>, padding: Option<Padding>) -> Arc<Volume> {
    let (k, j, i) = samples.dim();
    volume(Grid::even([k, j, i], DAffine3::IDENTITY).unwrap(), Samples::I16(samples), padding)
}

pub fn padding(value: f64) -> Option<Padding> {
    Some(Padding { lowest: value, highest: value })
}

pub fn grey(center: f64, width: f64) -> Appearance {
    let voi = Voi::Window(Window::new(center, width, WindowFunction::Linear).unwrap());
    Appearance::Grey { voi, invert: false, colors: None }
}

/// A transfer function from (value, opacity per mm).
pub fn classified(points: &[(f64, f64)]) -> Appearance {
    let points = points.iter().map(|&(value, opacity_per_mm)| TransferPoint {
        value,
        color: [1.0, 0.8, 0.6],
        opacity_per_mm,
    });
    Appearance::Classified { transfer_function: TransferFunction::new(points.collect()).unwrap() }
}

pub fn renderer(threads: usize) -> CpuRenderer {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    CpuRenderer::new(Arc::new(pool))
}

pub fn render(volume: &Arc<Volume>, request: &Request) -> Image {
    render_with(&renderer(2), volume, request)
}

pub fn render_with(renderer: &CpuRenderer, volume: &Arc<Volume>, request: &Request) -> Image {
    let uploaded = renderer.upload(volume, &Progress::new()).unwrap();
    renderer.render(request, &Bindings::primary(&uploaded), &Progress::new()).unwrap()
}

pub fn values(image: &Image) -> &[f32] {
    match image.pixels() {
        Pixels::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

pub fn bytes(image: &Image) -> Vec<u8> {
    match image.pixels() {
        Pixels::Grey8(bytes) | Pixels::Rgba8(bytes) => bytes.clone(),
        Pixels::Grey16(words) => words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        Pixels::Values(values) => values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect(),
        other => panic!("{other:?}"),
    }
}

/// The plane whose pixel (x, y) of `size` stands at `first + x * right + y * down` mm.
pub fn plane(first: DVec3, right: DVec3, down: DVec3, size: [u32; 2]) -> SlicePlane {
    let half = |n: u32| (f64::from(n) - 1.0) / 2.0;
    SlicePlane {
        center_mm: first + right * half(size[0]) + down * half(size[1]),
        right,
        down,
        width_mm: f64::from(size[0]),
    }
}

pub fn slice(plane: SlicePlane, size: [u32; 2], output: Output) -> Request {
    Request::new(Scene::of_primary(View::Slice { plane }, grey(40.0, 400.0)), size, output)
}

pub fn slab(plane: SlicePlane, thickness_mm: f64, projection: Projection, size: [u32; 2]) -> Request {
    let view = View::Slab { plane, thickness_mm, projection };
    Request::new(Scene::of_primary(view, grey(40.0, 400.0)), size, Output::Values)
}
