//! How long it takes from a command to its picture, measured in the window itself by a script.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use egui::{Context, ViewportCommand};
use serde::{Deserialize, Serialize};

use crate::app::Viewer;
use crate::command::Command;

/// What is measured: parts, one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    parts: Vec<Part>,
}

/// A motion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// What it is called in the report.
    name: String,
    /// Done before, not measured.
    #[serde(default)]
    before: Vec<Command>,
    /// The view whose pictures are waited for.
    view: usize,
    /// Done again and again.
    each: Vec<Command>,
    /// How often.
    times: u32,
}

/// What was measured, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchReport {
    /// The version of this report.
    pub schema_version: u32,
    /// `cpu` or a GPU's name.
    pub pictures_by: String,
    /// Width and height of the window in pixels.
    pub window_px: [u32; 2],
    /// From the start of the program's viewer to its first frame.
    pub first_frame_ms: f64,
    /// From the start to the first picture.
    pub first_picture_ms: f64,
    /// From opening what the window was opened with to its first picture: 0 if there is none.
    pub open_to_picture_ms: f64,
    /// The parts of the script.
    pub parts: Vec<PartReport>,
    /// How many frames were drawn in a second in which nothing happened.
    pub idle_frames: u64,
}

/// What was measured of a part, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartReport {
    /// Its name.
    pub name: String,
    /// The size of the view's picture in pixels.
    pub view_px: [u32; 2],
    /// How many pictures were waited for.
    pub pictures: usize,
    /// From a command to its picture on the screen: the median.
    pub median_ms: f64,
    /// Of twenty, nineteen are faster.
    pub p95_ms: f64,
    /// Pictures a second.
    pub per_s: f64,
    /// Frames of the window a picture.
    pub frames: f64,
    /// How many were of full quality.
    pub in_full: usize,
    /// From the last command to the picture of full quality.
    pub rest_ms: f64,
}

/// Where the report is found when the window is closed.
pub(crate) type Outcome = Arc<Mutex<Option<Result<BenchReport, ScriptError>>>>;

/// A script that goes on.
pub(crate) struct Bench {
    script: Script,
    report: Outcome,
    started: Instant,
    first_frame: Option<Duration>,
    first_picture: Option<Duration>,
    at: usize,
    step: Step,
    done: Vec<PartReport>,
}

enum Step {
    /// Waits until everything is drawn in full.
    Settling,
    /// So many were made; since when one is waited for, how many answers there were before, and frames before the first.
    Moving { asked: Instant, answers: u64, took: Vec<Duration>, in_full: usize, frames: u64 },
    /// Waits for full quality after the last.
    Resting { asked: Instant, took: Vec<Duration>, in_full: usize, frames: f64 },
    /// Counts frames.
    Idle { since: Instant, frames: u64 },
}

/// So long a picture is waited for of which none is in the making.
const PATIENCE: Duration = Duration::from_secs(5);
/// So long nothing happens at the end.
const IDLE: Duration = Duration::from_secs(1);

/// Why a script can't be run.
#[derive(Debug, thiserror::Error)]
#[error("cannot run the script: {0}")]
pub(crate) struct ScriptError(String);

impl Bench {
    pub(crate) fn read(path: &Path, report: Outcome) -> Result<Self, ScriptError> {
        let text = std::fs::read(path).map_err(|error| ScriptError(error.to_string()))?;
        let script = serde_json::from_slice(&text).map_err(|error| ScriptError(error.to_string()))?;
        Ok(Self::of(script, report))
    }

    fn of(script: Script, report: Outcome) -> Self {
        Self {
            script,
            report,
            started: Instant::now(),
            first_frame: None,
            first_picture: None,
            at: 0,
            step: Step::Settling,
            done: Vec::new(),
        }
    }
}

