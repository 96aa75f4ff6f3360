// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What a received datagram is. All that a peer sends passes here first. Pure:
 * called from any context.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"
#include "ipoib/core/encap.h"

/* Ours in the GRH too, where there is one: two ports may share a LID space. */
static bool is_echo(const struct ipoib_rx_info *info, const u8 *grh,
		    const u8 *hw)
{
	if (!info->own_source)
		return false;
	return !info->has_grh ||
	       !memcmp(grh + IPOIB_GRH_SGID + 8, hw + IPOIB_HW_GUID, 8);
}

/**
 * ipoib_rx_classify() - what is this datagram?
 * @info: what its completion says
 * @grh: the room for a GRH, IPOIB_GRH_LEN octets
 * @hw: our hardware address
 * @broadcast: the link's broadcast address
 *
 * Without a GRH it can only be for this host: a multicast always has one.
 *
 * Return: its kind.
 */
enum ipoib_rx_kind ipoib_rx_classify(const struct ipoib_rx_info *info,
				     const u8 *grh, const u8 *hw,
				     const u8 *broadcast)
{
	const u8 *dgid = grh + IPOIB_GRH_DGID;

	if (info->len < IPOIB_GRH_LEN + IPOIB_ENCAP_LEN)
		return IPOIB_RX_RUNT;
	if (is_echo(info, grh, hw))
		return IPOIB_RX_ECHO;
	if (!info->has_grh || dgid[0] != 0xff)
		return IPOIB_RX_HOST;
	if (!memcmp(dgid, ipoib_hw_gid(broadcast), IPOIB_GID_LEN))
		return IPOIB_RX_BROADCAST;
	return IPOIB_RX_MULTICAST;
}

/* An ARP packet for IPv4 over InfiniBand, RFC 4391 section 9.2. */
#define ARP_LEN		56
#define ARP_SENDER	8

static bool is_arp(const u8 *p, u32 len)
{
	return len >= ARP_LEN && get_unaligned_be16(p) == 32 &&
	       get_unaligned_be16(p + 2) == IPOIB_TYPE_IPV4 &&
	       p[4] == IPOIB_ALEN && p[5] == 4;
}

#define IPV6_LEN	40
#define IPV6_NEXT	6
#define IPV6_HOPS	7
#define ICMPV6		58
#define ND_FIRST	133
#define ND_LAST		137

/* Neighbor Discovery has a hop limit of 255, RFC 4861 section 3.1. */
static bool is_nd(const u8 *p, u32 len)
{
	return len > IPV6_LEN && p[IPV6_NEXT] == ICMPV6 &&
	       p[IPV6_HOPS] == 255 && p[IPV6_LEN] >= ND_FIRST &&
	       p[IPV6_LEN] <= ND_LAST;
}

/**
 * ipoib_rx_announced_gid() - who tells us where he is?
 * @type: of the encapsulation header, host order
 * @data: what follows it
 * @len: octets at @data
 * @grh: the GRH, NULL without one
 *
 * A peer whose LID has changed says so by no message; but whoever resolves
 * addresses names his GID, and the packet has his LID. Only these few packets
 * are looked at.
 *
 * Return: the sender's GID, in @data or @grh; NULL if he does not name it.
 */
const u8 *ipoib_rx_announced_gid(u16 type, const u8 *data, u32 len,
				 const u8 *grh)
{
	if (type == IPOIB_TYPE_ARP && is_arp(data, len))
		return ipoib_hw_gid(data + ARP_SENDER);
	if (type == IPOIB_TYPE_IPV6 && grh && is_nd(data, len))
		return grh + IPOIB_GRH_SGID;
	return NULL;
}
