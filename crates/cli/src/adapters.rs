//! `anatome adapters`.

use anatome::{AdapterReport, Result, Workers};
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct AdaptersReport {
    schema_version: u32,
    adapters: Vec<Adapter>,
    /// What `--backend auto` takes.
    auto: String,
}

#[derive(Serialize)]
struct Adapter {
    /// By which `--adapter` chooses it.
    number: usize,
    name: String,
    backend: String,
    driver: String,
    kind: String,
    max_texture_dimension_3d: u32,
    max_buffer_bytes: u64,
    max_storage_binding_bytes: u64,
    unorm16: bool,
    float32_filter: bool,
    timestamps: bool,
    self_test: String,
    chosen: bool,
    reason: String,
}

impl Adapter {
    fn new(report: AdapterReport) -> Self {
        let facts = report.facts;
        Self {
            number: report.number,
            kind: format!("{:?}", facts.kind).to_lowercase(),
            name: facts.name,
            backend: facts.backend,
            driver: facts.driver,
            max_texture_dimension_3d: facts.max_texture_dimension_3d,
            max_buffer_bytes: facts.max_buffer_bytes,
            max_storage_binding_bytes: facts.max_storage_binding_bytes,
            unorm16: facts.has_unorm16,
            float32_filter: facts.has_float32_filter,
            timestamps: facts.has_timestamps,
            self_test: match report.self_test {
                Ok(()) => "passed".to_owned(),
                Err(error) => format!("failed: {error}"),
            },
            chosen: report.chosen,
            reason: report.reason,
        }
    }
}

pub(crate) fn run() -> Result<AdaptersReport> {
    let workers = Workers::new(None)?;
    let adapters: Vec<Adapter> = anatome::adapters(&workers).into_iter().map(Adapter::new).collect();
    let auto = match adapters.iter().find(|adapter| adapter.chosen) {
        Some(adapter) => adapter.name.clone(),
        None => format!("the CPU renderer, {} threads", workers.threads()),
    };
    Ok(AdaptersReport { schema_version: 1, adapters, auto })
}

/// The report for a person.
pub(crate) fn text(report: &AdaptersReport) -> String {
    let yes = |b: bool| if b { "yes" } else { "no" };
    let mib = |bytes: u64| bytes >> 20;
    let mut out = String::new();
    for adapter in &report.adapters {
        out += &format!("{}: {}\n", adapter.number, adapter.name);
        out += &format!("  {}, {}, {}\n", adapter.kind, adapter.backend, adapter.driver);
        out += &format!("  volumes up to {} voxels along an axis, ", adapter.max_texture_dimension_3d);
        out += &format!("buffers up to {} MiB, ", mib(adapter.max_buffer_bytes));
        out += &format!("storage bindings up to {} MiB\n", mib(adapter.max_storage_binding_bytes));
        out += &format!("  16-bit normalised textures: {}, ", yes(adapter.unorm16));
        out += &format!("filtered 32-bit floats: {}, ", yes(adapter.float32_filter));
        out += &format!("timestamps: {}\n", yes(adapter.timestamps));
        out += &format!("  self-test: {}\n", adapter.self_test);
        out += &format!("  chosen: {} ({})\n", yes(adapter.chosen), adapter.reason);
    }
    if report.adapters.is_empty() {
        out += "no GPU adapter was found\n";
    }
    out + &format!("--backend auto takes: {}\n", report.auto)
}
