//! How much the input may ask for.

use std::str::FromStr;

/// Budgets that are checked before anything is allocated or followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Files and entries of archives in one scan.
    pub files: usize,
    /// Folders within folders.
    pub folder_depth: usize,
    /// Bytes of one file, also of one that is unpacked from an archive or a deflated dataset.
    pub file_bytes: u64,
    /// Bytes of one file out of a gzip archive, which is in memory while its header is read, and of all files of other
    /// formats out of archives, which stay there.
    pub unpacked_bytes: u64,
    /// Bytes in front of a file's pixel data.
    pub header_bytes: usize,
    /// Elements and items of one header, and fragments of one object. A segmentation of 100 classes in 400 slices has
    /// 2 million. They cost time, and memory of up to four times the header's bytes while it is read: only those of the
    /// top level are listed, 65,536 at most, and functional groups are read one by one.
    pub elements: usize,
    /// Sequences within sequences.
    pub nesting: usize,
    /// Frames of one object.
    pub frames: usize,
    /// Pixels of one frame.
    pub frame_pixels: u64,
    /// Points of all contours of one structure set.
    pub contour_points: usize,
    /// Bytes of one volume's samples.
    pub volume_bytes: u64,
}

impl FromStr for Limits {
    type Err = LimitsFault;

    /// The defaults, changed by `name=value` parts with commas between them, such as `volume_bytes=16G,files=2000`.
    /// Names are those of the fields; K, M and G stand for 2^10, 2^20 and 2^30.
    fn from_str(text: &str) -> Result<Self, LimitsFault> {
        let mut limits = Self::default();
        for part in text.split(',') {
            let (name, value) = part.split_once('=').ok_or_else(|| LimitsFault::NoValue(part.to_owned()))?;
            let number = number_with_unit(value).ok_or_else(|| LimitsFault::NoNumber(value.to_owned()))?;
            let count = usize::try_from(number).unwrap_or(usize::MAX);
            match name.trim().replace('-', "_").as_str() {
                "files" => limits.files = count,
                "folder_depth" => limits.folder_depth = count,
                "file_bytes" => limits.file_bytes = number,
                "unpacked_bytes" => limits.unpacked_bytes = number,
                "header_bytes" => limits.header_bytes = count,
                "elements" => limits.elements = count,
                "nesting" => limits.nesting = count,
                "frames" => limits.frames = count,
                "frame_pixels" => limits.frame_pixels = number,
                "contour_points" => limits.contour_points = count,
                "volume_bytes" => limits.volume_bytes = number,
                other => return Err(LimitsFault::NoLimit(other.to_owned())),
            }
        }
        Ok(limits)
    }
}

/// Why a text states no limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsFault {
    /// A part without `=`.
    #[error("\"{0}\" is not of the form name=value")]
    NoValue(String),
    /// A value that is no whole number.
    #[error("\"{0}\" is no whole number above 0, with K, M or G behind it if need be")]
    NoNumber(String),
    /// A name that is on no list.
    #[error(
        "there is no limit \"{0}\"; choose of: files, folder_depth, file_bytes, unpacked_bytes, header_bytes, elements, \
         nesting, frames, frame_pixels, contour_points, volume_bytes"
    )]
    NoLimit(String),
}

/// A whole number above 0; K, M or G behind it stand for 2^10, 2^20 and 2^30.
#[must_use]
pub fn number_with_unit(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, shift) = match text.char_indices().last()? {
        (at, 'k' | 'K') => (&text[..at], 10),
        (at, 'm' | 'M') => (&text[..at], 20),
        (at, 'g' | 'G') => (&text[..at], 30),
        _ => (text, 0),
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift).filter(|&number| number > 0)
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 1_000_000,
            folder_depth: 64,
            file_bytes: 8 << 30,
            unpacked_bytes: 4 << 30,
            header_bytes: 64 << 20,
            elements: 1 << 22,
            nesting: 64,
            frames: 1 << 18,
            frame_pixels: 1 << 28,
            contour_points: 1 << 23,
            volume_bytes: 8 << 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field has a name on the command line: the text of `Debug` lists the fields.
    #[test]
    fn every_limit_can_be_set() {
        let text = format!("{:?}", Limits::default());
        let fields = text.trim_start_matches("Limits {").trim_end_matches('}').split(',');
        let names: Vec<&str> = fields.filter_map(|field| Some(field.split_once(':')?.0.trim())).collect();
        assert!(names.contains(&"contour_points"));
        let known = LimitsFault::NoLimit(String::new()).to_string();
        for name in names {
            let limits: Limits = format!("{name}=7").parse().unwrap();
            assert!(format!("{limits:?}").contains(&format!("{name}: 7")), "{name}");
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn limits_are_read_from_text() {
        let limits: Limits = "volume_bytes=16G, files=2000,frame-pixels=3M".parse().unwrap();
        assert_eq!((limits.volume_bytes, limits.files, limits.frame_pixels), (16 << 30, 2000, 3 << 20));
        assert_eq!(limits.nesting, Limits::default().nesting);
        for text in
            ["", "files", "files=", "files=0", "files=-1", "files=9999999999999999999G", "fils=1", "files=1é"]
        {
            assert!(text.parse::<Limits>().is_err(), "{text}");
        }
    }
}
