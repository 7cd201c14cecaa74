#!/bin/sh
# Times frames on the GPU of this machine, whole and in motion, changes of transfer functions, files to a picture, and what
# pictures cost as volumes, pictures and opacity grow, from release binaries alone: nothing is built or installed. One
# report, table after table.
#
#   cargo build --release -p anatome-cli -p anatome-benches     # where there is Rust
#   benches/gpu.sh > figures.md                                  # where there is a GPU
#
#   --folder FOLDER     with anatome, anatome-frames and anatome-cost; target/release without it
#   --sizes "WxH ..."   of pictures
#   --rounds N          of each work
#   --adapter N|NAME    the GPU, also one of software; the best hardware without it
#   --no-cost           leaves out what takes longest
# A folder with a CT may follow, for frames of that instead of the generated thorax of 512 x 512 x 400.
#
# It ends with 1 if anything could not be timed, which is then told last, with 2 if a program is missing or an option is not
# known, and with 5 without a usable GPU.
set -u

binaries=target/release
sizes="1920x1080 3840x2160 7680x4320"
rounds=20
cost=1
adapter=""
while [ $# -gt 0 ]; do
    case $1 in
        --folder) binaries=$2; shift 2 ;;
        --sizes) sizes=$2; shift 2 ;;
        --rounds) rounds=$2; shift 2 ;;
        --adapter) adapter=$2; shift 2 ;;
        --no-cost) cost=0; shift ;;
        --) shift; break ;;
        -*) echo "$1 is not known" >&2; exit 2 ;;
        *) break ;;
    esac
done
# What all programs are given.
gpu() {
    program=$1
    shift
    if [ -n "$adapter" ]; then
        "$binaries/$program" "$@" --backend gpu --adapter "$adapter"
    else
        "$binaries/$program" "$@" --backend gpu
    fi
}

missing=0
for program in anatome anatome-frames anatome-cost; do
    if [ ! -x "$binaries/$program" ]; then
        echo "missing: $binaries/$program (cargo build --release -p anatome-cli -p anatome-benches)" >&2
        missing=1
    fi
done
[ "$missing" = 0 ] || exit 2
if command -v ldconfig > /dev/null && ! ldconfig -p | grep -q libvulkan.so.1; then
    echo "missing: the Vulkan loader, libvulkan.so.1 (Debian: libvulkan1)" >&2
fi
drivers=$(ls /usr/share/vulkan/icd.d/*.json /etc/vulkan/icd.d/*.json 2> /dev/null)
if [ -z "$drivers${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ]; then
    echo "missing: a Vulkan driver (no file in vulkan/icd.d). In a container of an NVIDIA machine it is there with" \
        "NVIDIA_DRIVER_CAPABILITIES=graphics or all" >&2
fi

# Opens and tests each GPU.
adapters=$("$binaries/anatome" adapters)
case $adapter/$adapters in
    /*"takes: the CPU renderer"*) echo "no usable hardware GPU: $adapters" >&2; exit 5 ;;
    *"self-test: passed"*) ;;
    *) echo "no usable GPU: $adapters" >&2; exit 5 ;;
esac

echo "# Frames on a GPU"
echo
echo "| | |"
echo "|---|---|"
echo "| date | $(date -u +%Y-%m-%d) |"
echo "| commit | $(git -C "$(dirname "$0")" rev-parse --short HEAD 2> /dev/null || echo "not known") |"
echo "| program | $("$binaries/anatome" --version) |"
echo "| processor | $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) threads |"
if command -v nvidia-smi > /dev/null; then
    echo "| device, driver | $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1) |"
fi
echo "| drivers found | $(echo "$drivers" | tr '\n' ' ') |"
echo
echo '```'
echo "$adapters"
echo '```'

failed=""
fails() {
    failed="$failed
- failed with $*"
}
work() {
    echo
    gpu "$@" || {
        code=$?
        echo "failed with $code: $*"
        fails "$code: $*"
    }
}
for size in $sizes; do
    work anatome-frames --size "$size" --rounds "$rounds" "$@"
    work anatome-frames --size "$size" --rounds "$rounds" --motion 16 "$@"
done
echo
echo "## Transfer functions: pictures that are hardly any, then with a new transfer function each"
for changing in "" --changing; do
    work anatome-frames --size 32x18 --rounds "$rounds" --only "rendering, " $changing "$@"
done

# Whole processes: the study is generated, and its files are in the page cache.
files=$(mktemp -d)
trap 'rm -rf "$files"' EXIT
trap 'exit 130' INT TERM
echo
echo "## From files to a picture of 3840 x 2160 as PNG, whole processes, ms"
echo
echo "| picture | each in turn |"
echo "|---|---|"
if "$binaries/anatome" demo --out "$files/demo" > /dev/null 2> "$files/said"; then
    for picture in coronal rendering; do
        times=""
        for round in 1 2 3 4 5 6; do
            started=$(date +%s%N)
            if gpu anatome render "$files/demo/study" --scene "$files/demo/$picture.json" --size 3840x2160 \
                --out "$files/out" --overwrite > /dev/null 2> "$files/said"; then
                times="$times $((($(date +%s%N) - started) / 1000000))"
            else
                fails "$?: a picture of files, $picture: $(tail -n 1 "$files/said")"
                times="$times failed"
                break
            fi
        done
        echo "| $picture |$times |"
    done
else
    fails "$?: the demo's study: $(tail -n 1 "$files/said")"
fi

if [ "$cost" = 1 ]; then
    work anatome-cost --plots "${TMPDIR:-/tmp}"
fi
if [ -n "$failed" ]; then
    echo
    echo "Not all of it could be timed:$failed"
    exit 1
fi
