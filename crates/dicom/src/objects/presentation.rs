//! Softcopy presentation states for flat images (PS3.3 A.33): how someone wanted images to be shown.

use anatome_core::{NamedVoi, Notes, Voi, VoiLut};
use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::item::Item;
use super::{CielabColor, FreeText, ImageReference, SeriesReference};
use crate::{Error, parse, values};

/// The units of a place on an image (0070,0003 to 0070,0005).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphicUnits {
    /// Columns and rows of the image: (0, 0) is the top left corner of the first pixel, (0.5, 0.5) its centre
    /// (PS3.3 C.10.5).
    Pixel,
    /// Shares of the displayed area: (0, 0) is its top left, (1, 1) its bottom right.
    Display,
    /// Columns and rows of the total pixel matrix of tiles, likewise.
    Matrix,
}

/// The form of a graphic (0070,0023).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphicKind {
    /// One point.
    Point,
    /// Straight lines from point to point; closed if the last point is the first.
    Polyline,
    /// A smooth curve through the points.
    Interpolated,
    /// Centre and a point on the circle.
    Circle,
    /// Ends of the major axis, then of the minor axis.
    Ellipse,
}

/// A graphic on an image (0070,0009).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Graphic {
    /// Its form.
    pub kind: GraphicKind,
    /// The units of its points.
    pub units: GraphicUnits,
    /// Column and row; finite, as many as the form needs.
    pub points: Vec<[f64; 2]>,
    /// Whether it is filled.
    pub filled: bool,
}

/// A text on an image (0070,0008).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TextBox {
    /// Unformatted Text Value (0070,0006).
    pub text: FreeText,
    /// Top left and bottom right, with their units.
    pub bounds: Option<(GraphicUnits, [[f64; 2]; 2])>,
    /// What the text points to, with its units.
    pub anchor: Option<(GraphicUnits, [f64; 2])>,
    /// Whether a line to the anchor is to be drawn.
    pub shows_anchor: bool,
}

/// Texts and graphics on one layer (0070,0001).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Annotation {
    /// Graphic Layer (0070,0002).
    pub layer: Option<String>,
    /// The images that it is for; empty means all.
    pub images: Vec<ImageReference>,
    /// Its texts.
    pub texts: Vec<TextBox>,
    /// Its graphics.
    pub graphics: Vec<Graphic>,
}

/// A layer of annotations (0070,0060).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct GraphicLayer {
    /// Graphic Layer (0070,0002).
    pub name: String,
    /// Graphic Layer Order (0070,0062): higher ones are in front.
    pub order: i64,
    /// The recommended colour (0070,0401).
    pub color: Option<CielabColor>,
    /// The recommended grey (0070,0066), 0 to 65535.
    pub gray: Option<u32>,
}

/// How a displayed area fills the place for it (0070,0100).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SizeMode {
    /// As large as there is place.
    ScaleToFit,
    /// In the size that it has.
    TrueSize,
    /// Each pixel so many display pixels wide.
    Magnify(f64),
}

/// The part of an image that is shown (0070,005A).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DisplayedArea {
    /// The images that it is for; empty means all.
    pub images: Vec<ImageReference>,
    /// Column and row of the first pixel, from 1; may lie outside of the image.
    pub top_left: [i32; 2],
    /// Column and row of the last pixel.
    pub bottom_right: [i32; 2],
    /// How it fills its place.
    pub size: SizeMode,
    /// Presentation Pixel Spacing (0070,0101) in mm: between rows, then between columns.
    pub pixel_spacing_mm: Option<[f64; 2]>,
    /// Presentation Pixel Aspect Ratio (0070,0102): height to width of a pixel.
    pub aspect_ratio: Option<f64>,
}

/// The form of a display shutter (PS3.3 C.7.6.11), in columns and rows from 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ShutterShape {
    /// What lies inside of these edges is shown.
    Rectangle {
        /// Left and right column.
        columns: [i64; 2],
        /// Upper and lower row.
        rows: [i64; 2],
    },
    /// What lies inside of a circle is shown.
    Circle {
        /// Column and row of its centre.
        center: [i64; 2],
        /// In columns.
        radius: i64,
    },
    /// What lies inside of a polygon is shown.
    Polygon(Vec<[i64; 2]>),
}

/// What of the images is covered (PS3.3 C.7.6.11).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Shutter {
    /// Only what lies inside of all of them is shown.
    pub shapes: Vec<ShutterShape>,
    /// The overlay group (0018,1623) whose ones are covered.
    pub overlay_group: Option<u32>,
    /// Shutter Presentation Value (0018,1622), 0 to 65535.
    pub gray: Option<u32>,
    /// Shutter Presentation Color CIELab Value (0018,1624).
    pub color: Option<CielabColor>,
}

