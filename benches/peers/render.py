"""Renders a CT with Anatome and with the programs people use instead, in turn, and prints ratios of medians.

    python3 benches/peers/render.py [FOLDER] [--rounds N] [--threads N] [--size WxH] [--only NAME] [--pictures FOLDER]

FOLDER holds the files of one series; without it the demo's CT (512 x 512 x 400) is made first. Every program has the
volume in memory, and renders the scenes of `anatome-frames` (benches/src/lib.rs): the same plane or camera, window or
transfer function, distance between samples, picture size and number of threads. Times are those of a picture, from
the request to its pixels in memory; the first one of each program counts apart. Pictures are written, too: each
program's, and one with all side by side at a quarter of their size. Peers are installed from PyPI into a virtual
environment under target/peers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from setting import PEERS, PYTHON, RELEASE, build, common_arguments, install, series

PACKAGES = ["vtk", "SimpleITK", "numpy", "numba"]
RAY_CASTERS = ["vtkFixedPointVolumeRayCastMapper", "vtkGPUVolumeRayCastMapper"]

# Which programs render which work. The names of the works are those of `anatome-frames`.
WORKS = {
    "slice, axial": ["vtkImageReslice", "SimpleITK", "numba"],
    "slice, oblique": ["vtkImageReslice", "SimpleITK", "numba"],
    "slab of 20, MIP, axial": ["vtkImageReslice", "numba"],
    "slab of 20, MIP, oblique": ["vtkImageReslice", "numba"],
    "MIP": [*RAY_CASTERS, "numba"],
    "rendering, bone": [*RAY_CASTERS, "vtkSmartVolumeMapper"],
    "rendering, bone, zoomed in": RAY_CASTERS[:1],
}

DIFFERENCES = """
"Grey levels apart" is the mean difference to Anatome's picture over all pixels and colours. What differs:
- Anatome's renderings are pre-integrated, light noise less than surfaces, and light the volume's cut faces.
- vtkFixedPointVolumeRayCastMapper computes with 15 bits, and finds all voxels' normals before its first picture.
  vtkSmartVolumeMapper is asked for its CPU mode, which is that mapper.
