//! What is on the disk where a question asks for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

use egui::Context;

use crate::threads;

/// What is on the disk at a path: looked for beside the window's thread, as some disks take their time.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// What was found last, and where.
    found: Option<(String, Found)>,
    /// Where one looks now. At one place at a time: a disk that does not answer holds no more than one thread.
    looking: Option<(String, Receiver<Found>)>,
}

/// What was found at a path.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub exists: bool,
    pub is_folder: bool,
    /// The folder that is listed, and what is in it: folders first.
    pub folder: PathBuf,
    pub entries: Vec<(bool, PathBuf)>,
}

impl Looked {
    /// What is at a path, as soon as that is known; then the window is woken.
    pub(crate) fn at(&mut self, path: &str, context: &Context) -> Option<&Found> {
        if let Some((own, told)) = self.looking.take() {
            match told.try_recv() {
                Ok(found) => self.found = Some((own, found)),
                Err(TryRecvError::Empty) => self.looking = Some((own, told)),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        let is_known = self.found.as_ref().is_some_and(|(own, _)| own == path);
        if !is_known && self.looking.is_none() {
            self.looking = look(path, context).map(|told| (path.to_owned(), told));
        }
        self.last().filter(|_| is_known)
    }

    /// What was found last, which may be at the path before.
    pub(crate) fn last(&self) -> Option<&Found> {
        self.found.as_ref().map(|(_, found)| found)
    }

    pub(crate) fn is_looking(&self) -> bool {
        self.looking.is_some()
    }
}

/// Looks on a thread of its own; nothing if the system can't start one.
fn look(path: &str, context: &Context) -> Option<Receiver<Found>> {
    let (tell, told) = channel();
    let (path, context) = (path.trim().to_owned(), context.clone());
    let thread = threads::spawn("anatome-list", move || {
        // The question may be answered by now.
        drop(tell.send(found(&path)));
        context.request_repaint();
    });
    thread.ok().map(|_| told)
}

fn found(path: &str) -> Found {
    let written = Path::new(path);
    let (exists, is_folder) = (written.exists(), written.is_dir());
    let home = || std::env::home_dir().unwrap_or_default();
    let folder = match () {
        () if path.is_empty() => home(),
        () if is_folder => written.to_owned(),
        () => written.parent().map(Path::to_owned).filter(|own| own.is_dir()).unwrap_or_else(home),
    };
    let entries = listed(&folder);
    Found { exists, is_folder, folder, entries }
}

/// So many entries of a folder are shown.
const MOST: usize = 200;

fn listed(folder: &Path) -> Vec<(bool, PathBuf)> {
    let mut entries: Vec<(bool, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .take(10 * MOST)
        .map(|entry| (entry.path().is_dir(), entry.path()))
        .filter(|(_, path)| path.file_name().is_some_and(|name| !name.to_string_lossy().starts_with('.')))
        .collect();
    entries.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    entries.truncate(MOST);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_is_looked_at_beside_the_windows_thread() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let (mut looked, context) = (Looked::default(), Context::default());
        let wait = |looked: &mut Looked, path: &str| {
            while looked.at(path, &context).is_none() {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
        };
        let path = folder.path().display().to_string();
        assert!(looked.at(&path, &context).is_none() && looked.is_looking());
        wait(&mut looked, &path);
        let found = looked.last().unwrap();
        assert!(found.exists && found.is_folder && !looked.is_looking());
        assert_eq!(found.entries, [(true, folder.path().join("inner")), (false, folder.path().join("file"))]);
        // What was found before is known as such, and is nothing of the next path.
        let next = folder.path().join("none").display().to_string();
        assert!(looked.at(&next, &context).is_none() && looked.last().unwrap().exists);
        wait(&mut looked, &next);
        let found = looked.last().unwrap();
        assert!(!found.exists && found.folder == folder.path());
    }
}
