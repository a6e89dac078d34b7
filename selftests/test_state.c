// SPDX-License-Identifier: GPL-2.0
/* Stop, save, restore: nothing is sent meanwhile, and nothing is lost. */
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		70
#define NR_MSI		4
#define QWORDS		((NR + 63) / 64)
#define VECTOR		0x51
#define MSI_VECTOR	0x60

struct saved {
	struct msi_route_state state;
	struct msi_route_entry entries[NR];
	__u64 pba[QWORDS];
	__u64 held[QWORDS];
};

FIXTURE(state) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function from, to;
	struct saved saved;
};

FIXTURE_SETUP(state)
{
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->from, &self->vm, both_shape(NR, NR_MSI));
	function_open(&self->to, &self->vm, both_shape(NR, NR_MSI));
	set_bus_master(&self->to, 0);
}

FIXTURE_TEARDOWN(state)
{
	function_close(&self->from);
	function_close(&self->to);
	vm_destroy(&self->vm);
}

/* Prepares a struct for the call, with its pointers. */
static void prepare(struct saved *s)
{
	s->state.size = sizeof(s->state);
	s->state.msix_vectors = NR;
	s->state.msi_vectors = NR_MSI;
	s->state.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING;
	s->state.entries = (unsigned long)s->entries;
	s->state.pba = (unsigned long)s->pba;
	s->state.held = (unsigned long)s->held;
}

static int save_with(struct function *fn, struct saved *s, __u32 flags)
{
	memset(s, 0xa5, sizeof(*s));
	memset(&s->state, 0, sizeof(s->state));
	prepare(s);
	s->state.flags = flags;
	return ioctl(fn->fd, MSI_ROUTE_SAVE, &s->state) ? -errno : 0;
}

static int save(struct function *fn, struct saved *s)
{
	return save_with(fn, s, 0);
}

static int restore(struct function *fn, struct saved *s)
{
	prepare(s);
	return ioctl(fn->fd, MSI_ROUTE_RESTORE, &s->state) ? -errno : 0;
}

/* Moves the state from one function to the other, which then runs. */
static int migrate(struct function *from, struct function *to, struct saved *s)
{
	int ret = set_run(from, 0);

	ret = ret ?: save(from, s);
	ret = ret ?: set_run(to, 0);
	ret = ret ?: restore(to, s);
	return ret ?: set_run(to, 1);
}

/* ---- stop ---- */

