#!/bin/sh
# Builds the workflow in this folder, workflow.zig, into the file that is named. Needs Zig 0.17 and sandglass; ZIG names a zig that is not in PATH.
set -eu
out=$1 here=$(dirname "$0")
zig=${ZIG:-$(command -v zig || command -v python-zig)} || {
    echo "Zig 0.17 is missing: https://ziglang.org/download, or pip install ziglang in a virtual environment that is active" >&2
    exit 1
}
sandglass component bindings zig
$zig translate-c -target wasm32-wasi -lc bindings/workflow.h >bindings/workflow.zig
$zig build-exe -target wasm32-wasi -mexec-model=reactor -lc -OReleaseSafe -femit-bin="$out.core" \
    bindings/workflow.c bindings/workflow_component_type.o --dep sandglass -Mroot=workflow.zig \
    --dep workflow -Msandglass="$here/sandglass.zig" -Mworkflow=bindings/workflow.zig
sandglass component new "$out.core" -o "$out"
rm "$out.core"
