#!/bin/sh
# Times frames on the GPU of this machine, whole and in motion, and what they cost as volumes, pictures and opacity grow,
# from release binaries alone: nothing is built or installed.
#
#   cargo build --release -p anatome-cli -p anatome-benches     # where there is Rust
#   benches/gpu.sh [FOLDER WITH THE BINARIES] > figures.md       # where there is a GPU
#
# The folder is target/release without an argument. The volume is the generated thorax of 512 x 512 x 400.
set -eu

binaries=${1:-target/release}

echo '```'
"$binaries/anatome" adapters
echo '```'
for size in 1920x1080 3840x2160 7680x4320; do
    echo
    "$binaries/anatome-frames" --backend gpu --size "$size" --rounds 20
    echo
    "$binaries/anatome-frames" --backend gpu --size "$size" --rounds 20 --motion 16
done
echo
"$binaries/anatome-cost" --backend gpu --plots "${TMPDIR:-/tmp}"
