# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The version of the modules: what git knows, in an order that Debian sees."""

import os
import subprocess
import tempfile
import unittest

from tests.lab import shell


class Version(unittest.TestCase):
    """compat/version.sh in a repository of its own."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def git(self, *argv):
        """A command of git in that repository."""
        done = subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@example.org",
             "-C", self.directory, *argv], capture_output=True, text=True,
            check=True)
        return done.stdout.strip()

    def commit(self, text):
        """A change that is committed; its short name."""
        self.change(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", text)
        return "g" + self.git("rev-parse", "--short=12", "HEAD")

    def change(self, text):
        """A change that is not."""
        with open(os.path.join(self.directory, "file"), "w",
                  encoding="ascii") as file:
            file.write(text)

    def version(self):
        """What version.sh says."""
        done = shell.run("compat/version.sh", self.directory)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.strip()

    def assert_newer(self, new, old):
        """Would apt upgrade from old to new?"""
        done = shell.run("dpkg", "--compare-versions", new, "gt", old)
        self.assertEqual(done.returncode, 0, f"{new} is not above {old}")

    def test_a_tag_is_the_version(self):
        self.git("init", "-q")
        self.commit("a")
        self.git("tag", "v1.2")
        self.assertEqual(self.version(), "1.2")

    def test_after_a_tag_commits_are_counted(self):
        self.git("init", "-q")
        self.commit("a")
        self.git("tag", "v1.2")
        name = self.commit("b")
        self.assertEqual(self.version(), f"1.2+1.{name}")

    def test_tags_of_other_kinds_are_no_version(self):
        self.git("init", "-q")
        name = self.commit("a")
        self.git("tag", "base")
        self.assertEqual(self.version(), f"0+1.{name}")

    def test_changes_are_told(self):
        self.git("init", "-q")
        name = self.commit("a")
        self.change("b")
        self.assertEqual(self.version(), f"0+1.{name}.dirty")

    def test_each_state_is_newer_than_the_one_before(self):
        self.git("init", "-q")
        states = []
        for number in range(11):
            self.commit(str(number))
            states.append(self.version())
        self.git("tag", "v1.0-rc1")
        states.append(self.version())
        self.commit("x")
        states.append(self.version())
        self.git("tag", "v1.0")
        states.append(self.version())
        self.change("y")
        for old, new in zip(states, states[1:]):
            self.assert_newer(new, old)
        self.assert_newer(self.version() + "x", states[-1])

    def test_without_git_it_is_unknown(self):
        self.assertEqual(self.version(), "unknown")


if __name__ == "__main__":
    unittest.main()
