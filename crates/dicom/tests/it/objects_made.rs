//! Derived objects made byte by byte, and what must come of them.

use anatome_core::{Voi, WindowFunction};
use anatome_dicom::Error;
use anatome_dicom::objects::{
    DerivedObject, GraphicKind, GraphicUnits, PresentationLut, PresentationState, RealWorldMapping,
    ShutterShape, SizeMode,
};

use crate::made::{EXPLICIT, element, meta};
use crate::objects::read;

/// A sequence of items of defined length.
pub fn sequence(tag: (u16, u16), items: &[Vec<u8>]) -> Vec<u8> {
    let mut value = Vec::new();
    for item in items {
        value.extend_from_slice(b"\xFE\xFF\x00\xE0");
        value.extend_from_slice(&(item.len() as u32).to_le_bytes());
        value.extend_from_slice(item);
    }
    element(tag, b"SQ", &value)
}

fn text(tag: (u16, u16), vr: &[u8; 2], value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.resize(bytes.len() + bytes.len() % 2, b' ');
    element(tag, vr, &bytes)
}

fn us(tag: (u16, u16), value: u16) -> Vec<u8> {
    element(tag, b"US", &value.to_le_bytes())
}

fn object(class: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = meta(EXPLICIT);
    bytes.extend(text((0x08, 0x16), b"UI", class));
    bytes.extend(parts.concat());
    bytes
}

/// A structure set whose regions have one contour each.
pub fn structure_set(contours: &[&[u8]]) -> Vec<u8> {
    let number = |n: usize| (n + 1).to_string();
    let regions: Vec<Vec<u8>> =
        (0..contours.len()).map(|n| text((0x3006, 0x22), b"IS", &number(n))).collect();
    let contours: Vec<Vec<u8>> = contours
        .iter()
        .enumerate()
        .map(|(n, data)| {
            let mut data = data.to_vec();
            data.resize(data.len() + data.len() % 2, b' ');
            let kind = text((0x3006, 0x42), b"CS", "CLOSED_PLANAR");
            let contour = [kind, element((0x3006, 0x50), b"DS", &data)].concat();
            [sequence((0x3006, 0x40), &[contour]), text((0x3006, 0x84), b"IS", &number(n))].concat()
        })
        .collect();
    let parts = [sequence((0x3006, 0x20), &regions), sequence((0x3006, 0x39), &contours)];
    object("1.2.840.10008.5.1.4.1.1.481.3", &parts)
}

fn state(parts: &[Vec<u8>]) -> Result<PresentationState, Error> {
    match read(object("1.2.840.10008.5.1.4.1.1.11.1", parts))? {
        DerivedObject::PresentationState(state) => Ok(state),
        other => panic!("{other:?}"),
    }
}

