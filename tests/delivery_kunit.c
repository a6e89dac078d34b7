// SPDX-License-Identifier: GPL-2.0
/* KUnit suite of route.c: what happens in the middle of a delivery. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/sched.h>

#include "fake.h"

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);
KUNIT_ARRAY_PARAM(gate, fake_gates, fake_gate_name);

static void raise_again_hook(struct mr_fake *f, const struct mr_message *msg)
{
	if (fake_sent(f) < 3)
		fake_raise_atomic(f, 0);
}

/*
 * An event arrives while the message of another one is being sent.  It must not be merged
 * with that one: it is a message of its own.
 */
static void delivery_raise_during_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	f->hook = raise_again_hook;
	fake_raise(f, 0);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);

	/* On release: the vector is published already, so no lock is needed. */
	atomic_set(&f->nr_sent, 0);
	fake_mask(f, 0, true);
	fake_raise(f, 0);
	fake_mask(f, 0, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_cold(f, 0)->coalesced), 0ULL);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 0));
	f->hook = NULL;
}

static void raise_broadcast_again_hook(struct mr_fake *f,
				       const struct mr_message *msg)
{
	/* Pending is clear by now, so it is set again. */
	if (fake_sent(f) == 1)
		f->arg = (void *)(unsigned long)fake_raise_atomic(f, 0);
}

static void delivery_raise_during_broadcast_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

	fake_address(f, 0, FAKE_BROADCAST);
	f->hook = raise_broadcast_again_hook;
	fake_raise(f, 0);
	mr_cap_sync(f->cap);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	KUNIT_EXPECT_EQ(test, (unsigned long)f->arg,
			(unsigned long)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_count(&fake_cold(f, 0)->coalesced), 0ULL);
	f->hook = NULL;
}

/* A guest that polls sees Pending clear only when the message has arrived [9]. */
static void pending_hook(struct mr_fake *f, const struct mr_message *msg)
{
	f->arg = test_bit(0, f->cap->pending) ? f : NULL;
}

static void delivery_pending_until_sent_test(struct kunit *test)
{
	struct mr_fake *f = fake_make_going(test, 1);

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
 * @ready: the thread that closes it runs
 * @done: the thread has closed it
 * @sender_waits: the delivery ends when the writer's counter says that it waits;
 *	else after a while, for a writer that waits for the lock instead
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
	/* The result must be right, however long this takes. */
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
	fake_data(f, 0, fake_data_of(0));
	if (pending) {
		/* So that whoever opens the gate sends it, under the lock. */
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
								  FAKE_PATIENCE),
				0UL);
	fake_join(f);
	f->hook = NULL;
	if (d.sender_waits)
		KUNIT_EXPECT_GE(test, fake_count(&f->cap->count.drained), 1ULL);

	/* The closed gate stays closed. */
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_open(f, d.g);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
}

/*
 * A write that closes a gate returns after the sender that saw it open has finished [25]
 * [27].  Mutations no-drain and mask-late fail here.
 */
static void delivery_drain_test(struct kunit *test)
{
	during(test, FAKE_ADDRESS(1), false);
}

/* The same while a broadcast is under way; it holds no vector's lock. */
static void delivery_drain_broadcast_test(struct kunit *test)
{
	during(test, FAKE_BROADCAST, false);
}

/* The same while a pending event is released. */
static void delivery_drain_release_test(struct kunit *test)
{
	during(test, FAKE_ADDRESS(1), true);
}

static struct kunit_case delivery_test_cases[] = {
	KUNIT_CASE_PARAM(delivery_raise_during_test, kind_gen_params),
	KUNIT_CASE_PARAM(delivery_raise_during_broadcast_test, kind_gen_params),
	KUNIT_CASE_PARAM(delivery_pending_until_sent_test, kind_gen_params),
	KUNIT_CASE_PARAM(delivery_drain_test, gate_gen_params),
	KUNIT_CASE_PARAM(delivery_drain_broadcast_test, gate_gen_params),
	KUNIT_CASE_PARAM(delivery_drain_release_test, gate_gen_params),
	{}
};

static struct kunit_suite delivery_test_suite = {
	.name = "msi_route_delivery",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = delivery_test_cases,
};

kunit_test_suites(&delivery_test_suite);
