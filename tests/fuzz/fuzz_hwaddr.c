// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Questions about hardware addresses, and changes of them. Input: two
 * addresses, a QPN, a P_Key.
 */
#include "fuzz.h"

#include <errno.h>

#include "ipoib/core/hwaddr.h"

/* Octets of an address besides [from, to) are as they were. */
static void check_rest(const u8 *was, const u8 *now, unsigned int from,
		       unsigned int to)
{
	must(!memcmp(was, now, from));
	must(!memcmp(was + to, now + to, IPOIB_ALEN - to));
}

static void check_qpn(const u8 *was, u32 qpn)
{
	u8 *hw = fuzz_exact(was, IPOIB_ALEN);

	ipoib_hw_set_qpn(hw, qpn);
	must(ipoib_hw_qpn(hw) == (qpn & 0xffffff));
	must(fuzz_bits(hw, 8, 24) == (qpn & 0xffffff));
	check_rest(was, hw, 1, 4);
	free(hw);
}

static void check_pkey(const u8 *was, u16 pkey)
{
	u8 *hw = fuzz_exact(was, IPOIB_ALEN);

	ipoib_hw_set_mcast_pkey(hw, pkey);
	must(ipoib_hw_mcast_pkey(hw) == (pkey | 0x8000));
	must(fuzz_bits(hw, 64, 16) == (pkey | 0x8000));
	check_rest(was, hw, 8, 10);
	free(hw);
}

static void check_broadcast(u16 pkey)
{
	static const u8 head[] = { 0, 255, 255, 255, 255, 0x12, 0x40, 0x1b };
	u8 *hw = malloc(IPOIB_ALEN);

	must(hw);
	ipoib_hw_broadcast(hw, pkey);
	must(!memcmp(hw, head, sizeof(head)));
	must(fuzz_bits(hw, 64, 16) == (pkey | 0x8000));
	must(fuzz_is_zero(hw + 10, 6) && fuzz_bits(hw, 128, 32) == 0xffffffff);
	must(ipoib_hw_is_mcast(hw) && ipoib_hw_qpn(hw) == 0xffffff);
	must(ipoib_hw_joinable(hw, hw));
	free(hw);
}

/* The link's QPN, scope and flags, and the signature of IPv4 or IPv6. */
static bool is_joinable(const u8 *hw, const u8 *broadcast)
{
	bool signature = hw[7] == 0x1b && (hw[6] == 0x40 || hw[6] == 0x60);
	unsigned int i;

	for (i = 0; i < 6; i++)
		if (hw[i] != broadcast[i])
			return false;
	return signature;
}

static void check_change(const u8 *now, const u8 *wanted)
{
	bool good = !memcmp(now, wanted, 12) && !fuzz_is_zero(wanted + 12, 8);

	must(ipoib_hw_check_change(now, wanted) == (good ? 0 : -EINVAL));
}

/* Only IP has groups, and only those of the link's scope are ours. */
static void check_group(const u8 *hw, const u8 *broadcast, u16 type,
			struct feed *f)
{
	u32 len = f->left;
	u8 *ip = feed_exact(f, len);
	bool v4 = type == 0x0800;

	if (ipoib_hw_is_group_of(hw, broadcast, type, ip, len)) {
		must(is_joinable(hw, broadcast));
		must(v4 || type == 0x86dd);
		must(hw[6] == (v4 ? 0x40 : 0x60));
		must(len >= (v4 ? 20 : 40));
		must(v4 ? ip[16] >> 4 == 14 : ip[24] == 0xff);
		must(!memcmp(hw + 17, ip + (v4 ? 17 : 37), 3));
	}
	free(ip);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	u8 *a = feed_exact(&f, IPOIB_ALEN), *b = feed_exact(&f, IPOIB_ALEN);
	u32 qpn = feed_u32(&f);
	u16 pkey = feed_u16(&f);
	struct feed rest = f;

	check_qpn(a, qpn);
	check_pkey(a, pkey);
	check_broadcast(pkey);
	must(ipoib_hw_is_mcast(a) == (a[4] == 0xff));
	must(ipoib_hw_gid(a) == a + 4);
	must(ipoib_hw_joinable(a, b) == is_joinable(a, b));
	check_change(a, b);
	check_group(a, b, pkey, &f);
	memcpy(b, a, 6);
	check_group(a, b, qpn & 1 ? 0x0800 : 0x86dd, &rest);
	free(a);
	free(b);
	return 0;
}
