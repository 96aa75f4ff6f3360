// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The headers of packets that TCP data are cut into. Pure: called from any
 * context.
 */
#include <linux/string.h>

#include "compat/unaligned.h"
#include "sib/core/inet.h"
#include "sib/core/lso.h"

#define IPV4_TOTAL	2
#define IPV4_ID		4
#define IPV6_PAYLOAD	4

#define TCP_SEQ		4
#define TCP_DATA	12
#define TCP_FLAGS	13

#define TCP_FIN		0x01
#define TCP_PSH		0x08
#define TCP_CWR		0x80

/*
 * Parse headers without their data: the length that IP has of them is that of
 * the piece, or one that IPv4 cannot say.
 */
static bool parse(struct sib_inet *inet, const struct sib_lso *lso,
		  const u8 *head)
{
	u8 alone[SIB_LSO_HEAD];
	u8 *ip = alone + 4;

	if (lso->hlen < 4 + 20 + 20 || lso->hlen > SIB_LSO_HEAD)
		return false;
	memcpy(alone, head, lso->hlen);
	if (ip[0] >> 4 == 4)
		put_unaligned_be16(lso->hlen - 4, ip + IPV4_TOTAL);
	else
		put_unaligned_be16(lso->hlen - 4 - 40, ip + IPV6_PAYLOAD);
	return sib_inet_parse(inet, alone, lso->hlen, lso->hlen);
}

/**
 * sib_lso_is_good() - are these the headers of a TCP packet?
 * @lso: how long they are said to be
 * @head: from the encapsulation header on
 *
 * Context: Any.
 * Return: true if so, and nothing stands behind them.
 */
bool sib_lso_is_good(const struct sib_lso *lso, const u8 *head)
{
	struct sib_inet inet;

	return parse(&inet, lso, head) && inet.protocol == SIB_INET_TCP &&
	       lso->mss &&
	       inet.l4 + (head[inet.l4 + TCP_DATA] >> 4) * 4 == lso->hlen;
}

static void set_ip(const struct sib_inet *inet, u8 *ip, u16 len, u32 index)
{
	if (inet->v6) {
		put_unaligned_be16(len - 40, ip + IPV6_PAYLOAD);
		return;
	}
	put_unaligned_be16(len, ip + IPV4_TOTAL);
	put_unaligned_be16(get_unaligned_be16(ip + IPV4_ID) + index,
			   ip + IPV4_ID);
}

/**
 * sib_lso_head() - the headers of one of the packets
 * @lso: how to cut
 * @head: the headers of the piece, which sib_lso_is_good() has found good
 * @to: where the packet's are written; its checksums are not those of it yet
 * @len: octets of data of the piece
 * @offset: those before this packet, a multiple of @lso->mss
 *
 * What the first packet says of congestion the others do not repeat, and only
 * the last one has the end, RFC 3168 section 6.1.2.
 *
 * Context: Any.
 */
void sib_lso_head(const struct sib_lso *lso, const u8 *head, u8 *to, u32 len,
		  u32 offset)
{
	u32 left = len - offset, data = left < lso->mss ? left : lso->mss;
	struct sib_inet inet;
	u8 *tcp;

	memcpy(to, head, lso->hlen);
	if (!parse(&inet, lso, head))
		return;
	tcp = to + inet.l4;
	set_ip(&inet, to + inet.l3, lso->hlen - inet.l3 + data,
	       offset / lso->mss);
	put_unaligned_be32(get_unaligned_be32(tcp + TCP_SEQ) + offset,
			   tcp + TCP_SEQ);
	if (offset)
		tcp[TCP_FLAGS] &= ~TCP_CWR;
	if (data < left)
		tcp[TCP_FLAGS] &= ~(TCP_FIN | TCP_PSH);
}
