// SPDX-License-Identifier: GPL-2.0
/* A message store: vectors without PCI registers, which the VMM sets. */
#include <sched.h>
#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define IMS		MSI_ROUTE_IMS
#define NR		100
/* More than KVM has routes, and more than PCI has entries. */
#define MAX		MSI_ROUTE_IMS_MAX_VECTORS
#define VECTOR		0x51

FIXTURE(ims) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

static struct msi_route_create shape(unsigned int vectors, unsigned int max)
{
	return (struct msi_route_create) {
		.size = sizeof(struct msi_route_create),
		.ims_vectors = vectors, .ims_max = max,
	};
}

FIXTURE_SETUP(ims)
{
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape(NR, MAX));
}

FIXTURE_TEARDOWN(ims)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static struct msi_route_ims_op set(__u32 vector, __u32 apic_id, __u32 data, __u32 control)
{
	return (struct msi_route_ims_op) {
		.vector = vector, .op = MSI_ROUTE_IMS_SET,
		.entry = { .address_lo = MSI_TO(apic_id), .data = data, .control = control },
	};
}

static int do_one(struct function *fn, __u32 vector, __u32 op)
{
	const struct msi_route_ims_op one = { .vector = vector, .op = op };

	return set_ims(fn, &one, 1);
}

static int set_one(struct function *fn, __u32 vector, __u32 apic_id, __u32 data, __u32 control)
{
	const struct msi_route_ims_op one = set(vector, apic_id, data, control);

	return set_ims(fn, &one, 1);
}

/* ---- one by one ---- */

TEST_F(ims, masked_at_first)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, NR - 1));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, IMS, NR - 1));
	EXPECT_EQ(-ECHRNG, trigger(&self->fn, IMS, NR));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}

TEST_F(ims, set_and_moved)
{
	ASSERT_EQ(0, set_one(&self->fn, 7, 0, VECTOR, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, IMS, 7));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	ASSERT_EQ(0, set_one(&self->fn, 7, 1, VECTOR + 1, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, IMS, 7));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	/* Whole messages need no hold. */
	EXPECT_EQ(0, totals(&self->fn, IMS).holds);
}

TEST_F(ims, masked_and_unmasked)
{
	ASSERT_EQ(0, set_one(&self->fn, 7, 0, VECTOR, 0));
	ASSERT_EQ(0, do_one(&self->fn, 7, MSI_ROUTE_IMS_MASK));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 7));
	/* A message that is set while masked is the one that is sent [18]. */
	ASSERT_EQ(0, set_one(&self->fn, 7, 1, VECTOR + 1, 1));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
	ASSERT_EQ(0, do_one(&self->fn, 7, MSI_ROUTE_IMS_UNMASK));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	/* Only once. */
	ASSERT_EQ(0, do_one(&self->fn, 7, MSI_ROUTE_IMS_UNMASK));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[0]));
	EXPECT_EQ(1, totals(&self->fn, IMS).replayed);
}

TEST_F(ims, freed)
{
	struct msi_route_counters c;
	int fd = new_eventfd();

	ASSERT_EQ(0, set_one(&self->fn, 7, 0, VECTOR, 1));
	ASSERT_EQ(0, set_eventfd(&self->fn, IMS, 7, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, totals(&self->fn, IMS).pending);
	ASSERT_EQ(0, do_one(&self->fn, 7, MSI_ROUTE_IMS_FREE));
	signal_eventfd(fd, 1);
	c = totals(&self->fn, IMS);
	EXPECT_EQ(1, c.events);
	EXPECT_EQ(1, c.cleared);
	EXPECT_EQ(0, c.pending);
	EXPECT_EQ(c.events, accounted(&c));
	/* As new: masked, and with message 0, which is no interrupt [32]. */
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 7));
	ASSERT_EQ(0, do_one(&self->fn, 7, MSI_ROUTE_IMS_UNMASK));
	EXPECT_EQ(1, totals(&self->fn, IMS).dropped_address);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}

TEST_F(ims, by_eventfd)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, set_one(&self->fn, 7, 0, VECTOR, 0));
	ASSERT_EQ(0, set_eventfd(&self->fn, IMS, 7, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

TEST_F(ims, bus_master_and_reset)
{
	ASSERT_EQ(0, set_one(&self->fn, 7, 0, VECTOR, 0));
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 7));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 7));
	ASSERT_EQ(0, reset(&self->fn));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_EQ(1, totals(&self->fn, IMS).cleared);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 7));
}

