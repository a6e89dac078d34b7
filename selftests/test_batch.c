// SPDX-License-Identifier: GPL-2.0
/* Many vectors in one call: eventfds and table entries, all or none. */
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		100
#define KEEP		MSI_ROUTE_EVENTFD_KEEP
#define REPLACE		MSI_ROUTE_EVENTFD_REPLACE
#define ADD		MSI_ROUTE_EVENTFD_ADD
#define REMOVE		MSI_ROUTE_EVENTFD_REMOVE

FIXTURE(batch) {
	struct vm vm;
	struct function fn;
	int fd[NR];
};

FIXTURE_SETUP(batch)
{
	int i;

	vm_create(&self->vm, 0, 1);
	function_open(&self->fn, &self->vm, msix_shape(NR));
	for (i = 0; i < NR; i++)
		self->fd[i] = new_eventfd();
}

FIXTURE_TEARDOWN(batch)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static __u64 events(struct function *fn, unsigned int vector)
{
	return counters(fn, MSIX, vector).events;
}

/* ---- eventfds ---- */

TEST_F(batch, attach_and_detach)
{
	int i, none[NR];

	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 0));
	for (i = 0; i < NR; i++) {
		signal_eventfd(self->fd[i], 1);
		EXPECT_EQ(1, events(&self->fn, i));
		none[i] = -1;
	}
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, none, 0));
	for (i = 0; i < NR; i++)
		signal_eventfd(self->fd[i], 1);
	EXPECT_EQ(NR, totals(&self->fn, MSIX).events);
	/* It is no error to detach where nothing is attached. */
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, none, 0));
}

/* A range of vectors: some are attached, some detached, some left as they are. */
TEST_F(batch, each_its_own)
{
	int fds[4];

	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 10, 3, self->fd, 0));
	fds[0] = KEEP;
	fds[1] = -1;
	fds[2] = self->fd[3];
	fds[3] = self->fd[4];
	EXPECT_EQ(-EEXIST, set_eventfds(&self->fn, MSIX, 10, 4, fds, 0));
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 10, 4, fds, REPLACE));
	signal_eventfd(self->fd[0], 1);
	signal_eventfd(self->fd[1], 1);
	signal_eventfd(self->fd[2], 1);
	signal_eventfd(self->fd[3], 1);
	signal_eventfd(self->fd[4], 1);
	EXPECT_EQ(1, events(&self->fn, 10));
	EXPECT_EQ(0, events(&self->fn, 11));
	EXPECT_EQ(1, events(&self->fn, 12));
	EXPECT_EQ(1, events(&self->fn, 13));
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);
}

/* A second eventfd of each vector is added and removed: for all of them or none. */
TEST_F(batch, add_and_remove)
{
	int i, second[NR];

	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 0));
	for (i = 0; i < NR; i++)
		second[i] = i == 7 ? KEEP : new_eventfd();
	second[NR - 1] = 10000;
	EXPECT_EQ(-EBADF, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD));
	second[NR - 1] = self->fd[NR - 1];
	EXPECT_EQ(-EEXIST, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD));
	second[NR - 1] = self->fd[0];
	EXPECT_EQ(-EBUSY, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD));
	second[NR - 1] = -1;
	EXPECT_EQ(-EBADF, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD));
	second[NR - 1] = new_eventfd();
	EXPECT_EQ(-EINVAL, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD | REPLACE));
	EXPECT_EQ(-ENOENT, set_eventfds(&self->fn, MSIX, 0, NR, second, REMOVE));
	for (i = 0; i < NR - 1; i++)
		if (i != 7)
			signal_eventfd(second[i], 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);

	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, second, ADD));
	EXPECT_EQ(NR - 2, totals(&self->fn, MSIX).events);
	for (i = 0; i < NR; i++) {
		signal_eventfd(self->fd[i], 1);
		if (i != 7)
			signal_eventfd(second[i], 1);
	}
	EXPECT_EQ(3 * NR - 3, totals(&self->fn, MSIX).events);
	EXPECT_EQ(1, events(&self->fn, 7));

	self->fd[7] = KEEP;
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, REMOVE));
	for (i = 0; i < NR; i++)
		if (i != 7)
			signal_eventfd(self->fd[i], 1);
	EXPECT_EQ(3 * NR - 3, totals(&self->fn, MSIX).events);
	signal_eventfd(second[0], 1);
	EXPECT_EQ(3 * NR - 2, totals(&self->fn, MSIX).events);
}

