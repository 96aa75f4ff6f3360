/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * One row for each BTH opcode: which transport, which headers, which part of
 * a message. No switch over opcodes stands anywhere else. IBTA volume 1,
 * section 9.2.1 and table "OpCode field".
 */
#ifndef SIB_CORE_OPCODE_H
#define SIB_CORE_OPCODE_H

#include <linux/types.h>

enum sib_opcode {
	SIB_OP_RC_SEND_FIRST		= 0x00,
	SIB_OP_RC_SEND_MIDDLE		= 0x01,
	SIB_OP_RC_SEND_LAST		= 0x02,
	SIB_OP_RC_SEND_LAST_IMM		= 0x03,
	SIB_OP_RC_SEND_ONLY		= 0x04,
	SIB_OP_RC_SEND_ONLY_IMM		= 0x05,
	SIB_OP_RC_ACK			= 0x11,
	SIB_OP_UC_SEND_FIRST		= 0x20,
	SIB_OP_UD_SEND_ONLY		= 0x64,
	SIB_OP_UD_SEND_ONLY_IMM		= 0x65,
};

/* The transport that an opcode belongs to. */
enum sib_transport {
	SIB_TRANSPORT_NONE,
	SIB_TRANSPORT_RC,
	SIB_TRANSPORT_UC,
	SIB_TRANSPORT_UD,
};

/* Which headers stand behind the BTH, and which part of a message this is. */
#define SIB_OPF_DETH	BIT(0)
#define SIB_OPF_RETH	BIT(1)
#define SIB_OPF_ATOMIC	BIT(2)
#define SIB_OPF_AETH	BIT(3)
#define SIB_OPF_ATOMACK	BIT(4)
#define SIB_OPF_IMM	BIT(5)
#define SIB_OPF_IETH	BIT(6)
#define SIB_OPF_PAYLOAD	BIT(7)
#define SIB_OPF_FIRST	BIT(8)
#define SIB_OPF_LAST	BIT(9)
#define SIB_OPF_REQUEST	BIT(10)
#define SIB_OPF_SEND	BIT(11)

/**
 * struct sib_opcode_info - what an opcode means
 * @name: for people
 * @transport: one of enum sib_transport, SIB_TRANSPORT_NONE if not assigned
 * @ext_len: octets of the extended headers behind the BTH
 * @flags: SIB_OPF_*
 */
struct sib_opcode_info {
	const char *name;
	u8 transport;
	u8 ext_len;
	u16 flags;
};

const struct sib_opcode_info *sib_opcode(u8 opcode);

#endif
