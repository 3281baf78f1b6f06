#!/usr/bin/env bash
# The AWS template, tested without an account. Needs tests/services/setup.sh to have run.
#
#   run.sh static    lint before and after expansion, policies, routes, settings
#   run.sh stage     the debug binaries in the place of what `sam build` makes, which takes ten minutes
#   run.sh build     `sam build` of the six functions, for this machine's processor
#   run.sh events    golden events (tests/events) through the Lambda runtime loop into what was staged or built
#   run.sh starts    cold starts and sizes of what was built
#   run.sh deploy    what was staged or built, really deployed to a local cloud: used, then with each permission taken away
#   run.sh           static, stage, events, deploy: what a change must pass
#   run.sh release   build, events, starts, deploy: the same of what is deployed
#
# OFFPRINT names the offprint binary that makes the first user; without it, the debug one is taken.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
debug=${CARGO_TARGET_DIR:-$root/target}/debug
venvs=$here/../.venv
export PATH="$venvs/bin:$PATH" AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1

static() {
    (cd "$here" && "$venvs/sam/bin/python" -m unittest --verbose test_template)
}

# All binaries and features, as the other suites build them: here they are only built when they are not there.
debug_binaries() {
    (cd "$root" && cargo build --quiet --locked --workspace --all-features --bins)
}

stage() {
    debug_binaries
    "$venvs/cloud/bin/python" "$here/stage.py" "$debug"
}

build() {
    # `sam build` asks for one function after the other, and linking one keeps one processor busy for minutes: all are there before it asks.
    (cd "$root" && cargo lambda build --release)
    (cd "$root" && sam build --parameter-overrides Architecture=x86_64)
}

events() {
    (cd "$here" && "$venvs/cloud/bin/python" -m unittest --verbose test_events.Events)
}

starts() {
    (cd "$here" && "$venvs/cloud/bin/python" -m unittest --verbose test_events.Starts)
}

deploy() {
    if [[ -z ${OFFPRINT:-} ]]; then
        debug_binaries
        export OFFPRINT=$debug/offprint
    fi
    (cd "$here" && "$venvs/cloud/bin/python" -m unittest --verbose test_deployed)
}

case ${1:-all} in
static | stage | build | events | starts | deploy) "$1" ;;
all)
    static
    stage
    events
    deploy
    ;;
release)
    build
    events
    starts
    deploy
    ;;
*)
    echo "usage: ${0##*/} [static | stage | build | events | starts | deploy | release]" >&2
    exit 2
    ;;
esac