/* What the eventfds hold is raised, in both directions, as with a single eventfd. */
TEST_F(batch, no_event_is_lost)
{
	int i;

	for (i = 0; i < NR; i++)
		signal_eventfd(self->fd[i], 2);
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 0));
	EXPECT_EQ(2 * NR, totals(&self->fn, MSIX).events);
	/* The same call again keeps them attached. */
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, REPLACE));
	for (i = 0; i < NR; i++)
		signal_eventfd(self->fd[i], 1);
	EXPECT_EQ(3 * NR, totals(&self->fn, MSIX).events);
}

/* After an error each vector has what it had before. */
TEST_F(batch, all_or_none)
{
	int first = new_eventfd(), fds[NR];
	static const int wrong[] = { 10000, -3 };
	unsigned int i;

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, first, 0));
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		memcpy(fds, self->fd, sizeof(fds));
		fds[NR - 1] = wrong[i];
		EXPECT_EQ(wrong[i] > 0 ? -EBADF : -EINVAL,
			  set_eventfds(&self->fn, MSIX, 0, NR, fds, REPLACE));
	}
	fds[NR - 1] = self->vm.fd;
	EXPECT_EQ(-EINVAL, set_eventfds(&self->fn, MSIX, 0, NR, fds, REPLACE));
	for (i = 0; i < NR; i++)
		signal_eventfd(self->fd[i], 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	signal_eventfd(first, 1);
	EXPECT_EQ(1, events(&self->fn, 0));
}

/* Only the call that attaches an eventfd raises what it holds. */
TEST_F(batch, error_leaves_what_an_eventfd_holds)
{
	eventfd_t count;

	signal_eventfd(self->fd[0], 3);
	self->fd[NR - 1] = 10000;
	EXPECT_EQ(-EBADF, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 0));
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	ASSERT_EQ(0, eventfd_read(self->fd[0], &count));
	EXPECT_EQ(3, count);
}

/* An eventfd belongs to one vector only; to name it for a second one is an error. */
TEST_F(batch, enotuniq_twice_the_same)
{
	self->fd[NR - 1] = dup(self->fd[0]);
	EXPECT_EQ(-ENOTUNIQ, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 0));
	EXPECT_EQ(-ENOTUNIQ, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, ADD));
	signal_eventfd(self->fd[0], 1);
	signal_eventfd(self->fd[1], 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
}

/* ---- eventfds that move ---- */

/* Does a signal of @fd reach the vector, and no other one? */
static bool raises(struct function *fn, unsigned int vector, int fd)
{
	__u64 one = events(fn, vector), all = totals(fn, MSIX).events;

	signal_eventfd(fd, 1);
	return events(fn, vector) == one + 1 && totals(fn, MSIX).events == all + 1;
}

/* Does a signal of @fd stay in it? */
static bool idle(int fd)
{
	eventfd_t count = 0;

	signal_eventfd(fd, 1);
	return !eventfd_read(fd, &count) && count == 1;
}

static int set_two(struct function *fn, int first, int second, __u32 flags)
{
	const int fds[] = { first, second };

	return set_eventfds(fn, MSIX, 0, 2, fds, flags);
}

