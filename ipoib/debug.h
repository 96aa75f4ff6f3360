/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Messages. Debug messages are compiled in with IPOIB_WITH_DEBUG and printed
 * while the module parameter debug_level or mcast_debug_level is above zero;
 * those of the data path with IPOIB_WITH_DEBUG_DATA and data_debug_level.
 */
#ifndef IPOIB_DEBUG_H
#define IPOIB_DEBUG_H

#include <linux/netdevice.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#define ipoib_print(level, ipd, fmt, ...)				\
	printk(level "%s: " fmt, (ipd)->netdev->name, ##__VA_ARGS__)

/* At most 100 in 10 seconds from each place. */
#define ipoib_warn(ipd, fmt, ...)					\
do {									\
	static DEFINE_RATELIMIT_STATE(ratelimit_, 10 * HZ, 100);	\
									\
	if (__ratelimit(&ratelimit_))					\
		ipoib_print(KERN_WARNING, ipd, fmt, ##__VA_ARGS__);	\
} while (0)

#ifdef IPOIB_WITH_DEBUG

extern int ipoib_debug_level;
extern int ipoib_mcast_debug_level;

#define ipoib_dbg_if(on, ipd, fmt, ...)					\
do {									\
	if (unlikely(READ_ONCE(on) > 0))				\
		ipoib_print(KERN_DEBUG, ipd, fmt, ##__VA_ARGS__);	\
} while (0)

#else

#define ipoib_debug_level	0
#define ipoib_mcast_debug_level	0

#define ipoib_dbg_if(on, ipd, fmt, ...)					\
do {									\
	if (0)								\
		ipoib_print(KERN_DEBUG, ipd, fmt, ##__VA_ARGS__);	\
} while (0)

#endif

#ifdef IPOIB_WITH_DEBUG_DATA

extern int ipoib_data_debug_level;
extern int ipoib_cm_data_debug_level;

#define ipoib_dbg_data_if(level, ipd, fmt, ...)				\
do {									\
	if (unlikely(READ_ONCE(level) > 0))				\
		ipoib_print(KERN_DEBUG, ipd, fmt, ##__VA_ARGS__);	\
} while (0)

#else

#define ipoib_dbg_data_if(level, ipd, fmt, ...)				\
do {									\
	if (0)								\
		ipoib_print(KERN_DEBUG, ipd, fmt, ##__VA_ARGS__);	\
} while (0)

#endif

#define ipoib_dbg(ipd, fmt, ...)					\
	ipoib_dbg_if(ipoib_debug_level, ipd, fmt, ##__VA_ARGS__)
#define ipoib_dbg_mcast(ipd, fmt, ...)					\
	ipoib_dbg_if(ipoib_mcast_debug_level, ipd, fmt, ##__VA_ARGS__)
#define ipoib_dbg_data(ipd, fmt, ...)					\
	ipoib_dbg_data_if(ipoib_data_debug_level, ipd, fmt, ##__VA_ARGS__)
#define ipoib_dbg_cm_data(ipd, fmt, ...)				\
	ipoib_dbg_data_if(ipoib_cm_data_debug_level, ipd, fmt, ##__VA_ARGS__)

#endif
