/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The decisions of the connected transports: what the numbers on the wire
 * mean, how a message is cut into packets, what a responder does with a
 * request and a requester with a response. IBTA volume 1, sections 9.7 (RC)
 * and 9.8.2 (UC).
 */
#ifndef SIB_CORE_RC_H
#define SIB_CORE_RC_H

#include <linux/types.h>

#include "sib/core/hdr.h"

/* AETH.Syndrome: what it is in the upper three bits, its value below. */
#define SIB_AETH_ACK		0x00
#define SIB_AETH_RNR		0x20
#define SIB_AETH_NAK		0x60
#define SIB_AETH_KIND		0xe0
#define SIB_AETH_VALUE		0x1f

#define SIB_NAK_SEQUENCE	0
#define SIB_NAK_INV_REQUEST	1
#define SIB_NAK_REM_ACCESS	2
#define SIB_NAK_REM_OP		3

/* A credit code that says nothing: the receive queue is shared. */
#define SIB_CREDIT_NONE		31

/* An RNR retry counter that never runs out. */
#define SIB_RNR_RETRY_FOREVER	7

/* How far one PSN is ahead of another, -2^23 to 2^23 - 1. */
static inline s32 sib_psn_diff(u32 a, u32 b)
{
	return (s32)((a - b) << 8) >> 8;
}

static inline u32 sib_psn_add(u32 psn, u32 n)
{
	return (psn + n) & SIB_PSN_MASK;
}

u32 sib_rnr_us(u8 code);
u64 sib_ack_timeout_us(u8 code);
u8 sib_credit_code(u32 wqes);
u32 sib_credit_count(u8 code);

/**
 * struct sib_seg - one packet of a message
 * @opcode: enum sib_opcode
 * @len: octets of payload
 * @last: it is the last one
 */
struct sib_seg {
	u8 opcode;
	u16 len;
	bool last;
};

u32 sib_seg_count(u32 length, u16 mtu);
void sib_seg_cut(struct sib_seg *seg, u8 transport, u32 length, u32 offset,
		 u16 mtu, bool imm);

/**
 * struct sib_resp - what a responder remembers between packets
 * @epsn: the PSN that it expects
 * @mtu: octets of payload in all packets of a message but the last
 * @midway: a message has begun and not ended
 */
struct sib_resp {
	u32 epsn;
	u16 mtu;
	bool midway;
};

/**
 * enum sib_resp_verdict - what a responder does with a request
 * @SIB_RESP_EXECUTE: take it; the PSN after it is expected then
 * @SIB_RESP_DUPLICATE: acknowledge it again and drop it
 * @SIB_RESP_GAP: packets before it are missing: say so once, and drop it
 * @SIB_RESP_INVALID: refuse it; the connection ends
 * @SIB_RESP_DROP: drop it, and with it the message; UC only
 */
enum sib_resp_verdict {
	SIB_RESP_EXECUTE,
	SIB_RESP_DUPLICATE,
	SIB_RESP_GAP,
	SIB_RESP_INVALID,
	SIB_RESP_DROP,
};

enum sib_resp_verdict sib_rc_judge(const struct sib_resp *resp,
				   const struct sib_hdr *hdr);
enum sib_resp_verdict sib_uc_judge(const struct sib_resp *resp,
				   const struct sib_hdr *hdr);

/**
 * enum sib_ack_verdict - what a response means to a requester
 * @SIB_ACK_STALE: nothing: it is about what is long done, or was never sent
 * @SIB_ACK_CREDIT: nothing is acknowledged that was not before, but its
 *	credits are news
 * @SIB_ACK_DONE: an acknowledgment
 * @SIB_ACK_AGAIN: send again from the new oldest PSN on
 * @SIB_ACK_NOT_READY: the same, after a time
 * @SIB_ACK_INV_REQUEST: the message at the new oldest PSN was refused
 * @SIB_ACK_REM_ACCESS: the same, for want of the right to
 * @SIB_ACK_REM_OP: the responder could not carry it out
 * @SIB_ACK_BAD: no responder says this to what is outstanding
 */
enum sib_ack_verdict {
	SIB_ACK_STALE,
	SIB_ACK_CREDIT,
	SIB_ACK_DONE,
	SIB_ACK_AGAIN,
	SIB_ACK_NOT_READY,
	SIB_ACK_INV_REQUEST,
	SIB_ACK_REM_ACCESS,
	SIB_ACK_REM_OP,
	SIB_ACK_BAD,
};

enum sib_ack_verdict sib_ack_judge(u32 *una, u32 top,
				   const struct sib_hdr *hdr);
bool sib_credit_allows(u32 ssn, u32 msn, u8 code);

#endif
