// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A packet from a cable, through the header parser and back. Input: how much
 * more than it must is linear, how much Ethernet padding there is, the packet.
 *
 * The verdict is that of a twin that reads bit by bit; no field points outside
 * the packet; a datagram, a SEND or an ACK that is built from what was read is
 * the same packet, reserved bits aside.
 */
#include "fuzz.h"

#include "sib/core/hdr.h"
#include "sib/core/opcode.h"

#define PKT_MAX		8300

/* Octets of extended headers, from the flags alone; -1 if not assigned. */
static int ext_len(u8 opcode)
{
	static const struct {
		u16 flag;
		u8 len;
	} parts[] = {
		{ SIB_OPF_DETH, 8 }, { SIB_OPF_RETH, 16 },
		{ SIB_OPF_ATOMIC, 28 }, { SIB_OPF_AETH, 4 },
		{ SIB_OPF_ATOMACK, 8 }, { SIB_OPF_IMM, 4 },
		{ SIB_OPF_IETH, 4 },
	};
	const struct sib_opcode_info *info = sib_opcode(opcode);
	unsigned int i;
	int len = 0;

	must(info);
	if (info->transport == SIB_TRANSPORT_NONE) {
		must(!info->name && !info->flags && !info->ext_len);
		return -1;
	}
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		if (info->flags & parts[i].flag)
			len += parts[i].len;
	return len;
}

static bool lrh_is_good(const u8 *p, size_t avail)
{
	unsigned int len, least;

	if (avail < 24 || fuzz_bits(p, 4, 4) || fuzz_bits(p, 14, 2) < 2)
		return false;
	len = fuzz_bits(p, 37, 11) * 4;
	least = fuzz_bits(p, 14, 2) == 3 ? 24 + 40 : 24;
	return len >= least && len <= avail;
}

static bool grh_is_good(const u8 *p, unsigned int len)
{
	return fuzz_bits(p + 8, 0, 4) == 6 &&
	       p[8 + 6] == 0x1b && fuzz_bits(p + 8, 32, 16) == len - 48;
}

static bool is_good(const u8 *p, size_t avail)
{
	unsigned int len, bth, need, pad;
	int ext;

	if (!lrh_is_good(p, avail))
		return false;
	len = fuzz_bits(p, 37, 11) * 4;
	bth = fuzz_bits(p, 14, 2) == 3 ? 48 : 8;
	if (bth == 48 && !grh_is_good(p, len))
		return false;
	ext = ext_len(p[bth]);
	if (fuzz_bits(p + bth, 12, 4) || ext < 0)
		return false;
	pad = fuzz_bits(p + bth, 10, 2);
	need = bth + 12 + ext + pad + 4;
	return need <= len && (need - pad == len ||
			       sib_opcode(p[bth])->flags & SIB_OPF_PAYLOAD);
}

static void check_bth(const struct sib_hdr *hdr, const u8 *bth)
{
	must(hdr->opcode == bth[0]);
	must(hdr->solicited == fuzz_bits(bth, 8, 1));
	must(hdr->mig == fuzz_bits(bth, 9, 1));
	must(hdr->pad == fuzz_bits(bth, 10, 2));
	must(hdr->pkey == fuzz_bits(bth, 16, 16));
	must(hdr->dqpn == fuzz_bits(bth, 40, 24));
	must(hdr->ack_req == fuzz_bits(bth, 64, 1));
	must(hdr->psn == fuzz_bits(bth, 72, 24));
}

static void check_ext(const struct sib_hdr *hdr, const u8 *p)
{
	u16 flags = sib_opcode(hdr->opcode)->flags;

	if (flags & SIB_OPF_DETH) {
		const u8 *deth = p + hdr->hlen - ext_len(hdr->opcode);

		must(hdr->qkey == fuzz_bits(deth, 0, 32));
		must(hdr->sqpn == fuzz_bits(deth, 40, 24));
	}
	if (flags & SIB_OPF_AETH) {
		const u8 *aeth = p + hdr->hlen - ext_len(hdr->opcode);

		must(hdr->syndrome == aeth[0]);
		must(hdr->msn == fuzz_bits(aeth, 8, 24));
	}
	must(hdr->has_imm == !!(flags & SIB_OPF_IMM));
	if (hdr->has_imm)
		must(!memcmp(&hdr->imm, p + hdr->hlen - 4, 4));
}

