# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""HCAs and switches as an administrator makes, refuses and looks at them.

"rdma link" carries no text, so the kernel's log says why; "ip link" says it
itself.
"""

import os
import re

import pytest

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.mend import interface_of, mend

PARAMETERS = "/sys/module/sib/parameters"


def ip_batch(text):
    run("ip", "-batch", "-", text=text)


def veth(name, number):
    """A cable, NAME1 to NAME2; its first MAC address ends in the number."""
    return f"link add {name}1 mtu 4230 address 02:5c:00:00:00:0{number} " \
        f"type veth peer name {name}2 mtu 4230 " \
        f"address 02:5c:00:00:00:0{number + 1}\n"


def log():
    return run("dmesg").splitlines()


@pytest.fixture(scope="module", autouse=True)
def stage(all_hosts):
    """Netdevs to try things on; at the end all is as it was."""
    lab.status("modprobe", "dummy", "numdummies=0")
    before = run("rdma", "link"), run("ip", "-br", "link")
    ip_batch(veth("a", 1) + veth("b", 3) + """
        link add small mtu 389 type dummy
        link add bridged type dummy
        link add br0 type bridge
        link set bridged master br0
        link add sw9 address 02:5c:00:00:00:09 type sibsw
        link set sw9 up
    """)
    yield
    ip_batch("""
        link delete a1
        link delete b1
        link delete small
        link delete bridged
        link delete br0
        link delete sw9
    """)
    mend()
    assert run("rdma", "link") == before[0]
    assert [l.split()[0] for l in run("ip", "-br", "link").splitlines()] == \
        [l.split()[0] for l in before[1].splitlines()]
    for host in all_hosts[1:]:
        all_hosts[0].reach(host)


@pytest.fixture
def hca():
    """sib9 on a1, which is plugged into sw9."""
    ip_batch("link set a2 master sw9\nlink set a1 up\nlink set a2 up")
    run("rdma", "link", "add", "sib9", "type", "sib", "netdev", "a1")
    yield "sib9"
    lab.status("rdma", "link", "delete", "sib9")
    ip_batch("link set a2 nomaster")


def add(name, netdev, prefix=()):
    """rdma link add; exit status, what it said, what the kernel logged."""
    mark = len(log())
    code, out = lab.status(*prefix, "rdma", "link", "add", name, "type", "sib",
                           "netdev", netdev)
    return code, out.strip(), log()[mark:]


# --- rdma link add

IN_USE = "{} cannot be a cable: it is in use already"
REFUSALS = {
    "lo": ("Invalid argument", "{} cannot be a cable: it is loopback"),
    "h2-sw1": ("Device or resource busy", IN_USE),
    "sw1-h2": ("Device or resource busy", IN_USE),
    "bridged": ("Device or resource busy", IN_USE),
    "sw9": ("Invalid argument", "{} cannot be a cable: it is not like "
            "Ethernet"),
    "small": ("Invalid argument", "{} cannot be a cable: its MTU is below "
              "390, which an IB MTU of 256 needs"),
}


@pytest.mark.parametrize("netdev", REFUSALS)
def test_what_cannot_be_a_cable_is_refused(netdev):
    errno, why = REFUSALS[netdev]
    before = run("rdma", "dev")
    code, out, logged = add("sib9", netdev)
    assert code and errno in out, out
    assert len([l for l in logged if why.format(netdev) in l]) == 1, logged
    assert run("rdma", "dev") == before
    assert not os.path.exists("/sys/bus/sib/devices/sib9")


def test_a_name_in_use_is_refused():
    code, out, logged = add("sib1", "b1")
    assert code and "File exists" in out
    assert [l.split("] ", 1)[1] for l in logged] == \
        ["sib: sib1 cannot be added: the name is in use"]


@pytest.mark.parametrize("netdev, errno", (("nosuch", "No such device"),
                                           ("ib0", "No such device")))
def test_a_netdev_that_is_not_there_is_refused(netdev, errno):
    """An interface of another namespace is not there, either."""
    code, out, _ = add("sib9", netdev)
    assert code and errno in out


def test_without_a_netdev_nothing_is_made():
    before = run("rdma", "dev")
    lab.status("rdma", "link", "add", "sib9", "type", "sib")
    assert run("rdma", "dev") == before


UNPRIVILEGED = ("setpriv", "--reuid", "65534", "--clear-groups",
                "--inh-caps=-all", "--bounding-set=-all")


def test_without_privilege_nothing_is_made_and_nothing_is_lost():
    code, out, _ = add("sib9", "b1", UNPRIVILEGED)
    assert code and "Operation not permitted" in out
    for command in (("rdma", "link", "delete", "sib2"),
                    ("ip", "link", "add", "sw8", "type", "sibsw"),
                    ("ip", "link", "set", "b1", "master", "sw9"),
                    ("ip", "link", "delete", "sw9")):
        code, out = lab.status(*UNPRIVILEGED, *command)
        assert code and "Operation not permitted" in out, out
    assert os.path.exists("/sys/class/infiniband/sib2")


def test_the_smallest_cable_that_will_do():
    run("ip", "link", "set", "small", "mtu", 390)
    try:
        code, out, logged = add("sib9", "small")
        assert code == 0, out
        assert any("small: an MTU of 390 carries an IB MTU of 256" in l
                   for l in logged), logged
    finally:
        lab.status("rdma", "link", "delete", "sib9")
        run("ip", "link", "set", "small", "mtu", 389)


def test_a_link_that_is_not_there_cannot_be_deleted():
    code, out = lab.status("rdma", "link", "delete", "nosuch")
    assert code and "nosuch" in out
    code, out = lab.status("ip", "link", "delete", "nosuch")
    assert code and "nosuch" in out


def test_adding_and_deleting_leaves_nothing(hca):
    run("rdma", "link", "delete", hca)
    assert hca not in run("rdma", "dev") + run("rdma", "resource", "show")
    assert not os.path.exists("/sys/devices/sib/sib9")
    # The netdev is free for others.
    run("ip", "link", "set", "a1", "master", "br0")
    run("ip", "link", "set", "a1", "nomaster")


def test_a_renamed_hca_leaves_its_name_to_another(hca):
    """Each keeps a place of its own in the device tree."""
    run("rdma", "dev", "set", hca, "name", "other9")
    try:
        code, out, logged = add("sib9", "b1")
        assert code == 0, out
        assert not any("Call Trace" in l for l in logged), logged
        places = {os.path.realpath(f"/sys/class/infiniband/{name}/device")
                  for name in ("sib9", "other9")}
        assert places == {"/sys/devices/sib/sib9", "/sys/devices/sib/sib9.1"}
    finally:
        run("rdma", "link", "delete", "other9")
        lab.status("rdma", "link", "delete", "sib9")


# --- ip link

SWITCH_REFUSALS = {
    "lo": "it is loopback",
    "sw1": "it is not like Ethernet",
    "small": "its MTU is below 390, which an IB MTU of 256 needs",
    "h2-sw1": "it is in use already",
}


@pytest.mark.parametrize("netdev", SWITCH_REFUSALS)
def test_what_cannot_be_plugged_in_is_refused(netdev):
    code, out = lab.status("ip", "link", "set", netdev, "master", "sw9")
    assert code and out.strip() == f"Error: {SWITCH_REFUSALS[netdev]}."


def test_a_cable_moves_from_one_switch_to_another():
    ip_batch("link add sw8 type sibsw\nlink set b1 master sw9\n"
             "link set b1 master sw8")
    assert os.readlink("/sys/class/net/b1/master").endswith("/sw8")
    ip_batch("link set b1 nomaster\nlink delete sw8")


def test_a_full_switch_says_so():
    """It has 36 ports, and never another number: OpenSM relies on it."""
    names = [f"full{n}" for n in range(37)]
    ip_batch("link add sw8 type sibsw\n" + "\n".join(
        f"link add {n} mtu 4230 type dummy" for n in names))
    try:
        ip_batch("\n".join(f"link set {n} master sw8" for n in names[:36]))
        code, out = lab.status("ip", "link", "set", names[36], "master", "sw8")
        assert code and out.strip().endswith(
            "all ports of the switch are in use."), out
        # The lowest free port is taken, as one would by hand.
        mark = len(log())
        ip_batch(f"link set {names[6]} nomaster\n"
                 f"link set {names[36]} master sw8")
        assert any("full36 is plugged into port 7" in l for l in log()[mark:])
    finally:
        ip_batch("link delete sw8\n" +
                 "\n".join(f"link delete {n}" for n in names))


@pytest.mark.parametrize("address", ("01:00:5e:00:00:01", "00:00:00:00:00:00",
                                     "ff:ff:ff:ff:ff:ff"))
def test_a_switch_needs_an_address_to_make_its_guid_of(address):
    code, out = lab.status("ip", "link", "add", "sw8", "address", address,
                           "type", "sibsw")
    assert code and "not a unicast MAC address, of which the GUID is made" \
        in out, out
    assert not os.path.exists("/sys/class/net/sw8")


def test_a_switch_as_ip_and_ethtool_show_it():
    out = run("ip", "-d", "link", "show", "sw9")
    assert "sibsw" in out and "02:5c:00:00:00:09" in out
    assert "driver: sibsw" in run("ethtool", "-i", "sw9")
    assert set(lab.switch_stats("sw9").values()) == {0}


# --- parameters

def test_modinfo_tells_what_there_is():
    out = run("modinfo", "sib")
    assert re.search(r"^license:\s+Dual BSD/GPL$", out, re.M)
    assert re.search(r"^description:\s+Soft-InfiniBand", out, re.M)
    assert "alias:          rdma-link-sib" in out
    assert "alias:          rtnl-link-sibsw" in out
    told = set(re.findall(r"^parm:\s+(\w+):", out, re.M))
    assert told == set(os.listdir(PARAMETERS))
    assert told >= {"send_sge", "recv_sge", "inline_data", "port2", "dma",
                    "crc", "block_loopback", "cq_moderation", "park_ms"}


@pytest.fixture
def parameters():
    """A function that sets parameters; they are reset at the end."""
    before = {p: lab.read(f"{PARAMETERS}/{p}") for p in os.listdir(PARAMETERS)}

    def change(**values):
        for name, value in values.items():
            lab.write(f"{PARAMETERS}/{name}", str(value))
    yield change
    change(**{k: v for k, v in before.items() if k != "port2"})


POOR = {"send_sge": 2, "recv_sge": 1, "inline_data": 0, "cq_moderation": "N",
        "block_loopback": "N"}
RICH = {"send_sge": 64, "recv_sge": 64, "inline_data": 512,
        "cq_moderation": "Y", "block_loopback": "Y"}


@pytest.mark.parametrize("what", (POOR, RICH, {"dma": "Y"}, {"dma": "N"}),
                         ids=("poor", "rich", "dma", "no dma"))
def test_an_hca_of_any_kind_carries_all_sizes(hosts, parameters, what):
    """Capabilities are sampled when a device is added: h4's is made anew."""
    h1, h4 = hosts[0], hosts[3]
    run("rdma", "link", "delete", "sib4", timeout=60)
    parameters(**what)
    mend()
    h1.reach(h4, 20)
    for size in (0, 63, 64, 65, 511, 513, 2044, 65000):
        assert h1.ping(h4.v4, 5, size) == 0, size


