#!/usr/bin/env bash
# Fuzzes one target or all of them, each from its kept corpus: fuzz/run.sh [all | TARGET] [SECONDS]
#
# Targets run side by side. A line a target: `ok`, or `FAIL` and where the input lies that broke it. Such an input belongs into the corpus, beside the fix.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

chosen=${1:-all}
seconds=${2:-20}
target=${CARGO_TARGET_DIR:-target}

RUSTC_WORKSPACE_WRAPPER="$PWD/fuzz/rustc.sh" CARGO_INCREMENTAL=0 cargo build --locked --package fuzz --target-dir "$target"
work=$target/fuzz
mkdir -p "$work"
# Another build of the workspace may write its own, uninstrumented, to the same place meanwhile.
cp "$target/debug/fuzz" "$work/fuzz"

if [[ $chosen == all ]]; then chosen=$(ls fuzz/corpus); fi

# Fuzzes one target, and says how it went.
one() {
    local name=$1 log=$work/$1.log runs edges
    mkdir -p "$work/corpus/$name"
    # What it finds goes to the first folder; the kept corpus is only read.
    if ! OFFPRINT_FUZZ=$name "$work/fuzz" "$work/corpus/$name" "fuzz/corpus/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$work/$name-" -print_final_stats=1 >"$log" 2>&1; then
        tail -n 40 "$log"
        echo "FAIL  fuzz $name: the input is named above, the log is $log"
        return 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    # A fuzzer that sees nothing of the code only guesses.
    if ((${edges:-0} <= 10)); then
        echo "FAIL  fuzz $name: the code is not instrumented, see $log"
        return 1
    fi
    echo "ok    fuzz $name: $runs runs in $seconds s, $edges edges"
}
export -f one
export work seconds

# As many at once as there are processors: each takes one.
xargs --max-procs="$(nproc)" --max-args=1 bash -c 'one "$1"' one <<<"$chosen"
