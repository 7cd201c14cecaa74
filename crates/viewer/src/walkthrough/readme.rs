//! The README's picture, made by `cargo test -p anatome-viewer --lib -- --ignored readme`.

use std::path::Path;

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use egui::Key;

use super::{settle, wait, window};

#[test]
#[ignore = "writes docs/viewer.png"]
fn the_readme_has_its_picture() {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(Some(2)).unwrap();
    let spec = ThoraxSpec { shape: [200, 256, 256], ..ThoraxSpec::default() };
    let ct = thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
    let description = "Generated thorax".to_owned();
    let spec = SeriesSpec { seed: 1, number: 1, description, file_prefix: String::new() };
    write_series(&ct, &spec, folder.path(), workers.pool(), &Progress::new()).unwrap();
    let Some(mut harness) = window(vec![folder.path().to_owned()], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    harness.state_mut().push(crate::command::Command::Activate { view: 3 });
    settle(&mut harness);
    let count = {
        let viewer = harness.state();
        viewer.document.defaults(viewer.session.views[3].series.unwrap()).unwrap().renderings.len()
    };
    wait(&mut harness, "presets have no pictures", |viewer| viewer.presets.len() == count);
    settle(&mut harness);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/viewer.png");
    harness.render().unwrap().save(path).unwrap();
}
