// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Large receive. Pure: called from any context. Only what changes nothing is
 * put together: data that follow each other, of packets that differ in nothing
 * that an acknowledgment does not say again. RFC 791, 7323, 9293.
 */
#include <linux/string.h>

#include "compat/unaligned.h"
#include "ipoib/core/lro.h"

#define IP_LEN		20
#define IP_TOTAL	2
#define IP_FRAGMENT	6
#define IP_CHECK	10
#define TCP_LEN		20
#define TCP_SEQ		4
#define TCP_ACK		8
#define TCP_FLAGS	13
#define TCP_WINDOW	14
#define TCP_TSVAL	24
#define TCP_TSECR	28

#define FLAG_PSH	0x08
#define FLAG_ACK	0x10

/* More fragments, or not the first one. */
#define FRAGMENT_MASK	0x3fff

/* Two no-operations and the timestamps, as RFC 7323 recommends them. */
static const u8 ts_head[4] = { 1, 1, 8, 10 };
#define TS_LEN		12

static bool parse_data(struct ipoib_lro_pkt *pkt, const u8 *tcp, u32 len)
{
	u32 hlen = (tcp[12] >> 4) * 4;
	u8 flags = tcp[TCP_FLAGS];

	if ((flags & ~FLAG_PSH) != FLAG_ACK)
		return false;
	pkt->has_ts = hlen == TCP_LEN + TS_LEN;
	if (hlen >= len || (!pkt->has_ts && hlen != TCP_LEN))
		return false;
	if (pkt->has_ts) {
		if (memcmp(tcp + TCP_LEN, ts_head, sizeof(ts_head)))
			return false;
		pkt->tsval = get_unaligned_be32(tcp + TCP_TSVAL);
		pkt->tsecr = get_unaligned_be32(tcp + TCP_TSECR);
	}
	pkt->seq = get_unaligned_be32(tcp + TCP_SEQ);
	pkt->ack = get_unaligned_be32(tcp + TCP_ACK);
	pkt->window = get_unaligned_be16(tcp + TCP_WINDOW);
	pkt->pushed = flags & FLAG_PSH;
	pkt->hlen = IP_LEN + hlen;
	pkt->len = len - hlen;
	return true;
}

/**
 * ipoib_lro_parse() - could a packet be part of a piece?
 * @pkt: filled
 * @ip: the packet, from its IPv4 header on
 * @len: octets of it
 *
 * Only data, without options but timestamps. Checksums are the caller's.
 *
 * Context: Any.
 * Return: what it is.
 */
enum ipoib_lro_kind ipoib_lro_parse(struct ipoib_lro_pkt *pkt, const u8 *ip,
				    u32 len)
{
	memset(pkt, 0, sizeof(*pkt));
	if (len < IP_LEN + TCP_LEN || ip[0] != 0x45 || ip[9] != 6)
		return IPOIB_LRO_OTHER;
	if (get_unaligned_be16(ip + IP_TOTAL) != len ||
	    get_unaligned_be16(ip + IP_FRAGMENT) & FRAGMENT_MASK)
		return IPOIB_LRO_OTHER;
	pkt->tos = ip[1];
	pkt->ttl = ip[8];
	pkt->saddr = get_unaligned_be32(ip + 12);
	pkt->daddr = get_unaligned_be32(ip + 16);
	pkt->ports = get_unaligned_be32(ip + IP_LEN);
	return parse_data(pkt, ip + IP_LEN, len - IP_LEN) ? IPOIB_LRO_DATA :
							    IPOIB_LRO_FLOW;
}

/**
 * ipoib_lro_same_flow() - is a packet of the connection that a piece is of?
 * @lro: the piece
 * @pkt: the packet
 *
 * Context: Any.
 * Return: true if so.
 */
bool ipoib_lro_same_flow(const struct ipoib_lro *lro,
			 const struct ipoib_lro_pkt *pkt)
{
	return lro->last.ports == pkt->ports && lro->last.saddr == pkt->saddr &&
	       lro->last.daddr == pkt->daddr;
}

/**
 * ipoib_lro_begin() - begin a piece
 * @lro: filled
 * @pkt: its first packet
 *
 * Context: Any.
 */
void ipoib_lro_begin(struct ipoib_lro *lro, const struct ipoib_lro_pkt *pkt)
{
	lro->last = *pkt;
	lro->len = pkt->len;
	lro->mss = pkt->len;
	lro->count = 1;
}

/* Neither goes back. */
static bool goes_on(u32 from, u32 to)
{
	return (s32)(to - from) >= 0;
}

static bool follows(const struct ipoib_lro *lro,
		    const struct ipoib_lro_pkt *pkt)
{
	const struct ipoib_lro_pkt *last = &lro->last;

	if (pkt->seq != last->seq + last->len || last->pushed ||
	    pkt->tos != last->tos || pkt->ttl != last->ttl ||
	    pkt->has_ts != last->has_ts)
		return false;
	/* A short one is the end of what was sent in one piece. */
	if (last->len != lro->mss || pkt->len > lro->mss)
		return false;
	return goes_on(last->ack, pkt->ack) &&
	       (!pkt->has_ts || goes_on(last->tsval, pkt->tsval));
}

/**
 * ipoib_lro_add() - add a packet to a piece
 * @lro: the piece
 * @pkt: the packet, of the same connection
 *
 * Context: Any.
 * Return: false if it does not fit, and the piece is to be handed up first.
 */
bool ipoib_lro_add(struct ipoib_lro *lro, const struct ipoib_lro_pkt *pkt)
{
	if (!follows(lro, pkt) ||
	    pkt->hlen + lro->len + pkt->len > IPOIB_LRO_MAX)
		return false;
	lro->len += pkt->len;
	lro->last = *pkt;
	lro->count++;
	return true;
}

static u16 ip_check(const u8 *ip)
{
	u32 sum = 0;
	int i;

	for (i = 0; i < IP_LEN; i += 2)
		sum += get_unaligned_be16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

/**
 * ipoib_lro_finish() - make the first packet's headers those of the piece
 * @lro: the piece
 * @ip: its first packet, from the IPv4 header on; the checksum of TCP is not
 *	touched, for nobody is to look at it again
 *
 * Context: Any.
 */
void ipoib_lro_finish(const struct ipoib_lro *lro, u8 *ip)
{
	const struct ipoib_lro_pkt *last = &lro->last;
	u8 *tcp = ip + IP_LEN;

	put_unaligned_be16(last->hlen + lro->len, ip + IP_TOTAL);
	put_unaligned_be16(0, ip + IP_CHECK);
	put_unaligned_be16(ip_check(ip), ip + IP_CHECK);
	put_unaligned_be32(last->ack, tcp + TCP_ACK);
	put_unaligned_be16(last->window, tcp + TCP_WINDOW);
	if (last->pushed)
		tcp[TCP_FLAGS] |= FLAG_PSH;
	if (!last->has_ts)
		return;
	put_unaligned_be32(last->tsval, tcp + TCP_TSVAL);
	put_unaligned_be32(last->tsecr, tcp + TCP_TSECR);
}
