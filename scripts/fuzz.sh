#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes for long what ctest fuzzes for seconds: each target for so many minutes, one after the other
# on each core. What breaks a target is left in build-fuzz/found; new inputs go to build-fuzz/corpus.
#
#   scripts/fuzz.sh [--minutes N] [TARGET…]     10 minutes; all targets (tests/fuzz/fuzz_TARGET.c) when none is named
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh

minutes=10
if [ "${1:-}" = --minutes ]; then
    [[ "${2:-}" =~ ^[1-9][0-9]*$ ]] || fail "--minutes takes a number"
    minutes=$2
    shift 2
fi
targets=("$@")
if [ $# -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        name=$(basename "$source" .c)
        targets+=("${name#fuzz_}")
    done
fi
for target in "${targets[@]}"; do
    [ -e "tests/fuzz/fuzz_$target.c" ] || fail "no such target: $target"
done

command -v clang >/dev/null || fail "libFuzzer comes with clang: apt-get install clang"
quietly "fuzz: configure" build-fuzz/configure.log cmake --preset fuzz
quietly "fuzz: build" build-fuzz/build.log cmake --build --preset fuzz --target "${targets[@]/#/fuzz_}"
mkdir -p build-fuzz/found

fuzz_one() {
    local target=$1 seconds=$2
    mkdir -p "build-fuzz/corpus/$target"
    if ! "build-fuzz/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="build-fuzz/found/$target-" "build-fuzz/corpus/$target" \
        "tests/fuzz/corpus/$target" </dev/null >"build-fuzz/$target.log" 2>&1; then
        echo "$target: FAILED, see build-fuzz/$target.log"
        return 1
    fi
    echo "$target: $(grep -o 'stat::number_of_executed_units: .*' "build-fuzz/$target.log" | grep -o '[0-9]*$') inputs"
}
export -f fuzz_one

say "${#targets[@]} targets, $minutes minutes each, $(nproc) at a time"
printf '%s\n' "${targets[@]}" |
    xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1" "$2"' fuzz {} $((minutes * 60)) ||
    fail "a target failed; its input is in build-fuzz/found"
say "no target failed"
