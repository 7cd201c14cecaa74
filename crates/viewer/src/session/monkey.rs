//! Random commands: whatever comes, the session stays valid and can be drawn.

use anatome::{
    CropBox, Interpolation, Planes, Progress, Projection, Region, Request, Shading, TransferFunction,
    TransferPoint, Voi, Window, Workers, natural_output,
};
use anatome_phantom::{ThoraxSpec, thorax_ct, thorax_pet};
use anatome_testkit::Random;
use glam::{DQuat, DVec2, DVec3};

use super::*;
use crate::command::Command;
use crate::measure::{Kind, Place};

fn document() -> Document {
    let workers = Workers::new(Some(2)).unwrap();
    let make = |shape| ThoraxSpec { shape, ..ThoraxSpec::default() };
    let ct = thorax_ct(&make([20, 24, 24]), workers.pool(), &Progress::new()).unwrap();
    let pet = thorax_pet(&make([20, 24, 24]), workers.pool(), &Progress::new()).unwrap();
    Document::of_volumes(vec![ct, pet], &workers)
}

/// Numbers as they come, and as they should not.
fn number(random: &mut Random, reach: f64) -> f64 {
    match random.whole(0, 39) {
        0 => f64::NAN,
        1 => f64::INFINITY,
        2 => -1e300,
        3 => 0.0,
        _ => (random.between(0.0, 1.0) * 2.0 - 1.0) * reach,
    }
}

fn point(random: &mut Random) -> DVec3 {
    DVec3::new(number(random, 300.0), number(random, 300.0), number(random, 300.0))
}

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.whole(0, of.len() - 1)]
}

fn series(random: &mut Random) -> SeriesId {
    SeriesId { input: u32::from(random.whole(0, 11) == 0), number: random.whole(0, 2) as u32 }
}

fn content(random: &mut Random) -> Content {
    let projection = pick(random, &[Projection::Mip, Projection::MinIp, Projection::Mean]);
    match random.whole(0, 4) {
        0 => Content::Frame(FrameView { frame: random.whole(0, 8) }),
        1 => Content::Orbit(OrbitView {
            mode: pick(random, &[Mode::Rendering, Mode::Projection(projection)]),
            orbit: Orbit(DQuat::from_xyzw(number(random, 1.0), 0.1, 0.2, number(random, 1.0))),
            fov_rad: None,
        }),
        2 => Content::Orbit(OrbitView::default()),
        _ => Content::Plane(PlaneView {
            direction: pick(random, &Direction::ALL),
            slab: Slab { thickness_mm: number(random, 60.0), projection },
        }),
    }
}

fn divide(random: &mut Random) -> Command {
    let mut some = || (0..random.whole(0, 2)).map(|_| number(random, 1.2) as f32).collect();
    Command::Divide { borders: Borders { columns: some(), rows: some() } }
}

fn key_image(random: &mut Random, view: usize) -> Command {
    let id = random.whole(0, 9) as u64;
    match random.whole(0, 9) {
        4 => Command::SetAside { view: Some(view).filter(|_| id > 2) },
        0 => Command::Mark { view, size_px: [random.whole(0, 800) as u32, 600] },
        1 => Command::Unmark { id },
        2 => Command::Recall { view, id },
        3 => Command::Phase { view, series: series(random) },
        5 => Command::Rotate { view },
        6 => Command::Mirror { view },
        9 => Command::Visit { view, id, size_px: [800, random.whole(0, 600) as u32] },
        7 => Command::SetApart { view, is_apart: random.whole(0, 1) == 0 },
        _ => Command::Fit { view },
    }
}

fn measure(random: &mut Random) -> Command {
    let kind = pick(random, &Kind::ALL);
    let points = (0..random.whole(0, 5)).map(|_| point(random)).collect();
    let slab = Slab { thickness_mm: number(random, 30.0), ..Slab::default() };
    let place = Place::Plane { series: series(random), right: DVec3::X, down: DVec3::Y, slab };
    Command::Measure { kind, place, points, text: String::new() }
}

fn arrange(random: &mut Random) -> Command {
    let grid = Layout::Grid(random.whole(0, 8) as u8, random.whole(0, 299) as u8);
    let all = [Layout::One, Layout::SideBySide, Layout::TwoByTwo, Layout::OneAndThree, grid];
    Command::Arrange { layout: pick(random, &all) }
}

