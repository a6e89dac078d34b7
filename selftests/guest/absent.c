// SPDX-License-Identifier: GPL-2.0
/* Memory whose pages never arrive: nobody answers its userfaultfd. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "absent.h"
#include "vm.h"

bool absent_make(struct absent *a, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	a->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (a->fd < 0)
		return false;
	if (ioctl(a->fd, UFFDIO_API, &api))
		die("userfaultfd");
	a->size = size;
	a->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (a->memory == MAP_FAILED)
		die("mmap");
	range.range.start = (unsigned long)a->memory;
	range.range.len = size;
	if (ioctl(a->fd, UFFDIO_REGISTER, &range))
		die("UFFDIO_REGISTER");
	return true;
}

void absent_wait(struct absent *a, unsigned int threads)
{
	struct uffd_msg msg;

	/* One message for each thread, even for the same page. */
	while (threads--)
		if (read(a->fd, &msg, sizeof(msg)) != sizeof(msg) ||
		    msg.event != UFFD_EVENT_PAGEFAULT)
			die("userfaultfd: read");
}

char task_state(pid_t pid, pid_t tid)
{
	char path[64], text[512] = "", *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	/* The thread's name may contain anything, so look for the last parenthesis. */
	end = n < 0 ? NULL : strrchr(text, ')');
	return end ? end[2] : 0;
}

bool task_stuck(pid_t pid, pid_t tid)
{
	for (;;) {
		char state = task_state(pid, tid);

		if (state == 'D')
			return true;
		if (!state || state == 'Z' || state == 'X')
			return false;
		sched_yield();
	}
}
