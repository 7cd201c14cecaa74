//! What values measure, and values whose VR a writer did not know.

use anatome_core::{NoteCode, Unit, Voi};
use anatome_dicom::{Loaded, Source, SpacingSource, Stack, SuvReport, SuvStep, SuvType, group};

use crate::made::{Element, Image, element, item, loaded};
use crate::shared::{load_one, scan_all, scan_bytes};

const PIXELS: (u16, u16) = (0x7FE0, 0x10);

fn ramp(from: i16) -> Vec<u8> {
    (0..16).flat_map(|n| (from + n).to_le_bytes()).collect()
}

/// The same image with some elements written as UN (PS3.5 6.2.2, note 2 of UN).
fn unknown(mut image: Image, tags: &[(u16, u16)]) -> Image {
    for (tag, vr, _) in &mut image.elements {
        if tags.contains(tag) {
            *vr = *b"UN";
        }
    }
    image
}

fn signed_ct() -> Image {
    let image = Image::new().with((0x28, 0x1052), b"DS", b"-1024 ").with((0x28, 0x1053), b"DS", b"2 ");
    let image = image.us((0x28, 0x103), 1).with((0x28, 0x120), b"SS", &(-195i16).to_le_bytes());
    image.with(PIXELS, b"OW", &ramp(-200))
}

#[test]
fn elements_of_unknown_vr_mean_what_the_dictionary_says() {
    let plain = loaded(&signed_ct().bytes()).unwrap().volume;
    assert_eq!(plain.value_range(), Some((-1424.0, -1394.0)));
    let numbers = [
        (0x28, 0x02),
        (0x28, 0x10),
        (0x28, 0x11),
        (0x28, 0x100),
        (0x28, 0x101),
        (0x28, 0x102),
        (0x28, 0x103),
        (0x28, 0x120),
        (0x28, 0x1052),
        (0x28, 0x1053),
    ];
    for tag in numbers {
        let volume = loaded(&unknown(signed_ct(), &[tag]).bytes()).unwrap().volume;
        assert_eq!(volume.samples(), plain.samples(), "{tag:04X?}");
        assert_eq!(volume.mapping(), plain.mapping(), "{tag:04X?}");
        assert_eq!(volume.padding(), plain.padding(), "{tag:04X?}");
    }
    let volume = loaded(&unknown(signed_ct(), &numbers).bytes()).unwrap().volume;
    assert_eq!(volume.value_range(), plain.value_range());
    assert!(volume.padding().is_some());
}

/// Whatever the transfer syntax, what is unknown is little endian.
#[test]
fn unknown_vr_is_little_endian_in_a_big_endian_file() {
    let mut image = signed_ct();
    image.syntax = "1.2.840.10008.1.2.2";
    let mut bytes = crate::made::meta(image.syntax);
    for (tag, vr, value) in &image.elements {
        bytes.extend(big_endian(*tag, vr, value, *tag == (0x28, 0x103) || *tag == (0x28, 0x10)));
    }
    let volume = loaded(&bytes).unwrap().volume;
    assert_eq!(volume.value_range(), Some((-1424.0, -1394.0)));
}

fn big_endian(tag: (u16, u16), vr: &[u8; 2], value: &[u8], unknown: bool) -> Vec<u8> {
    let words = matches!(vr, b"US" | b"SS" | b"OW") && !unknown;
    let mut value = value.to_vec();
    if words {
        value.chunks_exact_mut(2).for_each(<[u8]>::reverse);
    } else if value.len() % 2 == 1 {
        value.push(b' ');
    }
    let mut bytes = [tag.0.to_be_bytes(), tag.1.to_be_bytes()].concat();
    bytes.extend_from_slice(if unknown { b"UN" } else { vr });
    if unknown || vr == b"OW" {
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
    } else {
        bytes.extend_from_slice(&(value.len() as u16).to_be_bytes());
    }
    bytes.extend(value);
    bytes
}

fn implicit(tag: (u16, u16), value: &[u8]) -> Vec<u8> {
    let mut bytes = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    bytes.extend_from_slice(value);
    bytes
}

