// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The MTUs of a link while groups are joined, the mode changes and the
 * administrator has wishes. Input: the port's IB MTU, the most of connections,
 * then steps: a group's IB MTU, a wish, the other mode.
 *
 * In datagram mode the effective MTU is what IP and the port can both do and
 * never more than the group allows, in connected mode never more than
 * connections carry; what is refused changes nothing.
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
	     a->admin == b->admin && a->conn == b->conn &&
	     a->conn_max == b->conn_max && a->connected == b->connected);
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
	if (mtu->connected) {
		must(ipoib_mtu_effective(mtu) == before);
		return;
	}
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
	bool good = was.connected ? wanted <= was.conn_max :
				    wanted >= 72 && wanted <= was.link;

	must(err == (good ? 0 : -EINVAL));
	if (err)
		return check_unchanged(mtu, &was);
	must(mtu->link == was.link && mtu->group == was.group);
	must(!was.connected || mtu->admin == was.admin);
	must(ipoib_mtu_effective(mtu) ==
	     (was.connected || wanted < was.group ? wanted : was.group));
}

/* All that connections can; back, as much of it as the group allows. */
static void switches(struct ipoib_mtu *mtu)
{
	bool connected = !mtu->connected;
	unsigned int before = ipoib_mtu_effective(mtu);
	unsigned int want = before < mtu->group ? before : mtu->group;

	ipoib_mtu_switch(mtu, connected);
	must(mtu->connected == connected);
	if (connected)
		must(ipoib_mtu_effective(mtu) == mtu->conn_max);
	else
		must(ipoib_mtu_effective(mtu) == (want < 72 ? 72 : want));
}

static void check_range(const struct ipoib_mtu *mtu)
{
	unsigned int now = ipoib_mtu_effective(mtu);

	if (mtu->connected)
		must(now <= mtu->conn_max);
	else
		must(now >= 72 && now <= mtu->link && now <= mtu->group);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct ipoib_mtu mtu;

	ipoib_mtu_init(&mtu, octets(1 + feed_below(&f, 5)));
	must(ipoib_mtu_effective(&mtu) == mtu.link && !mtu.connected);
	mtu.conn_max = feed_u16(&f);
	while (f.left) {
		u8 how = feed_u8(&f);

		if (how == 0xff)
			switches(&mtu);
		else if (how & 1)
			joins(&mtu, how & 2 ? how >> 2 & 7 : feed_u32(&f));
		else
			asks(&mtu, how & 2 ? feed_u32(&f) : feed_u16(&f));
		check_range(&mtu);
	}
	return 0;
}
