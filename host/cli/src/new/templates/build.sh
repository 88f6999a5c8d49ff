#!/bin/sh
# Builds NAME.wasm.
set -eu
exec sh patterns/LANGUAGE/build.sh NAME.wasm
