// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state machine of a group's membership: every pair as it is meant to be,
 * the rules that hold for all of them, and a life of random events against a
 * model of what a group holds.
 */
#include "unit.h"

#include "ipoib/core/mcast_fsm.h"

/* One letter for a state, one for an action, in the order of their bits. */
static const char states[] = "ijJLRb";
static const char letters[] = "UFBPlsA";

/*
 * What is meant: capital states are bound to the group, packets go. A join is
 * under way in j and R; who loses its memory of us (L) or fails (b) starts
 * again, later (l) or soon (s).
 */
static const char * const meant[IPOIB_MCAST_STATES][IPOIB_MCAST_EVENTS] = {
	/* start, ok, refused, silent, reset, stop */
	{ "jA", "iF", "iF", "iF", "iF", "iFP" },
	{ "j", "JB", "bFl", "bFl", "iFs", "iFP" },
	{ "J", "J", "J", "J", "LFs", "iUFP" },
	{ "RA", "LF", "LF", "LF", "LF", "iUFP" },
	{ "R", "JB", "bUFl", "LFl", "LFs", "iUFP" },
	{ "jA", "bF", "bF", "bF", "bF", "iFP" },
};

static const char *spell(struct ipoib_mcast_step step)
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

	for (s = 0; s < IPOIB_MCAST_STATES; s++)
		for (e = 0; e < IPOIB_MCAST_EVENTS; e++)
			check(!strcmp(spell(ipoib_mcast_next(s, e)),
				      meant[s][e]), "%s, %s: %s, not %s",
			      ipoib_mcast_state_name(s),
			      ipoib_mcast_event_name(e),
			      spell(ipoib_mcast_next(s, e)), meant[s][e]);
}

static void every_pair_is_written_in_the_table(void **context)
{
	assert_int_equal(unit_count_lines("ipoib/core/mcast_fsm.c",
					  "\t\tON("),
			 IPOIB_MCAST_STATES * IPOIB_MCAST_EVENTS);
}

static bool is_bound(unsigned int state)
{
	return state == IPOIB_MCAST_JOINED || state == IPOIB_MCAST_LOST ||
	       state == IPOIB_MCAST_REJOINING;
}

static bool is_joining(unsigned int state)
{
	return state == IPOIB_MCAST_JOINING || state == IPOIB_MCAST_REJOINING;
}

/* Holds an attempt, or the membership that came of it. */
static bool is_member(unsigned int state)
{
	return is_joining(state) || state == IPOIB_MCAST_JOINED;
}

static bool is_result(unsigned int event)
{
	return event == IPOIB_MCAST_OK || event == IPOIB_MCAST_REFUSED ||
	       event == IPOIB_MCAST_SILENT;
}

static void for_each_pair(void (*rule)(enum ipoib_mcast_state state,
				       enum ipoib_mcast_event event,
				       struct ipoib_mcast_step step))
{
	unsigned int s, e;

	for (s = 0; s < IPOIB_MCAST_STATES; s++)
		for (e = 0; e < IPOIB_MCAST_EVENTS; e++)
			rule(s, e, ipoib_mcast_next(s, e));
}

#define check_pair(cond, state, event)					\
	check(cond, "%s, %s", ipoib_mcast_state_name(state),		\
	      ipoib_mcast_event_name(event))

static void rule_bound(enum ipoib_mcast_state state,
		       enum ipoib_mcast_event event,
		       struct ipoib_mcast_step step)
{
	bool takes = step.actions & IPOIB_MCAST_UNBIND;
	bool gives = step.actions & IPOIB_MCAST_BIND;

	check_pair(takes == (is_bound(state) && !is_bound(step.next)), state,
		   event);
	if (!is_bound(state) && is_bound(step.next))
		check_pair(gives, state, event);
	if (gives)
		check_pair(is_bound(step.next) && event == IPOIB_MCAST_OK,
			   state, event);
}

