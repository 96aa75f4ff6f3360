// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Decisions of connected mode. Pure.
 */
#include <linux/minmax.h>
#include <linux/types.h>

#include "ipoib/core/cm.h"

/* Neighbour Discovery, RFC 4861 section 4: types 133 to 137 of ICMPv6. */
#define IPV6_NEXT_HEADER	6
#define IPV6_HEADER_LEN		40
#define PROTO_ICMPV6		58
#define ND_FIRST		133
#define ND_LAST			137

/* After a failure: 0.1, 1, 2, 4, up to 64 seconds. */
#define RETRY_FIRST		100
#define RETRY_SECOND		1000
#define RETRY_DOUBLINGS		6

/* That many messages at once are many for any queue. */
#define SHORT			32

/**
 * ipoib_cm_put_private() - tell a peer who we are
 * @p: IPOIB_CM_PRIVATE_LEN octets, filled
 * @qpn: of our UD QP
 * @mtu: the largest message that we take
 *
 * RFC 4755 section 6: reserved octet, QPN, Receive MTU, in network order.
 */
void ipoib_cm_put_private(u8 *p, u32 qpn, u32 mtu)
{
	put_unaligned_be32(qpn & IPOIB_QPN_MASK, p);
	put_unaligned_be32(mtu, p + 4);
}

/**
 * ipoib_cm_get_private() - what a peer says of himself
 * @p: private data
 * @len: octets of it
 * @priv: filled
 *
 * The reserved octet is ignored. More than we could send means nothing, so
 * what a peer says is limited to IPOIB_CM_MSG_MAX.
 *
 * Return: false if it is too short, or he takes less than every link must.
 */
bool ipoib_cm_get_private(const u8 *p, u32 len, struct ipoib_cm_private *priv)
{
	if (!p || len < IPOIB_CM_PRIVATE_LEN)
		return false;
	priv->qpn = get_unaligned_be32(p) & IPOIB_QPN_MASK;
	priv->mtu = min_t(u32, get_unaligned_be32(p + 4), IPOIB_CM_MSG_MAX);
	return priv->mtu >= IPOIB_CM_MSG_MIN;
}

/**
 * ipoib_cm_service_id() - where connections of an interface are asked for
 * @block: IPOIB_CM_SERVICE_*
 * @qpn: of its UD QP
 *
 * RFC 4755 section 3.5, but that deployed peers have another first octet.
 *
 * Return: the Service-ID, in host order.
 */
u64 ipoib_cm_service_id(u8 block, u32 qpn)
{
	return (u64)block << 56 | (qpn & IPOIB_QPN_MASK);
}

/**
 * ipoib_cm_via() - what two interfaces can have between them
 * @own: flags octet of our address
 * @peer: of the peer's
 *
 * Unreliable connections are for those who both announce them, and they
 * announce them because they want them. Bits that mean nothing are ignored.
 * RFC 4755 section 3.1.
 *
 * Return: the transport that is preferred.
 */
enum ipoib_cm_via ipoib_cm_via(u8 own, u8 peer)
{
	if (own & peer & IPOIB_HW_UC)
		return IPOIB_VIA_UC;
	return own & peer & IPOIB_HW_RC ? IPOIB_VIA_RC : IPOIB_VIA_UD;
}

/**
 * ipoib_cm_resolves() - is a packet one of address resolution?
 * @type: its EtherType
 * @ip: its payload
 * @len: octets of @ip that can be read
 *
 * Those go over UD, RFC 4755 section 7: the answer must find a peer whose
 * connection has gone, and tells where its sender is.
 *
 * Return: true if so.
 */
bool ipoib_cm_resolves(u16 type, const u8 *ip, u32 len)
{
	if (type == IPOIB_TYPE_ARP || type == IPOIB_TYPE_RARP)
		return true;
	return type == IPOIB_TYPE_IPV6 && len > IPV6_HEADER_LEN &&
	       ip[IPV6_NEXT_HEADER] == PROTO_ICMPV6 &&
	       ip[IPV6_HEADER_LEN] >= ND_FIRST &&
	       ip[IPV6_HEADER_LEN] <= ND_LAST;
}

/**
 * ipoib_cm_mtu_max() - the largest MTU that an HCA's receive requests allow
 * @sges: pages that a request can have
 * @page: octets of each
 *
 * Return: octets of IP; 0 if it is not worth while.
 */
unsigned int ipoib_cm_mtu_max(unsigned int sges, unsigned int page)
{
	unsigned int room = min_t(u64, (u64)sges * page, IPOIB_MTU_MAX + 16);

	return room >= 2 * 4096 ? room - 16 : 0;
}

/**
 * ipoib_cm_retry_ms() - how long to leave a peer alone
 * @failures: times in a row that there was no connection before
 *
 * A connection that was lost is made anew soon; one that cannot be made is
 * tried less and less often.
 *
 * Return: milliseconds.
 */
u32 ipoib_cm_retry_ms(unsigned int failures)
{
	if (!failures)
		return RETRY_FIRST;
	return RETRY_SECOND << min_t(unsigned int, failures - 1,
				     RETRY_DOUBLINGS);
}

/**
 * ipoib_cm_is_short() - should a queue have more receive buffers?
 * @have: how many it has
 * @max: and may have
 * @taken: messages that one pass of NAPI found
 *
 * A pass ends at its budget, whatever the queue has.
 *
 * Return: true if so.
 */
bool ipoib_cm_is_short(u32 have, u32 max, u32 taken)
{
	return have < max && taken && taken >= min_t(u32, have / 4, SHORT);
}
