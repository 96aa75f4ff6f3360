// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The table of the link state machine and the classifier of link messages:
 * every pair as it is meant to be, and the rules that hold for all of them.
 */
#include "unit.h"

#include "sib/core/lsm.h"
#include "sib/core/shim.h"

#define FRESH	(SIB_LSM_NEW_SESSION | SIB_LSM_FORGET_PEER)

/* One letter for a state, one for an action, in the order of their bits. */
static const char states[] = "-dpcu";	/* off, disabled, polling, ... */
static const char letters[] = "BDNFLUH";

static const char * const event_titles[SIB_LSM_EVENTS] = {
	"carrier on", "carrier off", "disable", "enable", "retrain", "hello",
	"echo", "new", "bye", "tick", "silence", "unplug",
};

/*
 * What is meant: a cell is the next state and the actions. Off and disabled
 * say and learn nothing; whoever starts again takes a fresh session (NF);
 * only who knows a peer says bye.
 */
static const char * const meant[SIB_LSM_STATES][SIB_LSM_EVENTS] = {
	/*  carrier on, off, disable, enable, retrain,
	 *  hello, echo, new, bye, tick, silence, unplug
	 */
	{ "pNFH", "-", "d", "-", "-",
	  "-", "-", "-", "-", "-", "-", "-" },
	{ "d", "d", "d", "pNFH", "d",
	  "d", "d", "d", "d", "d", "d", "d" },
	{ "pH", "-NF", "dNF", "p", "pNFH",
	  "cLH", "uLUH", "cLH", "p", "pH", "pH", "-NF" },
	{ "cH", "-NF", "dBNF", "c", "pBNFH",
	  "cH", "uLUH", "cLH", "pNFH", "cH", "pNFH", "-BNF" },
	{ "uH", "-DNF", "dBDNF", "u", "pBDNFH",
	  "uH", "u", "cDNFLH", "pDNFH", "uH", "pBDNFH", "-BDNF" },
};

static const char *spell(struct sib_lsm_step step)
{
	static char text[16];
	char *p = text;
	unsigned int bit;

	*p++ = states[step.next];
	for (bit = 0; letters[bit]; bit++)
		if (step.actions & BIT(bit))
			*p++ = letters[bit];
	*p = '\0';
	return text;
}

static void every_pair_is_as_it_is_meant(void **context)
{
	unsigned int s, e;

	for (s = 0; s < SIB_LSM_STATES; s++)
		for (e = 0; e < SIB_LSM_EVENTS; e++)
			check(!strcmp(spell(sib_lsm_next(s, e)), meant[s][e]),
			      "%s, %s: %s, not %s", sib_lsm_state_name(s),
			      event_titles[e], spell(sib_lsm_next(s, e)),
			      meant[s][e]);
}

static void every_pair_is_written_in_the_table(void **context)
{
	assert_int_equal(unit_count_lines("sib/core/lsm.c", "\t\tON("),
			 SIB_LSM_STATES * SIB_LSM_EVENTS);
}

/* Calls a rule on each pair. */
static void for_each_pair(void (*rule)(enum sib_lsm_state state,
				       enum sib_lsm_event event,
				       struct sib_lsm_step step))
{
	unsigned int s, e;

	for (s = 0; s < SIB_LSM_STATES; s++)
		for (e = 0; e < SIB_LSM_EVENTS; e++)
			rule(s, e, sib_lsm_next(s, e));
}

#define check_pair(cond, state, event)					\
	check(cond, "%s, %s", sib_lsm_state_name(state), event_titles[event])

static void rule_up(enum sib_lsm_state state, enum sib_lsm_event event,
		    struct sib_lsm_step step)
{
	bool enters = state != SIB_LSM_UP && step.next == SIB_LSM_UP;
	bool leaves = state == SIB_LSM_UP && step.next != SIB_LSM_UP;

	check_pair(!!(step.actions & SIB_LSM_GO_UP) == enters, state, event);
	check_pair(!!(step.actions & SIB_LSM_GO_DOWN) == leaves, state, event);
}