@pytest.mark.parametrize("name, value", (("send_sge", "none"), ("dma", "2"),
                                         ("port2", "x" * 40)))
def test_nonsense_is_not_taken_for_a_parameter(name, value):
    before = lab.read(f"{PARAMETERS}/{name}")
    with pytest.raises(OSError):
        lab.write(f"{PARAMETERS}/{name}", value)
    assert lab.read(f"{PARAMETERS}/{name}") == before


# --- two ports

@pytest.fixture
def two_ports(parameters):
    """sib9 with two ports, on a1 and b1."""
    parameters(port2="b1")
    ip_batch("link set a2 master sw9\nlink set b2 master sw9\n" + "\n".join(
        f"link set {n} up" for n in ("a1", "a2", "b1", "b2")))
    run("rdma", "link", "add", "sib9", "type", "sib", "netdev", "a1")
    yield "sib9"
    lab.status("rdma", "link", "delete", "sib9")
    ip_batch("link set a2 nomaster\nlink set b2 nomaster")


def port_file(hca, port, name):
    return lab.read(f"/sys/class/infiniband/{hca}/ports/{port}/{name}")


def test_an_hca_with_two_ports(two_ports):
    out = run("rdma", "link")
    for port, netdev in ((1, "a1"), (2, "b1")):
        assert re.search(rf"link sib9/{port} .*netdev {netdev}", out), out
        wait(lambda p=port: "INIT" in port_file("sib9", p, "state"), 5,
             "the link is not trained")
    gids = [port_file("sib9", p, "gids/0") for p in (1, 2)]
    assert [g[20:] for g in gids] == ["005c:00ff:fe00:0001",
                                      "005c:00ff:fe00:0003"]
    assert lab.read("/sys/class/infiniband/sib9/node_guid") == \
        "005c:00ff:fe00:0001"
    names = [interface_of("sib9", p) for p in (0, 1)]
    assert len(set(names)) == 2
    for port, name in enumerate(names):
        assert lab.read(f"/sys/class/net/{name}/dev_port") == str(port)
        assert lab.read(f"/sys/class/net/{name}/dev_id") == f"{hex(port)}"


