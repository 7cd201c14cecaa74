"""What a peer renders: a volume, one of Anatome's scenes, and the picture's size."""

import json
import os

import numpy as np
import SimpleITK as sitk

# What is outside the volume: below any window.
OUTSIDE = -32768


class Work:
    """A volume along the patient's axes (a file, or the folder of a series), a scene, and the picture's size."""

    def __init__(self, volume, scene, size_px, threads):
        if os.path.isdir(volume):
            volume = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(volume)
        self.image = sitk.DICOMOrient(sitk.ReadImage(volume), "LPS")
        if not np.allclose(self.image.GetDirection(), np.eye(3).ravel()):
            raise ValueError("the volume is not along the patient's axes")
        with open(scene, encoding="utf-8") as file:
            scene = json.load(file)
        (self.kind, self.view), = scene["view"].items()
        self.appearance = scene["layers"][0]["appearance"]
        self.size_px = size_px
        self.threads = threads

    def values(self):
        """The voxels as [k, j, i]."""
        values = sitk.GetArrayViewFromImage(self.image)
        return values if values.dtype == np.int16 else values.astype(np.float32)

    def step_mm(self):
        """The distance between samples along a ray or through a slab."""
        return min(self.image.GetSpacing()) / 2

    def window(self):
        """The ends of the window: what is shown black and what white (PS3.3 C.11.2.1.2)."""
        window = self.appearance["grey"]["voi"]["window"]
        low = window["center"] - 0.5 - (window["width"] - 1) / 2
        return low, low + window["width"] - 1

    def plane(self):
        """The first sample's place, the steps to its right, lower and deeper neighbours, and how many are deep."""
        plane = self.view["plane"]
        right, down = np.array(plane["right"]), np.array(plane["down"])
        pixel_mm = plane["width_mm"] / self.size_px[0]
        thickness_mm = self.view.get("thickness_mm", 0)
        samples = round(thickness_mm / self.step_mm()) + 1
        normal = np.cross(right, down) * (thickness_mm / max(samples - 1, 1))
        width, height = self.size_px
        first = np.array(plane["center_mm"]) - pixel_mm * ((width - 1) / 2 * right + (height - 1) / 2 * down)
        return first - normal * (samples - 1) / 2, right * pixel_mm, down * pixel_mm, normal, samples

    def rays(self):
        """The first pixel's place on the plane through the target, the steps to its neighbours, and the direction."""
        eye, target, up, height_mm = self.camera()
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, up)
        right /= np.linalg.norm(right)
        down = np.cross(forward, right)
        width, height = self.size_px
        pixel_mm = height_mm / height
        first = target - pixel_mm * ((width - 1) / 2 * right + (height - 1) / 2 * down)
        return first, right * pixel_mm, down * pixel_mm, forward

    def camera(self):
        """Eye, target, up and the picture's height in mm."""
        camera = self.view["camera"]
        eye, target, up = (np.array(camera[name]) for name in ("eye_mm", "target_mm", "up"))
        return eye, target, up, camera["lens"]["orthographic"]["height_mm"]

    def lattice(self, place, *steps):
        """The same in voxels."""
        spacing = np.array(self.image.GetSpacing())
        return [((place - np.array(self.image.GetOrigin())) / spacing), *(step / spacing for step in steps)]
