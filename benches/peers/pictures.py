"""Renders one of Anatome's scenes with another program, as often as it is told to. Run by render.py.

    python pictures.py PROGRAM VOLUME SCENE WIDTH HEIGHT THREADS PICTURE

Every line on standard input asks for a picture, and is answered with its times, a line of JSON. The first picture is
written to PICTURE.
"""

import json
import math
import sys
import time

import numpy as np
import SimpleITK as sitk

from work import OUTSIDE, Work


def simpleitk(work):
    """Resample; windowed by ITK's filters, too."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(work.threads)
    first, right, down, _, _ = work.plane()
    pixel_mm = np.linalg.norm(right)
    axes = np.column_stack([right / pixel_mm, down / pixel_mm, np.cross(right, down) / pixel_mm**2])
    resample = sitk.ResampleImageFilter()
    resample.SetSize([*work.size_px, 1])
    resample.SetOutputOrigin(first.tolist())
    resample.SetOutputSpacing([pixel_mm, pixel_mm, 1.0])
    resample.SetOutputDirection(axes.ravel().tolist())
    resample.SetInterpolator(sitk.sitkLinear)
    resample.SetDefaultPixelValue(OUTSIDE)
    resample.SetOutputPixelType(sitk.sitkFloat32)
    low, high = work.window()

    def render():
        # The cast cuts off what is behind the point.
        grey = sitk.IntensityWindowing(resample.Execute(work.image), low, high, 0.5, 255.5)
        return sitk.GetArrayFromImage(sitk.Cast(grey, sitk.sitkUInt8))[0]

    return render


def numba(work):
    """Kernels as one writes them with numba."""
    import kernels

    values = work.values()
    picture = np.zeros(work.size_px[::-1], np.uint8)
    low, high = work.window()
    if work.kind == "projection":
        first, right, down, direction = work.rays()
        # The longest way through the volume, from the target's plane.
        diagonal_mm = np.linalg.norm(np.array(work.image.GetSize()) * work.image.GetSpacing())
        samples = 2 * math.ceil(diagonal_mm / work.step_mm()) + 1
        first, step = first - direction * work.step_mm() * (samples // 2), direction * work.step_mm()
    else:
        first, right, down, step, samples = work.plane()
    place = work.lattice(first, right, down, step)

    def render(out=picture):
        kernels.largest(values, *place, samples, low, 255 / (high - low), out)
        return picture

    # Compiled before it is timed.
    render(np.zeros((1, 1), np.uint8))
    return render


def prepared(program, work):
    """A function that renders the work, and what OpenGL runs on if that is used."""
    if program.startswith("vtk"):
        import vtk_pictures

        return vtk_pictures.prepare(program, work)
    return {"SimpleITK": simpleitk, "numba": numba}[program](work), None


def main():
    """Reads the arguments, then answers."""
    program, volume, scene, width, height, threads, picture = sys.argv[1:]
    # Lives as long as its voxels are looked at.
    work = Work(volume, scene, (int(width), int(height)), int(threads))
    render, on = prepared(program, work)
    for number, _ in enumerate(sys.stdin):
        wall, cpu = time.perf_counter(), time.process_time()
        pixels = render()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if number == 0:
            sitk.WriteImage(sitk.GetImageFromArray(pixels, isVector=pixels.ndim == 3), picture)
        print(json.dumps({"wall_ms": wall * 1e3, "cpu_ms": cpu * 1e3, "on": on}), flush=True)


if __name__ == "__main__":
    main()
