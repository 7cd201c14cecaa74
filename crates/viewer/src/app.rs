//! The window: what comes in, what is shown, what is done.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome::SharedDevice;
use egui::{Context, Ui};

use crate::autosave::Autosave;
use crate::bench::Bench;
use crate::command::Command;
use crate::config::Config;
use crate::dialogs::Dialog;
use crate::document::{Document, Loader, News, Opening};
use crate::hanging::Hanging;
use crate::history::History;
use crate::interaction::Interaction;
use crate::key_images::SavingKeys;
use crate::keys::Keys;
use crate::looked::Looked;
use crate::measure::Kind;
use crate::panels;
use crate::pictures::Saving;
use crate::presets::PresetPictures;
use crate::recent::Recent;
use crate::render::Painter;
use crate::saved::Saved;
use crate::screen::Screens;
use crate::session::{SeriesId, Session, ViewState};
use crate::shutting::Work;
use crate::threads::Ending;
use crate::turntable::Turning;
use crate::viewport::{Canvas, Values};
use crate::{Closer, Options, Start};

/// The whole viewer.
pub(crate) struct Viewer {
    pub document: Document,
    pub session: Session,
    pub history: History,
    pub interaction: Interaction,
    pub loader: Loader,
    pub painter: Painter,
    pub canvases: Vec<Canvas>,
    pub values: Values,
    /// What is to be done at the end of this frame.
    pub commands: Vec<Command>,
    /// What was done last in a gesture that goes on.
    pub last: Option<Command>,
    pub dialog: Option<Dialog>,
    /// What is on the disk where a question asks for it.
    pub looked: Looked,
    pub panels: panels::Shown,
    /// What is to be told, and since when.
    pub message: Option<(String, Instant)>,
    /// The series that were asked for, so that each is loaded once.
    pub asked: Vec<SeriesId>,
    /// The most bytes of volumes, as long as some of them are not shown: see [`Viewer::let_go`].
    pub spare_bytes: usize,
    /// What was opened, in the order of inputs: for a session to be saved.
    pub opened: Vec<Vec<PathBuf>>,
    pub timing: panels::Timing,
    /// When the frame began that is drawn now.
    pub frame_began: Instant,
    /// Whether the GPU was given up.
    has_fallen_back: bool,
    workers: anatome::Workers,
    /// A session that is shown when its files are there.
    pub coming: Option<Saved>,
    /// Pictures that are being saved.
    pub saving: Vec<Saving>,
    /// Keeps the session against a crash; not in tests.
    pub autosave: Option<Autosave>,
    /// A script that measures.
    pub bench: Option<Bench>,
    pub presets: PresetPictures,
    /// A turn that is being written.
    pub turning: Option<Turning>,
    /// Key images that are being saved.
    pub saving_keys: Option<SavingKeys>,
    /// Whether the window closes without what is being written.
    pub closes_now: bool,
    /// By which others close it.
    pub closer: Closer,
    /// What the user keeps beyond a session.
    pub config: Config,
    pub keys: Keys,
    pub recent: Recent,
    pub screens: Screens,
    /// The user's own layouts.
    pub layouts: Vec<Hanging>,
    /// What was made and is saved.
    pub saved_work: Work,
    /// The last: it waits for the threads of all others.
    _ending: Ending,
}

/// So long a message stays.
const MESSAGE: Duration = Duration::from_secs(6);
/// So long panels wait for the pictures that go with them.
pub(crate) const PATIENCE: Duration = Duration::from_millis(30);

