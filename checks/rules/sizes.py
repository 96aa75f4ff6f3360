# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Files under 600 lines, functions under 100.

In C, Python and shell. Functions over 40 lines are noted: 60 is a question.
"""

import ast
import re

from checks import csource
from checks.tree import Finding

FILE_MAX = 600
FUNCTION_MAX = 100
FUNCTION_NOTE = 40
NOTES = f"functions over {FUNCTION_NOTE} lines"


def _c(tree):
    for path in tree.ours("*.c", "*.h"):
        for function in csource.functions(tree.text(path)):
            yield path, function.line, function.name, function.length


def _python(tree):
    for path in sorted({*tree.ours("*.py"), *tree.scripts("python3")}):
        for node in ast.walk(ast.parse(tree.text(path))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield (path, node.lineno, node.name,
                       node.end_lineno - node.lineno + 1)


def _shell(tree):
    for path in sorted({*tree.ours("*.sh"), *tree.scripts("sh", "bash")}):
        start = name = None
        for number, line in tree.lines(path):
            match = re.match(r"(\w+)\(\)", line)
            if match:
                start, name = number, match.group(1)
            elif start and line.startswith("}"):
                yield path, start, name, number - start + 1
                start = None


def findings(tree):
    """Files and functions that are too long, and functions that are long."""
    for path in tree.ours():
        lines = tree.text(path).count("\n")
        if lines >= FILE_MAX:
            yield Finding(path, lines, f"{lines} lines, {FILE_MAX} or more")
    for language in (_c, _python, _shell):
        for path, line, name, length in language(tree):
            if length >= FUNCTION_MAX:
                yield Finding(path, line, f"{name}() has {length} lines, "
                              f"{FUNCTION_MAX} or more")
            elif length > FUNCTION_NOTE:
                yield Finding(path, line, f"{name}() has {length} lines",
                              is_note=True)


BAD = [
    {"a.md": "word\n" * 600},
    {"a.c": "int f(void)\n{\n" + "\tg();\n" * 97 + "}\n"},
    {"a.py": "def f():\n" + "    g()\n" * 99},
    {"a.sh": "f() {\n" + "\tg\n" * 98 + "}\n"},
]
GOOD = {
    "a.md": "word\n" * 599,
    "LICENSES/x": "word\n" * 700,
    "a.c": ("int f(void)\n{\n" + "\tg();\n" * 96 + "}\n") * 2,
    "a.py": "def f():\n" + "    g()\n" * 98,
    "b.py": "def f():\n    g()\n",
    "a.sh": "f() {\n" + "\tg\n" * 97 + "}\n",
}
