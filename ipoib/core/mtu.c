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
 */
void ipoib_mtu_init(struct ipoib_mtu *mtu, unsigned int link)
{
	mtu->link = link;
	mtu->group = link;
	mtu->admin = link;
}

/**
 * ipoib_mtu_effective() - the MTU that the interface has
 * @mtu: the three
 *
 * Return: octets.
 */
unsigned int ipoib_mtu_effective(const struct ipoib_mtu *mtu)
{
	return min(mtu->admin, mtu->group);
}

/**
 * ipoib_mtu_ask() - the administrator wants another one
 * @mtu: the three
 * @wanted: octets
 *
 * More than the group allows is remembered: another group may allow it.
 *
 * Return: 0, -EINVAL for what the port can never do.
 */
int ipoib_mtu_ask(struct ipoib_mtu *mtu, unsigned int wanted)
{
	if (wanted < IPOIB_MTU_MIN || wanted > mtu->link)
		return -EINVAL;
	mtu->admin = wanted;
	return 0;
}

/**
 * ipoib_mtu_joined() - the broadcast group was joined
 * @mtu: the three
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