impl Viewer {
    /// Goes on with a script, at the start of a frame.
    pub(crate) fn measure(&mut self, context: &Context) {
        let Some(mut bench) = self.bench.take() else { return };
        let since = bench.started.elapsed();
        bench.first_frame.get_or_insert(since);
        if self.canvases.iter().any(|canvas| canvas.shown.is_some()) {
            bench.first_picture.get_or_insert(since);
        }
        if let Some(part) = self.part_without_picture(&bench, context) {
            let error = ScriptError(format!("what each step of {part:?} does makes no picture"));
            *bench.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Err(error));
            context.send_viewport_cmd(ViewportCommand::Close);
        } else if self.go_on(&mut bench, context) {
            let ms = |time: Option<Duration>| time.unwrap_or_default().as_secs_f64() * 1e3;
            let size = context.content_rect().size() * context.pixels_per_point();
            let backend = self.document.backend();
            let pictures_by = backend.and_then(|backend| backend.adapter()).unwrap_or("cpu").to_owned();
            let idle_frames = match bench.step {
                Step::Idle { frames, .. } => self.timing.count.saturating_sub(frames + 1),
                _ => 0,
            };
            let report = BenchReport {
                schema_version: 1,
                pictures_by,
                window_px: [size.x.round() as u32, size.y.round() as u32],
                first_frame_ms: ms(bench.first_frame),
                first_picture_ms: ms(bench.first_picture),
                open_to_picture_ms: ms(self.timing.first_picture),
                parts: std::mem::take(&mut bench.done),
                idle_frames,
            };
            *bench.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ok(report));
            context.send_viewport_cmd(ViewportCommand::Close);
        } else {
            self.bench = Some(bench);
        }
    }

    /// The part whose commands changed nothing that is seen.
    fn part_without_picture(&self, bench: &Bench, context: &Context) -> Option<String> {
        let Step::Moving { asked, answers, .. } = bench.step else { return None };
        let part = bench.script.parts.get(bench.at)?;
        let left = PATIENCE.saturating_sub(asked.elapsed());
        context.request_repaint_after(left);
        let is_in_vain = left.is_zero() && self.is_settled() && self.timing.answers_of(part.view) == answers;
        is_in_vain.then(|| part.name.clone())
    }

    /// Whether the script is at its end.
    fn go_on(&mut self, bench: &mut Bench, context: &Context) -> bool {
        let part = bench.script.parts.get(bench.at).cloned();
        bench.step = match (std::mem::replace(&mut bench.step, Step::Settling), part) {
            (Step::Settling, _) if !self.is_settled() => Step::Settling,
            (Step::Settling, Some(part)) => {
                if !part.before.is_empty() && bench.done.len() == bench.at {
                    self.commands.extend(part.before.iter().cloned());
                    if let Some(own) = bench.script.parts.get_mut(bench.at) {
                        own.before.clear();
                    }
                    Step::Settling
                } else {
                    self.ask(&part, Vec::new(), 0, self.timing.count)
                }
            }
            (Step::Settling, None) => {
                context.request_repaint_after(IDLE);
                Step::Idle { since: Instant::now(), frames: self.timing.count }
            }
            (Step::Moving { asked, answers, mut took, mut in_full, frames }, Some(part)) => {
                if self.timing.answers_of(part.view) == answers {
                    Step::Moving { asked, answers, took, in_full, frames }
                } else {
                    took.push(asked.elapsed());
                    let shown = self.canvases.get(part.view).and_then(|canvas| canvas.shown.as_ref());
                    in_full += usize::from(shown.is_some_and(|shown| shown.is_full));
                    if took.len() < part.times as usize {
                        self.ask(&part, took, in_full, frames)
                    } else {
                        let frames = (self.timing.count - frames) as f64 / took.len() as f64;
                        Step::Resting { asked, took, in_full, frames }
                    }
                }
            }
            (Step::Resting { asked, took, in_full, frames }, Some(part)) => {
                if self.is_settled() {
                    let view_px = self.canvases.get(part.view).map_or([0, 0], |canvas| canvas.size_px);
                    let report = summed(&part, view_px, took, asked.elapsed());
                    bench.done.push(PartReport { in_full, frames, ..report });
                    bench.at += 1;
                    Step::Settling
                } else {
                    Step::Resting { asked, took, in_full, frames }
                }
            }
            (Step::Idle { since, frames }, _) => {
                let left = IDLE.saturating_sub(since.elapsed());
                if left.is_zero() {
                    bench.step = Step::Idle { since, frames };
                    return true;
                }
                // A frame that something else asked for takes the place of the one that was asked for.
                context.request_repaint_after(left);
                Step::Idle { since, frames }
            }
            (_, None) => Step::Settling,
        };
        if matches!(bench.step, Step::Settling) {
            context.request_repaint_after(Duration::from_millis(5));
        }
        false
    }

    fn ask(&mut self, part: &Part, took: Vec<Duration>, in_full: usize, frames: u64) -> Step {
        self.commands.extend(part.each.iter().cloned());
        let answers = self.timing.answers_of(part.view);
        Step::Moving { asked: Instant::now(), answers, took, in_full, frames }
    }
}

