"""Trilinear sampling with numba: all cores, 32-bit floats, one loop for slices, slabs and projections."""

import math

import numpy as np
from numba import njit, prange

ONE = np.float32(1)


@njit(inline="always", fastmath=True)
def trilinear(values, x, y, z):
    """The value between eight voxels; x, y and z lie within half a voxel of the outermost centres."""
    depth, height, width = values.shape
    i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    u, v, w = np.float32(x - i), np.float32(y - j), np.float32(z - k)
    i0, i1 = max(i, 0), min(i + 1, width - 1)
    j0, j1 = max(j, 0), min(j + 1, height - 1)
    k0, k1 = max(k, 0), min(k + 1, depth - 1)
    a = values[k0, j0, i0] * (ONE - u) + values[k0, j0, i1] * u
    b = values[k0, j1, i0] * (ONE - u) + values[k0, j1, i1] * u
    c = values[k1, j0, i0] * (ONE - u) + values[k1, j0, i1] * u
    d = values[k1, j1, i0] * (ONE - u) + values[k1, j1, i1] * u
    e, f = a * (ONE - v) + b * v, c * (ONE - v) + d * v
    return e * (ONE - w) + f * w


@njit(inline="always")
def within(origin, step, extent, low, high):
    """Which samples, from low to high, lie within half a voxel of the voxels along an axis."""
    if step == 0:
        return (low, high) if -0.5 <= origin <= extent - 0.5 else (1, 0)
    a, b = (-0.5 - origin) / step, (extent - 0.5 - origin) / step
    return max(low, int(math.ceil(min(a, b)))), min(high, int(math.floor(max(a, b))))


@njit(parallel=True, fastmath=True)
def largest(values, first, right, down, step, samples, window_low, grey_per_unit, out):
    """For each pixel the largest of `samples` values from `first` on, as a grey level. All places are in voxels."""
    depth, height, width = values.shape
    for row in prange(out.shape[0]):
        for column in range(out.shape[1]):
            x = first[0] + row * down[0] + column * right[0]
            y = first[1] + row * down[1] + column * right[1]
            z = first[2] + row * down[2] + column * right[2]
            low, high = within(x, step[0], width, 0, samples - 1)
            low, high = within(y, step[1], height, low, high)
            low, high = within(z, step[2], depth, low, high)
            value = np.float32(-np.inf)
            for n in range(low, high + 1):
                value = max(value, trilinear(values, x + n * step[0], y + n * step[1], z + n * step[2]))
            grey = (value - np.float32(window_low)) * np.float32(grey_per_unit)
            out[row, column] = np.uint8(min(max(grey + np.float32(0.5), np.float32(0)), np.float32(255)))
