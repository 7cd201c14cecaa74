//! From actions to commands.

use anatome::{Output, Pixels, Planes, Progress, Projection, Request, Voi, Window};
use egui::{Context, Key, KeyboardShortcut, Modifiers, Popup};
use glam::DVec2;

use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::dialogs::Dialog;
use crate::measure::{Kind, value_at};
use crate::session::{Content, Direction, OrbitView, PlaneView, Side, Slab, passes};
use crate::steps::{Step, Way};
use crate::tools::Tool;
use crate::viewport::Seen;

/// Of what is seen this part is darker and this brighter than what an automatic window spreads.
const AUTO: [f64; 2] = [0.01, 0.995];

/// Redo, beside its own key.
const REDO_TOO: KeyboardShortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::Y);

impl Viewer {
    /// Takes keys, unless someone writes.
    pub(crate) fn take_keys(&mut self, context: &Context) {
        if context.text_edit_focused() {
            return;
        }
        // An open menu has all keys; Escape closes it, and nothing else.
        if Popup::is_any_open(context) {
            return;
        }
        if self.dialog.is_some() {
            if context.input(|input| input.key_pressed(Key::Escape)) {
                self.dialog = None;
            }
            return;
        }
        // The system tells of copying by an event of its own.
        let copies =
            context.input(|input| input.events.iter().any(|event| matches!(event, egui::Event::Copy)));
        // What a control takes that has the focus is not taken from it; letters it does not take.
        let is_focused = context.egui_wants_keyboard_input() && !self.has_focus_in_views(context);
        let mut actions = context.input_mut(|input| self.keys.pressed(input, is_focused));
        // Where that is nothing else, as other programs have it.
        if self.keys.is_free(REDO_TOO) && context.input_mut(|input| input.consume_shortcut(&REDO_TOO)) {
            actions.push(Action::Redo);
        }
        if copies && !actions.contains(&Action::CopyPicture) {
            actions.push(Action::CopyPicture);
        }
        for action in actions {
            self.act(context, action);
        }
    }

    /// Whether what has the keyboard is a view, which takes nothing for itself.
    fn has_focus_in_views(&self, context: &Context) -> bool {
        let own = context.memory(|memory| memory.focused()).and_then(|id| context.read_response(id));
        own.is_some_and(|own| self.canvases.iter().any(|canvas| canvas.rect == Some(own.rect)))
    }