static void the_port_follows_the_state_up(void **context)
{
	for_each_pair(rule_up);
}

static bool is_hello(enum sib_lsm_event event)
{
	return event == SIB_LSM_HELLO || event == SIB_LSM_HELLO_ECHO ||
	       event == SIB_LSM_HELLO_NEW;
}

static void rule_learn(enum sib_lsm_state state, enum sib_lsm_event event,
		       struct sib_lsm_step step)
{
	if (step.actions & SIB_LSM_LEARN_PEER)
		check_pair(is_hello(event), state, event);
}

static void a_peer_is_learnt_from_a_hello_only(void **context)
{
	for_each_pair(rule_learn);
}

static bool knows_a_peer(unsigned int state)
{
	return state == SIB_LSM_CONFIG || state == SIB_LSM_UP;
}

static void rule_peer(enum sib_lsm_state state, enum sib_lsm_event event,
		      struct sib_lsm_step step)
{
	if (!knows_a_peer(state) && knows_a_peer(step.next))
		check_pair(step.actions & SIB_LSM_LEARN_PEER, state, event);
	if (knows_a_peer(state) && !knows_a_peer(step.next))
		check_pair(step.actions & SIB_LSM_FORGET_PEER, state, event);
}

static void config_and_up_and_no_others_know_a_peer(void **context)
{
	for_each_pair(rule_peer);
}

static void rule_session(enum sib_lsm_state state, enum sib_lsm_event event,
			 struct sib_lsm_step step)
{
	u8 fresh = step.actions & FRESH;

	check_pair(!fresh || fresh == FRESH, state, event);
	if (step.actions & SIB_LSM_GO_DOWN)
		check_pair(fresh, state, event);
	if (step.next == SIB_LSM_POLLING && state != SIB_LSM_POLLING)
		check_pair(fresh, state, event);
}

static void who_starts_again_takes_a_new_session(void **context)
{
	for_each_pair(rule_session);
}

static void rule_bye(enum sib_lsm_state state, enum sib_lsm_event event,
		     struct sib_lsm_step step)
{
	bool bye = step.actions & SIB_LSM_SAY_BYE;

	if (bye)
		check_pair(knows_a_peer(state), state, event);
	if (knows_a_peer(state) &&
	    (event == SIB_LSM_DISABLE || event == SIB_LSM_RETRAIN ||
	     event == SIB_LSM_UNPLUG))
		check_pair(bye, state, event);
}

static void who_leaves_a_peer_by_order_says_bye(void **context)
{
	for_each_pair(rule_bye);
}

static void rule_quiet(enum sib_lsm_state state, enum sib_lsm_event event,
		       struct sib_lsm_step step)
{
	bool quiet = step.next == SIB_LSM_OFF || step.next == SIB_LSM_DISABLED;

	if (quiet)
		check_pair(!(step.actions & SIB_LSM_SAY_HELLO), state, event);
	else if (event == SIB_LSM_TICK || step.next != state)
		check_pair(step.actions & SIB_LSM_SAY_HELLO, state, event);
}

static void who_trains_speaks_and_who_is_off_does_not(void **context)
{
	for_each_pair(rule_quiet);
}

static void rule_disabled(enum sib_lsm_state state, enum sib_lsm_event event,
			  struct sib_lsm_step step)
{
	if (state == SIB_LSM_DISABLED)
		check_pair((step.next != SIB_LSM_DISABLED) ==
			   (event == SIB_LSM_ENABLE), state, event);
	else
		check_pair((step.next == SIB_LSM_DISABLED) ==
			   (event == SIB_LSM_DISABLE), state, event);
}

static void a_disabled_port_waits_to_be_enabled(void **context)
{
	for_each_pair(rule_disabled);
}

static void rule_off(enum sib_lsm_state state, enum sib_lsm_event event,
		     struct sib_lsm_step step)
{
	bool gone = event == SIB_LSM_CARRIER_OFF || event == SIB_LSM_UNPLUG;