TEST_F(batch, one_moves)
{
	int *fd = self->fd;

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[0], 0));
	ASSERT_EQ(0, set_two(&self->fn, -1, fd[0], 0));
	EXPECT_TRUE(raises(&self->fn, 1, fd[0]));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	ASSERT_EQ(0, set_two(&self->fn, fd[0], -1, 0));
	EXPECT_TRUE(raises(&self->fn, 0, fd[0]));
	/* Another eventfd takes its place. */
	ASSERT_EQ(0, set_two(&self->fn, fd[1], fd[0], REPLACE));
	EXPECT_TRUE(raises(&self->fn, 0, fd[1]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[0]));
	/* It replaces another one. */
	ASSERT_EQ(0, set_two(&self->fn, -1, fd[1], REPLACE));
	EXPECT_TRUE(raises(&self->fn, 1, fd[1]));
	EXPECT_TRUE(idle(fd[0]));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 1, -1, 0));
	EXPECT_TRUE(idle(fd[1]));
}

/* A pending event is the vector's, and stays there. */
TEST_F(batch, two_are_exchanged)
{
	int *fd = self->fd;

	ASSERT_EQ(0, set_two(&self->fn, fd[0], fd[1], 0));
	signal_eventfd(fd[0], 1);
	EXPECT_EQ(-EEXIST, set_two(&self->fn, fd[1], fd[0], 0));
	ASSERT_EQ(0, set_two(&self->fn, fd[1], fd[0], REPLACE));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	EXPECT_FALSE(pba_bit(&self->fn, 1));
	EXPECT_TRUE(raises(&self->fn, 0, fd[1]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[0]));
	/* Each belongs to the vector that was named last, and can be removed there. */
	EXPECT_EQ(-ENOENT, set_two(&self->fn, fd[0], fd[1], REMOVE));
	ASSERT_EQ(0, set_two(&self->fn, fd[1], fd[0], REMOVE));
	EXPECT_TRUE(idle(fd[0]));
	EXPECT_TRUE(idle(fd[1]));
}

/* Any permutation, in which some may be kept. */
TEST_F(batch, all_are_permuted)
{
	static const int by[] = { 1, NR / 2, NR - 3, 7 };
	int i, j, now[NR], next[NR], set[NR];
	unsigned int round;

	memcpy(now, self->fd, sizeof(now));
	ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, now, 0));
	for (round = 0; round < ARRAY_SIZE(by); round++) {
		memcpy(next, now, sizeof(next));
		for (i = 0, j = by[round]; i < NR; i++) {
			set[i] = KEEP;
			if (i % 9 == 5)
				continue;
			while (j % NR % 9 == 5)
				j++;
			set[i] = now[j++ % NR];
			next[i] = set[i];
		}
		ASSERT_EQ(0, set_eventfds(&self->fn, MSIX, 0, NR, set, REPLACE));
		for (i = 0; i < NR; i++)
			EXPECT_TRUE(raises(&self->fn, i, next[i]));
		memcpy(now, next, sizeof(now));
	}
}

/* Of several, only the named one moves; REPLACE detaches the others. */
TEST_F(batch, one_of_several_moves)
{
	int *fd = self->fd, i;

	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, i / 2, fd[i], ADD));
	ASSERT_EQ(0, set_two(&self->fn, fd[2], fd[1], REPLACE));
	EXPECT_TRUE(raises(&self->fn, 0, fd[2]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[1]));
	EXPECT_TRUE(idle(fd[0]));
	EXPECT_TRUE(idle(fd[3]));

	ASSERT_EQ(0, set_two(&self->fn, fd[0], fd[3], ADD));
	ASSERT_EQ(0, set_two(&self->fn, fd[0], fd[2], REPLACE));
	EXPECT_TRUE(raises(&self->fn, 0, fd[0]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[2]));
	EXPECT_TRUE(idle(fd[1]));
	EXPECT_TRUE(idle(fd[3]));

	ASSERT_EQ(0, set_two(&self->fn, KEEP, fd[1], ADD));
	ASSERT_EQ(0, set_two(&self->fn, fd[1], -1, REPLACE));
	EXPECT_TRUE(raises(&self->fn, 0, fd[1]));
	EXPECT_TRUE(idle(fd[0]));
	EXPECT_TRUE(idle(fd[2]));
}

