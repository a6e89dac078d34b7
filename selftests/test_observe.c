// SPDX-License-Identifier: GPL-2.0
/* How functions look to others than their owners: what is visible, and to whom. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NAME		"0000:00:04.0"
#define VECTOR		0x51
#define NOWHERE		8UL

FIXTURE(observe) {
	struct vm vm;
	struct function fn;
	int device;
	__u32 number;
};

/* 0 or -errno. */
static int call(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/* Returns how many, or -errno. */
static int functions_from(int device, __u32 from, __u32 room, struct msi_route_function *f)
{
	struct msi_route_get_functions g = {
		.size = sizeof(g), .from = from, .room = room, .stride = sizeof(*f),
		.functions = (unsigned long)f,
	};

	return call(device, MSI_ROUTE_GET_FUNCTIONS, &g) ?: (int)g.nr;
}

static int vectors_of(int fd, __u32 function, __u32 kind, __u32 first, __u32 room,
		      struct msi_route_vector *v)
{
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .function = function, .kind = kind, .first = first,
		.room = room, .stride = sizeof(*v), .vectors = (unsigned long)v,
	};

	return call(fd, MSI_ROUTE_GET_VECTORS, &g) ?: (int)g.nr;
}

/* Finds one of this process; skips those of others. */
static bool find_mine(int device, int vm_fd, struct msi_route_function *f)
{
	__u32 from = 0;

	while (functions_from(device, from, 1, f) == 1) {
		if (f->vm_pid == getpid() && f->vm_fd == vm_fd)
			return true;
		from = f->number + 1;
	}
	return false;
}

FIXTURE_SETUP(observe)
{
	struct msi_route_create shape = both_shape(100, 2);
	struct msi_route_function f;

	strcpy(shape.name, NAME);
	shape.id = 0x20;
	shape.msix_granted = 70;
	vm_create(&self->vm, 0, 1);
	function_open(&self->fn, &self->vm, shape);
	self->device = open_device();
	ASSERT_TRUE(find_mine(self->device, self->vm.fd, &f));
	self->number = f.number;
}

FIXTURE_TEARDOWN(observe)
{
	close(self->device);
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

/* ---- what is visible ---- */

TEST_F(observe, function)
{
	struct msi_route_function f;

	set_bus_master(&self->fn, 0);
	ASSERT_EQ(1, functions_from(self->device, self->number, 1, &f));
	EXPECT_STREQ(NAME, f.name);
	EXPECT_EQ(0x20, f.id);
	EXPECT_EQ(getpid(), f.vm_pid);
	EXPECT_EQ(self->vm.fd, f.vm_fd);
	EXPECT_EQ(0, f.stopped);
	EXPECT_EQ(100, f.caps[MSIX].max);
	EXPECT_EQ(70, f.caps[MSIX].nr);
	EXPECT_EQ(MSI_ROUTE_REASON_DISABLED, f.caps[MSIX].reason);
	EXPECT_EQ(0, f.caps[MSIX].state);
	EXPECT_EQ(2, f.caps[MSI].max);
	EXPECT_EQ(0, f.caps[MSI_ROUTE_IMS].max);
	msix_control(&self->fn, MSIX_ENABLE);
	set_run(&self->fn, 0);
	ASSERT_EQ(1, functions_from(self->device, self->number, 1, &f));
	EXPECT_EQ(1, f.stopped);
	EXPECT_EQ(MSI_ROUTE_REASON_BUS_MASTER, f.caps[MSIX].reason);
	EXPECT_EQ(MSI_ROUTE_STATE_ENABLED, f.caps[MSIX].state);
	set_bus_master(&self->fn, 1);
	ASSERT_EQ(1, functions_from(self->device, self->number, 1, &f));
	EXPECT_EQ(MSI_ROUTE_REASON_STOPPED, f.caps[MSIX].reason);
	set_run(&self->fn, 1);
	ASSERT_EQ(1, functions_from(self->device, self->number, 1, &f));
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, f.caps[MSIX].reason);
	EXPECT_EQ(MSI_ROUTE_REASON_DISABLED, f.caps[MSI].reason);
}

static void give_up_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = {};

	if (syscall(SYS_capset, &header, none))
		die("capset");
}

