# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Every file says its licence in its first lines.

The first line, the second after #!, the first three of a Markdown file. Empty
files have none.
"""

from checks.tree import Finding

LINE = "SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause"


def findings(tree):
    """Files without the line."""
    for path in tree.ours():
        lines = tree.text(path).splitlines()
        if not lines:
            continue
        depth = 3 if path.endswith(".md") else 1
        if lines[0].startswith("#!"):
            depth = 2
        if not any(LINE in line for line in lines[:depth]):
            yield Finding(path, 1, f"no line '{LINE}'")


BAD = [
    {"a.c": "int a;\n"},
    {"a.c": "// SPDX-License-Identifier: GPL-2.0\n"},
    {"a.c": f"\n/* {LINE} */\n"},
    {"a.md": f"# A\n\n\n<!-- {LINE} -->\n"},
]
GOOD = {
    "a.c": f"// {LINE}\nint a;\n",
    "b": f"#!/bin/sh\n# {LINE}\n",
    "a.md": f"<!-- {LINE} -->\n# A\n",
    "__init__.py": "",
    "LICENSES/x": "text\n",
}
