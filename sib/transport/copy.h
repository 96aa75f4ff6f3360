/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Between a consumer's memory and packets.
 */
#ifndef SIB_TRANSPORT_COPY_H
#define SIB_TRANSPORT_COPY_H

#include <linux/bitops.h>
#include <linux/skbuff.h>
#include <linux/types.h>
#include <net/checksum.h>
#include <rdma/ib_verbs.h>

struct sib_hca;
struct sib_qpc;
struct sib_rwqe;
struct sib_swqe;

/* A sum as the pure code has it: folded, in host order. */
static inline u16 sib_sum_fold(__wsum sum)
{
	return be16_to_cpu((__force __be16)~csum_fold(sum));
}

bool sib_sges_ok(const struct ib_sge *sge, unsigned int count);
void sib_gather(const struct sib_qpc *qpc, const struct sib_swqe *wqe, u32 at,
		u8 *to, u32 len, __wsum *sum);
void sib_scatter(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		 unsigned int at, const void *from, unsigned int len,
		 __wsum *sum, unsigned int summed);
void sib_scatter_skb(const struct sib_hca *hca, const struct sib_rwqe *wqe,
		     unsigned int at, const struct sk_buff *skb,
		     unsigned int from, unsigned int len, __wsum *sum);

#endif
