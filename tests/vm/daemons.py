# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The daemons of a machine, on a host: udev, D-Bus and who configures the
network. They see the host's interfaces and /sys, and have a /run of their own.
"""

import os
import signal
import subprocess

from tests.vm import lab
from tests.vm.lab import wait

UDEVD = "/lib/systemd/systemd-udevd"
_BUS = "/run/dbus/system_bus_socket"
# As the init of a machine does before anything else.
_ROOM = """
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/dbus /run/udev /run/systemd/netif/{links,leases,lldp} /run/log
chown -R systemd-network: /run/systemd/netif
# Of which clients of DHCP make who they are.
echo 5b000000000000000000000000000001 >/run/machine-id
[ -e /etc/machine-id ] || touch /etc/machine-id
mount --bind /run/machine-id /etc/machine-id
echo ready
exec sleep infinity
"""
_NETWORKMANAGER = """
[main]
plugins=keyfile
auth-polkit=false
no-auto-default=*
dhcp=internal
[keyfile]
path=/run/connections
[connectivity]
enabled=false
"""


class Room:
    """A mount namespace on a host in which its daemons live. A context
    manager; those that were started in it end with it."""

    def __init__(self, host=None):
        """Without a host it is in the initial network namespace."""
        self.host = host
        where = ["ip", "netns", "exec", host.name] if host else \
            ["unshare", "--mount", "--propagation", "slave"]
        self._holder = subprocess.Popen(
            where + ["bash", "-ec", _ROOM], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout.readline() == "ready\n"
        self._daemons = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in reversed(list(self._daemons)):
            self.stop(name)
        self._holder.kill()
        self._holder.communicate()

    def _inside(self, argv):
        return ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "--",
                *map(str, argv)]

    def run(self, *argv, **options):
        """Run a command in there."""
        return lab.run(*self._inside(argv), **options)

    def status(self, *argv):
        """The same; exit status and output."""
        return lab.status(*self._inside(argv))

    def write(self, path, text):
        """Make a file in there, with the directories above it."""
        self.run("mkdir", "-p", os.path.dirname(path))
        self.run("sh", "-c", 'umask 077; cat >"$0"', path, text=text)

    def start(self, *argv, env=()):
        """Start a daemon that stays in the foreground; its log is in
        /run/lab."""
        name = os.path.basename(argv[0])
        with open(f"/run/lab/{name}.log", "ab") as log:
            self._daemons[name] = subprocess.Popen(
                self._inside(argv), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env={**os.environ, **dict(env)})
        return self._daemons[name]

    def stop(self, name, how=signal.SIGTERM):
        """End a daemon, if it runs."""
        daemon = self._daemons.pop(name, None)
        if daemon:
            lab.stop(daemon, how)

    def is_there(self, path):
        """Is there such a file in there?"""
        return self.status("test", "-e", path)[0] == 0

    def start_udev(self, **env):
        """udev, which has seen every interface when this returns."""
        self.start(UDEVD, "--resolve-names=never", env=env)
        wait(lambda: self.is_there("/run/udev/control"), 20,
             "udevd does not start")
        self.run("udevadm", "trigger", "--action=add",
                 "--subsystem-match=net")
        self.settle()

    def settle(self):
        """Wait until udev has done all that it has to."""
        self.run("udevadm", "settle", f"--timeout={30 * lab.SLOW}")

    def start_bus(self):
        """The system's D-Bus."""
        self.start("/usr/bin/dbus-daemon", "--system", "--nofork",
                   "--nopidfile", "--nosyslog", f"--address=unix:path={_BUS}")
        wait(lambda: self.is_there(_BUS), 20, "D-Bus does not start")

    def start_networkmanager(self):
        """NetworkManager with all that it needs; it has seen ib0."""
        self.write("/run/nm.conf", _NETWORKMANAGER)
        self.start_udev()
        self.start_bus()
        self.start("/usr/sbin/NetworkManager", "--debug", "--config",
                   "/run/nm.conf")

        def has_seen_it():
            return "infiniband" in self.status("nmcli", "-g", "TYPE",
                                               "device")[1]
        wait(has_seen_it, 60, "NetworkManager does not see ib0")
