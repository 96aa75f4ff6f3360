/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The performance management agent: what a port has counted, in the shapes
 * that perfquery asks for. IBTA volume 1, section 16.1.
 */
#ifndef SIB_CORE_PMA_H
#define SIB_CORE_PMA_H

#include <linux/types.h>

#include "sib/core/smp.h"

/* What a port counts. Data counts are in 4-octet words, LRH through ICRC. */
enum sib_counter {
	SIB_CNT_SYMBOL_ERRORS,
	SIB_CNT_LINK_RECOVERY,
	SIB_CNT_LINK_DOWNED,
	SIB_CNT_RCV_ERRORS,
	SIB_CNT_RCV_REMOTE_PHYS,
	SIB_CNT_RELAY_ERRORS,
	SIB_CNT_XMIT_DISCARDS,
	SIB_CNT_XMIT_CONSTRAINT,
	SIB_CNT_RCV_CONSTRAINT,
	SIB_CNT_LINK_INTEGRITY,
	SIB_CNT_BUFFER_OVERRUN,
	SIB_CNT_VL15_DROPPED,
	SIB_CNT_XMIT_DATA,
	SIB_CNT_RCV_DATA,
	SIB_CNT_XMIT_PKTS,
	SIB_CNT_RCV_PKTS,
	SIB_CNT_XMIT_WAIT,
	SIB_CNT_UCAST_XMIT,
	SIB_CNT_UCAST_RCV,
	SIB_CNT_MCAST_XMIT,
	SIB_CNT_MCAST_RCV,
	SIB_CNT_MAX
};

#define SIB_PMA_CLASS_PORT_INFO	0x0001
#define SIB_PMA_PORT_COUNTERS	0x0012
#define SIB_PMA_PORT_EXT	0x001d

/* PortSelect: every port, summed. */
#define SIB_PMA_ALL_PORTS	255

/**
 * struct sib_pma_base - what the counters of a port stood at when cleared
 * @classic: for PortCounters
 * @extended: for PortCountersExtended, which is cleared on its own
 */
struct sib_pma_base {
	u64 classic[SIB_CNT_MAX];
	u64 extended[SIB_CNT_MAX];
};

/**
 * struct sib_pma - an agent's view of its node
 * @first_port: 0 on a switch, 1 on a channel adapter
 * @num_ports: highest port
 * @base: @num_ports + 1 of them
 * @read: fills in what a port has counted since it was made
 * @context: for @read
 */
struct sib_pma {
	u8 first_port;
	u8 num_ports;
	struct sib_pma_base *base;
	void (*read)(void *context, u8 port, u64 *counters);
	void *context;
};

bool sib_pma_handle(const struct sib_pma *pma, const u8 *in,
		    u8 *out);

#endif
