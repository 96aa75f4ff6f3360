# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""All rules, by name, and the proof that each of them can fail.

A rule is a module of checks/rules with

    a docstring     whose first line says what is demanded
    findings(tree)  yields a Finding for each violation, or note
    BAD             trees that violate it: path -> text, one violation each
    GOOD            a tree that does not, as close to BAD as can be
    NOTES           if it has notes: what they are, in the plural
"""

import importlib
import pkgutil

from checks import rules, tree


def name(rule):
    """The name of a rule."""
    return rule.__name__.rsplit(".", 1)[-1]


def load():
    """Name -> module of each rule."""
    names = sorted(m.name for m in pkgutil.iter_modules(rules.__path__))
    return {n: importlib.import_module(f"checks.rules.{n}") for n in names}


def _problems(rule, files):
    return [str(f) for f in rule.findings(tree.Tree(files)) if not f.is_note]


def self_test(book):
    """Yield a line for each example that a rule judges wrongly."""
    for rule_name, rule in book.items():
        if not rule.BAD:
            yield f"{rule_name}: no example of what it refuses"
        for files in rule.BAD:
            found = _problems(rule, files)
            if len(found) != 1:
                yield (f"{rule_name}: {len(found)} problems, not 1, in "
                       f"{files!r}: {found}")
        for problem in _problems(rule, rule.GOOD):
            yield f"{rule_name}: refuses what is good: {problem}"
