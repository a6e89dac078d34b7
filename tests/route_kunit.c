// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of route.c: one thing at a time.  delivery_kunit.c has what happens in the
 * middle of a delivery, and storm_kunit.c does many things at once.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "fake.h"

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);
KUNIT_ARRAY_PARAM(gate, fake_gates, fake_gate_name);

/* ---- events and messages ---- */

static void route_raise_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 4);
	u32 i;

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_SENT);
		fake_expect(f, i, FAKE_ADDRESS(1), fake_data_of(i));
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));
		KUNIT_EXPECT_EQ(test, fake_events(f, i), 1ULL);
		KUNIT_EXPECT_EQ(test, fake_count(&fake_vector(f, i)->messages),
				1ULL);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);
}

/* Events that come as one count of an eventfd are one message [22]. */
static void route_raise_count_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
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
	KUNIT_EXPECT_EQ(test, fake_count(&mr_cold(v)->coalesced), 5 + (1ULL << 40));
	KUNIT_EXPECT_EQ(test, fake_count(&v->messages), 2ULL);
}

/*
 * Whatever gate keeps a vector from sending: the event is pending and nothing is sent.
 * When the gate opens, one message has been sent before the write returns [9] [18] [20]
 * [24] [26] [31].  Mutations no-replay and no-pending fail here.
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
		/* The gate closes again at once: there was one message [24]. */
		fake_close(f, g);
		fake_open(f, g);
		KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed),
				round + 1ULL);

		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
		KUNIT_EXPECT_EQ(test, f->sent[1].data, fake_data_of(0));
	}
}

/* Several gates: the message goes out when the last of them opens. */
static void route_gates_together_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

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

/* One gate opens and releases many vectors, each once [20]. */
static void route_release_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i;

	fake_make_kind(f, MSI_ROUTE_MSIX, MSI_ROUTE_MSIX_MAX_VECTORS);
	fake_go(f);
	fake_control(f, true, true);
	for (i = 0; i < f->cap->nr; i++) {
		/* Every third vector stays masked by its own mask. */
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

/* An unmask sends the message that is in the registers then [18]. */
static void route_message_while_masked_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	fake_mask(f, 0, true);
	fake_raise(f, 0);
	fake_address(f, 0, FAKE_ADDRESS(9));
	fake_data(f, 0, 0x90);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(9), 0x90);
}

/* A guest that only polls: a cleared event is not sent; a later one is [21]. */
static void route_clear_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 2);
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

/* The mask of one entry does not affect another, even with the same message [22]. */
static void route_mask_is_one_vectors_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;

	fake_make_kind(f, MSI_ROUTE_MSIX, 2);
	fake_go(f);
	fake_data(f, 1, fake_data_of(0));
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
	struct mr_fake *f = fake_make_going(test, 1);
	struct mr_counters *count = &f->cap->count;
	const atomic64_t *dropped[] = {
		&count->dropped_address, &count->dropped_mode, &count->dropped_vector,
	};
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
			KUNIT_EXPECT_EQ(test, fake_count(dropped[j]),
					j <= i ? 2ULL : 0ULL);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&count->replayed), 3ULL);
}

/* A closed gate comes first: the message is only judged when it may be sent. */
static void route_drop_later_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	fake_control(f, false, false);
	fake_address(f, 0, 0);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_control(f, true, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
}

static void route_unreached_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
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

/* A reset clears what is pending; none of it is sent later [29]. */
static void route_reset_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 4);
	u32 i;

	/* Mutation stale-reset fails here. */
	for (i = 1; i < 4; i++) {
		fake_mask(f, i, true);
		fake_raise(f, i);
	}
	mr_function_reset(&f->fn, false);
	KUNIT_EXPECT_FALSE(test, f->cap->open);
	KUNIT_EXPECT_FALSE(test, f->fn.rq.bus_master);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 3ULL);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));

	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_go(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), fake_data_of(0));
}