/// PS3.5 6.2.2: a sequence of VR UN has its items in implicit little endian, with or without a length.
#[test]
fn a_sequence_of_unknown_vr_is_read_in_implicit_little_endian() {
    let words = |words: &[u16]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let table = item(&[
        implicit((0x28, 0x3002), &words(&[16, 0, 16])),
        implicit((0x28, 0x3004), b"HU"),
        implicit((0x28, 0x3006), &words(&std::array::from_fn::<u16, 16, _>(|n| 100 + n as u16))),
    ]);
    let image = Image::new().with(PIXELS, b"OW", &ramp(0));
    let with_length = image.with((0x28, 0x3000), b"UN", &table);
    let mut without: Vec<u8> = with_length.bytes();
    let volume = loaded(&without).unwrap().volume;
    assert_eq!(volume.value_range(), Some((100.0, 115.0)));
    assert_eq!(volume.mapping().unit, Unit::Hounsfield);
    // The same, ended by a delimiter.
    let head = [&b"\x28\x00\x00\x30UN\0\0"[..], &(table.len() as u32).to_le_bytes()].concat();
    let at = without.windows(head.len()).position(|window| window == head).unwrap();
    without[at + 8..at + 12].fill(0xFF);
    let end = at + 12 + table.len();
    without.splice(end..end, *b"\xFE\xFF\xDD\xE0\0\0\0\0");
    assert_eq!(loaded(&without).unwrap().volume.value_range(), Some((100.0, 115.0)));
}

fn unit_of(image: &Image) -> Unit {
    loaded(&image.bytes()).unwrap().volume.mapping().unit.clone()
}

/// PS3.3 C.8.2.1 and C.11.1.1.2: HU where it is stated, and in CT images that may leave it out.
#[test]
fn ct_is_in_hounsfield_units_only_where_that_is_known() {
    let image = |kind: &[u8]| Image::new().with((0x08, 0x08), b"CS", kind);
    let typed = |kind: &[u8], code: &[u8]| image(kind).with((0x28, 0x1054), b"LO", code);
    for kind in [
        &b"ORIGINAL\\PRIMARY\\AXIAL"[..],
        b"DERIVED\\SECONDARY\\MPR",
        b"DERIVED\\PRIMARY\\AXIAL\\AVERAGE",
        b"ORIGINAL\\PRIMARY\\AXIAL\\VMI ",
        b"DERIVED\\PRIMARY\\AXIAL\\MAT_REMOVED",
        b"ORIGINAL\\PRIMARY\\AXIAL\\PERFUSION",
    ] {
        assert_eq!(unit_of(&image(kind)), Unit::Hounsfield, "{kind:?}");
    }
    for kind in [
        &b"ORIGINAL\\PRIMARY\\LOCALIZER"[..],
        b"DERIVED\\SECONDARY\\AXIAL\\CBF",
        b"DERIVED\\SECONDARY\\OTHER\\PERF_MTT",
        b"DERIVED\\SECONDARY\\AXIAL\\PERFUSION",
        b"DERIVED\\PRIMARY\\AXIAL\\EFF_ATOMIC_NUM",
        b"ORIGINAL\\PRIMARY\\AXIAL\\MAT_FRACTIONAL",
    ] {
        assert_eq!(unit_of(&image(kind)), Unit::Arbitrary, "{kind:?}");
    }
    let perfusion = b"DERIVED\\SECONDARY\\AXIAL\\CBF";
    assert_eq!(unit_of(&typed(perfusion, b"US")), Unit::Arbitrary);
    assert_eq!(unit_of(&typed(b"ORIGINAL\\PRIMARY\\AXIAL", b"US")), Unit::Arbitrary);
    assert_eq!(unit_of(&typed(b"ORIGINAL\\PRIMARY\\LOCALIZER", b"HU")), Unit::Hounsfield);
    let capture = Image::new().with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.7\0");
    assert_eq!(unit_of(&capture), Unit::Arbitrary);
    for (code, name) in [
        (&b"MGML"[..], "mg/ml"),
        (b"PCT ", "%"),
        (b"Z_EFF ", "effective atomic number"),
        (b"ED", "10^23 electrons/ml"),
        (b"HU_MOD", "modified HU"),
        (b"OD", "optical density / 1000"),
        (b"ML_PER_MIN", "ML_PER_MIN"),
    ] {
        assert_eq!(unit_of(&typed(perfusion, code)), Unit::Other(name.to_owned()));
    }
}

