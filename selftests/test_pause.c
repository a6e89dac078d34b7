// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM stops its vCPUs in the middle of a message change.  The update hold of a vCPU
 * that does not run does not expire, whether the VMM stops the function before its vCPUs,
 * after them, or not at all.  The hold of a vCPU that runs does.
 *
 * Another function's hold shows that a hold has not expired: the VMM itself opens it, its
 * bound is much longer, and it has expired since.
 */
#include <sched.h>
#include <stdlib.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define PORT_PAUSE	0x20
#define FIRST_VECTOR	0x50
#define WITNESS_VECTOR	0xe0
/* For all variants together, unless TEST_PAUSES says otherwise. */
#define MOVES		200
#define VARIANTS	4
/* A pause is at least this many times longer than the bound. */
#define LONGER		5
/* After this many moves that are too slow for a bound, it is doubled. */
#define TOO_SLOW	10

/* What the guest uses for a move: MSI's registers have a port each. */
#define PORT_ADDRESS	0x100
#define PORT_DATA	0x104

static __u32 kind, destination, vector;
static struct function *moved;
static bool paused, go, written, end;

/* ---- the VMM's part of a vCPU's thread ---- */

static bool port(struct vm *vm, __u16 number, void *data, __u32 len, bool write)
{
	__u32 value = 0;

	(void)vm;
	memcpy(&value, data, len);
	if (!write)
		return false;
	switch (number) {
	case PORT_ADDRESS:
		config_write(moved, MSI_CAP + MSI_ADDRESS, 4, value);
		return true;
	case PORT_DATA:
		config_write(moved, msi_data_offset(moved), 2, value);
		return true;
	case PORT_PAUSE:
		store(&go, false);
		store(&paused, true);
		while (!load(&go) && !load(&vm->stop))
			sched_yield();
		return true;
	default:
		return false;
	}
}

/* ---- guest code ---- */

static void write_address(void)
{
	if (kind == MSIX)
		guest_write32(TABLE_GPA(0) + ENTRY_ADDRESS, MSI_TO(destination));
	else
		guest_out32(PORT_ADDRESS, MSI_TO(destination));
}

static void write_data(void)
{
	if (kind == MSIX)
		guest_write32(TABLE_GPA(0) + ENTRY_DATA, vector);
	else
		guest_out16(PORT_DATA, vector);
}

static void move_with_a_pause(void)
{
	write_address();
	guest_out32(PORT_PAUSE, 0);
	write_data();
}

/* A guest that keeps the data: for it the message is complete. */
static void write_address_and_run(void)
{
	write_address();
	store(&written, true);
	while (!load(&end))
		guest_relax();
}

static void write_address_and_halt(void)
{
	write_address();
	store(&written, true);
	guest_wait_until(guest_this_cpu()->count[FIRST_VECTOR]);
}

static void wait_for_end(void)
{
	while (!load(&end))
		guest_relax();
}

/* ---- the test's part ---- */

FIXTURE(pause) {
	struct vm vm;
	struct function fn, witness;
	__u32 bound;
};

FIXTURE_VARIANT(pause) {
	__u32 kind;
	unsigned int msi_flags;
	bool trapped;
};

FIXTURE_VARIANT_ADD(pause, msi) { MSI, 0, false };
FIXTURE_VARIANT_ADD(pause, msi64) { MSI, MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING, false };
FIXTURE_VARIANT_ADD(pause, msix) { MSIX, 0, false };
FIXTURE_VARIANT_ADD(pause, msix_in_kernel) { MSIX, 0, true };

/* One unmasked vector, no hold open. */
static void begin(struct function *fn, __u32 which, __u32 to, __u32 data)
{
	if (which == MSIX) {
		entry_set(fn, 0, MSI_TO(to), data, 0);
		msix_control(fn, MSIX_ENABLE);
	} else {
		msi_set(fn, MSI_TO(to), data);
		msi_control(fn, MSI_ENABLE);
	}
}

