/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a block of the demo's disks holds: a stream that follows from the seed,
 * the number of the block and how often it was written. A block that was lost,
 * is old, torn or another's does not compare.
 */
#ifndef DEMO_PATTERN_H
#define DEMO_PATTERN_H

#include <stdint.h>

#define BLOCK 4096

struct block {
	uint64_t word[BLOCK / 8];
};

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t pattern_start(uint64_t seed, uint64_t number, uint64_t writes)
{
	return mix(seed + 0x9e3779b97f4a7c15ULL * (number + 1)) ^ mix(writes + 1);
}

static inline void pattern_fill(struct block *b, uint64_t seed, uint64_t number,
				uint64_t writes)
{
	uint64_t x = pattern_start(seed, number, writes);

	for (int i = 0; i < BLOCK / 8; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		b->word[i] = x;
	}
}

static inline int pattern_holds(const struct block *b, uint64_t seed, uint64_t number,
				uint64_t writes)
{
	uint64_t x = pattern_start(seed, number, writes);

	for (int i = 0; i < BLOCK / 8; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		if (b->word[i] != x)
			return 0;
	}
	return 1;
}

#endif
