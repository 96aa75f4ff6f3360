# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Two ends that talk to each other, and what is measured of it."""

import collections
import json
import subprocess
import time

from tests.vm import lab
from tests.vm.many import batch

PORT = 7000
STREAM = 48 << 20
FLOWS = 8
COUNT = 20000
QUESTIONS = 3000
BUSY_QUESTIONS = 500
# Who else asks on a busy link.
BUSY_PORT = 7100
# And after how many seconds.
BUSY_FIRST = 0.2
PEERS = 1, 100, 4000
FIRST_QPN = 0xa00000
# Nanoseconds of an instruction: -icount shift=1.
INSTRUCTION = 2
# And of a sample of the profile. How many functions are shown.
PERIOD = 100000
TOP = 12
DRIVER = "ib_ipoib"
# What puts received packets together: generic and large receive offload.
RECEIVE = ("on", "off"), ("off", "off"), ("off", "on")


def set_mode(mode):
    """Both interfaces in a mode; the stock driver leaves the rest of what the
    connected mode needs to the administrator."""
    h1, h2 = lab.hosts()[:2]
    for host in h1, h2:
        assert host.sysfs_write("mode", mode + "\n")[0] == 0
        if mode == "connected":
            host.ip("link", "set", "ib0", "mtu", 65520)
    for host in h1, h2:
        host.ip("neigh", "flush", "dev", "ib0")
    h1.reach(h2)
    lab.wait(lambda: h1.ping(h2.v4, count=3, size=1000) == 0, 30,
             "no connection")
    return h1, h2


