// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Notices and the SMPs that carry them, IBTA volume 1, sections 13.4.8 and
 * 14.2.5.1, octet by octet. Offsets are those of the 54 octets of details.
 */
#include <asm/byteorder.h>

#include "unit.h"
#include "smps.h"
#include "wire.h"

#include "sib/core/trap.h"

#define TID	0xa1a2a3a4a5a6a7a8ULL

static void a_trap_is_an_smp_with_a_notice(void **context)
{
	struct sib_notice n = { .type = 0x84, .trap = 0x1234 };
	struct sib_smp smp;

	memset(&smp, 0xee, sizeof(smp));
	n.details[0] = 0x5a;
	n.details[53] = 0xa5;
	sib_trap_build(&smp, &n, TID, 1, 0x0042);
	assert_int_equal(smp.base_version, 1);
	assert_int_equal(smp.mgmt_class, 0x01);
	assert_int_equal(smp.class_version, 1);
	assert_int_equal(smp.method, 0x05);
	assert_int_equal(smp.status, 0);
	assert_true(smp.tid == cpu_to_be64(TID));
	assert_int_equal(smp.attr_id, cpu_to_be16(0x0002));
	assert_int_equal(smp.attr_mod, 0);
	assert_true(smp.mkey == 0);
	assert_memory_equal(smp.data, ((u8[]){
		0x84, 0x00, 0x00, 0x01, 0x12, 0x34, 0x00, 0x42, 0x00, 0x00,
		0x5a }), 11);
	assert_int_equal(smp.data[63], 0xa5);
}

static void what_is_reserved_in_a_trap_is_zero(void **context)
{
	static const u8 none[128];
	struct sib_notice n = {};
	struct sib_smp smp;

	memset(&smp, 0xee, sizeof(smp));
	sib_trap_build(&smp, &n, TID, 2, 1);
	assert_memory_equal(&smp.dr_slid, none, 32);
	assert_memory_equal(smp.initial_path, none, 128);
	assert_int_equal(smp.hop_ptr, 0);
	assert_int_equal(smp.hop_cnt, 0);
}

static void a_trap_names_its_producer(void **context)
{
	struct sib_notice n = {};
	struct sib_smp smp;

	sib_trap_build(&smp, &n, TID, SIB_NODE_SWITCH, 1);
	assert_memory_equal(smp.data + 1, ((u8[]){ 0, 0, 2 }), 3);
}

static void link_state_names_the_switch(void **context)
{
	static const u8 expected[54] = { 0x01, 0x23 };
	struct sib_notice n;

	memset(&n, 0xee, sizeof(n));
	sib_notice_link_state(&n, 0x0123);
	assert_int_equal(n.type, 0x81);
	assert_int_equal(n.trap, 128);
	assert_memory_equal(n.details, expected, 54);
}

static void a_new_capability_mask_is_told(void **context)
{
	static const u8 expected[54] = {
		0, 0, 0x01, 0x23, 0, 0, 0x11, 0x22, 0x33, 0x44,
	};
	struct sib_notice n;

	memset(&n, 0xee, sizeof(n));
	sib_notice_local_change(&n, 0x0123, 0x11223344, 0);
	assert_int_equal(n.type, 0x84);
	assert_int_equal(n.trap, 144);
	assert_memory_equal(n.details, expected, 54);
}

static void a_new_description_is_told(void **context)
{
	static const u8 expected[54] = {
		0, 0, 0x01, 0x23, 0, 0x01, 0x11, 0x22, 0x33, 0x44, 0x00, 0x01,
	};
	struct sib_notice n;

	sib_notice_local_change(&n, 0x0123, 0x11223344, 1);
	assert_memory_equal(n.details, expected, 54);
}

static struct sib_hdr bad_packet(const u8 *grh)
{
	return (struct sib_hdr){
		.slid = 0x0102, .dlid = 0x0304, .pkey = 0x8007,
		.qkey = 0x11121314, .sl = 0x0c, .sqpn = 0x212223,
		.dqpn = 0x313233, .grh = grh, .has_grh = grh != NULL,
	};
}

static const u8 gid[16] = {
	0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 2, 0xc9, 3, 0, 0, 0x10, 0x39,
};

