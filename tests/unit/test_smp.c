// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Directed routes at a switch, IBTA volume 1, section 14.2.2: every row of the
 * outgoing and of the returning table, both compared with a naive twin on all
 * hop pointers and counts, and whole routes through a chain of three switches.
 */
#include <asm/byteorder.h>

#include "unit.h"
#include "smps.h"

#define PORTS		8
#define PERMISSIVE	0xffff

/**
 * struct step - what a switch did with an SMP
 * @way: where it goes
 * @egress: SIB_SMP_OUT: port
 * @dlid: SIB_SMP_BY_LID: LID
 * @smp: as it stands afterwards
 */
struct step {
	enum sib_smp_way way;
	u8 egress;
	u16 dlid;
	struct sib_smp smp;
};

static struct step route(const struct sib_smp *in, u8 ingress, u8 ports)
{
	struct sib_smp *smp = unit_exact(in, sizeof(*in));
	struct step s = { .egress = 0xee, .dlid = 0xeeee };

	s.way = sib_smp_route(smp, ingress, ports, &s.egress, &s.dlid);
	s.smp = *smp;
	free(smp);
	return s;
}

/* A directed-route SMP: egress ports 3, 4, 5 ..., ingress ports 7, 6, 5 ... */
static struct sib_smp directed(bool returning, u8 ptr, u8 cnt)
{
	struct sib_smp smp = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);
	unsigned int i;

	smp.status = cpu_to_be16(returning ? 0x8000 : 0);
	smp.hop_ptr = ptr;
	smp.hop_cnt = cnt;
	for (i = 1; i < 64; i++) {
		smp.initial_path[i] = 1 + (i + 1) % PORTS;
		smp.return_path[i] = 1 + (63 - i) % PORTS;
	}
	return smp;
}

/* The outgoing table, row by row. */

static void a_route_may_start_at_the_switch(void **context)
{
	struct sib_smp smp = directed(false, 0, 3);
	struct step s = route(&smp, 2, PORTS);

	assert_int_equal(s.way, SIB_SMP_OUT);
	assert_int_equal(s.egress, smp.initial_path[1]);
	assert_int_equal(s.smp.hop_ptr, 1);
	assert_memory_equal(s.smp.return_path, smp.return_path, 64);
}

static void on_its_way_it_notes_where_it_came_in(void **context)
{
	struct sib_smp smp = directed(false, 2, 3);
	struct step s = route(&smp, 6, PORTS);

	assert_int_equal(s.way, SIB_SMP_OUT);
	assert_int_equal(s.egress, smp.initial_path[3]);
	assert_int_equal(s.smp.hop_ptr, 3);
	assert_int_equal(s.smp.return_path[2], 6);
}

static void at_its_end_it_is_for_the_agent(void **context)
{
	struct sib_smp smp = directed(false, 3, 3);
	struct step s = route(&smp, 6, PORTS);

	assert_int_equal(s.way, SIB_SMP_LOCAL);
	assert_int_equal(s.smp.hop_ptr, 4);
	assert_int_equal(s.smp.return_path[3], 6);
}

static void without_hops_it_is_for_the_agent_at_once(void **context)
{
	struct sib_smp smp = directed(false, 0, 0);
	struct step s = route(&smp, 6, PORTS);

	assert_int_equal(s.way, SIB_SMP_LOCAL);
	assert_int_equal(s.smp.hop_ptr, 1);
	assert_memory_equal(s.smp.return_path, smp.return_path, 64);
}

static void at_its_end_it_may_go_on_by_lid(void **context)
{
	struct sib_smp smp = directed(false, 3, 3);
	struct step s;

	smp.dr_dlid = cpu_to_be16(0x0123);
	s = route(&smp, 6, PORTS);
	assert_int_equal(s.way, SIB_SMP_BY_LID);
	assert_int_equal(s.dlid, 0x0123);
	assert_int_equal(s.smp.hop_ptr, 4);
	assert_int_equal(s.smp.return_path[3], 6);
}

static void past_its_end_it_is_for_the_agent(void **context)
{
	struct sib_smp smp = directed(false, 4, 3);
	struct step s = route(&smp, 6, PORTS);

	assert_int_equal(s.way, SIB_SMP_LOCAL);
	assert_memory_equal(&s.smp, &smp, sizeof(smp));
}

