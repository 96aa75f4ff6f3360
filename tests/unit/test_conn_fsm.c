// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state machine of a connection that we ask for: every pair as it is meant
 * to be, the rules that hold for all of them, and lives of random events
 * against a model of who has the connection.
 */
#include "unit.h"

#include "ipoib/core/conn_fsm.h"

/* One letter for a state, one for an action, in the order of their bits. */
static const char states[] = "waUd";
static const char letters[] = "OSFBUR";

/*
 * What is meant: packets go in U, and wait before. After a failure there is a
 * back-off, after a close there is none. What waits has UD alone then.
 */
static const char * const meant[IPOIB_CONN_STATES][IPOIB_CONN_EVENTS] = {
	/* ask, ready, fail, lose, close */
	{ "a", "w", "dFBUR", "w", "dFUR" },
	{ "a", "UO", "dFBUR", "dFBUR", "dFUR" },
	{ "U", "U", "dSFBR", "dSFBR", "dSFR" },
	{ "d", "d", "d", "d", "d" },
};

static const char *spell(struct ipoib_conn_step step)
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

	for (s = 0; s < IPOIB_CONN_STATES; s++)
		for (e = 0; e < IPOIB_CONN_EVENTS; e++)
			check(!strcmp(spell(ipoib_conn_next(s, e)),
				      meant[s][e]), "%s, %s: %s, not %s",
			      ipoib_conn_state_name(s),
			      ipoib_conn_event_name(e),
			      spell(ipoib_conn_next(s, e)), meant[s][e]);
}

static void every_pair_is_written_in_the_table(void **context)
{
	assert_int_equal(unit_count_lines("ipoib/core/conn_fsm.c", "\t\tON("),
			 IPOIB_CONN_STATES * IPOIB_CONN_EVENTS);
}

static void for_each_pair(void (*rule)(enum ipoib_conn_state state,
				       enum ipoib_conn_event event,
				       struct ipoib_conn_step step))
{
	unsigned int s, e;

	for (s = 0; s < IPOIB_CONN_STATES; s++)
		for (e = 0; e < IPOIB_CONN_EVENTS; e++)
			rule(s, e, ipoib_conn_next(s, e));
}

#define check_pair(cond, state, event)					\
	check(cond, "%s, %s", ipoib_conn_state_name(state),		\
	      ipoib_conn_event_name(event))

static bool dies(enum ipoib_conn_state state, struct ipoib_conn_step step)
{
	return state != IPOIB_CONN_DEAD && step.next == IPOIB_CONN_DEAD;
}

static void rule_dead(enum ipoib_conn_state state,
		      enum ipoib_conn_event event, struct ipoib_conn_step step)
{
	if (state == IPOIB_CONN_DEAD)
		check_pair(step.next == IPOIB_CONN_DEAD && !step.actions,
			   state, event);
}

static void the_dead_stay_dead(void **context)
{
	for_each_pair(rule_dead);
}

static void rule_reap(enum ipoib_conn_state state,
		      enum ipoib_conn_event event, struct ipoib_conn_step step)
{
	check_pair(!!(step.actions & IPOIB_CONN_REAP) == dies(state, step),
		   state, event);
	check_pair(!!(step.actions & IPOIB_CONN_FORGET) == dies(state, step),
		   state, event);
}

static void who_dies_is_forgotten_and_reaped_and_nobody_else(void **context)
{
	for_each_pair(rule_reap);
}

static void rule_open(enum ipoib_conn_state state,
		      enum ipoib_conn_event event, struct ipoib_conn_step step)
{
	bool opens = state != IPOIB_CONN_UP && step.next == IPOIB_CONN_UP;
	bool shuts = state == IPOIB_CONN_UP && step.next != IPOIB_CONN_UP;

	check_pair(!!(step.actions & IPOIB_CONN_OPEN) == opens, state, event);
	check_pair(!!(step.actions & IPOIB_CONN_SHUT) == shuts, state, event);
	if (opens)
		check_pair(state == IPOIB_CONN_ASKING &&
			   event == IPOIB_CONN_READY, state, event);
}

static void packets_go_from_the_answer_to_the_end(void **context)
{
	for_each_pair(rule_open);
}

static void rule_waiting(enum ipoib_conn_state state,
			 enum ipoib_conn_event event,
			 struct ipoib_conn_step step)
{
	bool waits = state == IPOIB_CONN_WANTED || state == IPOIB_CONN_ASKING;

	check_pair(!!(step.actions & IPOIB_CONN_FALLBACK) ==
		   (waits && step.next == IPOIB_CONN_DEAD), state, event);
}

static void what_waits_for_a_connection_that_dies_has_ud(void **context)
{
	for_each_pair(rule_waiting);
}

static void rule_backoff(enum ipoib_conn_state state,
			 enum ipoib_conn_event event,
			 struct ipoib_conn_step step)
{
	check_pair(!!(step.actions & IPOIB_CONN_BACKOFF) ==
		   (dies(state, step) && event != IPOIB_CONN_CLOSE),
		   state, event);
}

