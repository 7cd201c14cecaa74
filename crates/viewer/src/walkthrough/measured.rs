//! Measurements.

use anatome::{Grid, Voi, Window, WindowFunction, Workers};
use anatome_phantom::closed_form::{Checkerboard, ClosedForm as _};
use egui::{Key, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use glam::{DAffine3, DVec3};

use super::unseen::document;
use super::{Study, click, drag, screenshot, settle, window};
use crate::app::Viewer;
use crate::command::Command;
use crate::document::Document;
use crate::measure::{Kind, Measurement, Place};
use crate::overlay::measurements::Found;
use crate::session::{SeriesId, Shown, Slab};
use crate::tools::Tool;
use crate::viewport::Values;

fn on_screen(harness: &Harness<'_, Viewer>, at_mm: DVec3) -> Pos2 {
    harness.state().seen(0).unwrap().map().unwrap().screen(at_mm)
}

fn choose(harness: &mut Harness<'_, Viewer>, kind: Kind) {
    let menu = harness.query_by_label("Measure").is_some();
    if menu {
        harness.get_by_label("Measure").click();
    } else {
        harness.get_by_label_contains("Measure: ").click();
    }
    settle(harness);
    harness.get_by_label(kind.name()).click();
    settle(harness);
    assert_eq!(harness.state().interaction.tool, Tool::Measure(kind));
}

fn last(harness: &Harness<'_, Viewer>) -> Measurement {
    harness.state().session.measurements.last().unwrap().clone()
}

/// The middle of the slice that is shown.
fn middle(harness: &Harness<'_, Viewer>) -> DVec3 {
    harness.state().session.spaces[0].center_mm
}

#[test]
fn lengths_angles_and_regions_are_drawn_moved_and_deleted() {
    let study = Study::made();
    // A wide window, so that a point of the screen is a small part of a millimetre.
    let Some(mut harness) = window(vec![study.path().join("ct")], [1920.0, 1080.0], 1.0) else { return };
    settle(&mut harness);
    let center = middle(&harness);

    // 100 mm, known by the geometry of the phantom: 25 of its voxels of 4 mm.
    choose(&mut harness, Kind::Length);
    let ends = [center - DVec3::X * 50.0, center + DVec3::X * 50.0];
    let [from, to] = ends.map(|end| on_screen(&harness, end));
    drag(&mut harness, from, to, PointerButton::Primary);
    settle(&mut harness);
    let length = last(&harness).lengths()[0];
    assert!((length - 100.0).abs() < 0.1, "{length}");
    harness.get_by_label_contains("100.0 mm");

    // Three clicks make an angle.
    choose(&mut harness, Kind::Angle);
    for at in [center + DVec3::Y * 60.0, center, center + DVec3::X * 60.0] {
        let at = on_screen(&harness, at) + egui::vec2(0.0, 13.0);
        click(&mut harness, at);
    }
    settle(&mut harness);
    let angle = last(&harness).angle_rad().unwrap().to_degrees();
    assert!((angle - 90.0).abs() < 0.2, "{angle}");

    // A region's values are those of the voxels in it.
    choose(&mut harness, Kind::Rectangle);
    let corners = [center + DVec3::new(-30.0, 30.0, 0.0), center + DVec3::new(-10.0, 50.0, 0.0)];
    let [from, to] = corners.map(|corner| on_screen(&harness, corner));
    drag(&mut harness, from, to, PointerButton::Primary);
    settle(&mut harness);
    let region = last(&harness);
    let viewer = harness.state();
    let told = Values::default().listed(&region, &[region.place.series()], &viewer.document, None);
    let Found::Values(told) = told.values[0].found else { panic!("{told:?}") };
    let expected = mean_within(viewer, &region);
    assert_eq!(told.count, expected.1);
    assert!((told.mean - expected.0).abs() < 1e-6, "{} {}", told.mean, expected.0);
    screenshot(&mut harness, "measured");

    // A polyline ends with a right click.
    choose(&mut harness, Kind::Polyline);
    let places = [[-60.0, -60.0], [0.0, -90.0], [60.0, -60.0]];
    let places = places.map(|[x, y]| on_screen(&harness, center + DVec3::new(x, y, 0.0)));
    for at in places {
        click(&mut harness, at);
    }
    for pressed in [true, false] {
        let (button, modifiers) = (PointerButton::Secondary, Modifiers::NONE);
        harness.event(egui::Event::PointerButton { pos: places[2], button, pressed, modifiers });
        harness.step();
    }
    settle(&mut harness);
    assert_eq!((last(&harness).kind, last(&harness).points.len()), (Kind::Polyline, 3));

    // An end is dragged with another tool; the whole by its line.
    harness.key_press(Key::W);
    settle(&mut harness);
    let first = harness.state().session.measurements[0].clone();
    let to = on_screen(&harness, ends[1] + DVec3::X * 20.0);
    let from = on_screen(&harness, first.points[1]);
    drag(&mut harness, from, to, PointerButton::Primary);
    settle(&mut harness);
    let length = harness.state().session.measurements[0].lengths()[0];
    assert!((length - 120.0).abs() < 0.3, "{length}");

    // It is seen on its own slice only.
    harness.key_press(Key::ArrowDown);
    settle(&mut harness);
    assert_eq!(harness.state().seen(0).unwrap().measurements().count(), 0);
    let count = harness.state().session.measurements.len();
    harness.get_by_label_contains("Length 1").click();
    settle(&mut harness);
    assert!(harness.state().seen(0).unwrap().measurements().count() > 0);
    harness.key_press(Key::Delete);
    settle(&mut harness);
    assert_eq!(harness.state().session.measurements.len(), count - 1);
    harness.get_by_label("Undo").click();
    settle(&mut harness);
    assert_eq!(harness.state().session.measurements.len(), count);
}

/// Where a row of grey values crosses the middle grey, in pixels from the first one's left or upper side.
fn edges(row: &[u8]) -> Vec<f32> {
    const MIDDLE: f32 = 127.5;
    let pairs = row.windows(2).enumerate();
    let crossed = pairs.filter_map(|(n, pair)| {
        let [from, to] = [pair[0], pair[1]].map(|grey| f32::from(grey) - MIDDLE);
        ((from < 0.0) != (to < 0.0)).then(|| n as f32 + 0.5 + from / (from - to))
    });
    crossed.collect()
}

/// From edge to edge as they are seen in the picture, by its pixels alone: the phantom's formula says how far that is.
#[test]
fn lengths_between_edges_that_are_seen_are_those_of_the_phantom() {
    let Some(mut harness) = window(Vec::new(), [1920.0, 1080.0], 1.0) else { return };
    settle(&mut harness);
    // Edges between voxels, which have another size each way.
    let (voxel_mm, cell) = (DVec3::new(0.8, 1.25, 2.0), DVec3::new(12.0, 8.0, 16.0));
    let place = DAffine3 { translation: DVec3::new(-40.0, 25.0, 7.0), ..DAffine3::from_scale(voxel_mm) };
    let grid = Grid::even([16, 96, 128], place).unwrap();
    let corner_mm = grid.patient_from_index(DVec3::splat(-0.5));
    let board = Checkerboard { corner_mm, cell_mm: cell * voxel_mm, even: -100.0, odd: 100.0 };
    let viewer = harness.state_mut();
    viewer.document =
        Document::of_volumes(vec![board.volume(&grid).unwrap()], &Workers::new(Some(1)).unwrap());
    let series = SeriesId { input: 0, number: 0 };
    let voi = Some(Voi::Window(Window::new(0.0, 400.0, WindowFunction::LinearExact).unwrap()));
    viewer.do_now(&Command::Show { view: 0, series, content: None });
    viewer.do_now(&Command::Window { view: 0, voi });
    settle(&mut harness);
    harness.key_press(Key::L);
    settle(&mut harness);
    let picture = super::seen(&harness, 0);
    let [columns, rows] = picture.size;
    let rect = super::view_rect(&harness, 0);
    let grey = |x: usize, y: usize| picture.pixels[y * columns + x].r();
    // Off the middle, which is an edge itself.
    let (x, y) = (columns / 2 + 25, rows / 2 + 25);
    let across: Vec<u8> = (0..columns).map(|x| grey(x, y)).collect();
    let down: Vec<u8> = (0..rows).map(|y| grey(x, y)).collect();
    for (line, axis) in [(across, DVec3::X), (down, DVec3::Y)] {
        // The outermost may be the volume's own.
        let edges = edges(&line);
        let [_, inner @ .., _] = edges.as_slice() else { panic!("no edges: {edges:?}") };
        let ends = [inner[0], inner[inner.len() - 1]].map(|edge| {
            let at = if axis == DVec3::X {
                egui::vec2(edge, y as f32 + 0.5)
            } else {
                egui::vec2(x as f32 + 0.5, edge)
            };
            rect.min + at
        });
        drag(&mut harness, ends[0], ends[1], PointerButton::Primary);
        settle(&mut harness);
        let expected = (inner.len() - 1) as f64 * axis.dot(board.cell_mm);
        let length = last(&harness).lengths()[0];
        assert!(inner.len() > 4 && (length - expected).abs() < 0.1, "{length}, not {expected}: {inner:?}");
    }
    screenshot(&mut harness, "measured-edges");
    assert_eq!(harness.state().session.measurements.len(), 2);
}

/// The mean of the voxels of a rectangle along an axial slice, and how many they are, by looking at all.
fn mean_within(viewer: &Viewer, region: &Measurement) -> (f64, usize) {
    let volume = &viewer.document.whole(region.place.series()).unwrap().volume;
    let grid = volume.grid();
    let (low, high) = (region.points[0].min(region.points[1]), region.points[0].max(region.points[1]));
    let [slices, rows, columns] = grid.shape();
    let mut values = Vec::new();
    for k in 0..slices {
        for j in 0..rows {
            for i in 0..columns {
                let at = grid.patient_from_index(DVec3::new(i as f64, j as f64, k as f64));
                let inside = at.x >= low.x && at.x <= high.x && at.y >= low.y && at.y <= high.y;
                if inside && (at.z - low.z).abs() < 0.5 {
                    values.extend(volume.modality_value([k, j, i]));
                }
            }
        }
    }
    (values.iter().sum::<f64>() / values.len() as f64, values.len())
}

/// Who measures where the crosshair stands measures, and moves nothing.
#[test]
fn at_the_crosshair_a_measurement_is_drawn_too() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    let space = harness.state().session.spaces[0];
    let middle = on_screen(&harness, space.center_mm);
    harness.key_press(Key::L);
    settle(&mut harness);
    drag(&mut harness, middle, middle + egui::vec2(60.0, 20.0), PointerButton::Primary);
    settle(&mut harness);
    assert_eq!((last(&harness).kind, harness.state().session.spaces[0]), (Kind::Length, space));
    // With another tool it is the crosshair that moves.
    harness.key_press(Key::W);
    settle(&mut harness);
    let id = last(&harness).id;
    harness.state_mut().push(Command::Delete { id });
    settle(&mut harness);
    drag(&mut harness, middle, middle + egui::vec2(60.0, 20.0), PointerButton::Primary);
    settle(&mut harness);
    assert_ne!(harness.state().session.spaces[0], space);
}

