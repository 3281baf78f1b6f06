#!/usr/bin/env bash
# Installs Neuroglancer from npm and bundles it into `bundle/`, once: what is made of the same lock file and sources is left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

made_of=$(node --version && cat package-lock.json build.mjs entry.mjs icons/*.svg | sha256sum)
if [[ -f bundle/made-of && $(<bundle/made-of) == "$made_of" ]]; then
    exit 0
fi
echo "viewer: bundling Neuroglancer"
npm ci --silent --ignore-scripts
node build.mjs
echo "$made_of" >bundle/made-of
