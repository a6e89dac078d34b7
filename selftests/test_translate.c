// SPDX-License-Identifier: GPL-2.0
/* Messages behind a remapping unit: sent as the VMM translates them, or not at all. */
#include <sys/ioctl.h>

#include "guest/function.h"
#include "harness.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		4
#define VECTOR		0x50

/* The address of an interrupt remapping table's entry; the data is 0. */
#define HANDLE(n)	(0xfee00010U | (n) << 5)

FIXTURE(translate) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

FIXTURE_SETUP(translate)
{
	struct msi_route_create shape = both_shape(NR, 2);

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	vm_create(&self->vm, 0, 2);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, shape);
	entry_set(&self->fn, 0, HANDLE(7), 0, 0);
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(translate)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

static int translate(struct function *fn, __u32 kind, __u32 vector, __u64 raw_address,
		     __u32 raw_data, __u64 address, __u32 data)
{
	struct msi_route_translation arg = {
		.size = sizeof(arg), .kind = kind, .vector = vector,
		.raw_address = raw_address, .raw_data = raw_data,
		.address = address, .data = data,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_TRANSLATION, &arg) ? -errno : 0;
}

static int withdraw(struct function *fn, __u32 vector, __u64 raw_address)
{
	struct msi_route_translation arg = {
		.size = sizeof(arg), .flags = MSI_ROUTE_TRANSLATION_NONE,
		.kind = MSIX, .vector = vector, .raw_address = raw_address,
	};

	return ioctl(fn->fd, MSI_ROUTE_SET_TRANSLATION, &arg) ? -errno : 0;
}

TEST_F(translate, rule_33_waits_for_the_vmm)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(1), VECTOR));
	/* It has been released when the call returns [26]. */
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* The guest reads what it wrote. */
	EXPECT_EQ(HANDLE(7), table_read(&self->fn, ENTRY(0) + ENTRY_ADDRESS));
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(0) + ENTRY_DATA));
}

/* So is a broadcast: when the call returns, not at the next access. */
TEST_F(translate, releases_a_broadcast)
{
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0xff), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_EQ(1, totals(&self->fn, MSIX).messages);
}

TEST_F(translate, of_this_message_only)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	/* Neither a partly written message nor the whole new one has a translation. */
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(8));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(8), 0, MSI_TO(0), VECTOR));
	/* Not an interrupt at all [32]. */
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSIX, 0, 1ULL << 32 | HANDLE(8), 1, MSI_TO(0),
				     VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(8), 1, MSI_TO(0), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}

/* Equal values are the same message; still the VMM is notified of them [30]. */
TEST_F(translate, stays_when_equal_values_are_written)
{
	struct msi_route_vector_change change;

	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	ASSERT_EQ(0, set_notify(&self->fn, MSI_ROUTE_CHANGE_MESSAGE, new_eventfd()));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(7));
	table_write(&self->fn, ENTRY(0) + ENTRY_UPPER, 0);
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 0);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	ASSERT_EQ(1, get_changes(&self->fn, &change, 1, NULL));
	EXPECT_EQ(0, change.vector);
	EXPECT_EQ(MSI_ROUTE_CHANGE_MESSAGE, change.changes);
	EXPECT_EQ(HANDLE(7), change.address);
}

/*
 * Between the two the guest may have changed the unit's tables, and the VMM had no reason
 * to look at the first message.
 */
TEST_F(translate, of_no_message_that_is_written_again)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, MSI_TO(1));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(7));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(1), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
}

/* As when the guest changes and invalidates an interrupt remapping table's entry. */
TEST_F(translate, changed_and_withdrawn)
{
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(1), VECTOR + 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	ASSERT_EQ(0, withdraw(&self->fn, 0, HANDLE(7)));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/*
 * The tables change while the guest writes another message, so the VMM cannot set the
 * translation.  The old one is not used when the first message returns.
 */
TEST_F(translate, does_not_come_back)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(8));
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(1), VECTOR));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(7));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(1), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	/* The present one does not stay if the VMM knows another message. */
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(8), 0, MSI_TO(1), VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
}

/* The vector's own mask still keeps it. */
TEST_F(translate, masked)
{
	entry_mask(&self->fn, 0, true);
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* A message in compatibility format needs no translation, and has none. */
TEST_F(translate, compatibility_format)
{
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1),
				     VECTOR + 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
	/* A call that fails changes nothing, whatever the vector's message is. */
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSIX, 0, MSI_TO(0), 0, MSI_TO(1), VECTOR));
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSIX, 0, 0x10, 0, MSI_TO(1), VECTOR));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* ---- a unit that translates all messages ---- */

