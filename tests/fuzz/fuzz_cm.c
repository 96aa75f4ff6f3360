// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Decisions of connected mode about what peers say and packets are. Input: a
 * QPN and a Receive MTU to tell; flags octets of two addresses; pages, octets
 * of a page, failures; an EtherType; private data behind its length; a packet.
 *
 * What we tell is understood as it was meant; what a peer tells is read within
 * its length, and never makes us send more than the largest message; both ends
 * choose the same transport; of a packet only what is there is read, and it is
 * address resolution if the rules say so, written down once more.
 */
#include "fuzz.h"

#include "ipoib/core/cm.h"

static void check_told(u32 qpn, u32 mtu)
{
	struct ipoib_cm_private priv;
	u8 *data = malloc(8);

	must(data);
	ipoib_cm_put_private(data, qpn, mtu);
	must(data[0] == 0 && fuzz_bits(data, 8, 24) == (qpn & 0xffffff));
	must(fuzz_bits(data, 32, 32) == mtu);
	must(ipoib_cm_get_private(data, 8, &priv) == (mtu >= 1284));
	if (mtu >= 1284)
		must(priv.qpn == (qpn & 0xffffff) &&
		     priv.mtu == (mtu < 65524 ? mtu : 65524));
	free(data);
}

static void check_heard(struct feed *f)
{
	u32 len = feed_u8(f);
	u8 *data = feed_exact(f, len);
	struct ipoib_cm_private priv;
	bool good = ipoib_cm_get_private(data, len, &priv);

	must(good == (len >= 8 && fuzz_bits(data, 32, 32) >= 1284));
	if (good)
		must(priv.qpn == fuzz_bits(data, 8, 24) && priv.mtu >= 1284 &&
		     priv.mtu <= 65524 && priv.mtu <= fuzz_bits(data, 32, 32));
	must(!ipoib_cm_get_private(NULL, len, &priv));
	free(data);
}

static void check_service_id(u32 qpn)
{
	u64 usual = ipoib_cm_service_id(IPOIB_CM_SERVICE_USUAL, qpn);
	u64 rfc = ipoib_cm_service_id(IPOIB_CM_SERVICE_RFC, qpn);

	must(usual >> 56 == 0x10 && rfc >> 56 == 0x01);
	must(usual << 8 >> 8 == (qpn & 0xffffff));
	must(rfc << 8 >> 8 == (qpn & 0xffffff));
}

static void check_via(u8 own, u8 peer)
{
	enum ipoib_cm_via via = ipoib_cm_via(own, peer);

	must(via == ipoib_cm_via(peer, own));
	must(via == ipoib_cm_via(own & 0xc0, peer & 0xc0));
	must((via == IPOIB_VIA_UC) == (own >> 6 & peer >> 6 & 1));
	must((via == IPOIB_VIA_UD) == !(own & peer & 0xc0));
}

static void check_numbers(u32 sges, u32 page, u32 failures)
{
	unsigned int mtu = ipoib_cm_mtu_max(sges, page);
	u32 ms = ipoib_cm_retry_ms(failures);

	must(mtu <= 65520 && (!mtu || mtu >= 2 * 4096 - 16));
	must(!mtu || (u64)mtu + 16 <= (u64)sges * page);
	must(ms >= 100 && ms <= 64000);
	must(failures == ~0U || ms <= ipoib_cm_retry_ms(failures + 1));
}

static void check_resolves(u16 type, struct feed *f)
{
	u32 len = f->left;
	u8 *ip = feed_exact(f, len);
	bool nd = type == 0x86dd && len >= 41 && ip[6] == 58 &&
		  ip[40] - 133U <= 4;

	must(ipoib_cm_resolves(type, ip, len) ==
	     (type == 0x0806 || type == 0x8035 || nd));
	free(ip);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	u32 qpn = feed_u32(&f), mtu = feed_u32(&f);
	u8 own = feed_u8(&f), peer = feed_u8(&f);
	u32 sges = feed_u32(&f), page = feed_u32(&f), failures = feed_u32(&f);
	u16 type = feed_u16(&f);

	check_told(qpn, mtu);
	check_service_id(qpn);
	check_via(own, peer);
	check_numbers(sges, page, failures);
	check_heard(&f);
	check_resolves(type, &f);
	return 0;
}
