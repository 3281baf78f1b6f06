#!/usr/bin/env bash
# The real Neuroglancer against the real product: `run.sh OFFPRINT_BINARY`, as root. Installs and bundles the viewer when it is not there yet.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

"$here/bundle.sh" || exit
python3 "$here/../run.py" "$1" neuroglancer_chromium.mjs
links=$?
unshare --net python3 "$here/../middleauth.py" "$1"
exit $((links | $?))