#define ALL	MSI_ROUTE_REMAPPING_ALL

static __u32 reason(struct function *fn, __u32 kind, __u32 vector)
{
	struct msi_route_vector v;
	struct msi_route_get_vectors arg = {
		.size = sizeof(arg), .kind = kind, .first = vector, .room = 1,
		.stride = sizeof(v), .vectors = (unsigned long)&v,
	};

	if (ioctl(fn->fd, MSI_ROUTE_GET_VECTORS, &arg) || arg.nr != 1)
		die("MSI_ROUTE_GET_VECTORS");
	return v.reason;
}

TEST_F(translate, all_wait_and_are_sent_in_the_end)
{
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_REASON_UNTRANSLATED, reason(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_EQ(3, pba_read(&self->fn, 0));
	/* Nor does writing it again help. */
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	EXPECT_TRUE(pba_bit(&self->fn, 1));

	/* On return [26]; a message in remappable format keeps waiting. */
	ASSERT_EQ(0, set_remapping(&self->fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(1, pba_read(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_REASON_NONE, reason(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSIX, 0));
}

/* The way that AMD's unit treats every message. */
TEST_F(translate, all_are_translated)
{
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* It belongs to this message, and ends with it. */
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 1, MSI_TO(1), VECTOR, MSI_TO(1), VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	/* The unit does not translate what is no interrupt. */
	table_write(&self->fn, ENTRY(1) + ENTRY_ADDRESS, 0x12345000);
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSIX, 1, 0x12345000, VECTOR, MSI_TO(1), VECTOR));
}

TEST_F(translate, all_releases_a_broadcast)
{
	entry_set(&self->fn, 1, MSI_TO(0xff), VECTOR, 0);
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	ASSERT_EQ(0, set_remapping(&self->fn, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_EQ(1, totals(&self->fn, MSIX).messages);
}

/* The unit's tables may have changed when it is switched on again. */
TEST_F(translate, all_ends_translations)
{
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR + 2));
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1), VECTOR + 1));
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	ASSERT_EQ(0, set_remapping(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
	/* The switch does not affect messages in the other format. */
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 2));
}

#define MANY	200

