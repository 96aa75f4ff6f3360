# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The scripts of docs/ci.md do what the page says, as a reader pastes them."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from tests import pages
from tests.packages import machine

LIMIT = 1200


def scripts():
    """Name -> text of the scripts of the page."""
    with open(f"{machine.REPO}/docs/ci.md", encoding="utf-8") as file:
        return dict(re.findall(r"^```sh ([\w-]+)\n(.*?)^```$", file.read(),
                               re.M | re.S))


class Tutorial(unittest.TestCase):
    """In a directory that has nothing but these scripts."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        for name, text in scripts().items():
            self.write(name, text)

    def write(self, name, text):
        """A script."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def ci(self):
        """What CI runs; status and output."""
        done = subprocess.run(
            ["./ci-fabric"], cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "FABRIC_URL": machine.REPO}, timeout=LIMIT,
            check=False)
        return done.returncode, done.stdout

    def test_the_script_is_short_enough_to_paste(self):
        self.assertLess(scripts()["ci-fabric"].count("\n"), 30)

    def typed(self, *argv):
        """A command in the directory; what it said."""
        done = subprocess.run(
            argv, cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "FABRIC_URL": machine.REPO}, timeout=LIMIT,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_the_steps_of_the_page(self):
        first, = pages.blocks("docs/ci.md", "1. A fabric")
        said = self.typed("bash", "-euc", first)
        self.assertEqual(len(re.findall(r"^Switch\s", said, re.M)), 2, said)
        shutil.copy(f"{self.directory}/my-test", f"{self.directory}/fabric/out")
        second, = pages.blocks("docs/ci.md", "2. Your program on it")
        self.typed("fabric/lab/run", "--", "bash", "-euc", second)

    def test_a_program_that_works_passes(self):
        status, said = self.ci()
        self.assertEqual(status, 0, said)
        self.assertEqual(len(re.findall(r"^Switch\s", said, re.M)), 2, said)
        self.assertRegex(said, r"(?m)^passed$")

    def test_a_program_that_fails_fails(self):
        self.write("my-test", "#!/bin/sh\nexit 3\n")
        status, said = self.ci()
        self.assertEqual(status, 3, said)
        self.assertRegex(said, r"(?m)^my-test failed: 3$")


if __name__ == "__main__":
    unittest.main()
