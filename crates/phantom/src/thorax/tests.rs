use super::*;

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn ct(shape: [usize; 3], seed: u64, threads: usize) -> Volume {
    thorax_ct(&ThoraxSpec { shape, seed }, &pool(threads), &Progress::new()).unwrap()
}

/// Mean over the 27 voxels around an LPS position.
fn mean_at(volume: &Volume, x: f64, y: f64, z: f64) -> f64 {
    let index = volume.grid().index_from_patient(DVec3::new(x, y, z)).round();
    let mut sum = 0.0;
    for offset in 0..27 {
        let step = |n: i64, by: f64| (by as i64 + n % 3 - 1) as usize;
        let voxel = [step(offset / 9, index.z), step(offset / 3, index.y), step(offset, index.x)];
        sum += volume.modality_value(voxel).unwrap();
    }
    sum / 27.0
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let shape = [30, 40, 44];
    let one = ct(shape, 7, 1);
    assert_eq!(one.samples(), ct(shape, 7, 3).samples());
    assert_ne!(one.samples(), ct(shape, 8, 1).samples());
    let spec = ThoraxSpec { shape: [60, 64, 64], seed: 7 };
    let pet = |threads| thorax_pet(&spec, &pool(threads), &Progress::new()).unwrap();
    assert_eq!(pet(1).samples(), pet(2).samples());
}

#[test]
fn organs_are_on_their_side() {
    let volume = ct([128, 160, 160], 1, 2);
    let at = |x, y, z| mean_at(&volume, x, y, z);
    let within = |what: &str, value: f64, low: f64, high: f64| {
        assert!((low..=high).contains(&value), "{what}: {value} HU is not in {low}..={high}");
    };
    within("liver, on the right", at(-80.0, 0.0, -110.0), 60.0, 110.0);
    within("gas of the stomach, in front on the left", at(60.0, -34.0, -100.0), -1024.0, -850.0);
    within("fluid of the stomach, behind the gas", at(62.0, 14.0, -100.0), -20.0, 50.0);
    within("spleen, behind on the left", at(104.0, 40.0, -118.0), 90.0, 150.0);
    within("descending aorta, left of the spine", at(26.0, 39.0, -10.0), 300.0, 400.0);
    // The median, as a vessel may run through any one place.
    let mut beside_spine: Vec<f64> = (-4..=4).map(|n| at(-40.0, 48.0, f64::from(10 * n) - 10.0)).collect();
    beside_spine.sort_by(f64::total_cmp);
    within("lung, right of the spine", beside_spine[4], -950.0, -600.0);
    within("aortic arch, left of the trachea", at(20.0, 4.0, 79.0), 300.0, 400.0);
    within("superior vena cava, on the right", at(-37.0, -20.0, 40.0), 330.0, 450.0);
    within("left ventricle", at(44.0, -24.0, -22.0), 290.0, 390.0);
    within("lung opposite the left ventricle", at(-72.0, -24.0, -22.0), -950.0, -500.0);
    within("trachea", at(0.5, 11.0, 84.0), -1024.0, -900.0);
    within("nodule in the right upper lobe", at(-70.0, -22.0, 70.0), -20.0, 110.0);
    within("vertebral marrow", at(0.0, 58.0, 2.0), 100.0, 320.0);
    for step in -5..=5 {
        let offset = 3.0 * f64::from(step);
        within(
            "right atrium, without airways",
            at(-31.0, -23.0 + offset, -19.0 + 0.6 * offset),
            150.0,
            265.0,
        );
    }
    within("couch foam, behind", at(0.0, 150.0, 0.0), -1000.0, -900.0);
    within("air, in front", at(0.0, -150.0, 0.0), -1024.0, -970.0);
}

#[test]
fn values_are_hounsfield_units_and_the_corners_are_padding() {
    let volume = ct([50, 64, 64], 1, 2);
    let (low, high) = volume.value_range().unwrap();
    assert!(low >= -1024.0 && (350.0..=3071.0).contains(&high), "{low}..{high}");
    assert_eq!(volume.modality_value([25, 0, 0]), None);
    assert!(volume.modality_value([25, 32, 32]).is_some());
    assert_eq!(volume.grid().spacing_mm(), DVec3::new(6.0, 6.0, 6.4));
}

#[test]
fn the_noise_is_that_of_a_scanner() {
    let (width, height) = (96, 80);
    let mut grain = Grain::new(3, width, height);
    let (mut a, mut b) = (vec![0.0; width * height], vec![0.0; width * height]);
    let (mut square, mut near, mut far, mut depth, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for slice in 0..12 {
        grain.slice(2 * slice, &mut a);
        grain.slice(2 * slice + 1, &mut b);
        for row in 8..height - 8 {
            for column in 8..width - 16 {
                let at = row * width + column;
                square += a[at] * a[at];
                near += a[at] * a[at + 1];
                far += a[at] * a[at + 12];
                depth += a[at] * b[at];
                count += 1.0;
            }
        }
    }
    assert!((square / count - 1.0_f32).abs() < 0.05, "variance {}", square / count);
    assert!((0.4..0.8).contains(&(near / square)), "neighbours {}", near / square);
    assert!((far / square).abs() < 0.05, "12 voxels apart {}", far / square);
    assert!((0.4..0.8).contains(&(depth / square)), "next slice {}", depth / square);
}

#[test]
fn slices_of_noise_do_not_depend_on_where_one_starts() {
    let (mut all, mut late) = (Grain::new(5, 20, 10), Grain::new(5, 20, 10));
    let (mut a, mut b) = (vec![0.0; 200], vec![0.0; 200]);
    for slice in 0..6 {
        all.slice(slice, &mut a);
    }
    late.slice(5, &mut b);
    assert_eq!(a, b);
}

#[test]
fn the_pet_shows_uptake_where_the_ct_shows_the_nodule() {
    let spec = ThoraxSpec { shape: [400, 512, 512], seed: 1 };
    let pet = thorax_pet(&spec, &pool(2), &Progress::new()).unwrap();
    assert_eq!(pet.grid().shape(), [80, 128, 128]);
    let (nodule, lung) = (mean_at(&pet, -70.0, -22.0, 70.0), mean_at(&pet, 70.0, -22.0, 70.0));
    assert!(nodule > 5.0 * lung, "nodule {nodule} Bq/ml, lung {lung} Bq/ml");
    let (liver, muscle) = (mean_at(&pet, -80.0, 0.0, -110.0), mean_at(&pet, -32.0, 108.0, 0.0));
    assert!(liver > 2.0 * muscle, "liver {liver} Bq/ml, muscle {muscle} Bq/ml");
    assert_eq!(pet.facts().frame_of_reference, ct([8, 8, 8], 1, 1).facts().frame_of_reference);
}

#[test]
fn an_empty_shape_and_a_cancelled_run_are_errors() {
    let spec = ThoraxSpec { shape: [0, 8, 8], seed: 1 };
    assert!(thorax_ct(&spec, &pool(1), &Progress::new()).is_err());
    assert!(thorax_pet(&spec, &pool(1), &Progress::new()).is_err());
    let spec = ThoraxSpec { shape: [4096, 4096, 4096], seed: 1 };
    assert!(matches!(thorax_ct(&spec, &pool(1), &Progress::new()), Err(Error::Limits { .. })));
    let progress = Progress::new();
    progress.cancel();
    let spec = ThoraxSpec { shape: [16, 16, 16], seed: 1 };
    assert!(matches!(thorax_ct(&spec, &pool(1), &progress), Err(Error::Cancelled)));
}
