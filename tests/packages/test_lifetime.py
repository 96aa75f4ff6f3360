# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""The packages from the first installation to the last removal.

One guest with Debian on a disk of its own, and one story in steps: each finds
what the one before left, and none runs after one that failed. An administrator
types what is typed here. What takes time is DKMS, which compiles under
emulation: no module is built more often than the story needs.
"""

import glob
import os
import shutil
import subprocess
import unittest

from tests.packages import machine

OWN = "/kernel/drivers/infiniband/ulp/ipoib/ib_ipoib.ko"
# Two adapters on a switch. The second is the peer that is pinged.
FABRIC = """switch sw1
hca sib1
hca sib2
cable sib1 sw1
cable sib2 sw1
load ib_umad ib_ipoib
"""
NETWORK = """[Match]
Name=ib0
[Link]
MTUBytes=1500
[Network]
Address=198.51.100.1/24
LinkLocalAddressing=ipv6
"""
PARTITION = """[NetDev]
Name=storage
Kind=ipoib
[IPoIB]
PartitionKey=0x8001
"""
# What a system changes by itself, whoever installs what.
NOT_OURS = ("/var/lib/dpkg /var/lib/systemd /var/cache /var/log /var/tmp /tmp "
            "/proc /sys /run /dev /repo /root /etc/sib /etc/systemd/network")


def build_packages(version):
    """The packages of these sources, by that version; their directory."""
    done = subprocess.run([f"{machine.REPO}/packaging/deb"], check=True,
                          stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "MODULES_VERSION": version})
    return os.path.dirname(done.stdout.split()[0])


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

    def install(self, version, *packages):
        """apt install of packages; what it said."""
        files = " ".join(f"./{name}_{version}_all.deb" for name in packages)
        return self.vm.run(
            f"cd /repo/out/deb/{version} && apt-get install -y "
            f"--no-install-recommends {files}", machine.BUILD_LIMIT)

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
        Lifetime.before = self.files()
        self.assertIn(OWN, self.chosen())

    def test_02_a_kernel_that_lacks_an_option_is_passed_over_by_name(self):
        release = self.vm.release("6.12")
        config = f"/usr/src/linux-headers-{release}/.config"
        self.vm.run(f"sed -i.kept 's/^CONFIG_INET=y/# none/' {config}")
        said = self.install("1.0", "ib-ipoib-dkms", "sib-dkms")
        self.vm.run(f"mv {config}.kept {config}")
        self.assertIn("ib_ipoib needs a kernel with CONFIG_INET: "
                      f"{release} has it not", said)
        self.assertIn(OWN, self.chosen("6.12"))
        self.assertNotIn("sib needs", said)

    def test_03_modprobe_loads_ours_and_the_log_says_which(self):
        self.assertIn("/updates/dkms/ib_ipoib.ko", self.chosen())
        self.assertEqual(self.vm.run("modinfo -F version ib_ipoib"), "1.0")
        self.vm.run("modprobe ib_ipoib && modprobe sib")
        self.assertEqual((self.loaded(), self.loaded("sib")), ("1.0", "1.0"))
        log = self.vm.run("dmesg")
        self.assertIn("ib_ipoib: IP over InfiniBand, version 1.0", log)
        self.assertIn("sib: Soft-InfiniBand, version 1.0", log)

    def test_04_dkms_has_signed_them(self):
        for module in ("ib_ipoib", "sib"):
            self.assertTrue(self.vm.run(f"modinfo -F signer {module}"))
        self.vm.run("test -s /var/lib/dkms/mok.pub")

    def test_05_a_fabric_from_a_file(self):
        self.write("/etc/sib/fabric.conf", FABRIC)
        self.write("/etc/systemd/network/ib0.network",
                   NETWORK + "IPoIB=storage\n")
        self.write("/etc/systemd/network/storage.netdev", PARTITION)
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
        said = self.install("1.1", "ib-ipoib-dkms")
        self.assertNotIn("has it not", said)
        self.assertEqual(self.loaded(), "1.0")
        self.assertEqual(self.vm.run("modinfo -F version ib_ipoib"), "1.1")
        self.vm.run("ping -c 3 -W 5 198.51.100.2")
        self.assertEqual(self.vm.run("ls /var/lib/dkms/ib-ipoib | grep -v "
                                     "kernel-"), "1.1")

    def test_08_when_it_is_loaded_again_it_is_the_new_one(self):
        self.vm.run("modprobe -r ib_ipoib && modprobe ib_ipoib")
        self.assertEqual(self.loaded(), "1.1")
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
        self.vm.run("cp -r /repo/{Makefile,Kbuild,compat,ipoib,sib,packaging,"
                    "lab,tools} /root/ && cd /root && "
                    "make dkms-install MODULES_VERSION=1.2",
                    machine.BUILD_LIMIT)
        self.vm.run("modprobe ib_ipoib && modprobe sib")
        self.assertEqual((self.loaded(), self.loaded("sib")), ("1.2", "1.2"))

    def test_14_an_enforcing_kernel_wants_the_key_enrolled(self):
        self.vm.reboot("6.12", "module.sig_enforce=1")
        said, status = self.vm.status("modprobe sib")
        self.assertNotEqual(status, 0)
        self.assertIn("Key was rejected by service", said)
        self.vm.run("cd /root && make dkms-uninstall")
        self.assertIn(OWN, self.chosen())

    def test_15_the_kernel_had_nothing_to_complain_of(self):
        self.vm.halt()
        self.assertEqual(self.vm.kernel_reports(), "")


if __name__ == "__main__":
    unittest.main()
