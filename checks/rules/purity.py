# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""core/ takes bytes and scalars and returns a verdict, and knows no kernel.

It must build in userspace: it includes only headers that tests/include has,
and neither allocates, locks, logs, sleeps nor reads a clock. It has no state:
what stands at file scope is const.
"""

import re

from checks import csource
from checks.tree import Finding

HEADERS = re.compile(
    r"<linux/(bits|build_bug|compiler|errno|math|minmax|stddef|string|types|"
    r"unaligned)\.h>|<asm/byteorder\.h>|\"(ipoib|sib)/core/\w+\.h\"|"
    r"\"compat/unaligned\.h\"")

FORBIDDEN = {
    "allocates": r"k[mzvc]\w*alloc\w*|kv?free\w*|vmalloc|alloc_\w+",
    "locks": r"(raw_)?spin_(un)?lock\w*|mutex_\w+|rcu_\w+|(down|up)_"
             r"(read|write|trylock|killable|interruptible)|"
             r"\w*seq(lock|count)\w*|atomic\w*_\w+|refcount_\w+|"
             r"smp_(mb|rmb|wmb|store_\w+|load_\w+)",
    "logs": r"printk\w*|pr_\w+|netdev_(dbg|info|warn|err)|dev_\w+|trace_\w+|"
            r"(WARN|BUG)(_ON\w*)?|dump_stack",
    "sleeps": r"[mu]?sleep\w*|schedule\w*|wait_\w+|udelay|mdelay|cond_resched",
    "reads a clock": r"jiffies\w*|ktime_\w+|get_random_\w+|get_cycles|"
                     r"local_clock",
    "knows the kernel's objects": r"sk_buff|net_device|current|per_cpu\w*|"
                                  r"this_cpu_\w+|container_of_const",
}
_WORDS = {why: re.compile(rf"\b({words})\b")
          for why, words in FORBIDDEN.items()}


def _includes(tree, path):
    for number, line in tree.lines(path):
        match = re.match(r"\s*#\s*include\s*(\S+)", line)
        if match and not HEADERS.fullmatch(match.group(1)):
            yield Finding(path, number, f"core/ includes {match.group(1)}")


def findings(tree):
    """Whatever in core/ could not run anywhere, at any time."""
    for path in tree.paths("*/core/*.[ch]"):
        yield from _includes(tree, path)
        text = csource.bare(tree.text(path))
        for number, line in enumerate(text.splitlines(), 1):
            if line.lstrip().startswith("#"):
                continue
            for why, words in _WORDS.items():
                match = words.search(line)
                if match:
                    yield Finding(path, number,
                                  f"core/ {why}: {match.group()}")
        for number, variable in csource.variables(tree.text(path)):
            if not re.search(r"\bconst\b", variable):
                yield Finding(path, number, f"core/ has state: {variable}")
        for number, line in enumerate(text.splitlines(), 1):
            if re.match(r"\s+static (?!const\b).*[;=]", line):
                yield Finding(path, number, "core/ has state in a function")


BAD = [
    {"sib/core/a.c": "#include <linux/slab.h>\n"},
    {"sib/core/a.c": '#include "sib/verbs/qp.h"\n'},
    {"sib/core/a.h": "static inline void f(void)\n{\n\tkfree(p);\n}\n"},
    {"ipoib/core/a.c": "int f(void)\n{\n\tspin_lock(&l);\n}\n"},
    {"ipoib/core/a.c": 'int f(void)\n{\n\tpr_debug("x");\n}\n'},
    {"ipoib/core/a.c": "int f(void)\n{\n\treturn now < jiffies;\n}\n"},
    {"ipoib/core/a.c": "u64 f(void)\n{\n\treturn ktime_get_ns();\n}\n"},
    {"ipoib/core/a.c": "int f(struct sk_buff *s)\n{\n\treturn 0;\n}\n"},
    {"ipoib/core/a.c": "static int calls;\n"},
    {"ipoib/core/a.c": "int f(void)\n{\n\tstatic int n;\n\n\treturn n;\n}\n"},
]
GOOD = {
    "ipoib/core/a.c": "#include <linux/types.h>\n"
                      '#include "ipoib/core/a.h"\n'
                      "/* No kfree(), no jiffies. */\n"
                      "static const u8 table[] = { 1 };\n"
                      "int f(void)\n{\n"
                      "\tstatic const char * const name[] = { \"x\" };\n"
                      "\treturn now;\n}\n",
    "ipoib/a.c": "#include <linux/slab.h>\nint f(void)\n{\n\tkfree(p);\n}\n",
}