static int set_bound(FIXTURE_DATA(pause) *self, __u32 ns)
{
	int ret = set_hold(&self->fn, ns);

	self->bound = ns;
	return ret ? ret : set_hold(&self->witness, LONGER * ns);
}

FIXTURE_SETUP(pause)
{
	kind = variant->kind;
	self->bound = query().hold_default_ns;
	vm_create(&self->vm, 0, 2);
	function_open(&self->fn, &self->vm, kind == MSIX ? msix_shape(1) :
		      msi_shape(1, variant->msi_flags));
	moved = &self->fn;
	if (variant->trapped)
		ASSERT_EQ(0, map(&self->fn, MSI_ROUTE_MAP_TABLE, TABLE_GPA(0), 0));
	function_open(&self->witness, &self->vm, msix_shape(1));
	ASSERT_EQ(0, set_bound(self, self->bound));
	begin(&self->fn, kind, 0, FIRST_VECTOR);
	vm_pio = port;
}

FIXTURE_TEARDOWN(pause)
{
	vm_stop(&self->vm);
	function_close(&self->witness);
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static struct msi_route_counters counts(FIXTURE_DATA(pause) *self)
{
	return totals(&self->fn, kind);
}

/* Returns when a hold that is opened now has expired. */
static void wait_longer(FIXTURE_DATA(pause) *self)
{
	__u64 before = totals(&self->witness, MSIX).holds_expired;

	begin(&self->witness, MSIX, 0, WITNESS_VECTOR);
	table_write(&self->witness, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
	while (totals(&self->witness, MSIX).holds_expired == before)
		sched_yield();
}

static void wait_for_pause(void)
{
	while (!load(&paused))
		sched_yield();
	store(&paused, false);
}

/* What is stopped first and continued last. */
enum order {
	VCPUS_ONLY,
	VCPUS_FIRST,
	FUNCTION_FIRST,
	NR_ORDERS
};

/*
 * The guest writes an address and is stopped; events come and time passes; the guest goes
 * on and writes the data.  Nothing is sent until then, and one message, the new one,
 * after it.  Returns false if the guest took longer than the bound for one of the two
 * steps, as happens on an emulated host now and then.
 */
static bool move_once(struct __test_metadata *_metadata, FIXTURE_DATA(pause) *self,
		      enum order order)
{
	struct vcpu *target = &self->vm.vcpu[1];
	struct msi_route_counters before, now;

	vcpu_clear_irr(target);
	before = counts(self);
	vcpu_start(&self->vm.vcpu[0], move_with_a_pause);
	wait_for_pause();
	if (counts(self).holds_expired != before.holds_expired) {
		store(&go, true);
		vcpu_join(&self->vm.vcpu[0]);
		return false;
	}
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, kind, 0));
	wait_longer(self);
	if (order != VCPUS_ONLY) {
		ASSERT_EQ(0, set_run(&self->fn, 0));
		wait_longer(self);
		if (order == VCPUS_FIRST)
			ASSERT_EQ(0, set_run(&self->fn, 1));
		wait_longer(self);
	}
	now = counts(self);
	ASSERT_EQ(before.holds + 1, now.holds);
	ASSERT_EQ(before.holds_expired, now.holds_expired);
	ASSERT_EQ(before.messages, now.messages);
	ASSERT_EQ(1, now.pending);
	store(&go, true);
	vcpu_join(&self->vm.vcpu[0]);
	if (order == FUNCTION_FIRST)
		ASSERT_EQ(0, set_run(&self->fn, 1));
	now = counts(self);
	if (now.holds_expired != before.holds_expired)
		return false;
	ASSERT_EQ(before.messages + 1, now.messages);
	ASSERT_EQ(0, now.pending);
	ASSERT_EQ(1, vcpu_irr_weight(target));
	ASSERT_TRUE(vcpu_irr(target, vector));
	return true;
}

