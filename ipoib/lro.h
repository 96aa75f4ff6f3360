/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Large receive, where the stack wants it.
 */
#ifndef IPOIB_LRO_H
#define IPOIB_LRO_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "ipoib/core/lro.h"

struct ipoib_dev;

/* Connections whose packets are put together at a time. */
#define IPOIB_LRO_SLOTS	8

/**
 * struct ipoib_lro_slot - a piece that is being made
 * @skb: its first packet with the data of the others; NULL: none
 * @piece: what is known of it
 */
struct ipoib_lro_slot {
	struct sk_buff *skb;
	struct ipoib_lro piece;
};

/**
 * struct ipoib_lro_table - those of an interface; NAPI's, empty between polls
 * @slot: the pieces
 * @next: whose place is taken if there is no other
 * @used: some are in use
 */
struct ipoib_lro_table {
	struct ipoib_lro_slot slot[IPOIB_LRO_SLOTS];
	unsigned int next;
	bool used;
};

bool ipoib_lro_take(struct ipoib_dev *ipd, void *data, unsigned int offset,
		    unsigned int len, struct ipoib_lro_slot **where);
void ipoib_lro_flush(struct ipoib_dev *ipd);

#endif