#[test]
fn a_modality_lut_states_its_own_unit() {
    let words = |words: &[u16]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
    let table = |kind: Option<&[u8]>| {
        let kind = kind.map(|kind| element((0x28, 0x3004), b"LO", kind)).unwrap_or_default();
        let (head, entries) = (words(&[2, 0, 16]), words(&[5, 9]));
        let parts = [element((0x28, 0x3002), b"US", &head), kind, element((0x28, 0x3006), b"OW", &entries)];
        Image::new().with((0x28, 0x3000), b"SQ", &item(&parts)).with((0x28, 0x1054), b"LO", b"HU")
    };
    assert_eq!(unit_of(&table(Some(b"US"))), Unit::Arbitrary);
    assert_eq!(unit_of(&table(None)), Unit::Arbitrary);
    assert_eq!(unit_of(&table(Some(b"HU"))), Unit::Hounsfield);
    assert_eq!(unit_of(&table(Some(b"OD"))), Unit::Other("optical density / 1000".to_owned()));
}

/// An item of Real World Value Mapping Sequence (0040,9096): `slope * stored + intercept`.
fn map(unit: &[u8], slope: f64, intercept: f64) -> Vec<u8> {
    let code = [element((0x08, 0x100), b"SH", unit), element((0x08, 0x102), b"SH", b"UCUM")];
    item(&[
        element((0x40, 0x08EA), b"SQ", &item(&code)),
        element((0x40, 0x9211), b"US", &4095u16.to_le_bytes()),
        element((0x40, 0x9216), b"US", &0u16.to_le_bytes()),
        element((0x40, 0x9224), b"FD", &intercept.to_le_bytes()),
        element((0x40, 0x9225), b"FD", &slope.to_le_bytes()),
    ])
}

/// PS3.3 C.7.6.16.2.11: a table has a value for each stored value that it maps, and none for others.
#[test]
fn an_own_real_world_map_may_be_a_table() {
    let image = Image::new().with((0x08, 0x60), b"CS", b"MR").with(PIXELS, b"OW", &ramp(0));
    let unit = [element((0x08, 0x100), b"SH", b"mm2/s"), element((0x08, 0x102), b"SH", b"UCUM")];
    let entries = [0.25f64, -4.0, 1e6, 7.0];
    let table = item(&[
        element((0x40, 0x08EA), b"SQ", &item(&unit)),
        element((0x40, 0x9211), b"US", &6u16.to_le_bytes()),
        element((0x40, 0x9212), b"FD", &entries.map(f64::to_le_bytes).concat()),
        element((0x40, 0x9216), b"US", &3u16.to_le_bytes()),
    ]);
    let windowed = image.with((0x28, 0x1050), b"DS", b"10").with((0x28, 0x1051), b"DS", b"8 ");
    let mapped = windowed.with((0x40, 0x9096), b"SQ", &table);
    let Loaded { volume, notes, .. } = loaded(&mapped.bytes()).unwrap();
    assert_eq!(volume.mapping().unit, Unit::Other("mm2/s".to_owned()));
    let values: Vec<Option<f64>> = (0..16).map(|n| volume.modality_value([0, n / 4, n % 4])).collect();
    let expected: Vec<Option<f64>> = (0..16usize).map(|n| entries.get(n.wrapping_sub(3)).copied()).collect();
    assert_eq!(values, expected);
    assert!(volume.facts().vois.is_empty());
    let told = |code, text: &str| notes.iter().any(|note| note.code == code && note.text.contains(text));
    assert!(told(NoteCode::Converted, "values are those of the images' own real-world value map"));
    assert!(told(NoteCode::Ignored, "windows that are for other values"));
    let outside = notes.iter().find(|note| note.code == NoteCode::NotFinite).unwrap();
    assert_eq!(
        (outside.text.as_str(), outside.count),
        ("a sample outside of the real-world value map (0040,9096) was made padding", 12)
    );
    // Signed values whose first one is written as if it were unsigned.
    let signed = |first: u16| {
        let last = element((0x40, 0x9211), b"US", &first.wrapping_add(3).to_le_bytes());
        let table = item(&[
            element((0x40, 0x08EA), b"SQ", &item(&unit)),
            last,
            element((0x40, 0x9212), b"FD", &entries.map(f64::to_le_bytes).concat()),
            element((0x40, 0x9216), b"US", &first.to_le_bytes()),
        ]);
        let image = Image::new().with((0x08, 0x60), b"CS", b"MR").with(PIXELS, b"OW", &ramp(-8));
        image.us((0x28, 0x103), 1).with((0x40, 0x9096), b"SQ", &table)
    };
    for first in [-2i16, -6] {
        let volume = loaded(&signed(first.cast_unsigned()).bytes()).unwrap().volume;
        let at = |stored: i16| {
            let n = usize::try_from(stored + 8).unwrap();
            volume.modality_value([0, n / 4, n % 4])
        };
        assert_eq!([0, 1, 2, 3].map(|n| at(first + n)), entries.map(Some), "{first}");
        assert_eq!(at(first + 4), None);
    }
    // A rescale that states its unit says what the values are.
    let stated = mapped.with((0x28, 0x1053), b"DS", b"2 ").with((0x28, 0x1054), b"LO", b"PCT ");
    let stated = stated.with((0x28, 0x1052), b"DS", b"0 ");
    let Loaded { volume, notes, .. } = loaded(&stated.bytes()).unwrap();
    assert_eq!(volume.value_range(), Some((0.0, 30.0)));
    assert!(notes.iter().any(|note| note.code == NoteCode::Ignored && note.text.contains("a table")));
}

