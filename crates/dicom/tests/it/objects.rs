//! Derived objects: what pydicom 3.0.2 reads in real ones, and broken ones.

use std::sync::Arc;

use anatome_dicom::objects::{
    AlgorithmType, ContourKind, DerivedObject, DoseType, DoseUnits, RealWorldMapping, RoiFault, Segmentation,
    SegmentationKind, StructureSet, read_object,
};
use anatome_dicom::{Error, Frame, FrameReader, InstanceHeader, Limits, SuvReport, SuvType, group};

use crate::shared::{data, one_series, scan_bytes, unzipped};

pub fn header(bytes: impl Into<Arc<[u8]>>) -> Arc<InstanceHeader> {
    Arc::clone(&scan_bytes(bytes).unwrap().instances[0])
}

pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<DerivedObject, Error> {
    read_object(&header(bytes), &Limits::default())
}

fn file(zip: &str, name: &str) -> Option<Arc<[u8]>> {
    Some(unzipped(&data(zip)?, name)[name].clone())
}

fn segmentation(bytes: Arc<[u8]>) -> Segmentation {
    match read(bytes).unwrap() {
        DerivedObject::Segmentation(segmentation) => segmentation,
        other => panic!("{other:?}"),
    }
}

fn structure_set(bytes: Arc<[u8]>) -> StructureSet {
    match read(bytes).unwrap() {
        DerivedObject::StructureSet(set) => set,
        other => panic!("{other:?}"),
    }
}

/// Kind, frames, segments, frames of the first segment, images that the frames were made from, images of the first
/// series that is referred to.
type Facts = (SegmentationKind, usize, usize, usize, usize, usize);

const PROBABILITY: SegmentationKind = SegmentationKind::Fractional { maximum: 255, is_occupancy: false };
const BINARY: SegmentationKind = SegmentationKind::Binary;

/// Counted with pydicom 3.0.2 in the functional groups and sequences of each file.
const SEGMENTATIONS: [(&str, &str, Facts); 14] = [
    ("petct-acrin042", "seg/seg-on-ct.dcm", (BINARY, 58, 2, 29, 58, 40)),
    ("petct-acrin042", "seg/seg-on-pet-1.dcm", (BINARY, 58, 2, 26, 58, 42)),
    ("petct-acrin042", "seg/seg-on-pet-2.dcm", (BINARY, 43, 1, 43, 43, 43)),
    ("rt-seg-sr", "dcmqi-23x38x3/seg/label.seg", (BINARY, 3, 1, 3, 3, 3)),
    ("rt-seg-sr", "dcmqi-ct-3slice/liver.dcm", (BINARY, 3, 1, 3, 3, 3)),
    ("rt-seg-sr", "dcmqi-ct-3slice/partial_overlaps.dcm", (BINARY, 7, 5, 1, 7, 3)),
    ("rt-seg-sr", "dcmqi-ct-3slice/sparse-labelmap-ppv5.dcm", (SegmentationKind::Labelmap, 2, 2, 0, 2, 2)),
    ("rt-seg-sr", "dcmqi-pet-sr/seg.dcm", (BINARY, 13, 1, 13, 13, 13)),
    ("rt-seg-sr", "highdicom/seg_image_ct_binary_overlap.dcm", (BINARY, 8, 2, 4, 8, 4)),
    ("rt-seg-sr", "highdicom/seg_image_ct_binary_single_frame.dcm", (BINARY, 1, 1, 1, 1, 1)),
    ("rt-seg-sr", "highdicom/seg_image_ct_true_fractional.dcm", (PROBABILITY, 3, 1, 3, 3, 4)),
    ("rt-seg-sr", "highdicom/seg_image_sm_dots.dcm", (BINARY, 62, 50, 0, 62, 1)),
    // 25 tiles of 50 segments, which its header does not list.
    ("rt-seg-sr", "highdicom/seg_image_sm_dots_tiled_full.dcm", (BINARY, 1250, 50, 25, 0, 1)),
    (
        "rt-seg-sr",
        "highdicom/seg_image_sm_control_labelmap.dcm",
        (SegmentationKind::Labelmap, 20, 21, 0, 20, 1),
    ),
];

#[test]
fn segmentations_of_several_makers() {
    for (zip, name, facts) in SEGMENTATIONS {
        let Some(bytes) = file(&format!("{zip}.zip"), &format!("{zip}/{name}")) else { return };
        let read = segmentation(bytes);
        let first = read.segments[0].number;
        let ours = (
            read.kind,
            read.frames.len(),
            read.segments.len(),
            read.frames.iter().filter(|frame| frame.segment == Some(first)).count(),
            read.frames.iter().map(|frame| frame.sources.len()).sum(),
            read.referenced[0].images.len(),
        );
        assert_eq!(ours, facts, "{name}");
        assert!(
            read.frames.iter().flat_map(|f| f.sources.iter()).all(|image| !image.sop_instance_uid.is_empty())
        );
    }
}

