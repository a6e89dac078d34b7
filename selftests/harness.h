/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's kselftest harness, with our additions: a time-out that suits an emulated
 * host, and a choice of tests.  "-t WORD" runs those whose name, or fixture's or
 * variant's name, contains WORD; it may be repeated.
 */
#ifndef SELFTESTS_HARNESS_H
#define SELFTESTS_HARNESS_H

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <kselftest_harness.h>

/* Only to end a test that hangs; no test measures time. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 300

/* A remark in the TAP stream. */
#define REMARK(fmt, ...) \
	do { \
		printf("# " fmt "\n", ##__VA_ARGS__); \
		fflush(stdout); \
	} while (0)

static bool named(const char *name, char **words)
{
	for (; *words; words++)
		if (strstr(name, *words))
			return true;
	return false;
}

/* Removes what is not named from one of the harness's lists; NULL: nothing is. */
#define KEEP_NAMED(list, words) \
	do { \
		__typeof__(list) *link = &(list); \
		while (*link) { \
			if (named((*link)->name, words)) \
				link = &(*link)->next; \
			else \
				*link = (*link)->next; \
		} \
	} while (0)

/* Keeps the named tests; or of a fixture's tests the named variants. */
static void choose_tests(char **words)
{
	struct __fixture_metadata *fixture;

	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		struct __fixture_variant_metadata *variants = fixture->variant;
		struct __test_metadata *tests = fixture->tests;

		if (named(fixture->name, words))
			continue;
		KEEP_NAMED(fixture->tests, words);
		if (fixture->tests)
			continue;
		KEEP_NAMED(variants, words);
		if (variants) {
			fixture->variant = variants;
			fixture->tests = tests;
		}
	}
}

/*
 * KVM switches the CPUs' virtualization on with the first VM and off with the last.  A VM
 * that stays spares each test the time, and an emulated host the switches, in which it
 * hangs now and then.
 */
static void keep_kvm_on(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		ioctl(fd, KVM_CREATE_VM, 0);
}

int main(int argc, char **argv)
{
	char *words[argc + 1];
	int option, nr = 0;

	while ((option = getopt(argc, argv, "t:")) != -1) {
		if (option != 't') {
			fprintf(stderr, "usage: %s [-t WORD]...\n", argv[0]);
			return KSFT_FAIL;
		}
		words[nr++] = optarg;
	}
	words[nr] = NULL;
	if (nr)
		choose_tests(words);
	keep_kvm_on();
	return test_harness_run(1, argv);
}

#endif /* SELFTESTS_HARNESS_H */
