// SPDX-License-Identifier: GPL-2.0
/*
 * The update hold: what opens it, what closes it, and its bound.
 *
 * The clock cannot tell here whether a hold has reached its bound, and a slow host may
 * reach the bound before the next call.  So a test of an open hold is an attempt: it is
 * repeated if its hold turns out to have expired meanwhile.
 */
#include <sched.h>
#include <time.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define OLD_VECTOR	0x51
#define NEW_VECTOR	0x61
#define WITNESS_VECTOR	0x71
#define ATTEMPTS	1000

FIXTURE(hold) {
	struct vm vm;
	struct vcpu *old, *new;
	struct function fn;
	__u32 kind;
};

FIXTURE_VARIANT(hold) {
	__u32 kind;
	unsigned int msi_flags;
};

FIXTURE_VARIANT_ADD(hold, msi) { MSI, 0 };
FIXTURE_VARIANT_ADD(hold, msi64) { MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING };
FIXTURE_VARIANT_ADD(hold, msix) { MSIX, 0 };

/* The same for both capabilities. */
static struct msi_route_create shape_of(__u32 kind, unsigned int msi_flags)
{
	return kind == MSIX ? msix_shape(1) : msi_shape(1, msi_flags);
}

static void write_address(struct function *fn, __u32 kind, __u32 address)
{
	if (kind == MSIX)
		table_write(fn, ENTRY(0) + ENTRY_ADDRESS, address);
	else
		config_write(fn, MSI_CAP + MSI_ADDRESS, 4, address);
}

static void write_data(struct function *fn, __u32 kind, __u32 data)
{
	if (kind == MSIX)
		table_write(fn, ENTRY(0) + ENTRY_DATA, data);
	else
		config_write(fn, msi_data_offset(fn), 2, data);
}

static void write_control(struct function *fn, __u32 kind)
{
	if (kind == MSIX)
		msix_control(fn, MSIX_ENABLE);
	else
		msi_control(fn, MSI_ENABLE);
}

/* One unmasked vector with messages to the old vCPU, no hold open. */
static void begin(struct function *fn, __u32 kind)
{
	write_address(fn, kind, MSI_TO(0));
	write_data(fn, kind, OLD_VECTOR);
	if (kind == MSIX)
		entry_mask(fn, 0, false);
	write_control(fn, kind);
}

FIXTURE_SETUP(hold)
{
	vm_create(&self->vm, 0, 2);
	self->old = &self->vm.vcpu[0];
	self->new = &self->vm.vcpu[1];
	self->kind = variant->kind;
	function_open(&self->fn, &self->vm, shape_of(self->kind, variant->msi_flags));
	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	begin(&self->fn, self->kind);
}

FIXTURE_TEARDOWN(hold)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static __u64 expired(FIXTURE_DATA(hold) *self)
{
	return totals(&self->fn, self->kind).holds_expired;
}

/*
 * Changes the address and raises @nr events, all within one hold.  Restores everything
 * and returns false if the hold may have expired.
 */
static bool raise_in_hold(FIXTURE_DATA(hold) *self, unsigned int nr, int *outcome)
{
	__u64 before;
	unsigned int i;

	begin(&self->fn, self->kind);
	vcpu_clear_irr(self->old);
	vcpu_clear_irr(self->new);
	before = expired(self);
	write_address(&self->fn, self->kind, MSI_TO(1));
	for (i = 0; i < nr; i++)
		outcome[i] = trigger(&self->fn, self->kind, 0);
	return expired(self) == before;
}

/* Runs @check with a hold open, until an attempt in which it stays open. */
#define WITH_OPEN_HOLD(nr, outcome, check)				\
	do {								\
		unsigned int attempt = 0;				\
		__u64 before;						\
									\
		do {							\
			ASSERT_LT(attempt++, ATTEMPTS);			\
			before = expired(self);				\
			if (!raise_in_hold(self, nr, outcome))		\
				continue;				\
			check;						\
			if (expired(self) == before)			\
				break;					\
		} while (1);						\
	} while (0)

