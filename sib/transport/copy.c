// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Between a consumer's memory and packets: gathering and scattering, with the
 * Internet checksum of what is copied if somebody wants it. Softirq.
 */
#include <linux/bitops.h>
#include <net/checksum.h>

#include "sib/transport/copy.h"
#include "sib/verbs/hca.h"
#include "sib/verbs/qp.h"

/**
 * sib_sges_ok() - may the memory of a WR be used?
 * @sge: its SGEs
 * @count: how many
 *
 * Context: Any.
 * Return: false if one has an lkey that is none.
 */
bool sib_sges_ok(const struct ib_sge *sge, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (sge[i].length && sge[i].lkey != SIB_LOCAL_DMA_LKEY)
			return false;
	return true;
}

/* @at: how many octets of the sum there are already: odd ones stand aside. */
static void copy(void *to, const void *from, unsigned int len, unsigned int at,
		 __wsum *sum)
{
	if (!sum)
		memcpy(to, from, len);
	else
		*sum = csum_block_add(*sum,
				      csum_partial_copy_nocheck(from, to, len),
				      at);
}

/**
 * sib_gather() - copy a part of a send WR's data
 * @qpc: whose
 * @wqe: the WR, its keys good
 * @at: octet of the data to begin at
 * @to: where to
 * @len: octets
 * @sum: NULL, or where the sum of what is copied is added to
 *
 * Context: Softirq, the QP's task.
 */
void sib_gather(const struct sib_qpc *qpc, const struct sib_swqe *wqe, u32 at,
		u8 *to, u32 len, __wsum *sum)
{
	u32 done = 0, n;
	unsigned int i;

	if (wqe->inlined) {
		copy(to, sib_swqe_tail(&qpc->sq, wqe) + at, len, 0, sum);
		return;
	}
	for (i = 0; done < len && i < wqe->num_sge; i++) {
		const struct ib_sge *sge = &wqe->sge[i];

		if (at >= sge->length) {
			at -= sge->length;
			continue;
		}
		n = min(len - done, sge->length - at);
		copy(to + done, sib_sge_addr(qpc->hca, sge->addr) + at, n,
		     done, sum);
		done += n;
		at = 0;
	}
}

/**
 * sib_scatter() - copy into a receive WR
 * @hca: whose
 * @wqe: the WR; long enough, its keys good
 * @at: octet of the WR to begin at
 * @from: what to copy
 * @len: octets
 * @sum: NULL, or where the sum of what is copied is added to
 * @summed: octets that @sum is of already
 *
 * Context: Softirq.
 */
void sib_scatter(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		 unsigned int at, const void *from, unsigned int len,
		 __wsum *sum, unsigned int summed)
{
	unsigned int done = 0, n, i;

	for (i = 0; done < len && i < wqe->num_sge; i++) {
		const struct ib_sge *sge = &wqe->sge[i];

		if (at >= sge->length) {
			at -= sge->length;
			continue;
		}
		n = min(len - done, sge->length - at);
		copy(sib_sge_addr(hca, sge->addr) + at, from + done, n,
		     summed + done, sum);
		done += n;
		at = 0;
	}
}

/**
 * sib_scatter_skb() - copy a part of a packet into a receive WR
 * @hca: whose
 * @wqe: the WR; long enough, its keys good
 * @at: octet of the WR to begin at
 * @skb: the packet
 * @from: octet of the packet to begin at
 * @len: octets
 * @sum: NULL, or where the sum of what is copied is added to
 *
 * Context: Softirq.
 */
void sib_scatter_skb(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		     unsigned int at, const struct sk_buff *skb,
		     unsigned int from, unsigned int len, __wsum *sum)
{
	struct skb_seq_state state;
	unsigned int done = 0, n;
	const u8 *data;

	if (from + len <= skb_headlen(skb)) {
		sib_scatter(hca, wqe, at, skb->data + from, len, sum, 0);
		return;
	}
	skb_prepare_seq_read((struct sk_buff *)skb, from, from + len, &state);
	while ((n = skb_seq_read(done, &data, &state)) > 0) {
		/* The ICRC stands behind, and is no part of the message. */
		n = min(n, len - done);
		sib_scatter(hca, wqe, at + done, data, n, sum, done);
		done += n;
	}
}