/// The value of a measurement beside other tissue would be taken for one of that.
#[test]
fn of_a_measurement_out_of_view_nothing_is_written() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    harness.key_press(Key::L);
    settle(&mut harness);
    let middle = super::view_rect(&harness, 0).center();
    drag(&mut harness, middle, middle + egui::vec2(80.0, 10.0), PointerButton::Primary);
    harness.key_press(Key::W);
    harness.state_mut().interaction.selected = None;
    let shown_and_hidden = |harness: &mut Harness<'_, Viewer>| {
        harness.hover_at(Pos2::new(2.0, 2.0));
        [true, false].map(|measurements| {
            let shown = Shown { measurements, ..harness.state().session.shown };
            harness.state_mut().push(Command::Overlays { shown });
            settle(harness);
            assert_eq!(harness.state().seen(0).unwrap().measurements().count(), usize::from(measurements));
            let rect = super::view_rect(harness, 0);
            let [x, y, width, height] =
                [rect.min.x, rect.min.y, rect.width(), rect.height()].map(|n| n as u32);
            image::imageops::crop_imm(&harness.render().unwrap(), x, y, width, height).to_image()
        })
    };
    let [shown, hidden] = shown_and_hidden(&mut harness);
    assert_ne!(shown, hidden);
    for command in [
        Command::Zoom { view: 0, factor: 4.0, about_mm: glam::DVec2::ZERO },
        Command::Pan { view: 0, by_mm: glam::DVec2::new(-150.0, 0.0) },
    ] {
        harness.state_mut().push(command);
        settle(&mut harness);
    }
    let [shown, hidden] = shown_and_hidden(&mut harness);
    assert!(shown == hidden, "something is written of a measurement that is out of view");
}

