"""What the comparisons share: where things lie, what is built and installed, and the demo's series."""

import argparse
import os
import subprocess
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
PEERS = TARGET / "peers"
PYTHON = PEERS / "bin" / "python"
RELEASE = TARGET / "release"


def common_arguments(description, rounds):
    """The arguments that all comparisons have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("folder", nargs="?")
    made.add_argument("--rounds", type=int, default=rounds)
    made.add_argument("--threads", type=int, default=os.cpu_count())
    return made


def build(*arguments):
    """Builds what is measured."""
    subprocess.run(["cargo", "build", "--release", *arguments], cwd=REPOSITORY, check=True)


def install(packages):
    """Installs peers from PyPI into the virtual environment."""
    if not PYTHON.exists():
        venv.create(PEERS, with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", *packages], check=True)


def series(given):
    """The folder of the series; the demo's CT if none was given."""
    if given:
        return Path(given)
    out = PEERS / "demo"
    if not (out / "study" / "ct").is_dir():
        command = [RELEASE / "anatome", "demo", "--out", out, "--size", "64x64", "--overwrite"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out / "study" / "ct"
