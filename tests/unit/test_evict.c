// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Who has to go when there are too many destinations.
 */
#include "unit.h"

#include "ipoib/core/evict.h"

#define MANY	2000

/* Draw the line through so many of random classes; how many go. */
static u32 evict(unsigned int *class, u32 count, u32 excess, bool *goes)
{
	struct ipoib_evict e = {};
	u32 i, gone = 0;

	for (i = 0; i < count; i++)
		e.count[class[i]]++;
	ipoib_evict_choose(&e, excess);
	for (i = 0; i < count; i++) {
		goes[i] = ipoib_evict_goes(&e, class[i]);
		gone += goes[i];
	}
	return gone;
}

static void random_classes(unsigned int *class, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		class[i] = ipoib_evict_class(unit_below(IPOIB_EVICT_KINDS),
					     unit_below(100));
}

static void as_many_go_as_must(void **context)
{
	unsigned int class[MANY];
	bool goes[MANY];
	u32 excess;
	int i;

	for (i = 0; i < 200; i++) {
		random_classes(class, MANY);
		excess = unit_below(MANY + 1);
		check(evict(class, MANY, excess, goes) == excess,
		      "excess %u", excess);
	}
}

static void nobody_goes_before_a_worse_one(void **context)
{
	unsigned int class[MANY], stays = IPOIB_EVICT_CLASSES, i;
	bool goes[MANY];

	random_classes(class, MANY);
	evict(class, MANY, MANY / 3, goes);
	stays = 0;
	for (i = 0; i < MANY; i++)
		if (!goes[i] && class[i] > stays)
			stays = class[i];
	for (i = 0; i < MANY; i++)
		check(!goes[i] || class[i] >= stays, "%u", i);
}

static void no_more_go_than_there_are(void **context)
{
	unsigned int class[10];
	bool goes[10];

	random_classes(class, 10);
	assert_int_equal(evict(class, 10, 1000000, goes), 10);
	assert_int_equal(evict(class, 0, 5, goes), 0);
	assert_int_equal(evict(class, 10, 0, goes), 0);
}

static void what_leads_nowhere_goes_first(void **context)
{
	assert_true(ipoib_evict_class(IPOIB_EVICT_UNKNOWN, 0) >
		    ipoib_evict_class(IPOIB_EVICT_ASKED, ~0U));
	assert_true(ipoib_evict_class(IPOIB_EVICT_ASKED, 0) >
		    ipoib_evict_class(IPOIB_EVICT_KNOWN, ~0U));
}

static void the_longer_unused_the_sooner(void **context)
{
	u32 idle;

	for (idle = 1; idle < IPOIB_EVICT_AGES; idle++)
		assert_int_equal(ipoib_evict_class(IPOIB_EVICT_KNOWN, idle),
				 ipoib_evict_class(IPOIB_EVICT_KNOWN,
						   idle - 1) + 1);
	assert_true(ipoib_evict_class(IPOIB_EVICT_UNKNOWN, ~0U) <
		    IPOIB_EVICT_CLASSES);
}

UNIT_MAIN(
	CASE(as_many_go_as_must),
	CASE(nobody_goes_before_a_worse_one),
	CASE(no_more_go_than_there_are),
	CASE(what_leads_nowhere_goes_first),
	CASE(the_longer_unused_the_sooner),
)
