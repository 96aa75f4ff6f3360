// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of opcodes against IBTA volume 1, section 9.2.1 and table "OpCode
 * field": which are assigned, and which headers each brings along.
 */
#include "unit.h"

#include "sib/core/hdr.h"
#include "sib/core/opcode.h"

/* Octets of the extended headers, IBTA volume 1, chapter 9. */
#define DETH	8
#define RETH	16
#define ATOMIC	28
#define AETH	4
#define ATOMACK	8
#define IMM	4
#define IETH	4

/* What a message's part says of its payload: none, or up to one MTU. */
#define NONE	false
#define SOME	true

/**
 * struct row - an opcode as the standard has it
 * @opcode: in the BTH
 * @ext: octets of extended headers
 * @payload: may have one
 * @first: begins a message
 * @last: ends one
 */
struct row {
	u8 opcode;
	u8 ext;
	bool payload;
	bool first;
	bool last;
};

static const struct row rc_rows[] = {
	{ 0x00, 0, SOME, true, false },		/* SEND First */
	{ 0x01, 0, SOME, false, false },
	{ 0x02, 0, SOME, false, true },
	{ 0x03, IMM, SOME, false, true },
	{ 0x04, 0, SOME, true, true },
	{ 0x05, IMM, SOME, true, true },
	{ 0x06, RETH, SOME, true, false },	/* RDMA WRITE First */
	{ 0x07, 0, SOME, false, false },
	{ 0x08, 0, SOME, false, true },
	{ 0x09, IMM, SOME, false, true },
	{ 0x0a, RETH, SOME, true, true },
	{ 0x0b, RETH + IMM, SOME, true, true },
	{ 0x0c, RETH, NONE, true, true },	/* RDMA READ request */
	{ 0x0d, AETH, SOME, true, false },	/* READ response First */
	{ 0x0e, 0, SOME, false, false },
	{ 0x0f, AETH, SOME, false, true },
	{ 0x10, AETH, SOME, true, true },
	{ 0x11, AETH, NONE, true, true },	/* Acknowledge */
	{ 0x12, AETH + ATOMACK, NONE, true, true },
	{ 0x13, ATOMIC, NONE, true, true },	/* CmpSwap */
	{ 0x14, ATOMIC, NONE, true, true },	/* FetchAdd */
	{ 0x16, IETH, SOME, false, true },	/* SEND with Invalidate */
	{ 0x17, IETH, SOME, true, true },
};

static const struct row ud_rows[] = {
	{ 0x64, DETH, SOME, true, true },
	{ 0x65, DETH + IMM, SOME, true, true },
};

static void check_row(const struct row *row, u8 opcode, u8 transport)
{
	const struct sib_opcode_info *info = sib_opcode(opcode);

	check(info->transport == transport, "opcode %#x: transport %u", opcode,
	      info->transport);
	check(info->ext_len == row->ext, "opcode %#x: %u octets, not %u",
	      opcode, info->ext_len, row->ext);
	check(!!(info->flags & SIB_OPF_PAYLOAD) == row->payload,
	      "opcode %#x: payload", opcode);
	check(!!(info->flags & SIB_OPF_FIRST) == row->first,
	      "opcode %#x: first", opcode);
	check(!!(info->flags & SIB_OPF_LAST) == row->last,
	      "opcode %#x: last", opcode);
}

static void rc_opcodes_are_those_of_the_standard(void **context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rc_rows); i++)
		check_row(&rc_rows[i], rc_rows[i].opcode, SIB_TRANSPORT_RC);
}

static void uc_has_the_sends_and_writes_of_rc(void **context)
{
	unsigned int i;

	for (i = 0; i <= 0x0b; i++)
		check_row(&rc_rows[i], 0x20 + rc_rows[i].opcode,
			  SIB_TRANSPORT_UC);
}

static void ud_has_two_opcodes(void **context)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ud_rows); i++)
		check_row(&ud_rows[i], ud_rows[i].opcode, SIB_TRANSPORT_UD);
}

static bool is_assigned(unsigned int opcode)
{
	return opcode <= 0x14 || opcode == 0x16 || opcode == 0x17 ||
	       (opcode >= 0x20 && opcode <= 0x2b) || opcode == 0x64 ||
	       opcode == 0x65;
}

static void no_other_opcode_is_assigned(void **context)
{
	unsigned int op;

	for (op = 0; op < 256; op++)
		check((sib_opcode(op)->transport != SIB_TRANSPORT_NONE) ==
		      is_assigned(op), "opcode %#x", op);
}

static void the_headers_of_an_opcode_add_up_to_its_length(void **context)
{
	static const struct {
		u16 flag;
		u8 len;
	} headers[] = {
		{ SIB_OPF_DETH, DETH }, { SIB_OPF_RETH, RETH },
		{ SIB_OPF_ATOMIC, ATOMIC }, { SIB_OPF_AETH, AETH },
		{ SIB_OPF_ATOMACK, ATOMACK }, { SIB_OPF_IMM, IMM },
		{ SIB_OPF_IETH, IETH },
	};
	unsigned int op, i, sum;

	for (op = 0; op < 256; op++) {
		const struct sib_opcode_info *info = sib_opcode(op);

		for (i = sum = 0; i < ARRAY_SIZE(headers); i++)
			if (info->flags & headers[i].flag)
				sum += headers[i].len;
		check(info->ext_len == sum, "opcode %#x: %u, flags say %u", op,
		      info->ext_len, sum);
	}
}

static void responses_are_no_requests(void **context)
{
	unsigned int op;

	for (op = 0; op < 256; op++)
		if (is_assigned(op))
			check(!!(sib_opcode(op)->flags & SIB_OPF_REQUEST) ==
			      !(op >= 0x0d && op <= 0x12), "opcode %#x", op);
}

static void sends_are_told_from_writes_and_reads(void **context)
{
	unsigned int op, low;

	for (op = 0; op < 256; op++) {
		low = op & 0x1f;
		if (is_assigned(op))
			check(!!(sib_opcode(op)->flags & SIB_OPF_SEND) ==
			      (low <= 5 || low == 0x16 || low == 0x17),
			      "opcode %#x", op);
	}
}

static void no_headers_are_longer_than_what_a_receiver_pulls(void **context)
{
	unsigned int op;

	for (op = 0; op < 256; op++)
		check(8 + 40 + 12 + sib_opcode(op)->ext_len <= SIB_HDR_MAX,
		      "opcode %#x", op);
}

static void assigned_opcodes_have_names_of_their_own(void **context)
{
	unsigned int a, b;

	for (a = 0; a < 256; a++) {
		if (!is_assigned(a))
			continue;
		assert_non_null(sib_opcode(a)->name);
		for (b = 0; b < a; b++)
			check(!is_assigned(b) ||
			      strcmp(sib_opcode(a)->name, sib_opcode(b)->name),
			      "opcodes %#x and %#x", a, b);
	}
}

UNIT_MAIN(
	CASE(rc_opcodes_are_those_of_the_standard),
	CASE(uc_has_the_sends_and_writes_of_rc),
	CASE(ud_has_two_opcodes),
	CASE(no_other_opcode_is_assigned),
	CASE(the_headers_of_an_opcode_add_up_to_its_length),
	CASE(responses_are_no_requests),
	CASE(sends_are_told_from_writes_and_reads),
	CASE(no_headers_are_longer_than_what_a_receiver_pulls),
	CASE(assigned_opcodes_have_names_of_their_own),
)
