# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""ethtool on a parent, and operations on virtual functions."""

import re

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.tracing import TRACEFS, Trace


def settings(host, dev="ib0"):
    """ethtool without options, as a dictionary."""
    return dict(re.findall(r"^\s+([^:\n]+): +(.*?)\s*$",
                           host.run("ethtool", dev), re.M))


def test_who_it_is(hosts):
    for host in hosts:
        out = dict(re.findall(r"^([\w-]+): (.*)$", host.run(
            "ethtool", "-i", "ib0"), re.M))
        assert out["driver"] == "ib_ipoib"
        assert out["version"] == run("uname", "-r").strip()
        assert out["firmware-version"] == lab.read(
            f"/sys/class/infiniband/{host.hca}/fw_ver")
        assert out["bus-info"] == host.hca


def test_settings_with_carrier(h1):
    found = settings(h1)
    # 4 lanes at 10 Gb/s, QDR.
    assert found["Speed"] == "40000Mb/s" and found["Duplex"] == "Full"
    assert found["Port"] == "Other" and found["PHYAD"] == "255"
    assert found["Auto-negotiation"] == "on"
    assert found["Link detected"] == "yes"
    assert found["Supported link modes"] == "Not reported"
    assert found["Advertised link modes"] == "Not reported"
    assert h1.sysfs("speed") == "40000" and h1.sysfs("duplex") == "full"


def test_the_speed_is_that_of_the_link_as_it_was_trained(h1, h2):
    """SDR, DDR and QDR, each with the four lanes that a port here has."""
    lid = re.search(r'"sw1" .*? lid (\d+) ', run("ibswitches"))[1]
    for enabled, speed in ((1, 10000), (3, 20000), (7, 40000)):
        for what in (("speed", enabled), ("reset",)):
            run("ibportstate", "-C", "sib1", lid, 2, *what)
        wait(lambda s=speed: h2.carrier() and settings(h2)["Speed"] ==
             f"{s}Mb/s", 30, f"not {speed} Mb/s")
        assert h2.sysfs("speed") == str(speed)
    h1.reach(h2)
    run("ibqueryerrors", "--clear-errors", check=False)


def test_settings_without_carrier(spare, here):
    name = spare(plugged=False).add()
    run("ip", "link", "set", name, "up")
    found = settings(here, name)
    assert found["Speed"] == "Unknown!" and "Unknown" in found["Duplex"]
    assert found["Link detected"] == "no"
    assert found["PHYAD"] == "0" and found["Auto-negotiation"] == "off"
    assert lab.read(f"/sys/class/net/{name}/speed") == "-1"


def coalescing(host):
    """rx-usecs and rx-frames."""
    out = host.run("ethtool", "-c", "ib0")
    return tuple(int(re.search(rf"^{n}: (\d+)$", out, re.M)[1])
                 for n in ("rx-usecs", "rx-frames"))


@pytest.fixture
def usual_coalescing(h1):
    yield
    h1.run("ethtool", "-C", "ib0", "rx-usecs", 0, "rx-frames", 0,
           "adaptive-rx", "off", check=False)


def test_coalescing_is_off_at_first(h1):
    assert coalescing(h1) == (0, 0)
    out = h1.run("ethtool", "-c", "ib0")
    assert re.findall(r"^([\w-]+): \d+$", out, re.M) == \
        ["rx-usecs", "rx-frames"]


def test_coalescing_is_set_and_traffic_goes_on(h1, h2, usual_coalescing):
    for usecs, frames in ((0, 1), (65535, 65535), (16, 8)):
        h1.run("ethtool", "-C", "ib0", "rx-usecs", usecs, "rx-frames", frames)
        assert coalescing(h1) == (usecs, frames)
    assert h1.ping(h2.v4, 20) == 0


def test_other_coalescing_is_refused(h1, usual_coalescing):
    h1.run("ethtool", "-C", "ib0", "rx-usecs", 5, "rx-frames", 6)
    for name, value in (("rx-usecs", 65536), ("rx-frames", 65536),
                        ("tx-usecs", 1), ("tx-frames", 1),
                        ("rx-usecs-irq", 1), ("sample-interval", 1)):
        assert h1.status("ethtool", "-C", "ib0", name, value)[0], name
        assert coalescing(h1) == (5, 6)


