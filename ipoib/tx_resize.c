// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * More or fewer transmit queues, and rings of another size, while the link is
 * up. What can fail is done first; then one queue after the other is emptied
 * and exchanged, while the others go on. What has been accepted is sent,
 * unless HCA or stack do not get rid of it within a second: then it is counted.
 *
 * Process context, RTNL and ctl.
 */
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <net/sch_generic.h>

#include "ipoib/dev.h"
#include "ipoib/qp.h"
#include "ipoib/tx.h"

/* How long HCA and stack may take to send what they have, jiffies. */
#define DRAIN_LIMIT	HZ

static bool is_up(const struct ipoib_dev *ipd)
{
	return test_bit(IPOIB_FLAG_QPS_UP, &ipd->flags);
}

static struct netdev_queue *stack_queue(const struct ipoib_txq *q)
{
	return netdev_get_tx_queue(q->ipd->netdev, q->index);
}

/* Wait until the HCA has sent what a closed queue has posted. */
static void drain(struct ipoib_txq *q, unsigned long limit)
{
	while (READ_ONCE(q->ring.tail) != READ_ONCE(q->ring.head) &&
	       time_before(jiffies, limit))
		usleep_range(100, 500);
}

/* From open to stopped. */
static void empty(struct ipoib_txq *q, unsigned long limit)
{
	ipoib_txq_close(q);
	drain(q, limit);
	ipoib_txq_stop(q);
	ipoib_txq_reset(q);
}

static void exchange(struct ipoib_txq *q, struct ipoib_txhw *hw,
		     unsigned long limit)
{
	bool up = is_up(q->ipd);

	if (up)
		empty(q, limit);
	ipoib_txq_exchange(q, hw);
	if (!up)
		return;
	ipoib_txq_start(q);
	netif_tx_wake_queue(stack_queue(q));
}

/* All that the queues need, ready to be used. */
static int prepare(struct ipoib_dev *ipd, u32 size, struct ipoib_txhw *hw)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ipd->num_txqs; i++) {
		err = ipoib_txhw_create(&ipd->txqs[i], size, &hw[i]);
		if (!err && is_up(ipd))
			err = ipoib_qp_bring_up(ipd, hw[i].qp);
	}
	return err;
}

/**
 * ipoib_tx_resize() - rings of another size
 * @ipd: the interface; RTNL and ctl are held
 * @size: entries of each, a power of two
 *
 * Takes a second longer at most than the HCA does for its part.
 *
 * Context: Process.
 * Return: 0 or an error, after which nothing is changed.
 */
int ipoib_tx_resize(struct ipoib_dev *ipd, u32 size)
{
	struct ipoib_txhw *hw;
	unsigned long limit;
	unsigned int i;
	int err;

	lockdep_assert_held(&ipd->ctl);
	if (size == ipd->send_size)
		return 0;
	hw = kcalloc(ipd->num_txqs, sizeof(*hw), GFP_KERNEL);
	if (!hw)
		return -ENOMEM;
	err = prepare(ipd, size, hw);
	limit = jiffies + DRAIN_LIMIT;
	for (i = 0; !err && i < ipd->num_txqs; i++)
		exchange(&ipd->txqs[i], &hw[i], limit);
	if (!err)
		ipd->send_size = size;
	/* The old ones; or the new ones that are not wanted any more. */
	for (i = 0; i < ipd->num_txqs; i++)
		ipoib_txhw_destroy(&hw[i]);
	kfree(hw);
	return err;
}

/* Start it, if the others are. */
static int add(struct ipoib_txq *q)
{
	int err = ipoib_txq_add(q);

	if (err || !is_up(q->ipd))
		return err;
	err = ipoib_qp_bring_up(q->ipd, q->hw.qp);
	if (err)
		ipoib_txq_remove(q);
	else
		ipoib_txq_start(q);
	return err;
}

/*
 * The last queue goes; the stack knows it no more. A packet for it that has
 * taken its time all the same is dropped and counted. The stack's own queue
 * must not stay stopped: its watchdog looks after all of them.
 */
static void remove_last(struct ipoib_dev *ipd, unsigned long limit)
{
	struct ipoib_txq *q = &ipd->txqs[ipd->num_txqs - 1];

	if (is_up(ipd))
		empty(q, limit);
	WRITE_ONCE(ipd->num_txqs, ipd->num_txqs - 1);
	netif_tx_start_queue(stack_queue(q));
	ipoib_txq_remove(q);
}

static int grow(struct ipoib_dev *ipd, unsigned int count)
{
	unsigned int before = ipd->num_txqs;
	int err = 0;

	while (!err && ipd->num_txqs < count) {
		err = add(&ipd->txqs[ipd->num_txqs]);
		if (!err)
			WRITE_ONCE(ipd->num_txqs, ipd->num_txqs + 1);
	}
	if (!err)
		err = netif_set_real_num_tx_queues(ipd->netdev, count);
	if (!err)
		WRITE_ONCE(ipd->staying_txqs, count);
	while (err && ipd->num_txqs > before)
		remove_last(ipd, jiffies + DRAIN_LIMIT);
	return err;
}

/* Packets that the stack keeps for queues that go, perhaps with others. */
static unsigned int backlog(struct ipoib_dev *ipd, unsigned int first)
{
	struct netdev_queue *nq, *last = NULL;
	unsigned int i, n = 0;

	rcu_read_lock();
	for (i = first; i < ipd->num_txqs; i++) {
		nq = stack_queue(&ipd->txqs[i]);
		/* Each has its discipline, or there is one for all. */
		if (!last || rcu_access_pointer(nq->qdisc) !=
			     rcu_access_pointer(last->qdisc))
			n += qdisc_qlen_sum(rcu_dereference(nq->qdisc));
		last = nq;
	}
	rcu_read_unlock();
	return n;
}

static void wait_for_stack(struct ipoib_dev *ipd, unsigned int first,
			   unsigned long limit)
{
	while (backlog(ipd, first) && time_before(jiffies, limit))
		usleep_range(100, 500);
}

/*
 * Nothing is added to the queues that go; what they have is sent. The stack
 * throws away what is left when it hears of the number.
 */
static void shrink(struct ipoib_dev *ipd, unsigned int count)
{
	unsigned long limit = jiffies + DRAIN_LIMIT;

	WRITE_ONCE(ipd->staying_txqs, count);
	/* Who has picked a queue adds to it. */
	synchronize_net();
	wait_for_stack(ipd, count, limit);
	/* Who has a packet in hand posts it or puts it back. */
	synchronize_net();
	wait_for_stack(ipd, count, limit);
	ipoib_count_many(ipd, TX_FLUSHED, backlog(ipd, count));
	netif_set_real_num_tx_queues(ipd->netdev, count);
	while (ipd->num_txqs > count)
		remove_last(ipd, limit);
}

/**
 * ipoib_tx_set_count() - another number of transmit queues
 * @ipd: the interface; RTNL and ctl are held
 * @count: how many, 1 to @ipd->max_txqs
 *
 * Context: Process.
 * Return: 0 or an error, after which nothing is changed.
 */
int ipoib_tx_set_count(struct ipoib_dev *ipd, unsigned int count)
{
	int err = 0;

	ASSERT_RTNL();
	lockdep_assert_held(&ipd->ctl);
	if (count > ipd->num_txqs)
		err = grow(ipd, count);
	else if (count < ipd->num_txqs)
		shrink(ipd, count);
	return err;
}
