// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Large receive. Input: packets, each as a number of octets and its headers,
 * from the IPv4 header on; the rest of it is zero.
 *
 * A piece is as long as its packets together, and an IPv4 header can say so.
 */
#include "fuzz.h"

#include "ipoib/core/lro.h"

#define HEAD	52

static void check_finished(const struct ipoib_lro *lro, const u8 *first)
{
	u8 *ip = fuzz_exact(first, HEAD);

	ipoib_lro_finish(lro, ip);
	must(fuzz_bits(ip, 16, 16) == lro->last.hlen + lro->len);
	must(!memcmp(ip + 12, first + 12, 16));
	free(ip);
}

/* One packet: on its own, or behind those that are there. */
static void receive(struct ipoib_lro *lro, u8 *first, const u8 *octets, u16 len)
{
	struct ipoib_lro_pkt pkt;
	u32 before = lro->len;
	u8 *ip = calloc(1, len ?: 1);

	must(ip);
	memcpy(ip, octets, len < HEAD ? len : HEAD);
	if (ipoib_lro_parse(&pkt, ip, len) == IPOIB_LRO_DATA) {
		must(pkt.hlen + pkt.len == len && pkt.len);
		if (lro->count && ipoib_lro_same_flow(lro, &pkt) &&
		    ipoib_lro_add(lro, &pkt)) {
			must(lro->len == before + pkt.len);
			must(lro->mss >= pkt.len);
		} else {
			ipoib_lro_begin(lro, &pkt);
			memcpy(first, ip, HEAD < len ? HEAD : len);
		}
		must(lro->last.hlen + lro->len <= IPOIB_LRO_MAX);
		check_finished(lro, first);
	}
	free(ip);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	struct ipoib_lro lro = { .count = 0 };
	u8 first[HEAD] = { 0 }, octets[HEAD];

	while (f.left) {
		u16 len = feed_u16(&f);

		feed_bytes(&f, octets, HEAD);
		receive(&lro, first, octets, len);
	}
	return 0;
}