impl Viewer {
    /// A viewer for a window, which it makes look as it should, and the threads that work for it; with the window's device,
    /// if that is the one on which pictures are to be made.
    ///
    /// # Errors
    /// If the system can't start threads.
    pub(crate) fn new(
        context: &Context,
        options: Options,
        device: Option<SharedDevice>,
    ) -> std::io::Result<Self> {
        crate::theme::install(context);
        options.closer.wakes(context);
        let wake = {
            let context = context.clone();
            move || context.request_repaint()
        };
        let workers = options.workers.clone();
        let Options { backend: choice, adapter, memory_budget_bytes, .. } = options;
        let backend = Opening { choice, adapter, device, memory_budget_bytes };
        let loader = Loader::start(options.workers, options.limits, backend, Box::new(wake.clone()))?;
        let session = Session::default();
        let mut viewer = Self {
            document: Document::default(),
            history: History::new(session.clone()),
            session,
            interaction: Interaction::default(),
            loader,
            painter: Painter::new(Arc::new(wake)),
            canvases: Vec::new(),
            values: Values::default(),
            commands: Vec::new(),
            last: None,
            dialog: None,
            looked: Looked::default(),
            panels: panels::Shown::default(),
            message: None,
            asked: Vec::new(),
            spare_bytes: crate::provide::SPARE_BYTES,
            opened: Vec::new(),
            timing: panels::Timing::default(),
            frame_began: Instant::now(),
            has_fallen_back: false,
            workers,
            coming: None,
            saving: Vec::new(),
            autosave: options.autosave.map(Autosave::new),
            bench: None,
            presets: PresetPictures::default(),
            turning: None,
            saving_keys: None,
            closes_now: false,
            closer: options.closer,
            config: Config::new(options.config),
            keys: Keys::default(),
            recent: Recent::default(),
            screens: Screens::default(),
            layouts: Vec::new(),
            saved_work: Work::default(),
            _ending: Ending,
        };
        viewer.read_config();
        match options.start {
            Start::Inputs(paths) if paths.is_empty() => {}
            Start::Inputs(paths) => viewer.open(paths),
            Start::Session(path) => viewer.load_session(&path),
        }
        Ok(viewer)
    }

    /// Opens files, folders or archives beside what is open.
    pub(crate) fn open(&mut self, paths: Vec<PathBuf>) {
        let input = self.document.add_input();
        self.opened.push(paths.clone());
        self.timing.opening.get_or_insert((input, Instant::now()));
        self.loader.open(input, paths);
    }

    pub(crate) fn tell(&mut self, text: impl Into<String>) {
        self.message = Some((text.into(), Instant::now()));
    }

    /// Does something at the end of this frame.
    pub(crate) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// Takes what threads have done.
    fn take_news(&mut self) {
        let news: Vec<News> = self.loader.news().collect();
        for news in news {
            let found = match &news {
                News::Found { input, study } => {
                    match study {
                        Ok(_) => self.remember(*input),
                        Err(reason) => self.tell(reason.clone()),
                    }
                    Some(*input)
                }
                News::Ready { missing, .. } => {
                    if let Some(reason) = missing {
                        self.tell(format!("The CPU makes the pictures: {reason}"));
                    }
                    self.reload();
                    None
                }
                News::Trouble { reason } => {
                    self.fall_back(reason);
                    None
                }
                News::Thumbnail { .. } | News::Series { .. } => None,
            };
            self.document.take(news);
            if let Some(input) = found {
                self.show_first(input);
            }
        }
        let answers = self.painter.answers();
        let mut fallen = None::<String>;
        for answer in answers {
            let Some(canvas) = self.canvases.get_mut(answer.view) else { continue };
            let view = self.session.views.get(answer.view);
            // What was wanted before the view showed something else is of no use.
            let is_current = view.and_then(|view| view.subject(&self.document)) == Some(answer.subject);
            let Some(made) = answer.made.filter(|_| is_current) else { continue };
            match &made {
                Ok(made) => self.timing.made(answer.view, made),
                Err(failure) if failure.is_device => fallen = Some(failure.reason.clone()),
                Err(_) => {}
            }
            canvas.take(made);
        }
        if let Some(reason) = fallen {
            self.fall_back(&reason);
        }
    }

    /// Gives a GPU up that is in trouble; the CPU goes on.
    pub(crate) fn fall_back(&mut self, reason: &str) {
        if !self.has_fallen_back {
            self.has_fallen_back = true;
            self.tell(format!("The CPU takes over: {reason}"));
            self.loader.fall_back();
        }
    }

    /// Does a command at once.
    pub(crate) fn do_now(&mut self, command: &Command) {
        if self.apply(command) {
            self.last = Some(command.clone());
        }
    }

