# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What CONTRIBUTING.md, docs/lab.md and docs/testing.md tell a contributor to
type on his machine, but for what CI and tests/run run anyway.
"""

import os
import pty
import re
import select
import subprocess
import time
import unittest

from tests import pages
from tests.packages import machine

LIMIT = 3600
# What .ci/run and tests/run run: "make check", "make lint" and the debug kernel's
# selection.
ELSEWHERE = re.compile(r"make (check|lint)\b|.* --kernel debug ")


def typed(line):
    """A shell in the repository reads it: status and all that is said."""
    done = subprocess.run(["bash", "-c", line], cwd=machine.REPO,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=LIMIT,
                          check=False)
    return done.returncode, done.stdout


class Terminal:
    """A shell of the lab on a terminal, at which lines are typed."""

    def __init__(self, line):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.chdir(machine.REPO)
            os.execvp("bash", ["bash", "-c", line])
        self.pid, self.said = pid, ""

    def until(self, pattern, limit=300):
        """Until it has said that."""
        deadline = time.monotonic() + limit
        while not re.search(pattern, self.said):
            if time.monotonic() > deadline:
                raise AssertionError(f"not said: {pattern}\n{self.said}")
            if select.select([self.terminal], [], [], 1)[0]:
                try:
                    data = os.read(self.terminal, 65536)
                except OSError as error:
                    raise AssertionError(f"it ended: {self.said}") from error
                self.said += data.decode(errors="replace")

    def type(self, line, answer, limit=120):
        """A line, and wait for the answer."""
        self.said = ""
        os.write(self.terminal, f"{line}\n".encode())
        self.until(answer, limit)

    def end(self):
        """The status of the shell."""
        os.write(self.terminal, b"exit\n")
        try:
            while os.read(self.terminal, 65536):
                pass
        except OSError:
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self.terminal)
        return status


class Commands(unittest.TestCase):
    """Each by itself."""

    def succeeds(self, line):
        """A line that exits with 0; what it said."""
        with self.subTest(line):
            status, said = typed(line)
            self.assertEqual(status, 0, f"{line}\n{said[-3000:]}")
            return said

    def test_building_and_testing(self):
        for block in pages.blocks("CONTRIBUTING.md", "Build and test"):
            for line in block.splitlines():
                if line and not ELSEWHERE.match(line):
                    self.succeeds(line)

    def test_asking_a_guest_that_hangs(self):
        logs, ask = pages.blocks("CONTRIBUTING.md", "A guest that hangs")
        ask = ask.replace("/PID/", "/1/").replace("/ib0_", "/ib0*_")
        done = subprocess.run(["lab/run", "--", "bash", "-euc", ask],
                              cwd=machine.REPO, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sysrq: Show Blocked State", done.stdout)
        self.assertIn("GID: ff12:401b", done.stdout)
        self.assertIn("SUBNET UP", self.succeeds(logs))

    def test_two_guests(self):
        first, second = pages.blocks("docs/lab.md", "Two guests")
        self.assertIn(" 3 received", self.succeeds(first))
        line, *commands = second.splitlines()
        shell = Terminal(line)
        shell.until(r"[#$] $")
        answers = iter((" [1-9] received", "driver: sibsw"))
        for command in commands:
            shell.type(command, next(answers))
        self.assertEqual(shell.end(), 0)

    def test_the_scripted_subnet_manager(self):
        line, run = pages.blocks(
            "docs/testing.md", "The scripted subnet manager")[0].splitlines()
        shell = Terminal(line)
        shell.until(r"[#$] $")
        shell.type(run, "SUBNET UP")
        time.sleep(10)
        # Ctrl-C: it ends, and tells what it was asked.
        os.write(shell.terminal, b"\x03")
        shell.until("MCMemberRecord")
        self.assertEqual(shell.end(), 0)

    def test_the_stock_driver_in_the_first_guest(self):
        line = pages.blocks("docs/testing.md",
                            "Two drivers, two kernels")[0].splitlines()[-1]
        self.assertIn(" passed", self.succeeds(line))


if __name__ == "__main__":
    unittest.main()
