# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a kernel offers is probed at build time, never told by its version."""

import re

from checks.tree import Finding

VERSION = re.compile(r"\b(LINUX_VERSION_\w+|KERNEL_VERSION|RHEL_RELEASE_\w+|"
                     r"RHEL_MAJOR|SUBLEVEL|UTS_RELEASE)\b")


def findings(tree):
    """Comparisons with a version, or what one would be made of."""
    for path in tree.ours("*.c", "*.h", "*Kbuild", "compat/*", "*Makefile"):
        for number, line in tree.lines(path):
            match = VERSION.search(line)
            if match:
                yield Finding(path, number, f"{match.group()}: probe for the "
                              "interface instead, see compat/probe.sh")


BAD = [
    {"ipoib/a.c": "#if LINUX_VERSION_CODE >= 1\n"},
    {"Kbuild": "ifeq ($(SUBLEVEL),1)\n"},
    {"compat/probe.sh": "[ RHEL_MAJOR = 8 ]\n"},
]
GOOD = {"ipoib/a.c": "#ifdef COMPAT_UBUF_OPS\n", "Kbuild": "obj-m := a.o\n"}
