// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The checksums, against twins that go bit by bit through the tables of IBTA
 * volume 1, section 7.8. Input: whether there is a GRH, where the packet is
 * cut in two, the packet.
 */
#include "fuzz.h"

#include "sib/core/icrc.h"

/* Is this bit of a packet changed on its way, so that no ICRC may cover it? */
static bool is_variant(bool has_grh, unsigned int bit)
{
	unsigned int bth = has_grh ? 48 : 8, octet = bit / 8;

	if (octet == bth + 4)
		return true;
	if (!has_grh)
		return bit < 4;
	if (octet < 8 || octet == 8 + 7)
		return true;
	/* All of the GRH's first word but the version. */
	return octet >= 8 && octet < 12 && bit - 64 >= 4;
}

/* CRC-32 of Ethernet, as the kernel's crc32_le(). */
static u32 crc32_bit(u32 crc, unsigned int bit)
{
	return (crc ^ bit) & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
}

static u32 crc32_of(u32 crc, const u8 *p, size_t len)
{
	unsigned int i;

	for (; len--; p++)
		for (i = 0; i < 8; i++)
			crc = crc32_bit(crc, *p >> i & 1);
	return crc;
}

/* Least significant bit of each octet first, as both CRCs take them. */
static u32 slow_icrc(const u8 *p, size_t len, bool has_grh)
{
	u32 crc = ~0U;
	size_t octet;
	int bit;

	for (octet = 0; octet < len; octet++)
		for (bit = 7; bit >= 0; bit--)
			crc = crc32_bit(crc,
					is_variant(has_grh, octet * 8 + bit) ||
					fuzz_bits(p, octet * 8 + bit, 1));
	return ~crc;
}

/* x^16 + x^12 + x^3 + x + 1, a bit at a time. */
static u16 slow_vcrc(const u8 *p, size_t len)
{
	u16 crc = 0xffff;
	unsigned int i;

	for (; len--; p++)
		for (i = 0; i < 8; i++)
			crc = (crc ^ *p >> i) & 1 ? crc >> 1 ^ 0xd008 :
						    crc >> 1;
	return crc;
}

static void check_icrc(const u8 *p, size_t len, bool has_grh)
{
	size_t size = has_grh ? SIB_ICRC_HEAD_GRH : SIB_ICRC_HEAD, got;
	u8 *head = malloc(size);
	u32 crc;

	must(head);
	got = sib_icrc_head(p, has_grh, head);
	must(got == size);
	crc = crc32_of(~0U, head, size);
	must(~crc32_of(crc, p + size, len - size) ==
	     slow_icrc(p, len, has_grh));
	free(head);
}

static void check_vcrc(const u8 *p, size_t len, size_t cut)
{
	u16 crc = sib_vcrc_update(SIB_VCRC_SEED, p, cut);

	must(sib_vcrc_update(crc, p + cut, len - cut) == slow_vcrc(p, len));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct feed f = { data, size };
	bool has_grh = feed_u8(&f) & 1;
	size_t cut = feed_u16(&f), len = f.left;
	u8 *p;

	if (len < SIB_ICRC_HEAD_GRH)
		len = SIB_ICRC_HEAD_GRH;
	p = feed_exact(&f, len);
	check_icrc(p, len, has_grh);
	check_vcrc(p, len, cut % (len + 1));
	free(p);
	return 0;
}
