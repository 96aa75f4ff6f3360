# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The manual pages name what the code has, and nothing that it has not.

Module parameters, sysfs attributes, debugfs files, counters, private flags and
tracepoints of ipoib/ and sib/ each have an entry in the section of that name in
docs/man/ib_ipoib.4 and docs/man/sib.4. An entry is a .TP or .TQ and, in the
next line, .B NAME; an INTERFACE before the name of a file does not count. What
a number stands for in a name (%u) is N in the page.
"""

import re

from checks import csource
from checks.tree import Finding

PAGES = {"ipoib/": "docs/man/ib_ipoib.4", "sib/": "docs/man/sib.4"}

# Section of the page: what in the code makes an entry necessary.
CALLS = {
    "MODULE PARAMETERS": r"^module_param(?:_\w+)?\(\s*(\w+)",
    "SYSFS ATTRIBUTES": r"\bDEVICE_ATTR(?:_RO|_RW|_WO)?\(\s*(\w+)",
    "DEBUGFS FILES": r"\b(?:debugfs_)?create(?:_file|_u32|_bool)?"
                     r"\(\s*\w+,\s*\"(\w+)\"",
    "COUNTERS": r"\bethtool_sprintf\(\s*&?\w+,\s*\"(\w[^\"]*)\"",
    "TRACEPOINTS": r"^(?:TRACE_EVENT(?:_CONDITION)?\(|"
                   r"DEFINE_EVENT(?:_\w+)?\(\s*\w+,)\s*(\w+)",
}
# Tables of names at file scope, by the name of the table.
TABLES = {"PRIVATE FLAGS": re.compile(r"\w*priv\w*\[[^\]]*\]"),
          "COUNTERS": re.compile(r"\w*(?:names|strings)\[[^\]]*\]")}
TABLE = re.compile(r"^(?:static )?const char[^;{]*?(\w+\[[^\]]*\](?:\[[^\]]*\])?)"
                   r"\s*=\s*\{(.*?)^\};", re.M | re.S)


def _line(text, position):
    return text.count("\n", 0, position) + 1


def _plain(name):
    return re.sub(r"%[lhz]*[udxs]", "N", name)


def _tables(text):
    for match in TABLE.finditer(text):
        for section, pattern in TABLES.items():
            if pattern.match(match.group(1)):
                for name in re.finditer(r"\"([^\"]+)\"", match.group(2)):
                    yield (section, _plain(name.group(1)),
                           _line(text, match.start(2) + name.start()))
                break


def in_code(text):
    """Yield section, name, line of all that a C file has."""
    text = csource.without_comments(text)
    for section, pattern in CALLS.items():
        for match in re.finditer(pattern, text, re.M):
            yield section, _plain(match.group(1)), _line(text, match.start(1))
    yield from _tables(text)


def in_page(text):
    """Yield section, name, line of all entries of a page."""
    section, is_entry = None, False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(".SH"):
            section = line[3:].strip().strip('"')
        elif is_entry and section in {*CALLS, *TABLES}:
            words = re.sub(r"^\.\w+|\"|\\f.|\bINTERFACE\b", " ", line).split()
            if words:
                yield section, words[0].split("=")[0], number
        is_entry = line in (".TP", ".TQ")


def _compare(tree, directory, page):
    code, entries = {}, {}
    for path in tree.paths(f"{directory}*.[ch]"):
        for section, name, number in in_code(tree.text(path)):
            code.setdefault((section, name), (path, number))
    for section, name, number in in_page(tree.text(page)):
        entries[section, name] = number
    for (section, name), (path, number) in code.items():
        if (section, name) not in entries:
            yield Finding(path, number, f"{page} says nothing of '{name}': add "
                          f"'.TP', '.B {name}' and a line on it to its "
                          f"section {section}")
    for (section, name), number in entries.items():
        if (section, name) not in code:
            yield Finding(page, number, f"{section}: nothing in {directory} is "
                          f"called '{name}'")


def findings(tree):
    """What is in one and not in the other."""
    for directory, page in PAGES.items():
        if tree.exists(page):
            yield from _compare(tree, directory, page)
        elif any(tree.paths(f"{directory}*.[ch]")):
            yield Finding(page, 1, "this page is missing")


_PAGE = (".SH MODULE PARAMETERS\n.TP\n.B depth\nOf a queue.\n"
         ".SH SYSFS ATTRIBUTES\n.TP\n.B mode\nConnected.\n"
         ".SH DEBUGFS FILES\n.TP\n.IB INTERFACE _mcg\nGroups.\n"
         ".SH COUNTERS\n.TP\n.B rx_drop\n.TQ\n.B tx_drop\nLost.\n"
         ".TP\n.B qN_stops\nStops.\n"
         ".SH TRACEPOINTS\n.TP\n.B ipoib_tx\nA packet.\n"
         ".SH PRIVATE FLAGS\n.TP\n.B fast\nNo.\n")
_CODE = ("/* module_param(no, int, 0); */\nmodule_param(depth, int, 0444);\n"
         "static DEVICE_ATTR_RW(mode);\n"
         "\treturn create(ipd, \"_mcg\", &fops);\n"
         "static const char * const names[] = {\n\t\"rx_drop\",\n"
         "\t[1] = \"tx_drop\",\n};\n"
         "\tethtool_sprintf(&data, \"%s\", names[i]);\n"
         "\tethtool_sprintf(&data, \"q%u_stops\", i);\n"
         "TRACE_EVENT(ipoib_tx,\n"
         "static const char priv_flag_names[][32] = {\n\t\"fast\",\n};\n")

GOOD = {"ipoib/a.c": _CODE, "docs/man/ib_ipoib.4": _PAGE}
BAD = [
    {"ipoib/a.c": "int a;\n"},
    {"ipoib/a.c": _CODE,
     "docs/man/ib_ipoib.4": _PAGE.replace(".B depth", ".B width", 1)
                                 .replace(".SH MODULE PARAMETERS",
                                          ".SH OTHER")},
    {"ipoib/a.c": _CODE + "module_param_named(b, a, int, 0);\n",
     "docs/man/ib_ipoib.4": _PAGE},
    {"ipoib/a.c": _CODE + "DEFINE_EVENT(ipoib_class, ipoib_rx,\n",
     "docs/man/ib_ipoib.4": _PAGE},
    {"ipoib/a.c": _CODE.replace("tx_drop", "rx_drop"),
     "docs/man/ib_ipoib.4": _PAGE},
    {"ipoib/a.c": _CODE.replace("\"fast\"", "\"fast\", \"odd\""),
     "docs/man/ib_ipoib.4": _PAGE},
    {"sib/a.c": "static DEVICE_ATTR(a, 0444, b, c);\n",
     "docs/man/sib.4": ".SH SYSFS ATTRIBUTES\n"},
]
