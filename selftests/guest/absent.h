/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose pages never arrive, as a caller's own server can arrange: a call that
 * copies from or to it stays in the kernel until it is killed.
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

/* Only for this process, and only as root.  Returns false if this kernel cannot. */
bool absent_make(struct absent *a, size_t size);
/* Returns when so many more threads wait for a page. */
void absent_wait(struct absent *a, unsigned int threads);

/* A thread's state in /proc: 'R', 'S', 'D', 'Z', ...; 0: no such thread. */
char task_state(pid_t pid, pid_t tid);
/*
 * Returns true when a thread waits in the kernel and only a fatal signal can end the
 * wait; false when the thread has ended.
 */
bool task_stuck(pid_t pid, pid_t tid);

#endif /* SELFTESTS_ABSENT_H */
