//! Which key does what: as it comes, with what the user's own table changes.

use std::collections::{BTreeMap, HashMap};

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::actions::{Action, Entry, GROUPS};

/// The user's table: names of actions as the help sheet has them, and keys such as `Ctrl+Shift+Z`, or null for none.
pub(crate) type Table = BTreeMap<String, Option<String>>;

/// Which key does what.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    shortcuts: HashMap<Action, KeyboardShortcut>,
    /// What of the user's table could not be taken as it is.
    pub faults: Vec<String>,
}

impl Default for Keys {
    fn default() -> Self {
        let usual = entries().filter_map(|entry| Some((entry.action, entry.shortcut?)));
        Self { shortcuts: usual.collect(), faults: Vec::new() }
    }
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    GROUPS.iter().flat_map(|(_, entries)| entries.iter())
}

impl Keys {
    /// The usual keys with those of a table. Of two actions with one key the one that is named in the table has it, or the
    /// first of two that are; that, and what is not known, is told.
    pub(crate) fn with(table: &Table) -> Self {
        let mut own = Self::default();
        let mut named: HashMap<KeyboardShortcut, Action> = HashMap::new();
        for (name, text) in table {
            let Some(entry) = entries().find(|entry| entry.name.eq_ignore_ascii_case(name)) else {
                own.faults.push(format!("no action is called \"{name}\""));
                continue;
            };
            let Some(text) = text else {
                own.shortcuts.remove(&entry.action);
                continue;
            };
            let Some(shortcut) = parsed(text) else {
                own.faults.push(format!("\"{text}\" is no key (of \"{name}\")"));
                continue;
            };
            if let Some(other) = named.get(&shortcut) {
                let other = crate::actions::of(*other).map_or("", |entry| entry.name);
                own.faults.push(format!("{text} is the key of \"{other}\", not of \"{name}\" too"));
                continue;
            }
            named.insert(shortcut, entry.action);
            own.shortcuts.insert(entry.action, shortcut);
        }
        own.settle(&named);
        own
    }

    /// Takes keys from actions that have them only by default.
    fn settle(&mut self, named: &HashMap<KeyboardShortcut, Action>) {
        for entry in entries() {
            let Some(shortcut) = self.shortcuts.get(&entry.action) else { continue };
            if let Some(owner) = named.get(shortcut).filter(|owner| **owner != entry.action) {
                let owner = crate::actions::of(*owner).map_or("", |entry| entry.name);
                self.faults.push(format!(
                    "{} is now \"{owner}\": \"{}\" has no key",
                    shown(shortcut),
                    entry.name
                ));
                self.shortcuts.remove(&entry.action);
            }
        }
    }

    /// The key of an action.
    pub(crate) fn shortcut(&self, action: Action) -> Option<&KeyboardShortcut> {
        self.shortcuts.get(&action)
    }

    /// Whether no action has a key.
    pub(crate) fn is_free(&self, shortcut: KeyboardShortcut) -> bool {
        !self.shortcuts.values().any(|own| *own == shortcut)
    }

    /// The key of an action in words, for tooltips; empty if it has none.
    pub(crate) fn of(&self, action: Action) -> String {
        self.shortcut(action).map(shown).unwrap_or_default()
    }

    /// What an action is called, with its key.
    pub(crate) fn hint(&self, action: Action) -> String {
        let name = crate::actions::of(action).map_or("", |entry| entry.name);
        self.with_key(name, action)
    }

    /// A text with the key of an action.
    pub(crate) fn with_key(&self, text: &str, action: Action) -> String {
        match self.shortcut(action) {
            Some(shortcut) => format!("{text} ({})", shown(shortcut)),
            None => text.to_owned(),
        }
    }

