// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of route.c: one thing at a time, and what happens in the middle
 * of a delivery.  storm_kunit.c has many things at once.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "kunit.h"

/* No test needs so long; without it a broken one would not end. */
#define PATIENCE	(60 * HZ)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);
KUNIT_ARRAY_PARAM(gate, fake_gates, fake_gate_name);

static struct mr_fake *make(struct kunit *test, u32 vectors)
{
	const struct fake_kind *c = test->param_value;
	struct mr_fake *f = test->priv;

	fake_make_kind(f, c->kind, vectors);
	fake_go(f);
	return f;
}

/* fake_go()'s data of a vector. */
static u32 data_of(u32 index)
{
	return 0x40 + index;
}

/* ---- events and messages ---- */

static void route_raise_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 4);
	u32 i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_SENT);
		fake_expect(f, i, FAKE_ADDRESS(1), data_of(i));
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));
		KUNIT_EXPECT_EQ(test, fake_events(f, i), 1ULL);
		KUNIT_EXPECT_EQ(test, fake_count(&fake_vector(f, i)->messages),
				1ULL);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);
}

/* What comes as one count of an eventfd is one message [22]. */
static void route_raise_count_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	struct mr_vector *v = fake_vector(f, 0);

	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 5, true),
			(u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_mask(f, 0, true);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 1ULL << 40, false),
			(u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 2, false),
			(u32)MSI_ROUTE_COALESCED);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_EQ(test, fake_events(f, 0), 7 + (1ULL << 40));
	KUNIT_EXPECT_EQ(test, fake_count(&mr_slow(v)->coalesced), 5 + (1ULL << 40));
	KUNIT_EXPECT_EQ(test, fake_count(&v->messages), 2ULL);
}

/*
 * However a vector is kept from sending: the event is pending, nothing is
 * sent, and when it may send again one message has gone out before the write
 * returns [9] [18] [20] [24] [26] [31].  Mutations no-replay and no-pending
 * fail here.
 */
static void route_gate_test(struct kunit *test)
{
	const struct fake_gate *g = test->param_value;
	struct mr_fake *f = test->priv;
	u32 round;

	fake_gate_make(f, g, 1);
	for (round = 0; round < 3; round++) {
		atomic_set(&f->nr_sent, 0);
		fake_close(f, g);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
		KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_COALESCED);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 0);

		fake_open(f, g);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
		KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
		/* Closed again at once: it was one message [24]. */
		fake_close(f, g);
		fake_open(f, g);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed),
				round + 1ULL);

		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
		KUNIT_EXPECT_EQ(test, f->sent[1].data, data_of(0));
	}
}

/* Several gates: the last of them to open lets it out. */
static void route_gates_together_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_mask(f, 0, true);
	fake_control(f, false, true);
	mr_function_set_bus_master(&f->fn, false);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_control(f, true, false);
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);

	fake_mask(f, 0, true);
	mr_function_set_bus_master(&f->fn, false);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
}

/* One opening of the gate releases many at once, each once [20]. */
static void route_release_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i;

	fake_make_kind(f, MSI_ROUTE_MSIX, MSI_ROUTE_MSIX_MAX_VECTORS);
	fake_go(f);
	fake_control(f, true, true);
	for (i = 0; i < f->cap->nr; i++) {
		/* Every third stays masked by itself. */
		if (i % 3 == 2)
			fake_mask(f, i, true);
		fake_data(f, i, 0x40 + i % 128);
		fake_raise(f, i);
	}
	fake_control(f, true, false);
	for (i = 0; i < f->cap->nr; i++) {
		KUNIT_EXPECT_EQ(test, fake_count(&fake_vector(f, i)->messages),
				i % 3 == 2 ? 0ULL : 1ULL);
		KUNIT_EXPECT_EQ(test, test_bit(i, f->cap->pending),
				i % 3 == 2);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1366);
}

/* The message of an unmask is the one that stands there then [18]. */
static void route_message_while_masked_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_mask(f, 0, true);
	fake_raise(f, 0);
	fake_address(f, 0, FAKE_ADDRESS(9));
	fake_data(f, 0, 0x90);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(9), 0x90);
}

