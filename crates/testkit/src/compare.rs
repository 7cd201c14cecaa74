//! The comparison of two pictures.

use anatome_core::{Image, Pixels, PlaneGeometry};

use crate::Tolerance;

/// What a comparison found.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Report {
    /// The number of pixels.
    pub pixels: usize,
    /// How many of them differ at all.
    pub differing: usize,
    /// The largest difference from the best match within the radius, in levels or modality units; infinite where only
    /// one picture has a sample.
    pub greatest: f64,
    /// The root of the mean squared difference.
    pub rms: f64,
    /// Column and row of the largest difference.
    pub worst_px: [u32; 2],
}

/// How two pictures differ by more than they may.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// Pictures of different size.
    #[error("the sizes differ: {0:?} and {1:?} pixels")]
    Size([u32; 2], [u32; 2]),
    /// Pixels of different kinds.
    #[error("one picture holds other kinds of pixels than the other")]
    Form,
    /// Pixels that stand elsewhere in the patient, or a plane in one picture only.
    #[error("the planes lie {off_mm} mm apart, more than {allowed_mm} mm")]
    Geometry {
        /// How far apart the pictures' corners are.
        off_mm: f64,
        /// How far apart they may be.
        allowed_mm: f64,
    },
    /// A pixel that differs by too much.
    #[error("a pixel differs by {}, more than {allowed}: {report:?}", report.greatest)]
    Intensity {
        /// What was found.
        report: Report,
        /// The largest difference allowed.
        allowed: f64,
    },
    /// Too many pixels that differ.
    #[error("{} pixels differ, more than {allowed}: {report:?}", report.differing)]
    Pixels {
        /// What was found.
        report: Report,
        /// How many pixels may differ.
        allowed: usize,
    },
}

/// Compares a picture with the one that is expected.
///
/// # Errors
/// If they differ by more than `tolerance` allows.
pub fn compare(expected: &Image, found: &Image, tolerance: &Tolerance) -> Result<Report, Difference> {
    let size = |image: &Image| [image.width_px(), image.height_px()];
    let (wanted, got) = (size(expected), size(found));
    if wanted != got {
        return Err(Difference::Size(wanted, got));
    }
    let off_mm = planes_apart_mm(expected.plane(), found.plane(), wanted);
    // Also refuses a distance that is not a number.
    if !matches!(off_mm.partial_cmp(&tolerance.geometry_mm), Some(order) if order.is_le()) {
        return Err(Difference::Geometry { off_mm, allowed_mm: tolerance.geometry_mm });
    }
    compare_pixels(expected.pixels(), found.pixels(), wanted, tolerance)
}

/// Compares the pixels of a picture of a size with those that are expected, wherever they stand.
///
/// # Errors
/// If they differ by more than `tolerance` allows.
pub fn compare_pixels(
    expected: &Pixels,
    found: &Pixels,
    size_px: [u32; 2],
    tolerance: &Tolerance,
) -> Result<Report, Difference> {
    let report = report(expected, found, size_px, tolerance)?;
    if report.greatest > tolerance.intensity {
        return Err(Difference::Intensity { report, allowed: tolerance.intensity });
    }
    let allowed = (tolerance.max_pixels * report.pixels as f64).floor() as usize;
    if report.differing > allowed {
        return Err(Difference::Pixels { report, allowed });
    }
    Ok(report)
}

/// The largest distance between corresponding corner pixels.
fn planes_apart_mm(a: Option<&PlaneGeometry>, b: Option<&PlaneGeometry>, [width, height]: [u32; 2]) -> f64 {
    let (a, b) = match (a, b) {
        (None, None) => return 0.0,
        (Some(a), Some(b)) => (a, b),
        _ => return f64::INFINITY,
    };
    let at = |plane: &PlaneGeometry, x: u32, y: u32| {
        plane.first_pixel_mm + (plane.right * f64::from(x) + plane.down * f64::from(y)) * plane.pixel_mm
    };
    let (x, y) = (width.saturating_sub(1), height.saturating_sub(1));
    let apart = [(0, 0), (x, 0), (0, y), (x, y)].map(|(x, y)| at(a, x, y).distance(at(b, x, y)));
    apart.into_iter().fold(0.0, |most, mm| if mm > most || mm.is_nan() { mm } else { most })
}