TEST_F(hold, address_opens_and_events_are_latched)
{
	struct msi_route_counters c;
	bool old, new;
	int outcome[3];

	WITH_OPEN_HOLD(3, outcome, (old = vcpu_irr_weight(self->old),
				    new = vcpu_irr_weight(self->new)));
	EXPECT_EQ(MSI_ROUTE_PENDING, outcome[0]);
	EXPECT_EQ(MSI_ROUTE_COALESCED, outcome[1]);
	EXPECT_EQ(MSI_ROUTE_COALESCED, outcome[2]);
	EXPECT_FALSE(old);
	EXPECT_FALSE(new);
	c = totals(&self->fn, self->kind);
	EXPECT_LE(1, c.holds);
	EXPECT_LE(3, c.held);
}

/* One message is sent, the complete new one, and it has arrived at once [26]. */
#define EXPECT_CLOSED_BY(write, vector)					\
	do {								\
		bool irr = false, torn = false;				\
		__u64 messages = 0;					\
		int outcome[2];						\
									\
		WITH_OPEN_HOLD(2, outcome,				\
			       (messages = totals(&self->fn, self->kind).messages,	\
				write,					\
				messages = totals(&self->fn, self->kind).messages - messages,	\
				torn = vcpu_irr_weight(self->old) ||	\
				       vcpu_irr_weight(self->new) != 1,	\
				irr = vcpu_irr(self->new, vector)));	\
		EXPECT_EQ(1, messages);					\
		EXPECT_FALSE(torn);					\
		EXPECT_TRUE(irr);					\
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));	\
	} while (0)

TEST_F(hold, data_closes)
{
	EXPECT_CLOSED_BY(write_data(&self->fn, self->kind, NEW_VECTOR), NEW_VECTOR);
}

TEST_F(hold, equal_data_closes)
{
	EXPECT_CLOSED_BY(write_data(&self->fn, self->kind, OLD_VECTOR), OLD_VECTOR);
}

TEST_F(hold, message_control_closes)
{
	EXPECT_CLOSED_BY(write_control(&self->fn, self->kind), OLD_VECTOR);
}

TEST_F(hold, vector_control_closes)
{
	if (self->kind == MSI)
		return;	/* MSI has no Vector Control */
	EXPECT_CLOSED_BY(entry_mask(&self->fn, 0, false), OLD_VECTOR);
}

TEST_F(hold, new_bound_closes)
{
	EXPECT_CLOSED_BY(set_hold(&self->fn, query().hold_max_ns), OLD_VECTOR);
	EXPECT_CLOSED_BY((set_hold(&self->fn, 0), set_hold(&self->fn, query().hold_max_ns)),
			 OLD_VECTOR);
}

TEST_F(hold, qword_of_data_closes)
{
	if (self->kind == MSI)
		return;	/* MSI has no qword accesses */
	EXPECT_CLOSED_BY(function_write(&self->fn, MSI_ROUTE_TABLE, ENTRY(0) + ENTRY_DATA, 8,
					NEW_VECTOR), NEW_VECTOR);
}

static __u64 now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/*
 * A guest that writes only the address gets its interrupt at the bound, whatever the
 * bound is; each expired hold is counted.
 */
