// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of opcodes. Pure: called from any context.
 */
#include <linux/bits.h>
#include <linux/types.h>

#include "sib/core/hdr.h"
#include "sib/core/opcode.h"

#define ONLY		(SIB_OPF_FIRST | SIB_OPF_LAST)
#define REQ		SIB_OPF_REQUEST
#define SEND		(SIB_OPF_REQUEST | SIB_OPF_SEND | SIB_OPF_PAYLOAD)
#define WRITE		(SIB_OPF_REQUEST | SIB_OPF_PAYLOAD)

#define ROW(op, t, text, len, f)	\
	[op] = { .name = text, .transport = SIB_TRANSPORT_##t,	\
		 .ext_len = len, .flags = f }

/* RC and UC share their requests; UC's opcodes stand 0x20 higher. */
#define SEND_WRITE_ROWS(base, t)					\
	ROW((base) + 0x00, t, #t " SEND first", 0,			\
	    SEND | SIB_OPF_FIRST),					\
	ROW((base) + 0x01, t, #t " SEND middle", 0, SEND),		\
	ROW((base) + 0x02, t, #t " SEND last", 0, SEND | SIB_OPF_LAST),	\
	ROW((base) + 0x03, t, #t " SEND last, immediate", 4,		\
	    SEND | SIB_OPF_LAST | SIB_OPF_IMM),				\
	ROW((base) + 0x04, t, #t " SEND only", 0, SEND | ONLY),		\
	ROW((base) + 0x05, t, #t " SEND only, immediate", 4,		\
	    SEND | ONLY | SIB_OPF_IMM),					\
	ROW((base) + 0x06, t, #t " WRITE first", 16,			\
	    WRITE | SIB_OPF_FIRST | SIB_OPF_RETH),			\
	ROW((base) + 0x07, t, #t " WRITE middle", 0, WRITE),		\
	ROW((base) + 0x08, t, #t " WRITE last", 0,			\
	    WRITE | SIB_OPF_LAST),					\
	ROW((base) + 0x09, t, #t " WRITE last, immediate", 4,		\
	    WRITE | SIB_OPF_LAST | SIB_OPF_IMM),			\
	ROW((base) + 0x0a, t, #t " WRITE only", 16,			\
	    WRITE | ONLY | SIB_OPF_RETH),				\
	ROW((base) + 0x0b, t, #t " WRITE only, immediate", 20,		\
	    WRITE | ONLY | SIB_OPF_RETH | SIB_OPF_IMM)

static const struct sib_opcode_info opcodes[256] = {
	SEND_WRITE_ROWS(0x00, RC),
	ROW(0x0c, RC, "RC READ request", 16, REQ | ONLY | SIB_OPF_RETH),
	ROW(0x0d, RC, "RC READ response first", 4,
	    SIB_OPF_FIRST | SIB_OPF_AETH | SIB_OPF_PAYLOAD),
	ROW(0x0e, RC, "RC READ response middle", 0, SIB_OPF_PAYLOAD),
	ROW(0x0f, RC, "RC READ response last", 4,
	    SIB_OPF_LAST | SIB_OPF_AETH | SIB_OPF_PAYLOAD),
	ROW(0x10, RC, "RC READ response only", 4,
	    ONLY | SIB_OPF_AETH | SIB_OPF_PAYLOAD),
	ROW(0x11, RC, "RC ACK", 4, ONLY | SIB_OPF_AETH),
	ROW(0x12, RC, "RC ATOMIC ACK", 12,
	    ONLY | SIB_OPF_AETH | SIB_OPF_ATOMACK),
	ROW(0x13, RC, "RC CmpSwap", 28, REQ | ONLY | SIB_OPF_ATOMIC),
	ROW(0x14, RC, "RC FetchAdd", 28, REQ | ONLY | SIB_OPF_ATOMIC),
	ROW(0x16, RC, "RC SEND last, invalidate", 4,
	    SEND | SIB_OPF_LAST | SIB_OPF_IETH),
	ROW(0x17, RC, "RC SEND only, invalidate", 4,
	    SEND | ONLY | SIB_OPF_IETH),
	SEND_WRITE_ROWS(0x20, UC),
	ROW(0x64, UD, "UD SEND only", SIB_DETH_LEN,
	    SEND | ONLY | SIB_OPF_DETH),
	ROW(0x65, UD, "UD SEND only, immediate", SIB_DETH_LEN + SIB_IMM_LEN,
	    SEND | ONLY | SIB_OPF_DETH | SIB_OPF_IMM),
};

/**
 * sib_opcode() - look an opcode up
 * @opcode: as it stands in the BTH
 *
 * Context: Any.
 * Return: its row, never NULL; the transport of an opcode that is not
 * assigned is SIB_TRANSPORT_NONE.
 */
const struct sib_opcode_info *sib_opcode(u8 opcode)
{
	return &opcodes[opcode];
}
