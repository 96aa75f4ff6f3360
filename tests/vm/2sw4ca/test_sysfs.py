# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The files that scripts use: formats, permissions, what may be written."""

import threading

import pytest

from tests.vm.iftools import write_all, write_errno
from tests.vm.lab import run, wait


FILES = {"pkey": ("444", "0xffff\n"), "mode": ("644", "datagram\n"),
         "umcast": ("644", "0\n"), "dev_id": ("444", "0x0\n"),
         "dev_port": ("444", "0\n")}


def test_permissions_and_text(h1):
    paths = [f"/sys/class/net/ib0/{file}" for file in FILES]
    assert h1.run("stat", "-c", "%a %u", *paths).splitlines() == \
        [f"{mode} 0" for mode, _ in FILES.values()]
    assert h1.run("cat", *paths) == "".join(t for _, t in FILES.values())


def test_a_parent_has_no_parent(h1):
    assert h1.status("cat", "/sys/class/net/ib0/parent")[0]


def test_what_cannot_be_written(h1):
    assert write_all(h1, [("pkey", "1\n"), ("dev_id", "1\n")]) == \
        [("EACCES", "0xffff\n"), ("EACCES", "0x0\n")]


def test_the_present_mode_is_accepted_and_nothing_happens(h1, h2, log):
    before = h1.sysfs("carrier_changes")
    assert write_errno(h1, "mode", "datagram\n") == 9
    assert h1.sysfs("mode") == "datagram" and h1.ping(h2.v4) == 0
    assert h1.sysfs("carrier_changes") == before
    assert not log.lines("^ib0:")


def test_other_modes_are_refused(h1):
    values = ("foo\n", "data\n", "datagram \n", "datagram\n\n",
              " datagram\n", "DATAGRAM\n", "datagramx\n", "connected \n",
              "\n", "0\n")
    found = write_all(h1, [("mode", v) for v in values])
    assert dict(zip(values, found)) == \
        {v: ("EINVAL", "datagram\n") for v in values}


@pytest.mark.ours
def test_the_newline_may_be_left_away(h1):
    assert write_errno(h1, "mode", "datagram") == 8


def test_who_accepts_connections_has_a_connected_mode(h1):
    assert h1.address()[0] & 0x80
    assert write_errno(h1, "mode", "connected\n") == 10
    assert h1.sysfs("mode") == "connected"
    assert write_errno(h1, "mode", "datagram\n") == 9
    assert h1.sysfs("mode") == "datagram"


UMCAST = {
    "1\n": "1\n", "1": "1\n", "0x1": "1\n", "0xf\n": "1\n", "010\n": "1\n",
    "5": "1\n", "1x": "1\n", "0\n": "0\n", "0x0": "0\n", "-1\n": "0\n",
    "x\n": "0\n", "on\n": "0\n", "\n": "0\n",
}


@pytest.mark.parametrize("before", ("0", "1"))
def test_umcast_takes_whatever_is_written(h1, before):
    writes = [("umcast", v) for value in UMCAST for v in (before, value)]
    found = write_all(h1, writes + [("umcast", "0")])
    assert dict(zip(UMCAST, found[1::2])) == \
        {v: (len(v), shown) for v, shown in UMCAST.items()}


def test_umcast_is_remarked_upon(h1, log):
    write_errno(h1, "umcast", "1\n")
    line = log.wait("^ib0: .*multicast groups")
    assert "userspace" in line or "user space" in line
    assert line in log.lines("", "-l", "warn")
    count = len(log.lines("^ib0: "))
    write_errno(h1, "umcast", "0\n")
    assert h1.sysfs("umcast") == "0"
    assert len(log.lines("^ib0: ")) == count


def test_the_mode_is_in_ip_and_in_sysfs_the_same(h1):
    assert h1.link()["linkinfo"]["info_data"]["mode"] == h1.sysfs("mode")
    assert h1.link()["linkinfo"]["info_data"]["key"] == h1.sysfs("pkey")


def test_writers_do_not_wait_for_the_lock_of_those_who_remove(spare, here):
    """Unregistration holds the lock while it waits for users of files: a
    writer that slept for the lock would hang both."""
    hca = spare()
    name = hca.add()
    path = f"/sys/class/net/{name}/mode"
    script = ("import sys\n"
              "print('ready', flush=True)\n"
              "while True:\n"
              "    try: open(sys.argv[1], 'w').write('datagram\\n')\n"
              "    except FileNotFoundError: break\n"
              "    except OSError: pass\n")
    writers = [here.popen("python3", "-c", script, path)
               for _ in range(2)]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    hca.delete()
    for writer in writers:
        assert writer.wait(20) == 0


def test_writers_get_through_while_the_lock_is_busy(h1):
    """The write is restarted by the kernel, not seen by its caller."""
    over = threading.Event()

    def keep_busy():
        while not over.is_set():
            run("ip", "-n", "h1", "-batch", "-",
                text="link set ib0 txqueuelen 256\n" * 50)
    thread = threading.Thread(target=keep_busy)
    thread.start()
    try:
        results = set(write_all(h1, [("mode", "datagram\n")] * 50))
    finally:
        over.set()
        thread.join()
    assert results == {(9, "datagram\n")}


def test_the_pkey_follows_the_first_entry_of_the_table(h4, pkeys, log):
    """A parent takes whatever value is there; its broadcast address changes
    in place."""
    pkeys(h4, 0x8005, 0xffff)
    wait(lambda: h4.sysfs("pkey") == "0x8005", 5, "the P_Key is not noticed")
    wait(lambda: h4.sysfs("broadcast") == "00:ff:ff:ff:ff:12:40:1b:80:05:"
         "00:00:00:00:00:00:ff:ff:ff:ff", 5, "the broadcast address stays")
    assert h4.link()["linkinfo"]["info_data"]["key"] == "0x8005"
    wait(lambda: not h4.carrier(), 5, "the carrier stays")
    pkeys(h4, 0xffff)
    wait(h4.carrier, 20, "no carrier with the first P_Key")
    assert h4.sysfs("pkey") == "0xffff"


def test_a_limited_pkey_is_shown_as_a_full_one(h4, pkeys):
    pkeys(h4, 0x0005, 0xffff)
    wait(lambda: h4.sysfs("pkey") == "0x8005", 5, "the P_Key is not noticed")