TEST_F(hold, bound_closes)
{
	const __u32 bounds[] = { 1, query().hold_default_ns, query().hold_max_ns / 10 };
	unsigned int attempt, i, pending = 0;
	__u64 longest, start, took, before;

	for (i = 0; i < ARRAY_SIZE(bounds); i++) {
		ASSERT_EQ(0, set_hold(&self->fn, bounds[i]));
		longest = 0;
		for (attempt = 0; attempt < 10; attempt++) {
			begin(&self->fn, self->kind);
			vcpu_clear_irr(self->old);
			vcpu_clear_irr(self->new);
			before = expired(self);
			start = now_us();
			write_address(&self->fn, self->kind, MSI_TO(1));
			pending += trigger(&self->fn, self->kind, 0) == MSI_ROUTE_PENDING;
			while (totals(&self->fn, self->kind).pending)
				sched_yield();
			took = now_us() - start;
			longest = took > longest ? took : longest;
			while (expired(self) == before)
				sched_yield();
			EXPECT_EQ(before + 1, expired(self));
			EXPECT_EQ(0, vcpu_irr_weight(self->old));
			EXPECT_TRUE(vcpu_take_irr(self->new, OLD_VECTOR));
		}
		REMARK("bound of %u ns: at most %llu us", bounds[i], longest);
	}
	/* In the long holds the event came before their end. */
	EXPECT_LT(0, pending);
}

/* The guest keeps writing addresses: this does not prolong a hold. */
TEST_F(hold, bound_counts_from_the_first_write)
{
	__u64 before = expired(self);
	__u32 to = 1;

	while (expired(self) == before) {
		write_address(&self->fn, self->kind, MSI_TO(to));
		to = !to;
	}
	while (totals(&self->fn, self->kind).pending)
		sched_yield();
}

TEST_F(hold, off)
{
	__u64 holds = totals(&self->fn, self->kind).holds;

	ASSERT_EQ(0, set_hold(&self->fn, 0));
	write_address(&self->fn, self->kind, MSI_TO(1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));
	EXPECT_TRUE(vcpu_take_irr(self->new, OLD_VECTOR));
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	EXPECT_EQ(0, totals(&self->fn, self->kind).held);
}

/* Stops the function for it; MSI-X has one vector. */
static __u32 bound_of(struct function *fn)
{
	struct msi_route_entry entry;
	__u64 pba, held;
	struct msi_route_state state = {
		.size = sizeof(state), .msix_vectors = fn->shape.msix_vectors,
		.msi_vectors = fn->shape.msi_vectors, .msi_flags = fn->shape.msi_flags,
		.entries = (unsigned long)&entry, .pba = (unsigned long)&pba,
		.held = (unsigned long)&held,
	};

	if (set_run(fn, 0) || ioctl(fn->fd, MSI_ROUTE_SAVE, &state) || set_run(fn, 1))
		die("MSI_ROUTE_SAVE");
	return state.hold_bound_ns;
}

TEST_F(hold, bound_is_of_the_function)
{
	const __u32 max = query().hold_max_ns;
	struct function other;

	function_open(&other, &self->vm, shape_of(self->kind, variant->msi_flags));
	EXPECT_EQ(query().hold_default_ns, bound_of(&other));
	EXPECT_EQ(max, bound_of(&self->fn));
	ASSERT_EQ(0, set_hold(&other, 0));
	begin(&other, self->kind);
	write_address(&other, self->kind, MSI_TO(1));
	write_address(&self->fn, self->kind, MSI_TO(1));
	EXPECT_EQ(0, totals(&other, self->kind).holds);
	EXPECT_EQ(1, totals(&self->fn, self->kind).holds);

	ASSERT_EQ(0, set_hold(&other, 1));
	EXPECT_EQ(1, bound_of(&other));
	EXPECT_EQ(-EINVAL, set_hold(&other, max + 1));
	EXPECT_EQ(1, bound_of(&other));
	/* The bound is the VMM's setting, not a register: a reset keeps it. */
	ASSERT_EQ(0, reset(&other));
	EXPECT_EQ(1, bound_of(&other));
	EXPECT_EQ(max, bound_of(&self->fn));
	function_close(&other);
}

TEST_F(hold, refused_bound_changes_nothing)
{
	unsigned int weight = 1, pending = 0;
	int outcome[1], ret = 0;

	WITH_OPEN_HOLD(1, outcome, (ret = set_hold(&self->fn, query().hold_max_ns + 1),
				    weight = vcpu_irr_weight(self->new),
				    pending = totals(&self->fn, self->kind).pending));
	EXPECT_EQ(-EINVAL, ret);
	EXPECT_EQ(0, weight);
	EXPECT_EQ(1, pending);
}

