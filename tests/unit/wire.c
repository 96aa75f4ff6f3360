// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The writer of packets: slow and obvious.
 */
#include "unit.h"
#include "wire.h"

static void put(u8 *p, unsigned int at, unsigned int width, u64 value)
{
	while (width--) {
		unsigned int bit = at + width;

		p[bit / 8] &= ~(0x80 >> bit % 8);
		p[bit / 8] |= (value & 1) << (7 - bit % 8);
		value >>= 1;
	}
}

/**
 * wire_datagram() - a good UD SEND only, no two fields of it alike
 * @grh: with a GRH
 * @payload: octets; a multiple of four or not
 *
 * Return: its fields.
 */
struct wire wire_datagram(bool grh, unsigned int payload)
{
	struct wire w = {
		.vl = 2, .sl = 5, .lnh = grh ? 3 : 2,
		.dlid = 0x1234, .slid = 0x0456,
		.ipver = 6, .tclass = 0xa7, .next = 0x1b, .hop_limit = 0x3c,
		.flow = 0xbcdef,
		.opcode = 0x64, .solicited = 1, .mig = 1,
		.pad = -payload & 3, .pkey = 0x8123, .dqpn = 0x765432,
		.psn = 0x9abcde, .ext = 8, .qkey = 0x80010000,
		.sqpn = 0x13579b, .payload = payload,
	};
	unsigned int i;

	for (i = 0; i < 16; i++) {
		w.sgid[i] = 0x40 + i;
		w.dgid[i] = 0x70 + i;
	}
	return w;
}

static void put_lrh(const struct wire *w, u8 *p, size_t len)
{
	put(p, 0, 4, w->vl);
	put(p, 4, 4, w->lver);
	put(p, 8, 4, w->sl);
	put(p, 14, 2, w->lnh);
	put(p, 16, 16, w->dlid);
	put(p, 37, 11, len / 4 + w->lrh_extra);
	put(p, 48, 16, w->slid);
}

static void put_grh(const struct wire *w, u8 *p, size_t len)
{
	put(p, 0, 4, w->ipver);
	put(p, 4, 8, w->tclass);
	put(p, 12, 20, w->flow);
	put(p, 32, 16, len - 8 - 40 + w->grh_extra);
	put(p, 48, 8, w->next);
	put(p, 56, 8, w->hop_limit);
	memcpy(p + 8, w->sgid, 16);
	memcpy(p + 24, w->dgid, 16);
}

static void put_bth(const struct wire *w, u8 *p)
{
	put(p, 0, 8, w->opcode);
	put(p, 8, 1, w->solicited);
	put(p, 9, 1, w->mig);
	put(p, 10, 2, w->pad);
	put(p, 12, 4, w->tver);
	put(p, 16, 16, w->pkey);
	put(p, 40, 24, w->dqpn);
	put(p, 64, 1, w->ack_req);
	put(p, 72, 24, w->psn);
}

/**
 * wire_write() - the packet that has these fields
 * @w: the fields
 * @p: room for WIRE_MAX octets; reserved fields, extended headers besides the
 *	DETH and immediate data of UD, and the ICRC become zero
 *
 * Return: octets written, LRH through ICRC.
 */
size_t wire_write(const struct wire *w, u8 *p)
{
	unsigned int i, at = w->lnh == 3 ? 48 : 8;
	size_t len = at + 12 + w->ext + w->payload + w->pad + 4;

	memset(p, 0, len);
	put_lrh(w, p, len);
	if (w->lnh == 3)
		put_grh(w, p + 8, len);
	put_bth(w, p + at);
	at += 12;
	if (w->opcode == 0x64 || w->opcode == 0x65) {
		put(p + at, 0, 32, w->qkey);
		put(p + at, 40, 24, w->sqpn);
	}
	if (w->opcode == 0x65)
		memcpy(p + at + 8, w->imm, 4);
	for (i = 0; i < w->payload; i++)
		p[at + w->ext + i] = i;
	return len;
}
