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

/* Traces this function only; false if the kernel has none of the name. */
bool ftrace_start(const char *function);
/* The calls that ended since then; free() what is in it. */
struct durations ftrace_stop(void);

#endif /* BENCH_FTRACE_H */