#[test]
fn segments_say_what_they_are() {
    let Some(bytes) = file("rt-seg-sr.zip", "rt-seg-sr/dcmqi-ct-3slice/liver.dcm") else { return };
    let read = segmentation(bytes);
    let liver = read.segment(1).unwrap();
    assert_eq!(liver.label.reveal(), "Liver");
    let property = liver.property.as_ref().unwrap();
    assert_eq!((property.value.as_str(), property.scheme.as_str()), ("T-62000", "SRT"));
    assert_eq!(property.meaning.reveal(), "Liver");
    assert_eq!(liver.category.as_ref().unwrap().meaning.reveal(), "Tissue");
    assert_eq!(liver.algorithm, AlgorithmType::SemiAutomatic);
    assert_eq!(liver.color.unwrap().encoded, [41661, 41167, 40792]);
    assert!(read.segment(2).is_none());
    // A label may name a person.
    assert!(!format!("{read:?}").contains("Liver"));
    let bytes = file("rt-seg-sr.zip", "rt-seg-sr/dcmqi-pet-sr/seg.dcm").unwrap();
    let region = segmentation(bytes).segments[0].region.clone().unwrap();
    assert_eq!(region.meaning.reveal(), "pharyngeal tonsil (adenoid)");
    for (name, background) in [("ppv5", Some(5)), ("noppv", None)] {
        let name = format!("rt-seg-sr/dcmqi-ct-3slice/sparse-labelmap-{name}.dcm");
        let map = segmentation(file("rt-seg-sr.zip", &name).unwrap());
        assert_eq!((map.background, map.overlap), (background, Some(false)));
        assert_eq!(map.segment(0).unwrap().label.reveal(), "Background");
    }
}

/// A segmentation refers to the images under it, by which a viewer finds it.
#[test]
fn links_lead_to_the_series() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let pet = one_series(&zip, "petct-acrin042/pet-ac/");
    let ct = one_series(&zip, "petct-acrin042/ct/");
    for (name, on_pet, on_ct) in
        [("seg/seg-on-pet-1.dcm", 42, 0), ("seg/seg-on-ct.dcm", 0, 40), ("rwv/", 135, 0)]
    {
        let bytes = unzipped(&zip, &format!("petct-acrin042/{name}")).into_values().next().unwrap();
        let object = read(bytes).unwrap();
        let count =
            |instances: &[Arc<InstanceHeader>]| instances.iter().filter(|i| object.refers_to(i)).count();
        assert_eq!((count(pet.instances()), count(ct.instances())), (on_pet, on_ct), "{name}");
    }
}

/// Voxels of each segment and different planes: the data's README, and pydicom 3.0.2 for the parts of two segments.
#[test]
fn pixels_and_places_of_segmentations() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    for (name, images, voxels, planes) in [
        ("seg-on-pet-1", "pet-ac", [2_548, 23_730], 42),
        ("seg-on-pet-2", "pet-ac", [118_130, 0], 43),
        ("seg-on-ct", "ct", [602_948, 576_543], 40),
    ] {
        let header =
            header(unzipped(&zip, &format!("petct-acrin042/seg/{name}.dcm")).into_values().next().unwrap());
        let DerivedObject::Segmentation(read) = read_object(&header, &Limits::default()).unwrap() else {
            panic!("no segmentation")
        };
        let series = one_series(&zip, &format!("petct-acrin042/{images}/"));
        let reader = FrameReader::new(&header, &Limits::default()).unwrap();
        let mut counts = [0; 2];
        let mut places: Vec<i64> = Vec::new();
        for (n, (frame, place)) in read.frames.iter().zip(Frame::all(&header)).enumerate() {
            let inside = reader.stored_bytes(n).unwrap().iter().filter(|&&bit| bit == 1).count();
            counts[frame.segment.unwrap() as usize - 1] += inside;
            let position = place.plane().image_position_mm.unwrap();
            places.push((position.z * 100.0).round() as i64);
            // It lies on the image that it was drawn on. Their writer spaced the planes evenly, the PET's jitter: by
            // pydicom they differ by up to 0.012 mm.
            let source = &frame.sources[0].sop_instance_uid;
            let image = series.instances().iter().find(|image| image.sop_instance_uid == *source).unwrap();
            assert!(position.distance(image.plane.image_position_mm.unwrap()) < 0.013, "{name}, frame {n}");
        }
        places.sort_unstable();
        places.dedup();
        assert_eq!((counts, places.len()), (voxels, planes), "{name}");
    }
}

