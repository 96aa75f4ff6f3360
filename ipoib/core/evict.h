/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Which destinations have to go when there are too many.
 */
#ifndef IPOIB_CORE_EVICT_H
#define IPOIB_CORE_EVICT_H

#include <linux/types.h>

/**
 * enum ipoib_evict_kind - how much a destination is worth
 * @IPOIB_EVICT_KNOWN: the SA says where it is
 * @IPOIB_EVICT_ASKED: the SA has not answered yet
 * @IPOIB_EVICT_UNKNOWN: the SA does not know it
 * @IPOIB_EVICT_KINDS: how many kinds there are
 */
enum ipoib_evict_kind {
	IPOIB_EVICT_KNOWN,
	IPOIB_EVICT_ASKED,
	IPOIB_EVICT_UNKNOWN,
	IPOIB_EVICT_KINDS
};

/* Within a kind those that were used longer ago go first, by the second. */
#define IPOIB_EVICT_AGES	64
#define IPOIB_EVICT_CLASSES	(IPOIB_EVICT_KINDS * IPOIB_EVICT_AGES)

/**
 * struct ipoib_evict - those that are there, and those that have to go
 * @count: those that are there, by class
 * @last: the class that goes in part; those above go altogether
 * @of_last: how many of it are left to go
 */
struct ipoib_evict {
	u32 count[IPOIB_EVICT_CLASSES];
	unsigned int last;
	u32 of_last;
};

unsigned int ipoib_evict_class(enum ipoib_evict_kind kind, u32 idle);
void ipoib_evict_choose(struct ipoib_evict *evict, u32 excess);
bool ipoib_evict_goes(struct ipoib_evict *evict, unsigned int class);

#endif
