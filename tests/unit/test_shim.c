// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The shim and the link messages, octet by octet, and the MTU that a cable
 * must have.
 */
#include "unit.h"

#include "sib/core/shim.h"

static bool parse_shim(struct sib_shim *shim, const u8 *p, size_t avail)
{
	u8 *exact = unit_exact(p, avail);
	bool good = sib_shim_parse(shim, exact, avail);

	free(exact);
	return good;
}

static bool parse_hello(struct sib_hello *hello, const u8 *p, size_t avail)
{
	u8 *exact = unit_exact(p, avail);
	bool good = sib_hello_parse(hello, exact, avail);

	free(exact);
	return good;
}

static const u8 shim_octets[12] = {
	0x10, 0x2b, 0x00, 0x04, 0x12, 0x34, 0x56, 0x78,
};

static void a_shim_is_read_field_by_field(void **context)
{
	struct sib_shim shim;

	assert_true(parse_shim(&shim, shim_octets, 12));
	assert_int_equal(shim.kind, SIB_SHIM_PACKET);
	assert_int_equal(shim.flags, SIB_SHIM_ICRC | SIB_SHIM_VCRC);
	assert_int_equal(shim.hops, 10);
	assert_int_equal(shim.len, 4);
	assert_int_equal(shim.session, 0x12345678);
}

static void a_shim_is_written_as_it_is_read(void **context)
{
	struct sib_shim shim = {
		.kind = SIB_SHIM_PACKET, .flags = 3, .hops = 10, .len = 4,
		.session = 0x12345678,
	};
	u8 *p = malloc(SIB_SHIM_LEN);

	memset(p, 0xff, SIB_SHIM_LEN);
	sib_shim_build(&shim, p);
	assert_memory_equal(p, shim_octets, SIB_SHIM_LEN);
	free(p);
}

static void there_are_three_kinds_of_frames_and_one_version(void **context)
{
	struct sib_shim shim;
	unsigned int first;
	u8 p[8] = {};

	for (first = 0; first < 256; first++) {
		p[0] = first;
		check(parse_shim(&shim, p, 8) ==
		      (first >= 0x10 && first <= 0x12), "octet %#x", first);
	}
}

static void a_frame_shorter_than_its_shim_says_is_damaged(void **context)
{
	u8 p[64] = { 0x10, 0, 0, 56 };
	struct sib_shim shim;
	size_t avail;

	for (avail = 0; avail < 64; avail++)
		assert_false(parse_shim(&shim, p, avail));
	assert_true(parse_shim(&shim, p, 64));
}

static void what_ethernet_pads_is_not_counted(void **context)
{
	u8 p[64] = { 0x10, 0, 0, 30 };
	struct sib_shim shim;

	assert_true(parse_shim(&shim, p, 64));
	assert_int_equal(shim.len, 30);
}

static const u8 hello_octets[SIB_HELLO_LEN] = {
	0x01, 0x01, 0x04, 0x07, 0x11, 0x22, 0x33, 0x44,
	0x55, 0x66, 0x77, 0x88, 0x0f, 0x07, 0x10, 0x86,
	0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8,
	0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8,
};

static const struct sib_hello hello_fields = {
	.type = SIB_MSG_HELLO, .flags = SIB_HELLO_NO_CRC, .mtu_cap = 4,
	.port = 7, .cable_mtu = 4230, .session = 0x11223344, .echo = 0x55667788,
	.width = 0x0f, .speed = 0x07, .kernel = 0xa1a2a3a4a5a6a7a8,
	.guid = 0xb1b2b3b4b5b6b7b8,
};

static void a_hello_is_read_field_by_field(void **context)
{
	struct sib_hello hello;

	assert_true(parse_hello(&hello, hello_octets, SIB_HELLO_LEN));
	assert_int_equal(hello.type, hello_fields.type);
	assert_int_equal(hello.flags, hello_fields.flags);
	assert_int_equal(hello.mtu_cap, hello_fields.mtu_cap);
	assert_int_equal(hello.port, hello_fields.port);
	assert_int_equal(hello.session, hello_fields.session);
	assert_int_equal(hello.echo, hello_fields.echo);
	assert_int_equal(hello.cable_mtu, hello_fields.cable_mtu);
	assert_int_equal(hello.width, hello_fields.width);
	assert_int_equal(hello.speed, hello_fields.speed);
	assert_true(hello.kernel == hello_fields.kernel);
	assert_true(hello.guid == hello_fields.guid);
}

