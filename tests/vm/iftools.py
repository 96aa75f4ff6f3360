# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests of the interface contract share: HCAs that come and go, the
kernel's log, tables of a port that are set as an SM would, setting files.
"""

import glob
import json
import os
import re
import socket
import subprocess

from tests.sm.client import SaClient
from tests.sm.mad import Method, PKeyTable
from tests.sm.sarecords import Record
from tests.sm.smp import SmpClient
from tests.sm.umad import Umad
from tests.vm import lab
from tests.vm.lab import run, wait

# Octets 4 to 11 of every address here: the default prefix.
PREFIX = bytes.fromhex("fe80000000000000")


def dmesg(*options):
    """The kernel's log, line by line, without times."""
    return run("dmesg", "-t", *options).splitlines()


class Log:
    """What the kernel says from now on."""

    def __init__(self):
        self.mark = len(dmesg())

    def lines(self, pattern="", *options):
        """Lines in which a pattern is found; options filter dmesg's."""
        new = dmesg()[self.mark:]
        if options:
            chosen = set(dmesg(*options))
            new = [l for l in new if l in chosen]
        return [l for l in new if re.search(pattern, l)]

    def wait(self, pattern, limit=5):
        """The first such line."""
        return wait(lambda: self.lines(pattern), limit,
                    f"not logged: {pattern}")[0]


class GuidInfoRecord(Record):
    """IBTA section 15.2.5.15."""

    ID = 0x0030
    SIZE = 72
    TABLE = """
    lid:16 block_num:8 -:8 -:32 guid0:64 guid1:64 guid2:64 guid3:64 guid4:64
    guid5:64 guid6:64 guid7:64
    """
    COMPONENTS = ("lid", "block_num", "", "", "guid0", "guid1", "guid2",
                  "guid3", "guid4", "guid5", "guid6", "guid7")


class TablePort:
    """A port whose tables are set as an SM would, through its own SMA."""

    def __init__(self, hca):
        self.hca = hca

    def set_pkeys(self, *pkeys):
        """Write the first block of its P_Key table."""
        with Umad(self.hca) as umad:
            SmpClient(umad, 1000, 3).set(PKeyTable(pkeys=pkeys), ())
        wait(lambda: self.sysfs("pkeys/0") == f"0x{pkeys[0]:04x}", 5,
             "the P_Key is not taken over")

    def ask_for_guid(self, guid):
        """Have the SA give the port one more GUID, at index 1."""
        record = GuidInfoRecord(lid=lab.lid(self.hca), guid1=guid)
        with SaClient(self.hca) as sa:
            code, _ = sa.query(Method.SET, record,
                               ("lid", "block_num", "guid1"))
        assert not code, f"the SA answers with status {code:#06x}"

    def sysfs(self, file):
        """A file of the port in sysfs."""
        return lab.read(f"/sys/class/infiniband/{self.hca}/ports/1/{file}")

    @property
    def is_active(self):
        """Is the port ACTIVE?"""
        return "ACTIVE" in self.sysfs("state")


def interface_of(hca, port=0):
    """An HCA's interface in this namespace, None if there is none. One that a
    daemon gives another name meanwhile is looked for again."""
    device = os.path.realpath(f"/sys/class/infiniband/{hca}/device")
    for _ in range(5):
        try:
            for path in glob.glob("/sys/class/net/*/device"):
                name = path.split("/")[4]
                if os.path.realpath(path) == device and \
                        lab.read(f"/sys/class/net/{name}/dev_port") == str(port):
                    return name
            return None
        except OSError:
            pass
    raise RuntimeError(f"{hca}: its interface's name does not stay")


class Spare:
    """One more HCA, sib9, on a cable h9-sw2 to sw2, which need not be
    plugged in. Its interface stays in the initial namespace."""

    HCA = "sib9"
    MAC = "02:5b:00:02:00:09"

    def __init__(self, mac=MAC, plugged=True, mtu=4096, ports=1):
        self.cables = [("h9-sw2", "sw2-h9"), ("h9-sw1", "sw1-h9")][:ports]
        for number, (end, other) in enumerate(self.cables):
            mtu_args = ("mtu", mtu + 134)
            run("ip", "link", "add", end, *mtu_args, "address",
                mac[:-1] + str(9 - number), "type", "veth", "peer", "name",
                other, *mtu_args)
            if plugged:
                run("ip", "link", "set", other, "master", other[:3])
            for name in (end, other):
                run("ip", "link", "set", name, "up")
        self.plugged = plugged
        self.port = TablePort(self.HCA)

    def add(self):
        """Add the HCA; the name of the first port's interface."""
        if len(self.cables) > 1:
            lab.write("/sys/module/sib/parameters/port2", self.cables[1][0])
        run("rdma", "link", "add", self.HCA, "type", "sib", "netdev",
            self.cables[0][0])
        return self.interface()

    def interface(self, port=0):
        """The interface of a port, None if there is none."""
        return interface_of(self.HCA, port)

    def delete(self):
        """Remove the HCA."""
        if os.path.exists(f"/sys/class/infiniband/{self.HCA}"):
            run("rdma", "link", "delete", self.HCA, timeout=60)

    def close(self):
        """Remove everything."""
        self.delete()
        for end, _ in self.cables:
            run("ip", "link", "delete", end, check=False)