/// All of it is seen in the active view, and that is the only thing said of where it is.
#[track_caller]
fn assert_visited(harness: &mut Harness<'_, Viewer>, name: &str) {
    // Also where the list has to be scrolled to.
    harness.get_by_label(name).click_accesskit();
    settle(harness);
    let viewer = harness.state();
    let seen = viewer.active_seen().unwrap();
    let map = seen.map().unwrap();
    let own = seen.measurements().find(|own| own.name() == name);
    let own = own.unwrap_or_else(|| panic!("{name} does not lie in what is shown"));
    for &point in &own.points {
        assert!(seen.rect.contains(map.screen(point)), "{name} is out of view at {point}");
    }
}

#[test]
fn a_measurement_is_gone_to_wherever_it_is() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    let press = |harness: &mut Harness<'_, Viewer>, modifiers: Modifiers, key: Key| {
        harness.key_press_modifiers(modifiers, key);
        settle(harness);
    };
    let push = |harness: &mut Harness<'_, Viewer>, command: Command| {
        harness.state_mut().push(command);
        settle(harness);
    };
    press(&mut harness, Modifiers::NONE, Key::L);
    let middle = super::view_rect(&harness, 0).center();
    drag(&mut harness, middle, middle + egui::vec2(120.0, 40.0), PointerButton::Primary);
    press(&mut harness, Modifiers::NONE, Key::W);
    let measured = last(&harness);
    let session = harness.state().session.clone();
    let shown = |harness: &Harness<'_, Viewer>| harness.state().session.views[0].clone();

    // What is seen stays as it is.
    assert_visited(&mut harness, "Length 1");
    assert_eq!(shown(&harness), session.views[0]);
    // Another plane is shown.
    press(&mut harness, Modifiers::ALT, Key::C);
    assert_visited(&mut harness, "Length 1");
    // It is out of view, or larger than that, or hidden.
    push(&mut harness, Command::Zoom { view: 0, factor: 3.0, about_mm: glam::DVec2::ZERO });
    push(&mut harness, Command::Pan { view: 0, by_mm: glam::DVec2::new(-100.0, 60.0) });
    assert_visited(&mut harness, "Length 1");
    assert!((shown(&harness).framing.zoom - 3.0).abs() < 1e-9);
    push(&mut harness, Command::Zoom { view: 0, factor: 12.0, about_mm: glam::DVec2::ZERO });
    assert_visited(&mut harness, "Length 1");
    press(&mut harness, Modifiers::NONE, Key::M);
    assert_visited(&mut harness, "Length 1");
    // The planes are turned, and lie along other axes.
    press(&mut harness, Modifiers::NONE, Key::F2);
    for (view, axis) in [(1, DVec3::new(0.3, 1.0, 0.2)), (2, DVec3::X)] {
        push(&mut harness, Command::Turn { view, axis, angle_rad: 0.4 });
    }
    push(&mut harness, Command::Activate { view: 1 });
    assert_visited(&mut harness, "Length 1");
    let Place::Plane { right, down, .. } = measured.place else { panic!("on no plane") };
    let map = harness.state().active_seen().unwrap().map().unwrap();
    assert!(map.plane.right.abs_diff_eq(right, 1e-6) && map.plane.down.abs_diff_eq(down, 1e-6));
    assert_eq!(harness.state().session.active, 0);
    // 3D is shown alone.
    push(&mut harness, Command::Activate { view: 3 });
    press(&mut harness, Modifiers::NONE, Key::F1);
    assert_visited(&mut harness, "Length 1");
    // Its series is shown nowhere.
    push(&mut harness, Command::Clear { view: 0 });
    assert_visited(&mut harness, "Length 1");
    assert_eq!(shown(&harness).series, Some(measured.place.series()));
    // One gesture takes it back.
    press(&mut harness, Modifiers::COMMAND, Key::Z);
    assert_eq!(shown(&harness).series, None);
}