TEST_F(observe, numbers_are_ascending_and_not_used_again)
{
	struct msi_route_function f[4];
	struct function others[2];
	__u32 gone;
	int i;

	function_open(&others[0], &self->vm, msix_shape(1));
	function_open(&others[1], &self->vm, msi_shape(1, 0));
	/* Only of this process. */
	give_up_capabilities();
	ASSERT_EQ(3, functions_from(self->device, 0, 4, f));
	EXPECT_LT(f[0].number, f[1].number);
	EXPECT_LT(f[1].number, f[2].number);
	/* Either may come first. */
	for (i = 0; f[i].caps[MSI].max != 1; i++)
		ASSERT_GT(2, i);
	EXPECT_STREQ("0x0", f[i].name);
	gone = f[i].number;
	function_close(&others[1]);
	ASSERT_EQ(2, functions_from(self->device, 0, 4, f));
	function_open(&others[1], &self->vm, msix_shape(1));
	ASSERT_EQ(3, functions_from(self->device, 0, 4, f));
	for (i = 0; i < 3; i++)
		EXPECT_NE(gone, f[i].number);
	function_close(&others[0]);
	function_close(&others[1]);
}

/* Numbers do not tell how many other functions were made between two of one's own. */
TEST_F(observe, numbers_tell_nothing)
{
	enum { N = 8 };
	__u32 number[N], step[N] = {};
	struct msi_route_function f[2];
	struct function fn;
	int i, same = 0;

	give_up_capabilities();
	for (i = 0; i < N; i++) {
		function_open(&fn, &self->vm, msix_shape(1));
		ASSERT_EQ(2, functions_from(self->device, 0, 2, f));
		number[i] = f[f[0].number == self->number].number;
		function_close(&fn);
		step[i] = i ? number[i] - number[i - 1] : 0;
		same += i > 1 && step[i] == step[i - 1];
	}
	EXPECT_GT(N / 2, same);
}

TEST_F(observe, vectors)
{
	struct msi_route_vector v[128];
	int fd = new_eventfd();
	unsigned int i, nr = 0;
	int got;

	entry_set(&self->fn, 69, MSI_TO(0) | 0x8, VECTOR, 0);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 69, fd, 0));
	signal_eventfd(fd, 3);
	do {
		got = vectors_of(self->device, self->number, MSIX, nr, 128, &v[nr]);
		ASSERT_LE(0, got);
		nr += got;
	} while (got);
	ASSERT_EQ(70, nr);
	for (i = 0; i < nr; i++)
		EXPECT_EQ(i, v[i].vector);
	EXPECT_EQ(MSI_ROUTE_STATE_MASKED | MSI_ROUTE_STATE_BUS_MASTER, v[0].state);
	EXPECT_EQ(MSI_ROUTE_REASON_MASKED, v[0].reason);
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, v[0].last);
	EXPECT_EQ(MSI_ROUTE_STATE_PENDING | MSI_ROUTE_STATE_EVENTFD |
		  MSI_ROUTE_STATE_BUS_MASTER, v[69].state);
	EXPECT_EQ(MSI_ROUTE_REASON_DISABLED, v[69].reason);
	EXPECT_EQ(MSI_ROUTE_REASON_DISABLED, v[69].last);
	EXPECT_EQ(MSI_TO(0) | 0x8, v[69].address);
	EXPECT_EQ(VECTOR, v[69].data);
	EXPECT_EQ(MSI_TO(0) | 0x8, v[69].sent_address);
	EXPECT_EQ(3, v[69].events);
	EXPECT_EQ(2, v[69].coalesced);
	EXPECT_EQ(0, v[69].messages);
}

/* By the function's own descriptor, which needs no number. */
TEST_F(observe, vectors_of_ones_own)
{
	struct msi_route_vector v[2];

	msi_set(&self->fn, MSI_TO(0), VECTOR & ~1);
	msi_control(&self->fn, MSI_ENABLE | MSI_MME(1));
	ASSERT_EQ(2, vectors_of(self->fn.fd, 0, MSI, 0, 2, v));
	EXPECT_EQ(VECTOR - 1, v[0].data);
	EXPECT_EQ(VECTOR, v[1].data);
	EXPECT_EQ(-EINVAL, vectors_of(self->fn.fd, self->number, MSI, 0, 2, v));
}

