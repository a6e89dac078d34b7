// SPDX-License-Identifier: GPL-2.0
/* Rules 29 to 31: reset, and Bus Master Enable. */
#include <sched.h>

#include "guest/function.h"
#include "harness.h"

#define NR		8
#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define VECTOR(entry)	(0x40 + (entry))
#define MSI_VECTOR	0x60

FIXTURE(reset) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

static void program(struct function *fn)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		entry_set(fn, i, MSI_TO(0), VECTOR(i), 0);
	msi_set(fn, MSI_TO(0), MSI_VECTOR);
}

FIXTURE_SETUP(reset)
{
	struct msi_route_create shape = msix_shape(NR);

	shape.msi_cap = MSI_CAP;
	shape.msi_vectors = 4;
	shape.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING;
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape);
	program(&self->fn);
}

FIXTURE_TEARDOWN(reset)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

TEST_F(reset, rule_29_registers)
{
	unsigned int i;

	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	msi_control(&self->fn, MSI_ENABLE | MSI_MME(2));
	msi_mask(&self->fn, 0xa);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 3));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 1));
	ASSERT_EQ(0, reset(&self->fn));

	EXPECT_EQ(NR - 1, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(0, function_read(&self->fn, MSI_ROUTE_TABLE, ENTRY(i), 8));
		EXPECT_EQ(0, table_read(&self->fn, ENTRY(i) + ENTRY_DATA));
		EXPECT_EQ(ENTRY_MASKED, table_read(&self->fn, ENTRY(i) + ENTRY_CONTROL));
	}
	EXPECT_EQ(0, pba_read(&self->fn, 0));

	EXPECT_EQ(MSI_64BIT | MSI_MASKING | 2 << 1,
		  config_read(&self->fn, MSI_CAP + MSI_CONTROL, 2));
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_ADDRESS, 4));
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_UPPER, 4));
	EXPECT_EQ(0, config_read(&self->fn, msi_data_offset(&self->fn), 4));
	EXPECT_EQ(0, config_read(&self->fn, msi_mask_offset(&self->fn), 4));
	EXPECT_EQ(0, msi_pending(&self->fn));
}

TEST_F(reset, rule_29_pending_is_gone)
{
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_EQ(2, totals(&self->fn, MSIX).cleared);
	EXPECT_EQ(1, totals(&self->fn, MSI).cleared);

	program(&self->fn);
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	msix_control(&self->fn, 0);
	msi_control(&self->fn, MSI_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));

	/* And it works again. */
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
}

TEST_F(reset, rule_29_eventfds_stay)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd, 0));
	ASSERT_EQ(0, reset(&self->fn));
	program(&self->fn);
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	msix_control(&self->fn, MSIX_ENABLE);
	signal_eventfd(fd, 1);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(1)));
}

/*
 * A device's own reset: the driver does not set Bus Master Enable again, because its
 * Command register is unchanged.
 */
TEST_F(reset, keeps_bus_master)
{
	msix_control(&self->fn, MSIX_ENABLE | MSIX_FUNCTION_MASK);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 3));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 1));
	ASSERT_EQ(0, reset_with(&self->fn, MSI_ROUTE_RESET_KEEP_BUS_MASTER));
	EXPECT_EQ(1, totals(&self->fn, MSIX).cleared);
	EXPECT_EQ(1, totals(&self->fn, MSI).cleared);
	EXPECT_EQ(NR - 1, config_read(&self->fn, MSIX_CAP + MSIX_CONTROL, 2));
	EXPECT_EQ(0, function_read(&self->fn, MSI_ROUTE_TABLE, ENTRY(3), 8));
	EXPECT_EQ(ENTRY_MASKED, table_read(&self->fn, ENTRY(3) + ENTRY_CONTROL));
	EXPECT_EQ(0, config_read(&self->fn, MSI_CAP + MSI_ADDRESS, 4));

	program(&self->fn);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 3));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(3)));

	/* It is kept, not set. */
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	ASSERT_EQ(0, reset_with(&self->fn, MSI_ROUTE_RESET_KEEP_BUS_MASTER));
	program(&self->fn);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 3));
}

/* ---- events in flight ---- */

#define NR_RESETS	200
#define NR_SOURCES	(NR + 4)

struct devices {
	struct function *fn;
	int eventfd[NR_SOURCES];
	__u64 raised[2];	/* by kind */
	bool stop;
};

static __u32 kind_of(unsigned int source)
{
	return source < NR ? MSIX : MSI;
}

static unsigned int vector_of(unsigned int source)
{
	return source < NR ? source : source - NR;
}

