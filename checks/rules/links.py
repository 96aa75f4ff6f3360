# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Every link of the documentation leads to something that is there.

Links of Markdown files to files and to their headings; and docs/NAME.md,
wherever a comment or a text sends the reader to it.
"""

import os
import re

from checks.tree import Finding

LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)")
MENTION = re.compile(r"(?<![\w/.(-])docs/[\w./-]*\w\.md\b")


def _slug(heading):
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    heading = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return heading.replace(" ", "-")


def _anchors(text):
    seen = {}
    fence = False
    for line in text.splitlines():
        if line.startswith("```"):
            fence = not fence
        match = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if match and not fence:
            slug = _slug(match.group(1))
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            yield f"{slug}-{count}" if count else slug
        yield from re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line)


def _links(tree, path):
    fence = False
    for number, line in tree.lines(path):
        if line.startswith("```"):
            fence = not fence
        if fence:
            continue
        line = re.sub(r"`[^`]*`", "``", line)
        for match in [*LINK.finditer(line), *DEFINITION.finditer(line)]:
            yield number, match.group(1)


def _broken(tree, path, target):
    file, _, anchor = target.partition("#")
    where = os.path.normpath(os.path.join(os.path.dirname(path), file)) \
        if file else path
    if not tree.exists(where):
        return f"no file {where}"
    if anchor and where.endswith(".md") and \
            anchor not in _anchors(tree.text(where)):
        return f"no heading #{anchor} in {where}"
    return None


def findings(tree):
    """Links that lead nowhere. Addresses of other sites are not followed."""
    for path in tree.ours("*.md"):
        for number, target in _links(tree, path):
            why = None if re.match(r"\w+:", target) else \
                _broken(tree, path, target)
            if why:
                yield Finding(path, number, why)
    for path in tree.ours():
        if path == "checks/rules/links.py":
            continue
        for number, line in tree.lines(path):
            for name in MENTION.findall(line):
                if not tree.exists(name):
                    yield Finding(path, number, f"no file {name}")


BAD = [
    {"README.md": "[a](docs/a.md)\n"},
    {"README.md": "[a](#b)\n\n# A\n"},
    {"docs/a.md": "[b](b.md#c)\n", "docs/b.md": "# B\n"},
    {"docs/a.md": "[b]\n\n[b]: ../b.md\n"},
    {"lab/run": "# docs/lab.md says all of it.\n"},
]
GOOD = {
    "README.md": "# A `b` & c\n[a](#a-b--c) [d](docs/) [e](docs/a.md#x) "
                 "[f](https://example.org/x.md) `[g](h)`\n"
                 "```\n[i](j)\n```\n",
    "docs/a.md": "# X\n[r](../README.md)\n",
    "lab/run": "# docs/a.md says all of it; see http://x/docs/b.md.\n",
}