    /// The actions whose keys were pressed. More modifiers come first, so that Ctrl+Shift+Z is not Ctrl+Z.
    /// Where `is_focused`, a control takes keys by which it is moved and pressed.
    pub(crate) fn pressed(&self, input: &mut egui::InputState, is_focused: bool) -> Vec<Action> {
        let mut keys: Vec<(Action, &KeyboardShortcut)> =
            entries().filter_map(|entry| Some((entry.action, self.shortcut(entry.action)?))).collect();
        let held = |modifiers: Modifiers| {
            usize::from(modifiers.shift) + usize::from(modifiers.alt) + usize::from(modifiers.command)
        };
        keys.sort_by_key(|(_, shortcut)| std::cmp::Reverse(held(shortcut.modifiers)));
        keys.into_iter()
            .filter(|(_, shortcut)| !(is_focused && is_of_controls(shortcut)))
            .filter(|(_, shortcut)| input.consume_shortcut(shortcut))
            .map(|(action, _)| action)
            .collect()
    }
}

/// Whether buttons and sliders take a key.
fn is_of_controls(shortcut: &KeyboardShortcut) -> bool {
    let moves = [Key::ArrowLeft, Key::ArrowRight, Key::ArrowUp, Key::ArrowDown, Key::Enter, Key::Space];
    shortcut.modifiers.is_none()
        && (moves.contains(&shortcut.logical_key) || shortcut.logical_key == Key::Escape)
}

/// A key in words.
pub(crate) fn shown(shortcut: &KeyboardShortcut) -> String {
    let parts = [
        (shortcut.modifiers.command, "Ctrl"),
        (shortcut.modifiers.alt, "Alt"),
        (shortcut.modifiers.shift, "Shift"),
    ];
    let held: Vec<&str> = parts.into_iter().filter(|(held, _)| *held).map(|(_, name)| name).collect();
    let key = shortcut.logical_key;
    // Fonts lack the symbols of many keys.
    let key = Some(key.symbol_or_name()).filter(|symbol| symbol.is_ascii()).unwrap_or(key.name());
    held.into_iter().chain([key]).collect::<Vec<_>>().join("+")
}

/// The key of words such as `Ctrl+Shift+Z`.
fn parsed(text: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text.trim();
    while let Some((first, after)) = rest.split_once('+').filter(|(first, _)| !first.is_empty()) {
        modifiers |= match first.trim().to_ascii_lowercase().as_str() {
            "ctrl" | "cmd" => Modifiers::COMMAND,
            "alt" => Modifiers::ALT,
            "shift" => Modifiers::SHIFT,
            _ => return None,
        };
        rest = after.trim();
    }
    let letter = rest.to_ascii_uppercase();
    let key = Key::from_name(rest).or_else(|| Key::from_name(&letter).filter(|_| rest.len() == 1))?;
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(of: &[(&str, Option<&str>)]) -> Table {
        of.iter().map(|&(name, key)| (name.to_owned(), key.map(str::to_owned))).collect()
    }

    #[test]
    fn every_key_is_read_as_it_is_shown() {
        for entry in entries() {
            if let Some(shortcut) = entry.shortcut {
                assert_eq!(parsed(&shown(&shortcut)), Some(shortcut), "{}", entry.name);
            }
        }
        assert_eq!(parsed("Ctrl+Nothing"), None);
        assert_eq!(parsed("Hyper+A"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn a_table_changes_keys_and_what_is_odd_is_told() {
        let keys =
            Keys::with(&table(&[("Fit", Some("Ctrl+F")), ("invert", None), ("Pan tool", Some("Ctrl+q"))]));
        assert!(keys.faults.is_empty(), "{:?}", keys.faults);
        assert_eq!(
            [Action::Fit, Action::Invert, Action::ToolPan].map(|own| keys.of(own)),
            ["Ctrl+F", "", "Ctrl+Q"]
        );
        assert_eq!(keys.hint(Action::Invert), "Invert");

        let keys = Keys::with(&table(&[("Fit", Some("W")), ("Fly", Some("X")), ("Help", Some("Blue"))]));
        assert_eq!(keys.faults.len(), 3, "{:?}", keys.faults);
        assert_eq!([Action::Fit, Action::ToolWindow, Action::Help].map(|own| keys.of(own)), ["W", "", "H"]);

        let keys = Keys::with(&table(&[("Fit", Some("Ctrl+Q")), ("Invert", Some("Ctrl+Q"))]));
        assert_eq!(keys.faults.len(), 1, "{:?}", keys.faults);
        assert_eq!([Action::Fit, Action::Invert].map(|own| keys.of(own)), ["Ctrl+Q", "I"]);
    }
}
