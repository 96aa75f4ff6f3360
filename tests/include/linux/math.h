/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Of the kernel's <linux/math.h>, what core/ uses.
 */
#ifndef TESTS_LINUX_MATH_H
#define TESTS_LINUX_MATH_H

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))

#endif
