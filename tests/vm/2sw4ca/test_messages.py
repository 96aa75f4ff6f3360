# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Lines of the log that monitoring looks for, of those that a healthy fabric
can be made to cause. Others are beside what they are about: refused joins and
an invalid P_Key in test_carrier, long packets in test_wire, umcast in
test_sysfs.
"""

import contextlib

import pytest

from tests.sm.mad import PortInfo
from tests.sm.smp import SmpClient
from tests.sm.umad import Umad
from tests.vm.lab import wait
from tests.vm.tracing import Drops

# The code of a path MTU.
MTU_256 = 1
SEND_FAILED = (r"^ib0: failed send event "
               r"\(status=1, wrid=\d+ vend_err 0x[0-9a-f]+\)$")


@contextlib.contextmanager
def small_packets(host):
    """The neighbour of a host's port takes packets of 256 octets only, and
    its HCA sends no longer ones."""
    with Umad(host.hca) as umad:
        smps = SmpClient(umad, 1000, 3)
        info = smps.get(PortInfo, (), 1)
        usual = info.neighbor_mtu

        def set_mtu(code):
            # Nothing else is to change.
            info.port_state = info.port_phys_state = 0
            info.link_down_default = info.link_width_enabled = 0
            info.link_speed_enabled = 0
            info.neighbor_mtu = code
            smps.set(info, (), 1)
        set_mtu(MTU_256)
        try:
            yield
        finally:
            set_mtu(usual)


def test_a_child_whose_pkey_the_port_has_not_got(h1, log):
    h1.ip("link", "add", "link", "ib0", "name", "child", "type", "ipoib",
          "pkey", "0x8123")
    try:
        h1.ip("link", "set", "child", "up")
        line = log.wait("^child: P_Key 0x8123 is not found$")
        assert line in log.lines("", "-l", "warn")
        assert not h1.carrier("child")
    finally:
        h1.ip("link", "delete", "child")


def test_a_send_that_fails(h1, h2, log):
    """It is logged and counted, and those after it go."""
    h1.reach(h2)
    before = h1.link()["stats64"]["tx"]["errors"]
    with small_packets(h1):
        h1.ping(h2.v4, 1, 500, limit=1)
        line = log.wait(SEND_FAILED)
        assert line in log.lines("", "-l", "warn")
    wait(lambda: not h1.ping(h2.v4, limit=1), 20, "it does not recover")
    errors = h1.link()["stats64"]["tx"]["errors"] - before
    assert errors == h1.ethtool_stats()["tx_errors"] - before == \
        int(h1.sysfs("statistics/tx_errors")) - before == \
        len(log.lines(SEND_FAILED)) > 0


@pytest.mark.ours
def test_a_send_that_fails_is_a_drop(h1, h2):
    h1.reach(h2)
    before = h1.ethtool_stats()
    with Drops() as drops:
        with small_packets(h1):
            h1.ping(h2.v4, 1, 500, limit=1)
            wait(lambda: h1.ethtool_stats()["tx_errors"] >
                 before["tx_errors"], 5, "nothing fails")
        wait(lambda: not h1.ping(h2.v4, limit=1), 20, "it does not recover")
        after = h1.ethtool_stats()
        lost = sum(after[c] - before[c] for c in ("tx_errors", "tx_dropped"))
        assert drops.reasons() == ["DEV_READY"] * lost