TEST_F(state, stopped_sends_nothing)
{
	entry_set(&self->from, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	ASSERT_EQ(0, set_run(&self->from, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->from, MSIX, 0));
	/* Whatever is written to its registers. */
	entry_mask(&self->from, 0, true);
	entry_mask(&self->from, 0, false);
	msix_control(&self->from, 0);
	msix_control(&self->from, MSIX_ENABLE);
	ASSERT_EQ(0, set_bus_master(&self->from, 0));
	ASSERT_EQ(0, set_bus_master(&self->from, 1));
	EXPECT_TRUE(pba_bit(&self->from, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* A second stop changes nothing. */
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(0, set_run(&self->from, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_FALSE(pba_bit(&self->from, 0));
	EXPECT_EQ(1, totals(&self->from, MSIX).messages);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->from, MSIX, 0));
}

TEST_F(state, reset_does_not_start_it)
{
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(0, reset(&self->from));
	ASSERT_EQ(0, set_bus_master(&self->from, 1));
	entry_set(&self->from, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 0));
}

static void *raise_without_pause(void *arg)
{
	struct function *fn = arg;
	__u32 random = 1;

	while (!__atomic_load_n(&fn->vm->stop, __ATOMIC_RELAXED))
		if (trigger(fn, MSIX, next_random(&random) % NR) < 0)
			die("a trigger");
	return NULL;
}

/* When the stop returns, all that was under way has arrived; nothing comes later. */
TEST_F(state, stop_while_raised)
{
	pthread_t thread;
	int i;

	for (i = 0; i < NR; i++)
		entry_set(&self->from, i, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_without_pause, &self->from));
	for (i = 0; i < 500; i++) {
		struct msi_route_counters before;

		ASSERT_EQ(0, set_run(&self->from, 0));
		before = totals(&self->from, MSIX);
		vcpu_clear_irr(self->vcpu);
		while (totals(&self->from, MSIX).events < before.events + 3)
			sched_yield();
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		EXPECT_EQ(before.messages, totals(&self->from, MSIX).messages);
		ASSERT_EQ(0, set_run(&self->from, 1));
		EXPECT_TRUE(vcpu_irr(self->vcpu, VECTOR));
	}
	__atomic_store_n(&self->vm.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* ---- save and restore ---- */

TEST_F(state, all_registers)
{
	struct saved again;
	int i;

	for (i = 0; i < NR; i++) {
		entry_set(&self->from, i, MSI_TO(i & 1), 0x30 + i, i % 3 == 0);
		table_write(&self->from, ENTRY(i) + ENTRY_UPPER, i << 8);
	}
	msi_set(&self->from, MSI_TO(1), MSI_VECTOR);
	msi_mask(&self->from, 5);
	msi_control(&self->from, MSI_MME(2));
	msix_control(&self->from, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	ASSERT_EQ(0, set_hold(&self->from, 12345));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 69));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSI, 2));

	ASSERT_EQ(0, migrate(&self->from, &self->to, &self->saved));
	for (i = 0; i < NR * 4; i++)
		EXPECT_EQ(table_read(&self->from, i * 4), table_read(&self->to, i * 4));
	for (i = 0; i < QWORDS; i++)
		EXPECT_EQ(pba_read(&self->from, i * 8), pba_read(&self->to, i * 8));
	for (i = 0; i < 12; i += 4)
		EXPECT_EQ(config_read(&self->from, MSIX_CAP + i, 4),
			  config_read(&self->to, MSIX_CAP + i, 4));
	for (i = 0; i < 24; i += 4)
		EXPECT_EQ(config_read(&self->from, MSI_CAP + i, 4),
			  config_read(&self->to, MSI_CAP + i, 4));
	EXPECT_EQ(4, msi_pending(&self->to));
	EXPECT_EQ(1, self->saved.state.bus_master);
	EXPECT_EQ(12345, self->saved.state.hold_bound_ns);

	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, save(&self->to, &again));
	again.state.entries = self->saved.state.entries;
	again.state.pba = self->saved.state.pba;
	again.state.held = self->saved.state.held;
	EXPECT_EQ(0, memcmp(&again, &self->saved, sizeof(again)));
}

/* Once, when it runs, and not into what the vCPU's restore replaces before. */
TEST_F(state, pending_is_sent_once)
{
	entry_set(&self->from, 3, MSI_TO(0), VECTOR, ENTRY_MASKED);
	entry_set(&self->from, 4, MSI_TO(0), VECTOR + 1, 0);
	msix_control(&self->from, MSIX_ENABLE);
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 3));
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 4));
	ASSERT_EQ(0, save(&self->from, &self->saved));

	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, restore(&self->to, &self->saved));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	vcpu_clear_irr(self->vcpu);
	ASSERT_EQ(0, set_run(&self->to, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 1));
	EXPECT_TRUE(pba_bit(&self->to, 3));
	EXPECT_FALSE(pba_bit(&self->to, 4));
	entry_mask(&self->to, 3, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(2, totals(&self->to, MSIX).messages);
	EXPECT_EQ(2, totals(&self->to, MSIX).events);
	EXPECT_EQ(2, totals(&self->to, MSIX).replayed);
}

