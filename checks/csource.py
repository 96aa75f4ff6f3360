# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What rules want to know of a C file, by the kernel's layout.

No parser: a definition starts in column 0 and its body stands between a { and
a } in column 0, as checkpatch makes sure of.
"""

import dataclasses
import re

_TOKEN = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|"
                    r"'(?:\\.|[^'\\\n])*'", re.S)


def _blank(match):
    text = match.group()
    inner = re.sub(r"[^\n]", " ", text)
    return text[0] + inner[1:-1] + text[-1] if text[0] in "\"'" else inner


def bare(text):
    """The text with comments and strings blank; lines stay where they are."""
    return _TOKEN.sub(_blank, text)


def without_comments(text):
    """The text with comments blank; strings stay."""
    return _TOKEN.sub(lambda m: m.group() if m.group()[0] in "\"'"
                      else _blank(m), text)


@dataclasses.dataclass(frozen=True)
class Function:
    """A definition: its name, where it stands, its lines from the first of
    the declaration to the closing brace."""

    name: str
    line: int
    length: int
    is_static: bool


def _head(lines, brace):
    start = brace
    while start and lines[start - 1].strip() and \
            not lines[start - 1].startswith(("#", "}")) and \
            not lines[start - 1].rstrip().endswith((";", "\\")):
        start -= 1
    return start


def functions(text):
    """Yield the functions that a file defines."""
    lines = bare(text).split("\n")
    for brace, line in enumerate(lines):
        if line.rstrip() != "{":
            continue
        start = _head(lines, brace)
        head = " ".join(lines[start:brace])
        name = re.search(r"(\w+)\s*\(", re.sub(r"__\w+\s*\([^()]*\)", "",
                                               head))
        if not name:
            continue
        end = lines.index("}", brace) if "}" in lines[brace:] else brace
        yield Function(name.group(1), start + 1, end - start + 1,
                       bool(re.search(r"\bstatic\b", head)))


def variables(text):
    """Yield line, declaration of each variable defined at file scope."""
    code = bare(text)
    code = re.sub(r"^#(?:.*\\\n)*.*$", _blank, code, flags=re.M)
    depth, start, position = 0, 0, 0
    for position, char in enumerate(code):
        if char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0 and code[position + 1:position + 2] in ("", "\n"):
                start = position + 1
        elif char == ";" and depth == 0:
            yield from _variable(code, start, position)
            start = position + 1


def _variable(code, start, end):
    text = code[start:end].strip()
    before = text.split("{")[0]
    head = before.split("=")[0].strip()
    if not head or "static_assert" in head or \
            re.match(r"(typedef|extern|struct \w+$|union \w+$|enum\b)",
                     head) and "=" not in before:
        return
    if re.search(r"\)\s*(__\w+\s*(\([^()]*\))?\s*)*$", head) and \
            "=" not in before and "(*" not in head.replace(" ", ""):
        return
    line = code.count("\n", 0, start + len(code[start:end]) -
                      len(code[start:end].lstrip())) + 1
    yield line, head + (" =" if "=" in before else "")
