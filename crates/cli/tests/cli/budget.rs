//! Volumes of which only a part may be on the GPU.

use std::fs;

use anatome::{Progress, SeriesSpec, Workers, write_series};
use anatome_phantom::{ThoraxSpec, thorax_ct};
use anatome_testkit::Need;

use super::{anatome, path, text};

/// A folder with a CT of 73 MB in `study`: more than the budget.
fn with_large_study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let workers = Workers::new(None).unwrap();
    let thorax = ThoraxSpec { shape: [140, 512, 512], seed: 3 };
    let volume = thorax_ct(&thorax, workers.pool(), &Progress::new()).unwrap();
    let spec = SeriesSpec { seed: 3, number: 1, description: "test".into(), file_prefix: String::new() };
    write_series(&volume, &spec, &folder.path().join("study"), workers.pool(), &Progress::new()).unwrap();
    folder
}

/// Every standard picture, and projections and renderings with crop boxes and clip planes.
#[test]
fn pictures_at_a_budget_of_64_mb_are_those_without() {
    let folder = with_large_study();
    let [study, scenes, whole, cut] = ["study", "scenes", "whole", "cut"].map(|name| path(&folder, name));
    let render = ["render", &study, "--size", "96x54", "--json", "--out"];
    let run = anatome(&[&render[..], &[&scenes, "--backend", "cpu"]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    for (from, name) in [("mip", "minip"), ("rendering", "clipped")] {
        let json = fs::read_to_string(format!("{scenes}/{from}.json")).unwrap();
        let mut json: serde_json::Value = serde_json::from_str(&json).unwrap();
        if name == "minip" {
            json["view"]["projection"]["projection"] = "min_ip".into();
            let window = &mut json["layers"][0]["appearance"]["grey"]["voi"]["window"];
            *window = serde_json::json!({ "center": -500.0, "width": 1200.0 });
        }
        let plane = serde_json::json!([{ "point_mm": [0, 0, 180], "normal": [0.6, 0, 0.8] }]);
        let crop = serde_json::json!({ "min_mm": [-100, -170, -300], "max_mm": [150, 120, 320] });
        json["layers"][0]["region"] = serde_json::json!({ "crop": crop, "clip_planes": plane });
        fs::write(format!("{scenes}/{name}.json"), json.to_string()).unwrap();
    }
    let gpu = ["--backend", "gpu", "--adapter", "1"];
    let [minip, clipped] = ["minip", "clipped"].map(|name| format!("{scenes}/{name}.json"));
    let given: [&[&str]; 3] = [&[], &["--scene", &minip], &["--scene", &clipped]];
    for scene in given {
        for (out, budget) in [(&whole, &[][..]), (&cut, &["--memory-budget", "64M"][..])] {
            let run = anatome(&[&render[..], &[out], &gpu, scene, budget].concat());
            if run.status.code() == Some(5) {
                return Need::Gpu.is_missing(&text(&run.stderr));
            }
            assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
            let report: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
            let reason = report["backend_reason"].as_str().unwrap();
            assert_eq!(reason.contains("in parts"), !budget.is_empty(), "{reason}");
            assert!(
                report["pictures"].as_array().unwrap().iter().all(|picture| picture["image"].is_string())
            );
            assert!(!text(&run.stdout).contains("nothing_seen"), "{}", text(&run.stdout));
        }
    }
    for name in ["axial", "coronal", "sagittal", "mip", "rendering", "minip", "clipped"] {
        let [a, b] = [&whole, &cut].map(|folder| fs::read(format!("{folder}/{name}.png")).unwrap());
        assert!(a == b, "{name}");
    }

    // A budget that is too small is told as such, and what it takes is enough.
    let out = path(&folder, "none");
    let with_budget = |budget: &str| {
        anatome(&[&render[..5], &["--out", &out], &gpu, &["--memory-budget", budget]].concat())
    };
    let run = with_budget("1M");
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(4), "{said}");
    assert!(said.contains("a memory budget of 1048576 bytes"), "{said}");
    assert!(said.contains("--memory-budget") && !said.contains("--limits"), "{said}");
    let needed = said.split_once("needs ").and_then(|(_, rest)| rest.split_once(' ')).unwrap().0;
    let less = (needed.parse::<u64>().unwrap() - 1).to_string();
    assert_eq!(with_budget(&less).status.code(), Some(4));
    let run = with_budget(needed);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
}
