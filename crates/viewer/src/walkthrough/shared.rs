//! Windows that draw on the device on which their pictures are made.

use std::time::{Duration, Instant};

use anatome::SharedDevice;
use eframe::egui_wgpu::RendererOptions;
use eframe::wgpu;
use egui::{Key, Modifiers, ViewportCommand, ViewportId};
use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state};

use super::{Study, gpu_options, opened, options, window};
use crate::Options;
use crate::app::Viewer;
use crate::command::Command;
use crate::window::{Left, Sharing, Window};

#[track_caller]
fn settle(harness: &mut Harness<'_, Window>) {
    let until = Instant::now() + Duration::from_secs(60);
    harness.step();
    harness.step();
    while !harness.state().viewer.is_settled() {
        assert!(Instant::now() < until, "the viewer does not settle");
        std::thread::sleep(Duration::from_millis(5));
        harness.step();
    }
}

/// Without its device a window draws nothing more: another one goes on.
#[test]
fn a_window_whose_device_is_lost_gives_way_to_one_with_pictures_by_the_cpu() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let left = Left::default();
    let gpu = gpu_options(vec![study.path().join("ct")]);
    let mut harness = opened(Sharing::wanted(&gpu), [900.0, 600.0], 1.0, |context, device| {
        Window::new(context, gpu, device, Left::clone(&left)).unwrap()
    });
    settle(&mut harness);
    harness.key_press(Key::F2);
    settle(&mut harness);
    let session = harness.state().viewer.session.clone();
    let backend = harness.state().viewer.document.backend().unwrap().clone();
    assert_eq!(backend.name(), "gpu");
    let is_told = |harness: &Harness<'_, Window>| {
        let commands = &harness.output().viewport_output[&ViewportId::ROOT].commands;
        commands.contains(&ViewportCommand::Close)
    };
    assert!(!is_told(&harness));
    backend.lose_gpu();
    harness.step();
    assert!(is_told(&harness));
    assert!(harness.output().shapes.is_empty(), "{:?}", harness.output().shapes);
    eframe::App::on_exit(harness.state_mut());
    drop(harness);

    let lost = left.take().unwrap();
    let mut again = opened(None, [900.0, 600.0], 1.0, |context, _| {
        let mut viewer = Viewer::new(context, options(Vec::new()), None).unwrap();
        viewer.go_on_after(lost);
        viewer
    });
    super::settle(&mut again);
    let viewer = again.state();
    assert_eq!(viewer.session, session);
    assert!(viewer.canvases.iter().all(|canvas| canvas.shown.is_some()));
    let (message, _) = viewer.message.as_ref().unwrap();
    assert!(message.starts_with("The CPU takes over: "), "{message}");
    // A window that is closed is not opened again.
    assert!(left.take().is_none());
}

/// What a window is refused, as where its surface can't be set up beside a renderer, is tried again, but not for ever.
#[test]
fn a_window_that_is_refused_something_tries_again() {
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let gpu = gpu_options(Vec::new());
    let state = create_render_state(Sharing::wanted(&gpu).unwrap().setup(), RendererOptions::PREDICTABLE);
    let (device, queue) = (state.device.clone(), state.queue.clone());
    let mut harness =
        Harness::builder().renderer(WgpuTestRenderer::from_render_state(state)).build_eframe(|creation| {
            crate::viewport::install(creation.wgpu_render_state.as_ref().unwrap());
            let shared = SharedDevice::new(device.clone(), queue, || ());
            Window::new(&creation.egui_ctx, gpu, Some(shared), Left::default()).unwrap()
        });
    settle(&mut harness);
    let refused = |harness: &mut Harness<'_, Window>| {
        let descriptor = wgpu::BufferDescriptor {
            label: None,
            size: device.limits().max_buffer_size + 4,
            usage: wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        };
        drop(device.create_buffer(&descriptor));
        harness.step();
    };
    let is_told = |harness: &Harness<'_, Window>| {
        let own = &harness.output().viewport_output[&ViewportId::ROOT];
        (own.repaint_delay.is_zero(), own.commands.contains(&ViewportCommand::Close))
    };
    refused(&mut harness);
    assert_eq!((harness.state().refusals, is_told(&harness)), (1, (true, false)));
    assert!(!harness.output().shapes.is_empty());
    harness.step();
    assert_eq!(harness.state().refusals, 0);
    for _ in 0..11 {
        refused(&mut harness);
        assert!(!is_told(&harness).1);
    }
    harness.step();
    assert!(is_told(&harness).1);
}

