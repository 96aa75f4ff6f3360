// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which packet may go to which connected QP: IBTA volume 1, section 9.6.1.
 */
#include "unit.h"

#include "sib/core/conn.h"
#include "sib/core/opcode.h"

static const u8 peer_gid[16] = { 0xfe, 0x80, [15] = 7 };

static struct sib_conn_rules connection(void)
{
	struct sib_conn_rules rules = {
		.transport = SIB_TRANSPORT_RC,
		.dlid = 7,
		.pkey = 0xffff,
		.sgid = { 0xfe, 0x80, [15] = 9 },
		.dgid = peer_gid,
	};

	return rules;
}

static struct sib_hdr packet(void)
{
	struct sib_hdr hdr = { .opcode = 0x04, .slid = 7, .dlid = 9,
			       .pkey = 0x7fff };

	return hdr;
}

static void assert_verdict(const struct sib_hdr *hdr,
			   enum sib_conn_verdict verdict)
{
	struct sib_conn_rules rules = connection();

	assert_int_equal(sib_conn_check(&rules, hdr), verdict);
}

static void the_peer_is_let_in(void **context)
{
	struct sib_hdr hdr = packet();

	assert_verdict(&hdr, SIB_CONN_OK);
	hdr.opcode = 0x11;
	assert_verdict(&hdr, SIB_CONN_OK);
}

static void other_transports_are_not(void **context)
{
	struct sib_conn_rules rules = connection();
	struct sib_hdr hdr = packet();

	hdr.opcode = 0x24;
	assert_verdict(&hdr, SIB_CONN_TRANSPORT);
	rules.transport = SIB_TRANSPORT_UC;
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_OK);
	hdr.opcode = 0x64;
	assert_verdict(&hdr, SIB_CONN_TRANSPORT);
}

static void nothing_comes_on_lane_15(void **context)
{
	struct sib_hdr hdr = packet();

	hdr.vl = 15;
	assert_verdict(&hdr, SIB_CONN_LANE);
}

static void another_lid_is_another_peer(void **context)
{
	struct sib_hdr hdr = packet();

	hdr.slid = 8;
	assert_verdict(&hdr, SIB_CONN_PATH);
	hdr = packet();
	hdr.dlid = 0xc001;
	assert_verdict(&hdr, SIB_CONN_PATH);
	hdr.dlid = 0xffff;
	assert_verdict(&hdr, SIB_CONN_PATH);
}

static void another_partition_is_told_apart(void **context)
{
	struct sib_conn_rules rules = connection();
	struct sib_hdr hdr = packet();

	hdr.pkey = 0x8001;
	assert_verdict(&hdr, SIB_CONN_PKEY);
	rules.pkey = 0x7fff;
	hdr.pkey = 0x7fff;
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_PKEY);
}

static void a_grh_must_be_there_if_and_only_if_agreed(void **context)
{
	struct sib_conn_rules rules = connection();
	struct sib_hdr hdr = packet();
	u8 grh[40] = {};

	rules.has_grh = true;
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_PATH);
	hdr.grh = grh;
	assert_verdict(&hdr, SIB_CONN_PATH);
	memcpy(grh + 8, peer_gid, 16);
	memcpy(grh + 24, rules.sgid, 16);
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_OK);
	grh[8 + 15] ^= 1;
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_PATH);
	grh[8 + 15] ^= 1;
	grh[24] ^= 1;
	assert_int_equal(sib_conn_check(&rules, &hdr), SIB_CONN_PATH);
}

UNIT_MAIN(CASE(the_peer_is_let_in),
	  CASE(other_transports_are_not),
	  CASE(nothing_comes_on_lane_15),
	  CASE(another_lid_is_another_peer),
	  CASE(another_partition_is_told_apart),
	  CASE(a_grh_must_be_there_if_and_only_if_agreed))
