// SPDX-License-Identifier: GPL-2.0
/* The fuzzer: makes programs, runs them, and shortens those that fail. */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>

#include "drive.h"
#include "kcov.h"

#define PROGRAM_OPS	1000
#define FULL_EVERY	64

static int usage(void)
{
	fprintf(stderr,
		"usage: fuzz_route [--seed S] [--ops N] [--jobs N] [--out FILE] [--shrink SECONDS]\n"
		"                  [--kcov FILE]\n"
		"       fuzz_route --replay FILE...\n"
		"       fuzz_route --print SEED\n"
		"Does operations on msi_route and on a model of it, and compares. A program that\n"
		"shows a difference is made short, printed, and written to FILE. --print writes\n"
		"the program of a seed as text instead of running it. --kcov adds to FILE which\n"
		"basic blocks of the module were run.\n");
	return 2;
}

/* ---- a shorter program that fails ---- */

static const char *out, *kcov;
static unsigned int shrink_seconds = 60;

static bool fails(const struct program *p)
{
	unsigned int at;

	return drive(p, 1, &at) == DIFFERENT;
}

/* Removes operations, as many at a time as possible, while the program still fails. */
static void shrink(struct program *p)
{
	struct program less = *p;
	__u64 begin = time(NULL);
	unsigned int chunk, at;

	less.op = calloc(p->nr, sizeof(*less.op));
	for (chunk = p->nr / 2 ?: 1; chunk && time(NULL) - begin < shrink_seconds;) {
		bool shorter = false;

		for (at = 0; at < p->nr && time(NULL) - begin < shrink_seconds;) {
			unsigned int end = at + chunk < p->nr ? at + chunk : p->nr;

			memcpy(less.op, p->op, at * sizeof(*p->op));
			memcpy(less.op + at, p->op + end, (p->nr - end) * sizeof(*p->op));
			less.nr = p->nr - (end - at);
			if (less.nr && fails(&less)) {
				memcpy(p->op, less.op, less.nr * sizeof(*p->op));
				p->nr = less.nr;
				shorter = true;
			} else {
				at = end;
			}
		}
		if (chunk > 1 || !shorter)
			chunk /= 2;
	}
	free(less.op);
	fails(p);	/* prints the remaining difference */
}

static void report(struct program *p, unsigned int at, const char *name)
{
	char first[sizeof(difference)];
	struct program whole = *p;
	FILE *to;

	strcpy(first, difference);
	p->nr = at + 1;
	printf("# %s, operation %u: %s\n", name, at, first);
	if (!fails(p)) {
		printf("# not so when the program is run again\n");
		*p = whole;
		return;
	}
	shrink(p);
	printf("# ---- a program that fails: %s\n", difference);
	print_program(stdout, p);
	printf("# ----\n");
	to = out ? fopen(out, "w") : NULL;
	if (to) {
		fprintf(to, "# %s\n", difference);
		print_program(to, p);
		fclose(to);
	}
}

/* ---- runs ---- */

static int run_random(__u64 seed, __u64 ops)
{
	char name[32];
	unsigned int at;
	__u64 number;
	time_t begin = time(NULL);

	for (number = 0; statistics.ops < ops; number++) {
		struct program p = { 0 };

		/* Each program has a seed of its own, so that it can be made again. */
		random_program(&p, seed + number * 0x10001, PROGRAM_OPS);
		if (drive(&p, FULL_EVERY, &at) == DIFFERENT) {
			snprintf(name, sizeof(name), "seed %#llx",
				 (unsigned long long)(seed + number * 0x10001));
			report(&p, at, name);
			printf("not ok - fuzz, seed %llu, after %llu operations\n",
			       (unsigned long long)seed, (unsigned long long)statistics.ops);
			return 1;
		}
		free(p.op);
	}
	printf("# seed %llu: %llu operations in %llu programs and %ld s; %llu refused\n"
	       "# sent %llu, of them replayed %llu, unreached %llu, dropped %llu; held %llu\n"
	       "# holds that ran out %llu; programs that were too slow %llu\n",
	       (unsigned long long)seed, (unsigned long long)statistics.ops,
	       (unsigned long long)number, (long)(time(NULL) - begin),
	       (unsigned long long)statistics.refused, (unsigned long long)statistics.messages,
	       (unsigned long long)statistics.replayed,
	       (unsigned long long)statistics.unreached, (unsigned long long)statistics.dropped,
	       (unsigned long long)statistics.held, (unsigned long long)statistics.expired,
	       (unsigned long long)statistics.slow);
	/* Programs that were too slow have tested nothing. */
	if (statistics.slow * 10 > number) {
		printf("not ok - fuzz, seed %llu: too slow\n", (unsigned long long)seed);
		return 1;
	}
	printf("ok - fuzz, seed %llu\n", (unsigned long long)seed);
	return 0;
}

static int replay(const char *file)
{
	struct program p;
	unsigned int at;
	FILE *from = fopen(file, "r");

	if (!from || !read_program(from, &p)) {
		printf("not ok - %s: no program\n", file);
		return 1;
	}
	fclose(from);
	if (drive(&p, 1, &at) != SAME) {
		printf("# operation %u: %s\n# ", at, difference);
		print_op(stdout, &p.op[at]);
		printf("not ok - %s\n", file);
		return 1;
	}
	printf("ok - %s\n", file);
	return 0;
}

static int run_job(__u64 seed, __u64 ops)
{
	int status;

	drive_init();
	if (kcov && !kcov_begin()) {
		printf("not ok - fuzz: KCOV: %m\n");
		return 1;
	}
	status = run_random(seed, ops);
	if (kcov && !kcov_end(kcov)) {
		printf("not ok - fuzz: %s: %m\n", kcov);
		return 1;
	}
	return status;
}

static int run_jobs(__u64 seed, __u64 ops, unsigned int jobs)
{
	int status, failed = 0;
	unsigned int i;

	fflush(stdout);
	for (i = 0; i < jobs; i++) {
		if (fork())
			continue;
		status = run_job(seed + i, ops / jobs);
		fflush(stdout);
		_exit(status);
	}
	while (wait(&status) >= 0)
		failed |= !WIFEXITED(status) || WEXITSTATUS(status);
	return failed;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' }, { "ops", required_argument, NULL, 'o' },
		{ "jobs", required_argument, NULL, 'j' }, { "replay", no_argument, NULL, 'r' },
		{ "print", required_argument, NULL, 'p' }, { "out", required_argument, NULL, 'f' },
		{ "shrink", required_argument, NULL, 'k' },
		{ "kcov", required_argument, NULL, 'c' }, { 0 },
	};
	__u64 seed = time(NULL), ops = 100000;
	unsigned int jobs = 1;
	struct program p = { 0 };
	bool files = false;
	int option, failed = 0;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			ops = strtoull(optarg, NULL, 0);
			break;
		case 'j':
			jobs = strtoul(optarg, NULL, 0);
			break;
		case 'r':
			files = true;
			break;
		case 'k':
			shrink_seconds = strtoul(optarg, NULL, 0);
			break;
		case 'f':
			out = optarg;
			break;
		case 'c':
			kcov = optarg;
			break;
		case 'p':
			random_program(&p, strtoull(optarg, NULL, 0), PROGRAM_OPS);
			print_program(stdout, &p);
			return 0;
		default:
			return usage();
		}
	}
	if (files != (optind < argc) || !jobs)
		return usage();
	if (!files)
		return run_jobs(seed, ops, jobs);
	drive_init();
	for (; optind < argc; optind++)
		failed |= replay(argv[optind]);
	return failed;
}
