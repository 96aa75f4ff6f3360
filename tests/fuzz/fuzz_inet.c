// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * What an HCA makes of IP: checksums, and TCP that it cuts.
 * Input: octets of data and of a segment for the cutting, then a payload from
 * its encapsulation header on.
 *
 * What is filled in is right, whatever was there; a packet that is cut has its
 * length, and what is no packet is left alone.
 */
#include "fuzz.h"

#include "sib/core/inet.h"
#include "sib/core/lso.h"

static u16 sum(const u8 *p, size_t len)
{
	u64 total = 0;
	size_t i;

	for (i = 0; i < len; i++)
		total += i % 2 ? p[i] : p[i] << 8;
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return total;
}

static void check_sums(const u8 *octets, size_t len)
{
	u8 *p = fuzz_exact(octets, len);
	struct sib_inet inet, again;

	if (sib_inet_parse(&inet, p, len, len)) {
		must(inet.l4 > inet.l3 && inet.end <= len);
		must(inet.field + 2 <= inet.end && inet.field > inet.l4);
		sib_inet_fill(&inet, p, sum(p + inet.l4, inet.end - inet.l4));
		must(sib_inet_parse(&again, p, len, len));
		must(sib_inet_is_right(&inet, p, sum(p + inet.l4,
						     inet.end - inet.l4)));
	}
	free(p);
}

/* Its headers say how long it is. */
static void check_segment(const u8 *p, const struct sib_lso *lso, u32 data)
{
	if (p[4] >> 4 == 6)
		must(fuzz_bits(p, 64, 16) == lso->hlen - 44 + data);
	else
		must(fuzz_bits(p, 48, 16) == lso->hlen - 4 + data);
}

static void check_cutting(const u8 *octets, size_t len, u16 data, u16 mss)
{
	struct sib_lso lso = { .hlen = len, .mss = mss };
	u8 to[SIB_LSO_HEAD];
	u32 offset;
	u8 *head;

	if (len > SIB_LSO_HEAD)
		return;
	head = fuzz_exact(octets, len);
	if (sib_lso_is_good(&lso, head)) {
		must(mss && len >= 44);
		for (offset = 0; offset < data; offset += mss) {
			u32 left = data - offset;

			sib_lso_head(&lso, head, to, data, offset);
			/* What an IP header cannot say is not posted. */
			if (mss < 2048)
				check_segment(to, &lso,
					      left < mss ? left : mss);
		}
	}
	free(head);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	u16 octets = feed_u16(&f) % 20000, mss = feed_u16(&f);

	/* Few packets each time, lest it takes long. */
	if (mss < octets / 16)
		mss = octets / 16;
	check_sums(f.at, f.left);
	check_cutting(f.at, f.left, octets, mss);
	return 0;
}