/* ---- in batches ---- */

TEST_F(ims, in_their_order)
{
	const struct msi_route_ims_op ops[] = {
		set(1, 0, VECTOR, 0),
		set(99, 0, VECTOR + 1, 0),
		set(1, 0, VECTOR + 2, 0),
		{ .vector = 99, .op = MSI_ROUTE_IMS_MASK },
		{ .vector = 1, .op = MSI_ROUTE_IMS_UNMASK },
	};

	ASSERT_EQ(0, set_ims(&self->fn, ops, ARRAY_SIZE(ops)));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, IMS, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 2));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 99));
}

/* An event is a message even if the mask is set again at once; so is a broadcast. */
TEST_F(ims, rule_24_in_one_batch)
{
	const struct msi_route_ims_op ops[] = {
		{ .vector = 1, .op = MSI_ROUTE_IMS_UNMASK },
		{ .vector = 1, .op = MSI_ROUTE_IMS_MASK },
	};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, set_one(&self->fn, 1, i ? 0xff : 0, VECTOR, 1));
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 1));
		ASSERT_EQ(0, set_ims(&self->fn, ops, ARRAY_SIZE(ops)));
		EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
		EXPECT_EQ(i, vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
		EXPECT_EQ(0, totals(&self->fn, IMS).pending);
	}
}

TEST_F(ims, all_or_none)
{
	struct msi_route_ims_op ops[] = {
		set(0, 0, VECTOR, 0),
		set(1, 0, VECTOR, 0),
	};

	ops[1].vector = NR;
	EXPECT_EQ(-ECHRNG, set_ims(&self->fn, ops, 2));
	ops[1].vector = 1;
	ops[1].op = MSI_ROUTE_IMS_FREE + 1;
	EXPECT_EQ(-EINVAL, set_ims(&self->fn, ops, 2));
	ops[1].op = MSI_ROUTE_IMS_MASK;
	EXPECT_EQ(-EINVAL, set_ims(&self->fn, ops, 2));
	EXPECT_EQ(-EINVAL, set_ims(&self->fn, ops, 0));
	EXPECT_EQ(-EINVAL, set_ims(&self->fn, ops, MSI_ROUTE_IMS_MAX_OPS + 1));
	EXPECT_EQ(-EFAULT, set_ims(&self->fn, NULL, 1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 0));
}

TEST_F(ims, creation)
{
	struct function fn;

	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, shape(2, 1)));
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm, shape(0, 1)));
	EXPECT_EQ(-EINVAL, function_try_open(&fn, &self->vm,
					     shape(1, query().ims_max_vectors + 1)));
	EXPECT_EQ(65536, query().ims_max_vectors);
	function_open(&fn, &self->vm, msix_shape(1));
	EXPECT_EQ(-ENODEV, trigger(&fn, IMS, 0));
	EXPECT_EQ(-ENODEV, do_one(&fn, 0, MSI_ROUTE_IMS_MASK));
	function_close(&fn);
}

/* ---- many ---- */

/* As many as there is memory for; each works by itself. */
TEST_F(ims, grows_to_many)
{
	struct msi_route_ims_op *ops = calloc(MAX, sizeof(*ops));
	struct msi_route_counters c;
	unsigned int i;

	ASSERT_EQ(MAX, resize(&self->fn, IMS, MAX, MAX));
	for (i = 0; i < MAX; i++)
		ops[i] = set(i, i & 1, 0x20 + i % 200, 0);
	for (i = 0; i < MAX; i += MSI_ROUTE_IMS_MAX_OPS)
		ASSERT_EQ(0, set_ims(&self->fn, ops + i, MSI_ROUTE_IMS_MAX_OPS));
	for (i = 0; i < MAX; i++) {
		if (trigger(&self->fn, IMS, i) != MSI_ROUTE_SENT)
			die("vector %u", i);
	}
	ASSERT_EQ(1, resize(&self->fn, IMS, 1, 1));
	c = totals(&self->fn, IMS);
	EXPECT_EQ(MAX, c.messages);
	EXPECT_EQ(MAX, c.events);
	free(ops);
}

/* ---- no message is half of one update ---- */

static __u32 torn, raised;
static bool over;

static void handler(struct guest_cpu *cpu, __u8 vector)
{
	if (vector != VECTOR + cpu->index)
		atomic_inc(&torn);
}

static void guest(void)
{
	guest_sti();
	guest_wait_until(load(&over));
}