TEST_F(observe, last_reason)
{
	struct msi_route_vector v;

	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
#define EXPECT_LAST(now, before)						\
	do {									\
		ASSERT_EQ(1, vectors_of(self->fn.fd, 0, MSIX, 0, 1, &v));	\
		EXPECT_EQ(MSI_ROUTE_REASON_##now, v.reason);			\
		EXPECT_EQ(MSI_ROUTE_REASON_##before, v.last);			\
	} while (0)
	trigger(&self->fn, MSIX, 0);
	EXPECT_LAST(NONE, NONE);
	entry_mask(&self->fn, 0, true);
	trigger(&self->fn, MSIX, 0);
	EXPECT_LAST(MASKED, MASKED);
	entry_mask(&self->fn, 0, false);
	EXPECT_LAST(NONE, MASKED);
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_LAST(FUNCTION_MASK, MASKED);
	trigger(&self->fn, MSIX, 0);
	EXPECT_LAST(FUNCTION_MASK, FUNCTION_MASK);
	clear_pending(&self->fn, MSIX, 0);
	EXPECT_LAST(FUNCTION_MASK, CLEARED);
	entry_set(&self->fn, 0, MSI_TO(0x77), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	trigger(&self->fn, MSIX, 0);
	EXPECT_LAST(NONE, UNREACHED);
	entry_set(&self->fn, 0, MSI_TO(0), 0x300 | VECTOR, 0);
	trigger(&self->fn, MSIX, 0);
	EXPECT_LAST(MODE, MODE);
}

/* An update is open, unless an emulated host takes longer than the bound. */
TEST_F(observe, held)
{
	struct msi_route_vector v;

	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	msix_control(&self->fn, MSIX_ENABLE);
	do {
		entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
		table_write(&self->fn, ENTRY(0), MSI_TO(0) | 0x8);
		trigger(&self->fn, MSIX, 0);
		ASSERT_EQ(1, vectors_of(self->fn.fd, 0, MSIX, 0, 1, &v));
	} while (!(v.state & MSI_ROUTE_STATE_HELD));
	EXPECT_EQ(MSI_ROUTE_STATE_HELD | MSI_ROUTE_STATE_PENDING | MSI_ROUTE_STATE_ENABLED |
		  MSI_ROUTE_STATE_BUS_MASTER, v.state);
	EXPECT_EQ(MSI_ROUTE_REASON_HELD, v.reason);
	EXPECT_EQ(MSI_ROUTE_REASON_HELD, v.last);
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, VECTOR);
	ASSERT_EQ(1, vectors_of(self->fn.fd, 0, MSIX, 0, 1, &v));
	EXPECT_FALSE(v.state & MSI_ROUTE_STATE_HELD);
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, v.reason);
}

TEST_F(observe, counters)
{
	struct msi_route_counters c = {
		.size = sizeof(c), .kind = MSIX, .vector = MSI_ROUTE_ALL_VECTORS,
		.function = self->number,
	};

	trigger(&self->fn, MSIX, 0);
	ASSERT_EQ(0, call(self->device, MSI_ROUTE_GET_COUNTERS, &c));
	EXPECT_EQ(1, c.events);
	EXPECT_EQ(1, c.pending);
	EXPECT_EQ(-EINVAL, call(self->fn.fd, MSI_ROUTE_GET_COUNTERS, &c));
}

/* ---- elements that grow ---- */

TEST_F(observe, longer_elements_end_in_zeros)
{
	struct {
		struct msi_route_vector known;
		__u64 unknown;
	} v[2];
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .function = self->number, .kind = MSIX, .room = 2,
		.stride = sizeof(v[0]), .vectors = (unsigned long)v,
	};

	memset(v, 0xff, sizeof(v));
	ASSERT_EQ(0, call(self->device, MSI_ROUTE_GET_VECTORS, &g));
	EXPECT_EQ(2, g.nr);
	EXPECT_EQ(1, v[1].known.vector);
	EXPECT_EQ(0, v[0].unknown);
	EXPECT_EQ(0, v[1].unknown);
}

/* ---- errors ---- */

TEST_F(observe, errors)
{
	struct msi_route_get_functions f = {
		.size = sizeof(f), .from = self->number, .room = 1,
		.stride = sizeof(struct msi_route_function), .functions = NOWHERE,
	};
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .function = self->number, .kind = MSIX, .room = 1,
		.stride = sizeof(struct msi_route_vector), .vectors = NOWHERE,
	};
	struct msi_route_vector v;

	EXPECT_EQ(-EFAULT, call(self->device, MSI_ROUTE_GET_FUNCTIONS, &f));
	EXPECT_EQ(-ENOTTY, call(self->fn.fd, MSI_ROUTE_GET_FUNCTIONS, &f));
	f.stride--;
	EXPECT_EQ(-EINVAL, call(self->device, MSI_ROUTE_GET_FUNCTIONS, &f));
	f.stride = 4097;
	EXPECT_EQ(-EINVAL, call(self->device, MSI_ROUTE_GET_FUNCTIONS, &f));
	f.reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, call(self->device, MSI_ROUTE_GET_FUNCTIONS, &f));
	EXPECT_EQ(-EFAULT, call(self->device, MSI_ROUTE_GET_VECTORS, &g));
	g.stride--;
	EXPECT_EQ(-EINVAL, call(self->device, MSI_ROUTE_GET_VECTORS, &g));
	g.stride = 4097;
	EXPECT_EQ(-EINVAL, call(self->device, MSI_ROUTE_GET_VECTORS, &g));
	g.reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, call(self->device, MSI_ROUTE_GET_VECTORS, &g));

	EXPECT_EQ(-EINVAL, functions_from(self->device, 0, 0, NULL));
	EXPECT_EQ(-EINVAL, vectors_of(self->device, self->number, MSIX, 0, 0, &v));
	EXPECT_EQ(-EINVAL, vectors_of(self->device, self->number, 3, 0, 1, &v));
	EXPECT_EQ(-ENODEV, vectors_of(self->device, self->number, MSI_ROUTE_IMS, 0, 1, &v));
	EXPECT_EQ(-ENOENT, vectors_of(self->device, 0, MSIX, 0, 1, &v));
	EXPECT_EQ(-ENOENT, vectors_of(self->device, ~0U, MSIX, 0, 1, &v));
	EXPECT_EQ(0, vectors_of(self->device, self->number, MSIX, 70, 1, &v));
	EXPECT_EQ(0, vectors_of(self->device, self->number, MSIX, ~0U, 1, &v));
	EXPECT_EQ(0, functions_from(self->device, ~0U, 1, NULL));
}

