# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A small scripted subnet manager and subnet administration, for tests.

It runs in the guest over the kernel's umad interface and needs nothing but
the standard library. It is correct unless told otherwise; a test tells it
otherwise:

    from tests.sm import BROADCAST, ScriptedSA, Subnet, refuse

    with Subnet("sib1") as subnet, ScriptedSA(subnet) as sa:
        with sa.rule(refuse(0x0200), attr="MCMemberRecord", method="Set",
                     mgid=BROADCAST, times=1):
            subnet.bring_up()
            first, second = sa.wait_for_many(2, attr="MCMemberRecord",
                                            mgid=BROADCAST, lid=2)
        assert first.status == 0x0200 and second.status == 0

The modules, from the bottom up:

* ``layout``    tables of bit fields, and the bytes that they stand for
* ``mad``       MAD headers and the attributes of subnet management
* ``sarecords`` the attributes of subnet administration
* ``umad``      /dev/infiniband/umadN: agents, addresses, a receiver thread
* ``fabric``    what an SM has discovered: nodes, ports and links
* ``routing``   pure: forwarding tables and multicast trees
* ``smp``       one SMP at a time, and discovery by directed routes
* ``subnet``    the subnet manager
* ``groups``    pure: multicast groups and their members
* ``rules``     pure: what a test wants answered otherwise, and the log
* ``sa``        the subnet administration
"""

from tests.sm.groups import BROADCAST, ipoib_mgid
from tests.sm.rules import alter, delay, drop, refuse
from tests.sm.sa import ScriptedSA
from tests.sm.subnet import Subnet

__all__ = ["BROADCAST", "ScriptedSA", "Subnet", "alter", "delay", "drop",
           "ipoib_mgid", "refuse"]
