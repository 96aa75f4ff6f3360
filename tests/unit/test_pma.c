// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The performance management agent, IBTA volume 1, section 16.1: where each
 * counter stands, how wide it is, how it is cleared, and for which ports.
 */
#include "unit.h"

#include "compat/unaligned.h"
#include "sib/core/pma.h"

#define PORTS	3
#define ATTR	64	/* where the attribute begins in the MAD */

#define CLASSIC		0x0012
#define EXTENDED	0x001d

/* What the ports have counted; read by the agent. */
static u64 counted[PORTS + 1][SIB_CNT_MAX];
static struct sib_pma_base *base;
static struct sib_pma pma;

static void read_counters(void *context, u8 port, u64 *counters)
{
	assert_ptr_equal(context, counted);
	assert_in_range(port, pma.first_port, PORTS);
	memcpy(counters, counted[port], sizeof(counted[port]));
}

static void make_agent(u8 first_port)
{
	memset(counted, 0, sizeof(counted));
	base = calloc(PORTS + 1, sizeof(*base));
	pma = (struct sib_pma){
		.first_port = first_port, .num_ports = PORTS, .base = base,
		.read = read_counters, .context = counted,
	};
}

static int make_switch(void **context)
{
	make_agent(0);
	return 0;
}

static int make_ca(void **context)
{
	make_agent(1);
	return 0;
}

static int free_agent(void **context)
{
	free(base);
	return 0;
}

/**
 * struct reply - what came back
 * @sent: there is something to send
 * @mad: it
 * @status: its status
 * @attr: its attribute
 */
struct reply {
	bool sent;
	u8 mad[256];
	u16 status;
	const u8 *attr;
};

static void ask(struct reply *r, u8 method, u16 attr, const u8 *data)
{
	u8 request[256] = { 1, 4, 1, method }, *in, *out;

	put_unaligned_be64(0x1122334455667788, request + 8);
	put_unaligned_be16(attr, request + 16);
	put_unaligned_be32(0x99aabbcc, request + 20);
	if (data)
		memcpy(request + ATTR, data, 192);
	in = unit_exact(request, sizeof(request));
	out = malloc(256);
	memset(out, 0xee, 256);
	r->sent = sib_pma_handle(&pma, in, out);
	memcpy(r->mad, out, 256);
	r->status = get_unaligned_be16(out + 4);
	r->attr = r->mad + ATTR;
	free(in);
	free(out);
}

static void get(struct reply *r, u16 attr, u8 port)
{
	u8 data[192] = { [1] = port };

	ask(r, 0x01, attr, data);
}

/* Clears as perfquery does: a mask, and zeroes. */
static void clear(struct reply *r, u16 attr, u8 port, u32 select)
{
	u8 data[192] = { [1] = port, [2] = select >> 8, [3] = select,
			 [18] = attr == CLASSIC ? select >> 16 : 0 };

	ask(r, 0x02, attr, data);
}

/* Each counter: first bit and width in the attribute, bit in the select. */
struct place {
	u8 counter;
	u16 bit;
	u8 width;
	u8 select;
};

