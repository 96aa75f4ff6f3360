// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Settings that both sysfs and rtnetlink have.
 */
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

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
		if (ipd->cm.able)
			return 0;
		NL_SET_ERR_MSG(extack,
			       "this HCA cannot do connected mode");
		return -EINVAL;
	}
	NL_SET_ERR_MSG(extack, "unknown mode");
	return -EINVAL;
}

/**
 * ipoib_mode() - the mode of an interface
 * @ipd: the interface
 *
 * Return: IPOIB_MODE_*.
 */
unsigned int ipoib_mode(const struct ipoib_dev *ipd)
{
	return READ_ONCE(ipd->cm.connected) ? IPOIB_MODE_CONNECTED :
					      IPOIB_MODE_DATAGRAM;
}

/**
 * ipoib_mode_set() - change the mode, under traffic
 * @ipd: the interface; RTNL is held
 * @mode: IPOIB_MODE_*, which ipoib_mode_check() has found good
 *
 * Connections are made when packets go; those of before are closed. The carrier
 * stays on. Whoever may forbid another MTU, a team of which this is a port,
 * forbids another mode with it.
 *
 * Context: Process.
 * Return: 0, or a notifier's error; then nothing is changed.
 */
int ipoib_mode_set(struct ipoib_dev *ipd, unsigned int mode)
{
	bool connected = mode == IPOIB_MODE_CONNECTED;
	unsigned int mtu = ipd->netdev->mtu;
	struct ipoib_mtu before = ipd->mtu;
	int err;

	ASSERT_RTNL();
	if (connected == ipd->cm.connected)
		return 0;
	ipoib_mtu_switch(&ipd->mtu, connected);
	WRITE_ONCE(ipd->cm.connected, connected);
	ipd->mtu_internal = true;
	err = dev_set_mtu(ipd->netdev, ipoib_mtu_effective(&ipd->mtu));
	ipd->mtu_internal = false;
	if (err) {
		ipd->mtu = before;
		/* Who refuses it afterwards had us set it again, too soon. */
		WRITE_ONCE(ipd->netdev->mtu, mtu);
		WRITE_ONCE(ipd->cm.connected, !connected);
		if (connected)
			ipoib_cm_close_all(ipd);
		return err;
	}
	if (connected)
		ipoib_warn(ipd, "connected mode: multicast packets above %u octets will be dropped\n",
			   ipd->mtu.group);
	netdev_update_features(ipd->netdev);
	if (!connected)
		ipoib_cm_close_all(ipd);
	return 0;
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
