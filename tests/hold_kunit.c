// SPDX-License-Identifier: GPL-2.0
/* KUnit suite of hold.c: what opens and closes the update hold, and its bound. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched.h>

#include "fake.h"

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);

static struct mr_fake *make_held(struct kunit *test, u32 vectors)
{
	struct mr_fake *f = fake_make_going(test, vectors);

	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_TRUE(test, fake_cold(f, 0)->held);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_COALESCED);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.held), 2ULL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	return f;
}

static void expect_released(struct mr_fake *f, u32 address, u32 data)
{
	struct kunit *test = f->test;

	KUNIT_EXPECT_FALSE(test, fake_cold(f, 0)->held);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, address, data);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 0ULL);
}

/* Mutation no-hold fails in all of these. */
static void hold_data_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_data(f, 0, 0x60);
	expect_released(f, FAKE_ADDRESS(2), 0x60);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds), 1ULL);
}

static void hold_equal_data_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_data(f, 0, fake_data_of(0));
	expect_released(f, FAKE_ADDRESS(2), fake_data_of(0));
}

static void hold_message_control_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_control(f, true, false);
	expect_released(f, FAKE_ADDRESS(2), fake_data_of(0));
}

static void hold_bound_changed_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	mr_function_set_hold(&f->fn, 1000);
	expect_released(f, FAKE_ADDRESS(2), fake_data_of(0));
	KUNIT_EXPECT_EQ(test, f->cap->hold_bound, ns_to_ktime(1000));
}

/* MSI-X: Vector Control completes a message; MSI's mask bits do not. */
static void hold_mask_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_mask(f, 0, true);
	KUNIT_EXPECT_EQ(test, (bool)fake_cold(f, 0)->held,
			f->kind == MSI_ROUTE_MSI);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_vector(f, 0)->live->snap.action, MR_MASKED);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f),
			f->kind == MSI_ROUTE_MSI ? 0 : 1);
	fake_data(f, 0, 0x60);
	expect_released(f, FAKE_ADDRESS(2),
			f->kind == MSI_ROUTE_MSI ? 0x60 : fake_data_of(0));
}

/* Both halves of the address open a hold, and so does a byte of them [11]. */
static void hold_address_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);
	struct mr_vector_cold *s = fake_cold(f, 0);
	ktime_t until = s->hold_until;

	/* A second write within the hold does not prolong it. */
	fake_address(f, 0, FAKE_ADDRESS(3));
	KUNIT_EXPECT_TRUE(test, s->held);
	KUNIT_EXPECT_EQ(test, s->hold_until, until);
	if (f->kind == MSI_ROUTE_MSIX)
		fake_write(f, MSI_ROUTE_TABLE, PCI_MSIX_ENTRY_UPPER_ADDR, 4, 0);
	else
		fake_write(f, MSI_ROUTE_CONFIG,
			   FAKE_MSI_CAP + PCI_MSI_ADDRESS_HI, 4, 0);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	fake_data(f, 0, 0x60);
	expect_released(f, FAKE_ADDRESS(3), 0x60);

	if (f->kind == MSI_ROUTE_MSIX) {
		fake_write(f, MSI_ROUTE_TABLE, PCI_MSIX_ENTRY_UPPER_ADDR, 4, 1);
		KUNIT_EXPECT_TRUE(test, s->held);
		/* Address and high half in one write. */
		fake_data(f, 0, 0x60);
		fake_write(f, MSI_ROUTE_TABLE, 0, 8, FAKE_ADDRESS(4));
		/* It was no interrupt: nothing that is sent is torn. */
		KUNIT_EXPECT_TRUE(test, s->held);
		/* Data and Vector Control in one write. */
		fake_write(f, MSI_ROUTE_TABLE, 8, 8, 0x70);
	} else {
		fake_write(f, MSI_ROUTE_CONFIG,
			   FAKE_MSI_CAP + PCI_MSI_ADDRESS_LO + 1, 1, 0x40);
		KUNIT_EXPECT_TRUE(test, s->held);
		fake_write(f, MSI_ROUTE_CONFIG,
			   FAKE_MSI_CAP + PCI_MSI_DATA_64, 1, 0x70);
	}
	KUNIT_EXPECT_FALSE(test, s->held);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	fake_expect(f, 1, FAKE_ADDRESS(4), 0x70);
}