static const struct place classic_places[] = {
	{ SIB_CNT_SYMBOL_ERRORS, 8 * 4, 16, 0 },
	{ SIB_CNT_LINK_RECOVERY, 8 * 6, 8, 1 },
	{ SIB_CNT_LINK_DOWNED, 8 * 7, 8, 2 },
	{ SIB_CNT_RCV_ERRORS, 8 * 8, 16, 3 },
	{ SIB_CNT_RCV_REMOTE_PHYS, 8 * 10, 16, 4 },
	{ SIB_CNT_RELAY_ERRORS, 8 * 12, 16, 5 },
	{ SIB_CNT_XMIT_DISCARDS, 8 * 14, 16, 6 },
	{ SIB_CNT_XMIT_CONSTRAINT, 8 * 16, 8, 7 },
	{ SIB_CNT_RCV_CONSTRAINT, 8 * 17, 8, 8 },
	{ SIB_CNT_LINK_INTEGRITY, 8 * 19, 4, 9 },
	{ SIB_CNT_BUFFER_OVERRUN, 8 * 19 + 4, 4, 10 },
	{ SIB_CNT_VL15_DROPPED, 8 * 22, 16, 11 },
	{ SIB_CNT_XMIT_DATA, 8 * 24, 32, 12 },
	{ SIB_CNT_RCV_DATA, 8 * 28, 32, 13 },
	{ SIB_CNT_XMIT_PKTS, 8 * 32, 32, 14 },
	{ SIB_CNT_RCV_PKTS, 8 * 36, 32, 15 },
	{ SIB_CNT_XMIT_WAIT, 8 * 40, 32, 16 },
};

static const struct place extended_places[] = {
	{ SIB_CNT_XMIT_DATA, 8 * 8, 64, 0 },
	{ SIB_CNT_RCV_DATA, 8 * 16, 64, 1 },
	{ SIB_CNT_XMIT_PKTS, 8 * 24, 64, 2 },
	{ SIB_CNT_RCV_PKTS, 8 * 32, 64, 3 },
	{ SIB_CNT_UCAST_XMIT, 8 * 40, 64, 4 },
	{ SIB_CNT_UCAST_RCV, 8 * 48, 64, 5 },
	{ SIB_CNT_MCAST_XMIT, 8 * 56, 64, 6 },
	{ SIB_CNT_MCAST_RCV, 8 * 64, 64, 7 },
};

static u64 value(const struct reply *r, const struct place *p)
{
	return unit_bits(r->attr, p->bit, p->width);
}

static u64 highest(const struct place *p)
{
	return p->width == 64 ? ~0ULL : (1ULL << p->width) - 1;
}

/* One counter at a time is set, and must show in its place and no other. */
static void check_places(u16 attr, const struct place *places,
			 unsigned int count, u64 number)
{
	unsigned int i, n, bits;
	struct reply r;

	for (i = 0; i < count; i++) {
		memset(counted, 0, sizeof(counted));
		counted[1][places[i].counter] = number;
		get(&r, attr, 1);
		assert_int_equal(r.status, 0);
		check(value(&r, &places[i]) ==
		      (number < highest(&places[i]) ? number :
						      highest(&places[i])),
		      "attribute %#x, counter %u", attr, i);
		for (n = 4, bits = 0; n < 192; n++)
			bits += __builtin_popcount(r.attr[n]);
		check(bits == (unsigned int)
		      __builtin_popcountll(value(&r, &places[i])),
		      "attribute %#x, counter %u shows elsewhere", attr, i);
	}
}

static void each_classic_counter_has_its_place(void **context)
{
	check_places(CLASSIC, classic_places, ARRAY_SIZE(classic_places), 9);
}

static void each_extended_counter_has_its_place(void **context)
{
	check_places(EXTENDED, extended_places, ARRAY_SIZE(extended_places),
		     0x123456789abcdef0);
}

