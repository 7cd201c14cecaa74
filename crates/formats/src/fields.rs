//! Headers of lines of text, as NRRD and MetaImage have them.

use std::collections::BTreeMap;

use anatome_core::{NoteCode, Notes};

use crate::Error;

/// Fields by name, in lower case and without blanks; each at most once.
pub(crate) struct Fields {
    /// The format, for errors.
    what: &'static str,
    fields: BTreeMap<String, String>,
}

impl Fields {
    pub fn new(what: &'static str) -> Self {
        Self { what, fields: BTreeMap::new() }
    }

    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let name: String = name.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
        if self.fields.insert(name, value.trim().to_owned()).is_some() {
            return Err(self.malformed("a field is there twice"));
        }
        Ok(())
    }

    /// The first that is there of some names of one field.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.fields.get(*name)).map(String::as_str).filter(|v| !v.is_empty())
    }

    pub fn required(&self, names: &[&str]) -> Result<&str, Error> {
        let name = names.first().copied().unwrap_or_default();
        self.get(names).ok_or_else(|| self.malformed(format!("the field {name} is missing")))
    }

    pub fn malformed(&self, reason: impl Into<String>) -> Error {
        Error::malformed(self.what, reason)
    }

    /// A field of exactly `count` finite numbers.
    pub fn numbers(&self, names: &[&str], count: usize) -> Result<Option<Vec<f64>>, Error> {
        let Some(text) = self.get(names) else { return Ok(None) };
        let numbers: Option<Vec<f64>> = text.split_whitespace().map(finite).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == count);
        let name = names.first().copied().unwrap_or_default();
        let error = || self.malformed(format!("the field {name} is not {count} finite numbers"));
        numbers.ok_or_else(error).map(Some)
    }

    pub fn integer(&self, names: &[&str]) -> Result<Option<i64>, Error> {
        let Some(text) = self.get(names) else { return Ok(None) };
        let name = names.first().copied().unwrap_or_default();
        let error = |_| self.malformed(format!("the field {name} is not a whole number"));
        text.parse().map(Some).map_err(error)
    }

    /// The sizes of `count` axes, all positive.
    pub fn sizes(&self, names: &[&str], count: usize) -> Result<Vec<usize>, Error> {
        let text = self.required(names)?;
        let sizes: Option<Vec<usize>> =
            text.split_whitespace().map(|size| size.parse().ok().filter(|&n| n > 0)).collect();
        let error = || self.malformed(format!("its sizes are not {count} positive whole numbers"));
        sizes.filter(|sizes| sizes.len() == count).ok_or_else(error)
    }
}

pub(crate) fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

/// Notes that something about the geometry was not stated.
pub(crate) fn assumed(notes: &mut Notes, text: &str) {
    notes.add(NoteCode::Assumed, text);
}
