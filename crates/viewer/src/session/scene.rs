//! From a view to the scenes that a renderer draws.

use anatome::{
    Appearance, Camera, Grid, Layer, Lens, Planes, Presets, RenderingPreset, Scene, SlicePlane, View, Voi,
};
use anatome_core::SCENE_VERSION;
use glam::{DVec2, DVec3};

use super::space::shown_mm;
use super::{
    Content, Direction, Framing, Look, Mode, OrbitView, Overlay, PlaneView, SeriesId, Session, Space,
    ViewState,
};
use crate::document::{Defaults, Document, FrameImage};

/// A picture's scenes, the first at the bottom, each of one series.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pass {
    /// The series in the primary slot.
    pub series: SeriesId,
    /// What is drawn of it.
    pub scene: Scene,
    /// How much of what is below it hides, 1 for the first.
    pub opacity: f64,
}

/// The scenes of a view of a volume in a picture `aspect` times as wide as it is high; none as long as nothing is known
/// of the volume.
pub(crate) fn passes(
    session: &Session,
    view: &ViewState,
    document: &Document,
    aspect: f64,
) -> Option<Vec<Pass>> {
    let series = view.series?;
    let bottom = scene(session, view, series, &view.look, document, aspect)?;
    let mut passes = vec![Pass { series, scene: bottom, opacity: 1.0 }];
    if let Some((overlay, defaults)) = shown_overlay(view, document) {
        let mut scene = passes[0].scene.clone();
        // One body: what is cut off the one is cut off the other.
        let region = scene.layers.first().map(|below| below.region.clone()).unwrap_or_default();
        if let Some(layer) = layer(&scene.view, &overlay.look, defaults, true) {
            scene.layers = vec![Layer { region, ..layer }];
            scene.background = [0.0; 3];
            passes.push(Pass { series: overlay.series, scene, opacity: overlay.opacity });
        }
    }
    Some(passes)
}

/// What is seen over a view's series, if anything is. A rendering mixes no other series in; of what is laid over, only the
/// whole has its window.
pub(crate) fn shown_overlay<'a>(
    view: &'a ViewState,
    document: &'a Document,
) -> Option<(&'a Overlay, &'a Defaults)> {
    let overlay = view.overlay.as_ref()?;
    let is_rendering = matches!(view.content, Content::Orbit(OrbitView { mode: Mode::Rendering, .. }));
    let is_shared = document.space(view.series?) == document.space(overlay.series);
    let is_shown = !is_rendering && is_shared && document.whole(overlay.series).is_some();
    document.defaults(overlay.series).filter(|_| is_shown).map(|defaults| (overlay, defaults))
}

fn scene(
    session: &Session,
    view: &ViewState,
    series: SeriesId,
    look: &Look,
    document: &Document,
    aspect: f64,
) -> Option<Scene> {
    let defaults = document.defaults(series)?;
    let seen = match view.content {
        Content::Plane(plane) => {
            let space = session.space_of(series, document)?;
            of_plane(plane, plane_of(view, document.grid(series)?, space, plane.direction, aspect))
        }
        Content::Orbit(orbit) => {
            of_orbit(orbit, view.framing, document.grid(series)?, look, defaults, aspect)?
        }
        Content::Frame(_) => return None,
    };
    let layer = layer(&seen, look, defaults, false)?;
    let is_white = is_on_white(look, defaults) && matches!(layer.appearance, Appearance::Grey { .. });
    let background = if is_white { [1.0; 3] } else { [0.0; 3] };
    Some(Scene { version: SCENE_VERSION, view: seen, layers: vec![layer], background })
}

/// Whether low values are white, and so is what is around the images.
pub(crate) fn is_on_white(look: &Look, defaults: &Defaults) -> bool {
    defaults.is_dark_on_white != look.invert && color_map(look).is_none()
}

fn of_plane(view: PlaneView, plane: SlicePlane) -> View {
    match view.slab.thickness_mm {
        0.0 => View::Slice { plane },
        thickness_mm => View::Slab { plane, thickness_mm, projection: view.slab.projection },
    }
}

