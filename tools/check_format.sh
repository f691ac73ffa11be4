#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails if clang-format would change a file. With --fix it changes them.
set -eu
root=${1:-.}
[ "$root" = --fix ] && { root=.; mode=-i; } || mode="--dry-run --Werror"
find "$root/src" "$root/include" "$root/tests" -name "*.[ch]" -not -path "$root/tests/gates/*" -print0 2>/dev/null |
    xargs -0 -r clang-format --style=file $mode
echo "format: as .clang-format says"
