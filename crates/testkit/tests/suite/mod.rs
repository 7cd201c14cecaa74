//! The backends and the volumes that the suites share.

#![allow(dead_code, reason = "each suite is a program of its own and uses a part of this")]

mod gpu;
pub mod scenes;
pub mod volumes;

use std::sync::Arc;

use anatome_core::{Image, Request, Volume};
use anatome_cpu::CpuRenderer;
use anatome_testkit::{Backend, Named, ReferenceRenderer, Report, Tolerance, compare};

/// What kind of backend a renderer is: tolerances differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Reference,
    Cpu,
    Gpu,
}

pub struct Candidate {
    pub kind: Kind,
    pub backend: Box<dyn Backend>,
}

impl Candidate {
    pub fn name(&self) -> &str {
        self.backend.name()
    }

    pub fn render(&self, volume: &Arc<Volume>, request: &Request) -> Image {
        let image = self.backend.render(volume, request);
        image.unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }
}

pub fn reference() -> Candidate {
    Candidate { kind: Kind::Reference, backend: Box::new(Named::new("reference", ReferenceRenderer)) }
}

pub fn cpu(threads: usize) -> Candidate {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let renderer = CpuRenderer::new(Arc::new(pool));
    Candidate { kind: Kind::Cpu, backend: Box::new(Named::new(format!("cpu, threads: {threads}"), renderer)) }
}

/// CPU and, where there is an adapter, GPU.
pub fn fast() -> Vec<Candidate> {
    let gpu = gpu::open().map(|backend| Candidate { kind: Kind::Gpu, backend });
    [cpu(1), cpu(2)].into_iter().chain(gpu).collect()
}

/// All, the reference first.
pub fn all() -> Vec<Candidate> {
    [reference()].into_iter().chain(fast()).collect()
}

/// One picture that every backend must render alike.
pub struct Case {
    pub name: String,
    pub volume: Arc<Volume>,
    pub request: Request,
    pub tolerance: Tolerance,
}

impl Case {
    /// How far the GPU may be from the CPU, which reads the same tables.
    fn gpu_tolerance(&self) -> Tolerance {
        if self.tolerance == Tolerance::COLORS { Tolerance::GPU_SLICE } else { self.tolerance }
    }
}

/// The body of all parity tests: every backend against the reference, CPU threads against each other bit by bit, and
/// the GPU against the CPU.
pub fn assert_parity(cases: &[Case]) {
    let (reference, backends) = (reference(), fast());
    let mut faults = Vec::new();
    for case in cases {
        let expected = reference.render(&case.volume, &case.request);
        let images: Vec<Image> = backends.iter().map(|b| b.render(&case.volume, &case.request)).collect();
        let mut check = |wanted: &Image, found: &Image, tolerance: &Tolerance, what: String| match compare(
            wanted, found, tolerance,
        ) {
            Ok(report) => tell(&case.name, &what, &report),
            Err(difference) => faults.push(format!("{}: {what}: {difference}", case.name)),
        };
        for (backend, image) in backends.iter().zip(&images) {
            check(&expected, image, &case.tolerance, format!("{} against the reference", backend.name()));
            match backend.kind {
                Kind::Cpu => check(&images[0], image, &Tolerance::NONE, "threads".to_owned()),
                Kind::Gpu => check(&images[0], image, &case.gpu_tolerance(), "gpu against cpu".to_owned()),
                Kind::Reference => {}
            }
        }
    }
    assert!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), cases.len(), faults.join("\n"));
}

fn tell(case: &str, what: &str, report: &Report) {
    println!(
        "{case}: {what}: {} of {} pixels differ, at most by {}, rms {:.5}",
        report.differing, report.pixels, report.greatest, report.rms
    );
}