/// The plane that a view shows: through the crosshair, or on the slice that is nearest to it.
pub(crate) fn plane_of(
    view: &ViewState,
    grid: &Grid,
    space: &Space,
    direction: Direction,
    aspect: f64,
) -> SlicePlane {
    let (right, down) = space.directions(direction);
    let normal = right.cross(down);
    let middle = grid.center_mm();
    let DVec2 { x, y } = view.framing.shift_mm;
    let shown_mm = shown_mm(grid, space.center_mm, normal);
    let center_mm = middle + normal * normal.dot(shown_mm - middle) + right * x + down * y;
    let width_mm = whole_width_mm(grid, space.planes, direction, aspect) / view.framing.zoom;
    SlicePlane { center_mm, right, down, width_mm }
}

/// The width of a picture in which all of a grid is seen. That of the planes before they were turned, so that turning
/// does not zoom.
fn whole_width_mm(grid: &Grid, planes: Planes, direction: Direction, aspect: f64) -> f64 {
    direction.standard().plane(grid, planes, grid.center_mm(), aspect).width_mm
}

fn of_orbit(
    view: OrbitView,
    framing: Framing,
    grid: &Grid,
    look: &Look,
    defaults: &Defaults,
    aspect: f64,
) -> Option<View> {
    let camera = camera_of(view, framing, grid, aspect);
    Some(match view.mode {
        Mode::Projection(projection) => View::Projection { camera, projection },
        Mode::Rendering => {
            let shading = look.shading.or_else(|| resolved(look, defaults).map(|(_, shading)| *shading))?;
            View::Rendering { camera, shading }
        }
    })
}

/// The camera of a 3D view.
pub(crate) fn camera_of(view: OrbitView, framing: Framing, grid: &Grid, aspect: f64) -> Camera {
    let (right, down, forward) = view.orbit.axes();
    let height_mm = whole_height_mm(grid, aspect) / framing.zoom;
    let target_mm = grid.center_mm() + right * framing.shift_mm.x + down * framing.shift_mm.y;
    let (lens, distance_mm) = match view.fov_rad {
        None => (Lens::Orthographic { height_mm }, 2.0 * radius_mm(grid)),
        Some(fov_rad) => (Lens::Perspective { fov_rad }, height_mm / 2.0 / (fov_rad / 2.0).tan()),
    };
    Camera { eye_mm: target_mm - forward * distance_mm, target_mm, up: -down, lens }
}

/// The height of a picture in which the grid is seen from all sides of its long axis. The same for every rotation, so
/// that turning does not zoom.
pub(crate) fn whole_height_mm(grid: &Grid, aspect: f64) -> f64 {
    let (low, high) = bounds_mm(grid);
    let size = high - low;
    size.max_element().max(size.x.max(size.y) / aspect) * 1.02
}

fn radius_mm(grid: &Grid) -> f64 {
    let (low, high) = bounds_mm(grid);
    (high - low).length() / 2.0
}

/// The box along the patient's axes that holds a grid.
pub(crate) fn bounds_mm(grid: &Grid) -> (DVec3, DVec3) {
    let corners = grid.corners_mm();
    let fold = |f: fn(DVec3, DVec3) -> DVec3| corners.iter().copied().reduce(f).unwrap_or_default();
    (fold(DVec3::min), fold(DVec3::max))
}

/// The colour map that a series is shown in, if it is not grey.
pub(crate) fn color_map(look: &Look) -> Option<&'static anatome::ColorMap> {
    let name = look.colors.as_deref()?;
    Presets::built_in().color_maps.iter().find(|preset| preset.name == name).map(|preset| &preset.map)
}

