/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the benchmarks share: measuring and printing a cost, and KVM's routes.
 *
 * Each program prints lines "subject;variant;parameter;value", one for each sample, which
 * `report` reads.  Costs are in nanoseconds; in the lab with --icount such a nanosecond
 * is an instruction of the whole stack.
 */
#ifndef BENCH_H
#define BENCH_H

#include <linux/kvm.h>
#include <linux/types.h>

#include "../guest/function.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* How often each variant is measured; they take turns, so that all see the same noise. */
unsigned int rounds(void);

__u64 now(void);

/* Prints one line of the result. */
void sample(const char *subject, const char *variant, const char *parameter, __u64 value);

/*
 * One of several ways to do the same thing.  All but @run may be NULL; only @run is
 * timed.  @attach and @detach enclose each round, @prepare and @check each run.
 */
struct variant {
	const char *name;
	void (*run)(void);
	void (*attach)(void);
	void (*detach)(void);
	void (*prepare)(void);
	void (*check)(void);
	bool cpu_time;		/* of this thread, without its waits */
};

#define MAX_TIMES	1000

/*
 * The typical one of many runs; sorts them.  Where instructions are counted it is the
 * least, which the host's timer did not interrupt.  With BENCH_MEDIAN in the environment,
 * for times, it is the median.
 */
__u64 typical(__u64 *took, unsigned int nr);

/* Measures the typical cost of @times runs, at most MAX_TIMES, in each round. */
void measure(const char *subject, const char *parameter, const struct variant *variants,
	     unsigned int nr, unsigned int times);

/* Sets the message of one of new_msi_routes(). */
void route(struct kvm_irq_routing *routes, unsigned int index, __u32 address_hi,
	   __u32 address_lo, __u32 data);
/* @flags 0 or KVM_IRQFD_FLAG_DEASSIGN */
void set_irqfd(struct vm *vm, int fd, __u32 gsi, __u32 flags);

#endif /* BENCH_H */
