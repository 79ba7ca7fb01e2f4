# Sourced by the other scripts: puts CMake of .venv first on PATH and tells it where Halide is.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH="$root/.venv/bin:$PATH"
if [ -z "${Halide_DIR:-}" ]; then
    for halide in "$root"/.venv/lib/python3*/site-packages/halide; do
        export Halide_DIR="$halide/lib64/cmake/Halide"
        export HalideHelpers_DIR="$halide/lib64/cmake/HalideHelpers"
    done
else
    export HalideHelpers_DIR="${HalideHelpers_DIR:-$(dirname "$Halide_DIR")/HalideHelpers}"
fi
jobs=$(nproc)

# build PRESET [TARGET...]: configures and builds, quietly where all goes well.
build() {
    local preset=$1
    shift
    cmake -S "$root" --preset "$preset" >"$root/build/$preset.log" 2>&1 || {
        cat "$root/build/$preset.log" >&2
        return 1
    }
    cmake --build "$root/build/$preset" -j "$jobs" ${@:+--target "$@"}
}
mkdir -p "$root/build"
