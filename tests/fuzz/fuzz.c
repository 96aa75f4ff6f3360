// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * The feed, and small things on octets.
 */
#include <stdio.h>

#include "fuzz.h"

/**
 * fuzz_broken() - a rule does not hold
 * @file: where
 * @line: where
 * @what: the rule
 */
void fuzz_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/**
 * feed_be() - a number from the feed
 * @f: the feed
 * @octets: how many, 8 at most
 *
 * Return: the number, the most significant octet first.
 */
u64 feed_be(struct feed *f, unsigned int octets)
{
	u64 value = 0;
	u8 octet;

	while (octets--) {
		feed_bytes(f, &octet, 1);
		value = value << 8 | octet;
	}
	return value;
}

/**
 * feed_bytes() - octets from the feed
 * @f: the feed
 * @to: filled
 * @len: how many
 */
void feed_bytes(struct feed *f, void *to, size_t len)
{
	size_t n = len < f->left ? len : f->left;

	memset(to, 0, len);
	if (n)
		memcpy(to, f->at, n);
	f->at += n;
	f->left -= n;
}

/**
 * feed_exact() - the same, on the heap
 * @f: the feed
 * @len: how many
 *
 * Return: the octets, the caller's to free.
 */
void *feed_exact(struct feed *f, size_t len)
{
	void *p = malloc(len);

	must(p);
	feed_bytes(f, p, len);
	return p;
}

/**
 * fuzz_exact() - a copy of which ASan guards both ends
 * @p: what to copy
 * @len: octets
 *
 * Return: the copy, the caller's to free.
 */
void *fuzz_exact(const void *p, size_t len)
{
	struct feed f = { p, len };

	return feed_exact(&f, len);
}

/**
 * fuzz_bits() - a field of a header, the slow way
 * @p: the header
 * @at: first bit; bit 0 is the most significant of octet 0
 * @width: bits
 *
 * Return: its value.
 */
u64 fuzz_bits(const u8 *p, unsigned int at, unsigned int width)
{
	u64 value = 0;

	for (; width--; at++)
		value = value << 1 | (p[at / 8] >> (7 - at % 8) & 1);
	return value;
}

bool fuzz_is_zero(const void *p, size_t len)
{
	const u8 *octet = p;

	while (len--)
		if (*octet++)
			return false;
	return true;
}
