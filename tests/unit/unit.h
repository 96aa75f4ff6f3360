/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every test here needs: cmocka, random numbers from a seed that is
 * printed, heap copies of an exact size, and a main function that can run one
 * case alone.
 */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <linux/bits.h>
#include <linux/types.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* For checks in loops: the message says at which turn it was. */
#define check(cond, ...) do {			\
	if (!(cond))				\
		fail_msg(__VA_ARGS__);		\
} while (0)

#define CASE(name)	cmocka_unit_test(name)

/* The main function: "test_x" runs all cases, "test_x PATTERN" some. */
#define UNIT_MAIN(...)						\
	int main(int argc, char **argv)				\
	{							\
		const struct CMUnitTest cases[] = { __VA_ARGS__ };	\
								\
		if (argc > 1)					\
			cmocka_set_test_filter(argv[1]);	\
		return cmocka_run_group_tests(cases, NULL, NULL);	\
	}

u64 unit_seed(void);
u32 unit_random(void);
u64 unit_random64(void);
u32 unit_below(u32 limit);
bool unit_once_in(u32 times);
void unit_random_bytes(void *p, size_t len);
void *unit_exact(const void *p, size_t len);
u64 unit_bits(const u8 *p, unsigned int at, unsigned int width);
unsigned int unit_count_lines(const char *file, const char *start);

#endif
