# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""sib-fabric makes of a file the commands of ip and rdma, or says what is
wrong with it."""

import os
import tempfile
import unittest

from tests.lab import shell

SMALL = """
switch sw1   # one
hca sib1
hca sib2
cable sib1 sw1
cable sw1 sib2 2048
load ib_umad ib_ipoib
"""

# What is wrong: the file, and a part of the complaint.
WRONG = {
    "an unknown word": ("router r1\n", "1: what is 'router r1'?"),
    "a missing argument": ("switch\n", "1: what is 'switch'?"),
    "an end that nobody named": ("switch a\ncable a b\n", "2: no switch or "
                                 "hca b above"),
    "a name that is taken": ("switch a\nhca a\n", "2: there is a switch a"),
    "an HCA with two cables": ("switch s\nhca a\ncable a s\ncable a s\n",
                               "4: a has a cable already"),
    "an HCA without a cable": ("hca a\n", "a has no cable"),
    "a name that is too long": ("switch abcdefghijklmnop\n", "longer than 15"),
    "ends that are too long together": (
        "switch abcdefghi\nhca jklmnopq\ncable abcdefghi jklmnopq\n",
        "longer than 15"),
    "an MTU that InfiniBand has not": ("switch a\nswitch b\ncable a b 1500\n",
                                       "3: the MTU 1500"),
    "two netdevs": ("cable netdev:a netdev:b\n", "two netdevs"),
    "a command for the shell": ("switch a;reboot\n", "is no name"),
}


class SibFabric(unittest.TestCase):
    """The commands that it prints with -n."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.file = os.path.join(directory.name, "fabric.conf")
        self.machine = os.path.join(directory.name, "machine-id")
        self.name_machine("one")

    def name_machine(self, name):
        """The identity of the machine."""
        with open(self.machine, "w", encoding="ascii") as file:
            file.write(name)

    def fabric(self, verb, text):
        """sib-fabric on a file with that text."""
        with open(self.file, "w", encoding="ascii") as file:
            file.write(text)
        return shell.run("tools/sib-fabric", "-n", verb, self.file,
                         SIB_MACHINE_ID=self.machine)

    def lines(self, verb, text):
        """What it would run."""
        done = self.fabric(verb, text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def up(self, text):
        """The same of up, without addresses."""
        return [" ".join(w for i, w in enumerate(words)
                         if "address" not in words[max(i - 1, 0):i + 1])
                for words in map(str.split, self.lines("up", text))]

    def test_a_switch_with_two_adapters(self):
        self.assertEqual(self.up(SMALL), [
            "modprobe sib",
            "ip link add sw1 type sibsw",
            "ip link set sw1 up",
            "ip link add sib1-sw1 mtu 4230 type veth "
            "peer name sw1-sib1 mtu 4230",
            "ip link set sib1-sw1 up",
            "rdma link add sib1 type sib netdev sib1-sw1",
            "ip link set sw1-sib1 master sw1 up",
            "ip link add sw1-sib2 mtu 2182 type veth "
            "peer name sib2-sw1 mtu 2182",
            "ip link set sw1-sib2 master sw1 up",
            "ip link set sib2-sw1 up",
            "rdma link add sib2 type sib netdev sib2-sw1",
            "modprobe -a ib_umad ib_ipoib"])

    def test_down_removes_adapters_then_cables_then_switches(self):
        self.assertEqual(self.lines("down", SMALL), [
            "rdma link delete sib1", "rdma link delete sib2",
            "ip link delete sib1-sw1", "ip link delete sw1-sib2",
            "ip link delete sw1"])

    def test_two_switches_may_share_several_cables(self):
        lines = self.up("switch a\nswitch b\ncable a b\ncable a b\n")
        self.assertIn("ip link set a-b master a up", lines)
        self.assertIn("ip link set b-a.1 master b up", lines)

    def test_a_netdev_of_the_machine_is_a_cable_either_way_round(self):
        for text in ("cable netdev:eth1 sib1 2048", "cable sib1 netdev:eth1 2048"):
            with self.subTest(text):
                self.assertEqual(self.up(f"hca sib1\n{text}\n"), [
                    "modprobe sib", "wait_for_netdev eth1",
                    "ip link set eth1 mtu 2182", "ip link set eth1 up",
                    "rdma link add sib1 type sib netdev eth1"])

    def test_a_netdev_keeps_its_mtu_unless_one_is_given(self):
        lines = self.up("switch a\ncable a netdev:eth1\n")
        self.assertFalse([line for line in lines if "mtu" in line])

    def test_a_netdev_of_the_machine_is_not_deleted(self):
        self.assertEqual(self.lines("down", "switch a\ncable a netdev:eth1\n"),
                         ["ip link set eth1 nomaster", "ip link delete a"])

    def test_addresses_are_the_same_in_each_boot(self):
        self.assertEqual(self.lines("up", SMALL), self.lines("up", SMALL))

    def test_addresses_differ_from_each_other_and_between_machines(self):
        def addresses():
            words = " ".join(self.lines("up", SMALL)).split()
            return [b for a, b in zip(words, words[1:]) if a == "address"]
        one = addresses()
        self.name_machine("two")
        both = one + addresses()
        self.assertEqual(len(both), 10)
        self.assertEqual(len(set(both)), 10)

    def test_what_is_wrong_is_told_with_file_and_line(self):
        for why, (text, complaint) in WRONG.items():
            with self.subTest(why):
                done = self.fabric("up", text)
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn(f"sib-fabric: {self.file}:", done.stderr)
                self.assertIn(complaint, done.stderr)

    def test_a_file_that_is_not_there_is_named(self):
        done = shell.run("tools/sib-fabric", "up", "/nonexistent/f")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot read /nonexistent/f", done.stderr)

    def test_what_was_made_is_undone_when_a_command_fails(self):
        bin_dir, log = os.path.dirname(self.file), f"{self.file}.log"
        for name in ("ip", "rdma", "modprobe"):
            shell.stand_in(bin_dir, name, "#!/bin/sh\n"
                           f'echo "${{0##*/}} $*" >>{log}\n'
                           '[ "$3" != sib2 ] || [ "$2" != add ] || '
                           '{ echo no port for you; exit 2; }\n')
        with open(self.file, "w", encoding="ascii") as file:
            file.write(SMALL)
        done = shell.run("tools/sib-fabric", "up", self.file,
                         PATH=shell.path_with(bin_dir),
                         SIB_MACHINE_ID=self.machine)
        self.assertEqual(done.returncode, 1)
        self.assertIn("rdma link add sib2 type sib netdev sib2-sw1: "
                      "no port for you", done.stderr)
        with open(log, encoding="ascii") as file:
            after = file.read().split("netdev sib2-sw1\n")[1].splitlines()
        self.assertEqual(after, [
            "ip link delete sw1-sib2", "rdma link delete sib1",
            "ip link delete sib1-sw1", "ip link delete sw1"])

    def test_the_example_is_right(self):
        with open("tools/fabric.conf", encoding="ascii") as file:
            lines = self.lines("up", file.read())
        self.assertEqual(sum(line.startswith("rdma link add")
                             for line in lines), 4)


if __name__ == "__main__":
    unittest.main()
