#!/bin/sh
# Builds the workflow in this folder into the file that is named. Needs Zig, for its C++ compiler, and sandglass; ZIG names a zig that is not in PATH.
set -eu
out=$1 here=$(dirname "$0")
zig=${ZIG:-$(command -v zig || command -v python-zig)} || {
    echo "Zig 0.17 is missing: https://ziglang.org/download, or pip install ziglang in a virtual environment that is active" >&2
    exit 1
}
cjson=$here/../c/cjson
sandglass component bindings cpp
for c in bindings/workflow.c "$cjson/cJSON.c"; do
    $zig cc -target wasm32-wasi -Os -g -c "$c" -o "bindings/$(basename "$c" .c).o"
done
$zig c++ -target wasm32-wasi -mexec-model=reactor -std=c++23 -fno-exceptions -Os -g -UNDEBUG -Wall \
    -I. -I"$here" -I"$cjson" \
    ./*.cpp bindings/*.o -o "$out.core"
sandglass component new "$out.core" -o "$out"
rm "$out.core"
