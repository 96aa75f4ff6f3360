/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets around MADs that a node makes by itself, without a QP.
 */
#ifndef SIB_AGENT_PACKET_H
#define SIB_AGENT_PACKET_H

#include <linux/skbuff.h>
#include <linux/types.h>

#include "sib/core/hdr.h"

struct sk_buff *sib_packet_smp(u16 dlid, u16 slid, const void *mad);
struct sk_buff *sib_packet_gmp(const struct sib_hdr *request, u16 pkey,
			       u16 slid, const void *mad);

#endif
