# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""One door per file: no header that everybody includes, none for the rest.

A header is not called utils, common or the like, has a guard named after its
path, and is included by fewer than four in five of its module's sources.
"""

import os
import re

from checks.tree import Finding

NAMES = {"utils", "util", "common", "misc", "helpers", "helper", "defs",
         "stuff", "global", "globals"}
MODULES = ("ipoib", "sib")
SHARE_MAX = 0.8
# Below so many sources a share says nothing.
SOURCES_MIN = 10


def _guard(path):
    return re.sub(r"\W", "_", path).upper()


def _everybody(tree, module):
    sources = list(tree.paths(f"{module}/*.c"))
    count = {}
    for path in sources:
        for name in set(re.findall(r'^#include "([^"]+)"', tree.text(path),
                                   re.M)):
            count[name] = count.get(name, 0) + 1
    for name, users in sorted(count.items()):
        if len(sources) >= SOURCES_MIN and \
                users >= SHARE_MAX * len(sources):
            yield Finding(name, 1, f"included by {users} of {len(sources)} "
                          f"sources of {module}/")


def findings(tree):
    """Headers for everything, and guards that do not guard."""
    for path in tree.paths("*.h"):
        stem = os.path.splitext(os.path.basename(path))[0]
        if stem.lower() in NAMES:
            yield Finding(path, 1, f"'{stem}' says nothing")
        if path.split("/")[0] in MODULES + ("compat",):
            guard = _guard(path)
            text = tree.text(path)
            if f"#ifndef {guard}\n#define {guard}\n" not in text and \
                    "TRACE_HEADER_MULTI_READ" not in text:
                yield Finding(path, 1, f"no guard {guard}")
    for module in MODULES:
        yield from _everybody(tree, module)


def _example(users):
    files = {f"ipoib/{i}.c": '#include "ipoib/dev.h"\n' if i < users else ""
             for i in range(10)}
    files["ipoib/dev.h"] = "#ifndef IPOIB_DEV_H\n#define IPOIB_DEV_H\n#endif\n"
    return files


BAD = [
    _example(8),
    {"tests/unit/utils.h": ""},
    {"sib/a.h": "#ifndef A_H\n#define A_H\n#endif\n"},
    {"sib/a.h": "#ifndef SIB_A_H\n#endif\n"},
]
GOOD = _example(7)
