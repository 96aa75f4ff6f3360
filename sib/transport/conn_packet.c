// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Packets of a connected QP: their headers, and their way out, several in a
 * frame where the cable allows it. Softirq, the QP's task.
 */
#include "sib/core/opcode.h"
#include "sib/transport/conn.h"
#include "sib/transport/frame.h"
#include "sib/verbs/conn.h"
#include "sib/verbs/qp.h"

/**
 * sib_conn_size() - octets that a packet takes at most
 * @qpc: the QP
 * @plen: octets of payload
 *
 * Context: Softirq, the QP's task.
 * Return: octets.
 */
u32 sib_conn_size(const struct sib_qpc *qpc, u16 plen)
{
	BUILD_BUG_ON(SIB_AETH_LEN != SIB_IMM_LEN);
	return SIB_LRH_LEN + (qpc->conn->av.has_grh ? SIB_GRH_LEN : 0) +
	       SIB_BTH_LEN + SIB_AETH_LEN + ALIGN(plen, 4) + SIB_ICRC_LEN;
}

/**
 * sib_conn_put() - put a packet to the peer into a frame
 * @qpc: the QP
 * @skb: the frame, with room for it
 * @hdr: zeroed but for @opcode, @psn and what the opcode brings along; the
 *	rest is filled in
 * @plen: octets of payload
 *
 * Context: Softirq, the QP's task.
 * Return: where the payload is to be written.
 */
u8 *sib_conn_put(struct sib_qpc *qpc, struct sk_buff *skb,
		 struct sib_hdr *hdr, u16 plen)
{
	u8 grh[SIB_GRH_LEN];

	sib_frame_path(qpc, &qpc->conn->av, READ_ONCE(qpc->pkey_index), hdr,
		       grh);
	hdr->dqpn = qpc->conn->dqpn;
	return sib_frame_put(skb, hdr, plen);
}

/**
 * sib_conn_launch() - send a frame
 * @qpc: the QP
 * @skb: the frame; consumed
 *
 * Context: Softirq, the QP's task.
 */
void sib_conn_launch(struct sib_qpc *qpc, struct sk_buff *skb)
{
	sib_frame_launch(qpc, skb, &qpc->conn->av, qpc->conn->dqpn);
}
