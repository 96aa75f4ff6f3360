/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files on multicast groups and paths in debugfs.
 */
#ifndef IPOIB_DEBUGFS_H
#define IPOIB_DEBUGFS_H

#ifdef IPOIB_WITH_DEBUG

int ipoib_debugfs_start(void);
void ipoib_debugfs_stop(void);

#else

static inline int ipoib_debugfs_start(void)
{
	return 0;
}

static inline void ipoib_debugfs_stop(void)
{
}

#endif

#endif