/* Vectors of all kinds, whatever their number, and those that are added later. */
TEST_F(translate, all_vectors_of_the_function)
{
	struct msi_route_create shape = both_shape(MANY, 2);
	struct msi_route_ims_op op = {
		.op = MSI_ROUTE_IMS_SET,
		.entry = { .address_lo = MSI_TO(0), .data = VECTOR + 1 },
	};
	struct function fn;
	__u32 i;

	shape.flags = MSI_ROUTE_CREATE_REMAPPING;
	shape.msix_granted = MANY / 2;
	shape.ims_vectors = MANY;
	function_open(&fn, &self->vm, shape);
	msix_control(&fn, MSIX_ENABLE);
	for (i = 0; i < MANY; i++) {
		op.vector = i;
		ASSERT_EQ(0, set_ims(&fn, &op, 1));
		if (i < MANY / 2)
			entry_set(&fn, i, MSI_TO(0), VECTOR, 0);
	}
	ASSERT_EQ(0, set_remapping(&fn, ALL));
	ASSERT_EQ(MANY, resize(&fn, MSIX, MANY, MANY));
	for (i = 0; i < MANY; i++) {
		if (i >= MANY / 2)
			entry_set(&fn, i, MSI_TO(0), VECTOR, 0);
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, i)) TH_LOG("%u", i);
		EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI_ROUTE_IMS, i)) TH_LOG("%u", i);
	}
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, set_remapping(&fn, 0));
	EXPECT_EQ(MANY, totals(&fn, MSIX).messages);
	EXPECT_EQ(MANY, totals(&fn, MSI_ROUTE_IMS).messages);
	EXPECT_EQ(2, vcpu_irr_weight(self->vcpu));

	vcpu_clear_irr(self->vcpu);
	msix_control(&fn, 0);
	msi_set(&fn, MSI_TO(0), VECTOR);
	msi_control(&fn, MSI_ENABLE | MSI_MME(1));
	ASSERT_EQ(0, set_remapping(&fn, ALL));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSI, 1));
	EXPECT_EQ(MSI_ROUTE_REASON_UNTRANSLATED, reason(&fn, MSI, 1));
	ASSERT_EQ(0, translate(&fn, MSI, 1, MSI_TO(0), VECTOR + 1, MSI_TO(1), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	ASSERT_EQ(0, set_remapping(&fn, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	function_close(&fn);
}

/* It belongs to the unit, not to the function's registers: a reset keeps it. */
TEST_F(translate, all_after_a_reset)
{
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	ASSERT_EQ(0, reset(&self->fn));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}

/* A saved state does not include it either, in either direction. */
TEST_F(translate, all_and_a_saved_state)
{
	struct msi_route_entry entries[NR];
	__u64 pba, held;
	struct msi_route_state state = {
		.size = sizeof(state), .msix_vectors = NR, .msi_vectors = 2,
		.msi_flags = self->fn.shape.msi_flags, .entries = (unsigned long)entries,
		.pba = (unsigned long)&pba, .held = (unsigned long)&held,
	};
	struct msi_route_create shape = self->fn.shape;
	struct function fn;

	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 1));
	ASSERT_EQ(0, set_run(&self->fn, 0));
	ASSERT_EQ(0, ioctl(self->fn.fd, MSI_ROUTE_SAVE, &state));

	function_open(&fn, &self->vm, shape);
	ASSERT_EQ(0, set_run(&fn, 0));
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_RESTORE, &state));
	/* Before it runs, so that nothing of the state is sent untranslated. */
	ASSERT_EQ(0, set_remapping(&fn, ALL));
	ASSERT_EQ(0, set_run(&fn, 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	ASSERT_EQ(0, translate(&fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR + 1));
	function_close(&fn);

	function_open(&fn, &self->vm, shape);
	ASSERT_EQ(0, set_run(&fn, 0));
	ASSERT_EQ(0, ioctl(fn.fd, MSI_ROUTE_RESTORE, &state));
	ASSERT_EQ(0, set_run(&fn, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	function_close(&fn);
}

/* A VMM that switches it on asks for all messages once more. */
TEST_F(translate, all_and_renew)
{
	struct msi_route_vector_change changes[NR + 2];
	int i, nr, found = 0;

	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, set_notify(&self->fn, MSI_ROUTE_CHANGE_MESSAGE, new_eventfd()));
	ASSERT_EQ(0, set_remapping(&self->fn, ALL));
	EXPECT_EQ(0, get_changes(&self->fn, changes, NR + 2, NULL));
	ASSERT_EQ(0, renew(&self->fn));
	nr = get_changes(&self->fn, changes, NR + 2, NULL);
	for (i = 0; i < nr; i++)
		found += changes[i].kind == MSIX && changes[i].vector == 1 &&
			 changes[i].address == MSI_TO(0) && changes[i].data == VECTOR;
	EXPECT_EQ(1, found);
}

TEST_F(translate, all_errors)
{
	struct function plain;

	EXPECT_EQ(-EOPNOTSUPP, set_remapping(&self->fn, ALL << 1));
	function_open(&plain, &self->vm, msix_shape(1));
	EXPECT_EQ(-EINVAL, set_remapping(&plain, ALL));
	EXPECT_EQ(-EINVAL, set_remapping(&plain, 0));
	entry_set(&plain, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&plain, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&plain, MSIX, 0));
	function_close(&plain);
}

/* A translation may be no interrupt: the same rules apply. */
TEST_F(translate, rule_34_of_the_translation)
{
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), 5));
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, 0x1000, VECTOR));
	EXPECT_EQ(MSI_ROUTE_DROPPED, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(1, totals(&self->fn, MSIX).dropped_vector);
	EXPECT_EQ(1, totals(&self->fn, MSIX).dropped_address);
}

TEST_F(translate, msi)
{
	msix_control(&self->fn, 0);
	msi_set(&self->fn, HANDLE(9), 0);
	msi_control(&self->fn, MSI_ENABLE | MSI_MME(1));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 0));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSI, 1));
	/* The second vector's message has its number in the data. */
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSI, 1, HANDLE(9), 0, MSI_TO(0), VECTOR + 1));
	ASSERT_EQ(0, translate(&self->fn, MSI, 1, HANDLE(9), 1, MSI_TO(0), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 1));
	EXPECT_EQ(1, msi_pending(&self->fn));
	ASSERT_EQ(0, translate(&self->fn, MSI, 0, HANDLE(9), 0, MSI_TO(0), VECTOR));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

TEST_F(translate, reset_keeps_none)
{
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	ASSERT_EQ(0, reset(&self->fn));
	ASSERT_EQ(0, set_bus_master(&self->fn, 1));
	entry_set(&self->fn, 0, HANDLE(7), 0, 0);
	msix_control(&self->fn, MSIX_ENABLE);
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
}

