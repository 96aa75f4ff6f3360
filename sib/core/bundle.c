// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Which octets are a bundle of packets. Pure: called from any context.
 */
#include <linux/types.h>

#include "sib/core/bundle.h"

/* May it be in a bundle at all, and in one with @first? */
static bool belongs(const struct sib_hdr *first, const struct sib_hdr *hdr)
{
	return hdr->vl != SIB_VL_SM && sib_lid_is_unicast(hdr->dlid) &&
	       hdr->dlid == first->dlid && hdr->slid == first->slid &&
	       hdr->vl == first->vl && hdr->sl == first->sl;
}

/**
 * sib_bundle_parse() - look at the packets of a bundle
 * @hdr: filled with the LRH that all have; the length is that of the longest
 * @p: the bundle, from the first LRH on
 * @len: its octets
 *
 * All of them go the same way, for all have the same LIDs and lane.
 *
 * Context: Any.
 * Return: how many packets there are; 0 if this is no bundle.
 */
u16 sib_bundle_parse(struct sib_hdr *hdr, const u8 *p, size_t len)
{
	struct sib_hdr next;
	u16 count = 0;

	while (len && count < SIB_BUNDLE_PACKETS) {
		if (sib_lrh_parse(&next, p, len))
			return 0;
		if (!count)
			*hdr = next;
		if (!belongs(hdr, &next))
			return 0;
		if (next.len > hdr->len)
			hdr->len = next.len;
		p += next.len;
		len -= next.len;
		count++;
	}
	return len ? 0 : count;
}
