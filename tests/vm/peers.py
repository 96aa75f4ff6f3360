# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Many peers of one host in connected mode, without as many HCAs: children of
the other hosts are peers, too.
"""

import json
import re

from tests.vm import lab
from tests.vm.lab import run, wait
from tests.vm.many import Echo, batch, interfaces

_SENDS = re.compile(r"^ +direction: +send\n(?: +.*\n)*? +state: +up$", re.M)


def free_memory():
    """Octets that nobody uses, once what is to be freed has been."""
    lab.write("/proc/sys/vm/drop_caches", "3")
    with open("/proc/meminfo", encoding="ascii") as file:
        found = dict(line.split(":") for line in file)
    return int(found["MemFree"].split()[0]) * 1024


def addresses(host):
    """Hardware addresses by name."""
    return {link["ifname"]: link["address"]
            for link in json.loads(host.ip("-j", "link", "show"))}


class Peers:
    """Children of some hosts in connected mode, one address each. They and
    the host that all talk to know each other without asking."""

    def __init__(self, hosts, target, count):
        self.hosts, self.target = hosts, target
        self.names = [f"k{i}" for i in range(count // len(hosts))]

    def v4(self, host, index):
        """The address of one of them."""
        return f"10.{host.number}.{index // 200}.{index % 200 + 1}"

    def make(self):
        """They are up, and there is no connection yet."""
        for host in self.hosts:
            host.run("sysctl", "-q", "net.ipv6.conf.default.disable_ipv6=1")
            batch(host, *(f"link add link ib0 name {name} type ipoib mode "
                          "connected" for name in self.names),
                  *(f"link set {name} up" for name in self.names))
        for host in self.hosts:
            for name in self.names:
                wait(lambda h=host, n=name: h.carrier(n), 120,
                     f"{name} of {host} has no carrier")
        to = self.target.address().hex(":")
        for host in self.hosts:
            for index, name in enumerate(self.names):
                batch(host,
                      f"address add {self.v4(host, index)}/32 dev {name}",
                      f"neigh add {self.target.v4} lladdr {to} dev {name} "
                      "nud permanent")
            known = addresses(host)
            batch(self.target, f"route add 10.{host.number}.0.0/16 dev ib0",
                  *(f"neigh add {self.v4(host, index)} lladdr {known[name]} "
                    "dev ib0 nud permanent"
                    for index, name in enumerate(self.names)))

    def echoes(self):
        """One that asks for each of them."""
        return [Echo(host, name, self.target.v4)
                for host in self.hosts for name in self.names]

    def wanting(self):
        """Those of them that have no connection to the target that is up."""
        return {(host.number, name) for host in self.hosts
                for name in self.names
                if not _SENDS.search(lab.debugfs(host, "conn", name))}

    def end(self):
        """They are there no more."""
        for host in self.hosts:
            batch(host, *(f"link delete {name}"
                          for name in interfaces(host) - {"ib0"}))
            host.run("sysctl", "-q", "net.ipv6.conf.default.disable_ipv6=0")
            run("ip", "-n", self.target.name, "route", "delete",
                f"10.{host.number}.0.0/16", "dev", "ib0", check=False)
        self.target.ip("neigh", "flush", "dev", "ib0", "nud", "permanent")