/* A restore replaces the old state, pending events too. */
TEST_F(state, replaces)
{
	struct msi_route_counters c;

	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(0, save(&self->from, &self->saved));
	entry_set(&self->to, 0, MSI_TO(0), VECTOR, ENTRY_MASKED);
	msix_control(&self->to, MSIX_ENABLE);
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->to, MSIX, 0));
	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, restore(&self->to, &self->saved));
	ASSERT_EQ(0, set_run(&self->to, 1));
	EXPECT_FALSE(pba_bit(&self->to, 0));
	EXPECT_EQ(0, table_read(&self->to, ENTRY(0) + ENTRY_DATA));
	EXPECT_EQ(0, config_read(&self->to, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	c = totals(&self->to, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(1, c.cleared);
}

/* ---- update holds ---- */

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The guest is between address and data while its machine is moved. */
TEST_F(state, hold_goes_along)
{
	const __u32 bound = 1000000000;

	ASSERT_EQ(0, set_hold(&self->from, bound));
	entry_set(&self->from, 1, MSI_TO(0), VECTOR, 0);
	msi_set(&self->from, MSI_TO(0), MSI_VECTOR);
	msix_control(&self->from, MSIX_ENABLE);
	table_write(&self->from, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(1));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 1));
	ASSERT_EQ(0, migrate(&self->from, &self->to, &self->saved));
	EXPECT_EQ(1 << 1, self->saved.held[0]);
	EXPECT_EQ(0, self->saved.state.msi_held);
	/* As far as the bound allows: a message with the old data would be torn. */
	table_write(&self->to, ENTRY(1) + ENTRY_DATA, VECTOR + 1);
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[1], VECTOR) &&
		     !totals(&self->to, MSIX).holds_expired);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_irr(&self->vm.vcpu[1], VECTOR + 1) ||
		    totals(&self->to, MSIX).holds_expired);
}

/* Time does not count while the function is stopped. */
TEST_F(state, hold_does_not_run_out_while_stopped)
{
	const __u32 bound = 200000000;
	__u64 begin;

	ASSERT_EQ(0, set_hold(&self->from, bound));
	entry_set(&self->from, 1, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	table_write(&self->from, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(1));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 1));
	ASSERT_EQ(0, set_run(&self->from, 0));
	if (totals(&self->from, MSIX).holds_expired)
		SKIP(return, "this host is too slow for a bound of 200 ms");
	/* It would have expired by now; a timer of the same length has. */
	begin = now_ns();
	while (now_ns() - begin < 2ULL * bound)
		nanosleep(&(struct timespec){ .tv_nsec = bound }, NULL);
	EXPECT_EQ(0, totals(&self->from, MSIX).holds_expired);
	ASSERT_EQ(0, save(&self->from, &self->saved));
	EXPECT_EQ(1 << 1, self->saved.held[0]);

	/* The bound begins when the function runs, and ends the hold. */
	ASSERT_EQ(0, set_run(&self->from, 1));
	while (!vcpu_irr(&self->vm.vcpu[1], VECTOR))
		sched_yield();
	EXPECT_EQ(1, totals(&self->from, MSIX).holds_expired);
}

static bool vcpus_end;

static void run_on(void)
{
	while (!load(&vcpus_end))
		guest_relax();
}

/* When its vCPUs run, whichever of them opened it: test_pause has the rest. */
TEST_F(state, restored_hold_runs_out)
{
	unsigned int i;

	ASSERT_EQ(0, set_hold(&self->from, 1000000000));
	entry_set(&self->from, 1, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	table_write(&self->from, ENTRY(1) + ENTRY_ADDRESS, MSI_TO(1));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 1));
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(0, save(&self->from, &self->saved));
	self->saved.state.hold_bound_ns = 1000;
	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, restore(&self->to, &self->saved));
	ASSERT_EQ(0, set_run(&self->to, 1));
	for (i = 0; i < self->vm.nr_vcpus; i++)
		vcpu_start(&self->vm.vcpu[i], run_on);
	while (totals(&self->to, MSIX).pending)
		sched_yield();
	store(&vcpus_end, true);
	for (i = 0; i < self->vm.nr_vcpus; i++)
		vcpu_join(&self->vm.vcpu[i]);
	EXPECT_TRUE(vcpu_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_EQ(1, totals(&self->to, MSIX).holds_expired);
}

/* ---- errors ---- */

TEST_F(state, ebusy)
{
	EXPECT_EQ(-EBUSY, save(&self->from, &self->saved));
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(0, save(&self->from, &self->saved));
	ASSERT_EQ(0, set_run(&self->from, 1));
	EXPECT_EQ(-EBUSY, restore(&self->from, &self->saved));
	EXPECT_EQ(-EINVAL, set_run(&self->from, 2));
}

