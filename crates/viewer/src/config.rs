//! What a user keeps beyond a session, as JSON in a folder of its own.

use std::path::{Path, PathBuf};

use anatome::Overwrite;
use anatome::files::write_whole;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A folder of small files; nothing is kept where there is none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    folder: Option<PathBuf>,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("cannot read {name}: {source}")]
    Io { name: String, source: std::io::Error },
    #[error("{name} is not what it should be: {source}")]
    Json { name: String, source: serde_json::Error },
    #[error("{name} is too large")]
    TooLarge { name: String },
}

/// The largest file that is read.
const MOST_BYTES: u64 = 1 << 20;

impl Config {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// What a file holds; nothing if there is none.
    ///
    /// # Errors
    /// If it can't be read, or holds something else.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ConfigError> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(name)) else { return Ok(None) };
        if !path.is_file() {
            return Ok(None);
        }
        read(&path).map(Some)
    }

    /// Writes a file: whole, or not at all.
    ///
    /// # Errors
    /// As [`write_whole`].
    pub(crate) fn write<T: Serialize>(&self, name: &str, what: &T) -> anatome::Result<()> {
        let Some(path) = self.folder.as_ref().map(|folder| folder.join(name)) else { return Ok(()) };
        if let Some(folder) = path.parent() {
            // If that fails, so does the writing, which says why.
            drop(std::fs::create_dir_all(folder));
        }
        // Plain data without keys that JSON could not hold.
        let json = serde_json::to_vec_pretty(what).unwrap_or_default();
        write_whole(&path, &json, Overwrite::Allowed)
    }

    /// All files of a folder in it whose names end with `.json`, in the order of their names.
    pub(crate) fn read_all<T: DeserializeOwned>(&self, folder: &str) -> Vec<Result<T, ConfigError>> {
        /// More are left out.
        const MOST_FILES: usize = 200;
        let Some(folder) = self.folder.as_ref().map(|own| own.join(folder)) else { return Vec::new() };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(10 * MOST_FILES);
        let mut paths: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|own| own == "json"))
            .collect();
        paths.sort();
        paths.iter().take(MOST_FILES).map(|path| read(path)).collect()
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let io = |source| ConfigError::Io { name: name.clone(), source };
    if std::fs::metadata(path).map_err(io)?.len() > MOST_BYTES {
        return Err(ConfigError::TooLarge { name });
    }
    let bytes = std::fs::read(path).map_err(io)?;
    serde_json::from_slice(&bytes).map_err(|source| ConfigError::Json { name, source })
}

/// Where the viewer keeps the user's layouts, keys, recent inputs and the size of the screen: the user's own folder for
/// such files.
#[must_use]
pub fn config_folder() -> Option<PathBuf> {
    user_folder("XDG_CONFIG_HOME", ".config")
}

/// The user's own folder for this program's files; on Linux below the one that a variable names, or below one in the home
/// folder.
pub(crate) fn user_folder(variable: &str, in_home: &str) -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let home = |name: &str| std::env::home_dir().map(|home| home.join(name));
    let base = if cfg!(windows) {
        folder("APPDATA")
    } else if cfg!(target_vendor = "apple") {
        home("Library/Application Support")
    } else {
        folder(variable).or_else(|| home(in_home))
    };
    base.map(|base| base.join("anatome"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_what_is_odd_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::new(Some(folder.path().join("own")));
        assert_eq!(config.read::<Vec<u8>>("list.json").unwrap(), None);
        config.write("list.json", &vec![1, 2]).unwrap();
        config.write("list.json", &vec![3]).unwrap();
        assert_eq!(config.read::<Vec<u8>>("list.json").unwrap(), Some(vec![3]));
        config.write("all/b.json", &"text").unwrap();
        config.write("all/a.json", &7).unwrap();
        let all = config.read_all::<u8>("all");
        assert!(matches!(all[..], [Ok(7), Err(ConfigError::Json { .. })]));
        // Without a folder nothing is kept, and nothing is wrong.
        Config::default().write("list.json", &1).unwrap();
        assert_eq!(Config::default().read::<u8>("list.json").unwrap(), None);
    }
}
