/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Frames on their way out.
 */
#ifndef SIB_TRANSPORT_FRAME_H
#define SIB_TRANSPORT_FRAME_H

#include <linux/skbuff.h>
#include <linux/types.h>

struct sib_av;
struct sib_hdr;
struct sib_qpc;

bool sib_frame_get(struct sib_qpc *qpc, u32 size, u32 least,
		   struct sk_buff **pskb);
u32 sib_frame_room(const struct sib_qpc *qpc);
bool sib_frame_fits(const struct sib_qpc *qpc, struct sk_buff *skb, u32 size);
void sib_frame_path(const struct sib_qpc *qpc, const struct sib_av *av,
		    u16 pkey_index, struct sib_hdr *hdr, u8 *grh);
u8 *sib_frame_put(struct sk_buff *skb, struct sib_hdr *hdr, u16 plen);
void sib_frame_launch(struct sib_qpc *qpc, struct sk_buff *skb,
		      const struct sib_av *av, u32 dqpn);

#endif