static void a_bad_pkey_names_packet_and_port(void **context)
{
	static const u8 expected[34] = {
		0, 0, 0x01, 0x02, 0x03, 0x04, 0, 0, 0x80, 0x07,
		0xc0, 0x21, 0x22, 0x23, 0x00, 0x31, 0x32, 0x33,
	};
	struct sib_hdr hdr = bad_packet(NULL);
	struct sib_notice n;

	memset(&n, 0xee, sizeof(n));
	sib_notice_bad_key(&n, 257, &hdr, gid);
	assert_int_equal(n.type, 0x82);
	assert_int_equal(n.trap, 257);
	assert_memory_equal(n.details, expected, 34);
	assert_memory_equal(n.details + 34, gid, 16);
	assert_memory_equal(n.details + 50, ((u8[4]){ 0 }), 4);
}

static void a_bad_qkey_names_all_of_it(void **context)
{
	struct sib_hdr hdr = bad_packet(NULL);
	struct sib_notice n;

	sib_notice_bad_key(&n, 258, &hdr, gid);
	assert_int_equal(n.trap, 258);
	assert_memory_equal(n.details + 6,
			    ((u8[]){ 0x11, 0x12, 0x13, 0x14 }), 4);
}

static void a_bad_key_names_the_senders_gid_if_there_is_one(void **context)
{
	struct sib_notice n;
	struct sib_hdr hdr;
	unsigned int i;
	u8 grh[40];

	for (i = 0; i < 40; i++)
		grh[i] = 0x80 + i;
	hdr = bad_packet(grh);
	sib_notice_bad_key(&n, 257, &hdr, gid);
	assert_memory_equal(n.details + 18, grh + 8, 16);
	assert_memory_equal(n.details + 34, gid, 16);
}

static struct sib_smp bad_smp(u8 mgmt_class, u8 hops)
{
	struct sib_smp smp = smps_make(0x02, 0x0015, 0x01020304);
	unsigned int i;

	smp.mgmt_class = mgmt_class;
	smp.mkey = cpu_to_be64(0x4142434445464748);
	smp.dr_slid = cpu_to_be16(0x5152);
	smp.hop_cnt = hops;
	for (i = 0; i < 64; i++)
		smp.return_path[i] = 0x80 + i;
	return smp;
}

static void a_bad_mkey_names_the_smp(void **context)
{
	static const u8 expected[54] = {
		0, 0, 0x01, 0x23, 0, 0, 0x02, 0, 0x00, 0x15,
		0x01, 0x02, 0x03, 0x04,
		0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
	};
	struct sib_smp smp = bad_smp(0x01, 3);
	struct sib_notice n;

	memset(&n, 0xee, sizeof(n));
	sib_notice_bad_mkey(&n, 0x0123, &smp);
	assert_int_equal(n.type, 0x82);
	assert_int_equal(n.trap, 256);
	assert_memory_equal(n.details, expected, 54);
}

static void a_bad_mkey_tells_the_way_that_the_smp_came(void **context)
{
	struct sib_smp smp = bad_smp(0x81, 3);
	struct sib_notice n;

	sib_notice_bad_mkey(&n, 0x0123, &smp);
	assert_memory_equal(n.details + 4, ((u8[]){ 0x51, 0x52 }), 2);
	assert_int_equal(n.details[23], 0x80 | 3);
	assert_memory_equal(n.details + 24, smp.return_path, 3);
	assert_memory_equal(n.details + 27, ((u8[27]){ 0 }), 27);
}

static void a_long_way_is_cut_and_says_so(void **context)
{
	struct sib_notice n;
	struct sib_smp smp;
	unsigned int hops;

	for (hops = 0; hops < 256; hops++) {
		smp = bad_smp(0x81, hops);
		sib_notice_bad_mkey(&n, 0x0123, &smp);
		check(n.details[23] == (0x80 | (hops > 30 ? 0x40 | 30 : hops)),
		      "%u hops: %#x", hops, n.details[23]);
	}
	assert_memory_equal(n.details + 24, smp.return_path, 30);
}

UNIT_MAIN(
	CASE(a_trap_is_an_smp_with_a_notice),
	CASE(what_is_reserved_in_a_trap_is_zero),
	CASE(a_trap_names_its_producer),
	CASE(link_state_names_the_switch),
	CASE(a_new_capability_mask_is_told),
	CASE(a_new_description_is_told),
	CASE(a_bad_pkey_names_packet_and_port),
	CASE(a_bad_qkey_names_all_of_it),
	CASE(a_bad_key_names_the_senders_gid_if_there_is_one),
	CASE(a_bad_mkey_names_the_smp),
	CASE(a_bad_mkey_tells_the_way_that_the_smp_came),
	CASE(a_long_way_is_cut_and_says_so),
)
