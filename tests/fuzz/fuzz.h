/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What every fuzzer here needs: a feed of octets to make its decisions from,
 * a check that stops the fuzzer, and copies of an exact size, so that ASan
 * sees every step beyond.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <linux/bits.h>
#include <linux/types.h>

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* What holds whatever comes in; if not, the input is kept and named. */
#define must(cond) do {						\
	if (!(cond))						\
		fuzz_broken(__FILE__, __LINE__, #cond);		\
} while (0)

/**
 * struct feed - the rest of an input; zeroes without end stand behind it
 * @at: next octet
 * @left: octets
 */
struct feed {
	const u8 *at;
	size_t left;
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

void fuzz_broken(const char *file, int line, const char *what)
	__attribute__((noreturn));

u64 feed_be(struct feed *f, unsigned int octets);
void feed_bytes(struct feed *f, void *to, size_t len);
void *feed_exact(struct feed *f, size_t len);

static inline u8 feed_u8(struct feed *f)
{
	return feed_be(f, 1);
}

static inline u16 feed_u16(struct feed *f)
{
	return feed_be(f, 2);
}

static inline u32 feed_u32(struct feed *f)
{
	return feed_be(f, 4);
}

static inline u64 feed_u64(struct feed *f)
{
	return feed_be(f, 8);
}

/* 0 to limit - 1; limit is 256 at most. */
static inline u8 feed_below(struct feed *f, unsigned int limit)
{
	return feed_u8(f) % limit;
}

void *fuzz_exact(const void *p, size_t len);
u64 fuzz_bits(const u8 *p, unsigned int at, unsigned int width);
bool fuzz_is_zero(const void *p, size_t len);

#endif
