//! `anatome view` in a real window, on a screen that nobody sees.

mod screen;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anatome_testkit::Need;
use serde_json::Value;

use super::{fails, path, text, with_study};
use screen::Screen;

/// A viewer that shows nothing yet, and keeps its files in a folder. It ends when this is dropped.
struct Viewer(Child);

/// A viewer that keeps its files in a folder, without a screen.
fn command(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_anatome"));
    command
        .args(["view", "--threads", "2"])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("data"));
    command
}

impl Viewer {
    fn start(screen: &Screen, home: &Path) -> Self {
        let child = command(home)
            .args(["--backend", "cpu"])
            .env("DISPLAY", &screen.display)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        Self(child.unwrap())
    }

    /// The exit code and what was said, when it has ended of itself.
    fn ended(mut self, within: Duration) -> (Option<i32>, String) {
        let until = Instant::now() + within;
        while self.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "the window does not close");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.told()
    }

    fn told(&mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stderr.take().unwrap(), &mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        // It has ended where all is well.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// How far the pixels of a picture are from its mean.
fn contrast(picture: &[u8]) -> f64 {
    let count = picture.len() as f64;
    let mean = picture.iter().map(|&v| f64::from(v)).sum::<f64>() / count;
    picture.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>().sqrt() / count.sqrt()
}

/// A folder is dropped on it, its picture is windowed and scrolled, and the system ends it.
#[test]
fn a_window_shows_what_is_dropped_follows_the_pointer_and_is_kept_at_its_end() {
    let Some(screen) = Screen::start([1440, 900]) else { return };
    let folder = with_study();
    let mut viewer = Viewer::start(&screen, folder.path());
    let until = Instant::now() + Duration::from_secs(20);
    let window = loop {
        if let Some(window) = screen.window("Anatome") {
            break window;
        }
        if viewer.0.try_wait().unwrap().is_some() {
            let (code, said) = viewer.told();
            assert_eq!(code, Some(5), "{said}");
            return Need::Gpu.is_missing(&format!("no window can be drawn: {said}"));
        }
        assert!(Instant::now() < until, "no window comes");
        std::thread::sleep(Duration::from_millis(10));
    };
    let empty = screen.settled(&[], "the window does not come to rest", |seen| contrast(seen) < 20.0);

    let study = folder.path().join("study");
    screen.drop_on(window, &study);
    let dropped = screen.settled(&empty, "what was dropped is not shown", |seen| contrast(seen) > 20.0);

    // A wider window has less contrast.
    let at = [720, 450];
    screen.drag(at, [at[0] + 160, at[1]]);
    let wider = screen.settled(&dropped, "a drag does not change the picture", |_| true);
    assert!(contrast(&wider) < 0.9 * contrast(&dropped), "{} {}", contrast(&wider), contrast(&dropped));
    screen.point(at);
    for _ in 0..3 {
        screen.press(5, true);
        screen.press(5, false);
    }
    screen.settled(&wider, "the wheel does not change the picture", |_| true);

    let id = viewer.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    let (code, said) = viewer.ended(Duration::from_secs(10));
    assert_eq!(code, Some(130), "{said}");
    let kept = fs::read(folder.path().join("data/anatome/autosave.json")).unwrap();
    let kept: Value =
        serde_json::from_slice(&kept).unwrap_or_else(|error| panic!("{error}: {}", text(&kept)));
    assert_eq!(kept["inputs"][0][0], study.canonicalize().unwrap().to_str().unwrap());
    assert!(!kept["session"]["views"][0]["look"]["voi"].is_null(), "{kept}");
}

/// What is told is what the system said, whether the pictures were to be made on the window's device or not.
#[test]
fn without_a_screen_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = [None, Some(":4099")];
    for (backend, display) in ["auto", "cpu"].into_iter().flat_map(|own| nowhere.map(|to| (own, to))) {
        let mut command = command(folder.path());
        let run =
            command.args(["--backend", backend]).envs(display.map(|to| ("DISPLAY", to))).output().unwrap();
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(5), "{said}");
        let expected = match display {
            None => {
                "anatome: cannot open a window: neither WAYLAND_DISPLAY nor WAYLAND_SOCKET nor DISPLAY is set."
            }
            Some(_) => "anatome: cannot open a window: Failed to open connection to X server",
        };
        assert_eq!(said.trim_end(), expected, "{backend}");
    }
}

/// The usage that is told holds: none of its lines is what was refused.
#[test]
fn one_thing_is_shown_first() {
    for own in [&["--continue"][..], &["--session", "reading.json"]] {
        let usage =
            "Usage: anatome view [OPTIONS] [INPUT]...\n       anatome view [OPTIONS] --session <FILE>\n";
        fails(&[&["view", "study"], own].concat(), 2, usage);
    }
}

/// As everywhere else: it was mistyped.
#[test]
fn a_path_that_is_not_there_opens_no_window() {
    let folder = with_study();
    let (study, nowhere) = (path(&folder, "study"), path(&folder, "nowhere"));
    for named in [&[study.as_str(), &nowhere][..], &["--session", &nowhere], &["--bench", &nowhere]] {
        let said = format!("there is no such file or folder: {nowhere}\n");
        fails(&[&["view"], named].concat(), 2, &said);
    }
}
