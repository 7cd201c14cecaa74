//! Single images in all transfer syntaxes, against the decoded pixels of other readers.

use std::path::Path;

use anatome_core::Samples;
use anatome_dicom::{Error, Limits};
use serde_json::Value;

use crate::shared::{all_values, data, json, scan_bytes, sha256, unzipped};

const ZIPS: [&str; 8] = [
    "4d-prostatex-dce",
    "geometry",
    "malformed",
    "mr-prostatex",
    "mr-xa30-enhanced",
    "petct-acrin042",
    "rt-seg-sr",
    "syntaxes",
];

/// Lossy JPEG is decoded by different inverse transforms: a grey level, as T.83 allows.
const LOSSY: [&str; 2] = ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"];

fn samples(bytes: &[u8]) -> Result<Samples, Error> {
    let scanned = scan_bytes(bytes.to_vec())?;
    scanned.instances[0].stored_samples(&Limits::default())
}

/// The samples as the reference's type would hold them.
fn bytes_as(samples: &Samples, kind: &str) -> Vec<u8> {
    let values = all_values(samples);
    let each = |f: &dyn Fn(f64) -> Vec<u8>| values.iter().flat_map(|&v| f(v)).collect();
    match kind {
        "uint8" => each(&|v| vec![v as u8]),
        "int16" | "uint16" => each(&|v| (v as i32 as u16).to_le_bytes().to_vec()),
        ">i2" | ">u2" => each(&|v| (v as i32 as u16).to_be_bytes().to_vec()),
        "uint32" => each(&|v| (v as u32).to_le_bytes().to_vec()),
        ">u4" => each(&|v| (v as u32).to_be_bytes().to_vec()),
        "float32" => each(&|v| (v as f32).to_le_bytes().to_vec()),
        "float64" => each(&|v| v.to_le_bytes().to_vec()),
        other => panic!("{other}"),
    }
}

fn is_monochrome_frame(entry: &Value) -> bool {
    let monochrome = entry["pi"].as_str().is_some_and(|pi| pi.starts_with("MONOCHROME"));
    monochrome && entry["frames"] == 1 && entry["sha256_raw"].is_string()
}

#[test]
fn every_greyscale_image_decodes_to_the_expected_samples() {
    let Some(expected) = json("EXPECTED-pixels.json") else { return };
    let (mut exact, mut lossy, mut wrong) = (0, 0, Vec::new());
    let mut unsupported = std::collections::BTreeMap::<String, usize>::new();
    for zip in ZIPS {
        let Some(path) = data(&format!("{zip}.zip")) else { return };
        for (name, bytes) in unzipped(Path::new(&path), "") {
            let entry = &expected[&name];
            if !is_monochrome_frame(entry) {
                continue;
            }
            let found = match samples(&bytes) {
                Ok(found) => found,
                Err(Error::Unsupported { feature }) => {
                    *unsupported.entry(feature).or_default() += 1;
                    continue;
                }
                Err(error) => {
                    wrong.push(format!("{name}: {error}"));
                    continue;
                }
            };
            let kind = entry["dtype"].as_str().unwrap();
            if LOSSY.contains(&entry["ts"].as_str().unwrap()) {
                let values = all_values(&found);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                if (mean - entry["mean"].as_f64().unwrap()).abs() > 0.5 {
                    wrong.push(format!("{name}: mean {mean}"));
                }
                lossy += 1;
            } else if sha256(bytes_as(&found, kind)) == entry["sha256_raw"].as_str().unwrap() {
                exact += 1;
            } else {
                wrong.push(format!("{name}: {} instead of {kind}, other samples", found.type_name()));
            }
        }
    }
    println!("{exact} exact, {lossy} lossy, not supported: {unsupported:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(exact > 800, "only {exact} images were compared");
    for feature in unsupported.keys() {
        let named = ["the transfer syntax", "multi-frame", "1 bit", "JPEG with"];
        assert!(named.iter().any(|words| feature.contains(words)), "{feature}");
    }
}

#[test]
fn one_ct_slice_is_the_same_in_all_lossless_syntaxes() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let files = unzipped(&zip, "syntaxes/ct-one-image-all-syntaxes/");
    let plain = |name: &&String| name.contains("LittleEndianExplicit");
    let reference = samples(&files[files.keys().find(plain).unwrap()]).unwrap();
    let reference = all_values(&reference);
    let mut decoded = 0;
    for (name, bytes) in &files {
        match samples(bytes) {
            Ok(samples) => {
                let values = all_values(&samples);
                let lossy = ["Lossy", "Process1Transfer", "Process2_4", "Process6_8", "Process10_12"]
                    .iter()
                    .any(|kind| name.contains(kind));
                if !lossy {
                    assert!(values == reference, "{name}");
                }
                decoded += 1;
            }
            Err(Error::Unsupported { feature }) => {
                let lacking = [".90", ".91"];
                assert!(lacking.iter().any(|uid| name.contains(&format!("4{uid}"))), "{name}: {feature}");
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    assert!(decoded >= 13, "{decoded}");
}

/// An encapsulated frame is the same with an offset table, without, and in several fragments.
#[test]
fn fragments_make_one_frame() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let files = unzipped(&zip, "syntaxes/fragments/CT1_UNC");
    let lossless = files.iter().filter(|(name, _)| !name.contains(".81") && !name.contains(".51"));
    let decoded: Vec<(&String, Vec<f64>)> = lossless
        .filter_map(|(name, bytes)| match samples(bytes) {
            Ok(samples) => Some((name, all_values(&samples))),
            Err(Error::Unsupported { .. }) => None,
            Err(error) => panic!("{name}: {error}"),
        })
        .collect();
    assert!(decoded.len() >= 2, "{}", decoded.len());
    for (name, values) in &decoded {
        assert!(*values == decoded[0].1, "{name}");
    }
}
