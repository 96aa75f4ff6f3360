// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What an interface does about each event of the fabric, alone and together
 * with others.
 */
#include "unit.h"

#include "ipoib/core/event.h"

#define EVENTS	8
#define ALL	(BIT(EVENTS) - 1)

static u32 do_open(u32 events)
{
	return ipoib_event_actions(events, true, false);
}

static void nothing_happened_nothing_to_do(void **context)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		assert_int_equal(ipoib_event_actions(0, i & 1, i & 2), 0);
}

static void a_port_that_comes_or_goes_takes_the_link_down(void **context)
{
	assert_true(do_open(IPOIB_EV_ACTIVE) & IPOIB_DO_RELINK);
	assert_true(do_open(IPOIB_EV_ERROR) & IPOIB_DO_RELINK);
	assert_true(do_open(IPOIB_EV_LID) & IPOIB_DO_RELINK);
}

static void nothing_else_takes_the_link_down(void **context)
{
	u32 others = ALL & ~(IPOIB_EV_ACTIVE | IPOIB_EV_ERROR | IPOIB_EV_LID);

	assert_false(do_open(others) & IPOIB_DO_RELINK);
	assert_false(ipoib_event_actions(others, true, true) &
		     IPOIB_DO_RELINK);
}

static void a_reregistration_puts_paths_in_doubt(void **context)
{
	u32 actions = do_open(IPOIB_EV_REREGISTER);

	assert_true(actions & IPOIB_DO_DOUBT);
	assert_false(actions & (IPOIB_DO_RELINK | IPOIB_DO_RESTART));
}

static void a_change_of_pkeys_is_looked_at_and_no_more(void **context)
{
	assert_int_equal(do_open(IPOIB_EV_PKEY), IPOIB_DO_IDENTITY);
}

static void a_new_gid_matters_to_who_waits_for_one(void **context)
{
	assert_false(do_open(IPOIB_EV_GID) & IPOIB_DO_DOUBT);
	assert_true(ipoib_event_actions(IPOIB_EV_GID, true, true) &
		    IPOIB_DO_DOUBT);
	assert_true(do_open(IPOIB_EV_GID) & IPOIB_DO_IDENTITY);
}

static void who_waits_for_a_gid_waits_for_nothing_else(void **context)
{
	u32 events;

	for (events = 0; events <= ALL; events++)
		if (!(events & IPOIB_EV_GID))
			assert_int_equal(ipoib_event_actions(events, true,
							     true),
					 do_open(events));
}

static void a_change_of_the_sm_is_ignored(void **context)
{
	assert_int_equal(do_open(IPOIB_EV_SM), 0);
	assert_int_equal(ipoib_event_actions(IPOIB_EV_SM, true, true), 0);
	assert_int_equal(ipoib_event_actions(IPOIB_EV_SM, false, false), 0);
}

static void a_queue_that_is_stuck_is_restarted(void **context)
{
	u32 events;

	for (events = 0; events <= ALL; events++)
		assert_int_equal(!!(do_open(events) & IPOIB_DO_RESTART),
				 !!(events & IPOIB_EV_STUCK));
}

static void while_down_only_the_identity_is_refreshed(void **context)
{
	u32 events;

	for (events = 0; events <= ALL; events++) {
		u32 actions = ipoib_event_actions(events, false, events & 1);

		assert_int_equal(actions & ~IPOIB_DO_IDENTITY, 0);
		if (events & (IPOIB_EV_PKEY | IPOIB_EV_GID | IPOIB_EV_LID |
			      IPOIB_EV_ACTIVE))
			assert_int_equal(actions, IPOIB_DO_IDENTITY);
	}
}

/* Several events at once do what each would have done. */
static void together_they_do_what_each_does(void **context)
{
	u32 events, sum;
	unsigned int how, bit;

	for (events = 0; events <= ALL; events++) {
		for (how = 0; how < 4; how++) {
			for (bit = sum = 0; bit < EVENTS; bit++)
				sum |= ipoib_event_actions(events & BIT(bit),
							   how & 1, how & 2);
			check(ipoib_event_actions(events, how & 1, how & 2) ==
			      sum, "events %#x", events);
		}
	}
}

UNIT_MAIN(
	CASE(nothing_happened_nothing_to_do),
	CASE(a_port_that_comes_or_goes_takes_the_link_down),
	CASE(nothing_else_takes_the_link_down),
	CASE(a_reregistration_puts_paths_in_doubt),
	CASE(a_change_of_pkeys_is_looked_at_and_no_more),
	CASE(a_new_gid_matters_to_who_waits_for_one),
	CASE(who_waits_for_a_gid_waits_for_nothing_else),
	CASE(a_change_of_the_sm_is_ignored),
	CASE(a_queue_that_is_stuck_is_restarted),
	CASE(while_down_only_the_identity_is_refreshed),
	CASE(together_they_do_what_each_does),
)
