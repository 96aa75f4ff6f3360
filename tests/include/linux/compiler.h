/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Of the kernel's <linux/compiler.h>, what core/ uses.
 */
#ifndef TESTS_LINUX_COMPILER_H
#define TESTS_LINUX_COMPILER_H

#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) \
	(*(volatile __typeof__(x) *)&(x) = (value))

#ifndef __packed
#define __packed	__attribute__((__packed__))
#endif

#endif
