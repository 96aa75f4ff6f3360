// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Checksums of the packets that a cable carries: filled in where a packet
 * leaves for another kernel, looked at where it is taken in. Any context.
 */
#include <linux/crc32.h>
#include <linux/skbuff.h>

#include "compat/unaligned.h"
#include "sib/core/hdr.h"
#include "sib/core/icrc.h"
#include "sib/fabric/cable.h"
#include "sib/fabric/port.h"

/*
 * CRC-32 over a packet from an offset on, without its ICRC. What the iterator
 * gives may reach past the end that it was told.
 */
static u32 crc_rest(const struct sk_buff *skb, unsigned int from, u32 crc)
{
	unsigned int len = skb->len - SIB_ICRC_LEN - from;
	struct skb_seq_state state;
	unsigned int done = 0, n;
	const u8 *data;

	skb_prepare_seq_read((struct sk_buff *)skb, from, from + len, &state);
	while ((n = skb_seq_read(done, &data, &state)) > 0) {
		crc = crc32_le(crc, data, min(n, len - done));
		done += n;
	}
	return crc;
}

static u32 icrc_of(const struct sk_buff *skb, bool has_grh)
{
	u8 head[SIB_ICRC_HEAD_GRH];
	size_t n = sib_icrc_head(skb->data, has_grh, head);

	return ~crc_rest(skb, n, crc32_le(~0U, head, n));
}

/**
 * sib_cable_set_icrc() - fill a packet's ICRC in
 * @skb: a packet, writable and linear
 * @has_grh: it has a GRH
 *
 * Context: Any.
 */
void sib_cable_set_icrc(struct sk_buff *skb, bool has_grh)
{
	put_unaligned_le32(icrc_of(skb, has_grh),
			   skb->data + skb->len - SIB_ICRC_LEN);
	sib_skb_cb(skb)->has_icrc = true;
}

/**
 * sib_cable_icrc_ok() - is a packet what its sender made?
 * @skb: a packet, its headers linear
 * @has_grh: it has a GRH
 *
 * Context: Any.
 * Return: false if its ICRC is wrong; true if it is right or was left away
 * by agreement.
 */
bool sib_cable_icrc_ok(struct sk_buff *skb, bool has_grh)
{
	__le32 icrc;

	if (!sib_skb_cb(skb)->has_icrc)
		return true;
	if (skb_copy_bits(skb, skb->len - SIB_ICRC_LEN, &icrc, sizeof(icrc)))
		return false;
	return le32_to_cpu(icrc) == icrc_of(skb, has_grh);
}

/**
 * sib_cable_vcrc() - the VCRC of a packet
 * @skb: the packet, linear as on a checked cable it always is
 * @len: octets of it, without a VCRC
 *
 * Context: Any.
 * Return: the VCRC, in host order.
 */
u16 sib_cable_vcrc(const struct sk_buff *skb, unsigned int len)
{
	return ~sib_vcrc_update(SIB_VCRC_SEED, skb->data, len);
}
