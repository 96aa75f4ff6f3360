// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Settings that both sysfs and rtnetlink have.
 */
#include <linux/if_link.h>
#include <linux/netlink.h>

#include "ipoib/debug.h"
#include "ipoib/dev.h"
#include "ipoib/mode.h"

/**
 * ipoib_mode_check() - can an interface have a mode?
 * @ipd: the interface
 * @mode: IPOIB_MODE_*
 * @extack: told why not; may be NULL
 *
 * Return: 0 or -EINVAL.
 */
int ipoib_mode_check(const struct ipoib_dev *ipd, unsigned int mode,
		     struct netlink_ext_ack *extack)
{
	switch (mode) {
	case IPOIB_MODE_DATAGRAM:
		return 0;
	case IPOIB_MODE_CONNECTED:
		NL_SET_ERR_MSG(extack, "connected mode is not built in");
		return -EINVAL;
	}
	NL_SET_ERR_MSG(extack, "unknown mode");
	return -EINVAL;
}

/**
 * ipoib_umcast_set() - leave groups that user space has joined to user space
 * @ipd: the interface
 * @on: or not
 *
 * Context: Process.
 */
void ipoib_umcast_set(struct ipoib_dev *ipd, bool on)
{
	if (on) {
		set_bit(IPOIB_FLAG_UMCAST, &ipd->flags);
		ipoib_warn(ipd, "ignoring multicast groups joined directly by userspace\n");
	} else {
		clear_bit(IPOIB_FLAG_UMCAST, &ipd->flags);
	}
	ipoib_mcast_resync(ipd);
}
