// SPDX-License-Identifier: GPL-2.0
/* Vectors requested and given back: by the guest's capability and by the VMM. */
#include <sched.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define NR		200		/* of the table: four blocks */
#define FIRST		10		/* granted from the beginning */
#define VECTOR		0x51
#define RESIZES		100000		/* or what TEST_RESIZES says */

/* The capability that requests vectors. */
#define GRANT_CAP	0x80
#define SIGNATURE	(GRANT_CAP + 0x04)
#define VECTORS		(GRANT_CAP + 0x08)
#define REQUEST		(GRANT_CAP + 0x0c)
#define STATUS		(GRANT_CAP + 0x10)
#define ASK(min, count)	((__u32)(min) << 16 | (count))

FIXTURE(grant) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

static struct msi_route_create shape(unsigned int granted)
{
	struct msi_route_create c = msix_shape(NR);

	c.msix_granted = granted;
	c.grant_cap = GRANT_CAP;
	return c;
}

FIXTURE_SETUP(grant)
{
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape(FIRST));
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(grant)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static unsigned int granted(struct function *fn)
{
	return config_read(fn, VECTORS, 4) >> 16;
}

/* Returns the status of a request. */
static unsigned int ask(struct function *fn, unsigned int min, unsigned int count)
{
	config_write(fn, REQUEST, 4, ASK(min, count));
	return config_read(fn, STATUS, 4);
}

/* Does this vector send? */
static bool sends(struct function *fn, unsigned int vector)
{
	entry_set(fn, vector, MSI_TO(0), VECTOR, 0);
	return trigger(fn, MSIX, vector) == MSI_ROUTE_SENT &&
	       vcpu_take_irr(&fn->vm->vcpu[0], VECTOR);
}

static bool is_absent(struct function *fn, unsigned int vector)
{
	const struct msi_route_entry entry = { .data = VECTOR };
	struct msi_route_counters c = {
		.size = sizeof(c), .kind = MSIX, .vector = vector,
	};

	return trigger(fn, MSIX, vector) == -ECHRNG &&
	       clear_pending(fn, MSIX, vector) == -ECHRNG &&
	       set_eventfd(fn, MSIX, vector, new_eventfd(), 0) == -ECHRNG &&
	       set_entries(fn, vector, 1, &entry) == -ECHRNG &&
	       ioctl(fn->fd, MSI_ROUTE_GET_COUNTERS, &c) && errno == ECHRNG;
}

static bool reads_as_after_reset(struct function *fn, unsigned int vector)
{
	return !table_read(fn, ENTRY(vector) + ENTRY_ADDRESS) &&
	       !table_read(fn, ENTRY(vector) + ENTRY_UPPER) &&
	       !table_read(fn, ENTRY(vector) + ENTRY_DATA) &&
	       table_read(fn, ENTRY(vector) + ENTRY_CONTROL) == ENTRY_MASKED &&
	       !pba_bit(fn, vector);
}

/* ---- the capability ---- */

TEST_F(grant, registers)
{
	__u64 value = 0x5a5a5a5a;

	/* ID and Next are the VMM's. */
	ASSERT_EQ(0, function_access(&self->fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG,
				     GRANT_CAP, 4, &value));
	EXPECT_EQ(MSI_ROUTE_GRANT_CAP_REVISION << 24 |
		  MSI_ROUTE_GRANT_CAP_SIZE << 16 | 0x5a5a, value);
	EXPECT_EQ(MSI_ROUTE_GRANT_CAP_SIGNATURE, config_read(&self->fn, SIGNATURE, 4));
	EXPECT_EQ(FIRST << 16 | NR, config_read(&self->fn, VECTORS, 4));
	EXPECT_EQ(0, config_read(&self->fn, REQUEST, 4));
	EXPECT_EQ(MSI_ROUTE_GRANT_NONE, config_read(&self->fn, STATUS, 4));
	/* The Table Size is the most that can be granted. */
	EXPECT_EQ(NR - 1, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & 0x7ff);
	/* Read-only. */
	config_write(&self->fn, SIGNATURE, 4, 0);
	config_write(&self->fn, VECTORS, 4, ASK(1, 1));
	config_write(&self->fn, STATUS, 4, 0xff);
	EXPECT_EQ(MSI_ROUTE_GRANT_CAP_SIGNATURE, config_read(&self->fn, SIGNATURE, 4));
	EXPECT_EQ(FIRST, granted(&self->fn));
	EXPECT_EQ(MSI_ROUTE_GRANT_NONE, config_read(&self->fn, STATUS, 4));
}

