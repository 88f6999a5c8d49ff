#!/bin/sh
# Builds NAME.wasm. The tool lies in .venv; the first build installs it. `sandglass component bindings python` shows editors the imports.
set -eu
[ -x .venv/bin/componentize-py ] || {
    python3 -m venv .venv
    .venv/bin/pip install --quiet --require-hashes -r requirements.txt
}
.venv/bin/componentize-py -q -d wit -w sandglass:workflow/workflow componentize workflow -o NAME.wasm
