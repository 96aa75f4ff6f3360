# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The data path says nothing by default.

IPOIB_DEBUG_DATA is off unless it is asked for, nobody defines what it stands
for, and files of the data path have no debug messages but those.
"""

import re

from checks import csource
from checks.tree import Finding

DATA_PATH = ("ipoib/tx*.c", "ipoib/rx.c", "ipoib/cm_post.c",
             "ipoib/cm_recv.c", "sib/transport/*.c",
             "sib/fabric/forward.c", "sib/verbs/post.c")
MESSAGE = re.compile(r"\b(ipoib_dbg|ipoib_dbg_mcast|ipoib_print|pr_\w+|"
                     r"printk|netdev_(dbg|info)|dev_(dbg|info))\s*\(")
ANYWHERE = re.compile(r"\b(trace_printk|dump_stack)\s*\(|"
                      r"#\s*define\s+(DEBUG|IPOIB_WITH_DEBUG_DATA)\b")


def findings(tree):
    """Messages that cost something with each packet."""
    for path in tree.paths("ipoib/Kbuild"):
        if not re.search(r"^IPOIB_DEBUG_DATA\s*\?=\s*n$", tree.text(path),
                         re.M):
            yield Finding(path, 1, "IPOIB_DEBUG_DATA is not off by default")
    data_path = set(tree.paths(*DATA_PATH))
    for path in tree.paths("ipoib/*.[ch]", "sib/*.[ch]", "compat/*.h"):
        text = csource.bare(tree.text(path))
        for number, line in enumerate(text.splitlines(), 1):
            match = ANYWHERE.search(line) or (
                path in data_path and MESSAGE.search(line))
            if match:
                yield Finding(path, number, f"{match.group().strip('( ')} "
                              "in every build")


BAD = [
    {"ipoib/Kbuild": "IPOIB_DEBUG_DATA ?= y\n"},
    {"ipoib/tx.c": 'void f(void)\n{\n\tipoib_dbg(ipd, "x");\n}\n'},
    {"ipoib/cm_post.c": 'void f(void)\n{\n\tipoib_dbg(ipd, "x");\n}\n'},
    {"sib/transport/rx.c": 'void f(void)\n{\n\tpr_debug("x");\n}\n'},
    {"sib/main.c": "void f(void)\n{\n\tdump_stack();\n}\n"},
    {"ipoib/main.c": "#define IPOIB_WITH_DEBUG_DATA\n"},
]
GOOD = {
    "ipoib/Kbuild": "IPOIB_DEBUG ?= y\nIPOIB_DEBUG_DATA ?= n\n",
    "ipoib/tx.c": 'void f(void)\n{\n\tipoib_dbg_data(ipd, "x");\n}\n',
    "ipoib/cm_tx.c": 'void f(void)\n{\n\tipoib_dbg(ipd, "x");\n}\n',
    "ipoib/path.c": 'void f(void)\n{\n\tipoib_dbg(ipd, "x");\n}\n',
}