/* A write of Minimum alone requests nothing; one of Count uses the present Minimum. */
TEST_F(grant, by_words)
{
	config_write(&self->fn, REQUEST + 2, 2, 100);
	EXPECT_EQ(FIRST, granted(&self->fn));
	EXPECT_EQ(MSI_ROUTE_GRANT_NONE, config_read(&self->fn, STATUS, 4));
	config_write(&self->fn, REQUEST, 2, 99);
	EXPECT_EQ(MSI_ROUTE_GRANT_RANGE, config_read(&self->fn, STATUS, 1));
	config_write(&self->fn, REQUEST, 2, 120);
	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, config_read(&self->fn, STATUS, 1));
	EXPECT_EQ(120, granted(&self->fn));
}

TEST_F(grant, grows)
{
	unsigned int i;

	EXPECT_TRUE(is_absent(&self->fn, FIRST));
	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, ask(&self->fn, 1, 150));
	EXPECT_EQ(150, granted(&self->fn));
	for (i = 0; i < 150; i++)
		ASSERT_TRUE(sends(&self->fn, i));
	EXPECT_TRUE(is_absent(&self->fn, 150));
}

TEST_F(grant, refused_with_a_reason)
{
	static const struct {
		unsigned int min, count, status, granted;
	} cases[] = {
		{ 0, 0, MSI_ROUTE_GRANT_RANGE, FIRST },
		{ 20, 19, MSI_ROUTE_GRANT_RANGE, FIRST },
		{ NR + 1, 0xffff, MSI_ROUTE_GRANT_RANGE, FIRST },
		{ 51, 60, MSI_ROUTE_GRANT_LIMIT, FIRST },
		{ 50, 60, MSI_ROUTE_GRANT_FEWER, 50 },
		{ 0, 0xffff, MSI_ROUTE_GRANT_FEWER, 50 },
		{ 50, 50, MSI_ROUTE_GRANT_ALL, 50 },
		{ 0, 5, MSI_ROUTE_GRANT_ALL, 5 },
	};
	unsigned int i;

	ASSERT_EQ(0, set_limit(&self->fn, MSIX, 50));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(cases[i].status, ask(&self->fn, cases[i].min, cases[i].count));
		EXPECT_EQ(cases[i].granted, granted(&self->fn));
		EXPECT_TRUE(is_absent(&self->fn, cases[i].granted));
		EXPECT_TRUE(sends(&self->fn, cases[i].granted - 1));
	}
	ASSERT_EQ(0, set_limit(&self->fn, MSIX, NR));
	EXPECT_EQ(MSI_ROUTE_GRANT_FEWER, ask(&self->fn, 1, NR + 1));
	EXPECT_EQ(NR, granted(&self->fn));
}

/* A limit below the granted number takes nothing back, and grants nothing more. */
TEST_F(grant, limit_takes_nothing_back)
{
	ASSERT_EQ(0, set_limit(&self->fn, MSIX, 3));
	EXPECT_EQ(FIRST, granted(&self->fn));
	EXPECT_EQ(MSI_ROUTE_GRANT_FEWER, ask(&self->fn, 2, 20));
	EXPECT_EQ(FIRST, granted(&self->fn));
	EXPECT_EQ(MSI_ROUTE_GRANT_LIMIT, ask(&self->fn, FIRST + 1, 20));
	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, ask(&self->fn, 1, 4));
	EXPECT_EQ(MSI_ROUTE_GRANT_FEWER, ask(&self->fn, 2, 20));
	EXPECT_EQ(4, granted(&self->fn));
}

