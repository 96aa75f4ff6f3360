// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How soon the HCA tells of what was received: as the administrator says, or
 * as the kernel's library for it finds out from what comes (DIM).
 */
#include <linux/dim.h>
#include <rdma/ib_verbs.h>

#include "ipoib/dev.h"
#include "ipoib/rx.h"

static int set_fixed(struct ipoib_rx *rx)
{
	return rdma_set_cq_moderation(rx->cq, READ_ONCE(rx->frames),
				      READ_ONCE(rx->usecs));
}

/*
 * Who switches it off does not wait for this, so look again at the end: the
 * last word is the administrator's.
 */
static void adapt(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);
	struct ipoib_rx *rx = container_of(dim, struct ipoib_rx, dim);
	struct dim_cq_moder moder;

	moder = net_dim_get_rx_moderation(dim->mode, dim->profile_ix);
	if (READ_ONCE(rx->adaptive))
		rdma_set_cq_moderation(rx->cq, moder.pkts, moder.usec);
	dim->state = DIM_START_MEASURE;
	/* Pairs with the barrier in ipoib_rx_moderate(). */
	smp_mb();
	if (!READ_ONCE(rx->adaptive))
		set_fixed(rx);
}

/**
 * ipoib_rx_moderate_init() - before the CQ can tell of anything
 * @rx: the receive side
 */
void ipoib_rx_moderate_init(struct ipoib_rx *rx)
{
	INIT_WORK(&rx->dim.work, adapt);
	rx->dim.mode = DIM_CQ_PERIOD_MODE_START_FROM_EQE;
}

/**
 * ipoib_rx_moderate_exit() - before the CQ goes; NAPI is off
 * @rx: the receive side
 *
 * Context: Process.
 */
void ipoib_rx_moderate_exit(struct ipoib_rx *rx)
{
	cancel_work_sync(&rx->dim.work);
}

/**
 * ipoib_rx_measure() - one event more has been dealt with
 * @rx: the receive side
 *
 * Context: Softirq, NAPI.
 */
void ipoib_rx_measure(struct ipoib_rx *rx)
{
	struct dim_sample sample = {};

	dim_update_sample(++rx->events, u64_stats_read(&rx->packets),
			  u64_stats_read(&rx->bytes), &sample);
	net_dim(&rx->dim, sample);
}

/**
 * ipoib_rx_moderate() - how soon the HCA tells of what was received
 * @ipd: the interface
 * @usecs: after so many microseconds at the latest
 * @frames: or after so many packets
 * @adaptive: find both out from what comes, instead
 *
 * An HCA that cannot do that is left alone, and what was asked for is shown;
 * but it cannot adapt.
 *
 * Context: Process, under RTNL.
 * Return: 0 or the HCA's error, after which nothing is changed.
 */
int ipoib_rx_moderate(struct ipoib_dev *ipd, u16 usecs, u16 frames,
		      bool adaptive)
{
	struct ipoib_rx *rx = &ipd->rx;
	u16 old_usecs = rx->usecs, old_frames = rx->frames;
	bool old_adaptive = rx->adaptive;
	int err;

	WRITE_ONCE(rx->usecs, usecs);
	WRITE_ONCE(rx->frames, frames);
	WRITE_ONCE(rx->adaptive, adaptive);
	/* Either adapt() sees this, or what it has set is set again here. */
	smp_mb();
	err = set_fixed(rx);
	if (!err || (err == -EOPNOTSUPP && !adaptive))
		return 0;
	WRITE_ONCE(rx->usecs, old_usecs);
	WRITE_ONCE(rx->frames, old_frames);
	WRITE_ONCE(rx->adaptive, old_adaptive);
	return err;
}