/* A guest that only polls: cleared, it is not sent; a later event is [21]. */
static void route_clear_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 2);
	struct mr_vector *v = fake_vector(f, 1);

	KUNIT_EXPECT_FALSE(test, mr_vector_clear(v));
	fake_mask(f, 1, true);
	KUNIT_EXPECT_FALSE(test, mr_vector_clear(v));
	fake_raise(f, 1);
	KUNIT_EXPECT_TRUE(test, mr_vector_clear(v));
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 1));
	KUNIT_EXPECT_FALSE(test, mr_vector_clear(v));
	fake_mask(f, 1, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);

	fake_mask(f, 1, true);
	fake_raise(f, 1);
	KUNIT_EXPECT_TRUE(test, mr_vector_clear(v));
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 1));
	fake_mask(f, 1, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 2ULL);
}

/* One entry's mask is not another's, the same message or not [22]. */
static void route_mask_is_one_vectors_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;

	fake_make_kind(f, MSI_ROUTE_MSIX, 2);
	fake_go(f);
	fake_data(f, 1, data_of(0));
	fake_mask(f, 0, true);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 1));
}

/* What is no interrupt is dropped and counted, now or at unmask [32] [34]. */
static void route_drop_test(struct kunit *test)
{
	static const struct {
		u32 address;
		u32 data;
	} cases[] = {
		{ 0x12345000, 0x40 },
		{ FAKE_ADDRESS(1), 0x340 },
		{ FAKE_ADDRESS(1), 0x00 },
	};
	struct mr_fake *f = make(test, 1);
	struct mr_counters *count = &f->cap->count;
	u32 i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_address(f, 0, cases[i].address);
		fake_data(f, 0, cases[i].data);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_DROPPED);
		KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
		fake_mask(f, 0, true);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_PENDING);
		fake_mask(f, 0, false);
		KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
		for (j = 0; j < ARRAY_SIZE(cases); j++)
			KUNIT_EXPECT_EQ(test, fake_count(&count->dropped[j]),
					j <= i ? 2ULL : 0ULL);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&count->replayed), 3ULL);
}

/* Closed comes before dropped: it is looked at when it may be sent. */
static void route_drop_later_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_control(f, false, false);
	fake_address(f, 0, 0);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_control(f, true, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
}

static void route_unreached_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	static const int answers[] = { -1, 0, -EINVAL };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(answers); i++) {
		f->answer = answers[i];
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_UNREACHED);
		KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
		fake_mask(f, 0, true);
		fake_raise(f, 0);
		fake_mask(f, 0, false);
		KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.unreached),
				2ULL * (i + 1));
	}
	KUNIT_EXPECT_EQ(test, fake_count(&fake_vector(f, 0)->messages), 0ULL);
	f->answer = 3;
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
}

/* What a reset finds pending it clears; nothing of it comes later [29]. */
static void route_reset_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 4);
	u32 i;

	/* Mutation stale-reset fails here. */
	for (i = 1; i < 4; i++) {
		fake_mask(f, i, true);
		fake_raise(f, i);
	}
	mr_function_reset(&f->fn);
	KUNIT_EXPECT_FALSE(test, f->cap->open);
	KUNIT_EXPECT_FALSE(test, f->fn.bus_master);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 3ULL);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));

	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_go(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), data_of(0));
}

/*
 * No write is skipped because it changes nothing [30]: what is sent is wrong
 * until the guest writes what it believes is there.  Mutation equal-skipped
 * fails here.
 */
