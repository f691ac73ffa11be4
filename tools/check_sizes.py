#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail if a function has over 60 lines, a source over 500, or a public header over 150."""
import pathlib
import re
import sys

FUNCTION_LINES = 60
FILE_LINES = 500
HEADER_LINES = 150
START = re.compile(r"^\{$")
END = re.compile(r"^\}$")
NAME = re.compile(r"(\w+)\(")


def functions(lines):
    """Yields (name, first line, lines) of each function: its brace stands on its own line."""
    start = None
    for number, line in enumerate(lines, 1):
        if START.match(line):
            start = number
        elif END.match(line) and start is not None:
            head = start - 2
            while head >= 0 and lines[head].strip() and not NAME.search(lines[head]):
                head -= 1
            while head > 0 and lines[head].startswith((" ", "\t")):
                head -= 1
            found = NAME.search(lines[head]) if head >= 0 else None
            yield (found.group(1) if found else "?"), start, number - start - 1
            start = None


def complaints(root):
    for home in ("src", "include", "tests"):
        for path in sorted((root / home).rglob("*.[ch]")):
            if path.is_relative_to(root / "tests/gates"):
                continue  # bad on purpose
            lines = path.read_text().splitlines()
            limit = HEADER_LINES if home == "include" else FILE_LINES
            if len(lines) > limit:
                yield f"{path}: {len(lines)} lines, the limit is {limit}"
            for name, line, count in functions(lines):
                if count > FUNCTION_LINES:
                    yield f"{path}:{line}: {name} has {count} lines, the limit is {FUNCTION_LINES}"


def main(root):
    found = list(complaints(root))
    print("\n".join(found) if found else "sizes: within limits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
