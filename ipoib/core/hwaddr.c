// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Questions about hardware addresses. Pure: called from any context.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "ipoib/core/hwaddr.h"

/**
 * ipoib_hw_broadcast() - the broadcast address of a partition
 * @hw: IPOIB_ALEN octets, filled
 * @pkey: P_Key, host order; the membership bit is set in the address
 *
 * RFC 4391 section 4: link-local scope, which is the default.
 */
void ipoib_hw_broadcast(u8 *hw, u16 pkey)
{
	static const u8 form[IPOIB_ALEN] = {
		0x00, 0xff, 0xff, 0xff,
		0xff, 0x12, 0x40, 0x1b, 0x00, 0x00, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff,
	};

	memcpy(hw, form, sizeof(form));
	ipoib_hw_set_mcast_pkey(hw, pkey);
}

/**
 * ipoib_hw_joinable() - can a multicast address be joined on a link?
 * @hw: IPOIB_ALEN octets, from the IP stack or from anybody with a socket
 * @broadcast: the link's broadcast address
 *
 * It must be of the form that RFC 4391 section 4 gives, with the link's scope.
 * Its P_Key is not looked at: the link's own is put in, for the stack may have
 * registered the address under an earlier one.
 *
 * Return: true if so.
 */
bool ipoib_hw_joinable(const u8 *hw, const u8 *broadcast)
{
	u16 signature = get_unaligned_be16(hw + 6);

	return memcmp(hw, broadcast, 6) == 0 &&
	       (signature == 0x401b || signature == 0x601b);
}

/**
 * ipoib_hw_check_change() - may an administrator change the address so?
 * @now: the address that holds
 * @wanted: the one that he wants
 *
 * Only the interface identifier is his: flags and QPN follow the QP, the
 * prefix follows the SM.
 *
 * Return: 0 or -EINVAL.
 */
int ipoib_hw_check_change(const u8 *now, const u8 *wanted)
{
	static const u8 none[IPOIB_ALEN - IPOIB_HW_GUID];

	if (memcmp(now, wanted, IPOIB_HW_GUID))
		return -EINVAL;
	if (!memcmp(wanted + IPOIB_HW_GUID, none, sizeof(none)))
		return -EINVAL;
	return 0;
}
