//! Small files, made byte by byte so that they can be wrong, and the calls that most tests make.

use std::io::Write as _;
use std::path::Path;

use anatome_core::{Grid, Progress, Samples, Volume};
use anatome_formats::{Error, Limits, Loaded, Source, load};
use glam::DVec3;

pub fn load_bytes(bytes: impl Into<Vec<u8>>) -> Result<Vec<Loaded>, Error> {
    load(&Source::Bytes(bytes.into().into()), &Limits::default(), &Progress::new())
}

pub fn load_path(path: &Path) -> Result<Vec<Loaded>, Error> {
    load(&Source::from(path), &Limits::default(), &Progress::new())
}

/// The only volume of a file.
pub fn one(bytes: impl Into<Vec<u8>>) -> Loaded {
    let mut all = load_bytes(bytes).unwrap();
    assert_eq!(all.len(), 1);
    all.pop().unwrap()
}

/// Stored values, i fastest.
pub fn stored(volume: &Volume) -> Vec<f64> {
    match volume.samples() {
        Samples::U8(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::I16(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::U16(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::F32(a) => a.iter().map(|&v| f64::from(v)).collect(),
        _ => unreachable!("there are four types"),
    }
}

/// Fails unless voxel (i, j, k) stands at a place in LPS mm.
#[track_caller]
pub fn stands_at(grid: &Grid, ijk: [f64; 3], lps_mm: [f64; 3]) {
    let found = grid.patient_from_index(DVec3::from_array(ijk));
    let apart = (found - DVec3::from_array(lps_mm)).length();
    assert!(apart < 1e-5, "{ijk:?} stands at {found}, not at {lps_mm:?}");
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// A NIfTI-1 file of 2 x 3 x 4 voxels (i, j, k), u8 from 0 to 23, identity sform, mm, in either byte order.
#[derive(Clone)]
pub struct Nifti1 {
    pub header: Vec<u8>,
    pub voxels: Vec<u8>,
    pub big_endian: bool,
}

impl Nifti1 {
    pub fn new(big_endian: bool) -> Self {
        let mut made = Self { header: vec![0; 352], voxels: (0..24).collect(), big_endian };
        made.header[344..348].copy_from_slice(b"n+1\0");
        made.header[123] = 2;
        made.i32(0, 348)
            .dim(&[2, 3, 4])
            .datatype(2, 8)
            .f32(76, &[1.0; 8])
            .f32(108, &[352.0])
            .i16(254, &[1])
            .f32(280, &[1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0.])
    }

    pub fn raw<const N: usize>(mut self, at: usize, mut bytes: [u8; N]) -> Self {
        if self.big_endian {
            bytes.reverse();
        }
        self.header[at..at + N].copy_from_slice(&bytes);
        self
    }

    pub fn i32(self, at: usize, value: i32) -> Self {
        self.raw(at, value.to_le_bytes())
    }

    pub fn i16(self, at: usize, values: &[i16]) -> Self {
        values.iter().enumerate().fold(self, |made, (n, v)| made.raw(at + 2 * n, v.to_le_bytes()))
    }

    pub fn f32(self, at: usize, values: &[f32]) -> Self {
        values.iter().enumerate().fold(self, |made, (n, v)| made.raw(at + 4 * n, v.to_le_bytes()))
    }

    pub fn dim(self, sizes: &[i16]) -> Self {
        self.i16(40, &[sizes.len() as i16]).i16(42, sizes)
    }

    pub fn datatype(self, code: i16, bits: i16) -> Self {
        self.i16(70, &[code]).i16(72, &[bits])
    }

    /// Voxels of another type, from their bytes in little endian.
    pub fn voxels<const N: usize>(mut self, values: impl IntoIterator<Item = [u8; N]>) -> Self {
        let big_endian = self.big_endian;
        let order = |mut v: [u8; N]| {
            if big_endian {
                v.reverse();
            }
            v
        };
        self.voxels = values.into_iter().flat_map(order).collect();
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        [&self.header[..], &self.voxels].concat()
    }
}

/// A NRRD file of 2 x 3 x 2 bytes, from 0 to 11, in LPS, whose lines may be replaced or left out by an empty one.
pub fn nrrd(changes: &[(&str, &str)]) -> Vec<u8> {
    let lines = [
        ("type", "uint8"),
        ("dimension", "3"),
        ("sizes", "2 3 2"),
        ("space", "left-posterior-superior"),
        ("space directions", "(2,0,0) (0,3,0) (0,0,4)"),
        ("space origin", "(10,20,30)"),
        ("encoding", "raw"),
    ];
    let mut text = "NRRD0004\n# made for a test\n".to_owned();
    for (name, value) in lines {
        let value = changes.iter().find(|(n, _)| *n == name).map_or(value, |(_, v)| v);
        if !value.is_empty() {
            text += &format!("{name}: {value}\n");
        }
    }
    for (name, value) in changes.iter().filter(|(n, _)| lines.iter().all(|(known, _)| known != n)) {
        text += &format!("{name}: {value}\n");
    }
    text += "secret:=Miller^Eve\n\n";
    [text.as_bytes(), &(0..12).collect::<Vec<u8>>()].concat()
}

/// A MetaImage file of 2 x 3 x 2 bytes, from 0 to 11, likewise.
pub fn metaimage(changes: &[(&str, &str)]) -> Vec<u8> {
    let lines = [
        ("ObjectType", "Image"),
        ("NDims", "3"),
        ("BinaryData", "True"),
        ("BinaryDataByteOrderMSB", "False"),
        ("CompressedData", "False"),
        ("TransformMatrix", "1 0 0 0 1 0 0 0 1"),
        ("Offset", "10 20 30"),
        ("ElementSpacing", "2 3 4"),
        ("DimSize", "2 3 2"),
        ("ElementType", "MET_UCHAR"),
    ];
    let mut text = String::new();
    for (name, value) in lines {
        let value = changes.iter().find(|(n, _)| *n == name).map_or(value, |(_, v)| v);
        if !value.is_empty() {
            text += &format!("{name} = {value}\n");
        }
    }
    let others = changes.iter().filter(|(n, _)| lines.iter().all(|(known, _)| known != n));
    for (name, value) in others.filter(|(name, _)| *name != "ElementDataFile") {
        text += &format!("{name} = {value}\n");
    }
    let file = changes.iter().find(|(n, _)| *n == "ElementDataFile").map_or("LOCAL", |(_, v)| v);
    text += &format!("ElementDataFile = {file}\n");
    [text.as_bytes(), &(0..12).collect::<Vec<u8>>()].concat()
}
