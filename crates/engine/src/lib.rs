//! Anatome, a medical-imaging post-processing engine: DICOM files in, exact slices and 3D pictures out.
//!
//! This crate is the facade that integrators depend on. It orchestrates: [`Study`] finds and loads volumes,
//! [`Backend`] renders [`Scene`]s of them on a GPU or the CPU, [`files`] writes pictures, and [`Job`] does all of it in
//! one call. All parallel work runs on the [`Workers`] that the caller makes. Not for diagnostic use.
//!
//! Positions are LPS millimetres in f64; arrays are `[k, j, i]`. See [`anatome_core`] for the model.

mod arrival;
mod backend;
mod encode;
mod error;
pub mod files;
pub mod governor;
mod image_part;
mod inspect;
mod job;
pub mod labels;
mod pictures;
mod placed;
mod presets;
mod scene_file;
mod stacks;
mod study;
mod values;
mod workers;

pub use anatome_core::{
    Appearance, Bindings, Camera, ClipPlane, ColorMap, CropBox, ErrorKind, Facts, Frame, FrameStatus, Grid,
    Image, Interpolation, Layer, Lens, Modality, NamedVoi, Note, NoteCode, Notes, Output, Padding, PixelRect,
    PixelSubset, Pixels, PlaneGeometry, Planes, Precision, Progress, Projection, Quality, Recipe, Region,
    Request, Samples, Scene, Shading, SlicePlane, SliceSamples, SliceTable, StandardView, TransferFunction,
    TransferPoint, Unit, ValueMapping, View, Voi, VoiLut, Volume, Window, WindowFunction,
    orientation_letters,
};
pub use anatome_dicom::{
    Coming, FinishedSlice, Form, Frame as StoredFrame, FramePixels, FrameSpacing, GreyFrame, Identity,
    Limits, LimitsFault, Series, SeriesSpec, Sides, SkipReasons, Skipped, SliceSink, Source, SpacingSource,
    Stack, StackFrame, SuvRefusal, SuvReport, SuvType, number_with_unit, objects, write_series,
};
pub use anatome_formats::{Format, ImageFile};
pub use anatome_gpu::{AdapterChoice, AdapterFacts, AdapterKind, Finished, GpuPicture, SharedDevice};

pub use arrival::Arrival;
pub use backend::{AdapterReport, Backend, BackendChoice, BackendFrame, UploadedVolume, adapters};
pub use encode::{PictureFormat, encode};
pub use error::{Error, Result, SceneFileFault};
pub use files::Overwrite;
pub use image_part::ImagePart;
pub use inspect::{
    DamageReport, DecodedReport, GeometryReport, INSPECT_SCHEMA_VERSION, InspectReport, ObjectReport,
    PixelsReport, Privacy, RealWorldReport, SeriesIdentity, SeriesReport, SkippedReport, StackReport,
    StudyIdentity, StudyReport, UptakeReport, ValuesReport,
};
pub use job::{JOB_SCHEMA_VERSION, Job, JobReport, PictureReport, Shots, Stage};
pub use pictures::{Picture, Style, WindowChoice, natural_output, scene};
pub use presets::{ColorMapPreset, Presets, RenderingPreset, Scale, WindowPreset, default_window};
pub use scene_file::read_scene;
pub use stacks::{FrameStyle, draw_frame};
pub use study::{Loaded, SeriesChoice, Study};
pub use values::quantiles;
pub use workers::Workers;

/// The README's program.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
