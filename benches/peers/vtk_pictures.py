"""The same pictures with VTK."""

import numpy as np
import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers what the classes below are made by)
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import VTK_FLOAT, vtkMultiThreader, vtkSMPTools, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkImagingCore import vtkImageReslice, vtkImageShiftScale
from vtkmodules.vtkRenderingCore import (
    vtkColorTransferFunction,
    vtkLight,
    vtkRenderer,
    vtkRenderWindow,
    vtkVolume,
    vtkVolumeProperty,
)
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper, vtkGPUVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkSmartVolumeMapper

from work import OUTSIDE


def prepare(program, work):
    """A function that renders the work with a class of VTK, and what OpenGL runs on if that is used."""
    vtkMultiThreader.SetGlobalMaximumNumberOfThreads(work.threads)
    vtkMultiThreader.SetGlobalDefaultNumberOfThreads(work.threads)
    vtkSMPTools.Initialize(work.threads)
    if program == "vtkImageReslice":
        return reslice(work), None
    return cast_rays(mapper(program, work), work)


def image_data(work):
    """The volume. Its voxels stay where they are."""
    image = vtkImageData()
    image.SetDimensions(work.image.GetSize())
    image.SetSpacing(work.image.GetSpacing())
    image.SetOrigin(work.image.GetOrigin())
    image.GetPointData().SetScalars(numpy_to_vtk(work.values().reshape(-1)))
    return image


def reslice(work):
    """Slices and slabs, with the window applied by vtkImageShiftScale."""
    first, right, down, step, samples = work.plane()
    pixel_mm = np.linalg.norm(right)
    middle = first + step * (samples - 1) / 2
    axes = vtkMatrix4x4()
    for column, axis in enumerate([right / pixel_mm, down / pixel_mm, np.cross(right, down) / pixel_mm**2, middle]):
        for row in range(3):
            axes.SetElement(row, column, axis[row])
    cut = vtkImageReslice()
    cut.SetInputData(image_data(work))
    cut.SetResliceAxes(axes)
    cut.SetOutputOrigin(0, 0, 0)
    cut.SetOutputSpacing(pixel_mm, pixel_mm, np.linalg.norm(step) if samples > 1 else 1)
    cut.SetOutputExtent(0, work.size_px[0] - 1, 0, work.size_px[1] - 1, 0, 0)
    cut.SetOutputScalarType(VTK_FLOAT)
    cut.SetInterpolationModeToLinear()
    cut.SetBackgroundLevel(OUTSIDE)
    cut.SetSlabModeToMax()
    cut.SetSlabNumberOfSlices(samples)
    cut.SetNumberOfThreads(work.threads)
    low, high = work.window()
    grey = vtkImageShiftScale()
    grey.SetInputConnection(cut.GetOutputPort())
    # Half a grey level more, as what is behind the point is cut off.
    grey.SetScale(255 / (high - low))
    grey.SetShift((high - low) / 510 - low)
    grey.SetOutputScalarTypeToUnsignedChar()
    grey.ClampOverflowOn()
    grey.SetNumberOfThreads(work.threads)

    def render():
        cut.Modified()
        grey.Update()
        return vtk_to_numpy(grey.GetOutput().GetPointData().GetScalars()).reshape(work.size_px[::-1])

    return render


def mapper(program, work):
    """A ray caster that takes a sample every `step_mm` and a ray for every pixel."""
    if program == "vtkSmartVolumeMapper":
        made = vtkSmartVolumeMapper()
        made.SetRequestedRenderModeToRayCast()
        made.SetInteractiveAdjustSampleDistances(0)
    elif program == "vtkGPUVolumeRayCastMapper":
        made = vtkGPUVolumeRayCastMapper()
        made.SetUseJittering(0)
        made.SetImageSampleDistance(1)
        made.SetLockSampleDistanceToInputSpacing(0)
    else:
        made = vtkFixedPointVolumeRayCastMapper()
        made.SetNumberOfThreads(work.threads)
        made.SetImageSampleDistance(1)
        made.SetIntermixIntersectingGeometry(0)
    made.SetAutoAdjustSampleDistances(0)
    made.SetSampleDistance(work.step_mm())
    made.SetInputData(image_data(work))
    if work.kind == "projection":
        made.SetBlendModeToMaximumIntensity()
    return made


def look(work):
    """How values are shown: the window, or the transfer function with its shading."""
    look = vtkVolumeProperty()
    look.SetInterpolationTypeToLinear()
    look.SetScalarOpacityUnitDistance(1)
    opacity, color = vtkPiecewiseFunction(), vtkColorTransferFunction()
    if work.kind == "projection":
        low, high = work.window()
        color.AddRGBPoint(low, 0, 0, 0)
        color.AddRGBPoint(high, 1, 1, 1)
        opacity.AddPoint(low, 1)
    else:
        for point in work.appearance["classified"]["transfer_function"]:
            color.AddRGBPoint(point["value"], *point["color"])
            opacity.AddPoint(point["value"], point["opacity_per_mm"])
        shading = work.view["shading"]
        look.ShadeOn()
        look.SetAmbient(shading["ambient"])
        look.SetDiffuse(shading["diffuse"])
        look.SetSpecular(shading["specular"])
        look.SetSpecularPower(shading["shininess"])
    look.SetColor(color)
    look.SetScalarOpacity(opacity)
    return look


def cast_rays(mapper, work):
    """Projections and renderings, with the pixels read back; and what OpenGL runs on."""
    eye, target, up, height_mm = work.camera()
    _, right, down, forward = work.rays()
    volume = vtkVolume()
    volume.SetMapper(mapper)
    volume.SetProperty(look(work))
    renderer = vtkRenderer()
    renderer.AddVolume(volume)
    # Anatome's light: from behind the viewer, a little from the left and from above.
    pixel_mm = np.linalg.norm(right)
    light = vtkLight()
    light.SetLightTypeToSceneLight()
    light.SetPosition(target - 1000 * (forward + 0.35 * right / pixel_mm + 0.45 * down / pixel_mm))
    light.SetFocalPoint(target)
    light.SetAmbientColor(1, 1, 1)
    renderer.AddLight(light)
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(height_mm / 2)
    camera.SetPosition(eye)
    camera.SetFocalPoint(target)
    camera.SetViewUp(up)
    renderer.ResetCameraClippingRange()
    window = vtkRenderWindow()
    window.OffScreenRenderingOn()
    window.SetMultiSamples(0)
    window.SetSize(work.size_px)
    # OpenGL starts with the window's first, empty picture.
    window.Render()
    facts = window.ReportCapabilities().splitlines()
    on = next((line.partition(":")[2].strip() for line in facts if line.startswith("OpenGL renderer")), "unknown")
    window.AddRenderer(renderer)
    pixels = vtkUnsignedCharArray()
    width, height = work.size_px

    def render():
        volume.Modified()
        window.Render()
        window.GetPixelData(0, 0, width - 1, height - 1, 0, pixels, 0)
        return vtk_to_numpy(pixels).reshape(height, width, 3)[::-1]

    return render, on
