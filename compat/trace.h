/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Trace events: the assignment of a string lost its second argument, for the
 * declaration of the string has it already. Probed at build time.
 */
#ifndef COMPAT_TRACE_H
#define COMPAT_TRACE_H

#ifdef COMPAT_ASSIGN_STR_ONE
#define compat_assign_str(dst, src)	__assign_str(dst)
#else
#define compat_assign_str(dst, src)	__assign_str(dst, src)
#endif

#endif