/* Restores a good state with @change, which must be refused and change nothing. */
#define EXPECT_REFUSED(change)							\
	do {									\
		struct saved s = self->saved, after;				\
										\
		prepare(&s);							\
		change;								\
		EXPECT_EQ(-1, ioctl(self->to.fd, MSI_ROUTE_RESTORE, &s.state))	\
			TH_LOG("%s", #change);					\
		EXPECT_EQ(EINVAL, errno);					\
		ASSERT_EQ(0, save(&self->to, &after));				\
		prepare(&before);						\
		prepare(&after);						\
		after.state.entries = before.state.entries;			\
		after.state.pba = before.state.pba;				\
		after.state.held = before.state.held;				\
		EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)))		\
			TH_LOG("%s", #change);					\
	} while (0)

TEST_F(state, every_field_is_checked)
{
	struct saved before;

	entry_set(&self->from, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->from, MSIX_ENABLE);
	ASSERT_EQ(0, set_run(&self->from, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->from, MSIX, 0));
	ASSERT_EQ(0, save(&self->from, &self->saved));
	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, save(&self->to, &before));

	EXPECT_REFUSED(s.state.hold_bound_ns = 1000000001);
	EXPECT_REFUSED(s.state.bus_master = 2);
	EXPECT_REFUSED(s.state.msix_vectors = NR - 1);
	EXPECT_REFUSED(s.state.msix_vectors = NR + 1);
	EXPECT_REFUSED(s.state.msix_control |= NR - 1);
	EXPECT_REFUSED(s.state.msix_control |= 1 << 13);
	EXPECT_REFUSED(s.state.msi_vectors = 8);
	EXPECT_REFUSED(s.state.msi_flags = 0);
	EXPECT_REFUSED(s.state.msi_control = 1 << 1);
	EXPECT_REFUSED(s.state.msi_control = MSI_64BIT);
	EXPECT_REFUSED(s.state.msi_control = MSI_EXT_ENABLE);
	EXPECT_REFUSED(s.state.msi_address_lo = 2);
	EXPECT_REFUSED(s.state.msi_data = 0x10000);
	EXPECT_REFUSED(s.state.msi_mask = 1 << NR_MSI);
	EXPECT_REFUSED(s.state.msi_pending = 1 << NR_MSI);
	EXPECT_REFUSED(s.state.msi_held = 1 << NR_MSI);
	EXPECT_REFUSED(s.entries[NR - 1].address_lo |= 1);
	EXPECT_REFUSED(s.pba[QWORDS - 1] |= 1ULL << (NR % 64));
	EXPECT_REFUSED(s.pba[QWORDS - 1] |= 1ULL << 63);
	EXPECT_REFUSED(s.held[QWORDS - 1] |= 1ULL << 63);
	ASSERT_EQ(0, restore(&self->to, &self->saved));
}

TEST_F(state, efault)
{
	__u64 *pointers[] = { &self->saved.state.entries, &self->saved.state.pba,
			      &self->saved.state.held };
	unsigned int i;

	ASSERT_EQ(0, set_run(&self->from, 0));
	for (i = 0; i < ARRAY_SIZE(pointers); i++) {
		memset(&self->saved, 0, sizeof(self->saved));
		prepare(&self->saved);
		*pointers[i] = 8;
		EXPECT_EQ(-1, ioctl(self->from.fd, MSI_ROUTE_SAVE, &self->saved.state));
		EXPECT_EQ(EFAULT, errno);
		EXPECT_EQ(-1, ioctl(self->from.fd, MSI_ROUTE_RESTORE, &self->saved.state));
		EXPECT_EQ(EFAULT, errno);
	}
	EXPECT_EQ(ENTRY_MASKED, table_read(&self->from, ENTRY(0) + ENTRY_CONTROL));
}

