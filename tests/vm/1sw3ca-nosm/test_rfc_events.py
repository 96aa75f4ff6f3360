# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What an interface does about events: every group and path anew.

RFC 4391 section 9.1.2 and what deployed nodes do. Numbers of rows are those of
the conformance table.

    lab/run --topology 1sw3ca-nosm -- tests/vm/run tests/vm/1sw3ca-nosm/test_rfc_events.py
"""

import time

import pytest

from tests.sm import BROADCAST, drop, ipoib_mgid
from tests.sm.harness import managed
from tests.vm.lab import wait
from tests.vm.netns import Member, send, send_until_heard

GROUP, OTHER = "239.1.2.3", "239.1.2.4"

EVENTS = {
    "reregister": lambda sm, host: sm.subnet.reregister(host.hca),
    "another LID": lambda sm, host: sm.subnet.set_lid(host.hca, 77,
                                                      reregister=False),
    "another prefix": lambda sm, host: sm.subnet.set_prefix(
        0xfec0000000000001),
    "port down and up": lambda sm, host: sm.subnet.bounce(host.hca),
}


def memberships(sm, host):
    """The MGIDs of all groups that a host has joined."""
    return {group.mgid for group in sm.sa.groups
            if sm.lid(host) in sm.sa.members(group.mgid)}


def joined_since(sm, host, since):
    """The MGIDs of the joins that a host was granted after a time."""
    return {asked.record.mgid for asked in sm.sa.requests(
        lambda asked: asked.status == 0, since=since, lid=sm.lid(host),
        attr="MCMemberRecord", method="Set")}


def asked_for_path(sm, host, peer, since):
    """Has a host asked about a peer?"""
    return sm.sa.requests(attr="PathRecord", lid=sm.lid(host),
                          dgid=sm.subnet.port(peer.hca).gid, since=since)


@pytest.mark.parametrize("event", EVENTS)
def test_all_groups_and_paths_are_new_after(sm, event):
    """Row 139."""
    _, h2, h3 = sm.hosts
    h2.reach(h3)
    with Member(h2, GROUP) as member:
        send(h2, OTHER, b"x")
        wanted = {BROADCAST, ipoib_mgid(GROUP), ipoib_mgid(OTHER),
                  ipoib_mgid("224.0.0.1"), ipoib_mgid("ff02::1")}
        wait(lambda: memberships(sm, h2) >= wanted, 20, "h2 does not join")
        since = time.monotonic()
        EVENTS[event](sm, h2)

        def all_joined():
            # What is only sent to is joined when there is something to send.
            send(h2, OTHER, b"x")
            return joined_since(sm, h2, since) >= wanted

        wait(all_joined, 20, "h2 does not join again")
        sm.wait_joined()

        def path_is_new():
            h2.ping(h3.v4, limit=1)
            return asked_for_path(sm, h2, h3, since)

        wait(path_is_new, 20, "the old path is used for ever")
        h2.reach(h3, 20)
        h3.reach(h2, 20)
        send_until_heard(h3, GROUP, member, b"still here")


def test_sm_on_another_host(sm_hosts):
    """Row 139: a new SM and SA, which know nobody."""
    h1, h2, h3 = sm_hosts
    with managed(sm_hosts):
        h2.reach(h3)
    with managed([h3, h1, h2]) as sm:
        since = time.monotonic()
        assert sm.lid(h3) == 1
        for one, other in ((h2, h3), (h1, h2), (h3, h1)):
            one.reach(other, 20)
        with Member(h2, GROUP) as member:
            send_until_heard(h3, GROUP, member, b"hello")
        assert not sm.sa.requests(lambda asked: asked.status, since=since,
                                  attr="PathRecord")


@pytest.mark.ours
def test_change_of_the_sm_alone_disturbs_nothing(sm):
    """Row 139: nothing that was learnt from the old SM is wrong.

    A new one asks its clients to register again.
    """
    _, h2, h3 = sm.hosts
    h2.reach(h3)
    mine = memberships(sm, h2)
    changes = h2.sysfs("carrier_changes")
    sm.subnet.set_port_info(h2.hca, master_sm_sl=1)
    assert h2.ping(h3.v4, 100) == 0
    assert h2.sysfs("carrier_changes") == changes
    assert memberships(sm, h2) == mine


def test_old_paths_are_used_while_they_are_asked_for_again(sm):
    """Rows 50, 139: an SA that does not answer is not felt by known peers."""
    _, h2, h3 = sm.hosts
    h2.reach(h3)
    since = time.monotonic()
    with sm.sa.rule(drop(), attr="PathRecord", lid=sm.lid(h2)) as rule:
        sm.subnet.reregister(h2.hca)

        def refreshing():
            assert h2.ping(h3.v4, 10) == 0
            return rule.hits

        wait(refreshing, 20, "the path is not asked for")
        assert h2.ping(h3.v4, 100) == 0
    wait(lambda: h2.ping(h3.v4) == 0 and [
        asked for asked in asked_for_path(sm, h2, h3, since)
        if asked.status == 0], 20, "the path is not refreshed")


def test_groups_are_used_while_they_are_joined_again(sm):
    """Rows 81, 139: the switches forward by what they were told last."""
    _, h2, h3 = sm.hosts
    with Member(h2, GROUP) as member:
        send_until_heard(h3, GROUP, member, b"before")
        since = time.monotonic()
        with sm.sa.rule(drop(), attr="MCMemberRecord", method="Set") as rule:
            sm.subnet.reregister(h2.hca, h3.hca)
            wait(lambda: rule.hits >= 2, 20, "nothing is joined again")
            send_until_heard(h3, GROUP, member, b"between", 2)
            assert h2.carrier() and h3.carrier()
        wait(lambda: ipoib_mgid(GROUP) in joined_since(sm, h2, since), 40,
             "h2 does not join again")
        send_until_heard(h3, GROUP, member, b"after")
