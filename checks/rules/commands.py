# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The commands of each section of the documentation are run somewhere.

tests/commands names a file for each section of README.md, CONTRIBUTING.md and
docs/ that shows commands, or says why nothing can run them. A file of tests that
types what a page shows takes it from there, so it names the page.
"""

from checks.tree import Finding
from tests.pages import sections

TABLE = "tests/commands"


def _rows(tree):
    for number, line in tree.lines(TABLE):
        if line.strip() and not line.startswith("#"):
            yield number, [field.strip() for field in line.split("|", 2)]


def _shown(tree):
    pages = [*tree.ours("README.md"), *tree.ours("CONTRIBUTING.md"),
             *(p for p in tree.ours("*.md")
               if p.startswith("docs/") and p.count("/") == 1)]
    return {(page, heading): line for page in pages
            for heading, line, _ in reversed([*sections(tree.text(page))])}


def _wrong(tree, page, where):
    if where.startswith("not: "):
        return
    for path in where.split("; "):
        if not tree.exists(path):
            yield f"no file {path}"
        elif path.endswith(".py") and page not in tree.text(path):
            yield f"{path} does not name {page}"


def findings(tree):
    """Sections without a row, rows without a section or a file."""
    if not tree.exists(TABLE):
        return
    shown, seen = _shown(tree), set()
    for number, fields in _rows(tree):
        if len(fields) != 3:
            yield Finding(TABLE, number, "not PAGE | HEADING | WHERE")
            continue
        page, heading, where = fields
        seen.add((page, heading))
        if (page, heading) not in shown:
            yield Finding(TABLE, number, f"{page} shows no commands below "
                                         f"'{heading}'")
        for what in _wrong(tree, page, where):
            yield Finding(TABLE, number, what)
    for (page, heading), line in shown.items():
        if (page, heading) not in seen:
            yield Finding(page, line, f"nothing runs what is below "
                                      f"'{heading}', says {TABLE}")


_DOC = "docs" "/c.md"
_PAGE = "# A\n\n    make a\n"
BAD = [
    {TABLE: "", "README.md": _PAGE},
    {TABLE: "README.md | A | tests/run", "README.md": _PAGE},
    {TABLE: "README.md | A | tests/b.py", "README.md": _PAGE,
     "tests/b.py": "PAGE = None\n"},
    {TABLE: "README.md | B | not: no", "README.md": "# B\nWords.\n"},
    {TABLE: "README.md | A\n", "README.md": "# A\n"},
]
GOOD = {TABLE: "# a comment\nREADME.md | A | tests/b.py; tests/run\n"
               f"{_DOC} | C d | not: because\n",
        "README.md": _PAGE, "tests/b.py": "PAGE = \"README.md\"\n",
        "tests/run": "#!/bin/sh\n",
        _DOC: "# C d\n\n```sh\nmake c\n```\n",
        f"{_DOC[:-5]}/fsm/e": "# E\n\n    f\n"}
