//! Modality values at points in the patient, exactly as a slice shows them.

#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::sync::Arc;

use anatome::{
    Appearance, Backend, BackendChoice, Output, Pixels, Progress, Request, Scene, SlicePlane, View, Voi,
    Window, WindowFunction, Workers,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use glam::DVec3;

fn main() -> anyhow::Result<()> {
    let workers = Workers::new(None)?;
    let progress = Progress::new();
    let spec = ThoraxSpec { shape: [100, 128, 128], ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &progress)?);
    let backend = Backend::open(BackendChoice::Auto, None, &workers)?;
    let uploaded = backend.upload(&volume, &progress)?;

    for point_mm in [volume.center_mm(), volume.center_mm() + DVec3::new(80.0, 0.0, 40.0)] {
        // A picture of one pixel, in modality values; the window does not matter.
        let plane = SlicePlane { center_mm: point_mm, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::LinearExact)?);
        let appearance = Appearance::Grey { voi, invert: false, colors: None };
        let scene = Scene::of_primary(View::Slice { plane }, appearance);
        let image = backend.render(&Request::new(scene, [1, 1], Output::Values), &uploaded, &progress)?;
        if let Pixels::Values(values) = image.pixels() {
            println!("{point_mm} mm: {:.1} {}", values[0], volume.mapping().unit);
        }
    }
    Ok(())
}
