#!/usr/bin/env bash
# Installs everything that the tests need beside Rust, on a Debian machine, as root (as anyone, when the Debian packages are there already).
# Run it as often as you like: what is there is left alone, and a second run takes about a second.
#
#   tests/.venv/clients, cloud, sam, cargo, api, mail  one Python environment a concern, pinned in requirements/*.txt
#   tests/.venv/bin                            the tools of those environments that tests call by name; `cargo xtask` puts it on the PATH
#   tests/clients/node_modules                 zarrita, playwright-core, esbuild, pinned in tests/clients/package-lock.json
#   tests/services/oidc/node_modules           oidc-provider, pinned in tests/services/oidc/package-lock.json
#   cargo-machete                              built once, into cargo's own bin folder
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venvs=$here/../.venv
mkdir -p "$venvs/bin"
venvs=$(cd "$venvs" && pwd)

machete_version=0.9.2
debian_packages=(
    build-essential ca-certificates curl git iproute2 jq openssl pkg-config procps
    python3 python3-venv
    radosgw ceph-mon ceph-osd ceph-common
    chromium rclone wrk
)

is_installed() {
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

install_debian_packages() {
    local missing=() name
    for name in "${debian_packages[@]}"; do
        is_installed "$name" || missing+=("$name")
    done
    # Node may come from elsewhere than Debian; any will do that runs ES modules.
    command -v node >/dev/null && command -v npm >/dev/null || missing+=(nodejs npm)
    ((${#missing[@]})) || return 0
    echo "setup: apt-get install ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet=2
    apt-get install --quiet=2 --yes --no-install-recommends "${missing[@]}" >/dev/null
}

# One environment, made anew when its list or the Python differs from what it was made of. The lists are complete, so nothing is resolved.
install_venv() {
    local name=$1 list=$here/requirements/$1.txt made_of
    made_of=$(python3 --version && sha256sum <"$list")
    if [[ -f $venvs/$name/made-of && $(<"$venvs/$name/made-of") == "$made_of" ]]; then
        return 0
    fi
    echo "setup: Python environment \`$name\`"
    rm -rf "${venvs:?}/$name"
    python3 -m venv "$venvs/$name"
    "$venvs/$name/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$list"
    echo "$made_of" >"$venvs/$name/made-of"
}

# Only these are put on the PATH: the environments' own `python3` must not shadow the system's.
name_tools() {
    local zig
    zig=$(echo "$venvs"/sam/lib/python3*/site-packages/ziglang/zig)
    ln -sfn "$venvs"/cargo/bin/cargo-{deny,nextest} "$venvs"/sam/bin/{sam,cfn-lint,cargo-lambda} "$zig" "$venvs/bin/"
}

install_node_modules() {
    local folder=$here/../$1 made_of
    made_of=$(node --version && sha256sum <"$folder/package-lock.json")
    if [[ -f $folder/node_modules/made-of && $(<"$folder/node_modules/made-of") == "$made_of" ]]; then
        return 0
    fi
    echo "setup: node modules of \`$1\`"
    (cd "$folder" && npm ci --silent --ignore-scripts)
    echo "$made_of" >"$folder/node_modules/made-of"
}

# Not optimised: it reads our sources once a run, and this halves the wait.
install_machete() {
    [[ $(cargo machete --version 2>/dev/null) == *"$machete_version"* ]] && return 0
    echo "setup: cargo-machete $machete_version"
    local build
    build=$(mktemp -d)
    # Outside this checkout and its target folder, so that neither our settings nor our lock file have a say.
    (cd "$build" && CARGO_TARGET_DIR=$build CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
        cargo install --quiet --locked --force cargo-machete --version "$machete_version")
    rm -rf "$build"
}

install_debian_packages
python_jobs=()
for name in clients cloud sam cargo api mail; do
    install_venv "$name" &
    python_jobs+=($!)
done
install_node_modules clients
install_node_modules services/oidc
for job in "${python_jobs[@]}"; do
    wait "$job"
done
name_tools
install_machete
echo "setup: ready"
