//! What is said of series that are no volumes, and of uptake.

use anatome_core::Notes;
use anatome_dicom::objects::{
    DerivedObject, DoseGrid, RealWorldMap, RealWorldMapping, SegmentationKind, read_object,
};
use anatome_dicom::{
    DamagedFrames, Form, Limits, PixelModule, Series, SpacingSource, Stack, Survey, SuvReport, SuvType,
};
use serde::Serialize;

/// Frames that make no volume.
#[derive(Debug, Serialize)]
pub struct StackReport {
    /// Why they make none; absent for colour, which never does.
    pub reason: Option<String>,
    /// Columns and rows of the first frame.
    pub size: [usize; 2],
    /// Distances in mm between columns and between rows of the first frame; absent where nothing tells.
    pub spacing_mm: Option<[f64; 2]>,
    /// How the spacing is known.
    pub spacing_source: String,
}

/// How pixels are stored.
#[derive(Debug, PartialEq, Serialize)]
pub struct PixelsReport {
    /// Photometric Interpretation (0028,0004).
    pub photometric: String,
    /// Samples per Pixel (0028,0002).
    pub samples_per_pixel: u32,
    /// Bits Allocated (0028,0100).
    pub bits_allocated: u32,
    /// Bits Stored (0028,0101).
    pub bits_stored: u32,
    /// Whether stored values may be negative.
    pub signed: bool,
}

impl PixelsReport {
    /// Those of the first instance of a series.
    pub(super) fn of(series: &Series) -> Option<Self> {
        series.instances().first()?.pixels.as_ref().map(Self::new)
    }

    /// Those of other instances that differ from the first one's, each once.
    pub(super) fn others(series: &Series) -> Vec<Self> {
        let mut kinds: Vec<Self> = Vec::new();
        for pixels in series.instances().iter().filter_map(|header| header.pixels.as_ref()) {
            let kind = Self::new(pixels);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds.into_iter().skip(1).collect()
    }

    fn new(pixels: &PixelModule) -> Self {
        Self {
            photometric: pixels.photometric.clone(),
            samples_per_pixel: pixels.samples_per_pixel,
            bits_allocated: pixels.bits_allocated,
            bits_stored: pixels.bits_stored,
            signed: pixels.signed,
        }
    }

    /// Whether the images are in colour.
    #[must_use]
    pub fn is_color(&self) -> bool {
        self.samples_per_pixel > 1 || self.photometric == "PALETTE COLOR"
    }
}

/// What decoding the frames of a series showed that makes no volume.
#[derive(Debug, Serialize)]
pub struct DecodedReport {
    /// How many frames can be decoded.
    pub frames: usize,
    /// Why others can't be.
    pub damaged: Vec<DamageReport>,
    /// Whether any was ever compressed with loss.
    pub lossy: bool,
}

/// Frames that can't be decoded.
#[derive(Debug, Serialize)]
pub struct DamageReport {
    /// Why.
    pub reason: String,
    /// How many.
    pub frames: usize,
    /// What the first five are called by their numbers, such as `image 3`.
    pub images: Vec<String>,
}

impl DecodedReport {
    pub(super) fn of(survey: &Survey) -> Self {
        let damage = |damaged: &DamagedFrames| DamageReport {
            reason: damaged.reason.clone(),
            frames: damaged.frames,
            images: damaged.images.clone(),
        };
        Self {
            frames: survey.decoded,
            damaged: survey.damaged.iter().map(damage).collect(),
            lossy: survey.lossy,
        }
    }

