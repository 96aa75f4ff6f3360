/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What a port counts: the counters of IBTA's performance management, and why
 * it dropped what it dropped. Per CPU, so that counting costs no shared cache
 * line.
 */
#ifndef SIB_FABRIC_STATS_H
#define SIB_FABRIC_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "sib/core/pma.h"

/* Private counters of a port; sib_stat_names has their names. */
enum sib_stat {
	SIB_STAT_RX_BAD_FRAME,
	SIB_STAT_RX_STRAY,
	SIB_STAT_RX_BAD_LINK_MESSAGE,
	SIB_STAT_RX_RUNT,
	SIB_STAT_RX_BAD_LENGTH,
	SIB_STAT_RX_BAD_VERSION,
	SIB_STAT_RX_RAW,
	SIB_STAT_RX_BAD_OPCODE,
	SIB_STAT_RX_BAD_ICRC,
	SIB_STAT_RX_BAD_VCRC,
	SIB_STAT_RX_PORT_STATE,
	SIB_STAT_RX_NOT_MY_LID,
	SIB_STAT_RX_BAD_SLID,
	SIB_STAT_RX_NO_QP,
	SIB_STAT_RX_QP_STATE,
	SIB_STAT_RX_BAD_TRANSPORT,
	SIB_STAT_RX_BAD_LANE,
	SIB_STAT_RX_BAD_MAD_LENGTH,
	SIB_STAT_RX_BAD_GRH,
	SIB_STAT_RX_BAD_PKEY,
	SIB_STAT_RX_BAD_QKEY,
	SIB_STAT_RX_NOT_ATTACHED,
	SIB_STAT_RX_TOO_LONG,
	SIB_STAT_RX_PARKED,
	SIB_STAT_RX_NO_WQE,
	SIB_STAT_RX_NO_MEMORY,
	SIB_STAT_TX_PORT_STATE,
	SIB_STAT_TX_NO_MEMORY,
	SIB_STAT_TX_CABLE_REFUSED,
	SIB_STAT_TX_WAITED,
	SIB_STAT_SMP_DISCARDED,
	SIB_STAT_GMP_DISCARDED,
	SIB_STAT_MCAST_DEFERRED,
	SIB_STAT_RX_BAD_PATH,
	SIB_STAT_RX_GAP,
	SIB_STAT_RX_DUPLICATE,
	SIB_STAT_RX_BAD_REQUEST,
	SIB_STAT_RX_BAD_RESPONSE,
	SIB_STAT_TX_AGAIN,
	SIB_STAT_TX_NOT_READY,
	SIB_STAT_TX_TOO_LONG,
	SIB_STAT_TX_TOO_OLD,
	SIB_STAT_MAX
};

extern const char * const sib_stat_names[SIB_STAT_MAX];

/**
 * struct sib_stats - the counters of one port on one CPU
 * @pma: enum sib_counter
 * @own: enum sib_stat
 */
struct sib_stats {
	u64 pma[SIB_CNT_MAX];
	u64 own[SIB_STAT_MAX];
};

u64 sib_stats_read(struct sib_stats __percpu *stats, enum sib_stat which);
void sib_stats_read_pma(struct sib_stats __percpu *stats, u64 *counters);

#endif