static void a_hello_is_written_as_it_is_read(void **context)
{
	u8 *p = malloc(SIB_HELLO_LEN);

	memset(p, 0xff, SIB_HELLO_LEN);
	sib_hello_build(&hello_fields, p);
	assert_memory_equal(p, hello_octets, SIB_HELLO_LEN);
	free(p);
}

static void a_hello_cut_short_is_damaged(void **context)
{
	struct sib_hello hello;
	size_t avail;

	for (avail = 0; avail < SIB_HELLO_LEN; avail++)
		assert_false(parse_hello(&hello, hello_octets, avail));
}

static void there_are_hellos_and_byes(void **context)
{
	struct sib_hello hello;
	unsigned int type;
	u8 p[SIB_HELLO_LEN];

	memcpy(p, hello_octets, sizeof(p));
	for (type = 0; type < 256; type++) {
		p[0] = type;
		check(parse_hello(&hello, p, sizeof(p)) ==
		      (type == SIB_MSG_HELLO || type == SIB_MSG_BYE),
		      "type %u", type);
	}
}

static void a_hello_has_an_ib_mtu_that_exists(void **context)
{
	struct sib_hello hello;
	unsigned int code;
	u8 p[SIB_HELLO_LEN];

	memcpy(p, hello_octets, sizeof(p));
	for (code = 0; code < 256; code++) {
		p[2] = code;
		check(parse_hello(&hello, p, sizeof(p)) ==
		      (code >= 1 && code <= 5), "MTU code %u", code);
	}
}

static void a_hello_without_a_session_is_damaged(void **context)
{
	struct sib_hello hello;
	u8 p[SIB_HELLO_LEN];

	memcpy(p, hello_octets, sizeof(p));
	memset(p + 4, 0, 4);
	assert_false(parse_hello(&hello, p, sizeof(p)));
	p[7] = 1;
	assert_true(parse_hello(&hello, p, sizeof(p)));
	memset(p + 8, 0, 4);
	assert_true(parse_hello(&hello, p, sizeof(p)));
}

static void random_link_messages_survive_writing_and_reading(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 10000; i++) {
		u8 in[SIB_HELLO_LEN], out[SIB_HELLO_LEN];
		struct sib_hello hello;

		unit_random_bytes(in, sizeof(in));
		in[0] = 1 + unit_below(2);
		in[2] = 1 + unit_below(5);
		in[4] |= 1;
		memset(in + 14, 0, 2);
		memset(in + 32, 0, 8);
		assert_true(parse_hello(&hello, in, sizeof(in)));
		sib_hello_build(&hello, out);
		assert_memory_equal(in, out, sizeof(in));
	}
}

/* The rule: IB MTU, 126 octets around it, and the shim must fit. */
static void a_cable_carries_the_ib_mtu_that_fits(void **context)
{
	unsigned int mtu, code, naive;

	for (mtu = 0; mtu <= 10000; mtu++) {
		naive = 0;
		for (code = 1; code <= 5; code++)
			if (mtu >= (128U << code) + 126 + SIB_SHIM_LEN)
				naive = code;
		check(sib_mtu_code(mtu) == naive, "MTU %u", mtu);
	}
	assert_int_equal(sib_mtu_code(65535), 5);
	assert_int_equal(sib_mtu_code(~0U), 5);
}

static void ethernet_with_1500_octets_carries_1024(void **context)
{
	assert_int_equal(sib_mtu_code(1500), 3);
	assert_int_equal(sib_mtu_code(2190), 4);
	assert_int_equal(sib_mtu_code(4240), 5);
	assert_int_equal(sib_mtu_code(9000), 5);
}

UNIT_MAIN(
	CASE(a_shim_is_read_field_by_field),
	CASE(a_shim_is_written_as_it_is_read),
	CASE(there_are_three_kinds_of_frames_and_one_version),
	CASE(a_frame_shorter_than_its_shim_says_is_damaged),
	CASE(what_ethernet_pads_is_not_counted),
	CASE(a_hello_is_read_field_by_field),
	CASE(a_hello_is_written_as_it_is_read),
	CASE(a_hello_cut_short_is_damaged),
	CASE(there_are_hellos_and_byes),
	CASE(a_hello_has_an_ib_mtu_that_exists),
	CASE(a_hello_without_a_session_is_damaged),
	CASE(random_link_messages_survive_writing_and_reading),
	CASE(a_cable_carries_the_ib_mtu_that_fits),
	CASE(ethernet_with_1500_octets_carries_1024),
)
