# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# What counts as a report of the kernel. Sourced; the patterns are tested on
# recorded logs in tests/lab.

KERNEL_REPORTS='(^|\] ?|: )(BUG: |BUG [^ ]+ \(|\[ BUG: |kernel BUG at|WARNING: |Oops|'
KERNEL_REPORTS+='INFO: (task .* blocked|possible|trying to register|rcu|suspicious)|'
KERNEL_REPORTS+='UBSAN: |DMA-API: |refcount_t: |general protection fault|'
KERNEL_REPORTS+='Kernel panic|ODEBUG: |kmemleak: .*suspected|lab: kmemleak: |'
KERNEL_REPORTS+='unregister_netdevice: waiting for|NETDEV WATCHDOG|'
KERNEL_REPORTS+='list_(add|del) corruption|watchdog: BUG|'
KERNEL_REPORTS+='Watchdog detected hard LOCKUP|rcu_[a-z_]+ kthread starved|'
KERNEL_REPORTS+='sysfs: cannot create duplicate|'
KERNEL_REPORTS+='ref_tracker: |leaked reference|infiniband .*: refcount|'
KERNEL_REPORTS+='Unable to handle|stack-protector|rcu: INFO: )'

# What looks like a report and is none.
KERNEL_NO_REPORTS='DMA-API: (debugging enabled|preallocated)'

# kernel_reports FILE...: the lines that are reports, each once.
kernel_reports() {
	cat "$@" 2>/dev/null | tr -d '\r' | grep -aE "$KERNEL_REPORTS" |
		grep -avE "$KERNEL_NO_REPORTS" |
		sed 's/^\[ *[0-9.]*\] //' | sort -u
}

# stale_breakpoint FILE: the first report is a breakpoint trap at an address
# where memory holds no breakpoint (0xcc) any more. A kernel that patches its
# own text never leaves one processor behind; emulated processors in several
# threads do in QEMU before 8.1, which may translate a page while another
# processor writes to it.
stale_breakpoint() {
	tr -d '\r' <"$1" | REPORT=$KERNEL_REPORTS awk '
		!trap && /(Oops: )?int3: 0000 \[#1\]/ { trap = 1; next }
		!trap && $0 ~ ENVIRON["REPORT"] { exit }
		trap && / Code: / {
			stale = !/ cc <[0-9a-f][0-9a-f]>/
			exit
		}
		END { exit !stale }'
}
