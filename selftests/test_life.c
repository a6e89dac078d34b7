// SPDX-License-Identifier: GPL-2.0
/* Life: closing in any order, eventfds that appear and disappear, processes that die. */
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "guest/host.h"
#include "harness.h"
#include "uring.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		4
#define VECTOR		0x50

static void make(struct vm *vm, struct function *fn)
{
	unsigned int i;

	vm_create(vm, 0, 1);
	if (function_try_open(fn, vm, msix_shape(NR)) < 0)
		die("MSI_ROUTE_CREATE");
	if (set_bus_master(fn, 1))
		die("MSI_ROUTE_SET_BUS_MASTER");
	for (i = 0; i < NR; i++)
		entry_set(fn, i, MSI_TO(0), VECTOR + i, 0);
	msix_control(fn, MSIX_ENABLE);
}

/* Takes what is left in an eventfd. */
static __u64 take(int fd)
{
	__u64 count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* ---- closing ---- */

TEST(refcount_returns)
{
	struct users before = all_users();
	struct function fn;
	struct vm vm;

	make(&vm, &fn);
	EXPECT_LT(before.of[0], module_users("msi_route"));
	close(fn.fd);
	vm_destroy(&vm);
	wait_for_users(&before);
}

/* The five descriptors, in each of the 120 orders. */
TEST(close_in_any_order)
{
	struct users before = all_users();
	unsigned int order;

	for (order = 0; order < 120; order++) {
		unsigned int left = 5, n = order;
		struct function fn;
		struct vm vm;
		int fds[5];

		make(&vm, &fn);
		munmap(vm.vcpu[0].run, ioctl(vm.kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0));
		fds[0] = fn.fd;
		fds[1] = vm.fd;
		fds[2] = vm.vcpu[0].fd;
		fds[3] = vm.kvm_fd;
		fds[4] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(&fn, MSIX, 1, fds[4], 0));
		while (left) {
			unsigned int next = n % left;

			n /= left;
			ASSERT_EQ(0, close(fds[next]));
			fds[next] = fds[--left];
		}
	}
	wait_for_users(&before);
}

/* The function holds the VM: it still works, and the vendor's module stays. */
TEST(works_after_the_vm_is_closed)
{
	struct function fn;
	struct vm vm;
	int fd = new_eventfd();

	make(&vm, &fn);
	ASSERT_EQ(0, set_eventfd(&fn, MSIX, 1, fd, 0));
	close(vm.fd);
	close(vm.kvm_fd);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSIX, 0));
	signal_eventfd(fd, 1);
	EXPECT_TRUE(vcpu_irr(&vm.vcpu[0], VECTOR));
	EXPECT_TRUE(vcpu_irr(&vm.vcpu[0], VECTOR + 1));
	munmap(vm.vcpu[0].run, 3 * 4096);
	close(vm.vcpu[0].fd);
	EXPECT_LE(0, trigger(&fn, MSIX, 0));
	signal_eventfd(fd, 1);
	entry_mask(&fn, 0, true);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, 0));
	entry_mask(&fn, 0, false);
	close(fn.fd);
}

/*
 * The image stays mapped: its pages keep their last contents, also for a child.  Nothing
 * else of the function stays: not its eventfd, nor its references to VM and module.
 */
TEST(closed_while_mapped)
{
	struct users before = all_users();
	int status, fd = new_eventfd();
	__u32 *image, *data;
	struct function fn;
	struct vm vm;
	__u32 size;

	make(&vm, &fn);
	size = fn.shape.mmap_size;
	ASSERT_EQ(0, set_eventfd(&fn, MSIX, 1, fd, 0));
	image = mmap(NULL, size, PROT_READ, MAP_SHARED, fn.fd, 0);
	ASSERT_NE(MAP_FAILED, image);
	data = image + (fn.shape.mmap_table + ENTRY(2) + ENTRY_DATA) / 4;
	ASSERT_EQ(0, close(fn.fd));
	signal_eventfd(fd, 1);
	ASSERT_EQ(1, take(fd));
	EXPECT_EQ(VECTOR + 2, load(data));

	/* Another function takes the eventfd, and has an image of its own. */
	ASSERT_LE(0, function_try_open(&fn, &vm, msix_shape(NR)));
	EXPECT_EQ(0, set_eventfd(&fn, MSIX, 1, fd, 0));
	entry_set(&fn, 2, MSI_TO(0), VECTOR + 7, 0);
	ASSERT_EQ(0, close(fn.fd));
	vm_destroy(&vm);
	wait_for_users(&before);
	EXPECT_EQ(VECTOR + 2, load(data));
	if (!fork())
		_exit(load(data) != VECTOR + 2);
	wait(&status);
	EXPECT_EQ(0, status);
	EXPECT_EQ(-1, mprotect(image, size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, munmap(image, size));
}

/* ---- closing while eventfds fire ---- */

#define NR_THREADS	2

static bool stop;

static void *fire(void *arg)
{
	int *fds = arg;
	unsigned int i = 0;

	while (!load(&stop)) {
		signal_eventfd(fds[i++ % NR], 1);
		if (!(i % 64))
			sched_yield();
	}
	return NULL;
}

static void start_threads(pthread_t *threads, int *fds)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		fds[i] = new_eventfd();
	for (i = 0; i < NR_THREADS; i++)
		if (pthread_create(&threads[i], NULL, fire, fds))
			die("pthread_create");
}

