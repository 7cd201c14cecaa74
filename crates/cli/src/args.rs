//! What can be said on the command line, and nothing of what it does.

use std::path::PathBuf;

use anatome::{BackendChoice, Limits, Planes, Precision, SeriesChoice, Source, WindowChoice, Workers};
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

/// Turns medical images into exact slices and 3D pictures. Not for diagnostic use.
#[derive(Debug, Parser)]
#[command(name = "anatome", version, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  anatome demo                                a generated study, and pictures of it, in ./anatome-demo
  anatome inspect STUDY                       what is in a folder, a file or an archive
  anatome render STUDY --out pictures         its largest volume as pictures of 3840 x 2160
  anatome convert STUDY --out volume.nii.gz   its largest volume as one file
  anatome view STUDY                          a window in which to look at it
  anatome adapters                            the GPUs, and which would be taken

`anatome COMMAND --help` says what each takes.

Exit codes: 0 ok, 2 usage, 3 part of it failed, 4 all of it failed, 5 GPU trouble, 130 interrupted.";

const DEMO: &str = "\
Example:
  anatome demo --out thorax --size 1920x1080

The CT has 512 x 512 x 400 voxels and the PET 128 x 128 x 80; the files take about 210 MB. There is no patient.";

const RENDER: &str = "\
Examples:
  anatome render STUDY --out pictures
  anatome render STUDY --out lung --series 2 --window lung --size 1920x1080 --labels
  anatome render STUDY --out again --scene pictures/axial.json

Writes axial, coronal, sagittal, mip and rendering, each as .png (or .jpg or .tif, see --format) with its scene as .json
beside it. Of a single slice only the picture along it is drawn, and of images that make no volume one (--frame).

Exit codes: 0 ok, 2 usage (also a path that is not there), 3 some pictures failed, images were left out because they are
damaged, or the report could not be printed, 4 all failed, 5 GPU trouble, 130 interrupted.";

const INSPECT: &str = "\
Examples:
  anatome inspect STUDY
  anatome inspect STUDY --json --headers-only

Lengths are in mm; directions are letters of the patient: L left, R right, A front, P back, H head, F feet.

Exit codes: 0 ok, 2 usage (also a path that is not there), 3 a series, an image or a file that was named can't be read,
4 nothing can, 130 interrupted. Files of a searched folder that are no images are notes.";

const CONVERT: &str = "\
Example:
  anatome convert STUDY --series 2 --out volume.nii.gz

Voxels keep their numbers, axes and positions; nothing is resampled. What the file can't hold exactly is a note.";

#[cfg(feature = "viewer")]
const VIEW_USAGE: &str = "\
anatome view [OPTIONS] [INPUT]...
       anatome view [OPTIONS] --session <FILE>
       anatome view [OPTIONS] --continue";

#[cfg(feature = "viewer")]
const VIEW: &str = "\
Examples:
  anatome view STUDY
  anatome view --session reading.json

In the window, H shows all keys. Not for diagnostic use.

Exit codes: 0 ok, 2 usage (also a path that is not there), 5 no window can be opened, 130 interrupted.";

const ADAPTERS: &str = "\
Each is tested against the CPU renderer. `anatome render --adapter NUMBER` takes one of them.";

impl Cli {
    /// The arguments, or an exit with a usage error.
    pub(crate) fn parse_checked() -> Self {
        let cli = Self::parse();
        if let Err(error) = cli.check() {
            error.exit();
        }
        cli
    }

    /// What clap's rules can't say.
    fn check(&self) -> Result<(), clap::Error> {
        if let Command::Render(RenderArgs { jpeg_quality: Some(_), format, .. }) = &self.command
            && *format != FormatArg::Jpeg
        {
            return Err(conflict("render", "'--jpeg-quality <N>' goes with '--format jpeg' only"));
        }
        let (name, by) = match &self.command {
            Command::Demo(args) => ("demo", &args.common.by),
            Command::Render(args) => ("render", &args.common.by),
            #[cfg(feature = "viewer")]
            Command::View(args) => ("view", &args.by),
            Command::Inspect(_) | Command::Convert(_) | Command::Adapters(_) => return Ok(()),
        };
        if by.adapter.is_some() && matches!(by.backend, BackendArg::Cpu) {
            let text = "'--adapter <NUMBER|NAME>' chooses a GPU, and '--backend cpu' uses none: leave one of them out";
            return Err(conflict(name, text));
        }
        Ok(())
    }
}

