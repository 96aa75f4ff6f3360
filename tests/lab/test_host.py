# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the host lacks is installed, or named in one clear line."""

import os
import tempfile
import unittest

from tests.lab import shell

LAB_FAILED = 125
# What the scripts are written with, and what a host always has.
ALWAYS = ("bash", "cat", "chmod", "cut", "date", "dirname", "flock", "find",
          "grep", "mkdir", "mktemp", "rm", "sha256sum", "tail", "touch")


class Missing(unittest.TestCase):
    """`host_needs`, on a host with nothing but ALWAYS and what stands in."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bin = os.path.join(directory.name, "bin")
        self.cache = os.path.join(directory.name, "cache")
        os.mkdir(self.bin)
        for name in ALWAYS:
            os.symlink(shell.which(name), os.path.join(self.bin, name))
        self.user(0)

    def user(self, uid):
        """Who runs the script."""
        shell.stand_in(self.bin, "id", f"#!/bin/sh\necho {uid}\n")

    def apt_get(self, script):
        """What apt-get does; $verb is its verb."""
        shell.stand_in(self.bin, "apt-get", "#!/bin/bash\n"
                       "for verb; do case $verb in -*) ;; *) break ;; esac;"
                       f" done\n{script}\n")

    def needs_netcat(self):
        """A script that needs the command nc of the package netcat."""
        return shell.library("host_needs nc:netcat; echo done", "common",
                             "host", PATH=self.bin)

    def assert_one_line(self, done, line):
        """It fails as the lab does, and says just this."""
        self.assertEqual((done.returncode, done.stdout), (LAB_FAILED, ""))
        told = [said for said in done.stderr.splitlines()
                if not said.startswith(("E: ", "lab: reading the package",
                                        "lab: installing "))]
        self.assertEqual(told, [line])

    def test_without_apt_the_package_is_named(self):
        self.assert_one_line(
            self.needs_netcat(), "lab: cannot install netcat: no apt-get, "
            "this is for Debian 12 only")

    def test_who_is_not_root_is_told_what_to_install(self):
        self.apt_get("exit 0")
        self.user(1000)
        self.assert_one_line(self.needs_netcat(),
                             "lab: cannot install netcat: not root")

    def test_without_a_network_it_says_so(self):
        self.apt_get("echo 'E: no address' >&2; [ $verb != update ]")
        self.assert_one_line(
            self.needs_netcat(), "lab: cannot install netcat: apt-get update "
            "failed, is there a network?")

    def test_a_package_that_is_not_to_be_had_is_named(self):
        self.apt_get("echo 'E: Unable to locate' >&2; [ $verb != install ]")
        self.assert_one_line(self.needs_netcat(),
                             "lab: cannot install netcat")

    def test_what_is_missing_is_installed(self):
        self.apt_get(f"[ $verb != install ] || echo $* >{self.bin}/installed")
        done = self.needs_netcat()
        self.assertEqual((done.returncode, done.stdout), (0, "done\n"))
        with open(f"{self.bin}/installed", encoding="ascii") as file:
            self.assertEqual(file.read().split()[-1], "netcat")

    def test_what_is_there_is_not_installed(self):
        shell.stand_in(self.bin, "nc", "#!/bin/sh\n")
        self.assertEqual(self.needs_netcat().stdout, "done\n")

    def test_lab_run_on_a_bare_host_names_qemu(self):
        done = shell.run("lab/run", "--prepare", PATH=self.bin,
                         IPOIB_LAB_CACHE=self.cache)
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertRegex(done.stderr, r"\Alab: cannot install [^\n]*"
                         r"qemu-system-x86[^\n]*\n\Z")


class Threads(unittest.TestCase):
    """How many threads QEMU's emulated processors have."""

    def threads(self, version, kernel):
        """What tcg_threads says with a QEMU of that version."""
        with tempfile.TemporaryDirectory() as directory:
            shell.stand_in(directory, "qemu-system-x86_64", "#!/bin/sh\n"
                           f"echo 'QEMU emulator version {version} (x)'\n")
            return shell.library(
                f"PATH={directory}:$PATH KERNEL={kernel} tcg_threads",
                "common", "guest").stdout.strip()

    def test_one_where_qemu_runs_patched_code_wrongly(self):
        self.assertEqual(self.threads("7.2.22", "6.12"), "single")
        self.assertEqual(self.threads("8.0.5", "6.12"), "single")
        self.assertEqual(self.threads("8.1.0", "6.12"), "multi")
        self.assertEqual(self.threads("10.0.2", "6.12"), "multi")
        self.assertEqual(self.threads("7.2.22", "6.1"), "single")
        self.assertEqual(self.threads("7.2.22", "debug"), "multi")


class Clock(unittest.TestCase):
    """What a guest is told of its time stamp counter."""

    def command_line(self, icount="", accel="tcg"):
        """Of a guest's kernel."""
        return shell.library(
            f"KERNEL=6.1 APPEND= ICOUNT={icount} ACCEL={accel} "
            "kernel_command_line", "common", "guest").stdout

    def test_half_the_bogomips_of_a_processor(self):
        with tempfile.NamedTemporaryFile("w") as cpuinfo:
            cpuinfo.write("processor\t: 0\nbogomips\t: 5192.28\n" * 2)
            cpuinfo.flush()
            self.assertEqual(shell.library(f"tsc_khz {cpuinfo.name}", "common",
                                           "guest").stdout, "2596140\n")

    def test_an_emulated_guest_does_not_measure_it(self):
        self.assertRegex(self.command_line(), r" tsc_early_khz=\d{6,}\b")

    def test_a_guest_with_a_clock_of_its_own_does(self):
        for options in {"icount": "1"}, {"accel": "kvm"}:
            self.assertNotIn("tsc_early_khz", self.command_line(**options))


if __name__ == "__main__":
    unittest.main()
