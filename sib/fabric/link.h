/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Link training: the shell of the link state machine.
 */
#ifndef SIB_FABRIC_LINK_H
#define SIB_FABRIC_LINK_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "sib/core/lsm.h"

struct sib_port;

void sib_link_init(struct sib_port *port);
void sib_link_stop(struct sib_port *port);
void sib_link_event(struct sib_port *port, enum sib_lsm_event event);
void sib_link_event_later(struct sib_port *port, enum sib_lsm_event order);
void sib_link_carrier(struct sib_port *port);
void sib_link_mtu(struct sib_port *port);
void sib_link_receive(struct sib_port *port, struct sk_buff *skb,
		      const u8 *mac);
void sib_link_send_later(struct sib_port *port, struct sk_buff *skb);

extern bool sib_always_crc;

#endif
