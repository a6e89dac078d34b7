// SPDX-License-Identifier: GPL-2.0
/* KUnit suite of changes.c: which marks are made, taken, notified and forgotten. */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "fake.h"

#define USED		((u32)MSI_ROUTE_CHANGE_USED)
#define UNMASKED	((u32)MSI_ROUTE_CHANGE_UNMASKED)
#define MASKED		((u32)MSI_ROUTE_CHANGE_MASKED)
#define MESSAGE		((u32)MSI_ROUTE_CHANGE_MESSAGE)
#define CONTROL		((u32)MSI_ROUTE_CHANGE_CONTROL)
#define STEERING	((u32)MSI_ROUTE_CHANGE_STEERING)
#define ALL		(USED | UNMASKED | MASKED | MESSAGE | CONTROL)

#define NR		3
/* Vectors of the table that needs more than one word of the bitmap. */
#define NR_MANY		100
#define ROOM		8

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);

/* There is no eventfd here: a flag says that the VMM is notified. */
static void choose(struct mr_fake *f, u32 changes)
{
	struct eventfd_ctx *ctx = NULL;

	mutex_lock(&f->fn.rq.config);
	KUNIT_ASSERT_EQ(f->test, mr_changes_configure(&f->fn.rq, changes, &ctx), 0);
	mutex_unlock(&f->fn.rq.config);
}

static u32 collect(struct mr_fake *f, struct msi_route_vector_change *r,
		   u32 room, bool *left)
{
	u32 nr;

	mutex_lock(&f->fn.rq.config);
	nr = mr_changes_collect(&f->fn.rq, r, room);
	*left = mr_changes_left(&f->fn.rq);
	mutex_unlock(&f->fn.rq.config);
	return nr;
}

static bool notified(struct mr_fake *f)
{
	return atomic_read(&f->fn.rq.changes.notified);
}

static void expect_none(struct mr_fake *f)
{
	struct msi_route_vector_change r[ROOM];
	bool left;

	KUNIT_EXPECT_FALSE(f->test, notified(f));
	KUNIT_EXPECT_EQ(f->test, collect(f, r, ROOM, &left), 0U);
	KUNIT_EXPECT_FALSE(f->test, left);
}

/* Expects one change and no other: of vector @index, or of the capability. */
static void expect_one(struct mr_fake *f, u32 index, u32 changes, u32 state)
{
	struct msi_route_vector_change r[ROOM] = {};
	struct kunit *test = f->test;
	bool left;

	KUNIT_EXPECT_TRUE(test, notified(f));
	KUNIT_EXPECT_EQ(test, collect(f, r, ROOM, &left), 1U);
	KUNIT_EXPECT_FALSE(test, left);
	KUNIT_EXPECT_FALSE(test, notified(f));
	KUNIT_EXPECT_EQ(test, r[0].kind, f->kind);
	KUNIT_EXPECT_EQ(test, r[0].vector, index);
	KUNIT_EXPECT_EQ(test, r[0].changes, changes);
	KUNIT_EXPECT_EQ(test, r[0].state, state);
}

static struct mr_fake *make(struct kunit *test, u32 vectors)
{
	const struct fake_kind *c = test->param_value;
	struct mr_fake *f = test->priv;

	fake_make_kind(f, c->kind, vectors);
	return f;
}

/* MSI has one vector in these tests: a write is one change. */
#define OPEN	(MSI_ROUTE_STATE_ENABLED | MSI_ROUTE_STATE_BUS_MASTER)

/* ---- which marks ---- */