/* ---- by the VMM ---- */

TEST_F(grant, by_ioctl)
{
	struct msi_route_resize arg = { .size = sizeof(arg), .kind = MSIX };

	EXPECT_EQ(64, resize(&self->fn, MSIX, 64, 64));
	EXPECT_EQ(64, granted(&self->fn));
	/* They do not change the guest's registers. */
	EXPECT_EQ(MSI_ROUTE_GRANT_NONE, config_read(&self->fn, STATUS, 4));
	EXPECT_EQ(1, resize(&self->fn, MSIX, 0, 1));
	EXPECT_EQ(NR, resize(&self->fn, MSIX, 0, NR + 1));
	ASSERT_EQ(0, ioctl(self->fn.fd, MSI_ROUTE_RESIZE, &arg));
	EXPECT_EQ(NR, arg.granted);
	EXPECT_EQ(-EINVAL, resize(&self->fn, MSIX, 2, 1));
	EXPECT_EQ(-EINVAL, resize(&self->fn, MSIX, 1, 0));
	EXPECT_EQ(-EINVAL, resize(&self->fn, MSIX, NR + 1, NR + 1));
	EXPECT_EQ(-ENODEV, resize(&self->fn, MSI_ROUTE_MSI, 1, 1));
	EXPECT_EQ(-ENODEV, resize(&self->fn, MSI_ROUTE_IMS, 1, 1));
	EXPECT_EQ(-EINVAL, resize(&self->fn, MSI_ROUTE_IMS + 1, 1, 1));
	EXPECT_EQ(-EINVAL, set_limit(&self->fn, MSIX, 0));
	EXPECT_EQ(-EINVAL, set_limit(&self->fn, MSIX, NR + 1));
	EXPECT_EQ(5, resize(&self->fn, MSIX, 5, 5));
	ASSERT_EQ(0, set_limit(&self->fn, MSIX, 6));
	EXPECT_EQ(-ENOSPC, resize(&self->fn, MSIX, 7, 8));
	arg.limit = 3;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_RESIZE, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.limit = 0;
	arg.reserved = 1;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_RESIZE, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(5, granted(&self->fn));
}

TEST_F(grant, msi_has_a_fixed_number)
{
	struct function msi;

	function_open(&msi, &self->vm, msi_shape(4, 0));
	EXPECT_EQ(-EINVAL, resize(&msi, MSI_ROUTE_MSI, 1, 2));
	function_close(&msi);
}

TEST_F(grant, creation)
{
	struct msi_route_create c = shape(NR + 1);
	struct function fn;

	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	c = shape(1);
	c.grant_cap = MSIX_CAP + 4;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	c.grant_cap = 0x82;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	c.grant_cap = 0x3c;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	c.grant_cap = 0xf0;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	c = msi_shape(1, 0);
	c.grant_cap = GRANT_CAP;
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, c));
	/* Without the field, all are granted. */
	function_open(&fn, &self->vm, shape(0));
	EXPECT_EQ(NR, granted(&fn));
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_TRUE(sends(&fn, NR - 1));
	function_close(&fn);
}

/* ---- given back ---- */

TEST_F(grant, absent_entry_is_inert)
{
	entry_set(&self->fn, FIRST, MSI_TO(0), VECTOR, 0);
	EXPECT_TRUE(reads_as_after_reset(&self->fn, FIRST));
	function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(NR - 1) + 8, 8, VECTOR);
	EXPECT_TRUE(reads_as_after_reset(&self->fn, NR - 1));
	/* It has kept nothing for later, either. */
	ASSERT_EQ(NR, resize(&self->fn, MSIX, NR, NR));
	EXPECT_TRUE(reads_as_after_reset(&self->fn, FIRST));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, FIRST));
}

