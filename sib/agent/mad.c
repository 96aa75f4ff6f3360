// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * An HCA's agents as ib_mad knows them, and what ib_core hears of the SM's
 * doings. Any context.
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

/**
 * sib_hca_changed() - tell ib_core what the SM changed
 * @agent: of an HCA
 * @port: which port
 * @events: SIB_FX_*
 *
 * GIDs first, for who hears the rest looks at them. ib_core handles each from
 * a workqueue of its own. What happens before it wants to hear is kept for
 * then: an SM may be faster than the last client of ib_core is added.
 *
 * Context: Any.
 */
void sib_hca_changed(struct sib_agent *agent, u8 port, u32 events)
{
	static const struct {
		u32 fx;
		enum ib_event_type event;
	} map[] = {
		{ SIB_FX_PREFIX | SIB_FX_GUIDS, IB_EVENT_GID_CHANGE },
		{ SIB_FX_PKEYS, IB_EVENT_PKEY_CHANGE },
		{ SIB_FX_LID, IB_EVENT_LID_CHANGE },
		{ SIB_FX_SM, IB_EVENT_SM_CHANGE },
		{ SIB_FX_INACTIVE, IB_EVENT_PORT_ERR },
		{ SIB_FX_ACTIVE, IB_EVENT_PORT_ACTIVE },
		{ SIB_FX_REREGISTER, IB_EVENT_CLIENT_REREGISTER },
	};
	struct sib_hca *hca = agent_to_hca(agent);
	struct ib_event event = {
		.device = &hca->ib,
		.element.port_num = port,
	};
	unsigned long irq;
	unsigned int i;

	/* An SMP that changed nothing names no port. */
	if (!events)
		return;
	/* Once @events is off, ib_core may be freeing the device. */
	spin_lock_irqsave(&agent->lock, irq);
	if (!hca->events)
		hca->missed[port - 1] |= events;
	for (i = 0; hca->events && i < ARRAY_SIZE(map); i++) {
		if (!(events & map[i].fx))
			continue;
		event.event = map[i].event;
		ib_dispatch_event(&event);
	}
	spin_unlock_irqrestore(&agent->lock, irq);
}
