# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The cache holds what is complete and nothing else, whatever happens."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

from tests.lab import shell

LAB_FAILED = 125


class Cache(unittest.TestCase):
    """`cached` and `lock_cache` of lab/lib/common.sh."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.cache = directory.name

    def cached(self, builder):
        """`cached thing` with a builder, under the lock."""
        return shell.library(
            f"build() {{ {builder}\n}}\n"
            'lock_cache; cached thing build arg; echo "$CACHED"',
            "common", IPOIB_LAB_CACHE=self.cache)

    def directories(self):
        """What the cache has besides its lock."""
        return [name for name in os.listdir(self.cache) if name != "lock"]

    def test_what_was_built_gets_its_name(self):
        done = self.cached('echo "$2" >"$1/file"')
        self.assertEqual(done.stdout, f"{self.cache}/thing\n")
        with open(f"{self.cache}/thing/file", encoding="ascii") as file:
            self.assertEqual(file.read(), "arg\n")

    def test_what_is_there_is_not_built_again(self):
        self.cached('echo >"$1/file"')
        done = self.cached("echo again >&2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_builder_that_dies_leaves_nothing(self):
        done = self.cached('echo >"$1/half"; die "no room"')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertEqual(done.stderr, "lab: no room\n")
        self.assertEqual(self.directories(), [])

    def test_a_builder_that_fails_without_a_word_leaves_nothing(self):
        done = self.cached('echo >"$1/half"; false')
        self.assertEqual(done.returncode, LAB_FAILED)
        self.assertEqual(done.stderr, "lab: cannot make thing\n")
        self.assertEqual(self.directories(), [])

    def interrupted(self, signum):
        """`cached` whose builder has begun, ended by a signal."""
        read_end, write_end = os.pipe()
        script = (". lab/lib/common.sh\n"
                  'build() { echo >"$1/half"; echo begun; '
                  f"read -r _ <&{read_end}; }}\n"
                  "lock_cache; cached thing build; echo finished")
        with subprocess.Popen(
                ["bash", "-c", script], cwd=shell.ROOT,
                env=shell.environment(IPOIB_LAB_CACHE=self.cache),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                pass_fds=[read_end],
                preexec_fn=shell.default_signals) as child:
            self.assertEqual(child.stdout.readline(), "begun\n")
            child.send_signal(signum)
            self.assertEqual(child.stdout.read(), "")
            child.wait(shell.LIMIT)
        os.close(read_end)
        os.close(write_end)

    def test_a_builder_that_is_interrupted_leaves_nothing(self):
        for signum in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signum=signum):
                self.interrupted(signum)
                self.assertEqual(self.directories(), [])

    def test_what_a_killed_builder_left_goes_with_the_next_run(self):
        self.interrupted(signal.SIGKILL)
        left = self.directories()
        self.assertEqual(len(left), 1)
        self.assertNotIn("thing", left)
        self.cached('echo >"$1/file"')
        self.assertEqual(self.directories(), ["thing"])

    def test_two_runs_do_not_build_at_once(self):
        log = os.path.join(self.cache, "lock.log")
        script = (". lab/lib/common.sh\n"
                  f'build() {{ echo begin >>{log}; sleep 0.3; echo end >>{log};'
                  " }\nlock_cache; cached thing$1 build")
        children = [subprocess.Popen(
            ["bash", "-c", script, "-", str(n)], cwd=shell.ROOT,
            env=shell.environment(IPOIB_LAB_CACHE=self.cache),
            stderr=subprocess.DEVNULL) for n in range(3)]
        deadline = time.monotonic() + shell.LIMIT
        for child in children:
            self.assertEqual(child.wait(deadline - time.monotonic()), 0)
        with open(log, encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["begin", "end"] * 3)


if __name__ == "__main__":
    unittest.main()
