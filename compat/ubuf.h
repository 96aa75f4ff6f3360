/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * struct ubuf_info: 6.1 has the callback in the structure, later kernels
 * behind a table of operations. COMPAT_UBUF_OPS is probed at build time.
 */
#ifndef COMPAT_UBUF_H
#define COMPAT_UBUF_H

#include <linux/skbuff.h>

#ifdef COMPAT_UBUF_OPS

#define COMPAT_UBUF_DEFINE(name, fn)					\
	static const struct ubuf_info_ops name = { .complete = fn }

#define compat_ubuf_set(ubuf, name)	((ubuf)->ops = &(name))
#define compat_ubuf_is(ubuf, name)	((ubuf)->ops == &(name))

#else

#define COMPAT_UBUF_DEFINE(name, fn)					\
	static void (* const name)(struct sk_buff *,			\
				   struct ubuf_info *, bool) = fn

#define compat_ubuf_set(ubuf, name)	((ubuf)->callback = (name))
#define compat_ubuf_is(ubuf, name)	((ubuf)->callback == (name))

#endif

#endif