class Pair:
    """Two network namespaces, one sends to the other, each through its
    interface of the name DEV."""

    def __init__(self, programs, src, dst, address, dev="ib0"):
        self.load, self.profiler = programs
        self.src, self.dst, self.address = src, dst, address
        self.dev = dev

    def _start(self, netns, *argv):
        return subprocess.Popen(
            ["ip", "netns", "exec", netns, self.load, *map(str, argv)],
            stdout=subprocess.PIPE, text=True)

    def measure(self, receiver, sender):
        """What both say: a dictionary of numbers."""
        far = self._start(self.dst, *receiver)
        assert far.stdout.readline() == "ready\n"
        near = self._start(self.src, *sender)
        said = near.communicate()[0].split()
        said += far.communicate()[0].split()
        assert near.returncode == far.returncode == 0, (receiver, sender)
        return dict(zip(said[::2], map(int, said[1::2])))

    def stream(self):
        """A TCP stream: Mbit/s."""
        said = self.measure(("drain", PORT),
                            ("stream", self.address, PORT, STREAM))
        assert said["octets"] == STREAM
        return {"mbit": STREAM * 8000 / said["time"],
                "instructions_per_kib":
                said["time"] / INSTRUCTION / (STREAM / 1024)}

    def streams(self):
        """Several TCP streams at once: Mbit/s of all."""
        ports = range(PORT, PORT + FLOWS)
        far = [self._start(self.dst, "drain", port) for port in ports]
        assert all(one.stdout.readline() == "ready\n" for one in far)
        near = [self._start(self.src, "stream", self.address, port,
                            STREAM // FLOWS) for port in ports]
        assert not any(one.wait() for one in near)
        said = [one.communicate()[0].split() for one in far]
        said = [dict(zip(one[::2], map(int, one[1::2]))) for one in said]
        assert sum(one["octets"] for one in said) == STREAM
        took = (max(one["from"] + one["time"] for one in said) -
                min(one["from"] for one in said))
        return {"mbit": STREAM * 8000 / took}

    def _fair(self, verb):
        for netns in self.src, self.dst:
            lab.run("tc", "-n", netns, "qdisc", verb, "dev", self.dev, "root",
                    "fq_codel")

    def busy(self):
        """One octet there and back while a stream fills the link, through a
        queue that is fair."""
        self._fair("replace")
        far = self._start(self.dst, "drain", BUSY_PORT)
        assert far.stdout.readline() == "ready\n"
        near = self._start(self.src, "stream", self.address, BUSY_PORT,
                           1 << 40)
        time.sleep(BUSY_FIRST)
        said = self.measure(("echo", PORT), ("ask", self.address, PORT,
                                             BUSY_QUESTIONS))
        near.kill()
        near.communicate()
        far.communicate()
        self._fair("delete")
        return {"instructions_median": said["median"] / INSTRUCTION,
                "instructions_p99": said["p99"] / INSTRUCTION}

    def datagrams(self, size):
        """UDP: packets a second, of those that were received."""
        said = self.measure(("sink", PORT, COUNT),
                            ("flood", self.address, PORT, COUNT, size))
        return {"packets": said["received"] * 1e9 / said["time"],
                "instructions_per_packet":
                said["time"] / INSTRUCTION / said["received"],
                "lost": COUNT - said["received"]}

    def questions(self):
        """One octet there and back: instructions for each."""
        said = self.measure(("echo", PORT),
                            ("ask", self.address, PORT, QUESTIONS))
        return {"instructions_median": said["median"] / INSTRUCTION,
                "instructions_p999": said["p999"] / INSTRUCTION,
                "instructions_mean":
                said["time"] / INSTRUCTION / QUESTIONS}

    def profile(self, work, units):
        """Instructions for each of so many units, by module, and where in the
        driver and elsewhere they are."""
        with subprocess.Popen([self.profiler, str(PERIOD)], text=True,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as profiler:
            assert profiler.stdout.readline() == "ready\n"
            work()
            said = [line.split()
                    for line in profiler.communicate()[0].splitlines()]
        each = PERIOD / INSTRUCTION / units
        modules = collections.Counter()
        for samples, module, _ in said:
            modules[module] += int(samples) * each
        assert not modules.pop("lost", 0)
        functions, others = (
            {name: int(samples) * each for samples, module, name in said
             if (module == DRIVER) == ours} for ours in (True, False))
        return {"modules": dict(modules),
                "functions": dict(list(functions.items())[:TOP]),
                "others": dict(list(others.items())[:TOP])}

    def all_profiles(self, name):
        """Where the instructions of each workload are."""
        for what, work, units in (
                ("stream", self.stream, STREAM / 1024),
                ("ask", self.questions, QUESTIONS),
                ("udp64", lambda: self.datagrams(64), COUNT),
                ("udp1400", lambda: self.datagrams(1400), COUNT)):
            print(json.dumps({"on": name, "what": f"{what}-profile"} |
                             self.profile(work, units)), flush=True)

    def _far(self, *argv):
        return lab.run("ip", "netns", "exec", self.dst, *argv)

    def _received(self):
        """Packets that the driver received, and skbs that IP got."""
        link = json.loads(self._far("ip", "-j", "-s", "link", "show", "dev",
                                    self.dev))[0]
        nstat = self._far("nstat", "-az", "IpInReceives").split()
        return (link["stats64"]["rx"]["packets"],
                int(nstat[nstat.index("IpInReceives") + 1]))

    def receive(self, name):
        """A stream, and what puts its packets together at the far end."""
        for gro, lro in RECEIVE:
            # Not every driver has it, and none has it in every mode.
            lab.run("ip", "netns", "exec", self.dst, "ethtool", "-K", self.dev,
                    "gro", gro, "lro", lro, check=False)
            if f"large-receive-offload: {lro}" not in self._far(
                    "ethtool", "-k", self.dev):
                continue
            before = self._received()
            result = self.stream()
            packets, skbs = (b - a for a, b in zip(before, self._received()))
            print(json.dumps(
                {"on": name, "what": f"stream-gro-{gro}-lro-{lro}",
                 "packets_per_skb": packets / skbs} | result), flush=True)
        self._far("ethtool", "-K", self.dev, "gro", "on", "lro", "off")

    def peers(self, name):
        """Datagrams to many: what one costs, at the sender's end. The QPNs
        are nobody's, so the other end drops them."""
        source = lab.hosts()[0]
        gid, known = lab.hosts()[1].address()[4:], []
        source.ip("address", "add", "10.77.255.254/16", "dev", "ib0")
        for limit in "gc_thresh3", "gc_thresh2", "gc_thresh1":
            lab.run("sysctl", "-qw",
                    f"net.ipv4.neigh.default.{limit}={4 * PEERS[-1]}")
        for i in range(PEERS[-1]):
            qpn = (FIRST_QPN + i).to_bytes(4, "big")
            known.append(f"neigh replace 10.77.{i >> 8}.{i & 255} dev ib0 nud "
                         f"permanent lladdr {(qpn + gid).hex(':')}")
        batch(source, *known)
        for count in PEERS:
            # Once for the paths.
            for _ in "warm", "measured":
                near = self._start(self.src, "spray", "10.77.0.0", PORT, COUNT,
                                   64, count)
                said = near.communicate()[0].split()
                assert near.returncode == 0
            said = dict(zip(said[::2], map(int, said[1::2])))
            print(json.dumps(
                {"on": name, "what": f"peers{count}",
                 "instructions_per_packet":
                 said["time"] / INSTRUCTION / said["sent"]}), flush=True)
        source.ip("address", "delete", "10.77.255.254/16", "dev", "ib0")

    def all(self, name):
        """All workloads, a line for each; the first stream warms up."""
        self.measure(("drain", PORT), ("stream", self.address, PORT, 4 << 20))
        for what, result in (
                ("stream", self.stream), ("streams", self.streams),
                ("ask", self.questions), ("busy", self.busy),
                ("udp64", lambda: self.datagrams(64)),
                ("udp1400", lambda: self.datagrams(1400))):
            print(json.dumps({"on": name, "what": what} | result()),
                  flush=True)
        self.all_profiles(name)
