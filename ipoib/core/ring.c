// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Sizes and positions. Pure.
 */
#include <linux/types.h>

#include "ipoib/core/ring.h"

/**
 * ipoib_ring_size() - the size that a wish comes to
 * @wanted: entries; may be any number that somebody typed
 * @min: fewest, a power of two
 * @max: most, a power of two
 *
 * Return: the next power of two, within the limits.
 */
u32 ipoib_ring_size(int wanted, u32 min, u32 max)
{
	u32 size = min;

	while (size < max && (wanted < 0 ? 0U : (u32)wanted) > size)
		size *= 2;
	return size;
}

/**
 * ipoib_ring_behind() - has a ring not been emptied up to a mark yet?
 * @tail: how far it has
 * @mark: an earlier head
 *
 * Return: true if not.
 */
bool ipoib_ring_behind(u32 tail, u32 mark)
{
	return (s32)(tail - mark) < 0;
}
