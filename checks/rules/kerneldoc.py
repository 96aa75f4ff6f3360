# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Functions that are not static, and structures of headers, have kernel-doc.

Whether such a comment is right, scripts/kernel-doc says; this rule finds
those that it cannot miss because they are not there.
"""

import re

from checks import csource
from checks.tree import Finding


def _comment_above(text, line):
    """The comment that ends right above a line, or ''."""
    lines = text.split("\n")[:line - 1]
    if not lines or lines[-1].strip() != "*/":
        return ""
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].lstrip().startswith("/*"):
            return "\n".join(lines[start:])
    return ""


def findings(tree):
    """Functions and structures without such a comment."""
    for path in tree.paths("ipoib/*.[ch]", "sib/*.[ch]"):
        text = tree.text(path)
        for function in csource.functions(text):
            if not function.is_static and not re.match(
                    rf"/\*\*\n \* {function.name}\(\) - \w",
                    _comment_above(text, function.line)):
                yield Finding(path, function.line,
                              f"{function.name}() has no kernel-doc")
        if not path.endswith(".h"):
            continue
        for match in re.finditer(r"^(struct|union) (\w+) \{", text, re.M):
            line = text.count("\n", 0, match.start()) + 1
            if not re.match(rf"/\*\*\n \* {match[1]} {match[2]} - \w",
                            _comment_above(text, line)):
                yield Finding(path, line, f"{match[1]} {match[2]} has no "
                              "kernel-doc")


BAD = [
    {"sib/a.c": "int sib_a(void)\n{\n\treturn 0;\n}\n"},
    {"sib/a.c": "/* For a. */\nint sib_a(void)\n{\n\treturn 0;\n}\n"},
    {"sib/a.c": "/**\n * sib_b() - b\n */\nint sib_a(void)\n{\n}\n"},
    {"sib/a.h": "struct sib_a {\n\tint b;\n};\n"},
]
GOOD = {
    "sib/a.c": "/**\n * sib_a() - a\n */\nint sib_a(void)\n{\n}\n\n"
               "static int b(void)\n{\n}\n\nstruct c {\n\tint d;\n};\n",
    "sib/a.h": "/**\n * struct sib_a - a\n * @b: b\n */\n"
               "struct sib_a {\n\tint b;\n};\n\nstruct sib_c;\n",
}
