//! What was opened before.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::app::Viewer;

/// What was opened before, the latest first. Paths may name patients: so may the file they are kept in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recent {
    inputs: Vec<Vec<PathBuf>>,
}

/// So many are remembered.
const MOST: usize = 12;
pub(crate) const FILE: &str = "recent.json";

impl Recent {
    pub(crate) fn inputs(&self) -> &[Vec<PathBuf>] {
        &self.inputs
    }

    /// Puts an input first.
    fn remember(&mut self, paths: Vec<PathBuf>) {
        self.forget(&paths);
        self.inputs.insert(0, paths);
        self.inputs.truncate(MOST);
    }

    fn forget(&mut self, paths: &[PathBuf]) {
        self.inputs.retain(|own| own != paths);
    }
}

/// What an input is called: the last parts of its paths.
pub(crate) fn name(paths: &[PathBuf]) -> String {
    let last = |path: &PathBuf| {
        path.file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
    };
    match paths {
        [] => String::new(),
        [one] => last(one),
        [first, rest @ ..] => format!("{} and {} more", last(first), rest.len()),
    }
}

impl Viewer {
    /// Remembers what was opened as an input of the document.
    pub(crate) fn remember(&mut self, input: u32) {
        let Some(paths) = self.opened.get(input as usize) else { return };
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        self.recent.remember(paths.iter().map(whole).collect());
        self.keep_recent();
    }

    /// Opens something again; what is gone is told, and forgotten.
    pub(crate) fn open_again(&mut self, paths: Vec<PathBuf>) {
        if paths.iter().all(|path| path.exists()) {
            self.ask_to_open(paths);
        } else {
            self.tell(format!("{} is not there any more.", name(&paths)));
            self.recent.forget(&paths);
            self.keep_recent();
        }
    }

    fn keep_recent(&mut self) {
        // Beside another window that is open, the latest counts. A disk that is full must not end a reading.
        drop(self.config.write(FILE, &self.recent));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_is_first_and_each_is_there_once() {
        let mut recent = Recent::default();
        for n in 0..20 {
            recent.remember(vec![format!("/study/{}", n % 15).into()]);
        }
        assert_eq!(recent.inputs().len(), MOST);
        assert_eq!(recent.inputs()[0], [PathBuf::from("/study/4")]);
        assert_eq!(recent.inputs().iter().filter(|own| **own == [PathBuf::from("/study/4")]).count(), 1);
        assert_eq!(name(&["/a/b".into(), "/c".into()]), "b and 1 more");
    }
}
