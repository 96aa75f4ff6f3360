// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Reading per-CPU counters, and their names. Process context and MAD
 * handling.
 */
#include <linux/string.h>

#include "sib/fabric/stats.h"

const char * const sib_stat_names[SIB_STAT_MAX] = {
	[SIB_STAT_RX_BAD_FRAME]		= "rx_bad_frame",
	[SIB_STAT_RX_STRAY]		= "rx_stray",
	[SIB_STAT_RX_BAD_LINK_MESSAGE]	= "rx_bad_link_message",
	[SIB_STAT_RX_RUNT]		= "rx_runt",
	[SIB_STAT_RX_BAD_LENGTH]	= "rx_bad_length",
	[SIB_STAT_RX_BAD_VERSION]	= "rx_bad_version",
	[SIB_STAT_RX_RAW]		= "rx_raw",
	[SIB_STAT_RX_BAD_OPCODE]	= "rx_bad_opcode",
	[SIB_STAT_RX_BAD_ICRC]		= "rx_bad_icrc",
	[SIB_STAT_RX_BAD_VCRC]		= "rx_bad_vcrc",
	[SIB_STAT_RX_PORT_STATE]	= "rx_port_state",
	[SIB_STAT_RX_NOT_MY_LID]	= "rx_not_my_lid",
	[SIB_STAT_RX_BAD_SLID]		= "rx_bad_slid",
	[SIB_STAT_RX_NO_QP]		= "rx_no_qp",
	[SIB_STAT_RX_QP_STATE]		= "rx_qp_state",
	[SIB_STAT_RX_BAD_TRANSPORT]	= "rx_bad_transport",
	[SIB_STAT_RX_BAD_LANE]		= "rx_bad_lane",
	[SIB_STAT_RX_BAD_MAD_LENGTH]	= "rx_bad_mad_length",
	[SIB_STAT_RX_BAD_GRH]		= "rx_bad_grh",
	[SIB_STAT_RX_BAD_PKEY]		= "rx_bad_pkey",
	[SIB_STAT_RX_BAD_QKEY]		= "rx_bad_qkey",
	[SIB_STAT_RX_NOT_ATTACHED]	= "rx_not_attached",
	[SIB_STAT_RX_TOO_LONG]		= "rx_too_long",
	[SIB_STAT_RX_PARKED]		= "rx_parked",
	[SIB_STAT_RX_NO_WQE]		= "rx_no_wqe",
	[SIB_STAT_RX_NO_MEMORY]		= "rx_no_memory",
	[SIB_STAT_TX_PORT_STATE]	= "tx_port_state",
	[SIB_STAT_TX_NO_MEMORY]		= "tx_no_memory",
	[SIB_STAT_TX_CABLE_REFUSED]	= "tx_cable_refused",
	[SIB_STAT_TX_WAITED]		= "tx_waited",
	[SIB_STAT_SMP_DISCARDED]	= "smp_discarded",
	[SIB_STAT_GMP_DISCARDED]	= "gmp_discarded",
	[SIB_STAT_MCAST_DEFERRED]	= "mcast_deferred",
	[SIB_STAT_RX_BAD_PATH]		= "rx_bad_path",
	[SIB_STAT_RX_GAP]		= "rx_gap",
	[SIB_STAT_RX_DUPLICATE]		= "rx_duplicate",
	[SIB_STAT_RX_BAD_REQUEST]	= "rx_bad_request",
	[SIB_STAT_RX_BAD_RESPONSE]	= "rx_bad_response",
	[SIB_STAT_TX_AGAIN]		= "tx_again",
	[SIB_STAT_TX_NOT_READY]		= "tx_not_ready",
	[SIB_STAT_TX_TOO_LONG]		= "tx_too_long",
	[SIB_STAT_TX_TOO_OLD]		= "tx_too_old",
};

/**
 * sib_stats_read() - one private counter
 * @stats: of a port
 * @which: enum sib_stat
 *
 * Context: Any.
 * Return: the sum over all CPUs, events since the port was made.
 */
u64 sib_stats_read(struct sib_stats __percpu *stats, enum sib_stat which)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->own[which]);
	return sum;
}

/**
 * sib_stats_read_pma() - all counters of performance management
 * @stats: of a port
 * @counters: SIB_CNT_MAX of them; filled with the sums over all CPUs
 *
 * Context: Any.
 */
void sib_stats_read_pma(struct sib_stats __percpu *stats, u64 *counters)
{
	unsigned int i;
	int cpu;

	memset(counters, 0, SIB_CNT_MAX * sizeof(*counters));
	for_each_possible_cpu(cpu) {
		const struct sib_stats *s = per_cpu_ptr(stats, cpu);

		for (i = 0; i < SIB_CNT_MAX; i++)
			counters[i] += READ_ONCE(s->pma[i]);
	}
}
