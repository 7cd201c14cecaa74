//! The windows that are offered.

use anatome::{Presets, Unit, Voi, Window, WindowPreset};

use crate::actions::Action;
use crate::app::Viewer;
use crate::command::Command;
use crate::document::Defaults;
use crate::histogram::Histogram;
use crate::session::{Content, Mode, SeriesId};
use crate::steps::Step;
use crate::tools::Drag;

/// Up to which SUV a PET is read.
const SUV_ENDS: [f64; 4] = [5.0, 7.0, 10.0, 15.0];
/// By what the width of a series' own window is multiplied.
const WIDTHS: [(&str, f64); 2] = [("half as wide", 0.5), ("twice as wide", 2.0)];
/// What part of all values is spread, from the middle one on.
const PARTS: [(&str, f64); 3] = [("95 % of values", 0.95), ("99 % of values", 0.99), ("all values", 1.0)];

/// Why nothing of what is done with windows can be done.
const COLOURS: &str = "Colours are shown as they are: they have no window";

/// The same of a rendering.
const RENDERING: &str = "A rendering has no window: it shows what its transfer function says";

/// Whether an action changes how values become grey levels or colours.
fn is_of_windows(action: Action) -> bool {
    use Step::{Brighter, Darker, Narrower, NextColors, Wider};
    matches!(
        action,
        Action::Preset(_)
            | Action::AutoWindow
            | Action::Invert
            | Action::ToolWindow
            | Action::Step(Brighter | Darker | Narrower | Wider | NextColors)
    )
}

impl Viewer {
    /// Why an action has nothing to do in the active view, if it shows something.
    pub(crate) fn refusal(&self, action: Action) -> Option<&'static str> {
        let seen = self.active_seen().filter(|_| is_of_windows(action))?;
        if matches!(seen.view.content, Content::Orbit(own) if own.mode == Mode::Rendering) {
            return (action != Action::ToolWindow).then_some(RENDERING);
        }
        seen.drawn_frame().filter(|frame| frame.is_color()).map(|_| COLOURS)
    }

    /// Tells why a drag does nothing.
    pub(crate) fn tell_of_drag(&mut self) {
        let Some((view, Drag::Window)) = self.interaction.drag else { return };
        let frame = self.seen(view).and_then(|seen| seen.drawn_frame());
        if frame.is_some_and(|frame| frame.is_color()) {
            self.tell(COLOURS);
        }
    }

    /// The windows that number keys choose in the active view.
    pub(crate) fn window_presets(&self) -> Vec<WindowPreset> {
        let series = self.session.active_view().and_then(|view| view.series);
        series.map(|series| self.presets_of(series)).unwrap_or_default()
    }

    /// The windows that are offered for a series: those of its modality, of a PET in SUV the usual ones, and where numbers
    /// mean nothing by themselves, as of MR, those that its own window and its values make.
    pub(crate) fn presets_of(&self, series: SeriesId) -> Vec<WindowPreset> {
        let Some(entry) = self.document.entry(series) else { return Vec::new() };
        let modality = &entry.facts.modality;
        let mut built_in =
            Presets::built_in().windows.iter().filter(|preset| preset.modality == *modality).peekable();
        if built_in.peek().is_some() {
            return built_in.cloned().collect();
        }
        let Some(defaults) = self.document.defaults(series) else { return Vec::new() };
        let of_suv = |high: f64| Some((format!("SUV 0 to {high}"), Window::spanning(0.0, high).ok()?));
        let all = match defaults.unit {
            Unit::SuvBodyWeight => SUV_ENDS.into_iter().filter_map(of_suv).collect(),
            _ => by_values(defaults, self.document.whole(series).map(|whole| &whole.histogram)),
        };
        all.into_iter()
            .map(|(name, window)| WindowPreset { name, modality: modality.clone(), window })
            .collect()
    }

    /// Takes the window of a number, from 1, for the active view; says so if there is none.
    pub(crate) fn choose_window(&mut self, number: u8) {
        let view = self.session.active;
        let Some(series) = self.session.active_view().and_then(|own| own.series) else { return };
        let presets = self.presets_of(series);
        match presets.get(usize::from(number).saturating_sub(1)) {
            Some(preset) => self.push(Command::Window { view, voi: Some(Voi::Window(preset.window)) }),
            None => {
                let name = self.document.name(series).unwrap_or_default();
                self.tell(format!("{name} has no window preset {number}: there are {}", presets.len()));
            }
        }
    }
}

/// Windows about the one that a series has by itself, and of parts of its values.
fn by_values(defaults: &Defaults, histogram: Option<&Histogram>) -> Vec<(String, Window)> {
    let own = match defaults.voi(false) {
        Voi::Window(own) => Some(own),
        Voi::Lut(_) => None,
    };
    let widths = WIDTHS.into_iter().filter_map(|(name, factor)| {
        let own = own?;
        Some((name.to_owned(), Window::new(own.center(), own.width() * factor, own.function()).ok()?))
    });
    let parts = PARTS.into_iter().filter_map(|(name, part)| {
        let [low, high] = [0.5 - part / 2.0, 0.5 + part / 2.0].map(|at| histogram?.percentile(at));
        Some((name.to_owned(), Window::spanning(low?, high?).ok()?))
    });
    widths.chain(parts).collect()
}

#[cfg(test)]
mod tests {
    use anatome::{Facts, Grid, Modality, NamedVoi, Samples, Unit, ValueMapping, Volume, Workers};
    use egui::Context;
    use glam::DAffine3;
    use ndarray::Array3;

    use super::*;
    use crate::document::Document;
    use crate::walkthrough::unseen::viewer;

    /// An MR of the values 0 to 999, each as often, with a window of its own.
    fn mr() -> Viewer {
        let grid = Grid::even([10, 10, 10], DAffine3::IDENTITY).unwrap();
        let values = (0..1000).collect::<Vec<i16>>();
        let samples = Samples::I16(Array3::from_shape_vec((10, 10, 10), values).unwrap());
        let mapping = ValueMapping::identity(Unit::Arbitrary);
        let own = Window::spanning(100.0, 500.0).unwrap();
        let facts = Facts {
            vois: vec![NamedVoi { name: String::new(), voi: Voi::Window(own) }],
            ..Facts::new(Modality::Mr)
        };
        let volume = Volume::new(grid, samples, mapping, None, facts).unwrap();
        viewer(Document::of_volumes(vec![volume], &Workers::new(Some(1)).unwrap()))
    }

    #[test]
    fn an_mr_has_windows_by_its_own_and_by_its_values() {
        let mut viewer = mr();
        let mut ends = |key: u8| {
            viewer.act(&Context::default(), Action::Preset(key));
            match viewer.commands.pop() {
                Some(Command::Window { voi: Some(Voi::Window(window)), .. }) => {
                    Ok([-0.5, 0.5].map(|part| (window.center() + part * window.width()).round()))
                }
                _ => Err(viewer.message.take().map(|(text, _)| text).unwrap_or_default()),
            }
        };
        let expected = [[200.0, 400.0], [-100.0, 700.0], [25.0, 974.0], [5.0, 994.0], [0.0, 999.0]];
        for (key, expected) in (1..).zip(expected) {
            let found = ends(key).unwrap();
            assert!((0..2).all(|n| (found[n] - expected[n]).abs() <= 2.0), "{key}: {found:?}");
        }
        assert_eq!(ends(6), Err("MR 1 has no window preset 6: there are 5".to_owned()));
    }
}
