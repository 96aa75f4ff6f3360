// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Completion queues. A completion and its event are one step under the lock,
 * and so are arming and looking whether there is something already: no
 * wake-up is lost.
 *
 * The handler runs in softirq, from a tasklet: never inside a call of the
 * consumer's, never twice at once, not after sib_destroy_cq(), and not after
 * sib_cq_forget() for completions that are forgotten: ib_free_cq() cancels its
 * work before it destroys the CQ, and the handler would queue it again. Who may
 * still use a CQ when it goes: nobody, for its QPs are gone; its tasklet and
 * timer are ended first.
 */
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "sib/verbs/cq.h"
#include "sib/verbs/hca.h"

/* Somebody may have taken, or forgotten, all that the event was about. */
static bool is_event_due(struct sib_cq *cq)
{
	unsigned long irq;
	bool due;

	spin_lock_irqsave(&cq->lock, irq);
	due = cq->head != cq->tail;
	if (!due)
		cq->armed = IB_CQ_NEXT_COMP;
	spin_unlock_irqrestore(&cq->lock, irq);
	return due;
}

static void call_handler(struct tasklet_struct *task)
{
	struct sib_cq *cq = from_tasklet(cq, task, task);
	/* Set by ib_core after the CQ was created, or never. */
	ib_comp_handler handler = READ_ONCE(cq->ib.comp_handler);

	if (handler && is_event_due(cq))
		handler(&cq->ib, cq->ib.cq_context);
}

static void fire_locked(struct sib_cq *cq)
{
	lockdep_assert_held(&cq->lock);
	cq->armed = 0;
	cq->pending = 0;
	tasklet_schedule(&cq->task);
}

static enum hrtimer_restart period_over(struct hrtimer *timer)
{
	struct sib_cq *cq = container_of(timer, struct sib_cq, timer);
	unsigned long irq;

	spin_lock_irqsave(&cq->lock, irq);
	if (cq->pending)
		fire_locked(cq);
	spin_unlock_irqrestore(&cq->lock, irq);
	return HRTIMER_NORESTART;
}

static void report_overflow(struct work_struct *work)
{
	struct sib_cq *cq = container_of(work, struct sib_cq, overflow_work);
	struct ib_event event = {
		.device = cq->ib.device,
		.element.cq = &cq->ib,
		.event = IB_EVENT_CQ_ERR,
	};

	if (cq->ib.event_handler)
		cq->ib.event_handler(&event, cq->ib.cq_context);
}

static bool wants_event(const struct sib_cq *cq, const struct ib_wc *wc,
			bool solicited)
{
	if (cq->armed == IB_CQ_NEXT_COMP)
		return true;
	/* An error counts as solicited, IBTA 11.4.2.2. */
	return cq->armed == IB_CQ_SOLICITED &&
	       (solicited || wc->status != IB_WC_SUCCESS);
}

/* An event is due: at once, or with others that come soon. */
static void notify_locked(struct sib_cq *cq)
{
	lockdep_assert_held(&cq->lock);
	cq->pending++;
	if (cq->count > 1 && cq->period && cq->pending < cq->count) {
		/* It is active for a moment after its function returned. */
		if (!hrtimer_is_queued(&cq->timer))
			hrtimer_start(&cq->timer,
				      ns_to_ktime(cq->period * NSEC_PER_USEC),
				      HRTIMER_MODE_REL);
		return;
	}
	fire_locked(cq);
}

/**
 * sib_cq_push() - a completion
 * @cq: where it goes
 * @wc: the completion, copied
 * @solicited: its packet asked for an event
 *
 * A full queue stops for good and says so once: nothing unread is overwritten.
 *
 * Context: Any. The handler is not called from here.
 */
void sib_cq_push(struct sib_cq *cq, const struct ib_wc *wc, bool solicited)
{
	unsigned long irq;

	spin_lock_irqsave(&cq->lock, irq);
	if (cq->overflowed || cq->head - cq->tail >= cq->size) {
		if (!cq->overflowed)
			schedule_work(&cq->overflow_work);
		cq->overflowed = true;
	} else {
		cq->ring[cq->head++ % cq->size] = *wc;
		if (wants_event(cq, wc, solicited))
			notify_locked(cq);
	}
	spin_unlock_irqrestore(&cq->lock, irq);
}

/**
 * sib_poll_cq() - take completions
 * @ib: the CQ
 * @num: at most so many
 * @wc: filled
 *
 * Context: Any, on several CPUs at once too.
 * Return: how many.
 */
int sib_poll_cq(struct ib_cq *ib, int num, struct ib_wc *wc)
{
	struct sib_cq *cq = to_cq(ib);
	unsigned long irq;
	int n = 0;

	spin_lock_irqsave(&cq->lock, irq);
	while (n < num && cq->tail != cq->head)
		wc[n++] = cq->ring[cq->tail++ % cq->size];
	spin_unlock_irqrestore(&cq->lock, irq);
	return n;
}

/**
 * sib_cq_forget() - a QP goes, and its completions with it
 * @ib: a CQ of the QP
 * @qp: the QP, for which no more completions come
 *
 * Who polls later must not be told of a QP that is not there any more. On
 * return no handler runs that was called for these completions alone.
 *
 * Context: Process, may sleep.
 */
