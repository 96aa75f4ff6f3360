// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The MTUs of a link. In datagram mode, RFC 4391 section 7: 4 octets less than
 * the IB MTU; the lesser of what the group allows and what was asked. In
 * connected mode, RFC 4755 section 5: what connections carry, whatever the
 * group allows.
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

/* The same, in connected mode, on an HCA that can do all of it. */
static struct ipoib_mtu connected_link_of(unsigned int octets)
{
	struct ipoib_mtu mtu = link_of(octets);

	mtu.conn_max = 65520;
	ipoib_mtu_joined(&mtu, 4);
	ipoib_mtu_switch(&mtu, true);
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

static void a_link_begins_in_datagram_mode(void **context)
{
	struct ipoib_mtu mtu;

	memset(&mtu, 0xff, sizeof(mtu));
	ipoib_mtu_init(&mtu, 4092);
	assert_false(mtu.connected);
	assert_int_equal(mtu.conn_max, 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 4092);
}

static void connected_mode_has_all_that_connections_can(void **context)
{
	static const unsigned int max[] = { 65520, 61424, 8176 };
	struct ipoib_mtu mtu = link_of(4092);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(max); i++) {
		mtu.conn_max = max[i];
		ipoib_mtu_switch(&mtu, true);
		assert_int_equal(ipoib_mtu_effective(&mtu), max[i]);
	}
}

static void connections_carry_anything_up_to_their_most(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(2044);
	unsigned int wanted;

	for (wanted = 0; wanted < 70000; wanted++) {
		unsigned int before = ipoib_mtu_effective(&mtu);
		int err = ipoib_mtu_ask(&mtu, wanted);

		check(err == (wanted > 65520 ? -EINVAL : 0), "%u octets",
		      wanted);
		check(ipoib_mtu_effective(&mtu) == (err ? before : wanted),
		      "%u octets", wanted);
	}
	assert_int_equal(ipoib_mtu_ask(&mtu, ~0U), -EINVAL);
}

static void a_wish_in_connected_mode_is_none_for_datagrams(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(4092);
	unsigned int admin = mtu.admin;

	assert_int_equal(ipoib_mtu_ask(&mtu, 9000), 0);
	assert_int_equal(mtu.admin, admin);
	assert_int_equal(ipoib_mtu_ask(&mtu, 65521), -EINVAL);
	assert_int_equal(mtu.admin, admin);
}

static void connections_do_not_mind_the_group(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(4092);

	assert_int_equal(ipoib_mtu_ask(&mtu, 30000), 0);
	assert_int_equal(ipoib_mtu_joined(&mtu, 1), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 30000);
	assert_int_equal(mtu.group, 252);
	assert_int_equal(ipoib_mtu_joined(&mtu, 6), -EINVAL);
	assert_int_equal(ipoib_mtu_effective(&mtu), 30000);
}

static void back_in_datagram_mode_the_group_has_its_say(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(4092);

	ipoib_mtu_switch(&mtu, false);
	assert_int_equal(ipoib_mtu_effective(&mtu), 2044);
	/* All of the group's, so the next group may change it. */
	assert_int_equal(ipoib_mtu_joined(&mtu, 5), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 4092);
}

static void back_in_datagram_mode_less_than_the_group_stays(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(4092);

	assert_int_equal(ipoib_mtu_ask(&mtu, 1500), 0);
	ipoib_mtu_switch(&mtu, false);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1500);
	assert_int_equal(ipoib_mtu_joined(&mtu, 5), 0);
	assert_int_equal(ipoib_mtu_effective(&mtu), 1500);
}

static void back_in_datagram_mode_there_is_a_least_again(void **context)
{
	unsigned int wanted;

	for (wanted = 0; wanted < 80; wanted++) {
		struct ipoib_mtu mtu = connected_link_of(4092);

		assert_int_equal(ipoib_mtu_ask(&mtu, wanted), 0);
		ipoib_mtu_switch(&mtu, false);
		check(ipoib_mtu_effective(&mtu) == (wanted < 72 ? 72 : wanted),
		      "%u octets", wanted);
	}
}

static void back_in_datagram_mode_its_range_holds_again(void **context)
{
	struct ipoib_mtu mtu = connected_link_of(2044);

	ipoib_mtu_switch(&mtu, false);
	assert_int_equal(ipoib_mtu_ask(&mtu, 65520), -EINVAL);
	assert_int_equal(ipoib_mtu_ask(&mtu, 2045), -EINVAL);
	assert_int_equal(ipoib_mtu_ask(&mtu, 71), -EINVAL);
	assert_int_equal(ipoib_mtu_effective(&mtu), 2044);
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
	CASE(a_link_begins_in_datagram_mode),
	CASE(connected_mode_has_all_that_connections_can),
	CASE(connections_carry_anything_up_to_their_most),
	CASE(a_wish_in_connected_mode_is_none_for_datagrams),
	CASE(connections_do_not_mind_the_group),
	CASE(back_in_datagram_mode_the_group_has_its_say),
	CASE(back_in_datagram_mode_less_than_the_group_stays),
	CASE(back_in_datagram_mode_there_is_a_least_again),
	CASE(back_in_datagram_mode_its_range_holds_again),
	CASE(random_joins_and_wishes_follow_the_rules),
)