static void stop_threads(pthread_t *threads)
{
	unsigned int i;

	store(&stop, true);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
}

TEST(close_while_eventfds_fire)
{
	struct users before = all_users();
	pthread_t threads[NR_THREADS];
	unsigned int round, i;
	int fds[NR];

	start_threads(threads, fds);
	for (round = 0; round < 40; round++) {
		struct function fn;
		struct vm vm;

		make(&vm, &fn);
		for (i = 0; i < NR; i++)
			ASSERT_EQ(0, set_eventfd(&fn, MSIX, i, fds[i], 0));
		while (!totals(&fn, MSIX).events)
			sched_yield();
		if (round & 1) {
			close(fn.fd);
			vm_destroy(&vm);
		} else {
			vm_destroy(&vm);
			close(fn.fd);
		}
	}
	stop_threads(threads);
	wait_for_users(&before);
}

/* ---- no event is lost at attach, replace, detach ---- */

FIXTURE(eventfd) {
	struct vm vm;
	struct function fn;
	int fd;
};

FIXTURE_SETUP(eventfd)
{
	make(&self->vm, &self->fn);
	self->fd = new_eventfd();
}

FIXTURE_TEARDOWN(eventfd)
{
	close(self->fn.fd);
	vm_destroy(&self->vm);
}

TEST_F(eventfd, what_it_holds_at_attach_is_raised)
{
	signal_eventfd(self->fd, 3);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	EXPECT_EQ(3, counters(&self->fn, MSIX, 0).events);
	EXPECT_EQ(2, counters(&self->fn, MSIX, 0).coalesced);
	EXPECT_EQ(1, counters(&self->fn, MSIX, 0).messages);
	EXPECT_EQ(0, take(self->fd));
}

TEST_F(eventfd, nothing_held_nothing_raised)
{
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
}

/* Each signal takes 1 from a semaphore, and so do attach and detach: as KVM's irqfd. */
TEST_F(eventfd, semaphore)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);

	signal_eventfd(fd, 2);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
	signal_eventfd(fd, 3);
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);
	EXPECT_EQ(1, take(fd));
	EXPECT_EQ(1, take(fd));
	EXPECT_EQ(0, take(fd));
	close(fd);
}

/* One that holds the most there is still interrupts at each signal. */
TEST_F(eventfd, semaphore_that_is_full)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);
	struct msi_route_counters c;

	signal_eventfd(fd, -2ULL);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	signal_eventfd(fd, 1);
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
	close(fd);
}

/* A consumer in the kernel signals it as it signals an irqfd. */
TEST_F(eventfd, by_io_uring)
{
	struct uring ring;
	int ret;

	ret = uring_open(&ring, self->fd);
	if (ret)
		SKIP(return, "this kernel gives no io_uring: %s", strerror(-ret));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	uring_complete_one(&ring);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	entry_mask(&self->fn, 0, true);
	uring_complete_one(&ring);
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	EXPECT_EQ(2, totals(&self->fn, MSIX).messages);
}

static __u64 signalled;

static void *fire_counted(void *arg)
{
	while (!load(&stop)) {
		signal_eventfd(*(int *)arg, 1);
		atomic_inc(&signalled);
	}
	return NULL;
}

/*
 * A vector's eventfd is detached and attached again, and moved to another vector, while a
 * thread signals it: each signal is an event of one of them, or is still in the eventfd.
 */
TEST_F(eventfd, exact_while_attached_and_detached)
{
	struct msi_route_counters c;
	unsigned int round;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, fire_counted, &self->fd));
	for (round = 0; round < 500; round++) {
		__u64 before = load(&signalled);

		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, round % NR, self->fd, 0));
		while (load(&signalled) == before)
			sched_yield();
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, round % NR, -1, 0));
	}
	store(&stop, true);
	pthread_join(thread, NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(signalled, c.events + take(self->fd));
	EXPECT_EQ(c.events, accounted(&c));
}

TEST_F(eventfd, exact_while_replaced)
{
	struct msi_route_counters c;
	unsigned int round;
	pthread_t thread;
	int other = new_eventfd();

	ASSERT_EQ(0, pthread_create(&thread, NULL, fire_counted, &self->fd));
	for (round = 0; round < 500; round++) {
		__u64 before = load(&signalled);
		int fd = round & 1 ? other : self->fd;

		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, MSI_ROUTE_EVENTFD_REPLACE));
		while (load(&signalled) == before)
			sched_yield();
	}
	store(&stop, true);
	pthread_join(thread, NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(signalled, c.events + take(self->fd));
	EXPECT_EQ(0, take(other));
	EXPECT_EQ(c.events, accounted(&c));
}