static void classic_counters_stick_at_their_highest(void **context)
{
	static const u64 numbers[] = {
		14, 15, 16, 254, 255, 256, 0xfffe, 0xffff, 0x10000,
		0xfffffffe, 0xffffffff, 0x100000000, ~0ULL,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		check_places(CLASSIC, classic_places,
			     ARRAY_SIZE(classic_places), numbers[i]);
}

static void extended_counters_wrap(void **context)
{
	struct reply r;

	counted[1][SIB_CNT_XMIT_PKTS] = ~0ULL - 1;
	clear(&r, EXTENDED, 1, 0xff);
	counted[1][SIB_CNT_XMIT_PKTS] = 5;
	get(&r, EXTENDED, 1);
	assert_true(value(&r, &extended_places[2]) == 7);
}

static void count_everything(u64 number)
{
	unsigned int port, i;

	for (port = 0; port <= PORTS; port++)
		for (i = 0; i < SIB_CNT_MAX; i++)
			counted[port][i] += number;
}

/* Clears one counter after the other: that one and no other is zero. */
static void check_clearing(u16 attr, const struct place *places,
			   unsigned int count)
{
	struct reply r;
	unsigned int i, n;

	for (i = 0; i < count; i++) {
		memset(base, 0, (PORTS + 1) * sizeof(*base));
		memset(counted, 0, sizeof(counted));
		count_everything(7);
		clear(&r, attr, 1, BIT(places[i].select));
		assert_int_equal(r.status, 0);
		for (n = 0; n < count; n++)
			check(value(&r, &places[n]) == (n == i ? 0 : 7),
			      "attribute %#x: select %u, counter %u", attr,
			      i, n);
		get(&r, attr, 1);
		assert_true(value(&r, &places[i]) == 0);
		get(&r, attr, 2);
		assert_true(value(&r, &places[i]) == 7);
	}
}

static void each_select_bit_clears_one_classic_counter(void **context)
{
	check_clearing(CLASSIC, classic_places, ARRAY_SIZE(classic_places));
}

static void each_select_bit_clears_one_extended_counter(void **context)
{
	check_clearing(EXTENDED, extended_places,
		       ARRAY_SIZE(extended_places));
}

static void classic_and_extended_are_cleared_apart(void **context)
{
	struct reply r;

	count_everything(7);
	clear(&r, CLASSIC, 1, 0x1ffff);
	get(&r, EXTENDED, 1);
	assert_true(value(&r, &extended_places[0]) == 7);
	clear(&r, EXTENDED, 1, 0xff);
	count_everything(2);
	get(&r, CLASSIC, 1);
	assert_true(value(&r, &classic_places[12]) == 2);
	get(&r, EXTENDED, 1);
	assert_true(value(&r, &extended_places[0]) == 2);
}

static void a_cleared_counter_counts_on_from_zero(void **context)
{
	struct reply r;

	count_everything(70000);
	get(&r, CLASSIC, 1);
	assert_true(value(&r, &classic_places[0]) == 0xffff);
	clear(&r, CLASSIC, 1, 0x1ffff);
	count_everything(3);
	get(&r, CLASSIC, 1);
	assert_true(value(&r, &classic_places[0]) == 3);
}

static void a_set_clears_whatever_value_it_carries(void **context)
{
	u8 data[192] = { [1] = 1, [2] = 0xff, [3] = 0xff };
	struct reply r;

	count_everything(7);
	memset(data + 4, 0x55, 40);
	ask(&r, 0x02, CLASSIC, data);
	assert_int_equal(r.status, 0);
	get(&r, CLASSIC, 1);
	assert_true(value(&r, &classic_places[0]) == 0);
	assert_true(value(&r, &classic_places[15]) == 0);
}

static void a_set_without_a_select_clears_nothing(void **context)
{
	struct reply r;
	unsigned int i;

	count_everything(7);
	clear(&r, CLASSIC, 1, 0);
	for (i = 0; i < ARRAY_SIZE(classic_places); i++)
		assert_true(value(&r, &classic_places[i]) == 7);
}

static void a_get_clears_nothing(void **context)
{
	u8 data[192];
	struct reply r;

	count_everything(7);
	memset(data, 0xff, sizeof(data));
	data[1] = 1;
	ask(&r, 0x01, CLASSIC, data);
	assert_true(value(&r, &classic_places[0]) == 7);
	get(&r, CLASSIC, 1);
	assert_true(value(&r, &classic_places[0]) == 7);
}

static void port_255_is_the_sum_of_all(void **context)
{
	struct reply r;
	u8 port;

	for (port = 0; port <= PORTS; port++)
		counted[port][SIB_CNT_RCV_PKTS] = 10 + port;
	get(&r, CLASSIC, 255);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.attr[1], 255);
	assert_true(value(&r, &classic_places[15]) == 10 + 11 + 12 + 13);
	get(&r, EXTENDED, 255);
	assert_true(value(&r, &extended_places[3]) == 10 + 11 + 12 + 13);
}

