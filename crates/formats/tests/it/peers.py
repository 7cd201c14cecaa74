"""What other programs write and read: nibabel always, SimpleITK and pynrrd where they are installed.

write FOLDER: images of many kinds, and a line for each in FOLDER/expected.txt: the file's name, the number of volumes,
k, j, i, the 12 numbers of the affine from index to LPS mm by rows, and NAME.f64 with the values, [t, k, j, i].
read FILE...: what nibabel says of each, in the same form, to standard output; values into FILE.f64.
"""

import itertools
import os
import sys

import nibabel
import numpy as np

FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])


def line(name, lps, values, folder):
    """`values` is [i, j, k] or [i, j, k, t]; the affine maps (i, j, k) to LPS."""
    values = np.asarray(values, dtype=np.float64)
    values = values.reshape(values.shape + (1,) * (4 - values.ndim))
    values.T.astype("<f8").tofile(os.path.join(folder, name + ".f64"))
    t, k, j, i = values.T.shape
    numbers = " ".join(repr(float(v)) for v in np.asarray(lps)[:3].ravel())
    return f"{name} {t} {k} {j} {i} {numbers}"


def turn(a, b, c):
    from math import cos, sin

    x = np.array([[1, 0, 0], [0, cos(a), -sin(a)], [0, sin(a), cos(a)]])
    y = np.array([[cos(b), 0, sin(b)], [0, 1, 0], [-sin(b), 0, cos(b)]])
    z = np.array([[cos(c), -sin(c), 0], [sin(c), cos(c), 0], [0, 0, 1]])
    return x @ y @ z


def affine(matrix):
    result = np.eye(4)
    result[:3, :3] = matrix
    result[:3, 3] = [-91.25, 126.5, -72.125]
    return result


SPACING = np.diag([0.75, 1.25, 3.0])
SHEAR = np.array([[1, 0, 0], [0, 1, 0.4], [0, 0, 1]])
RIGID = {
    "straight": affine(SPACING),
    "flipped": affine(np.diag([-1.0, -1.0, 1.0]) @ SPACING),
    "lefthanded": affine(turn(0.2, 0.1, 0.5) @ np.diag([-1.0, 1.0, 1.0]) @ SPACING),
    "oblique": affine(turn(0.4, -0.9, 2.2) @ SPACING),
    "sagittal": affine(np.array([[0, 0, 1], [1, 0, 0], [0, 1, 0]]) @ SPACING),
}
SHEARED = {"sheared": affine(SHEAR @ SPACING), "turnedshear": affine(turn(0.3, 0.2, 0.1) @ SHEAR @ SPACING)}
SHAPE = (5, 4, 3)


def values(kind, shape=SHAPE, seed=1):
    random = np.random.default_rng(seed)
    if np.dtype(kind).kind == "f":
        return (random.normal(size=shape) * 100).astype(np.float32).astype(kind)
    # What f32 holds exactly.
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    return random.integers(max(low, -(2**24)), min(high, 2**24), size=shape, endpoint=True).astype(kind)


def nibabel_files(folder):
    for (name, ras), form in itertools.product({**RIGID, **SHEARED}.items(), ["sform", "qform", "both"]):
        if form != "sform" and name in SHEARED:
            continue
        image = nibabel.Nifti1Image(values("int16"), None)
        image.header.set_xyzt_units("mm")
        image.set_sform(ras if form != "qform" else None, code=int(form != "qform"))
        image.set_qform(ras if form != "sform" else None, code=int(form != "sform"))
        file = f"{name}-{form}.nii.gz"
        nibabel.save(image, os.path.join(folder, file))
        yield line(file, FLIP @ nibabel.load(os.path.join(folder, file)).affine, image.get_fdata(), folder)
    kinds = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
    for kind, order, maker in itertools.product(
        kinds, "<>", [nibabel.Nifti1Image, nibabel.Nifti2Image, nibabel.Nifti1Pair]
    ):
        shape = SHAPE + (2,) if kind in ("int16", "float32") else SHAPE
        data = values(kind, shape)
        header = maker.header_class(endianness=order)
        header.set_data_dtype(np.dtype(kind))
        header.set_xyzt_units("mm")
        image = maker(data, RIGID["oblique"], header)
        image.header.set_slope_inter(2.0, -3.0)
        number = {"Nifti1Image": "1", "Nifti2Image": "2", "Nifti1Pair": "pair"}[maker.__name__]
        end = "hdr" if number == "pair" else "nii"
        file = f"{kind}-{'little' if order == '<' else 'big'}-{number}.{end}"
        nibabel.save(image, os.path.join(folder, file))
        read = nibabel.load(os.path.join(folder, file))
        yield line(file, FLIP @ read.affine, read.get_fdata(), folder)