static void changes_vector_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_go(f);
	choose(f, ALL & ~USED);
	expect_none(f);
	fake_address(f, 0, FAKE_ADDRESS(2));
	expect_one(f, 0, MESSAGE, OPEN);
	fake_data(f, 0, 0x77);
	expect_one(f, 0, MESSAGE, OPEN);
	fake_mask(f, 0, true);
	expect_one(f, 0, MASKED, OPEN | MSI_ROUTE_STATE_MASKED);
	/* The mask is as it was: no change. */
	fake_mask(f, 0, true);
	expect_none(f);
	fake_mask(f, 0, false);
	expect_one(f, 0, UNMASKED, OPEN);
	/* Marks gather until they are taken: one of each kind, with the present state. */
	fake_data(f, 0, 0x78);
	fake_data(f, 0, 0x79);
	fake_mask(f, 0, true);
	fake_mask(f, 0, false);
	expect_one(f, 0, MESSAGE | MASKED | UNMASKED, OPEN);
	/* An event is not a change. */
	fake_raise(f, 0);
	expect_none(f);
}

/* Equal values are written back: the device may have lost them [30]. */
static void changes_equal_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_go(f);
	choose(f, MESSAGE);
	fake_address(f, 0, FAKE_ADDRESS(1));
	expect_one(f, 0, MESSAGE, OPEN);
	fake_data(f, 0, 0x40);
	expect_one(f, 0, MESSAGE, OPEN);
}

/* Each write of Vector Control writes the steering tag as well. */
static void changes_steering_test(struct kunit *test)
{
	const u32 control = 0xabcd0000 | PCI_MSIX_ENTRY_CTRL_MASKBIT;
	struct msi_route_vector_change r[ROOM];
	struct mr_fake *f = test->priv;
	bool left;

	fake_make_kind(f, MSI_ROUTE_MSIX, 1);
	fake_go(f);
	choose(f, MESSAGE | STEERING);
	fake_mask(f, 0, true);
	expect_one(f, 0, STEERING, OPEN | MSI_ROUTE_STATE_MASKED);
	fake_mask(f, 0, true);
	expect_one(f, 0, STEERING, OPEN | MSI_ROUTE_STATE_MASKED);
	fake_data(f, 0, 0x41);
	expect_one(f, 0, MESSAGE, OPEN | MSI_ROUTE_STATE_MASKED);
	fake_write(f, MSI_ROUTE_TABLE, PCI_MSIX_ENTRY_DATA, 8, (u64)control << 32);
	KUNIT_EXPECT_EQ(test, collect(f, r, ROOM, &left), 1U);
	KUNIT_EXPECT_EQ(test, r[0].changes, MESSAGE | STEERING);
	KUNIT_EXPECT_EQ(test, r[0].control, control);
	mr_function_renew(&f->fn);
	KUNIT_EXPECT_EQ(test, collect(f, r, ROOM, &left), 1U);
	KUNIT_EXPECT_EQ(test, r[0].changes, MESSAGE | STEERING);
}

/* A write of MSI's Message Control is also a change of its messages. */
static void changes_control_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_go(f);
	choose(f, CONTROL);
	fake_control(f, false, false);
	expect_one(f, MSI_ROUTE_CAPABILITY, CONTROL,
		   MSI_ROUTE_STATE_BUS_MASTER);
	mr_function_set_bus_master(&f->fn, false);
	expect_one(f, MSI_ROUTE_CAPABILITY, CONTROL, 0);
	mr_function_set_bus_master(&f->fn, true);
	fake_control(f, true, false);
	expect_one(f, MSI_ROUTE_CAPABILITY, CONTROL, OPEN);
	choose(f, MESSAGE);
	fake_control(f, true, false);
	if (f->kind == MSI_ROUTE_MSI)
		expect_one(f, 0, MESSAGE, OPEN);
	else
		expect_none(f);
}

/* The end of a hold by its bound is not a write of the guest. */
static void changes_hold_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_go(f);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	choose(f, ALL & ~USED);
	fake_address(f, 0, FAKE_ADDRESS(2));
	expect_one(f, 0, MESSAGE, OPEN);
	mr_function_set_hold(&f->fn, 0);
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 0)));
	expect_none(f);
}

/*
 * One run of the timer ends several holds.  One of them is of a vector that is being
 * masked: its mark must not go to another vector.
 */