static void on_an_adapter_the_sum_begins_at_port_1(void **context)
{
	struct reply r;
	u8 port;

	for (port = 0; port <= PORTS; port++)
		counted[port][SIB_CNT_RCV_PKTS] = 10 + port;
	get(&r, CLASSIC, 255);
	assert_true(value(&r, &classic_places[15]) == 11 + 12 + 13);
}

static void the_sum_of_all_sticks_too(void **context)
{
	struct reply r;

	count_everything(0x4000);
	get(&r, CLASSIC, 255);
	assert_true(value(&r, &classic_places[0]) == 0xffff);
}

static void port_255_clears_all(void **context)
{
	struct reply r;
	u8 port;

	count_everything(7);
	clear(&r, CLASSIC, 255, 0x1ffff);
	assert_true(value(&r, &classic_places[0]) == 0);
	for (port = 0; port <= PORTS; port++) {
		get(&r, CLASSIC, port);
		assert_true(value(&r, &classic_places[0]) == 0);
	}
}

static void check_port_select(u8 first_port)
{
	unsigned int port;
	struct reply r;

	for (port = 0; port < 256; port++) {
		bool good = port == 255 ||
			    (port >= first_port && port <= PORTS);

		get(&r, CLASSIC, port);
		check(r.status == (good ? 0 : 0x001c), "port %u", port);
		clear(&r, EXTENDED, port, 0xff);
		check(r.status == (good ? 0 : 0x001c), "port %u", port);
		assert_true(r.sent);
	}
}

static void a_switch_has_ports_from_0(void **context)
{
	check_port_select(0);
}

static void an_adapter_has_ports_from_1(void **context)
{
	check_port_select(1);
}

static void class_port_info_tells_what_there_is(void **context)
{
	struct reply r;

	ask(&r, 0x01, 0x0001, NULL);
	assert_int_equal(r.status, 0);
	assert_int_equal(r.attr[0], 1);
	assert_int_equal(r.attr[1], 1);
	/* AllPortSelect, extended width, PortXmitWait. */
	assert_int_equal(get_unaligned_be16(r.attr + 2),
			 BIT(8) | BIT(9) | BIT(12));
	assert_in_range(r.attr[7], 1, 31);
	assert_int_equal(get_unaligned_be32(r.attr + 4) >> 5, 0);
}

static void what_there_is_not_is_refused(void **context)
{
	static const u16 attrs[] = { 0x0002, 0x0010, 0x0011, 0x001e, 0xffff };
	struct reply r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		get(&r, attrs[i], 1);
		assert_int_equal(r.status, 0x000c);
		clear(&r, attrs[i], 1, 0xffff);
		assert_int_equal(r.status, 0x000c);
	}
	ask(&r, 0x02, 0x0001, NULL);
	assert_int_equal(r.status, 0x000c);
}

static void a_wrong_version_is_named_in_the_reply(void **context)
{
	u8 in[256] = { 1, 4, 2, 1, [17] = CLASSIC, [ATTR + 1] = 1 }, out[256];

	assert_true(sib_pma_handle(&pma, in, out));
	assert_int_equal(get_unaligned_be16(out + 4), 0x0004);
}

static void unknown_methods_are_refused(void **context)
{
	static const u8 methods[] = { 0x00, 0x03, 0x08, 0x15, 0x7f };
	struct reply r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(methods); i++) {
		ask(&r, methods[i], CLASSIC, NULL);
		assert_true(r.sent);
		assert_int_equal(r.status, 0x0008);
	}
}