    /// Does a command of a loop, which is none of the user's: undo does not stop at it.
    pub(crate) fn do_aside(&mut self, command: &Command) {
        if self.apply(command) && self.last.is_none() {
            self.history.follow(&self.session);
        }
    }

    /// Whether a command was done: what makes no sense now is left out, as keys are pressed on empty views, too.
    fn apply(&mut self, command: &Command) -> bool {
        let (session, document) = (&mut self.session, &self.document);
        let before = self.interaction.draft.as_ref().and_then(|draft| draft.ground(session, document));
        let is_done = session.apply(command, document).is_ok();
        if let (true, Command::Measure { kind: Kind::Arrow, text, .. }) = (is_done, command)
            && text.is_empty()
        {
            // It says nothing by itself.
            self.interaction.selected = session.measurements.last().map(|own| own.id);
            self.interaction.asks_text = true;
            self.panels.inspector = true;
        }
        // The next point of a drawing would not lie where its first ones do.
        self.interaction.draft.take_if(|draft| {
            let after = draft.ground(session, document);
            !before.zip(after).is_some_and(|(before, after)| before.is_same(&after))
        });
        if is_done {
            self.lead_point(command);
        }
        is_done
    }

    /// Does what was collected in this frame; tells whether there was anything.
    fn do_all(&mut self, context: &Context) -> bool {
        let commands = std::mem::take(&mut self.commands);
        let has_done = !commands.is_empty();
        for command in commands {
            self.do_now(&command);
        }
        let pointer_down =
            context.input(|input| input.pointer.any_down()) || self.interaction.is_pressed_aside;
        if !pointer_down && let Some(last) = self.last.take() {
            self.history.keep(&self.session, &last, Instant::now());
        }
        has_done
    }

    /// Draws again what was drawn from the session as it was: with the pictures that are in the making, if they are there
    /// soon, as a frame takes as long as a picture where there is no GPU.
    fn draw_again(&self, context: &Context) {
        let waits = (0..self.canvases.len()).any(|view| self.painter.is_busy(view));
        context.request_repaint_after(if waits { PATIENCE } else { Duration::ZERO });
    }

    /// Takes a session in place of the present one.
    pub(crate) fn restore(&mut self, session: Session) {
        self.session = session;
        self.interaction.draft = None;
        self.interaction.drag = None;
        // It would go on from what is shown now.
        self.interaction.cine = None;
    }

    pub(crate) fn take_drops(&mut self, context: &Context) {
        let dropped = context.input(|input| input.raw.dropped_files.clone());
        let paths: Vec<PathBuf> = dropped.iter().map(|file| file.path().to_owned()).collect();
        if !paths.is_empty() {
            self.ask_to_open(paths);
        }
    }

