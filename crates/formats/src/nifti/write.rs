//! Volumes to NIfTI files.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anatome_core::{NoteCode, Notes, Padding, Progress, Samples, Voi, Volume};
use bytemuck::Pod;
use flate2::Compression;
use flate2::write::GzEncoder;
use glam::{DAffine3, DMat3, DQuat, DVec3};
use ndarray::Array3;

use super::{NIFTI1_BYTES, NIFTI1_FIRST_VOXEL, NIFTI2_BYTES, NIFTI2_FIRST_VOXEL};
use crate::Error;
use crate::geometry::{LPS_FROM_RAS, scaled};

/// Writes a volume as NIfTI-1, or as NIfTI-2 where an axis is longer than 32,767; compressed with gzip or as it is.
///
/// Stored samples keep their type and order, slope and intercept. The sform holds the geometry, sheared or not; the
/// qform as well, where axes are at right angles. Padding stays the stored value that it is, except in f32 volumes,
/// where it becomes NaN. The same volume gives the same bytes. The notes say what the file does not hold exactly:
/// NIfTI-1 has 32 bits for slope and intercept. Counts slices in `progress`.
///
/// # Errors
/// Unsupported, for uneven slices, which NIfTI can't hold, and for a slope or intercept beyond NIfTI-1's 32 bits. I/O,
/// whose path is empty. Cancelled.
pub fn write_nifti(
    volume: &Volume,
    out: &mut dyn Write,
    gzip: bool,
    progress: &Progress,
) -> Result<Notes, Error> {
    if volume.grid().slices().is_some() {
        return Err(Error::unsupported(
            "a NIfTI file of unevenly spaced slices (NIfTI has one distance for all slices)",
        ));
    }
    let (header, notes) = header(volume)?;
    progress.start(volume.grid().shape()[0] as u64);
    if gzip {
        let mut out = GzEncoder::new(out, Compression::new(6));
        write_all(volume, &header, &mut out, progress)?;
        out.try_finish().map_err(failed)?;
    } else {
        let mut out = BufWriter::new(out);
        write_all(volume, &header, &mut out, progress)?;
        out.flush().map_err(failed)?;
    }
    Ok(notes)
}

fn failed(cause: io::Error) -> Error {
    Error::io("write", Path::new(""), cause)
}

fn write_all(volume: &Volume, header: &[u8], out: &mut dyn Write, progress: &Progress) -> Result<(), Error> {
    out.write_all(header).map_err(failed)?;
    match volume.samples() {
        Samples::U8(a) => slices(a, out, progress, |v| [v]),
        Samples::I16(a) => slices(a, out, progress, i16::to_le_bytes),
        Samples::U16(a) => slices(a, out, progress, u16::to_le_bytes),
        Samples::F32(a) => {
            let padding = volume.padding();
            let absent = |v: f32| padding.is_some_and(|p| p.contains(f64::from(v)));
            slices(a, out, progress, |v: f32| if absent(v) { f32::NAN } else { v }.to_le_bytes())
        }
        _ => Err(Error::unsupported("writing samples of a new type")),
    }
}

fn slices<T: Pod, const N: usize>(
    samples: &Array3<T>,
    out: &mut dyn Write,
    progress: &Progress,
    bytes: impl Fn(T) -> [u8; N],
) -> Result<(), Error> {
    const CHUNK: usize = 64 << 10;
    let mut chunk = Vec::with_capacity(CHUNK);
    for slice in samples.outer_iter() {
        progress.check()?;
        for value in slice {
            chunk.extend_from_slice(&bytes(*value));
            if chunk.len() >= CHUNK {
                progress.check()?;
                out.write_all(&chunk).map_err(failed)?;
                chunk.clear();
            }
        }
        progress.advance(1);
    }
    progress.check()?;
    out.write_all(&chunk).map_err(failed)
}

/// A header under construction, little endian.
struct Fields {
    bytes: Vec<u8>,
    wide: bool,
}

impl Fields {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(field) = self.bytes.get_mut(at..at + bytes.len()) {
            field.copy_from_slice(bytes);
        }
    }

    /// Numbers that are f64 in NIfTI-2 and f32 in NIfTI-1.
    fn reals(&mut self, [narrow, wide]: [usize; 2], values: &[f64]) {
        for (n, &value) in values.iter().enumerate() {
            if self.wide {
                self.put(wide + 8 * n, &value.to_le_bytes());
            } else {
                self.put(narrow + 4 * n, &(value as f32).to_le_bytes());
            }
        }
    }

    /// Numbers that are i64 in NIfTI-2 and i16 in NIfTI-1.
    fn sizes(&mut self, [narrow, wide]: [usize; 2], values: &[usize]) {
        for (n, &value) in values.iter().enumerate() {
            if self.wide {
                self.put(wide + 8 * n, &(value as i64).to_le_bytes());
            } else {
                self.put(narrow + 2 * n, &(value as i16).to_le_bytes());
            }
        }
    }

    /// Numbers that are i32 in NIfTI-2 and i16 in NIfTI-1.
    fn code(&mut self, [narrow, wide]: [usize; 2], value: i16) {
        if self.wide {
            self.put(wide, &i32::from(value).to_le_bytes());
        } else {
            self.put(narrow, &value.to_le_bytes());
        }
    }
}