static void further_past_its_end_it_is_dropped(void **context)
{
	struct sib_smp smp = directed(false, 5, 3);

	assert_int_equal(route(&smp, 6, PORTS).way, SIB_SMP_DISCARD);
}

/* The returning table, row by row. */

static void a_reply_starts_back_where_it_came_in(void **context)
{
	struct sib_smp smp = directed(true, 4, 3);
	struct step s = route(&smp, 0, PORTS);

	assert_int_equal(s.way, SIB_SMP_OUT);
	assert_int_equal(s.egress, smp.return_path[3]);
	assert_int_equal(s.smp.hop_ptr, 3);
}

static void on_its_way_back_it_follows_the_return_path(void **context)
{
	struct sib_smp smp;
	struct step s;
	u8 ptr;

	for (ptr = 2; ptr <= 3; ptr++) {
		smp = directed(true, ptr, 3);
		s = route(&smp, 5, PORTS);
		assert_int_equal(s.way, SIB_SMP_OUT);
		assert_int_equal(s.egress, smp.return_path[ptr - 1]);
		assert_int_equal(s.smp.hop_ptr, ptr - 1);
	}
}

static void back_at_its_start_it_is_for_the_sm_here(void **context)
{
	struct sib_smp smp = directed(true, 1, 3);
	struct step s = route(&smp, 5, PORTS);

	assert_int_equal(s.way, SIB_SMP_LOCAL);
	assert_int_equal(s.smp.hop_ptr, 0);
}

static void back_at_its_start_it_may_go_on_by_lid(void **context)
{
	struct sib_smp smp = directed(true, 1, 3);
	struct step s;

	smp.dr_slid = cpu_to_be16(0x0321);
	s = route(&smp, 5, PORTS);
	assert_int_equal(s.way, SIB_SMP_BY_LID);
	assert_int_equal(s.dlid, 0x0321);
	assert_int_equal(s.smp.hop_ptr, 0);
}

/* No group is to hear an SMP, and nobody has LID 0. */
static void it_goes_on_by_the_lid_of_a_port_only(void **context)
{
	unsigned int lid;

	for (lid = 0; lid <= 0xffff; lid++) {
		enum sib_smp_way want = lid == 0xffff ? SIB_SMP_LOCAL :
					lid && lid <= 0xbfff ? SIB_SMP_BY_LID :
							       SIB_SMP_DISCARD;
		struct sib_smp out = directed(false, 3, 3);
		struct sib_smp back = directed(true, 1, 3);

		out.dr_dlid = cpu_to_be16(lid);
		back.dr_slid = cpu_to_be16(lid);
		check(route(&out, 6, PORTS).way == want, "to LID %#x", lid);
		check(route(&back, 5, PORTS).way == want, "back to %#x", lid);
	}
}

static void a_reply_beyond_its_end_is_dropped(void **context)
{
	struct sib_smp smp = directed(true, 5, 3);

	assert_int_equal(route(&smp, 5, PORTS).way, SIB_SMP_DISCARD);
}

static void a_reply_to_no_hops_stays_here(void **context)
{
	struct sib_smp smp = directed(true, 1, 0);
	struct step s = route(&smp, 0, PORTS);

	assert_int_equal(s.way, SIB_SMP_LOCAL);
	assert_int_equal(s.smp.hop_ptr, 0);
}

static void a_reply_never_changes_its_paths(void **context)
{
	struct sib_smp smp;
	struct step s;
	u8 ptr;

	for (ptr = 0; ptr < 66; ptr++) {
		smp = directed(true, ptr, 63);
		s = route(&smp, 5, PORTS);
		assert_memory_equal(s.smp.initial_path, smp.initial_path, 64);
		assert_memory_equal(s.smp.return_path, smp.return_path, 64);
	}
}

static void ports_that_do_not_exist_are_not_used(void **context)
{
	struct sib_smp smp = directed(false, 1, 3);
	unsigned int port;

	for (port = 0; port < 256; port++) {
		smp.initial_path[2] = port;
		check(route(&smp, 5, PORTS).way ==
		      (port <= PORTS ? SIB_SMP_OUT : SIB_SMP_DISCARD),
		      "port %u out", port);
	}
	smp = directed(true, 3, 3);
	for (port = 0; port < 256; port++) {
		smp.return_path[2] = port;
		check(route(&smp, 5, PORTS).way ==
		      (port <= PORTS ? SIB_SMP_OUT : SIB_SMP_DISCARD),
		      "port %u back", port);
	}
}

