# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Debian's ifupdown, on h4: a port's interface and a child, by a file as
docs/admin.md has it. It knows of create_child and delete_child.
"""

import pytest

from tests.vm.daemons import Room
from tests.vm.iftools import restore_v6
from tests.vm.lab import wait

FILE = "/run/interfaces"
INTERFACES = """
iface ib0 inet static
    address 198.51.100.4/24
    mtu 1500

iface ib0.8001 inet static
    address 192.0.2.4/24
"""


@pytest.fixture
def room(h4):
    """Where it is configured; h4 is as it was afterwards."""
    h4.ip("link", "set", "ib0", "down")
    h4.ip("address", "flush", "dev", "ib0")
    with Room(h4) as made:
        made.write(FILE, INTERFACES)
        yield made
    h4.ip("link", "set", "ib0", "mtu", "2044")
    h4.ip("address", "replace", f"{h4.v4}/24", "dev", "ib0")
    h4.ip("link", "set", "ib0", "up")
    restore_v6(h4)


def there(host, dev):
    """Is there such an interface?"""
    return host.status("test", "-e", f"/sys/class/net/{dev}")[0] == 0


def test_interfaces_go_up_and_down_twice(room, h1, h4):
    def ifupdown(command):
        for dev in ("ib0", "ib0.8001"):
            room.run(command, dev, "-i", FILE, "--state-dir", "/run/ifstate")

    room.run("mkdir", "/run/ifstate")
    for _ in range(2):
        ifupdown("ifup")
        wait(lambda: not h1.ping(h4.v4, limit=1), 20, "h4 is silent")
        assert h4.link()["mtu"] == 1500
        assert "inet 192.0.2.4/24" in h4.ip("address", "show", "ib0.8001")
        assert h4.sysfs("pkey", "ib0.8001") == "0x8001"
        ifupdown("ifdown")
        assert "UP" not in h4.link()["flags"]
        wait(lambda: not there(h4, "ib0.8001"), 10, "the child stays")