TEST_F(hold, only_where_it_may_be_sent)
{
	__u64 holds = totals(&self->fn, self->kind).holds;

	/* An equal address changes nothing. */
	write_address(&self->fn, self->kind, MSI_TO(0));
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));

	/* Data alone is complete. */
	write_data(&self->fn, self->kind, NEW_VECTOR);
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));

	/* No bus master, not enabled, or masked: it cannot be sent anyway. */
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	write_address(&self->fn, self->kind, MSI_TO(1));
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	if (self->kind == MSIX) {
		entry_mask(&self->fn, 0, true);
		write_address(&self->fn, self->kind, MSI_TO(0));
		EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
		entry_mask(&self->fn, 0, false);
	}
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));
}

TEST_F(hold, mask_while_held)
{
	struct msi_route_counters c;
	unsigned int weight = 0;
	int outcome[1];

	if (self->kind == MSI)
		return;	/* masks of MSI do not close a hold */
	WITH_OPEN_HOLD(1, outcome, (entry_mask(&self->fn, 0, true),
				    weight = vcpu_irr_weight(self->new)));
	EXPECT_EQ(0, weight);
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->new, OLD_VECTOR));
	c = totals(&self->fn, self->kind);
	EXPECT_EQ(c.events, accounted(&c));
}

/*
 * A write of Message Control that disables or masks ends the hold as well.  The vector
 * must not send at any moment: the event stays pending, and nothing half-written is sent.
 */
TEST_F(hold, disabled_while_held)
{
	const __u16 closed[] = { 0, MSIX_ENABLE | MSIX_FUNCTION_MASK };
	unsigned int i, weight = 0;
	__u32 pending = 0;
	int outcome[1];

	for (i = 0; i < (self->kind == MSIX ? 2 : 1); i++) {
		WITH_OPEN_HOLD(1, outcome, (self->kind == MSIX ?
					    msix_control(&self->fn, closed[i]) :
					    msi_control(&self->fn, 0),
					    weight = vcpu_irr_weight(self->new),
					    pending = totals(&self->fn, self->kind).pending));
		EXPECT_EQ(0, weight);
		EXPECT_EQ(1, pending);
		write_data(&self->fn, self->kind, NEW_VECTOR);
		write_control(&self->fn, self->kind);
		EXPECT_TRUE(vcpu_take_irr(self->new, NEW_VECTOR));
	}
}

/*
 * Returns when every hold that was opened before has reached its bound: another
 * function's hold, which is the youngest, has reached it.
 */
static void wait_for_bound(FIXTURE_DATA(hold) *self, __u32 bound)
{
	struct function witness;

	function_open(&witness, &self->vm, msix_shape(1));
	if (set_hold(&witness, bound))
		die("MSI_ROUTE_SET_HOLD");
	begin(&witness, MSIX);
	table_write(&witness, ENTRY(0) + ENTRY_DATA, WITNESS_VECTOR);
	table_write(&witness, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(0) | 0x8);
	if (trigger(&witness, MSIX, 0) < 0)
		die("MSI_ROUTE_TRIGGER");
	while (!vcpu_irr(self->old, WITNESS_VECTOR))
		sched_yield();
	function_close(&witness);
}

