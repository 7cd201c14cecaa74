//! The viewer as people use it: driven by accessible names, keys and the pointer, and drawn for real by a software driver.
//! With `ANATOME_SCREENSHOTS` set to a folder, pictures of the window are written there to be looked at.

mod driven;
mod goldens;
mod hints;
mod kept;
mod keyboard;
mod marked;
mod measured;
mod monkey;
mod named;
mod one_view;
mod opened;
mod own;
mod planes;
mod readme;
mod real;
mod said;
mod shared;
mod sizes;
mod texts;
mod three_d;
pub(crate) mod unseen;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anatome::{BackendChoice, Limits, Progress, SeriesSpec, SharedDevice, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};
use anatome_testkit::Need;
use eframe::egui_wgpu::WgpuSetup;
use egui::{ColorImage, Context, Modifiers, PointerButton, Pos2, Rect};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, default_wgpu_setup};

use crate::app::Viewer;
use crate::render::color_image;
use crate::window::Sharing;
use crate::{Closer, Options, Start};

/// A study of a small thorax, CT and PET, in files.
pub(crate) struct Study {
    folder: tempfile::TempDir,
}

impl Study {
    pub(crate) fn made() -> Self {
        Self::of_seed(1)
    }

    /// One with UIDs of its own.
    pub(crate) fn of_seed(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workers = Workers::new(Some(2)).unwrap();
        let spec = ThoraxSpec { shape: [60, 96, 96], ..ThoraxSpec::default() };
        let ct = thorax_ct(&spec, workers.pool(), &Progress::new()).unwrap();
        let pet = thorax_pet(&spec, workers.pool(), &Progress::new()).unwrap();
        for (number, (volume, name)) in [(&ct, "ct"), (&pet, "pet")].into_iter().enumerate() {
            let spec = SeriesSpec {
                seed,
                number: number as u16 + 1,
                description: format!("Generated thorax, {name}"),
                file_prefix: String::new(),
            };
            write_series(volume, &spec, &folder.path().join(name), workers.pool(), &Progress::new()).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A window of so many points; nothing where there is no driver that draws.
pub(crate) fn window(
    start: Vec<PathBuf>,
    size: [f32; 2],
    pixels_per_point: f32,
) -> Option<Harness<'static, Viewer>> {
    if anatome_gpu::adapters().is_empty() {
        Need::Gpu.is_missing("no graphics driver, to draw windows");
        return None;
    }
    Some(window_with(options(start), size, pixels_per_point))
}

/// What windows in tests are opened with: the CPU, and nothing that is kept.
pub(crate) fn options(start: Vec<PathBuf>) -> Options {
    Options {
        start: Start::Inputs(start),
        limits: Limits::default(),
        backend: BackendChoice::Cpu,
        adapter: None,
        memory_budget_bytes: None,
        workers: Workers::new(Some(2)).unwrap(),
        autosave: None,
        config: None,
        bench: None,
        closer: Closer::default(),
    }
}

/// The same with the first GPU, a driver that plays one included.
pub(crate) fn gpu_options(start: Vec<PathBuf>) -> Options {
    Options { backend: BackendChoice::Gpu, adapter: Some("1".to_owned()), ..options(start) }
}

/// A window with options of its own, where there is a driver; it shares its device as the real one does.
pub(crate) fn window_with(
    options: Options,
    size: [f32; 2],
    pixels_per_point: f32,
) -> Harness<'static, Viewer> {
    let sharing = Sharing::wanted(&options);
    opened(sharing, size, pixels_per_point, |context, device| Viewer::new(context, options, device).unwrap())
}

/// How the device of a window is opened that shares it with nobody.
pub(crate) fn window_setup() -> WgpuSetup {
    let mut setup = default_wgpu_setup();
    if let WgpuSetup::CreateNew(own) = &mut setup {
        SharedDevice::prepare(&mut own.instance_descriptor);
    }
    setup
}

/// A window that is drawn for real, and what is in it.
pub(super) fn opened<A: eframe::App + 'static>(
    sharing: Option<Sharing>,
    size: [f32; 2],
    pixels_per_point: f32,
    open: impl FnOnce(&Context, Option<SharedDevice>) -> A,
) -> Harness<'static, A> {
    let setup = sharing.as_ref().map_or_else(window_setup, Sharing::setup);
    let mut harness = Harness::builder()
        .with_size(size)
        .with_pixels_per_point(pixels_per_point)
        // As a screen does: two clicks soon after each other are a double click.
        .with_step_dt(1.0 / 60.0)
        .renderer(WgpuTestRenderer::from_setup(setup))
        .build_eframe(|creation| {
            let window = creation.wgpu_render_state.as_ref().unwrap();
            crate::viewport::install(window);
            let device = sharing.and_then(|own| own.device(window, &creation.egui_ctx));
            open(&creation.egui_ctx, device)
        });
    // As a driver of today tells, which the harness does not.
    harness.input_mut().max_texture_side = Some(8192);
    harness
}

