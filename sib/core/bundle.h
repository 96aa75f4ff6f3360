/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Bundles: several packets of one sender to one receiver in one frame of a
 * cable, each with all of its headers, one behind the other. Ours, not IBTA's;
 * see docs/fabric.md.
 */
#ifndef SIB_CORE_BUNDLE_H
#define SIB_CORE_BUNDLE_H

#include <linux/types.h>

#include "sib/core/hdr.h"

/* Octets of a bundle: with what an skb has besides, eight pages. */
#define SIB_BUNDLE_MAX		30000
/* Packets of a bundle. */
#define SIB_BUNDLE_PACKETS	32

u16 sib_bundle_parse(struct sib_hdr *hdr, const u8 *p, size_t len);

#endif