/// The times of a part.
fn summed(part: &Part, view_px: [u32; 2], mut took: Vec<Duration>, rest: Duration) -> PartReport {
    let all: Duration = took.iter().sum();
    took.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let at = |part: f64| {
        took.get((part * (took.len().max(1) - 1) as f64).round() as usize).copied().unwrap_or_default()
    };
    PartReport {
        name: part.name.clone(),
        view_px,
        pictures: took.len(),
        median_ms: ms(at(0.5)),
        p95_ms: ms(at(0.95)),
        per_s: if all.is_zero() { 0.0 } else { took.len() as f64 / all.as_secs_f64() },
        frames: 0.0,
        in_full: 0,
        rest_ms: ms(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walkthrough::unseen;

    #[test]
    fn the_end_comes_also_where_a_frame_is_drawn_before_it() {
        let context = Context::default();
        let mut viewer = Viewer::new(&context, crate::walkthrough::options(Vec::new()), None).unwrap();
        let script = Script { parts: Vec::new() };
        let mut bench = Bench::of(script, Outcome::default());
        bench.step = Step::Idle { since: Instant::now(), frames: 0 };
        viewer.bench = Some(bench);
        // The first frames of a window are followed by others in any case.
        let delays = [(); 5].map(|()| {
            let mut output = context.run_ui(egui::RawInput::default(), |ui| viewer.measure(ui.ctx()));
            output.textures_delta.clear();
            output.viewport_output[&egui::ViewportId::ROOT].repaint_delay
        });
        let delay = delays[4];
        assert!(viewer.bench.is_some() && delay <= IDLE, "{delay:?}");
    }

    /// Such a script would be waited for, for ever.
    #[test]
    fn a_part_whose_commands_change_nothing_ends_the_script() {
        let context = Context::default();
        let mut viewer = unseen::viewer(unseen::document(&[40]));
        let outcome = Outcome::default();
        let mut ended = |asked: Instant| {
            let part = Part { name: "p".to_owned(), before: Vec::new(), view: 0, each: Vec::new(), times: 5 };
            let mut bench = Bench::of(Script { parts: vec![part] }, Arc::clone(&outcome));
            bench.step = Step::Moving { asked, answers: 0, took: Vec::new(), in_full: 0, frames: 0 };
            viewer.bench = Some(bench);
            let mut output = context.run_ui(egui::RawInput::default(), |ui| viewer.measure(ui.ctx()));
            output.textures_delta.clear();
            outcome.lock().unwrap().take()
        };
        assert!(ended(Instant::now()).is_none());
        let error = ended(Instant::now().checked_sub(PATIENCE).unwrap()).unwrap().unwrap_err();
        assert!(error.to_string().contains("\"p\" does makes no picture"), "{error}");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let part = Part { name: "p".to_owned(), before: Vec::new(), view: 0, each: Vec::new(), times: 5 };
        let took = [50, 10, 30, 20, 40].map(Duration::from_millis).to_vec();
        let report = summed(&part, [4, 3], took, Duration::from_millis(7));
        assert_eq!((report.median_ms, report.p95_ms, report.pictures), (30.0, 50.0, 5));
        assert!((report.per_s - 5.0 / 0.15).abs() < 1e-9 && report.rest_ms == 7.0);
    }
}
