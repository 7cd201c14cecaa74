//! What `anatome inspect` says of the shared test data, against the facts that are known of it (its README).

use std::path::Path;

use anatome_testkit::shared_data;
use serde_json::Value;

use crate::{anatome, text};

/// The report as text and as JSON.
struct Report {
    text: String,
    json: Value,
}

fn inspect(path: &Path) -> Report {
    let run = |more: &[&str]| {
        let output = anatome(&[&["inspect", path.to_str().unwrap()], more].concat());
        assert!(!output.stdout.is_empty(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let json: Value = serde_json::from_str(&run(&["--json"])).unwrap();
    assert_eq!(json["schema_version"], 1);
    Report { text: run(&[]), json }
}

impl Report {
    fn series(&self) -> Vec<&Value> {
        let studies = self.json["studies"].as_array().unwrap();
        studies.iter().flat_map(|study| study["series"].as_array().unwrap()).collect()
    }

    /// The only series of that modality and size (columns, rows, slices).
    fn volume(&self, modality: &str, size: [u64; 3]) -> &Value {
        let size = Value::from(size.to_vec());
        let fits = |series: &&Value| series["modality"] == modality && series["geometry"]["size"] == size;
        let found: Vec<&Value> = self.series().into_iter().filter(fits).collect();
        assert_eq!(found.len(), 1, "{modality} of {size}: {}", self.text);
        found[0]
    }

    #[track_caller]
    fn says(&self, line: &str) {
        assert!(self.text.contains(line), "{line:?} is not in\n{}", self.text);
    }

    #[track_caller]
    fn says_nowhere(&self, text: &str) {
        assert!(!self.text.contains(text), "{text:?} is in\n{}", self.text);
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[track_caller]
fn near(found: &Value, expected: f64, tolerance: f64) {
    let found = number(found);
    assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
}

#[track_caller]
fn spacing(series: &Value, expected: [f64; 3], tolerance: f64) {
    for (found, expected) in series["geometry"]["spacing_mm"].as_array().unwrap().iter().zip(expected) {
        near(found, expected, tolerance);
    }
}

#[test]
fn petct() {
    let Some(path) = shared_data("petct-acrin042.zip") else { return };
    let report = inspect(&path);
    assert_eq!(report.series().len(), 6);
    let ct = report.volume("CT", [512, 512, 135]);
    spacing(ct, [0.976562, 0.976562, 3.27], 1e-6);
    assert_eq!(
        (&ct["values"]["unit"], &ct["values"]["range"]),
        (&"HU".into(), &vec![-3024.0, 1402.0].into())
    );
    near(&ct["geometry"]["origin_mm"][2], -360.18, 1e-5);
    let pet = report.volume("PT", [128, 128, 135]);
    // The positions jitter by a hundredth of a millimetre.
    spacing(pet, [4.6875, 4.6875, 3.27], 1e-3);
    assert_eq!(pet["values"]["unit"], "Bq/ml");
    near(&pet["values"]["range"][1], 121_329.975, 0.01);
    assert!(pet["geometry"]["slice_gaps_mm"].is_null());
    let bw = pet["uptake"].as_array().unwrap().iter().find(|uptake| uptake["kind"] == "BW").unwrap();
    near(&bw["factor"], 4.2111e-4, 5e-9);
    near(&(number(&bw["factor"]) * number(&pet["values"]["range"][1])).into(), 51.09, 0.01);
    let steps = pet["uptake_steps"].to_string();
    assert!(steps.contains("the date of the injection is assumed to be the scan's"), "{steps}");
    assert!(steps.contains("% of the dose are left") && ct.get("uptake_steps").is_none(), "{steps}");
    report.says("note: SUV: the date of the injection is assumed to be the scan's [assumed]");
    let window = &ct["values"]["windows"][0]["voi"];
    assert!(window.to_string().contains("400"), "{window}");
    report
        .says("512 x 512 x 135 voxels of 0.9766 x 0.9766 x 3.2700 mm, rows to L, columns to P, slices to H");
    report.says("values -3024 to 1402 HU");
    report.says("windows: 40, 400");
    report.says("Bq/ml");
    report.says("SUVbw = value x 4.2111");
    assert_eq!(report.text.matches("segmentation (binary)").count(), 3);
    report.says("58 frames, of 1 series");
    report.says("real-world value map: 4 maps, of 1 series");
}

#[test]
fn mr_of_two_contrasts() {
    let Some(path) = shared_data("mr-prostatex.zip") else { return };
    let report = inspect(&path);
    let t2 = report.volume("MR", [384, 384, 21]);
    spacing(t2, [0.5, 0.5, 3.0], 1e-5);
    assert_eq!((&t2["values"]["range"][1], &t2["values"]["unit"]), (&1329.0.into(), &"".into()));
    let adc = report.volume("MR", [120, 128, 19]);
    spacing(adc, [2.0, 2.0, 3.0], 1e-5);
    assert_eq!(adc["values"]["range"][1], 4095.0);
    report
        .says("384 x 384 x 21 voxels of 0.5000 x 0.5000 x 3.0000 mm, rows to L, columns to PF, slices to HP");
    report.says("to 1329, no unit stated");
}

#[test]
fn mr_over_time() {
    let Some(path) = shared_data("4d-prostatex-dce.zip") else { return };
    let report = inspect(&path);
    assert_eq!(report.series().len(), 6);
    for series in report.series() {
        assert_eq!(series["geometry"]["size"], Value::from(vec![128, 128, 16]));
        spacing(series, [1.5, 1.5, 4.0], 1e-4);
        assert!(series["part"].is_null());
    }
    assert_eq!(report.text.matches("128 x 128 x 16 voxels of 1.5000 x 1.5000 x 4.0000 mm").count(), 6);
}

#[test]
fn enhanced_mr_and_colour() {
    let Some(path) = shared_data("mr-xa30-enhanced.zip") else { return };
    let report = inspect(&path);
    let t1 = report.volume("MR", [128, 128, 96]);
    spacing(t1, [2.0; 3], 1e-5);
    assert_eq!((&t1["frames"], &t1["instances"]), (&96.into(), &1.into()));
    assert_eq!(t1["values"]["range"][1], 2927.0);
    assert_eq!(t1["geometry"]["orientation"], Value::from(vec!["P", "F", "R"]));
    report.volume("MR", [72, 72, 39]);
    let color = report.series().into_iter().find(|series| !series["stack"].is_null()).unwrap();
    assert_eq!(color["pixels"]["photometric"], "RGB");
    assert_eq!(color["decoded"]["frames"], 39);
    assert!(color["stack"]["reason"].is_null() && color["error"].is_null() && color["values"].is_null());
    report.says(
        "39 colour images of 72 x 72 pixels, RGB of 8 bits, 3.0000 x 3.0000 mm, spacing: pixel spacing",
    );
    report.says_nowhere("not supported");
}

#[test]
fn geometry() {
    let Some(path) = shared_data("geometry.zip") else { return };
    let report = inspect(&path);
    let tilted = report.volume("CT", [512, 512, 28]);
    near(&tilted["geometry"]["tilt_deg"], 18.5, 0.01);
    // -1500 is the padding.
    assert_eq!(tilted["values"]["range"], Value::from(vec![-1023.0, 2121.0]));
    assert_eq!(tilted["values"]["padding"], Value::from(vec![-1500.0, -1500.0]));
    let gaps: Vec<f64> = tilted["geometry"]["slice_gaps_mm"].as_array().unwrap().iter().map(number).collect();
    assert_eq!(gaps.len(), 27);
    for (n, gap) in gaps.iter().enumerate() {
        let expected = match n {
            0..13 => 4.0,
            13 => 1.08,
            _ => 7.0,
        };
        assert!((gap - expected).abs() < 0.01, "{n}: {gap}");
    }
    report.says("tilted by 18.50 degrees");
    report.says("padding stored as -1500");
    assert_eq!(tilted["values"]["padding_unit"], "stored");
    // The slices' origins go along the table, not along the normal.
    let step: Vec<f64> = tilted["geometry"]["slice_step_mm"].as_array().unwrap().iter().map(number).collect();
    let normal = tilted["geometry"]["directions"][2].as_array().unwrap();
    let along: f64 = step.iter().zip(normal).map(|(a, b)| a * number(b)).sum();
    near(&tilted["geometry"]["spacing_mm"][2], along, 1e-9);
    let length = step.iter().map(|a| a * a).sum::<f64>().sqrt();
    near(&tilted["geometry"]["tilt_deg"], (along / length).acos().to_degrees(), 1e-3);
    report.says("uneven slices: 13 x 4.00, 1 x 1.08, 13 x 7.00 mm");
    let decubitus = report.volume("MR", [256, 256, 35]);
    spacing(decubitus, [1.0156, 1.0156, 4.8], 1e-3);
    assert_eq!(decubitus["values"]["range"][1], 1822.0);
    let tiny = report.volume("CT", [100, 50, 3]);
    near(&tiny["geometry"]["spacing_mm"][0], 2.5, 1e-6);
    near(&tiny["geometry"]["spacing_mm"][1], 3.5, 1e-6);
    spacing(report.volume("CT", [32, 48, 64]), [2.0; 3], 1e-6);
    let cubes =
        report.series().into_iter().filter(|s| s["geometry"]["size"] == Value::from(vec![64, 64, 64]));
    assert_eq!(cubes.count(), 3);
}

#[test]
fn radiotherapy_and_segmentations() {
    let Some(path) = shared_data("rt-seg-sr.zip") else { return };
    let report = inspect(&path);
    for series in report.series() {
        let says = ["geometry", "stack", "object", "error"].iter().any(|key| !series[key].is_null());
        assert!(says, "{series:#}");
        let values = &series["values"];
        assert!(values.is_null() || values["unit"].is_string());
    }
    let doses = report.series().into_iter().filter(|s| s["modality"] == "RTDOSE").collect::<Vec<_>>();
    assert!(doses.iter().any(|dose| dose["frames"] == 15 && dose["object"]["content"] == "15 planes"));
    assert!(doses.iter().all(|dose| dose["frames"] != 1 || dose["object"]["content"] != "15 planes"));
    assert!(doses.iter().any(|dose| dose["values"]["unit"] == "relative dose"));
    report.says("RT structure set: ");
    report.says("segmentation (binary)");
    report.says("segmentation (fractional)");
    report.says("segmentation (label map)");
    report.says("structured report");
    report.says_nowhere("340282346638528860000000000000000000000");
    // No number has more digits than its type.
    report.says_nowhere("99999999");
    report.says_nowhere("00000000");
}

#[test]
fn transfer_syntaxes() {
    let Some(path) = shared_data("syntaxes.zip") else { return };
    let report = inspect(&path);
    // The mosaic, once for each of its files.
    let mosaic = Value::from(vec![64, 64, 35]);
    assert_eq!(report.series().into_iter().filter(|s| s["geometry"]["size"] == mosaic).count(), 9);
    // Nothing is a bare line: each series has a size, a reason or a content.
    for series in report.series() {
        let says = ["geometry", "stack", "object", "error"].iter().any(|key| !series[key].is_null());
        assert!(says, "{series:#}");
        if !series["stack"].is_null() && series["error"].is_null() {
            assert!(series["decoded"]["frames"].as_u64().unwrap() > 0, "{series:#}");
        }
    }
    let cine =
        report.series().into_iter().find(|s| s["stack"]["spacing_source"] == "ultrasound regions").unwrap();
    assert_eq!(cine["modality"], "US");
    report.says_nowhere(": not read\n");
    report.says_nowhere("colour images is not supported");
}

/// Causes are told without identity; file names are not.
#[test]
fn damaged_files() {
    let Some(path) = shared_data("malformed.zip") else { return };
    let report = inspect(&path);
    report.says("note: a damaged DICOM file: ");
    report.says_nowhere("a damaged DICOM file [");
    report.says_nowhere("a damaged DICOM file (");
    report.says_nowhere(".dcm");
    assert!(report.json.get("skipped").is_none());
}
