/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * How often something may be done: restarts that others cause, and telling the
 * peers where we are. Times are milliseconds of a clock that does not go back.
 */
#ifndef IPOIB_CORE_PACE_H
#define IPOIB_CORE_PACE_H

#include <linux/types.h>

/**
 * struct ipoib_pace_rule - how often
 * @first: time to the next after one that came out of the blue
 * @max: time to the next at most; each that comes soon doubles it
 */
struct ipoib_pace_rule {
	u32 first;
	u32 max;
};

/* Forgotten after so many times the time that the next had to wait. */
#define IPOIB_PACE_FORGET	4

/**
 * struct ipoib_pace - what was done; all zero: nothing yet
 * @last: when
 * @gap: how long the next has to wait from there
 */
struct ipoib_pace {
	u64 last;
	u32 gap;
};

u32 ipoib_pace_left(const struct ipoib_pace *pace, u64 now);
void ipoib_pace_mark(struct ipoib_pace *pace,
		     const struct ipoib_pace_rule *rule, u64 now);

/*
 * Announcements of one change, the least time between two, and how long one
 * waits for its moment.
 */
#define IPOIB_ANNOUNCES		3
#define IPOIB_ANNOUNCE_GAP	1000
#define IPOIB_ANNOUNCE_PATIENCE	2000
/* How often to look whether that moment has come. */
#define IPOIB_ANNOUNCE_POLL	10

/**
 * struct ipoib_announce - telling the peers; all zero: nothing to tell
 * @left: announcements left
 * @first: when the first was made, or could have been
 * @due: when the next is
 */
struct ipoib_announce {
	unsigned int left;
	u64 first;
	u64 due;
};

void ipoib_announce_begin(struct ipoib_announce *announce, u64 now);
u32 ipoib_announce_step(struct ipoib_announce *announce, bool up, u64 now,
			bool *tell);

#endif
