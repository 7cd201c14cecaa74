//! NRRD (<https://teem.sourceforge.net/nrrd/format.html>): a header of lines, voxels behind it or in another file.

use anatome_core::{Notes, Unit, ValueMapping};
use glam::{DAffine3, DMat3, DVec3};

use crate::fields::{Fields, assumed, finite};
use crate::files;
use crate::geometry::{LPS_FROM_RAS, scaled};
use crate::layout::{Layout, Packing, Sizes, Stored, VoxelPlace, unknown_equipment};
use crate::recognise::Format;
use crate::source::Place;
use crate::{Error, Limits};

const WHAT: &str = "NRRD header";

/// Axes that teem knows (NRRD_DIM_MAX).
const MAX_AXES: usize = 16;

/// Free text of a segmentation takes some; a header beyond this has been written by nobody.
const HEADER_BYTES: usize = 4 << 20;

pub(crate) fn recognise(start: &[u8]) -> bool {
    start.starts_with(b"NRRD000") && start.get(7).is_some_and(u8::is_ascii_digit)
}

pub(crate) fn open(place: Place, limits: &Limits) -> Result<Layout, Error> {
    let (fields, header_end) = header(&place, limits)?;
    let mut notes = Notes::new();
    let stored = stored(fields.required(&["type"])?)?;
    let axes = axes(&fields, &mut notes)?;
    let sizes = axes.sizes()?;
    if stored.bytes() == 1 && matches!(sizes.interleaved, 3 | 4) {
        return Err(Error::unsupported("NRRD in colour"));
    }
    sizes.check(stored, limits)?;
    let encoding = encoding(&fields)?;
    let big_endian = match fields.get(&["endian"]).map(str::to_ascii_lowercase).as_deref() {
        Some("little") => false,
        Some("big") => true,
        None if stored.bytes() == 1 || encoding == Packing::Text => false,
        _ => return Err(fields.malformed("it does not state the byte order")),
    };
    let affine = patient_from_index(&fields, &axes, &mut notes)?;
    let bytes = [&sizes.shape[..], &[sizes.interleaved, sizes.stacked]].concat();
    let bytes = bytes.iter().map(|&n| n as u64).product::<u64>().saturating_mul(stored.bytes());
    Ok(Layout {
        format: Format::Nrrd,
        grid: sizes.grid(affine)?,
        interleaved: sizes.interleaved,
        stacked: sizes.stacked,
        part_kind: axes.part_kind,
        stored,
        big_endian,
        mapping: ValueMapping::identity(Unit::Arbitrary),
        facts: unknown_equipment(),
        voxels: voxels(place, &fields, header_end, encoding, bytes, limits)?,
        notes,
    })
}

/// The fields, and where voxels that follow them begin: behind the first empty line.
fn header(place: &Place, limits: &Limits) -> Result<(Fields, u64), Error> {
    let allowed = HEADER_BYTES.min(limits.header_bytes);
    for count in [16 << 10, allowed] {
        let bytes = place.start(count.min(allowed))?;
        let whole = bytes.len() as u64 == place.length;
        if let Some((fields, end)) = lines(&bytes, whole)? {
            return Ok((fields, end as u64));
        }
    }
    let allowed = allowed as u64;
    Err(Error::Limits { what: "bytes in front of the voxels", needed: allowed + 1, allowed })
}

/// `None` if there must be more; a header of its own file ends with it.
fn lines(bytes: &[u8], whole: bool) -> Result<Option<(Fields, usize)>, Error> {
    let mut fields = Fields::new(WHAT);
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let Some(length) = rest.iter().position(|&b| b == b'\n').or(whole.then_some(rest.len())) else {
            return Ok(None);
        };
        let line = rest.get(..length).unwrap_or_default();
        let first = at == 0;
        at = (at + length + 1).min(bytes.len());
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Ok(Some((fields, at)));
        }
        if first || line.starts_with(b"#") {
            continue;
        }
        let line = String::from_utf8_lossy(line);
        // A key and value, which is free text, has ":=" where a field has ": ".
        match line.split_once(':') {
            Some((_, value)) if value.starts_with('=') => {}
            Some((name, value)) => {
                fields.insert(name, value)?;
                // The files' names follow, up to the end.
                if fields.get(&[DATA_FILE]).is_some_and(is_list) {
                    return Ok(Some((fields, at)));
                }
            }
            None => return Err(fields.malformed("a line is neither a field nor a comment")),
        }
    }
    Ok(whole.then_some((fields, at)))
}

/// The field that names other files, under the older of its names, too.
const DATA_FILE: &str = "datafile";

fn is_list(name: &str) -> bool {
    name == "LIST" || name.starts_with("LIST ")
}

