#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# probe.sh KERNEL-SOURCE: print a -D for each interface that the kernel has.
# Headers are asked, not version numbers: stable kernels take interfaces over
# from later ones.

include=$1/include

# has NAME FILE PATTERN: -DNAME if FILE has a line like PATTERN.
has() {
	if grep -qE "$3" "$include/$2" 2>/dev/null; then
		printf ' -D%s' "$1"
	fi
}

has COMPAT_UBUF_OPS linux/skbuff.h '^struct ubuf_info_ops \{'

# The line after the one that opens the declaration holds the last argument.
if grep -A1 -E '\(\*create_cq\)' "$include/rdma/ib_verbs.h" |
	grep -q uverbs_attr_bundle; then
	printf ' -DCOMPAT_CREATE_CQ_ATTRS'
fi
[ -e "$include/linux/unaligned.h" ] || printf ' -DCOMPAT_ASM_UNALIGNED'
[ -e "$include/net/gso.h" ] && printf ' -DCOMPAT_NET_GSO'
has COMPAT_NUM_PRS_UNSIGNED rdma/ib_sa.h '^[[:space:]]*unsigned int num_prs, void \*context\),'
has COMPAT_ASSIGN_STR_ONE trace/stages/stage6_event_callback.h '^#define __assign_str\(dst\)'
