# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""lab/run refuses what it does not understand before it does anything."""

import os
import tempfile
import unittest

from tests.lab import shell

LAB_FAILED = 125

REFUSED = {
    "no command": [],
    "no command after --": ["--"],
    "no command after options": ["--cpus", "1", "--"],
    "an unknown option": ["--bogus", "--", "true"],
    "a command without --": ["true"],
    "an option without its value": ["--kernel"],
    "an unknown kernel": ["--kernel", "5.10", "--", "true"],
    "an unknown driver": ["--driver", "theirs", "--", "true"],
    "an unknown topology": ["--topology", "ring", "--", "true"],
    "no CPU": ["--cpus", "0", "--", "true"],
    "CPUs that are no number": ["--cpus", "two", "--", "true"],
    "an empty number": ["--cpus", "", "--", "true"],
    "a timeout that is no number": ["--timeout", "1h", "--", "true"],
    "a second guest without its value": ["--second"],
    "a second guest of an unknown kernel":
        ["--second", "kernel=5.10", "--", "true"],
    "a second guest of an unknown driver":
        ["--second", "driver=theirs", "--", "true"],
    "a second guest without CPUs": ["--second", "cpus=0", "--", "true"],
    "a word that means nothing for the second guest":
        ["--second", "kernel=6.12 colour=red", "--", "true"],
    "a second guest in a topology of one":
        ["--second", "", "--topology", "2sw4ca", "--", "true"],
    "a second guest without a fabric":
        ["--second", "", "--topology", "none", "--", "true"],
    "two guests and a clock that counts instructions":
        ["--icount", "--second", "", "--", "true"],
    "the same, by the topology":
        ["--icount", "--topology", "2guests", "--", "true"],
}


class Arguments(unittest.TestCase):
    """The command line of lab/run."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.cache = os.path.join(directory.name, "cache")

    def run_lab(self, *args):
        """lab/run with a cache that is not there."""
        return shell.run("lab/run", *args, IPOIB_LAB_CACHE=self.cache)

    def test_bad_usage_is_exit_125_with_the_reason_and_the_usage(self):
        for why, args in REFUSED.items():
            with self.subTest(why):
                done = self.run_lab(*args)
                self.assertEqual(done.returncode, LAB_FAILED)
                self.assertRegex(done.stderr, r"\Alab/run: .+\nusage: ")

    def test_bad_usage_says_nothing_on_standard_output(self):
        for why, args in REFUSED.items():
            with self.subTest(why):
                self.assertEqual(self.run_lab(*args).stdout, "")

    def test_bad_usage_prepares_nothing(self):
        self.run_lab("--kernel", "5.10", "--", "true")
        self.assertFalse(os.path.exists(self.cache))

    def test_the_reason_names_what_is_wrong(self):
        done = self.run_lab("--topology", "ring", "--", "true")
        self.assertIn("ring", done.stderr.splitlines()[0])

    def test_help_is_the_usage_and_success(self):
        done = self.run_lab("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("usage: lab/run"))


if __name__ == "__main__":
    unittest.main()