static void route_equal_writes_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 2);
	struct mr_vector *v = fake_vector(f, 0);
	u64 updates;

	v->live->snap.msg.address_lo = FAKE_ADDRESS(7);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_raise(f, 0);
	fake_expect(f, 0, FAKE_ADDRESS(1), data_of(0));

	v->live->snap.msg.data = 0x77;
	fake_data(f, 0, data_of(0));
	fake_raise(f, 0);
	fake_expect(f, 1, FAKE_ADDRESS(1), data_of(0));

	v->live->snap.action = MR_MASKED;
	fake_raise(f, 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	updates = fake_count(&f->cap->count.updates);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_data(f, 0, data_of(0));
	fake_mask(f, 0, false);
	/* MSI's registers are those of all its vectors. */
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.updates) - updates,
			f->kind == MSI_ROUTE_MSIX ? 3ULL : 6ULL);
}

/* A message that becomes one that can be sent releases what is pending. */
static void route_rewrite_releases_test(struct kunit *test)
{
	const struct fake_kind *kc = test->param_value;
	struct msi_route_create c = kc->kind == MSI_ROUTE_MSIX ?
				    fake_msix(1) : fake_msi(1, 0);
	struct mr_fake *f = test->priv;

	c.flags = MSI_ROUTE_CREATE_REMAPPING;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	fake_go(f);
	fake_address(f, 0, FAKE_ADDRESS(1) | BIT(4));
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_data(f, 0, 0x50);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.remappable), 2ULL);
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), 0x50);
}

/* ---- the update hold ---- */

static struct mr_fake *make_held(struct kunit *test, u32 vectors)
{
	struct mr_fake *f = make(test, vectors);

	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 0, FAKE_ADDRESS(2));
	KUNIT_EXPECT_TRUE(test, fake_slow(f, 0)->held);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_COALESCED);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.held), 2ULL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	return f;
}

static void expect_released(struct mr_fake *f, u32 address, u32 data)
{
	struct kunit *test = f->test;

	KUNIT_EXPECT_FALSE(test, fake_slow(f, 0)->held);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, address, data);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 0ULL);
}

/* Mutation no-hold fails in all of these. */
static void route_hold_data_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_data(f, 0, 0x60);
	expect_released(f, FAKE_ADDRESS(2), 0x60);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds), 1ULL);
}

static void route_hold_equal_data_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_data(f, 0, data_of(0));
	expect_released(f, FAKE_ADDRESS(2), data_of(0));
}

static void route_hold_message_control_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_control(f, true, false);
	expect_released(f, FAKE_ADDRESS(2), data_of(0));
}

static void route_hold_bound_changed_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	mr_function_set_hold(&f->fn, 1000);
	expect_released(f, FAKE_ADDRESS(2), data_of(0));
	KUNIT_EXPECT_EQ(test, f->cap->hold_bound, ns_to_ktime(1000));
}

/* MSI-X: Vector Control completes a message; MSI's mask bits do not. */
static void route_hold_mask_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_mask(f, 0, true);
	KUNIT_EXPECT_EQ(test, (bool)fake_slow(f, 0)->held,
			f->kind == MSI_ROUTE_MSI);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_vector(f, 0)->live->snap.action, MR_MASKED);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f),
			f->kind == MSI_ROUTE_MSI ? 0 : 1);
	fake_data(f, 0, 0x60);
	expect_released(f, FAKE_ADDRESS(2),
			f->kind == MSI_ROUTE_MSI ? 0x60 : data_of(0));
}

/* Both halves of the address open it, and a byte of it does [11]. */
static void route_hold_address_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);
	struct mr_vector_slow *s = fake_slow(f, 0);
	ktime_t until = s->hold_until;

	/* Another one within does not prolong it. */
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
		/* Address and high half at once. */
		fake_data(f, 0, 0x60);
		fake_write(f, MSI_ROUTE_TABLE, 0, 8, FAKE_ADDRESS(4));
		/* It was no interrupt, and nothing that is sent is torn. */
		KUNIT_EXPECT_TRUE(test, s->held);
		/* Data and Vector Control at once. */
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

/* Where there is nothing to protect no hold is opened. */
static void route_hold_not_opened_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	struct mr_vector_slow *s = fake_slow(f, 0);

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