/// Slices, projections and renderings, in motion and at rest, fused or not: the window has the bytes that a GPU of its own
/// makes.
#[test]
fn a_window_shows_the_same_of_pictures_that_stay_on_its_device() {
    let study = Study::made();
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let start = || gpu_options(vec![study.path().to_owned()]);
    let size = [1000.0, 700.0];
    let apart = opened(None, size, 1.0, |context, _| Viewer::new(context, start(), None).unwrap());
    let mut windows = [super::window_with(start(), size, 1.0), apart];
    for harness in &mut windows {
        // Where letters stand among those of a font is chance.
        let shown = &mut harness.state_mut().session.shown;
        (shown.labels, shown.crosshair, shown.reference_lines) = (false, false, false);
    }
    let mut stayed = 0;
    // Planes and a rendering, over each other or not, with other windows, inverted, one by one.
    let plain = |key| (Modifiers::NONE, key);
    let keys = [Key::F2, Key::PageDown, Key::Num3, Key::I].map(plain);
    let keys = keys.into_iter().chain([(Modifiers::ALT, Key::V), plain(Key::F1)]).map(Some);
    for (step, key) in [None, None].into_iter().chain(keys).enumerate() {
        let pictures = windows.each_mut().map(|harness| {
            if let Some((modifiers, key)) = key {
                harness.key_press_modifiers(modifiers, key);
            } else if step == 1 {
                for view in 0..harness.state().session.views.len() {
                    harness.state_mut().do_now(&Command::Fuse { view, overlay: None });
                }
            }
            super::settle(harness);
            harness.state_mut().message = None;
            harness.step();
            harness.render().unwrap()
        });
        let [shared, own] = windows.each_ref().map(|harness| harness.state());
        assert_eq!(shared.session, own.session);
        for (view, (on_gpu, read)) in shared.canvases.iter().zip(&own.canvases).enumerate() {
            let picture = [on_gpu, read].map(|canvas| canvas.picture.clone().unwrap());
            let has_stayed = picture.each_ref().map(|picture| picture.on_gpu().is_some());
            let is_alone = shared.session.views[view].overlay.is_none();
            assert!(!has_stayed[1] && (has_stayed[0] || !is_alone), "{key:?} {view}");
            stayed += usize::from(has_stayed[0]);
            assert!(picture[0].image().unwrap().pixels() == picture[1].image().unwrap().pixels());
            let rect = on_gpu.rect.unwrap();
            let columns = rect.left() as u32..rect.right() as u32;
            let mut places =
                (rect.top() as u32..rect.bottom() as u32).flat_map(|y| columns.clone().map(move |x| (x, y)));
            let [a, b] = &pictures;
            let is_bare = super::without_marks(rect);
            let differs = places.find(|&(x, y)| {
                is_bare(egui::pos2(x as f32, y as f32)) && a.get_pixel(x, y) != b.get_pixel(x, y)
            });
            assert_eq!(differs, None, "{key:?} {view}");
        }
    }
    assert!(stayed > 6, "{stayed}");
}

#[test]
fn where_there_is_no_such_gpu_there_is_a_window() {
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    let none = Options { adapter: Some("no such GPU".to_owned()), ..gpu_options(Vec::new()) };
    let mut harness = super::window_with(none, [900.0, 600.0], 1.0);
    super::settle(&mut harness);
    harness.render().unwrap();
    assert_eq!(harness.state().document.backend().unwrap().name(), "cpu");
    let (message, _) = harness.state().message.as_ref().unwrap();
    assert!(message.contains("no such GPU"), "{message}");
}

#[test]
fn a_software_driver_is_not_shared() {
    if window(Vec::new(), [100.0, 100.0], 1.0).is_none() {
        return;
    }
    for is_of_hardware in [false, true] {
        let sharing = Sharing::wanted(&gpu_options(Vec::new())).unwrap();
        let sharing = if is_of_hardware { sharing.of_hardware() } else { sharing };
        let state = create_render_state(sharing.setup(), RendererOptions::PREDICTABLE);
        let is_software = state.adapter.get_info().device_type == wgpu::DeviceType::Cpu;
        let is_shared = sharing.device(&state, &egui::Context::default()).is_some();
        assert_eq!(is_shared, !(is_of_hardware && is_software));
    }
}
