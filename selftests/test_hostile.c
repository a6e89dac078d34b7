// SPDX-License-Identifier: GPL-2.0
/*
 * Hostile callers: all calls at once from many threads, functions and VMs that
 * go away under them, processes that are killed, descriptors in the wrong
 * hands, the module unloaded meanwhile.  Afterwards nothing is left of it: no
 * reference, no memory, no line in the kernel's log; and a caller who means
 * well is served.
 *
 * TEST_HOSTILE=N in the environment goes on N times as long.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define IMS		MSI_ROUTE_IMS
#define MODULE		"msi_route"
#define NR_MSIX		66		/* two blocks of vectors */
#define NR_MSI		4
#define NR_IMS		70
#define NR_FDS		16
#define VECTOR		0x50
#define NR_THREADS	4

/* ---- what must not have changed afterwards ---- */

FIXTURE(hostile) {
	struct users users;
	unsigned int areas;
	int log;
};

static void be_served(void)
{
	struct function fn;
	struct vm vm;

	vm_create(&vm, 0, 1);
	function_open(&fn, &vm, msix_shape(NR_MSIX));
	entry_set(&fn, NR_MSIX - 1, MSI_TO(0), VECTOR, 0);
	msix_control(&fn, MSIX_ENABLE);
	if (trigger(&fn, MSIX, NR_MSIX - 1) != MSI_ROUTE_SENT || !vcpu_irr(&vm.vcpu[0], VECTOR))
		die("a caller who means well is not served");
	function_close(&fn);
	vm_destroy(&vm);
}

FIXTURE_SETUP(hostile)
{
	/* What KVM says once is said now. */
	be_served();
	self->users = all_users();
	self->areas = module_areas();
	self->log = kernel_log_open();
}

FIXTURE_TEARDOWN(hostile)
{
	wait_for_users(&self->users);
	EXPECT_EQ(self->areas, module_areas());
	be_served();
	EXPECT_EQ(0, kernel_log_lines(self->log));
}

/* ---- all calls, in any order, by anybody ---- */

static struct victim {
	struct function fn;
	int fds[NR_FDS];
} victim;

static struct msi_route_create all_shape(void)
{
	struct msi_route_create shape = both_shape(NR_MSIX, NR_MSI);

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	shape.grant_cap = 0x80;
	shape.ims_vectors = 1;
	shape.ims_max = NR_IMS;
	return shape;
}

static __u32 random_kind(__u32 random)
{
	return random % 3;
}

static __u32 random_vector(__u32 random)
{
	return random >> 8 & 127;
}

/* An eventfd, none, the one that is there, or something that is none. */
static int random_fd(const struct victim *v, __u32 random)
{
	switch (random >> 16 & 7) {
	case 0:
		return -1;
	case 1:
		return MSI_ROUTE_EVENTFD_KEEP;
	case 2:
		return v->fn.fd;
	default:
		return v->fds[random >> 20 & (NR_FDS - 1)];
	}
}

/* None, REPLACE, ADD, REMOVE. */
static __u32 random_flags(__u32 random)
{
	return 1U << (random >> 30) >> 1;
}

static void signal_one(struct victim *v, __u32 random)
{
	__u64 count = 1;
	ssize_t ignored = write(random_fd(v, random), &count, sizeof(count));

	(void)ignored;
}

/* Its last close, while others signal and attach it; its number stays in use. */
static void renew_fd(struct victim *v, __u32 random)
{
	int fd = new_eventfd();

	dup3(fd, v->fds[random >> 20 & (NR_FDS - 1)], O_CLOEXEC);
	close(fd);
}

static void attach_many(struct victim *v, __u32 random)
{
	__s32 fds[8];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = random_fd(v, random * (i + 1));
	set_eventfds(&v->fn, random_kind(random), random_vector(random), ARRAY_SIZE(fds), fds,
		     random_flags(random));
}

static void set_many_entries(struct victim *v, __u32 random)
{
	struct msi_route_entry entries[8] = {};

	memset(entries, random, sizeof(entries[0]) * (random % 8));
	entries[random % 8] = (struct msi_route_entry) {
		.address_lo = MSI_TO(0), .data = VECTOR + random % 64,
	};
	set_entries(&v->fn, random_vector(random), ARRAY_SIZE(entries), entries);
}

