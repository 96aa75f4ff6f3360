// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sizes and positions of rings, also where positions wrap around, against
 * twins that count with numbers that do not.
 */
#include <limits.h>

#include "unit.h"

#include "ipoib/core/ring.h"

/* The least power of two that is enough, from a list of them. */
static u32 naive_size(int wanted, u32 min, u32 max)
{
	static const u32 powers[] = {
		1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(powers); i++)
		if (powers[i] >= min && (int)powers[i] >= wanted)
			return powers[i] < max ? powers[i] : max;
	return max;
}

static void check_size(int wanted)
{
	check(ipoib_ring_size(wanted, 128, 8192) ==
	      naive_size(wanted, 128, 8192), "%d for sending", wanted);
	check(ipoib_ring_size(wanted, 2, 8192) ==
	      naive_size(wanted, 2, 8192), "%d for receiving", wanted);
}

static void sizes_are_powers_of_two_within_limits(void **context)
{
	int wanted;

	for (wanted = -10000; wanted < 10000; wanted++)
		check_size(wanted);
}

static void whatever_somebody_typed_comes_to_a_size(void **context)
{
	static const int typed[] = {
		INT_MIN, INT_MIN + 1, -1, 0, 1, INT_MAX - 1, INT_MAX,
	};
	unsigned int i;

	unit_seed();
	for (i = 0; i < ARRAY_SIZE(typed); i++)
		check_size(typed[i]);
	for (i = 0; i < 100000; i++)
		check_size(unit_random());
	assert_int_equal(ipoib_ring_size(INT_MIN, 128, 8192), 128);
	assert_int_equal(ipoib_ring_size(INT_MAX, 128, 8192), 8192);
	assert_int_equal(ipoib_ring_size(129, 128, 8192), 256);
	assert_int_equal(ipoib_ring_size(100, 2, 8192), 128);
}

static void a_ring_fits_into_what_the_hca_has(void **context)
{
	int room;

	for (room = -10; room < 20000; room++) {
		u32 limit = ipoib_ring_limit(room, INT_MAX);

		assert_true(limit && !(limit & (limit - 1)));
		assert_true(limit <= IPOIB_QUEUE_MAX);
		check(room < 1 ? limit == 1 : limit <= (u32)room,
		      "%d: %u", room, limit);
		check((int)limit * 2 > room || limit == IPOIB_QUEUE_MAX,
		      "%d: %u", room, limit);
		assert_int_equal(limit, ipoib_ring_limit(INT_MAX, room));
	}
	assert_int_equal(ipoib_ring_limit(16384, 1000), 512);
}

static void there_is_a_queue_for_each_cpu_up_to_a_limit(void **context)
{
	assert_int_equal(ipoib_ring_queues(1, 1, 16), 1);
	assert_int_equal(ipoib_ring_queues(4, 64, 16), 4);
	assert_int_equal(ipoib_ring_queues(64, 4, 16), 4);
	assert_int_equal(ipoib_ring_queues(64, 64, 16), 8);
	assert_int_equal(ipoib_ring_queues(64, 64, 3), 3);
	assert_int_equal(ipoib_ring_queues(0, 64, 16), 1);
	assert_int_equal(ipoib_ring_queues(64, 0, 16), 1);
}

static void the_limits_are_the_documented_ones(void **context)
{
	assert_int_equal(IPOIB_SENDQ_MIN, 128);
	assert_int_equal(IPOIB_RECVQ_MIN, 2);
	assert_int_equal(IPOIB_QUEUE_MAX, 8192);
	assert_int_equal(IPOIB_RECVQ_ROOM, 2048);
	assert_int_equal(IPOIB_TXQ_MAX, 16);
}

/* A ring whose positions start near their end, and its naive twin. */
static void a_ring_counts_right_across_the_wrap(void **context)
{
	struct ipoib_ring ring = { .size = 128 };
	u64 head = 0xffffff00, tail = head, i;

	unit_seed();
	ring.head = head;
	ring.tail = tail;
	for (i = 0; i < 100000; i++) {
		if (unit_once_in(2) && head - tail < 128) {
			head++;
			ring.head++;
		} else if (head != tail) {
			tail++;
			ring.tail++;
		}
		assert_int_equal(ipoib_ring_used(&ring), head - tail);
		assert_int_equal(ipoib_ring_free(&ring), 128 - (head - tail));
		assert_int_equal(ipoib_ring_slot(&ring, ring.head),
				 head % 128);
	}
	assert_true(head > 0x100000000);
}

static void slots_go_round(void **context)
{
	struct ipoib_ring ring = { .size = 8 };
	u32 position;

	for (position = 0xfffffff0; position != 16; position++)
		assert_int_equal(ipoib_ring_slot(&ring, position),
				 position % 8);
}

static void behind_is_told_across_the_wrap(void **context)
{
	u64 tail, mark;
	int distance;

	for (tail = 0xfffffff0; tail < 0x100000010; tail++) {
		for (distance = -8192; distance <= 8192; distance += 64) {
			mark = tail + distance;
			check(ipoib_ring_behind(tail, mark) == (tail < mark),
			      "tail %#llx, mark %#llx", tail, mark);
		}
	}
}

static void a_ring_is_not_behind_a_mark_that_it_reached(void **context)
{
	assert_true(ipoib_ring_behind(4, 5));
	assert_false(ipoib_ring_behind(5, 5));
	assert_false(ipoib_ring_behind(6, 5));
	assert_true(ipoib_ring_behind(0xffffffff, 0));
	assert_false(ipoib_ring_behind(0, 0xffffffff));
}

UNIT_MAIN(
	CASE(sizes_are_powers_of_two_within_limits),
	CASE(whatever_somebody_typed_comes_to_a_size),
	CASE(a_ring_fits_into_what_the_hca_has),
	CASE(there_is_a_queue_for_each_cpu_up_to_a_limit),
	CASE(the_limits_are_the_documented_ones),
	CASE(a_ring_counts_right_across_the_wrap),
	CASE(slots_go_round),
	CASE(behind_is_told_across_the_wrap),
	CASE(a_ring_is_not_behind_a_mark_that_it_reached),
)