static void changes_hold_expires_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	unsigned long end = jiffies + 60 * HZ;
	struct mr_vector_cold *s;
	u32 *entries;
	u32 i;

	fake_make_kind(f, MSI_ROUTE_MSIX, 2);
	fake_go(f);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 0, FAKE_ADDRESS(2));
	fake_address(f, 1, FAKE_ADDRESS(2));
	choose(f, MASKED | UNMASKED | MESSAGE);
	/* A write is under way: the register is written, but not effective yet. */
	s = fake_cold(f, 0);
	entries = f->fn.msix.image + f->fn.msix.image_table;
	raw_spin_lock_irq(&s->lock);
	WRITE_ONCE(entries[PCI_MSIX_ENTRY_VECTOR_CTRL / 4], PCI_MSIX_ENTRY_CTRL_MASKBIT);
	raw_spin_unlock_irq(&s->lock);

	raw_spin_lock_irq(&f->cap->hold_lock);
	for (i = 0; i < 2; i++)
		fake_cold(f, i)->hold_until = ktime_get();
	hrtimer_start(&f->cap->hold_timer, ktime_get(), HRTIMER_MODE_ABS_HARD);
	raw_spin_unlock_irq(&f->cap->hold_lock);
	while (fake_count(&f->cap->count.holds_expired) < 2 && time_before(jiffies, end))
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 2ULL);
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 1)));
	expect_one(f, 0, MASKED, OPEN | MSI_ROUTE_STATE_MASKED);
}

/* Only the configured changes are marked; a new configuration starts afresh. */
static void changes_choose_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	fake_go(f);
	fake_data(f, 0, 0x41);
	expect_none(f);
	choose(f, MASKED);
	fake_data(f, 0, 0x42);
	fake_control(f, true, false);
	expect_none(f);
	fake_mask(f, 0, true);
	KUNIT_EXPECT_TRUE(test, notified(f));
	choose(f, MASKED);
	expect_none(f);
	fake_mask(f, 0, false);
	expect_none(f);
	fake_mask(f, 0, true);
	expect_one(f, 0, MASKED, OPEN | MSI_ROUTE_STATE_MASKED);
	choose(f, 0);
	fake_mask(f, 0, false);
	fake_mask(f, 0, true);
	expect_none(f);
}

/* ---- first use ---- */

static void changes_used_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);

	choose(f, USED);
	fake_mask(f, 0, false);
	fake_control(f, true, false);
	expect_none(f);
	/* The last gate opens, whichever it is. */
	mr_function_set_bus_master(&f->fn, true);
	expect_one(f, 0, USED, OPEN);
	mr_function_set_bus_master(&f->fn, false);
	mr_function_set_bus_master(&f->fn, true);
	fake_mask(f, 0, true);
	fake_mask(f, 0, false);
	expect_none(f);
	/* A reset makes the vector unused, and makes no mark. */
	mr_function_reset(&f->fn, false);
	expect_none(f);
	mr_function_set_bus_master(&f->fn, true);
	fake_mask(f, 0, true);
	fake_control(f, true, false);
	expect_none(f);
	fake_mask(f, 0, false);
	expect_one(f, 0, USED, OPEN);
	/* A new configuration notifies of it again. */
	choose(f, USED);
	expect_one(f, 0, USED, OPEN);
}

static void changes_reset_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 1);
	struct msi_route_vector_change r[ROOM];
	bool left;

	fake_go(f);
	choose(f, ALL);
	fake_data(f, 0, 0x41);
	fake_control(f, true, false);
	KUNIT_EXPECT_TRUE(test, notified(f));
	mr_function_reset(&f->fn, false);
	/* The VMM was notified, but there is nothing to take. */
	atomic_set(&f->fn.rq.changes.notified, 0);
	expect_none(f);
	/* The VMM is not notified of what the reset itself changes. */
	fake_go(f);
	collect(f, r, ROOM, &left);
	mr_function_reset(&f->fn, false);
	expect_none(f);
}

/* ---- taking ---- */

