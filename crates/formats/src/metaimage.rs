//! MetaImage (<https://itk.org/Wiki/ITK/MetaIO/Documentation>): lines of text, voxels behind them or in another file.

use anatome_core::{Facts, Modality, NoteCode, Notes, Unit, ValueMapping};
use glam::{DAffine3, DMat3, DVec3};

use crate::fields::{Fields, assumed};
use crate::files;
use crate::layout::{Layout, Packing, Sizes, Stored, VoxelPlace, unknown_equipment};
use crate::recognise::Format;
use crate::source::Place;
use crate::{Error, Limits};

const WHAT: &str = "MetaImage header";

/// A header of this size has been written by nobody.
const HEADER_BYTES: usize = 1 << 20;

const DATA_FILE: &str = "elementdatafile";

pub(crate) fn open(place: Place, limits: &Limits) -> Result<Layout, Error> {
    let (fields, end) = header(&place, limits)?;
    let mut notes = Notes::new();
    if fields.get(&["objecttype"]).is_some_and(|kind| !kind.eq_ignore_ascii_case("image")) {
        return Err(Error::unsupported("a MetaIO file of something else than an image"));
    }
    if fields.integer(&["elementnumberofchannels"])?.unwrap_or(1) != 1 {
        return Err(Error::unsupported("MetaImage in colour or of vectors"));
    }
    let rank = fields.integer(&["ndims"])?.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if !(2..=4).contains(&rank) {
        return Err(Error::unsupported(format!("MetaImage of {rank} dimensions")));
    }
    let stored = stored(fields.required(&["elementtype"])?)?;
    let axes = fields.sizes(&["dimsize"], rank)?;
    let size = |axis: usize| axes.get(axis).copied().unwrap_or(1);
    let sizes = Sizes { shape: [size(2), size(1), size(0)], interleaved: 1, stacked: size(3) };
    sizes.check(stored, limits)?;
    let affine = patient_from_index(&fields, rank, &mut notes)?;
    let (facts, unit) = equipment(&fields);
    let bytes = axes.iter().map(|&n| n as u64).product::<u64>().saturating_mul(stored.bytes());
    let msb = fields.get(&["binarydatabyteordermsb", "elementbyteordermsb"]);
    Ok(Layout {
        format: Format::MetaImage,
        grid: sizes.grid(affine)?,
        interleaved: 1,
        stacked: sizes.stacked,
        part_kind: "time point",
        stored,
        big_endian: msb.is_some_and(truth),
        mapping: mapping(&fields, unit)?,
        facts,
        voxels: voxels(place, &fields, end, bytes, limits)?,
        notes,
    })
}

/// The fields, and where voxels that follow them begin: behind the line that names their file.
fn header(place: &Place, limits: &Limits) -> Result<(Fields, u64), Error> {
    let bytes = place.start(HEADER_BYTES.min(limits.header_bytes))?;
    let mut fields = Fields::new(WHAT);
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let length = rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
        let line = String::from_utf8_lossy(rest.get(..length).unwrap_or_default());
        at = (at + length + 1).min(bytes.len());
        if line.trim().is_empty() {
            continue;
        }
        let (name, value) = line
            .split_once(['=', ':'])
            .ok_or_else(|| fields.malformed("a line is not a name and a value"))?;
        fields.insert(name, value)?;
        if fields.get(&[DATA_FILE]).is_some() {
            return Ok((fields, at as u64));
        }
    }
    Err(fields.malformed("it does not say where the voxels are"))
}

fn truth(value: &str) -> bool {
    value.starts_with(['T', 't', '1', 'Y', 'y'])
}

fn stored(name: &str) -> Result<Stored, Error> {
    Ok(match name {
        "MET_CHAR" => Stored::I8,
        "MET_UCHAR" => Stored::U8,
        "MET_SHORT" => Stored::I16,
        "MET_USHORT" => Stored::U16,
        // MetaIO's "long" has 32 bits everywhere.
        "MET_INT" | "MET_LONG" => Stored::I32,
        "MET_UINT" | "MET_ULONG" => Stored::U32,
        "MET_LONG_LONG" => Stored::I64,
        "MET_ULONG_LONG" => Stored::U64,
        "MET_FLOAT" => Stored::F32,
        "MET_DOUBLE" => Stored::F64,
        other if other.ends_with("_ARRAY") => return Err(Error::unsupported("MetaImage of arrays")),
        _ => return Err(Error::malformed(WHAT, "there is no such type of samples")),
    })
}

