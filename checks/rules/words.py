# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""No words that mean something on one machine or one day only.

Home and other absolute paths of a person, the name of this host, markers of
conflicts, code that is switched off, TODO without an issue.
"""

import re
import socket

from checks.tree import Finding

WORDS = {
    "a path of one machine": re.compile(
        r"(?<![\w.$}])/(home|Users|work)/\w|/tmp/w/|~/\w+/\w"),
    "a path outside of the repository": re.compile(r"\.\./shared\b"),
    "a marker of a conflict": re.compile(r"^(<{7}|>{7}|={7}$)"),
    "code that is switched off": re.compile(r"^\s*#\s*if\s+0\b"),
    "to be done, without an issue": re.compile(
        r"\b(TODO|FIXME|XXX)\b(?!.*#\d)"),
}
# Names that many machines and many texts have.
COMMON_HOSTS = {"localhost", "debian", "linux", "lab", "vm", "host", "build"}


def _host_name(host):
    host = host.split(".")[0]
    if len(host) < 3 or host.lower() in COMMON_HOSTS:
        return None
    return re.compile(rf"\b{re.escape(host)}\b", re.I)


def findings(tree, host=None):
    """Lines with such words."""
    name = _host_name(host or socket.gethostname())
    for path in tree.ours():
        if path == "checks/rules/words.py":
            continue
        for number, line in tree.lines(path):
            for why, words in WORDS.items():
                match = words.search(line)
                if match:
                    yield Finding(path, number, f"{why}: {match.group()}")
            if name and name.search(line):
                yield Finding(path, number, "the name of this host")


BAD = [
    {"a.md": "see /home/user/x\n"},
    {"a.sh": "cd /work/main\n"},
    {"a.sh": "cd ~/src/linux\n"},
    {"a.md": "see ../shared/design.md\n"},
    {"a.c": "<<<<<<< ours\n"},
    {"a.c": "#if 0\n"},
    {"a.c": "/* TODO: later */\n"},
]
GOOD = {
    "a.sh": 'mkdir "$tmp/work/data" "${HOME:-/root}" out/work/x\n',
    "a.md": "A title\n========\n",
    "a.c": "/* TODO: #12 */\n",
}