static void more_than_63_hops_are_too_many(void **context)
{
	struct sib_smp smp;
	unsigned int cnt, ptr;

	for (cnt = 64; cnt < 256; cnt++) {
		for (ptr = 0; ptr < 256; ptr++) {
			smp = directed(false, ptr, cnt);
			assert_int_equal(route(&smp, 1, PORTS).way,
					 SIB_SMP_DISCARD);
			smp = directed(true, ptr, cnt);
			assert_int_equal(route(&smp, 1, PORTS).way,
					 SIB_SMP_DISCARD);
		}
	}
}

/* The naive twin: the two tables as they are printed. */

static enum sib_smp_way naive_out(u8 port, struct step *s)
{
	s->egress = port;
	return port > PORTS ? SIB_SMP_DISCARD : SIB_SMP_OUT;
}

static enum sib_smp_way naive_end(__be16 lid, struct step *s)
{
	s->dlid = be16_to_cpu(lid);
	if (s->dlid == PERMISSIVE)
		return SIB_SMP_LOCAL;
	return s->dlid == 0 || s->dlid >= 0xc000 ? SIB_SMP_DISCARD :
						   SIB_SMP_BY_LID;
}

static enum sib_smp_way naive_outgoing(struct step *s, u8 ingress)
{
	unsigned int ptr = s->smp.hop_ptr, cnt = s->smp.hop_cnt;

	if (cnt != 0 && ptr == 0) {
		s->smp.hop_ptr = 1;
		return naive_out(s->smp.initial_path[1], s);
	}
	if (0 < ptr && ptr < cnt) {
		s->smp.return_path[ptr] = ingress;
		s->smp.hop_ptr++;
		return naive_out(s->smp.initial_path[ptr + 1], s);
	}
	if (ptr == cnt) {
		if (cnt != 0)
			s->smp.return_path[ptr] = ingress;
		s->smp.hop_ptr++;
		return naive_end(s->smp.dr_dlid, s);
	}
	if (ptr == cnt + 1)
		return SIB_SMP_LOCAL;
	return SIB_SMP_DISCARD;
}

static enum sib_smp_way naive_returning(struct step *s)
{
	unsigned int ptr = s->smp.hop_ptr, cnt = s->smp.hop_cnt;

	if ((cnt != 0 && ptr == cnt + 1) || (2 <= ptr && ptr <= cnt)) {
		s->smp.hop_ptr--;
		return naive_out(s->smp.return_path[ptr - 1], s);
	}
	if (ptr == 1) {
		s->smp.hop_ptr = 0;
		return naive_end(s->smp.dr_slid, s);
	}
	if (ptr == 0)
		return SIB_SMP_LOCAL;
	return SIB_SMP_DISCARD;
}

static struct step naive_route(const struct sib_smp *in, u8 ingress)
{
	struct step s = { .smp = *in };

	if (in->hop_cnt > 63)
		s.way = SIB_SMP_DISCARD;
	else if (be16_to_cpu(in->status) & 0x8000)
		s.way = naive_returning(&s);
	else
		s.way = naive_outgoing(&s, ingress);
	return s;
}

static void compare_with_twin(const struct sib_smp *smp, u8 ingress)
{
	struct step fast = route(smp, ingress, PORTS);
	struct step slow = naive_route(smp, ingress);

	check(fast.way == slow.way, "D %u ptr %u cnt %u: way %u, not %u",
	      be16_to_cpu(smp->status) >> 15, smp->hop_ptr, smp->hop_cnt,
	      fast.way, slow.way);
	if (fast.way == SIB_SMP_OUT)
		assert_int_equal(fast.egress, slow.egress);
	if (fast.way == SIB_SMP_BY_LID)
		assert_int_equal(fast.dlid, slow.dlid);
	if (fast.way != SIB_SMP_DISCARD)
		assert_memory_equal(&fast.smp, &slow.smp, sizeof(fast.smp));
}

static void every_pointer_and_count_is_as_in_the_tables(void **context)
{
	static const u16 lids[] = { PERMISSIVE, 0x0042 };
	unsigned int back, lid, cnt, ptr;

	for (back = 0; back < 2; back++)
		for (lid = 0; lid < 2; lid++)
			for (cnt = 0; cnt < 66; cnt++)
				for (ptr = 0; ptr < 256; ptr++) {
					struct sib_smp smp =
						directed(back, ptr, cnt);

					smp.dr_dlid = cpu_to_be16(lids[lid]);
					smp.dr_slid = cpu_to_be16(lids[!lid]);
					compare_with_twin(&smp, ptr % 9);
				}
}