/// Windows or LUTs for some images (0028,3110).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PresentationVoi {
    /// The images that it is for; empty means all.
    pub images: Vec<ImageReference>,
    /// In the file's order. The first input value of a LUT is signed as its VR says.
    pub vois: Vec<NamedVoi>,
}

/// From the VOI's output to what is shown (PS3.3 C.11.6).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum PresentationLut {
    /// As it is.
    #[default]
    Identity,
    /// Upside down.
    Inverse,
    /// By a table over the whole range of inputs.
    Table(VoiLut),
}

/// A softcopy presentation state.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PresentationState {
    /// Content Label (0070,0080).
    pub label: Option<String>,
    /// Content Description (0070,0081).
    pub description: Option<FreeText>,
    /// The images that it is for.
    pub referenced: Vec<SeriesReference>,
    /// Rescale slope and intercept that replace the images' own.
    pub rescale: Option<(f64, f64)>,
    /// Windows and LUTs.
    pub vois: Vec<PresentationVoi>,
    /// What follows them.
    pub lut: PresentationLut,
    /// Texts and graphics.
    pub annotations: Vec<Annotation>,
    /// The layers on which they are.
    pub layers: Vec<GraphicLayer>,
    /// What part of the images is shown.
    pub areas: Vec<DisplayedArea>,
    /// What is covered.
    pub shutter: Option<Shutter>,
    /// Image Rotation (0070,0042): quarter turns, clockwise, before the flip (PS3.3 C.10.6).
    pub quarter_turns: u8,
    /// Image Horizontal Flip (0070,0041): left and right of the turned image are exchanged.
    pub is_flipped: bool,
}

impl PresentationState {
    pub(super) fn read(item: Item<'_>) -> Result<Self, Error> {
        let rotation = item.fields.integer(tags::IMAGE_ROTATION).unwrap_or(0);
        if rotation % 90 != 0 {
            return Err(malformed("an image rotation (0070,0042) that is no quarter turn"));
        }
        Ok(Self {
            label: item.code_string(tags::CONTENT_LABEL),
            description: item.text(tags::CONTENT_DESCRIPTION),
            referenced: item.series(tags::REFERENCED_SERIES_SEQUENCE, tags::REFERENCED_IMAGE_SEQUENCE)?,
            rescale: item.finite(tags::RESCALE_SLOPE).zip(item.finite(tags::RESCALE_INTERCEPT)),
            vois: item.all(tags::SOFTCOPY_VOILUT_SEQUENCE, voi)?,
            lut: presentation_lut(item)?,
            annotations: item.all(tags::GRAPHIC_ANNOTATION_SEQUENCE, annotation)?,
            layers: item.all(tags::GRAPHIC_LAYER_SEQUENCE, |item| {
                Ok(GraphicLayer {
                    name: item.code_string(tags::GRAPHIC_LAYER).unwrap_or_default(),
                    order: item.fields.integer(tags::GRAPHIC_LAYER_ORDER).unwrap_or(0),
                    color: item.color(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIE_LAB_VALUE),
                    gray: item.unsigned(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_GRAYSCALE_VALUE),
                })
            })?,
            areas: item.all(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, displayed_area)?,
            shutter: shutter(item)?,
            quarter_turns: rotation.rem_euclid(360).div_euclid(90) as u8,
            is_flipped: item.is(tags::IMAGE_HORIZONTAL_FLIP, "Y"),
        })
    }
}

fn malformed(reason: &str) -> Error {
    Error::malformed("presentation state", reason)
}

fn voi(item: Item<'_>) -> Result<PresentationVoi, Error> {
    let mut vois = parse::windows(item.fields, &mut Notes::new());
    // Their names are in the character set that the item inherits.
    let names = item.text(tags::WINDOW_CENTER_WIDTH_EXPLANATION).unwrap_or_default();
    for (voi, name) in vois.iter_mut().zip(names.reveal().split('\\')) {
        name.trim().clone_into(&mut voi.name);
    }
    item.each(tags::VOILUT_SEQUENCE, |item| {
        let name = item.text(tags::LUT_EXPLANATION).unwrap_or_default();
        vois.push(NamedVoi { name: name.reveal().to_owned(), voi: Voi::Lut(table(item)?) });
        Ok(())
    })?;
    if vois.is_empty() {
        return Err(malformed(
            "an item of the softcopy VOI sequence (0028,3110) has no usable window or LUT",
        ));
    }
    Ok(PresentationVoi { images: item.images(tags::REFERENCED_IMAGE_SEQUENCE)?, vois })
}

