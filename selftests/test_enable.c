// SPDX-License-Identifier: GPL-2.0
/* Rules 1 and 2: the Enable bits. */
#include <sched.h>

#include "guest/function.h"
#include "harness.h"

#define VECTOR		0x51
#define MSI_VECTOR	0x61

/* A function with both capabilities. */
FIXTURE(enable) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

FIXTURE_SETUP(enable)
{
	struct msi_route_create shape = msix_shape(4);

	shape.msi_cap = MSI_CAP;
	shape.msi_vectors = 1;
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape);
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msi_set(&self->fn, MSI_TO(0), MSI_VECTOR);
}

FIXTURE_TEARDOWN(enable)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

TEST_F(enable, rule_01_clear_at_creation_and_after_reset)
{
	EXPECT_EQ(0, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);

	msix_control(&self->fn, MSIX_ENABLE);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(MSIX_ENABLE,
		  config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(MSI_ENABLE, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);

	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_EQ(0, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2) & MSIX_ENABLE);
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2) & MSI_ENABLE);
}

TEST_F(enable, rule_01_msix_wins_and_both_is_counted)
{
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(0, totals(&self->fn, MSI_ROUTE_MSI).both_enabled);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(1, totals(&self->fn, MSI_ROUTE_MSI).both_enabled);
	EXPECT_EQ(1, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);

	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	/* MSI alone again: what it kept is sent. */
	msix_control(&self->fn, 0);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));

	/* Counted when both become enabled, in either order. */
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(2, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);
	msi_control(&self->fn, 0);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(3, totals(&self->fn, MSI_ROUTE_MSIX).both_enabled);
}

TEST_F(enable, rule_02_msix_disabled_becomes_pending)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));

	msix_control(&self->fn, 0);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(2, totals(&self->fn, MSI_ROUTE_MSIX).messages);
}

TEST_F(enable, rule_02_msi_disabled_becomes_pending)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI_ROUTE_MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
}

/* Each capability counts by its own bit, whatever else keeps its events. */
TEST_F(enable, rule_02_disabled_is_counted)
{
	int fd = new_eventfd();

	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI_ROUTE_MSIX, 1));
	EXPECT_EQ(3, totals(&self->fn, MSI_ROUTE_MSIX).disabled);
	EXPECT_EQ(0, totals(&self->fn, MSI_ROUTE_MSI).disabled);
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSI_ROUTE_MSI, 0, fd, 0));
	signal_eventfd(fd, 5);
	EXPECT_EQ(5, totals(&self->fn, MSI_ROUTE_MSI).disabled);

	/* Events that wait for another reason are not counted. */
	msix_control(&self->fn, MSIX_ENABLE);
	msi_control(&self->fn, MSI_ENABLE);
	trigger(&self->fn, MSI_ROUTE_MSIX, 0);
	trigger(&self->fn, MSI_ROUTE_MSI, 0);
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	trigger(&self->fn, MSI_ROUTE_MSIX, 1);
	trigger(&self->fn, MSI_ROUTE_MSI, 0);
	EXPECT_EQ(3, totals(&self->fn, MSI_ROUTE_MSIX).disabled);
	EXPECT_EQ(5, totals(&self->fn, MSI_ROUTE_MSI).disabled);
	EXPECT_EQ(0, totals(&self->fn, MSI_ROUTE_MSI).dropped_disabled);
}

/* ---- MSI without Pending bits, as hardware has it ---- */

#define FIRST_VECTOR	0x70

static void open_dropping(struct function *fn, struct vm *vm)
{
	struct msi_route_create shape = msi_shape(2, MSI_ROUTE_MSI_64BIT);

	shape.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
	function_open(fn, vm, shape);
	msi_set(fn, MSI_TO(0), FIRST_VECTOR);
}

static void expect_accounted(struct __test_metadata *_metadata, struct function *fn)
{
	struct msi_route_counters c = totals(fn, MSI_ROUTE_MSI);

	EXPECT_EQ(c.events, accounted(&c));
}

TEST_F(enable, rule_02_msi_dropped)
{
	struct function fn;
	int round;

	open_dropping(&fn, &self->vm);
	for (round = 1; round <= 3; round++) {
		EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 0));
		EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 1));
		EXPECT_EQ(0, totals(&fn, MSI_ROUTE_MSI).pending);
		EXPECT_EQ(2 * round, totals(&fn, MSI_ROUTE_MSI).dropped_disabled);
		EXPECT_EQ(2 * round, totals(&fn, MSI_ROUTE_MSI).disabled);
		/* After the write has returned, it is the other way round. */
		msi_control(&fn, MSI_ENABLE | MSI_MME(1));
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSI_ROUTE_MSI, 1));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, FIRST_VECTOR + 1));
		msi_control(&fn, MSI_MME(1));
	}
	expect_accounted(_metadata, &fn);
	function_close(&fn);
}

