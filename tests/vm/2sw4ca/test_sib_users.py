# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What a user may do who is root in namespaces of his own, and nobody else
feels.

Switches and cables are netdevs, so he may make them. HCAs are not his, and
there is no way to their QPs from user space.
"""

import glob
import os
import random

import pytest

from tests.vm import inject, lab
from tests.vm.lab import run, wait

GET, SET = 1, 2
PORT_INFO, NODE_INFO, MFT = 0x15, 0x11, 0x1B
DR = 0x81
ARMED, ACTIVE = 3, 4
GROUP = 0xC000

IN_A_NAMESPACE_OF_HIS_OWN = (
    "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
    "unshare", "--user", "--map-root-user", "--net", "--mount")


def as_user(*argv, text=None):
    """Run a command as root of a new user and network namespace."""
    return lab.status(*IN_A_NAMESPACE_OF_HIS_OWN, *argv, text=text)


# --- what he may, and what not

def test_a_user_may_have_a_fabric_of_his_own():
    code, out = as_user("ip", "-batch", "-", text="""
        link add us1 type sibsw
        link add us2 type sibsw
        link add c1 mtu 4230 type veth peer name c2 mtu 4230
        link set c1 master us1
        link set c2 master us2
        link set c1 up
        link set c2 up
        link show us1
        link set c1 nomaster
    """)
    assert code == 0 and "us1" in out, out
    assert not any(os.path.exists(f"/sys/class/net/{n}")
                   for n in ("us1", "us2", "c1", "c2"))


@pytest.mark.parametrize("command", (
    ("rdma", "link", "add", "sib9", "type", "sib", "netdev", "lo"),
    ("rdma", "link", "delete", "sib2"),
    ("rdma", "dev", "set", "sib2", "name", "mine")), ids=" ".join)
def test_hcas_are_not_his(command):
    before = run("rdma", "link")
    code, out = as_user(*command)
    assert code and "Operation not permitted" in out, out
    assert run("rdma", "link") == before


def test_the_parameters_of_the_module_are_not_his():
    before = lab.read("/sys/module/sib/parameters/park_ms")
    code, out = as_user("sh", "-c",
                        "echo 0 >/sys/module/sib/parameters/park_ms")
    assert code and "denied" in out, out
    assert lab.read("/sys/module/sib/parameters/park_ms") == before


def test_cables_of_others_are_out_of_his_reach():
    code, out = as_user("ip", "-batch", "-", text="""
        link add us1 type sibsw
        link set h2-sw1 master us1
    """)
    assert code and "Cannot find device" in out, out


def test_what_he_plugs_in_a_loop_does_not_fill_the_log():
    once = "link set c1 master us1\nlink set c1 nomaster\n" \
        "link set lo master us1\n"
    mark = len(run("dmesg").splitlines())
    code, out = as_user(
        "ip", "-force", "-batch", "-", text="""
        link add us1 type sibsw
        link add c1 mtu 400 type veth peer name c2
        """ + once * 200)
    assert out.count("it is loopback") == 200, (code, out[-2000:])
    said = "\n".join(run("dmesg").splitlines()[mark:])
    assert "it is loopback" not in said
    assert 0 < said.count("c1 is plugged into port 1") < 200
    assert 0 < said.count("c1: an MTU of 400") < 200


def test_qps_are_out_of_everybodys_reach():
    """Verbs of user space would need memory regions, which there are not."""
    lab.status("modprobe", "ib_uverbs")
    assert os.path.exists("/sys/class/infiniband_verbs/abi_version")
    assert not glob.glob("/sys/class/infiniband_verbs/uverbs*")
    assert not glob.glob("/dev/infiniband/uverbs*")
    qps = run("rdma", "resource", "show", "qp")
    assert "link sib1/1 " in qps and " pid " not in qps, qps


# --- a slow cable

class Fabric:
    """Two switches in a namespace, twice connected, and a cable into it."""

    def __init__(self, netns):
        self.netns = netns
        run("ip", "netns", "add", netns)
        run("ip", "-batch", "-", text="""
            link add sw8 type sibsw
            link add i1 mtu 4230 type veth peer name i2 mtu 4230
        """)
        self.cable = inject.Cable("i1", "i2")
        run("ip", "-batch", "-", text=f"""
            link set i2 netns {netns}
            link set i1 master sw8
            link set i1 up
        """)
        run("ip", "-n", netns, "-batch", "-", text="""
            link add ua type sibsw
            link add ub type sibsw
            link add a1 mtu 4230 type veth peer name b1 mtu 4230
            link add a2 mtu 4230 type veth peer name b2 mtu 4230
            link set i2 master ua
            link set a1 master ua
            link set a2 master ua
            link set b1 master ub
            link set b2 master ub
        """ + "".join(f"link set {n} up\n" for n in
                      ("i2", "a1", "a2", "b1", "b2")))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.cable.socket.close()
        run("ip", "link", "delete", "i1")
        run("ip", "link", "delete", "sw8")
        run("ip", "netns", "delete", self.netns)

    def ask(self, method, attribute, modifier=0, data=b""):
        """Ask ua by directed route; the data of the answer, or None."""
        mad = inject.smp(method, attribute, modifier, data=data, klass=DR,
                         hop_ptr=1, hop_cnt=1, path=b"\0\1",
                         tid=random.getrandbits(60))
        frame = self.cable.ask(inject.smp_packet(0xFFFF, 0xFFFF, mad),
                               lambda f: f.payload[8:16] == mad[8:16], 1)
        if not frame:
            self.cable.learn()
        return frame and frame.payload[64:128]

    def port(self, number, state):
        """Bring a port of ua to a state; True once it is there."""
        info = self.ask(GET, PORT_INFO, number)
        if not info:
            return False
        if info[32] & 15 == state:
            return True
        info = bytearray(info)
        info[32] = info[32] & 0xF0 | state
        info[33] &= 0x0F
        self.ask(SET, PORT_INFO, number, bytes(info))
        return False

    def bring_up(self):
        """Ports 1 to 3 of ua are Active, 2 and 3 are where the group is."""
        for number in (1, 2, 3):
            for state in (ARMED, ACTIVE):
                wait(lambda n=number, s=state: self.port(n, s), 20,
                     f"port {number} does not get to state {state}")
        assert self.ask(SET, MFT, 0, b"\0\x0c".ljust(64, b"\0"))

    def multicast(self, count):
        """Send so many multicasts to ua."""
        grh = {"sgid": bytes(16), "dgid": b"\xff\x12".ljust(16, b"\0")}
        self.cable.send(inject.ud(GROUP, 1, 0xFFFFFF, bytes(64), grh=grh),
                        count)

    def deferred(self):
        """How many multicasts ua has put off."""
        out = run("ip", "netns", "exec", self.netns, "ethtool", "-S", "ua")
        return int(out.split("mcast_deferred:")[1].split()[0])


def test_a_slow_cable_of_his_holds_up_his_own_multicasts_only(hosts):
    """384 copies may be under way in a namespace; here they come to rest."""
    h1, h2 = hosts[:2]
    with Fabric("user1") as fabric:
        fabric.bring_up()
        run("tc", "-n", "user1", "qdisc", "add", "dev", "a1", "root", "tbf",
            "rate", "80bit", "burst", "2000", "limit", "10000000")
        fabric.multicast(600)
        wait(lambda: fabric.deferred() >= 100, 10,
             "the bound of the namespace is not reached")
        before = lab.switch_stats("sw1")["mcast_deferred"]
        for _ in range(5):
            h1.ip("neigh", "flush", "dev", "ib0")
            assert h1.ping(h2.v4) == 0
        assert lab.switch_stats("sw1")["mcast_deferred"] == before