/// A dose is a volume in its own unit: pydicom's highest stored value is 1,254,000, scaled by 1e-6.
#[test]
fn a_dose_is_a_volume_of_doses() {
    let Some(bytes) = file("rt-seg-sr.zip", "rt-seg-sr/pydicom-rt/rtdose.dcm") else { return };
    let loaded = crate::shared::load_one(&group(scan_bytes(bytes).unwrap().instances)[0]).unwrap();
    let volume = &loaded.volume;
    assert_eq!(volume.grid().shape(), [15, 10, 10]);
    assert_eq!(volume.mapping().unit, anatome_core::Unit::Other("relative dose".into()));
    let (_, most) = volume.value_range().unwrap();
    assert!((most - 1.254).abs() < 1e-6, "{most}");
}

/// Contours, points and the sums of their coordinates, by pydicom 3.0.2.
#[test]
fn a_structure_set_of_a_planning_system() {
    let Some(bytes) = file("rt-seg-sr.zip", "rt-seg-sr/dicompyler-rt/rtss.dcm") else { return };
    let set = structure_set(bytes);
    let expected = [
        ("BODY", [154, 155, 100], 141, 51_846, [-189_770.94, -13_210_427.14, 1_489_121.76], "EXTERNAL"),
        ("Areola", [255, 204, 255], 0, 0, [0.0; 3], "AVOIDANCE"),
        ("Borders", [255, 255, 255], 2, 88, [2_532.15, -30_940.4, 6_271.28], "CTV"),
        ("Breast", [255, 128, 128], 48, 9_062, [753_278.07, -2_921_169.1, -117_871.28], "GTV"),
        ("Heart", [255, 128, 0], 33, 4_732, [11_294.55, -1_304_610.92, -230_708.08], "ORGAN"),
        ("Lt Lung", [128, 128, 255], 165, 19_956, [1_062_376.3, -5_235_466.96, -9_818.64], "AVOIDANCE"),
        ("Nodes", [128, 128, 255], 4, 64, [7_581.27, -17_073.51, 3_191.84], "AVOIDANCE"),
        ("Scar", [255, 255, 0], 6, 162, [21_604.56, -51_806.66, -2_111.28], "AVOIDANCE"),
        ("Tumor Bed", [255, 0, 0], 18, 616, [68_836.49, -192_179.31, -7_197.04], "CTV"),
        ("Tumor Bed Block", [255, 196, 255], 24, 1_632, [183_112.1, -509_984.01, -16_432.08], "GTV"),
    ];
    assert_eq!(set.rois.len(), expected.len());
    for (n, (roi, (name, color, contours, points, sums, kind))) in set.rois.iter().zip(expected).enumerate() {
        assert_eq!((roi.number, roi.name.reveal()), (n as i64 + 1, name));
        assert_eq!((roi.color, roi.contours.len()), (Some(color), contours), "{name}");
        assert_eq!(roi.interpreted_type.as_deref(), Some(kind));
        let all = || roi.contours.iter().flat_map(|contour| &contour.points_mm);
        assert_eq!(all().count(), points, "{name}");
        let sum: glam::DVec3 = all().copied().sum();
        assert!(sum.distance(glam::DVec3::from_array(sums)) < 1e-5, "{name}: {sum}");
        assert!(roi.contours.iter().all(|c| c.kind == ContourKind::ClosedPlanar && c.images.len() == 1));
        assert!(roi.fault.is_none());
    }
    assert_eq!(set.frame_of_reference_uids.len(), 1);
    assert_eq!((set.referenced.len(), set.referenced[0].images.len()), (1, 98));
    assert!(!format!("{set:?}").contains("Tumor"));
}

#[test]
fn structure_sets_of_other_makers() {
    let Some(bytes) = file("rt-seg-sr.zip", "rt-seg-sr/pydicom-rt/rtstruct.dcm") else { return };
    let set = structure_set(bytes);
    let points: Vec<usize> =
        set.rois.iter().map(|roi| roi.contours.iter().map(|c| c.points_mm.len()).sum()).collect();
    assert_eq!(points, [17, 1, 1]);
    assert_eq!(set.rois[1].contours[0].kind, ContourKind::Point);
    assert_eq!(set.rois[0].contours[0].points_mm[1], glam::DVec3::new(-200.0, -150.0, -200.0));
    // A series without images is meant as a whole.
    assert!(set.referenced[0].images.is_empty() && set.referenced[0].series_instance_uid.is_some());
    for (name, regions, points, images) in
        [("rt", 1, 12, 2), ("invalid_reference_rt", 4, 2104, 12), ("non_existent_reference_rt", 4, 2104, 12)]
    {
        let name = format!("rt-seg-sr/rt-utils-rtstruct/{name}.dcm");
        let set = structure_set(file("rt-seg-sr.zip", &name).unwrap());
        let contours = || set.rois.iter().flat_map(|roi| &roi.contours);
        assert_eq!(set.rois.len(), regions);
        assert_eq!(contours().map(|c| c.points_mm.len()).sum::<usize>(), points);
        assert_eq!(contours().map(|c| c.images.len()).sum::<usize>(), images);
    }
}

