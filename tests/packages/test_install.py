# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""make install and make uninstall, into a copy of the kernel's modules.

On the host: modprobe and depmod read the copy as they would read /lib/modules.
"""

import os
import shutil
import subprocess
import tempfile
import unittest

from tests import pages
from tests.packages import machine

MODULES = ("ib_ipoib", "sib")
# What docs/install.md tells to type: the targets.
INSTALL, UNINSTALL = (line.split()[1] for line in pages.blocks(
    "docs/install.md", "Without packages")[0].splitlines())


def make(target, *variables):
    """make in the repository; status and all that it said."""
    done = subprocess.run(["make", "-C", machine.REPO, target, *variables],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


class Install(unittest.TestCase):
    """For the kernel that the lab has, in a directory of its own."""

    @classmethod
    def setUpClass(cls):
        _, cls.kernel, cls.modules, _ = machine.prepare()
        with open(f"{cls.kernel}/version", encoding="ascii") as file:
            cls.release = file.read().strip()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = directory.name
        shutil.copytree(f"{self.modules}/{self.release}",
                        f"{self.root}/lib/modules/{self.release}")
        self.depmod()

    def depmod(self):
        """As the kernel's package does after an update."""
        subprocess.run(["depmod", "-b", self.root, self.release], check=True)

    def make(self, target, *variables):
        """make for that kernel and directory."""
        return make(target, f"KVER={self.release}",
                    f"KDIR={self.kernel}/build",
                    f"INSTALL_MOD_PATH={self.root}", *variables)

    def modinfo(self, field, module):
        """What modinfo shows, below the directory."""
        done = subprocess.run(
            ["modinfo", "-b", self.root, "-k", self.release, "-F", field,
             module], stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def chosen(self, module):
        """The file that modprobe would load, below /lib/modules/VERSION."""
        return self.modinfo("filename", module).split(f"{self.release}/")[1]

    def files(self):
        """All files of the directory."""
        return sorted(os.path.join(d, f) for d, _, files in os.walk(self.root)
                      for f in files)

    def installed(self, *variables):
        """make install, which succeeds."""
        status, said = self.make(INSTALL, *variables)
        self.assertEqual(status, 0, said)

    def test_ours_wins_and_the_kernels_own_comes_back(self):
        before, own = self.files(), self.chosen("ib_ipoib")
        self.assertTrue(own.startswith("kernel/drivers/infiniband/"), own)
        self.installed()
        self.assertEqual([self.chosen(m) for m in MODULES],
                         ["updates/ipoib/ib_ipoib.ko", "updates/sib/sib.ko"])
        self.depmod()
        self.assertEqual(self.chosen("ib_ipoib"), "updates/ipoib/ib_ipoib.ko")
        status, said = self.make(UNINSTALL)
        self.assertEqual(status, 0, said)
        self.assertEqual(self.chosen("ib_ipoib"), own)
        self.assertEqual(self.files(), before)

    def test_the_version_is_that_of_git(self):
        said = subprocess.run([f"{machine.REPO}/compat/version.sh",
                               machine.REPO], stdout=subprocess.PIPE,
                              text=True, check=True).stdout.strip()
        self.installed()
        for module in MODULES:
            self.assertEqual(self.modinfo("version", module), said)

    def test_the_version_can_be_given(self):
        self.installed("MODULES_VERSION=7.8")
        for module in MODULES:
            self.assertEqual(self.modinfo("version", module), "7.8")

    def test_another_driver_in_the_way_is_named(self):
        updates = f"{self.root}/lib/modules/{self.release}/updates"
        for directory in ("a", "z"):
            os.makedirs(f"{updates}/{directory}")
            shutil.copy(self.modinfo("filename", "ib_ipoib"),
                        f"{updates}/{directory}")
        status, said = self.make("install")
        self.assertNotEqual(status, 0)
        self.assertRegex(said, r"updates/[az]/ib_ipoib\.ko wins over")

    def test_a_kernel_without_headers_is_named(self):
        status, said = make("install", "KVER=9.9.9-none")
        self.assertNotEqual(status, 0)
        self.assertIn("linux-headers-9.9.9-none", said)


class Needs(unittest.TestCase):
    """A kernel that lacks an option is refused by the name of the option."""

    OPTIONS = {"ipoib": ("CONFIG_INET", "CONFIG_INFINIBAND"),
               "sib": ("CONFIG_CRC32", "CONFIG_INFINIBAND_VIRT_DMA")}

    def test_the_missing_option_is_named(self):
        kernel = machine.prepare()[1]
        for module, options in self.OPTIONS.items():
            directory = tempfile.TemporaryDirectory()
            self.addCleanup(directory.cleanup)
            subprocess.run([f"{machine.REPO}/packaging/dkms/tree", module,
                            "1.0", directory.name], check=True)
            for option in options:
                with self.subTest(option):
                    done = subprocess.run(
                        ["make", "-C", f"{kernel}/build",
                         f"M={directory.name}", f"{option}=", "modules"],
                        capture_output=True, text=True, check=False)
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(f"{module} needs a kernel with {option}.",
                                  done.stderr)


if __name__ == "__main__":
    unittest.main()
