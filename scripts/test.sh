#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every test, from nothing: packages, builds, gates, unit, component, crash and fuzz tests under
# each preset, then the system tests on real servers.
#
#   scripts/test.sh [STEP…]     steps: dev clang asan tsan system; all of them when none is named
#
# BINRELAY_SEED repeats the random parts of a run; BINRELAY_ROOTS keeps the servers' roots.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
become_root "$@"

steps=("$@")
[ $# -gt 0 ] || steps=(dev clang asan tsan system)

has_step() {
    [[ " ${steps[*]} " == *" $1 "* ]]
}

# The sanitizers of gcc 12 cannot place their shadow under the address randomisation of newer kernels.
fixed_addresses() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

build() {
    quietly "$1: configure" "build-$1/configure.log" cmake --preset "$1"
    quietly "$1: build" "build-$1/build.log" cmake --build --preset "$1"
}

run_ctest() {
    say "$1: test"
    fixed_addresses ctest --preset "$1" --parallel "$(nproc)" </dev/null
}

for step in "${steps[@]}"; do
    [[ " dev clang asan tsan system " == *" $step "* ]] || fail "no such step: $step"
done

install_packages "${BUILD_PACKAGES[@]}" "${CHECK_PACKAGES[@]}" "${SERVER_PACKAGES[@]}"
roots=
if has_step system; then
    say "the servers' roots are made meanwhile, in $BINRELAY_ROOTS"
    set -m # a process group of its own, to be ended as one
    make_roots &
    roots=$!
    set +m
    trap 'kill -- "-$roots" 2>/dev/null || :' EXIT
fi

for preset in dev clang asan tsan; do
    if has_step "$preset"; then
        build "$preset"
        run_ctest "$preset"
    fi
done

if has_step system; then
    has_step dev || build dev
    wait "$roots" || fail "no servers to test with"
    trap - EXIT
    say "system: test"
    BINRELAY_BUILD=build-dev /usr/bin/python3 -m pytest tests/system </dev/null
fi
