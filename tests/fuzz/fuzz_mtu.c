// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The MTUs of a link while groups are joined and the administrator has wishes.
 * Input: the port's IB MTU, then steps: a group's IB MTU, or a wish.
 *
 * The effective MTU is what IP and the port can both do and never more than
 * the group allows; what is refused changes nothing.
 */
#include "fuzz.h"

#include <errno.h>

#include "ipoib/core/mtu.h"

static unsigned int octets(unsigned int code)
{
	return code >= 1 && code <= 5 ? (128U << code) - 4 : 0;
}

static void check_unchanged(const struct ipoib_mtu *a,
			    const struct ipoib_mtu *b)
{
	must(a->link == b->link && a->group == b->group &&
	     a->admin == b->admin);
}

static void joins(struct ipoib_mtu *mtu, unsigned int code)
{
	struct ipoib_mtu was = *mtu;
	unsigned int before = ipoib_mtu_effective(mtu);
	int err = ipoib_mtu_joined(mtu, code);

	must(ipoib_mtu_of_code(code) == octets(code));
	must(err == (octets(code) && octets(code) <= was.link ? 0 : -EINVAL));
	if (err)
		return check_unchanged(mtu, &was);
	must(mtu->group == octets(code));
	must(ipoib_mtu_effective(mtu) <= octets(code));
	/* All of the group before, all of it now; else as asked for. */
	if (was.admin == was.group)
		must(ipoib_mtu_effective(mtu) == octets(code));
	else if (octets(code) >= before && was.admin <= was.group)
		must(ipoib_mtu_effective(mtu) == before);
}

static void asks(struct ipoib_mtu *mtu, unsigned int wanted)
{
	struct ipoib_mtu was = *mtu;
	int err = ipoib_mtu_ask(mtu, wanted);

	must(err == (wanted >= 72 && wanted <= was.link ? 0 : -EINVAL));
	if (err)
		return check_unchanged(mtu, &was);
	must(mtu->link == was.link && mtu->group == was.group);
	must(ipoib_mtu_effective(mtu) ==
	     (wanted < was.group ? wanted : was.group));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct ipoib_mtu mtu;

	ipoib_mtu_init(&mtu, octets(1 + feed_below(&f, 5)));
	must(ipoib_mtu_effective(&mtu) == mtu.link);
	while (f.left) {
		u8 how = feed_u8(&f);

		if (how & 1)
			joins(&mtu, how & 2 ? how >> 2 & 7 : feed_u32(&f));
		else
			asks(&mtu, how & 2 ? feed_u32(&f) : feed_u16(&f));
		must(ipoib_mtu_effective(&mtu) >= 72);
		must(ipoib_mtu_effective(&mtu) <= mtu.link);
	}
	return 0;
}