/* No hold is opened where there is nothing to protect. */
static void hold_not_opened_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	struct mr_vector_cold *s = fake_cold(f, 0);

	/* Switched off. */
	KUNIT_EXPECT_EQ(test, f->cap->hold_bound, 0LL);
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_FALSE(test, s->held);

	f->cap->hold_bound = FAKE_LONG_HOLD;
	/* The address does not change. */
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_FALSE(test, s->held);
	fake_data(f, 0, 0x50);
	KUNIT_EXPECT_FALSE(test, s->held);
	/* Masked. */
	fake_mask(f, 0, true);
	fake_address(f, 0, FAKE_ADDRESS(3));
	KUNIT_EXPECT_FALSE(test, s->held);
	fake_mask(f, 0, false);
	/* Closed. */
	fake_control(f, false, false);
	fake_address(f, 0, FAKE_ADDRESS(4));
	KUNIT_EXPECT_FALSE(test, s->held);
	fake_control(f, true, false);
	mr_function_set_bus_master(&f->fn, false);
	fake_address(f, 0, FAKE_ADDRESS(5));
	KUNIT_EXPECT_FALSE(test, s->held);
	mr_function_set_bus_master(&f->fn, true);

	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	fake_expect(f, 0, FAKE_ADDRESS(5), 0x50);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds), 0ULL);
}

/* A reset ends holds, and clears what they would replay [29]. */
static void hold_reset_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	mr_function_reset(&f->fn, false);
	KUNIT_EXPECT_FALSE(test, fake_cold(f, 0)->held);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->cap->holds));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 1ULL);
	fake_go(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* A function may be destroyed while holds are open. */
static void hold_destroy_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_check(f);
	fake_unmake(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* The guest wrote only the address: the message is sent at the bound. */
static void hold_bound_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	DECLARE_COMPLETION_ONSTACK(sent);

	f->arg = &sent;
	f->hook = fake_complete_hook;
	f->cap->hold_bound = ms_to_ktime(20);
	fake_address(f, 0, FAKE_ADDRESS(2));
	/* If this thread did not run for long, the hold is over already. */
	fake_raise(f, 0);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, FAKE_PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), fake_data_of(0));
	/* The timer keeps the lock until all of it has happened. */
	raw_spin_lock_irq(&fake_cold(f, 0)->lock);
	KUNIT_EXPECT_FALSE(test, fake_cold(f, 0)->held);
	raw_spin_unlock_irq(&fake_cold(f, 0)->lock);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 1ULL);
	f->hook = NULL;
}

/* More holds than one run of the timer ends, in any order. */
static void hold_bound_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	unsigned long end = jiffies + FAKE_PATIENCE;
	u32 i, n = 0;

	fake_make_kind(f, MSI_ROUTE_MSIX, 100);
	fake_go(f);
	f->cap->hold_bound = ms_to_ktime(20);
	for (i = 0; i < 100; i++) {
		fake_address(f, i, FAKE_ADDRESS(2));
		fake_raise(f, i);
		/* The guest closes some of them before. */
		if (i % 5 == 0)
			fake_data(f, i, 0x40);
	}
	while (fake_sent(f) < 100 && time_before(jiffies, end))
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 100);
	for (i = 0; i < 100; i++) {
		raw_spin_lock_irq(&fake_cold(f, i)->lock);
		n += fake_cold(f, i)->held;
		raw_spin_unlock_irq(&fake_cold(f, i)->lock);
	}
	KUNIT_EXPECT_EQ(test, n, 0U);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds), 100ULL);
	KUNIT_EXPECT_LE(test, fake_count(&f->cap->count.holds_expired),
			100ULL);
}

/*
 * The timer may have interrupted a sender, so it must not wait for it: it is rearmed
 * until the slot is free.
 */
static void hold_bound_busy_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	struct mr_vector *v = fake_vector(f, 0);
	struct mr_vector_cold *s = fake_cold(f, 0);
	DECLARE_COMPLETION_ONSTACK(sent);
	struct mr_slot *idle;

	f->arg = &sent;
	f->hook = fake_complete_hook;
	f->cap->hold_bound = ms_to_ktime(5);
	/* The timer runs only on the CPU that starts it. */
	local_irq_disable();
	fake_address(f, 0, FAKE_ADDRESS(2));
	idle = v->live == &v->slot[0] ? &v->slot[1] : &v->slot[0];
	atomic_inc(&idle->in_flight);
	local_irq_enable();

	fake_raise(f, 0);
	msleep(30);
	/* This must hold, however long the sleep was. */
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_TRUE(test, s->held);
	atomic_dec(&idle->in_flight);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, FAKE_PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	raw_spin_lock_irq(&s->lock);
	raw_spin_unlock_irq(&s->lock);
	f->hook = NULL;
}

/* A vCPU of this thread that is not in the guest. */
static struct kvm_vcpu *fake_vcpu(struct mr_fake *f, int index)
{
	struct kvm_vcpu *vcpu = kunit_kzalloc(f->test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, vcpu);
	vcpu->vcpu_idx = index;
	vcpu->mode = OUTSIDE_GUEST_MODE;
	if (!index) {
		xa_init(&f->kvm.vcpu_array);
		rcu_assign_pointer(vcpu->pid, task_pid(current));
	}
	KUNIT_ASSERT_EQ(f->test, xa_err(xa_store(&f->kvm.vcpu_array, index, vcpu,
						 GFP_KERNEL)), 0);
	atomic_set(&f->kvm.online_vcpus, index + 1);
	return vcpu;
}

