//! What one object's header says.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anatome_core::{Modality, NamedVoi};
use dicom_core::dictionary::{UidDictionary as _, UidDictionaryEntry};
use dicom_dictionary_std::{StandardSopClassDictionary, tags};
use glam::DVec3;

use crate::elements::{Elements, Encoding, Fields, PixelElement, Walk, walk};
use crate::objects::RealWorldMap;
use crate::source::Place;
use crate::{Error, Limits, Phase, TransferSyntax};

/// The header of one SOP instance, with the way back to its pixels. Holds no identity in the open: see
/// [`InstanceHeader::identity`].
#[derive(Clone)]
#[non_exhaustive]
pub struct InstanceHeader {
    /// SOP Class UID (0008,0016), empty if absent.
    pub sop_class_uid: String,
    /// SOP Instance UID (0008,0018), empty if absent.
    pub sop_instance_uid: String,
    /// Study Instance UID (0020,000D), empty if absent.
    pub study_instance_uid: String,
    /// Series Instance UID (0020,000E), empty if absent.
    pub series_instance_uid: String,
    /// Frame of Reference UID (0020,0052).
    pub frame_of_reference_uid: Option<String>,
    /// How the file is encoded (0002,0010).
    pub transfer_syntax: TransferSyntax,
    /// Modality (0008,0060).
    pub modality: Modality,
    /// Image Type (0008,0008).
    pub image_type: Vec<String>,
    /// Series Number (0020,0011).
    pub series_number: Option<i64>,
    /// Series Description (0008,103E): free text, which may name anyone. Show it only where identity is shown.
    pub series_description: Option<String>,
    /// Concatenation UID (0020,9161): objects that are one, cut into several.
    pub concatenation_uid: Option<String>,
    /// Of those, In-concatenation Number (0020,9162) and Concatenation Frame Offset Number (0020,9228).
    pub(crate) concatenation_place: (Option<i64>, Option<i64>),
    /// Instance Number (0020,0013).
    pub instance_number: Option<i64>,
    /// What tells apart the phases of a series; for several frames see [`crate::Frame::phase`].
    pub phase: Phase,
    /// Whether its frames are described by functional groups (PS3.3 C.7.6.16).
    pub is_enhanced: bool,
    /// Where the image stands; for several frames see [`crate::Frame::plane`].
    pub plane: Plane,
    /// How the pixels are stored; `None` for objects without pixels.
    pub pixels: Option<PixelModule>,
    /// What the pixels mean; for several frames see [`crate::Frame::values`].
    pub values: Arc<Values>,
    /// What the file says of its frames beyond what all of them share.
    pub(crate) frames: FrameHeaders,
    /// How many frames the file can hold, whatever it states and the limits allow.
    pub(crate) frames_that_fit: u64,
    /// How many overlays (60xx) it has.
    pub(crate) overlays: usize,
    /// A digest of Patient ID and name, if any is stated: only tells patients apart.
    pub(crate) patient: Option<u64>,
    pub(crate) place: Place,
    pub(crate) dataset: Dataset,
    pub(crate) pixel_data: Option<PixelPlace>,
}

/// Free text and UIDs may tell who it is.
impl fmt::Debug for InstanceHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceHeader")
            .field("sop_class_uid", &self.sop_class_uid)
            .field("transfer_syntax", &self.transfer_syntax)
            .field("modality", &self.modality)
            .field("plane", &self.plane)
            .field("pixels", &self.pixels)
            .field("frames", &self.frames.count)
            .field("dataset", &self.dataset)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// What is known of the frames of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FrameHeaders {
    /// How many frames are to be found: not more than the file can hold.
    pub count: u32,
    /// One for each frame, or fewer, or none.
    pub each: Vec<FrameHeader>,
    /// What holds for frames that `each` does not list; `None` where the object's own fields do.
    pub rest: Option<Box<FrameHeader>>,
    /// Why frames have no positions, where there is more to say than that they state none.
    pub unplaced: Option<&'static str>,
}

/// What is known of one frame of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FrameHeader {
    pub plane: Plane,
    pub phase: Phase,
    pub values: Arc<Values>,
    /// Frame Type (0008,9007).
    pub frame_type: Option<Arc<[String]>>,
    /// For a part of a mosaic: which part of the stored frame.
    pub tile: Option<Tile>,
}

