#!/usr/bin/env bash
# rustc for the crates of this workspace, with what the fuzzer is guided by: counters on every edge, and operands of comparisons. These are plain
# LLVM options, which the stable compiler takes. What comes from the registry is built as always, and shared with every other build.
exec "$@" -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