fn report(a: &Pixels, b: &Pixels, size: [u32; 2], tolerance: &Tolerance) -> Result<Report, Difference> {
    let tally = |apart: &dyn Fn(usize, usize) -> f64| tally(size, tolerance, apart);
    Ok(match (a, b) {
        (Pixels::Grey8(a), Pixels::Grey8(b)) => tally(&|p, q| levels_apart(a.get(p), b.get(q))),
        (Pixels::Grey16(a), Pixels::Grey16(b)) => tally(&|p, q| levels_apart(a.get(p), b.get(q))),
        (Pixels::Rgba8(a), Pixels::Rgba8(b)) => tally(&|p, q| {
            (0..4).map(|c| levels_apart(a.get(4 * p + c), b.get(4 * q + c))).fold(0.0, f64::max)
        }),
        (Pixels::Values(a), Pixels::Values(b)) => {
            tally(&|p, q| values_apart(a.get(p).copied(), b.get(q).copied()))
        }
        _ => return Err(Difference::Form),
    })
}

fn levels_apart<T: Copy + Into<f64>>(a: Option<&T>, b: Option<&T>) -> f64 {
    match (a, b) {
        (Some(&a), Some(&b)) => (a.into() - b.into()).abs(),
        _ => f64::INFINITY,
    }
}

/// Places without a sample equal each other and nothing else.
fn values_apart(a: Option<f32>, b: Option<f32>) -> f64 {
    match (a, b) {
        (Some(a), Some(b)) if a.is_nan() && b.is_nan() => 0.0,
        (Some(a), Some(b)) if !a.is_nan() && !b.is_nan() => (f64::from(a) - f64::from(b)).abs(),
        _ => f64::INFINITY,
    }
}

