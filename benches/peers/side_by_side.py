"""Puts pictures of one size side by side, and prints each one's mean difference to the first. Run by render.py.

    python side_by_side.py OUT PICTURE PICTURE...
"""

import json
import sys

import numpy as np
import SimpleITK as sitk

PART = 4


def read(file):
    """A picture as [row, column, color]."""
    pixels = sitk.GetArrayFromImage(sitk.ReadImage(file)).astype(np.float32)
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]


def smaller(pixels):
    """A quarter of the size: the means of squares."""
    height, width = (extent // PART for extent in pixels.shape[:2])
    squares = pixels[: height * PART, : width * PART].reshape(height, PART, width, PART, 3)
    return squares.mean(axis=(1, 3)).round().astype(np.uint8)


def main():
    """Reads the arguments, compares, and writes."""
    out, *files = sys.argv[1:]
    first, *others = (read(file) for file in files)
    print(json.dumps([float(np.abs(other - first).mean()) for other in others]))
    row = np.concatenate([smaller(pixels) for pixels in (first, *others)], axis=1)
    sitk.WriteImage(sitk.GetImageFromArray(row, isVector=True), out)


if __name__ == "__main__":
    main()
