# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""Two guests, without either: what plays QEMU tells by its channels which of
them it is. And the agent of the second guest, on this host.
"""

import os
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import unittest.mock

from lab.lib import remote
from tests.lab import shell
from tests.lab.test_guest import (BOOTS, FOREVER, LAB_FAILED, QEMU, REPORT,
                                  TIMEOUT)

# After the beginning of every player: which guest this is. The first listens,
# as QEMU does.
WHICH = r"""
case " $* " in *,server=on,*) guest=1 ;; *) guest=2 ;; esac
echo $$ >%(pid)s.$guest
if [ $guest = 1 ]; then
    python3 -c 'import socket, sys
for path in sys.argv[1:]:
    socket.socket(socket.AF_UNIX).bind(path)' $(printf '%%s\n' "$@" |
        sed -n 's/^stream,.*server=on,.*addr\.path=//p')
fi
share=$(printf '%%s\n' "$@" | sed -n 's/^local,id=run,path=\([^,]*\),.*/\1/p')
cp "$share/config" %(pid)s.config.$guest
"""
WELL = f"{BOOTS} echo EXIT 0 >&7"
STAYS = f"{BOOTS} echo begun >&5; exec sleep {FOREVER}"
WARNS = "echo '[    1.5] WARNING: CPU: 0 PID: 1 at a.c:1' >\"$console\"; "


class TwoGuests(unittest.TestCase):
    """lab/run --second with two QEMUs that are played."""

    @classmethod
    def setUpClass(cls):
        shell.run("lab/run", "--prepare", "--second", "driver=stock",
                  limit=3600).check_returncode()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.bin, self.pid = directory.name, f"{directory.name}/pid"
        self.tmp = f"{directory.name}/tmp"
        os.mkdir(self.tmp)

    def plays(self, first, second):
        """The environment in which the guests do this."""
        words = {"real": shell.which("qemu-system-x86_64"), "pid": self.pid}
        shell.stand_in(self.bin, "qemu-system-x86_64", QEMU % words +
                       WHICH % words + f"if [ $guest = 1 ]; then\n{first}\n"
                       f"else\n{second}\nfi\n")
        return {"PATH": shell.path_with(self.bin), "TMPDIR": self.tmp,
                "LAB_QUIET": "1"}

    def lab(self, first, second, *options):
        """lab/run with these guests, to its end."""
        return shell.run("lab/run", "--second", "driver=stock", *options, "--",
                         "true", **self.plays(first, second))

    def starts(self, **env):
        """lab/run with guests that stay."""
        child = subprocess.Popen(
            ["lab/run", "--second", "", "--", "true"], cwd=shell.ROOT,
            env=shell.environment(**env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True, preexec_fn=shell.default_signals)
        self.addCleanup(child.stdout.close)
        self.assertEqual(child.stdout.readline(), "begun\n")
        shell.wait(lambda: self.lives(2), "the second guest")
        return child

    def lives(self, guest):
        """Is its QEMU there, and not just waiting to be reaped?"""
        try:
            with open(f"{self.pid}.{guest}", encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                return file.read().rsplit(")", 1)[1].split()[0] != "Z"
        except (FileNotFoundError, ValueError):
            return False

    def assert_nothing_left(self):
        """Neither QEMU, nor what belonged to the run."""
        self.assertFalse(self.lives(1) or self.lives(2))
        self.assertEqual(os.listdir(self.tmp), [])

    def test_the_exit_status_is_that_of_the_command_in_the_first(self):
        for status in (0, 3):
            with self.subTest(status=status):
                done = self.lab(f"{BOOTS} echo EXIT {status} >&7", WELL)
                self.assertEqual((done.returncode, done.stderr), (status, ""))
                self.assert_nothing_left()

    def test_each_has_the_driver_that_was_chosen_for_it(self):
        self.lab(WELL, WELL)
        for guest, driver in ((1, "ours"), (2, "stock")):
            with open(f"{self.pid}.config.{guest}", encoding="ascii") as file:
                config = file.read().splitlines()
            self.assertIn(f"export LAB_DRIVER={driver}", config)
            self.assertIn(f"export LAB_GUEST={guest}", config)

    def test_what_the_second_prints_is_in_its_log_only(self):
        done = self.lab(f"{BOOTS} echo first >&5; echo EXIT 0 >&7",
                        f"{BOOTS} echo second >&5; echo EXIT 0 >&7")
        self.assertEqual(done.stdout, "first\n")

    def test_a_second_guest_that_dies_is_exit_125(self):
        for phase, script in (("boot", 'exec 7>"$verdict"; exit'),
                              ("command", f"{BOOTS} exit")):
            with self.subTest(phase):
                done = self.lab(STAYS, script)
                self.assertEqual(done.returncode, LAB_FAILED)
                self.assertIn("lab: second guest: the guest died during "
                              f"{phase}", done.stderr)
                self.assertIn("lab: the second guest failed", done.stderr)
                self.assert_nothing_left()

    def test_a_first_guest_that_dies_takes_the_second_with_it(self):
        done = self.lab(f"{BOOTS} exit", STAYS)
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("the guest died during command", done.stderr)
        self.assert_nothing_left()

    def test_a_fabric_that_does_not_come_up_there_is_told(self):
        done = self.lab(STAYS, 'exec 7>"$verdict"; '
                        'echo FAILED fabric: h3: no carrier >&7')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertIn("second guest: fabric: h3: no carrier", done.stderr)

    def test_a_kernel_report_of_either_is_exit_99(self):
        for first, second in ((WARNS + WELL, WELL), (WELL, WARNS + WELL)):
            with self.subTest(second=second):
                done = self.lab(first, second)
                self.assertEqual(done.returncode, REPORT)
                self.assertIn("WARNING: CPU: 0 PID: 1 at a.c:1\n", done.stderr)
                self.assert_nothing_left()

    def test_a_kernel_report_of_the_second_beats_a_timeout(self):
        done = self.lab(f"until [ -e {self.pid}.warned ]; do sleep 0.1; done\n"
                        + STAYS, f"{WARNS} : >{self.pid}.warned; {STAYS}",
                        "--timeout", "1")
        self.assertEqual(done.returncode, REPORT)
        self.assert_nothing_left()

    def test_a_command_that_takes_too_long_is_exit_124(self):
        done = self.lab(STAYS, STAYS, "--timeout", "1")
        self.assertEqual(done.returncode, TIMEOUT)
        self.assert_nothing_left()

    def test_ctrl_c_and_a_termination_leave_no_qemu(self):
        for signum, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(signum=signum):
                child = self.starts(**self.plays(STAYS, STAYS))
                os.killpg(child.pid, signum)
                self.assertEqual(child.wait(shell.LIMIT), status)
                self.assert_nothing_left()

    def test_a_killed_lab_run_takes_both_with_it(self):
        child = self.starts(**self.plays(STAYS, STAYS))
        child.kill()
        child.wait()
        for guest in (1, 2):
            shell.wait(lambda g=guest: not self.lives(g), "QEMU's end")


class Agent(unittest.TestCase):
    """The agent of the second guest and lab/second."""

    def setUp(self):
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.env = {"LAB_SECOND": "%s:%d" % sock.getsockname()}
        agent = subprocess.Popen(["lab/guest/agent"], cwd=shell.ROOT,
                                 env=shell.environment(**self.env),
                                 stdin=subprocess.DEVNULL)
        self.agent = agent
        self.addCleanup(agent.wait)
        self.addCleanup(agent.kill)
        shell.wait(lambda: self.second("true").returncode == 0, "the agent")

    def second(self, *argv, text=""):
        """lab/second, to its end."""
        return subprocess.run(
            ["lab/second", *argv], cwd=shell.ROOT, input=text, text=True,
            env=shell.environment(**self.env), capture_output=True,
            timeout=shell.LIMIT, check=False)

    def remote(self, *argv):
        """The same from a program."""
        with unittest.mock.patch.object(remote, "ADDRESS",
                                        self.env["LAB_SECOND"]):
            return remote.Process(argv)

    def starts(self, script):
        """lab/second with a script that says when it has begun."""
        child = subprocess.Popen(
            ["lab/second", "sh", "-c", f"echo $$; {script}"], text=True,
            cwd=shell.ROOT, env=shell.environment(**self.env),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.addCleanup(child.stdout.close)
        return child, int(child.stdout.readline())

    def test_output_errors_and_exit_status_are_the_commands(self):
        done = self.second("sh", "-c", "echo out; echo err >&2; exit 3")
        self.assertEqual((done.stdout, done.stderr, done.returncode),
                         ("out\n", "err\n", 3))

    def test_input_goes_there_and_its_end(self):
        text = "line\n" * 100000
        done = self.second("cat", text=text)
        self.assertEqual((done.stdout, done.returncode), (text, 0))

    def test_a_command_that_is_not_there_is_exit_127(self):
        done = self.second("no-such-command")
        self.assertEqual(done.returncode, 127)
        self.assertIn("no-such-command", done.stderr)

    def test_a_signal_goes_there_and_comes_back_as_its_status(self):
        child, _ = self.starts(f"exec sleep {FOREVER}")
        child.terminate()
        self.assertEqual(child.wait(shell.LIMIT), 128 + signal.SIGTERM)

    def test_who_goes_away_leaves_no_command_behind(self):
        child, pid = self.starts(f"sleep {FOREVER}; true")
        child.kill()
        child.wait()
        shell.wait(lambda: not os.path.exists(f"/proc/{pid}"), "its end")

    def test_a_daemon_that_it_leaves_is_not_waited_for(self):
        start = time.monotonic()
        done = self.second("sh", "-c", "sleep 30 & echo $!")
        self.assertEqual(done.returncode, 0)
        self.assertLess(time.monotonic() - start, 30)
        os.kill(int(done.stdout), signal.SIGKILL)

    def test_what_is_sent_after_its_end_does_no_harm(self):
        process = self.remote("sh", "-c", "echo word; exec 0<&-; exit 4")
        shell.wait(lambda: select.select([process], [], [], 0)[0], "an answer")
        for _ in range(100):
            process.write(b"more")
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.communicate(shell.LIMIT), ("word\n", None))
        self.assertEqual(process.returncode, 4)

    def test_commands_run_at_the_same_time(self):
        first, _ = self.starts(f"exec sleep {FOREVER}")
        self.assertEqual(self.second("echo", "word").stdout, "word\n")
        first.terminate()
        first.wait(shell.LIMIT)

    def test_it_ends_when_it_is_told_to(self):
        self.assertEqual(self.second("--end").returncode, 0)
        self.assertEqual(self.agent.wait(shell.LIMIT), 0)
        self.assertEqual(self.second("true").returncode, LAB_FAILED)

    def test_without_a_command_it_tells_its_usage(self):
        done = self.second()
        self.assertEqual(done.returncode, 2)
        self.assertIn("lab/second COMMAND", done.stderr)


if __name__ == "__main__":
    unittest.main()