/// Goes over all pixels; `apart` takes the numbers of a pixel of each picture.
fn tally([width, height]: [u32; 2], tolerance: &Tolerance, apart: &dyn Fn(usize, usize) -> f64) -> Report {
    let radius = tolerance.radius_px;
    let number = |x: u32, y: u32| y as usize * width as usize + x as usize;
    let mut report = Report { pixels: number(0, height), ..Report::default() };
    let mut squares = 0.0;
    for y in 0..height {
        for x in 0..width {
            let p = number(x, y);
            let mut difference = apart(p, p);
            if difference > 0.0 {
                report.differing += 1;
            }
            if difference > tolerance.intensity {
                for v in y.saturating_sub(radius)..=(y + radius).min(height - 1) {
                    for u in x.saturating_sub(radius)..=(x + radius).min(width - 1) {
                        difference = difference.min(apart(p, number(u, v)));
                    }
                }
            }
            squares += difference * difference;
            if difference > report.greatest {
                report.greatest = difference;
                report.worst_px = [x, y];
            }
        }
    }
    report.rms = (squares / report.pixels.max(1) as f64).sqrt();
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use anatome_core::{
        Appearance, Output, Recipe, Request, Scene, SlicePlane, View, Voi, Window, WindowFunction,
    };
    use glam::DVec3;

    const SIZE: [u32; 2] = [200, 100];

    fn image(pixels: Pixels) -> Image {
        let plane = SlicePlane { center_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, width_mm: 100.0 };
        let voi = Voi::Window(Window::new(40.0, 400.0, WindowFunction::Linear).unwrap());
        let grey = Appearance::Grey { voi, invert: false, colors: None };
        let request = Request::new(Scene::of_primary(View::Slice { plane }, grey), SIZE, Output::Grey8);
        let recipe = Recipe::new(&request, vec![], "reference", None);
        let geometry =
            PlaneGeometry { first_pixel_mm: DVec3::ZERO, right: DVec3::X, down: DVec3::Y, pixel_mm: 0.5 };
        Image::new(SIZE[0], SIZE[1], pixels, Some(geometry), recipe).unwrap()
    }

    fn grey(change: impl Fn(&mut Vec<u8>)) -> Image {
        let mut pixels: Vec<u8> = (0..SIZE[0] * SIZE[1]).map(|n| (n % 251) as u8).collect();
        change(&mut pixels);
        image(Pixels::Grey8(pixels))
    }

    fn values(change: impl Fn(&mut Vec<f32>)) -> Image {
        let mut pixels: Vec<f32> = (0..SIZE[0] * SIZE[1]).map(|n| n as f32).collect();
        pixels[7] = f32::NAN;
        change(&mut pixels);
        image(Pixels::Values(pixels))
    }

    #[test]
    fn equal_pictures_are_equal() {
        assert_eq!(compare(&grey(|_| ()), &grey(|_| ()), &Tolerance::NONE).unwrap().differing, 0);
        assert!(compare(&values(|_| ()), &values(|_| ()), &Tolerance::NONE).is_ok());
    }

    #[test]
    fn one_level_on_two_pixels_of_20_000_passes_and_on_three_fails() {
        let off = |count: usize| grey(|p| (0..count).for_each(|n| p[40 + 100 * n] += 1));
        let report = compare(&grey(|_| ()), &off(2), &Tolerance::SLICE).unwrap();
        assert_eq!((report.differing, report.greatest, report.worst_px), (2, 1.0, [40, 0]));
        let refused = compare(&grey(|_| ()), &off(3), &Tolerance::SLICE);
        assert!(matches!(refused, Err(Difference::Pixels { allowed: 2, .. })), "{refused:?}");
        assert!(compare(&grey(|_| ()), &off(1), &Tolerance::NONE).is_err());
    }

    #[test]
    fn two_levels_on_one_pixel_fail() {
        let refused = compare(&grey(|_| ()), &grey(|p| p[40] += 2), &Tolerance::SLICE);
        assert!(matches!(refused, Err(Difference::Intensity { .. })), "{refused:?}");
    }

    #[test]
    fn any_channel_of_a_colour_counts() {
        let colors = |change: usize| {
            let mut pixels = vec![9; 4 * (SIZE[0] * SIZE[1]) as usize];
            pixels[4 * 30 + change] = 12;
            image(Pixels::Rgba8(pixels))
        };
        for channel in 0..3 {
            let refused = compare(&colors(3), &colors(channel), &Tolerance::SLICE);
            assert!(
                matches!(refused, Err(Difference::Intensity { report, .. }) if report.worst_px == [30, 0])
            );
        }
    }

    #[test]
    fn values_may_be_off_by_a_hundredth_and_no_sample_may_come_or_go() {
        let check =
            |change: &dyn Fn(&mut Vec<f32>)| compare(&values(|_| ()), &values(change), &Tolerance::VALUES);
        assert!(check(&|p| p[3] += 0.009).is_ok());
        assert!(check(&|p| p[3] += 0.011).is_err());
        assert!(check(&|p| p[3] = f32::NAN).is_err());
        assert!(check(&|p| p[7] = 7.0).is_err());
        assert!(check(&|p| p[3] = f32::INFINITY).is_err());
    }

    #[test]
    fn a_radius_forgives_a_shift_by_one_pixel_but_not_by_two() {
        let spot = |at: usize| {
            let mut pixels = vec![0; (SIZE[0] * SIZE[1]) as usize];
            pixels[at] = 200;
            image(Pixels::Grey8(pixels))
        };
        assert!(compare(&spot(450), &spot(451), &Tolerance::NEAREST).is_ok());
        assert!(compare(&spot(450), &spot(452), &Tolerance::NEAREST).is_err());
        let none = Tolerance { max_pixels: 0.0, ..Tolerance::NEAREST };
        assert!(compare(&spot(450), &spot(451), &none).is_err());
        assert!(compare(&spot(450), &spot(451), &Tolerance::NONE).is_err());
    }

    #[test]
    fn size_form_and_place_count() {
        let other = image(Pixels::Grey16(vec![0; (SIZE[0] * SIZE[1]) as usize]));
        assert_eq!(compare(&grey(|_| ()), &other, &Tolerance::VALUES), Err(Difference::Form));
        let moved = |off: DVec3, pixel_mm: f64| {
            let plane = PlaneGeometry { first_pixel_mm: off, right: DVec3::X, down: DVec3::Y, pixel_mm };
            let base = grey(|_| ());
            Image::new(SIZE[0], SIZE[1], base.pixels().clone(), Some(plane), base.recipe().clone()).unwrap()
        };
        assert!(compare(&grey(|_| ()), &moved(DVec3::ZERO, 0.5), &Tolerance::SLICE).is_ok());
        for image in [moved(DVec3::X * 1e-6, 0.5), moved(DVec3::ZERO, 0.5 + 1e-6), moved(DVec3::NAN, 0.5)] {
            let refused = compare(&grey(|_| ()), &image, &Tolerance::SLICE);
            assert!(matches!(refused, Err(Difference::Geometry { .. })));
        }
        let base = grey(|_| ());
        let nowhere =
            Image::new(SIZE[0], SIZE[1], base.pixels().clone(), None, base.recipe().clone()).unwrap();
        assert!(compare(&grey(|_| ()), &nowhere, &Tolerance::SLICE).is_err());
        let small = Image::new(1, 1, Pixels::Grey8(vec![0]), None, base.recipe().clone()).unwrap();
        assert_eq!(compare(&base, &small, &Tolerance::SLICE), Err(Difference::Size(SIZE, [1, 1])));
    }
}