static void operate_store(struct victim *v, __u32 random)
{
	struct msi_route_ims_op ops[4] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		ops[i].vector = (random >> (8 * i)) % NR_IMS;
		ops[i].op = random >> i & 3;
		if (ops[i].op == MSI_ROUTE_IMS_SET)
			ops[i].entry = (struct msi_route_entry) {
				.address_lo = MSI_TO(0), .data = VECTOR + random % 64,
			};
	}
	set_ims(&v->fn, ops, ARRAY_SIZE(ops));
}

static void take_changes(struct victim *v, __u32 random)
{
	struct msi_route_vector_change changes[16];
	bool more;

	if (random & 0x100)
		set_notify(&v->fn, random & 0x1f, random & 0x1f ? random_fd(v, random) : -1);
	else
		get_changes(&v->fn, changes, ARRAY_SIZE(changes), &more);
}

static void save_and_restore(struct victim *v)
{
	struct msi_route_entry entries[NR_MSIX], ims_entries[NR_IMS];
	__u64 pba[2] = {}, held[2] = {}, ims_pending[2] = {};
	struct msi_route_state state = {
		.size = sizeof(state), .msix_vectors = NR_MSIX, .msi_vectors = NR_MSI,
		.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING, .ims_max = NR_IMS,
		.entries = (unsigned long)entries, .pba = (unsigned long)pba,
		.held = (unsigned long)held, .ims_entries = (unsigned long)ims_entries,
		.ims_pending = (unsigned long)ims_pending,
	};

	set_run(&v->fn, 0);
	if (!ioctl(v->fn.fd, MSI_ROUTE_SAVE, &state))
		ioctl(v->fn.fd, MSI_ROUTE_RESTORE, &state);
	set_run(&v->fn, 1);
}

static void translate(struct victim *v, __u32 random)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .kind = random_kind(random), .vector = random_vector(random),
		.raw_address = MSI_TO(0) | 0x10, .address = MSI_TO(0), .data = VECTOR,
	};

	ioctl(v->fn.fd, MSI_ROUTE_SET_TRANSLATION, &t);
}

static void access_registers(struct victim *v, __u32 random)
{
	__u64 value = (__u64)random << 32 | MSI_TO(0) | (random & 0x10);
	__u32 offset = random >> 4 & 0xff;

	/* Of configuration space, also the capabilities' control. */
	function_access(&v->fn, random & 1 ? MSI_ROUTE_WRITE : MSI_ROUTE_READ, random >> 1 & 3,
			offset & ~3U, 4U << (random >> 3 & 1), &value);
	value = random >> 16 & 3 ? MSIX_ENABLE : random >> 16;
	function_access(&v->fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG, MSIX_CAP + MSIX_CONTROL, 2,
			&value);
}

static void place(struct victim *v, __u32 random)
{
	__u64 table = TABLE_GPA(random >> 8 & 7);

	map(&v->fn, random & 3, random & 1 ? table : 0, random & 2 ? table + PBA_OFFSET : 0);
}

static void map_image(struct victim *v, __u32 random)
{
	unsigned long size = (random & 3) * 4096;
	void *image = mmap(NULL, size, PROT_READ, MAP_SHARED, v->fn.fd, (random >> 2 & 3) * 4096);

	if (image != MAP_FAILED) {
		(void)*(volatile __u32 *)image;
		munmap(image, size);
	}
}

