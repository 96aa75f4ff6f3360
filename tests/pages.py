# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The commands of the documentation, for tests that type them.

A block is what is indented by four columns, or fenced; tests/commands says where
those of each section are run.
"""

import os
import re

REPO = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEADING = re.compile(r"#+\s+(.*?)\s*$")


def sections(text):
    """Yield heading, line and text of each block of a page."""
    heading, fence, block, start = "", False, [], 0
    for number, line in enumerate([*text.splitlines(), "end"], 1):
        if line.startswith("```"):
            fence, inside = not fence, False
        else:
            inside = fence or line.startswith("    ")
        if inside or (block and not line and not fence):
            start = start if block else number
            block.append(line if fence else line[4:])
            continue
        if block:
            yield heading, start, "\n".join(block).rstrip("\n") + "\n"
            block = []
        if match := not fence and HEADING.match(line):
            heading = match.group(1)


def page(name):
    """Its text. name is below the repository."""
    with open(os.path.join(REPO, name), encoding="utf-8") as file:
        return file.read()


def blocks(name, heading):
    """The blocks below a heading of a page; there is one at least."""
    found = [text for head, _, text in sections(page(name)) if head == heading]
    assert found, f"{name}: no commands below '{heading}'"
    return found


def files(block):
    """Name -> text of the files that a block shows, each below a line with its
    name."""
    parts = re.split(r"^# (\S+)\n", block, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))
