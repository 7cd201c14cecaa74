//! Single images in all transfer syntaxes, against the decoded pixels of other readers.

use std::path::Path;

use anatome_core::Samples;
use anatome_dicom::{Error, Frame, FrameReader, Limits};
use serde_json::Value;

use crate::codestreams::{differences, run};
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

/// All lossy processes of JPEG, the retired ones too.
const JPEG: [&str; 4] =
    ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"];

fn samples(bytes: &[u8]) -> Result<Samples, Error> {
    let scanned = scan_bytes(bytes.to_vec())?;
    let frame = Frame::all(&scanned.instances[0]).next();
    frame.ok_or(Error::Unsupported { feature: "no frame".into() })?.stored_samples(&Limits::default())
}

/// The decoded samples of all frames as the reference's type holds them.
fn decoded(bytes: &[u8], kind: &str) -> Result<Vec<u8>, Error> {
    let scanned = scan_bytes(bytes.to_vec())?;
    let reader = FrameReader::new(&scanned.instances[0], &Limits::default())?;
    let mut samples = Vec::new();
    let module = scanned.instances[0].pixels.as_ref().unwrap();
    if module.signed && module.bits_stored < module.bits_allocated {
        // The reference has extended the sign.
        for frame in Frame::all(&scanned.instances[0]) {
            samples.extend(bytes_as(&frame.stored_samples(&Limits::default())?));
        }
        return Ok(samples);
    }
    for frame in 0..reader.frame_count() {
        samples.extend(reader.stored_bytes(frame)?);
    }
    let size = match kind {
        ">i2" | ">u2" => 2,
        ">u4" => 4,
        _ => 1,
    };
    samples.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    Ok(samples)
}

fn bytes_as(samples: &Samples) -> Vec<u8> {
    all_values(samples).into_iter().flat_map(|v| (v as i16).to_le_bytes()).collect()
}

/// The mean is all that the reference knows of a lossy image; `lossy_images_decode_as_another_decoder_does` compares
/// samples.
fn mean(samples: &[u8], kind: &str) -> f64 {
    let sum: f64 = match kind {
        "uint8" => samples.iter().map(|&v| f64::from(v)).sum(),
        "uint16" => samples.as_chunks().0.iter().map(|&b| f64::from(u16::from_le_bytes(b))).sum(),
        "int16" => samples.as_chunks().0.iter().map(|&b| f64::from(i16::from_le_bytes(b))).sum(),
        other => panic!("{other}"),
    };
    sum / (samples.len() / if kind == "uint8" { 1 } else { 2 }) as f64
}

#[test]
fn every_image_decodes_to_the_expected_samples() {
    let Some(expected) = json("EXPECTED-pixels.json") else { return };
    let (mut exact, mut lossy, mut wrong) = (0, 0, Vec::new());
    let mut unsupported = std::collections::BTreeMap::<String, usize>::new();
    for zip in ZIPS {
        let Some(path) = data(&format!("{zip}.zip")) else { return };
        for (name, bytes) in unzipped(Path::new(&path), "") {
            let entry: &Value = &expected[&name];
            if !entry["sha256_raw"].is_string() {
                continue;
            }
            let kind = entry["dtype"].as_str().unwrap();
            let found = match decoded(&bytes, kind) {
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
            if sha256(&found) == entry["sha256_raw"].as_str().unwrap() {
                exact += 1;
            } else if LOSSY.contains(&entry["ts"].as_str().unwrap()) {
                let mean = mean(&found, kind);
                if (mean - entry["mean"].as_f64().unwrap()).abs() > 0.5 {
                    wrong.push(format!("{name}: mean {mean}"));
                }
                lossy += 1;
            } else {
                wrong.push(format!("{name}: other samples of {kind}"));
            }
        }
    }
    println!("{exact} exact, {lossy} lossy, not supported: {unsupported:#?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(exact > 900, "only {exact} images were compared");
    assert!(unsupported.is_empty(), "{unsupported:?}");
}

#[test]
fn one_ct_slice_is_the_same_in_all_lossless_syntaxes() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let files = unzipped(&zip, "syntaxes/ct-one-image-all-syntaxes/");
    let plain = |name: &&String| name.contains("LittleEndianExplicit");
    let reference = samples(&files[files.keys().find(plain).unwrap()]).unwrap();
    let reference = all_values(&reference);
    assert_eq!(files.len(), 15);
    for (name, bytes) in &files {
        let values = all_values(&samples(bytes).unwrap_or_else(|error| panic!("{name}: {error}")));
        let lossy =
            ["Lossy", "Process1T", "Process2_4", "Process6_8", "Process10_12", "JPEG2000TransferSyntax"];
        if !lossy.iter().any(|kind| name.contains(kind)) {
            assert!(values == reference, "{name}");
            continue;
        }
        // Some writers scaled the values: equal but for a gain and an offset.
        let correlation = correlation(&values, &reference);
        assert!(correlation > 0.999, "{name}: {correlation}");
    }
}

/// Pearson's coefficient.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let products = a.iter().zip(b).map(|(a, b)| (a - mean_a, b - mean_b));
    let (ab, aa, bb) =
        products.fold((0.0, 0.0, 0.0), |(ab, aa, bb), (a, b)| (ab + a * b, aa + a * a, bb + b * b));
    ab / (aa * bb).sqrt()
}

