// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Soft-InfiniBand: a channel adapter and a switch in software. The module's
 * beginning and end.
 */
#include <linux/module.h>
#include <net/rtnetlink.h>
#include <rdma/rdma_netlink.h>

#include "sib/fabric/cable.h"
#include "sib/fabric/pacer.h"
#include "sib/fabric/switch.h"
#include "sib/verbs/hca.h"

MODULE_DESCRIPTION("Soft-InfiniBand: an InfiniBand HCA and switch in software");
MODULE_LICENSE("Dual BSD/GPL");
MODULE_VERSION(MODULES_VERSION);
MODULE_ALIAS_RDMA_LINK("sib");
MODULE_ALIAS_RTNL_LINK("sibsw");

static int __init sib_init(void)
{
	int err;

	err = sib_cable_start();
	if (err)
		return err;
	err = sib_switch_start();
	if (err)
		goto stop_cable;
	err = sib_device_start();
	if (err)
		goto stop_switch;
	pr_info("sib: Soft-InfiniBand, version " MODULES_VERSION "\n");
	return 0;
stop_switch:
	sib_switch_stop();
stop_cable:
	sib_cable_stop();
	return err;
}

static void __exit sib_exit(void)
{
	sib_device_stop();
	sib_switch_stop();
	sib_cable_stop();
	sib_pacer_drain();
	/* QP contexts are freed after a grace period. */
	rcu_barrier();
}

module_init(sib_init);
module_exit(sib_exit);