static void what_is_bound_is_unbound_once_and_in_time(void **context)
{
	for_each_pair(rule_bound);
}

static void rule_join(enum ipoib_mcast_state state,
		      enum ipoib_mcast_event event,
		      struct ipoib_mcast_step step)
{
	bool begins = !is_joining(state) && is_joining(step.next);

	check_pair(!!(step.actions & IPOIB_MCAST_JOIN) == begins, state,
		   event);
	if (is_member(state) && !is_member(step.next))
		check_pair(step.actions & IPOIB_MCAST_FREE, state, event);
	if (is_joining(state) && is_result(event))
		check_pair(!is_joining(step.next), state, event);
}

static void a_membership_is_freed_when_it_ends(void **context)
{
	for_each_pair(rule_join);
}

static void rule_free(enum ipoib_mcast_state state,
		      enum ipoib_mcast_event event,
		      struct ipoib_mcast_step step)
{
	if (step.actions & IPOIB_MCAST_FREE)
		check_pair(!is_member(step.next), state, event);
}

static void nothing_that_is_used_is_freed(void **context)
{
	for_each_pair(rule_free);
}

static bool is_waiting(unsigned int state)
{
	return state == IPOIB_MCAST_BACKOFF || state == IPOIB_MCAST_LOST;
}

static void rule_timer(enum ipoib_mcast_state state,
		       enum ipoib_mcast_event event,
		       struct ipoib_mcast_step step)
{
	u8 timer = step.actions & (IPOIB_MCAST_LATER | IPOIB_MCAST_SOON);

	check_pair(timer != (IPOIB_MCAST_LATER | IPOIB_MCAST_SOON), state,
		   event);
	if (is_waiting(step.next) && step.next != state)
		check_pair(timer, state, event);
	if (is_joining(step.next) || event == IPOIB_MCAST_STOP)
		check_pair(!timer, state, event);
}

static void who_waits_is_going_to_be_started(void **context)
{
	for_each_pair(rule_timer);
}

static void rule_failure(enum ipoib_mcast_state state,
			 enum ipoib_mcast_event event,
			 struct ipoib_mcast_step step)
{
	if (is_joining(state) && (event == IPOIB_MCAST_REFUSED ||
				  event == IPOIB_MCAST_SILENT))
		check_pair(step.actions & IPOIB_MCAST_LATER, state, event);
	if (event == IPOIB_MCAST_RESET && is_member(state))
		check_pair(step.actions & IPOIB_MCAST_SOON, state, event);
}

static void who_fails_waits_and_who_was_forgotten_does_not(void **context)
{
	for_each_pair(rule_failure);
}

static void rule_stop(enum ipoib_mcast_state state,
		      enum ipoib_mcast_event event,
		      struct ipoib_mcast_step step)
{
	bool purges = step.actions & IPOIB_MCAST_PURGE;

	check_pair(purges == (event == IPOIB_MCAST_STOP), state, event);
	if (event == IPOIB_MCAST_STOP)
		check_pair(step.next == IPOIB_MCAST_IDLE &&
			   step.actions & IPOIB_MCAST_FREE, state, event);
}

static void a_stop_leaves_nothing(void **context)
{
	for_each_pair(rule_stop);
}

static void while_the_sm_is_silent_an_old_group_serves(void **context)
{
	enum ipoib_mcast_state state = IPOIB_MCAST_JOINED;

	state = ipoib_mcast_next(state, IPOIB_MCAST_RESET).next;
	assert_true(is_bound(state));
	state = ipoib_mcast_next(state, IPOIB_MCAST_START).next;
	assert_true(is_bound(state));
	state = ipoib_mcast_next(state, IPOIB_MCAST_SILENT).next;
	assert_true(is_bound(state));
}

