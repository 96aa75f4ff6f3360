/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Rings: free-running positions and sizes that are powers of two.
 */
#ifndef IPOIB_CORE_RING_H
#define IPOIB_CORE_RING_H

#include <linux/types.h>

#define IPOIB_SENDQ_MIN		128
#define IPOIB_RECVQ_MIN		2
#define IPOIB_QUEUE_MAX		8192

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

u32 ipoib_ring_size(int wanted, u32 min, u32 max);
bool ipoib_ring_behind(u32 tail, u32 mark);

#endif
