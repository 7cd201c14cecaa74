"""Every volume series of an archive as `anatome convert` writes it, against dcm2niix, voxel for voxel in patient space.

nifti.py ANATOME ARCHIVE: a line for each series: its number in `anatome inspect`, the word "equals", the largest
magnitude of its values, their largest difference, that of places in mm, and dcm2niix's file; or the number and why there
is nothing to compare with.
"""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from concurrent.futures import ThreadPoolExecutor

import nibabel
import numpy as np


def load(path):
    image = nibabel.load(path)
    return image.affine, np.asanyarray(image.dataobj, dtype=np.float64)


def unpack(path):
    plain = path + ".plain"
    if subprocess.run(["dcmdjpls", path, plain], capture_output=True).returncode == 0:
        os.replace(plain, path)


def references(archive, folder):
    """dcm2niix's volumes: file, affine and values [i, j, k] of each."""
    files, out = os.path.join(folder, "in"), os.path.join(folder, "reference")
    os.mkdir(out)
    zipfile.ZipFile(archive).extractall(files)
    # Distributions build dcm2niix without JPEG-LS.
    packed = [os.path.join(at, name) for at, _, names in os.walk(files) for name in names]
    with ThreadPoolExecutor() as pool:
        list(pool.map(unpack, packed))
    # Some series it refuses, and says so in its exit code.
    subprocess.run(["dcm2niix", "-z", "n", "-b", "n", "-f", "%s_%p", "-o", out, files], capture_output=True)
    volumes = []
    for name in sorted(os.listdir(out)):
        path = os.path.join(out, name)
        if name.endswith(".nii") and nibabel.load(path).get_data_dtype().kind != "V":
            affine, values = load(path)
            values = values.reshape(values.shape + (1,) * (4 - values.ndim))
            volumes += [(name, affine, values[..., t]) for t in range(values.shape[3])]
    return volumes


def difference(ours, theirs):
    """The largest differences of values and of places in mm, or None for other grids."""
    (affine, values), (other, reference) = ours, theirs
    if sorted(values.shape) != sorted(reference.shape):
        return None
    index = np.linalg.inv(other) @ affine
    whole = np.round(index)
    last = np.array(values.shape) - 1
    corners = np.stack(np.meshgrid(*[(0, n) for n in last], indexing="ij"), -1).reshape(-1, 3)
    corners = np.c_[corners, np.ones(len(corners))].T
    off = (other @ (index - whole) @ corners)[:3]
    to = whole[:3, :3] @ np.indices(values.shape).reshape(3, -1) + whole[:3, 3:]
    to = to.astype(int)
    if (to < 0).any() or (to >= np.array(reference.shape)[:, None]).any():
        return None
    return np.abs(reference[tuple(to)] - values.ravel()).max(), np.linalg.norm(off, axis=0).max()


def main(anatome, archive):
    with tempfile.TemporaryDirectory() as folder:
        theirs = references(archive, folder)
        report = subprocess.run([anatome, "inspect", "--headers-only", "--json", archive], capture_output=True)
        series = [s for study in json.loads(report.stdout)["studies"] for s in study["series"] if s["geometry"]]
        for number in (str(s["number"]) for s in series):
            out = os.path.join(folder, number + ".nii.gz")
            run = subprocess.run(
                [anatome, "convert", archive, "--series", number, "--out", out], capture_output=True, text=True
            )
            if run.returncode:
                print(number, "refused:", run.stderr.strip())
                continue
            affine, values = load(out)
            found = [(difference((affine, values), (a, v)), name) for name, a, v in theirs]
            found = [(d, name) for d, name in found if d is not None]
            if not found:
                print(number, "alone:", values.shape)
                continue
            # Series that share a grid, as echoes do, are told apart by their values.
            (value, mm), name = min(found)
            print(number, "equals", *(repr(float(n)) for n in (np.abs(values).max(), value, mm)), name)


main(*sys.argv[1:])
