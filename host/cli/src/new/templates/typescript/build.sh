#!/bin/sh
# Builds NAME.wasm. The tools lie in node_modules; the first build installs them.
set -eu
[ -x node_modules/.bin/componentize-qjs ] || npm install --silent --no-audit --no-fund --ignore-scripts
sandglass component bindings typescript
node_modules/.bin/tsc
node_modules/.bin/componentize-qjs --sync --wit wit --world workflow --js build/workflow.js --output NAME.wasm
