//! The window and the device that it draws on: that of the pictures, where a GPU makes them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use anatome::{AdapterChoice, BackendChoice, SharedDevice};
use eframe::App;
use eframe::egui_wgpu::{RenderState, SurfaceErrorAction, WgpuConfiguration, WgpuSetup, WgpuSetupCreateNew};
use eframe::wgpu::{Adapter, DeviceType};
use egui::{Context, Ui, ViewportBuilder, ViewportCommand, ViewportInfo};

use crate::app::Viewer;
use crate::autosave::Autosave;
use crate::bench::Bench;
use crate::saved::Saved;
use crate::{Options, Start};

/// Opens the window, and returns when it is closed.
///
/// # Errors
/// If the system opens none.
pub(crate) fn run(mut options: Options, mut script: Option<Bench>) -> eframe::Result {
    let mut sharing = Sharing::wanted(&options).map(Sharing::of_hardware);
    let mut before = None::<Lost>;
    loop {
        let native = native_options(sharing.as_ref(), before.as_ref().map(|lost| &lost.place));
        let (left, mut was_made) = (Left::default(), false);
        let closed = eframe::run_native(
            "Anatome",
            native,
            Box::new(|creation| {
                was_made = true;
                creation.wgpu_render_state.iter().for_each(crate::viewport::install);
                let shared = sharing.as_ref().zip(creation.wgpu_render_state.as_ref());
                let device = shared.and_then(|(own, window)| own.device(window, &creation.egui_ctx));
                let mut window = Window::new(&creation.egui_ctx, options.clone(), device, Rc::clone(&left))?;
                window.viewer.bench = script.take();
                if let Some(lost) = before.take() {
                    window.viewer.go_on_after(lost);
                }
                Ok(Box::new(window))
            }),
        );
        before = left.take();
        if before.is_some() {
            (options.backend, options.adapter) = (BackendChoice::Cpu, None);
            options.start = Start::Inputs(Vec::new());
        } else if was_made || sharing.is_none() || matches!(closed, Err(eframe::Error::WinitEventLoop(_))) {
            // Without a screen there is none the second time either, and winit would not say so again.
            return closed;
        }
        // What could not be shared is opened by each for itself.
        sharing = None;
    }
}

/// Why there is no window, in the words of the system: winit says where in its sources it found that.
pub(crate) fn in_words(error: &eframe::Error) -> String {
    let text = match error {
        eframe::Error::Winit(error) => error.to_string(),
        eframe::Error::WinitEventLoop(error) => error.to_string(),
        eframe::Error::Wgpu(error) => error.to_string(),
        other => other.to_string(),
    };
    let told = text.strip_prefix("os error at ").and_then(|own| own.split_once(".rs:"));
    let told = told.and_then(|(_, own)| own.split_once(": ")).map(|(_, reason)| reason.to_owned());
    told.unwrap_or(text)
}

fn native_options(sharing: Option<&Sharing>, place: Option<&ViewportInfo>) -> eframe::NativeOptions {
    let mut viewport = ViewportBuilder::default()
        .with_title("Anatome")
        .with_app_id("anatome")
        .with_inner_size([1440.0, 900.0])
        .with_min_inner_size([640.0, 480.0])
        .with_drag_and_drop(true);
    if let Some(place) = place {
        (viewport.inner_size, viewport.maximized) =
            (place.inner_rect.map(|rect| rect.size()), place.maximized);
        (viewport.position, viewport.fullscreen) = (place.outer_rect.map(|rect| rect.min), place.fullscreen);
    }
    let usual = eframe::NativeOptions::default();
    eframe::NativeOptions {
        viewport,
        // Dithering would change grey levels.
        dithering: false,
        wgpu_options: sharing.map_or_else(|| usual.wgpu_options.clone(), Sharing::configuration),
        ..usual
    }
}

/// A device for both the window and the pictures.
pub(crate) struct Sharing {
    choice: AdapterChoice,
    is_of_hardware: bool,
    /// The adapter of that choice, once it is found and can draw into the window.
    taken: Arc<OnceLock<Adapter>>,
    device: Arc<OnceLock<SharedDevice>>,
}

impl Sharing {
    /// Where a GPU makes the pictures, unless the window was told by what it is to be drawn.
    pub(crate) fn wanted(options: &Options) -> Option<Self> {
        let choice = options.backend.adapter(options.adapter.as_deref())?;
        let is_told = std::env::var_os("WGPU_BACKEND").is_some();
        let own = || Self { choice, is_of_hardware: false, taken: Arc::default(), device: Arc::default() };
        (!is_told).then(own)
    }

    /// Not with a software driver: it copies for nothing, and the window's frames would wait for its pictures.
    pub(crate) fn of_hardware(self) -> Self {
        Self { is_of_hardware: true, ..self }
    }

    fn configuration(&self) -> WgpuConfiguration {
        let usual = eframe::NativeOptions::default().wgpu_options;
        let (device, on_status) = (Arc::clone(&self.device), usual.on_surface_status);
        WgpuConfiguration {
            wgpu_setup: self.setup(),
            // Nor can a surface of a lost device be made again.
            on_surface_status: Arc::new(move |status| match device.get().and_then(SharedDevice::lost) {
                Some(_) => SurfaceErrorAction::SkipFrame,
                None => on_status(status),
            }),
            ..usual
        }
    }

