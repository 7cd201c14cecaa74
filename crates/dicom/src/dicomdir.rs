//! DICOMDIR files (PS3.3 F, PS3.10 8): which files a medium holds.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;

use crate::elements::Fields;
use crate::{Error, Limits};

/// The components of each Referenced File ID (0004,1500), in the order of the records.
///
/// All records stand in one sequence; how they are linked to a tree (and perhaps to circles) plays no part.
pub(crate) fn references(fields: Fields<'_>, limits: &Limits) -> Result<Vec<Vec<String>>, Error> {
    let items = fields.items(tags::DIRECTORY_RECORD_SEQUENCE, limits)?;
    let reference = |(bytes, elements): &(&[u8], crate::elements::Elements)| {
        let record = Fields::new(bytes, elements);
        record.texts(tags::REFERENCED_FILE_ID).map(str::to_owned).collect::<Vec<_>>()
    };
    Ok(items.iter().map(reference).filter(|components| !components.is_empty()).collect())
}

/// A file that a directory names.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Named {
    There(PathBuf),
    Missing(PathBuf),
    /// A name that would lead out of the medium.
    Outside,
}

/// Finds files in the folder of a directory, as file systems of discs show them: in any case, with or without a
/// version number.
pub(crate) struct Medium<'a> {
    folder: &'a Path,
    listings: HashMap<PathBuf, HashMap<String, PathBuf>>,
}

impl<'a> Medium<'a> {
    pub fn new(folder: &'a Path) -> Self {
        Self { folder, listings: HashMap::new() }
    }

    pub fn find(&mut self, components: &[String]) -> Named {
        let plain = |name: &String| {
            !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\', '\0', ':'])
        };
        if !components.iter().all(plain) {
            return Named::Outside;
        }
        let mut path = self.folder.to_owned();
        for (n, name) in components.iter().enumerate() {
            match self.listing(&path).get(&canonical(name)) {
                Some(found) => path = found.clone(),
                None => return Named::Missing(path.join(components.get(n..).unwrap_or_default().join("/"))),
            }
        }
        if path.is_file() { Named::There(path) } else { Named::Missing(path) }
    }

    fn listing(&mut self, folder: &Path) -> &HashMap<String, PathBuf> {
        self.listings.entry(folder.to_owned()).or_insert_with(|| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            // Of names that differ in case alone always the same.
            paths.sort_by(|a, b| b.cmp(a));
            let named = |path: PathBuf| {
                let name = path.file_name()?.to_str().map(canonical)?;
                Some((name, path))
            };
            paths.into_iter().filter_map(named).collect()
        })
    }
}

/// A name without case, version and the dot of an empty extension (ISO 9660 7.5).
fn canonical(name: &str) -> String {
    let name = match name.rsplit_once(';') {
        Some((name, version)) if version.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    };
    name.trim_end_matches('.').to_ascii_uppercase()
}
