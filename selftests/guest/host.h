/* SPDX-License-Identifier: GPL-2.0 */
/* The host's kernel as seen from outside: modules, log, memory. */
#ifndef SELFTESTS_HOST_H
#define SELFTESTS_HOST_H

#include <stdbool.h>
#include <linux/types.h>

/* How often to do something hostile: @n times what TEST_HOSTILE says, or @n. */
unsigned int times(unsigned int n);

/* ---- modules ---- */

#define NR_MODULES	4	/* msi_route, and KVM's */

struct users {
	long of[NR_MODULES];
};

/* The number of users of a module; -1 if it is not a module. */
long module_users(const char *name);
struct users all_users(void);
/*
 * Files of a task that ends may be closed a little later.  If a reference is lost for
 * good, the harness's time-out reports it.
 */
void wait_for_users(const struct users *users);

/* Both return 0 or -errno. */
int rmmod(const char *name);
int insmod(const char *path);
/* Unloads msi_route and loads it again with its mutation (see mutate.h). */
int load_again(const char *path);

/* ---- the kernel's log ---- */

/* Starts here. */
int kernel_log_open(void);
/*
 * Returns how many lines came since, and shows each.  Lines about a slow host, about
 * descriptor numbers, and the one that KVM prints for each VM are not counted.
 */
unsigned int kernel_log_lines(int log);

/* ---- memory ---- */

/* The vmalloc() areas of msi_route: exact. */
unsigned int module_areas(void);

/*
 * What msi_route itself takes from the allocator of small objects and gives back to it,
 * while it is counted: exact, by the kernel's tracepoints.
 */
struct allocations {
	__u64 taken, given_back;
};

/* Returns false if the kernel has no such tracepoints. */
bool allocations_count(void);
struct allocations allocations_counted(void);
void allocations_end(void);

#endif /* SELFTESTS_HOST_H */