/* A vector's pending events, message and eventfds go with it; the others stay. */
TEST_F(grant, given_back)
{
	struct msi_route_counters c;
	int fd = new_eventfd();

	ASSERT_EQ(100, resize(&self->fn, MSIX, 100, 100));
	entry_set(&self->fn, 99, MSI_TO(0), VECTOR, ENTRY_MASKED);
	entry_set(&self->fn, 8, MSI_TO(0), VECTOR + 1, ENTRY_MASKED);
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 99, fd, 0));
	signal_eventfd(fd, 3);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 8));
	EXPECT_TRUE(pba_bit(&self->fn, 99));

	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, ask(&self->fn, 9, 9));
	EXPECT_TRUE(is_absent(&self->fn, 99));
	EXPECT_TRUE(reads_as_after_reset(&self->fn, 99));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(4, c.events);
	EXPECT_EQ(2, c.coalesced);
	EXPECT_EQ(1, c.cleared);
	EXPECT_EQ(1, c.pending);
	EXPECT_EQ(c.events, accounted(&c));
	signal_eventfd(fd, 1);

	ASSERT_EQ(100, resize(&self->fn, MSIX, 100, 100));
	EXPECT_TRUE(reads_as_after_reset(&self->fn, 99));
	/* Its eventfd is no longer attached. */
	EXPECT_EQ(4, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(sends(&self->fn, 99));
	/* The vector below is unaffected. */
	EXPECT_TRUE(pba_bit(&self->fn, 8));
	entry_mask(&self->fn, 8, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 1));
}

/*
 * Vectors that have come since do not get the counts of old ones that wait to be freed.
 */
TEST_F(grant, counts_of_vectors_that_came_again)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		ASSERT_EQ(NR, resize(&self->fn, MSIX, NR, NR));
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, NR - 1));
		EXPECT_EQ(1, totals(&self->fn, MSIX).pending);
		ASSERT_EQ(FIRST, resize(&self->fn, MSIX, 1, FIRST));
		EXPECT_EQ(0, totals(&self->fn, MSIX).pending);
	}
	EXPECT_EQ(100, totals(&self->fn, MSIX).cleared);
}

TEST_F(grant, held_event_goes_with_its_vector)
{
	struct msi_route_counters c;

	ASSERT_EQ(0, set_hold(&self->fn, 1000000000));
	entry_set(&self->fn, 9, MSI_TO(0), VECTOR, 0);
	table_write(&self->fn, ENTRY(9), MSI_TO(1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 9));
	ASSERT_EQ(9, resize(&self->fn, MSIX, 1, 9));
	ASSERT_EQ(10, resize(&self->fn, MSIX, 1, 10));
	/* Ends all open holds. */
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(1, c.cleared);
	EXPECT_EQ(c.events, accounted(&c));
}

TEST_F(grant, reset_leaves_what_is_granted)
{
	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, ask(&self->fn, 1, 150));
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_EQ(150, granted(&self->fn));
	EXPECT_EQ(0, config_read(&self->fn, REQUEST, 4));
	EXPECT_EQ(MSI_ROUTE_GRANT_NONE, config_read(&self->fn, STATUS, 4));
	EXPECT_TRUE(reads_as_after_reset(&self->fn, 149));
}

/* The VMM is notified, so that it can do the same to a physical device. */
TEST_F(grant, the_vmm_is_told)
{
	struct msi_route_vector_change change;
	int fd = new_eventfd();

	ASSERT_EQ(0, set_notify(&self->fn, MSI_ROUTE_CHANGE_CONTROL, fd));
	ask(&self->fn, 1, 20);
	ASSERT_EQ(1, get_changes(&self->fn, &change, 1, NULL));
	EXPECT_EQ(MSI_ROUTE_CAPABILITY, change.vector);
	EXPECT_EQ(MSI_ROUTE_CHANGE_CONTROL, change.changes);
}