/// Coordinates of the scanner.
const SCANNER: i16 = 1;
const MILLIMETRES: i16 = 2;

fn header(volume: &Volume) -> Result<(Vec<u8>, Notes), Error> {
    let [k, j, i] = volume.grid().shape();
    let wide = [k, j, i].into_iter().any(|n| n > i16::MAX as usize);
    let first_voxel = if wide { NIFTI2_FIRST_VOXEL } else { NIFTI1_FIRST_VOXEL };
    let mut fields = Fields { bytes: vec![0; first_voxel as usize], wide };
    let mut notes = Notes::new();
    if wide {
        fields.put(0, &(NIFTI2_BYTES as i32).to_le_bytes());
        fields.put(4, b"n+2\0\r\n\x1A\n");
        fields.put(168, &(first_voxel as i64).to_le_bytes());
    } else {
        fields.put(0, &(NIFTI1_BYTES as i32).to_le_bytes());
        fields.put(344, b"n+1\0");
        fields.put(38, b"r");
        fields.put(108, &(first_voxel as f32).to_le_bytes());
    }
    let (datatype, bits): (i16, i16) = match volume.samples() {
        Samples::U8(_) => (2, 8),
        Samples::I16(_) => (4, 16),
        Samples::U16(_) => (512, 16),
        _ => (16, 32),
    };
    let [datatype_at, bits_at] = if wide { [12, 14] } else { [70, 72] };
    fields.put(datatype_at, &datatype.to_le_bytes());
    fields.put(bits_at, &bits.to_le_bytes());
    fields.sizes([40, 16], &[3, i, j, k, 1, 1, 1, 1]);
    if wide {
        fields.code([0, 500], MILLIMETRES);
    } else {
        fields.put(123, &[MILLIMETRES as u8]);
    }
    put_values(volume, &mut fields, &mut notes)?;
    put_geometry(volume, &mut fields);
    Ok((fields.bytes, notes))
}

fn put_values(volume: &Volume, fields: &mut Fields, notes: &mut Notes) -> Result<(), Error> {
    let mapping = volume.mapping();
    for (what, value) in [("slope", mapping.slope), ("intercept", mapping.intercept)] {
        if !fields.wide && value != 0.0 && !(value as f32).is_normal() {
            return Err(Error::unsupported(format!("a NIfTI-1 file with a {what} of {value:e}")));
        }
    }
    fields.reals([112, 176], &[mapping.slope, mapping.intercept]);
    let rounded = |v: f64| !fields.wide && f64::from(v as f32) != v;
    if rounded(mapping.slope) || rounded(mapping.intercept) {
        let text = "slope and intercept have 32 bits in NIfTI-1: values are off by up to 6e-8 of them";
        notes.add(NoteCode::Converted, text);
    }
    if let Some(Voi::Window(window)) = volume.facts().vois.first().map(|named| &named.voi) {
        let (low, high) = window.ends();
        fields.reals([124, 192], &[high, low]);
    }
    match volume.padding() {
        Some(_) if matches!(volume.samples(), Samples::F32(_)) => {
            notes.add(NoteCode::Converted, "places without samples are written as NaN");
        }
        Some(Padding { lowest, highest }) => {
            let text =
                format!("NIfTI has no padding: stored values {lowest} to {highest} are written as they are");
            notes.add(NoteCode::Ignored, text);
        }
        None => {}
    }
    Ok(())
}

fn put_geometry(volume: &Volume, fields: &mut Fields) {
    let ras = scaled(LPS_FROM_RAS, volume.grid().patient_from_lattice());
    let DAffine3 { matrix3: m, translation: t } = ras;
    for (row, at) in [[280, 400], [296, 432], [312, 464]].into_iter().enumerate() {
        fields.reals(at, &[m.x_axis[row], m.y_axis[row], m.z_axis[row], t[row]]);
    }
    fields.code([254, 348], SCANNER);
    let lengths = DVec3::new(m.x_axis.length(), m.y_axis.length(), m.z_axis.length());
    let mut handedness = 1.0;
    if let Some((rotation, sign)) = rotation(m, lengths) {
        handedness = sign;
        fields.code([252, 344], SCANNER);
        fields.reals([256, 352], &[rotation.x, rotation.y, rotation.z]);
        fields.reals([268, 376], &t.to_array());
    }
    fields.reals([76, 104], &[handedness, lengths.x, lengths.y, lengths.z, 1.0, 1.0, 1.0, 1.0]);
}

/// The rotation of axes at right angles, with w >= 0, and -1 where the third is flipped.
fn rotation(m: DMat3, lengths: DVec3) -> Option<(DQuat, f64)> {
    let mut unit = m * DMat3::from_diagonal(lengths.recip());
    // What f32 can't tell apart is at right angles.
    let off = |a: DVec3, b: DVec3| a.dot(b).abs() > 1e-6;
    if off(unit.x_axis, unit.y_axis) || off(unit.x_axis, unit.z_axis) || off(unit.y_axis, unit.z_axis) {
        return None;
    }
    let handedness = unit.determinant().signum();
    unit.z_axis *= handedness;
    let rotation = DQuat::from_mat3(&unit).normalize();
    Some((if rotation.w < 0.0 { -rotation } else { rotation }, handedness))
}