/// Arguments that contradict each other, with the usage of the command that was given.
fn conflict(command: &str, text: &str) -> clap::Error {
    let mut top = Cli::command();
    top.build();
    let command = top.find_subcommand_mut(command).cloned().unwrap_or(top);
    command.clone().error(clap::error::ErrorKind::ArgumentConflict, text)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a study of a generated thorax (CT and PET), read it back, and render it.
    #[command(after_help = DEMO)]
    Demo(DemoArgs),
    /// Render a series: three planes, a projection and a 3D picture, or one scene.
    #[command(after_help = RENDER)]
    Render(RenderArgs),
    /// Say what is in files: studies, series, geometry, values, and everything odd.
    #[command(after_help = INSPECT)]
    Inspect(InspectArgs),
    /// Write a series as a NIfTI file, voxel for voxel.
    #[command(after_help = CONVERT)]
    Convert(ConvertArgs),
    /// Look at series in a window: slices, planes, 3D, measurements.
    #[cfg(feature = "viewer")]
    #[command(after_help = VIEW, override_usage = VIEW_USAGE)]
    View(ViewArgs),
    /// List the GPUs, what each can do, and which would be chosen.
    #[command(after_help = ADAPTERS)]
    Adapters(AdaptersArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder that is written to; made if it is not there.
    #[arg(long, default_value = "anatome-demo", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Which body: the same number makes the same files.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The folder that is written to; made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Render exactly this scene (JSON, as stands beside each picture) instead of the standard pictures, by default of the
    /// largest volume of the modality for which it was made.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["window", "preset", "planes"])]
    pub(crate) scene: Option<PathBuf>,
    /// Along whose axes planes are cut.
    #[arg(long, value_enum, default_value_t = PlanesArg::Patient)]
    pub(crate) planes: PlanesArg,
    /// The window of planes and projection: centre and width as C,W in the values' own unit (HU for CT), or for CT
    /// (and where the modality is not stated) abdomen, lung, bone, brain, subdural, stroke, liver, mediastinum. Default:
    /// the file's own, or by modality.
    #[arg(long, value_name = "NAME|C,W", allow_hyphen_values = true)]
    pub(crate) window: Option<WindowChoice>,
    /// Colours and opacity of the 3D picture: for CT bone, soft-tissue, lung, vessels, skin, muscle-bone; for all
    /// t1-brain, angiography, hot. Default: by modality.
    #[arg(long, value_name = "NAME", value_parser = preset_name)]
    pub(crate) preset: Option<String>,
    /// Whether samples are interpolated exactly, or by the GPU's texture unit.
    #[arg(long, value_enum, default_value_t = PrecisionArg::Exact)]
    pub(crate) precision: PrecisionArg,
    /// Which image of a series that makes no volume, from 1. Default: the middle one.
    #[arg(long, value_name = "NUMBER", conflicts_with = "scene")]
    pub(crate) frame: Option<usize>,
    /// Burn in orientation letters, a scale bar and facts without identity.
    #[arg(long)]
    pub(crate) labels: bool,
    /// The pictures' files.
    #[arg(long, value_enum, default_value_t = FormatArg::Png)]
    pub(crate) format: FormatArg,
    /// The quality of JPEGs, 1 to 100. Default: 95.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) jpeg_quality: Option<u8>,
    #[command(flatten)]
    pub(crate) common: CommonArgs,
}

#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// Width and height of each picture in pixels, up to 32768 each.
    #[arg(long, default_value = "3840x2160", value_name = "WxH", value_parser = size)]
    pub(crate) size: [u32; 2],
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// Replace files that are already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// What renders.
#[derive(Debug, Args)]
pub(crate) struct ByArgs {
    /// What renders: a hardware GPU if it passes the self-test and otherwise the CPU, or one of them.
    #[arg(long, value_enum, default_value_t = BackendArg::Auto)]
    pub(crate) backend: BackendArg,
    /// The GPU to use, by its number in `anatome adapters` or (part of) its name; the only way to get a software
    /// driver.
    #[arg(long, value_name = "NUMBER|NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) adapter: Option<String>,
    /// The most bytes of a volume's voxels on the GPU at once, such as 64M or 2G; of a larger one the parts that a picture
    /// needs. Pictures are the same. Default: what the GPU has.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) memory_budget: Option<u64>,
}

#[cfg(feature = "viewer")]
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// Folders (searched with all in them), files or archives (zip, tar, tar.gz): DICOM, NIfTI, NRRD, MetaImage. More
    /// can be dropped on the window.
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// A session that was saved before, in place of inputs.
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    pub(crate) session: Option<PathBuf>,
    /// Go on where the last session ended, also after a crash.
    #[arg(long = "continue", conflicts_with_all = ["inputs", "session"])]
    pub(crate) continues: bool,
    /// Do what a script (JSON) says, print how long its pictures took, and close the window.
    #[arg(long, value_name = "SCRIPT")]
    pub(crate) bench: Option<PathBuf>,
    /// Change what files may ask for, such as volume_bytes=16G,files=2000 (K, M, G: times 1024).
    #[arg(long, value_name = "NAME=VALUE,...", default_value = "volume_bytes=8G")]
    pub(crate) limits: Limits,
    #[command(flatten)]
    pub(crate) by: ByArgs,
    /// The number of threads, 1 to 1024. Default: one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Show what identifies a patient: names, IDs, dates, descriptions, UIDs, and the names of skipped and damaged files.
    #[arg(long)]
    pub(crate) with_identity: bool,
    /// Read headers only: faster, but without values and what only decoding finds.
    #[arg(long)]
    pub(crate) headers_only: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// The file that is written: .nii, or .nii.gz to compress it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace a file that is already there.
    #[arg(long)]
    pub(crate) overwrite: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// One series of what is read.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    #[command(flatten)]
    pub(crate) read: ReadArgs,
    /// Which series: its number in `anatome inspect`, or its Series Instance UID. Default: the largest volume.
    #[arg(long, value_name = "NUMBER|UID")]
    pub(crate) series: Option<SeriesChoice>,
}

