// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Arithmetic of MTUs. Pure.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include "ipoib/core/encap.h"
#include "ipoib/core/mtu.h"

/**
 * ipoib_mtu_of_code() - the IP MTU that goes with an IB MTU
 * @code: 1 (256 octets) to 5 (4096)
 *
 * Return: octets, 0 for a code that is not one.
 */
unsigned int ipoib_mtu_of_code(unsigned int code)
{
	return code >= 1 && code <= 5 ? (128U << code) - IPOIB_ENCAP_LEN : 0;
}

/**
 * ipoib_mtu_init() - before any group is joined
 * @mtu: filled
 * @link: what the port allows
 *
 * In datagram mode. What connections could carry is for the caller to say, in
 * conn_max.
 */
void ipoib_mtu_init(struct ipoib_mtu *mtu, unsigned int link)
{
	*mtu = (struct ipoib_mtu){
		.link = link,
		.group = link,
		.admin = link,
	};
}

/**
 * ipoib_mtu_effective() - the MTU that the interface has
 * @mtu: the MTUs
 *
 * Return: octets.
 */
unsigned int ipoib_mtu_effective(const struct ipoib_mtu *mtu)
{
	return mtu->connected ? mtu->conn : min(mtu->admin, mtu->group);
}

/**
 * ipoib_mtu_switch() - the other mode
 * @mtu: the MTUs
 * @connected: which
 *
 * To connected mode: all that it can. To datagram mode: as much of what there
 * was as the group allows, but no less than could be asked for in that mode;
 * connected mode has no least.
 */
void ipoib_mtu_switch(struct ipoib_mtu *mtu, bool connected)
{
	if (connected)
		mtu->conn = mtu->conn_max;
	else
		mtu->admin = max_t(unsigned int, IPOIB_MTU_MIN,
				   min(mtu->conn, mtu->group));
	mtu->connected = connected;
}

/**
 * ipoib_mtu_ask() - the administrator wants another one
 * @mtu: the MTUs
 * @wanted: octets
 *
 * More than the group allows is remembered: another group may allow it.
 *
 * Return: 0, -EINVAL for what the port can never do.
 */
int ipoib_mtu_ask(struct ipoib_mtu *mtu, unsigned int wanted)
{
	if (mtu->connected) {
		if (wanted > mtu->conn_max)
			return -EINVAL;
		mtu->conn = wanted;
		return 0;
	}
	if (wanted < IPOIB_MTU_MIN || wanted > mtu->link)
		return -EINVAL;
	mtu->admin = wanted;
	return 0;
}

/**
 * ipoib_mtu_joined() - the broadcast group was joined
 * @mtu: the MTUs
 * @code: the group's IB MTU
 *
 * Who had all that the old group allowed gets all that the new one does.
 *
 * Return: 0, -EINVAL for a group whose MTU the port cannot carry; then nothing
 * is changed, and the link must not be used.
 */
int ipoib_mtu_joined(struct ipoib_mtu *mtu, unsigned int code)
{
	unsigned int group = ipoib_mtu_of_code(code);

	if (!group || group > mtu->link)
		return -EINVAL;
	if (mtu->admin == mtu->group)
		mtu->admin = group;
	mtu->group = group;
	return 0;
}
