// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A datagram that somebody sent to an IPoIB interface. Input: what its
 * completion says, the interface's address, its P_Key, the room for a GRH, the
 * datagram with its encapsulation header.
 *
 * It is of the kind that the rules say, written down once more; a GID that is
 * announced lies in the datagram or in the GRH, and only address resolution
 * announces one.
 */
#include "fuzz.h"

#include "ipoib/core/encap.h"

static enum ipoib_rx_kind want_kind(const struct ipoib_rx_info *info,
				    const u8 *grh, const u8 *hw,
				    const u8 *broadcast)
{
	if (info->len < 44)
		return IPOIB_RX_RUNT;
	if (!info->has_grh)
		return info->own_source ? IPOIB_RX_ECHO : IPOIB_RX_HOST;
	if (info->own_source && !memcmp(grh + 16, hw + 12, 8))
		return IPOIB_RX_ECHO;
	if (grh[24] != 0xff)
		return IPOIB_RX_HOST;
	return memcmp(grh + 24, broadcast + 4, 16) ? IPOIB_RX_MULTICAST :
						     IPOIB_RX_BROADCAST;
}

/* ARP for IPv4 over InfiniBand: hardware type 32, lengths 20 and 4. */
static bool is_arp(u16 type, const u8 *p, u32 len)
{
	static const u8 start[] = { 0, 32, 8, 0, 20, 4 };

	return type == 0x0806 && len >= 8 + 2 * (20 + 4) &&
	       !memcmp(p, start, sizeof(start));
}

/* ICMPv6 133 to 137 behind an IPv6 header with hop limit 255. */
static bool is_nd(u16 type, const u8 *p, u32 len)
{
	return type == 0x86dd && len >= 41 && p[6] == 58 && p[7] == 255 &&
	       p[40] - 133U <= 4;
}

static void check_announced(u16 type, const u8 *data, u32 len, const u8 *grh)
{
	const u8 *gid = ipoib_rx_announced_gid(type, data, len, grh);

	if (is_arp(type, data, len))
		must(gid == data + 8 + 4 && gid + 16 <= data + len);
	else if (grh && is_nd(type, data, len))
		must(gid == grh + 8);
	else
		must(!gid);
}

static void check_type(u16 type)
{
	must(ipoib_type_is_sent(type) ==
	     (type == 0x0800 || type == 0x0806 || type == 0x8035 ||
	      type == 0x86dd || type == 0x88ca));
	must(ipoib_type_is_taken(type) == (type >= 0x600));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	u8 flags = feed_u8(&f), *hw = feed_exact(&f, IPOIB_ALEN), *grh, *p;
	u8 broadcast[IPOIB_ALEN];
	struct ipoib_rx_info info = {
		.has_grh = flags & 1,
		.own_source = flags & 2,
	};
	u16 type;

	ipoib_hw_broadcast(broadcast, feed_u16(&f));
	if (flags & 4)
		feed_bytes(&f, broadcast + 4, 16);
	info.len = (f.left < 100000 ? f.left : 100000);
	grh = feed_exact(&f, IPOIB_GRH_LEN);
	must(ipoib_rx_classify(&info, grh, hw, broadcast) ==
	     want_kind(&info, grh, hw, broadcast));
	type = feed_u16(&f);
	feed_u16(&f);
	size = f.left;
	p = feed_exact(&f, size);
	check_type(type);
	check_announced(type, p, size, info.has_grh ? grh : NULL);
	free(p);
	free(grh);
	free(hw);
	return 0;
}