/* A reset ends holds, and what they latched is cleared [29]. */
static void route_hold_reset_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	mr_function_reset(&f->fn);
	KUNIT_EXPECT_FALSE(test, fake_slow(f, 0)->held);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->cap->holds));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 1ULL);
	fake_go(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* A function may go while holds are open. */
static void route_hold_destroy_test(struct kunit *test)
{
	struct mr_fake *f = make_held(test, 1);

	fake_check(f);
	fake_unmake(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

static void complete_hook(struct mr_fake *f, const struct mr_message *msg)
{
	complete(f->arg);
}

/* The guest wrote only the address: the bound lets the message out. */
static void route_hold_bound_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	DECLARE_COMPLETION_ONSTACK(sent);

	f->arg = &sent;
	f->hook = complete_hook;
	f->cap->hold_bound = ms_to_ktime(20);
	fake_address(f, 0, FAKE_ADDRESS(2));
	/* If this thread was kept away for long, the hold is over already. */
	fake_raise(f, 0);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), data_of(0));
	/* The lock is the timer's until all of it has happened. */
	raw_spin_lock_irq(&fake_slow(f, 0)->lock);
	KUNIT_EXPECT_FALSE(test, fake_slow(f, 0)->held);
	raw_spin_unlock_irq(&fake_slow(f, 0)->lock);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 1ULL);
	f->hook = NULL;
}

/* More of them than one run of the timer ends, and in any order. */
static void route_hold_bound_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	unsigned long end = jiffies + PATIENCE;
	u32 i, n = 0;

	fake_make_kind(f, MSI_ROUTE_MSIX, 100);
	fake_go(f);
	f->cap->hold_bound = ms_to_ktime(20);
	for (i = 0; i < 100; i++) {
		fake_address(f, i, FAKE_ADDRESS(2));
		fake_raise(f, i);
		/* Some are closed by the guest before. */
		if (i % 5 == 0)
			fake_data(f, i, 0x40);
	}
	while (fake_sent(f) < 100 && time_before(jiffies, end))
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 100);
	for (i = 0; i < 100; i++) {
		raw_spin_lock_irq(&fake_slow(f, i)->lock);
		n += fake_slow(f, i)->held;
		raw_spin_unlock_irq(&fake_slow(f, i)->lock);
	}
	KUNIT_EXPECT_EQ(test, n, 0U);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds), 100ULL);
	KUNIT_EXPECT_LE(test, fake_count(&f->cap->count.holds_expired),
			100ULL);
}

/*
 * The timer must not wait for a sender, which it may have interrupted: it
 * comes again until the slot is free.
 */
static void route_hold_bound_busy_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	struct mr_vector *v = fake_vector(f, 0);
	struct mr_vector_slow *s = fake_slow(f, 0);
	DECLARE_COMPLETION_ONSTACK(sent);
	struct mr_slot *idle;

	f->arg = &sent;
	f->hook = complete_hook;
	f->cap->hold_bound = ms_to_ktime(5);
	/* The timer does not run on another CPU than the one that starts it. */
	local_irq_disable();
	fake_address(f, 0, FAKE_ADDRESS(2));
	idle = v->live == &v->slot[0] ? &v->slot[1] : &v->slot[0];
	atomic_inc(&idle->in_flight);
	local_irq_enable();

	fake_raise(f, 0);
	msleep(30);
	/* Rightly so however long the sleep was. */
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_TRUE(test, s->held);
	atomic_dec(&idle->in_flight);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, PATIENCE), 0UL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	raw_spin_lock_irq(&s->lock);
	raw_spin_unlock_irq(&s->lock);
	f->hook = NULL;
}

/* ---- broadcasts ---- */

/*
 * Raised where they must not be sent, they are sent later, but not later than
 * the guest's next access [26].  With preemption off the work item, which is
 * this CPU's, does not run.
 */
static u32 raise_atomic(struct mr_fake *f, u32 index)
{
	return mr_vector_raise(fake_vector(f, index), 1, false);
}

/*
 * From here on no work item sends what is deferred: it looks as if it were queued
 * already.  With preemption off it would not run either, but nor could anything
 * that may sleep.
 */