def test_coalescing_survives_down_and_up(h2, usual_coalescing, h1):
    h1.run("ethtool", "-C", "ib0", "rx-usecs", 7, "rx-frames", 9)
    h1.ip("link", "set", "ib0", "down")
    assert coalescing(h1) == (7, 9)
    h1.ip("link", "set", "ib0", "up")
    wait(h1.carrier, 20, "no carrier")
    h1.ip("address", "replace", f"{h1.v6}/64", "dev", "ib0", "nodad")
    assert coalescing(h1) == (7, 9)


def test_coalescing_on_an_hca_that_cannot(spare, here):
    """Not supported by the HCA counts as success."""
    lab.write("/sys/module/sib/parameters/cq_moderation", "N")
    try:
        name = spare().add()
        run("ethtool", "-C", name, "rx-usecs", 3, "rx-frames", 4)
        assert "rx-usecs: 3\nrx-frames: 4\n" in run("ethtool", "-c", name)
    finally:
        lab.write("/sys/module/sib/parameters/cq_moderation", "Y")


PROBES = f"{TRACEFS}/kprobe_events"


@pytest.fixture
def moderation():
    """What the HCAs are told: pairs of completions and microseconds."""
    lab.write(PROBES, "p:moderation sib_modify_cq count=%si:u16 "
                      "period=%dx:u16\n")
    with Trace("kprobes/moderation") as trace:
        yield lambda: [
            tuple(map(int, re.findall(r"(?:count|period)=(\d+)", text)))
            for text in trace.lines("moderation")]
    # To open it is to clear it.
    lab.write(PROBES, "")


def adapts(host):
    out = host.run("ethtool", "-c", "ib0")
    return re.search(r"^Adaptive RX: (\w+)", out, re.M)[1]


def test_moderation_follows_what_comes(h1, h2, moderation, usual_coalescing):
    h2.reach(h1)
    assert adapts(h1) == "off"
    h1.run("ethtool", "-C", "ib0", "rx-usecs", 3, "rx-frames", 4,
           "adaptive-rx", "on")
    assert adapts(h1) == "on"
    assert moderation()[-1] == (4, 3)
    assert coalescing(h1) == (3, 4)

    def adapted():
        assert h2.ping(h1.v4, 300, options=("-A",)) == 0
        return [pair for pair in moderation() if pair != (4, 3)]

    assert wait(adapted, 30, "nothing was found out")
    # Off again is what was set before.
    h1.run("ethtool", "-C", "ib0", "adaptive-rx", "off")
    assert adapts(h1) == "off"
    assert moderation()[-1] == (4, 3)
    before = len(moderation())
    assert h2.ping(h1.v4, 300, options=("-A",)) == 0
    assert len(moderation()) == before


def test_adapting_survives_down_and_up_and_ends_with_the_interface(spare,
                                                                   here):
    name = spare().add()
    run("ip", "link", "set", name, "up")
    run("ethtool", "-C", name, "adaptive-rx", "on")
    for state in "down", "up":
        run("ip", "link", "set", name, state)
        assert "Adaptive RX: on" in run("ethtool", "-c", name)
    run("rdma", "link", "delete", "sib9")


def test_an_hca_that_cannot_moderate_does_not_adapt(spare, here):
    lab.write("/sys/module/sib/parameters/cq_moderation", "N")
    try:
        name = spare().add()
        code, out = here.status("ethtool", "-C", name, "adaptive-rx", "on")
        assert code and "this HCA does not moderate" in out
        assert "Adaptive RX: off" in run("ethtool", "-c", name)
    finally:
        lab.write("/sys/module/sib/parameters/cq_moderation", "Y")


def test_what_there_is_not(h1):
    for option in ("-x", "-n", "-a", "-m"):
        code, out = h1.status("ethtool", option, "ib0")
        assert code and ("not supported" in out or
                         "Cannot get" in out), (option, out)


def test_an_hca_without_virtual_functions_has_none(h1):
    guid = "00:11:22:33:44:55:66:77"
    for what in (("node_guid", guid), ("port_guid", guid),
                 ("state", "enable")):
        code, out = h1.status("ip", "link", "set", "ib0", "vf", 0, *what)
        assert code and "not supported" in out, what
    assert "vf 0" not in h1.run("ip", "link", "show", "ib0")
