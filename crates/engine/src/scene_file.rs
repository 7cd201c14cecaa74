//! Scenes as files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anatome_core::{SCENE_VERSION, Scene, SceneFault};
use serde::Deserialize;

use crate::error::SceneFileFault;
use crate::{Error, Result};

/// The largest file that is read: a scene with long tables takes a hundredth.
const MOST_BYTES: u64 = 16 << 20;

/// Reads a scene that was written as JSON.
///
/// # Errors
/// Scene file: it can't be read, is not JSON, is of an unknown version, or describes no picture.
pub fn read_scene(path: &Path) -> Result<Scene> {
    read(path).map_err(|source| Error::SceneFile { source, path: path.to_owned() })
}

fn read(path: &Path) -> Result<Scene, SceneFileFault> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge).into());
    }
    scene_from_json(&bytes)
}

fn scene_from_json(bytes: &[u8]) -> Result<Scene, SceneFileFault> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    // First, because a newer version may have fields that this one does not know.
    let Versioned { version } = serde_json::from_slice(bytes)?;
    if version != SCENE_VERSION {
        let fault = SceneFault::Version { found: version, known: SCENE_VERSION };
        return Err(anatome_core::Error::from(fault).into());
    }
    let scene: Scene = serde_json::from_slice(bytes)?;
    scene.check()?;
    Ok(scene)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenes_in_the_documentation_are_scenes() {
        let page = include_str!("../../../docs/scenes.md");
        let scenes: Vec<&str> =
            page.split("```json").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(scenes.len(), 2);
        for json in scenes {
            scene_from_json(json.as_bytes()).expect(json);
        }
    }

    #[test]
    fn an_unknown_version_is_told_before_its_unknown_fields() {
        let error = scene_from_json(br#"{"version": 99, "stereo": true}"#).unwrap_err().to_string();
        assert!(error.contains("version 99"), "{error}");
        let error = scene_from_json(br#"{"version": 1, "stereo": true}"#).unwrap_err().to_string();
        assert!(error.contains("stereo"), "{error}");
    }
}