    /// The active view as it was drawn last.
    pub(crate) fn active_seen(&self) -> Option<Seen<'_>> {
        self.seen(self.session.active)
    }

    /// A view as it was drawn last.
    pub(crate) fn seen(&self, index: usize) -> Option<Seen<'_>> {
        let canvas = self.canvases.get(index)?;
        let view = self.session.views.get(index)?;
        Some(Seen {
            session: &self.session,
            document: &self.document,
            index,
            view,
            canvas,
            rect: canvas.rect?,
        })
    }

    /// Does something by its name.
    pub(crate) fn act(&mut self, context: &Context, action: Action) {
        // A tool can be taken in hand for another view.
        if let Some(reason) = self.refusal(action).filter(|_| action != Action::ToolWindow) {
            return self.tell(reason);
        }
        let view = self.session.active;
        match action {
            Action::OpenFiles => self.dialog = Some(Dialog::open()),
            Action::CloseAll => self.ask_to_close_all(),
            Action::ClearView => self.push(Command::Clear { view }),
            Action::SaveSession => self.dialog = Some(Dialog::save_session()),
            Action::LoadSession => self.dialog = Some(Dialog::load_session()),
            Action::SavePicture => self.dialog = Some(Dialog::save_picture()),
            Action::CopyPicture => self.copy_picture(context),
            Action::Mark => self.mark(),
            Action::SaveKeyImages => self.dialog = Some(Dialog::save_key_images()),
            Action::NextPhase | Action::PreviousPhase => {
                let command = self.phase(view, if action == Action::NextPhase { 1 } else { -1 });
                self.commands.extend(command);
            }
            Action::Turn => self.dialog = Some(Dialog::turn()),
            Action::SaveLayout => self.dialog = Some(Dialog::SaveLayout { name: String::new() }),
            Action::TrueSize => self.true_size(context),
            Action::CalibrateScreen => self.dialog = Some(Dialog::screen()),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Help => self.panels.help = !self.panels.help,
            Action::ShowBrowser => self.panels.browser = !self.panels.browser,
            Action::ShowInspector => self.panels.inspector = !self.panels.inspector,
            Action::Performance => self.panels.performance = !self.panels.performance,
            Action::Preset(0) => self.push(Command::Window { view, voi: None }),
            Action::Preset(n) => self.choose_window(n),
            Action::AutoWindow => {
                let window = self.active_seen().and_then(|seen| auto_window(&seen));
                self.commands
                    .extend(window.map(|window| Command::Window { view, voi: Some(Voi::Window(window)) }));
            }
            Action::Invert => self.push(Command::Invert { view }),
            Action::Play => self.toggle_cine(),
            Action::NextView | Action::PreviousView => {
                let count = self.session.views.len().max(1);
                let by = if action == Action::NextView { 1 } else { count - 1 };
                self.push(Command::Activate { view: (view + by) % count });
            }
            Action::NextPanel => self.focus_panel(context, true),
            Action::PreviousPanel => self.focus_panel(context, false),
            Action::SecondWindow => {
                let aside = self.session.aside;
                self.push(Command::SetAside { view: if aside == Some(view) { None } else { Some(view) } });
            }
            Action::Apart => {
                let is_apart = self.session.active_view().is_some_and(|own| !own.is_apart);
                self.push(Command::SetApart { view, is_apart });
            }
            Action::Enlarge => self.push(Command::Enlarge { enlarged: !self.session.enlarged }),
            Action::SetPoint => self.set_point(),
            Action::EndDrawing => self.end_drawing(),
            Action::HoldNext => self.hold_next(),
            Action::DeleteMeasurement => {
                let chosen = self.interaction.selected.take().or(self.interaction.hot.take());
                self.commands.extend(chosen.map(|id| Command::Delete { id }));
            }
            Action::Cancel => self.cancel(),
            Action::Side(side) => self.face(side),
            _ if self.act_on_tools(action) => {}
            _ => self.act_on_view(action),
        }
    }

    fn act_on_tools(&mut self, action: Action) -> bool {
        self.interaction.tool = match action {
            Action::ToolWindow => Tool::Window,
            Action::ToolPan => Tool::Pan,
            Action::ToolZoom => Tool::Zoom,
            Action::ToolScroll => Tool::Scroll,
            Action::ToolCross => Tool::Cross,
            other => match Kind::ALL.into_iter().find(|kind| kind.action() == other) {
                Some(kind) => Tool::Measure(kind),
                None => return false,
            },
        };
        self.interaction.draft = None;
        true
    }

    fn act_on_view(&mut self, action: Action) {
        let view = self.session.active;
        let mut shown = self.session.shown;
        let is_3d = self.session.active_view().is_some_and(|own| matches!(own.content, Content::Orbit(_)));
        let command = match action {
            Action::Step(step) => self.step(step),
            // There is no next slice to go to.
            Action::Next if is_3d => self.step(Step::Aside(Way::Down)),
            Action::Previous if is_3d => self.step(Step::Aside(Way::Up)),
            Action::Fit => Some(Command::Fit { view }),
            Action::Rotate => Some(Command::Rotate { view }),
            Action::Mirror => Some(Command::Mirror { view }),
            Action::OneToOne => self.one_to_one(),
            Action::Larger | Action::Smaller => {
                let factor = if action == Action::Larger { 1.25 } else { 0.8 };
                Some(Command::Zoom { view, factor, about_mm: DVec2::ZERO })
            }
            Action::Next => Some(Command::Scroll { view, steps: 1.0 }),
            Action::Previous => Some(Command::Scroll { view, steps: -1.0 }),
            Action::PageNext => Some(Command::Scroll { view, steps: 10.0 }),
            Action::PagePrevious => Some(Command::Scroll { view, steps: -10.0 }),
            Action::First => Some(Command::Scroll { view, steps: -99_999.0 }),
            Action::Last => Some(Command::Scroll { view, steps: 99_999.0 }),
            Action::Axial => self.plane(Direction::Axial),
            Action::Coronal => self.plane(Direction::Coronal),
            Action::Sagittal => self.plane(Direction::Sagittal),
            Action::ThreeD => Some(Command::Look { view, content: Content::Orbit(OrbitView::default()) }),
            Action::Thicker | Action::Thinner => {
                self.thicken(if action == Action::Thicker { 1.0 } else { -1.0 })
            }
            Action::SlabOf(projection) => self.slab_of(projection),
            Action::ResetPlanes => Some(Command::ResetPlanes { view, planes: Planes::Acquisition }),
            Action::PatientPlanes => Some(Command::ResetPlanes { view, planes: Planes::Patient }),
            Action::Arrange(layout) => Some(Command::Arrange { layout }),
            Action::ShowLabels => {
                shown.labels = !shown.labels;
                Some(Command::Overlays { shown })
            }
            Action::ShowIdentity => {
                shown.identity = !shown.identity;
                Some(Command::Overlays { shown })
            }
            Action::ShowCropBox => {
                shown.crop_box = !shown.crop_box;
                Some(Command::Overlays { shown })
            }
            Action::ShowReferenceLines => {
                shown.reference_lines = !shown.reference_lines;
                Some(Command::Overlays { shown })
            }
            Action::ShowMeasurements => {
                shown.measurements = !shown.measurements;
                Some(Command::Overlays { shown })
            }
            Action::ShowCrosshair => {
                shown.crosshair = !shown.crosshair;
                Some(Command::Overlays { shown })
            }
            _ => None,
        };
        self.commands.extend(command);
    }

    pub(crate) fn undo(&mut self) {
        if let Some(session) = self.history.undo() {
            self.restore(session);
        }
    }

    pub(crate) fn redo(&mut self) {
        if let Some(session) = self.history.redo() {
            self.restore(session);
        }
    }

    fn cancel(&mut self) {
        if self.interaction.draft.take().is_some() {
            return;
        }
        if self.panels.help {
            self.panels.help = false;
        } else if self.session.enlarged {
            self.push(Command::Enlarge { enlarged: false });
        } else {
            self.interaction.tool = Tool::Window;
        }
    }

    /// Marks what the active view shows, or takes the mark away.
    pub(crate) fn mark(&mut self) {
        let view = self.session.active;
        let command = match self.session.key_image_of(view, &self.document) {
            Some(image) => Command::Unmark { id: image.id },
            None => {
                let Some(canvas) = self.canvases.get(view) else { return };
                Command::Mark { view, size_px: canvas.size_px }
            }
        };
        self.push(command);
    }

    /// Shows the 3D view from a side: the active one, or the first of its series.
    pub(crate) fn face(&mut self, side: Side) {
        let found = self.shown_in_3d();
        self.commands.extend(found.map(|view| Command::Face { view, side }));
    }

    fn plane(&self, direction: Direction) -> Option<Command> {
        let slab = match self.session.active_view()?.content {
            Content::Plane(plane) => plane.slab,
            _ => Slab::default(),
        };
        let content = Content::Plane(PlaneView { direction, slab });
        Some(Command::Look { view: self.session.active, content })
    }

    fn thicken(&self, by_mm: f64) -> Option<Command> {
        let Content::Plane(plane) = self.session.active_view()?.content else { return None };
        let slab = Slab { thickness_mm: (plane.slab.thickness_mm + by_mm).max(0.0), ..plane.slab };
        Some(Command::Thicken { view: self.session.active, slab })
    }

    fn slab_of(&self, projection: Projection) -> Option<Command> {
        let Content::Plane(plane) = self.session.active_view()?.content else { return None };
        Some(Command::Thicken { view: self.session.active, slab: Slab { projection, ..plane.slab } })
    }

    /// The zoom at which a voxel has the size of a pixel.
    fn one_to_one(&self) -> Option<Command> {
        let seen = self.active_seen()?;
        let percent = crate::viewport::zoom_percent(&seen);
        let factor = 100.0 / percent;
        let zoom = Command::Zoom { view: seen.index, factor, about_mm: DVec2::ZERO };
        factor.is_finite().then_some(zoom)
    }
}

