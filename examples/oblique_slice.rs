//! A slab through a volume in any direction, with a window, as PNG.

#![expect(clippy::print_stdout, reason = "an example tells what it did")]

use std::path::Path;
use std::sync::Arc;

use anatome::{
    Appearance, Backend, BackendChoice, Overwrite, PictureFormat, Progress, Projection, Request, Scene,
    SlicePlane, View, Voi, Window, WindowFunction, Workers, files, labels, natural_output,
};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use glam::DVec3;

fn main() -> anyhow::Result<()> {
    let workers = Workers::new(None)?;
    let progress = Progress::new();
    let spec = ThoraxSpec { shape: [100, 128, 128], ..ThoraxSpec::default() };
    let volume = Arc::new(thorax_ct(&spec, workers.pool(), &progress)?);

    // A plane through the centre, turned by 30 degrees about the left-right axis.
    let (sin, cos) = 30f64.to_radians().sin_cos();
    let plane = SlicePlane {
        center_mm: volume.center_mm(),
        right: DVec3::X,
        down: DVec3::new(0.0, cos, -sin),
        width_mm: 400.0,
    };
    let view = View::Slab { plane, thickness_mm: 5.0, projection: Projection::Mean };
    let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear)?);
    let scene = Scene::of_primary(view, Appearance::Grey { voi, invert: false, colors: None });

    let backend = Backend::open(BackendChoice::Auto, None, &workers)?;
    let uploaded = backend.upload(&volume, &progress)?;
    let request = Request::new(scene.clone(), [640, 480], natural_output(&scene));
    let mut image = backend.render(&request, &uploaded, &progress)?;
    labels::burn_in(&mut image, &volume)?;
    let path = Path::new("oblique.png");
    files::write_picture(&image, path, PictureFormat::Png, Overwrite::Allowed, &workers)?;
    println!("oblique.png by the {} renderer", backend.name());
    Ok(())
}