/// How a series looks in a view. An overlay is always coloured, and never dark on white.
fn layer(view: &View, look: &Look, defaults: &Defaults, is_overlay: bool) -> Option<Layer> {
    let appearance = match view {
        View::Rendering { .. } => {
            let own = look.transfer_function.clone();
            let transfer_function =
                own.or_else(|| resolved(look, defaults).map(|(function, _)| function.clone()))?;
            Appearance::Classified { transfer_function }
        }
        _ => {
            let is_projection = matches!(view, View::Projection { .. });
            let voi = look.voi.clone().unwrap_or_else(|| defaults.voi(is_projection).clone());
            let usual = defaults.is_dark_on_white && color_map(look).is_none() && !is_overlay;
            Appearance::Grey { voi, invert: usual != look.invert, colors: color_map(look).cloned() }
        }
    };
    let is_3d = matches!(view, View::Rendering { .. } | View::Projection { .. });
    Some(Layer {
        slot: Scene::PRIMARY.to_owned(),
        scene_from_patient: None,
        modality: Some(defaults.modality.clone()).filter(anatome::Modality::is_known),
        appearance,
        interpolation: look.interpolation,
        region: if is_3d { look.region.clone() } else { anatome::Region::default() },
    })
}

/// The colours and the lighting of the preset that was chosen, for the volume.
fn resolved<'a>(
    look: &Look,
    defaults: &'a Defaults,
) -> Option<&'a (anatome::TransferFunction, anatome::Shading)> {
    let named = |preset: &&RenderingPreset| look.preset.as_deref() == Some(preset.name.as_str());
    let chosen =
        Presets::built_in().renderings.iter().filter(|preset| preset.fits(&defaults.modality)).find(named);
    match chosen {
        Some(preset) => defaults.renderings.get(&preset.name),
        None => defaults.rendering(),
    }
}

/// The window that a view shows now.
pub(crate) fn voi_of<'a>(look: &'a Look, defaults: &'a Defaults, content: &Content) -> &'a Voi {
    let is_projection = matches!(content, Content::Orbit(_));
    look.voi.as_ref().unwrap_or_else(|| defaults.voi(is_projection))
}

/// The transfer function that a view shows now.
pub(crate) fn transfer_function_of<'a>(
    look: &'a Look,
    defaults: &'a Defaults,
) -> Option<&'a anatome::TransferFunction> {
    look.transfer_function.as_ref().or_else(|| resolved(look, defaults).map(|(function, _)| function))
}

/// The lighting that a view shows now.
pub(crate) fn shading_of(look: &Look, defaults: &Defaults) -> Option<anatome::Shading> {
    look.shading.or_else(|| resolved(look, defaults).map(|(_, shading)| *shading))
}

/// The plane of a frame in its own space (x right, y down, mm from the middle of its first pixel), as it is turned.
pub(crate) fn frame_plane(framing: Framing, grid: &Grid, aspect: f64) -> SlicePlane {
    let size = grid.size_ijk() * grid.spacing_mm();
    let (across, along) = if framing.turn.is_sideways() { (size.y, size.x) } else { (size.x, size.y) };
    let width_mm = across.max(along * aspect) / framing.zoom;
    let (right, down) = framing.turn.axes();
    let shift_mm = right * framing.shift_mm.x + down * framing.shift_mm.y;
    let center_mm = grid.center_mm() + shift_mm.extend(0.0);
    SlicePlane { center_mm, right: right.extend(0.0), down: down.extend(0.0), width_mm }
}

/// The scene of a frame.
pub(crate) fn frame_scene(image: &FrameImage, framing: Framing, look: &Look, aspect: f64) -> Scene {
    let plane = frame_plane(framing, image.volume.grid(), aspect);
    let defaults = &image.defaults;
    // Colour is shown as it is.
    let own =
        if image.is_color() { &Look { interpolation: look.interpolation, ..Look::default() } } else { look };
    let colors = color_map(own).cloned();
    let invert = (defaults.is_dark_on_white && colors.is_none()) != own.invert;
    let voi = own.voi.clone().unwrap_or_else(|| defaults.voi(false).clone());
    let mut scene = Scene::of_primary(View::Slice { plane }, Appearance::Grey { voi, invert, colors });
    for layer in &mut scene.layers {
        layer.interpolation = own.interpolation;
    }
    scene
}
