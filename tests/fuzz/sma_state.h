/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What holds of a node whatever an SM does to it, and what an SMP may have
 * changed.
 */
#ifndef TESTS_FUZZ_SMA_STATE_H
#define TESTS_FUZZ_SMA_STATE_H

#include "sib/core/sma.h"

struct sib_node *state_copy(const struct sib_node *node);
void state_check(const struct sib_node *node, const struct sib_node *born);
void state_check_change(const struct sib_node *was, const struct sib_node *now,
			u8 ingress, const struct sib_smp *in, bool taken);
void state_check_taken(const struct sib_node *node, u8 ingress,
		       const struct sib_smp *in);
u32 state_effects(const struct sib_node *was, const struct sib_node *now,
		  u8 port);

#endif