    /// Says that what is held over the window is opened where it is let go.
    fn show_hovered(&self, context: &Context) {
        let count = context.input(|input| input.raw.hovered_files.len());
        if count == 0 {
            return;
        }
        let rect = context.content_rect();
        let painter = context
            .layer_painter(egui::LayerId::new(egui::Order::Foreground, egui::Id::unique("hovered files")));
        painter.rect_filled(rect, 0.0, egui::Color32::from_black_alpha(170));
        let beside =
            if self.document.entries().is_empty() { "" } else { " beside what is open, or in its place" };
        let text = format!("Drop to open{beside}");
        let font = egui::FontId::proportional(18.0);
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, font, crate::theme::LABEL);
    }

    fn show_message(&mut self, ui: &Ui) {
        let Some((text, since)) = &self.message else { return };
        let left = MESSAGE.saturating_sub(since.elapsed());
        if left.is_zero() {
            self.message = None;
            return;
        }
        ui.ctx().request_repaint_after(left);
        let area =
            egui::Area::new(egui::Id::unique("message")).anchor(egui::Align2::CENTER_BOTTOM, [0.0, -40.0]);
        area.interactable(false).show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style()).show(ui, |ui| {
                ui.set_max_width(700.0);
                ui.label(text.as_str());
            });
        });
    }

    /// One frame.
    pub(crate) fn frame(&mut self, ui: &mut Ui) {
        let context = ui.ctx().clone();
        let began = Instant::now();
        self.frame_began = began;
        self.take_news();
        self.arrive();
        self.take_saved();
        self.go_on_saving_keys();
        self.take_turned();
        self.close_if_written(&context);
        self.measure(&context);
        self.take_drops(&context);
        self.provide();
        self.play(&context);
        self.take_keys(&context);
        panels::show(self, ui);
        self.show_views(ui);
        self.show_aside(&context);
        self.tell_of_drag();
        self.show_dialog(&context);
        self.show_message(ui);
        self.show_hovered(&context);
        let has_done = self.do_all(&context);
        self.provide();
        self.let_go();
        self.want();
        if has_done {
            self.draw_again(&context);
        }
        self.autosave(&context);
        self.time_opening();
        self.timing.frame(began.elapsed());
    }

    /// Takes the time from opening something to its first picture, which is put into the window now.
    fn time_opening(&mut self) {
        let Some((input, since)) = self.timing.opening else { return };
        let is_of = |id: SeriesId| id.input >= input;
        let is_shown =
            self.canvases.iter().any(|canvas| canvas.shown.as_ref().is_some_and(|shown| is_of(shown.series)));
        if is_shown {
            self.timing.first_picture = Some(since.elapsed());
        }
        let is_found = self.document.inputs().iter().all(|own| own.found.is_some());
        let is_to_come = !is_found || self.coming.is_some() || self.session.series().any(is_of);
        self.timing.opening.take_if(|_| is_shown || !is_to_come);
    }

    pub(crate) fn workers(&self) -> &anatome::Workers {
        &self.workers
    }

    /// Closes everything.
    pub(crate) fn forget(&mut self) {
        let backend = self.document.backend().cloned();
        self.document = Document::of_backend(backend);
        self.loader.forget();
        self.restore(Session::default());
        self.history = History::new(self.session.clone());
        self.values = Values::default();
        // Series are known by numbers, which are given again: nothing that goes on may show or save what comes in place
        // of what was.
        self.interaction = Interaction { tool: self.interaction.tool, ..Interaction::default() };
        self.painter = Painter::new(self.painter.wake());
        self.presets = PresetPictures::default();
        self.panels.notes = None;
        self.canvases.iter_mut().for_each(Canvas::clear);
        (self.last, self.coming, self.timing.opening) = (None, None, None);
        self.commands.clear();
        self.asked.clear();
        self.opened.clear();
        self.saved_work = Work::default();
        if let Some(saving) = self.saving_keys.take() {
            self.tell(saving.ended());
        }
    }

    /// Whether everything that is shown is loaded, and drawn in full.
    pub(crate) fn is_settled(&self) -> bool {
        let over = |view: &ViewState| view.overlay.as_ref().map(|over| over.series);
        let shown = self.session.views.iter().flat_map(|view| view.series.into_iter().chain(over(view)));
        let loaded = |id: SeriesId| {
            use crate::document::State::{Failed, Loaded, Stack};
            let state = self.document.entry(id).map(|entry| &entry.state);
            matches!(state, Some(Loaded(_) | Stack(..) | Failed(_)))
        };
        let drawn = |(index, canvas): (usize, &Canvas)| {
            canvas.rect.is_none()
                || self.session.views[index].series.is_none()
                || canvas.failure.is_some()
                || canvas.shown.as_ref().is_some_and(|shown| shown.is_full) && !self.painter.is_busy(index)
        };
        let found = self.document.inputs().iter().all(|input| input.found.is_some());
        found
            && self.document.backend().is_some()
            && shown.into_iter().all(loaded)
            && self.loader.work().is_empty()
            && self.commands.is_empty()
            && !self.looked.is_looking()
            && self.canvases.iter().enumerate().all(drawn)
    }
}

impl eframe::App for Viewer {
    /// Before each frame, and where the window is hidden in its place.
    fn logic(&mut self, context: &Context, _frame: &mut eframe::Frame) {
        self.take_close(context);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.frame(ui);
    }

    fn on_exit(&mut self) {
        self.autosave_at_end();
        self.end_saving();
    }

    fn clear_color(&self, _visuals: &egui::Visuals) -> [f32; 4] {
        crate::theme::GAP.to_normalized_gamma_f32()
    }
}
