# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Tables are const, state machines first of all.

An array at file scope with an initialiser is const; so are its strings.
"""

import re

from checks import csource
from checks.tree import Finding

# The kernel wants these writable.
KERNEL = re.compile(r"struct attribute \*")


def findings(tree):
    """Tables that somebody could write to."""
    for path in tree.paths("ipoib/*.[ch]", "sib/*.[ch]"):
        for number, variable in csource.variables(tree.text(path)):
            if not re.search(r"\]\s*=$", variable) or \
                    KERNEL.search(variable):
                continue
            if not re.search(r"\bconst\b", variable):
                yield Finding(path, number, f"not const: {variable}")
            elif re.search(r"\*\s*\w+\s*\[", variable):
                yield Finding(path, number,
                              f"pointers that are not const: {variable}")


BAD = [
    {"ipoib/core/fsm.c": "static struct step\ntable[2][3] = {\n};\n"},
    {"sib/a.c": "u8 sib_a[] = { 1 };\n"},
    {"sib/a.c": 'static const char *names[] = { "a" };\n'},
]
GOOD = {
    "ipoib/core/fsm.c": "static const struct step\ntable[2][3] = {\n};\n",
    "sib/a.c": 'static const char * const names[] = { "a" };\n'
               "static char port[16];\n"
               "static struct attribute *attrs[] = {\n\tNULL,\n};\n",
}
