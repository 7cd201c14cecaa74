//! What those hear who do not see the window: every control has a name.

use std::collections::BTreeSet;

use egui::accesskit::{Action, Role};
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::{Study, settle, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::measure::Kind;
use crate::session::SeriesId;

/// The controls that are there, by name; none of them may be without.
#[track_caller]
fn assert_named(harness: &Harness<'_, Viewer>, place: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for node in harness.root().children_recursive() {
        let own = node.accesskit_node();
        // Panels and what they scroll are no controls.
        let is_ground = matches!(
            own.role(),
            Role::Unknown | Role::Label | Role::GenericContainer | Role::Window | Role::Pane
        );
        let is_control = [Action::Click, Action::Focus, Action::SetValue, Action::Increment]
            .into_iter()
            .any(|action| own.data().supports_action(action));
        if is_control && !is_ground {
            let name = own.label().unwrap_or_default();
            assert!(
                !name.trim().is_empty(),
                "{place}: a {:?} without a name at {:?}",
                own.role(),
                own.bounding_box()
            );
            names.insert(name);
        }
    }
    names
}

#[test]
fn every_control_has_a_name() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().to_owned()], [1280.0, 1400.0], 1.0) else { return };
    settle(&mut harness);
    let mut seen = assert_named(&harness, "one view");
    let press = |harness: &mut Harness<'_, Viewer>, modifiers: Modifiers, key: Key| {
        harness.key_press_modifiers(modifiers, key);
        settle(harness);
    };
    press(&mut harness, Modifiers::NONE, Key::F2);
    let (over, center_mm) = (SeriesId { input: 0, number: 1 }, harness.state().session.spaces[0].center_mm);
    let points = vec![center_mm, center_mm + glam::DVec3::X * 30.0];
    let place = harness.state().seen(0).unwrap().place(Kind::Ellipse).unwrap();
    harness.state_mut().commands.extend([
        Command::Fuse { view: 0, overlay: Some(over) },
        Command::Measure { kind: Kind::Ellipse, place, points, text: String::new() },
        Command::Mark { view: 0, size_px: [64, 64] },
    ]);
    settle(&mut harness);
    harness.get_by_label("Ellipse 1").click();
    settle(&mut harness);
    for view in 0..4 {
        harness.state_mut().push(Command::Activate { view });
        settle(&mut harness);
        seen.extend(assert_named(&harness, &format!("view {}", view + 1)));
    }
    press(&mut harness, Modifiers::NONE, Key::F9);
    for menu in ["File", "Show", "Layout", "Measure"] {
        harness.get_by_label(menu).click();
        settle(&mut harness);
        seen.extend(assert_named(&harness, menu));
        press(&mut harness, Modifiers::NONE, Key::Escape);
    }
    for (modifiers, key) in [
        (Modifiers::NONE, Key::H),
        (Modifiers::COMMAND, Key::O),
        (Modifiers::COMMAND, Key::S),
        (Modifiers::COMMAND, Key::E),
        (Modifiers::COMMAND, Key::K),
        (Modifiers::COMMAND, Key::T),
        (Modifiers::COMMAND, Key::L),
        (Modifiers::COMMAND, Key::W),
        (Modifiers::ALT, Key::O),
    ] {
        let count = seen.len();
        press(&mut harness, modifiers, key);
        seen.extend(assert_named(&harness, &format!("{key:?}")));
        assert!(harness.state().dialog.is_some() || key == Key::H, "{key:?} opens nothing: {count}");
        harness.state_mut().dialog = None;
        harness.state_mut().panels.help = false;
        settle(&mut harness);
    }
    // Of each kind of control something was looked at.
    for name in
        ["View 4: 3D", "Centre", "Slab mm", "Perspective", "Transfer function", "Opacity", "Text", "Path"]
    {
        assert!(seen.contains(name), "{name} is not there: {seen:?}");
    }
}