static void check_fields(const struct sib_hdr *hdr, const u8 *p, size_t avail)
{
	unsigned int bth = hdr->has_grh ? 48 : 8;

	must(hdr->len <= avail && hdr->len == fuzz_bits(p, 37, 11) * 4);
	must(hdr->hlen == bth + 12 + ext_len(p[bth]));
	must(hdr->hlen <= SIB_HDR_MAX && hdr->hlen == sib_hdr_size(hdr));
	must(hdr->hlen + hdr->plen + hdr->pad + 4 == hdr->len);
	must(hdr->has_grh == (fuzz_bits(p, 14, 2) == 3));
	must(hdr->grh == (hdr->has_grh ? p + 8 : NULL));
	if (hdr->grh) {
		must(hdr->tclass == fuzz_bits(p + 8, 4, 8));
		must(hdr->flow == fuzz_bits(p + 8, 12, 20));
		must(hdr->hop_limit == p[8 + 7]);
	}
	check_bth(hdr, p + bth);
	check_ext(hdr, p);
}

static void check_lrh(const struct sib_hdr *hdr, const u8 *p)
{
	must(hdr->vl == fuzz_bits(p, 0, 4));
	must(hdr->sl == fuzz_bits(p, 8, 4));
	must(hdr->dlid == fuzz_bits(p, 16, 16));
	must(hdr->slid == fuzz_bits(p, 48, 16));
}

/* What a sender must leave zero and a receiver must not look at. */
static void clear_reserved(u8 *p, unsigned int bth)
{
	p[1] &= 0xf3;
	p[4] &= 0x07;
	p[bth + 4] = 0;
	p[bth + 8] &= 0x80;
	if (sib_opcode(p[bth])->flags & SIB_OPF_DETH)
		p[bth + 12 + 4] = 0;
}

/* Headers that are never built, for nothing here sends them. */
#define NOT_BUILT	(SIB_OPF_RETH | SIB_OPF_ATOMIC | SIB_OPF_ATOMACK | \
			 SIB_OPF_IETH)

static void check_round_trip(const struct sib_hdr *hdr, const u8 *p)
{
	u8 *built, *want;

	if (sib_opcode(hdr->opcode)->flags & NOT_BUILT)
		return;
	built = malloc(hdr->hlen);
	want = fuzz_exact(p, hdr->hlen);
	must(built);
	memset(built, 0x5a, hdr->hlen);
	clear_reserved(want, hdr->has_grh ? 48 : 8);
	sib_hdr_build(hdr, built);
	must(!memcmp(built, want, hdr->hlen));
	free(built);
	free(want);
}

static void check(const u8 *p, size_t linear, size_t avail)
{
	struct sib_hdr hdr, lrh;
	enum sib_hdr_verdict verdict, lrh_verdict;

	memset(&hdr, 0xa5, sizeof(hdr));
	memset(&lrh, 0xa5, sizeof(lrh));
	verdict = sib_hdr_parse(&hdr, p, linear, avail);
	lrh_verdict = sib_lrh_parse(&lrh, p, avail);
	must((lrh_verdict == SIB_HDR_OK) == lrh_is_good(p, avail));
	must((verdict == SIB_HDR_OK) == is_good(p, avail));
	if (lrh_verdict == SIB_HDR_OK) {
		check_lrh(&lrh, p);
		must(lrh.len <= avail);
	} else {
		must(verdict == lrh_verdict);
	}
	if (verdict != SIB_HDR_OK)
		return;
	check_lrh(&hdr, p);
	check_fields(&hdr, p, avail);
	check_round_trip(&hdr, p);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	unsigned int more = feed_u8(&f), padding = feed_u16(&f) % PKT_MAX;
	size_t avail = f.left + padding, linear;
	u8 *p;

	linear = avail < SIB_HDR_MAX ? avail : SIB_HDR_MAX + more;
	if (linear > avail)
		linear = avail;
	p = feed_exact(&f, linear);
	check(p, linear, avail);
	free(p);
	return 0;
}
