# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Hosts whose HCAs have two ports: ib0 is the first, ib1 the second."""

from tests.sm.mad import PKeyTable, PortInfo
from tests.sm.smp import SmpClient
from tests.sm.umad import Umad
from tests.vm import lab
from tests.vm.lab import wait
from tests.vm.mend import fabric

DEVS = ("ib0", "ib1")


def v4(host, port):
    """The IPv4 address of a host's interface, by port: 0 or 1."""
    return f"{fabric.NETWORKS[port][0]}{host.number}"


def v6(host, port):
    """Its IPv6 address."""
    return f"{fabric.NETWORKS[port][1]}{host.number}"


def cable(host, port, switch):
    """The switch's end of a host's cable."""
    return f"{switch}-{host}" + ("", ".2")[port]


def port_file(host, port, name):
    """A file of a port of a host's HCA in sysfs."""
    return lab.read(f"/sys/class/infiniband/{host.hca}/ports/{port + 1}/"
                    f"{name}")


def is_active(host, port):
    """Is the port ACTIVE?"""
    return "ACTIVE" in port_file(host, port, "state")


def changes(host, dev):
    """How often carrier has changed."""
    return int(host.sysfs("carrier_changes", dev))


def reach(host, other, port):
    """Wait until the other host answers through both ports of a kind."""
    for target in (v4(other, port), v6(other, port)):
        wait(lambda t=target: not host.ping(t, limit=1), 20,
             f"{host} does not reach {target}")


def give_v6(host, port):
    """An interface that was down has lost its IPv6 address."""
    host.ip("address", "replace", f"{v6(host, port)}/64", "dev", DEVS[port],
            "nodad")


def reregister(host, port):
    """Ask the clients of a port to register again, as an SM would."""
    with Umad(host.hca, port + 1) as umad:
        smp = SmpClient(umad, 1000, 3)
        info = smp.get(PortInfo, (), port + 1)
        smp.set(info.replace(port_state=0, port_phys_state=0,
                             client_reregister=1), (), port + 1)


def set_pkeys(host, port, *pkeys):
    """Write the first P_Keys of a port, as an SM would."""
    with Umad(host.hca, port + 1) as umad:
        SmpClient(umad, 1000, 3).set(PKeyTable(pkeys=pkeys), ())
    wait(lambda: port_file(host, port, "pkeys/0") == f"0x{pkeys[0]:04x}", 5,
         "the P_Key is not taken over")


def is_running(pid):
    """Does a process run, and is it not just waited for?"""
    try:
        return lab.read(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class PortSM(lab.OpenSM):
    """One of several OpenSMs, by the topology's word for it."""

    def __init__(self, host, port=1, *rest):
        super().__init__(host)
        self.arguments = host.name, port, *rest
        name = fabric.sm_name(host.name, port)
        self.log = f"{fabric.RUN}/opensm-{name}.log"
        self.pidfile = f"{fabric.RUN}/opensm-{name}.pid"
        self.begin = self.size()

    def pids(self):
        pid = int(lab.read(self.pidfile))
        return [pid] if is_running(pid) else []

    def start(self, *options, limit=30):
        assert not options
        mark = self.size()
        fabric.start_sm(*self.arguments)
        self.wait_up(mark, limit)


def add_again(host, number, switches):
    """Give a host whose HCA was removed a new one, as the lab does."""
    lab.write(fabric.PORT2, f"{host}-{switches[1]}.2")
    lab.run("rdma", "link", "add", host.hca, "type", "sib", "netdev",
            f"{host}-{switches[0]}")
    for port in range(2):
        fabric.add_interface(host.name, number, port)


def wait_carriers(*hosts, limit=30):
    """Until both interfaces of all hosts have carrier."""
    for host in hosts:
        for dev in DEVS:
            wait(lambda h=host, d=dev: h.carrier(d), limit,
                 f"{dev} of {host} has no carrier")