def test_the_second_port_is_for_one_device_only(two_ports):
    assert lab.read(f"{PARAMETERS}/port2") == ""


def test_a_second_port_that_goes_leaves_the_first(two_ports):
    run("ip", "link", "delete", "b1")
    try:
        assert "sib9" in run("rdma", "dev")
        assert "DOWN" in port_file("sib9", 2, "state")
        wait(lambda: "INIT" in port_file("sib9", 1, "state"), 5,
             "the first port suffers")
        assert "netdev b1" not in run("rdma", "link")
    finally:
        ip_batch(veth("b", 3))


@pytest.mark.parametrize("port2, errno, why", (
    ("nosuch", "No such device", "no netdev nosuch for its second port"),
    ("sw1-h2", "Device or resource busy", "sw1-h2 cannot be a cable: it is in "
     "use already"),
    ("a1", "Device or resource busy", "a1 cannot be a cable: it is in use "
     "already")))
def test_a_second_port_that_cannot_be_is_refused(parameters, port2, errno,
                                                 why):
    parameters(port2=port2)
    code, out, logged = add("sib9", "a1")
    assert code and errno in out, out
    assert len([l for l in logged if why in l]) == 1, logged
    assert "sib9" not in run("rdma", "dev")
    # Neither cable is kept.
    run("ip", "link", "set", "a1", "master", "br0")
    run("ip", "link", "set", "a1", "nomaster")