fn table(item: Item<'_>) -> Result<VoiLut, Error> {
    let is_ss = item.fields.find(tags::LUT_DESCRIPTOR).is_some_and(|element| element.vr == VR::SS);
    let mut table = values::lut(item.fields, is_ss)?;
    // Implicit datasets don't tell signed from unsigned, but no input lies above 65535.
    if table.first_mapped + table.entries.len() as i64 > 0x1_0000 {
        table.first_mapped -= 0x1_0000;
    }
    Ok(VoiLut::new(table.first_mapped as f64, table.bits, table.entries)?)
}

fn presentation_lut(item: Item<'_>) -> Result<PresentationLut, Error> {
    if let Some(table) = item.first(tags::PRESENTATION_LUT_SEQUENCE, table)? {
        return Ok(PresentationLut::Table(table));
    }
    match item.code_string(tags::PRESENTATION_LUT_SHAPE).as_deref() {
        Some("INVERSE") => Ok(PresentationLut::Inverse),
        Some("IDENTITY") | None => Ok(PresentationLut::Identity),
        Some(_) => Err(malformed("a presentation LUT shape (2050,0020) that the standard does not have")),
    }
}

fn annotation(item: Item<'_>) -> Result<Annotation, Error> {
    Ok(Annotation {
        layer: item.code_string(tags::GRAPHIC_LAYER),
        images: item.images(tags::REFERENCED_IMAGE_SEQUENCE)?,
        texts: item.all(tags::TEXT_OBJECT_SEQUENCE, text_box)?,
        graphics: item.all(tags::GRAPHIC_OBJECT_SEQUENCE, graphic)?,
    })
}

fn units(item: Item<'_>, tag: dicom_core::Tag) -> Result<GraphicUnits, Error> {
    match item.code_string(tag).as_deref() {
        Some("PIXEL") => Ok(GraphicUnits::Pixel),
        Some("DISPLAY") => Ok(GraphicUnits::Display),
        Some("MATRIX") => Ok(GraphicUnits::Matrix),
        _ => Err(malformed("an annotation whose units the standard does not have")),
    }
}

fn text_box(item: Item<'_>) -> Result<TextBox, Error> {
    let corner = |tag| item.finites::<2>(tag);
    let first = corner(tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER);
    let last = corner(tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER);
    let bounds = match first.zip(last) {
        Some((first, last)) => Some((units(item, tags::BOUNDING_BOX_ANNOTATION_UNITS)?, [first, last])),
        None => None,
    };
    let anchor = match corner(tags::ANCHOR_POINT) {
        Some(point) => Some((units(item, tags::ANCHOR_POINT_ANNOTATION_UNITS)?, point)),
        None => None,
    };
    if bounds.is_none() && anchor.is_none() {
        return Err(malformed("a text has neither a box nor an anchor"));
    }
    Ok(TextBox {
        text: item.text(tags::UNFORMATTED_TEXT_VALUE).unwrap_or_default(),
        bounds,
        anchor,
        shows_anchor: item.is(tags::ANCHOR_POINT_VISIBILITY, "Y"),
    })
}

fn graphic(item: Item<'_>) -> Result<Graphic, Error> {
    let (kind, needed) = match item.code_string(tags::GRAPHIC_TYPE).as_deref() {
        Some("POINT") => (GraphicKind::Point, 1..=1),
        Some("POLYLINE") => (GraphicKind::Polyline, 2..=usize::MAX),
        Some("INTERPOLATED") => (GraphicKind::Interpolated, 2..=usize::MAX),
        Some("CIRCLE") => (GraphicKind::Circle, 2..=2),
        Some("ELLIPSE") => (GraphicKind::Ellipse, 4..=4),
        _ => return Err(malformed("a graphic of a type (0070,0023) that the standard does not have")),
    };
    let points = singles(item);
    let (points, rest) = points.as_chunks::<2>();
    let finite = points.iter().flatten().all(|v| v.is_finite());
    let stated = item.unsigned(tags::NUMBER_OF_GRAPHIC_POINTS);
    if !rest.is_empty()
        || !finite
        || !needed.contains(&points.len())
        || stated.is_some_and(|n| n as usize != points.len())
    {
        return Err(malformed("a graphic whose points (0070,0022) are not as many finite ones as it needs"));
    }
    Ok(Graphic {
        kind,
        units: units(item, tags::GRAPHIC_ANNOTATION_UNITS)?,
        points: points.to_vec(),
        filled: item.is(tags::GRAPHIC_FILLED, "Y"),
    })
}

/// Graphic Data (0070,0022): as many FL as there are.
fn singles(item: Item<'_>) -> Vec<f64> {
    let bytes = item.fields.value(tags::GRAPHIC_DATA).unwrap_or_default();
    let encoding = item.fields.encoding(tags::GRAPHIC_DATA);
    bytes.as_chunks::<4>().0.iter().map(|&b| f64::from(f32::from_bits(encoding.u32(b)))).collect()
}

