#!/usr/bin/env bash
# Fuzzes one target or all of them, each from its kept corpus: fuzz/run.sh [all | TARGET] [SECONDS]
#
# A line a target: `ok`, or `FAIL` and where the input lies that broke it. Such an input belongs into the corpus, beside the fix.
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
failed=0
for name in $chosen; do
    mkdir -p "$work/corpus/$name"
    log=$work/$name.log
    # What it finds goes to the first folder; the kept corpus is only read.
    if OFFPRINT_FUZZ=$name "$work/fuzz" "$work/corpus/$name" "fuzz/corpus/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$work/$name-" -print_final_stats=1 >"$log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
        edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
        # A fuzzer that sees nothing of the code only guesses.
        if ((${edges:-0} > 10)); then
            echo "ok    fuzz $name: $runs runs in $seconds s, $edges edges"
        else
            echo "FAIL  fuzz $name: the code is not instrumented, see $log"
            failed=1
        fi
    else
        tail -n 40 "$log"
        echo "FAIL  fuzz $name: the input is named above, the log is $log"
        failed=1
    fi
done
exit "$failed"
