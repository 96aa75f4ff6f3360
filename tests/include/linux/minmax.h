/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Of the kernel's <linux/minmax.h>, what core/ uses. As there, each argument
 * is evaluated once, and min() and max() want two of the same type.
 */
#ifndef TESTS_LINUX_MINMAX_H
#define TESTS_LINUX_MINMAX_H

#define TESTS_PICK(type, x, op, y) ({	\
	type pick_x = (x);		\
	type pick_y = (y);		\
	pick_x op pick_y ? pick_x : pick_y; })

#define TESTS_PICK_SAME(x, op, y) ({				\
	(void)(&(__typeof__(x)){0} == &(__typeof__(y)){0});	\
	TESTS_PICK(__typeof__(x), x, op, y); })

#define min(x, y)		TESTS_PICK_SAME(x, <, y)
#define max(x, y)		TESTS_PICK_SAME(x, >, y)
#define min_t(type, x, y)	TESTS_PICK(type, x, <, y)
#define max_t(type, x, y)	TESTS_PICK(type, x, >, y)

#endif
