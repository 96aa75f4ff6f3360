# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A second subnet manager, which stands by."""

import contextlib
import os
import signal

from tests.vm import lab
from tests.vm.lab import wait


class Standby(lab.OpenSM):
    """The one on another host, beside the lab's."""

    def __init__(self, host, first, options):
        super().__init__(host)
        self.first, self.options = first, options
        self.log = "/run/lab/opensm-standby.log"
        self.begin = self.size()
        self.child = host.popen("opensm", "-g", lab.port_guid(host.hca), "-F",
                                lab.OPENSM_CONF, "-f", self.log, "-p", "0",
                                *options)

    def wait_standby(self):
        """Until it knows that it is the second."""
        wait(lambda: "Entering STANDBY state" in self.since(self.begin), 20,
             "the second SM does not stand by")

    def take_over(self):
        """The first is killed; returns when the second has the subnet up."""
        mark = self.size()
        for pid in self.pids():
            if pid != self.child.pid:
                os.kill(pid, signal.SIGKILL)
        wait(lambda: "Entering MASTER state" in self.since(mark), 60,
             "the second SM does not take over")
        self.wait_up(mark)

    def end(self):
        """The first is master again."""
        lab.stop(self.child)
        wait(lambda: not self.pids(), 20, "an SM is left")
        self.first.start(*self.options)


@contextlib.contextmanager
def standby(host, first, *options):
    """A second SM on a host, and in the end the first alone, begun anew."""
    second = Standby(host, first, options)
    try:
        second.wait_standby()
        yield second
    finally:
        second.end()