static void hold_work(struct mr_fake *f)
{
	flush_work(&f->cap->many_work);
	set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&f->cap->many_work));
}

static void let_work(struct mr_fake *f)
{
	clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&f->cap->many_work));
}

static void route_broadcast_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 2);

	fake_address(f, 0, FAKE_BROADCAST);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_BROADCAST, data_of(0));
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));

	hold_work(f);
	KUNIT_EXPECT_EQ(test, raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	/* Two that are not sent yet are one. */
	raise_atomic(f, 0);
	KUNIT_EXPECT_EQ(test, raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	let_work(f);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_slow(f, 0)->coalesced), 1ULL);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
}

/* The work item does it too, without the guest. */
static void route_broadcast_work_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	DECLARE_COMPLETION_ONSTACK(sent);

	fake_address(f, 0, FAKE_BROADCAST);
	f->arg = &sent;
	f->hook = complete_hook;
	raise_atomic(f, 0);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, PATIENCE), 0UL);
	flush_work(&f->cap->many_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	f->hook = NULL;
}

/* It waits for nobody: what it finds somebody at is left to him. */
static void route_broadcast_work_busy_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	mutex_lock(&f->cap->many_lock);
	raise_atomic(f, 0);
	flush_work(&f->cap->many_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	mutex_unlock(&f->cap->many_lock);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
}

/* More than it sends in one run; and it goes on where it was. */
static void route_broadcast_work_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i;

	fake_make_kind(f, MSI_ROUTE_MSIX, 50);
	fake_go(f);
	for (i = 0; i < 50; i++) {
		fake_address(f, i, FAKE_BROADCAST);
		fake_data(f, i, data_of(0));
	}
	hold_work(f);
	for (i = 0; i < 50; i++)
		raise_atomic(f, i);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	let_work(f);
	queue_work(mr_wq, &f->cap->many_work);
	while (atomic_read(&f->cap->nr_deferred))
		flush_work(&f->cap->many_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 50);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));
}

/* Any access of the function completes what was raised before it. */
static void route_broadcast_access_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	u64 value = 0;

	fake_address(f, 0, FAKE_BROADCAST);
	hold_work(f);
	raise_atomic(f, 0);
	fake_access(f, false, MSI_ROUTE_CONFIG, 0, 4, &value);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	raise_atomic(f, 0);
	fake_access(f, true, MSI_ROUTE_CONFIG, 0, 4, &value);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	let_work(f);
}

/* What was deferred is looked at again when it is sent. */
static void route_broadcast_changed_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	struct mr_vector *v = fake_vector(f, 0);

	fake_address(f, 0, FAKE_BROADCAST);
	/* Masked meanwhile: it stays pending [27]. */
	hold_work(f);
	raise_atomic(f, 0);
	fake_mask(f, 0, true);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));

	/* Closed meanwhile. */
	hold_work(f);
	raise_atomic(f, 0);
	mr_function_set_bus_master(&f->fn, false);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);

	/* To one target meanwhile. */
	hold_work(f);
	raise_atomic(f, 0);
	fake_address(f, 0, FAKE_ADDRESS(2));
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	fake_expect(f, 2, FAKE_ADDRESS(2), data_of(0));
	fake_address(f, 0, FAKE_BROADCAST);

	/* Cleared meanwhile [21]. */
	hold_work(f);
	raise_atomic(f, 0);
	KUNIT_EXPECT_TRUE(test, mr_vector_clear(v));
	mr_cap_sync(f->cap);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	/* Rewritten meanwhile: to all, once, and the new one. */
	hold_work(f);
	raise_atomic(f, 0);
	fake_data(f, 0, 0x60);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);
	fake_expect(f, 3, FAKE_BROADCAST, 0x60);
}

/* One message was pending once, however often it was rewritten meanwhile. */
static void route_broadcast_replayed_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	fake_control(f, false, false);
	fake_raise(f, 0);
	/* The guest's writes, without what completes them: another CPU's. */
	hold_work(f);
	fake_control(f, true, false);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed), 1ULL);

	hold_work(f);
	raise_atomic(f, 0);
	mr_cap_opened(f->cap);
	mr_cap_opened(f->cap);
	mr_cap_sync(f->cap);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_LE(test, fake_count(&f->cap->count.replayed), 2ULL);
}

