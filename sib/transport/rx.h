/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets on their way to a QP. Softirq.
 */
#ifndef SIB_TRANSPORT_RX_H
#define SIB_TRANSPORT_RX_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "sib/core/hdr.h"

struct sib_hca;
struct sib_port;
struct sib_qpc;
struct sib_rwqe;

/* place.c */
void sib_place(struct sib_qpc *qpc, struct sk_buff *skb,
	       const struct sib_hdr *hdr, u16 pkey_index, bool clone);
bool sib_place_locked(struct sib_qpc *qpc, struct sk_buff *skb,
		      const struct sib_hdr *hdr, u16 pkey_index);

/* park.c */
bool sib_park_locked(struct sib_qpc *qpc, struct sk_buff *skb,
		     u16 pkey_index);

/* rx.c */
void sib_hca_rx(struct sib_port *port, struct sk_buff *skb,
		struct sib_hdr *hdr);
void sib_hca_rx_bundle(struct sib_port *port, struct sk_buff *skb,
		       struct sib_hdr *hdr);
void sib_pkey_violation(struct sib_port *port, const struct sib_hdr *hdr);
void sib_loop(struct sib_port *port, struct sk_buff *skb);
void sib_loop_init(struct sib_port *port);
void sib_loop_stop(struct sib_port *port);

#endif
