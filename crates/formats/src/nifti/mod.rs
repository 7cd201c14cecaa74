//! NIfTI-1 and NIfTI-2 (<https://nifti.nimh.nih.gov>): one file, or a header (.hdr) with its voxels beside it (.img).

mod affine;
mod header;
mod write;

use std::io::{ErrorKind, Read as _};

use anatome_core::{NamedVoi, NoteCode, Notes, Unit, ValueMapping, Voi, Window};

use flate2::read::MultiGzDecoder;

use crate::layout::{Layout, Packing, Sizes, Stored, VoxelPlace, unknown_equipment};
use crate::recognise::{Format, is_gzip};
use crate::source::Place;
use crate::{Error, Limits};
use header::Header;

pub use write::write_nifti;

const NIFTI1_BYTES: usize = 348;
const NIFTI2_BYTES: usize = 540;

/// Header and the four bytes that say whether extensions follow.
const NIFTI1_FIRST_VOXEL: u64 = 352;
const NIFTI2_FIRST_VOXEL: u64 = 544;

pub(crate) fn recognise(start: &[u8]) -> Option<Format> {
    Header::new(start).ok().map(|header| header.format)
}

/// Unpacks as much as a header has.
pub(crate) fn open_gzip(place: Place, limits: &Limits) -> Result<Layout, Error> {
    let mut start = Vec::new();
    let unpacked = MultiGzDecoder::new(place.reader(0)?).take(NIFTI2_BYTES as u64).read_to_end(&mut start);
    if let Err(cause) = unpacked {
        return Err(match cause.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::malformed("NIfTI header", "its compression is damaged or ends early")
            }
            _ => place.io(cause),
        });
    }
    open(place, &start, Packing::Gzip, limits)
}

/// Reads the header behind `start`, the file's first bytes, unpacked.
pub(crate) fn open(place: Place, start: &[u8], packing: Packing, limits: &Limits) -> Result<Layout, Error> {
    let header = Header::new(start)?;
    let mut notes = Notes::new();
    let stored = stored(header.datatype)?;
    let (sizes, part_kind) = sizes(&header)?;
    sizes.check(stored, limits)?;
    let affine = affine::patient_from_index(&header, sizes.shape, &mut notes)?;
    let mut facts = unknown_equipment();
    let [low, high] = header.shown_range;
    if high > low
        && let Ok(window) = Window::spanning(low, high)
    {
        facts.vois.push(NamedVoi { name: String::new(), voi: Voi::Window(window) });
    }
    Ok(Layout {
        format: header.format,
        grid: sizes.grid(affine)?,
        interleaved: 1,
        stacked: sizes.stacked,
        part_kind,
        stored,
        big_endian: header.big_endian,
        mapping: mapping(&header, &mut notes)?,
        facts,
        voxels: voxels(place, &header, packing, limits, &mut notes)?,
        notes,
    })
}

fn stored(datatype: i64) -> Result<Stored, Error> {
    Ok(match datatype {
        2 => Stored::U8,
        4 => Stored::I16,
        8 => Stored::I32,
        16 => Stored::F32,
        64 => Stored::F64,
        256 => Stored::I8,
        512 => Stored::U16,
        768 => Stored::U32,
        1024 => Stored::I64,
        1280 => Stored::U64,
        1 => return Err(Error::unsupported("NIfTI with one bit a voxel")),
        32 | 1792 | 2048 => return Err(Error::unsupported("NIfTI of complex numbers")),
        128 | 2304 => return Err(Error::unsupported("NIfTI in colour")),
        1536 => return Err(Error::unsupported("NIfTI of 128-bit floating-point numbers")),
        other => return Err(Error::malformed("NIfTI header", format!("there is no datatype {other}"))),
    })
}

