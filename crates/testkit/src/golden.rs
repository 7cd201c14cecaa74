//! Pictures of the reference that are kept, so that a change of the rules can't pass unseen.
//!
//! A golden of the reference is a binary PGM or PPM file named `CASE-CHECKSUM`, which any viewer of pictures opens. Other
//! suites keep files of their own kinds in the same way.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anatome_core::{Image, Pixels};

use crate::Difference;

/// How a golden could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is none.
    #[error(
        "no golden for {case}: after a look at the reference's picture, write it with `cargo xtask golden {case}`"
    )]
    Missing {
        /// The case.
        case: String,
    },
    /// There are several.
    #[error("{count} goldens for {case}, expected one")]
    Several {
        /// The case.
        case: String,
        /// How many.
        count: usize,
    },
    /// The file is not the one that was written.
    #[error("the golden {path} does not have the checksum of its name: it was replaced")]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The picture differs from the golden.
    #[error("the picture of {case} differs from its golden {path}; the new one is {found}")]
    Differs {
        /// The case.
        case: String,
        /// The golden.
        path: PathBuf,
        /// Where the new picture was put.
        found: PathBuf,
        /// How it differs, where not every byte counts.
        #[source]
        difference: Option<Box<Difference>>,
    },
    /// Only pictures of 8 bits can be goldens.
    #[error("a golden is Grey8 or Rgba8")]
    Form,
    /// Goldens are never written in CI.
    #[error("UPDATE_GOLDEN is refused where CI is set")]
    Ci,
    /// A file could not be read or written.
    #[error("a golden could not be read or written: {0}")]
    Io(#[from] io::Error),
}

/// A folder of goldens.
#[derive(Clone, Debug)]
pub struct Goldens {
    folder: PathBuf,
    update: Option<String>,
    scratch: PathBuf,
}

