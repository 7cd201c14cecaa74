"""Loads one series with Anatome and with the programs people use instead, in turn, and prints ratios of medians.

    python3 benches/peers/load.py [FOLDER] [--rounds N] [--threads N] [--compressed] [--headers N]

FOLDER holds the files of one series; without it the demo's CT (512 x 512 x 400) is made first. Every measurement is a
whole process, from its start to the volume in memory, files in the page cache; all programs get the same number of
threads. With --compressed, the series is also written in compressed transfer syntaxes by dcmtk and GDCM, as far as they
are installed. With --headers N, the headers of N small files are read, too. Peers are installed from PyPI into a
virtual environment under target/peers.
"""

import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time

from setting import PEERS, PYTHON, RELEASE, build, common_arguments, install, series

PACKAGES = ["SimpleITK", "pydicom", "numpy", "dicomsdl"]
PACKAGES += ["pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pyjpegls"]

SIMPLEITK = """
import sys, SimpleITK as sitk
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(int(sys.argv[2]))
reader = sitk.ImageSeriesReader()
reader.SetFileNames(reader.GetGDCMSeriesFileNames(sys.argv[1]))
print(reader.Execute().GetSize())
"""

PYDICOM = """
import sys, os, numpy as np, pydicom
sets = [pydicom.dcmread(os.path.join(sys.argv[1], name)) for name in os.listdir(sys.argv[1])]
sets.sort(key=lambda s: float(s.ImagePositionPatient[2]))
print(np.stack([s.pixel_array for s in sets]).shape)
"""

DICOMSDL = """
import sys, os, numpy as np, dicomsdl
sets = [dicomsdl.open(os.path.join(sys.argv[1], name)) for name in os.listdir(sys.argv[1])]
sets.sort(key=lambda s: float(s.ImagePositionPatient[2]))
print(np.stack([s.pixelData(storedvalue=True) for s in sets]).shape)
"""

PYDICOM_HEADERS = """
import sys, os, pydicom
print(len([pydicom.dcmread(os.path.join(sys.argv[1], n), stop_before_pixels=True) for n in os.listdir(sys.argv[1])]))
"""

DICOMSDL_HEADERS = """
import sys, os, dicomsdl
print(len([dicomsdl.open(os.path.join(sys.argv[1], n)).InstanceNumber for n in os.listdir(sys.argv[1])]))
"""

GDCM_HEADERS = """
import sys, SimpleITK as sitk
print(len(sitk.ImageSeriesReader.GetGDCMSeriesIDs(sys.argv[1])))
"""

# Makes COUNT files of 64 x 64 pixels in series of 500 from one file of a series.
MANY = """
import os, sys, pydicom
from pydicom.uid import generate_uid
source, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
image = pydicom.dcmread(source)
image.Rows = image.Columns = 64
image.PixelData = bytes(2 * 64 * 64)
for n in range(count):
    if n % 500 == 0:
        image.SeriesInstanceUID = generate_uid()
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    image.InstanceNumber = n % 500 + 1
    image.ImagePositionPatient = [0, 0, n % 500]
    image.save_as(os.path.join(out, f"{n:06}.dcm"))
"""


def variants(folder):
    """Copies of the series in compressed transfer syntaxes, as far as there are encoders."""
    encoders = {
        "RLE": ["dcmcrle"],
        "JPEG lossless SV1": ["dcmcjpeg"],
        "JPEG-LS": ["dcmcjpls"],
        "JPEG 2000": ["gdcmconv", "--j2k"],
    }
    for name, (tool, *options) in encoders.items():
        if shutil.which(tool) is None:
            print(f"{name}: {tool} is not installed, left out")
            continue
        out = PEERS / (folder.name + "-" + name.lower().replace(" ", "-"))
        if not out.is_dir():
            part = out.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            for file in sorted(folder.iterdir()):
                subprocess.run([tool, *options, file, part / file.name], check=True)
            part.rename(out)
        yield name, out


