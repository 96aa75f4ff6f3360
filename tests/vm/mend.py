# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Make the lab's fabric whole again, whatever a test has taken from it.

What is there is left alone; what is missing is made as lab/fabric makes it,
with the same names, addresses and ports.
"""

import glob
import importlib.machinery
import importlib.util
import os
import socket
import struct
from fcntl import ioctl

from tests.vm import lab
from tests.vm.inject import inside
from tests.vm.lab import run, wait

SIOCGIFFLAGS = 0x8913
IFF_UP, IFF_RUNNING = 0x1, 0x40


def load_fabric():
    """lab/fabric, which is a program, as a module."""
    loader = importlib.machinery.SourceFileLoader("lab_fabric", "lab/fabric")
    spec = importlib.util.spec_from_loader("lab_fabric", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


fabric = load_fabric()


def parameters(module):
    """What a module was loaded with, as modprobe takes it."""
    found = []
    for path in glob.glob(f"/sys/module/{module}/parameters/*"):
        value = lab.read(path)
        if value:
            found.append(f"{os.path.basename(path)}={value}")
    return found


MODULES = {module: parameters(module) for module in ("sib", "ib_ipoib")}


def topology():
    """That of this guest."""
    return fabric.Topology(os.environ.get("LAB_TOPOLOGY", "2sw4ca"))


def there(device):
    """Is there such a netdev?"""
    return os.path.exists(f"/sys/class/net/{device}")


def master(device):
    """The switch that a cable's end is plugged into, or None."""
    path = f"/sys/class/net/{device}/master"
    return os.path.basename(os.readlink(path)) if os.path.islink(path) \
        else None


def mend_switches(top):
    """Those that are missing."""
    lines = []
    for number, switch in enumerate(top.switches, 1):
        if not there(switch):
            lines += [f"link add {switch} address {fabric.mac(1, number)} "
                      "type sibsw", f"link set {switch} up"]
    return lines


def mend_cables(top):
    """Those that are missing, unplugged or down."""
    size = 4096 + fabric.CABLE_OVERHEAD
    lines = []
    for number, ((a, a_in), (b, b_in)) in enumerate(top.cables(), 1):
        if not there(a):
            lines.append(f"link add {a} mtu {size} address "
                         f"{fabric.mac(2, number)} type veth peer name {b} "
                         f"mtu {size} address {fabric.mac(3, number)}")
        for end, switch in ((a, a_in), (b, b_in)):
            if switch and (not there(end) or master(end) != switch):
                lines.append(f"link set {end} master {switch}")
            lines.append(f"link set {end} up")
    return lines


def batch(lines):
    """Many commands of ip(8) at the price of one."""
    if lines:
        run("ip", "-batch", "-", text="\n".join(lines) + "\n")


def interface_of(hca, port=0):
    """The IPoIB interface of an HCA in this namespace, once it is there."""
    def find():
        try:
            return fabric.interface_of(hca, port)
        except fabric.LabError:
            return None
    # A dead namespace takes its time on a busy machine.
    return wait(find, 60, f"{hca} has no interface")


def flags(host):
    """The flags of a host's ib0; None if it has none. Starts no process."""
    request = struct.pack("16sH14x", b"ib0", 0)
    try:
        with inside(host), socket.socket() as sock:
            return struct.unpack_from("16xH", ioctl(sock, SIOCGIFFLAGS,
                                                    request))[0]
    except OSError:
        return None


def is_running(host):
    """Is a host's ib0 up, and has it carrier?"""
    return (flags(host) or 0) & (IFF_UP | IFF_RUNNING) == \
        IFF_UP | IFF_RUNNING


def mend_host(host, switch):
    """HCA, namespace and interface."""
    if not os.path.exists(f"/sys/class/infiniband/{host.hca}"):
        run("rdma", "link", "add", host.hca, "type", "sib", "netdev",
            f"{host.name}-{switch}")
    if not os.path.exists(f"/run/netns/{host.name}"):
        run("ip", "netns", "add", host.name)
        # As conftest.py has it in those of the beginning.
        host.run("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
    if (flags(host) or 0) & IFF_UP:
        return
    if flags(host) is None:
        run("ip", "link", "set", interface_of(host.hca), "netns", host.name,
            "name", "ib0")
    run("ip", "-n", host.name, "-batch", "-", text=f"""
        link set lo up
        address replace {host.v4}/24 dev ib0
        link set ib0 up
        address replace {host.v6}/64 dev ib0 nodad
    """)


def mend():
    """Everything; returns when every host has carrier."""
    for module, options in MODULES.items():
        if not os.path.isdir(f"/sys/module/{module}"):
            run("modprobe", module, *options)
    top = topology()
    batch(mend_switches(top) + mend_cables(top))
    hosts = [lab.Host(int(name.lstrip("h"))) for name in top.hosts]
    for host in hosts:
        mend_host(host, top.hosts[host.name])
    opensm = lab.OpenSM(hosts[0])
    if not opensm.pids():
        opensm.start()
    for host in hosts:
        wait(lambda h=host: is_running(h), 30, f"{host} gets no carrier")
    return hosts