def itk_files(folder):
    import SimpleITK as sitk

    for (name, lps), kind, end in itertools.product(
        RIGID.items(),
        [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64],
        ["mha", "z.mha", "mhd", "nrrd", "z.nrrd", "nhdr", "nii.gz", "nii"],
    ):
        data = values(kind)
        image = sitk.GetImageFromArray(data.T)
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        file = f"itk-{name}-{np.dtype(kind).name}.{end}"
        sitk.WriteImage(image, os.path.join(folder, file), end.startswith("z."))
        yield line(file, lps, data, folder)


def nrrd_files(folder):
    import nrrd

    flips = {
        "left-posterior-superior": np.eye(4),
        "right-anterior-superior": FLIP,
        "left-anterior-superior": np.diag([1.0, -1.0, 1.0, 1.0]),
    }
    for (name, own), (space, flip), kind, encoding, end in itertools.product(
        {**RIGID, **SHEARED}.items(), flips.items(), ["int16", ">u2", "float64"], ["raw", "gzip"], ["nrrd", "nhdr"]
    ):
        data = values(kind)
        header = {
            "space": space,
            "space directions": own[:3, :3].T,
            "space origin": own[:3, 3],
            "kinds": ["domain"] * 3,
            "encoding": encoding,
        }
        file = f"nrrd-{name}-{space}-{np.dtype(kind).str[1:]}-{encoding}.{end}"
        nrrd.write(os.path.join(folder, file), data, header)
        yield line(file, flip @ own, data, folder)
    own = RIGID["oblique"]
    for front in [False, True]:
        data = values("int16", (2,) + SHAPE if front else SHAPE + (2,))
        none = np.full((1, 3), np.nan)
        parts = [none, own[:3, :3].T] if front else [own[:3, :3].T, none]
        kinds = ["list", "domain", "domain", "domain"] if front else ["domain", "domain", "domain", "time"]
        header = {
            "space": "left-posterior-superior",
            "space directions": np.vstack(parts),
            "space origin": own[:3, 3],
            "kinds": kinds,
        }
        file = f"nrrd-{'front' if front else 'behind'}.nrrd"
        nrrd.write(os.path.join(folder, file), data, header)
        yield line(file, own, np.moveaxis(data, 0, -1) if front else data, folder)


def write(folder):
    lines = list(nibabel_files(folder))
    for peer, files in [("SimpleITK", itk_files), ("nrrd", nrrd_files)]:
        try:
            __import__(peer)
        except ImportError:
            print(f"SKIP: {peer} is not installed")
            continue
        lines += files(folder)
    with open(os.path.join(folder, "expected.txt"), "w") as out:
        out.write("\n".join(lines) + "\n")


def read(files):
    for file in files:
        image = nibabel.load(file)
        if image.header["qform_code"] > 0:
            # The two forms of one file agree, for whoever reads the other.
            assert np.allclose(image.get_qform(), image.get_sform(), atol=2e-3), file
        folder, name = os.path.split(file)
        print(line(name, FLIP @ image.affine, image.get_fdata(), folder))


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    read(sys.argv[2:])