# --- what tools read

def test_sysfs_of_an_hca(hca):
    base = "/sys/class/infiniband/sib9"
    assert lab.read(f"{base}/node_type") == "1: CA"
    assert lab.read(f"{base}/node_guid") == "005c:00ff:fe00:0001"
    assert lab.read(f"{base}/sys_image_guid") == "005c:00ff:fe00:0001"
    assert lab.read(f"{base}/fw_ver") == "1.0.0"
    assert lab.read(f"{base}/node_desc") == "sib9"
    wait(lambda: port_file(hca, 1, "state") == "2: INIT", 5, "not trained")
    expected = {"phys_state": "5: LinkUp", "link_layer": "InfiniBand",
                "rate": "40 Gb/sec (4X QDR)", "sm_lid": "0x0", "lid": "0x0",
                "lid_mask_count": "0", "sm_sl": "0",
                "gids/0": "fe80:0000:0000:0000:005c:00ff:fe00:0001",
                "pkeys/0": "0xffff", "pkeys/1": "0x0000"}
    assert {k: port_file(hca, 1, k) for k in expected} == expected
    assert len(os.listdir(f"{base}/ports/1/pkeys")) == 128


def test_the_place_of_an_hca_in_the_device_tree(hca):
    device = os.path.realpath("/sys/class/infiniband/sib9/device")
    assert device == "/sys/devices/sib/sib9"
    assert os.path.realpath("/sys/bus/sib/devices/sib9") == device
    assert os.path.realpath(f"{device}/subsystem") == "/sys/bus/sib"
    assert os.listdir(f"{device}/infiniband") == ["sib9"]
    name = interface_of("sib9")
    assert name in os.listdir(f"{device}/net")
    assert "bus-info: sib9" in run("ethtool", "-i", name)


def test_rdma_shows_an_hca(hca):
    out = run("rdma", "dev", "show", hca)
    assert "node_type ca fw 1.0.0 node_guid 005c:00ff:fe00:0001 " \
        "sys_image_guid 005c:00ff:fe00:0001" in out
    wait(lambda: "state INIT physical_state LINK_UP netdev a1" in
         run("rdma", "link", "show", f"{hca}/1"), 5, "not trained")
    run("ip", "link", "set", "a2", "down")
    wait(lambda: "state DOWN physical_state POLLING netdev a1" in
         run("rdma", "link", "show", f"{hca}/1"), 5, "not down")
    run("ip", "link", "set", "a2", "up")


def test_a_guid_stays_when_the_mac_address_changes(hca):
    before = lab.read("/sys/class/infiniband/sib9/node_guid")
    run("ip", "link", "set", "a1", "down")
    run("ip", "link", "set", "a1", "address", "02:5c:00:00:00:77")
    run("ip", "link", "set", "a1", "up")
    try:
        wait(lambda: port_file(hca, 1, "state") == "2: INIT", 10,
             "not trained again")
        assert lab.read("/sys/class/infiniband/sib9/node_guid") == before
        assert port_file(hca, 1, "gids/0").endswith("005c:00ff:fe00:0001")
    finally:
        run("ip", "link", "set", "a1", "address", "02:5c:00:00:00:01")


def test_a_node_description_can_be_written(hca):
    lab.write("/sys/class/infiniband/sib9/node_desc", "in the cellar")
    assert lab.read("/sys/class/infiniband/sib9/node_desc") == "in the cellar"
    out = run("smpquery", "-C", hca, "-D", "nodedesc", "0")
    assert "in the cellar" in out


def test_a_cable_that_moves_to_a_host_keeps_its_hca(hca, hosts):
    """lab/fabric does not, but containers do."""
    run("ip", "link", "set", "a1", "netns", "h2")
    try:
        hosts[1].ip("link", "set", "a1", "up")
        assert hca in run("rdma", "dev")
        wait(lambda: port_file(hca, 1, "state") == "2: INIT", 10,
             "not trained in the other namespace")
    finally:
        hosts[1].ip("link", "set", "a1", "netns", "1")
        run("ip", "link", "set", "a1", "up")
