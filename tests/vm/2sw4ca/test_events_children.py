# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What happens in the fabric, under traffic on a parent and on children of
both kinds: SM, cable, LIDs, P_Keys.
"""

import contextlib
import signal
import time

import pytest

from tests.vm import lab
from tests.vm.iftools import write_errno
from tests.vm.lab import run, wait
from tests.vm.many import interfaces
from tests.vm.partitions import CONF, EVERYBODY, GUID, OPTIONS, partition
from tests.vm.pinger import (BACK_WITHIN, Pinger, outage_after, port_active,
                             wait_members)
from tests.vm.standby import standby

pytestmark = pytest.mark.ours

# Names of the children, by their partition: of create_child and of rtnetlink.
CHILDREN = {1: "ib0.8001", 2: "two"}


def conf(*partitions):
    """partitions.conf: h1 and h4 in some, in this order."""
    return EVERYBODY + "".join(partition(n, 1, 4) for n in partitions)


def child_v4(host, partition):
    """The address of a host's child."""
    return f"10.9.{partition}.{host.number}"


@pytest.fixture(scope="module")
def ends(opensm):
    """h1 and h4, each with a child in the partitions 1 and 2."""
    both = lab.hosts()[0], lab.hosts()[3]
    lab.write(CONF, conf(1, 2))
    opensm.stop()
    opensm.start(*OPTIONS)
    for host in both:
        assert write_errno(host, "create_child", "0x8001\n") == 7
        host.ip("link", "add", "link", "ib0", "name", "two", "type", "ipoib",
                "pkey", "0x8002")
        for number, dev in CHILDREN.items():
            host.ip("address", "add", f"{child_v4(host, number)}/24", "dev",
                    dev)
            host.ip("link", "set", dev, "up")
    yield both
    for host in both:
        assert write_errno(host, "delete_child", "0x8001\n") == 7
        host.ip("link", "delete", "two")
        wait(lambda h=host: not interfaces(h) & set(CHILDREN.values()), 20,
             f"children of {host} stay")
    opensm.stop()
    opensm.start()


def targets(host):
    """All addresses of a host, by the names of the interfaces."""
    return {"ib0": host.v4} | {dev: child_v4(host, number)
                               for number, dev in CHILDREN.items()}


def answering(ends):
    """Until all interfaces of h4 answer."""
    h1, h4 = ends
    for dev, target in targets(h4).items():
        wait(lambda t=target: not h1.ping(t, limit=1), 20,
             f"{dev} of h4 is not back")


@pytest.fixture(autouse=True)
def warm(ends):
    """All interfaces reach each other; what the test breaks counts no more."""
    answering(ends)
    yield
    run("ibqueryerrors", "--clear-errors", check=False)


@contextlib.contextmanager
def pingers(ends):
    """One for each interface of h4, by name."""
    h1, h4 = ends
    with contextlib.ExitStack() as stack:
        yield {dev: stack.enter_context(Pinger(h1, target, f"-{dev}"))
               for dev, target in targets(h4).items()}


def lost(found):
    """What each of them has lost, when they have ended."""
    return {dev: pinger.lost for dev, pinger in found.items()}


def test_sm_restart_loses_nothing(ends, opensm):
    with pingers(ends) as found:
        opensm.stop(signal.SIGKILL)
        opensm.start(*OPTIONS)
        wait_members()
    assert not any(lost(found).values()), lost(found)


def test_sm_failover_loses_nothing(ends, hosts, opensm):
    with standby(hosts[1], opensm, *OPTIONS) as second, pingers(ends) as found:
        second.take_over()
        wait_members()
    assert not any(lost(found).values()), lost(found)


def test_a_pulled_cable(ends):
    h4 = ends[1]
    with pingers(ends) as found:
        run("ip", "link", "set", "sw2-h4", "down")
        for dev in found:
            wait(lambda d=dev: not h4.carrier(d), 5,
                 f"{dev} keeps its carrier")
        run("ip", "link", "set", "sw2-h4", "up")
        wait(lambda: port_active(h4.hca), 20, "the SM does not act")
        done = time.time()
        answering(ends)
    for pinger in found.values():
        assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW


def test_another_lid_of_the_peer(ends, opensm):
    h4 = ends[1]
    with pingers(ends) as found:
        opensm.stop()
        with open("/var/cache/opensm/guid2lid", "w", encoding="ascii") as file:
            for host in lab.hosts():
                lid = 45 if host.number == h4.number else lab.lid(host.hca)
                file.write(f"{GUID.format(host.number)} {lid:#06x} "
                           f"{lid:#06x}\n\n")
        opensm.start("-x", *OPTIONS)
        done = time.time()
        assert lab.lid(h4.hca) == 45
        answering(ends)
    for pinger in found.values():
        assert outage_after(pinger, done) < BACK_WITHIN * lab.SLOW


def pkey_table(host):
    """The P_Keys of a host's port, by index."""
    table = f"/sys/class/infiniband/{host.hca}/ports/1/pkeys"
    return [int(lab.read(f"{table}/{i}"), 16) for i in range(8)]


def restart(opensm, *partitions):
    """OpenSM begins anew with other partitions; where the P_Keys are then."""
    lab.write(CONF, conf(*partitions))
    opensm.stop()
    opensm.start(*OPTIONS)
    return [pkey_table(lab.hosts()[i]) for i in (0, 3)]


def test_p_keys_are_shuffled(ends, opensm):
    """One goes, another takes its place in the table, and it comes back in a
    third: nobody else loses anything."""
    h1, h4 = ends
    tables = [[pkey_table(host) for host in ends]]
    with pingers(ends) as found:
        tables.append(restart(opensm, 2))
        for host in ends:
            wait(lambda h=host: not h.carrier("ib0.8001"), 20,
                 f"the child of {host} keeps its carrier")
        tables.append(restart(opensm, 3, 2))
        wait(lambda: 0x8003 in pkey_table(h4), 20, "no other P_Key")
        tables.append(restart(opensm, 3, 2, 1))
        wait(lambda: 0x8001 in pkey_table(h1) and 0x8001 in pkey_table(h4), 20,
             "the P_Key does not come back")
        done = time.time()
        answering(ends)
    for first, last in zip(tables[0], tables[-1]):
        assert first.index(0x8001) != last.index(0x8001), tables
        assert first.index(0x8002) == last.index(0x8002), tables
    assert lost(found)["ib0"] == lost(found)["two"] == 0, lost(found)
    assert outage_after(found["ib0.8001"], done) < BACK_WITHIN * lab.SLOW
