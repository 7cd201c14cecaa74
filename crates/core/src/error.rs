//! Errors, grouped by who must act.

/// The stable list of kinds from which exit codes, C codes and exceptions are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system refused: a missing file, no permission, a full disk.
    Io,
    /// The input breaks its standard.
    Malformed,
    /// The input is valid, but this version can't handle it.
    Unsupported,
    /// Positions, directions or spacings that make no grid or no view.
    Geometry,
    /// A budget or a limit would be exceeded.
    Limits,
    /// The GPU or its driver failed.
    Device,
    /// The caller cancelled.
    Cancelled,
}

/// What went wrong in the model or in a renderer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A scene that describes no picture.
    #[error("the scene is not valid: {0}")]
    Scene(#[from] SceneFault),
    /// A value that breaks its definition, with the standard's section where one rules.
    #[error("{what} is not valid: {reason}")]
    Malformed {
        /// What was being made or read.
        what: &'static str,
        /// Which rule it breaks.
        reason: String,
    },
    /// Something valid that this version can't do.
    #[error("{feature} is not supported")]
    Unsupported {
        /// The missing feature, in the user's words.
        feature: String,
    },
    /// Positions, directions or spacings that make no grid.
    #[error("the geometry is not usable: {0}")]
    Geometry(#[from] GeometryFault),
    /// A limit would be exceeded; nothing was allocated.
    #[error("{what} needs {needed} and {allowed} are allowed")]
    Limits {
        /// What is limited, with its unit.
        what: &'static str,
        /// How much was asked for.
        needed: u64,
        /// How much is allowed.
        allowed: u64,
    },
    /// The host has too little memory.
    #[error("there is not enough memory for {what}: {bytes} bytes")]
    OutOfMemory {
        /// What it was needed for.
        what: &'static str,
        /// How much was asked for.
        bytes: u64,
    },
    /// The GPU or its driver failed.
    #[error("GPU: {0}")]
    Device(#[from] DeviceFault),
    /// The caller cancelled.
    #[error("cancelled")]
    Cancelled,
}

impl Error {
    /// The kind from which exit codes are made.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Scene(_) | Self::Malformed { .. } => ErrorKind::Malformed,
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::Geometry(_) => ErrorKind::Geometry,
            Self::Limits { .. } | Self::OutOfMemory { .. } => ErrorKind::Limits,
            Self::Device(_) => ErrorKind::Device,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }
}

/// Why a scene describes no picture.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SceneFault {
    /// Written by a newer or an unknown version.
    #[error("version {found} is not the known version {known}")]
    Version {
        /// The scene's version.
        found: u32,
        /// The version that this library reads.
        known: u32,
    },
    /// A number that must be finite and positive is not.
    #[error("{field} is {value}, but must be finite and positive")]
    NotPositive {
        /// The field's name in the scene.
        field: &'static str,
        /// Its value.
        value: f64,
    },
    /// A number that must be finite is not.
    #[error("{field} is not finite")]
    NotFinite {
        /// The field's name in the scene.
        field: &'static str,
    },
    /// A number outside its range.
    #[error("{field} is {value}, outside {low}..={high}")]
    OutOfRange {
        /// The field's name in the scene.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The smallest value allowed.
        low: f64,
        /// The largest value allowed.
        high: f64,
    },
    /// Directions that must be of unit length and at right angles are not.
    #[error("{field} must be unit vectors at right angles")]
    NotOrthonormal {
        /// The field's name in the scene.
        field: &'static str,
    },
    /// Something of which nothing can be made, such as a normal of length zero.
    #[error("{field}: {reason}")]
    Degenerate {
        /// The field's name in the scene.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A crop box or clip planes, where the view is not of three dimensions.
    #[error("crop and clip_planes are for projections and renderings; a {view} view shows all of the volume")]
    Region {
        /// The view's kind.
        view: &'static str,
    },
    /// A layer names a slot that nothing is bound to.
    #[error("nothing is bound to the slot \"{slot}\"")]
    UnboundSlot {
        /// The slot's name.
        slot: String,
    },
    /// A scene without layers.
    #[error("it has no layers")]
    NoLayers,
    /// An appearance that the view can't use, such as a window for a rendering.
    #[error("a {view} view needs a {needed} appearance")]
    Appearance {
        /// The view's kind.
        view: &'static str,
        /// The appearance that it needs.
        needed: &'static str,
    },
    /// A checkerboard of values.
    #[error("values are never made up: all pixels must be computed")]
    ValuesMadeUp,
    /// A grey output of a layer with a colour map.
    #[error("a colour map needs the rgba8 output")]
    GreyOfColors,
    /// An output that the view can't give, such as modality values of a rendering.
    #[error("a {view} view has no {output} output")]
    Output {
        /// The view's kind.
        view: &'static str,
        /// The output that was asked for.
        output: &'static str,
    },
}

/// Why numbers make no grid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GeometryFault {
    /// A size of zero, or one that overflows.
    #[error("a grid of {0:?} voxels (slices, rows, columns)")]
    Shape([usize; 3]),
    /// An affine that can't be inverted or is not finite.
    #[error("the axes of the grid are parallel, zero or not finite")]
    Singular,
    /// Slice positions that do not strictly increase, or whose number differs from the grid's.
    #[error("slice positions must increase strictly, one for each of {slices} slices")]
    SlicePositions {
        /// The number of slices of the grid.
        slices: usize,
    },
    /// Samples whose array has another shape than the grid.
    #[error("samples of shape {samples:?} on a grid of shape {grid:?}")]
    ShapeMismatch {
        /// The samples' shape, `[k, j, i]`.
        samples: [usize; 3],
        /// The grid's shape, `[k, j, i]`.
        grid: [usize; 3],
    },
}