impl Goldens {
    /// The goldens in a folder. `UPDATE_GOLDEN` names the case to write again; pictures that differ go to `scratch`.
    ///
    /// # Errors
    /// [`Fault::Ci`], if a case is to be written where `CI` is set.
    pub fn open(folder: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Result<Self, Fault> {
        let update = env::var("UPDATE_GOLDEN").ok().filter(|case| !case.is_empty());
        Self::build(folder.into(), scratch.into(), update, env::var_os("CI").is_some())
    }

    fn build(folder: PathBuf, scratch: PathBuf, update: Option<String>, ci: bool) -> Result<Self, Fault> {
        if ci && update.is_some() { Err(Fault::Ci) } else { Ok(Self { folder, update, scratch }) }
    }

    /// Compares a picture of the reference with its golden, byte by byte, or writes it if it was asked for.
    ///
    /// # Errors
    /// If the golden is missing, replaced or different.
    pub fn check(&self, case: &str, image: &Image) -> Result<(), Fault> {
        let bytes = encode(image)?;
        let compare = |kept: &[u8]| if kept == bytes { Ok(()) } else { Err(None) };
        self.check_file(case, extension(&bytes), &bytes, compare)
    }

    /// Compares a file with the one that is kept, as `compare` does with that one's bytes, or writes it if it was asked for.
    ///
    /// # Errors
    /// If the golden is missing, replaced or different.
    pub fn check_file(
        &self,
        case: &str,
        extension: &str,
        bytes: &[u8],
        compare: impl FnOnce(&[u8]) -> Result<(), Option<Difference>>,
    ) -> Result<(), Fault> {
        let old = self.of(case)?;
        let name = format!("{case}-{:016x}.{extension}", checksum(bytes));
        if self.update.as_deref() == Some(case) {
            for path in old {
                fs::remove_file(path)?;
            }
            fs::create_dir_all(&self.folder)?;
            return Ok(fs::write(self.folder.join(name), bytes)?);
        }
        let path = match old.as_slice() {
            [] => return Err(Fault::Missing { case: case.to_owned() }),
            [path] => path.clone(),
            several => return Err(Fault::Several { case: case.to_owned(), count: several.len() }),
        };
        let kept = fs::read(&path)?;
        if !stem(&path).ends_with(&format!("-{:016x}", checksum(&kept))) {
            return Err(Fault::Replaced { path });
        }
        compare(&kept).or_else(|difference| {
            fs::create_dir_all(&self.scratch)?;
            let found = self.scratch.join(name);
            fs::write(&found, bytes)?;
            Err(Fault::Differs { case: case.to_owned(), path, found, difference: difference.map(Box::new) })
        })
    }

    /// The names of the cases that have a golden.
    ///
    /// # Errors
    /// If the folder can't be read.
    pub fn cases(&self) -> Result<Vec<String>, Fault> {
        let mut cases: Vec<String> = self.files()?.iter().map(|path| case_of(path).to_owned()).collect();
        cases.sort();
        Ok(cases)
    }

    fn files(&self) -> Result<Vec<PathBuf>, Fault> {
        match fs::read_dir(&self.folder) {
            Ok(entries) => Ok(entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn of(&self, case: &str) -> Result<Vec<PathBuf>, Fault> {
        Ok(self.files()?.into_iter().filter(|path| case_of(path) == case).collect())
    }
}

fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default()
}

fn case_of(path: &Path) -> &str {
    stem(path).rsplit_once('-').map_or("", |(case, _)| case)
}

/// A PGM or PPM file.
fn encode(image: &Image) -> Result<Vec<u8>, Fault> {
    let header =
        |kind: &str| format!("{kind}\n{} {}\n255\n", image.width_px(), image.height_px()).into_bytes();
    match image.pixels() {
        Pixels::Grey8(pixels) => Ok([header("P5"), pixels.clone()].concat()),
        Pixels::Rgba8(pixels) => {
            let colors = pixels.chunks_exact(4).flat_map(|pixel| pixel.iter().take(3).copied());
            Ok(header("P6").into_iter().chain(colors).collect())
        }
        _ => Err(Fault::Form),
    }
}

fn extension(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"P6") { "ppm" } else { "pgm" }
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::{
        Appearance, Output, Recipe, Request, Scene, SlicePlane, View, Voi, Window, WindowFunction,
    };
    use glam::DVec3;

    fn image(level: u8) -> Image {
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 1.0 };
        let voi = Voi::Window(Window::new(0.0, 1.0, WindowFunction::Linear).unwrap());
        let grey = Appearance::Grey { voi, invert: false, colors: None };
        let request = Request::new(Scene::of_primary(View::Slice { plane }, grey), [2, 1], Output::Grey8);
        let recipe = Recipe::new(&request, vec![], "reference", None);
        Image::new(2, 1, Pixels::Grey8(vec![0, level]), None, recipe).unwrap()
    }

    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = env::temp_dir().join(format!("anatome-golden-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn goldens(&self, update: Option<&str>) -> Goldens {
            Goldens::build(self.0.join("kept"), self.0.join("new"), update.map(str::to_owned), false).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    /// The published test vectors.
    #[test]
    fn the_checksum_is_fnv_1a() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_golden_is_written_only_when_its_case_is_named() {
        let scratch = Scratch::new("named");
        assert!(matches!(scratch.goldens(None).check("a", &image(1)), Err(Fault::Missing { .. })));
        assert!(matches!(scratch.goldens(Some("b")).check("a", &image(1)), Err(Fault::Missing { .. })));
        scratch.goldens(Some("a")).check("a", &image(1)).unwrap();
        scratch.goldens(None).check("a", &image(1)).unwrap();
        assert_eq!(scratch.goldens(None).cases().unwrap(), ["a"]);
    }

    #[test]
    fn a_different_picture_and_a_replaced_golden_fail() {
        let scratch = Scratch::new("replaced");
        let goldens = scratch.goldens(None);
        scratch.goldens(Some("a-b")).check("a-b", &image(1)).unwrap();
        assert!(matches!(goldens.check("a-b", &image(2)), Err(Fault::Differs { .. })));
        let [path] = goldens.of("a-b").unwrap().try_into().unwrap();
        fs::write(&path, encode(&image(2)).unwrap()).unwrap();
        assert!(matches!(goldens.check("a-b", &image(2)), Err(Fault::Replaced { .. })));
        scratch.goldens(Some("a-b")).check("a-b", &image(2)).unwrap();
        goldens.check("a-b", &image(2)).unwrap();
        let copy = fs::read(&goldens.of("a-b").unwrap()[0]).unwrap();
        fs::write(scratch.0.join("kept/a-b-0.pgm"), copy).unwrap();
        assert!(matches!(goldens.check("a-b", &image(2)), Err(Fault::Several { count: 2, .. })));
    }

    #[test]
    fn ci_never_writes() {
        let refused = Goldens::build(PathBuf::new(), PathBuf::new(), Some("a".to_owned()), true);
        assert!(matches!(refused, Err(Fault::Ci)));
        assert!(Goldens::build(PathBuf::new(), PathBuf::new(), None, true).is_ok());
    }
}
