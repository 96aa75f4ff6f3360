/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Packets for tests, written bit by bit from the header layouts of IBTA volume
 * 1, chapters 7, 8 and 9, with nothing taken from the code that is tested.
 */
#ifndef TESTS_UNIT_WIRE_H
#define TESTS_UNIT_WIRE_H

#include <linux/types.h>

#define WIRE_MAX	8192

/**
 * struct wire - every field of a packet, sane or not
 * @lrh_extra: added to LRH.PktLen, 4-octet words
 * @grh_extra: added to GRH.PayLen, octets
 * @ext: octets of extended headers behind the BTH
 * @payload: octets of payload, padding not counted
 */
struct wire {
	u8 vl, lver, sl, lnh;
	u16 dlid, slid;
	int lrh_extra;
	u8 ipver, tclass, next, hop_limit;
	u32 flow;
	int grh_extra;
	u8 sgid[16], dgid[16];
	u8 opcode, solicited, mig, pad, tver, ack_req;
	u16 pkey;
	u32 dqpn, psn;
	unsigned int ext;
	u32 qkey, sqpn;
	u8 imm[4];
	unsigned int payload;
};

struct wire wire_datagram(bool grh, unsigned int payload);
size_t wire_write(const struct wire *w, u8 *p);

#endif
