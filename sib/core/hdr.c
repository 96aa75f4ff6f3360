// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Parsing and building of packet headers. Pure: called from any context. All
 * that comes from a cable is looked at here first; after SIB_HDR_OK every
 * offset and length in struct sib_hdr lies inside the packet.
 */
#include <linux/bits.h>
#include <linux/string.h>
#include <linux/types.h>

#include "compat/unaligned.h"
#include "sib/core/hdr.h"
#include "sib/core/opcode.h"

/**
 * sib_lrh_parse() - the LRH alone, which is all that a switch looks at
 * @hdr: filled: @len, @dlid, @slid, @vl, @sl, @has_grh; the rest untouched
 * @pkt: the packet, at its LRH
 * @avail: octets there are, Ethernet padding perhaps among them
 *
 * Context: Any.
 * Return: SIB_HDR_OK, or why the packet must be dropped.
 */
enum sib_hdr_verdict sib_lrh_parse(struct sib_hdr *hdr, const u8 *pkt,
				   size_t avail)
{
	u8 lnh;

	if (avail < SIB_PKT_MIN)
		return SIB_HDR_RUNT;
	if (pkt[0] & 0x0f)
		return SIB_HDR_VERSION;
	lnh = pkt[1] & 3;
	if (lnh != SIB_LNH_BTH && lnh != SIB_LNH_GRH)
		return SIB_HDR_RAW;
	hdr->vl = pkt[0] >> 4;
	hdr->sl = pkt[1] >> 4;
	hdr->has_grh = lnh == SIB_LNH_GRH;
	hdr->dlid = get_unaligned_be16(pkt + 2);
	hdr->len = (get_unaligned_be16(pkt + 4) & 0x7ff) * 4;
	hdr->slid = get_unaligned_be16(pkt + 6);
	if (hdr->len < SIB_PKT_MIN)
		return SIB_HDR_LENGTH;
	/* A switch may have to fill in an ICRC, which covers the GRH. */
	if (hdr->has_grh && hdr->len < SIB_PKT_MIN + SIB_GRH_LEN)
		return SIB_HDR_RUNT;
	return hdr->len > avail ? SIB_HDR_RUNT : SIB_HDR_OK;
}

static enum sib_hdr_verdict parse_grh(struct sib_hdr *hdr, const u8 *grh)
{
	u32 word = get_unaligned_be32(grh);

	if (word >> 28 != 6 || grh[6] != SIB_GRH_NEXT_BTH)
		return SIB_HDR_VERSION;
	if (get_unaligned_be16(grh + 4) + SIB_LRH_LEN + SIB_GRH_LEN !=
	    hdr->len)
		return SIB_HDR_LENGTH;
	hdr->tclass = word >> 20;
	hdr->flow = word & 0xfffff;
	hdr->hop_limit = grh[7];
	hdr->grh = grh;
	return SIB_HDR_OK;
}

static void parse_bth(struct sib_hdr *hdr, const u8 *bth)
{
	hdr->opcode = bth[0];
	hdr->solicited = bth[1] & 0x80;
	hdr->mig = bth[1] & 0x40;
	hdr->pad = (bth[1] >> 4) & 3;
	hdr->pkey = get_unaligned_be16(bth + 2);
	hdr->dqpn = get_unaligned_be32(bth + 4) & SIB_QPN_MASK;
	hdr->ack_req = bth[8] & 0x80;
	hdr->psn = get_unaligned_be32(bth + 8) & SIB_PSN_MASK;
}

static void parse_ext(struct sib_hdr *hdr, const u8 *ext, u16 flags)
{
	if (flags & SIB_OPF_DETH) {
		hdr->qkey = get_unaligned_be32(ext);
		hdr->sqpn = get_unaligned_be32(ext + 4) & SIB_QPN_MASK;
	}
	if (flags & SIB_OPF_AETH) {
		hdr->syndrome = ext[0];
		hdr->msn = get_unaligned_be32(ext) & SIB_MSN_MASK;
	}
	hdr->has_imm = flags & SIB_OPF_IMM;
	if (hdr->has_imm)
		memcpy(&hdr->imm, ext + sib_opcode(hdr->opcode)->ext_len -
		       SIB_IMM_LEN, SIB_IMM_LEN);
}

/* The lengths behind the BTH must add up before anybody subtracts them. */
static enum sib_hdr_verdict check_lengths(struct sib_hdr *hdr, u16 flags)
{
	u16 rest;

	if (hdr->hlen + SIB_ICRC_LEN > hdr->len)
		return SIB_HDR_LENGTH;
	rest = hdr->len - hdr->hlen - SIB_ICRC_LEN;
	if (hdr->pad > rest || (rest && !(flags & SIB_OPF_PAYLOAD)))
		return SIB_HDR_LENGTH;
	hdr->plen = rest - hdr->pad;
	return SIB_HDR_OK;
}