static void a_refusal_ends_an_old_membership(void **context)
{
	struct ipoib_mcast_step step;

	step = ipoib_mcast_next(IPOIB_MCAST_REJOINING, IPOIB_MCAST_REFUSED);
	assert_false(is_bound(step.next));
	assert_true(step.actions & IPOIB_MCAST_UNBIND);
}

static void from_every_state_a_group_can_be_joined(void **context)
{
	unsigned int s;

	for (s = 0; s < IPOIB_MCAST_STATES; s++) {
		enum ipoib_mcast_state now = s;

		now = ipoib_mcast_next(now, IPOIB_MCAST_START).next;
		now = ipoib_mcast_next(now, IPOIB_MCAST_OK).next;
		check(now == IPOIB_MCAST_JOINED, "from %s",
		      ipoib_mcast_state_name(s));
	}
}

static void back_off_doubles_from_2_to_16_seconds(void **context)
{
	static const unsigned int seconds[] = { 2, 4, 8, 16, 16, 16 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(seconds); i++)
		assert_int_equal(ipoib_mcast_backoff(i + 1), seconds[i]);
	assert_int_equal(ipoib_mcast_backoff(1000), 16);
	assert_int_equal(ipoib_mcast_backoff(~0U), 16);
}

static void names_are_there_and_differ(void **context)
{
	unsigned int a, b;

	for (a = 0; a < IPOIB_MCAST_STATES; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_mcast_state_name(a),
						ipoib_mcast_state_name(b));
	for (a = 0; a < IPOIB_MCAST_EVENTS; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_mcast_event_name(a),
						ipoib_mcast_event_name(b));
}

/**
 * struct holdings - what a group holds, and what it still expects
 * @handles: bound or not
 * @members: attempts and memberships; one at most
 * @timer: it will be started again
 */
struct holdings {
	int handles;
	int members;
	bool timer;
};

static void perform(struct holdings *h, u8 actions)
{
	if (actions & IPOIB_MCAST_UNBIND)
		h->handles--;
	if (actions & IPOIB_MCAST_FREE)
		h->members = 0;
	/* A new handle takes the place of an old one. */
	if (actions & IPOIB_MCAST_BIND)
		h->handles = 1;
	if (actions & (IPOIB_MCAST_LATER | IPOIB_MCAST_SOON))
		h->timer = true;
	if (actions & IPOIB_MCAST_JOIN)
		h->members++;
}

static void nothing_leaks_in_a_long_life(void **context)
{
	enum ipoib_mcast_state state = IPOIB_MCAST_IDLE;
	struct holdings h = {};
	unsigned int i;

	unit_seed();
	for (i = 0; i < 200000; i++) {
		enum ipoib_mcast_event event = unit_below(IPOIB_MCAST_EVENTS);
		struct ipoib_mcast_step step = ipoib_mcast_next(state, event);

		if (event == IPOIB_MCAST_START || event == IPOIB_MCAST_STOP)
			h.timer = false;
		perform(&h, step.actions);
		state = step.next;
		assert_int_equal(h.handles, is_bound(state));
		assert_int_equal(h.members, is_member(state));
		assert_true(!is_waiting(state) || h.timer);
	}
}

UNIT_MAIN(
	CASE(every_pair_is_as_it_is_meant),
	CASE(every_pair_is_written_in_the_table),
	CASE(what_is_bound_is_unbound_once_and_in_time),
	CASE(a_membership_is_freed_when_it_ends),
	CASE(nothing_that_is_used_is_freed),
	CASE(who_waits_is_going_to_be_started),
	CASE(who_fails_waits_and_who_was_forgotten_does_not),
	CASE(a_stop_leaves_nothing),
	CASE(while_the_sm_is_silent_an_old_group_serves),
	CASE(a_refusal_ends_an_old_membership),
	CASE(from_every_state_a_group_can_be_joined),
	CASE(back_off_doubles_from_2_to_16_seconds),
	CASE(names_are_there_and_differ),
	CASE(nothing_leaks_in_a_long_life),
)