fn displayed_area(item: Item<'_>) -> Result<DisplayedArea, Error> {
    let corner = |tag| item.finites::<2>(tag).map(|corner| corner.map(|v| v as i32));
    let first = corner(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER);
    let last = corner(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER);
    let (top_left, bottom_right) =
        first.zip(last).ok_or_else(|| malformed("a displayed area without its corners"))?;
    let positive = |n: &f64| *n > 0.0;
    let size = match item.code_string(tags::PRESENTATION_SIZE_MODE).as_deref() {
        Some("SCALE TO FIT") => SizeMode::ScaleToFit,
        Some("TRUE SIZE") => SizeMode::TrueSize,
        Some("MAGNIFY") => {
            let ratio = item.finite(tags::PRESENTATION_PIXEL_MAGNIFICATION_RATIO).filter(positive);
            SizeMode::Magnify(
                ratio.ok_or_else(|| malformed("a magnification (0070,0103) that is not positive"))?,
            )
        }
        _ => return Err(malformed("a size mode (0070,0100) that the standard does not have")),
    };
    let ratio = item.finites::<2>(tags::PRESENTATION_PIXEL_ASPECT_RATIO);
    Ok(DisplayedArea {
        images: item.images(tags::REFERENCED_IMAGE_SEQUENCE)?,
        top_left,
        bottom_right,
        size,
        pixel_spacing_mm: item
            .finites::<2>(tags::PRESENTATION_PIXEL_SPACING)
            .filter(|spacing| spacing.iter().all(positive)),
        aspect_ratio: ratio.filter(|ratio| ratio.iter().all(positive)).map(|[height, width]| height / width),
    })
}

fn shutter(item: Item<'_>) -> Result<Option<Shutter>, Error> {
    let mut shutter = Shutter {
        shapes: Vec::new(),
        overlay_group: None,
        gray: item.unsigned(tags::SHUTTER_PRESENTATION_VALUE),
        color: item.color(tags::SHUTTER_PRESENTATION_COLOR_CIE_LAB_VALUE),
    };
    for shape in item.fields.texts(tags::SHUTTER_SHAPE).take(4) {
        match shape {
            "RECTANGULAR" => shutter.shapes.push(rectangle(item)?),
            "CIRCULAR" => shutter.shapes.push(circle(item)?),
            "POLYGONAL" => shutter.shapes.push(polygon(item)?),
            "BITMAP" => shutter.overlay_group = item.unsigned(tags::SHUTTER_OVERLAY_GROUP),
            _ => return Err(malformed("a shutter shape (0018,1600) that the standard does not have")),
        }
    }
    let some = !shutter.shapes.is_empty() || shutter.overlay_group.is_some();
    Ok(some.then_some(shutter))
}

fn rectangle(item: Item<'_>) -> Result<ShutterShape, Error> {
    let edge =
        |tag| item.fields.integer(tag).ok_or_else(|| malformed("a rectangular shutter without its edges"));
    Ok(ShutterShape::Rectangle {
        columns: [edge(tags::SHUTTER_LEFT_VERTICAL_EDGE)?, edge(tags::SHUTTER_RIGHT_VERTICAL_EDGE)?],
        rows: [edge(tags::SHUTTER_UPPER_HORIZONTAL_EDGE)?, edge(tags::SHUTTER_LOWER_HORIZONTAL_EDGE)?],
    })
}

fn circle(item: Item<'_>) -> Result<ShutterShape, Error> {
    let center = item.finites::<2>(tags::CENTER_OF_CIRCULAR_SHUTTER);
    let radius = item.fields.integer(tags::RADIUS_OF_CIRCULAR_SHUTTER);
    let ([row, column], radius) =
        center.zip(radius).ok_or_else(|| malformed("a circular shutter without centre or radius"))?;
    Ok(ShutterShape::Circle { center: [column as i64, row as i64], radius })
}

fn polygon(item: Item<'_>) -> Result<ShutterShape, Error> {
    let numbers = item.fields.numbers(tags::VERTICES_OF_THE_POLYGONAL_SHUTTER);
    let (vertices, rest) = numbers.as_chunks::<2>();
    let finite = numbers.iter().all(|n| n.is_finite());
    if vertices.len() < 3 || !rest.is_empty() || !finite {
        return Err(malformed("a polygonal shutter whose vertices are not three or more points"));
    }
    Ok(ShutterShape::Polygon(vertices.iter().map(|&[row, column]| [column as i64, row as i64]).collect()))
}