/* What is left in a semaphore goes on to the new vector. */
TEST_F(batch, a_semaphore_moves)
{
	int fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK);

	signal_eventfd(fd, 2);
	ASSERT_EQ(0, set_two(&self->fn, fd, -1, 0));
	EXPECT_EQ(1, events(&self->fn, 0));
	ASSERT_EQ(0, set_two(&self->fn, -1, fd, 0));
	EXPECT_EQ(1, events(&self->fn, 0));
	EXPECT_EQ(1, events(&self->fn, 1));
	EXPECT_TRUE(raises(&self->fn, 1, fd));
}

/* An eventfd moves neither from a vector that the call keeps, nor to two vectors. */
TEST_F(batch, move_errors)
{
	int *fd = self->fd, irq = new_eventfd();
	struct kvm_irqfd irqfd = { .fd = irq, .gsi = 24 };
	struct function both;

	function_open(&both, &self->vm, both_shape(2, 2));
	ASSERT_EQ(0, set_eventfd(&both, MSIX, 0, fd[5], 0));
	ASSERT_EQ(0, set_eventfd(&both, MSI, 0, fd[6], 0));
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	ASSERT_EQ(0, set_two(&self->fn, fd[0], fd[1], 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 2, fd[2], 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd[3], ADD));

	EXPECT_EQ(-EBUSY, set_two(&self->fn, KEEP, fd[0], REPLACE));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, -1, fd[2], REPLACE));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, fd[1], fd[5], REPLACE));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, fd[1], fd[6], REPLACE));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, fd[1], irq, REPLACE));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, KEEP, fd[0], ADD));
	EXPECT_EQ(-EBUSY, set_two(&self->fn, fd[1], fd[0], ADD));
	EXPECT_EQ(-ENOTUNIQ, set_two(&self->fn, fd[0], fd[0], REPLACE));
	EXPECT_EQ(-ENOTUNIQ, set_two(&self->fn, fd[3], fd[3], REPLACE));
	EXPECT_EQ(-ENOTUNIQ, set_two(&self->fn, fd[4], fd[4], REPLACE));
	EXPECT_EQ(-ENOENT, set_two(&self->fn, fd[0], fd[0], REMOVE));
	EXPECT_EQ(-EBADF, set_two(&self->fn, fd[1], 10000, REPLACE));
	EXPECT_EQ(-EINVAL, set_two(&self->fn, fd[1], -3, REPLACE));

	EXPECT_TRUE(raises(&self->fn, 0, fd[0]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[1]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[3]));
	EXPECT_TRUE(raises(&self->fn, 2, fd[2]));
	EXPECT_TRUE(idle(fd[4]));
	EXPECT_TRUE(raises(&both, 0, fd[5]));
	signal_eventfd(fd[6], 1);
	EXPECT_EQ(1, totals(&both, MSI).events);
	/* An error does not prevent the next call. */
	ASSERT_EQ(0, set_two(&self->fn, fd[1], fd[0], REPLACE));
	EXPECT_TRUE(raises(&self->fn, 0, fd[1]));
	EXPECT_TRUE(raises(&self->fn, 1, fd[0]));
	function_close(&both);
}

struct fired {
	int fd;
	__u64 signals;
	bool stop;
};

static void *fire(void *arg)
{
	struct fired *f = arg;

	while (!load(&f->stop)) {
		signal_eventfd(f->fd, 1);
		atomic_inc(&f->signals);
	}
	return NULL;
}