static void *raise_by_ioctl(void *arg)
{
	struct devices *d = arg;
	__u32 state = 1, source;

	while (!load(&d->stop)) {
		source = next_random(&state) % NR_SOURCES;
		if (trigger(d->fn, kind_of(source), vector_of(source)) < 0)
			die("MSI_ROUTE_TRIGGER");
		atomic_inc(&d->raised[kind_of(source)]);
		sched_yield();
	}
	return NULL;
}

static void *raise_by_eventfd(void *arg)
{
	struct devices *d = arg;
	__u32 state = 2, source;

	while (!load(&d->stop)) {
		source = next_random(&state) % NR_SOURCES;
		signal_eventfd(d->eventfd[source], 1);
		atomic_inc(&d->raised[kind_of(source)]);
		sched_yield();
	}
	return NULL;
}

static __u64 events(struct function *fn)
{
	return totals(fn, MSIX).events + totals(fn, MSI).events;
}

/*
 * When the reset returns, each message that was under way has arrived or never will;
 * later events are kept.  One entry is a broadcast, which a work item may send.
 */
TEST_F(reset, rule_29_nothing_after_it)
{
	struct devices d = { .fn = &self->fn };
	struct msi_route_counters x, m;
	pthread_t thread[2];
	unsigned int i, round;

	for (i = 0; i < NR_SOURCES; i++) {
		d.eventfd[i] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(&self->fn, kind_of(i), vector_of(i), d.eventfd[i], 0));
	}
	ASSERT_EQ(0, pthread_create(&thread[0], NULL, raise_by_ioctl, &d));
	ASSERT_EQ(0, pthread_create(&thread[1], NULL, raise_by_eventfd, &d));
	for (round = 0; round < NR_RESETS; round++) {
		const __u32 kind = round & 1 ? MSI : MSIX;
		__u64 before;

		program(&self->fn);
		entry_set(&self->fn, NR - 1, MSI_TO(0xff), VECTOR(NR - 1), 0);
		ASSERT_EQ(0, set_bus_master(&self->fn, 1));
		before = totals(&self->fn, kind).messages;
		if (kind == MSIX)
			msix_control(&self->fn, MSIX_ENABLE);
		else
			msi_control(&self->fn, MSI_ENABLE | MSI_MME(2));
		/* More than what was pending: a steady flow of messages. */
		while (totals(&self->fn, kind).messages < before + NR_SOURCES + round % 8)
			sched_yield();

		ASSERT_EQ(0, reset(&self->fn));
		x = totals(&self->fn, MSIX);
		m = totals(&self->fn, MSI);
		vcpu_clear_irr(self->vcpu);
		before = events(&self->fn);
		while (events(&self->fn) < before + 4)
			sched_yield();
		ASSERT_EQ(0, vcpu_irr_weight(self->vcpu));
		ASSERT_EQ(x.messages, totals(&self->fn, MSIX).messages);
		ASSERT_EQ(m.messages, totals(&self->fn, MSI).messages);
	}
	store(&d.stop, true);
	for (i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);

	/* Each event is accounted for, and what is pending is cleared and counted. */
	x = totals(&self->fn, MSIX);
	m = totals(&self->fn, MSI);
	EXPECT_EQ(d.raised[MSIX], x.events);
	EXPECT_EQ(d.raised[MSI], m.events);
	EXPECT_EQ(x.events, accounted(&x));
	EXPECT_EQ(m.events, accounted(&m));
	EXPECT_LT(0, x.pending + m.pending);
	ASSERT_EQ(0, reset(&self->fn));
	EXPECT_EQ(x.cleared + x.pending, totals(&self->fn, MSIX).cleared);
	EXPECT_EQ(m.cleared + m.pending, totals(&self->fn, MSI).cleared);
	EXPECT_EQ(0, totals(&self->fn, MSIX).pending + totals(&self->fn, MSI).pending);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	REMARK("%u resets, %llu events, %llu messages, %llu cleared", round + 1,
	       x.events + m.events, x.messages + m.messages, x.cleared + m.cleared);
}

static void *raise_in_store(void *arg)
{
	struct devices *d = arg;
	__u32 state = 3;

	while (!load(&d->stop)) {
		if (trigger(d->fn, MSI_ROUTE_IMS, next_random(&state) % NR) < 0)
			die("MSI_ROUTE_TRIGGER");
		sched_yield();
	}
	return NULL;
}

