/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * get_unaligned_be16() and its kin: 6.12 moved the header from asm/ to linux/.
 * COMPAT_ASM_UNALIGNED is probed at build time.
 */
#ifndef COMPAT_UNALIGNED_H
#define COMPAT_UNALIGNED_H

#ifdef COMPAT_ASM_UNALIGNED
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

#endif