/// Draws until everything that is shown is loaded and drawn in full.
#[track_caller]
pub(crate) fn settle(harness: &mut Harness<'_, Viewer>) {
    // What was pressed is taken in the first frame, and seen in the one after it.
    harness.step();
    harness.step();
    wait(harness, "the viewer does not settle", Viewer::is_settled);
    harness.step();
}

/// Draws until something is so; `otherwise` says what is wrong if that takes too long.
#[track_caller]
pub(super) fn wait(
    harness: &mut Harness<'_, Viewer>,
    otherwise: &str,
    mut is_so: impl FnMut(&Viewer) -> bool,
) {
    let until = Instant::now() + Duration::from_secs(60);
    while !is_so(harness.state()) {
        let viewer = harness.state();
        let canvases = viewer.canvases.iter().enumerate();
        let views: Vec<_> = canvases
            .map(|(n, canvas)| (canvas.shown.as_ref().map(|own| own.is_full), viewer.painter.is_busy(n)))
            .collect();
        let left = (viewer.commands.len(), viewer.loader.work().len());
        assert!(Instant::now() < until, "{otherwise}: full and busy {views:?}, commands and work {left:?}");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
}

/// Draws until the presets of what a view shows have their pictures.
pub(super) fn with_presets(harness: &mut Harness<'_, Viewer>, view: usize) {
    let viewer = harness.state();
    let series = viewer.session.views[view].series.unwrap();
    let count = viewer.document.defaults(series).unwrap().renderings.len();
    wait(harness, "presets have no pictures", |viewer| viewer.presets.len() == count);
}

/// Writes a picture of the window, if somewhere to.
pub(super) fn screenshot(harness: &mut Harness<'_, Viewer>, name: &str) -> image::RgbaImage {
    let picture = harness.render().unwrap();
    if let Some(folder) = std::env::var_os("ANATOME_SCREENSHOTS") {
        std::fs::create_dir_all(&folder).unwrap();
        picture.save(Path::new(&folder).join(format!("{name}.png"))).unwrap();
    }
    picture
}

/// The picture of a view.
pub(super) fn seen(harness: &Harness<'_, Viewer>, view: usize) -> ColorImage {
    color_image(harness.state().canvases[view].picture.as_ref().unwrap().image().unwrap())
}

/// Where a view is.
pub(super) fn view_rect(harness: &Harness<'_, Viewer>, view: usize) -> Rect {
    harness.state().canvases[view].rect.unwrap()
}

/// What of a view is a picture alone where labels are off: not where it says what it is not for.
pub(super) fn without_marks(view: Rect) -> impl Fn(Pos2) -> bool {
    // In the narrowest views in three lines.
    let height = if view.width() < 125.0 { 54.0 } else { 24.0 };
    let marks = Rect::from_min_max(view.max - egui::vec2(130.0, height), view.max);
    move |at| !marks.contains(at)
}

/// Drags from one place to another in a few steps.
pub(super) fn drag(harness: &mut Harness<'_, Viewer>, from: Pos2, to: Pos2, button: PointerButton) {
    let press = |harness: &Harness<'_, Viewer>, pos: Pos2, pressed: bool| {
        harness.event(egui::Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    };
    harness.hover_at(from);
    harness.step();
    press(harness, from, true);
    harness.step();
    for n in 1..=5 {
        harness.hover_at(from + (to - from) * (n as f32 / 5.0));
        harness.step();
    }
    press(harness, to, false);
    harness.step();
}

/// Clicks at a place.
pub(super) fn click(harness: &mut Harness<'_, Viewer>, at: Pos2) {
    harness.hover_at(at);
    harness.step();
    for pressed in [true, false] {
        let button = PointerButton::Primary;
        harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers: Modifiers::NONE });
        harness.step();
    }
}
