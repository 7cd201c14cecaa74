//! Sheets over the views: help, performance, files that were left out.

use egui::{Context, Grid, ScrollArea, Ui, Window};

use crate::actions::{Action, Entry, GROUPS};
use crate::app::Viewer;
use crate::keys::shown;

/// A window in the middle of the views.
fn sheet<'a>(title: &'a str, open: &'a mut bool, context: &Context) -> Window<'a> {
    let middle = context.content_rect().center();
    Window::new(title).open(open).collapsible(false).pivot(egui::Align2::CENTER_CENTER).default_pos(middle)
}

pub(super) fn show(viewer: &mut Viewer, ui: &Ui) {
    let context = ui.ctx();
    help(viewer, context);
    performance(viewer, context);
    problems(viewer, context);
    notes(viewer, context);
}

/// What the pointer does, for the help sheet.
const POINTER: &[(&str, &str)] = &[
    ("Left drag", "the chosen tool; in 3D it turns"),
    ("Middle drag", "pan"),
    ("Right drag", "zoom"),
    ("Wheel", "slices or frames; in 3D zoom"),
    ("Ctrl+wheel", "zoom about the pointer"),
    ("Shift+wheel", "slab thickness"),
    ("Double click", "enlarge the view, and back"),
    ("Crosshair", "drag its middle to move, its dots to turn the planes"),
    ("Right click", "ends a polyline, as a double click does"),
    ("Between views", "drag to move the border, double click to reset"),
    ("Click in 3D", "all views go to the place that is seen"),
];

/// Of the help sheet, in points.
const COLUMN: f32 = 290.0;

fn help(viewer: &mut Viewer, context: &Context) {
    let mut open = viewer.panels.help;
    // In a small window, or where everything is large, it has fewer columns, and is scrolled.
    let room = context.content_rect().size() - egui::vec2(40.0, 80.0);
    let columns = columns(((room.x / COLUMN) as usize).clamp(1, 5));
    sheet("Keys and pointer", &mut open, context).resizable(false).show(context, |ui| {
        ui.spacing_mut().scroll = egui::style::ScrollStyle::thin();
        let all = ScrollArea::both().max_width(room.x).max_height(room.y);
        let all = all.min_scrolled_width(room.x).min_scrolled_height(room.y);
        all.show(ui, |ui| {
            ui.horizontal_top(|ui| {
                for column in columns {
                    ui.vertical(|ui| column.iter().for_each(|block| block.show(viewer, ui)));
                    ui.add_space(12.0);
                }
            })
        });
    });
    viewer.panels.help = open;
}

/// A part of the help sheet that stays in one column.
#[derive(Clone, Copy)]
enum Block {
    Keys(&'static str, &'static [Entry]),
    Pointer,
}

impl Block {
    fn all() -> impl Iterator<Item = Self> {
        GROUPS.iter().map(|(name, entries)| Self::Keys(name, entries)).chain([Self::Pointer])
    }

    /// With its name and what keeps it from the next.
    fn rows(self) -> usize {
        2 + match self {
            Self::Keys(_, entries) => entries.len(),
            Self::Pointer => POINTER.len() + 1,
        }
    }

    fn show(self, viewer: &Viewer, ui: &mut Ui) {
        match self {
            Self::Keys(name, entries) => {
                ui.strong(name);
                let keys = entries
                    .iter()
                    .map(|entry| (viewer.keys.shortcut(entry.action).map(shown), named(viewer, entry)));
                rows(ui, name, keys);
            }
            Self::Pointer => {
                pointer(ui);
                own_keys(viewer, ui);
            }
        }
        ui.add_space(6.0);
    }
}

/// All blocks in their order, in so many columns of about one height.
fn columns(count: usize) -> Vec<Vec<Block>> {
    let total: usize = Block::all().map(Block::rows).sum();
    let mut columns = vec![Vec::new(); count];
    let mut above = 0;
    for block in Block::all() {
        // Where its middle is, if all stood below each other.
        let middle = above + block.rows() / 2;
        columns[(middle * count / total).min(count - 1)].push(block);
        above += block.rows();
    }
    columns
}