/* ---- save and restore ---- */

struct saved {
	struct msi_route_state state;
	struct msi_route_entry entries[NR];
	__u64 pba[(NR + 63) / 64], held[(NR + 63) / 64];
};

static int transfer(struct function *fn, unsigned long request, struct saved *s)
{
	s->state.size = sizeof(s->state);
	s->state.msix_vectors = NR;
	s->state.entries = (unsigned long)s->entries;
	s->state.pba = (unsigned long)s->pba;
	s->state.held = (unsigned long)s->held;
	return ioctl(fn->fd, request, &s->state) ? -errno : 0;
}

TEST_F(grant, saved_and_restored)
{
	struct saved s = {};
	struct function to;

	ask(&self->fn, 1, 150);
	entry_set(&self->fn, 149, MSI_TO(0), VECTOR, ENTRY_MASKED);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 149));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(0, transfer(&self->fn, MSI_ROUTE_SAVE, &s));
	EXPECT_EQ(150, s.state.msix_granted);

	function_open(&to, &self->vm, shape(1));
	ASSERT_EQ(0, set_run(&to, 0));
	ASSERT_EQ(0, transfer(&to, MSI_ROUTE_RESTORE, &s));
	ASSERT_EQ(0, set_run(&to, 1));
	EXPECT_EQ(150, granted(&to));
	EXPECT_EQ(ASK(1, 150), config_read(&to, REQUEST, 4));
	EXPECT_EQ(MSI_ROUTE_GRANT_ALL, config_read(&to, STATUS, 4));
	entry_mask(&to, 149, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_TRUE(is_absent(&to, 150));

	/* Bad states first, then one for fewer vectors than there are. */
	ASSERT_EQ(0, set_run(&to, 0));
	s.state.msix_granted = NR + 1;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	s.state.msix_granted = 149;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	s.pba[2] = 0;
	s.state.grant_status = MSI_ROUTE_GRANT_MEMORY + 1;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	EXPECT_EQ(150, granted(&to));
	s.state.grant_status = MSI_ROUTE_GRANT_ALL;
	ASSERT_EQ(0, transfer(&to, MSI_ROUTE_RESTORE, &s));
	EXPECT_EQ(149, granted(&to));
	EXPECT_TRUE(is_absent(&to, 149));
	function_close(&to);
}

/* ---- while everything fires ---- */

struct device {
	struct function *fn;
	int fd[4];
	__u64 raised, absent;
	bool low;
};

static bool over;

/* Vectors below 4, which stay: raised by ioctl and by eventfd. */
static void *raise_low(void *arg)
{
	struct device *d = arg;
	__u32 random = 1;

	while (!load(&over)) {
		__u32 r = next_random(&random);

		if (r & 8)
			signal_eventfd(d->fd[r & 3], 1);
		else if (trigger(d->fn, MSIX, r & 3) != MSI_ROUTE_SENT)
			die("a vector that stays does not send");
		d->raised++;
	}
	return NULL;
}

/* Vectors that come and go: raised, unmasked, read. */
static void *raise_high(void *arg)
{
	struct device *d = arg;
	__u32 random = 2;

	while (!load(&over)) {
		__u32 r = next_random(&random), vector = 4 + (r >> 8) % (NR - 4);
		int ret;

		switch (r & 3) {
		case 0:
			function_write(d->fn, MSI_ROUTE_TABLE, ENTRY(vector), 8, MSI_TO(0));
			function_write(d->fn, MSI_ROUTE_TABLE, ENTRY(vector) + 8, 8, VECTOR + 1);
			break;
		case 1:
			pba_read(d->fn, 0);
			break;
		default:
			ret = trigger(d->fn, MSIX, vector);
			if (ret < 0 && ret != -ECHRNG)
				die("a vector that comes and goes");
			d->raised += ret != -ECHRNG;
			d->absent += ret == -ECHRNG;
			break;
		}
	}
	return NULL;
}

