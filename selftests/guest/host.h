/* SPDX-License-Identifier: GPL-2.0 */
/* The host's kernel as it is seen from outside: modules, log, memory. */
#ifndef SELFTESTS_HOST_H
#define SELFTESTS_HOST_H

#include <stdbool.h>
#include <linux/types.h>

/* How often something hostile is done: @n times what TEST_HOSTILE says, or 1. */
unsigned int times(unsigned int n);

/* ---- modules ---- */

#define NR_MODULES	4	/* msi_route, and KVM's */

struct users {
	long of[NR_MODULES];
};

/* How many use a module; -1 if it is not a module. */
long module_users(const char *name);
struct users all_users(void);
/*
 * Files of another task's last moments may be closed a little later.  If a
 * reference is lost for good, the harness's time-out tells.
 */
void wait_for_users(const struct users *users);

/* Both 0 or -errno. */
int rmmod(const char *name);
int insmod(const char *path);

/* ---- the kernel's log ---- */

/* From now on. */
int kernel_log_open(void);
/*
 * How many lines came since, each of them shown.  Remarks of the kernel about
 * a host that is slow, or about numbers of descriptors, are not among them, nor
 * the one that KVM has for each VM.
 */
unsigned int kernel_log_lines(int log);

/* ---- memory ---- */

/* Areas of vmalloc() that msi_route made: exact. */
unsigned int module_areas(void);

/*
 * What msi_route itself takes from the allocator of small objects and gives
 * back to it, while it is counted: exact, by the kernel's tracepoints.
 */
struct allocations {
	__u64 taken, given_back;
};

/* False: the kernel has no such tracepoints. */
bool allocations_count(void);
struct allocations allocations_counted(void);
void allocations_end(void);

#endif /* SELFTESTS_HOST_H */
