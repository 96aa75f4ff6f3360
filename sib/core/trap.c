// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Building notices and the SMPs that carry them. Pure.
 */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

#include "compat/unaligned.h"
#include "sib/core/sma.h"
#include "sib/core/trap.h"

/* Offset of the details in a Notice attribute. */
#define NOTICE_DETAILS	10

static void start(struct sib_notice *n, u8 type, u16 trap)
{
	memset(n, 0, sizeof(*n));
	n->type = type;
	n->trap = trap;
}

/**
 * sib_notice_link_state() - trap 128: a port of a switch came or went
 * @n: filled
 * @lid: of the switch
 */
void sib_notice_link_state(struct sib_notice *n, u16 lid)
{
	start(n, SIB_NOTICE_URGENT, SIB_TRAP_LINK_STATE);
	put_unaligned_be16(lid, n->details);
}

/**
 * sib_notice_local_change() - trap 144: capability mask or description
 * @n: filled
 * @lid: of the port
 * @cap_mask: CapabilityMask that holds now
 * @changed: SIB_CHANGED_*, 0 if it is the mask
 */
void sib_notice_local_change(struct sib_notice *n, u16 lid, u32 cap_mask,
			     u16 changed)
{
	start(n, SIB_NOTICE_INFO, SIB_TRAP_LOCAL_CHANGE);
	put_unaligned_be16(lid, n->details + 2);
	n->details[5] = changed != 0;
	put_unaligned_be32(cap_mask, n->details + 6);
	put_unaligned_be16(changed, n->details + 10);
}

/**
 * sib_notice_bad_key() - traps 257 and 258: a packet with a wrong key
 * @n: filled
 * @trap: SIB_TRAP_BAD_PKEY or SIB_TRAP_BAD_QKEY
 * @hdr: the packet
 * @port_gid: 16 octets, GID of the port that received it
 */
void sib_notice_bad_key(struct sib_notice *n, u16 trap,
			const struct sib_hdr *hdr, const u8 *port_gid)
{
	u32 key = trap == SIB_TRAP_BAD_PKEY ? hdr->pkey : hdr->qkey;

	start(n, SIB_NOTICE_SECURITY, trap);
	put_unaligned_be16(hdr->slid, n->details + 2);
	put_unaligned_be16(hdr->dlid, n->details + 4);
	put_unaligned_be32(key, n->details + 6);
	put_unaligned_be32((u32)hdr->sl << 28 | hdr->sqpn, n->details + 10);
	put_unaligned_be32(hdr->dqpn, n->details + 14);
	if (hdr->grh)
		memcpy(n->details + 18, hdr->grh + SIB_GRH_SGID, 16);
	memcpy(n->details + 34, port_gid, 16);
}

/**
 * sib_notice_bad_mkey() - trap 256: an SMP with a wrong M_Key
 * @n: filled
 * @lid: of the port
 * @smp: the SMP
 */
void sib_notice_bad_mkey(struct sib_notice *n, u16 lid,
			 const struct sib_smp *smp)
{
	u8 *d = n->details;
	u8 hops = min_t(u8, smp->hop_cnt, 30);

	start(n, SIB_NOTICE_SECURITY, SIB_TRAP_BAD_MKEY);
	put_unaligned_be16(lid, d + 2);
	d[6] = smp->method;
	memcpy(d + 8, &smp->attr_id, 2);
	memcpy(d + 10, &smp->attr_mod, 4);
	memcpy(d + 14, &smp->mkey, 8);
	if (smp->mgmt_class != SIB_CLASS_SM_DR)
		return;
	memcpy(d + 4, &smp->dr_slid, 2);
	d[23] = 0x80 | (hops < smp->hop_cnt ? 0x40 : 0) | hops;
	memcpy(d + 24, smp->return_path, hops);
}

/**
 * sib_trap_build() - the SMP that carries a notice
 * @smp: filled
 * @n: the notice
 * @tid: transaction, by which TrapRepress names it
 * @node_type: SIB_NODE_* of the issuer
 * @lid: of the issuer
 */
void sib_trap_build(struct sib_smp *smp, const struct sib_notice *n, u64 tid,
		    u8 node_type, u16 lid)
{
	memset(smp, 0, sizeof(*smp));
	smp->base_version = 1;
	smp->mgmt_class = SIB_CLASS_SM_LID;
	smp->class_version = 1;
	smp->method = SIB_METHOD_TRAP;
	smp->tid = cpu_to_be64(tid);
	smp->attr_id = cpu_to_be16(SIB_ATTR_NOTICE);
	smp->data[0] = n->type;
	smp->data[3] = node_type;
	put_unaligned_be16(n->trap, smp->data + 4);
	put_unaligned_be16(lid, smp->data + 6);
	memcpy(smp->data + NOTICE_DETAILS, n->details, SIB_NOTICE_DETAILS);
}
