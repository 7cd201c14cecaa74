//! The renderer that defines correctness: slow, scalar, float64, without tables, tiles, skipping or threads.

mod display;
mod emission;
mod plane;
mod ray;
mod sampler;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anatome_core::{
    Bindings, Error, Frame, FrameStatus, Image, PixelSubset, Pixels, PlaneGeometry, Progress, Recipe,
    Renderer, Request, Result, SceneFault, Source, Uploaded, View, Volume, checkerboard,
};

use display::Display;
use emission::Emission;
use plane::PlaneView;
use ray::RayView;

/// Renders in float64 straight from scene, volume and grid.
///
/// Every pixel's place is computed in patient millimetres and taken to a voxel index by
/// [`anatome_core::Grid::index_from_patient`]. Of [`anatome_core::plan`] it uses only constants and the rules written
/// there, so that it checks the plan as well as the backends that follow it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReferenceRenderer;

/// A volume as the reference holds it: the host's copy itself.
#[derive(Clone, Debug)]
pub struct ReferenceVolume(Arc<Volume>);

impl Uploaded for ReferenceVolume {
    fn volume(&self) -> &Arc<Volume> {
        &self.0
    }
}

/// A picture in the making, row by row.
#[derive(Debug)]
pub struct ReferenceFrame<'a> {
    painter: Painter<'a>,
    pixels: Pixels,
    next_row: u32,
    rows: u32,
    columns: u32,
    first_px: [u32; 2],
    plane: Option<PlaneGeometry>,
    recipe: Recipe,
}

/// What makes the pixels of a view.
#[derive(Debug)]
enum Painter<'a> {
    Plane(PlaneView<'a>, Display),
    Project(RayView<'a>, anatome_core::Projection, Display),
    Render(RayView<'a>, Emission),
}

impl Renderer for ReferenceRenderer {
    type Uploaded = ReferenceVolume;
    type Frame<'a> = ReferenceFrame<'a>;

    fn upload(&self, volume: &Arc<Volume>, progress: &Progress) -> Result<Self::Uploaded> {
        progress.check()?;
        Ok(ReferenceVolume(Arc::clone(volume)))
    }

    fn begin<'a>(
        &'a self,
        request: &Request,
        bindings: &Bindings<'a, Self::Uploaded>,
    ) -> Result<Self::Frame<'a>> {
        request.check()?;
        let layer = request.scene.layers.first().ok_or(SceneFault::NoLayers)?;
        let volume: &'a Volume = &bindings.get(&layer.slot)?.0;
        let (painter, plane) = painter(request, volume)?;
        let rect = request.rect();
        let source = Source { slot: layer.slot.clone(), digest: format!("{:016x}", volume.digest()) };
        Ok(ReferenceFrame {
            painter,
            pixels: Pixels::blank(request.output, rect.width as usize * rect.height as usize)?,
            next_row: 0,
            rows: rect.height,
            columns: rect.width,
            first_px: [rect.x, rect.y],
            plane,
            recipe: Recipe::new(request, vec![source], "reference", None),
        })
    }
}

fn painter<'a>(request: &Request, volume: &'a Volume) -> Result<(Painter<'a>, Option<PlaneGeometry>)> {
    match &request.scene.view {
        View::Slice { .. } | View::Slab { .. } => {
            let view = PlaneView::new(request, volume)?;
            let geometry = view.geometry(request.rect());
            Ok((Painter::Plane(view, Display::new(request)?), Some(geometry)))
        }
        View::Projection { camera, projection } => {
            let view = RayView::new(request, camera, volume)?;
            Ok((Painter::Project(view, *projection, Display::new(request)?), None))
        }
        View::Rendering { camera, shading } => {
            let view = RayView::new(request, camera, volume)?;
            let emission = Emission::new(request, camera, *shading)?;
            Ok((Painter::Render(view, emission), None))
        }
        other => Err(Error::Unsupported { feature: format!("a {} view in the reference", other.kind()) }),
    }
}

impl ReferenceFrame<'_> {
    fn paint_row(&mut self) {
        let y = self.first_px[1] + self.next_row;
        let start = self.next_row as usize * self.columns as usize;
        for column in 0..self.columns {
            let (x, at) = (self.first_px[0] + column, start + column as usize);
            match &self.painter {
                Painter::Plane(view, display) => display.put(&mut self.pixels, at, [x, y], view.seen(x, y)),
                Painter::Project(view, how, display) => {
                    display.put(&mut self.pixels, at, [x, y], view.projected(x, y, *how));
                }
                Painter::Render(view, emission) => {
                    display::put_color(&mut self.pixels, at, emission.color(view, x, y));
                }
            }
        }
        self.next_row += 1;
    }
}

impl Frame for ReferenceFrame<'_> {
    fn advance(&mut self, budget: Duration) -> Result<FrameStatus> {
        let started = Instant::now();
        while self.next_row < self.rows {
            self.paint_row();
            if started.elapsed() >= budget {
                break;
            }
        }
        let done = f64::from(self.next_row) / f64::from(self.rows);
        Ok(if self.next_row == self.rows { FrameStatus::Done } else { FrameStatus::Pending { done } })
    }

    fn finish(mut self) -> Result<Image> {
        while self.next_row < self.rows {
            self.paint_row();
        }
        // All pixels were computed, and half of them count.
        if self.recipe.quality.pixels == PixelSubset::Checkerboard && self.plane.is_none() {
            checkerboard::fill(&mut self.pixels, self.recipe.region);
        }
        Image::new(self.columns, self.rows, self.pixels, self.plane, self.recipe)
    }
}