/// The window that spreads the values that a view shows now.
fn auto_window(seen: &Seen<'_>) -> Option<Window> {
    const PLACES: u32 = 100;
    let mut values = match seen.view.content {
        Content::Frame(_) => values_of_frame(seen, PLACES)?,
        _ => values_of_picture(seen, PLACES)?,
    };
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let [low, high] = AUTO.map(|part| values[(part * last as f64).round() as usize]);
    (high > low).then(|| Window::spanning(low, high).ok())?
}

/// The values of a small picture of what a view shows of its series: those of slabs and projections, too.
fn values_of_picture(seen: &Seen<'_>, side: u32) -> Option<Vec<f64>> {
    let pass = passes(seen.session, seen.view, seen.document, seen.aspect())?.into_iter().next()?;
    let volume = &seen.document.loaded(pass.series)?.uploaded;
    let request = Request::new(pass.scene, [side; 2], Output::Values);
    let image = seen.document.backend()?.render(&request, volume, &Progress::new()).ok()?;
    let Pixels::Values(values) = image.pixels() else { return None };
    Some(values.iter().filter(|value| !value.is_nan()).map(|&value| f64::from(value)).collect())
}

fn values_of_frame(seen: &Seen<'_>, side: u32) -> Option<Vec<f64>> {
    let (map, frame) = (seen.map()?, seen.frame()?);
    let part = |n: u32| (n as f32 + 0.5) / side as f32;
    let places = (0..side * side).map(|n| {
        map.patient_mm(seen.rect.min + seen.rect.size() * egui::vec2(part(n % side), part(n / side)))
    });
    Some(places.filter_map(|place| value_at(&frame.volume, place, anatome::Interpolation::Linear)).collect())
}
