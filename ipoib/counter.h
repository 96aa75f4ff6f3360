/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What an interface counts besides packets and octets: why each packet was
 * dropped, and how the control path fares. Per CPU. No packet is lost
 * silently: each drop has a reason here.
 */
#ifndef IPOIB_COUNTER_H
#define IPOIB_COUNTER_H

#include <linux/percpu.h>
#include <linux/types.h>

/* Names are in ipoib_counter_names; ethtool -S shows them in this order. */
enum ipoib_counter {
	/* transmit drops */
	IPOIB_CNT_TX_RUNT,
	IPOIB_CNT_TX_TYPE,
	IPOIB_CNT_TX_TOO_LONG,
	IPOIB_CNT_TX_NOT_READY,
	IPOIB_CNT_TX_NO_MEMORY,
	IPOIB_CNT_TX_LINEARIZE,
	IPOIB_CNT_TX_DMA,
	IPOIB_CNT_TX_POST,
	IPOIB_CNT_TX_PATH_FAILED,
	IPOIB_CNT_TX_PATH_QUEUE_FULL,
	IPOIB_CNT_TX_PATH_LIMIT,
	IPOIB_CNT_TX_MCAST_FAILED,
	IPOIB_CNT_TX_MCAST_QUEUE_FULL,
	IPOIB_CNT_TX_MCAST_LIMIT,
	IPOIB_CNT_TX_NO_GROUP,
	IPOIB_CNT_TX_TOO_BIG,
	IPOIB_CNT_TX_CONN_FULL,
	IPOIB_CNT_TX_CONN_LOST,
	IPOIB_CNT_TX_FLUSHED,
	/* transmit errors */
	IPOIB_CNT_TX_COMPLETION,
	/* receive drops and errors */
	IPOIB_CNT_RX_RUNT,
	IPOIB_CNT_RX_TYPE,
	IPOIB_CNT_RX_NOT_READY,
	IPOIB_CNT_RX_NO_MEMORY,
	IPOIB_CNT_RX_COMPLETION,
	/* no drops */
	IPOIB_CNT_RX_ECHO,
	IPOIB_CNT_RX_LRO_PACKETS,
	IPOIB_CNT_RX_LRO_PIECES,
	IPOIB_CNT_TX_WAITED,
	IPOIB_CNT_TX_STOPPED,
	IPOIB_CNT_PATH_QUERIES,
	IPOIB_CNT_PATH_FAILURES,
	IPOIB_CNT_PATH_DOUBTS,
	IPOIB_CNT_PATH_EVICTED,
	IPOIB_CNT_MCAST_JOINS,
	IPOIB_CNT_MCAST_FAILURES,
	IPOIB_CNT_QP_RESTARTS,
	IPOIB_CNT_QP_FAILURES,
	IPOIB_CNT_CONN_OPENED,
	IPOIB_CNT_CONN_ACCEPTED,
	IPOIB_CNT_CONN_FAILURES,
	IPOIB_CNT_CONN_REFUSED,
	IPOIB_CNT_CONN_LIMIT,
	IPOIB_CNT_CONN_TX_PACKETS,
	IPOIB_CNT_CONN_TX_BYTES,
	IPOIB_CNT_CONN_RX_PACKETS,
	IPOIB_CNT_CONN_RX_BYTES,
	IPOIB_COUNTERS
};

/* The drops and errors of above, as ranges. */
#define IPOIB_TX_DROP_FIRST	IPOIB_CNT_TX_RUNT
#define IPOIB_TX_DROP_LAST	IPOIB_CNT_TX_FLUSHED
#define IPOIB_TX_ERROR_FIRST	IPOIB_CNT_TX_COMPLETION
#define IPOIB_TX_ERROR_LAST	IPOIB_CNT_TX_COMPLETION
#define IPOIB_RX_DROP_FIRST	IPOIB_CNT_RX_RUNT
#define IPOIB_RX_DROP_LAST	IPOIB_CNT_RX_COMPLETION

extern const char * const ipoib_counter_names[IPOIB_COUNTERS];

/**
 * struct ipoib_counters - the counters of one CPU
 * @n: by enum ipoib_counter
 */
struct ipoib_counters {
	u64 n[IPOIB_COUNTERS];
};

u64 ipoib_counter_sum(struct ipoib_counters __percpu *counters,
		      enum ipoib_counter first, enum ipoib_counter last);

#define ipoib_count(ipd, which)						\
	this_cpu_inc((ipd)->counters->n[IPOIB_CNT_##which])
#define ipoib_count_many(ipd, which, by)				\
	this_cpu_add((ipd)->counters->n[IPOIB_CNT_##which], by)

#endif
