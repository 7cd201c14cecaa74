//! Frames of multi-frame objects: functional groups (PS3.3 C.7.6.16), and the older ways to place frames, of NM images
//! (C.8.4) and dose grids (C.8.8.3).

use std::sync::Arc;

use anatome_core::{NoteCode, Notes};
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use glam::DVec3;

use crate::elements::Fields;
use crate::header::{FrameHeader, FrameHeaders};
use crate::{Error, InstanceHeader, Limits, mosaic, parse, phase};

/// Lists the frames of an object of which everything else is known. `most` frames fit in the file.
pub(crate) fn frames(
    header: &InstanceHeader,
    fields: Fields<'_>,
    most: u64,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<FrameHeaders, Error> {
    let Some(pixels) = &header.pixels else { return Ok(FrameHeaders::default()) };
    // A number that is impossible is refused when the frames are asked for.
    let stated = u64::try_from(pixels.frames).unwrap_or(1).clamp(1, most.max(1));
    let count = u32::try_from(stated.min(limits.frames as u64)).unwrap_or(1);
    let base = FrameHeader {
        plane: header.plane.clone(),
        phase: header.phase.clone(),
        values: Arc::clone(&header.values),
        ..FrameHeader::default()
    };
    if header.is_enhanced {
        return enhanced(base, fields, count, limits, notes);
    }
    if pixels.frames == 1 {
        return Ok(match mosaic::tiles(header, fields, notes) {
            Some(each) => FrameHeaders { count: each.len() as u32, each, ..FrameHeaders::default() },
            None => FrameHeaders { count, ..FrameHeaders::default() },
        });
    }
    let mut unplaced = match pixels.frames {
        ..1 => Some("the number of frames (0028,0008) is not a positive number"),
        _ if base.plane.image_position_mm.is_some() => {
            Some("one position (0020,0032) is stated for several frames")
        }
        _ => None,
    };
    let each = match header.sop_class_uid.as_str() {
        uids::RT_DOSE_STORAGE => dose_grid(&base, fields, count, notes),
        uids::NUCLEAR_MEDICINE_IMAGE_STORAGE => {
            let nuclear = Nuclear::read(&base, fields, count, limits, notes)?;
            unplaced = nuclear.unplaced.or(unplaced);
            nuclear.frames
        }
        _ => Vec::new(),
    };
    Ok(FrameHeaders { count, each, rest: Some(Box::new(without_position(base))), unplaced })
}

/// One position can't be that of several frames.
fn without_position(mut frame: FrameHeader) -> FrameHeader {
    frame.plane.image_position_mm = None;
    frame
}

fn enhanced(
    mut base: FrameHeader,
    fields: Fields<'_>,
    count: u32,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<FrameHeaders, Error> {
    if count > 1 {
        base = without_position(base);
    }
    if let Some(shared) = fields.each_item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, limits).next() {
        let (bytes, elements) = shared?;
        apply(Fields::new(bytes, &elements), &mut base, limits, notes)?;
    }
    let mut each: Vec<FrameHeader> = Vec::new();
    let mut items = fields.each_item(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, limits);
    for item in items.by_ref().take(count as usize) {
        let (bytes, elements) = item?;
        let mut frame = base.clone();
        apply(Fields::new(bytes, &elements), &mut frame, limits, notes)?;
        // Neighbours mostly agree in what they need not hold twice.
        if let Some(last) = each.last() {
            if last.values == frame.values {
                frame.values = Arc::clone(&last.values);
            }
            if last.frame_type == frame.frame_type {
                frame.frame_type.clone_from(&last.frame_type);
            }
            if last.phase.stack_id == frame.phase.stack_id {
                frame.phase.stack_id.clone_from(&last.phase.stack_id);
            }
        }
        each.push(frame);
    }
    // Tiles in their standard order need none (PS3.3 C.7.6.17.3).
    let tiled = each.is_empty() && fields.text(tags::DIMENSION_ORGANIZATION_TYPE) == Some("TILED_FULL");
    if !tiled && (each.len() != count as usize || items.next().is_some()) {
        let text = "the number of frames and that of their functional groups differ";
        notes.add(NoteCode::Tolerated, text);
    }
    Ok(FrameHeaders { count, each, rest: Some(Box::new(base)), unplaced: None })
}

/// Sets what one item of functional groups says.
fn apply(
    groups: Fields<'_>,
    frame: &mut FrameHeader,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<(), Error> {
    for element in groups.list() {
        let read: fn(Fields<'_>, &mut FrameHeader, &mut Notes) = match element.tag {
            tags::PLANE_POSITION_SEQUENCE => position,
            tags::PLANE_ORIENTATION_SEQUENCE => orientation,
            tags::PIXEL_MEASURES_SEQUENCE => measures,
            tags::FRAME_CONTENT_SEQUENCE => content,
            tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE => transformation,
            tags::FRAME_VOILUT_SEQUENCE => windows,
            tags::CT_IMAGE_FRAME_TYPE_SEQUENCE
            | tags::MR_IMAGE_FRAME_TYPE_SEQUENCE
            | tags::PET_FRAME_TYPE_SEQUENCE
            | tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE
            | tags::XAXRF_FRAME_CHARACTERISTICS_SEQUENCE => frame_type,
            tags::MR_ECHO_SEQUENCE
            | tags::MR_MODIFIER_SEQUENCE
            | tags::MR_TIMING_AND_RELATED_PARAMETERS_SEQUENCE
            | tags::CARDIAC_SYNCHRONIZATION_SEQUENCE
            | tags::RESPIRATORY_SYNCHRONIZATION_SEQUENCE
            | tags::CONTRAST_BOLUS_USAGE_SEQUENCE
            | tags::CT_RECONSTRUCTION_SEQUENCE
            | tags::CTX_RAY_DETAILS_SEQUENCE => timing,
            tags::MR_DIFFUSION_SEQUENCE => {
                diffusion(groups, frame, limits)?;
                continue;
            }
            tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE => {
                Arc::make_mut(&mut frame.values).real_world = parse::real_world(groups, limits, notes);
                continue;
            }
            tags::UNASSIGNED_SHARED_CONVERTED_ATTRIBUTES_SEQUENCE
            | tags::UNASSIGNED_PER_FRAME_CONVERTED_ATTRIBUTES_SEQUENCE => timing,
            _ => continue,
        };
        if let Some(item) = groups.each_item(element.tag, limits).next() {
            let (bytes, elements) = item?;
            read(Fields::new(bytes, &elements), frame, notes);
        }
    }
    Ok(())
}

fn position(item: Fields<'_>, frame: &mut FrameHeader, notes: &mut Notes) {
    frame.plane.image_position_mm = parse::plane(item, notes).image_position_mm;
}

fn orientation(item: Fields<'_>, frame: &mut FrameHeader, notes: &mut Notes) {
    let plane = parse::plane(item, notes);
    frame.plane.row_cosines = plane.row_cosines;
    frame.plane.column_cosines = plane.column_cosines;
}

fn measures(item: Fields<'_>, frame: &mut FrameHeader, notes: &mut Notes) {
    let plane = parse::plane(item, notes);
    frame.plane.pixel_spacing_mm = plane.pixel_spacing_mm;
    frame.plane.slice_thickness_mm = plane.slice_thickness_mm;
    frame.plane.slice_spacing_mm = plane.slice_spacing_mm;
}

/// Indices that are kept of a frame.
const MOST_DIMENSIONS: usize = 8;

fn content(item: Fields<'_>, frame: &mut FrameHeader, _: &mut Notes) {
    let phase = &mut frame.phase;
    if let Some(stack) = item.text(tags::STACK_ID) {
        phase.stack_id = Some(stack.chars().take(16).collect::<String>().into());
    }
    set(&mut phase.temporal_position, item.integer(tags::TEMPORAL_POSITION_INDEX));
    set(&mut phase.acquisition_number, item.integer(tags::FRAME_ACQUISITION_NUMBER));
    let dimensions = item.numbers(tags::DIMENSION_INDEX_VALUES).into_iter().take(MOST_DIMENSIONS);
    let dimensions: Arc<[u32]> = dimensions.map(|n| n as u32).collect();
    set(&mut phase.dimensions, Some(dimensions).filter(|dimensions| !dimensions.is_empty()));
    if let Some(time) = item.text(tags::FRAME_ACQUISITION_DATE_TIME) {
        phase.acquisition_time = Some(time.chars().take(32).collect::<String>().into());
    }
}

fn transformation(item: Fields<'_>, frame: &mut FrameHeader, _: &mut Notes) {
    let values = Arc::make_mut(&mut frame.values);
    values.slope = item.number(tags::RESCALE_SLOPE);
    values.intercept = item.number(tags::RESCALE_INTERCEPT);
    values.rescale_type = item.text(tags::RESCALE_TYPE).and_then(parse::code_string);
}

fn windows(item: Fields<'_>, frame: &mut FrameHeader, notes: &mut Notes) {
    Arc::make_mut(&mut frame.values).windows = parse::windows(item, notes);
}

fn frame_type(item: Fields<'_>, frame: &mut FrameHeader, _: &mut Notes) {
    let mut values: Vec<String> =
        item.texts(tags::FRAME_TYPE).take(16).filter_map(parse::code_string).collect();
    values.extend(item.text(tags::COMPLEX_IMAGE_COMPONENT).and_then(parse::code_string));
    if !values.is_empty() {
        frame.frame_type = Some(values.into());
    }
}

fn timing(item: Fields<'_>, frame: &mut FrameHeader, _: &mut Notes) {
    let finite = |tag: Tag| parse::finite(item, tag);
    let phase = &mut frame.phase;
    set(&mut phase.echo_time_ms, finite(tags::EFFECTIVE_ECHO_TIME).or(finite(tags::ECHO_TIME)));
    let trigger = finite(tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME).or(finite(tags::TRIGGER_TIME));
    set(&mut phase.trigger_time_ms, trigger);
    let inversion = finite(tags::INVERSION_TIMES).or(finite(tags::INVERSION_TIME));
    set(&mut phase.inversion_time_ms, inversion);
    set(&mut phase.flip_angle_deg, finite(tags::FLIP_ANGLE));
    set(&mut phase.tube_voltage_kv, finite(tags::KVP));
    set(&mut phase.b_value, finite(tags::DIFFUSION_B_VALUE));
    set(&mut phase.acquisition_number, item.integer(tags::ACQUISITION_NUMBER));
    set(&mut phase.temporal_position, item.integer(tags::TEMPORAL_POSITION_IDENTIFIER));
    set(&mut phase.frame_reference_time_ms, finite(tags::FRAME_REFERENCE_TIME));
    set(&mut phase.cardiac_phase_percent, finite(tags::NOMINAL_PERCENTAGE_OF_CARDIAC_PHASE));
    set(&mut phase.respiratory_phase_percent, finite(tags::NOMINAL_PERCENTAGE_OF_RESPIRATORY_PHASE));
    set(&mut phase.contrast_phase, item.text(tags::CONTRAST_BOLUS_AGENT_PHASE).and_then(phase::word));
    set(&mut phase.echo_number, item.integer(tags::ECHO_NUMBERS));
    set(&mut phase.kernel, phase::kernel(item));
}

fn diffusion(groups: Fields<'_>, frame: &mut FrameHeader, limits: &Limits) -> Result<(), Error> {
    let Some(item) = groups.each_item(tags::MR_DIFFUSION_SEQUENCE, limits).next().transpose()? else {
        return Ok(());
    };
    let item = Fields::new(item.0, &item.1);
    set(&mut frame.phase.b_value, parse::finite(item, tags::DIFFUSION_B_VALUE));
    if let Some(direction) = item.each_item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE, limits).next() {
        let (bytes, elements) = direction?;
        let direction = Fields::new(bytes, &elements);
        frame.phase.diffusion_direction = parse::vector(direction, tags::DIFFUSION_GRADIENT_ORIENTATION);
    }
    Ok(())
}

fn set<T>(field: &mut Option<T>, found: Option<T>) {
    if found.is_some() {
        *field = found;
    }
}

/// PS3.3 C.8.8.3.2: offsets from the first plane along the normal, or, if the first is not 0, the planes' own z.
fn dose_grid(base: &FrameHeader, fields: Fields<'_>, count: u32, notes: &mut Notes) -> Vec<FrameHeader> {
    let offsets = fields.numbers(tags::GRID_FRAME_OFFSET_VECTOR);
    let plane = &base.plane;
    let (Some(origin), Some(row), Some(column)) =
        (plane.image_position_mm, plane.row_cosines, plane.column_cosines)
    else {
        return Vec::new();
    };
    if offsets.len() != count as usize || offsets.iter().any(|offset| !offset.is_finite()) {
        notes.add(
            NoteCode::Tolerated,
            "the offsets of the dose grid's planes (3004,000C) are not one for each",
        );
        return Vec::new();
    }
    let normal = row.cross(column);
    let relative = offsets.first().is_some_and(|&first| first == 0.0);
    let place = |offset: f64| {
        if relative { origin + normal * offset } else { DVec3::new(origin.x, origin.y, offset) }
    };
    offsets.into_iter().map(|offset| placed(base, place(offset))).collect()
}

fn placed(base: &FrameHeader, position_mm: DVec3) -> FrameHeader {
    let mut frame = base.clone();
    frame.plane.image_position_mm = Some(position_mm);
    frame
}

/// The frames of an NM image.
struct Nuclear {
    frames: Vec<FrameHeader>,
    unplaced: Option<&'static str>,
}

impl Nuclear {
    /// PS3.3 C.8.4.8 and C.8.4.15: slices of a reconstruction are counted by a vector, from the position that the
    /// detector has; the spacing between slices may be negative. What else frames differ in are phases.
    fn read(
        base: &FrameHeader,
        fields: Fields<'_>,
        count: u32,
        limits: &Limits,
        notes: &mut Notes,
    ) -> Result<Self, Error> {
        let vector = |tag| {
            let numbers = fields.numbers(tag);
            (numbers.len() == count as usize).then_some(numbers)
        };
        let windows = vector(tags::ENERGY_WINDOW_VECTOR);
        let times = vector(tags::TIME_SLOT_VECTOR).or_else(|| vector(tags::TIME_SLICE_VECTOR));
        let detector = fields.each_item(tags::DETECTOR_INFORMATION_SEQUENCE, limits).next().transpose()?;
        let mut first = base.clone();
        if let Some((bytes, elements)) = &detector {
            let plane = parse::plane(Fields::new(bytes, elements), notes);
            set(&mut first.plane.image_position_mm, plane.image_position_mm);
            if plane.row_cosines.is_some() {
                first.plane.row_cosines = plane.row_cosines;
                first.plane.column_cosines = plane.column_cosines;
            }
        }
        let plane = &first.plane;
        let origin = plane.image_position_mm.zip(plane.row_cosines.zip(plane.column_cosines));
        let slices = vector(tags::SLICE_VECTOR);
        let spacing = plane.slice_spacing_mm.filter(|&mm| mm != 0.0);
        let unplaced = match (origin, &slices, spacing) {
            (Some(_), None, _) => {
                Some("the vector that numbers the slices (0054,0080) is absent or too short")
            }
            (Some(_), Some(_), None) => Some(
                "the spacing between slices (0018,0088) is absent or 0, so only the first one's position is known",
            ),
            _ => None,
        };
        let placing = origin.zip(slices.zip(spacing));
        let whole = |numbers: &Option<Vec<f64>>, n: usize| Some(*numbers.as_ref()?.get(n)? as i64);
        let frame = |n: usize| {
            let mut frame = without_position(first.clone());
            if let Some(((origin, (row, column)), (slices, spacing))) = &placing {
                let slice = slices.get(n).copied().unwrap_or(f64::NAN);
                let position = *origin + row.cross(*column) * ((slice - 1.0) * spacing);
                frame.plane.image_position_mm = Some(position).filter(|p| p.is_finite());
            }
            frame.phase.energy_window = whole(&windows, n);
            set(&mut frame.phase.temporal_position, whole(&times, n));
            frame
        };
        Ok(Self { frames: (0..count as usize).map(frame).collect(), unplaced })
    }
}
