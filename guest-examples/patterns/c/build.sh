#!/bin/sh
# Builds the workflow in this folder into the file that is named. Needs Zig, for its C compiler, and sandglass; ZIG names a zig that is not in PATH.
set -eu
out=$1 here=$(dirname "$0")
zig=${ZIG:-$(command -v zig || command -v python-zig)} || {
    echo "Zig 0.17 is missing: https://ziglang.org/download, or pip install ziglang in a virtual environment that is active" >&2
    exit 1
}
sandglass component bindings c
$zig cc -target wasm32-wasi -mexec-model=reactor -std=gnu23 -Os -g -UNDEBUG -Wall -Wextra \
    -I. -I"$here" -I"$here/cjson" \
    ./*.c "$here/cjson/cJSON.c" bindings/workflow.c bindings/workflow_component_type.o -o "$out.core"
sandglass component new "$out.core" -o "$out"
rm "$out.core"
