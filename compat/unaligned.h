/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * get_unaligned_be16() and its kin: 6.12 moved the header from asm/ to linux/.
 */
#ifndef COMPAT_UNALIGNED_H
#define COMPAT_UNALIGNED_H

#if __has_include(<linux/unaligned.h>)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif
