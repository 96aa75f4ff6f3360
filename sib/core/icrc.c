// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * ICRC masking and the VCRC. The ICRC itself is the CRC-32 of Ethernet, which
 * the caller has (crc32_le() in the kernel): seed ~0, over the masked head and
 * then over the rest up to the ICRC, complemented, least significant octet
 * first. Pure: called from any context.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/icrc.h"

/**
 * sib_icrc_head() - the head of a packet as the ICRC sees it
 * @pkt: the packet, at its LRH, all headers linear
 * @has_grh: a GRH follows the LRH
 * @head: room for SIB_ICRC_HEAD_GRH octets; filled
 *
 * What may change on the way counts as ones: the virtual lane and the
 * congestion octet of the BTH; with a GRH the whole LRH, and traffic class,
 * flow label and hop limit.
 *
 * Context: Any.
 * Return: octets in @head, which stand for as many at @pkt.
 */
size_t sib_icrc_head(const u8 *pkt, bool has_grh, u8 *head)
{
	size_t bth = has_grh ? SIB_LRH_LEN + SIB_GRH_LEN : SIB_LRH_LEN;

	memcpy(head, pkt, bth + SIB_BTH_LEN);
	if (has_grh) {
		memset(head, 0xff, SIB_LRH_LEN);
		head[SIB_LRH_LEN] |= 0x0f;
		memset(head + SIB_LRH_LEN + 1, 0xff, 3);
		head[SIB_LRH_LEN + 7] = 0xff;
	} else {
		head[0] |= 0xf0;
	}
	head[bth + 4] = 0xff;
	return bth + SIB_BTH_LEN;
}

/**
 * sib_vcrc_update() - carry a VCRC on over more octets
 * @crc: SIB_VCRC_SEED at first, then what this returned
 * @data: the octets
 * @len: how many
 *
 * A nibble at a time: the table fits in half a cache line, and cables inside
 * one kernel do without.
 *
 * Context: Any.
 * Return: the new value; complement the last one for the wire.
 */
u16 sib_vcrc_update(u16 crc, const u8 *data, size_t len)
{
	/* Of x^16 + x^12 + x^3 + x + 1, reflected, four bits at a time. */
	static const u16 table[16] = {
		0x0000, 0x1a01, 0x3402, 0x2e03, 0x6804, 0x7205, 0x5c06, 0x4607,
		0xd008, 0xca09, 0xe40a, 0xfe0b, 0xb80c, 0xa20d, 0x8c0e, 0x960f,
	};

	while (len--) {
		crc ^= *data++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return crc;
}
