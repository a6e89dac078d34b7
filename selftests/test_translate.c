// SPDX-License-Identifier: GPL-2.0
/* Messages in remappable format: sent as the VMM translates them, or not at all. */
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
	/* Released when the call returns [26]. */
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_FALSE(pba_bit(&self->fn, 0));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(&self->vm.vcpu[1], VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	/* The guest reads what it wrote. */
	EXPECT_EQ(HANDLE(7), table_read(&self->fn, ENTRY(0) + ENTRY_ADDRESS));
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(0) + ENTRY_DATA));
}

/* A broadcast as well: when the call returns, not at the next access. */
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
	/* An equal value changes nothing. */
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(7));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	/* A part of another message has no translation, nor has the whole. */
	table_write(&self->fn, ENTRY(0) + ENTRY_ADDRESS, HANDLE(8));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	table_write(&self->fn, ENTRY(0) + ENTRY_DATA, 1);
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(8), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, 1ULL << 32 | HANDLE(8), 1, MSI_TO(0),
				     VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(8), 1, MSI_TO(0), VECTOR + 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR + 1));
	EXPECT_EQ(0, vcpu_irr_weight(self->vcpu));
}

/*
 * Between the two the guest may have changed the unit's tables, and the VMM had no
 * reason to think of the first message.
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

/* As an interrupt remapping table's entry is changed, and invalidated. */
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
 * The tables change while the guest writes another message.  What the VMM could
 * not set then is not sent by the older tables when the message returns.
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
	/* Nor is the one in use left, if the VMM knows of another message. */
	EXPECT_EQ(-ESTALE, translate(&self->fn, MSIX, 0, HANDLE(8), 0, MSI_TO(1), VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
}

/* The vector's own mask holds it back all the same. */
TEST_F(translate, masked)
{
	entry_mask(&self->fn, 0, true);
	ASSERT_EQ(0, translate(&self->fn, MSIX, 0, HANDLE(7), 0, MSI_TO(0), VECTOR));
	EXPECT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* Compatibility format needs no translation, and has none. */
TEST_F(translate, compatibility_format)
{
	entry_set(&self->fn, 1, MSI_TO(0), VECTOR, 0);
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	ASSERT_EQ(0, translate(&self->fn, MSIX, 1, MSI_TO(0), VECTOR, MSI_TO(1), VECTOR + 1));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 1));
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	EXPECT_EQ(0, vcpu_irr_weight(&self->vm.vcpu[1]));
}

/* What the VMM makes of it may be no interrupt: the rules are those for all. */
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

/* The VMM: a handle's parity is its vCPU, and its vector. */
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
		/* If it is another one by now, there is a mark of it. */
		translate(fn, MSIX, 0, change.address, change.data, MSI_TO(to), VECTOR + to);
	}
	return NULL;
}

/* Never a message that the VMM did not make of the one that was there. */
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
		/* An even one; wait until the VMM has followed, and now does not. */
		vcpu_clear_irr(self->vcpu);
		while (!vcpu_irr(self->vcpu, VECTOR))
			sched_yield();
		__atomic_store_n(&vmm_pauses, true, __ATOMIC_SEQ_CST);
		/* An odd one: from now on nothing is sent by an even one's [25]. */
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