	if (state == SIB_LSM_OFF && event != SIB_LSM_DISABLE)
		check_pair((step.next != SIB_LSM_OFF) ==
			   (event == SIB_LSM_CARRIER_ON), state, event);
	else if (state != SIB_LSM_OFF && state != SIB_LSM_DISABLED)
		check_pair((step.next == SIB_LSM_OFF) == gone, state, event);
}

static void the_carrier_switches_a_port_on_and_off(void **context)
{
	for_each_pair(rule_off);
}

static void names_are_there_and_differ(void **context)
{
	unsigned int a, b;

	for (a = 0; a < SIB_LSM_STATES; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(sib_lsm_state_name(a),
						sib_lsm_state_name(b));
	for (a = 0; a < SIB_LSM_EVENTS; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(sib_lsm_event_name(a),
						sib_lsm_event_name(b));
}

/* The classifier. Ours is session 0x10, the peer's 0x20. */

static const u8 mac[6] = { 2, 0, 0, 0, 0, 1 };
static const u8 other_mac[6] = { 2, 0, 0, 0, 0, 2 };
static const struct sib_lsm_peer nobody;

static struct sib_lsm_peer somebody(void)
{
	struct sib_lsm_peer peer = { .session = 0x20 };

	memcpy(peer.mac, mac, 6);
	return peer;
}

static int classify(enum sib_lsm_state state, const struct sib_lsm_peer *peer,
		    u8 type, u32 session, u32 echo, const u8 *from)
{
	struct sib_hello hello = {
		.type = type, .mtu_cap = 4, .session = session, .echo = echo,
	};

	return sib_lsm_classify(state, 0x10, peer, &hello, from);
}

static void a_first_hello_is_told_by_its_echo(void **context)
{
	assert_int_equal(classify(SIB_LSM_POLLING, &nobody, SIB_MSG_HELLO,
				  0x20, 0, mac), SIB_LSM_HELLO);
	assert_int_equal(classify(SIB_LSM_POLLING, &nobody, SIB_MSG_HELLO,
				  0x20, 0x99, mac), SIB_LSM_HELLO);
	assert_int_equal(classify(SIB_LSM_POLLING, &nobody, SIB_MSG_HELLO,
				  0x20, 0x10, mac), SIB_LSM_HELLO_ECHO);
}

static void a_known_peer_is_told_by_session_and_echo(void **context)
{
	static const enum sib_lsm_state both[] = {
		SIB_LSM_CONFIG, SIB_LSM_UP,
	};
	struct sib_lsm_peer peer = somebody();
	unsigned int i;

	for (i = 0; i < 2; i++) {
		assert_int_equal(classify(both[i], &peer, SIB_MSG_HELLO, 0x20,
					  0, mac), SIB_LSM_HELLO);
		assert_int_equal(classify(both[i], &peer, SIB_MSG_HELLO, 0x20,
					  0x10, mac), SIB_LSM_HELLO_ECHO);
		assert_int_equal(classify(both[i], &peer, SIB_MSG_HELLO, 0x21,
					  0, mac), SIB_LSM_HELLO_NEW);
		assert_int_equal(classify(both[i], &peer, SIB_MSG_HELLO, 0x21,
					  0x10, mac), SIB_LSM_HELLO_NEW);
	}
}

static void while_up_a_third_talker_is_a_stray(void **context)
{
	struct sib_lsm_peer peer = somebody();

	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_HELLO, 0x20,
				  0x10, other_mac), -1);
	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_HELLO, 0x33, 0,
				  other_mac), -1);
}

static void while_training_the_last_talker_counts(void **context)
{
	struct sib_lsm_peer peer = somebody();

	assert_int_equal(classify(SIB_LSM_CONFIG, &peer, SIB_MSG_HELLO, 0x33,
				  0, other_mac), SIB_LSM_HELLO_NEW);
	assert_int_equal(classify(SIB_LSM_CONFIG, &peer, SIB_MSG_HELLO, 0x20,
				  0x10, other_mac), SIB_LSM_HELLO_NEW);
}