/// PS3.3 C.7.6.16.2.11: the map is for stored values, and stands beside the rescale; windows are for the rescale's
/// output.
#[test]
fn an_own_real_world_map_gives_values_where_the_rescale_states_no_unit() {
    let mr = || {
        let image = Image::new().with((0x08, 0x60), b"CS", b"MR").with(PIXELS, b"OW", &ramp(0));
        let image = image.with((0x28, 0x1052), b"DS", b"0 ").with((0x28, 0x1053), b"DS", b"2 ");
        image.with((0x28, 0x1050), b"DS", b"10").with((0x28, 0x1051), b"DS", b"8 ")
    };
    let mapped = |image: Image, unit: &[u8]| image.with((0x40, 0x9096), b"SQ", &map(unit, 0.5, 1.0));
    let volume = loaded(&mapped(mr(), b"mm2/s").bytes()).unwrap().volume;
    assert_eq!(volume.mapping().unit, Unit::Other("mm2/s".to_owned()));
    assert_eq!(volume.value_range(), Some((1.0, 8.5)));
    // 6 to 13 as the rescale's output are the stored values 3 to 6.5.
    let Voi::Window(window) = &volume.facts().vois[0].voi else { panic!("no window") };
    assert_eq!(window.ends(), (2.5, 4.25));
    // A rescale that states its unit, or a map without one, leaves all as it was.
    let stated = mapped(mr(), b"mm2/s").with((0x28, 0x1054), b"LO", b"PCT ");
    assert_eq!(loaded(&stated.bytes()).unwrap().volume.value_range(), Some((0.0, 30.0)));
    let without = loaded(&mapped(mr(), b"1 ").bytes()).unwrap().volume;
    assert_eq!((without.mapping().slope, &without.mapping().unit), (2.0, &Unit::Arbitrary));
    // CT says what its values are without a type.
    let ct = mapped(Image::new().with(PIXELS, b"OW", &ramp(0)), b"mm2/s");
    assert_eq!(unit_of(&ct), Unit::Hounsfield);
}

fn pet(elements: &[Element]) -> Image {
    let mut image = Image::new().with((0x08, 0x60), b"CS", b"PT").with(PIXELS, b"OW", &ramp(0));
    image = image.with((0x28, 0x1052), b"DS", b"0 ").with((0x28, 0x1053), b"DS", b"4 ");
    for (tag, vr, value) in elements {
        image = image.with(*tag, vr, value);
    }
    image
}

fn uptake(image: &Image) -> (SuvReport, std::sync::Arc<anatome_core::Volume>) {
    let scanned = scan_bytes(image.bytes()).unwrap();
    let series = group(scanned.instances);
    let report = SuvReport::new(series[0].instances(), &anatome_dicom::Limits::default()).unwrap();
    (report, load_one(&series[0]).unwrap().volume)
}

