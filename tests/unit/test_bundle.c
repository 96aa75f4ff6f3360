// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Bundles: which octets are several packets that go the same way.
 */
#include "unit.h"

#include "sib/core/bundle.h"

/* What the LRHs of a bundle have in common, and one that differs. */
struct lrh {
	u8 vl;
	u8 sl;
	u16 dlid;
	u16 slid;
};

static const struct lrh usual = { .vl = 0, .sl = 3, .dlid = 4, .slid = 9 };

static u8 *put(u8 *p, const struct lrh *lrh, u16 len)
{
	memset(p, 0, len);
	p[0] = lrh->vl << 4;
	p[1] = lrh->sl << 4 | SIB_LNH_BTH;
	p[2] = lrh->dlid >> 8;
	p[3] = lrh->dlid;
	p[4] = len / 4 >> 8;
	p[5] = len / 4;
	p[6] = lrh->slid >> 8;
	p[7] = lrh->slid;
	return p + len;
}

static u16 parse(struct sib_hdr *hdr, const u8 *p, size_t len)
{
	u8 *exact = unit_exact(p, len);
	u16 count = sib_bundle_parse(hdr, exact, len);

	free(exact);
	return count;
}

static void packets_are_counted_and_the_longest_is_found(void **context)
{
	struct sib_hdr hdr;
	u8 p[256], *end;

	end = put(p, &usual, 32);
	assert_int_equal(parse(&hdr, p, end - p), 1);
	end = put(end, &usual, 64);
	end = put(end, &usual, 28);
	assert_int_equal(parse(&hdr, p, end - p), 3);
	assert_int_equal(hdr.len, 64);
	assert_int_equal(hdr.dlid, 4);
	assert_int_equal(hdr.slid, 9);
	assert_int_equal(hdr.sl, 3);
}

static void nothing_is_no_bundle(void **context)
{
	struct sib_hdr hdr;

	assert_int_equal(parse(&hdr, (const u8 *)"", 0), 0);
}

static void no_octet_may_be_missing_or_left(void **context)
{
	struct sib_hdr hdr;
	u8 p[256], *end;
	size_t len;

	end = put(put(p, &usual, 32), &usual, 64);
	memset(end, 0, 64);
	for (len = 0; len < 160; len++)
		if (len != 32 && len != 96)
			assert_int_equal(parse(&hdr, p, len), 0);
}

static void all_go_the_same_way(void **context)
{
	static const struct lrh others[] = {
		{ .vl = 1, .sl = 3, .dlid = 4, .slid = 9 },
		{ .vl = 0, .sl = 2, .dlid = 4, .slid = 9 },
		{ .vl = 0, .sl = 3, .dlid = 5, .slid = 9 },
		{ .vl = 0, .sl = 3, .dlid = 4, .slid = 8 },
	};
	struct sib_hdr hdr;
	u8 p[256], *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(others); i++) {
		end = put(put(p, &usual, 32), &others[i], 32);
		assert_int_equal(parse(&hdr, p, end - p), 0);
	}
}

static void only_unicasts_of_data_are_bundled(void **context)
{
	static const struct lrh strange[] = {
		{ .vl = SIB_VL_SM, .dlid = 4, .slid = 9 },
		{ .dlid = 0, .slid = 9 },
		{ .dlid = SIB_LID_MCAST_BASE, .slid = 9 },
		{ .dlid = SIB_LID_PERMISSIVE, .slid = 9 },
	};
	struct sib_hdr hdr;
	u8 p[256], *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(strange); i++) {
		end = put(put(p, &strange[i], 32), &strange[i], 32);
		assert_int_equal(parse(&hdr, p, end - p), 0);
	}
}

static void there_is_a_limit(void **context)
{
	u8 p[(SIB_BUNDLE_PACKETS + 1) * 24], *end = p;
	struct sib_hdr hdr;
	int i;

	for (i = 0; i < SIB_BUNDLE_PACKETS; i++)
		end = put(end, &usual, 24);
	assert_int_equal(parse(&hdr, p, end - p), SIB_BUNDLE_PACKETS);
	end = put(end, &usual, 24);
	assert_int_equal(parse(&hdr, p, end - p), 0);
}

UNIT_MAIN(
	CASE(packets_are_counted_and_the_longest_is_found),
	CASE(nothing_is_no_bundle),
	CASE(no_octet_may_be_missing_or_left),
	CASE(all_go_the_same_way),
	CASE(only_unicasts_of_data_are_bundled),
	CASE(there_is_a_limit),
)
