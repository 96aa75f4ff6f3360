// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An HCA's agents as ib_mad knows them. Any context.
 */
#include <rdma/ib_mad.h>

#include "sib/verbs/hca.h"

static int verdict_to_result(enum sib_sma_verdict verdict)
{
	switch (verdict) {
	case SIB_SMA_REPLY:
		return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY;
	case SIB_SMA_CONSUMED:
		return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_CONSUMED;
	case SIB_SMA_PASS:
		return IB_MAD_RESULT_SUCCESS;
	case SIB_SMA_DROP:
		break;
	}
	return IB_MAD_RESULT_FAILURE;
}

/**
 * sib_process_mad() - let the HCA's own agents look at a MAD
 * @ib: the device
 * @flags: IB_MAD_IGNORE_*
 * @num: port number
 * @in_wc: how it came; NULL if this machine asks
 * @in_grh: likewise
 * @in: the MAD
 * @out: filled with the reply, if there is one
 * @out_size: not changed
 * @out_pkey_index: not changed
 *
 * Context: Any; ib_mad calls this inside ib_post_send_mad() too.
 * Return: IB_MAD_RESULT_* bits.
 */
int sib_process_mad(struct ib_device *ib, int flags, u32 num,
		    const struct ib_wc *in_wc, const struct ib_grh *in_grh,
		    const struct ib_mad *in, struct ib_mad *out,
		    size_t *out_size, u16 *out_pkey_index)
{
	struct sib_agent *agent = &to_hca(ib)->agent;
	enum sib_sma_verdict verdict;
	struct sib_sma_fx fx;

	BUILD_BUG_ON(sizeof(struct ib_mad) != sizeof(struct sib_smp));
	switch (in->mad_hdr.mgmt_class) {
	case SIB_CLASS_SM_LID:
	case SIB_CLASS_SM_DR:
		verdict = sib_agent_smp(agent, num, (const void *)in,
					(void *)out, flags & IB_MAD_IGNORE_MKEY,
					&fx);
		/* ib_mad sends the reply after we have returned. */
		sib_agent_effects(agent, &fx, true);
		return verdict_to_result(verdict);
	case SIB_CLASS_PERF:
		if (sib_agent_perf(agent, (const void *)in, (void *)out))
			return IB_MAD_RESULT_SUCCESS | IB_MAD_RESULT_REPLY;
		break;
	}
	return IB_MAD_RESULT_SUCCESS;
}