    /// How a window's device is to be opened. Where it can't be that of the pictures, it is the one that is best for a
    /// window.
    pub(crate) fn setup(&self) -> WgpuSetup {
        let mut setup = WgpuSetupCreateNew::without_display_handle();
        SharedDevice::prepare(&mut setup.instance_descriptor);
        let (choice, taken, is_of_hardware) =
            (self.choice.clone(), Arc::clone(&self.taken), self.is_of_hardware);
        setup.native_adapter_selector = Some(Arc::new(move |adapters, surface| {
            let presents =
                |adapter: &&Adapter| surface.is_none_or(|surface| adapter.is_surface_supported(surface));
            let is_fit = |own: &Adapter| !(is_of_hardware && own.get_info().device_type == DeviceType::Cpu);
            if let Some(own) = choice.among(adapters).ok().filter(|own| presents(&own) && is_fit(own)) {
                return Ok(taken.get_or_init(|| own).clone());
            }
            let best = adapters.iter().filter(presents).min_by_key(|adapter| rank(adapter));
            best.cloned().ok_or_else(|| "no graphics driver draws into windows".to_owned())
        }));
        let (usual, taken) = (setup.device_descriptor, Arc::clone(&self.taken));
        setup.device_descriptor = Arc::new(move |adapter| match taken.get() {
            Some(own) if own == adapter => SharedDevice::descriptor(adapter),
            _ => usual(adapter),
        });
        WgpuSetup::CreateNew(setup)
    }

    /// The device of a window that was opened so, if the pictures can be made on it, too.
    pub(crate) fn device(&self, window: &RenderState, context: &Context) -> Option<SharedDevice> {
        self.taken.get().filter(|own| **own == window.adapter)?;
        let context = context.clone();
        let make = || {
            SharedDevice::new(window.device.clone(), window.queue.clone(), move || context.request_repaint())
        };
        Some(self.device.get_or_init(make).clone())
    }
}

/// How well an adapter serves a window, the smallest best, as wgpu chooses itself.
fn rank(adapter: &Adapter) -> u8 {
    match adapter.get_info().device_type {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::Other => 2,
        DeviceType::VirtualGpu => 3,
        DeviceType::Cpu => 4,
    }
}

/// A device that refuses more is of no use.
const MOST_REFUSALS: u32 = 10;

/// What a window leaves whose device was lost.
pub(crate) struct Lost {
    reason: String,
    saved: Saved,
    autosave: Option<Autosave>,
    place: ViewportInfo,
}

/// Where that is found when it is closed.
pub(crate) type Left = Rc<RefCell<Option<Lost>>>;

/// The viewer in its window. Without its device nothing can be drawn, nor can the window get another one: it closes, and
/// leaves what it showed.
pub(crate) struct Window {
    pub viewer: Viewer,
    device: Option<SharedDevice>,
    /// Where it was when it was found to be lost.
    closes_at: Option<ViewportInfo>,
    /// How many frames in succession began after the device had refused something.
    pub refusals: u32,
    left: Left,
}

impl Window {
    /// # Errors
    /// As [`Viewer::new`].
    pub(crate) fn new(
        context: &Context,
        options: Options,
        device: Option<SharedDevice>,
        left: Left,
    ) -> std::io::Result<Self> {
        let viewer = Viewer::new(context, options, device.clone())?;
        Ok(Self { viewer, device, closes_at: None, refusals: 0, left })
    }

    fn lost(&self) -> Option<&str> {
        self.device.as_ref().and_then(SharedDevice::lost)
    }

    /// Sets the window's surface up again if that failed, as it does while pictures are begun: these wait for it.
    fn take_turns(&mut self, context: &Context, frame: &mut eframe::Frame) {
        let Some(device) = &self.device else { return };
        let refused = device.refused();
        if refused.is_none() && self.refusals == 0 {
            return;
        }
        self.refusals = if refused.is_some() { self.refusals + 1 } else { 0 };
        device.pause(refused.is_some());
        let Some(reason) = refused else { return };
        if self.refusals > MOST_REFUSALS {
            device.give_up(reason);
        } else if let Some(mut surface) = frame.wgpu_surface_config() {
            // What is other than before is set up again.
            let latency = &mut surface.desired_maximum_frame_latency;
            *latency = if *latency == Some(1) { Some(2) } else { Some(1) };
            frame.set_wgpu_surface_config(surface);
        }
        context.request_repaint();
    }
}

impl App for Window {
    fn logic(&mut self, context: &Context, frame: &mut eframe::Frame) {
        if self.lost().is_some() {
            self.closes_at.get_or_insert_with(|| context.input(|input| input.viewport().clone()));
            context.send_viewport_cmd(ViewportCommand::Close);
        } else {
            self.viewer.logic(context, frame);
        }
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.take_turns(ui.ctx(), frame);
        // egui ends the program where a lost device is to draw something. One that is lost after this and before eframe has
        // painted can't be helped: none of our code stands between, and a panic that were caught around `run_native` would
        // leave winit's only event loop in the belief that it still runs, so that it never again asks for a window.
        if self.lost().is_none() {
            self.viewer.ui(ui, frame);
        }
    }

    fn on_exit(&mut self) {
        self.viewer.on_exit();
        if let (Some(place), Some(reason)) = (self.closes_at.clone(), self.lost()) {
            let reason = reason.to_owned();
            let saved = self.viewer.coming.take().unwrap_or_else(|| self.viewer.saved());
            let autosave = self.viewer.autosave.take();
            *self.left.borrow_mut() = Some(Lost { reason, saved, autosave, place });
        }
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        self.viewer.clear_color(visuals)
    }
}

impl Viewer {
    /// Shows what a window showed whose device was lost.
    pub(crate) fn go_on_after(&mut self, lost: Lost) {
        if lost.saved.session.series().next().is_some() {
            self.go_back_to(lost.saved);
        } else {
            // What is shown first was still to be found.
            lost.saved
                .inputs
                .into_iter()
                .filter(|paths| !paths.is_empty())
                .for_each(|paths| self.open(paths));
        }
        self.autosave = lost.autosave.or(self.autosave.take());
        self.tell(format!("The CPU takes over: {}", lost.reason));
    }
}