fn stored(name: &str) -> Result<Stored, Error> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "signed char" | "int8" | "int8_t" => Stored::I8,
        "uchar" | "unsigned char" | "uint8" | "uint8_t" => Stored::U8,
        "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => Stored::I16,
        "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => Stored::U16,
        "int" | "signed int" | "int32" | "int32_t" => Stored::I32,
        "uint" | "unsigned int" | "uint32" | "uint32_t" => Stored::U32,
        "longlong"
        | "long long"
        | "long long int"
        | "signed long long"
        | "signed long long int"
        | "int64"
        | "int64_t" => Stored::I64,
        "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => Stored::U64,
        "float" => Stored::F32,
        "double" => Stored::F64,
        "block" => return Err(Error::unsupported("NRRD of blocks")),
        _ => return Err(Error::malformed(WHAT, "there is no such type of samples")),
    })
}

/// The axes in the file's order, fastest first.
struct Axes {
    sizes: Vec<usize>,
    /// Which of them are in space: two or three neighbours.
    spatial: std::ops::Range<usize>,
    directions: Option<Vec<DVec3>>,
    part_kind: &'static str,
}

impl Axes {
    fn sizes(&self) -> Result<Sizes, Error> {
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |n, &m| n.checked_mul(m));
        let of = |range| product(self.sizes.get(range).unwrap_or_default()).unwrap_or(usize::MAX);
        let mut shape = [1; 3];
        for (size, stated) in
            shape.iter_mut().rev().zip(self.sizes.get(self.spatial.clone()).unwrap_or_default())
        {
            *size = *stated;
        }
        let interleaved = of(0..self.spatial.start);
        Ok(Sizes { shape, interleaved, stacked: of(self.spatial.end..self.sizes.len()) })
    }
}

fn axes(fields: &Fields, notes: &mut Notes) -> Result<Axes, Error> {
    let rank = fields.integer(&["dimension"])?.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if !(1..=MAX_AXES).contains(&rank) {
        return Err(fields.malformed(format!("its dimension is not from 1 to {MAX_AXES}")));
    }
    let sizes = fields.sizes(&["sizes"], rank)?;
    let kinds: Vec<String> = fields
        .get(&["kinds"])
        .map(|k| k.split_whitespace().map(str::to_ascii_lowercase).collect())
        .unwrap_or_default();
    if !kinds.is_empty() && kinds.len() != rank {
        return Err(fields.malformed("it has another number of kinds than of axes"));
    }
    for kind in &kinds {
        if kind.contains("color") {
            return Err(Error::unsupported("NRRD in colour"));
        }
        if kind == "complex" {
            return Err(Error::unsupported("NRRD of complex numbers"));
        }
    }
    let directions = directions(fields, rank)?;
    let in_space = |axis: usize| match (&directions, kinds.get(axis).map(String::as_str)) {
        (Some(directions), _) => directions.get(axis).is_some_and(Option::is_some),
        (None, Some("space" | "domain" | "none" | "???")) | (None, None) => true,
        (None, Some(_)) => false,
    };
    let mut spatial: Vec<usize> = (0..rank).filter(|&axis| in_space(axis)).collect();
    if directions.is_none() && spatial.len() > 3 {
        assumed(notes, "the axes beyond the third are taken for time points");
        spatial.truncate(3);
    }
    let (Some(&first), Some(&last), 2..=3) = (spatial.first(), spatial.last(), spatial.len()) else {
        return Err(Error::unsupported(format!("NRRD with {} axes in space", spatial.len())));
    };
    if last - first + 1 != spatial.len() {
        return Err(Error::unsupported("NRRD with other axes between those in space"));
    }
    let directions = directions.map(|all| all.into_iter().flatten().collect());
    let timed = first == 0 && kinds.get(last + 1).is_none_or(|kind| kind != "vector" && kind != "list");
    let part_kind = if timed { "time point" } else { "component" };
    Ok(Axes { sizes, spatial: first..last + 1, directions, part_kind })
}

/// The vector from one voxel to the next for each axis in space, in the file's own space.
fn directions(fields: &Fields, rank: usize) -> Result<Option<Vec<Option<DVec3>>>, Error> {
    let Some(text) = fields.get(&["spacedirections"]) else { return Ok(None) };
    let mut rest = text.trim();
    let mut axes = Vec::new();
    while !rest.is_empty() && axes.len() <= rank {
        let (axis, after) = if let Some(after) = rest.strip_prefix("none") {
            (None, after)
        } else {
            let (inside, after) = rest
                .strip_prefix('(')
                .and_then(|rest| rest.split_once(')'))
                .ok_or_else(|| fields.malformed("its space directions are not vectors"))?;
            let absent = inside.split(',').all(|n| n.trim().eq_ignore_ascii_case("nan"));
            (if absent { None } else { Some(vector(fields, inside)?) }, after)
        };
        axes.push(axis);
        rest = after.trim_start();
    }
    if axes.len() != rank {
        return Err(fields.malformed("it has another number of space directions than of axes"));
    }
    Ok(Some(axes))
}