/* Both are signalled without pause: each signal is an event of one of the vectors. */
TEST_F(batch, exact_while_exchanged)
{
	int a = self->fd[0], b = self->fd[1], third = self->fd[2];
	struct fired fired[2] = { { .fd = a }, { .fd = b } };
	const struct {
		int ret, fds[3];
		__u32 flags;
	} calls[] = {
		{ 0, { b, a, KEEP }, REPLACE },
		{ 0, { a, -1, b }, REPLACE },
		{ 0, { -1, a, KEEP }, 0 },
		{ -EBADF, { b, -1, 10000 }, REPLACE },
		{ -EBUSY, { b, a, KEEP }, REPLACE },
		{ 0, { third, b, a }, REPLACE },
		{ -ENOTUNIQ, { a, b, b }, REPLACE },
		{ 0, { a, b, -1 }, REPLACE },
	};
	struct msi_route_counters c;
	pthread_t thread[2];
	unsigned int i, j;
	eventfd_t count;

	for (i = 0; i < 3; i++)
		entry_set(&self->fn, i, MSI_TO(0), 0x50 + i, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_two(&self->fn, a, b, 0));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, fire, &fired[i]));
	for (i = 0; i < 100 * ARRAY_SIZE(calls); i++) {
		const __u64 before[2] = { load(&fired[0].signals), load(&fired[1].signals) };

		j = i % ARRAY_SIZE(calls);
		ASSERT_EQ(calls[j].ret, set_eventfds(&self->fn, MSIX, 0, 3, calls[j].fds,
						     calls[j].flags));
		while (load(&fired[0].signals) == before[0] ||
		       load(&fired[1].signals) == before[1])
			sched_yield();
	}
	for (i = 0; i < 2; i++) {
		store(&fired[i].stop, true);
		pthread_join(thread[i], NULL);
		EXPECT_EQ(-1, eventfd_read(fired[i].fd, &count));
	}
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(fired[0].signals + fired[1].signals, c.events);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(c.events, events(&self->fn, 0) + events(&self->fn, 1) + events(&self->fn, 2));
	EXPECT_EQ(-1, eventfd_read(third, &count));
	EXPECT_TRUE(raises(&self->fn, 0, a));
	EXPECT_TRUE(raises(&self->fn, 1, b));
}

TEST_F(batch, eventfds_errors)
{
	struct msi_route_eventfds arg = {
		.size = sizeof(arg), .kind = MSIX, .nr = 1, .fds = (unsigned long)self->fd,
		.reserved = 1,
	};

	EXPECT_EQ(-EINVAL, set_eventfds(&self->fn, MSIX, 0, 0, self->fd, 0));
	EXPECT_EQ(-EINVAL, set_eventfds(&self->fn, MSI_ROUTE_IMS + 1, 0, 1, self->fd, 0));
	EXPECT_EQ(-ENODEV, set_eventfds(&self->fn, MSI, 0, 1, self->fd, 0));
	EXPECT_EQ(-ECHRNG, set_eventfds(&self->fn, MSIX, 0, NR + 1, self->fd, 0));
	EXPECT_EQ(-ECHRNG, set_eventfds(&self->fn, MSIX, NR, 1, self->fd, 0));
	EXPECT_EQ(-ECHRNG, set_eventfds(&self->fn, MSIX, 1, ~0U, self->fd, 0));
	EXPECT_EQ(-ECHRNG, set_eventfds(&self->fn, MSIX, ~0U, 1, self->fd, 0));
	EXPECT_EQ(-EFAULT, set_eventfds(&self->fn, MSIX, 0, NR, (void *)8UL, 0));
	EXPECT_EQ(-EOPNOTSUPP, set_eventfds(&self->fn, MSIX, 0, NR, self->fd, 1 << 3));
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_SET_EVENTFDS, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	signal_eventfd(self->fd[0], 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
}

/* ---- entries ---- */

static struct msi_route_entry entry_of(unsigned int vector, __u32 control)
{
	return (struct msi_route_entry){
		.address_lo = MSI_TO(0), .data = vector, .control = control,
	};
}

TEST_F(batch, entries_are_as_written)
{
	struct msi_route_entry entries[NR];
	int i;

	for (i = 0; i < NR; i++) {
		entries[i] = entry_of(0x30 + i, i & 1);
		entries[i].address_lo |= 3;
		entries[i].address_hi = i;
	}
	ASSERT_EQ(0, set_entries(&self->fn, 0, NR, entries));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(MSI_TO(0), table_read(&self->fn, ENTRY(i) + ENTRY_ADDRESS));
		EXPECT_EQ(i, table_read(&self->fn, ENTRY(i) + ENTRY_UPPER));
		EXPECT_EQ(0x30 + i, table_read(&self->fn, ENTRY(i) + ENTRY_DATA));
		EXPECT_EQ(i & 1, table_read(&self->fn, ENTRY(i) + ENTRY_CONTROL));
	}
}