TEST_F(enable, rule_02_msi_dropped_by_eventfd)
{
	struct msi_route_counters c;
	int fd = new_eventfd();
	struct function fn;

	open_dropping(&fn, &self->vm);
	signal_eventfd(fd, 4);
	ASSERT_EQ(0, set_eventfd(&fn, MSI_ROUTE_MSI, 0, fd, 0));
	signal_eventfd(fd, 1);
	c = totals(&fn, MSI_ROUTE_MSI);
	EXPECT_EQ(5, c.events);
	EXPECT_EQ(5, c.disabled);
	EXPECT_EQ(3, c.coalesced);
	EXPECT_EQ(2, c.dropped_disabled);
	msi_control(&fn, MSI_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	signal_eventfd(fd, 1);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, FIRST_VECTOR));
	expect_accounted(_metadata, &fn);
	function_close(&fn);
}

/* What waits for another reason is kept, even if Enable is cleared afterwards. */
TEST_F(enable, rule_02_msi_dropped_only_by_enable)
{
	struct function fn;

	open_dropping(&fn, &self->vm);
	msi_control(&fn, MSI_ENABLE);
	ASSERT_EQ(0, set_bus_master(&fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI_ROUTE_MSI, 0));
	msi_control(&fn, 0);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 0));
	EXPECT_EQ(1, totals(&fn, MSI_ROUTE_MSI).pending);
	ASSERT_EQ(0, set_bus_master(&fn, 1));
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 0));
	ASSERT_EQ(0, set_run(&fn, 0));
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 0));
	ASSERT_EQ(0, set_run(&fn, 1));
	msi_control(&fn, MSI_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, FIRST_VECTOR));
	EXPECT_EQ(1, totals(&fn, MSI_ROUTE_MSI).messages);
	EXPECT_EQ(3, totals(&fn, MSI_ROUTE_MSI).dropped_disabled);
	expect_accounted(_metadata, &fn);
	function_close(&fn);
}

/* The other capability of the function keeps its events. */
TEST_F(enable, rule_02_msix_beside_it_is_kept)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	shape.msi_cap = MSI_CAP;
	shape.msi_vectors = 1;
	shape.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
	function_open(&fn, &self->vm, shape);
	entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI_ROUTE_MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&fn, MSI_ROUTE_MSI, 0));
	/* Both enabled is another reason [1]. */
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	msi_control(&fn, MSI_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI_ROUTE_MSI, 0));
	function_close(&fn);
}

/* An observer sees that an event would be dropped now, and why the last one was. */
TEST_F(enable, rule_02_msi_dropped_is_told)
{
	struct msi_route_vector v;
	struct msi_route_get_vectors g = {
		.size = sizeof(g), .kind = MSI_ROUTE_MSI, .room = 1, .stride = sizeof(v),
		.vectors = (unsigned long)&v,
	};
	struct function fn;

	open_dropping(&fn, &self->vm);
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_GET_VECTORS, &g));
	EXPECT_EQ(MSI_ROUTE_REASON_DROP_DISABLED, v.reason);
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, v.last);
	trigger(&fn, MSI_ROUTE_MSI, 0);
	msi_control(&fn, MSI_ENABLE);
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_GET_VECTORS, &g));
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, v.reason);
	EXPECT_EQ(MSI_ROUTE_REASON_DROP_DISABLED, v.last);
	function_close(&fn);
}

static struct function *driven;
static __u32 stop;

static void *raise_for_ever(void *arg)
{
	__u64 *outcomes = arg;

	while (!load(&stop)) {
		int outcome = trigger(driven, MSI_ROUTE_MSI, 0);

		if (outcome < 0 || outcome > MSI_ROUTE_UNREACHED)
			die("MSI_ROUTE_TRIGGER");
		outcomes[outcome]++;
	}
	return NULL;
}

/*
 * While Bus Master Enable comes and goes, Enable is set: no event is dropped.  While
 * Enable comes and goes, each event is sent or dropped, or it was on its way when Enable
 * was cleared.
 */
TEST_F(enable, rule_02_msi_dropped_in_full_flow)
{
	__u64 outcomes[MSI_ROUTE_UNREACHED + 1] = {};
	struct msi_route_counters c;
	struct function fn;
	pthread_t thread;
	int i;

	open_dropping(&fn, &self->vm);
	msi_control(&fn, MSI_ENABLE);
	driven = &fn;
	store(&stop, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_for_ever, outcomes));
	for (i = 0; i < 2000; i++)
		ASSERT_EQ(0, set_bus_master(&fn, i & 1));
	EXPECT_EQ(0, totals(&fn, MSI_ROUTE_MSI).dropped_disabled);
	for (i = 0; i < 2000; i++)
		msi_control(&fn, i & 1 ? MSI_ENABLE : 0);
	c = totals(&fn, MSI_ROUTE_MSI);
	while (totals(&fn, MSI_ROUTE_MSI).messages < c.messages + 10)
		sched_yield();
	msi_control(&fn, 0);
	c = totals(&fn, MSI_ROUTE_MSI);
	while (totals(&fn, MSI_ROUTE_MSI).dropped_disabled < c.dropped_disabled + 10)
		sched_yield();
	EXPECT_EQ(c.messages, totals(&fn, MSI_ROUTE_MSI).messages);
	store(&stop, 1);
	pthread_join(thread, NULL);
	c = totals(&fn, MSI_ROUTE_MSI);
	EXPECT_EQ(outcomes[MSI_ROUTE_DROPPED], c.dropped_disabled);
	EXPECT_EQ(c.events, accounted(&c));
	function_close(&fn);
}