/// A part of a stored frame, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub row: u32,
    pub column: u32,
    pub rows: u32,
    pub columns: u32,
}

/// Where an image stands (PS3.3 C.7.6.2), as the file states it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Plane {
    /// Image Position (Patient) (0020,0032): the centre of the first voxel in LPS mm. Finite.
    pub image_position_mm: Option<DVec3>,
    /// The direction along a row, from Image Orientation (Patient) (0020,0037). Finite, not checked further.
    pub row_cosines: Option<DVec3>,
    /// The direction down a column.
    pub column_cosines: Option<DVec3>,
    /// Pixel Spacing (0028,0030) in the file's order: between rows (along j), then between columns (along i), in mm.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Slice Thickness (0018,0050) in mm, positive.
    pub slice_thickness_mm: Option<f64>,
    /// Spacing Between Slices (0018,0088) in mm: often wrong, never used for geometry.
    pub slice_spacing_mm: Option<f64>,
}

/// How pixels are stored (PS3.3 C.7.6.3), as the file states it and not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PixelModule {
    /// Rows (0028,0010), 0 if absent.
    pub rows: u32,
    /// Columns (0028,0011), 0 if absent.
    pub columns: u32,
    /// Samples per Pixel (0028,0002).
    pub samples_per_pixel: u32,
    /// Bits Allocated (0028,0100), 0 if absent.
    pub bits_allocated: u32,
    /// Bits Stored (0028,0101), Bits Allocated if absent.
    pub bits_stored: u32,
    /// High Bit (0028,0102), Bits Stored - 1 if absent.
    pub high_bit: u32,
    /// Planar Configuration (0028,0006) is 1: all samples of one colour, then all of the next.
    pub planar: bool,
    /// Pixel Representation (0028,0103): two's complement.
    pub signed: bool,
    /// Photometric Interpretation (0028,0004), empty if absent.
    pub photometric: String,
    /// Number of Frames (0028,0008): 1 if absent, 0 if it is no number.
    pub frames: i64,
}

/// What stored values mean (PS3.3 C.11.1, C.11.2, C.7.5.1.1.2), as the file states it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Values {
    /// Rescale Slope (0028,1053), or Dose Grid Scaling (3004,000E).
    pub slope: Option<f64>,
    /// Rescale Intercept (0028,1052).
    pub intercept: Option<f64>,
    /// Rescale Type (0028,1054), or Dose Units (3004,0002).
    pub rescale_type: Option<String>,
    /// Units (0054,1001) of PET.
    pub units: Option<String>,
    /// SUV Type (0054,1006) of PET.
    pub suv_type: Option<String>,
    /// Pixel Padding Value (0028,0120), sign as Pixel Representation has it.
    pub padding: Option<i64>,
    /// Pixel Padding Range Limit (0028,0121), likewise.
    pub padding_limit: Option<i64>,
    /// The windows (0028,1050 and following) that are usable, in order.
    pub windows: Vec<NamedVoi>,
    /// The frame's own real-world value maps (0040,9096), in order.
    pub real_world: Arc<[RealWorldMap]>,
    /// Whether there is a Modality LUT Sequence (0028,3000).
    pub has_modality_lut: bool,
    /// Presentation LUT Shape (2050,0020) is INVERSE.
    pub inverse: bool,
    /// Whether a greyscale image has colours for its highest values (PS3.3 C.7.6.19).
    pub has_supplemental_palette: bool,
    /// Whether there is a VOI LUT Sequence (0028,3010).
    pub has_voi_lut: bool,
    /// Lossy Image Compression (0028,2110) is 01, or the transfer syntax is lossy.
    pub lossy: bool,
}