static void call_something(struct victim *v, __u32 random)
{
	const __u32 kind = random_kind(random), vector = random_vector(random);
	struct msi_route_counters c = { .size = sizeof(c), .kind = kind, .vector = vector };

	switch (random >> 24 & 31) {
	case 0:
	case 1:
		set_eventfd(&v->fn, kind, vector, random_fd(v, random), random_flags(random));
		break;
	case 2:
		attach_many(v, random);
		break;
	case 3:
		renew_fd(v, random);
		break;
	case 4:
		set_many_entries(v, random);
		break;
	case 5:
	case 6:
		operate_store(v, random);
		break;
	case 7:
		take_changes(v, random);
		break;
	case 8:
		save_and_restore(v);
		break;
	case 9:
		translate(v, random);
		break;
	case 10:
		place(v, random);
		break;
	case 11:
		map_image(v, random);
		break;
	case 12:
		reset(&v->fn);
		break;
	case 13:
		renew(&v->fn);
		break;
	case 14:
		set_bus_master(&v->fn, random & 1);
		break;
	case 15:
		set_hold(&v->fn, random & 0xffff);
		break;
	case 16:
		resize(&v->fn, kind, random & 1, random_vector(random));
		break;
	case 17:
		clear_pending(&v->fn, kind, vector);
		break;
	case 18:
		ioctl(v->fn.fd, MSI_ROUTE_GET_COUNTERS, &c);
		break;
	case 19 ... 23:
		access_registers(v, random);
		break;
	case 24 ... 27:
		signal_one(v, random);
		break;
	default:
		trigger(&v->fn, kind, vector);
		break;
	}
}

static void make_victim(struct victim *v, struct vm *vm)
{
	unsigned int i;

	if (function_try_open(&v->fn, vm, all_shape()) < 0)
		die("MSI_ROUTE_CREATE");
	set_bus_master(&v->fn, 1);
	for (i = 0; i < NR_FDS; i++)
		v->fds[i] = new_eventfd();
}

static void free_victim(struct victim *v)
{
	unsigned int i;

	close(v->fn.fd);
	for (i = 0; i < NR_FDS; i++)
		close(v->fds[i]);
}

/* ---- threads ---- */

struct thread {
	pthread_t id;
	unsigned int number, rounds;
	void (*round)(unsigned int number, __u32 random);
};

static void *run_thread(void *arg)
{
	struct thread *t = arg;
	__u32 state = 0x9e3779b9 * (t->number + 1);
	unsigned int i;

	for (i = 0; i < t->rounds; i++)
		t->round(t->number, next_random(&state));
	return NULL;
}

/* Each thread does its own @round so many times. */
static void run_threads(struct thread *threads, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		threads[i].number = i;
		if (pthread_create(&threads[i].id, NULL, run_thread, &threads[i]))
			die("pthread_create");
	}
	for (i = 0; i < nr; i++)
		pthread_join(threads[i].id, NULL);
}

static void call_victim(unsigned int number, __u32 random)
{
	(void)number;
	call_something(&victim, random);
}

/* It is there, so the module is in use. */
static void try_to_unload(unsigned int number, __u32 random)
{
	(void)number;
	(void)random;
	if (rmmod(MODULE) != -EAGAIN)
		die("unloaded while in use");
	sched_yield();
}

/* The equation of struct msi_route_counters, whatever happened. */
#define EXPECT_ACCOUNTED(fn, kind)					\
	do {								\
		struct msi_route_counters c = totals(fn, kind);		\
									\
		EXPECT_EQ(c.events, accounted(&c)) TH_LOG("kind %u", kind);	\
	} while (0)

TEST_F(hostile, all_calls_on_one_function)
{
	struct thread threads[NR_THREADS + 1];
	unsigned int i;
	struct vm vm;

	vm_create(&vm, 0, 1);
	make_victim(&victim, &vm);
	for (i = 0; i < NR_THREADS; i++)
		threads[i] = (struct thread) { .rounds = times(4000), .round = call_victim };
	threads[i] = (struct thread) { .rounds = times(200), .round = try_to_unload };
	run_threads(threads, NR_THREADS + 1);
	EXPECT_ACCOUNTED(&victim.fn, MSIX);
	EXPECT_ACCOUNTED(&victim.fn, MSI);
	EXPECT_ACCOUNTED(&victim.fn, IMS);
	REMARK("%llu, %llu and %llu events", totals(&victim.fn, MSIX).events,
	       totals(&victim.fn, MSI).events, totals(&victim.fn, IMS).events);
	free_victim(&victim);
	vm_destroy(&vm);
}

/* The guest uses a table that is placed, moved, granted away and taken away. */
static void use_table(void)
{
	__u32 state = 0x1234567 + guest_this_cpu()->index;

	guest_sti();
	for (;;) {
		__u32 random = next_random(&state);
		unsigned long at = TABLE_GPA(random >> 8 & 7) + (random & 0xfff & ~3U);

		/* Delivery mode 0: what comes of it is for this guest to take. */
		if (random >> 31)
			guest_write32(at, random & ~0x700U);
		else
			guest_read32(at);
	}
}

