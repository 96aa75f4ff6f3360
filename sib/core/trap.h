/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Notices: what a port tells the SM unasked. IBTA volume 1, sections 13.4.8
 * and 14.2.5.1.
 */
#ifndef SIB_CORE_TRAP_H
#define SIB_CORE_TRAP_H

#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/smp.h"

#define SIB_TRAP_LINK_STATE	128
#define SIB_TRAP_LOCAL_CHANGE	144
#define SIB_TRAP_BAD_MKEY	256
#define SIB_TRAP_BAD_PKEY	257
#define SIB_TRAP_BAD_QKEY	258

#define SIB_NOTICE_URGENT	0x81
#define SIB_NOTICE_SECURITY	0x82
#define SIB_NOTICE_INFO		0x84

/* Trap 144: what changed, besides the capability mask. */
#define SIB_CHANGED_NODE_DESC	0x0001

#define SIB_NOTICE_DETAILS	54

/**
 * struct sib_notice - a notice before it knows its issuer
 * @type: SIB_NOTICE_*
 * @trap: SIB_TRAP_*
 * @details: as they stand on the wire
 */
struct sib_notice {
	u8 type;
	u16 trap;
	u8 details[SIB_NOTICE_DETAILS];
};

void sib_notice_link_state(struct sib_notice *n, u16 lid);
void sib_notice_local_change(struct sib_notice *n, u16 lid, u32 cap_mask,
			     u16 changed);
void sib_notice_bad_key(struct sib_notice *n, u16 trap,
			const struct sib_hdr *hdr, const u8 *port_gid);
void sib_notice_bad_mkey(struct sib_notice *n, u16 lid,
			 const struct sib_smp *smp);
void sib_trap_build(struct sib_smp *smp, const struct sib_notice *n, u64 tid,
		    u8 node_type, u16 lid);

#endif
