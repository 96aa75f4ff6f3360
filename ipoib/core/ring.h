/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rings: free-running positions and sizes that are powers of two; how many
 * there are.
 */
#ifndef IPOIB_CORE_RING_H
#define IPOIB_CORE_RING_H

#include <linux/types.h>

#define IPOIB_SENDQ_MIN		128
#define IPOIB_RECVQ_MIN		2
#define IPOIB_QUEUE_MAX		8192

/* Room for so many receive buffers at least, to be used at run time. */
#define IPOIB_RECVQ_ROOM	2048

/* Transmit queues: most, and most that there are without being asked for. */
#define IPOIB_TXQ_MAX		16
#define IPOIB_TXQ_USUAL		8

/**
 * struct ipoib_ring - positions in a ring
 * @size: entries, a power of two
 * @head: entries filled since the beginning; wraps with its type
 * @tail: entries emptied since the beginning; likewise
 */
struct ipoib_ring {
	u32 size;
	u32 head;
	u32 tail;
};

static inline u32 ipoib_ring_used(const struct ipoib_ring *ring)
{
	return ring->head - ring->tail;
}

static inline u32 ipoib_ring_free(const struct ipoib_ring *ring)
{
	return ring->size - ipoib_ring_used(ring);
}

static inline u32 ipoib_ring_slot(const struct ipoib_ring *ring, u32 position)
{
	return position & (ring->size - 1);
}

/**
 * ipoib_ring_behind() - has a ring not been emptied up to a mark yet?
 * @tail: how far it has
 * @mark: an earlier head
 *
 * Return: true if not.
 */
static inline bool ipoib_ring_behind(u32 tail, u32 mark)
{
	return (s32)(tail - mark) < 0;
}

u32 ipoib_ring_size(int wanted, u32 min, u32 max);
u32 ipoib_ring_limit(int wrs, int cqes);
unsigned int ipoib_ring_queues(unsigned int cpus, unsigned int vectors,
			       unsigned int max);

#endif
