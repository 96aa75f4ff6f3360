// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The state machine of a path: every pair as it is meant to be, the rules that
 * hold for all of them, and a life of random events against a model of what a
 * path holds.
 */
#include "unit.h"

#include "ipoib/core/path_fsm.h"

/* One letter for a state, one for an action, in the order of their bits. */
static const char states[] = "naRSFx";
static const char letters[] = "CUIPA";

/*
 * What is meant: capital states have an address handle. A query is under way
 * in a and F; its answer counts there alone. Packets wait in a.
 */
static const char * const meant[IPOIB_PATH_STATES][IPOIB_PATH_EVENTS] = {
	/* use, retry, answer, refused, silent, doubt, drop */
	{ "aA", "aA", "n", "n", "n", "n", "nP" },
	{ "a", "a", "RI", "xP", "xP", "a", "nCP" },
	{ "R", "R", "R", "R", "R", "S", "nUP" },
	{ "S", "FA", "S", "S", "S", "S", "nUP" },
	{ "F", "F", "RI", "xUP", "S", "F", "nCUP" },
	{ "xP", "aA", "x", "x", "x", "n", "nP" },
};

static const char *spell(struct ipoib_path_step step)
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

	for (s = 0; s < IPOIB_PATH_STATES; s++)
		for (e = 0; e < IPOIB_PATH_EVENTS; e++)
			check(!strcmp(spell(ipoib_path_next(s, e)),
				      meant[s][e]), "%s, %s: %s, not %s",
			      ipoib_path_state_name(s),
			      ipoib_path_event_name(e),
			      spell(ipoib_path_next(s, e)), meant[s][e]);
}

static void every_pair_is_written_in_the_table(void **context)
{
	assert_int_equal(unit_count_lines("ipoib/core/path_fsm.c", "\t\tON("),
			 IPOIB_PATH_STATES * IPOIB_PATH_EVENTS);
}

static bool has_handle(unsigned int state)
{
	return state == IPOIB_PATH_READY || state == IPOIB_PATH_STALE ||
	       state == IPOIB_PATH_REFRESHING;
}

static bool has_query(unsigned int state)
{
	return state == IPOIB_PATH_ASKING || state == IPOIB_PATH_REFRESHING;
}

static bool is_result(unsigned int event)
{
	return event == IPOIB_PATH_ANSWER || event == IPOIB_PATH_REFUSED ||
	       event == IPOIB_PATH_SILENT;
}

static void for_each_pair(void (*rule)(enum ipoib_path_state state,
				       enum ipoib_path_event event,
				       struct ipoib_path_step step))
{
	unsigned int s, e;

	for (s = 0; s < IPOIB_PATH_STATES; s++)
		for (e = 0; e < IPOIB_PATH_EVENTS; e++)
			rule(s, e, ipoib_path_next(s, e));
}

#define check_pair(cond, state, event)					\
	check(cond, "%s, %s", ipoib_path_state_name(state),		\
	      ipoib_path_event_name(event))

static void rule_handle(enum ipoib_path_state state,
			enum ipoib_path_event event,
			struct ipoib_path_step step)
{
	bool takes = step.actions & IPOIB_PATH_UNINSTALL;
	bool gives = step.actions & IPOIB_PATH_INSTALL;

	check_pair(takes == (has_handle(state) && !has_handle(step.next)),
		   state, event);
	if (!has_handle(state) && has_handle(step.next))
		check_pair(gives, state, event);
	if (gives)
		check_pair(has_handle(step.next) &&
			   event == IPOIB_PATH_ANSWER, state, event);
}

static void a_handle_is_given_by_an_answer_and_taken_back(void **context)
{
	for_each_pair(rule_handle);
}

static void rule_query(enum ipoib_path_state state,
		       enum ipoib_path_event event,
		       struct ipoib_path_step step)
{
	bool begins = !has_query(state) && has_query(step.next);
	bool ends = has_query(state) && !has_query(step.next);

	check_pair(!!(step.actions & IPOIB_PATH_ASK) == begins, state, event);
	check_pair(!!(step.actions & IPOIB_PATH_CANCEL) ==
		   (ends && !is_result(event)), state, event);
	if (has_query(state) && is_result(event))
		check_pair(ends, state, event);
}

static void a_query_ends_by_its_result_or_is_cancelled(void **context)
{
	for_each_pair(rule_query);
}

static void rule_packets(enum ipoib_path_state state,
			 enum ipoib_path_event event,
			 struct ipoib_path_step step)
{
	if (state == IPOIB_PATH_ASKING && step.next != IPOIB_PATH_ASKING)
		check_pair(step.actions & (IPOIB_PATH_INSTALL |
					   IPOIB_PATH_PURGE), state, event);
	if (event == IPOIB_PATH_USE && !has_query(step.next) &&
	    !has_handle(step.next))
		check_pair(step.actions & IPOIB_PATH_PURGE, state, event);
}

static void no_packet_waits_for_nothing(void **context)
{
	for_each_pair(rule_packets);
}

static void rule_stray(enum ipoib_path_state state,
		       enum ipoib_path_event event,
		       struct ipoib_path_step step)
{
	if (!has_query(state) && is_result(event))
		check_pair(step.next == state && !step.actions, state, event);
}