static void only_our_own_wish_is_no_reason_to_wait(void **context)
{
	for_each_pair(rule_backoff);
}

static void rule_forward(enum ipoib_conn_state state,
			 enum ipoib_conn_event event,
			 struct ipoib_conn_step step)
{
	check_pair(step.next >= state && step.next < IPOIB_CONN_STATES,
		   state, event);
	check_pair(!(step.actions & ~(BIT(6) - 1)), state, event);
	if (step.next == state)
		check_pair(!step.actions, state, event);
}

static void a_connection_never_goes_back(void **context)
{
	for_each_pair(rule_forward);
}

static void from_every_state_it_can_be_closed(void **context)
{
	unsigned int s;

	for (s = 0; s < IPOIB_CONN_STATES; s++)
		assert_int_equal(ipoib_conn_next(s, IPOIB_CONN_CLOSE).next,
				 IPOIB_CONN_DEAD);
}

static void a_connection_is_asked_for_and_comes_up(void **context)
{
	enum ipoib_conn_state state = IPOIB_CONN_WANTED;

	state = ipoib_conn_next(state, IPOIB_CONN_ASK).next;
	assert_int_equal(state, IPOIB_CONN_ASKING);
	state = ipoib_conn_next(state, IPOIB_CONN_READY).next;
	assert_int_equal(state, IPOIB_CONN_UP);
}

static void a_refusal_sends_what_waits_over_ud(void **context)
{
	struct ipoib_conn_step step;

	step = ipoib_conn_next(IPOIB_CONN_ASKING, IPOIB_CONN_FAIL);
	assert_int_equal(step.next, IPOIB_CONN_DEAD);
	assert_true(step.actions & IPOIB_CONN_FALLBACK);
	assert_true(step.actions & IPOIB_CONN_BACKOFF);
}

static void names_are_there_and_differ(void **context)
{
	unsigned int a, b;

	for (a = 0; a < IPOIB_CONN_STATES; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_conn_state_name(a),
						ipoib_conn_state_name(b));
	for (a = 0; a < IPOIB_CONN_EVENTS; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_conn_event_name(a),
						ipoib_conn_event_name(b));
}

/* Who has a connection, and how often it was given up. */
struct life {
	bool open;
	bool known;
	unsigned int packets;
	unsigned int opened;
	unsigned int reaped;
};

static void perform(struct life *life, u8 actions)
{
	if (actions & IPOIB_CONN_OPEN) {
		assert_false(life->open);
		life->open = true;
		life->opened++;
		life->packets = 0;
	}
	if (actions & IPOIB_CONN_SHUT) {
		assert_true(life->open);
		life->open = false;
	}
	if (actions & IPOIB_CONN_FORGET) {
		assert_true(life->known);
		life->known = false;
	}
	if (actions & IPOIB_CONN_FALLBACK)
		life->packets = 0;
	if (actions & IPOIB_CONN_REAP)
		life->reaped++;
}

static void live(void)
{
	enum ipoib_conn_state state = IPOIB_CONN_WANTED;
	struct life life = { .known = true };
	unsigned int i;

	for (i = 0; i < 12; i++) {
		enum ipoib_conn_event event = unit_below(IPOIB_CONN_EVENTS);
		struct ipoib_conn_step step;

		/* A destination that has it has packets wait for it. */
		life.packets += life.known && !life.open;
		step = ipoib_conn_next(state, event);
		perform(&life, step.actions);
		state = step.next;
		assert_int_equal(life.open, state == IPOIB_CONN_UP);
		assert_int_equal(life.known, state != IPOIB_CONN_DEAD);
		assert_int_equal(life.reaped, state == IPOIB_CONN_DEAD);
		assert_true(life.opened <= 1);
		assert_true(!life.packets || state == IPOIB_CONN_WANTED ||
			    state == IPOIB_CONN_ASKING);
	}
}

static void nothing_is_lost_in_many_lives(void **context)
{
	unsigned int i;

	unit_seed();
	for (i = 0; i < 20000; i++)
		live();
}

UNIT_MAIN(
	CASE(every_pair_is_as_it_is_meant),
	CASE(every_pair_is_written_in_the_table),
	CASE(the_dead_stay_dead),
	CASE(who_dies_is_forgotten_and_reaped_and_nobody_else),
	CASE(packets_go_from_the_answer_to_the_end),
	CASE(what_waits_for_a_connection_that_dies_has_ud),
	CASE(only_our_own_wish_is_no_reason_to_wait),
	CASE(a_connection_never_goes_back),
	CASE(from_every_state_it_can_be_closed),
	CASE(a_connection_is_asked_for_and_comes_up),
	CASE(a_refusal_sends_what_waits_over_ud),
	CASE(names_are_there_and_differ),
	CASE(nothing_is_lost_in_many_lives),
)
