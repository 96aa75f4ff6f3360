# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What tests in the guest work with: hosts, the fabric's tools, conditions.

A host is a network namespace; its interface is ib0 and its HCA is sibN. Times
are seconds. Nothing here sleeps but in wait(), which has a deadline.
"""

import array
import ctypes
import errno
import fcntl
import glob
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

KERNEL = os.environ.get("LAB_KERNEL", "6.1")
DRIVER = os.environ.get("LAB_DRIVER", "ours")
DEBUG = KERNEL == "debug"
OPENSM_CONF = "lab/opensm/opensm.conf"
# The debug kernel takes about ten times as long for everything.
SLOW = 8 if DEBUG else 1


def scaled(count):
    """A number of packets or rounds that the kernel at hand can do."""
    return max(count // 33, 10) if DEBUG else count


def wait(condition, limit, what, pause=0.02):
    """Return the first true value of condition(); fail after limit seconds."""
    deadline = time.monotonic() + limit * SLOW
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what}: not within {limit} s"
        time.sleep(pause)


def test_name():
    """The test that runs."""
    return os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]


def run(*argv, check=True, timeout=300, text=None):
    """Run a command; its standard output. A failure shows all it said."""
    done = subprocess.run([str(a) for a in argv], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=timeout * SLOW, check=False)
    assert not check or done.returncode == 0, \
        f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}"
    return done.stdout


def status(*argv, text=None):
    """Run a command; its exit status and what it said."""
    done = subprocess.run([str(a) for a in argv], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=60 * SLOW, check=False)
    return done.returncode, done.stdout


def read(path):
    """A file without its last newline."""
    with open(path, encoding="ascii") as file:
        return file.read().rstrip("\n")


def write(path, value):
    """Write a file; OSError as the kernel says it."""
    with open(path, "w", encoding="ascii") as file:
        file.write(value)


def socket_in(netns):
    """A socket of another namespace: to ask there without a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as own, \
            open(f"/run/netns/{netns}", "rb") as other:
        assert not libc.setns(other.fileno(), 0), os.strerror(
            ctypes.get_errno())
        try:
            return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        finally:
            assert not libc.setns(own.fileno(), 0)


SIOCETHTOOL, ETHTOOL_GLINK = 0x8946, 0x0a


def carrier(netns, dev):
    """Is an interface of a namespace up and has it carrier? False, too, if
    there is none of that name."""
    value = array.array("I", (ETHTOOL_GLINK, 0))
    request = struct.pack("16sQ16x", dev.encode(), value.buffer_info()[0])
    try:
        # Not kept: a socket would keep its namespace, too.
        with socket_in(netns) as sock:
            fcntl.ioctl(sock, SIOCETHTOOL, request)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return bool(value[1])


