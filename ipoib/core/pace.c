// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * When to do again what must not be done too often, or not just once. Pure; the
 * caller serialises and has the clock.
 */
#include <linux/minmax.h>
#include <linux/types.h>

#include "ipoib/core/pace.h"

/**
 * ipoib_pace_left() - how long must it wait?
 * @pace: what was done
 * @now: milliseconds
 *
 * Return: milliseconds, 0 if it may be done.
 */
u32 ipoib_pace_left(const struct ipoib_pace *pace, u64 now)
{
	u64 past = now - pace->last;

	return past < pace->gap ? pace->gap - past : 0;
}

/**
 * ipoib_pace_mark() - it is done now
 * @pace: of what is done
 * @rule: how often it may be
 * @now: milliseconds
 */
void ipoib_pace_mark(struct ipoib_pace *pace,
		     const struct ipoib_pace_rule *rule, u64 now)
{
	u64 forgotten = pace->last + (u64)pace->gap * IPOIB_PACE_FORGET;

	if (!pace->gap || now >= forgotten)
		pace->gap = rule->first;
	else
		pace->gap = min(pace->gap * 2, rule->max);
	pace->last = now;
}

/*
 * Who has just joined is not heard at once: the SM answers, and then tells the
 * switches. Three times, a second apart at least, RFC 4861 section 7.2.6.
 * Milliseconds from the first.
 */
static const u32 announce_at[IPOIB_ANNOUNCES] = { 0, 1000, 3000 };

/**
 * ipoib_announce_begin() - there is something to tell
 * @announce: of the interface
 * @now: milliseconds
 */
void ipoib_announce_begin(struct ipoib_announce *announce, u64 now)
{
	announce->left = IPOIB_ANNOUNCES;
	announce->first = now;
	announce->due = now;
}

static bool is_first(const struct ipoib_announce *announce)
{
	return announce->left == IPOIB_ANNOUNCES;
}

static u32 not_up(struct ipoib_announce *announce, u64 now)
{
	if (now >= announce->due + IPOIB_ANNOUNCE_PATIENCE) {
		announce->left = 0;
		return 0;
	}
	return IPOIB_ANNOUNCE_POLL;
}

/**
 * ipoib_announce_step() - is it time to tell?
 * @announce: of the interface
 * @up: packets can be sent; an interface that cannot for long, because somebody
 *	keeps it dormant, is given up
 * @now: milliseconds
 * @tell: set, whether the peers are to be told now
 *
 * Return: milliseconds after which to ask again, 0 for never.
 */
u32 ipoib_announce_step(struct ipoib_announce *announce, bool up, u64 now,
			bool *tell)
{
	*tell = false;
	if (!announce->left)
		return 0;
	if (now < announce->due)
		return announce->due - now;
	if (!up)
		return not_up(announce, now);
	if (is_first(announce))
		announce->first = now;
	*tell = true;
	announce->left--;
	if (!announce->left)
		return 0;
	announce->due = announce->first +
			announce_at[IPOIB_ANNOUNCES - announce->left];
	/* Late already, the machine being busy: not two in a row. */
	announce->due = max(announce->due, now + IPOIB_ANNOUNCE_GAP);
	return announce->due - now;
}