/* Released by an unmask, it is sent before the write returns [26]. */
static void route_broadcast_unmask_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 4);
	u32 i;

	for (i = 0; i < 4; i++) {
		fake_address(f, i, FAKE_BROADCAST);
		fake_mask(f, i, true);
		KUNIT_EXPECT_EQ(test, fake_raise(f, i),
				(u32)MSI_ROUTE_PENDING);
	}
	for (i = 0; i < 4; i++) {
		fake_mask(f, i, false);
		KUNIT_EXPECT_EQ(test, fake_sent(f), (int)i + 1);
		fake_expect(f, i, FAKE_BROADCAST, data_of(i));
	}
	fake_control(f, false, false);
	for (i = 0; i < 4; i++)
		fake_raise(f, i);
	fake_control(f, true, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 8);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed), 8ULL);
}

/* ---- in the middle of a delivery ---- */

static void raise_again_hook(struct mr_fake *f, const struct mr_message *msg)
{
	if (fake_sent(f) < 3)
		raise_atomic(f, 0);
}

/*
 * An event that arrives while the message of another one is on its way is
 * never taken for that one: it is a message of its own.
 */
static void route_raise_during_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	f->hook = raise_again_hook;
	fake_raise(f, 0);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	/* From a release: published already, so it needs no lock. */
	atomic_set(&f->nr_sent, 0);
	fake_mask(f, 0, true);
	fake_raise(f, 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_slow(f, 0)->coalesced), 0ULL);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	f->hook = NULL;
}

static void raise_broadcast_again_hook(struct mr_fake *f,
				       const struct mr_message *msg)
{
	/* Pending is clear by now, so it is set again. */
	if (fake_sent(f) == 1)
		f->arg = (void *)(unsigned long)raise_atomic(f, 0);
}

static void route_raise_during_broadcast_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	f->hook = raise_broadcast_again_hook;
	fake_raise(f, 0);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_EQ(test, (unsigned long)f->arg,
			(unsigned long)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_slow(f, 0)->coalesced), 0ULL);
	f->hook = NULL;
}

/* A guest that polls: Pending is clear only when the message is there [9]. */
static void pending_hook(struct mr_fake *f, const struct mr_message *msg)
{
	f->arg = test_bit(0, f->cap->pending) ? f : NULL;
}

static void route_pending_until_sent_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	f->hook = pending_hook;
	fake_mask(f, 0, true);
	fake_raise(f, 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_PTR_EQ(test, f->arg, (void *)f);
	KUNIT_EXPECT_FALSE(test, test_bit(0, f->cap->pending));
	f->hook = NULL;
}

/**
 * struct during - a gate that is closed while a message is on its way
 * @f: the fake
 * @g: the gate
 * @inside: the delivery has begun
 * @closed: the write that closes the gate has returned
 * @early: it had returned before the delivery ended
 * @ready: who closes it runs
 * @done: and has closed it
 * @sender_waits: the delivery ends only when the writer waits for it, which
 *	its counter tells; else after a while, for a writer that waits for the
 *	lock instead
 */
struct during {
	struct mr_fake *f;
	const struct fake_gate *g;
	bool inside;
	bool closed;
	bool early;
	bool sender_waits;
	struct completion ready;
	struct completion done;
};

static void during_hook(struct mr_fake *f, const struct mr_message *msg)
{
	ktime_t end = ktime_add_ms(ktime_get(), 10000);
	struct during *d = f->arg;
	u32 i;

	if (d->inside)
		return;
	fake_tell(&d->inside, true);
	if (d->sender_waits) {
		while (!fake_count(&f->cap->count.drained) &&
		       !READ_ONCE(d->closed) && ktime_before(ktime_get(), end))
			cpu_relax();
	}
	/* The right thing is right however long this is. */
	for (i = 0; i < 1000; i++)
		cpu_relax();
	d->early = fake_heard(&d->closed);
}

