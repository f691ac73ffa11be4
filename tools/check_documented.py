#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fail if an option, a command or an event exists and is not described, or is described and does not exist."""
import pathlib
import re
import sys


def options(root):
    text = (root / "src/app/config_tables.c").read_text()
    return set(re.findall(r'^\s*\{"(\w+)",\s*OPTION_', text, re.MULTILINE))


def commands(root):
    text = (root / "src/admin/admin_commands.c").read_text()
    return set(re.findall(r'^\s*\{"([a-z -]+)",\s*\{', text, re.MULTILINE))


def store_commands(root):
    text = (root / "src/app/binrelayctl_store.c").read_text()
    return set(re.findall(r'^\s*\{"([a-z]+)",\s*store_tool_', text, re.MULTILINE))


def described_options(root):
    text = (root / "docs/configuration.md").read_text()
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]*)`", text))))


def described_commands(root):
    text = (root / "docs/man/binrelayctl.1").read_text().split(".SH COMMANDS")[1].split(".SH")[0]
    rows = re.findall(r'^\.(?:B|BI) "?([a-z \\-]+?)"?(?: " .*)?$', text, re.MULTILINE)
    return {row.replace("\\-", "-").strip() for row in rows if not row.startswith("\\-")}


def command_options(root):
    text = (root / "src/admin/admin_commands.c").read_text()
    return {name.replace("_", "-") for name in
            re.findall(r'\{"(\w+)",\s*PARAMETER_\w+,\s*false,', text)}


def described_command_options(root):
    text = (root / "docs/man/binrelayctl.1").read_text().split(".SH COMMANDS")[1].split(".SH")[0]
    return {name.replace("\\-", "-") for name in re.findall(r"\\-\\-([a-z\\-]+[a-z])", text)}


def described_store_commands(root):
    text = (root / "docs/man/binrelayctl.1").read_text()
    return set(re.findall(r'^\.BI "store ([a-z]+)"', text, re.MULTILINE))


# Names of the same form in the same families.
NOT_EVENTS = {"heartbeat.heartbeat"}


def described_events(root):
    text = (root / "docs/events.md").read_text()
    return {name for row in re.findall(r"^\| (`[^|]*)\|", text, re.MULTILINE)
            for name in re.findall(r"`([a-z]+\.[a-z_]+)`", row)}


def events(root):
    families = "|".join(sorted({name.split(".")[0] for name in described_events(root)}))
    text = "".join(path.read_text() for path in sorted(root.glob("src/**/*.c")))
    return set(re.findall(rf'"((?:{families})\.[a-z_]+)"', text)) - NOT_EVENTS


def complaints(root):
    for name in sorted(events(root) - described_events(root)):
        yield f"docs/events.md: event {name} is not described"
    for name in sorted(described_events(root) - events(root)):
        yield f"docs/events.md: there is no event {name}"
    for name in sorted(options(root) - described_options(root)):
        yield f"docs/configuration.md: option {name} is not described"
    for name in sorted(commands(root) - described_commands(root)):
        yield f"docs/man/binrelayctl.1: command {name} is not described"
    for name in sorted(command_options(root) - described_command_options(root)):
        yield f"docs/man/binrelayctl.1: option --{name} of a command is not described"
    for name in sorted(described_commands(root) - commands(root)):
        yield f"docs/man/binrelayctl.1: there is no command {name}"
    for name in sorted(store_commands(root) ^ described_store_commands(root)):
        yield f"docs/man/binrelayctl.1: store {name} is not described, or does not exist"


def main(root):
    if not options(root) or not commands(root):
        print("no options or no commands found: the tables have moved")
        return 1
    found = list(complaints(root))
    print("\n".join(found) if found else "documents: all options, commands and events are described")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
