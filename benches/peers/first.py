"""From a CT's files to its first picture as a file, with Anatome and with SimpleITK and VTK, in turn.

    python3 benches/peers/first.py [FOLDER] [--rounds N] [--threads N] [--size WxH]

FOLDER holds the files of one series; without it the demo's CT (512 x 512 x 400) is made first. Every measurement is a
whole process, files in the page cache, the picture written as PNG; the scenes are those of `anatome-frames`, and all
programs get the same number of threads. Peers are installed from PyPI into a virtual environment under target/peers.
"""

import subprocess
from pathlib import Path

from load import compare
from render import file_stem
from setting import PEERS, PYTHON, RELEASE, build, common_arguments, install, series

# The works, and what renders them with what SimpleITK has read.
WORKS = {"slice, oblique": "vtkImageReslice", "rendering, bone": "vtkFixedPointVolumeRayCastMapper"}


def main():
    """Reads the arguments and compares."""
    parser = common_arguments(__doc__, rounds=5)
    parser.add_argument("--size", default="3840x2160", metavar="WxH")
    arguments = parser.parse_args()
    build("--package", "anatome-cli", "--package", "anatome-benches", "--bins")
    install(["vtk", "SimpleITK", "numpy"])
    folder, out, threads = series(arguments.folder), PEERS / "first", str(arguments.threads)
    for work, peer in WORKS.items():
        # Only for its scene.
        frames = [RELEASE / "anatome-frames", folder, "--only", work, "--rounds", "1", "--size", "64x36"]
        subprocess.run([*frames, "--pictures", out], check=True, stdout=subprocess.DEVNULL)
        scene = out / f"{file_stem(work)}.json"
        own = [RELEASE / "anatome", "render", folder, "--scene", scene, "--threads", threads, "--overwrite"]
        script = Path(__file__).with_name("pictures.py")
        theirs = [PYTHON, script, peer, folder, scene, *arguments.size.split("x"), threads, out / f"{peer}.png"]
        programs = {
            "anatome": [*own, "--size", arguments.size, "--out", out / "anatome"],
            f"SimpleITK, {peer}": theirs,
        }
        compare(work, folder, programs, arguments.rounds, arguments.threads)


if __name__ == "__main__":
    main()
