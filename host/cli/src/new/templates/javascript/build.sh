#!/bin/sh
# Builds NAME.wasm. The tool lies in node_modules; the first build installs it.
set -eu
[ -x node_modules/.bin/componentize-qjs ] || npm install --silent --no-audit --no-fund --ignore-scripts
node_modules/.bin/componentize-qjs --sync --wit wit --world workflow --js workflow.js --output NAME.wasm