class Host:
    """A host of the fabric."""

    def __init__(self, number):
        self.number = number
        self.name = f"h{number}"
        self.hca = f"sib{number}"
        self.v4 = f"198.51.100.{number}"
        self.v6 = f"2001:db8::{number}"

    def __repr__(self):
        return self.name

    def run(self, *argv, **options):
        """Run a command on the host."""
        return run("ip", "netns", "exec", self.name, *argv, **options)

    def status(self, *argv):
        """The same; exit status and output."""
        return status("ip", "netns", "exec", self.name, *argv)

    def popen(self, *argv):
        """Start a command on the host; stop it with stop()."""
        return subprocess.Popen(
            ["ip", "netns", "exec", self.name] + [str(a) for a in argv],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def ip(self, *argv):
        """ip(8) in the host's namespace."""
        return run("ip", "-n", self.name, *argv)

    def link(self, dev="ib0"):
        """What ip says of an interface, as a dictionary."""
        return json.loads(run("ip", "-n", self.name, "-j", "-d", "-s", "link",
                              "show", "dev", dev))[0]

    def carrier(self, dev="ib0"):
        """Is it up and has it carrier?"""
        return carrier(self.name, dev)

    def sysfs(self, file, dev="ib0"):
        """A file of /sys/class/net/DEV."""
        return self.run("cat", f"/sys/class/net/{dev}/{file}").rstrip("\n")

    def sysfs_write(self, file, value, dev="ib0"):
        """Write one; exit status and what the shell complained."""
        return self.status("python3", "-c",
                           "import sys\n"
                           "try: open(sys.argv[1], 'wb', 0)"
                           ".write(sys.argv[2].encode())\n"
                           "except OSError as e: sys.exit(e.strerror)",
                           f"/sys/class/net/{dev}/{file}", value)

    def address(self, dev="ib0"):
        """The 20-octet hardware address as bytes."""
        return bytes.fromhex(self.link(dev)["address"].replace(":", ""))

    def ethtool_stats(self, dev="ib0"):
        """ethtool -S as a dictionary."""
        return {k: int(v) for k, v in re.findall(
            r"^\s+(\w+): (\d+)$", self.run("ethtool", "-S", dev), re.M)}

    def drops(self, dev="ib0"):
        """Everything that counts a loss, where it is not zero."""
        stats = self.link(dev)["stats64"]
        lost = {f"{way}_{k}": v for way in ("rx", "tx")
                for k, v in stats[way].items()
                if k in ("errors", "dropped") and v}
        fails = int(self.snmp("Ip")["ReasmFails"])
        return lost | ({"ReasmFails": fails} if fails else {})

    def snmp(self, protocol):
        """Counters of /proc/net/snmp."""
        lines = [l.split()[1:] for l in self.run("cat", "/proc/net/snmp")
                 .splitlines() if l.startswith(protocol + ":")]
        return dict(zip(lines[0], lines[1]))

    def hca_counters(self, port=1):
        """Private counters of the host's HCA."""
        words = run("rdma", "statistic", "show", "link",
                    f"{self.hca}/{port}").split()[2:]
        return dict(zip(words[::2], map(int, words[1::2])))

    def ping(self, target, count=1, size=56, options=(), limit=None):
        """Ping as fast as answers come; how many were lost."""
        limit = limit or max(10, count)
        out = self.run("ping", "-q", "-A", "-c", count, "-s", size, "-w",
                       int(limit * SLOW), *options, target, check=False,
                       timeout=limit + 30)
        found = re.search(r"(\d+) packets transmitted, (\d+) received", out)
        assert found, out
        # With a deadline it goes on until so many are back, or one more.
        return max(count - int(found[2]), 0)

    def reach(self, other, limit=10):
        """Wait until the other host answers, IPv4 and IPv6."""
        for target in (other.v4, other.v6):
            wait(lambda t=target: not self.ping(t, limit=1), limit,
                 f"{self} does not reach {other} at {target}")


def stop(child, how=signal.SIGINT, limit=20):
    """End a command started by popen(); its output."""
    if child.poll() is None:
        child.send_signal(how)
    try:
        out, _ = child.communicate(timeout=limit * SLOW)
    except subprocess.TimeoutExpired:
        child.kill()
        out, _ = child.communicate()
    return out


def hosts():
    """The hosts that there are, by their namespaces."""
    names = re.findall(r"^h(\d+)", run("ip", "netns", "list"), re.M)
    return [Host(n) for n in sorted(map(int, names))]


def switch_stats(name):
    """Private counters of a switch."""
    return {k: int(v) for k, v in re.findall(
        r"^\s+(\w+): (\d+)$", run("ethtool", "-S", name), re.M)}


class OpenSM:
    """The subnet manager that lab/fabric started on a host."""

    def __init__(self, host):
        self.host = host
        self.log = f"/run/lab/opensm-{host.name}.log"
        self.pidfile = f"/run/lab/opensm-{host.name}.pid"
        # Where its log was when the tests began: the subnet was up.
        self.begin = self.size()

    def pids(self):
        """Processes of opensm that run."""
        return [int(p) for p in run("pgrep", "-x", "opensm",
                                    check=False).split()]

    def stop(self, how=signal.SIGTERM):
        """End it, and wait until it has."""
        for pid in self.pids():
            os.kill(pid, how)
        wait(lambda: not self.pids(), 20, "opensm does not end")

    def start(self, *options, limit=30):
        """Start it; returns when the subnet is up."""
        mark = self.size()
        with open("/dev/null", "w", encoding="ascii") as null:
            subprocess.Popen(
                ["ip", "netns", "exec", self.host.name, "opensm", "-g",
                 port_guid(self.host.hca), "-F", OPENSM_CONF, "-f", self.log,
                 *options],
                stdin=subprocess.DEVNULL, stdout=null, stderr=null,
                start_new_session=True)
        self.wait_up(mark, limit)

    def size(self):
        """Length of its log, to look at what comes after."""
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def since(self, mark):
        """What it has logged since a mark."""
        if not os.path.exists(self.log):
            return ""
        with open(self.log, encoding="ascii", errors="replace") as file:
            file.seek(mark)
            return file.read()

    def wait_up(self, mark=0, limit=30):
        """Wait for SUBNET UP in the log after a mark."""
        wait(lambda: "SUBNET UP" in self.since(mark), limit,
             "opensm does not bring the subnet up")

    def sweep(self):
        """Make it sweep heavily, and wait until it has."""
        mark = self.size()
        for pid in self.pids():
            os.kill(pid, signal.SIGHUP)
        self.wait_up(mark)

    def errors(self, mark=0, end=None):
        """Its error lines between two marks."""
        text = self.since(mark)[:None if end is None else end - mark]
        return [l for l in text.splitlines() if " ERR " in l]


def port_guid(hca):
    """The GUID of an HCA's first port, as tools want it."""
    gid = read(f"/sys/class/infiniband/{hca}/ports/1/gids/0")
    return "0x" + gid.replace(":", "")[16:]


def lid(hca, port=1):
    """The LID of a port."""
    return int(read(f"/sys/class/infiniband/{hca}/ports/{port}/lid"), 16)


def interface_of(hca, port=0, netns=None):
    """The IPoIB interface of an HCA, in this namespace or another."""
    prefix = ["ip", "netns", "exec", netns] if netns else []
    device = os.path.realpath(f"/sys/class/infiniband/{hca}/device")
    script = ("for d in /sys/class/net/*; do echo $(basename $d) "
              "$(cat $d/type) $(cat $d/dev_port) $(readlink -f $d/device); "
              "done")
    for line in run(*prefix, "sh", "-c", script).splitlines():
        words = line.split()
        if words[1:] == ["32", str(port), device]:
            return words[0]
    return None


def debugfs(host, suffix, dev="ib0"):
    """The text of a debugfs file of a host's interface."""
    inode = os.stat(f"/run/netns/{host.name}").st_ino
    for name in (f"{dev}-{inode}_{suffix}", f"{dev}_{suffix}"):
        path = f"/sys/kernel/debug/ipoib/{name}"
        if os.path.exists(path):
            return read(path)
    raise AssertionError(f"no debugfs file of {host}: " +
                         str(glob.glob("/sys/kernel/debug/ipoib/*")))
