// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A ring that is filled and emptied, its positions anywhere on their way
 * round. Input: the size that somebody typed, where positions start, how many
 * go in and out at each step.
 *
 * No slot is given away twice, what comes out is what went in first, and marks
 * are told to be behind or not.
 */
#include "fuzz.h"

#include "ipoib/core/ring.h"

static u32 check_size(s32 wanted, u32 min)
{
	u32 size = ipoib_ring_size(wanted, min, IPOIB_QUEUE_MAX);

	must(size >= min && size <= IPOIB_QUEUE_MAX);
	must(!(size & (size - 1)));
	if (wanted > 0 && size < IPOIB_QUEUE_MAX)
		must(size >= (u32)wanted);
	/* The next smaller one would not have done. */
	if (size > min)
		must(wanted > 0 && size / 2 < (u32)wanted);
	return size;
}

static void fill(struct ipoib_ring *ring, u32 *slots, u32 n)
{
	while (n-- && ipoib_ring_free(ring)) {
		u32 slot = ipoib_ring_slot(ring, ring->head);

		must(slot < ring->size && !slots[slot]);
		slots[slot] = 1 + (ring->head & 0x7fffffff);
		ring->head++;
	}
}

static void empty(struct ipoib_ring *ring, u32 *slots, u32 n)
{
	while (n-- && ipoib_ring_used(ring)) {
		u32 slot = ipoib_ring_slot(ring, ring->tail);

		must(slots[slot] == 1 + (ring->tail & 0x7fffffff));
		must(ipoib_ring_behind(ring->tail, ring->head));
		slots[slot] = 0;
		ring->tail++;
	}
}

static void run(struct feed *f, struct ipoib_ring *ring, u32 *slots)
{
	while (f->left) {
		u32 mark = ring->head;

		fill(ring, slots, feed_u8(f));
		must(!ipoib_ring_behind(ring->head, mark));
		empty(ring, slots, feed_u8(f));
		must(ipoib_ring_behind(ring->tail, ring->head) ==
		     (ipoib_ring_used(ring) != 0));
		must(ipoib_ring_used(ring) + ipoib_ring_free(ring) ==
		     ring->size);
		must(ipoib_ring_used(ring) <= ring->size);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	s32 wanted = feed_u32(&f);
	struct ipoib_ring ring = { .head = feed_u32(&f) };
	u32 *slots;

	check_size(wanted, IPOIB_SENDQ_MIN);
	check_size(wanted, IPOIB_RECVQ_MIN);
	ring.size = check_size(wanted % 512, IPOIB_RECVQ_MIN);
	ring.tail = ring.head;
	slots = calloc(ring.size, sizeof(*slots));
	must(slots);
	run(&f, &ring, slots);
	free(slots);
	return 0;
}
