//! What stands around the views.

mod browser;
mod inspector;
mod sheets;
mod toolbar;
mod transfer;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use egui::{Panel, Shape, Ui};

use crate::app::Viewer;
use crate::render::Made;
use crate::session::SeriesId;
use crate::viewport;

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
}

impl Default for Shown {
    fn default() -> Self {
        Self { browser: true, inspector: true, help: false, performance: false, problems: false, notes: None }
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    /// Frames of the window.
    frames: VecDeque<Duration>,
    /// Pictures, and whether they were of full quality.
    pictures: VecDeque<(Duration, bool)>,
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
        self.frames.push_back(took);
        if self.frames.len() > KEPT {
            self.frames.pop_front();
        }
    }

    pub(crate) fn made(&mut self, view: usize, made: &Made) {
        if self.answers.len() <= view {
            self.answers.resize(view + 1, 0);
        }
        self.answers[view] += 1;
        self.pictures.push_back((made.took, made.is_full));
        if self.pictures.len() > KEPT {
            self.pictures.pop_front();
        }
    }
}

/// Shows all panels; what is left is for the views.
pub(crate) fn show(viewer: &mut Viewer, ui: &mut Ui) {
    on_ground(ui, Panel::top("toolbar").resizable(false), |ui| toolbar::show(viewer, ui));
    on_ground(ui, Panel::bottom("status").resizable(false), |ui| toolbar::status(viewer, ui));
    if viewer.panels.browser {
        let panel = Panel::left("browser").default_size(208.0).size_range(150.0..=420.0);
        on_ground(ui, panel, |ui| browser::show(viewer, ui));
    }
    if viewer.panels.inspector {
        let panel = Panel::right("inspector").default_size(248.0).size_range(200.0..=420.0);
        on_ground(ui, panel, |ui| inspector::show(viewer, ui));
    }
    sheets::show(viewer, ui);
}

/// Shows a panel. What lies below it is drawn once its size is known.
fn on_ground(ui: &mut Ui, panel: Panel, contents: impl FnOnce(&mut Ui)) {
    let below = ui.painter().add(Shape::Noop);
    let rect = panel.show(ui, contents).response.rect;
    ui.painter().set(below, viewport::ground(rect));
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