fn equipment(fields: &Fields) -> (Facts, Unit) {
    match fields.get(&["modality"]) {
        Some("MET_MOD_CT") => (Facts::new(Modality::Ct), Unit::Hounsfield),
        Some("MET_MOD_MR") => (Facts::new(Modality::Mr), Unit::Arbitrary),
        _ => (unknown_equipment(), Unit::Arbitrary),
    }
}

fn mapping(fields: &Fields, unit: Unit) -> Result<ValueMapping, Error> {
    let number = |name, otherwise| -> Result<f64, Error> {
        Ok(fields.numbers(&[name], 1)?.and_then(|n| n.first().copied()).unwrap_or(otherwise))
    };
    let slope = number("elementtointensityfunctionslope", 1.0)?;
    let intercept = number("elementtointensityfunctionoffset", 0.0)?;
    if slope == 0.0 {
        return Err(fields.malformed("the slope of the values is zero"));
    }
    Ok(ValueMapping { slope, intercept, unit })
}

/// The matrix has a row for each axis of the image: its direction in LPS. The distances are apart.
fn patient_from_index(fields: &Fields, rank: usize, notes: &mut Notes) -> Result<DAffine3, Error> {
    let spacing = fields.numbers(&["elementspacing", "elementsize"], rank)?.unwrap_or_else(|| {
        assumed(notes, "the distances of voxels are not stated: taken as 1 mm");
        vec![1.0; rank]
    });
    let offset = fields.numbers(&["offset", "position", "origin"], rank)?.unwrap_or_else(|| {
        assumed(notes, "the position is not stated: the first voxel is taken for the origin");
        vec![0.0; rank]
    });
    let letters = fields.get(&["anatomicalorientation"]).and_then(directions_from_letters);
    let matrix = fields.numbers(&["transformmatrix", "rotation", "orientation"], rank * rank)?;
    let directions = match (matrix, letters) {
        (Some(matrix), letters) => {
            let directions = directions_from_matrix(&matrix, rank)?;
            if rank > 2 && letters.is_some_and(|letters| !agree(&directions, &letters)) {
                notes.add(
                    NoteCode::Tolerated,
                    "AnatomicalOrientation contradicts TransformMatrix, which is used",
                );
            }
            directions
        }
        (None, Some(letters)) => letters,
        (None, None) => {
            assumed(notes, "the orientation is not stated: axes are taken as left, posterior, superior");
            DMat3::IDENTITY
        }
    };
    if rank == 2 {
        assumed(notes, "the image has no thickness: taken as 1 mm");
    }
    let at = |numbers: &[f64], axis: usize, otherwise: f64| numbers.get(axis).copied().unwrap_or(otherwise);
    let mut distances = DVec3::ONE;
    let mut translation = DVec3::ZERO;
    for axis in 0..rank.min(3) {
        distances[axis] = at(&spacing, axis, 1.0);
        translation[axis] = at(&offset, axis, 0.0);
    }
    if distances.min_element() <= 0.0 {
        return Err(Error::geometry("a spacing is not positive"));
    }
    Ok(DAffine3 { matrix3: directions * DMat3::from_diagonal(distances), translation })
}

fn directions_from_matrix(matrix: &[f64], rank: usize) -> Result<DMat3, Error> {
    let row = |axis: usize| matrix.get(axis * rank..).unwrap_or_default();
    let spatial = rank.min(3);
    let mut directions = DMat3::IDENTITY;
    for axis in 0..spatial {
        let mut column = DVec3::ZERO;
        for (n, &value) in row(axis).iter().take(spatial).enumerate() {
            column[n] = value;
        }
        *directions.col_mut(axis) = column;
    }
    // Time is no direction: its row and column hold nothing else.
    let mixed =
        |n: &usize| row(*n).get(3).is_some_and(|&v| v != 0.0) || row(3).get(*n).is_some_and(|&v| v != 0.0);
    if rank == 4 && (0..3).any(|n| mixed(&n)) {
        return Err(Error::geometry("axes of space and time are mixed"));
    }
    Ok(directions)
}