/*
 * Two queues share a vector: one's eventfd is added and removed while both are signalled
 * without pause.  Each signal of the one that stays is an event.
 */
TEST_F(eventfd, exact_while_another_is_added_and_removed)
{
	struct msi_route_counters c;
	pthread_t thread[2];
	int other = new_eventfd();
	unsigned int round;

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	ASSERT_EQ(0, pthread_create(&thread[0], NULL, fire_counted, &self->fd));
	ASSERT_EQ(0, pthread_create(&thread[1], NULL, fire_counted, &other));
	for (round = 0; round < 500; round++) {
		__u64 before = load(&signalled);

		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, other, MSI_ROUTE_EVENTFD_ADD));
		while (load(&signalled) == before)
			sched_yield();
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, other, MSI_ROUTE_EVENTFD_REMOVE));
	}
	store(&stop, true);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(0, take(self->fd));
	EXPECT_EQ(signalled, c.events + take(other));
	EXPECT_EQ(c.events, accounted(&c));
}

/* Closed eventfds do not pile up, and do not end the others. */
TEST_F(eventfd, closed_among_others)
{
	unsigned int i;

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	for (i = 0; i < 1000; i++) {
		int fd = new_eventfd();

		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, MSI_ROUTE_EVENTFD_ADD));
		signal_eventfd(fd, 1);
		close(fd);
	}
	signal_eventfd(self->fd, 1);
	EXPECT_EQ(1001, totals(&self->fn, MSIX).events);
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	signal_eventfd(self->fd, 1);
	EXPECT_EQ(1001, totals(&self->fn, MSIX).events);
}

/* When the last descriptor of an attached eventfd is closed, the attachment ends. */
TEST_F(eventfd, last_close_ends_it)
{
	int status, fds[2];
	char byte = 0;

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, self->fd, 0));
	close(self->fd);
	self->fd = new_eventfd();
	/* A work item removes it. */
	while (set_eventfd(&self->fn, MSIX, 0, self->fd, 0) == -EEXIST)
		sched_yield();
	signal_eventfd(self->fd, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);

	/* It lives while another process holds it. */
	ASSERT_EQ(0, pipe(fds));
	if (!fork()) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 0)
			_exit(1);
		signal_eventfd(self->fd, 1);
		_exit(0);
	}
	close(self->fd);
	close(fds[1]);
	wait(&status);
	EXPECT_EQ(0, status);
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	while (set_eventfd(&self->fn, MSIX, 0, new_eventfd(), 0) == -EEXIST)
		sched_yield();
}

/* ---- a process that is killed ---- */

static void sleep_for_ever(void)
{
	for (;;)
		guest_halt();
}

static void be_killed(int ready)
{
	pthread_t threads[NR_THREADS];
	struct function fn;
	unsigned int i;
	int fds[NR];
	struct vm vm;

	make(&vm, &fn);
	start_threads(threads, fds);
	for (i = 0; i < NR; i++)
		if (set_eventfd(&fn, MSIX, i, fds[i], 0))
			die("MSI_ROUTE_SET_EVENTFD");
	vcpu_start(&vm.vcpu[0], sleep_for_ever);
	if (write(ready, "", 1) != 1)
		die("write");
	/* Writes of the guest, until the end. */
	for (;;) {
		entry_mask(&fn, 0, true);
		table_write(&fn, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(0xff));
		entry_mask(&fn, 0, false);
		table_write(&fn, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(0));
	}
}

TEST(killed)
{
	struct users before = all_users();
	unsigned int round;
	int ready[2];
	char byte;

	ASSERT_EQ(0, pipe(ready));
	for (round = 0; round < 10; round++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			be_killed(ready[1]);
		ASSERT_LT(0, pid);
		ASSERT_EQ(1, read(ready[0], &byte, 1));
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
	}
	wait_for_users(&before);
}

/* A child inherits the descriptors: the function ends with the last of them. */
TEST(inherited)
{
	struct users before = all_users();
	struct function fn;
	int status, fds[2];
	struct vm vm;
	char byte;

	make(&vm, &fn);
	ASSERT_EQ(0, pipe(fds));
	if (!fork()) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 0)
			_exit(1);
		/* The VM's memory is the parent's: only own resources are used. */
		_exit(trigger(&fn, MSIX, 0) < 0);
	}
	close(fn.fd);
	vm_destroy(&vm);
	EXPECT_LT(before.of[0], module_users("msi_route"));
	close(fds[1]);
	close(fds[0]);
	wait(&status);
	EXPECT_EQ(0, status);
	wait_for_users(&before);
}
