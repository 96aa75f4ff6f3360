/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * static_assert() as the kernel has it: the message may be left out.
 */
#ifndef TESTS_LINUX_BUILD_BUG_H
#define TESTS_LINUX_BUILD_BUG_H

#undef static_assert
#define static_assert(expr, ...) \
	static_assert_with(expr, ##__VA_ARGS__, #expr)
#define static_assert_with(expr, text, ...)	_Static_assert(expr, text)

#endif
