//! What is said of series that are no volumes, and of uptake.

use anatome_dicom::objects::{DerivedObject, SegmentationKind, read_object};
use anatome_dicom::{Form, Limits, Series, SpacingSource, Stack, SuvReport, SuvType};
use serde::Serialize;

/// Frames that make no volume.
#[derive(Debug, Serialize)]
pub struct StackReport {
    /// Why they make none.
    pub reason: String,
    /// Columns and rows of the first frame.
    pub size: [usize; 2],
    /// Distances in mm between columns and between rows of the first frame; absent where nothing tells.
    pub spacing_mm: Option<[f64; 2]>,
    /// How the spacing is known.
    pub spacing_source: String,
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
        SpacingSource::CalibratedByGeometry => "pixel spacing, calibrated by the known geometry",
        SpacingSource::CalibratedByFiducial => "pixel spacing, calibrated by an object of known size",
        SpacingSource::CalibratedUnstated => "pixel spacing, calibrated without saying how",
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
                let (kind, content) = describe(&object);
                let referenced_series = object.referenced().len();
                Some(Self { kind, content: objects + &content, referenced_series })
            }
            // An image, or nothing that is known.
            Err(_) if series.shape().is_some() => None,
            Err(error) => {
                let kind = header.sop_class_name().unwrap_or("object without images").to_owned();
                let content = match error {
                    anatome_dicom::Error::Unsupported { .. } => "not read".to_owned(),
                    error => error.to_string(),
                };
                Some(Self { kind, content, referenced_series: 0 })
            }
        }
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn describe(object: &DerivedObject) -> (String, String) {
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
        DerivedObject::Dose(dose) => ("RT dose", counted(dose.frame_offsets_mm.len(), "plane")),
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

impl UptakeReport {
    /// One entry for each kind of SUV; none for other modalities.
    pub(super) fn all(series: &Series, form: &Form, limits: &Limits) -> Vec<Self> {
        if series.modality() != anatome_core::Modality::Pt || *form != Form::Volume {
            return Vec::new();
        }
        let report = match SuvReport::new(series.instances(), limits) {
            Ok(report) => report,
            Err(error) => {
                let refusal = Some(error.to_string());
                return vec![Self { kind: SuvType::BodyWeight.code(), factor: None, refusal }];
            }
        };
        let entry = |kind: SuvType| match report.factor(kind) {
            Ok(factor) => Self { kind: kind.code(), factor: Some(factor), refusal: None },
            Err(refusal) => Self { kind: kind.code(), factor: None, refusal: Some(refusal.to_string()) },
        };
        SuvType::ALL.map(entry).into()
    }
}