/* One capability only: the fields of the other are 0, and its pointers are unused. */
TEST_F(state, of_one_capability)
{
	struct msi_route_state s = { .size = sizeof(s), .msi_vectors = 1 };
	struct function msi;

	function_open(&msi, &self->vm, msi_shape(1, 0));
	msi_set(&msi, MSI_TO(0), MSI_VECTOR);
	msi_control(&msi, MSI_ENABLE);
	ASSERT_EQ(0, set_run(&msi, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&msi, MSI, 0));
	ASSERT_EQ(0, ioctl(msi.fd, MSI_ROUTE_SAVE, &s));
	EXPECT_EQ(1, s.msi_pending);
	EXPECT_EQ(MSI_VECTOR, s.msi_data);
	s.msix_control = MSIX_ENABLE;
	EXPECT_EQ(-1, ioctl(msi.fd, MSI_ROUTE_RESTORE, &s));
	EXPECT_EQ(EINVAL, errno);
	s.msix_control = 0;
	s.msi_address_hi = 1;
	EXPECT_EQ(-1, ioctl(msi.fd, MSI_ROUTE_RESTORE, &s));
	s.msi_address_hi = 0;
	ASSERT_EQ(0, ioctl(msi.fd, MSI_ROUTE_RESTORE, &s));
	ASSERT_EQ(0, set_run(&msi, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	function_close(&msi);
}

/* ---- nothing is lost ---- */

/*
 * A device raises while the function is masked, unmasked and stopped.  Pending events
 * move on to the next function, two hundred times.
 */
TEST_F(state, two_hundred_moves)
{
	__u64 raised = 0, ended = 0;
	struct function *from = &self->from, *to = &self->to;
	struct msi_route_counters c;
	__u32 random = 1;
	int i, round;

	for (i = 0; i < NR; i++)
		entry_set(from, i, MSI_TO(0), VECTOR, i & 1);
	msix_control(from, MSIX_ENABLE);
	for (round = 0; round < 200; round++) {
		__u64 restored = totals(from, MSIX).events;
		pthread_t thread;

		self->vm.stop = false;
		ASSERT_EQ(0, pthread_create(&thread, NULL, raise_without_pause, from));
		for (i = 0; i < 20; i++)
			entry_mask(from, next_random(&random) % NR, next_random(&random) & 1);
		ASSERT_EQ(0, set_run(from, 0));
		__atomic_store_n(&self->vm.stop, true, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);

		ASSERT_EQ(0, save(from, &self->saved));
		c = totals(from, MSIX);
		ASSERT_EQ(c.events, accounted(&c));
		raised += c.events - restored;
		ended += c.events - c.pending;
		function_close(from);
		ASSERT_EQ(0, set_run(to, 0));
		ASSERT_EQ(0, restore(to, &self->saved));
		ASSERT_EQ(c.pending, totals(to, MSIX).pending);
		ASSERT_EQ(c.pending, totals(to, MSIX).events);
		vcpu_clear_irr(self->vcpu);
		ASSERT_EQ(0, set_run(to, 1));
		function_open(from, &self->vm, both_shape(NR, NR_MSI));
		to = from;
		from = from == &self->from ? &self->to : &self->from;
	}
	for (i = 0; i < NR; i++)
		entry_mask(from, i, false);
	c = totals(from, MSIX);
	EXPECT_EQ(0, c.pending);
	EXPECT_EQ(raised, ended + c.events);
}

/* ---- handed over while a device keeps raising ---- */

static __u64 held_by(int fd)
{
	__u64 count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* Earlier signals are in the state, later ones in the eventfd. */
TEST_F(state, detached_by_save)
{
	int fd[3] = { new_eventfd(), new_eventfd(), new_eventfd() };
	int i, msi = new_eventfd();

	ASSERT_EQ(0, set_eventfd(&self->from, MSIX, 0, fd[0], 0));
	ASSERT_EQ(0, set_eventfd(&self->from, MSIX, 0, fd[1], MSI_ROUTE_EVENTFD_ADD));
	ASSERT_EQ(0, set_eventfd(&self->from, MSIX, NR - 1, fd[2], 0));
	ASSERT_EQ(0, set_eventfd(&self->from, MSI, 1, msi, 0));
	/* A call that fails detaches nothing. */
	EXPECT_EQ(-EBUSY, save_with(&self->from, &self->saved, MSI_ROUTE_STATE_DETACH));
	ASSERT_EQ(0, set_run(&self->from, 0));
	EXPECT_EQ(-EOPNOTSUPP, save_with(&self->from, &self->saved, 2));
	EXPECT_EQ(0, save(&self->from, &self->saved));
	signal_eventfd(fd[1], 1);
	signal_eventfd(msi, 1);
	ASSERT_EQ(0, save_with(&self->from, &self->saved, MSI_ROUTE_STATE_DETACH));
	EXPECT_EQ(1, self->saved.pba[0]);
	EXPECT_EQ(0, self->saved.pba[1]);
	EXPECT_EQ(2, self->saved.state.msi_pending);
	EXPECT_EQ(-ENOENT, set_eventfd(&self->from, MSIX, 0, -1, 0));
	for (i = 0; i < 3; i++)
		signal_eventfd(fd[i], 1);
	EXPECT_EQ(1, totals(&self->from, MSIX).events);

	ASSERT_EQ(0, set_run(&self->to, 0));
	ASSERT_EQ(0, restore(&self->to, &self->saved));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, set_eventfd(&self->to, MSIX, 1, fd[i], MSI_ROUTE_EVENTFD_ADD));
	EXPECT_EQ(3, totals(&self->to, MSIX).events);
	EXPECT_EQ(3, pba_read(&self->to, 0));
	EXPECT_EQ(1, held_by(fd[2]));
}

#define NR_ONCE		2048
#define NR_ROUNDS	10

struct once {
	int fd[NR_ONCE];
	unsigned int signalled;
};

/* From the last one to the first: a save goes the other way. */
static void *signal_once(void *arg)
{
	struct once *once = arg;
	unsigned int i;

	for (i = NR_ONCE; i--; ) {
		signal_eventfd(once->fd[i], 1);
		atomic_inc(&once->signalled);
	}
	return NULL;
}

/*
 * The eventfds of many vectors are signalled one after the other, each once, while a save
 * detaches them: each signal is in the state or in the eventfd.  Repeats until both have
 * happened often enough.
 */
TEST(saved_or_left)
{
	static __u64 pba[NR_ONCE / 64], held[NR_ONCE / 64];
	static struct msi_route_entry entries[NR_ONCE];
	struct msi_route_state state = {
		.size = sizeof(state), .flags = MSI_ROUTE_STATE_DETACH,
		.msix_vectors = NR_ONCE, .entries = (unsigned long)entries,
		.pba = (unsigned long)pba, .held = (unsigned long)held,
	};
	struct rlimit files = { NR_ONCE + 256, NR_ONCE + 256 };
	unsigned int i, wrong, rounds = 0, both = 0;
	static struct once once;
	__u64 saved, left, events;
	struct function fn;
	pthread_t thread;
	struct vm vm;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &files));
	vm_create(&vm, 0, 1);
	function_open(&fn, &vm, msix_shape(NR_ONCE));
	ASSERT_EQ(0, set_run(&fn, 0));
	for (i = 0; i < NR_ONCE; i++)
		once.fd[i] = new_eventfd();
	while (both < NR_ROUNDS) {
		ASSERT_EQ(0, reset(&fn));
		ASSERT_EQ(0, set_eventfds(&fn, MSIX, 0, NR_ONCE, once.fd, 0));
		events = totals(&fn, MSIX).events;
		store(&once.signalled, 0);
		ASSERT_EQ(0, pthread_create(&thread, NULL, signal_once, &once));
		while (load(&once.signalled) < NR_ONCE / 8)
			sched_yield();
		ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_SAVE, &state));
		pthread_join(thread, NULL);
		saved = 0;
		left = 0;
		wrong = 0;
		for (i = 0; i < NR_ONCE; i++) {
			bool in_state = pba[i / 64] >> i % 64 & 1;
			__u64 in_eventfd = held_by(once.fd[i]);

			saved += in_state;
			left += in_eventfd;
			wrong += in_state + in_eventfd != 1;
		}
		ASSERT_EQ(0, wrong);
		ASSERT_EQ(events + saved, totals(&fn, MSIX).events);
		both += saved && left;
		rounds++;
	}
	REMARK("%u of %u saves came in between", both, rounds);
	function_close(&fn);
	vm_destroy(&vm);
}

