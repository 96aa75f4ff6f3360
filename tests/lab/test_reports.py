# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""A report of the kernel is found in its log, and nothing else is.

data/reports has a log of each kind of report, data/harmless what a kernel says
that looks like one: boots of both kernels of the lab, and single lines.
"""

import glob
import os
import re
import tempfile
import unittest

from tests.lab import shell

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")

# The line of each log that is the report.
REPORTS = {
    "atomic-schedule": "BUG: scheduling while atomic",
    "atomic-sleep": "BUG: sleeping function called from invalid context",
    "bad-page": "BUG: Bad page state in process iperf3",
    "bug-at": "kernel BUG at net/core/skbuff.c",
    "bug-null-pointer": "BUG: kernel NULL pointer dereference",
    "dma-api": "DMA-API: sib sib0: device driver failed to check map error",
    "dma-api-leak": "DMA-API: sib sib0: device driver has pending DMA",
    "general-protection": "general protection fault, probably for",
    "hard-lockup": "NMI watchdog: Watchdog detected hard LOCKUP",
    "hung-task": "INFO: task kworker/u4:1:27 blocked for more than 120",
    "kasan": "BUG: KASAN: use-after-free",
    "kasan-out-of-bounds": "BUG: KASAN: slab-out-of-bounds",
    "kmemleak": "kmemleak: 3 new suspected memory leaks",
    "kmemleak-lab": "lab: kmemleak: 2 leaks",
    "list-corruption": "list_del corruption. prev->next should be",
    "list-corruption-add": "list_add corruption. next->prev should be",
    "lockdep-circular": "WARNING: possible circular locking dependency",
    "lockdep-held-freed": "WARNING: held lock freed!",
    "lockdep-inconsistent": "WARNING: inconsistent lock state",
    "lockdep-irq-inversion": "WARNING: possible irq lock inversion",
    "lockdep-irq-unsafe": "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock",
    "lockdep-no-key": "INFO: trying to register non-static key.",
    "lockdep-recursive": "WARNING: possible recursive locking detected",
    "lockdep-return-to-user": "WARNING: lock held when returning to user",
    "lockdep-suspicious-rcu": "WARNING: suspicious RCU usage",
    "lockdep-too-low": "BUG: MAX_LOCKDEP_CHAINS too low!",
    "lockdep-unbalanced": "WARNING: bad unlock balance detected!",
    "lockdep-wait-context": "[ BUG: Invalid wait context ]",
    "netdev-watchdog": "NETDEV WATCHDOG: ib0 (sib): transmit queue 1",
    "netdev-watchdog-6.12": "ib0: NETDEV WATCHDOG: CPU: 1: transmit queue 0",
    "odebug": "ODEBUG: free active",
    "oops": "Oops: 0002 [#1]",
    "panic": "Kernel panic - not syncing: Fatal exception in interrupt",
    "rcu-expedited-stall": "rcu: INFO: rcu_preempt detected expedited stalls",
    "rcu-stall-others": "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks",
    "rcu-stall-self": "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "rcu-stall-tasks": "INFO: rcu_tasks detected stalls on tasks",
    "rcu-starved": "rcu: rcu_preempt kthread starved for 5250 jiffies",
    "ref-tracker": "ref_tracker: ib0@",
    "ref-tracker-leak": "leaked reference.",
    "refcount": "refcount_t: underflow; use-after-free.",
    "slab-left-objects": "BUG sib_ah (Tainted: G",
    "slab-poison": "BUG skbuff_head_cache (Tainted: G",
    "slab-redzone": "BUG kmalloc-64 (Tainted: G",
    "soft-lockup": "watchdog: BUG: soft lockup - CPU#1 stuck for 22s!",
    "stack-protector": "Kernel panic - not syncing: stack-protector",
    "sysfs-duplicate": "sysfs: cannot create duplicate filename",
    "ubsan": "UBSAN: array-index-out-of-bounds in",
    "ubsan-shift": "UBSAN: shift-out-of-bounds in",
    "unregister-netdevice": "unregister_netdevice: waiting for ib0 to become",
    "warning": "WARNING: CPU: 1 PID: 100 at ib_register_device",
    "workqueue-lockup": "BUG: workqueue lockup - pool cpus=1",
}


def reports(text):
    """What kernel_reports finds in a log."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        log.write(text)
        log.flush()
        done = shell.library(f"kernel_reports {log.name} /no/such/log",
                             "reports")
    return done.stdout.splitlines()


def read(path):
    """A recorded log."""
    with open(path, encoding="utf-8") as file:
        return file.read()


# How the stamp of a line may look: dmesg, with the caller, the console's.
FORMS = {
    "dmesg": lambda log: log,
    "caller": lambda log: re.sub(r"^(\[ *[\d.]+\])", r"\1[    T27]", log,
                                 flags=re.M),
    "console": lambda log: log.replace("\n", "\r\n"),
    "no stamp": lambda log: re.sub(r"^\[ *[\d.]+\] ", "", log, flags=re.M),
}


def is_stale(text):
    """What stale_breakpoint says of a console."""
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        log.write(text)
        log.flush()
        done = shell.library(f"stale_breakpoint {log.name}; echo $?",
                             "reports")
    return done.stdout.strip() == "0"


class Reports(unittest.TestCase):
    """kernel_reports of lab/lib/reports.sh."""

    def test_each_kind_of_report_is_found_however_its_line_begins(self):
        for kind, line in REPORTS.items():
            log = read(f"{DATA}/reports/{kind}.log")
            for form, change in FORMS.items():
                with self.subTest(kind=kind, form=form):
                    found = reports(change(log))
                    self.assertTrue(any(line in f for f in found), found)

    def test_there_is_a_line_to_find_for_each_recorded_log(self):
        names = {os.path.basename(path)[:-len(".log")]
                 for path in glob.glob(f"{DATA}/reports/*.log")}
        self.assertEqual(names, set(REPORTS))

    def test_what_kernels_say_without_trouble_is_no_report(self):
        for path in glob.glob(f"{DATA}/harmless/*.log"):
            with self.subTest(log=os.path.basename(path)):
                self.assertEqual(reports(read(path)), [])

    def test_a_report_amid_a_boot_is_told_once_and_alone(self):
        boot = read(f"{DATA}/harmless/boot-6.1.log")
        log = read(f"{DATA}/reports/unregister-netdevice.log")
        self.assertEqual(
            reports(boot + log + log),
            ["unregister_netdevice: waiting for ib0 to become free. "
             "Usage count = 2"])

    def test_a_trap_where_no_breakpoint_is_is_the_emulators(self):
        stale = read(f"{DATA}/stale-breakpoint.log")
        self.assertTrue(is_stale(stale))
        self.assertTrue(is_stale(stale.replace("\n", "\r\n")))
        self.assertTrue(is_stale(stale.replace("Oops: int3", "int3")))
        self.assertTrue(reports(stale))

    def test_a_trap_at_a_breakpoint_or_after_a_report_is_the_kernels(self):
        stale = read(f"{DATA}/stale-breakpoint.log")
        before = read(f"{DATA}/reports/kasan.log")
        self.assertFalse(is_stale(stale.replace("eb <7f>", "cc <7f>")))
        self.assertFalse(is_stale(before + stale))
        self.assertFalse(is_stale(before))
        self.assertFalse(is_stale(""))


if __name__ == "__main__":
    unittest.main()
