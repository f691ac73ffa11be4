#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail if a file includes a header of a room, or of a library, that its room may not know."""
import pathlib
import re
import sys

# A room may include the rooms it names, and itself. Order: lowest first.
MAY_KNOW = {
    "base": "",
    "net": "base",
    "protocol": "base",
    "storage": "base protocol",
    "registry": "base protocol storage",
    "source": "base net protocol storage registry",
    "serve": "base net protocol storage registry",
    "admin": "base net protocol storage registry source serve",
    "app": "base net protocol storage registry source serve admin",
    "bin": "base app",
}

# A library is known by the rooms it names, and by no other.
LIBRARIES = {
    r"event2/": "net",
    r"openssl/": "net protocol",
    r"libdeflate\.h": "base",
    r"zstd": "protocol",
    r"sqlite3\.h": "registry serve",
    r"mysql": "source",
    r"jansson\.h": "admin app",
    r"systemd/": "app",
}

OURS = re.compile(r'^\s*#\s*include\s+"binrelay/(\w+)/', re.MULTILINE)
THEIRS = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)


def strange_rooms(text, room):
    known = MAY_KNOW[room].split() + [room]
    return [other for other in OURS.findall(text) if other not in known]


def strange_libraries(text, room):
    return [
        header
        for header in THEIRS.findall(text)
        for pattern, rooms in LIBRARIES.items()
        if re.match(pattern, header) and room not in rooms.split()
    ]


def complaints(root):
    for home in (root / "src", root / "include/binrelay"):
        for path in sorted(home.rglob("*.[ch]")):
            room = path.relative_to(home).parts[0]
            if room not in MAY_KNOW:
                yield f"{path}: {room} is not a room"
                continue
            text = path.read_text()
            for other in strange_rooms(text, room) + strange_libraries(text, room):
                yield f"{path}: {room} may not know {other}"


def main(root):
    found = list(complaints(root))
    print("\n".join(found) if found else "rooms: in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
