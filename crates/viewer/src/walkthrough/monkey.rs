//! Random input on the whole window: whatever comes, it goes on, and the session stays valid.

use anatome_testkit::Random;
use egui::{Event, Key, Modifiers, MouseWheelUnit, PointerButton, Pos2, TouchPhase, vec2};

use super::{Study, settle, window};
use crate::actions::GROUPS;

/// All keys that do something, and one that does nothing.
const KEYS: &[Key] = &[
    Key::A,
    Key::B,
    Key::C,
    Key::D,
    Key::E,
    Key::F,
    Key::G,
    Key::H,
    Key::I,
    Key::J,
    Key::K,
    Key::L,
    Key::M,
    Key::N,
    Key::O,
    Key::P,
    Key::R,
    Key::S,
    Key::T,
    Key::U,
    Key::V,
    Key::W,
    Key::X,
    Key::Y,
    Key::Z,
    Key::Num0,
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
    Key::Num8,
    Key::ArrowDown,
    Key::ArrowUp,
    Key::ArrowLeft,
    Key::ArrowRight,
    Key::PageDown,
    Key::PageUp,
    Key::Home,
    Key::End,
    Key::Space,
    Key::Plus,
    Key::Minus,
    Key::Enter,
    Key::Delete,
    Key::Backspace,
    Key::Escape,
    Key::Tab,
    Key::F1,
    Key::F2,
    Key::F3,
    Key::F4,
    Key::F5,
    Key::F6,
    Key::F7,
    Key::F8,
    Key::F9,
    Key::F10,
    Key::CloseBracket,
    Key::OpenBracket,
    Key::Period,
    Key::Comma,
    Key::Q,
    Key::F12,
];

const ALT_SHIFT: Modifiers = Modifiers::ALT.plus(Modifiers::SHIFT);

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.whole(0, of.len() - 1)]
}

fn modifiers(random: &mut Random) -> Modifiers {
    pick(
        random,
        &[Modifiers::NONE, Modifiers::NONE, Modifiers::SHIFT, Modifiers::ALT, Modifiers::COMMAND, ALT_SHIFT],
    )
}

fn event(random: &mut Random, at: &mut Pos2, size: [f32; 2]) -> Event {
    let modifiers = modifiers(random);
    match random.whole(0, 9) {
        0..=3 => {
            *at = match random.whole(0, 3) {
                0 => Pos2::new(
                    random.between(-20.0, f64::from(size[0])) as f32,
                    random.between(-20.0, f64::from(size[1])) as f32,
                ),
                _ => *at + vec2(random.between(-40.0, 40.0) as f32, random.between(-40.0, 40.0) as f32),
            };
            Event::PointerMoved(*at)
        }
        4..=6 => {
            let all = [
                PointerButton::Primary,
                PointerButton::Primary,
                PointerButton::Secondary,
                PointerButton::Middle,
            ];
            let (button, pressed) = (pick(random, &all), random.whole(0, 1) == 0);
            Event::PointerButton { pos: *at, button, pressed, modifiers }
        }
        7 => {
            let unit = pick(random, &[MouseWheelUnit::Line, MouseWheelUnit::Point, MouseWheelUnit::Page]);
            let delta = vec2(0.0, random.between(-5.0, 5.0) as f32);
            Event::MouseWheel {
                unit,
                delta,
                phase: TouchPhase::Move,
                source: egui::MouseWheelSource::Wheel,
                modifiers,
            }
        }
        8 if random.whole(0, 20) == 0 => Event::PointerGone,
        _ => {
            let key = pick(random, KEYS);
            Event::Key { key, physical_key: None, pressed: random.whole(0, 3) != 0, repeat: false, modifiers }
        }
    }
}

#[test]
fn no_key_of_an_action_is_left_out() {
    let entries = GROUPS.iter().flat_map(|(_, entries)| entries.iter());
    let left_out: Vec<_> = entries
        .filter_map(|entry| Some((entry.name, entry.shortcut?.logical_key)))
        .filter(|(_, key)| !KEYS.contains(key))
        .collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn random_input_ends_nothing() {
    let study = Study::made();
    let home = tempfile::tempdir().unwrap();
    let Some(mut harness) = window(vec![study.path().to_owned()], [700.0, 500.0], 1.0) else { return };
    settle(&mut harness);
    let mut random = Random::new(11);
    let mut size = [700.0_f32, 500.0];
    let mut at = Pos2::new(350.0, 250.0);
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..20_000 {
        let what = event(&mut random, &mut at, size);
        harness.event(what.clone());
        if n % 500 == 499 {
            size = [random.between(300.0, 1100.0) as f32, random.between(240.0, 800.0) as f32];
            harness.set_size(size.into());
        }
        // Nothing is written into the folder of who runs this.
        if let Some(dialog) = &mut harness.state_mut().dialog {
            dialog.lead_to(home.path());
        }
        harness.step();
        let viewer = harness.state();
        assert_eq!(viewer.session.fault(), None, "{n}: {what:?}");
        seen.insert(format!("{:?}", viewer.session.layout));
    }
    // It did something.
    assert!(seen.len() > 3, "{seen:?}");
    harness.state_mut().interaction.cine = None;
    harness.state_mut().dialog = None;
    settle(&mut harness);
}
