/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * get_unaligned_be16() and its kin, octet by octet, so that nothing depends on
 * the machine that the tests run on.
 */
#ifndef TESTS_LINUX_UNALIGNED_H
#define TESTS_LINUX_UNALIGNED_H

#include <linux/types.h>

static inline u64 tests_get_be(const u8 *p, unsigned int octets)
{
	u64 value = 0;

	while (octets--)
		value = value << 8 | *p++;
	return value;
}

static inline void tests_put_be(u64 value, u8 *p, unsigned int octets)
{
	while (octets--) {
		p[octets] = value;
		value >>= 8;
	}
}

static inline u16 get_unaligned_be16(const void *p)
{
	return tests_get_be(p, 2);
}

static inline u32 get_unaligned_be32(const void *p)
{
	return tests_get_be(p, 4);
}

static inline u64 get_unaligned_be64(const void *p)
{
	return tests_get_be(p, 8);
}

static inline void put_unaligned_be16(u16 value, void *p)
{
	tests_put_be(value, p, 2);
}

static inline void put_unaligned_be32(u32 value, void *p)
{
	tests_put_be(value, p, 4);
}

static inline void put_unaligned_be64(u64 value, void *p)
{
	tests_put_be(value, p, 8);
}

#endif
