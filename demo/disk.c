// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's disk images, seen from outside the guest: made before it boots,
 * compared after it is gone with what it says it wrote.
 *
 *	disk fill SEED MEGABYTES IMAGE
 *	disk check SEED IMAGE LEDGER	(how often each block was written)
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

static FILE *open_or_die(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f)
		err(2, "%s", path);
	return f;
}

static int fill(uint64_t seed, uint64_t blocks, const char *path)
{
	FILE *f = open_or_die(path, "w");
	struct block b;

	for (uint64_t i = 0; i < blocks; i++) {
		pattern_fill(&b, seed, i, 0);
		if (fwrite(&b, sizeof(b), 1, f) != 1)
			err(2, "%s", path);
	}
	if (fclose(f))
		err(2, "%s", path);
	return 0;
}

static int check(uint64_t seed, const char *path, const char *ledger)
{
	FILE *f = open_or_die(path, "r"), *l = open_or_die(ledger, "r");
	uint64_t number = 0, wrong = 0;
	uint32_t writes;
	struct block b;

	while (fread(&writes, sizeof(writes), 1, l) == 1) {
		if (fread(&b, sizeof(b), 1, f) != 1)
			errx(2, "%s: shorter than its ledger", path);
		wrong += !pattern_holds(&b, seed, number++, writes);
	}
	if (!number)
		errx(2, "%s: an empty ledger", ledger);
	printf("blocks=%llu wrong=%llu\n", (unsigned long long)number,
	       (unsigned long long)wrong);
	return wrong != 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "fill"))
		return fill(strtoull(argv[2], NULL, 0),
			    strtoull(argv[3], NULL, 0) * (1024 * 1024 / BLOCK), argv[4]);
	if (argc == 5 && !strcmp(argv[1], "check"))
		return check(strtoull(argv[2], NULL, 0), argv[3], argv[4]);
	errx(2, "usage: disk fill SEED MEGABYTES IMAGE | check SEED IMAGE LEDGER");
}