def measure(command, environment):
    """Wall and processor seconds and peak memory in MB of a process, told to begin by a line; None if it fails."""
    start = time.perf_counter()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, env=environment, **pipes)
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(b"\n")
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if status != 0:
        sys.stderr.write(stderr.decode(errors="replace")[-400:])
        return None
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def loaders(folder, threads):
    """From the files of a series to a volume."""
    return {
        "anatome": [RELEASE / "examples" / "load_series", folder],
        "reading the bytes": ["cat", *sorted(folder.iterdir())],
        "dicomsdl": [PYTHON, "-c", DICOMSDL, folder],
        "SimpleITK (GDCM)": [PYTHON, "-c", SIMPLEITK, folder, str(threads)],
        "pydicom loop": [PYTHON, "-c", PYDICOM, folder],
    }


def readers(folder, threads):
    """From the files of many series to their headers, grouped or not."""
    anatome = [RELEASE / "anatome", "inspect", "--headers-only", "--json", "--threads", str(threads)]
    return {
        "anatome": [*anatome, folder],
        "dicomsdl": [PYTHON, "-c", DICOMSDL_HEADERS, folder],
        "SimpleITK (GDCM)": [PYTHON, "-c", GDCM_HEADERS, folder],
        "pydicom loop": [PYTHON, "-c", PYDICOM_HEADERS, folder],
    }


def many(source, count):
    """A folder of `count` small files."""
    out = PEERS / f"headers-{count}"
    if not out.is_dir():
        part = out.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        subprocess.run([PYTHON, "-c", MANY, source, part, str(count)], check=True)
        part.rename(out)
    return out


def compare(title, folder, programs, rounds, threads):
    """Runs all programs in turn, some rounds, and prints a table."""
    environment = dict(os.environ, ANATOME_THREADS=str(threads), OMP_NUM_THREADS=str(threads))
    results = {name: [] for name in programs}
    for round_number in range(rounds + 1):
        for name, command in programs.items():
            if results[name] is None:
                continue
            result = measure(command, environment)
            if result is None:
                results[name] = None
            elif round_number > 0:
                # The first round warms the page cache.
                results[name].append(result)
    files = list(folder.iterdir())
    size = sum(file.stat().st_size for file in files) / 1e6
    print(f"\n{title}: {len(files)} files, {size:.0f} MB, {rounds} rounds, {threads} threads\n")
    print("| program | wall s, median | to Anatome | CPU s, median | to Anatome | peak MB |")
    print("|---|---|---|---|---|---|")
    own = results["anatome"]
    for name, runs in results.items():
        if not runs:
            print(f"| {name} | fails | | | | |")
            continue
        wall, cpu, peak = (statistics.median(run[n] for run in runs) for n in range(3))
        ratio, cpu_ratio = (
            statistics.median(run[n] / mine[n] for run, mine in zip(runs, own)) for n in range(2)
        )
        print(f"| {name} | {wall:.2f} | {ratio:.2f} | {cpu:.2f} | {cpu_ratio:.2f} | {peak:.0f} |")


def main():
    """Reads the arguments and compares."""
    parser = common_arguments(__doc__, rounds=7)
    parser.add_argument("--compressed", action="store_true")
    parser.add_argument("--headers", type=int, metavar="N")
    arguments = parser.parse_args()
    packages = ["--package", "anatome-cli", "--package", "anatome-examples"]
    build(*packages, "--bin", "anatome", "--example", "load_series")
    install(PACKAGES)
    folder = series(arguments.folder)
    rounds, threads = arguments.rounds, arguments.threads
    compare("uncompressed", folder, loaders(folder, threads), rounds, threads)
    if arguments.compressed:
        for name, copy in variants(folder):
            compare(name, copy, loaders(copy, threads), rounds, threads)
    if arguments.headers:
        files = many(min(folder.iterdir()), arguments.headers)
        compare("headers", files, readers(files, threads), rounds, threads)


if __name__ == "__main__":
    main()