/// Lossy JPEG of all kinds, in grey and colours, whole and subsampled, against dcmtk's decoder.
#[test]
fn lossy_images_decode_as_another_decoder_does() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("lossy.dcm"), folder.path().join("decoded.dcm"));
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, bytes) in unzipped(&zip, "") {
        let Ok(scanned) = scan_bytes(bytes.to_vec()) else { continue };
        let header = &scanned.instances[0];
        // One has no meta header that dcmtk could read.
        if !JPEG.contains(&header.transfer_syntax.uid()) || name.ends_with("/SC_rgb_jpeg.dcm") {
            continue;
        }
        std::fs::write(&from, &bytes).unwrap();
        let _ = std::fs::remove_file(&to);
        if !run("dcmdjpeg", &["+cn"], &from, &to) {
            return;
        }
        let kind = if header.pixels.as_ref().unwrap().bits_allocated == 8 { "uint8" } else { "uint16" };
        let [ours, theirs] = [bytes.to_vec(), std::fs::read(&to).unwrap()]
            .map(|bytes| decoded(&bytes, kind).unwrap_or_else(|error| panic!("{name}: {error}")));
        let size = if kind == "uint8" { 1 } else { 2 };
        let worst = differences(&ours, &theirs, size).max();
        if ours.len() != theirs.len() || worst > Some(1) {
            wrong.push(format!("{name}: {worst:?}"));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 15, "only {compared} images were compared");
}

/// An encapsulated frame is the same with an offset table, without, and in several fragments.
#[test]
fn fragments_make_one_frame() {
    let Some(zip) = data("syntaxes.zip") else { return };
    for (image, count, frames) in [("CT0012", 9, 2), ("CT1_UNC", 2, 1)] {
        let files = unzipped(&zip, &format!("syntaxes/fragments/{image}"));
        assert_eq!(files.len(), count);
        let whole = format!("syntaxes/fragments/{image}.not_fragmented_bot_jpeg_ls.80.dcm");
        let reference = frames_of(&files[&whole]);
        assert_eq!(reference.len(), frames);
        for (name, bytes) in &files {
            let found = frames_of(bytes);
            assert_eq!(found.len(), frames, "{name}");
            for (found, reference) in found.iter().zip(&reference) {
                if name.contains(".51") {
                    // Its writer changed the values; only their places can be compared.
                    let [a, b] = [found, reference].map(|bytes| {
                        let samples = bytes.as_chunks().0.iter();
                        samples.map(|&b| f64::from(u16::from_le_bytes(b))).collect::<Vec<_>>()
                    });
                    let correlation = correlation(&a, &b);
                    assert!(correlation > 0.999, "{name}: {correlation}");
                    continue;
                }
                let worst = differences(found, reference, 2).max();
                // The codestream's NEAR is 2.
                let most = if name.contains(".81") { 2 } else { 0 };
                assert!(worst <= Some(most), "{name}: {worst:?}");
            }
        }
    }
}

fn frames_of(bytes: &[u8]) -> Vec<Vec<u8>> {
    let scanned = scan_bytes(bytes.to_vec()).unwrap();
    let reader = FrameReader::new(&scanned.instances[0], &Limits::default()).unwrap();
    (0..reader.frame_count()).map(|frame| reader.stored_bytes(frame).unwrap()).collect()
}
