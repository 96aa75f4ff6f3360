/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * May this packet go to this connected QP? IBTA volume 1, section 9.6.1.
 */
#ifndef SIB_CORE_CONN_H
#define SIB_CORE_CONN_H

#include <linux/types.h>

#include "sib/core/hdr.h"

/**
 * enum sib_conn_verdict - the first rule that a packet breaks
 * @SIB_CONN_OK: none
 * @SIB_CONN_TRANSPORT: an opcode of another transport
 * @SIB_CONN_LANE: on VL15
 * @SIB_CONN_PATH: not from the peer, or not to us as the peer knows us
 * @SIB_CONN_PKEY: another partition
 */
enum sib_conn_verdict {
	SIB_CONN_OK,
	SIB_CONN_TRANSPORT,
	SIB_CONN_LANE,
	SIB_CONN_PATH,
	SIB_CONN_PKEY,
};

/**
 * struct sib_conn_rules - what a connected QP insists on
 * @transport: SIB_TRANSPORT_RC or SIB_TRANSPORT_UC
 * @dlid: the peer's LID
 * @pkey: the QP's P_Key
 * @has_grh: the peer is reached with a GRH
 * @sgid: own GID, with a GRH
 * @dgid: the peer's GID, with a GRH
 */
struct sib_conn_rules {
	u8 transport;
	u16 dlid;
	u16 pkey;
	bool has_grh;
	u8 sgid[16];
	const u8 *dgid;
};

enum sib_conn_verdict sib_conn_check(const struct sib_conn_rules *rules,
				     const struct sib_hdr *hdr);

#endif
