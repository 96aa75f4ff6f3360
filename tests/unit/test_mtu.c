// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The three MTUs of a link in datagram mode, RFC 4391 section 7: 4 octets less
 * than the IB MTU; the lesser of what the group allows and what was asked.
 */
#include <linux/errno.h>

#include "unit.h"

#include "ipoib/core/mtu.h"

static struct ipoib_mtu link_of(unsigned int octets)
{
	struct ipoib_mtu mtu;

	ipoib_mtu_init(&mtu, octets);
	return mtu;
}

static void an_ip_mtu_is_four_octets_less(void **context)
{
	static const unsigned int expected[] = {
		0, 252, 508, 1020, 2044, 4092, 0, 0,
	};
	unsigned int code;

	for (code = 0; code < ARRAY_SIZE(expected); code++)
		assert_int_equal(ipoib_mtu_of_code(code), expected[code]);
	assert_int_equal(ipoib_mtu_of_code(32), 0);
	assert_int_equal(ipoib_mtu_of_code(0x84), 0);
	assert_int_equal(ipoib_mtu_of_code(~0U), 0);
}

static void before_a_join_the_port_sets_the_mtu(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	assert_int_equal(ipoib_mtu_effective(&mtu), 4092);
}

static void the_group_lowers_the_mtu(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	assert_int_equal(ipoib_mtu_joined(&mtu, 4), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 2044);
}

static void from_72_to_the_link_may_be_asked(void **context)
{
	struct ipoib_mtu mtu;
	unsigned int wanted;

	for (wanted = 0; wanted < 5000; wanted++) {
		mtu = link_of(4092);
		check((ipoib_mtu_ask(&mtu, wanted) == 0) ==
		      (wanted >= 72 && wanted <= 4092), "%u octets", wanted);
	}
	assert_int_equal(ipoib_mtu_ask(&mtu, ~0U), -EINVAL);
}

static void what_is_refused_changes_nothing(void **context)
{
	struct ipoib_mtu mtu = link_of(2044), before = mtu;

	assert_int_equal(ipoib_mtu_ask(&mtu, 71), -EINVAL);
	assert_int_equal(ipoib_mtu_ask(&mtu, 2045), -EINVAL);
	assert_int_equal(ipoib_mtu_joined(&mtu, 5), -EINVAL);
	assert_int_equal(ipoib_mtu_joined(&mtu, 0), -EINVAL);
	assert_int_equal(ipoib_mtu_joined(&mtu, 6), -EINVAL);
	assert_memory_equal(&mtu, &before, sizeof(mtu));
}

static void less_than_the_group_holds_at_once(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	ipoib_mtu_joined(&mtu, 4);
	assert_int_equal(ipoib_mtu_ask(&mtu, 1500), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1500);
}

static void more_than_the_group_is_remembered(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	ipoib_mtu_joined(&mtu, 4);
	assert_int_equal(ipoib_mtu_ask(&mtu, 4000), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 2044);
	assert_int_equal(ipoib_mtu_joined(&mtu, 5), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 4000);
}

static void who_had_all_of_the_group_follows_it(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	ipoib_mtu_joined(&mtu, 4);
	assert_int_equal(ipoib_mtu_effective(&mtu), 2044);
	ipoib_mtu_joined(&mtu, 5);
	assert_int_equal(ipoib_mtu_effective(&mtu), 4092);
	ipoib_mtu_joined(&mtu, 3);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1020);
}

static void who_asked_for_less_stays_there(void **context)
{
	struct ipoib_mtu mtu = link_of(4092);

	ipoib_mtu_joined(&mtu, 4);
	ipoib_mtu_ask(&mtu, 1500);
	ipoib_mtu_joined(&mtu, 5);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1500);
	ipoib_mtu_joined(&mtu, 3);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1020);
	ipoib_mtu_joined(&mtu, 5);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1500);
}

/* The twin: the rules of the three numbers, in words. */
static void random_joins_and_wishes_follow_the_rules(void **context)
{
	static const unsigned int of_code[] = { 0, 252, 508, 1020, 2044, 4092 };
	unsigned int run, i, link, group, admin;

	unit_seed();
	for (run = 0; run < 2000; run++) {
		struct ipoib_mtu mtu;

		link = group = admin = of_code[1 + unit_below(5)];
		mtu = link_of(link);
		for (i = 0; i < 20; i++) {
			unsigned int code = unit_below(7);
			unsigned int to = code < 6 ? of_code[code] : 0;
			unsigned int wish = unit_below(4500);

			if (unit_once_in(2)) {
				if (!ipoib_mtu_joined(&mtu, code)) {
					assert_true(to && to <= link);
					admin = admin == group ? to : admin;
					group = to;
				}
			} else if (!ipoib_mtu_ask(&mtu, wish)) {
				assert_in_range(wish, 72, link);
				admin = wish;
			}
			assert_int_equal(ipoib_mtu_effective(&mtu),
					 admin < group ? admin : group);
		}
	}
}

UNIT_MAIN(
	CASE(an_ip_mtu_is_four_octets_less),
	CASE(before_a_join_the_port_sets_the_mtu),
	CASE(the_group_lowers_the_mtu),
	CASE(from_72_to_the_link_may_be_asked),
	CASE(what_is_refused_changes_nothing),
	CASE(less_than_the_group_holds_at_once),
	CASE(more_than_the_group_is_remembered),
	CASE(who_had_all_of_the_group_follows_it),
	CASE(who_asked_for_less_stays_there),
	CASE(random_joins_and_wishes_follow_the_rules),
)
