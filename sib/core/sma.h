/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The subnet management agent: an SMP in, an SMP out, and what else has to
 * happen. IBTA volume 1, chapter 14.
 */
#ifndef SIB_CORE_SMA_H
#define SIB_CORE_SMA_H

#include <linux/types.h>

#include "sib/core/node.h"
#include "sib/core/smp.h"

#define SIB_ATTR_NOTICE		0x0002
#define SIB_ATTR_NODE_DESC	0x0010
#define SIB_ATTR_NODE_INFO	0x0011
#define SIB_ATTR_SWITCH_INFO	0x0012
#define SIB_ATTR_GUID_INFO	0x0014
#define SIB_ATTR_PORT_INFO	0x0015
#define SIB_ATTR_PKEY_TABLE	0x0016
#define SIB_ATTR_LFT		0x0019
#define SIB_ATTR_MFT		0x001b
#define SIB_ATTR_SM_INFO	0x0020

/* AttributeModifier of PortInfo: the port. Bit 31 says that the SM knows of
 * extended speeds.
 */
#define SIB_PORT_INFO_PORT	0x7fffffff

/* Things that an SMP changed and that somebody must be told, for one port. */
#define SIB_FX_LID		BIT(0)
#define SIB_FX_SM		BIT(1)
#define SIB_FX_PREFIX		BIT(2)
#define SIB_FX_GUIDS		BIT(3)
#define SIB_FX_PKEYS		BIT(4)
#define SIB_FX_ACTIVE		BIT(5)
#define SIB_FX_INACTIVE		BIT(6)
#define SIB_FX_REREGISTER	BIT(7)
/* The link is to be dropped, after the reply has gone out. */
#define SIB_FX_RETRAIN		BIT(8)
#define SIB_FX_DISABLE		BIT(9)
#define SIB_FX_ENABLE		BIT(10)
/* The M_Key: a wrong one was seen; a right one was. */
#define SIB_FX_BAD_MKEY		BIT(11)
#define SIB_FX_GOOD_MKEY	BIT(12)
#define SIB_FX_TRAP_REPRESS	BIT(13)

/**
 * struct sib_sma_fx - what the shell must do after an SMP
 * @events: SIB_FX_*
 * @port: the port they are about
 * @keys: SIB_FX_BAD_MKEY, SIB_FX_GOOD_MKEY: bit n is the M_Key of port n
 */
struct sib_sma_fx {
	u32 events;
	u8 port;
	u64 keys;
};

/**
 * enum sib_sma_verdict - what became of an SMP
 * @SIB_SMA_REPLY: the reply stands in the buffer
 * @SIB_SMA_CONSUMED: done, nothing to answer
 * @SIB_SMA_PASS: not for the agent
 * @SIB_SMA_DROP: must not be answered by anybody
 */
enum sib_sma_verdict {
	SIB_SMA_REPLY,
	SIB_SMA_CONSUMED,
	SIB_SMA_PASS,
	SIB_SMA_DROP,
};

enum sib_sma_verdict sib_sma_handle(struct sib_node *node, u8 ingress,
				    const struct sib_smp *in,
				    struct sib_smp *out, bool ignore_mkey,
				    struct sib_sma_fx *fx);

/* The attributes; each fills out->data and returns a status. */
u16 sib_sma_node_desc(struct sib_node *node, u8 ingress, struct sib_smp *out);
u16 sib_sma_node_info(struct sib_node *node, u8 ingress, struct sib_smp *out);
u16 sib_sma_switch_info(struct sib_node *node, const struct sib_smp *in,
			struct sib_smp *out);
u16 sib_sma_port_info(struct sib_node *node, u8 ingress,
		      const struct sib_smp *in, struct sib_smp *out,
		      struct sib_sma_fx *fx);
u16 sib_sma_pkey_table(struct sib_node *node, u8 ingress,
		       const struct sib_smp *in, struct sib_smp *out,
		       struct sib_sma_fx *fx);
u16 sib_sma_guid_info(struct sib_node *node, u8 ingress,
		      const struct sib_smp *in, struct sib_smp *out,
		      struct sib_sma_fx *fx);
u16 sib_sma_lft(struct sib_node *node, const struct sib_smp *in,
		struct sib_smp *out);
u16 sib_sma_mft(struct sib_node *node, const struct sib_smp *in,
		struct sib_smp *out);

#endif