/// What an action is called; presets by what they are of the active series.
fn named(viewer: &Viewer, entry: &Entry) -> String {
    let preset = match entry.action {
        Action::Preset(n) if n > 0 => viewer.window_presets().into_iter().nth(usize::from(n) - 1),
        _ => None,
    };
    preset.map_or(entry.name.to_owned(), |preset| format!("Window: {}", preset.name))
}

fn pointer(ui: &mut Ui) {
    ui.strong("Pointer");
    rows(ui, "pointer", POINTER.iter().map(|&(what, does)| (Some(what.to_owned()), does.to_owned())));
}

/// How keys are changed, and what of that could not be done.
fn own_keys(viewer: &Viewer, ui: &mut Ui) {
    ui.weak("Keys are changed in keys.json in the folder of settings.");
    for fault in &viewer.keys.faults {
        ui.colored_label(crate::theme::WARNING, fault);
    }
}

fn rows(ui: &mut Ui, name: &str, rows: impl Iterator<Item = (Option<String>, String)>) {
    Grid::new(("keys", name)).num_columns(2).min_row_height(15.0).spacing([10.0, 1.0]).show(ui, |ui| {
        for (key, does) in rows {
            ui.weak(key.unwrap_or_default());
            ui.label(does);
            ui.end_row();
        }
    });
}

fn performance(viewer: &mut Viewer, context: &Context) {
    let mut open = viewer.panels.performance;
    sheet("Performance", &mut open, context).resizable(false).show(context, |ui| {
        Grid::new("performance").num_columns(2).show(ui, |ui| {
            for (name, value) in viewer.timing.lines() {
                ui.weak(name);
                ui.monospace(value);
                ui.end_row();
            }
            if let Some(backend) = viewer.document.backend() {
                ui.weak("pictures by");
                ui.monospace(format!("{}, {}", backend.adapter().unwrap_or("CPU"), backend.reason()));
                ui.end_row();
            }
        });
    });
    viewer.panels.performance = open;
}

fn problems(viewer: &mut Viewer, context: &Context) {
    let mut open = viewer.panels.problems;
    let identity = viewer.session.shown.identity;
    sheet("Files left out", &mut open, context).default_width(560.0).show(context, |ui| {
        if !identity {
            ui.weak("Names are shown with identity (D): they may name patients.");
        }
        ScrollArea::vertical().max_height(400.0).show(ui, |ui| {
            for (reason, names) in problems_by_reason(viewer) {
                let count = if names.len() > 1 { format!("{} files: ", names.len()) } else { String::new() };
                ui.label(format!("{count}{reason}"));
                // Names of files may name patients.
                names.iter().filter(|name| identity && !name.is_empty()).for_each(|name| {
                    ui.weak(format!("    {name}"));
                });
            }
        });
    });
    viewer.panels.problems = open;
}

/// Why files were left out, the most frequent reason first, each with the files' names.
fn problems_by_reason(viewer: &Viewer) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<(String, Vec<String>)> = Vec::new();
    let mut add = |reason: String, name: String| match all.iter_mut().find(|(own, _)| *own == reason) {
        Some((_, names)) => names.push(name),
        None => all.push((reason, vec![name])),
    };
    for input in viewer.document.inputs().iter().filter(|input| !input.is_closed) {
        match &input.found {
            Some(Err(reason)) => add(reason.clone(), String::new()),
            Some(Ok(study)) => {
                for skipped in study.skipped() {
                    let name = skipped.path.file_name().map(|name| name.display().to_string());
                    add(skipped.reason.to_string(), name.unwrap_or_default());
                }
            }
            None => {}
        }
    }
    all.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    all
}

/// What was odd about a series.
fn notes(viewer: &mut Viewer, context: &Context) {
    let Some(entry) = viewer.panels.notes.and_then(|series| viewer.document.entry(series)) else { return };
    let mut open = true;
    let title = format!("Notes of {}", viewer.document.name(entry.id).unwrap_or_default());
    sheet(&title, &mut open, context).default_width(460.0).show(context, |ui| {
        ScrollArea::vertical().max_height(400.0).show(ui, |ui| {
            for text in super::browser::notes(viewer, entry) {
                ui.label(format!("• {text}"));
            }
        });
    });
    if !open {
        viewer.panels.notes = None;
    }
}
