# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Symbols that are not static begin with the name of their module.

Those of compat/ and of headers are not looked at: they define no symbols.
"""

import re

from checks import csource
from checks.tree import Finding

PREFIXES = {"ipoib": "ipoib_", "sib": "sib_"}


def _names(text):
    for function in csource.functions(text):
        if not function.is_static:
            yield function.line, function.name
    for line, variable in csource.variables(text):
        if not re.search(r"\bstatic\b", variable):
            match = re.search(r"(\w+)(\s*\[[^\]]*\])*\s*=?\s*$", variable)
            yield line, match.group(1) if match else variable


def findings(tree):
    """Names that could collide with those of another module."""
    for directory, prefix in PREFIXES.items():
        for path in tree.paths(f"{directory}/*.c"):
            for line, name in _names(tree.text(path)):
                if not name.startswith(prefix):
                    yield Finding(path, line, f"{name} is not static and does "
                                  f"not begin with {prefix}")


BAD = [
    {"ipoib/a.c": "int f(void)\n{\n\treturn 0;\n}\n"},
    {"ipoib/a.c": "int counter;\n"},
    {"ipoib/core/a.c": "const char * const names[] = {\n\t0,\n};\n"},
    {"sib/a.c": "struct x\nipoib_f(int a,\n\tint b)\n{\n\treturn 0;\n}\n"},
]
GOOD = {
    "ipoib/a.c": "static int f(void)\n{\n\tint a;\n\n\treturn a;\n}\n\n"
                 "static int counter;\nint ipoib_counter = 1;\n"
                 "struct x {\n\tint y;\n};\nint g(void);\n"
                 "MODULE_LICENSE(\"x\");\nmodule_init(f);\n",
    "sib/a.c": "const u8 sib_table[2] = { 1, 2 };\n",
    "tests/unit/a.c": "int counter;\n",
}