fn no_adapter(wanted: Option<&str>, found: &[String]) -> String {
    let list = found.join("; ");
    match (wanted, found.len()) {
        (None, 0) => "no adapter was found".to_owned(),
        (Some(wanted), 0) => format!("no adapter was found, and none that matches \"{wanted}\""),
        (None, n) => {
            let adapters = if n == 1 { "1 software adapter" } else { "only software adapters" };
            format!(
                "there is no hardware GPU, but {adapters}, used only when chosen by number or name: {list}"
            )
        }
        (Some(wanted), _) => format!("no adapter matches \"{wanted}\"; there are: {list}"),
    }
}

/// How a GPU or its driver failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceFault {
    /// No adapter, or none that is wanted.
    #[error("{}", no_adapter(.wanted.as_deref(), .found))]
    NoAdapter {
        /// The number or name that was asked for; without one a hardware GPU.
        wanted: Option<String>,
        /// The adapters there are, each by number and name.
        found: Vec<String>,
    },
    /// A name that several adapters have.
    #[error("\"{wanted}\" is more than one adapter; choose one by its number: {}", .found.join("; "))]
    AmbiguousAdapter {
        /// The name that was asked for.
        wanted: String,
        /// The adapters that have it, each by number and name.
        found: Vec<String>,
    },
    /// The adapter would not give a device.
    #[error("the adapter gave no device: {reason}")]
    NoDevice {
        /// The driver's words.
        reason: String,
    },
    /// The device is lost; every resource on it must be made again.
    #[error("the device was lost: {reason}")]
    Lost {
        /// The driver's words.
        reason: String,
    },
    /// Not enough device memory.
    #[error("out of device memory while allocating {bytes} bytes")]
    OutOfMemory {
        /// The size of the allocation that failed.
        bytes: u64,
    },
    /// The device did not answer in time.
    #[error("no answer within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// The API refused a call: a bug of this library or of the driver.
    #[error("the driver refused a call: {reason}")]
    Validation {
        /// The driver's words.
        reason: String,
    },
    /// The start-up picture differs from the CPU's.
    #[error("the self-test's picture differs from the CPU's on {pixels} pixels")]
    SelfTest {
        /// How many pixels differ by more than the tolerance.
        pixels: u64,
    },
}
