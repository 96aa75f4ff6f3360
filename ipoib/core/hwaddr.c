// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Questions about hardware addresses. Pure: called from any context.
 */
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/types.h>

#include "ipoib/core/encap.h"
#include "ipoib/core/hwaddr.h"

/* Of a multicast address: what tells IPv4 from IPv6, and the group's ID. */
#define SIGNATURE	6
#define SIGNATURE_IPV4	0x401b
#define SIGNATURE_IPV6	0x601b
#define GROUP_ID	10
#define GROUP_ID_LEN	10

/* Headers of IPv4 and IPv6, and where the destination stands. */
#define IPV4_LEN	20
#define IPV4_DST	16
#define IPV6_LEN	40
#define IPV6_DST	24

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
	u16 signature = get_unaligned_be16(hw + SIGNATURE);

	return memcmp(hw, broadcast, SIGNATURE) == 0 &&
	       (signature == SIGNATURE_IPV4 || signature == SIGNATURE_IPV6);
}

/* 28 bits of the address, and zeros before. */
static bool is_ipv4_group(const u8 *hw, const u8 *dst)
{
	static const u8 none[GROUP_ID_LEN - 4];
	u32 id = get_unaligned_be32(dst) & 0x0fffffff;

	return dst[0] >> 4 == 0xe &&
	       !memcmp(hw + GROUP_ID, none, sizeof(none)) &&
	       get_unaligned_be32(hw + GROUP_ID + sizeof(none)) == id;
}

/* 80 bits of the address. */
static bool is_ipv6_group(const u8 *hw, const u8 *dst)
{
	return dst[0] == 0xff && !memcmp(hw + GROUP_ID, dst + 6, GROUP_ID_LEN);
}

/**
 * ipoib_hw_is_group_of() - is a packet for the group that it is sent to?
 * @hw: where it is sent to
 * @broadcast: the link's broadcast address
 * @type: of the encapsulation header, host order
 * @ip: what follows it
 * @len: octets at @ip
 *
 * A peer may name a group's address for his own, and have us send to it what is
 * for him. RFC 4391 section 4 has the mapping from IP groups.
 *
 * Return: true if the packet's IP destination is a group and @hw its address.
 */
bool ipoib_hw_is_group_of(const u8 *hw, const u8 *broadcast, u16 type,
			  const u8 *ip, u32 len)
{
	u16 signature = get_unaligned_be16(hw + SIGNATURE);

	if (!ipoib_hw_joinable(hw, broadcast))
		return false;
	if (type == IPOIB_TYPE_IPV4 && signature == SIGNATURE_IPV4)
		return len >= IPV4_LEN && is_ipv4_group(hw, ip + IPV4_DST);
	if (type == IPOIB_TYPE_IPV6 && signature == SIGNATURE_IPV6)
		return len >= IPV6_LEN && is_ipv6_group(hw, ip + IPV6_DST);
	return false;
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