- vtkGPUVolumeRayCastMapper does not colour ambient light.{on}
- VTK's ray casters show their picture in an OpenGL window, from which it is read back.
- A program that took longer than {patience:.0f} s for a picture after its first is not asked again.
"""


class Program:
    """A program that renders one work each time it is told to."""

    def __init__(self, command, environment):
        self.errors = tempfile.TemporaryFile()
        self.on = None
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True
        )

    def render(self, work):
        """The picture's wall and CPU time in ms; None if the program has failed."""
        try:
            print(work, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            return None
        answer = self.process.stdout.readline()
        if answer:
            times = json.loads(answer)
            self.on = times.get("on")
            return times["wall_ms"], times["cpu_ms"]
        self.errors.seek(0)
        sys.stderr.write(self.errors.read().decode(errors="replace")[-600:])
        return None

    def end(self):
        """Lets the program come to its end."""
        try:
            self.process.communicate()
        except BrokenPipeError:
            self.process.wait()


def file_stem(work):
    """As anatome-frames names its files."""
    return work.replace(", ", "-").replace(" ", "-")


def compare(work, arguments, folder, volume, environment):
    """Renders a work with all programs in turn.

    Returns for each (first, later) times, None if it fails, and what OpenGL runs on.
    """
    out, size = arguments.pictures, arguments.size
    own = [RELEASE / "anatome-frames", folder, "--in-turn", "--size", size, "--pictures", out]
    programs = {"anatome": Program([*own, "--threads", str(arguments.threads)], environment)}
    times = {}
    for name in ["anatome", *WORKS[work]]:
        if name not in programs:
            worker = [PYTHON, Path(__file__).with_name("pictures.py"), name, volume, out / f"{file_stem(work)}.json"]
            picture = out / f"{file_stem(work)}-{name}.png"
            command = [*worker, *size.split("x"), str(arguments.threads), picture]
            programs[name] = Program(command, environment)
        first = programs[name].render(work)
        if first is None and name == "anatome":
            sys.exit("anatome-frames fails")
        times[name] = (first, []) if first else None
    for _ in range(arguments.rounds):
        for name, program in programs.items():
            # What takes long is not asked again.
            if times[name] is None or any(wall > arguments.patience * 1e3 for wall, _ in times[name][1]):
                continue
            later = program.render(work)
            if later is None:
                times[name] = None
            else:
                times[name][1].append(later)
    for program in programs.values():
        program.end()
    return times, {program.on for program in programs.values() if program.on}


def rows(work, times, differences):
    """The lines of the table for a work."""
    own = times["anatome"][1]
    for name, runs in times.items():
        if not runs:
            yield f"| {work} | {name} | fails | | | | | | |"
            continue
        (first, _), later = runs
        wall, cpu = (statistics.median(run[n] for run in later) for n in range(2))
        ratio, cpu_ratio = (statistics.median(run[n] / mine[n] for run, mine in zip(later, own)) for n in range(2))
        apart = f"{differences[name]:.2f}" if name in differences else ""
        figures = f"{first:.0f} | {wall:.1f} | {ratio:.2f} | {cpu:.1f} | {cpu_ratio:.2f} | {apart} | {len(later)}"
        yield f"| {work} | {name} | {figures} |"


def differences(work, arguments, times):
    """How far each picture is from Anatome's; writes all side by side."""
    names = [name for name, runs in times.items() if runs]
    stem = arguments.pictures / file_stem(work)
    pictures = [f"{stem}{'' if name == 'anatome' else '-' + name}.png" for name in names]
    script = Path(__file__).with_name("side_by_side.py")
    done = subprocess.run([PYTHON, script, f"{stem}-all.png", *pictures], check=True, capture_output=True, text=True)
    return dict(zip(names[1:], json.loads(done.stdout)))


def environment(threads):
    """The number of threads, for all who ask the environment; and OpenGL without a screen, where there is none."""
    names = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "LP_NUM_THREADS", "VTK_SMP_MAX_THREADS")
    around = {**os.environ, **dict.fromkeys(names, str(threads)), "OMP_WAIT_POLICY": "PASSIVE"}
    if sys.platform == "linux" and "DISPLAY" not in around:
        around["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    return around


def versions():
    """The peers' versions."""
    script = "import importlib.metadata as m, sys; print(', '.join(f'{p} {m.version(p)}' for p in sys.argv[1:]))"
    return subprocess.run([PYTHON, "-c", script, *PACKAGES], check=True, capture_output=True, text=True).stdout.strip()


def main():
    """Reads the arguments and compares."""
    parser = common_arguments(__doc__, rounds=5)
    parser.add_argument("--size", default="3840x2160", metavar="WxH")
    parser.add_argument("--only", default="", metavar="NAME", help="only works whose name holds this")
    parser.add_argument("--pictures", type=Path, default=PEERS / "pictures", metavar="FOLDER")
    parser.add_argument("--patience", type=float, default=10, metavar="SECONDS")
    parser.add_argument("--no-build", action="store_true", help="measure what was built and installed before")
    arguments = parser.parse_args()
    if not arguments.no_build:
        build("--package", "anatome-cli", "--package", "anatome-benches", "--bins")
        install(PACKAGES)
    folder = series(arguments.folder)
    arguments.pictures.mkdir(parents=True, exist_ok=True)
    volume = PEERS / "volume.nii"
    command = [RELEASE / "anatome", "convert", folder, "--out", volume, "--overwrite"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    around = environment(arguments.threads)
    print(f"{arguments.size}, {arguments.rounds} rounds, {arguments.threads} threads; {versions()}\n")
    print("| work | program | first ms | median ms | to Anatome | CPU ms | to Anatome | grey levels apart | pictures |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    on = set()
    for work in WORKS:
        if arguments.only in work:
            times, opengl = compare(work, arguments, folder, volume, around)
            on |= opengl
            print("\n".join(rows(work, times, differences(work, arguments, times))), flush=True)
    on = f" Here OpenGL is {', '.join(sorted(on))}." if on else ""
    print(DIFFERENCES.format(on=on, patience=arguments.patience))
    print(f"Pictures, in the table's order from left to right: {arguments.pictures}/*-all.png")


if __name__ == "__main__":
    main()
