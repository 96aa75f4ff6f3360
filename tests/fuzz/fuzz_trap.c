// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Notices about whatever packet or SMP gave rise to them. Input: which, the
 * port, the packet or SMP.
 *
 * Each field stands where IBTA volume 1, section 13.4.8 has it and all else is
 * zero; of a packet and an SMP no more is read than there is.
 */
#include <asm/byteorder.h>

#include "fuzz.h"

#include "sib/core/trap.h"

/**
 * struct twin - a notice written bit by bit
 * @data: the attribute as it should be
 */
struct twin {
	u8 data[64];
};

static void put(struct twin *t, unsigned int at, unsigned int octets,
		u64 value)
{
	while (octets--) {
		t->data[at + octets] = value;
		value >>= 8;
	}
}

#define DETAILS	10

static void feed_hdr(struct feed *f, struct sib_hdr *hdr)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->slid = feed_u16(f);
	hdr->dlid = feed_u16(f);
	hdr->pkey = feed_u16(f);
	hdr->qkey = feed_u32(f);
	hdr->sl = feed_below(f, 16);
	hdr->sqpn = feed_be(f, 3);
	hdr->dqpn = feed_be(f, 3);
}

static void bad_key(struct feed *f, struct twin *t, struct sib_notice *n)
{
	bool grh = feed_u8(f) & 1, pkey = feed_u8(f) & 1;
	u8 *at = grh ? feed_exact(f, SIB_GRH_LEN) : NULL;
	u8 *gid = feed_exact(f, 16);
	struct sib_hdr hdr;

	feed_hdr(f, &hdr);
	hdr.has_grh = grh;
	hdr.grh = at;
	sib_notice_bad_key(n, pkey ? SIB_TRAP_BAD_PKEY : SIB_TRAP_BAD_QKEY,
			   &hdr, gid);
	put(t, 0, 1, 0x82);
	put(t, 4, 2, pkey ? 257 : 258);
	put(t, DETAILS + 2, 2, hdr.slid);
	put(t, DETAILS + 4, 2, hdr.dlid);
	put(t, DETAILS + 6, 4, pkey ? hdr.pkey : hdr.qkey);
	put(t, DETAILS + 10, 4, (u32)hdr.sl << 28 | hdr.sqpn);
	put(t, DETAILS + 14, 4, hdr.dqpn);
	if (at)
		memcpy(t->data + DETAILS + 18, at + 8, 16);
	memcpy(t->data + DETAILS + 34, gid, 16);
	free(at);
	free(gid);
}

static void bad_mkey(struct feed *f, struct twin *t, struct sib_notice *n)
{
	u16 lid = feed_u16(f);
	u8 *smp = feed_exact(f, SIB_MAD_LEN), hops;

	sib_notice_bad_mkey(n, lid, (void *)smp);
	put(t, 0, 1, 0x82);
	put(t, 4, 2, 256);
	put(t, DETAILS + 2, 2, lid);
	put(t, DETAILS + 6, 1, smp[3]);
	memcpy(t->data + DETAILS + 8, smp + 16, 2);
	memcpy(t->data + DETAILS + 10, smp + 20, 4);
	memcpy(t->data + DETAILS + 14, smp + 24, 8);
	if (smp[1] == 0x81) {
		hops = smp[7] < 30 ? smp[7] : 30;
		memcpy(t->data + DETAILS + 4, smp + 32, 2);
		put(t, DETAILS + 23, 1, 0x80 | hops |
					(smp[7] > 30 ? 0x40 : 0));
		memcpy(t->data + DETAILS + 24, smp + 192, hops);
	}
	free(smp);
}

static void local_change(struct feed *f, struct twin *t, struct sib_notice *n)
{
	u16 lid = feed_u16(f), changed = feed_u16(f);
	u32 caps = feed_u32(f);

	sib_notice_local_change(n, lid, caps, changed);
	put(t, 0, 1, 0x84);
	put(t, 4, 2, 144);
	put(t, DETAILS + 2, 2, lid);
	put(t, DETAILS + 5, 1, changed ? 1 : 0);
	put(t, DETAILS + 6, 4, caps);
	put(t, DETAILS + 10, 2, changed);
}

static void link_state(struct feed *f, struct twin *t, struct sib_notice *n)
{
	u16 lid = feed_u16(f);

	sib_notice_link_state(n, lid);
	put(t, 0, 1, 0x81);
	put(t, 4, 2, 128);
	put(t, DETAILS, 2, lid);
}

static void check_trap(const u8 *smp, const struct twin *t, u64 tid)
{
	must(smp[0] == 1 && smp[1] == 0x01 && smp[2] == 1 && smp[3] == 5);
	must(fuzz_is_zero(smp + 4, 4));
	must(fuzz_bits(smp, 64, 64) == tid);
	must(fuzz_bits(smp, 128, 16) == 2);
	must(fuzz_is_zero(smp + 18, 64 - 18));
	must(!memcmp(smp + 64, t->data, 64));
	must(fuzz_is_zero(smp + 128, 128));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static void (* const kinds[])(struct feed *f, struct twin *t,
				      struct sib_notice *n) = {
		bad_key, bad_mkey, local_change, link_state,
	};
	struct feed f = { data, size };
	u8 kind = feed_below(&f, ARRAY_SIZE(kinds)), type = feed_u8(&f);
	u16 lid = feed_u16(&f);
	u64 tid = feed_u64(&f);
	struct sib_smp *smp = malloc(sizeof(*smp));
	struct sib_notice n;
	struct twin t = {};

	must(smp);
	memset(&n, 0xee, sizeof(n));
	memset(smp, 0xee, sizeof(*smp));
	kinds[kind](&f, &t, &n);
	put(&t, 3, 1, type);
	put(&t, 6, 2, lid);
	sib_trap_build(smp, &n, tid, type, lid);
	check_trap((u8 *)smp, &t, tid);
	free(smp);
	return 0;
}
