#!/usr/bin/env bash
# The AWS template, tested without an account. Needs tests/services/setup.sh to have run.
#
#   run.sh static    lint before and after expansion, policies, routes, settings
#   run.sh build     `sam build` of the six functions, for this machine's processor
#   run.sh events    golden events (tests/events) through the Lambda runtime loop into what was built; cold starts and sizes
#   run.sh deploy    what was built, really deployed to a local cloud: used, then with each permission taken away
#   run.sh           all four, in this order
#
# OFFPRINT names the offprint binary that makes the first user; without it, a debug one is built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
venvs=$here/../.venv
export PATH="$venvs/bin:$PATH" AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 PYTHONDONTWRITEBYTECODE=1

static() {
    (cd "$here" && "$venvs/sam/bin/python" -m unittest --verbose test_template)
}

build() {
    # `sam build` asks for one function after the other, and linking one keeps one processor busy for minutes: all are there before it asks.
    (cd "$root" && cargo lambda build --release)
    (cd "$root" && sam build --parameter-overrides Architecture=x86_64)
}

events() {
    (cd "$here" && "$venvs/cloud/bin/python" -m unittest --verbose test_events)
}

deploy() {
    if [[ -z ${OFFPRINT:-} ]]; then
        (cd "$root" && cargo build --quiet --locked --package offprint)
        export OFFPRINT=${CARGO_TARGET_DIR:-$root/target}/debug/offprint
    fi
    (cd "$here" && "$venvs/cloud/bin/python" -m unittest --verbose test_deployed)
}

case ${1:-all} in
static | build | events | deploy) "$1" ;;
all)
    static
    build
    events
    deploy
    ;;
*)
    echo "usage: ${0##*/} [static | build | events | deploy]" >&2
    exit 2
    ;;
esac
