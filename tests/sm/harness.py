# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests in the guest need around the SM: the right fabric, hosts that
have joined, and a proof that nothing is left behind.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from typing import NamedTuple

from tests.sm.groups import BROADCAST
from tests.sm.layout import GidLike
from tests.sm.sa import ScriptedSA
from tests.sm.sarecords import JoinState
from tests.sm.subnet import Subnet
from tests.vm import lab

IPV6_MTU_MIN = 1280


class Managed(NamedTuple):
    """A subnet, its SA, and the hosts on it."""

    subnet: Subnet
    sa: ScriptedSA
    hosts: list[lab.Host]

    def lid(self, host: lab.Host) -> int:
        """The LID that the SM has given a host."""
        return self.subnet.port(host.hca).lid

    def wait_joined(self, *hosts: lab.Host, mgid: GidLike = BROADCAST,
                    limit: float = 20) -> None:
        """Until hosts (all) are full members of a group and have carrier."""
        for host in hosts or self.hosts:
            lab.wait(lambda h=host: JoinState.FULL in self.sa.members(
                mgid).get(self.lid(h), JoinState(0)), limit,
                f"{host} is no full member of {mgid}")
            lab.wait(host.carrier, limit, f"{host} has no carrier")

    def wait_settled(self, *hosts: lab.Host, limit: float = 20) -> None:
        """Until hosts (all) have joined every group that they listen to."""
        for host in hosts or self.hosts:
            lab.wait(lambda h=host: self._is_settled(h), limit,
                     f"{host} goes on joining")

    def _is_settled(self, host: lab.Host) -> bool:
        groups = re.findall(r"GID: (\S+)\n(?:.*\n){2} +complete: +(\w+)\n"
                            r" +send_only: +no", lab.debugfs(host, "mcg"))
        return len(groups) > 1 and all(
            complete == "yes" and self.lid(host) in self.sa.members(mgid)
            for mgid, complete in groups)


def restart_link(*hosts: lab.Host) -> None:
    """Take ib0 down and up: all groups and paths are new afterwards.

    The kernel takes the IPv6 address away with the link; the host gets it
    back.
    """
    for host in hosts:
        down_and_up(host)
        give_ipv6(host)


def down_and_up(host: lab.Host) -> None:
    """The same, for who cares for the IPv6 address himself.

    An interface whose MTU is about to fall below 1280 cannot have one.
    """
    host.ip("link", "set", "ib0", "down")
    host.ip("link", "set", "ib0", "up")


def give_ipv6(host: lab.Host) -> None:
    """Give a host the IPv6 address that the lab gave it, if IPv6 has ib0."""
    if int(host.link()["mtu"]) >= IPV6_MTU_MIN:
        host.ip("address", "replace", f"{host.v6}/64", "dev", "ib0", "nodad")


def replug(host: lab.Host, cable_mtu: int) -> None:
    """Remove a host's HCA, and add it again on a cable of another MTU."""
    lab.run("rdma", "link", "delete", host.hca, timeout=60)
    for end in (f"{host}-sw1", f"sw1-{host}"):
        lab.run("ip", "link", "set", end, "mtu", cable_mtu)
    lab.run("rdma", "link", "add", host.hca, "type", "sib", "netdev",
            f"{host}-sw1")
    lab.run("ip", "link", "set", lab.interface_of(host.hca), "netns",
            host.name, "name", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "ib0")
    host.ip("link", "set", "ib0", "up")
    give_ipv6(host)


def require_topology(name: str) -> list[lab.Host]:
    """The hosts, if the fabric is the one of lab/topologies/NAME.

    RuntimeError, with the command to use, if it is another one.
    """
    here = os.environ.get("LAB_TOPOLOGY", "no lab at all")
    if here != name:
        raise RuntimeError(f"these tests need the topology {name}, this is "
                           f"{here}: lab/run --topology {name} -- ...")
    return lab.hosts()


@contextlib.contextmanager
def managed(hosts: list[lab.Host], *, bring_up: bool = True, sa_options=None,
            **subnet_options) -> Iterator[Managed]:
    """SM and SA on the first host, up to the joining of all hosts.

    Without ``bring_up`` the fabric is not touched yet. Afterwards nothing of
    them must be left; see nothing_left().
    """
    with (nothing_left(),
          Subnet(hosts[0].hca, **subnet_options) as subnet,
          ScriptedSA(subnet, **(sa_options or {})) as sa):
        run = Managed(subnet, sa, hosts)
        if bring_up:
            subnet.bring_up()
            run.wait_joined()
        yield run


def open_devices() -> list[str]:
    """Files of /dev/infiniband that this process has open."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            path = os.readlink(f"/proc/self/fd/{number}")
            if path.startswith(("/dev/infiniband", "anon_inode:[eventfd]")):
                found.append(path)
    return sorted(found)


@contextlib.contextmanager
def nothing_left() -> Iterator[None]:
    """What runs inside must leave no thread and no open umad behind."""
    before = set(threading.enumerate()), open_devices()
    yield
    after = set(threading.enumerate()), open_devices()
    assert after[0] <= before[0], f"threads left: {after[0] - before[0]}"
    assert after[1] == before[1], f"devices left open: {after[1]}"
