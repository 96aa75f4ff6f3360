# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the RDMA connection manager reads from an interface: its addresses, its
neighbours, and the record of its broadcast group in ib_core's table.
"""

import json
import re
import subprocess

import pytest

from tests.vm import lab
from tests.vm.iftools import write_errno
from tests.vm.lab import wait

# rdma_user_cm.h. Resolves an address, and a route, or joins a group instead.
# Prints what was found, as JSON.
RESOLVER = """
import ctypes, json, os, select, socket, struct, sys

CREATE_ID, RESOLVE_IP, RESOLVE_ROUTE, GET_EVENT, QUERY, JOIN = \\
    0, 3, 4, 12, 19, 22
UD, QUERY_GID = 4, 2
cm = os.open("/dev/infiniband/rdma_cm", os.O_RDWR | os.O_NONBLOCK)

def command(number, size, data):
    # A request with an answer begins with the answer's address.
    answer = ctypes.create_string_buffer(max(size, 1))
    if size:
        data = struct.pack("=Q", ctypes.addressof(answer)) + data
    os.write(cm, struct.pack("=IHH", number, len(data), size) + data)
    return answer.raw

def event():
    assert select.select([cm], [], [], 20)[0], "no event"
    answer = command(GET_EVENT, 336, b"")
    return struct.unpack_from("=IiII", answer, 12)

def storage(text, size):
    if ":" in text:
        data = struct.pack("=HHI", socket.AF_INET6, 0, 0) + \\
            socket.inet_pton(socket.AF_INET6, text) + bytes(4)
    else:
        data = struct.pack("=HH", socket.AF_INET, 0) + socket.inet_aton(text)
    return data.ljust(size, b"\\0")

port_space, target, group = int(sys.argv[1], 0), sys.argv[2], sys.argv[3:]
answer = ctypes.create_string_buffer(4)
os.write(cm, struct.pack("=IHHQQHB5x", CREATE_ID, 24, 4, 7,
                         ctypes.addressof(answer), port_space, UD))
number, = struct.unpack("=I", answer.raw)
os.write(cm, struct.pack("=IHH", RESOLVE_IP, 64, 0) + bytes(28) +
         storage(target, 28) + struct.pack("=II", number, 5000))
seen, status, *_ = event()
assert (seen, status) == (0, 0), f"address: event {seen}, status {status}"
if not group:
    os.write(cm, struct.pack("=IHHII", RESOLVE_ROUTE, 8, 0, number, 5000))
    seen, status, *_ = event()
    assert (seen, status) == (2, 0), f"route: event {seen}, status {status}"
answer = command(QUERY, 280, struct.pack("=II", number, QUERY_GID))
found = {
    "guid": answer[:8].hex(), "port": answer[8],
    "pkey": struct.unpack_from("=H", answer, 10)[0],
    "sgid": answer[24:40].hex(), "dgid": answer[152:168].hex(),
}
if group:
    answer = ctypes.create_string_buffer(4)
    data = struct.pack("=QQIHH", ctypes.addressof(answer), 8, number,
                       16 if "." in group[0] else 28, 0) + \\
        storage(group[0], 128)
    os.write(cm, struct.pack("=IHH", JOIN, len(data), 4) + data)
    seen, status, _, found["qkey"] = event()
    assert (seen, status) == (12, 0), f"join: event {seen}, status {status}"
print(json.dumps(found), flush=True)
sys.stdin.read(1)
"""

UDP, IPOIB = 0x0111, 0x0002


def resolve(host, port_space, target, *group):
    """What the connection manager finds out."""
    return json.loads(host.run("python3", "-c", RESOLVER, port_space, target,
                               *group, text=""))


@pytest.mark.parametrize("family", ("v4", "v6"))
def test_addresses_parse_as_expected(h1, h4, family):
    found = resolve(h1, UDP, getattr(h4, family))
    assert found["sgid"] == h1.address()[4:].hex()
    assert found["dgid"] == h4.address()[4:].hex()
    assert found["pkey"] == 0xffff == int.from_bytes(
        bytes.fromhex(h1.link()["broadcast"].replace(":", ""))[8:10], "big")
    assert found["port"] == 1


def test_groups_have_the_qkey_of_the_broadcast_group(h1, h4):
    """It is looked up by the broadcast MGID in ib_core's table, where it
    stands while the interface has carrier."""
    found = resolve(h1, IPOIB, h4.v4, "239.9.9.9")
    assert found["qkey"] == 0xb1b


MEMBER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex("ib0")
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             struct.pack("4s4si", socket.inet_aton(sys.argv[1]), b"\\0" * 4,
                         index))
print("ready", flush=True)
sys.stdin.read(1)
"""


def shown(host, group):
    """Is a group among the interface's own?"""
    low = [int(x) for x in group.split(".")]
    text = f"0:{(low[0] & 15) << 8 | low[1]:x}:{low[2] << 8 | low[3]:x}\n"
    return re.search(rf"401b:ffff:0:0:{text}", lab.debugfs(host, "mcg"))


@pytest.mark.parametrize("umcast", (False, True))
def test_groups_that_a_program_has_joined_are_left_to_it(h1, h4, umcast):
    """With umcast on; otherwise both join."""
    group, other = "239.9.9.10", "239.9.9.11"
    write_errno(h1, "umcast", "1" if umcast else "0")
    program = subprocess.Popen(
        ["ip", "netns", "exec", h1.name, "python3", "-c", RESOLVER,
         str(IPOIB), h4.v4, group], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)
    members = []
    try:
        assert program.stdout.readline().startswith("{")
        for address in (group, other):
            members.append(subprocess.Popen(
                ["ip", "netns", "exec", h1.name, "python3", "-c", MEMBER,
                 address], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, text=True))
            assert members[-1].stdout.readline() == "ready\n"
        # The one that only the stack has joined tells when the list was
        # looked at.
        wait(lambda: shown(h1, other), 5, "the other group is not joined")
        assert bool(shown(h1, group)) != umcast
    finally:
        for child in members + [program]:
            child.communicate("", timeout=20)
        write_errno(h1, "umcast", "0")
