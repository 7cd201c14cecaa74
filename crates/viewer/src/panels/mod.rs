//! What stands around the views.

mod browser;
mod focus;
mod inspector;
mod sheets;
mod toolbar;
mod transfer;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use egui::{DragValue, Panel, Response, Shape, Ui};

use crate::app::Viewer;
use crate::render::Made;
use crate::session::SeriesId;
use crate::viewport;

pub(crate) use focus::Part;

/// A field of a number with at most so many digits behind the point. What is typed counts when it is typed to its end, and a
/// number that the field only shows is not rounded by it.
fn number_field(
    ui: &mut Ui,
    value: &mut f64,
    digits: usize,
    make: impl FnOnce(DragValue<'_>) -> DragValue<'_>,
) -> Response {
    let before = *value;
    let field = DragValue::new(value).max_decimals(digits).update_while_editing(false);
    let response = ui.add(make(field));
    let shown = |value: f64| format!("{value:.digits$}");
    if shown(*value) == shown(before) {
        *value = before;
    }
    response
}

/// Which panels are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub browser: bool,
    pub inspector: bool,
    pub help: bool,
    pub performance: bool,
    /// The files that were left out.
    pub problems: bool,
    /// The series of which it is told what was odd.
    pub notes: Option<SeriesId>,
    /// Which has the keyboard, and which is to have it.
    pub focused: Part,
    pub focus: Option<Part>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            browser: true,
            inspector: true,
            help: false,
            performance: false,
            problems: false,
            notes: None,
            focused: Part::Views,
            focus: None,
        }
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    /// Frames of the window.
    frames: VecDeque<Duration>,
    /// Pictures, and whether they were of full quality.
    pictures: VecDeque<(Duration, bool)>,
    /// What a GPU itself worked on pictures.
    device: VecDeque<Duration>,
    /// From the frame in which something was done to the one that shows it.
    responses: VecDeque<Duration>,
    /// How many frames of the window were drawn.
    pub count: u64,
    /// How many pictures of each view were made.
    answers: Vec<u64>,
    /// What was asked to be opened, and when, until a picture of it is there.
    pub opening: Option<(u32, Instant)>,
    /// From asking to the first picture, of what was opened last.
    pub first_picture: Option<Duration>,
}

/// So many are looked at.
const KEPT: usize = 120;

impl Timing {
    /// How many pictures of a view were made.
    pub(crate) fn answers_of(&self, view: usize) -> u64 {
        self.answers.get(view).copied().unwrap_or(0)
    }

    pub(crate) fn frame(&mut self, took: Duration) {
        self.count += 1;
        keep(&mut self.frames, took);
    }

    pub(crate) fn made(&mut self, view: usize, made: &Made) {
        if self.answers.len() <= view {
            self.answers.resize(view + 1, 0);
        }
        self.answers[view] += 1;
        keep(&mut self.pictures, (made.took, made.is_full));
        made.device_time.into_iter().for_each(|time| keep(&mut self.device, time));
        made.asked.into_iter().for_each(|since| keep(&mut self.responses, since.elapsed()));
    }
}

/// Keeps the latest.
fn keep<T>(all: &mut VecDeque<T>, own: T) {
    all.push_back(own);
    if all.len() > KEPT {
        all.pop_front();
    }
}

/// Shows all panels; what is left is for the views.
pub(crate) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    viewer.panels.focused = Part::Views;
    on_ground(viewer, ui, Part::Toolbar, Panel::top("toolbar").resizable(false), toolbar::show);
    on_ground(viewer, ui, Part::Status, Panel::bottom("status").resizable(false), toolbar::status);
    if viewer.panels.browser {
        let panel = Panel::left("browser").default_size(208.0).size_range(150.0..=420.0);
        on_ground(viewer, ui, Part::Browser, panel, browser::show);
    }
    if viewer.panels.inspector {
        let panel = Panel::right("inspector").default_size(248.0).size_range(200.0..=420.0);
        on_ground(viewer, ui, Part::Inspector, panel, inspector::show);
    }
    sheets::show(viewer, ui);
}

/// Shows a panel. What lies below it is drawn once its size is known.
fn on_ground(
    viewer: &mut Viewer,
    ui: &mut Ui,
    part: Part,
    panel: Panel,
    contents: impl FnOnce(&mut Viewer, &mut Ui),
) {
    let below = ui.painter().add(Shape::Noop);
    let whole = panel.show(ui, |ui| {
        focus::landmark(viewer, ui, part);
        contents(viewer, ui);
    });
    let rect = whole.response.rect;
    ui.painter().set(below, viewport::ground(rect));
    focus::show(viewer, ui, part, rect);
}

impl Timing {
    /// What is told, by name.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let of =
            |full: bool| self.pictures.iter().filter(move |(_, own)| *own == full).map(|(took, _)| *took);
        let told = |times: Vec<Duration>| match summary(times) {
            Some((middle, worst)) => format!("{} median, {} worst", ms(middle), ms(worst)),
            None => "none".to_owned(),
        };
        vec![
            ("first picture after opening", self.first_picture.map_or("none".to_owned(), ms)),
            ("frames of the window", self.count.to_string()),
            ("window's thread", told(self.frames.iter().copied().collect())),
            ("pictures in motion", told(of(false).collect())),
            ("pictures in full", told(of(true).collect())),
            ("of these, the GPU itself", told(self.device.iter().copied().collect())),
            ("from input to picture", told(self.responses.iter().copied().collect())),
        ]
    }
}

/// The median and the longest.
fn summary(mut times: Vec<Duration>) -> Option<(Duration, Duration)> {
    times.sort_unstable();
    Some((*times.get(times.len() / 2)?, *times.last()?))
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use crate::walkthrough::{Study, gpu_options, settle, window, window_with};

    /// What the performance sheet tells of a GPU's pictures, and of how soon they follow what is done.
    #[test]
    fn pictures_are_timed_from_what_asked_for_them() {
        let study = Study::made();
        if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
            return;
        }
        let mut harness = window_with(gpu_options(vec![study.path().join("ct")]), [600.0, 500.0], 1.0);
        settle(&mut harness);
        let before = harness.state().timing.responses.len();
        for _ in 0..3 {
            harness.key_press(egui::Key::ArrowDown);
            settle(&mut harness);
        }
        let timing = &harness.state().timing;
        assert_eq!(timing.responses.len(), before + 3);
        let lines = timing.lines();
        let told = |name: &str| lines.iter().find(|(own, _)| *own == name).unwrap().1.as_str();
        assert_ne!(told("from input to picture"), "none");
        assert_eq!(told("of these, the GPU itself") == "none", timing.device.is_empty());
        let has_clock = anatome_gpu::adapters()[0].has_timestamps;
        assert_eq!(timing.device.is_empty(), !has_clock);
    }
}
