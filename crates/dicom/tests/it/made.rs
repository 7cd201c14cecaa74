//! Small DICOM files, made byte by byte so that they can be wrong.

use anatome_dicom::{Error, Loaded, Source, group};

use crate::shared::{load_one, scan_all, scan_bytes};

/// An explicit element; values of odd length are padded (PS3.5 7.1.1).
pub fn element(tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let mut value = value.to_vec();
    let padding = if matches!(vr, b"UI" | b"OB" | b"UN") { 0 } else { b' ' };
    value.resize(value.len().next_multiple_of(2), padding);
    let mut bytes = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
    bytes.extend_from_slice(vr);
    if matches!(vr, b"OB" | b"OD" | b"OF" | b"OV" | b"OW" | b"SQ" | b"UN" | b"UT") {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    } else {
        bytes.extend_from_slice(&(value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

pub fn meta(syntax: &str) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    let mut uid = syntax.as_bytes().to_vec();
    uid.resize(uid.len() + uid.len() % 2, 0);
    bytes.extend(element((2, 0x10), b"UI", &uid));
    bytes
}

pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// Tag, VR and value.
pub type Element = ((u16, u16), [u8; 2], Vec<u8>);

/// A small CT image whose elements may be replaced.
pub struct Image {
    pub syntax: &'static str,
    pub elements: Vec<Element>,
}

impl Image {
    pub fn new() -> Self {
        let mut image = Self { syntax: EXPLICIT, elements: Vec::new() };
        let us = |value: u16| value.to_le_bytes().to_vec();
        for (tag, vr, value) in [
            ((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.2\0".to_vec()),
            ((0x08, 0x18), b"UI", b"2.25.1\0\0".to_vec()),
            ((0x08, 0x60), b"CS", b"CT".to_vec()),
            ((0x20, 0x0E), b"UI", b"2.25.2\0\0".to_vec()),
            ((0x20, 0x32), b"DS", b"0\\0\\0 ".to_vec()),
            ((0x20, 0x37), b"DS", b"1\\0\\0\\0\\1\\0 ".to_vec()),
            ((0x28, 0x02), b"US", us(1)),
            ((0x28, 0x04), b"CS", b"MONOCHROME2 ".to_vec()),
            ((0x28, 0x10), b"US", us(4)),
            ((0x28, 0x11), b"US", us(4)),
            ((0x28, 0x30), b"DS", b"1\\1 ".to_vec()),
            ((0x28, 0x100), b"US", us(16)),
            ((0x28, 0x101), b"US", us(16)),
            ((0x28, 0x102), b"US", us(15)),
            ((0x28, 0x103), b"US", us(0)),
            ((0x7FE0, 0x10), b"OW", vec![7; 32]),
        ] {
            image.elements.push((tag, *vr, value));
        }
        image
    }

    pub fn with(mut self, tag: (u16, u16), vr: &[u8; 2], value: &[u8]) -> Self {
        self.elements.retain(|(other, ..)| *other != tag);
        self.elements.push((tag, *vr, value.to_vec()));
        self.elements.sort();
        self
    }

    pub fn without(mut self, tag: (u16, u16)) -> Self {
        self.elements.retain(|(other, ..)| *other != tag);
        self
    }

    pub fn us(self, tag: (u16, u16), value: u16) -> Self {
        self.with(tag, b"US", &value.to_le_bytes())
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = meta(self.syntax);
        for (tag, vr, value) in &self.elements {
            bytes.extend(element(*tag, vr, value));
        }
        bytes
    }

    /// The same with encapsulated pixels of one fragment.
    pub fn encapsulated(self, syntax: &'static str, fragment: &[u8]) -> Vec<u8> {
        let mut bytes = Self { syntax, ..self.without((0x7FE0, 0x10)) }.bytes();
        bytes.extend_from_slice(b"\xE0\x7F\x10\x00OB\0\0\xFF\xFF\xFF\xFF");
        bytes.extend_from_slice(b"\xFE\xFF\x00\xE0\0\0\0\0\xFE\xFF\x00\xE0");
        bytes.extend_from_slice(&(fragment.len() as u32).to_le_bytes());
        bytes.extend_from_slice(fragment);
        bytes.extend_from_slice(b"\xFE\xFF\xDD\xE0\0\0\0\0");
        bytes
    }
}

pub fn loaded(bytes: &[u8]) -> Result<Loaded, Error> {
    let scanned = scan_bytes(bytes.to_vec())?;
    load_one(&group(scanned.instances)[0])
}

/// Several files as one series.
pub fn loaded_stack(images: impl IntoIterator<Item = Image>) -> Result<Loaded, Error> {
    let sources: Vec<Source> = images.into_iter().map(|image| Source::Bytes(image.bytes().into())).collect();
    let series = group(scan_all(&sources)?.instances);
    assert_eq!(series.len(), 1);
    load_one(&series[0])
}

/// An item of a sequence.
pub fn item(elements: &[Vec<u8>]) -> Vec<u8> {
    let body = elements.concat();
    let mut bytes = b"\xFE\xFF\x00\xE0".to_vec();
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&body);
    bytes
}
