# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixtures for two hosts with two ports each in two subnets."""

import pytest

from tests.vm.lab import run
from tests.vm.many import interfaces
from tests.vm.twoports import DEVS, give_v6, wait_carriers


@pytest.fixture
def pair(hosts):
    """Both hosts, all ports with carrier before and after, no children."""
    wait_carriers(*hosts)
    yield hosts
    for host in hosts:
        for dev in interfaces(host) - set(DEVS):
            host.ip("link", "delete", dev)
        for port, dev in enumerate(DEVS):
            host.ip("link", "set", dev, "up")
            give_v6(host, port)
    wait_carriers(*hosts)
    run("ibqueryerrors", "--clear-errors", check=False)
