# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Fixtures for the interface contract on this topology."""

import pytest

from tests.vm import iftools, lab
from tests.vm.connmode import calm_down, forget, set_mode, set_uc
from tests.vm.lab import run, wait
from tests.vm.partitions import CONF, EVERYBODY, OPTIONS, partition
from tests.vm.queues import Queues


@pytest.fixture
def pkeys():
    """A function that sets the first entries of a host's P_Key table; what
    was there comes back."""
    changed = []

    def set_pkeys(host, *values):
        changed.append(host)
        iftools.TablePort(host.hca).set_pkeys(*values)
    yield set_pkeys
    for host in changed:
        iftools.TablePort(host.hca).set_pkeys(0xffff)


@pytest.fixture
def spare(hosts):
    """A function that makes one more HCA; it is removed again."""
    made = []

    def make(**options):
        made.append(iftools.Spare(**options))
        return made[-1]
    yield make
    for one in made:
        one.close()
    run("ibqueryerrors", "--clear-errors", check=False)


@pytest.fixture
def here():
    """The initial namespace as if it were a host."""
    return iftools.Here()


@pytest.fixture
def log():
    """What the kernel says during the test."""
    return iftools.Log()


@pytest.fixture
def calm(hosts):
    """All in datagram mode, without connections, before and after."""
    yield hosts
    calm_down(hosts)


@pytest.fixture
def partitions(opensm):
    """A function that restarts OpenSM with other partitions; the usual ones
    come back."""
    changed = []

    def restart(text):
        lab.write(CONF, text)
        changed.append(text)
        opensm.stop()
        opensm.start(*OPTIONS)
    yield restart
    if changed:
        opensm.stop()
        opensm.start()


@pytest.fixture
def q1(hosts):
    """Of h1; they are afterwards as they were."""
    queues = Queues(hosts[0])
    yield queues
    queues.usual()


@pytest.fixture
def q4(hosts):
    """Of h4, likewise."""
    queues = Queues(hosts[3])
    yield queues
    queues.usual()


@pytest.fixture
def child(h1):
    """A child of h1's, up, on the parent's own partition."""
    h1.ip("link", "add", "link", "ib0", "name", "kid", "type", "ipoib")
    h1.ip("link", "set", "kid", "up")
    wait(lambda: h1.carrier("kid"), 20, "the child has no carrier")
    yield Queues(h1, "kid")
    h1.ip("link", "delete", "kid")


@pytest.fixture(scope="module")
def two_partitions(opensm):
    """h1 and h4 are in the partitions 1 and 2, too."""
    lab.write(CONF, EVERYBODY + partition(1, 1, 4) + partition(2, 1, 4))
    opensm.stop()
    opensm.start(*OPTIONS)
    yield
    opensm.stop()
    opensm.start()


@pytest.fixture(params=("RC", "UC"))
def connected(request, calm):
    """All in connected mode, of either transport."""
    for host in calm:
        set_mode(host, "connected")
        set_uc(host, request.param == "UC")
    forget(*calm)
    return calm


def losses(hosts):
    """All that has been lost anywhere, by place."""
    found = {}
    for host in hosts:
        found[host.name] = host.drops()
        found[host.hca] = {k: v for k, v in host.hca_counters().items()
                           if v and k in ("rx_no_wqe", "rx_no_memory",
                                          "rx_too_long", "tx_no_memory",
                                          "tx_cable_refused",
                                          "rx_port_state")}
    for switch in ("sw1", "sw2"):
        found[switch] = {k: v for k, v in lab.switch_stats(switch).items()
                         if v and k != "mcast_deferred"}
    return found


@pytest.fixture
def nothing_lost(hosts):
    """The counters of before are those of after."""
    before = losses(hosts)
    yield
    assert losses(hosts) == before