static void a_bye_counts_in_its_session_only(void **context)
{
	struct sib_lsm_peer peer = somebody();

	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_BYE, 0x20, 0x10,
				  mac), SIB_LSM_BYE);
	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_BYE, 0x21, 0x10,
				  mac), -1);
	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_BYE, 0x20, 0x11,
				  mac), -1);
	assert_int_equal(classify(SIB_LSM_UP, &peer, SIB_MSG_BYE, 0x20, 0x10,
				  other_mac), -1);
	assert_int_equal(classify(SIB_LSM_POLLING, &nobody, SIB_MSG_BYE, 0x20,
				  0x10, mac), -1);
}

/* Orders of an SM that come faster than its replies go out. */

#define ORDERS_MAX	6

static const enum sib_lsm_event order_of[] = {
	SIB_LSM_RETRAIN, SIB_LSM_DISABLE, SIB_LSM_ENABLE,
};

/**
 * struct fate - what became of a port
 * @state: where its link is
 * @fell: it went down on the way
 */
struct fate {
	enum sib_lsm_state state;
	bool fell;
};

static void obey(struct fate *f, enum sib_lsm_event order)
{
	struct sib_lsm_step step = sib_lsm_next(f->state, order);

	f->state = step.next;
	f->fell |= step.actions & SIB_LSM_GO_DOWN;
}

/* The orders are the digits of @code, base 3. */
static void check_orders(enum sib_lsm_state from, unsigned int count,
			 unsigned int code)
{
	struct fate at_once = { from, false }, later = { from, false };
	unsigned int i, rest = code;
	u32 waiting = 0;
	int order;

	for (i = 0; i < count; i++, rest /= 3) {
		obey(&at_once, order_of[rest % 3]);
		waiting = sib_lsm_merge(waiting, order_of[rest % 3]);
	}
	assert_true(waiting);
	for (i = 0; (order = sib_lsm_take(&waiting)) >= 0; i++)
		obey(&later, order);
	check(i && i <= 2, "%u orders are left of %u, code %u", i, count, code);
	check(later.state == at_once.state && later.fell == at_once.fell,
	      "from %s, %u orders, code %u: %s, not %s",
	      sib_lsm_state_name(from), count, code,
	      sib_lsm_state_name(later.state),
	      sib_lsm_state_name(at_once.state));
}

static void orders_that_wait_come_to_what_they_would_have_at_once(void **context)
{
	unsigned int count, code, end = 1;
	enum sib_lsm_state from;

	for (count = 1; count <= ORDERS_MAX; count++) {
		end *= 3;
		for (code = 0; code < end; code++)
			for (from = 0; from < SIB_LSM_STATES; from++)
				check_orders(from, count, code);
	}
}

static void an_order_to_disable_is_not_overtaken(void **context)
{
	u32 waiting = sib_lsm_merge(0, SIB_LSM_DISABLE);

	waiting = sib_lsm_merge(waiting, SIB_LSM_RETRAIN);
	assert_int_equal(sib_lsm_take(&waiting), SIB_LSM_DISABLE);
	assert_int_equal(sib_lsm_take(&waiting), -1);
	assert_int_equal(sib_lsm_take(&waiting), -1);
}

UNIT_MAIN(
	CASE(every_pair_is_as_it_is_meant),
	CASE(every_pair_is_written_in_the_table),
	CASE(the_port_follows_the_state_up),
	CASE(a_peer_is_learnt_from_a_hello_only),
	CASE(config_and_up_and_no_others_know_a_peer),
	CASE(who_starts_again_takes_a_new_session),
	CASE(who_leaves_a_peer_by_order_says_bye),
	CASE(who_trains_speaks_and_who_is_off_does_not),
	CASE(a_disabled_port_waits_to_be_enabled),
	CASE(the_carrier_switches_a_port_on_and_off),
	CASE(names_are_there_and_differ),
	CASE(a_first_hello_is_told_by_its_echo),
	CASE(a_known_peer_is_told_by_session_and_echo),
	CASE(while_up_a_third_talker_is_a_stray),
	CASE(while_training_the_last_talker_counts),
	CASE(a_bye_counts_in_its_session_only),
	CASE(orders_that_wait_come_to_what_they_would_have_at_once),
	CASE(an_order_to_disable_is_not_overtaken),
)