/* All are taken in turn, in small portions; the VMM is notified until none is left. */
static void changes_room_test(struct kunit *test)
{
	DECLARE_BITMAP(seen, NR_MANY) = {};
	struct msi_route_vector_change r;
	struct mr_fake *f = test->priv;
	u32 i, n = 0;
	bool left;

	fake_make_kind(f, MSI_ROUTE_MSIX, NR_MANY);
	choose(f, MESSAGE);
	for (i = 0; i < NR_MANY; i++)
		fake_data(f, i, i);
	do {
		KUNIT_EXPECT_TRUE(test, notified(f));
		KUNIT_ASSERT_EQ(test, collect(f, &r, 1, &left), 1U);
		KUNIT_ASSERT_LT(test, r.vector, (u32)NR_MANY);
		KUNIT_EXPECT_EQ(test, r.data, r.vector);
		__set_bit(r.vector, seen);
		/* The first vector changes again and cannot push in. */
		if (n < NR_MANY / 2)
			fake_data(f, 0, 0);
	} while (left && ++n < 3 * NR_MANY);
	KUNIT_EXPECT_TRUE(test, bitmap_full(seen, NR_MANY));
	/* Each comes once, and the first one once more. */
	KUNIT_EXPECT_EQ(test, n, (u32)NR_MANY);
	expect_none(f);
}

/* Changes that could not be copied out are there and notified as if never taken. */
static void changes_give_back_test(struct kunit *test)
{
	struct msi_route_vector_change r[ROOM];
	struct mr_fake *f = make(test, 1);
	u32 i, nr;

	fake_go(f);
	choose(f, MASKED | CONTROL);
	fake_mask(f, 0, true);
	fake_control(f, true, false);
	mutex_lock(&f->fn.rq.config);
	nr = mr_changes_collect(&f->fn.rq, r, ROOM);
	KUNIT_EXPECT_EQ(test, nr, 2U);
	KUNIT_EXPECT_FALSE(test, notified(f));
	for (i = 0; i < nr; i++)
		mr_changes_give_back(&f->fn.rq, f->fn.rq.changes.forgotten, &r[i]);
	KUNIT_EXPECT_TRUE(test, notified(f));
	KUNIT_EXPECT_EQ(test, mr_changes_collect(&f->fn.rq, r, ROOM), 2U);
	mutex_unlock(&f->fn.rq.config);
	KUNIT_EXPECT_EQ(test, r[0].vector, 0U);
	KUNIT_EXPECT_EQ(test, r[0].changes, MASKED);
	KUNIT_EXPECT_EQ(test, r[1].vector, MSI_ROUTE_CAPABILITY);
	KUNIT_EXPECT_EQ(test, r[1].changes, CONTROL);
	expect_none(f);
}

/* A mark that was forgotten meanwhile does not come back. */
static void changes_give_back_late_test(struct kunit *test)
{
	struct msi_route_vector_change r[ROOM];
	struct mr_fake *f = make(test, 1);
	u32 i, nr, forgotten;

	fake_go(f);
	choose(f, MASKED | CONTROL);
	fake_mask(f, 0, true);
	fake_control(f, true, false);
	mutex_lock(&f->fn.rq.config);
	nr = mr_changes_collect(&f->fn.rq, r, ROOM);
	forgotten = f->fn.rq.changes.forgotten;
	mutex_unlock(&f->fn.rq.config);
	KUNIT_EXPECT_EQ(test, nr, 2U);
	choose(f, MASKED | CONTROL);
	for (i = 0; i < nr; i++)
		mr_changes_give_back(&f->fn.rq, forgotten, &r[i]);
	expect_none(f);
}

