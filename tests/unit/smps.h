/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * SMPs for tests, and asking an agent with them.
 */
#ifndef TESTS_UNIT_SMPS_H
#define TESTS_UNIT_SMPS_H

#include "sib/core/sma.h"

#define SMPS_TID	0x1122334455667788ULL

/**
 * struct answer - what became of an SMP
 * @verdict: of the agent
 * @status: of the reply, the direction bit taken off
 * @out: the reply
 * @fx: what else is to be done
 */
struct answer {
	enum sib_sma_verdict verdict;
	u16 status;
	struct sib_smp out;
	struct sib_sma_fx fx;
};

struct sib_smp smps_make(u8 method, u16 attr, u32 mod);
struct answer smps_ask(struct sib_node *node, u8 ingress,
		       const struct sib_smp *in);
struct answer smps_get(struct sib_node *node, u8 ingress, u16 attr, u32 mod);
struct answer smps_set(struct sib_node *node, u8 ingress, u16 attr, u32 mod,
		       const u8 *data);
void smps_port_info(struct sib_node *node, u8 ingress, u32 mod, u8 *data);

#endif
