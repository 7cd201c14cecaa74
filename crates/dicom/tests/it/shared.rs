//! The shared test data and the calls that most tests make.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anatome_core::{Progress, Samples};
use anatome_dicom::{Error, Limits, Loaded, Scanned, Series, Source, group, load, scan};
pub use anatome_testkit::shared_data as data;
use sha2::{Digest as _, Sha256};

pub static POOL: LazyLock<rayon::ThreadPool> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap());

pub fn json(name: &str) -> Option<serde_json::Value> {
    Some(serde_json::from_reader(File::open(data(name)?).unwrap()).unwrap())
}

/// The files in a zip whose path begins with `prefix`, by path.
pub fn unzipped(zip: &Path, prefix: &str) -> BTreeMap<String, Arc<[u8]>> {
    let mut archive = zip::ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).unwrap();
        let name = entry.name().unwrap().into_owned();
        if entry.is_file() && name.starts_with(prefix) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            files.insert(name, bytes.into());
        }
    }
    assert!(!files.is_empty(), "nothing in {} begins with {prefix}", zip.display());
    files
}

pub fn scan_all(sources: &[Source]) -> Result<Scanned, Error> {
    scan(sources, &Limits::default(), &POOL, &Progress::new())
}

pub fn scan_bytes(bytes: impl Into<Arc<[u8]>>) -> Result<Scanned, Error> {
    scan_all(&[Source::Bytes(bytes.into())])
}

/// All series of the files in a zip whose path begins with `prefix`.
pub fn series_of(zip: &Path, prefix: &str) -> Vec<Series> {
    let sources: Vec<Source> = unzipped(zip, prefix).into_values().map(Source::Bytes).collect();
    group(scan_all(&sources).unwrap().instances)
}

/// The one series in files of a zip.
pub fn one_series(zip: &Path, prefix: &str) -> Series {
    let mut series = series_of(zip, prefix);
    assert_eq!(series.len(), 1, "{prefix}");
    series.pop().unwrap()
}

pub fn load_one(series: &Series) -> Result<Loaded, Error> {
    load(series, &Limits::default(), &POOL, &Progress::new())
}

pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every stored sample, i fastest.
pub fn all_values(samples: &Samples) -> Vec<f64> {
    match samples {
        Samples::U8(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::I16(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::U16(a) => a.iter().map(|&v| f64::from(v)).collect(),
        Samples::F32(a) => a.iter().map(|&v| f64::from(v)).collect(),
        other => panic!("{}", other.type_name()),
    }
}