fn vector(fields: &Fields, inside: &str) -> Result<DVec3, Error> {
    let numbers: Option<Vec<f64>> = inside.split(',').map(|n| finite(n.trim())).collect();
    match numbers.as_deref() {
        Some(&[x, y]) => Ok(DVec3::new(x, y, 0.0)),
        Some(&[x, y, z]) => Ok(DVec3::new(x, y, z)),
        Some([_, _, _, _]) => Err(Error::unsupported("NRRD whose space has a fourth axis for time")),
        _ => Err(fields.malformed("a vector is not three finite numbers")),
    }
}

fn patient_from_index(fields: &Fields, axes: &Axes, notes: &mut Notes) -> Result<DAffine3, Error> {
    let lps = lps_from_space(fields, notes)?;
    let mm = millimetres(fields, notes)?;
    let origin = match fields.get(&["spaceorigin"]) {
        Some(text) => {
            let inside = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            vector(fields, inside.ok_or_else(|| fields.malformed("its space origin is not a vector"))?)?
        }
        None => {
            assumed(notes, "the position is not stated: the first voxel is taken for the origin");
            DVec3::ZERO
        }
    };
    let columns = match &axes.directions {
        Some(directions) => directions.clone(),
        None => distances(fields, axes, notes)?,
    };
    let (x, y) = match columns[..] {
        [x, y, ..] => (x, y),
        _ => return Err(fields.malformed("it has fewer than two axes in space")),
    };
    let z = columns.get(2).copied().unwrap_or_else(|| {
        assumed(notes, "the image has no thickness: taken as 1 mm");
        x.cross(y).normalize_or_zero() / mm
    });
    let affine = DAffine3 { matrix3: DMat3::from_cols(x, y, z), translation: origin };
    Ok(scaled(lps * mm, affine))
}

/// Signs that turn the file's space into LPS.
fn lps_from_space(fields: &Fields, notes: &mut Notes) -> Result<DVec3, Error> {
    let Some(space) = fields.get(&["space"]) else {
        assumed(notes, "the space is not stated: axes are taken as left, posterior, superior");
        return Ok(DVec3::ONE);
    };
    match space.to_ascii_lowercase().as_str() {
        "left-posterior-superior" | "lps" => Ok(DVec3::ONE),
        "right-anterior-superior" | "ras" => Ok(LPS_FROM_RAS),
        "left-anterior-superior" | "las" => Ok(DVec3::new(1.0, -1.0, 1.0)),
        "scanner-xyz" | "3d-right-handed" => {
            assumed(notes, "the space is not the patient's: axes are taken as left, posterior, superior");
            Ok(DVec3::ONE)
        }
        _ => Err(Error::unsupported("the space of this NRRD file")),
    }
}

fn millimetres(fields: &Fields, notes: &mut Notes) -> Result<f64, Error> {
    let units = fields.get(&["spaceunits"]).map(|text| text.split('"').filter(|u| !u.trim().is_empty()));
    let units: Vec<&str> = units.into_iter().flatten().map(str::trim).collect();
    let Some((first, others)) = units.split_first() else { return Ok(1.0) };
    if others.iter().any(|other| other != first) {
        return Err(Error::unsupported("NRRD with different units along its axes"));
    }
    Ok(match first.to_ascii_lowercase().as_str() {
        "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => 1.0,
        "cm" | "centimeter" | "centimeters" => 10.0,
        "m" | "meter" | "meters" => 1000.0,
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" => 0.001,
        _ => {
            assumed(notes, "the unit of length is not known: taken as mm");
            1.0
        }
    })
}

/// Axes as they come, at the distances stated.
fn distances(fields: &Fields, axes: &Axes, notes: &mut Notes) -> Result<Vec<DVec3>, Error> {
    assumed(notes, "the orientation is not stated: axes are taken as left, posterior, superior");
    let spacings: Vec<Option<f64>> = match fields.get(&["spacings"]) {
        Some(text) => text.split_whitespace().map(finite).collect(),
        None => {
            assumed(notes, "the distances of voxels are not stated: taken as 1 mm");
            vec![Some(1.0); axes.sizes.len()]
        }
    };
    if spacings.len() != axes.sizes.len() {
        return Err(fields.malformed("it has another number of spacings than of axes"));
    }
    let units = [DVec3::X, DVec3::Y, DVec3::Z];
    let along = spacings.get(axes.spatial.clone()).unwrap_or_default().iter().zip(units);
    along
        .map(|(&spacing, unit)| match spacing {
            Some(mm) if mm > 0.0 => Ok(unit * mm),
            _ => Err(Error::geometry("a spacing is not a positive number")),
        })
        .collect()
}