#[test]
fn doses_and_plans() {
    for name in ["rtdose", "rtdose_1frame", "rtdose_expb", "rtdose_rle"] {
        let Some(bytes) = file("rt-seg-sr.zip", &format!("rt-seg-sr/pydicom-rt/{name}.dcm")) else { return };
        let DerivedObject::Dose(dose) = read(bytes).unwrap() else { panic!("no dose") };
        assert_eq!((dose.units, dose.dose_type), (DoseUnits::Relative, DoseType::Physical));
        assert_eq!((dose.summation.as_deref(), dose.scaling), (Some("BEAM"), Some(1e-6)));
        assert_eq!(dose.frame_offsets_mm, (0..15).map(|n| 5.0 * f64::from(n)).collect::<Vec<_>>());
        assert_eq!(dose.mapping().unwrap().modality_from_stored(2e6), 2.0);
        assert_eq!(dose.referenced[0].images[0].sop_class_uid, "1.2.840.10008.5.1.4.1.1.481.5");
    }
    for (name, label, beams) in [("dicompyler-rt", "B1", 4), ("pydicom-rt", "Plan1", 1)] {
        let bytes = file("rt-seg-sr.zip", &format!("rt-seg-sr/{name}/rtplan.dcm")).unwrap();
        let DerivedObject::Plan(plan) = read(bytes).unwrap() else { panic!("no plan") };
        assert_eq!((plan.label.reveal(), plan.beams, plan.fraction_groups), (label, beams, 1));
        assert!(plan.is_of_patient);
        assert_eq!(plan.referenced.len(), 1);
    }
}

/// Written by a factor calculator that is independent of ours. It calls James' 128 LBM; and its surface factor is in
/// units of 10 cm²: 2.1763 m² are 21763 cm², not 2176.3.
#[test]
fn real_world_value_maps_agree_with_our_suv() {
    let Some(zip) = data("petct-acrin042.zip") else { return };
    let bytes = unzipped(&zip, "petct-acrin042/rwv/").into_values().next().unwrap();
    let DerivedObject::RealWorldMaps(object) = read(bytes).unwrap() else { panic!("no maps") };
    let series = one_series(&zip, "petct-acrin042/pet-ac/");
    let report = SuvReport::new(series.instances(), &Limits::default()).unwrap();
    assert_eq!(object.maps.len(), 4);
    for (map, (units, stated, kind, scale)) in object.maps.iter().zip([
        ("{SUVbw}g/ml", 4.2111e-4, SuvType::BodyWeight, 1.0),
        ("{SUVlbm}g/ml", 3.2444e-4, SuvType::LeanBodyMassJames128, 1.0),
        ("{SUVbsa}cm2/ml", 1.00711e-5, SuvType::BodySurfaceArea, 0.1),
        ("{SUVibw}g/ml", 3.98713e-4, SuvType::IdealBodyWeight, 1.0),
    ]) {
        assert_eq!((map.units.value.as_str(), map.units.scheme.as_str()), (units, "UCUM"));
        assert_eq!(map.mapping, RealWorldMapping::Linear { slope: stated, intercept: 0.0 });
        assert_eq!((map.range, map.images.len(), map.quantity.len()), ((0.0, 32_748.0), 135, 2));
        assert_eq!(map.quantity[0].1.value, "126400");
        assert_eq!(map.value(2.0), Some(2.0 * stated));
        assert_eq!(map.value(32_749.0), None);
        let ours = scale * report.factor(kind).unwrap();
        // They round to five or six digits.
        assert!((ours - stated).abs() < 1.2e-5 * stated, "{units}: {ours}");
    }
    let bytes = file("rt-seg-sr.zip", "rt-seg-sr/dcmqi-pet-sr/rwvm.dcm").unwrap();
    let DerivedObject::RealWorldMaps(object) = read(bytes).unwrap() else { panic!("no maps") };
    assert_eq!((object.maps.len(), object.maps[0].images.len()), (1, 191));
    assert_eq!(object.maps[0].mapping, RealWorldMapping::Linear { slope: 3.75125e-4, intercept: 0.0 });
}

