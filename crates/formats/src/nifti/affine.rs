//! Where NIfTI voxels stand: "methods" 3 (sform), 2 (qform) and 1 (distances only) of the NIfTI-1 definition.

use anatome_core::{NoteCode, Notes};
use glam::{DAffine3, DMat3, DVec3};

use super::header::Header;
use crate::Error;
use crate::geometry::{LPS_FROM_RAS, check, disagreement_mm, scaled};
use crate::recognise::Format;

/// Index (i, j, k) to LPS mm: by the sform where it has a code, else by the qform, else by distances alone.
pub(super) fn patient_from_index(
    header: &Header,
    shape: [usize; 3],
    notes: &mut Notes,
) -> Result<DAffine3, Error> {
    let mm = millimetres(header.units, notes)?;
    let lps = |ras: DAffine3| scaled(LPS_FROM_RAS * mm, ras);
    let sform = (header.sform_code > 0).then(|| usable(lps(sform(header))));
    let qform = (header.qform_code > 0).then(|| qform(header, shape, notes).and_then(|ras| usable(lps(ras))));
    match (sform, qform) {
        (Some(Ok(sform)), Some(Ok(qform))) => {
            compare(header, &sform, &qform, shape, notes);
            Ok(sform)
        }
        (Some(Ok(sform)), Some(Err(_))) => {
            notes.add(NoteCode::Tolerated, "the qform is not usable; the sform is used");
            Ok(sform)
        }
        (Some(Err(_)), Some(Ok(qform))) => {
            notes.add(NoteCode::Tolerated, "the sform is not usable; the qform is used");
            Ok(qform)
        }
        (Some(only), _) | (None, Some(only)) => only,
        (None, None) => {
            let text = "neither sform nor qform: orientation and position are assumed; left may be right";
            notes.add(NoteCode::Assumed, text);
            usable(lps(DAffine3::from_scale(distances(header, shape, notes)?)))
        }
    }
}

/// Millimetres in the header's unit of length.
fn millimetres(units: u8, notes: &mut Notes) -> Result<f64, Error> {
    match units & 7 {
        0 => {
            notes.add(NoteCode::Assumed, "the unit of length is not stated; taken as mm");
            Ok(1.0)
        }
        1 => Ok(1000.0),
        2 => Ok(1.0),
        3 => Ok(0.001),
        other => Err(Error::malformed("NIfTI header", format!("there is no unit of length {other}"))),
    }
}

fn usable(affine: DAffine3) -> Result<DAffine3, Error> {
    check(&affine)?;
    let m = affine.matrix3;
    let size = m.x_axis.length() * m.y_axis.length() * m.z_axis.length();
    if m.determinant().abs() < 1e-6 * size {
        return Err(Error::geometry("the axes are parallel"));
    }
    Ok(affine)
}

fn sform(header: &Header) -> DAffine3 {
    let [x, y, z] = header.srows;
    let column = |n: usize| DVec3::new(x[n], y[n], z[n]);
    let matrix = DMat3::from_cols(column(0), column(1), column(2));
    DAffine3 { matrix3: matrix, translation: column(3) }
}

/// Rotation by the unit quaternion (a, b, c, d) with a >= 0, after the third axis was flipped where pixdim[0] < 0.
fn qform(header: &Header, shape: [usize; 3], notes: &mut Notes) -> Result<DAffine3, Error> {
    let [mut b, mut c, mut d] = header.quaternion_bcd;
    let length2 = b * b + c * c + d * d;
    // Rounded to f32, half a turn may be a little longer than 1.
    if !length2.is_finite() || length2 > 1.0 + 1e-3 {
        return Err(Error::geometry("the quaternion is longer than 1"));
    }
    let mut a = (1.0 - length2).max(0.0).sqrt();
    // What rounding leaves of 1 - length2 would turn the image by up to half a thousandth of a radian.
    let rounding = if header.format == Format::Nifti2 { 1e-14 } else { 3.0 * f64::from(f32::EPSILON) };
    if 1.0 - length2 < rounding {
        let length = length2.sqrt();
        (a, b, c, d) = (0.0, b / length, c / length, d / length);
    }
    let rotation = DMat3::from_cols(
        DVec3::new(a * a + b * b - c * c - d * d, 2.0 * (b * c + a * d), 2.0 * (b * d - a * c)),
        DVec3::new(2.0 * (b * c - a * d), a * a + c * c - b * b - d * d, 2.0 * (c * d + a * b)),
        DVec3::new(2.0 * (b * d + a * c), 2.0 * (c * d - a * b), a * a + d * d - b * b - c * c),
    );
    let handedness = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
    let scale = distances(header, shape, notes)? * DVec3::new(1.0, 1.0, handedness);
    Ok(DAffine3 {
        matrix3: rotation * DMat3::from_diagonal(scale),
        translation: DVec3::from_array(header.qoffset),
    })
}

/// The distances between voxels. An axis of one voxel may have none; a negative one is meant without its sign, because
/// the quaternion gives the direction.
fn distances(header: &Header, shape: [usize; 3], notes: &mut Notes) -> Result<DVec3, Error> {
    let [_, x, y, z, ..] = header.pixdim;
    let mut distances = [x, y, z];
    for (distance, voxels) in distances.iter_mut().zip(shape.into_iter().rev()) {
        if *distance == 0.0 && voxels == 1 {
            *distance = 1.0;
        }
        if *distance < 0.0 {
            notes.add(NoteCode::Tolerated, "a distance of voxels that is negative; its sign is not used");
            *distance = -*distance;
        }
        if !distance.is_finite() || *distance == 0.0 {
            return Err(Error::geometry(format!("voxels {distance} apart")));
        }
    }
    Ok(DVec3::from_array(distances))
}

/// The two may mean different spaces, where their codes differ. Otherwise one of them is wrong.
fn compare(header: &Header, sform: &DAffine3, qform: &DAffine3, shape: [usize; 3], notes: &mut Notes) {
    let apart_mm = disagreement_mm(sform, qform, shape);
    let m = sform.matrix3;
    let voxel_mm = m.x_axis.length().min(m.y_axis.length()).min(m.z_axis.length());
    if apart_mm > voxel_mm / 2.0 {
        let (s, q) = (header.sform_code, header.qform_code);
        let text =
            format!("sform (code {s}) and qform (code {q}) are {apart_mm:.1} mm apart; the sform is used");
        notes.add(NoteCode::Tolerated, text);
    }
}