static int during_close(void *arg)
{
	struct during *d = arg;

	complete(&d->ready);
	while (!fake_heard(&d->inside)) {
		if (kthread_should_stop())
			return 0;
		cond_resched();
	}
	fake_close(d->f, d->g);
	fake_tell(&d->closed, true);
	complete(&d->done);
	return 0;
}

static void during(struct kunit *test, u32 address, bool pending)
{
	struct mr_fake *f = test->priv;
	struct during d = {
		.f = f,
		.g = test->param_value,
		.sender_waits = !pending,
	};
	int cpu[2];

	fake_need_cpus(f, cpu);
	fake_gate_make(f, d.g, 1);
	fake_address(f, 0, address);
	fake_data(f, 0, data_of(0));
	if (pending) {
		/* So that it is sent by the one who opens it, under the lock. */
		fake_close(f, d.g);
		fake_raise(f, 0);
	}
	init_completion(&d.ready);
	init_completion(&d.done);
	f->arg = &d;
	f->hook = during_hook;
	fake_thread(f, cpu[1], during_close, &d);
	wait_for_completion(&d.ready);
	if (pending)
		fake_open(f, d.g);
	else
		fake_raise(f, 0);
	KUNIT_EXPECT_TRUE(test, d.inside);
	KUNIT_EXPECT_FALSE(test, d.early);
	if (d.inside)
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&d.done,
								  PATIENCE),
				0UL);
	fake_join(f);
	f->hook = NULL;
	if (d.sender_waits)
		KUNIT_EXPECT_GE(test, fake_count(&f->cap->count.drained), 1ULL);

	/* And what was closed is closed. */
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_open(f, d.g);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
}

/*
 * A write that closes a gate returns when the sender that saw it open has
 * finished [25] [27].  Mutations no-drain and mask-late fail here.
 */
static void route_drain_test(struct kunit *test)
{
	during(test, FAKE_ADDRESS(1), false);
}

/* The same while a broadcast is under way, which holds no vector's lock. */
static void route_drain_broadcast_test(struct kunit *test)
{
	during(test, FAKE_BROADCAST, false);
}

/* The same while what was pending is released. */
static void route_drain_release_test(struct kunit *test)
{
	during(test, FAKE_ADDRESS(1), true);
}

static struct kunit_case route_test_cases[] = {
	KUNIT_CASE_PARAM(route_raise_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_raise_count_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_gate_test, gate_gen_params),
	KUNIT_CASE_PARAM(route_gates_together_test, kind_gen_params),
	KUNIT_CASE(route_release_many_test),
	KUNIT_CASE_PARAM(route_message_while_masked_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_clear_test, kind_gen_params),
	KUNIT_CASE(route_mask_is_one_vectors_test),
	KUNIT_CASE_PARAM(route_drop_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_drop_later_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_unreached_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_reset_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_equal_writes_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_rewrite_releases_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_data_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_equal_data_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_message_control_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_bound_changed_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_mask_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_address_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_not_opened_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_reset_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_destroy_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_hold_bound_test, kind_gen_params),
	KUNIT_CASE(route_hold_bound_many_test),
	KUNIT_CASE_PARAM(route_hold_bound_busy_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_work_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_work_busy_test, kind_gen_params),
	KUNIT_CASE(route_broadcast_work_many_test),
	KUNIT_CASE_PARAM(route_broadcast_access_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_changed_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_replayed_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_unmask_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_raise_during_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_raise_during_broadcast_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_pending_until_sent_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_drain_test, gate_gen_params),
	KUNIT_CASE_PARAM(route_drain_broadcast_test, gate_gen_params),
	KUNIT_CASE_PARAM(route_drain_release_test, gate_gen_params),
	{}
};

static struct kunit_suite route_test_suite = {
	.name = "msi_route-route",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = route_test_cases,
};

kunit_test_suites(&route_test_suite);