/* A reset clears and counts what is held, and the hold's timer sends nothing. */
TEST_F(hold, reset_while_held)
{
	const __u32 bound = query().hold_max_ns / 10;
	struct msi_route_counters at = {}, after = {};
	unsigned int weight = 1;
	int outcome[2];

	ASSERT_EQ(0, set_hold(&self->fn, bound));
	WITH_OPEN_HOLD(2, outcome, (at = totals(&self->fn, self->kind), reset(&self->fn),
				    after = totals(&self->fn, self->kind),
				    weight = vcpu_irr_weight(self->new),
				    set_bus_master(&self->fn, 1)));
	EXPECT_EQ(0, weight);
	EXPECT_EQ(1, at.pending);
	EXPECT_EQ(0, after.pending);
	EXPECT_EQ(at.cleared + 1, after.cleared);
	EXPECT_EQ(at.messages, after.messages);
	EXPECT_EQ(after.events, accounted(&after));

	begin(&self->fn, self->kind);
	wait_for_bound(self, bound);
	EXPECT_EQ(0, vcpu_irr_weight(self->new));
	EXPECT_FALSE(vcpu_irr(self->old, OLD_VECTOR));
	EXPECT_EQ(after.messages, totals(&self->fn, self->kind).messages);
	EXPECT_EQ(after.holds_expired, expired(self));
}

/* The eventfd is detached, its events stay: one message when the hold ends. */
TEST_F(hold, detach_while_held)
{
	struct msi_route_counters before, c = {};
	unsigned int attempt = 0;
	int fd;

	do {
		ASSERT_LT(attempt++, ATTEMPTS);
		fd = new_eventfd();
		begin(&self->fn, self->kind);
		vcpu_clear_irr(self->old);
		vcpu_clear_irr(self->new);
		ASSERT_EQ(0, set_eventfd(&self->fn, self->kind, 0, fd, 0));
		before = totals(&self->fn, self->kind);
		write_address(&self->fn, self->kind, MSI_TO(1));
		signal_eventfd(fd, 1);
		signal_eventfd(fd, 2);
		ASSERT_EQ(0, set_eventfd(&self->fn, self->kind, 0, -1, 0));
		close(fd);
		c = totals(&self->fn, self->kind);
		/* Read again: a hold may reach its bound between two of the counts. */
	} while (expired(self) != before.holds_expired);
	EXPECT_EQ(before.events + 3, c.events);
	EXPECT_EQ(before.coalesced + 2, c.coalesced);
	EXPECT_EQ(before.held + 3, c.held);
	EXPECT_EQ(1, c.pending);
	EXPECT_EQ(before.messages, c.messages);
	write_data(&self->fn, self->kind, NEW_VECTOR);
	EXPECT_EQ(1, vcpu_irr_weight(self->new));
	EXPECT_EQ(0, vcpu_irr_weight(self->old));
	c = totals(&self->fn, self->kind);
	EXPECT_EQ(before.messages + 1, c.messages);
	EXPECT_EQ(c.events, accounted(&c));
}

/* Close the function while a hold and its timer are running. */
TEST_F(hold, close_while_held)
{
	unsigned int i;

	for (i = 0; i < 50; i++) {
		struct function fn;

		function_open(&fn, &self->vm, shape_of(self->kind, variant->msi_flags));
		ASSERT_EQ(0, set_hold(&fn, query().hold_max_ns));
		begin(&fn, self->kind);
		write_address(&fn, self->kind, MSI_TO(1));
		ASSERT_LE(0, trigger(&fn, self->kind, 0));
		function_close(&fn);
	}
}

/* A held event is never sent once the function is closed. */
TEST_F(hold, closed_sends_nothing)
{
	const __u32 bound = query().hold_max_ns / 10;
	unsigned int attempt = 0;
	struct function fn;

	do {
		ASSERT_LT(attempt++, ATTEMPTS);
		vcpu_clear_irr(self->new);
		function_open(&fn, &self->vm, shape_of(self->kind, variant->msi_flags));
		ASSERT_EQ(0, set_hold(&fn, bound));
		begin(&fn, self->kind);
		write_address(&fn, self->kind, MSI_TO(1));
		ASSERT_LE(0, trigger(&fn, self->kind, 0));
		function_close(&fn);
		/* It has arrived if the bound was reached before. */
	} while (vcpu_irr_weight(self->new));
	wait_for_bound(self, bound);
	EXPECT_EQ(0, vcpu_irr_weight(self->new));
}