/*
 * Two processes, each with a virtual machine, hand a function to each other, while a
 * third one signals its eventfds without pause.  Vector 0 is sent, 1 is masked, and 2 has
 * two eventfds.  No signal is lost, not even a vector's last one.
 */
#define NR_HANDOVERS	1000U
#define NR_SIGNALS	4

struct shared {
	struct saved saved;
	int fd[NR_SIGNALS];
	__u64 signalled, events, messages;
	bool stop, stopped;
};

static const unsigned int vector_of[NR_SIGNALS] = { 0, 1, 2, 2 };

static void signal_without_pause(struct shared *shared)
{
	unsigned int i;

	for (i = 0; !load(&shared->stop); i++) {
		signal_eventfd(shared->fd[i % NR_SIGNALS], 1);
		atomic_inc(&shared->signalled);
	}
	store(&shared->stopped, true);
	_exit(0);
}

static void must(bool done, const char *what)
{
	if (!done)
		die("%s", what);
}

/* Returns how many events were restored with it. */
static __u64 take_over(struct shared *shared, struct vm *vm, struct function *fn, bool first)
{
	__u64 restored;
	unsigned int i;

	function_open(fn, vm, both_shape(NR, NR_MSI));
	if (first) {
		for (i = 0; i < 3; i++)
			entry_set(fn, i, MSI_TO(0), VECTOR + i, i == 1);
		msix_control(fn, MSIX_ENABLE);
	} else {
		must(!set_run(fn, 0), "stop");
		must(!restore(fn, &shared->saved), "restore");
	}
	restored = totals(fn, MSIX).events;
	for (i = 0; i < NR_SIGNALS; i++)
		must(!set_eventfd(fn, MSIX, vector_of[i], shared->fd[i], MSI_ROUTE_EVENTFD_ADD),
		     "attach");
	must(!set_run(fn, 1), "run");
	return restored;
}

