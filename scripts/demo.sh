#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real sources, the relay and real replicas on this machine, and what happens when things die.
# Installs what it needs, builds, shows, and removes the servers again.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib.sh
become_root "$@"

install_packages "${BUILD_PACKAGES[@]}" "${SERVER_PACKAGES[@]}"
say "the servers' roots are made in $BINRELAY_ROOTS, meanwhile the relay is built"
set -m # a process group of its own, to be ended as one
make_roots &
roots=$!
set +m
trap 'kill -- "-$roots" 2>/dev/null || :' EXIT
quietly "configure" build/configure.log cmake -B build -G Ninja
quietly "build" build/build.log cmake --build build
wait "$roots" || fail "no servers to show anything with"
trap - EXIT
exec /usr/bin/python3 scripts/demo.py