class Here(lab.Host):
    """The initial namespace, with the methods of a host."""

    def __init__(self):
        super().__init__(9)
        self.name = "here"

    def run(self, *argv, **options):
        return run(*argv, **options)

    def status(self, *argv):
        return lab.status(*argv)

    def carrier(self, dev="ib0"):
        return (int(lab.read(f"/sys/class/net/{dev}/flags"), 16) & 1 and
                lab.read(f"/sys/class/net/{dev}/carrier") == "1")

    def popen(self, *argv):
        return subprocess.Popen([str(a) for a in argv],
                                stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def ip(self, *argv):
        return run("ip", *argv)

    def link(self, dev="ib0"):
        return json.loads(run("ip", "-j", "-d", "-s", "link", "show",
                              "dev", dev))[0]


def set_up(host):
    """Give a host its interface, as the lab does."""
    name = wait(lambda: interface_of(host.hca), 10,
                f"{host} has no interface")
    run("ip", "link", "set", name, "netns", host.name, "name", "ib0")
    host.ip("address", "add", f"{host.v4}/24", "dev", "ib0")
    host.ip("address", "add", f"{host.v6}/64", "dev", "ib0", "nodad")
    host.ip("link", "set", "ib0", "up")


def restore_v6(host):
    """IPv6 addresses go when an interface is set down."""
    host.ip("address", "replace", f"{host.v6}/64", "dev", "ib0", "nodad")


WRITER = """
import errno, json, os, sys
todo, nobody = json.load(sys.stdin)
if nobody:
    os.setgid(65534)
    os.setuid(65534)

def attempt(path, value):
    try:
        file = os.open(path, os.O_WRONLY)
    except OSError as error:
        return errno.errorcode[error.errno]
    try:
        return os.write(file, value.encode())
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        os.close(file)

def text(path):
    try:
        return open(path).read()
    except OSError as error:
        return errno.errorcode[error.errno]

print(json.dumps([(attempt(p, v), text(p)) for p, v in todo]))
"""


def write_all(host, writes, *, nobody=False, dev="ib0", under=()):
    """Write files of an interface, or those with a whole path, one after the
    other, under a command like setpriv if there is one. For each: the count
    that was taken, or the error by its name; and what is in the file then."""
    paths = [(f if f.startswith("/") else f"/sys/class/net/{dev}/{f}", v)
             for f, v in writes]
    out = host.run(*under, "python3", "-c", WRITER,
                   text=json.dumps((paths, nobody)))
    return [tuple(result) for result in json.loads(out)]


def write_errno(host, file, value, *, nobody=False, dev="ib0"):
    """Write one file: the count that was taken, or the error by its name."""
    return write_all(host, [(file, value)], nobody=nobody, dev=dev)[0][0]


class Uevents:
    """Events of the initial namespace's devices, as udev gets them."""

    NETLINK_KOBJECT_UEVENT = 15

    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW,
                                    self.NETLINK_KOBJECT_UEVENT)
        self.socket.bind((0, 1))
        self.socket.setblocking(False)
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def of(self, interface, action=None):
        """Those of a net interface, as dictionaries."""
        while True:
            try:
                words = self.socket.recv(1 << 14).decode().split("\0")[1:]
            except BlockingIOError:
                break
            self.seen.append(dict(w.split("=", 1) for w in words if "=" in w))
        return [e for e in self.seen if e.get("SUBSYSTEM") == "net" and
                e.get("INTERFACE") == interface and
                action in (None, e["ACTION"])]


def monitor(*what, options=()):
    """`ip monitor` in this namespace; stop it with lab.stop()."""
    child = subprocess.Popen(
        ["ip", *options, "monitor", *what], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    # It listens once its socket is there.
    wait(lambda: re.search(rf"\s{child.pid}\s",
                           lab.read("/proc/net/netlink")), 5,
         "ip monitor does not start")
    return child