/// Who and when. Only for those who are allowed to see it: never in logs, errors, notes or file names.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// Patient's Name (0010,0010).
    pub patient_name: Option<String>,
    /// Patient ID (0010,0020).
    pub patient_id: Option<String>,
    /// Patient's Birth Date (0010,0030), as written.
    pub birth_date: Option<String>,
    /// Patient's Sex (0010,0040).
    pub sex: Option<String>,
    /// Accession Number (0008,0050).
    pub accession_number: Option<String>,
    /// Study Date (0008,0020), as written.
    pub study_date: Option<String>,
    /// Series Date (0008,0021), as written.
    pub series_date: Option<String>,
    /// Study Description (0008,1030).
    pub study_description: Option<String>,
    /// Series Description (0008,103E).
    pub series_description: Option<String>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// The encoded dataset in front of the pixel data, whole but for long values of private elements and overlays, which
/// would make up most of the memory of many headers.
#[derive(Clone)]
pub(crate) struct Dataset {
    pub bytes: Arc<[u8]>,
    pub encoding: Encoding,
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.bytes.len())
    }
}

impl Dataset {
    pub fn walk(&self, limits: &Limits) -> Result<Elements, Error> {
        match walk(&self.bytes, true, self.encoding, limits)? {
            Walk::Done(elements) => Ok(elements),
            Walk::NeedMore(_) => Err(Error::malformed("dataset", "it ends early")),
        }
    }
}

/// Where the pixel data are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PixelPlace {
    /// Its offset counts from the start of the file, or of the inflated dataset where that is deflated.
    pub element: PixelElement,
    /// Where the deflated dataset starts in the file.
    pub deflated_from: Option<u64>,
    /// Bytes from the value's start to the end of the file; at most so many within a deflated dataset.
    pub available: u64,
}

impl InstanceHeader {
    /// The standard's name of the SOP class (PS3.6 Annex A), such as `CT Image Storage`.
    #[must_use]
    pub fn sop_class_name(&self) -> Option<&'static str> {
        let dictionary: &'static StandardSopClassDictionary = &StandardSopClassDictionary;
        dictionary.by_uid(&self.sop_class_uid).map(UidDictionaryEntry::name)
    }

    /// Whether it is an image by its class and holds none, such as a file that was cut between two elements.
    pub(crate) fn lacks_pixels(&self) -> bool {
        self.pixels.is_none() && self.sop_class_name().is_some_and(|name| name.ends_with("Image Storage"))
    }

    /// What objects of one series are ordered by where nothing else does: their place in a concatenation, their
    /// number, their UID.
    pub(crate) fn order(&self) -> impl Ord + use<'_> {
        (self.place_in_series(), &self.sop_instance_uid)
    }

    /// Its place in a concatenation, and its number.
    pub(crate) fn place_in_series(&self) -> impl Ord + use<> {
        (self.concatenation_place, self.instance_number)
    }

    /// How many frames are to be found: Number of Frames (0028,0008), the images of a mosaic, or 1; not more than the
    /// file can hold. 0 for objects without pixels.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames.count as usize
    }

    /// How many frames it states: 0 for objects without pixels, and where that is no positive number.
    pub(crate) fn stated_frames(&self) -> u64 {
        self.pixels.as_ref().map_or(0, |pixels| u64::try_from(pixels.frames).unwrap_or(0))
    }

    /// The file that holds it; for an entry of an archive the archive's path with the entry's name behind it. It may name
    /// a patient: show it only to who asks.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.place.name()
    }

    /// How many frames a second it is to be played at: Recommended Display Frame Rate (0008,2144), Cine Rate (0018,0040) or
    /// Frame Time (0018,1063), the first of them that is a positive number (PS3.3 C.7.6.5).
    #[must_use]
    pub fn frames_per_s(&self) -> Option<f64> {
        let elements = self.dataset.walk(&Limits::default()).ok()?;
        let fields = Fields::new(&self.dataset.bytes, &elements);
        let rate = |tag| fields.number(tag).filter(|rate| rate.is_finite() && *rate > 0.0);
        let stated = rate(tags::RECOMMENDED_DISPLAY_FRAME_RATE).or_else(|| rate(tags::CINE_RATE));
        stated.or_else(|| Some(1000.0 / rate(tags::FRAME_TIME)?))
    }

    /// Who and when. Reads it from the header each time, so that it stays nowhere else.
    #[must_use]
    pub fn identity(&self) -> Identity {
        let Ok(elements) = self.dataset.walk(&Limits::default()) else { return Identity::default() };
        crate::parse::identity(Fields::new(&self.dataset.bytes, &elements))
    }
}
