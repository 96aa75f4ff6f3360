/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * May this packet go to this QP? IBTA volume 1, sections 9.6 (header
 * validation) and 10.9 (partitioning).
 */
#ifndef SIB_CORE_UD_H
#define SIB_CORE_UD_H

#include <linux/types.h>

#include "sib/core/hdr.h"

/* What each kind of datagram QP insists on. */
enum sib_ud_kind {
	SIB_UD_SMI,	/* QP0 */
	SIB_UD_GSI,	/* QP1 */
	SIB_UD_PLAIN,
};

/**
 * enum sib_ud_verdict - the first rule that a packet breaks
 * @SIB_UD_OK: none
 * @SIB_UD_TRANSPORT: not a UD opcode
 * @SIB_UD_LANE: on VL15 but not to QP0, or the other way round
 * @SIB_UD_MAD_LEN: to QP0 or QP1 with other than 256 octets
 * @SIB_UD_LID: permissive LID where none may be
 * @SIB_UD_SLID: a source LID that nobody can answer to
 * @SIB_UD_GRH: multicast without a GRH, or LID and GID not both multicast
 * @SIB_UD_PKEY: no entry of the P_Key table matches
 * @SIB_UD_QKEY: wrong Q_Key
 */
enum sib_ud_verdict {
	SIB_UD_OK,
	SIB_UD_TRANSPORT,
	SIB_UD_LANE,
	SIB_UD_MAD_LEN,
	SIB_UD_LID,
	SIB_UD_SLID,
	SIB_UD_GRH,
	SIB_UD_PKEY,
	SIB_UD_QKEY,
};

/**
 * struct sib_ud_rules - what a QP insists on
 * @kind: which sort of QP
 * @qkey: its Q_Key
 * @pkeys: its P_Key: one entry, or for QP1 the whole table
 * @num_pkeys: entries of @pkeys
 */
struct sib_ud_rules {
	enum sib_ud_kind kind;
	u32 qkey;
	const u16 *pkeys;
	u16 num_pkeys;
};

bool sib_pkey_match(u16 a, u16 b);
enum sib_ud_verdict sib_ud_check(const struct sib_ud_rules *rules,
				 const struct sib_hdr *hdr,
				 u16 *pkey_index);

#endif