static void expect_held(struct mr_fake *f)
{
	msleep(30);
	/* This must hold, however long the sleep was. */
	KUNIT_EXPECT_EQ(f->test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(f->test, fake_count(&f->cap->count.holds_expired), 0ULL);
}

static void expect_expired(struct mr_fake *f, struct completion *sent)
{
	KUNIT_EXPECT_NE(f->test, wait_for_completion_timeout(sent, FAKE_PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(f->test, fake_sent(f), 1);
	/* The timer keeps the lock until all of it has happened. */
	raw_spin_lock_irq(&fake_cold(f, 0)->lock);
	KUNIT_EXPECT_FALSE(f->test, fake_cold(f, 0)->held);
	raw_spin_unlock_irq(&fake_cold(f, 0)->lock);
	KUNIT_EXPECT_EQ(f->test, fake_count(&f->cap->count.holds_expired), 1ULL);
	f->hook = NULL;
	xa_destroy(&f->kvm.vcpu_array);
	atomic_set(&f->kvm.online_vcpus, 0);
}

/* The bound counts while the vCPU is in the guest, and while it is halted. */
static void hold_paused_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	struct kvm_vcpu *vcpu = fake_vcpu(f, 0);
	DECLARE_COMPLETION_ONSTACK(sent);

	f->arg = &sent;
	f->hook = fake_complete_hook;
	f->cap->hold_bound = ms_to_ktime(1);
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_EQ(test, fake_cold(f, 0)->writer, 1);
	fake_raise(f, 0);
	expect_held(f);
	if (f->kind == MSI_ROUTE_MSIX)
		WRITE_ONCE(vcpu->mode, IN_GUEST_MODE);
	else
		WRITE_ONCE(vcpu->stat.generic.blocking, 1);
	expect_expired(f, &sent);
}

/* A vCPU that never comes back does not keep an event for ever. */
static void hold_given_up_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	DECLARE_COMPLETION_ONSTACK(sent);

	fake_vcpu(f, 0);
	f->arg = &sent;
	f->hook = fake_complete_hook;
	f->cap->hold_bound = ms_to_ktime(1);
	fake_address(f, 0, FAKE_ADDRESS(2));
	fake_raise(f, 0);
	expect_held(f);
	raw_spin_lock_irq(&f->cap->hold_lock);
	KUNIT_EXPECT_NE(test, f->cap->hold_paused, 0LL);
	WRITE_ONCE(f->cap->hold_paused,
		   ktime_sub_ns(ktime_get(), 61 * NSEC_PER_SEC));
	raw_spin_unlock_irq(&f->cap->hold_lock);
	expect_expired(f, &sent);
}

/* All vCPUs have to run, in whatever order, before a restored hold can end. */
static void hold_restored_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	struct kvm_vcpu *first = fake_vcpu(f, 0), *second = fake_vcpu(f, 1);
	const struct msi_route_entry e = {
		.address_lo = FAKE_ADDRESS(2), .data = fake_data_of(0),
	};
	DECLARE_COMPLETION_ONSTACK(sent);

	f->arg = &sent;
	f->hook = fake_complete_hook;
	f->cap->hold_bound = ms_to_ktime(1);
	KUNIT_EXPECT_EQ(test, mr_state_set_run(&f->fn, false), 0);
	mr_vector_restore(fake_vector(f, 0),
			  f->kind == MSI_ROUTE_MSIX ? &e : NULL, true, true);
	/* It was counted where it was opened. */
	atomic64_inc(&f->cap->count.holds);
	KUNIT_EXPECT_EQ(test, mr_state_set_run(&f->fn, true), 0);
	expect_held(f);
	WRITE_ONCE(second->mode, IN_GUEST_MODE);
	expect_held(f);
	WRITE_ONCE(first->mode, IN_GUEST_MODE);
	expect_expired(f, &sent);
}

static struct kunit_case hold_test_cases[] = {
	KUNIT_CASE_PARAM(hold_data_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_equal_data_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_message_control_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_bound_changed_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_mask_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_address_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_not_opened_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_reset_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_destroy_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_bound_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_paused_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_given_up_test, kind_gen_params),
	KUNIT_CASE_PARAM(hold_restored_test, kind_gen_params),
	KUNIT_CASE(hold_bound_many_test),
	KUNIT_CASE_PARAM(hold_bound_busy_test, kind_gen_params),
	{}
};

static struct kunit_suite hold_test_suite = {
	.name = "msi_route_hold",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = hold_test_cases,
};

kunit_test_suites(&hold_test_suite);