void sib_cq_forget(struct ib_cq *ib, const struct ib_qp *qp)
{
	struct sib_cq *cq = to_cq(ib);
	u32 from, to;

	spin_lock_irq(&cq->lock);
	for (from = to = cq->tail; from != cq->head; from++) {
		const struct ib_wc *wc = &cq->ring[from % cq->size];

		if (wc->qp != qp)
			cq->ring[to++ % cq->size] = *wc;
	}
	cq->head = to;
	spin_unlock_irq(&cq->lock);
	/* Waits for one that runs, and does not lose one that is scheduled. */
	tasklet_disable(&cq->task);
	tasklet_enable(&cq->task);
}

/**
 * sib_req_notify_cq() - arm one event
 * @ib: the CQ
 * @flags: IB_CQ_SOLICITED or IB_CQ_NEXT_COMP, IB_CQ_REPORT_MISSED_EVENTS
 *
 * Context: Any.
 * Return: 1 if completions are waiting and that was asked, else 0.
 */
int sib_req_notify_cq(struct ib_cq *ib, enum ib_cq_notify_flags flags)
{
	struct sib_cq *cq = to_cq(ib);
	unsigned long irq;
	int missed;

	spin_lock_irqsave(&cq->lock, irq);
	/* The next completion is never traded for the next solicited one. */
	if (cq->armed != IB_CQ_NEXT_COMP)
		cq->armed = flags & IB_CQ_SOLICITED_MASK;
	missed = flags & IB_CQ_REPORT_MISSED_EVENTS && cq->head != cq->tail;
	spin_unlock_irqrestore(&cq->lock, irq);
	return missed;
}

/**
 * sib_modify_cq() - moderate events
 * @ib: the CQ
 * @count: completions before an event
 * @period: microseconds before an event at the latest
 *
 * Context: Process.
 * Return: 0, -EOPNOTSUPP if the HCA does not.
 */
int sib_modify_cq(struct ib_cq *ib, u16 count, u16 period)
{
	struct sib_cq *cq = to_cq(ib);

	if (!to_hca(ib->device)->caps.cq_moderation)
		return -EOPNOTSUPP;
	spin_lock_irq(&cq->lock);
	cq->count = count;
	cq->period = period;
	spin_unlock_irq(&cq->lock);
	return 0;
}

/* A remainder of free-running counters wraps cleanly only in powers of two. */
static struct ib_wc *alloc_ring(u32 *size, int cqe)
{
	*size = roundup_pow_of_two(cqe);
	return kvcalloc(*size, sizeof(struct ib_wc), GFP_KERNEL);
}

/**
 * sib_create_cq() - a completion queue
 * @ib: zeroed memory of a struct sib_cq; its capacity is filled in
 * @attr: how large at least
 * @last: not looked at
 *
 * Context: Process.
 * Return: 0, -EINVAL for a bad size, -ENOMEM.
 */
int sib_create_cq(struct ib_cq *ib, const struct ib_cq_init_attr *attr,
		  struct compat_create_cq_last *last)
{
	struct sib_cq *cq = to_cq(ib);

	if (attr->flags || attr->cqe < 1 || attr->cqe > SIB_MAX_CQE)
		return -EINVAL;
	cq->ring = alloc_ring(&cq->size, attr->cqe);
	if (!cq->ring)
		return -ENOMEM;
	spin_lock_init(&cq->lock);
	tasklet_setup(&cq->task, call_handler);
	hrtimer_init(&cq->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	cq->timer.function = period_over;
	INIT_WORK(&cq->overflow_work, report_overflow);
	ib->cqe = cq->size;
	return 0;
}

/**
 * sib_destroy_cq() - the end of a completion queue
 * @ib: the CQ; its QPs are gone
 * @udata: not looked at
 *
 * Context: Process.
 * Return: 0.
 */
int sib_destroy_cq(struct ib_cq *ib, struct ib_udata *udata)
{
	struct sib_cq *cq = to_cq(ib);

	hrtimer_cancel(&cq->timer);
	tasklet_kill(&cq->task);
	cancel_work_sync(&cq->overflow_work);
	kvfree(cq->ring);
	return 0;
}

/**
 * sib_resize_cq() - another capacity
 * @ib: the CQ
 * @cqe: how large at least
 * @udata: not looked at
 *
 * Context: Process.
 * Return: 0; -EINVAL for a bad size, or if more completions are waiting than
 * that; -ENOMEM.
 */
int sib_resize_cq(struct ib_cq *ib, int cqe, struct ib_udata *udata)
{
	struct sib_cq *cq = to_cq(ib);
	struct ib_wc *ring;
	u32 size, n = 0;

	if (cqe < 1 || cqe > SIB_MAX_CQE)
		return -EINVAL;
	ring = alloc_ring(&size, cqe);
	if (!ring)
		return -ENOMEM;
	spin_lock_irq(&cq->lock);
	if (cq->head - cq->tail > size) {
		spin_unlock_irq(&cq->lock);
		kvfree(ring);
		return -EINVAL;
	}
	while (cq->tail != cq->head)
		ring[n++] = cq->ring[cq->tail++ % cq->size];
	swap(cq->ring, ring);
	cq->size = size;
	cq->tail = 0;
	cq->head = n;
	ib->cqe = size;
	spin_unlock_irq(&cq->lock);
	kvfree(ring);
	return 0;
}
