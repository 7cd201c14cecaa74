//! How far pictures may differ, in one place.
//!
//! A constant is changed only with a new reason, never to get a test to pass.

/// How far two pictures of the same request may differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The largest difference of any pixel: levels for grey and colour (of any channel), modality units for values.
    pub intensity: f64,
    /// The part of the pixels that may differ at all, 0 to 1.
    pub max_pixels: f64,
    /// How far around its place the match of a pixel that differs by more than `intensity` is looked for.
    pub radius_px: u32,
    /// The largest distance in mm between the places of corresponding pixels.
    pub geometry_mm: f64,
}

impl Tolerance {
    /// Every bit: repetition, threads, regions, skipping and goldens of the reference itself.
    pub const NONE: Self = Self { intensity: 0.0, max_pixels: 0.0, radius_px: 0, geometry_mm: 0.0 };

    /// A rendering whose rays end when less than 1/512 of the light is left, against one without such ends: half a level
    /// of what is behind, which moves the rounding by one.
    pub const ENDS: Self = Self { intensity: 1.0, max_pixels: 1.0, radius_px: 0, geometry_mm: 0.0 };

    /// Slices and slabs against the float64 reference.
    ///
    /// A value in f32 is off by less than 0.01 HU, so a window of 400 HU (0.64 levels per HU) moves a display value by
    /// far less than half a level: only one on the edge between two levels can fall to the other side, by one level.
    /// Split positions are off by about 1e-7 of a voxel; at 200 HU per voxel and 0.64 levels per HU that puts about
    /// 3 pixels in 100,000 on the other side.
    pub const SLICE: Self = Self { intensity: 1.0, max_pixels: 1e-4, radius_px: 0, geometry_mm: 1e-9 };

    /// Slices and slabs of a GPU against the CPU renderer: both do the same f32 arithmetic, but a GPU may contract to
    /// fused multiply-adds and divide within 2.5 ulp, which moves values as little as [`Self::SLICE`] allows for.
    pub const GPU_SLICE: Self = Self::SLICE;

    /// Nearest neighbours: a place within rounding of the border between two voxels may take either, and the pixel
    /// beside it shows the other one. At 1e-6 of a voxel, three borders and a pixel a voxel that is 6 pixels in a
    /// million. Any other pixel is equal bit by bit.
    pub const NEAREST: Self = Self { intensity: 0.0, max_pixels: 1e-4, radius_px: 1, geometry_mm: 1e-9 };

    /// Modality values: ten times below what is ever shown of a Hounsfield unit, and what f32 holds of 80,000 HU.
    pub const VALUES: Self = Self { intensity: 0.01, max_pixels: 1.0, radius_px: 0, geometry_mm: 1e-9 };

    /// 16-bit levels: a window of 400 HU has 164 of them per HU, so that [`Self::VALUES`] is 1.6 levels.
    pub const GREY_16: Self = Self { intensity: 2.0, max_pixels: 1.0, radius_px: 0, geometry_mm: 1e-9 };

    /// Colour maps: backends interpolate a table of 1024 colours. Where a channel's slope changes by s per unit of the
    /// display value, the two entries around the stop are off by up to s / 4092: a third of a level for s = 5. As these
    /// are 0.2 % of the display values, three times 0.2 % of a sixth of the pixels may fall to the neighbouring level.
    pub const COLORS: Self = Self { intensity: 1.0, max_pixels: 1e-3, radius_px: 0, geometry_mm: 1e-9 };

    /// Projections along rays: positions are plain f32, off by about 4e-6 of a voxel on axes of at most 64 voxels, as
    /// the suites have them. At 400 HU per voxel and 0.64 levels per HU that is 0.001 levels, so that 0.2 % of the
    /// pixels may fall to the neighbouring level.
    pub const PROJECTION: Self = Self { intensity: 1.0, max_pixels: 2e-3, radius_px: 0, geometry_mm: 0.0 };

    /// Nearest neighbours along rays: as [`Self::PROJECTION`], but one of the few hundred samples may take the other of
    /// two voxels, which a neighbouring ray sees.
    pub const PROJECTION_NEAREST: Self = Self { radius_px: 1, ..Self::PROJECTION };

    /// Means of nearest neighbours along rays: the sample that takes the other voxel moves the mean of n samples by up
    /// to 1/n of their difference, in this ray only. A ray that clips a corner has few samples, so that only the number
    /// of such pixels is bounded: 100 samples within 4e-6 of one of the borders, one a voxel, are 0.04 % of the rays.
    pub const PROJECTION_MEAN_NEAREST: Self = Self { intensity: 255.0, max_pixels: 1e-3, ..Self::PROJECTION };

    /// Renderings: positions as in [`Self::PROJECTION`] and sums of a hundred f32 terms in three channels, but flatter
    /// volumes. The table of 4096 entries and the functions of the hardware add about as much.
    pub const RENDERING: Self = Self { intensity: 1.0, max_pixels: 2e-3, radius_px: 0, geometry_mm: 0.0 };

    /// Windows of the viewer, drawn by a software driver. The pictures in them are the CPU renderer's, bit by bit; what is
    /// around and over them is blended by the driver. Where letters stand in the texture of a font is chance, which moves
    /// some three pixels of 640,000 by one level; another version of a driver may round each of two layers the other way.
    pub const WINDOW: Self = Self { intensity: 2.0, max_pixels: 1e-3, radius_px: 0, geometry_mm: 0.0 };
}