/*
 * No write is skipped because it changes nothing [30]: a wrong message is sent until the
 * guest writes the values that it believes are there.  Mutation equal-skipped fails here.
 */
static void route_equal_writes_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 2);
	struct mr_vector *v = fake_vector(f, 0);
	u64 updates;

	v->live->snap.msg.address_lo = FAKE_ADDRESS(7);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_raise(f, 0);
	fake_expect(f, 0, FAKE_ADDRESS(1), fake_data_of(0));

	v->live->snap.msg.data = 0x77;
	fake_data(f, 0, fake_data_of(0));
	fake_raise(f, 0);
	fake_expect(f, 1, FAKE_ADDRESS(1), fake_data_of(0));

	v->live->snap.action = MR_MASKED;
	fake_raise(f, 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	updates = fake_count(&f->cap->count.updates);
	fake_address(f, 0, FAKE_ADDRESS(1));
	fake_data(f, 0, fake_data_of(0));
	fake_mask(f, 0, false);
	/* All vectors of MSI share its registers. */
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.updates) - updates,
			f->kind == MSI_ROUTE_MSIX ? 3ULL : 6ULL);
}

/* A message that becomes valid releases what is pending. */
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

/* ---- broadcasts ---- */

/*
 * From here on no work item sends deferred broadcasts: it looks as if it were queued
 * already.  Preemption off would have the same effect, but then nothing may sleep.
 */
static void hold_work(struct mr_fake *f)
{
	flush_work(&f->cap->bcast_work);
	set_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&f->cap->bcast_work));
}

static void let_work(struct mr_fake *f)
{
	clear_bit(WORK_STRUCT_PENDING_BIT, work_data_bits(&f->cap->bcast_work));
}

static void route_broadcast_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 2);

	fake_address(f, 0, FAKE_BROADCAST);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_BROADCAST, fake_data_of(0));
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));

	hold_work(f);
	KUNIT_EXPECT_EQ(test, fake_raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	/* Two that are not sent yet become one message. */
	fake_raise_atomic(f, 0);
	KUNIT_EXPECT_EQ(test, fake_raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	let_work(f);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_cold(f, 0)->coalesced), 1ULL);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
}

/*
 * A message to an ID that many vCPUs share is deferred like a broadcast.  It is sent at
 * once as soon as no others have the ID; what was deferred before is sent as well.
 */
static void route_shared_id_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	atomic_set(&f->kvm.online_vcpus, 17);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), fake_data_of(0));

	hold_work(f);
	KUNIT_EXPECT_EQ(test, fake_raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));

	fake_raise_atomic(f, 0);
	atomic_set(&f->kvm.online_vcpus, 16);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_EQ(test, fake_raise_atomic(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);

	/* An unmask releases it, as it does a broadcast [26]. */
	atomic_set(&f->kvm.online_vcpus, 17);
	fake_mask(f, 0, true);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 5);

	/* No vCPU takes it: this is found out later. */
	f->answer = 0;
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.unreached), 1ULL);
	let_work(f);
}

/* The work item sends it too, without the guest. */
static void route_broadcast_work_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	DECLARE_COMPLETION_ONSTACK(sent);

	fake_address(f, 0, FAKE_BROADCAST);
	f->arg = &sent;
	f->hook = fake_complete_hook;
	fake_raise_atomic(f, 0);
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&sent, FAKE_PATIENCE), 0UL);
	flush_work(&f->cap->bcast_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	f->hook = NULL;
}

/* The work item does not wait: a busy slot is left to whoever holds it. */
static void route_broadcast_work_busy_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	mutex_lock(&f->cap->bcast_lock);
	fake_raise_atomic(f, 0);
	flush_work(&f->cap->bcast_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	mutex_unlock(&f->cap->bcast_lock);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
}