/// With two patients open nothing is listed or copied that could be taken for the other's.
#[test]
fn measurements_are_listed_with_their_patient_and_series() {
    let Some(mut harness) = window(Vec::new(), [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    let viewer = harness.state_mut();
    viewer.document = document(&[40, -70]).into_patients();
    let series = [0, 1].map(|number| SeriesId { input: 0, number });
    viewer.do_now(&Command::Show { view: 0, series: series[0], content: None });
    harness.run_steps(4);
    let center = middle(&harness);
    for series in series {
        let place = Place::Plane { series, right: DVec3::X, down: DVec3::Y, slab: Slab::default() };
        let points = vec![center, center + DVec3::X * 40.0];
        for kind in [Kind::Length, Kind::Arrow] {
            let (points, text) = (points.clone(), String::new());
            harness.state_mut().push(Command::Measure { kind, place, points, text });
        }
    }
    harness.run_steps(4);
    for name in ["CT 1: 40.0 mm", "CT 2: 40.0 mm"] {
        harness.get_by_label(name);
    }
    // In the list of series, and beside each.
    for name in ["Patient 1", "Patient 2"] {
        assert_eq!(harness.query_all_by_label(name).count(), 3);
    }
    screenshot(&mut harness, "measured-patients");
    assert_copied(
        &mut harness,
        "Patient 1, Length 1: CT 1: 40.0 mm\nPatient 1, Arrow 2: CT 1\n\
         Patient 2, Length 3: CT 2: 40.0 mm\nPatient 2, Arrow 4: CT 2",
    );
}

/// Values are copied as they are to be.
#[track_caller]
fn assert_copied(harness: &mut Harness<'_, Viewer>, expected: &str) {
    harness.get_by_label("Copy values").click_accesskit();
    let mut copied = Vec::new();
    for _ in 0..4 {
        harness.step();
        copied.extend(harness.output().platform_output.commands.iter().cloned());
    }
    let expected = egui::OutputCommand::CopyText(expected.to_owned());
    assert!(copied.contains(&expected), "{copied:?}, not {expected:?}");
}

#[test]
fn a_distance_between_slices_is_gone_to_in_3d() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1000.0, 700.0], 1.0) else { return };
    settle(&mut harness);
    let center = middle(&harness);
    let place = Place::Space { series: SeriesId { input: 0, number: 0 } };
    let points = vec![center + DVec3::new(40.0, 10.0, -50.0), center + DVec3::new(60.0, -30.0, 50.0)];
    let measure = Command::Measure { kind: Kind::Distance, place, points, text: String::new() };
    harness.state_mut().push(measure);
    harness.state_mut().push(Command::Zoom { view: 0, factor: 3.0, about_mm: glam::DVec2::ZERO });
    settle(&mut harness);
    for key in [Key::F1, Key::F2] {
        harness.key_press(key);
        settle(&mut harness);
        harness.state_mut().push(Command::Activate { view: 0 });
        if key == Key::F2 {
            harness.state_mut().push(Command::Pan { view: 3, by_mm: glam::DVec2::splat(300.0) });
        }
        settle(&mut harness);
        harness.get_by_label("3D distance 1").click_accesskit();
        settle(&mut harness);
        let seen = harness.state().active_seen().unwrap();
        let (_, points) = seen.distances().next().expect("it lies in no 3D view that is shown");
        assert!(points.iter().all(|&at| seen.rect.contains(at)), "{key:?}: {points:?}");
        let space = harness.state().session.spaces[0];
        assert!(space.center_mm.abs_diff_eq(center + DVec3::new(50.0, -10.0, 0.0), 1e-9));
    }
}

