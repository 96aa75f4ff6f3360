// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * A frame of a cable: the shim, and the link message or the bundle behind it.
 * Input: a number of octets for sib_mtu_code(), the frame.
 *
 * What is read is written again as the same octets, reserved ones aside, and
 * what stands behind the frame's own length is not looked at.
 */
#include "fuzz.h"

#include "sib/core/bundle.h"
#include "sib/core/shim.h"

static bool shim_is_good(const u8 *p, size_t avail)
{
	return avail >= 8 && p[0] >> 4 == 1 && (p[0] & 15) <= 2 &&
	       fuzz_bits(p, 16, 16) + 8 <= avail;
}

static bool hello_is_good(const u8 *p, size_t avail)
{
	return avail >= 40 && (p[0] == 1 || p[0] == 2) &&
	       p[2] >= 1 && p[2] <= 5 && fuzz_bits(p, 32, 32);
}

static void check_hello_fields(const struct sib_hello *h, const u8 *p)
{
	must(h->type == p[0] && h->flags == p[1] && h->mtu_cap == p[2]);
	must(h->port == p[3] && h->width == p[12] && h->speed == p[13]);
	must(h->cable_mtu == fuzz_bits(p, 112, 16));
	must(h->session == fuzz_bits(p, 32, 32));
	must(h->echo == fuzz_bits(p, 64, 32));
	must(h->kernel == fuzz_bits(p, 128, 64));
	must(h->guid == fuzz_bits(p, 192, 64));
}

static void check_hello(const u8 *octets, size_t len)
{
	u8 *p = fuzz_exact(octets, len), *built;
	struct sib_hello h;
	bool good = sib_hello_parse(&h, p, len);

	must(good == hello_is_good(p, len));
	if (good) {
		check_hello_fields(&h, p);
		built = malloc(SIB_HELLO_LEN);
		must(built);
		memset(built, 0x5a, SIB_HELLO_LEN);
		sib_hello_build(&h, built);
		memset(p + 32, 0, 8);
		must(!memcmp(built, p, SIB_HELLO_LEN));
		free(built);
	}
	free(p);
}

/* Packet by packet, with the same LIDs, up to the last octet. */
static void check_bundle(const u8 *octets, size_t len)
{
	u8 *p = fuzz_exact(octets, len);
	struct sib_hdr all, one;
	u16 count = sib_bundle_parse(&all, p, len), longest = 0, n;
	size_t at = 0;

	must(count <= SIB_BUNDLE_PACKETS);
	for (n = 0; n < count; n++) {
		must(!sib_lrh_parse(&one, p + at, len - at));
		must(one.dlid == all.dlid && one.slid == all.slid);
		must(one.vl == all.vl && one.sl == all.sl);
		if (one.len > longest)
			longest = one.len;
		at += one.len;
	}
	if (count)
		must(at == len && longest == all.len && all.vl != 15 &&
		     all.dlid && all.dlid < 0xc000);
	free(p);
}

static void check_frame(const u8 *p, size_t len)
{
	struct sib_shim shim;
	bool good = sib_shim_parse(&shim, p, len);
	u8 built[SIB_SHIM_LEN];

	must(good == shim_is_good(p, len));
	if (!good)
		return;
	must(SIB_SHIM_LEN + shim.len <= len);
	must(shim.kind == (p[0] & 15));
	must(shim.hops == fuzz_bits(p, 8, 6) && shim.flags == (p[1] & 3));
	must(shim.session == fuzz_bits(p, 32, 32));
	sib_shim_build(&shim, built);
	must(!memcmp(built, p, SIB_SHIM_LEN));
	if (shim.kind == SIB_SHIM_LINK)
		check_hello(p + SIB_SHIM_LEN, shim.len);
	if (shim.kind == SIB_SHIM_BUNDLE)
		check_bundle(p + SIB_SHIM_LEN, shim.len);
}

/* The greatest IB MTU that fits with everything around it. */
static void check_mtu(unsigned int mtu)
{
	u8 code = sib_mtu_code(mtu);

	must(code <= 5);
	if (code)
		must((128U << code) + SIB_CABLE_OVERHEAD <= mtu);
	if (code < 5)
		must((256U << code) + SIB_CABLE_OVERHEAD > mtu);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	u8 *p;

	check_mtu(feed_u16(&f));
	size = f.left;
	p = feed_exact(&f, size);
	check_frame(p, size);
	free(p);
	return 0;
}