/* More than one run sends; the next run continues where the last one ended. */
static void route_broadcast_work_many_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i;

	fake_make_kind(f, MSI_ROUTE_MSIX, 50);
	fake_go(f);
	for (i = 0; i < 50; i++) {
		fake_address(f, i, FAKE_BROADCAST);
		fake_data(f, i, fake_data_of(0));
	}
	hold_work(f);
	for (i = 0; i < 50; i++)
		fake_raise_atomic(f, i);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	let_work(f);
	queue_work(mr_wq, &f->cap->bcast_work);
	while (atomic_read(&f->cap->nr_deferred))
		flush_work(&f->cap->bcast_work);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 50);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_FALSE(test, fake_pending(f, i));
}

/* Any access to the function completes what was raised before it. */
static void route_broadcast_access_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	u64 value = 0;

	fake_address(f, 0, FAKE_BROADCAST);
	hold_work(f);
	fake_raise_atomic(f, 0);
	fake_access(f, false, MSI_ROUTE_CONFIG, 0, 4, &value);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_raise_atomic(f, 0);
	fake_access(f, true, MSI_ROUTE_CONFIG, 0, 4, &value);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	let_work(f);
}

/* Gates and message are looked at again when a deferred message is sent. */
static void route_broadcast_changed_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);
	struct mr_vector *v = fake_vector(f, 0);

	fake_address(f, 0, FAKE_BROADCAST);
	/* Masked meanwhile: it stays pending [27]. */
	hold_work(f);
	fake_raise_atomic(f, 0);
	fake_mask(f, 0, true);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));

	/* Closed meanwhile. */
	hold_work(f);
	fake_raise_atomic(f, 0);
	mr_function_set_bus_master(&f->fn, false);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 0));
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);

	/* To a single target meanwhile. */
	hold_work(f);
	fake_raise_atomic(f, 0);
	fake_address(f, 0, FAKE_ADDRESS(2));
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	fake_expect(f, 2, FAKE_ADDRESS(2), fake_data_of(0));
	fake_address(f, 0, FAKE_BROADCAST);

	/* Cleared meanwhile [21]. */
	hold_work(f);
	fake_raise_atomic(f, 0);
	KUNIT_EXPECT_TRUE(test, mr_vector_clear(v));
	mr_cap_sync(f->cap);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	/* Rewritten meanwhile: the new message is sent to all, once. */
	hold_work(f);
	fake_raise_atomic(f, 0);
	fake_data(f, 0, 0x60);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 4);
	fake_expect(f, 3, FAKE_BROADCAST, 0x60);
}

/* A deferred message was pending once, however often it was rewritten meanwhile. */
static void route_broadcast_replayed_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	fake_control(f, false, false);
	fake_raise(f, 0);
	/* Another CPU's writes, which do not complete what is deferred. */
	hold_work(f);
	fake_control(f, true, false);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed), 1ULL);

	hold_work(f);
	fake_raise_atomic(f, 0);
	mr_cap_opened(f->cap);
	mr_cap_opened(f->cap);
	mr_cap_sync(f->cap);
	let_work(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_LE(test, fake_count(&f->cap->count.replayed), 2ULL);
}

/* An unmask releases it: it is sent before the write returns [26]. */
static void route_broadcast_unmask_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 4);
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
		fake_expect(f, i, FAKE_BROADCAST, fake_data_of(i));
	}
	fake_control(f, false, false);
	for (i = 0; i < 4; i++)
		fake_raise(f, i);
	fake_control(f, true, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 8);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed), 8ULL);
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
	KUNIT_CASE_PARAM(route_broadcast_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_shared_id_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_work_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_work_busy_test, kind_gen_params),
	KUNIT_CASE(route_broadcast_work_many_test),
	KUNIT_CASE_PARAM(route_broadcast_access_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_changed_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_replayed_test, kind_gen_params),
	KUNIT_CASE_PARAM(route_broadcast_unmask_test, kind_gen_params),
	{}
};

static struct kunit_suite route_test_suite = {
	.name = "msi_route_route",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = route_test_cases,
};

kunit_test_suites(&route_test_suite);