/// Three letters, each where an axis comes from: RAI is left, posterior, superior.
fn directions_from_letters(letters: &str) -> Option<DMat3> {
    let direction = |letter: char| match letter {
        'R' => Some(DVec3::X),
        'L' => Some(DVec3::NEG_X),
        'A' => Some(DVec3::Y),
        'P' => Some(DVec3::NEG_Y),
        'I' => Some(DVec3::Z),
        'S' => Some(DVec3::NEG_Z),
        _ => None,
    };
    let axes: Vec<DVec3> = letters.chars().map(direction).collect::<Option<_>>()?;
    let [x, y, z] = axes[..] else { return None };
    let matrix = DMat3::from_cols(x, y, z);
    (matrix.determinant().abs() == 1.0).then_some(matrix)
}

/// Whether each axis goes to the side that its letter says.
fn agree(directions: &DMat3, letters: &DMat3) -> bool {
    (0..3).all(|axis| directions.col(axis).dot(letters.col(axis)) > 0.0)
}

fn voxels(place: Place, fields: &Fields, end: u64, bytes: u64, limits: &Limits) -> Result<VoxelPlace, Error> {
    let name = fields.required(&[DATA_FILE])?;
    let (places, start) = match name {
        "LOCAL" | "Local" | "local" => (vec![place], end),
        name => (named(&place, name, end, fields, limits)?, 0),
    };
    let count = places.len() as u64;
    if !bytes.is_multiple_of(count) {
        return Err(fields.malformed("its voxels are not equally many in each of its files"));
    }
    let skipped = fields.integer(&["headersize"])?.unwrap_or(0);
    let is_text = fields.get(&["binarydata"]).is_some_and(|value| !truth(value));
    if !is_text && fields.get(&["compresseddata"]).is_some_and(truth) {
        let [place] = <[Place; 1]>::try_from(places)
            .map_err(|_| Error::unsupported("MetaImage whose voxels are in several files, compressed"))?;
        let mut byte = [0];
        let read = std::io::Read::read(&mut place.reader(start)?, &mut byte);
        read.map_err(|cause| place.io(cause))?;
        let packing = if byte[0] == 0x1F { Packing::Gzip } else { Packing::Zlib };
        return Ok(VoxelPlace::one(place, start, packing, 0));
    }
    let offset = |place: &Place| match skipped {
        -1 => place.length.checked_sub(bytes / count).filter(|&offset| offset >= start),
        _ => u64::try_from(skipped).ok().filter(|&n| n <= limits.header_bytes as u64).map(|n| start + n),
    };
    let files: Option<_> = places.into_iter().map(|place| Some((offset(&place)?, place))).collect();
    let files: Vec<(u64, Place)> = files.ok_or_else(|| fields.malformed("it skips more than is there"))?;
    let files = files.into_iter().map(|(offset, place)| (place, offset)).collect();
    Ok(VoxelPlace { files, packing: if is_text { Packing::Text } else { Packing::None }, inner_offset: 0 })
}

/// The files that the field names: one, those listed behind it, or numbered ones.
fn named(place: &Place, name: &str, end: u64, fields: &Fields, limits: &Limits) -> Result<Vec<Place>, Error> {
    let words: Vec<&str> = name.split_whitespace().collect();
    let names = match *words.as_slice() {
        // A second word counts the axes in each file, which follows from the number of files.
        ["LIST"] | ["LIST", _] => files::listed(place, end, fields, limits)?,
        [pattern, ref rest @ ..] if pattern.contains('%') => {
            let numbers: Option<Vec<i64>> = rest.iter().map(|word| word.parse().ok()).collect();
            let numbers = match numbers.as_deref() {
                Some(&[first, last]) => [first, last, 1],
                Some(&[first, last, step]) => [first, last, step],
                _ => return Err(fields.malformed("its numbered files have no first and last number")),
            };
            files::numbered(pattern, numbers, fields)?
        }
        _ => vec![name.to_owned()],
    };
    names.iter().map(|name| place.beside(name)).collect()
}