fn command(random: &mut Random) -> Command {
    let view = random.whole(0, 6);
    let axis = point(random);
    match random.whole(0, 35) {
        0 | 1 => {
            let content = if random.whole(0, 1) == 0 { None } else { Some(content(random)) };
            Command::Show { view, series: series(random), content }
        }
        2 => Command::Clear { view },
        3 | 4 => arrange(random),
        5 => {
            if random.whole(0, 1) == 0 {
                Command::Activate { view }
            } else {
                divide(random)
            }
        }
        6 => Command::Enlarge { enlarged: random.whole(0, 1) == 0 },
        7 => Command::Look { view, content: content(random) },
        8 | 9 => Command::Scroll { view, steps: number(random, 30.0) },
        10 => Command::GoTo { view, frame: random.whole(0, 999) },
        11 | 12 => Command::Cross { view, at_mm: axis },
        13 => Command::Turn { view, axis, angle_rad: number(random, 4.0) },
        14 => Command::ResetPlanes { view, planes: pick(random, &[Planes::Patient, Planes::Acquisition]) },
        15 => {
            let slab = Slab { thickness_mm: number(random, 400.0), projection: Projection::Mean };
            Command::Thicken { view, slab }
        }
        16 => Command::Pan { view, by_mm: DVec2::new(axis.x, axis.y) },
        17 | 18 => Command::Zoom { view, factor: number(random, 3.0), about_mm: DVec2::new(axis.x, axis.y) },
        19 => key_image(random, view),
        20 => Command::Orbit { view, by: DQuat::from_xyzw(axis.x, axis.y, axis.z, number(random, 1.0)) },
        21 => Command::Face { view, side: pick(random, &Side::ALL).0 },
        22 => {
            Command::Mode { view, mode: pick(random, &[Mode::Rendering, Mode::Projection(Projection::Mip)]) }
        }
        23 => Command::Perspective { view, fov_rad: Some(number(random, 3.0)) },
        24 => {
            let window = Window::spanning(number(random, 500.0), number(random, 2000.0)).ok();
            Command::Window { view, voi: window.map(Voi::Window) }
        }
        25 => Command::Invert { view },
        26 => Command::Colors { view, name: Some(pick(random, &["hot", "no such map", "cool"]).to_owned()) },
        27 => {
            let all = [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic];
            Command::Interpolate { view, interpolation: pick(random, &all) }
        }
        28 => Command::Preset { view, name: pick(random, &["ct-bone", "bone", "nothing"]).to_owned() },
        29 => {
            let at = |value, opacity_per_mm| TransferPoint { value, color: [0.5; 3], opacity_per_mm };
            let low = random.between(0.0, 1.0) * 100.0;
            let function = TransferFunction::new(vec![at(low, 0.0), at(low + 100.0, 0.7)]).unwrap();
            Command::Transfer { view, function }
        }
        30 => Command::Shade { view, shading: Shading::default() },
        31 => {
            let (a, b) = (
                DVec3::splat(random.between(0.0, 1.0) * -100.0),
                DVec3::splat(random.between(0.0, 1.0) * 100.0),
            );
            let region = Region { crop: Some(CropBox { min_mm: a, max_mm: b }), clip_planes: Vec::new() };
            Command::Crop { view, region }
        }
        32 => Command::Fuse { view, overlay: Some(series(random)) },
        33 => Command::Opacity { view, opacity: number(random, 2.0) },
        34 => measure(random),
        _ => {
            let id = random.whole(0, 29) as u64;
            match random.whole(0, 2) {
                0 => Command::Move { id, points: vec![axis, point(random)] },
                1 => Command::Write { id, text: "text".to_owned() },
                _ => Command::Delete { id },
            }
        }
    }
}

#[test]
fn whatever_is_done_the_session_stays_valid_and_can_be_drawn() {
    let document = document();
    let mut random = Random::new(7);
    let mut session = Session::default();
    let (mut done, mut drawn) = (0, 0);
    for n in 0..20_000 {
        let command = command(&mut random);
        let before = session.clone();
        match session.apply(&command, &document) {
            Ok(()) => done += 1,
            Err(_) => assert_eq!(session, before, "{n}: {command:?} was refused and changed something"),
        }
        assert_eq!(session.fault(), None, "{n}: {command:?}");
        // As the window does for spaces that are shown for the first time.
        let id = SeriesId { input: 0, number: 0 };
        if session.space(id).is_none() {
            let space = Space::around(id, document.grid(id).unwrap(), Planes::Acquisition);
            session.apply(&Command::Place { space }, &document).unwrap();
        }
        if n % 20 == 0 {
            for view in &session.views {
                for pass in passes(&session, view, &document, 1.3).unwrap_or_default() {
                    let output = natural_output(&pass.scene);
                    Request::new(pass.scene, [60, 40], output).check().unwrap();
                    drawn += 1;
                }
            }
        }
        if n % 1000 == 0 {
            let json = serde_json::to_string(&session).unwrap();
            let back: Session = serde_json::from_str(&json).unwrap();
            assert_eq!(back, session);
        }
    }
    // About a third of the commands name what is there.
    assert!(done > 5000 && drawn > 1000, "{done} {drawn}");
}
