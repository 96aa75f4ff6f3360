// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which QPNs are our own, against a twin that remembers all of them.
 */
#include "unit.h"

#include "ipoib/core/qpn.h"

static void a_queue_without_a_qp_has_sent_nothing(void **context)
{
	struct ipoib_qpn own = {};
	u32 qpn;

	for (qpn = 1; qpn < 1000; qpn++)
		assert_false(ipoib_qpn_is_own(&own, qpn, 0));
}

static void what_the_qp_sends_is_our_own(void **context)
{
	struct ipoib_qpn own = {};

	ipoib_qpn_change(&own, 0x48, 0);
	assert_true(ipoib_qpn_is_own(&own, 0x48, 0));
	assert_true(ipoib_qpn_is_own(&own, 0x48, ~0ULL));
	assert_false(ipoib_qpn_is_own(&own, 0x49, 0));
}

static void what_the_qp_before_sent_is_our_own_for_a_while(void **context)
{
	struct ipoib_qpn own = {};

	ipoib_qpn_change(&own, 0x48, 50);
	ipoib_qpn_change(&own, 0x49, 100);
	assert_true(ipoib_qpn_is_own(&own, 0x48, 99));
	assert_false(ipoib_qpn_is_own(&own, 0x48, 100));
	assert_true(ipoib_qpn_is_own(&own, 0x49, 100));
}

static void what_a_qp_sent_that_has_gone_is_our_own_for_a_while(void **context)
{
	struct ipoib_qpn own = {};

	ipoib_qpn_change(&own, 0x48, 50);
	ipoib_qpn_change(&own, 0, 100);
	assert_true(ipoib_qpn_is_own(&own, 0x48, 99));
	assert_false(ipoib_qpn_is_own(&own, 0x48, 100));
	/* Nor does the next one make it forgotten sooner. */
	ipoib_qpn_change(&own, 0x50, 200);
	assert_true(ipoib_qpn_is_own(&own, 0x48, 99));
	assert_false(ipoib_qpn_is_own(&own, 0x48, 150));
}

#define CHANGES	1000

/* All QPNs that there have been, and when they ceased to be ours. */
struct twin {
	u32 qpn[CHANGES];
	u64 until[CHANGES];
	unsigned int count;
};

/* The last one, and the last before it that was one. */
static bool twin_is_own(const struct twin *twin, u32 qpn, u64 now)
{
	unsigned int i = twin->count - 1;

	if (twin->qpn[i] == qpn)
		return true;
	while (i--)
		if (twin->qpn[i])
			return twin->qpn[i] == qpn && now < twin->until[i];
	return false;
}

static void any_changes_are_as_the_twin_has_them(void **context)
{
	struct ipoib_qpn own = {};
	static struct twin twin;
	u64 now = 0, at;
	u32 qpn;

	unit_seed();
	while (twin.count < CHANGES) {
		now += unit_random() % 20;
		qpn = unit_once_in(4) ? 0 : 1 + unit_random() % 20;
		if (twin.count && twin.qpn[twin.count - 1])
			twin.until[twin.count - 1] = now + 10;
		ipoib_qpn_change(&own, qpn, now + 10);
		twin.qpn[twin.count] = qpn;
		twin.until[twin.count++] = ~0ULL;
		for (qpn = 1; qpn <= 20; qpn++)
			for (at = now; at < now + 20; at += 3)
				check(ipoib_qpn_is_own(&own, qpn, at) ==
				      twin_is_own(&twin, qpn, at),
				      "change %u, QPN %u, time %llu",
				      twin.count, qpn, at);
	}
}

UNIT_MAIN(
	CASE(a_queue_without_a_qp_has_sent_nothing),
	CASE(what_the_qp_sends_is_our_own),
	CASE(what_the_qp_before_sent_is_our_own_for_a_while),
	CASE(what_a_qp_sent_that_has_gone_is_our_own_for_a_while),
	CASE(any_changes_are_as_the_twin_has_them),
)