static bool nobody_there(struct vm *vm, __u64 gpa, void *data, __u32 len, bool write)
{
	(void)vm;
	(void)gpa;
	if (!write)
		memset(data, 0xff, len);
	return true;
}

TEST_F(hostile, all_calls_while_the_guest_runs)
{
	struct thread threads[NR_THREADS];
	unsigned int i;
	struct vm vm;

	vm_create(&vm, VM_X2APIC, 2);
	vm_mmio = nobody_there;
	make_victim(&victim, &vm);
	for (i = 0; i < 2; i++)
		vcpu_start(&vm.vcpu[i], use_table);
	for (i = 0; i < NR_THREADS; i++)
		threads[i] = (struct thread) { .rounds = times(1000), .round = call_victim };
	run_threads(threads, NR_THREADS);
	/* The function goes first, and the vCPUs still run. */
	free_victim(&victim);
	vm_destroy(&vm);
}

/* ---- functions and VMs that come and go ---- */

#define NR_SLOTS	8

static struct {
	struct vm vm;
	int slot[NR_SLOTS];		/* a function's descriptor, or -1 */
	__u32 created, refused;
} market;

static int exchange(int *slot, int fd)
{
	return __atomic_exchange_n(slot, fd, __ATOMIC_SEQ_CST);
}

static void put_function(unsigned int number, __u32 random)
{
	struct msi_route_create shape = all_shape();
	struct function fn;
	int old;

	(void)number;
	if (random & 1)
		shape = random & 2 ? msix_shape(1 + (random >> 16 & 0xff)) : msi_shape(1, 0);
	if (function_try_open(&fn, &market.vm, shape) < 0) {
		atomic_inc(&market.refused);
		return;
	}
	atomic_inc(&market.created);
	set_bus_master(&fn, 1);
	map(&fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(random >> 8 & 7), 0);
	old = exchange(&market.slot[random >> 4 & (NR_SLOTS - 1)], fn.fd);
	if (old >= 0)
		close(old);
}

/* With a descriptor that another thread may close, and use anew, right now. */
static void use_function(unsigned int number, __u32 random)
{
	struct victim borrowed = { .fn.fd = load(&market.slot[random >> 4 & (NR_SLOTS - 1)]) };
	unsigned int i;

	(void)number;
	for (i = 0; i < NR_FDS; i++)
		borrowed.fds[i] = victim.fds[i];
	if (borrowed.fn.fd >= 0)
		call_something(&borrowed, random);
}

static void take_function(unsigned int number, __u32 random)
{
	int fd = exchange(&market.slot[random >> 4 & (NR_SLOTS - 1)], -1);

	(void)number;
	if (fd >= 0)
		close(fd);
	else
		sched_yield();
}

/* The VM's last descriptor; its functions keep it alive, each for itself. */
static void renew_vm(unsigned int number, __u32 random)
{
	int vm = ioctl(market.vm.kvm_fd, KVM_CREATE_VM, 0);

	(void)number;
	if (vm < 0)
		die("KVM_CREATE_VM");
	/* One in four is of no use to us. */
	if (random & 3 && ioctl(vm, KVM_CREATE_IRQCHIP, 0))
		die("KVM_CREATE_IRQCHIP");
	dup3(vm, market.vm.fd, O_CLOEXEC);
	close(vm);
}

TEST_F(hostile, functions_and_vms_come_and_go)
{
	struct thread threads[] = {
		{ .rounds = times(150), .round = put_function },
		{ .rounds = times(150), .round = put_function },
		{ .rounds = times(1500), .round = use_function },
		{ .rounds = times(1500), .round = use_function },
		{ .rounds = times(300), .round = take_function },
		{ .rounds = times(20), .round = renew_vm },
		{ .rounds = times(50), .round = try_to_unload },
	};
	int device = open_device();
	unsigned int i;

	for (i = 0; i < NR_SLOTS; i++)
		market.slot[i] = -1;
	for (i = 0; i < NR_FDS; i++)
		victim.fds[i] = new_eventfd();
	vm_create(&market.vm, 0, 0);
	run_threads(threads, ARRAY_SIZE(threads));
	for (i = 0; i < NR_SLOTS; i++)
		if (market.slot[i] >= 0)
			close(market.slot[i]);
	for (i = 0; i < NR_FDS; i++)
		close(victim.fds[i]);
	vm_destroy(&market.vm);
	close(device);
	EXPECT_LT(0, market.created);
	REMARK("%u functions created, %u refused", market.created, market.refused);
}

