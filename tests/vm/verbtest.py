# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Endpoints of sib_verbtest, the consumer of kernel verbs in tests/ulp."""

import os

from tests.vm import lab

PATH = "/sys/kernel/debug/sib_verbtest"

# enum ib_qp_state
RESET, INIT, RTR, RTS, SQD, SQE, ERR = range(7)
# enum ib_wc_status
SUCCESS, LOC_LEN, LOC_QP_OP, LOC_EEC_OP, LOC_PROT, FLUSHED, MW_BIND, \
    BAD_RESP, LOC_ACCESS, REM_INV_REQ, REM_ACCESS, REM_OP, RETRY_EXC, \
    RNR_RETRY_EXC = range(14)
# enum ib_event_type
QP_REQ_ERR, COMM_EST, SQ_DRAINED = 2, 4, 5
# enum ib_wr_opcode
WR_WRITE, WR_READ, WR_CMP_SWP, WR_SEND_INV = 0, 4, 5, 9


def load():
    lab.run("modprobe", "sib_verbtest")


def unload():
    lab.run("modprobe", "-r", "sib_verbtest")


def words(line):
    """"a=1 b=2" as a dictionary."""
    pairs = (w.split("=", 1) for w in line.split())
    return {k: int(v) if v.isdigit() else v for k, v in pairs}


def command(text):
    """Give one command; its answer. OSError as the verb fails."""
    fd = os.open(PATH, os.O_RDWR)
    try:
        os.write(fd, text.encode())
        return os.pread(fd, 16384, 0).decode()
    finally:
        os.close(fd)


def options(values):
    return "".join(f" {k}={v}" for k, v in values.items())


class Endpoint:
    """A QP with its CQs and buffers on an HCA."""

    def __init__(self, number):
        self.number = number

    def do(self, verb, peer=None, **values):
        """A command about this endpoint, and perhaps another."""
        other = "" if peer is None else f" {peer.number}"
        return command(f"{verb} {self.number}{other}{options(values)}")

    def connect(self, peer, **values):
        self.do("connect", peer, **values)
        return self

    def recv(self, count=1, **values):
        self.do("recv", count=count, **values)

    def send(self, count=1, size=64, **values):
        self.do("send", count=count, size=size, **values)

    def state(self, to, **values):
        self.do("state", to=to, **values)

    def poll(self, count=1, ms=10000, **values):
        """Completions: as many as asked for, or those that came in time."""
        return [words(line) for line in
                self.do("poll", count=count, ms=ms * lab.SLOW,
                        **values).splitlines()]

    def statuses(self, count=1, ms=10000):
        return [done["status"] for done in self.poll(count, ms)]

    def info(self):
        return words(self.do("info"))

    def events(self):
        """The events since they were asked for last."""
        bits = self.info()["events"]
        return {n for n in range(32) if bits >> n & 1}

    def stream(self, peer, **values):
        """Many messages, each checked when it comes."""
        values.setdefault("idle", 20000 * lab.SLOW)
        return words(self.do("stream", peer, **values))

    def close(self):
        self.do("close")


class Pool:
    """The endpoints of a test, closed at its end."""

    def __init__(self):
        self.open_ones = []

    def number(self):
        used = {e.number for e in self.open_ones}
        return next(n for n in range(64) if n not in used)

    def open(self, where, **values):
        """One on a host's HCA, or on one that is named."""
        endpoint = Endpoint(self.number())
        endpoint.do("open", dev=getattr(where, "hca", where), **values)
        self.open_ones.append(endpoint)
        return endpoint

    def pair(self, one, other, connect=None, **values):
        """Two endpoints that are connected with each other."""
        pair = self.open(one, **values), self.open(other, **values)
        pair[0].connect(pair[1], **(connect or {}))
        return pair

    def cm_pair(self, one, other, port=4711, **values):
        """Two that the RDMA connection manager connected."""
        pair = Endpoint(self.number()), None
        self.open_ones.append(pair[0])
        pair = pair[0], Endpoint(self.number())
        self.open_ones.pop()
        fds = [os.open(f"/run/netns/{h.name}", os.O_RDONLY)
               for h in (one, other)]
        try:
            pair[0].do("cm", pair[1], net_n=fds[0], net_m=fds[1],
                       addr=other.v4, port=port, **values)
        finally:
            for fd in fds:
                os.close(fd)
        self.open_ones += pair
        return pair

    def close(self, *endpoints):
        for endpoint in endpoints or tuple(self.open_ones):
            self.open_ones.remove(endpoint)
            endpoint.close()


def is_whole(result, count, who="b"):
    """Has a stream brought each message once, in order, as it was sent?"""
    sender = "b" if who == "a" else "a"
    return (result[f"{sender}_sent"], result[f"{who}_received"],
            result[f"{who}_lost"], result[f"{who}_wrong"],
            result[f"{who}_behind"],
            result[f"{sender}_send_status"], result[f"{who}_recv_status"],
            result["timed_out"]) == (count, count, 0, 0, 0, 0, 0, 0)
