// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Cutting a message into packets. Pure: called from any context. IBTA volume
 * 1, section 9.7.3.
 */
#include <linux/minmax.h>
#include <linux/types.h>

#include "sib/core/opcode.h"
#include "sib/core/rc.h"

/**
 * sib_seg_count() - how many packets a message takes
 * @length: its octets
 * @mtu: octets of a packet
 *
 * Context: Any.
 * Return: packets; an empty message takes one, too.
 */
u32 sib_seg_count(u32 length, u16 mtu)
{
	return length ? (length - 1) / mtu + 1 : 1;
}

static u8 opcode_of(bool first, bool last, bool imm)
{
	if (!last)
		return first ? SIB_OP_RC_SEND_FIRST : SIB_OP_RC_SEND_MIDDLE;
	if (first)
		return imm ? SIB_OP_RC_SEND_ONLY_IMM : SIB_OP_RC_SEND_ONLY;
	return imm ? SIB_OP_RC_SEND_LAST_IMM : SIB_OP_RC_SEND_LAST;
}

/**
 * sib_seg_cut() - one packet of a SEND
 * @seg: filled
 * @transport: SIB_TRANSPORT_RC or SIB_TRANSPORT_UC
 * @length: octets of the message
 * @offset: of them before this packet, a multiple of @mtu
 * @mtu: octets of a packet
 * @imm: the message has immediate data
 *
 * Context: Any.
 */
void sib_seg_cut(struct sib_seg *seg, u8 transport, u32 length, u32 offset,
		 u16 mtu, bool imm)
{
	seg->len = min_t(u32, length - offset, mtu);
	seg->last = length - offset <= mtu;
	seg->opcode = opcode_of(!offset, seg->last, imm);
	if (transport == SIB_TRANSPORT_UC)
		seg->opcode += SIB_OP_UC_SEND_FIRST;
}