/* By one call, or step by step. */
static void hand_over(struct shared *shared, struct function *fn, bool by_save)
{
	unsigned int i;

	must(!set_run(fn, 0), "stop");
	for (i = 0; i < 3 && !by_save; i++)
		must(!set_eventfd(fn, MSIX, i, -1, 0), "detach");
	must(!save_with(fn, &shared->saved, by_save ? MSI_ROUTE_STATE_DETACH : 0), "save");
}

static void owner(struct shared *shared, unsigned int number, int take, int give)
{
	struct msi_route_counters c;
	unsigned int turn;
	struct function fn;
	struct vm vm;
	char token;

	vm_create(&vm, 0, 1);
	for (turn = number; turn < NR_HANDOVERS; turn += 2) {
		__u64 before, restored;

		must(read(take, &token, 1) == 1, "read");
		restored = take_over(shared, &vm, &fn, turn == 0);
		before = load(&shared->signalled);
		while (load(&shared->signalled) < before + NR_SIGNALS)
			sched_yield();
		if (turn == NR_HANDOVERS - 1) {
			store(&shared->stop, true);
			while (!load(&shared->stopped))
				sched_yield();
		}
		hand_over(shared, &fn, turn & 2);
		c = totals(&fn, MSIX);
		must(c.events == accounted(&c), "not accounted for");
		must(shared->saved.pba[0] & 2, "the masked vector's event is lost");
		shared->events += c.events - restored;
		shared->messages += c.messages;
		function_close(&fn);
		must(write(give, "", 1) == 1, "write");
	}
	_exit(0);
}

TEST(a_thousand_hand_overs)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status, pipes[2][2];
	__u64 left = 0;
	pid_t pid[3];

	ASSERT_NE(MAP_FAILED, shared);
	for (i = 0; i < NR_SIGNALS; i++)
		shared->fd[i] = new_eventfd();
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pipe(pipes[i]));
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i] && i == 2)
			signal_without_pause(shared);
		if (!pid[i])
			owner(shared, i, pipes[i][0], pipes[!i][1]);
		ASSERT_LT(0, pid[i]);
	}
	ASSERT_EQ(1, write(pipes[0][1], "", 1));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	store(&shared->stop, true);
	ASSERT_EQ(pid[2], waitpid(pid[2], &status, 0));
	for (i = 0; i < NR_SIGNALS; i++)
		left += held_by(shared->fd[i]);
	EXPECT_EQ(shared->signalled, shared->events + left);
	EXPECT_EQ(0, left);
	REMARK("%llu signals, %llu messages", (unsigned long long)shared->signalled,
	       (unsigned long long)shared->messages);
}
