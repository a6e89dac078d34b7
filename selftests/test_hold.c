// SPDX-License-Identifier: GPL-2.0
/*
 * The update hold: what opens it, what closes it, and its bound.
 *
 * Its end by the bound cannot be told from the clock here, and a slow host
 * may reach the bound before the next call.  So a test of an open hold is an
 * attempt, which is repeated if its hold turns out to have expired meanwhile.
 */
#include <sched.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define OLD_VECTOR	0x51
#define NEW_VECTOR	0x61
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

/* One unmasked vector to the old vCPU, no hold open. */
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
	function_open(&self->fn, &self->vm, self->kind == MSIX ? msix_shape(1) :
					    msi_shape(1, variant->msi_flags));
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
 * Changes the address and raises @nr events, all within one hold: returns
 * false where the hold may have expired, after putting things back.
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

/* One message goes out, the complete new one, and it is there at once [26]. */
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

/* A guest that writes only the address gets its interrupt all the same. */
TEST_F(hold, bound_closes)
{
	unsigned int attempt;

	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns / 10));
	for (attempt = 0; attempt < 20; attempt++) {
		int outcome[1];

		raise_in_hold(self, 1, outcome);
		while (totals(&self->fn, self->kind).pending)
			sched_yield();
		EXPECT_EQ(0, vcpu_irr_weight(self->old));
		EXPECT_TRUE(vcpu_take_irr(self->new, OLD_VECTOR));
	}
	EXPECT_LE(20, expired(self));
}

/* The guest keeps on writing addresses: a hold is not prolonged. */
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

TEST_F(hold, only_where_it_may_be_sent)
{
	__u64 holds = totals(&self->fn, self->kind).holds;

	/* Equal address: nothing changes. */
	write_address(&self->fn, self->kind, MSI_TO(0));
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));

	/* Data alone is complete. */
	write_data(&self->fn, self->kind, NEW_VECTOR);
	EXPECT_EQ(holds, totals(&self->fn, self->kind).holds);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, self->kind, 0));

	/* No bus master, not enabled, masked: it cannot be sent anyway. */
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

TEST_F(hold, reset_while_held)
{
	struct msi_route_counters c;
	unsigned int weight = 1;
	int outcome[1];

	WITH_OPEN_HOLD(1, outcome, (reset(&self->fn), weight = vcpu_irr_weight(self->new),
				    set_bus_master(&self->fn, 1)));
	EXPECT_EQ(0, weight);
	begin(&self->fn, self->kind);
	EXPECT_EQ(0, vcpu_irr_weight(self->new));
	EXPECT_EQ(0, vcpu_irr_weight(self->old));
	c = totals(&self->fn, self->kind);
	EXPECT_LE(1, c.cleared);
	EXPECT_EQ(c.events, accounted(&c));
}

/* Close the function while a hold and its timer are running. */
TEST_F(hold, close_while_held)
{
	unsigned int i;

	for (i = 0; i < 50; i++) {
		struct function fn;

		function_open(&fn, &self->vm, self->kind == MSIX ? msix_shape(1) :
					      msi_shape(1, variant->msi_flags));
		ASSERT_EQ(0, set_hold(&fn, query().hold_max_ns));
		begin(&fn, self->kind);
		write_address(&fn, self->kind, MSI_TO(1));
		ASSERT_LE(0, trigger(&fn, self->kind, 0));
		function_close(&fn);
	}
}