/* Entries take effect: unmasking one sends what is pending in it. */
TEST_F(batch, entries_release)
{
	struct msi_route_entry entries[2] = { entry_of(0x51, 0), entry_of(0x52, ENTRY_MASKED) };

	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 7));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 8));
	ASSERT_EQ(0, set_entries(&self->fn, 7, 2, entries));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], 0x51));
	EXPECT_FALSE(pba_bit(&self->fn, 7));
	EXPECT_TRUE(pba_bit(&self->fn, 8));
}

static void *raise_without_pause(void *arg)
{
	struct function *fn = arg;

	while (!fn->vm->stop)
		trigger(fn, MSIX, 0);
	return NULL;
}

/* Two vCPUs, two vectors: a vector never reaches the wrong vCPU. */
TEST_F(batch, rule_28_entries_are_not_torn)
{
	struct msi_route_entry entry;
	pthread_t thread;
	int i;

	vm_add_vcpu(&self->vm, 1);
	msix_control(&self->fn, MSIX_ENABLE);
	entry = entry_of(0x50, 0);
	ASSERT_EQ(0, set_entries(&self->fn, 0, 1, &entry));
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_without_pause, &self->fn));
	for (i = 0; i < 20000; i++) {
		entry = entry_of(0x50 + (i & 1), 0);
		entry.address_lo = MSI_TO(i & 1);
		ASSERT_EQ(0, set_entries(&self->fn, 0, 1, &entry));
	}
	__atomic_store_n(&self->vm.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[0], 0x51));
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[1], 0x50));
}

TEST_F(batch, entries_errors)
{
	struct msi_route_entry entries[NR] = {};
	struct msi_route_entries arg = {
		.size = sizeof(arg), .nr = 1, .entries = (unsigned long)entries, .reserved = 1,
	};
	struct function msi;
	struct vm vm;

	EXPECT_EQ(-EINVAL, set_entries(&self->fn, 0, 0, entries));
	EXPECT_EQ(-ECHRNG, set_entries(&self->fn, 1, NR, entries));
	EXPECT_EQ(-ECHRNG, set_entries(&self->fn, ~0U, 2, entries));
	EXPECT_EQ(-EFAULT, set_entries(&self->fn, 0, NR, (void *)8UL));
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_SET_ENTRIES, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(ENTRY_MASKED, table_read(&self->fn, ENTRY(0) + ENTRY_CONTROL));

	vm_create(&vm, 0, 1);
	function_open(&msi, &vm, msi_shape(1, 0));
	EXPECT_EQ(-ENODEV, set_entries(&msi, 0, 1, entries));
	function_close(&msi);
	vm_destroy(&vm);
}

/* The largest function, with one call for each operation. */
TEST_F(batch, all_of_2048)
{
	static struct msi_route_entry entries[2048];
	struct rlimit files = { 4096, 4096 };
	static int fds[2048];
	struct function fn;
	int i;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	function_open(&fn, &self->vm, msix_shape(2048));
	msix_control(&fn, MSIX_ENABLE);
	for (i = 0; i < 2048; i++) {
		entries[i] = entry_of(0x20 + i % 0xd0, 0);
		fds[i] = new_eventfd();
	}
	ASSERT_EQ(0, set_entries(&fn, 0, 2048, entries));
	ASSERT_EQ(0, set_eventfds(&fn, MSIX, 0, 2048, fds, 0));
	for (i = 0; i < 2048; i++)
		signal_eventfd(fds[i], 1);
	EXPECT_EQ(2048, totals(&fn, MSIX).messages);
	function_close(&fn);
}
