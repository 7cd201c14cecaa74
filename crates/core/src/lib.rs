//! The model of Anatome: volumes, scenes, images and the [`Renderer`] trait.
//!
//! Nothing here reads files, talks to a GPU, opens a window or starts a thread.
//! Lengths are millimetres and positions are LPS patient coordinates (+x left, +y posterior, +z head) in f64.
//! Arrays are `[k, j, i]` with i fastest; the centre of the first voxel has index 0.

mod camera;
pub mod checkerboard;
mod color;
mod digest;
mod error;
mod grid;
mod image;
mod notes;
mod orientation;
pub mod plan;
mod progress;
mod renderer;
mod request;
mod samples;
mod scene;
mod slices;
mod standard_views;
mod transfer_function;
mod volume;
mod window;

pub use camera::{Camera, Lens};
pub use checkerboard::PixelSubset;
pub use color::{ColorMap, ColorStop};
pub use error::{DeviceFault, Error, ErrorKind, GeometryFault, SceneFault};
pub use grid::Grid;
pub use image::{Image, Pixels, PlaneGeometry, Recipe, Source};
pub use notes::{Note, NoteCode, Notes};
pub use orientation::orientation_letters;
pub use progress::Progress;
pub use renderer::{Frame, FrameStatus, Renderer, Uploaded};
pub use request::{Bindings, Output, PixelRect, Precision, Quality, Request};
pub use samples::{Sample, Samples, SliceSamples};
pub use scene::{
    Appearance, ClipPlane, CropBox, Interpolation, Layer, Projection, Region, SCENE_VERSION, Scene, Shading,
    SlicePlane, View,
};
pub use slices::SliceTable;
pub use standard_views::{Planes, StandardView};
pub use transfer_function::{EmissionTable, Piece, TransferFunction, TransferPoint};
pub use volume::{Facts, Modality, NamedVoi, Padding, Unit, ValueMapping, Volume};
pub use window::{Voi, VoiLut, Window, WindowFunction};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