static void random_smps_are_as_in_the_tables(void **context)
{
	unsigned int i, n;

	unit_seed();
	for (i = 0; i < 20000; i++) {
		struct sib_smp smp;

		unit_random_bytes(&smp, sizeof(smp));
		smp.hop_cnt %= 66;
		smp.hop_ptr %= 68;
		for (n = 0; n < 64; n++) {
			smp.initial_path[n] %= PORTS + 2;
			smp.return_path[n] %= PORTS + 2;
		}
		if (unit_once_in(2))
			smp.dr_slid = smp.dr_dlid = 0xffff;
		compare_with_twin(&smp, unit_below(PORTS + 1));
	}
}

/*
 * A chain of three switches with four ports each; the SM's host is at port 1
 * of the first. Port 2 of each leads to port 3 of the next.
 *
 *	host --1[ S0 ]2--3[ S1 ]2--3[ S2 ]
 *
 * struct place - where an SMP is
 * @at: switch, or HOST
 * @in: port it came in on
 */
#define HOST	-1
#define NOWHERE	-2

struct place {
	int at;
	u8 in;
};

static struct place cross(int from, u8 port)
{
	if (from == 0 && port == 1)
		return (struct place){ .at = HOST };
	if (port == 2 && from < 2)
		return (struct place){ from + 1, 3 };
	if (port == 3 && from > 0)
		return (struct place){ from - 1, 2 };
	return (struct place){ .at = NOWHERE };
}

/* Goes until an agent or the host has it; *@p tells who. */
static enum sib_smp_way travel(struct sib_smp *smp, struct place *p)
{
	unsigned int hops;
	struct step s;

	for (hops = 0; hops < 200 && p->at >= 0; hops++) {
		s = route(smp, p->in, 4);
		*smp = s.smp;
		if (s.way != SIB_SMP_OUT)
			return s.way;
		*p = s.egress ? cross(p->at, s.egress) :
				(struct place){ p->at, 0 };
	}
	return p->at == HOST ? SIB_SMP_OUT : SIB_SMP_DISCARD;
}

/* As the host's SMI does: out of its only port. */
static struct sib_smp sent_by_host(const u8 *path, u8 cnt)
{
	struct sib_smp smp = smps_make(SIB_METHOD_GET, SIB_ATTR_NODE_INFO, 0);

	memset(smp.initial_path, 0, 64);
	memset(smp.return_path, 0, 64);
	memcpy(smp.initial_path, path, cnt + 1);
	smp.hop_cnt = cnt;
	smp.hop_ptr = 1;
	return smp;
}

static void turn_round(struct sib_smp *smp)
{
	smp->method = SIB_METHOD_GET_RESP;
	smp->status = cpu_to_be16(0x8000);
}

static void a_route_leads_through_three_switches_and_back(void **context)
{
	struct sib_smp smp = sent_by_host((u8[]){ 0, 1, 2, 2 }, 3);
	struct place p = { 0, 1 };

	assert_int_equal(travel(&smp, &p), SIB_SMP_LOCAL);
	assert_int_equal(p.at, 2);
	assert_int_equal(smp.hop_ptr, 4);
	assert_memory_equal(smp.return_path, ((u8[]){ 0, 1, 3, 3 }), 4);
	turn_round(&smp);
	p.in = 0;
	assert_int_equal(travel(&smp, &p), SIB_SMP_OUT);
	assert_int_equal(p.at, HOST);
	assert_int_equal(smp.hop_ptr, 1);
}

static void each_switch_of_the_chain_can_be_asked(void **context)
{
	struct place p;
	u8 cnt;

	for (cnt = 1; cnt <= 3; cnt++) {
		struct sib_smp smp = sent_by_host((u8[]){ 0, 1, 2, 2 }, cnt);

		p = (struct place){ 0, 1 };
		assert_int_equal(travel(&smp, &p), SIB_SMP_LOCAL);
		assert_int_equal(p.at, cnt - 1);
		turn_round(&smp);
		p.in = 0;
		assert_int_equal(travel(&smp, &p), SIB_SMP_OUT);
		assert_int_equal(p.at, HOST);
	}
}