/* ---- processes ---- */

static void *call_for_ever(void *arg)
{
	__u32 state = (unsigned long)arg;

	for (;;)
		call_something(&victim, next_random(&state));
	return NULL;
}

/* In another memory, with descriptors of this one; ends with its parent. */
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
		/* At any moment, however fast the host is. */
		for (i = next_random(&state) % 200; i; i--)
			sched_yield();
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
	}
}

/* ---- descriptors in other hands ---- */

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

/* Who was given the function may use it as its owner does; the VM is not his. */
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
	/* By then the other side has closed all of its own. */
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
	/* Anything: it says that they are closed. */
	fds[0] = fds[2];
	fds[1] = fds[2];
	send_fds(sockets[0], fds);
	close(fds[2]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(sockets[0]);
}

/* ---- the image ---- */

static struct {
	struct function fn;
	void *image;			/* one page, or not */
	int sink;
} reader;

/* Reads by way of the kernel, which answers EFAULT where there is nothing. */
static void read_image(unsigned int number, __u32 random)
{
	ssize_t done = pwrite(reader.sink, reader.image, 16 + (random & 1023), 0);

	(void)number;
	if (done < 0 && errno != EFAULT)
		die("pwrite");
}

static void map_and_unmap(unsigned int number, __u32 random)
{
	(void)number;
	if (random & 1)
		munmap(reader.image, 4096);
	else
		mmap(reader.image, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, reader.fn.fd,
		     random & 2 ? 4096 : 0);
}

static void change_table(unsigned int number, __u32 random)
{
	__u64 value = random;

	(void)number;
	function_access(&reader.fn, MSI_ROUTE_WRITE, MSI_ROUTE_TABLE, random & 0x3fc, 4, &value);
}

TEST_F(hostile, image_mapped_and_unmapped_while_it_is_read)
{
	struct thread threads[] = {
		{ .rounds = times(3000), .round = read_image },
		{ .rounds = times(3000), .round = map_and_unmap },
		{ .rounds = times(2000), .round = change_table },
	};
	struct vm vm;

	vm_create(&vm, 0, 0);
	ASSERT_LE(0, function_try_open(&reader.fn, &vm, msix_shape(NR_MSIX)));
	reader.sink = memfd_create("sink", MFD_CLOEXEC);
	ASSERT_LE(0, reader.sink);
	reader.image = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader.fn.fd, 0);
	ASSERT_NE(MAP_FAILED, reader.image);
	run_threads(threads, ARRAY_SIZE(threads));
	munmap(reader.image, 4096);
	close(reader.sink);
	close(reader.fn.fd);
	vm_destroy(&vm);
}

/* Each offset and length that is not within the image is refused. */
TEST_F(hostile, image_at_odd_places)
{
	static const long at[] = { 0, 1, 2, 3, 7, 0x7ffffffffL, 0x7ffffffffffffL, -1L, -2L };
	struct function fn;
	unsigned int i;
	long pages, nr;
	struct vm vm;

	vm_create(&vm, 0, 0);
	ASSERT_LE(0, function_try_open(&fn, &vm, msix_shape(NR_MSIX)));
	nr = fn.shape.mmap_size / 4096;
	ASSERT_LT(0, nr);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (pages = 1; pages <= nr + 2; pages++) {
			bool within = at[i] >= 0 && at[i] + pages <= nr;
			void *image = mmap(NULL, pages * 4096, PROT_READ, MAP_SHARED, fn.fd,
					   at[i] * 4096);

			EXPECT_EQ(within, image != MAP_FAILED)
				TH_LOG("%ld pages at %#lx", pages, at[i]);
			if (image == MAP_FAILED)
				continue;
			/* It neither grows nor becomes writable. */
			EXPECT_EQ(MAP_FAILED, mremap(image, pages * 4096, (pages + 1) * 4096,
						     MREMAP_MAYMOVE));
			EXPECT_EQ(-1, mprotect(image, 4096, PROT_READ | PROT_WRITE));
			EXPECT_EQ(-1, mprotect(image, 4096, PROT_READ | PROT_EXEC));
			EXPECT_EQ(0, munmap(image, pages * 4096));
		}
	}
	/* Another page offset, no length at all. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fn.fd, 8));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 0, PROT_READ, MAP_SHARED, fn.fd, 0));
	close(fn.fd);
	vm_destroy(&vm);
}

/* ---- the module itself ---- */