/* It has no Enable: only the entries themselves keep messages from being sent. */
TEST_F(reset, message_store_keeps_bus_master)
{
	struct msi_route_create shape = {
		.size = sizeof(shape), .ims_vectors = NR,
	};
	struct msi_route_ims_op ops[NR] = {};
	struct msi_route_counters c;
	struct function fn;
	struct devices d = { .fn = &fn };
	unsigned int i, round;
	pthread_t thread;

	for (i = 0; i < NR; i++) {
		ops[i].vector = i;
		ops[i].entry.address_lo = MSI_TO(i == NR - 1 ? 0xff : 0);
		ops[i].entry.data = VECTOR(i);
	}
	function_open(&fn, &self->vm, shape);
	ASSERT_EQ(0, pthread_create(&thread, NULL, raise_in_store, &d));
	for (round = 0; round < NR_RESETS; round++) {
		c = totals(&fn, MSI_ROUTE_IMS);
		ASSERT_EQ(0, set_ims(&fn, ops, NR));
		while (totals(&fn, MSI_ROUTE_IMS).messages < c.messages + NR + round % 8)
			sched_yield();
		ASSERT_EQ(0, reset_with(&fn, MSI_ROUTE_RESET_KEEP_BUS_MASTER));
		c = totals(&fn, MSI_ROUTE_IMS);
		vcpu_clear_irr(self->vcpu);
		while (totals(&fn, MSI_ROUTE_IMS).events < c.events + 4)
			sched_yield();
		ASSERT_EQ(0, vcpu_irr_weight(self->vcpu));
		ASSERT_EQ(c.messages, totals(&fn, MSI_ROUTE_IMS).messages);
	}
	store(&d.stop, true);
	pthread_join(thread, NULL);
	c = totals(&fn, MSI_ROUTE_IMS);
	EXPECT_EQ(c.events, accounted(&c));
	function_close(&fn);
}

/* ---- equal values ---- */

/*
 * The device lost its table, nobody told the module, and the guest writes the old values
 * back.  A write that was skipped because it changes nothing would not be among the
 * updates.
 */
TEST_F(reset, rule_30_equal_values_take_effect)
{
	static const __u32 registers[] = { ENTRY_ADDRESS, ENTRY_UPPER, ENTRY_DATA, ENTRY_CONTROL };
	static const __u32 msi_registers[] = { 0x4, 0x8, 0xc, 0x10 };
	unsigned int i;
	__u64 updates;
	__u32 value;

	msix_control(&self->fn, MSIX_ENABLE);
	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		updates = totals(&self->fn, MSIX).updates;
		value = table_read(&self->fn, ENTRY(0) + registers[i]);
		table_write(&self->fn, ENTRY(0) + registers[i], value);
		EXPECT_LT(updates, totals(&self->fn, MSIX).updates);
	}
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(0)));

	msix_control(&self->fn, 0);
	msi_control(&self->fn, MSI_ENABLE);
	for (i = 0; i < ARRAY_SIZE(msi_registers); i++) {
		updates = totals(&self->fn, MSI).updates;
		value = config_read(&self->fn, MSI_CAP + msi_registers[i], 4);
		config_write(&self->fn, MSI_CAP + msi_registers[i], 4, value);
		EXPECT_LT(updates, totals(&self->fn, MSI).updates);
	}
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSI, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR));
}

/* ---- Bus Master Enable ---- */

TEST_F(reset, rule_31_bus_master_msix)
{
	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 6));
	EXPECT_TRUE(pba_bit(&self->fn, 6));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* Neither an unmask nor Enable helps. */
	entry_mask(&self->fn, 6, true);
	entry_mask(&self->fn, 6, false);
	msix_control(&self->fn, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_FALSE(pba_bit(&self->fn, 6));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR(6)));
}

TEST_F(reset, rule_31_bus_master_msi)
{
	msi_control(&self->fn, MSI_ENABLE | MSI_MME(2));
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 2));
	EXPECT_EQ(4, msi_pending(&self->fn));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	EXPECT_EQ(0, msi_pending(&self->fn));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, MSI_VECTOR + 2));
}

/* ---- Command ---- */

#define COMMAND		4

/* Sends what is pending; else does nothing. */
static bool is_bus_master(struct function *fn)
{
	bool sent = trigger(fn, MSIX, 0) == MSI_ROUTE_SENT;

	vcpu_clear_irr(&fn->vm->vcpu[0]);
	clear_pending(fn, MSIX, 0);
	return sent;
}

/* A function that is no bus master, but otherwise ready. */
static void open_with(struct function *fn, struct vm *vm, __u32 flags)
{
	struct msi_route_create shape = msix_shape(2);

	shape.flags = flags;
	if (function_try_open(fn, vm, shape) < 0)
		die("MSI_ROUTE_CREATE");
	entry_set(fn, 0, MSI_TO(0), VECTOR(0), 0);
	entry_set(fn, 1, MSI_TO(0xff), VECTOR(1), 0);
	msix_control(fn, MSIX_ENABLE);
}