static void a_route_that_ends_in_port_0_reaches_the_agent(void **context)
{
	struct sib_smp smp = sent_by_host((u8[]){ 0, 1, 2, 0 }, 3);
	struct place p = { 0, 1 };

	assert_int_equal(travel(&smp, &p), SIB_SMP_LOCAL);
	assert_int_equal(p.at, 1);
	assert_int_equal(smp.return_path[3], 0);
	turn_round(&smp);
	p.in = 0;
	assert_int_equal(travel(&smp, &p), SIB_SMP_OUT);
	assert_int_equal(p.at, HOST);
}

static void a_route_that_starts_by_lid_comes_back_by_lid(void **context)
{
	struct sib_smp smp = sent_by_host((u8[]){ 0, 2 }, 1);
	struct place p = { 1, 3 };

	/* Came by LID to the second switch, and asks the third. */
	smp.hop_ptr = 0;
	smp.dr_slid = cpu_to_be16(0x0007);
	assert_int_equal(travel(&smp, &p), SIB_SMP_LOCAL);
	assert_int_equal(p.at, 2);
	assert_int_equal(smp.return_path[1], 3);
	turn_round(&smp);
	p.in = 0;
	assert_int_equal(travel(&smp, &p), SIB_SMP_BY_LID);
	assert_int_equal(p.at, 1);
	assert_int_equal(smp.hop_ptr, 0);
}

static void a_route_through_port_0_for_ever_ends(void **context)
{
	struct sib_smp smp = sent_by_host((u8[64]){ 0 }, 63);
	struct place p = { 1, 3 };

	assert_int_equal(travel(&smp, &p), SIB_SMP_LOCAL);
	assert_int_equal(p.at, 1);
}

static void an_smp_is_256_octets_laid_out_as_in_the_standard(void **context)
{
	assert_int_equal(sizeof(struct sib_smp), 256);
	assert_int_equal(offsetof(struct sib_smp, method), 3);
	assert_int_equal(offsetof(struct sib_smp, status), 4);
	assert_int_equal(offsetof(struct sib_smp, hop_ptr), 6);
	assert_int_equal(offsetof(struct sib_smp, hop_cnt), 7);
	assert_int_equal(offsetof(struct sib_smp, tid), 8);
	assert_int_equal(offsetof(struct sib_smp, attr_id), 16);
	assert_int_equal(offsetof(struct sib_smp, attr_mod), 20);
	assert_int_equal(offsetof(struct sib_smp, mkey), 24);
	assert_int_equal(offsetof(struct sib_smp, dr_slid), 32);
	assert_int_equal(offsetof(struct sib_smp, dr_dlid), 34);
	assert_int_equal(offsetof(struct sib_smp, data), 64);
	assert_int_equal(offsetof(struct sib_smp, initial_path), 128);
	assert_int_equal(offsetof(struct sib_smp, return_path), 192);
}

UNIT_MAIN(
	CASE(a_route_may_start_at_the_switch),
	CASE(on_its_way_it_notes_where_it_came_in),
	CASE(at_its_end_it_is_for_the_agent),
	CASE(without_hops_it_is_for_the_agent_at_once),
	CASE(at_its_end_it_may_go_on_by_lid),
	CASE(past_its_end_it_is_for_the_agent),
	CASE(further_past_its_end_it_is_dropped),
	CASE(a_reply_starts_back_where_it_came_in),
	CASE(on_its_way_back_it_follows_the_return_path),
	CASE(back_at_its_start_it_is_for_the_sm_here),
	CASE(back_at_its_start_it_may_go_on_by_lid),
	CASE(it_goes_on_by_the_lid_of_a_port_only),
	CASE(a_reply_beyond_its_end_is_dropped),
	CASE(a_reply_to_no_hops_stays_here),
	CASE(a_reply_never_changes_its_paths),
	CASE(ports_that_do_not_exist_are_not_used),
	CASE(more_than_63_hops_are_too_many),
	CASE(every_pointer_and_count_is_as_in_the_tables),
	CASE(random_smps_are_as_in_the_tables),
	CASE(a_route_leads_through_three_switches_and_back),
	CASE(each_switch_of_the_chain_can_be_asked),
	CASE(a_route_that_ends_in_port_0_reaches_the_agent),
	CASE(a_route_that_starts_by_lid_comes_back_by_lid),
	CASE(a_route_through_port_0_for_ever_ends),
	CASE(an_smp_is_256_octets_laid_out_as_in_the_standard),
)