fn encoding(fields: &Fields) -> Result<Packing, Error> {
    Ok(match fields.required(&["encoding"])?.to_ascii_lowercase().as_str() {
        "raw" => Packing::None,
        "gzip" | "gz" => Packing::Gzip,
        "txt" | "text" | "ascii" => Packing::Text,
        "bzip2" | "bz2" => return Err(Error::unsupported("NRRD compressed with bzip2")),
        "hex" => return Err(Error::unsupported("NRRD whose voxels are hexadecimal")),
        _ => return Err(fields.malformed("there is no such encoding")),
    })
}

fn voxels(
    place: Place,
    fields: &Fields,
    end: u64,
    packing: Packing,
    bytes: u64,
    limits: &Limits,
) -> Result<VoxelPlace, Error> {
    let (places, start) = match fields.get(&[DATA_FILE]) {
        None => (vec![place], end),
        Some(name) => (named(&place, name, end, fields, limits)?, 0),
    };
    let count = places.len() as u64;
    if !bytes.is_multiple_of(count) {
        return Err(fields.malformed("its voxels are not equally many in each of its files"));
    }
    let skip = |name| -> Result<i64, Error> { Ok(fields.integer(&[name])?.unwrap_or(0)) };
    let (lines, skipped) = (skip("lineskip")?, skip("byteskip")?);
    let lines = usize::try_from(lines).map_err(|_| fields.malformed("it skips less than no lines"))?;
    let from_end = skipped == -1 && packing == Packing::None;
    let skipped = if from_end { Ok(0) } else { u64::try_from(skipped) };
    let skipped = skipped.map_err(|_| fields.malformed("it skips less than no bytes"))?;
    if skipped > limits.header_bytes as u64 {
        let (needed, allowed) = (skipped, limits.header_bytes as u64);
        return Err(Error::Limits { what: "bytes in front of the voxels", needed, allowed });
    }
    let inner = matches!(packing, Packing::Gzip | Packing::Zlib);
    let offset = |place: &Place| {
        let start = if lines == 0 { start } else { behind_lines(place, start, lines, limits)? };
        if from_end {
            let offset = place.length.checked_sub(bytes / count).filter(|&offset| offset >= start);
            return offset
                .ok_or_else(|| Error::malformed("voxels", "there are fewer than the header announces"));
        }
        Ok(if inner { start } else { start + skipped })
    };
    let files: Result<_, Error> = places.into_iter().map(|place| Ok((offset(&place)?, place))).collect();
    let files: Vec<(u64, Place)> = files?;
    let files = files.into_iter().map(|(offset, place)| (place, offset)).collect();
    Ok(VoxelPlace { files, packing, inner_offset: if inner { skipped } else { 0 } })
}

/// The files that the field names: one, those listed behind it, or numbered ones.
fn named(place: &Place, name: &str, end: u64, fields: &Fields, limits: &Limits) -> Result<Vec<Place>, Error> {
    if is_list(name) {
        let names = files::listed(place, end, fields, limits)?;
        return names.iter().map(|name| place.beside(name)).collect();
    }
    let words: Vec<&str> = name.split_whitespace().collect();
    let numbers = |words: &[&str]| words.iter().map(|word| word.parse().ok()).collect::<Option<Vec<i64>>>();
    // A fifth word counts the axes in each file, which follows from the number of files.
    if let Some((pattern, rest)) = words.split_first()
        && pattern.contains('%')
        && let Some([first, last, step] | [first, last, step, _]) = numbers(rest).as_deref()
    {
        let names = files::numbered(pattern, [*first, *last, *step], fields)?;
        return names.iter().map(|name| place.beside(name)).collect();
    }
    Ok(vec![place.beside(name)?])
}

/// Where the bytes behind some lines begin.
fn behind_lines(place: &Place, start: u64, lines: usize, limits: &Limits) -> Result<u64, Error> {
    let wanted = start.saturating_add(limits.header_bytes as u64).min(place.length);
    let bytes = place.start(usize::try_from(wanted).unwrap_or(usize::MAX))?;
    let rest = bytes.get(usize::try_from(start).unwrap_or(usize::MAX)..).unwrap_or_default();
    let ends = rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    let end = ends.take(lines).enumerate().last().filter(|(n, _)| n + 1 == lines);
    let error = || Error::malformed("voxels", "the lines in front of them are not there");
    end.map(|(_, at)| start + at as u64 + 1).ok_or_else(error)
}