static const char *const parameters[] = { "hold_ns", "mutation", "stretch_us" };

struct parameter {
	char text[64];
};

static void parameter_path(char *path, size_t size, unsigned int i)
{
	snprintf(path, size, "/sys/module/msi_route/parameters/%s", parameters[i]);
}

static void get_parameters(struct parameter *values)
{
	unsigned int i;
	char path[96];
	int fd;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		parameter_path(path, sizeof(path), i);
		memset(&values[i], 0, sizeof(values[i]));
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (read(fd, values[i].text, sizeof(values[i].text) - 1) < 0)
			die("%s", path);
		close(fd);
	}
}

static void set_parameters(const struct parameter *values)
{
	unsigned int i;
	char path[96];
	int fd;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		if (!values[i].text[0])
			continue;
		parameter_path(path, sizeof(path), i);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write(fd, values[i].text, strlen(values[i].text)) < 0)
			die("%s", path);
		close(fd);
	}
}

static __u32 served, attempts;
static bool creators;

static void create_and_close(unsigned int number, __u32 random)
{
	struct function fn = { .shape = msix_shape(1 + (random & 0x7f)) };
	__u32 before = load(&attempts);
	int device;

	(void)number;
	/* Now and then nobody uses the module. */
	while (load(&attempts) - before < (random >> 8 & 3))
		sched_yield();
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	fn.shape.vm_fd = market.vm.fd;
	fn.fd = device < 0 ? -1 : ioctl(device, MSI_ROUTE_CREATE, &fn.shape);
	close(device);
	if (fn.fd < 0) {
		/* Between unload and load. */
		sched_yield();
		return;
	}
	set_bus_master(&fn, 1);
	trigger(&fn, MSIX, 0);
	atomic_inc(&served);
	close(fn.fd);
}

static __u32 unloaded;
static const char *file_of_module;

/* A load takes long on an emulated host: only a few of them. */
static void *unload_and_load(void *arg)
{
	int ret;

	while (load(&creators)) {
		atomic_inc(&attempts);
		sched_yield();
		if (unloaded == times(5))
			continue;
		ret = rmmod(MODULE);
		if (ret == -EAGAIN)
			continue;
		unloaded++;
		if (ret || insmod(file_of_module))
			die("unload and load %s", file_of_module);
	}
	return arg;
}

TEST_F(hostile, unloaded_and_loaded)
{
	struct thread threads[] = {
		{ .rounds = times(80), .round = create_and_close },
		{ .rounds = times(80), .round = create_and_close },
	};
	struct parameter values[ARRAY_SIZE(parameters)];
	pthread_t unloader;

	file_of_module = getenv("LAB_MODULE");
	if (!file_of_module)
		SKIP(return, "LAB_MODULE does not name the file to load again");
	get_parameters(values);
	vm_create(&market.vm, 0, 1);
	creators = true;
	ASSERT_EQ(0, pthread_create(&unloader, NULL, unload_and_load, NULL));
	run_threads(threads, ARRAY_SIZE(threads));
	store(&creators, false);
	pthread_join(unloader, NULL);
	/* Once for sure, with nothing left of what was done before. */
	while (rmmod(MODULE))
		sched_yield();
	ASSERT_EQ(0, insmod(file_of_module));
	set_parameters(values);
	vm_destroy(&market.vm);
	REMARK("%u functions created, unloaded %u times", served, unloaded + 1);
}