/**
 * sib_hdr_parse() - all headers of a packet
 * @hdr: filled
 * @pkt: the packet, at its LRH
 * @linear: octets that can be read at @pkt, at least
 *	min(@avail, SIB_HDR_MAX)
 * @avail: octets of the packet there are, Ethernet padding perhaps among them
 *
 * Context: Any.
 * Return: SIB_HDR_OK, or why the packet must be dropped. @hdr->grh points
 * into @pkt.
 */
enum sib_hdr_verdict sib_hdr_parse(struct sib_hdr *hdr, const u8 *pkt,
				   size_t linear, size_t avail)
{
	const struct sib_opcode_info *info;
	enum sib_hdr_verdict verdict;
	u16 at = SIB_LRH_LEN;

	verdict = sib_lrh_parse(hdr, pkt, avail);
	if (verdict)
		return verdict;
	hdr->grh = NULL;
	if (hdr->has_grh) {
		if (hdr->len < at + SIB_GRH_LEN + SIB_BTH_LEN + SIB_ICRC_LEN ||
		    linear < at + SIB_GRH_LEN + SIB_BTH_LEN)
			return SIB_HDR_RUNT;
		verdict = parse_grh(hdr, pkt + at);
		if (verdict)
			return verdict;
		at += SIB_GRH_LEN;
	}
	if (pkt[at + 1] & 0x0f)
		return SIB_HDR_VERSION;
	parse_bth(hdr, pkt + at);
	at += SIB_BTH_LEN;
	info = sib_opcode(hdr->opcode);
	if (info->transport == SIB_TRANSPORT_NONE)
		return SIB_HDR_OPCODE;
	hdr->hlen = at + info->ext_len;
	verdict = check_lengths(hdr, info->flags);
	if (verdict)
		return verdict;
	if (linear < hdr->hlen)
		return SIB_HDR_RUNT;
	parse_ext(hdr, pkt + at, info->flags);
	return SIB_HDR_OK;
}

/**
 * sib_hdr_size() - octets of headers that sib_hdr_build() will write
 * @hdr: @opcode and @has_grh are looked at
 *
 * Context: Any.
 * Return: octets from the LRH to the payload.
 */
u16 sib_hdr_size(const struct sib_hdr *hdr)
{
	return SIB_LRH_LEN + (hdr->has_grh ? SIB_GRH_LEN : 0) + SIB_BTH_LEN +
	       sib_opcode(hdr->opcode)->ext_len;
}

static u8 *build_grh(const struct sib_hdr *hdr, u8 *p)
{
	put_unaligned_be32(6U << 28 | (u32)hdr->tclass << 20 | hdr->flow, p);
	put_unaligned_be16(hdr->len - SIB_LRH_LEN - SIB_GRH_LEN, p + 4);
	p[6] = SIB_GRH_NEXT_BTH;
	p[7] = hdr->hop_limit;
	memcpy(p + SIB_GRH_SGID, hdr->grh + SIB_GRH_SGID, 32);
	return p + SIB_GRH_LEN;
}

/**
 * sib_hdr_build() - write the headers of a datagram, a SEND or an ACK
 * @hdr: what to write; @hdr->grh points to a GRH whose two GIDs are taken,
 *	the rest of it is made from the fields; @hdr->len, @hdr->pad and
 *	@hdr->opcode must already agree
 * @pkt: room for sib_hdr_size() octets
 *
 * Context: Any.
 */
void sib_hdr_build(const struct sib_hdr *hdr, u8 *pkt)
{
	u16 flags = sib_opcode(hdr->opcode)->flags;
	u8 *p = pkt;

	p[0] = hdr->vl << 4;
	p[1] = hdr->sl << 4 | (hdr->has_grh ? SIB_LNH_GRH : SIB_LNH_BTH);
	put_unaligned_be16(hdr->dlid, p + 2);
	put_unaligned_be16(hdr->len / 4, p + 4);
	put_unaligned_be16(hdr->slid, p + 6);
	p += SIB_LRH_LEN;
	if (hdr->has_grh)
		p = build_grh(hdr, p);
	p[0] = hdr->opcode;
	p[1] = hdr->solicited << 7 | hdr->mig << 6 | hdr->pad << 4;
	put_unaligned_be16(hdr->pkey, p + 2);
	put_unaligned_be32(hdr->dqpn, p + 4);
	put_unaligned_be32((u32)hdr->ack_req << 31 | hdr->psn, p + 8);
	p += SIB_BTH_LEN;
	if (flags & SIB_OPF_DETH) {
		put_unaligned_be32(hdr->qkey, p);
		put_unaligned_be32(hdr->sqpn, p + 4);
		p += SIB_DETH_LEN;
	}
	if (flags & SIB_OPF_AETH) {
		put_unaligned_be32((u32)hdr->syndrome << 24 | hdr->msn, p);
		p += SIB_AETH_LEN;
	}
	if (flags & SIB_OPF_IMM)
		memcpy(p, &hdr->imm, SIB_IMM_LEN);
}