static void *raise_all(void *arg)
{
	struct function *fn = arg;

	while (!load(&over)) {
		trigger(fn, IMS, 0);
		atomic_inc(&raised);
	}
	return NULL;
}

TEST_F(ims, rule_28_moved_while_raised)
{
	struct msi_route_counters c;
	pthread_t thread;
	unsigned int i;
	__u32 before;

	guest_handler = handler;
	ASSERT_EQ(0, set_one(&self->fn, 0, 0, VECTOR, 0));
	for (i = 0; i < 2; i++)
		vcpu_start(&self->vm.vcpu[i], guest);
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_all, &self->fn));
	for (i = 0; i < 1000; i++) {
		before = load(&raised);
		while (load(&raised) == before)
			sched_yield();
		ASSERT_EQ(0, set_one(&self->fn, 0, i & 1, VECTOR + (i & 1), i % 5 == 4));
	}
	store(&over, true);
	pthread_join(thread, NULL);
	/* Nothing wakes a vCPU in HLT. */
	vm_stop(&self->vm);
	for (i = 0; i < 2; i++)
		vcpu_join(&self->vm.vcpu[i]);
	EXPECT_EQ(0, torn);
	c = totals(&self->fn, IMS);
	EXPECT_EQ(c.events, accounted(&c));
	EXPECT_GT(c.messages, 0);
}

/* ---- with the rest of the interface ---- */

/* Behind an interrupt remapping unit an untranslated message is not sent [33]. */
TEST_F(ims, translated)
{
	struct msi_route_translation t = {
		.size = sizeof(t), .kind = IMS, .vector = 3, .raw_address = 0xfee00010,
		.raw_data = 5, .address = MSI_TO(0), .data = VECTOR,
	};
	struct msi_route_ims_op op = set(3, 0, 5, 0);
	struct msi_route_create c = shape(NR, 0);
	struct function fn;

	c.flags = MSI_ROUTE_CREATE_REMAPPING;
	function_open(&fn, &self->vm, c);
	op.entry.address_lo = 0xfee00010;
	ASSERT_EQ(0, set_ims(&fn, &op, 1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, IMS, 3));
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_SET_TRANSLATION, &t));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	function_close(&fn);
}

/* The VMM is not notified of its own actions. */
TEST_F(ims, without_marks)
{
	struct msi_route_vector_change change;

	ASSERT_EQ(0, set_notify(&self->fn, 0x3f, new_eventfd()));
	ASSERT_EQ(0, set_one(&self->fn, 3, 0, VECTOR, 0));
	ASSERT_EQ(0, renew(&self->fn));
	EXPECT_EQ(0, get_changes(&self->fn, &change, 1, NULL));
}

struct saved {
	struct msi_route_state state;
	struct msi_route_entry entries[2 * NR];
	__u64 pending[(2 * NR + 63) / 64];
};

static int transfer(struct function *fn, unsigned long request, struct saved *s)
{
	s->state.size = sizeof(s->state);
	s->state.ims_max = MAX;
	s->state.ims_entries = (unsigned long)s->entries;
	s->state.ims_pending = (unsigned long)s->pending;
	return ioctl(fn->fd, request, &s->state) ? -errno : 0;
}

TEST_F(ims, saved_and_restored)
{
	struct saved s = {};
	struct function to;

	ASSERT_EQ(2 * NR, resize(&self->fn, IMS, 1, 2 * NR));
	ASSERT_EQ(0, set_one(&self->fn, 2 * NR - 1, 0, VECTOR, 0));
	ASSERT_EQ(0, set_hold(&self->fn, 12345));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, IMS, 2 * NR - 1));
	ASSERT_EQ(0, transfer(&self->fn, MSI_ROUTE_SAVE, &s));
	EXPECT_EQ(2 * NR, s.state.ims_granted);
	EXPECT_EQ(12345, s.state.hold_bound_ns);

	function_open(&to, &self->vm, shape(1, MAX));
	ASSERT_EQ(0, set_run(&to, 0));
	ASSERT_EQ(0, transfer(&to, MSI_ROUTE_RESTORE, &s));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, set_run(&to, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&to, IMS, 2 * NR - 1));

	ASSERT_EQ(0, set_run(&to, 0));
	s.state.ims_granted = 0;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	s.state.ims_granted = MAX + 1;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	s.state.ims_granted = 2 * NR;
	s.pending[3] |= 1ULL << 63;
	EXPECT_EQ(-EINVAL, transfer(&to, MSI_ROUTE_RESTORE, &s));
	function_close(&to);
}
