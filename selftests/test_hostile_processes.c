// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile processes: killed at any moment, forked, with another program; and descriptors in
 * the hands of others.
 *
 * TEST_HOSTILE=N in the environment makes it N times as long.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "hostile.h"

/* ---- processes ---- */

static void *call_for_ever(void *arg)
{
	__u32 state = (unsigned long)arg;

	for (;;)
		call_something(&victim, next_random(&state));
	return NULL;
}

/* In another memory, with inherited descriptors; ends with its parent. */
static void heir(bool exec)
{
	__u32 state = 4711;
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < 50; i++)
		call_something(&victim, next_random(&state));
	if (exec)
		execl("/bin/true", "true", NULL);
	_exit(0);
}

static void be_killed(int ready)
{
	pthread_t threads[2];
	unsigned long i;
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 1);
	vm_mmio = nobody_there;
	make_victim(&victim, &vm);
	vcpu_start(&vm.vcpu[0], use_table);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_create(&threads[i], NULL, call_for_ever, (void *)(i + 1)))
			die("pthread_create");
	if (write(ready, "", 1) != 1)
		die("write");
	for (i = 0;; i++) {
		pid_t pid = fork();

		if (!pid)
			heir(i & 1);
		if (pid > 0 && i & 2)
			kill(pid, SIGKILL);
		while (pid > 0 && waitpid(pid, NULL, 0) != pid)
			;
	}
}

TEST_F(hostile, killed_forked_executed)
{
	__u32 state = 815;
	unsigned int round, i;
	int ready[2];
	char byte;

	ASSERT_EQ(0, pipe(ready));
	for (round = 0; round < times(8); round++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			be_killed(ready[1]);
		ASSERT_LT(0, pid);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		/* At a random moment, however fast the host is. */
		for (i = next_random(&state) % 200; i; i--)
			sched_yield();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
}

/* ---- descriptors in the hands of others ---- */

#define NR_PASSED	3

static void send_fds(int socket, const int *fds)
{
	char control[CMSG_SPACE(NR_PASSED * sizeof(int))] = {};
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(NR_PASSED * sizeof(int));
	memcpy(CMSG_DATA(header), fds, NR_PASSED * sizeof(int));
	if (sendmsg(socket, &message, 0) != 1)
		die("sendmsg");
}

static void receive_fds(int socket, int *fds)
{
	char control[CMSG_SPACE(NR_PASSED * sizeof(int))];
	char data;
	struct iovec byte = { .iov_base = &data, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};

	if (recvmsg(socket, &message, 0) != 1)
		die("recvmsg");
	memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), NR_PASSED * sizeof(int));
}

#define MUST(condition)					\
	do {						\
		if (!(condition))			\
			die("%s", #condition);		\
	} while (0)

/* A receiver may use the function as its owner does; the VM is not the receiver's. */
static void receiver(int socket)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn = {}, other;
	struct vm vm = {};
	__u32 state = 99;
	int fds[NR_PASSED];
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	receive_fds(socket, fds);
	vm.fd = fds[0];
	fn.fd = fds[1];
	MUST(function_try_open(&other, &vm, shape) == -EPERM);
	MUST(trigger(&fn, MSIX, 0) == MSI_ROUTE_SENT);
	MUST(!set_eventfd(&fn, MSIX, 1, fds[2], 0));
	signal_eventfd(fds[2], 1);
	MUST(counters(&fn, MSIX, 1).messages == 1);
	/* By then the other side has closed all of its descriptors. */
	receive_fds(socket, fds);
	MUST(trigger(&fn, MSIX, 0) >= 0);
	MUST(!map(&fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
	victim.fn.fd = fn.fd;
	for (i = 0; i < NR_FDS; i++)
		victim.fds[i] = new_eventfd();
	for (i = 0; i < times(500); i++)
		call_something(&victim, next_random(&state));
	_exit(0);
}

TEST_F(hostile, passed_to_another_process)
{
	int sockets[2], fds[NR_PASSED], status;
	struct function fn;
	struct vm vm;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets));
	pid = fork();
	if (!pid) {
		close(sockets[0]);
		receiver(sockets[1]);
	}
	close(sockets[1]);

	vm_create(&vm, 0, 1);
	function_open(&fn, &vm, msix_shape(NR_MSIX));
	entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
	entry_set(&fn, 1, MSI_TO(0), VECTOR + 1, 0);
	msix_control(&fn, MSIX_ENABLE);
	fds[0] = vm.fd;
	fds[1] = fn.fd;
	fds[2] = new_eventfd();
	send_fds(sockets[0], fds);
	function_close(&fn);
	vm_destroy(&vm);
	/* Any descriptor: it says that the others are closed. */
	fds[0] = fds[2];
	fds[1] = fds[2];
	send_fds(sockets[0], fds);
	close(fds[2]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(sockets[0]);
}
