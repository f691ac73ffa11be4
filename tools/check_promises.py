#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail if a safety rule of docs/durability.md names no test, or a test that does not exist.

Under each heading "## S1 ..." to "## S8 ...", tests are named as `tests/x/test_y.c`, or with
the names of test functions behind: `tests/x/test_y.c`: `does_this`, `does_that`.
"""
import pathlib
import re
import sys

RULES = [f"S{number}" for number in range(1, 9)]
HEADING = re.compile(r"^## ", re.MULTILINE)
QUOTED = re.compile(r"`([^`\s]+)`")
FUNCTION = re.compile(r"^[a-z0-9_]+$")


def sections(text):
    """Yields (rule, its text) of each rule that has a heading."""
    for part in HEADING.split(text)[1:]:
        rule = part.split(None, 1)[0]
        if rule in RULES:
            yield rule, part


def attacks(section):
    """Yields (file, function or None) of what stands behind "Attacked by:"."""
    file = None
    _, _, listed = section.partition("Attacked by:")
    for word in QUOTED.findall(listed):
        if word.startswith("tests/"):
            file = word
            yield file, None
        elif file is not None and FUNCTION.match(word):
            yield file, word


def complaints(root):
    promises = root / "docs/durability.md"
    found = dict(sections(promises.read_text()))
    for rule in RULES:
        if rule not in found:
            yield f"{promises}: {rule} is missing"
            continue
        named = list(attacks(found[rule]))
        if not named:
            yield f"{promises}: {rule} names no test"
        for file, function in named:
            path = root / file
            if not path.is_file():
                yield f"{promises}: {rule}: there is no {file}"
            elif function and not re.search(rf"\b{function}\b", path.read_text()):
                yield f"{promises}: {rule}: {file} has no {function}"


def main(root):
    found = list(complaints(root))
    print("\n".join(found) if found else "promises: each is attacked")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
