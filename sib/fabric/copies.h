/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The copies that switches make of a multicast. They have their share of the
 * token of what they are copies of; what they add to the backlogs on their way
 * to the next hop is bounded apart, for each network namespace.
 */
#ifndef SIB_FABRIC_COPIES_H
#define SIB_FABRIC_COPIES_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct net;
struct sib_copies;

struct sib_copies *sib_copies_of(const struct net *net);
bool sib_copies_may_grow(const struct sib_copies *copies, unsigned int by);
bool sib_copy_track(struct sib_copies *copies, struct sk_buff *to,
		    struct sk_buff *from);
void sib_copy_arrived(struct sk_buff *skb);

int sib_copies_start(void (*wake)(void));
void sib_copies_stop(void);

#endif