fn singles(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn graphic(kind: &str, points: &[f32]) -> Vec<u8> {
    sequence(
        (0x70, 0x01),
        &[[
            text((0x70, 0x02), b"CS", "MARKS"),
            sequence(
                (0x70, 0x09),
                &[[
                    text((0x70, 0x05), b"CS", "PIXEL"),
                    us((0x70, 0x21), points.len() as u16 / 2),
                    element((0x70, 0x22), b"FL", &singles(points)),
                    text((0x70, 0x23), b"CS", kind),
                    text((0x70, 0x24), b"CS", "Y"),
                ]
                .concat()],
            ),
        ]
        .concat()],
    )
}

/// A state with some of everything.
fn full_state() -> PresentationState {
    let image = |n: u32| {
        let uid = format!("2.25.{n}");
        [
            text((0x08, 0x1150), b"UI", "1.2.3"),
            text((0x08, 0x1155), b"UI", &uid),
            text((0x08, 0x1160), b"IS", "1\\3"),
        ]
        .concat()
    };
    let labelled = sequence(
        (0x70, 0x01),
        &[[
            text((0x70, 0x02), b"CS", "MARKS"),
            sequence(
                (0x70, 0x08),
                &[[
                    text((0x70, 0x04), b"CS", "DISPLAY"),
                    text((0x70, 0x06), b"ST", "Doe, Jane"),
                    element((0x70, 0x14), b"FL", &singles(&[0.25, 0.5])),
                    text((0x70, 0x15), b"CS", "Y"),
                ]
                .concat()],
            ),
        ]
        .concat()],
    );
    let corner = |tag, x: i32, y: i32| element(tag, b"SL", &[x.to_le_bytes(), y.to_le_bytes()].concat());
    state(&[
        sequence(
            (0x08, 0x1115),
            &[[text((0x20, 0x0E), b"UI", "2.25.9"), sequence((0x08, 0x1140), &[image(1), image(2)])]
                .concat()],
        ),
        text((0x18, 0x1600), b"CS", "RECTANGULAR\\CIRCULAR\\POLYGONAL"),
        text((0x18, 0x1602), b"IS", "2"),
        text((0x18, 0x1604), b"IS", "60"),
        text((0x18, 0x1606), b"IS", "3"),
        text((0x18, 0x1608), b"IS", "50"),
        text((0x18, 0x1610), b"IS", "30\\31"),
        text((0x18, 0x1612), b"IS", "20"),
        text((0x18, 0x1620), b"IS", "1\\2\\3\\4\\5\\6"),
        us((0x18, 0x1622), 65_535),
        sequence(
            (0x28, 0x3110),
            &[[
                sequence((0x08, 0x1140), &[image(1)]),
                text((0x28, 0x1050), b"DS", "40"),
                text((0x28, 0x1051), b"DS", "400"),
                text((0x28, 0x1056), b"CS", "SIGMOID"),
            ]
            .concat()],
        ),
        labelled,
        us((0x70, 0x42), 270),
        text((0x70, 0x41), b"CS", "Y"),
        sequence(
            (0x70, 0x5A),
            &[[
                corner((0x70, 0x52), -9, 1),
                corner((0x70, 0x53), 64, 48),
                text((0x70, 0x100), b"CS", "TRUE SIZE"),
                text((0x70, 0x101), b"DS", "0.5\\0.25"),
            ]
            .concat()],
        ),
        sequence(
            (0x70, 0x60),
            &[[text((0x70, 0x02), b"CS", "MARKS"), text((0x70, 0x62), b"IS", "7")].concat()],
        ),
        text((0x2050, 0x20), b"CS", "INVERSE"),
    ])
    .unwrap()
}

#[test]
fn a_presentation_state() {
    let state = full_state();
    assert_eq!(state.referenced[0].series_instance_uid.as_deref(), Some("2.25.9"));
    assert_eq!(state.referenced[0].images[1].sop_instance_uid, "2.25.2");
    assert_eq!(state.referenced[0].images[1].frames, [1, 3]);
    let Voi::Window(window) = &state.vois[0].vois[0].voi else { panic!("no window") };
    assert_eq!((window.center(), window.width(), window.function()), (40.0, 400.0, WindowFunction::Sigmoid));
    assert_eq!(state.vois[0].images[0].sop_instance_uid, "2.25.1");
    assert_eq!(state.lut, PresentationLut::Inverse);
    let text = &state.annotations[0].texts[0];
    assert_eq!((text.text.reveal(), text.shows_anchor, text.bounds), ("Doe, Jane", true, None));
    assert_eq!(text.anchor, Some((GraphicUnits::Display, [0.25, 0.5])));
    assert!(!format!("{state:?}").contains("Jane"));
    assert_eq!((state.layers[0].name.as_str(), state.layers[0].order), ("MARKS", 7));
    let area = &state.areas[0];
    assert_eq!((area.top_left, area.bottom_right, area.size), ([-9, 1], [64, 48], SizeMode::TrueSize));
    assert_eq!(area.pixel_spacing_mm, Some([0.5, 0.25]));
    assert_eq!((state.quarter_turns, state.is_flipped), (3, true));
    let shutter = state.shutter.unwrap();
    assert_eq!(
        shutter.shapes,
        [
            ShutterShape::Rectangle { columns: [2, 60], rows: [3, 50] },
            // Files state rows first.
            ShutterShape::Circle { center: [31, 30], radius: 20 },
            ShutterShape::Polygon(vec![[2, 1], [4, 3], [6, 5]]),
        ]
    );
    assert_eq!(shutter.gray, Some(65_535));
}

#[test]
fn graphics_need_as_many_points_as_their_form_has() {
    for (name, points, kind) in [
        ("POINT", 1, GraphicKind::Point),
        ("POLYLINE", 2, GraphicKind::Polyline),
        ("INTERPOLATED", 5, GraphicKind::Interpolated),
        ("CIRCLE", 2, GraphicKind::Circle),
        ("ELLIPSE", 4, GraphicKind::Ellipse),
    ] {
        let numbers: Vec<f32> = (0..2 * points).map(|n| n as f32 + 0.5).collect();
        let state = state(&[graphic(name, &numbers)]).unwrap();
        let graphic = &state.annotations[0].graphics[0];
        assert_eq!((graphic.kind, graphic.units, graphic.filled), (kind, GraphicUnits::Pixel, true));
        assert_eq!((graphic.points.len(), graphic.points[0]), (points, [0.5, 1.5]));
    }
    for (name, numbers) in [
        ("POINT", &[][..]),
        ("POINT", &[1.0]),
        ("POINT", &[1.0, 2.0, 3.0]),
        ("POINT", &[1.0, f32::NAN]),
        ("CIRCLE", &[1.0, 2.0]),
        ("ELLIPSE", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        ("STAR", &[1.0, 2.0]),
    ] {
        assert!(
            matches!(state(&[graphic(name, numbers)]), Err(Error::Malformed { .. })),
            "{name} {numbers:?}"
        );
    }
}

fn table(tag: (u16, u16), descriptor: [u16; 3], data: &[u8]) -> Vec<u8> {
    let descriptor: Vec<u8> = descriptor.iter().flat_map(|v| v.to_le_bytes()).collect();
    sequence(
        tag,
        &[[element((0x28, 0x3002), b"US", &descriptor), element((0x28, 0x3006), b"OW", data)].concat()],
    )
}

#[test]
fn lookup_tables_are_as_long_as_they_say() {
    let good = state(&[table((0x2050, 0x10), [4, 0, 12], &[0, 0, 1, 0, 2, 0, 3, 0])]).unwrap();
    assert!(matches!(good.lut, PresentationLut::Table(_)));
    for (descriptor, data) in [
        ([5, 0, 12], &[0; 8][..]),
        ([0, 0, 16], &[0; 8]),
        ([4, 0, 7], &[0; 8]),
        ([4, 0, 17], &[0; 8]),
        ([4, 0, 12], &[]),
    ] {
        let broken = state(&[table((0x2050, 0x10), descriptor, data)]);
        assert!(matches!(broken, Err(Error::Malformed { .. })), "{descriptor:?}");
    }
    let odd = state(&[us((0x70, 0x42), 45)]);
    assert!(matches!(odd, Err(Error::Malformed { .. })));
}

/// In implicit datasets the descriptor of a LUT for HU reads as unsigned.
#[test]
fn the_first_input_of_a_lut_may_be_negative() {
    let voi = |vr: &[u8; 2], first: u16, count: u16| {
        let descriptor: Vec<u8> = [count, first, 8].iter().flat_map(|v| v.to_le_bytes()).collect();
        let data = vec![0; 2 * usize::from(count)];
        let lut = [element((0x28, 0x3002), vr, &descriptor), element((0x28, 0x3006), b"OW", &data)].concat();
        let state = state(&[sequence((0x28, 0x3110), &[sequence((0x28, 0x3010), &[lut])])]).unwrap();
        let Voi::Lut(lut) = &state.vois[0].vois[0].voi else { panic!("no LUT") };
        lut.first_mapped()
    };
    assert_eq!(voi(b"SS", 0xFC00, 4), -1024.0);
    assert_eq!(voi(b"US", 0xFC00, 4), 64_512.0);
    assert_eq!(voi(b"US", 0xFC00, 2048), -1024.0);
}

#[test]
fn key_objects() {
    let code = |value: &str| [text((0x08, 0x100), b"SH", value), text((0x08, 0x102), b"SH", "DCM")].concat();
    let instance = [text((0x08, 0x1150), b"UI", "1.2"), text((0x08, 0x1155), b"UI", "2.25.5")].concat();
    let series = [sequence((0x08, 0x1199), &[instance]), text((0x20, 0x0E), b"UI", "2.25.4")].concat();
    let parts = [
        sequence((0x40, 0xA043), &[code("113000")]),
        sequence((0x40, 0xA375), &[sequence((0x08, 0x1115), &[series])]),
    ];
    let DerivedObject::KeyObjects(keys) = read(object("1.2.840.10008.5.1.4.1.1.88.59", &parts)).unwrap()
    else {
        panic!("no key objects")
    };
    assert_eq!((keys.title.value.as_str(), keys.title.scheme.as_str()), ("113000", "DCM"));
    assert_eq!(keys.referenced[0].series_instance_uid.as_deref(), Some("2.25.4"));
    assert_eq!(keys.referenced[0].images[0].sop_instance_uid, "2.25.5");
}

fn real_world(parts: &[Vec<u8>]) -> Result<DerivedObject, Error> {
    let map = sequence((0x40, 0x9096), &[parts.concat()]);
    read(object("1.2.840.10008.5.1.4.1.1.67", &[sequence((0x40, 0x9094), &[map])]))
}

#[test]
fn real_world_luts() {
    let doubles = |values: &[f64]| {
        element((0x40, 0x9212), b"FD", &values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>())
    };
    let range = |first: u16, last: u16| [us((0x40, 0x9211), last), us((0x40, 0x9216), first)].concat();
    let good = real_world(&[range(10, 12), doubles(&[0.5, 1.5, 4.0])]).unwrap();
    let DerivedObject::RealWorldMaps(maps) = good else { panic!("no maps") };
    assert!(matches!(maps.maps[0].mapping, RealWorldMapping::Lut(_)));
    let values = [9.0, 10.0, 11.0, 12.0, 13.0].map(|stored| maps.maps[0].value(stored));
    assert_eq!(values, [None, Some(0.5), Some(1.5), Some(4.0), None]);
    for broken in [
        vec![range(10, 12), doubles(&[0.5, 1.5])],
        vec![range(12, 10), doubles(&[0.5])],
        vec![doubles(&[0.5])],
        vec![range(0, 10)],
        vec![range(0, 10), element((0x40, 0x9224), b"FD", &f64::NAN.to_le_bytes())],
    ] {
        assert!(matches!(real_world(&broken), Err(Error::Malformed { .. })));
    }
    // Both ends are unsigned in implicit datasets: 65535 to 1 is -1 to 1.
    let slope = [
        element((0x40, 0x9224), b"FD", &1f64.to_le_bytes()),
        element((0x40, 0x9225), b"FD", &2f64.to_le_bytes()),
    ];
    let DerivedObject::RealWorldMaps(maps) = real_world(&[range(65_535, 1), slope.concat()]).unwrap() else {
        panic!("no maps")
    };
    assert_eq!((maps.maps[0].range, maps.maps[0].value(-1.0)), ((-1.0, 1.0), Some(-1.0)));
}

/// An item inherits the character set of what holds it, or has its own (PS3.3 C.12.1.1.2).
#[test]
fn items_have_character_sets_of_their_own() {
    let named = |set: Option<&str>| {
        let mut item = set.map_or_else(Vec::new, |set| text((0x08, 0x05), b"CS", set));
        item.extend(text((0x3006, 0x22), b"IS", "1"));
        item.extend(element((0x3006, 0x26), b"LO", b"L\xFCcke "));
        let bytes = [
            meta(EXPLICIT),
            text((0x08, 0x05), b"CS", "ISO_IR 100"),
            text((0x08, 0x16), b"UI", "1.2.840.10008.5.1.4.1.1.481.3"),
            sequence((0x3006, 0x20), &[item]),
        ];
        let DerivedObject::StructureSet(set) = read(bytes.concat()).unwrap() else { panic!("no set") };
        set.rois[0].name.reveal().to_owned()
    };
    assert_eq!(named(None), "Lücke");
    assert_eq!(named(Some("ISO_IR 144")), "Lќcke");
}

fn segmentation(
    frames: &str,
    groups: usize,
    segments: &[u16],
    parts: &[Vec<u8>],
) -> Result<DerivedObject, Error> {
    let described: Vec<Vec<u8>> = segments.iter().map(|&n| us((0x62, 0x04), n)).collect();
    let group = sequence((0x62, 0x0A), &[us((0x62, 0x0B), 1)]);
    let mut bytes = object(
        "1.2.840.10008.5.1.4.1.1.66.4",
        &[text((0x28, 0x08), b"IS", frames), us((0x28, 0x10), 2), us((0x28, 0x11), 2), us((0x28, 0x100), 1)],
    );
    bytes.extend(parts.concat());
    bytes.extend(sequence((0x62, 0x02), &described));
    bytes.extend(sequence((0x5200, 0x9230), &vec![group; groups]));
    bytes.extend(element((0x7FE0, 0x10), b"OB", &[0, 0]));
    read(bytes)
}

#[test]
fn segmentations_that_contradict_themselves() {
    let binary = || text((0x62, 0x01), b"CS", "BINARY");
    assert!(segmentation("2", 2, &[1, 2], &[binary()]).is_ok());
    let fractional = || text((0x62, 0x01), b"CS", "FRACTIONAL");
    for (name, broken) in [
        ("two of one number", segmentation("2", 2, &[1, 1], &[binary()])),
        ("a segment that is not there", segmentation("2", 2, &[2], &[binary()])),
        ("more frames than groups", segmentation("3", 2, &[1], &[binary()])),
        ("giant count", segmentation("2147483647", 2, &[1], &[binary()])),
        ("negative count", segmentation("-1", 2, &[1], &[binary()])),
        ("no type", segmentation("2", 2, &[1], &[])),
        ("no maximum", segmentation("2", 2, &[1], &[fractional()])),
        ("maximum 0", segmentation("2", 2, &[1], &[fractional(), us((0x62, 0x0E), 0)])),
    ] {
        assert!(matches!(broken, Err(Error::Malformed { .. })), "{name}: {broken:?}");
    }
    let tiled = |count: &str| {
        let tiles = text((0x20, 0x9311), b"CS", "TILED_FULL");
        segmentation(count, 0, &[1, 2], &[tiles, binary()])
    };
    assert!(tiled("4").is_ok());
    assert!(matches!(tiled("5"), Err(Error::Malformed { .. })));
    assert!(matches!(tiled("2147483646"), Err(Error::Limits { .. } | Error::Malformed { .. })));
}

/// Each byte of a small object cut off, or changed: an answer, always.
#[test]
fn truncated_and_damaged_objects_are_answered() {
    let whole = structure_set(&[b"1\\2\\3\\4\\5\\6", b"1\\2\\3"]);
    let attempt = |bytes: Vec<u8>| {
        if let Ok(scanned) = crate::shared::scan_bytes(bytes) {
            for header in &scanned.instances {
                let _ = anatome_dicom::objects::read_object(header, &anatome_dicom::Limits::default());
            }
        }
    };
    for length in 132..whole.len() {
        attempt(whole[..length].to_vec());
    }
    for at in 132..whole.len() {
        for change in [0x00, 0x5C, 0xFF, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] = change;
            attempt(bytes);
        }
    }
}

/// 200,000 empty items and 20,000 contours are answered at once.
#[test]
fn long_sequences_take_no_time() {
    let start = std::time::Instant::now();
    let empty = vec![Vec::new(); 200_000];
    let bytes = object("1.2.840.10008.5.1.4.1.1.481.3", &[sequence((0x3006, 0x39), &empty)]);
    assert!(read(bytes).is_ok());
    let contours = vec![&b"1\\2\\3\\4\\5\\6\\7\\8\\9"[..]; 20_000];
    assert!(read(structure_set(&contours)).is_ok());
    assert!(start.elapsed().as_secs_f64() < 1.0, "{:?}", start.elapsed());
}
