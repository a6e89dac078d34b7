/* SPDX-License-Identifier: GPL-2.0 */
/* How long calls of a kernel function take, by ftrace's function_graph. */
#ifndef BENCH_FTRACE_H
#define BENCH_FTRACE_H

#include <stdbool.h>
#include <linux/types.h>

/* Sorted durations in nanoseconds. */
struct durations {
	unsigned int nr;
	__u64 *ns;
};

/* Traces only this function; returns false if the kernel has none of this name. */
bool ftrace_start(const char *function);
/* Returns the calls that ended since then; the caller frees its contents. */
struct durations ftrace_stop(void);

#endif /* BENCH_FTRACE_H */
