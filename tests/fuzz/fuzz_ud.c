// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * May a packet go to a QP? Any packet that the header parser lets pass, any
 * QP, and the rules written down once more. Input: the QP, its P_Keys, the
 * packet.
 */
#include "fuzz.h"

#include "sib/core/opcode.h"
#include "sib/core/smp.h"
#include "sib/core/ud.h"

#define PKEYS_MAX	130

static bool keys_match(u16 a, u16 b)
{
	return a % 0x8000 == b % 0x8000 && a % 0x8000 &&
	       (a >= 0x8000 || b >= 0x8000);
}

/* The first that matches, @num_pkeys if none does. */
static u16 find_key(const struct sib_ud_rules *r, u16 pkey)
{
	u16 i;

	for (i = 0; i < r->num_pkeys; i++)
		if (keys_match(r->pkeys[i], pkey))
			break;
	return i;
}

static bool lane_is_good(const struct sib_ud_rules *r,
			 const struct sib_hdr *hdr)
{
	return r->kind == SIB_UD_SMI ? hdr->vl == 15 : hdr->vl != 15;
}

static bool slid_is_good(const struct sib_ud_rules *r,
			 const struct sib_hdr *hdr)
{
	if (r->kind == SIB_UD_SMI && hdr->slid == 0xffff)
		return true;
	return hdr->slid >= 1 && hdr->slid <= 0xbfff;
}

static bool gids_are_good(const struct sib_hdr *hdr)
{
	bool mcast_lid = hdr->dlid >= 0xc000 && hdr->dlid <= 0xfffe;
	bool mcast_gid = hdr->has_grh && hdr->grh[24] == 0xff;

	return mcast_lid == mcast_gid;
}

static enum sib_ud_verdict want(const struct sib_ud_rules *r,
				const struct sib_hdr *hdr)
{
	bool smi = r->kind == SIB_UD_SMI, plain = r->kind == SIB_UD_PLAIN;

	if (hdr->opcode != 0x64 && hdr->opcode != 0x65)
		return SIB_UD_TRANSPORT;
	if (!lane_is_good(r, hdr))
		return SIB_UD_LANE;
	if (!plain && hdr->plen != 256)
		return SIB_UD_MAD_LEN;
	if (!smi && hdr->dlid == 0xffff)
		return SIB_UD_LID;
	if (!slid_is_good(r, hdr))
		return SIB_UD_SLID;
	if (!gids_are_good(hdr))
		return SIB_UD_GRH;
	if (!smi && find_key(r, hdr->pkey) == r->num_pkeys)
		return SIB_UD_PKEY;
	return !smi && hdr->qkey != r->qkey ? SIB_UD_QKEY : SIB_UD_OK;
}

static void check(const struct sib_ud_rules *r, const struct sib_hdr *hdr)
{
	u16 index = 0xeeee;
	enum sib_ud_verdict verdict = sib_ud_check(r, hdr, &index);

	must(verdict == want(r, hdr));
	if (verdict == SIB_UD_OK && r->kind != SIB_UD_SMI)
		must(index == find_key(r, hdr->pkey));
	else if (verdict != SIB_UD_QKEY)
		must(index == 0);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct sib_ud_rules r = {};
	struct sib_hdr hdr = {};
	u16 *pkeys, i;
	u8 *p;

	r.kind = feed_below(&f, 3);
	r.num_pkeys = feed_below(&f, PKEYS_MAX);
	r.qkey = feed_u32(&f);
	pkeys = malloc(r.num_pkeys * sizeof(u16));
	for (i = 0; i < r.num_pkeys; i++)
		pkeys[i] = feed_u16(&f);
	r.pkeys = pkeys;
	size = f.left;
	p = feed_exact(&f, size);
	if (sib_hdr_parse(&hdr, p, size, size) == SIB_HDR_OK)
		check(&r, &hdr);
	free(p);
	free(pkeys);
	return 0;
}
