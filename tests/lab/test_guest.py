# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What lab/run makes of what a guest does, without a guest.

A script plays QEMU: it finds the channels among QEMU's arguments and says on
them what a guest would say. Everything else of lab/run is the real thing.
"""

import os
import signal
import subprocess
import tempfile
import unittest

from tests.lab import shell

LAB_FAILED, TIMEOUT, REPORT = 125, 124, 99
# Seconds that outlive every test.
FOREVER = 10 * shell.LIMIT

# The beginning of every player: the channels as shell variables.
QEMU = r"""#!/bin/bash
[ "$1" = --version ] && exec %(real)s --version
channel() {
    printf '%%s\n' "${args[@]}" | sed -n "s/^file,id=$1,path=//p"
}
args=("$@")
verdict=$(channel verdict) out=$(channel stdout) err=$(channel stderr)
console=$(printf '%%s\n' "$@" | sed -n 's/^file:\(.*console.log\)$/\1/p')
echo $$ >%(pid)s
"""
# A guest that boots. The channels are open as long as QEMU lives.
BOOTS = r"""
exec 5>"$out" 6>"$err" 7>"$verdict"
echo BOOTED >&7; echo READY >&7
"""


class Guest(unittest.TestCase):
    """lab/run with a QEMU that is played."""

    @classmethod
    def setUpClass(cls):
        # The first time this fetches a kernel and makes a root.
        shell.run("lab/run", "--prepare", limit=3600).check_returncode()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bin, self.pid = directory.name, f"{directory.name}/pid"
        self.tmp = f"{directory.name}/tmp"
        os.mkdir(self.tmp)

    def plays(self, script):
        """The environment in which QEMU does this."""
        head = QEMU % {"real": shell.which("qemu-system-x86_64"),
                       "pid": self.pid}
        shell.stand_in(self.bin, "qemu-system-x86_64", head + script)
        return {"PATH": shell.path_with(self.bin), "TMPDIR": self.tmp,
                "LAB_QUIET": "1"}

    def lab(self, script, *options):
        """lab/run with that QEMU, to its end."""
        return shell.run("lab/run", "--topology", "none", *options, "--",
                         "true", **self.plays(script))

    def qemu_lives(self):
        """Is there a QEMU that is not just waiting to be reaped?"""
        with open(self.pid, encoding="ascii") as file:
            pid = int(file.read())
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def assert_nothing_left(self):
        """QEMU is gone, and so is what belonged to the run."""
        self.assertFalse(self.qemu_lives())
        self.assertEqual(os.listdir(self.tmp), [])

    def test_the_exit_status_is_that_of_the_command(self):
        for status in (0, 3):
            with self.subTest(status=status):
                done = self.lab(f"{BOOTS} echo EXIT {status} >&7")
                self.assertEqual(done.returncode, status, done.stderr)
                self.assert_nothing_left()

    def test_what_the_command_prints_comes_out_and_nothing_else(self):
        done = self.lab(f"{BOOTS} echo word >&5; echo why >&6; echo EXIT 0 >&7")
        self.assertEqual((done.stdout, done.stderr), ("word\n", "why\n"))

    def test_a_qemu_that_does_not_start_is_exit_125_with_its_message(self):
        done = self.lab("echo 'qemu: no such machine' >&2; exit 1")
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("lab: QEMU: qemu: no such machine, see ", done.stderr)
        self.assert_nothing_left()

    def test_a_guest_that_dies_is_exit_125(self):
        for phase, script in (("boot", 'exec 7>"$verdict"'),
                              ("setup", 'exec 7>"$verdict"; echo BOOTED >&7'),
                              ("command", BOOTS)):
            with self.subTest(phase):
                done = self.lab(f"{script}\nexit 0")
                self.assertEqual(done.returncode, LAB_FAILED)
                self.assertIn(f"the guest died during {phase}", done.stderr)

    def test_a_fabric_that_does_not_come_up_is_exit_125_with_the_reason(self):
        done = self.lab('exec 7>"$verdict"; echo FAILED fabric: no SM >&7')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("lab: fabric: no SM, see ", done.stderr)

    def test_a_command_that_takes_too_long_is_exit_124(self):
        done = self.lab(f"{BOOTS} exec sleep {FOREVER}", "--timeout", "1")
        self.assertEqual(done.returncode, TIMEOUT)
        self.assertIn("timeout after 1 seconds", done.stderr)
        self.assert_nothing_left()

    def test_a_kernel_report_is_exit_99_whatever_the_command_said(self):
        done = self.lab("echo '[    1.5] WARNING: CPU: 0 PID: 1 at a.c:1' "
                        f'>"$console"; {BOOTS} echo EXIT 0 >&7')
        self.assertEqual(done.returncode, REPORT)
        self.assertIn("WARNING: CPU: 0 PID: 1 at a.c:1\n", done.stderr)

    def test_an_emulator_that_runs_a_stale_instruction_is_exit_125(self):
        log = os.path.join(shell.ROOT, "tests/lab/data/stale-breakpoint.log")
        done = self.lab(f'cat {log} >"$console"; exec 7>"$verdict"')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("the emulator ran a stale instruction", done.stderr)

    def test_a_guest_whose_init_ends_is_exit_125(self):
        done = self.lab("echo 'Kernel panic - not syncing: Attempted to kill "
                        "init! exitcode=0x00000100' >\"$console\"; "
                        'exec 7>"$verdict"')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("the guest has no init any more", done.stderr)

    def interrupted(self, signum):
        """Exit status of a lab/run that a signal ends during the command."""
        env = shell.environment(**self.plays(
            f"{BOOTS} echo begun >&5; exec sleep {FOREVER}"))
        with subprocess.Popen(
                ["lab/run", "--topology", "none", "--", "true"],
                cwd=shell.ROOT, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, text=True,
                start_new_session=True,
                preexec_fn=shell.default_signals) as child:
            self.assertEqual(child.stdout.readline(), "begun\n")
            os.killpg(child.pid, signum)
            return child.wait(shell.LIMIT)

    def test_ctrl_c_and_a_termination_leave_no_qemu(self):
        for signum, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signum=signum):
                self.assertEqual(self.interrupted(signum), status)
                self.assert_nothing_left()

    def test_a_killed_lab_run_takes_its_qemu_with_it(self):
        env = shell.environment(**self.plays(
            f"{BOOTS} echo begun >&5; exec sleep {FOREVER}"))
        with subprocess.Popen(
                ["lab/run", "--topology", "none", "--", "true"],
                cwd=shell.ROOT, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, text=True) as child:
            self.assertEqual(child.stdout.readline(), "begun\n")
            child.kill()
            self.assertEqual(child.stdout.read(), "")
        shell.wait(lambda: not self.qemu_lives(), "QEMU's end")


if __name__ == "__main__":
    unittest.main()