/* Whatever else the access covers; across dwords as well [11]. */
TEST_F(reset, rule_31_by_command)
{
	static const struct { __u32 offset, len; } accesses[] = {
		{ 4, 1 }, { 4, 2 }, { 4, 3 }, { 4, 4 }, { 4, 8 }, { 3, 2 }, { 2, 4 }, { 1, 8 },
		{ 0, 5 }, { 0, 8 },
	}, others[] = {
		{ 5, 1 }, { 6, 2 }, { 5, 4 }, { 0, 4 }, { 2, 2 }, { 3, 1 }, { 8, 4 }, { 0x104, 4 },
	};
	struct function fn;
	unsigned int i;
	__u64 value;

	open_with(&fn, &self->vm, MSI_ROUTE_CREATE_COMMAND);
	EXPECT_FALSE(is_bus_master(&fn));
	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		const __u32 byte = COMMAND - accesses[i].offset;

		function_write(&fn, MSI_ROUTE_CONFIG, accesses[i].offset, accesses[i].len,
			       4ULL << 8 * byte);
		EXPECT_TRUE(is_bus_master(&fn)) TH_LOG("access %u", i);
		function_write(&fn, MSI_ROUTE_CONFIG, accesses[i].offset, accesses[i].len,
			       ~(4ULL << 8 * byte));
		EXPECT_FALSE(is_bus_master(&fn)) TH_LOG("access %u", i);
	}
	for (i = 0; i < ARRAY_SIZE(others); i++) {
		function_write(&fn, MSI_ROUTE_CONFIG, others[i].offset, others[i].len, ~0ULL);
		EXPECT_FALSE(is_bus_master(&fn)) TH_LOG("access %u", i);
	}
	/* The register itself is the VMM's. */
	value = 0xa5c3;
	EXPECT_EQ(0, function_access(&fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG, COMMAND, 2, &value));
	EXPECT_EQ(0xa5c3, value);
	close(fn.fd);
}

/* When the write has returned, what was pending has been sent; broadcasts too [26]. */
TEST_F(reset, rule_31_by_command_sends_what_is_pending)
{
	struct function fn;
	unsigned int i;

	open_with(&fn, &self->vm, MSI_ROUTE_CREATE_COMMAND);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, i));
	config_write(&fn, COMMAND, 2, 0x406);
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(vcpu_irr(self->vcpu, VECTOR(i)));
		EXPECT_FALSE(pba_bit(&fn, i));
	}
	close(fn.fd);
}

/* The VMM reports what the module does not see. */
TEST_F(reset, rule_31_by_command_and_by_call)
{
	struct function fn;

	open_with(&fn, &self->vm, MSI_ROUTE_CREATE_COMMAND);
	ASSERT_EQ(0, set_bus_master(&fn, 1));
	EXPECT_TRUE(is_bus_master(&fn));
	config_write(&fn, COMMAND, 2, 0x402);
	EXPECT_FALSE(is_bus_master(&fn));
	config_write(&fn, COMMAND, 2, 0x406);
	EXPECT_TRUE(is_bus_master(&fn));
	ASSERT_EQ(0, reset_with(&fn, MSI_ROUTE_RESET_KEEP_BUS_MASTER));
	entry_set(&fn, 0, MSI_TO(0), VECTOR(0), 0);
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_TRUE(is_bus_master(&fn));
	ASSERT_EQ(0, reset(&fn));
	entry_set(&fn, 0, MSI_TO(0), VECTOR(0), 0);
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_FALSE(is_bus_master(&fn));
	close(fn.fd);
}

TEST_F(reset, rule_31_command_is_not_followed_by_default)
{
	struct function fn;

	open_with(&fn, &self->vm, 0);
	config_write(&fn, COMMAND, 2, 0x406);
	EXPECT_FALSE(is_bus_master(&fn));
	ASSERT_EQ(0, set_bus_master(&fn, 1));
	config_write(&fn, COMMAND, 2, 0x402);
	EXPECT_TRUE(is_bus_master(&fn));
	close(fn.fd);
}

TEST_F(reset, rule_31_clear_at_creation_and_after_reset)
{
	struct function fn;

	msix_control(&self->fn, MSIX_ENABLE);
	ASSERT_EQ(0, reset(&self->fn));
	program(&self->fn);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));

	ASSERT_LE(0, function_try_open(&fn, &self->vm, msix_shape(1)));
	entry_set(&fn, 0, MSI_TO(0), VECTOR(0), 0);
	msix_control(&fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, 0));
	close(fn.fd);
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}