#[test]
fn reports_are_recognised_with_their_title() {
    for (name, title, template, complete, evidence) in [
        ("dcmqi-pet-sr/sr.dcm", "126000", Some("1500"), false, vec![191, 1, 1]),
        ("highdicom/sr_document.dcm", "126000", Some("1500"), false, vec![1]),
        ("highdicom/sr_document_with_multiple_groups.dcm", "126000", Some("1500"), false, vec![1]),
        ("pydicom-rt/test-SR.dcm", "1111", None, true, vec![]),
        ("pydicom-rt/reportsi.dcm", "IHE.01", None, false, vec![]),
    ] {
        let Some(bytes) = file("rt-seg-sr.zip", &format!("rt-seg-sr/{name}")) else { return };
        let DerivedObject::Report(report) = read(bytes).unwrap() else { panic!("no report") };
        assert_eq!((report.title.value.as_str(), report.template.as_deref()), (title, template), "{name}");
        assert_eq!((report.is_complete, report.is_verified), (complete, complete));
        let counts: Vec<usize> = report.referenced.iter().map(|series| series.images.len()).collect();
        assert_eq!(counts, evidence, "{name}");
    }
}

/// pydicom's sample parametric maps, of float and of integer pixels.
#[test]
fn parametric_maps_are_recognised() {
    let Some(zip) = data("syntaxes.zip") else { return };
    let mut count = 0;
    for (name, bytes) in
        unzipped(&zip, "syntaxes/pydicom/").into_iter().filter(|(n, _)| n.contains("parametric"))
    {
        let DerivedObject::ParametricMap(map) = read(bytes).unwrap() else { panic!("{name}") };
        assert_eq!((map.shared.len(), map.per_frame.len(), map.referenced.len()), (1, 0, 1));
        let shared = &map.shared[0];
        assert_eq!(shared.mapping, RealWorldMapping::Linear { slope: 1.0, intercept: 0.0 });
        assert_eq!((shared.range, shared.units.value.as_str()), ((0.0, 1.0), "1"));
        count += 1;
    }
    assert_eq!(count, 2);
}

#[test]
fn images_are_no_derived_objects() {
    let Some(bytes) = file("rt-seg-sr.zip", "rt-seg-sr/highdicom/ct_image.dcm") else { return };
    assert!(matches!(read(bytes), Err(Error::Unsupported { .. })));
}

#[test]
fn a_broken_region_leaves_the_others() {
    let set = |data: &[u8]| {
        let bytes = crate::objects_made::structure_set(&[b"1\\2\\3\\4\\5\\6", data]);
        structure_set(bytes.into())
    };
    let fault = |data: &[u8]| {
        let set = set(data);
        assert!(set.rois[0].fault.is_none() && set.rois[0].contours[0].points_mm.len() == 2);
        assert!(set.rois[1].contours.is_empty());
        set.rois[1].fault.clone()
    };
    assert_eq!(fault(b"1\\2\\3\\4"), Some(RoiFault::NotTriples { contour: 1, numbers: 4 }));
    assert_eq!(fault(b"1\\2\\3\\"), Some(RoiFault::NotTriples { contour: 1, numbers: 4 }));
    for broken in ["1\\2\\NaN", "1\\2\\inf", "1\\2\\1e999", "1,5\\2\\3", "1\\\\3", "1\\2\\3mm", "\\\\"] {
        assert_eq!(fault(broken.as_bytes()), Some(RoiFault::NotFinite { contour: 1 }), "{broken}");
    }
    // No points at all are none, and padding is no number.
    assert!(set(b"").rois[1].fault.is_none());
    assert_eq!(set(b"1\\2\\3\0").rois[1].contours[0].points_mm, [glam::DVec3::new(1.0, 2.0, 3.0)]);
    assert_eq!(set(b" 1e1 \\ -2\\+3 ").rois[1].contours[0].points_mm, [glam::DVec3::new(10.0, -2.0, 3.0)]);
}

#[test]
fn points_are_bounded() {
    let many = "1\\2\\3\\".repeat(100);
    let bytes = crate::objects_made::structure_set(&[many.trim_end_matches('\\').as_bytes()]);
    let header = header(bytes);
    let mut limits = Limits::default();
    assert!(read_object(&header, &limits).is_ok());
    limits.contour_points = 99;
    assert!(matches!(read_object(&header, &limits), Err(Error::Limits { allowed: 99, .. })));
}
