//! The README's pictures, made by `cargo test -p anatome-viewer --lib -- --ignored readme`.

use std::path::Path;

use anatome::{Progress, SeriesSpec, Volume, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};
use egui::Key;
use egui_kittest::Harness;
use glam::DVec3;

use super::{settle, wait, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::measure::Kind;
use crate::session::{Content, Direction, ViewState};

const SPEC: ThoraxSpec = ThoraxSpec { shape: [200, 256, 256], seed: 1 };

fn write(volume: &Volume, number: u16, name: &str, folder: &Path, workers: &Workers) {
    let description = format!("Generated thorax{name}");
    let spec = SeriesSpec { seed: 1, number, description, file_prefix: String::new() };
    let folder = folder.join(number.to_string());
    write_series(volume, &spec, &folder, workers.pool(), &Progress::new()).unwrap();
}

fn keep(harness: &mut Harness<'_, Viewer>, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    harness.render().unwrap().save(path).unwrap();
}

#[test]
#[ignore = "writes docs/viewer.png"]
fn the_readme_has_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let ct = thorax_ct(&SPEC, workers.pool(), &Progress::new()).unwrap();
    write(&ct, 1, "", folder.path(), &workers);
    let Some(mut harness) = window(vec![folder.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    harness.state_mut().push(Command::Activate { view: 3 });
    settle(&mut harness);
    let count = {
        let viewer = harness.state();
        viewer.document.defaults(viewer.session.views[3].series.unwrap()).unwrap().renderings.len()
    };
    wait(&mut harness, "presets have no pictures", |viewer| viewer.presets.len() == count);
    settle(&mut harness);
    keep(&mut harness, "viewer.png");
}

/// A PET over a CT, with the crosshair in the nodule that takes most up, and what was measured of it.
#[test]
#[ignore = "writes docs/viewer-fusion.png"]
fn the_readme_has_its_picture_of_a_fusion() {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let ct = thorax_ct(&SPEC, workers.pool(), &Progress::new()).unwrap();
    let pet = thorax_pet(&SPEC, workers.pool(), &Progress::new()).unwrap();
    write(&ct, 1, ", CT", folder.path(), &workers);
    write(&pet, 2, ", PET", folder.path(), &workers);
    let Some(mut harness) = window(vec![folder.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F1);
    settle(&mut harness);
    let is_axial =
        |view: &ViewState| matches!(view.content, Content::Plane(own) if own.direction == Direction::Axial);
    let view = harness.state().session.views.iter().position(is_axial).unwrap();
    let nodule = DVec3::new(-70.0, -22.0, 70.0);
    harness.state_mut().do_now(&Command::Activate { view });
    harness.state_mut().do_now(&Command::Cross { view, at_mm: nodule });
    let corners = [DVec3::new(-16.0, -16.0, 0.0), DVec3::new(16.0, 16.0, 0.0)].map(|corner| nodule + corner);
    let across = [DVec3::new(-30.0, 40.0, 0.0), DVec3::new(60.0, 40.0, 0.0)].map(|end| nodule + end);
    for (kind, points) in [(Kind::Ellipse, corners), (Kind::Length, across)] {
        let place = harness.state().seen(view).unwrap().place(kind).unwrap();
        let measure = Command::Measure { kind, place, points: points.to_vec(), text: String::new() };
        harness.state_mut().do_now(&measure);
    }
    settle(&mut harness);
    keep(&mut harness, "viewer-fusion.png");
}