TEST_F(pause, nothing_is_torn)
{
	const char *said = getenv("TEST_PAUSES");
	unsigned int i, late = 0, moves = (said ? atoi(said) : MOVES) / VARIANTS;

	destination = 1;
	for (i = 0; i < moves; ) {
		vector = FIRST_VECTOR + 1 + i % 16;
		begin(&self->fn, kind, 0, FIRST_VECTOR);
		if (move_once(_metadata, self, i % NR_ORDERS)) {
			i++;
			continue;
		}
		late++;
		if (late % TOO_SLOW == 0)
			ASSERT_EQ(0, set_bound(self, 2 * self->bound));
	}
	REMARK("%u moves, besides %u of a guest that took longer than the bound; it is %u us now",
	       moves, late, self->bound / 1000);
}

/* Such a guest writes only an address: its interrupt comes at the bound. */
TEST_F(pause, runs_out_while_the_guest_runs)
{
	struct msi_route_counters before = counts(self);

	destination = 1;
	vcpu_start(&self->vm.vcpu[0], write_address_and_run);
	while (!load(&written))
		sched_yield();
	EXPECT_EQ(before.holds + 1, counts(self).holds);
	ASSERT_LE(0, trigger(&self->fn, kind, 0));
	while (!vcpu_irr(&self->vm.vcpu[1], FIRST_VECTOR))
		sched_yield();
	store(&end, true);
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_EQ(before.holds_expired + 1, counts(self).holds_expired);
}

TEST_F(pause, runs_out_while_the_guest_is_halted)
{
	begin(&self->fn, kind, 1, FIRST_VECTOR);
	destination = 0;
	vcpu_start(&self->vm.vcpu[0], write_address_and_halt);
	while (!load(&written))
		sched_yield();
	ASSERT_LE(0, trigger(&self->fn, kind, 0));
	vcpu_join(&self->vm.vcpu[0]);
	EXPECT_EQ(1, guest_cpus[0].count[FIRST_VECTOR]);
}

/* ---- a restored hold: the vCPU is unknown ---- */

struct image {
	struct msi_route_state state;
	struct msi_route_entry entry;
	__u64 pba, held;
};

static struct msi_route_state *state_of(struct function *fn, struct image *image)
{
	image->state = (struct msi_route_state) {
		.size = sizeof(image->state), .msix_vectors = fn->shape.msix_vectors,
		.msi_vectors = fn->shape.msi_vectors, .msi_flags = fn->shape.msi_flags,
		.entries = (unsigned long)&image->entry, .pba = (unsigned long)&image->pba,
		.held = (unsigned long)&image->held,
	};
	return &image->state;
}

TEST_F(pause, restored_waits_for_all_vcpus)
{
	struct vcpu *target = &self->vm.vcpu[1];
	struct image image;

	vector = FIRST_VECTOR;
	destination = 1;
	/* The time that this guest takes does not matter here. */
	ASSERT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	vcpu_start(&self->vm.vcpu[0], move_with_a_pause);
	wait_for_pause();
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, kind, 0));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(0, ioctl(self->fn.fd, MSI_ROUTE_SAVE, state_of(&self->fn, &image)));
	EXPECT_EQ(1, kind == MSIX ? image.held : image.state.msi_held);
	store(&go, true);
	vcpu_join(&self->vm.vcpu[0]);

	/* No vCPU runs, then one of two, then both. */
	image.state.hold_bound_ns = self->bound;
	ASSERT_EQ(0, ioctl(self->fn.fd, MSI_ROUTE_RESTORE, &image.state));
	vcpu_clear_irr(target);
	ASSERT_EQ(0, set_run(&self->fn, 1));
	wait_longer(self);
	EXPECT_EQ(1, counts(self).pending);
	vcpu_start(&self->vm.vcpu[0], wait_for_end);
	wait_longer(self);
	EXPECT_EQ(1, counts(self).pending);
	vcpu_start(target, wait_for_end);
	while (counts(self).pending)
		sched_yield();
	store(&end, true);
	vcpu_join(&self->vm.vcpu[0]);
	vcpu_join(target);
	EXPECT_TRUE(vcpu_irr(target, FIRST_VECTOR));
	EXPECT_EQ(1, counts(self).holds_expired);
}