static void a_result_that_nobody_waits_for_changes_nothing(void **context)
{
	for_each_pair(rule_stray);
}

static void rule_drop(enum ipoib_path_state state,
		      enum ipoib_path_event event, struct ipoib_path_step step)
{
	if (event == IPOIB_PATH_DROP)
		check_pair(step.next == IPOIB_PATH_NONE &&
			   step.actions & IPOIB_PATH_PURGE, state, event);
}

static void a_drop_leaves_nothing(void **context)
{
	for_each_pair(rule_drop);
}

static void while_the_sa_is_silent_an_old_path_serves(void **context)
{
	struct ipoib_path_step step;

	step = ipoib_path_next(IPOIB_PATH_REFRESHING, IPOIB_PATH_SILENT);
	assert_true(has_handle(step.next));
	assert_false(step.actions & IPOIB_PATH_UNINSTALL);
}

static void a_path_in_doubt_is_asked_for_at_the_next_use(void **context)
{
	struct ipoib_path_step step;

	step = ipoib_path_next(IPOIB_PATH_READY, IPOIB_PATH_DOUBT);
	assert_true(has_handle(step.next));
	step = ipoib_path_next(step.next, IPOIB_PATH_RETRY);
	assert_true(has_handle(step.next) && has_query(step.next));
}

static void a_failed_lookup_is_tried_again(void **context)
{
	struct ipoib_path_step step;

	step = ipoib_path_next(IPOIB_PATH_ASKING, IPOIB_PATH_REFUSED);
	assert_int_equal(step.next, IPOIB_PATH_FAILED);
	assert_false(has_query(ipoib_path_next(step.next,
					       IPOIB_PATH_USE).next));
	assert_true(has_query(ipoib_path_next(step.next,
					      IPOIB_PATH_RETRY).next));
}

/* From everywhere a path can be had: use, with the back-off over; answer. */
static void from_every_state_a_path_can_be_had(void **context)
{
	unsigned int s;

	for (s = 0; s < IPOIB_PATH_STATES; s++) {
		enum ipoib_path_state now = s;

		now = ipoib_path_next(now, IPOIB_PATH_RETRY).next;
		now = ipoib_path_next(now, IPOIB_PATH_ANSWER).next;
		check(has_handle(now), "from %s", ipoib_path_state_name(s));
	}
}

static void names_are_there_and_differ(void **context)
{
	unsigned int a, b;

	for (a = 0; a < IPOIB_PATH_STATES; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_path_state_name(a),
						ipoib_path_state_name(b));
	for (a = 0; a < IPOIB_PATH_EVENTS; a++)
		for (b = 0; b < a; b++)
			assert_string_not_equal(ipoib_path_event_name(a),
						ipoib_path_event_name(b));
}

/* What a path holds: at most one handle and one query. */
struct holdings {
	int handles;
	int queries;
	int packets;
};

static void perform(struct holdings *h, enum ipoib_path_event event,
		    bool was_asked, u8 actions)
{
	if (event == IPOIB_PATH_USE || event == IPOIB_PATH_RETRY)
		h->packets++;
	if (was_asked && is_result(event))
		h->queries--;
	if (actions & IPOIB_PATH_CANCEL)
		h->queries--;
	if (actions & IPOIB_PATH_UNINSTALL)
		h->handles--;
	/* A new handle takes the place of an old one. */
	if (actions & IPOIB_PATH_INSTALL)
		h->handles = 1;
	if (actions & (IPOIB_PATH_INSTALL | IPOIB_PATH_PURGE) || h->handles)
		h->packets = 0;
	if (actions & IPOIB_PATH_ASK)
		h->queries++;
}

static void nothing_leaks_in_a_long_life(void **context)
{
	enum ipoib_path_state state = IPOIB_PATH_NONE;
	struct holdings h = {};
	unsigned int i;

	unit_seed();
	for (i = 0; i < 200000; i++) {
		enum ipoib_path_event event = unit_below(IPOIB_PATH_EVENTS);
		struct ipoib_path_step step = ipoib_path_next(state, event);

		perform(&h, event, has_query(state), step.actions);
		state = step.next;
		assert_int_equal(h.handles, has_handle(state));
		assert_int_equal(h.queries, has_query(state));
		assert_true(!h.packets || has_query(state));
	}
}

UNIT_MAIN(
	CASE(every_pair_is_as_it_is_meant),
	CASE(every_pair_is_written_in_the_table),
	CASE(a_handle_is_given_by_an_answer_and_taken_back),
	CASE(a_query_ends_by_its_result_or_is_cancelled),
	CASE(no_packet_waits_for_nothing),
	CASE(a_result_that_nobody_waits_for_changes_nothing),
	CASE(a_drop_leaves_nothing),
	CASE(while_the_sa_is_silent_an_old_path_serves),
	CASE(a_path_in_doubt_is_asked_for_at_the_next_use),
	CASE(a_failed_lookup_is_tried_again),
	CASE(from_every_state_a_path_can_be_had),
	CASE(names_are_there_and_differ),
	CASE(nothing_leaks_in_a_long_life),
)