fn sizes(header: &Header) -> Result<(Sizes, &'static str), Error> {
    let [rank, axes @ ..] = header.dim;
    let malformed = |reason| Error::malformed("NIfTI header", reason);
    let rank = usize::try_from(rank).ok().filter(|n| (1..=7).contains(n));
    let rank = rank.ok_or_else(|| malformed(format!("it has {} dimensions", header.dim[0])))?;
    let mut sizes = [1; 7];
    for (size, stated) in sizes.iter_mut().zip(axes).take(rank) {
        let usable = usize::try_from(stated).ok().filter(|&n| n > 0);
        *size = usable.ok_or_else(|| malformed(format!("an axis has the size {stated}")))?;
    }
    let [i, j, k, times, rest @ ..] = sizes;
    let others = rest.iter().try_fold(1usize, |n, &m| n.checked_mul(m));
    let stacked = others.and_then(|n| n.checked_mul(times)).unwrap_or(usize::MAX);
    let kind = if others == Some(1) { "time point" } else { "component" };
    Ok((Sizes { shape: [k, j, i], interleaved: 1, stacked }, kind))
}

/// A slope of zero says that there is none. Some writers say so by a slope that is no number.
fn mapping(header: &Header, notes: &mut Notes) -> Result<ValueMapping, Error> {
    let (slope, intercept) = (header.slope, header.intercept);
    if slope == 0.0 || !slope.is_finite() {
        if slope != 0.0 {
            notes.add(NoteCode::Tolerated, "the slope of the values is no number; taken as none");
        }
        return Ok(ValueMapping::identity(Unit::Arbitrary));
    }
    if !intercept.is_finite() {
        return Err(Error::malformed("NIfTI header", "the intercept of the values is no finite number"));
    }
    Ok(ValueMapping { slope, intercept, unit: Unit::Arbitrary })
}

fn voxels(
    place: Place,
    header: &Header,
    packing: Packing,
    limits: &Limits,
    notes: &mut Notes,
) -> Result<VoxelPlace, Error> {
    let offset = header.first_voxel;
    if !(0.0..=limits.header_bytes as f64).contains(&offset) || offset.fract() != 0.0 {
        if offset >= 0.0 && offset.fract() == 0.0 {
            let (needed, allowed) = (offset as u64, limits.header_bytes as u64);
            return Err(Error::Limits { what: "bytes in front of the voxels", needed, allowed });
        }
        return Err(Error::malformed("NIfTI header", format!("the voxels begin at byte {offset}")));
    }
    let mut offset = offset as u64;
    if header.is_pair {
        let place = beside(&place)?;
        let packing = if is_gzip(&place.start(2)?) { Packing::Gzip } else { Packing::None };
        return Ok(at(place, packing, offset));
    }
    let first = match header.format {
        Format::Nifti2 => NIFTI2_FIRST_VOXEL,
        _ => NIFTI1_FIRST_VOXEL,
    };
    if offset == 0 {
        notes.add(NoteCode::Tolerated, "the header does not say where voxels begin; taken from behind it");
        offset = first;
    } else if offset < first {
        return Err(Error::malformed(
            "NIfTI header",
            format!("the voxels begin within it, at byte {offset}"),
        ));
    }
    Ok(at(place, packing, offset))
}

fn at(place: Place, packing: Packing, offset: u64) -> VoxelPlace {
    match packing {
        Packing::None => VoxelPlace::one(place, offset, packing, 0),
        _ => VoxelPlace::one(place, 0, packing, offset),
    }
}

/// The file of voxels that belongs to a header: the same name with `.img`, in the same case.
fn beside(header: &Place) -> Result<Place, Error> {
    let name = header.path().file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let stem = [".hdr", ".hdr.gz"].iter().find(|ending| lower.ends_with(**ending));
    let stem = stem.and_then(|ending| name.get(..name.len() - ending.len())).unwrap_or(name);
    let upper = name.contains(".HDR");
    let endings = if upper { [".IMG", ".IMG.GZ"] } else { [".img", ".img.gz"] };
    let mut found = Err(Error::malformed("NIfTI header", "its voxels should be in a file beside it"));
    for ending in endings {
        found = header.beside(&format!("{stem}{ending}"));
        if found.is_ok() {
            break;
        }
    }
    found
}
