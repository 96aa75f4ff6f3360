/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Where a switch sends a packet. IBTA volume 1, section 18.2.
 */
#ifndef SIB_CORE_FWD_H
#define SIB_CORE_FWD_H

#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/node.h"

/**
 * enum sib_fwd_way - what a switch does with a packet
 * @SIB_FWD_OUT: one copy out of each port of the mask
 * @SIB_FWD_RELAY_ERROR: drop; the ingress port counts a relay error
 * @SIB_FWD_DISCARD: drop; the egress port counts a discard
 * @SIB_FWD_IGNORE: drop; nothing is wrong
 */
enum sib_fwd_way {
	SIB_FWD_OUT,
	SIB_FWD_RELAY_ERROR,
	SIB_FWD_DISCARD,
	SIB_FWD_IGNORE,
};

/**
 * struct sib_fwd - a decision
 * @way: what to do
 * @egress: SIB_FWD_DISCARD: the port that counts it
 * @ports: SIB_FWD_OUT: bit n is port n, bit 0 the switch's own
 */
struct sib_fwd {
	enum sib_fwd_way way;
	u8 egress;
	u64 ports;
};

bool sib_fwd_admits(const struct sib_node *node, u8 port, u8 vl);
struct sib_fwd sib_fwd_decide(const struct sib_node *node, u8 ingress,
			      const struct sib_hdr *hdr);

#endif
