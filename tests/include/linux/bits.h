/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Of the kernel's <linux/bits.h>, what core/ uses.
 */
#ifndef TESTS_LINUX_BITS_H
#define TESTS_LINUX_BITS_H

#define BIT(n)		(1UL << (n))
#define BIT_ULL(n)	(1ULL << (n))

#endif