#[test]
fn an_own_map_of_uptake_is_suv_where_the_header_lacks_what_suv_needs() {
    let maps = [map(b"Bq/ml ", 4.0, 0.0), map(b"g/ml{SUVbw} ", 0.001, 0.0)].concat();
    let with_units =
        pet(&[((0x54, 0x1001), *b"CS", b"BQML".to_vec()), ((0x40, 0x9096), *b"SQ", maps.clone())]);
    let (report, volume) = uptake(&with_units);
    assert_eq!(volume.mapping().unit, Unit::BecquerelPerMl);
    assert!((report.factor(SuvType::BodyWeight).unwrap() - 0.001 / 4.0).abs() < 1e-15);
    assert!(report.steps().contains(&SuvStep::RealWorldMap(SuvType::BodyWeight)));
    let suv = report.volume(volume, SuvType::BodyWeight).unwrap();
    assert!((suv.value_range().unwrap().1 - 0.015).abs() < 1e-12);
    // Without units the first map with a unit gives the values; SUV are none of them, but one line away.
    let (report, volume) = uptake(&pet(&[((0x40, 0x9096), *b"SQ", map(b"g/ml{SUVbw} ", 0.001, 0.0))]));
    assert_eq!(volume.mapping().unit, Unit::SuvBodyWeight);
    assert_eq!(report.factor(SuvType::BodyWeight), Ok(1.0));
    assert_eq!(report.mapping(volume.mapping(), SuvType::BodyWeight).unwrap(), *volume.mapping());
    // Of several maps the first gives the values, and that of uptake counts from there.
    let (report, volume) = uptake(&pet(&[((0x40, 0x9096), *b"SQ", maps)]));
    assert_eq!((volume.mapping().slope, &volume.mapping().unit), (4.0, &Unit::BecquerelPerMl));
    let suv = report.mapping(volume.mapping(), SuvType::BodyWeight).unwrap();
    assert!((suv.slope - 0.001).abs() < 1e-15 && suv.unit == Unit::SuvBodyWeight);
    // Lean body mass can't be known from that without the patient's height.
    assert!(report.factor(SuvType::LeanBodyMassJames).is_err());
}

/// PS3.3 C.8.19.6.4 and C.8.19.6.9.
#[test]
fn enhanced_projections_have_their_spacing_in_functional_groups() {
    let floats = |values: [f32; 2]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>();
    let detector = element((0x28, 0x9443), b"SQ", &item(&[element((0x18, 0x1164), b"DS", b"0.3\\0.4 ")]));
    let object =
        |spacing| element((0x18, 0x9401), b"SQ", &item(&[element((0x18, 0x9404), b"FL", &floats(spacing))]));
    let spacing = |shared: &[Vec<u8>], own: [&[Vec<u8>]; 2], frame: usize| {
        let own = own.map(item).concat();
        let image = Image::new()
            .without((0x28, 0x30))
            .without((0x20, 0x32))
            .with((0x08, 0x60), b"CS", b"XA")
            .with((0x08, 0x16), b"UI", b"1.2.840.10008.5.1.4.1.1.12.1.1\0")
            .with((0x28, 0x08), b"IS", b"2 ")
            .with((0x5200, 0x9229), b"SQ", &item(shared))
            .with((0x5200, 0x9230), b"SQ", &own)
            .with(PIXELS, b"OW", &[ramp(0), ramp(0)].concat());
        let scanned = scan_all(&[Source::Bytes(image.bytes().into())]).unwrap();
        let stack = Stack::new(&group(scanned.instances)[0], &anatome_dicom::Limits::default()).unwrap();
        stack.spacing(frame).unwrap()
    };
    let found = spacing(std::slice::from_ref(&detector), [&[], &[]], 1);
    assert_eq!((found.mm, found.source), (Some([0.3, 0.4]), SpacingSource::Detector));
    let own = object([0.25, 0.5]);
    let shared = [object([0.125, 0.375]), detector];
    for (frame, expected) in [(0, [0.125, 0.375]), (1, [0.25, 0.5])] {
        let found = spacing(&shared, [&[], std::slice::from_ref(&own)], frame);
        assert_eq!((found.mm, found.source), (Some(expected), SpacingSource::ObjectPlane));
    }
}