TEST_F(translate, errors)
{
	struct msi_route_translation arg = {
		.size = sizeof(arg), .flags = MSI_ROUTE_TRANSLATION_NONE, .kind = MSIX,
		.raw_address = HANDLE(7), .data = 1,
	};
	struct function plain;

	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_SET_TRANSLATION, &arg));
	EXPECT_EQ(EINVAL, errno);
	arg.flags = 1 << 1;
	EXPECT_EQ(-1, ioctl(self->fn.fd, MSI_ROUTE_SET_TRANSLATION, &arg));
	EXPECT_EQ(EOPNOTSUPP, errno);
	EXPECT_EQ(-ECHRNG, translate(&self->fn, MSIX, NR, 0, 0, 0, 0));
	EXPECT_EQ(-EINVAL, translate(&self->fn, MSI_ROUTE_IMS + 1, 0, 0, 0, 0, 0));
	function_open(&plain, &self->vm, msix_shape(1));
	EXPECT_EQ(-EINVAL, translate(&plain, MSIX, 0, 0, 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(-ENODEV, translate(&plain, MSI, 0, 0, 0, MSI_TO(0), VECTOR));
	function_close(&plain);
}

/* ---- while all of it goes on ---- */

static bool done, vmm_pauses;

static void *raise_without_pause(void *arg)
{
	while (!__atomic_load_n(&done, __ATOMIC_RELAXED))
		trigger(arg, MSIX, 0);
	return NULL;
}

/*
 * When it is on, nothing is under way any more [25].  When it is off, what waited has
 * arrived [26].  No event is lost.
 */
TEST_F(translate, all_while_events_come)
{
	struct msi_route_counters c;
	pthread_t device;
	__u64 events;
	int i;

	done = false;
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	ASSERT_EQ(0, pthread_create(&device, NULL, raise_without_pause, &self->fn));
	for (i = 0; i < 500; i++) {
		ASSERT_EQ(0, set_remapping(&self->fn, ALL));
		vcpu_clear_irr(self->vcpu);
		events = totals(&self->fn, MSIX).events;
		while (totals(&self->fn, MSIX).events < events + 2)
			sched_yield();
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		ASSERT_EQ(0, set_remapping(&self->fn, 0));
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	pthread_join(device, NULL);
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
}

/* The VMM: the parity of a handle selects vCPU and vector. */
static void *follow(void *arg)
{
	struct msi_route_vector_change change;
	struct function *fn = arg;

	for (;;) {
		bool last = __atomic_load_n(&done, __ATOMIC_ACQUIRE);
		__u32 to;

		if (__atomic_load_n(&vmm_pauses, __ATOMIC_SEQ_CST) ||
		    get_changes(fn, &change, 1, NULL) != 1) {
			if (last)
				break;
			continue;
		}
		to = change.address >> 5 & 1;
		/* If the message has changed by now, there is a mark of it. */
		translate(fn, MSIX, 0, change.address, change.data, MSI_TO(to), VECTOR + to);
	}
	return NULL;
}

/* Never sends a translation of a message that is no longer there. */
TEST_F(translate, rule_33_while_messages_change)
{
	struct msi_route_counters c;
	pthread_t device, vmm;
	int i, fd = new_eventfd();

	done = false;
	ASSERT_EQ(0, set_hold(&self->fn, 0));
	ASSERT_EQ(0, set_notify(&self->fn, MSI_ROUTE_CHANGE_MESSAGE, fd));
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(0));
	ASSERT_EQ(0, pthread_create(&device, NULL, raise_without_pause, &self->fn));
	ASSERT_EQ(0, pthread_create(&vmm, NULL, follow, &self->fn));
	for (i = 1; i <= 5000; i++) {
		__u64 events;

		table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(i & 0xff));
		if (i % 16 != 14)
			continue;
		/* An even one: wait for the VMM's translation, then pause the VMM. */
		vcpu_clear_irr(self->vcpu);
		while (!vcpu_irr(self->vcpu, VECTOR))
			sched_yield();
		__atomic_store_n(&vmm_pauses, true, __ATOMIC_SEQ_CST);
		/* An odd one: from now on no translation of an even one is used [25]. */
		table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(++i & 0xff));
		vcpu_clear_irr(self->vcpu);
		events = totals(&self->fn, MSIX).events;
		while (totals(&self->fn, MSIX).events < events + 3)
			sched_yield();
		EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
		__atomic_store_n(&vmm_pauses, false, __ATOMIC_SEQ_CST);
	}
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(0));
	while (!vcpu_irr(self->vcpu, VECTOR))
		sched_yield();
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	pthread_join(device, NULL);
	pthread_join(vmm, NULL);
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[0], VECTOR));
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[0], VECTOR + 1));
	EXPECT_FALSE(vcpu_irr(&self->vm.vcpu[1], VECTOR));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(c.events, accounted(&c));
}
