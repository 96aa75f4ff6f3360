# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""No trailing white space, one newline at the end, comments as in the kernel.

C files are ASCII and have no // but in their first line, Python no tabs.
"""

import re

from checks.tree import Finding


def _c(tree, path):
    text = tree.text(path)
    strings_only = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ",
                                                         m.group()),
                          text, flags=re.S)
    for number, line in enumerate(strings_only.splitlines(), 1):
        if number > 1 and "//" in re.sub(r'"(\\.|[^"\\])*"', '""', line):
            yield Finding(path, number, "a comment with //")
    for number, line in tree.lines(path):
        if not line.isascii():
            yield Finding(path, number, "not ASCII")


def findings(tree):
    """What an editor should have shown."""
    for path in tree.ours():
        text = tree.text(path)
        for number, line in enumerate(text.split("\n"), 1):
            if line != line.rstrip():
                yield Finding(path, number, "white space at the end")
            if path.endswith(".py") and "\t" in line:
                yield Finding(path, number, "a tab")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            yield Finding(path, text.count("\n"),
                          "the file does not end with one newline")
    for path in tree.ours("*.c", "*.h"):
        yield from _c(tree, path)


BAD = [
    {"a.md": "word \n"},
    {"a.sh": "word\r\n"},
    {"a.c": "int a;"},
    {"a.c": "int a;\n\n"},
    {"a.c": "// SPDX\nint a; // of mine\n"},
    {"a.c": 'char *a = "\u00e4";\n'},
    {"a.py": "if a:\n\tb()\n"},
]
GOOD = {
    "a.c": '// SPDX\nchar *a = "https://example.org/";\n/* https:// */\n',
    "a.md": "\u00e4\n",
    "empty": "",
}
