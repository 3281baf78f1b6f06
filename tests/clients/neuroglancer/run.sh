#!/usr/bin/env bash
# The real Neuroglancer against the real product: `run.sh OFFPRINT_BINARY`. Installs and bundles the viewer when it is not there yet.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

"$here/bundle.sh"
exec python3 "$here/../run.py" "$1" neuroglancer_chromium.mjs
