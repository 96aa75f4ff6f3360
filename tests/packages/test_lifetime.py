# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The packages from the first installation to the last removal.

One guest with Debian on a disk of its own, and one story in steps: each finds
what the one before left, and none runs after one that failed. An administrator
types what is typed here: what README.md, docs/install.md and docs/migration.md
tell, as it stands there. What takes time is DKMS, which compiles under
emulation: no module is built more often than the story needs.
"""

import glob
import os
import shutil
import subprocess
import unittest

from tests import pages
from tests.packages import machine

PAGE = "docs/install.md"
OWN = "/kernel/drivers/infiniband/ulp/ipoib/ib_ipoib.ko"
# Two adapters on a switch. The second is the peer that is pinged.
FABRIC = """switch sw1
hca sib1
hca sib2
cable sib1 sw1
cable sib2 sw1
load ib_umad ib_ipoib
"""
# What an administrator of MLNX_OFED may have, by docs/migration.md.
SIZES = "options ib_ipoib send_queue_size=512"
OLD = f"{SIZES} ipoib_enhanced=0\n"
# Nobody is there to be asked, and nothing else can be fetched.
APT = """APT::Get::Assume-Yes "true";
APT::Install-Recommends "false";
"""
# What a system changes by itself, whoever installs what.
NOT_OURS = ("/var/lib/dpkg /var/lib/systemd /var/cache /var/log /var/tmp /tmp "
            "/proc /sys /run /dev /repo /root /etc/sib /etc/systemd/network")


def build_packages(version):
    """The packages of these sources, by that version; their directory."""
    line, _ = pages.blocks(PAGE, "Packages")[0].splitlines()
    done = subprocess.run(["bash", "-euc", line], check=True,
                          cwd=machine.REPO, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "MODULES_VERSION": version})
    return os.path.dirname(done.stdout.split()[-1])


class Packages(unittest.TestCase):
    """What can be said of them without installing them."""

    def test_lintian_finds_no_errors(self):
        directory = build_packages("1.0")
        done = subprocess.run(
            ["lintian", "--fail-on=error,warning", "--allow-root",
             *glob.glob(f"{directory}/*.changes")], capture_output=True,
            text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


class Lifetime(unittest.TestCase):
    """Steps, in the order of their numbers."""

    failed = None

    @classmethod
    def setUpClass(cls):
        disk, _, _, accel = machine.prepare()
        for version in ("1.0", "1.1"):
            build_packages(version)
        directory = f"{machine.REPO}/out/packages"
        shutil.rmtree(directory, ignore_errors=True)
        cls.vm = machine.Machine(disk, accel, directory)
        cls.addClassCleanup(os.remove, cls.vm.image)
        cls.addClassCleanup(cls.vm.kill)
        cls.vm.boot("6.1")

    def setUp(self):
        if Lifetime.failed:
            self.skipTest(f"after {Lifetime.failed}")
        Lifetime.failed = self._testMethodName

    def tearDown(self):
        outcome = self._outcome.result
        if not any(test is self for test, _ in
                   outcome.failures + outcome.errors):
            Lifetime.failed = None

    # What an administrator does and sees.

    def install(self, version, line):
        """The line of a page that installs packages; what it said. There is
        one version of them where it is typed."""
        self.vm.run("rm -rf /root/out && mkdir -p /root/out/deb && "
                    f"cp -r /repo/out/deb/{version} /root/out/deb/")
        return self.vm.type(line, machine.BUILD_LIMIT)

    def chosen(self, kernel=None):
        """The file that modprobe would load."""
        option = f"-k {self.vm.release(kernel)}" if kernel else ""
        return self.vm.run(f"modinfo {option} -n ib_ipoib")

    def loaded(self, module="ib_ipoib"):
        """The version of the module that is loaded."""
        return self.vm.run(f"cat /sys/module/{module}/version")

    def files(self):
        """All files that the system has, but those that it writes itself."""
        prune = " -o ".join(f"-path {path}" for path in NOT_OURS.split())
        return set(self.vm.run(
            f"find / -xdev \\( {prune} \\) -prune -o -print").splitlines())

    def assert_works(self):
        """ib0 is as networkd was told, and a peer answers."""
        self.vm.eventually(
            "ip -br address show ib0 | grep -w 198.51.100.1/24")
        self.vm.eventually("cat /sys/class/net/ib0/carrier | grep 1")
        self.assertEqual(self.vm.run("cat /sys/class/net/ib0/mtu"), "1500")
        self.assertEqual(self.vm.run("cat /sys/class/net/storage/pkey"),
                         "0x8001")
        self.peer()
        self.vm.eventually("ping -c 1 -W 2 198.51.100.2")
        self.vm.run("ping -c 3 -W 5 198.51.100.2")

    def peer(self):
        """The interface of sib2, in a namespace: ib1 by itself would be this
        machine, to which no packet goes over the fabric."""
        self.vm.run("""
            ip netns add peer 2>/dev/null
            [ ! -e /sys/class/net/ib1 ] || ip link set ib1 netns peer
            ip -n peer address replace 198.51.100.2/24 dev ib1
            ip -n peer link set ib1 up""")

    # The story.

    def test_01_before_there_is_the_kernels_own_module(self):
        self.write("/etc/apt/apt.conf.d/90test", APT)
        # The kernel's own module has other parameters.
        self.write("/etc/modprobe.d/old.conf", f"{SIZES}\n")
        self.vm.run("modprobe ib_ipoib")
        said = self.vm.type(*pages.blocks("docs/migration.md",
                                          "Coming from another driver"))
        self.assertIn(OWN, said)
        self.assertIn(SIZES, said)
        self.vm.run("modprobe -r ib_ipoib")
        self.write("/etc/modprobe.d/old.conf", OLD)
        Lifetime.before = self.files()
        self.assertIn(OWN, self.chosen())

    def test_02_a_kernel_that_lacks_an_option_is_passed_over_by_name(self):
        release = self.vm.release("6.12")
        config = f"/usr/src/linux-headers-{release}/.config"
        self.vm.run(f"sed -i.kept 's/^CONFIG_INET=y/# none/' {config}")
        said = self.install("1.0", pages.blocks(PAGE, "Packages")[0]
                            .splitlines()[1])
        self.vm.run(f"mv {config}.kept {config}")
        self.assertIn("ib_ipoib needs a kernel with CONFIG_INET: "
                      f"{release} has it not", said)
        self.assertIn(OWN, self.chosen("6.12"))
        self.assertNotIn("sib needs", said)

    def test_03_modprobe_loads_ours_and_the_log_says_which(self):
        self.vm.run("modprobe ib_ipoib && modprobe sib")
        file, version, loaded, *_ = self.vm.type(
            pages.blocks(PAGE, "Packages")[2]).splitlines()
        self.assertIn("/updates/dkms/ib_ipoib.ko", file)
        self.assertEqual((version, loaded), ("1.0", "1.0"))
        self.assertEqual((self.loaded(), self.loaded("sib")), ("1.0", "1.0"))
        log = self.vm.run("dmesg")
        self.assertIn("ib_ipoib: IP over InfiniBand, version 1.0", log)
        self.assertIn("sib: Soft-InfiniBand, version 1.0", log)
        # An old line in /etc/modprobe.d does no harm.
        self.assertIn("unknown parameter 'ipoib_enhanced' ignored", log)
        self.assertEqual(self.vm.run(
            "cat /sys/module/ib_ipoib/parameters/send_queue_size"), "512")

    def test_04_dkms_has_signed_them(self):
        for module in ("ib_ipoib", "sib"):
            self.assertTrue(self.vm.run(f"modinfo -F signer {module}"))
        self.vm.run("test -s /var/lib/dkms/mok.pub")

    def test_05_a_fabric_from_a_file(self):
        self.vm.type(*pages.blocks(PAGE, "A fabric that comes back"))
        self.assertIn("link sib1/1", self.vm.run("rdma link"))
        self.vm.run("systemctl stop opensm sib-fabric")
        self.write("/etc/sib/fabric.conf", FABRIC)
        block, = pages.blocks(PAGE, "Interfaces that come back")
        for path, text in pages.files(block).items():
            self.write(path, text)
        self.vm.run("networkctl reload; systemctl start sib-fabric opensm")
        self.assert_works()
        self.assertEqual(self.vm.run("ibswitches | wc -l"), "1")
        Lifetime.guids = self.vm.run("ibstat -p")

    def write(self, path, text):
        """A file of the guest."""
        self.vm.run(f"mkdir -p {os.path.dirname(path)}; "
                    f"cat >{path} <<'END'\n{text}END")

    def test_06_after_a_reboot_all_of_it_is_back(self):
        self.vm.reboot("6.1")
        self.assert_works()
        self.assertEqual(self.vm.run("ibstat -p"), Lifetime.guids)
        self.assertEqual(self.loaded(), "1.0")

    def test_07_an_upgrade_leaves_the_loaded_module_at_work(self):
        _, _, line = pages.blocks("README.md",
                                  "Install it")[0].splitlines()[:3]
        said = self.install("1.1", line)
        self.assertNotIn("has it not", said)
        self.assertEqual(self.loaded(), "1.0")
        self.assertEqual(self.vm.run("modinfo -F version ib_ipoib"), "1.1")
        self.vm.run("ping -c 3 -W 5 198.51.100.2")
        self.assertEqual(self.vm.run("ls /var/lib/dkms/ib-ipoib | grep -v "
                                     "kernel-"), "1.1")

    def test_08_when_it_is_loaded_again_it_is_the_new_one(self):
        lines = pages.blocks("README.md", "Install it")[0].splitlines()[3:]
        self.assertEqual(self.vm.type("\n".join(lines)).split(), ["1.1"])
        self.assert_works()
        self.vm.type(pages.blocks(PAGE, "Packages")[3])
        self.assert_works()

    def test_09_on_the_other_kernel_it_is_there_as_well(self):
        self.vm.reboot("6.12")
        self.assert_works()
        self.assertEqual((self.loaded(), self.loaded("sib")), ("1.1", "1.0"))

    def test_10_a_fabric_that_is_stopped_is_gone(self):
        self.vm.run("systemctl stop opensm sib-fabric; ip netns delete peer")
        self.assertEqual(self.vm.run("rdma link; ls /sys/class/net"), "lo")
        self.vm.run("systemctl start sib-fabric opensm")
        self.assert_works()

    def by_hand(self):
        """The README's fabric, on the machine itself."""
        self.vm.run("systemctl stop opensm sib-fabric; "
                    "ip netns delete peer; modprobe -r ib_ipoib")
        self.vm.run("systemctl stop systemd-networkd.socket systemd-networkd")
        heading = "Make a topology by hand"
        text = pages.blocks("README.md", heading)[1]
        self.assertRegex(self.vm.run(text), " [1-9][0-9]* received")
        _, remove = pages.blocks("README.md", heading)[2].split("\n\n")
        self.vm.run(remove)
        self.vm.run("systemctl start systemd-networkd sib-fabric opensm")

    def test_10_by_hand_as_the_readme_says(self):
        self.by_hand()
        self.assert_works()

    def test_10_sib_is_upgraded_under_a_fabric(self):
        """The fabric stays, of the old module, until it is made anew."""
        said = self.install("1.1", "apt install ./out/deb/*/sib-dkms_*.deb")
        self.assertNotIn("has it not", said)
        self.vm.run("ping -c 3 -W 5 198.51.100.2")
        self.assertEqual(self.loaded("sib"), "1.0")
        self.vm.run("systemctl stop opensm sib-fabric; ip netns delete peer; "
                    "modprobe -r ib_ipoib sib; "
                    "systemctl start sib-fabric opensm")
        self.assert_works()
        self.assertEqual(self.loaded("sib"), "1.1")

    def test_11_without_the_package_the_kernels_own_module_is_back(self):
        self.vm.run("apt-get remove -y ib-ipoib-dkms", machine.BUILD_LIMIT)
        self.assertIn(OWN, self.chosen())
        self.assertIn(OWN, self.chosen("6.1"))
        self.assertEqual(self.loaded(), "1.1")
        self.vm.run("modprobe -r ib_ipoib && modprobe ib_ipoib")
        self.vm.run("test ! -e /sys/module/ib_ipoib/version")
        self.assert_works()

    def test_12_nothing_is_left_behind(self):
        self.vm.run("modprobe -r ib_ipoib; apt-get remove -y sib-dkms",
                    machine.BUILD_LIMIT)
        self.assertEqual(self.vm.run("rdma link; ls /sys/class/net"), "lo")
        self.vm.run("rmmod sib")
        # The key with which DKMS signs is this machine's, not the packages'.
        left = {path for path in self.files() - Lifetime.before
                if not path.startswith("/var/lib/dkms/mok.")}
        self.assertEqual(left, set())
        self.assertEqual(Lifetime.before - self.files(), set())

    def test_13_dkms_without_packages(self):
        install, _ = pages.blocks(PAGE, "Without packages")[1].splitlines()
        self.vm.run("cp -r /repo/{Makefile,Kbuild,compat,ipoib,sib,packaging,"
                    "lab,tools} /root/ && cd /root && export "
                    f"MODULES_VERSION=1.2 && {install}", machine.BUILD_LIMIT)
        self.vm.run("modprobe ib_ipoib && modprobe sib")
        self.assertEqual((self.loaded(), self.loaded("sib")), ("1.2", "1.2"))

    def test_14_an_enforcing_kernel_wants_the_key_enrolled(self):
        self.vm.reboot("6.12", "module.sig_enforce=1")
        said, status = self.vm.status("modprobe sib")
        self.assertNotEqual(status, 0)
        self.assertIn("Key was rejected by service", said)
        _, uninstall = pages.blocks(PAGE, "Without packages")[1].splitlines()
        self.vm.run(f"cd /root && {uninstall}")
        self.assertIn(OWN, self.chosen())

    def test_14_make_install_builds_for_the_kernel_that_runs(self):
        install, uninstall = pages.blocks(
            PAGE, "Without packages")[0].splitlines()
        self.vm.run(f"cd /root && export MODULES_VERSION=1.3 && {install}",
                    machine.BUILD_LIMIT)
        self.assertIn("/updates/ipoib/ib_ipoib.ko", self.chosen())
        self.assertEqual(self.vm.run("modinfo -F version ib_ipoib"), "1.3")
        # Nobody has signed it.
        said, status = self.vm.status("modprobe ib_ipoib")
        self.assertNotEqual(status, 0, said)
        self.vm.run(f"cd /root && {uninstall}")
        self.assertIn(OWN, self.chosen())

    def test_15_the_kernel_had_nothing_to_complain_of(self):
        self.vm.halt()
        self.assertEqual(self.vm.kernel_reports(), "")


if __name__ == "__main__":
    unittest.main()
