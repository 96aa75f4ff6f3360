// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Validation of datagrams on their way to a QP. Pure: called from any
 * context; P_Key tables may change meanwhile, entry by entry.
 */
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/types.h>

#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/core/ud.h"

/**
 * sib_pkey_match() - may the holders of two P_Keys talk?
 * @a: a P_Key
 * @b: another
 *
 * IBTA volume 1, section 10.9.3: the same partition, and one of the two a
 * full member of it. Base value 0 is no partition.
 *
 * Return: true if so.
 */
bool sib_pkey_match(u16 a, u16 b)
{
	return ((a ^ b) & 0x7fff) == 0 && (a & 0x7fff) &&
	       (a | b) & SIB_PKEY_FULL;
}

static enum sib_ud_verdict check_lane(const struct sib_ud_rules *rules,
				      const struct sib_hdr *hdr)
{
	bool smi = rules->kind == SIB_UD_SMI;
	bool lane15 = hdr->vl == SIB_VL_SM;

	if (smi != lane15)
		return SIB_UD_LANE;
	if (rules->kind != SIB_UD_PLAIN && hdr->plen != SIB_MAD_LEN)
		return SIB_UD_MAD_LEN;
	if (hdr->dlid == SIB_LID_PERMISSIVE && !smi)
		return SIB_UD_LID;
	return SIB_UD_OK;
}

/*
 * Who receives a datagram may answer it, to its source LID: then that must be
 * the LID of a port, and no group's. IBTA volume 1, section 4.1.3. QP0 alone
 * hears from ports that have no LID yet.
 */
static enum sib_ud_verdict check_slid(const struct sib_ud_rules *rules,
				      const struct sib_hdr *hdr)
{
	if (sib_lid_is_unicast(hdr->slid))
		return SIB_UD_OK;
	if (rules->kind == SIB_UD_SMI && hdr->slid == SIB_LID_PERMISSIVE)
		return SIB_UD_OK;
	return SIB_UD_SLID;
}

/* A multicast LID goes with a multicast GID, and neither without the other. */
static enum sib_ud_verdict check_grh(const struct sib_hdr *hdr)
{
	bool mcast_gid = hdr->grh && hdr->grh[SIB_GRH_DGID] == 0xff;

	if (sib_lid_is_mcast(hdr->dlid) != mcast_gid)
		return SIB_UD_GRH;
	return SIB_UD_OK;
}

static enum sib_ud_verdict check_pkey(const struct sib_ud_rules *rules,
				      const struct sib_hdr *hdr,
				      u16 *pkey_index)
{
	u16 i;

	for (i = 0; i < rules->num_pkeys; i++) {
		if (sib_pkey_match(READ_ONCE(rules->pkeys[i]), hdr->pkey)) {
			*pkey_index = i;
			return SIB_UD_OK;
		}
	}
	return SIB_UD_PKEY;
}

/**
 * sib_ud_check() - may a packet go to a QP?
 * @rules: what the QP insists on
 * @hdr: the packet's headers
 * @pkey_index: filled with the entry of @rules->pkeys that matched
 *
 * QP0 looks at no keys, IBTA volume 1, section 14.2.1.
 *
 * Return: SIB_UD_OK or the first rule that it breaks.
 */
enum sib_ud_verdict sib_ud_check(const struct sib_ud_rules *rules,
				 const struct sib_hdr *hdr, u16 *pkey_index)
{
	enum sib_ud_verdict verdict;

	*pkey_index = 0;
	if (sib_opcode(hdr->opcode)->transport != SIB_TRANSPORT_UD)
		return SIB_UD_TRANSPORT;
	verdict = check_lane(rules, hdr);
	if (!verdict)
		verdict = check_slid(rules, hdr);
	if (!verdict)
		verdict = check_grh(hdr);
	if (verdict || rules->kind == SIB_UD_SMI)
		return verdict;
	verdict = check_pkey(rules, hdr, pkey_index);
	if (!verdict && hdr->qkey != rules->qkey)
		return SIB_UD_QKEY;
	return verdict;
}
