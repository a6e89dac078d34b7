/* SPDX-License-Identifier: GPL-2.0 */
/* Accesses that nobody has thought of, and the same ones in each run: xorshift64. */
#ifndef EXAMPLE_RANDOM_H
#define EXAMPLE_RANDOM_H

#include <stdint.h>

static inline uint64_t next_random(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

#endif
