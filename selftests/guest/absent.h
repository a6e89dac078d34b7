/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose page never comes, as a server of the caller's own can arrange: a
 * call that copies from there or to there stays in the kernel until it is killed.
 */
#ifndef SELFTESTS_ABSENT_H
#define SELFTESTS_ABSENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct absent {
	int fd;
	void *memory;
	size_t size;
};

/* For this process only; as root.  False: this kernel cannot. */
bool absent_make(struct absent *a, size_t size);
/* Returns when so many more threads wait for a page. */
void absent_wait(struct absent *a, unsigned int threads);

/* What /proc tells of a thread: 'R', 'S', 'D', 'Z', ...; 0: there is none. */
char task_state(pid_t pid, pid_t tid);
/*
 * Returns true when a thread waits in the kernel for what only a signal that kills
 * ends, false when it has ended.
 */
bool task_stuck(pid_t pid, pid_t tid);

#endif /* SELFTESTS_ABSENT_H */