#[test]
fn arrows_ask_for_their_text_and_values_are_copied_or_hidden() {
    let study = Study::made();
    let Some(mut harness) = window(vec![study.path().join("ct")], [1280.0, 800.0], 1.0) else { return };
    settle(&mut harness);
    for (key, width) in [(Key::L, 80.0), (Key::N, 50.0)] {
        match key {
            Key::N => harness.key_press_modifiers(Modifiers::SHIFT, key),
            key => harness.key_press(key),
        }
        settle(&mut harness);
        let from = super::view_rect(&harness, 0).center() + egui::vec2(-40.0, width);
        drag(&mut harness, from, from + egui::vec2(width, 0.0), PointerButton::Primary);
        settle(&mut harness);
    }
    // It is written where it is asked for, and no letter is taken for a key.
    harness.event(egui::Event::Text("node".to_owned()));
    settle(&mut harness);
    assert_eq!((last(&harness).kind, last(&harness).text.as_str()), (Kind::Arrow, "node"));
    assert_eq!(harness.state().interaction.tool, Tool::Measure(Kind::Arrow));
    screenshot(&mut harness, "measured-arrow");

    let length = harness.state().session.measurements[0].lengths()[0];
    assert_copied(&mut harness, &format!("Length 1: {length:.1} mm\nArrow 2: node"));
    harness.key_press(Key::Escape);
    settle(&mut harness);
    assert_eq!(harness.state().seen(0).unwrap().measurements().count(), 2);
    harness.key_press(Key::M);
    settle(&mut harness);
    assert_eq!(harness.state().seen(0).unwrap().measurements().count(), 0);

    // Panels make room.
    let wide = super::view_rect(&harness, 0).width();
    for key in [Key::F7, Key::F8] {
        harness.key_press(key);
        settle(&mut harness);
    }
    assert!(super::view_rect(&harness, 0).width() > wide + 350.0);
    screenshot(&mut harness, "panels-hidden");
}