static unsigned int nr_resizes(void)
{
	const char *said = getenv("TEST_RESIZES");

	return said ? strtoul(said, NULL, 0) : RESIZES;
}

/*
 * Vectors that stay lose nothing while others come and go: none of their events even
 * waits.  All events are accounted for, also those of vectors that went while they were
 * raised.
 */
TEST_F(grant, resizes_lose_nothing)
{
	const unsigned int resizes = nr_resizes();
	struct device low = { .fn = &self->fn }, high = { .fn = &self->fn };
	struct msi_route_counters c;
	pthread_t threads[2];
	__u32 random = 3;
	unsigned int i;
	__u64 stayed = 0;

	over = false;
	for (i = 0; i < 4; i++) {
		entry_set(&self->fn, i, MSI_TO(1), VECTOR, 0);
		low.fd[i] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, i, low.fd[i], 0));
	}
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, raise_low, &low));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, raise_high, &high));
	for (i = 0; i < resizes; i++) {
		__u32 nr = 4 + next_random(&random) % (NR - 3);

		if (resize(&self->fn, MSIX, nr, nr) != (int)nr)
			die("a resize to %u", nr);
	}
	store(&over, true);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);

	for (i = 0; i < 4; i++) {
		c = counters(&self->fn, MSIX, i);
		EXPECT_EQ(c.events, c.messages);
		stayed += c.events;
	}
	EXPECT_EQ(low.raised, stayed);
	ASSERT_EQ(4, resize(&self->fn, MSIX, 4, 4));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(low.raised + high.raised, c.events);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(0, c.pending);
	REMARK("%u resizes; %llu events of vectors that stay, %llu of others; %llu found none",
	       resizes, low.raised, high.raised, high.absent);
}

static void *raise_last_for_ever(void *arg)
{
	struct device *d = arg;
	int ret;

	while (!load(&over)) {
		ret = trigger(d->fn, MSIX, NR - 1);
		d->raised += ret >= 0;
		d->absent += ret == MSI_ROUTE_DROPPED;
	}
	return NULL;
}

/*
 * An event of a vector that is being given back is dropped, also while nothing can be
 * sent: no Pending bit is left, in the registers or in a saved state, for the next user
 * of the vector.
 */
TEST_F(grant, no_pending_bit_is_left)
{
	const unsigned int resizes = nr_resizes() / 10;
	struct device d = { .fn = &self->fn };
	struct msi_route_counters c;
	pthread_t thread;
	unsigned int i;

	msix_control(&self->fn, 0);
	over = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_last_for_ever, &d));
	for (i = 0; i < resizes; i++) {
		if (resize(&self->fn, MSIX, NR, NR) != NR || resize(&self->fn, MSIX, 4, 4) != 4)
			die("a resize");
		if (pba_read(&self->fn, (NR - 1) / 64 * 8) >> (NR - 1) % 64)
			break;
	}
	EXPECT_EQ(resizes, i);
	store(&over, true);
	pthread_join(thread, NULL);
	EXPECT_FALSE(pba_bit(&self->fn, NR - 1));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(d.raised, c.events);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_EQ(d.absent, c.dropped_absent);
	EXPECT_EQ(0, c.pending);
	REMARK("%u resizes; %llu events, %llu of a vector that was being given back", resizes,
	       d.raised, d.absent);
}

static void *raise_last(void *arg)
{
	struct device *d = arg;

	while (!load(&over)) {
		signal_eventfd(d->fd[0], 1);
		trigger(d->fn, MSIX, FIRST - 1);
	}
	return NULL;
}

