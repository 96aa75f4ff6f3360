# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Hosts of the second guest, as lab.Host is one of this guest.

What they do goes through lab/guest/agent, so a command costs a few milliseconds
more than here, and works with the commands of that guest alone.
"""

import json
import re

from lab.lib import remote
from tests.vm import lab


def run(*argv, check=True, timeout=300, text=None):
    """Run a command in the second guest, as lab.run() does here."""
    code, out = status(*argv, text=text, timeout=timeout)
    assert not check or code == 0, \
        f"{' '.join(map(str, argv))}: exit {code} in the second guest\n{out}"
    return out


def status(*argv, text=None, timeout=60):
    """Run one; its exit status and what it said."""
    with remote.Process(argv, text or "") as child:
        out, _ = child.communicate(timeout * lab.SLOW)
        return child.returncode, out


class FarHost(lab.Host):
    """A host of the second guest."""
    far = True

    def run(self, *argv, **options):
        return run("ip", "netns", "exec", self.name, *argv, **options)

    def status(self, *argv):
        return status("ip", "netns", "exec", self.name, *argv)

    def popen(self, *argv):
        return remote.Process(["ip", "netns", "exec", self.name, *argv], "")

    def ip(self, *argv):
        return run("ip", "-n", self.name, *argv)

    def link(self, dev="ib0"):
        return json.loads(run("ip", "-n", self.name, "-j", "-d", "-s", "link",
                              "show", "dev", dev))[0]

    def carrier(self, dev="ib0"):
        return "LOWER_UP" in status("ip", "-n", self.name, "-o", "link",
                                    "show", "dev", dev)[1]

    def hca_counters(self, port=1):
        words = run("rdma", "statistic", "show", "link",
                    f"{self.hca}/{port}").split()[2:]
        return dict(zip(words[::2], map(int, words[1::2])))


def hosts():
    """The hosts of the second guest."""
    names = re.findall(r"^h(\d+)", run("ip", "netns", "list"), re.M)
    return [FarHost(n) for n in sorted(map(int, names))]


def kernel_log():
    """What its kernel has said."""
    return run("dmesg").splitlines()


def driver():
    """Whose ib_ipoib it has: a word of lab/run."""
    return run("sh", "-c", "echo $LAB_DRIVER").strip()
