// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * How often things are done: restarts that a storm of events asks for, and
 * announcements to the peers.
 */
#include "unit.h"

#include "ipoib/core/pace.h"

static const struct ipoib_pace_rule rule = {
	.first = 100,
	.max = 3200,
};

static void the_first_goes_at_once(void **context)
{
	struct ipoib_pace pace = {};

	assert_int_equal(ipoib_pace_left(&pace, 0), 0);
	assert_int_equal(ipoib_pace_left(&pace, 123456789), 0);
}

static void the_second_waits_the_third_waits_longer(void **context)
{
	struct ipoib_pace pace = {};
	u64 now = 5000;

	ipoib_pace_mark(&pace, &rule, now);
	assert_int_equal(ipoib_pace_left(&pace, now), 100);
	assert_int_equal(ipoib_pace_left(&pace, now + 99), 1);
	assert_int_equal(ipoib_pace_left(&pace, now + 100), 0);
	ipoib_pace_mark(&pace, &rule, now + 100);
	assert_int_equal(ipoib_pace_left(&pace, now + 100), 200);
	assert_int_equal(ipoib_pace_left(&pace, now + 300), 0);
}

/* Whoever asks all the time is served seldom, but for ever. */
static void a_storm_is_bounded(void **context)
{
	struct ipoib_pace pace = {};
	unsigned int done = 0;
	u64 now, last = 0;

	for (now = 1000; now < 1000 + 600000; now++) {
		if (ipoib_pace_left(&pace, now))
			continue;
		ipoib_pace_mark(&pace, &rule, now);
		check(!last || now - last <= rule.max, "at %llu",
		      (unsigned long long)now);
		last = now;
		done++;
	}
	/* 100, 200, ... 3200 ms, and so on. */
	assert_in_range(done, 600000 / 3200, 600000 / 3200 + 6);
}

static void after_a_quiet_time_all_is_forgotten(void **context)
{
	struct ipoib_pace pace = {};
	u64 now = 1;
	int i;

	for (i = 0; i < 10; i++) {
		now += ipoib_pace_left(&pace, now);
		ipoib_pace_mark(&pace, &rule, now);
	}
	assert_int_equal(ipoib_pace_left(&pace, now), rule.max);
	now += rule.max * IPOIB_PACE_FORGET;
	assert_int_equal(ipoib_pace_left(&pace, now), 0);
	ipoib_pace_mark(&pace, &rule, now);
	assert_int_equal(ipoib_pace_left(&pace, now), rule.first);
}

static void who_comes_now_and_then_never_waits(void **context)
{
	struct ipoib_pace pace = {};
	u64 now = 1000;
	int i;

	for (i = 0; i < 100; i++) {
		assert_int_equal(ipoib_pace_left(&pace, now), 0);
		ipoib_pace_mark(&pace, &rule, now);
		now += rule.first * IPOIB_PACE_FORGET;
	}
}

/* Let it be announced from a time on; when it was, and when it was over. */
static unsigned int announce(u64 from, u64 up_from, u64 *at, u64 *end)
{
	struct ipoib_announce announce = {};
	unsigned int made = 0;
	u64 now = from;
	bool tell;
	u32 next;

	ipoib_announce_begin(&announce, now);
	while ((next = ipoib_announce_step(&announce, now >= up_from, now,
					   &tell)) || tell) {
		if (tell) {
			assert_true(made < IPOIB_ANNOUNCES);
			at[made++] = now;
		}
		if (!next)
			break;
		now += next;
	}
	*end = now;
	return made;
}

static void nothing_is_told_unasked(void **context)
{
	struct ipoib_announce announce = {};
	bool tell = true;

	assert_int_equal(ipoib_announce_step(&announce, true, 77, &tell), 0);
	assert_false(tell);
}

static void it_is_told_at_once_and_again(void **context)
{
	u64 at[IPOIB_ANNOUNCES], end;

	assert_int_equal(announce(7000, 0, at, &end), IPOIB_ANNOUNCES);
	assert_int_equal(at[0], 7000);
	assert_int_equal(at[1], 8000);
	assert_int_equal(at[2], 10000);
	assert_int_equal(end, at[2]);
}

static void it_waits_until_packets_can_be_sent(void **context)
{
	u64 at[IPOIB_ANNOUNCES], end;

	assert_int_equal(announce(7000, 7705, at, &end), IPOIB_ANNOUNCES);
	assert_in_range(at[0], 7705, 7705 + IPOIB_ANNOUNCE_POLL);
	assert_int_equal(at[1], at[0] + 1000);
	assert_int_equal(at[2], at[0] + 3000);
}

static void who_is_kept_dormant_is_given_up(void **context)
{
	u64 at[IPOIB_ANNOUNCES], end;

	assert_int_equal(announce(7000, ~0ULL, at, &end), 0);
	assert_in_range(end, 7000 + IPOIB_ANNOUNCE_PATIENCE,
			7000 + IPOIB_ANNOUNCE_PATIENCE + IPOIB_ANNOUNCE_POLL);
}

static void whoever_looks_too_early_is_told_when(void **context)
{
	struct ipoib_announce announce = {};
	bool tell;

	ipoib_announce_begin(&announce, 1000);
	assert_int_equal(ipoib_announce_step(&announce, true, 1000, &tell),
			 1000);
	assert_true(tell);
	assert_int_equal(ipoib_announce_step(&announce, true, 1100, &tell),
			 900);
	assert_false(tell);
}

static void who_comes_late_does_not_tell_twice_in_a_row(void **context)
{
	struct ipoib_announce announce = {};
	bool tell;

	ipoib_announce_begin(&announce, 1000);
	ipoib_announce_step(&announce, true, 1000, &tell);
	assert_int_equal(ipoib_announce_step(&announce, true, 9000, &tell),
			 IPOIB_ANNOUNCE_GAP);
	assert_true(tell);
	assert_int_equal(ipoib_announce_step(&announce, true, 9001, &tell),
			 IPOIB_ANNOUNCE_GAP - 1);
	assert_false(tell);
}

static void a_new_change_begins_again(void **context)
{
	struct ipoib_announce announce = {};
	bool tell;

	ipoib_announce_begin(&announce, 1000);
	ipoib_announce_step(&announce, true, 1000, &tell);
	ipoib_announce_begin(&announce, 1200);
	ipoib_announce_step(&announce, true, 1200, &tell);
	assert_true(tell);
	assert_int_equal(announce.left, IPOIB_ANNOUNCES - 1);
}

UNIT_MAIN(
	CASE(the_first_goes_at_once),
	CASE(the_second_waits_the_third_waits_longer),
	CASE(a_storm_is_bounded),
	CASE(after_a_quiet_time_all_is_forgotten),
	CASE(who_comes_now_and_then_never_waits),
	CASE(nothing_is_told_unasked),
	CASE(it_is_told_at_once_and_again),
	CASE(it_waits_until_packets_can_be_sent),
	CASE(who_is_kept_dormant_is_given_up),
	CASE(whoever_looks_too_early_is_told_when),
	CASE(who_comes_late_does_not_tell_twice_in_a_row),
	CASE(a_new_change_begins_again),
)
