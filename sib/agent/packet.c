// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Building packets around MADs. Any context.
 */
#include "sib/agent/packet.h"
#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/fabric/cable.h"

static struct sk_buff *build(struct sib_hdr *hdr, const void *mad)
{
	struct sk_buff *skb;

	hdr->opcode = SIB_OP_UD_SEND_ONLY;
	hdr->hlen = sib_hdr_size(hdr);
	hdr->len = hdr->hlen + SIB_MAD_LEN + SIB_ICRC_LEN;
	skb = sib_packet_alloc(hdr->len, GFP_ATOMIC);
	if (!skb)
		return NULL;
	sib_hdr_build(hdr, skb->data);
	memcpy(skb->data + hdr->hlen, mad, SIB_MAD_LEN);
	memset(skb->data + hdr->hlen + SIB_MAD_LEN, 0, SIB_ICRC_LEN);
	return skb;
}

/**
 * sib_packet_smp() - an SMP, from QP0 to QP0 on VL15
 * @dlid: destination LID, permissive on a directed route
 * @slid: source LID, likewise
 * @mad: SIB_MAD_LEN octets
 *
 * Context: Any.
 * Return: the packet without an ICRC, NULL without memory.
 */
struct sk_buff *sib_packet_smp(u16 dlid, u16 slid, const void *mad)
{
	struct sib_hdr hdr = {
		.vl = SIB_VL_SM,
		.dlid = dlid,
		.slid = slid,
		.pkey = SIB_PKEY_DEFAULT,
	};

	return build(&hdr, mad);
}

/**
 * sib_packet_gmp() - the answer to a MAD to QP1
 * @request: headers of what is answered
 * @pkey: own P_Key, of the partition of @request
 * @slid: own LID
 * @mad: SIB_MAD_LEN octets
 *
 * Context: Any.
 * Return: the packet without an ICRC, NULL without memory.
 */
struct sk_buff *sib_packet_gmp(const struct sib_hdr *request, u16 pkey,
			       u16 slid, const void *mad)
{
	struct sib_hdr hdr = {
		.sl = request->sl,
		.dlid = request->slid,
		.slid = slid,
		.pkey = pkey,
		.dqpn = request->sqpn,
		.sqpn = 1,
		.qkey = SIB_QKEY_GSI,
	};

	return build(&hdr, mad);
}
