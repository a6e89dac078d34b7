/* SPDX-License-Identifier: GPL-2.0 */
/* The part of io_uring that completes a request and signals an eventfd for it. */
#ifndef SELFTESTS_URING_H
#define SELFTESTS_URING_H

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct uring {
	int fd;
	struct io_uring_params params;
	char *ring;
};

/* Negative if the kernel has no io_uring, or forbids it. */
static int uring_open(struct uring *u, int eventfd)
{
	unsigned long size;

	memset(u, 0, sizeof(*u));
	u->fd = syscall(__NR_io_uring_setup, 1, &u->params);
	if (u->fd < 0)
		return -errno;
	size = u->params.sq_off.array + u->params.sq_entries * sizeof(__u32);
	u->ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, u->fd,
		       IORING_OFF_SQ_RING);
	if (u->ring == MAP_FAILED ||
	    syscall(__NR_io_uring_register, u->fd, IORING_REGISTER_EVENTFD, &eventfd, 1))
		die("io_uring");
	return 0;
}

/* Submits an empty request and waits until it is complete. */
static void uring_complete_one(struct uring *u)
{
	__u32 *tail = (__u32 *)(u->ring + u->params.sq_off.tail);

	/* The request is the array's first, all zero: IORING_OP_NOP. */
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, u->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
}

#endif /* SELFTESTS_URING_H */