/// What is read, and what that may cost.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Folders (searched with all in them), files or archives (zip, tar, tar.gz): DICOM, NIfTI, NRRD, MetaImage.
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Change what files may ask for, such as volume_bytes=16G,files=2000 (K, M, G: times 1024). Also: folder_depth,
    /// file_bytes, unpacked_bytes, header_bytes, elements, nesting, frames, frame_pixels, contour_points.
    #[arg(long, value_name = "NAME=VALUE,...", default_value = "volume_bytes=8G")]
    pub(crate) limits: Limits,
}

impl ReadArgs {
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.inputs.iter().cloned().map(Source::from).collect()
    }
}

/// What every command that works on volumes takes.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The number of threads, 1 to 1024. Default: one a core. Pictures do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print the report as JSON, with a schema_version.
    #[arg(long)]
    pub(crate) json: bool,
}

impl RunArgs {
    pub(crate) fn workers(&self) -> anatome::Result<Workers> {
        Workers::new(self.threads.map(usize::from))
    }
}

#[derive(Debug, Args)]
pub(crate) struct AdaptersArgs {
    /// Print the report as JSON, with a schema_version.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PlanesArg {
    /// The patient's axes.
    Patient,
    /// The acquisition's rows, columns and slices.
    Acquisition,
}

impl From<PlanesArg> for Planes {
    fn from(arg: PlanesArg) -> Self {
        match arg {
            PlanesArg::Patient => Self::Patient,
            PlanesArg::Acquisition => Self::Acquisition,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// 32-bit arithmetic from the stored integers.
    Exact,
    /// May use the texture unit.
    Preview,
}

impl From<PrecisionArg> for Precision {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::Exact => Self::Exact,
            PrecisionArg::Preview => Self::Preview,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(crate) enum FormatArg {
    /// PNG.
    Png,
    /// JPEG, colours in full resolution: small, but not to the last grey level what was rendered.
    Jpeg,
    /// TIFF, compressed without loss.
    Tiff,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BackendArg {
    /// A hardware GPU that passes the self-test, otherwise the CPU.
    Auto,
    /// The CPU renderer.
    Cpu,
    /// A GPU, or fail.
    Gpu,
}

impl From<BackendArg> for BackendChoice {
    fn from(arg: BackendArg) -> Self {
        match arg {
            BackendArg::Auto => Self::Auto,
            BackendArg::Cpu => Self::Cpu,
            BackendArg::Gpu => Self::Gpu,
        }
    }
}

fn size(text: &str) -> Result<[u32; 2], String> {
    let parts = text.split_once(['x', 'X']).and_then(|(w, h)| Some([w.parse().ok()?, h.parse().ok()?]));
    match parts {
        Some([w, h]) if (1..=32_768).contains(&w) && (1..=32_768).contains(&h) => Ok([w, h]),
        _ => Err("a size is two numbers from 1 to 32768, such as 3840x2160".to_owned()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    anatome::number_with_unit(text)
        .ok_or_else(|| "bytes are a whole number above 0, with K, M or G behind it if need be".to_owned())
}

fn preset_name(name: &str) -> Result<String, anatome::Error> {
    let presets = anatome::Presets::built_in();
    presets.rendering(Some(name), &anatome::Modality::Ct).map(|_| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_and_windows_are_read() {
        assert_eq!(size("3840x2160"), Ok([3840, 2160]));
        assert!(size("0x5").is_err() && size("10").is_err() && size("99999x1").is_err());
        let parsed = Cli::try_parse_from(["anatome", "render", "a", "--out", "b", "--window", "-600,1500"]);
        assert!(parsed.is_ok(), "{parsed:?}");
        assert!(Cli::try_parse_from(["anatome", "render", "a", "--out", "b", "--window", "40,0"]).is_err());
        assert!(Cli::try_parse_from(["anatome", "render", "a", "--out", "b", "--preset", "none"]).is_err());
        assert_eq!(bytes("64M"), Ok(64 << 20));
        assert!(bytes("0").is_err() && bytes("much").is_err());
    }

    #[test]
    fn help_says_what_each_command_does_with_an_example() {
        let mut top = Cli::command();
        let names: Vec<String> = top.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        assert_eq!(names.len(), if cfg!(feature = "viewer") { 6 } else { 5 });
        let help = top.render_long_help().to_string();
        assert!(help.contains("Not for diagnostic use"), "{help}");
        for name in names {
            assert!(help.contains(&format!("\n  anatome {name}")), "{name}: {help}");
        }
    }

    #[test]
    fn an_adapter_is_no_cpu() {
        let checked = |backend: &str| {
            let line = ["anatome", "demo", "--adapter", "x", "--backend", backend];
            Cli::try_parse_from(line).unwrap().check()
        };
        assert!(checked("cpu").is_err() && checked("gpu").is_ok() && checked("auto").is_ok());
    }
}
