// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Names and sums of counters. Any context.
 */
#include <linux/cpumask.h>

#include "ipoib/counter.h"

const char * const ipoib_counter_names[IPOIB_COUNTERS] = {
	[IPOIB_CNT_TX_RUNT]			= "tx_drop_runt",
	[IPOIB_CNT_TX_TYPE]			= "tx_drop_type",
	[IPOIB_CNT_TX_TOO_LONG]		= "tx_drop_too_long",
	[IPOIB_CNT_TX_NOT_READY]		= "tx_drop_not_ready",
	[IPOIB_CNT_TX_NO_MEMORY]		= "tx_drop_no_memory",
	[IPOIB_CNT_TX_LINEARIZE]		= "tx_drop_linearize",
	[IPOIB_CNT_TX_DMA]			= "tx_drop_dma",
	[IPOIB_CNT_TX_POST]			= "tx_drop_post",
	[IPOIB_CNT_TX_PATH_FAILED]		= "tx_drop_path_failed",
	[IPOIB_CNT_TX_PATH_QUEUE_FULL]	= "tx_drop_path_queue_full",
	[IPOIB_CNT_TX_PATH_LIMIT]		= "tx_drop_path_limit",
	[IPOIB_CNT_TX_MCAST_FAILED]		= "tx_drop_mcast_failed",
	[IPOIB_CNT_TX_MCAST_QUEUE_FULL]	= "tx_drop_mcast_queue_full",
	[IPOIB_CNT_TX_MCAST_LIMIT]		= "tx_drop_mcast_limit",
	[IPOIB_CNT_TX_NO_GROUP]		= "tx_drop_no_group",
	[IPOIB_CNT_TX_TOO_BIG]		= "tx_drop_too_big",
	[IPOIB_CNT_TX_CONN_FULL]		= "tx_drop_conn_full",
	[IPOIB_CNT_TX_CONN_LOST]		= "tx_drop_conn_lost",
	[IPOIB_CNT_TX_FLUSHED]		= "tx_drop_flushed",
	[IPOIB_CNT_TX_COMPLETION]		= "tx_completion_errors",
	[IPOIB_CNT_RX_RUNT]			= "rx_drop_runt",
	[IPOIB_CNT_RX_TYPE]			= "rx_drop_type",
	[IPOIB_CNT_RX_NOT_READY]		= "rx_drop_not_ready",
	[IPOIB_CNT_RX_NO_MEMORY]		= "rx_drop_no_memory",
	[IPOIB_CNT_RX_COMPLETION]		= "rx_completion_errors",
	[IPOIB_CNT_RX_ECHO]			= "rx_echoes",
	[IPOIB_CNT_RX_LRO_PACKETS]		= "rx_lro_packets",
	[IPOIB_CNT_RX_LRO_PIECES]		= "rx_lro_pieces",
	[IPOIB_CNT_TX_WAITED]		= "tx_waited",
	[IPOIB_CNT_TX_STOPPED]		= "tx_queue_stopped",
	[IPOIB_CNT_PATH_QUERIES]		= "path_queries",
	[IPOIB_CNT_PATH_FAILURES]		= "path_failures",
	[IPOIB_CNT_PATH_DOUBTS]		= "path_doubts",
	[IPOIB_CNT_PATH_EVICTED]		= "path_evicted",
	[IPOIB_CNT_MCAST_JOINS]		= "mcast_joins",
	[IPOIB_CNT_MCAST_FAILURES]		= "mcast_failures",
	[IPOIB_CNT_QP_RESTARTS]		= "qp_restarts",
	[IPOIB_CNT_QP_FAILURES]		= "qp_failures",
	[IPOIB_CNT_CONN_OPENED]		= "conn_opened",
	[IPOIB_CNT_CONN_ACCEPTED]		= "conn_accepted",
	[IPOIB_CNT_CONN_FAILURES]		= "conn_failures",
	[IPOIB_CNT_CONN_REFUSED]		= "conn_refused",
	[IPOIB_CNT_CONN_LIMIT]		= "conn_limit",
	[IPOIB_CNT_CONN_TX_PACKETS]		= "conn_tx_packets",
	[IPOIB_CNT_CONN_TX_BYTES]		= "conn_tx_bytes",
	[IPOIB_CNT_CONN_RX_PACKETS]		= "conn_rx_packets",
	[IPOIB_CNT_CONN_RX_BYTES]		= "conn_rx_bytes",
};

/**
 * ipoib_counter_sum() - the sum of a range of counters
 * @counters: of an interface
 * @first: the first of the range
 * @last: the last of it
 *
 * Return: over all CPUs, events since the interface was made.
 */
u64 ipoib_counter_sum(struct ipoib_counters __percpu *counters,
		      enum ipoib_counter first, enum ipoib_counter last)
{
	enum ipoib_counter i;
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		for (i = first; i <= last; i++)
			sum += READ_ONCE(per_cpu_ptr(counters, cpu)->n[i]);
	return sum;
}