    /// Why none can be decoded, where that is so.
    pub(super) fn error(&self) -> Option<String> {
        let none = self.frames == 0 && !self.damaged.is_empty();
        let reasons: Vec<&str> = self.damaged.iter().map(|damage| damage.reason.as_str()).collect();
        none.then(|| reasons.join("; "))
    }
}

/// A real-world value map (0040,9096) in an image's own header.
#[derive(Debug, Serialize)]
pub struct RealWorldReport {
    /// The unit of its values: a code, mostly of UCUM.
    pub unit: String,
    /// Real-world units per stored unit; absent where a table maps values.
    pub slope: Option<f64>,
    /// The real-world value of a stored zero.
    pub intercept: Option<f64>,
    /// The first and last stored value that is mapped.
    pub range: [f64; 2],
    /// Whether images differ in it; this is the first one's.
    pub differs: bool,
}

impl RealWorldReport {
    pub(super) fn all(series: &Series) -> Vec<Self> {
        let frames = series.frames();
        let Some(first) = frames.first() else { return Vec::new() };
        let maps = &first.values().real_world;
        let report = |(n, map): (usize, &RealWorldMap)| {
            let (slope, intercept) = match &map.mapping {
                RealWorldMapping::Linear { slope, intercept } => (Some(*slope), Some(*intercept)),
                _ => (None, None),
            };
            Self {
                unit: map.units.value.clone(),
                slope,
                intercept,
                range: [map.range.0, map.range.1],
                differs: frames.iter().any(|frame| frame.values().real_world.get(n) != Some(map)),
            }
        };
        maps.iter().enumerate().map(report).collect()
    }
}

/// An object that is no image by itself.
#[derive(Debug, Serialize)]
pub struct ObjectReport {
    /// What it is, such as `segmentation (binary)`.
    pub kind: String,
    /// What it holds, such as `2 segments, 58 frames`.
    pub content: String,
    /// How many series it refers to.
    pub referenced_series: usize,
}

/// Standardised uptake values of a PET series.
#[derive(Debug, Serialize)]
pub struct UptakeReport {
    /// By what the uptake is divided: a defined term of SUV Type (0054,1006).
    pub kind: &'static str,
    /// SUV for each modality unit.
    pub factor: Option<f64>,
    /// Why there is none.
    pub refusal: Option<String>,
}

impl StackReport {
    pub(super) fn of(series: &Series, form: Form, limits: &Limits) -> Option<Self> {
        let Form::Stack { reason } = form else { return None };
        let reason = (!PixelsReport::of(series)?.is_color()).then_some(reason);
        let [_, rows, columns] = series.shape()?;
        let spacing = Stack::new(series, limits).and_then(|stack| stack.spacing(0));
        let (spacing_mm, spacing_source) = match spacing {
            Ok(spacing) => (spacing.mm.map(|[row, column]| [column, row]), source(spacing.source)),
            Err(error) => (None, error.to_string()),
        };
        Some(Self { reason, size: [columns, rows], spacing_mm, spacing_source })
    }
}

fn source(source: SpacingSource) -> String {
    let text = match source {
        SpacingSource::PixelSpacing => "pixel spacing",
        SpacingSource::ProjectionUnstated => {
            "pixel spacing of a projection, at the detector or in the patient"
        }
        SpacingSource::CalibratedByGeometry => "pixel spacing, calibrated by the known geometry",
        SpacingSource::CalibratedByFiducial => "pixel spacing, calibrated by an object of known size",
        SpacingSource::CalibratedUnstated => "pixel spacing, calibrated without saying how",
        SpacingSource::ObjectPlane => "in the plane of the object, calibrated by its height over the table",
        SpacingSource::Detector => "at the detector: what lies in the patient is smaller",
        SpacingSource::Magnification { factor } => {
            return format!("at the detector, divided by the estimated magnification of {factor}");
        }
        SpacingSource::ScannedMedium => "on the scanned film or paper",
        SpacingSource::UltrasoundRegions => "ultrasound regions",
        SpacingSource::SeveralRegions => "ultrasound regions of different scale",
        SpacingSource::AspectRatio => "only the shape of pixels is known",
        _ => "unknown",
    };
    text.to_owned()
}

impl ObjectReport {
    pub(super) fn of(series: &Series, limits: &Limits) -> Option<Self> {
        let header = series.instances().first()?;
        let object = read_object(header, limits);
        let many = series.instances().len();
        let objects = if many > 1 { format!("{many} objects, the first with ") } else { String::new() };
        match object {
            Ok(object) => {
                let (kind, content) = describe(&object, series.frames().len());
                let referenced_series = object.referenced().len();
                Some(Self { kind, content: objects + &content, referenced_series })
            }
            // An image.
            Err(anatome_dicom::Error::Unsupported { .. }) if series.form() != Form::Object => None,
            Err(error) => {
                let kind = header.sop_class_name().unwrap_or("object without images").to_owned();
                let content = match error {
                    _ if header.pixels.is_none() && kind.ends_with("Image Storage") => {
                        "an image without pixel data".to_owned()
                    }
                    anatome_dicom::Error::Unsupported { .. } => {
                        "objects of this kind are not read".to_owned()
                    }
                    error => format!("not read: {error}"),
                };
                Some(Self { kind, content, referenced_series: 0 })
            }
        }
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn describe(object: &DerivedObject, frames: usize) -> (String, String) {
    let (kind, content) = match object {
        DerivedObject::Segmentation(s) => {
            let kind = match s.kind {
                SegmentationKind::Binary => "segmentation (binary)",
                SegmentationKind::Fractional { .. } => "segmentation (fractional)",
                _ => "segmentation (label map)",
            };
            (kind, format!("{}, {}", counted(s.segments.len(), "segment"), counted(s.frames.len(), "frame")))
        }
        DerivedObject::StructureSet(s) => {
            let contours = s.rois.iter().map(|roi| roi.contours.len()).sum();
            let faults = s.rois.iter().filter(|roi| roi.fault.is_some()).count();
            let broken = if faults > 0 { format!(", {faults} of them broken") } else { String::new() };
            let regions = counted(s.rois.len(), "region");
            ("RT structure set", format!("{regions}{broken}, {}", counted(contours, "contour")))
        }
        DerivedObject::Dose(dose) => ("RT dose", dose_content(dose, frames)),
        DerivedObject::Plan(_) => ("RT plan", "not read further".to_owned()),
        DerivedObject::PresentationState(s) => {
            ("presentation state", counted(s.annotations.len(), "annotation"))
        }
        DerivedObject::RealWorldMaps(maps) => ("real-world value map", counted(maps.maps.len(), "map")),
        DerivedObject::ParametricMap(_) => ("parametric map", "values with their units".to_owned()),
        DerivedObject::KeyObjects(_) => ("key object selection", "key images".to_owned()),
        DerivedObject::Report(_) => ("structured report", "not read further".to_owned()),
        _ => ("object", String::new()),
    };
    (kind.to_owned(), content)
}

fn dose_content(dose: &DoseGrid, planes: usize) -> String {
    let stated = dose.frame_offsets_mm.len();
    let held = counted(planes, "plane");
    if stated > 1 && stated != planes { format!("{held}, positions for {stated}") } else { held }
}

/// All that is said of uptake.
#[derive(Default)]
pub(super) struct Uptake {
    pub reports: Vec<UptakeReport>,
    pub steps: Vec<String>,
    pub notes: Notes,
}

impl Uptake {
    /// One report for each kind of SUV; none for other modalities.
    pub fn of(series: &Series, form: &Form, limits: &Limits) -> Self {
        if series.modality() != anatome_core::Modality::Pt || *form != Form::Volume {
            return Self::default();
        }
        let report = match SuvReport::new(series.instances(), limits) {
            Ok(report) => report,
            Err(error) => {
                let (kind, refusal) = (SuvType::BodyWeight.code(), Some(error.to_string()));
                let reports = vec![UptakeReport { kind, factor: None, refusal }];
                return Self { reports, ..Self::default() };
            }
        };
        let entry = |kind: SuvType| match report.factor(kind) {
            Ok(factor) => UptakeReport { kind: kind.code(), factor: Some(factor), refusal: None },
            Err(refusal) => {
                UptakeReport { kind: kind.code(), factor: None, refusal: Some(refusal.to_string()) }
            }
        };
        Self {
            reports: SuvType::ALL.map(entry).into(),
            steps: report.steps().iter().map(ToString::to_string).collect(),
            notes: report.notes(),
        }
    }
}