/* When the write that gives a vector back returns, the vector sends nothing more. */
TEST_F(grant, nothing_after_given_back)
{
	struct device d = { .fn = &self->fn, .fd = { new_eventfd() } };
	struct msi_route_counters c;
	pthread_t thread;
	int i;

	over = false;
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_last, &d));
	for (i = 0; i < 2000; i++) {
		entry_set(&self->fn, FIRST - 1, MSI_TO(0), VECTOR, 0);
		if (set_eventfd(&self->fn, MSIX, FIRST - 1, d.fd[0], 0))
			die("an eventfd");
		sched_yield();
		config_write(&self->fn, REQUEST, 4, ASK(1, FIRST - 1));
		vcpu_clear_irr(self->vcpu);
		sched_yield();
		if (vcpu_irr_weight(self->vcpu))
			die("a message of a vector that was given back");
		config_write(&self->fn, REQUEST, 4, ASK(1, FIRST));
	}
	store(&over, true);
	pthread_join(thread, NULL);
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_GT(c.messages, 0);
}

/* ---- a guest's driver ---- */

static __u32 got, told, taken[256];
static bool raise_now, done;

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	(void)cpu;
	atomic_inc(&taken[vector]);
}

/* Like pci_enable_msix_range(): returns how many of at most @max there are, or 0. */
static unsigned int guest_enable_range(unsigned int min, unsigned int max)
{
	guest_write32(CONFIG_GPA(0) + REQUEST, ASK(min, max));
	if (guest_read32(CONFIG_GPA(0) + STATUS) > MSI_ROUTE_GRANT_FEWER)
		return 0;
	return guest_read32(CONFIG_GPA(0) + VECTORS) >> 16;
}

static void guest_program(unsigned int from, unsigned int to)
{
	unsigned int i;

	for (i = from; i < to; i++) {
		guest_write64(TABLE_GPA(0) + ENTRY(i), MSI_TO(0));
		guest_write64(TABLE_GPA(0) + ENTRY(i) + 8, 0x20 + i);
	}
}

static void driver(void)
{
	unsigned int nr;

	guest_sti();
	if (guest_read32(CONFIG_GPA(0) + SIGNATURE) != MSI_ROUTE_GRANT_CAP_SIGNATURE)
		guest_panic("no capability", 0, 0);
	nr = guest_enable_range(1, 3);
	guest_program(0, nr);
	guest_write16(CONFIG_GPA(0) + MSIX_CAP + MSIX_CONTROL, MSIX_ENABLE);
	/* More vectors, while the present ones fire. */
	store(&raise_now, true);
	guest_wait_until(load(&taken[0x20]) > 10);
	if (guest_enable_range(200, 300))
		guest_panic("more than the limit was granted", 0, 0);
	got = guest_enable_range(8, 300);
	guest_program(nr, got);
	store(&told, got);
	guest_wait_until(load(&taken[0x20 + got - 1]) > 10);
	/* Back to one, which goes on. */
	nr = guest_enable_range(1, 1);
	store(&told, nr);
	nr = load(&taken[0x20]);
	guest_wait_until(load(&taken[0x20]) > nr + 10);
	store(&done, true);
}

TEST_F(grant, a_guests_driver)
{
	__u32 count, last;

	msix_control(&self->fn, 0);
	ASSERT_EQ(0, set_limit(&self->fn, MSIX, 100));
	guest_handler = handler;
	vcpu_start(self->vcpu, driver);
	while (!load(&raise_now))
		sched_yield();
	while (!load(&done)) {
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
		count = load(&told);
		if (count > 1)
			EXPECT_LE(-ECHRNG, trigger(&self->fn, MSIX, count - 1));
		sched_yield();
	}
	vcpu_join(self->vcpu);
	EXPECT_EQ(100, got);
	EXPECT_EQ(1, granted(&self->fn));
	last = load(&taken[0x20 + 99]);
	EXPECT_GT(last, 10);
}