/* ---- to whom ---- */

/* How @number looks to a child without capabilities that opened nothing itself. */
static int seen_by_another(int device, __u32 number, bool privileged)
{
	struct msi_route_function f;
	struct msi_route_vector v;
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		if (!privileged)
			give_up_capabilities();
		if (functions_from(device, number, 1, &f) != 1 || f.number != number)
			_exit(vectors_of(device, number, MSIX, 0, 1, &v) == -ENOENT ? 0 : 2);
		_exit(vectors_of(device, number, MSIX, 0, 1, &v) == 1 ? 1 : 2);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		die("waitpid");
	return WEXITSTATUS(status);
}

/* The same user, even the same program: the machine belongs to another process. */
TEST_F(observe, others_need_a_capability)
{
	EXPECT_EQ(1, seen_by_another(self->device, self->number, true));
	EXPECT_EQ(0, seen_by_another(self->device, self->number, false));
}

TEST_F(observe, ones_own_needs_none)
{
	struct msi_route_function f;
	struct msi_route_vector v;

	give_up_capabilities();
	EXPECT_EQ(1, functions_from(self->device, self->number, 1, &f));
	EXPECT_EQ(self->number, f.number);
	EXPECT_EQ(getpid(), f.vm_pid);
	EXPECT_EQ(1, vectors_of(self->device, self->number, MSIX, 0, 1, &v));
}

/* A container does not see the host's PIDs, even for its own machine. */
TEST_F(observe, a_container_learns_no_pid)
{
	struct msi_route_function f;
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		SKIP(return, "no PID namespaces");
	pid = fork();
	if (!pid) {
		struct function fn;
		struct vm vm;

		vm_create(&vm, 0, 1);
		function_open(&fn, &vm, msix_shape(1));
		give_up_capabilities();
		_exit(functions_from(self->device, 0, 1, &f) == 1 && f.vm_fd == vm.fd &&
		      !f.vm_pid ? 0 : 1);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* ---- functions that appear and disappear ---- */

static bool stop;

static void *observe_without_pause(void *arg)
{
	int device = *(int *)arg;
	struct msi_route_counters c;
	struct msi_route_function f;
	struct msi_route_vector v[8];
	long seen = 0;
	__u32 from = 0;

	while (!load(&stop)) {
		if (functions_from(device, from, 1, &f) != 1) {
			from = 0;
			sched_yield();
			continue;
		}
		from = f.number + 1;
		c = (struct msi_route_counters) {
			.size = sizeof(c), .kind = MSIX, .vector = MSI_ROUTE_ALL_VECTORS,
			.function = f.number,
		};
		call(device, MSI_ROUTE_GET_COUNTERS, &c);
		seen += vectors_of(device, f.number, MSIX, 0, 8, v) > 0;
	}
	return (void *)seen;
}

TEST_F(observe, while_functions_come_and_go)
{
	struct function fn;
	pthread_t observer;
	unsigned int i;
	void *seen;

	ASSERT_EQ(0, pthread_create(&observer, NULL, observe_without_pause, &self->device));
	for (i = 0; i < 300; i++) {
		function_open(&fn, &self->vm, msix_shape(64));
		entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
		sched_yield();
		resize(&fn, MSIX, 1, 1 + i % 64);
		function_close(&fn);
	}
	store(&stop, true);
	pthread_join(observer, &seen);
	REMARK("%ld times seen", (long)seen);
	EXPECT_LT(0, (long)seen);
}