/* The marks of both capabilities are separate, even for the same vector number. */
static void changes_both_test(struct kunit *test)
{
	struct msi_route_create c = fake_msix(NR);
	struct msi_route_vector_change r[ROOM];
	struct mr_fake *f = test->priv;
	bool left;

	c.msi_vectors = 1;
	c.msi_cap = FAKE_MSI_CAP;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	choose(f, MESSAGE | CONTROL);
	fake_select(f, MSI_ROUTE_MSI);
	fake_data(f, 0, 0x61);
	expect_one(f, 0, MESSAGE, 0);
	fake_select(f, MSI_ROUTE_MSIX);
	fake_data(f, 0, 0x41);
	expect_one(f, 0, MESSAGE, MSI_ROUTE_STATE_MASKED);
	mr_function_set_bus_master(&f->fn, true);
	KUNIT_EXPECT_EQ(test, collect(f, r, ROOM, &left), 2U);
	KUNIT_EXPECT_EQ(test, r[0].kind, (u32)MSI_ROUTE_MSIX);
	KUNIT_EXPECT_EQ(test, r[1].kind, (u32)MSI_ROUTE_MSI);
	KUNIT_EXPECT_EQ(test, r[0].vector, MSI_ROUTE_CAPABILITY);
	KUNIT_EXPECT_EQ(test, r[1].vector, MSI_ROUTE_CAPABILITY);
}

/* ---- at the same time ---- */

#define ROUNDS		5000U
/* No test needs so long between two; without this limit a broken one would not end. */
#define PATIENCE	(60 * HZ)

struct writer {
	struct mr_fake *f;
	u32 seen;
};

/* Writes twice; the second write may come while the first is being taken. */
static int write_twice(void *arg)
{
	struct writer *w = arg;
	u32 round;

	for (round = 1; round <= ROUNDS; round++) {
		fake_data(w->f, NR - 1, 0);
		fake_data(w->f, NR - 1, round);
		while (fake_heard(&w->seen) != round && !kthread_should_stop())
			cond_resched();
	}
	while (!kthread_should_stop())
		schedule_timeout_uninterruptible(1);
	return 0;
}

/*
 * While one thread writes, another takes and sees the last write in the end.  Mutation
 * lost-change fails here.
 */
static void changes_together_test(struct kunit *test)
{
	unsigned long end = jiffies + PATIENCE;
	struct msi_route_vector_change r;
	struct mr_fake *f = test->priv;
	struct writer w = { .f = f };
	bool left;
	int cpu[2];

	fake_make_kind(f, MSI_ROUTE_MSIX, NR);
	fake_need_cpus(f, cpu);
	choose(f, MESSAGE);
	fake_thread(f, cpu[1], write_twice, &w);
	while (w.seen != ROUNDS && time_before(jiffies, end)) {
		if (!collect(f, &r, 1, &left)) {
			cond_resched();
			continue;
		}
		if (r.data) {
			fake_tell(&w.seen, r.data);
			end = jiffies + PATIENCE;
		}
	}
	KUNIT_EXPECT_EQ(test, w.seen, ROUNDS);
	fake_join(f);
}

static struct kunit_case changes_test_cases[] = {
	KUNIT_CASE_PARAM(changes_vector_test, kind_gen_params),
	KUNIT_CASE_PARAM(changes_equal_test, kind_gen_params),
	KUNIT_CASE(changes_steering_test),
	KUNIT_CASE_PARAM(changes_control_test, kind_gen_params),
	KUNIT_CASE_PARAM(changes_hold_test, kind_gen_params),
	KUNIT_CASE(changes_hold_expires_test),
	KUNIT_CASE_PARAM(changes_choose_test, kind_gen_params),
	KUNIT_CASE_PARAM(changes_used_test, kind_gen_params),
	KUNIT_CASE_PARAM(changes_reset_test, kind_gen_params),
	KUNIT_CASE(changes_room_test),
	KUNIT_CASE_PARAM(changes_give_back_test, kind_gen_params),
	KUNIT_CASE_PARAM(changes_give_back_late_test, kind_gen_params),
	KUNIT_CASE(changes_both_test),
	KUNIT_CASE(changes_together_test),
	{}
};

static struct kunit_suite changes_test_suite = {
	.name = "msi_route_changes",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = changes_test_cases,
};

kunit_test_suites(&changes_test_suite);
