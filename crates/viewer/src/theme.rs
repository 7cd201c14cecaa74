//! Quiet dark grey: images first, text small and sharp.

use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Visuals};

/// Behind pictures.
pub(crate) const BLACK: Color32 = Color32::BLACK;
/// Below panels: grey.
pub(crate) const PANEL: Color32 = Color32::from_gray(30);
/// Between views.
pub(crate) const GAP: Color32 = Color32::from_gray(18);
/// The frame of the active view.
pub(crate) const ACTIVE: Color32 = Color32::from_rgb(96, 140, 180);
/// Text over pictures.
pub(crate) const LABEL: Color32 = Color32::from_rgb(222, 222, 214);
/// The same where what is around images is white.
pub(crate) const LABEL_ON_WHITE: Color32 = Color32::from_rgb(24, 24, 30);
/// Less important text over pictures.
pub(crate) const FAINT: Color32 = Color32::from_gray(150);
/// What must be noticed.
pub(crate) const WARNING: Color32 = Color32::from_rgb(232, 176, 88);
/// Measurements: of a hue that no plane's crosshair has.
pub(crate) const MEASURE: Color32 = Color32::from_rgb(120, 226, 232);
/// The measurement under the pointer.
pub(crate) const MEASURE_HOT: Color32 = Color32::from_rgb(255, 255, 255);
/// The planes, in the order of [`crate::session::Direction::ALL`].
pub(crate) const PLANES: [Color32; 3] =
    [Color32::from_rgb(228, 96, 88), Color32::from_rgb(106, 190, 110), Color32::from_rgb(240, 196, 84)];

/// Text over pictures, in points.
pub(crate) const LABEL_SIZE: f32 = 11.5;

/// Makes all of a window look so.
pub(crate) fn install(context: &egui::Context) {
    context.set_theme(egui::Theme::Dark);
    let mut visuals = Visuals::dark();
    // See `panels::on_ground`.
    visuals.panel_fill = Color32::TRANSPARENT;
    visuals.window_fill = Color32::from_gray(36);
    visuals.window_stroke = Stroke::new(1.0, Color32::from_gray(62));
    visuals.extreme_bg_color = Color32::from_gray(20);
    visuals.faint_bg_color = Color32::from_gray(36);
    visuals.window_corner_radius = CornerRadius::same(4);
    visuals.menu_corner_radius = CornerRadius::same(4);
    visuals.selection.bg_fill = Color32::from_rgb(52, 84, 112);
    visuals.selection.stroke = Stroke::new(1.0, Color32::from_rgb(210, 226, 240));
    visuals.warn_fg_color = WARNING;
    let text = [150, 200, 200, 235, 235].map(Color32::from_gray);
    let fill = [30, 44, 54, 64, 50].map(Color32::from_gray);
    let widgets = &mut visuals.widgets;
    let states = [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ];
    for ((state, text), fill) in states.into_iter().zip(text).zip(fill) {
        state.fg_stroke = Stroke::new(1.0, text);
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.corner_radius = CornerRadius::same(3);
        // What grows under the pointer jumps.
        state.expansion = 0.0;
    }
    visuals.widgets.noninteractive.fg_stroke.color = Color32::from_gray(188);
    visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, Color32::from_gray(52));
    context.set_visuals(visuals);
    context.all_styles_mut(|style| {
        let font = |size| FontId::new(size, FontFamily::Proportional);
        style.text_styles = [
            (TextStyle::Small, font(10.5)),
            (TextStyle::Body, font(12.5)),
            (TextStyle::Button, font(12.5)),
            (TextStyle::Heading, font(15.0)),
            (TextStyle::Monospace, FontId::new(12.0, FontFamily::Monospace)),
        ]
        .into();
        style.spacing.item_spacing = egui::vec2(6.0, 4.0);
        style.spacing.button_padding = egui::vec2(6.0, 3.0);
        style.spacing.interact_size.y = 20.0;
        style.spacing.slider_width = 96.0;
        style.animation_time = 0.0;
    });
}
