// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Random numbers for tests, and small things on octets. The numbers repeat: a
 * case that uses them starts with unit_seed(), which prints the seed, and the
 * environment variable SEED sets another.
 */
#include <stdio.h>

#include "unit.h"

static u64 state;

/**
 * unit_seed() - start the random numbers of a case
 *
 * Return: the seed, which is also printed.
 */
u64 unit_seed(void)
{
	const char *wanted = getenv("SEED");

	state = wanted ? strtoull(wanted, NULL, 0) : 1;
	print_message("seed %llu\n", state);
	return state;
}

/* splitmix64: short, and every seed is a good one. */
u64 unit_random64(void)
{
	u64 z = state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u32 unit_random(void)
{
	return unit_random64() >> 32;
}

/* 0 to limit - 1. */
u32 unit_below(u32 limit)
{
	return unit_random() % limit;
}

bool unit_once_in(u32 times)
{
	return unit_below(times) == 0;
}

void unit_random_bytes(void *p, size_t len)
{
	u8 *octet = p;

	while (len--)
		*octet++ = unit_random();
}

/**
 * unit_exact() - a copy of which ASan guards both ends
 * @p: what to copy
 * @len: octets
 *
 * Return: the copy, the caller's to free.
 */
void *unit_exact(const void *p, size_t len)
{
	void *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, p, len);
	return copy;
}

/**
 * unit_bits() - a field of a header, the slow way
 * @p: the header
 * @at: first bit; bit 0 is the most significant of octet 0
 * @width: bits
 *
 * Return: its value.
 */
u64 unit_bits(const u8 *p, unsigned int at, unsigned int width)
{
	u64 value = 0;

	for (; width--; at++)
		value = value << 1 | (p[at / 8] >> (7 - at % 8) & 1);
	return value;
}

/**
 * unit_count_lines() - lines of a source file that begin so
 * @file: relative to the repository
 * @start: the beginning
 *
 * An entry of a table that is left out cannot be told from one that is all
 * zeroes, but in the source.
 *
 * Return: how many.
 */
unsigned int unit_count_lines(const char *file, const char *start)
{
	char path[512], line[256];
	unsigned int count = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", UNIT_ROOT, file);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		count += !strncmp(line, start, strlen(start));
	fclose(f);
	return count;
}