static void responses_and_traps_are_not_answered(void **context)
{
	unsigned int method;
	struct reply r;

	for (method = 0x80; method < 0x100; method++) {
		ask(&r, method, CLASSIC, NULL);
		assert_false(r.sent);
	}
	ask(&r, 0x05, 0x0002, NULL);
	assert_false(r.sent);
	ask(&r, 0x07, 0x0002, NULL);
	assert_false(r.sent);
}

static void reports_are_not_answered(void **context)
{
	struct reply r;

	ask(&r, 0x06, 0x0002, NULL);
	assert_false(r.sent);
}

static void a_reply_keeps_the_header_of_its_request(void **context)
{
	struct reply r;

	get(&r, CLASSIC, 1);
	assert_true(r.sent);
	assert_memory_equal(r.mad, ((u8[]){ 1, 4, 1, 0x81, 0, 0 }), 6);
	assert_true(get_unaligned_be64(r.mad + 8) == 0x1122334455667788);
	assert_int_equal(get_unaligned_be16(r.mad + 16), CLASSIC);
	assert_int_equal(get_unaligned_be32(r.mad + 20), 0x99aabbcc);
}

static void a_reply_names_the_port_and_the_select(void **context)
{
	struct reply r;

	clear(&r, CLASSIC, 2, 0x1234);
	assert_int_equal(r.attr[1], 2);
	assert_int_equal(get_unaligned_be16(r.attr + 2), 0x1234);
}

/* Whatever the request carries there; nothing has been counted. */
static void what_is_no_counter_is_zero_in_a_reply(void **context)
{
	static const u16 attrs[] = { CLASSIC, EXTENDED, 0x0001, 0x0010 };
	u8 data[192], zero[192] = {};
	struct reply r;
	unsigned int i;

	memset(data, 0xff, sizeof(data));
	data[1] = 1;
	for (i = 0; i < ARRAY_SIZE(attrs); i++) {
		unsigned int from = attrs[i] == 0x0001 ? 8 : 4;

		ask(&r, 0x01, attrs[i], data);
		assert_memory_equal(r.attr + from, zero, 192 - from);
	}
}

#define SWITCH_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_switch, free_agent)
#define CA_CASE(name) \
	cmocka_unit_test_setup_teardown(name, make_ca, free_agent)

UNIT_MAIN(
	CA_CASE(each_classic_counter_has_its_place),
	CA_CASE(each_extended_counter_has_its_place),
	CA_CASE(classic_counters_stick_at_their_highest),
	CA_CASE(extended_counters_wrap),
	CA_CASE(each_select_bit_clears_one_classic_counter),
	CA_CASE(each_select_bit_clears_one_extended_counter),
	CA_CASE(classic_and_extended_are_cleared_apart),
	CA_CASE(a_cleared_counter_counts_on_from_zero),
	CA_CASE(a_set_clears_whatever_value_it_carries),
	CA_CASE(a_set_without_a_select_clears_nothing),
	CA_CASE(a_get_clears_nothing),
	SWITCH_CASE(port_255_is_the_sum_of_all),
	CA_CASE(on_an_adapter_the_sum_begins_at_port_1),
	SWITCH_CASE(the_sum_of_all_sticks_too),
	SWITCH_CASE(port_255_clears_all),
	SWITCH_CASE(a_switch_has_ports_from_0),
	CA_CASE(an_adapter_has_ports_from_1),
	CA_CASE(class_port_info_tells_what_there_is),
	CA_CASE(what_there_is_not_is_refused),
	CA_CASE(a_wrong_version_is_named_in_the_reply),
	CA_CASE(unknown_methods_are_refused),
	CA_CASE(responses_and_traps_are_not_answered),
	CA_CASE(reports_are_not_answered),
	CA_CASE(a_reply_keeps_the_header_of_its_request),
	CA_CASE(a_reply_names_the_port_and_the_select),
	SWITCH_CASE(what_is_no_counter_is_zero_in_a_reply),
)
