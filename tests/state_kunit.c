// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of state.c: stop and run, what a saved state contains, which states are
 * refused, and what a function does after a restore.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/delay.h>
#include <linux/string.h>

#include "fake.h"

#define NR		70	/* more than a word of a bitmap */
#define NR_MSI		4
#define PATIENCE	(60 * HZ)

KUNIT_ARRAY_PARAM(kind, fake_kinds, fake_kind_name);

/* A state, with the arrays that its pointers point to. */
struct saved {
	struct msi_route_state s;
	struct msi_route_entry entries[NR];
	unsigned long pba[BITS_TO_LONGS(NR)];
	unsigned long held[BITS_TO_LONGS(NR)];
};

/* Both capabilities; MSI with everything that its layout can have. */
static struct mr_fake *make(struct kunit *test)
{
	const struct fake_kind *c = test->param_value;
	struct msi_route_create shape = fake_msix(NR);
	struct mr_fake *f = test->priv;

	shape.msi_vectors = NR_MSI;
	shape.msi_cap = FAKE_MSI_CAP;
	shape.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING |
			  MSI_ROUTE_MSI_EXT_DATA;
	KUNIT_ASSERT_EQ(test, fake_make(f, &shape), 0);
	/* A test of both kinds has no case. */
	if (c)
		fake_select(f, c->kind);
	return f;
}

static struct saved *new_saved(struct mr_fake *f)
{
	struct saved *saved = kunit_kzalloc(f->test, sizeof(*saved), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(f->test, saved);
	saved->s.size = sizeof(saved->s);
	saved->s.msix_vectors = mr_msix_cap(&f->fn)->nr;
	saved->s.msi_vectors = mr_msi_cap(&f->fn)->nr;
	saved->s.msi_flags = f->fn.msi.layout;
	return saved;
}

static struct mr_state_arrays arrays(struct saved *saved)
{
	return (struct mr_state_arrays) {
		.nr = saved->s.msix_vectors,
		.entries = saved->entries,
		.pba = saved->pba,
		.held = saved->held,
	};
}

/* Saves the state of a stopped function. */
static struct saved *get(struct mr_fake *f)
{
	struct saved *saved = new_saved(f);
	struct mr_state_arrays a = arrays(saved), ims = {};

	mutex_lock(&f->fn.rq.config);
	mr_state_get(&f->fn, &saved->s, &a, &ims);
	mutex_unlock(&f->fn.rq.config);
	return saved;
}

static int put(struct mr_fake *f, struct saved *saved)
{
	const struct mr_state_arrays a = arrays(saved), ims = {};
	int ret;

	mutex_lock(&f->fn.rq.config);
	ret = mr_state_put(&f->fn, &saved->s, &a, &ims);
	mutex_unlock(&f->fn.rq.config);
	return ret;
}

static void stop(struct mr_fake *f)
{
	mr_state_set_run(&f->fn, false);
}

static void run(struct mr_fake *f)
{
	mr_state_set_run(&f->fn, true);
}

/* Looks like a function of another host: stopped, after reset. */
static void become_another(struct mr_fake *f)
{
	mr_function_reset(&f->fn, false);
	mr_function_set_hold(&f->fn, 0);
	atomic_set(&f->nr_sent, 0);
}

static bool is_held(struct saved *saved, u32 kind, u32 index)
{
	return kind == MSI_ROUTE_MSIX ? test_bit(index, saved->held) :
					saved->s.msi_held & BIT(index);
}

static bool is_pending(struct saved *saved, u32 kind, u32 index)
{
	return kind == MSI_ROUTE_MSIX ? test_bit(index, saved->pba) :
					saved->s.msi_pending & BIT(index);
}

/* Vector 0 is between address and data, and has an event. */
static struct saved *get_held(struct mr_fake *f)
{
	struct saved *saved;

	fake_go(f);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 0, FAKE_ADDRESS(2));
	fake_raise(f, 0);
	stop(f);
	saved = get(f);
	/* The test's bound is longer than a VMM may set. */
	saved->s.hold_bound_ns = MR_HOLD_MAX_NS;
	return saved;
}

/* ---- stop and run ---- */

static void state_run_test(struct kunit *test)
{
	struct mr_fake *f = make(test);

	fake_go(f);
	stop(f);
	KUNIT_EXPECT_FALSE(test, f->cap->open);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_PENDING);
	/* No register write opens it, and a second stop does not close it twice. */
	fake_go(f);
	stop(f);
	KUNIT_EXPECT_FALSE(test, f->cap->open);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_COALESCED);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	run(f);
	KUNIT_EXPECT_TRUE(test, f->cap->open);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), 0x41);
	run(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_SENT);
	/* A reset does not make it run. */
	stop(f);
	mr_function_reset(&f->fn, false);
	fake_go(f);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_PENDING);
}

/* No timer runs while it is stopped; afterwards the bound starts again. */
static void state_freeze_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	ktime_t until;

	fake_go(f);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 1, FAKE_ADDRESS(2));
	fake_raise(f, 1);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&f->cap->hold_timer));
	until = fake_cold(f, 1)->hold_until;
	stop(f);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&f->cap->hold_timer));
	KUNIT_EXPECT_TRUE(test, mr_vector_held(fake_vector(f, 1)));
	run(f);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&f->cap->hold_timer));
	KUNIT_EXPECT_TRUE(test, ktime_after(fake_cold(f, 1)->hold_until, until));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	fake_data(f, 1, 0x70);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.holds_expired), 0ULL);
}

/* A write completes the message of a stopped function, too. */
static void state_held_written_test(struct kunit *test)
{
	struct mr_fake *f = make(test);

	get_held(f);
	fake_data(f, 0, 0x70);
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 0)));
	/* No hold is opened while nothing could be sent. */
	fake_address(f, 0, FAKE_ADDRESS(3));
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 0)));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	run(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(3), 0x70);
}

/* ---- what is saved is what is restored ---- */

static void state_registers_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct saved *before, *after;
	u32 i;

	for (i = 0; i < NR; i++) {
		fake_address(f, i, FAKE_ADDRESS(i & 7));
		fake_data(f, i, 0x40 + i);
		fake_mask(f, i, i % 3);
	}
	fake_control(f, true, true);
	fake_select(f, MSI_ROUTE_MSI);
	fake_address(f, 0, FAKE_ADDRESS(5));
	fake_data(f, 0, 0x1234);
	fake_mask(f, 3, true);
	fake_control(f, true, false);
	mr_function_set_bus_master(&f->fn, true);
	mr_function_set_hold(&f->fn, 12345);
	stop(f);
	before = get(f);
	KUNIT_EXPECT_EQ(test, before->s.bus_master, 1U);
	KUNIT_EXPECT_EQ(test, before->s.hold_bound_ns, 12345U);
	KUNIT_EXPECT_EQ(test, (u32)before->s.msix_control,
			(u32)(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL));
	KUNIT_EXPECT_EQ(test, before->s.msi_data, 0x1234U);
	KUNIT_EXPECT_EQ(test, before->s.msi_mask, 8U);
	KUNIT_EXPECT_EQ(test, before->entries[NR - 1].data, 0x40U + NR - 1);

	become_another(f);
	after = get(f);
	KUNIT_EXPECT_NE(test, memcmp(before, after, sizeof(*after)), 0);
	KUNIT_EXPECT_EQ(test, put(f, before), 0);
	after = get(f);
	KUNIT_EXPECT_EQ(test, memcmp(before, after, sizeof(*after)), 0);
}

/* What was pending is sent once, when it runs; a masked event keeps waiting. */
static void state_pending_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct saved *saved;

	fake_go(f);
	fake_mask(f, 1, true);
	fake_raise(f, 1);
	stop(f);
	fake_raise(f, 2);
	saved = get(f);
	KUNIT_EXPECT_FALSE(test, is_pending(saved, f->kind, 0));
	KUNIT_EXPECT_TRUE(test, is_pending(saved, f->kind, 1));
	KUNIT_EXPECT_TRUE(test, is_pending(saved, f->kind, 2));

	become_another(f);
	/* Its own pending events are replaced, and counted as cleared. */
	fake_raise(f, 3);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 2ULL);
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 3ULL);
	KUNIT_EXPECT_FALSE(test, fake_pending(f, 3));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	run(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), 0x42);
	KUNIT_EXPECT_TRUE(test, fake_pending(f, 1));
	fake_mask(f, 1, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 2);
	fake_expect(f, 1, FAKE_ADDRESS(1), 0x41);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.replayed), 2ULL);
	/* Raised once there and once here. */
	KUNIT_EXPECT_EQ(test, fake_events(f, 2), 2ULL);
}

/* Between address and data: the guest continues, and nothing is torn. */
static void state_held_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct saved *saved = get_held(f);

	KUNIT_EXPECT_TRUE(test, is_held(saved, f->kind, 0));
	KUNIT_EXPECT_TRUE(test, is_pending(saved, f->kind, 0));
	/* One address for an entry, or for all vectors of MSI. */
	KUNIT_EXPECT_EQ(test, is_held(saved, f->kind, 1),
			f->kind == MSI_ROUTE_MSI);

	become_another(f);
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
	KUNIT_EXPECT_TRUE(test, mr_vector_held(fake_vector(f, 0)));
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&f->cap->hold_timer));
	f->cap->hold_bound = FAKE_LONG_HOLD;
	run(f);
	KUNIT_EXPECT_TRUE(test, hrtimer_active(&f->cap->hold_timer));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	fake_data(f, 0, 0x70);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), 0x70);
}

/* The guest writes no data: the hold ends like any other. */
static void state_held_ends_test(struct kunit *test)
{
	unsigned long end = jiffies + PATIENCE;
	struct mr_fake *f = make(test);
	struct saved *saved = get_held(f);

	become_another(f);
	saved->s.hold_bound_ns = NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
	run(f);
	while (!fake_sent(f) && time_before(jiffies, end))
		usleep_range(100, 200);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), 0x40);
	/* The timer keeps the lock until all of it has happened. */
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 0)));
	KUNIT_EXPECT_LE(test, 1ULL, fake_count(&f->cap->count.holds_expired));
}

/* Where holds are off none is restored. */
static void state_held_no_bound_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct saved *saved = get_held(f);

	become_another(f);
	saved->s.hold_bound_ns = 0;
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
	KUNIT_EXPECT_FALSE(test, mr_vector_held(fake_vector(f, 0)));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	run(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(2), 0x40);
}

/* A VMM that follows the guest's messages is notified of all that are restored. */
static void state_changes_test(struct kunit *test)
{
	struct msi_route_vector_change *r;
	struct eventfd_ctx *ctx = NULL;
	struct mr_fake *f = make(test);
	u32 i, messages = 0, tags = 0, nr;
	struct saved *saved;

	r = kunit_kcalloc(test, NR + NR_MSI + 2, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	stop(f);
	saved = get(f);
	mutex_lock(&f->fn.rq.config);
	KUNIT_EXPECT_EQ(test, mr_changes_configure(&f->fn.rq,
						   MSI_ROUTE_CHANGE_MESSAGE |
						   MSI_ROUTE_CHANGE_STEERING |
						   MSI_ROUTE_CHANGE_CONTROL, &ctx),
			0);
	mutex_unlock(&f->fn.rq.config);
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
	mutex_lock(&f->fn.rq.config);
	nr = mr_changes_collect(&f->fn.rq, r, NR + NR_MSI + 2);
	mutex_unlock(&f->fn.rq.config);
	for (i = 0; i < nr; i++) {
		messages += !!(r[i].changes & MSI_ROUTE_CHANGE_MESSAGE);
		tags += !!(r[i].changes & MSI_ROUTE_CHANGE_STEERING);
	}
	KUNIT_EXPECT_EQ(test, nr, (u32)(NR + NR_MSI + 2));
	KUNIT_EXPECT_EQ(test, messages, (u32)(NR + NR_MSI));
	KUNIT_EXPECT_EQ(test, tags, (u32)NR);
}

/* ---- what is refused ---- */

static void spoil_bound(struct saved *s)
{
	s->s.hold_bound_ns = MR_HOLD_MAX_NS + 1;
}

static void spoil_bus_master(struct saved *s)
{
	s->s.bus_master = 2;
}

static void spoil_table_size(struct saved *s)
{
	s->s.msix_control |= NR - 1;
}

static void spoil_reserved_control(struct saved *s)
{
	s->s.msix_control |= 1 << 13;
}

static void spoil_capable(struct saved *s)
{
	s->s.msi_control |= 1 << 1;
}

static void spoil_64bit(struct saved *s)
{
	s->s.msi_control |= PCI_MSI_FLAGS_64BIT;
}

static void spoil_masking(struct saved *s)
{
	s->s.msi_control |= PCI_MSI_FLAGS_MASKBIT;
}

static void spoil_msi_address(struct saved *s)
{
	s->s.msi_address_lo |= 2;
}

static void spoil_msi_mask(struct saved *s)
{
	s->s.msi_mask = BIT(NR_MSI);
}

static void spoil_msi_pending(struct saved *s)
{
	s->s.msi_pending = BIT(NR_MSI);
}

static void spoil_msi_held(struct saved *s)
{
	s->s.msi_held = BIT(31);
}

static void spoil_address(struct saved *s)
{
	s->entries[NR - 1].address_lo |= 1;
}

static void spoil_pba(struct saved *s)
{
	__set_bit(NR, s->pba);
}

static void spoil_held(struct saved *s)
{
	__set_bit(BITS_TO_LONGS(NR) * BITS_PER_LONG - 1, s->held);
}

static const struct refused_case {
	const char *name;
	void (*spoil)(struct saved *s);
} refused_cases[] = {
	{ "bound", spoil_bound },
	{ "Bus Master Enable", spoil_bus_master },
	{ "Table Size", spoil_table_size },
	{ "reserved bit of MSI-X Message Control", spoil_reserved_control },
	{ "Multiple Message Capable", spoil_capable },
	{ "64-bit address capable", spoil_64bit },
	{ "per-vector masking capable", spoil_masking },
	{ "MSI address bits 1:0", spoil_msi_address },
	{ "MSI mask of no vector", spoil_msi_mask },
	{ "MSI pending of no vector", spoil_msi_pending },
	{ "MSI hold of no vector", spoil_msi_held },
	{ "entry's address bits 1:0", spoil_address },
	{ "PBA bit of no entry", spoil_pba },
	{ "hold of no entry", spoil_held },
};

static void refused_name(const struct refused_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refused, refused_cases, refused_name);

/* Afterwards nothing has changed, and nothing was sent. */
static void state_refused_test(struct kunit *test)
{
	const struct refused_case *c = test->param_value;
	struct msi_route_create shape = fake_msix(NR);
	struct saved *saved, *before, *after;
	struct mr_fake *f = test->priv;

	shape.msi_vectors = NR_MSI;
	shape.msi_cap = FAKE_MSI_CAP;
	shape.msi_flags = MSI_ROUTE_MSI_64BIT | MSI_ROUTE_MSI_MASKING;
	KUNIT_ASSERT_EQ(test, fake_make(f, &shape), 0);
	stop(f);
	saved = get(f);
	fake_go(f);
	fake_raise(f, 3);
	before = get(f);
	c->spoil(saved);
	KUNIT_EXPECT_EQ(test, put(f, saved), -EINVAL);
	after = get(f);
	KUNIT_EXPECT_EQ(test, memcmp(before, after, sizeof(*after)), 0);
	KUNIT_EXPECT_EQ(test, put(f, before), 0);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* A state cannot have what its layout of MSI lacks. */
static void state_layout_test(struct kunit *test)
{
	struct msi_route_create shape = fake_msi(1, 0);
	struct mr_fake *f = test->priv;
	struct saved *saved;

	KUNIT_ASSERT_EQ(test, fake_make(f, &shape), 0);
	stop(f);
	saved = get(f);
	saved->s.msi_address_hi = 1;
	KUNIT_EXPECT_EQ(test, put(f, saved), -EINVAL);
	saved->s.msi_address_hi = 0;
	saved->s.msi_mask = 1;
	KUNIT_EXPECT_EQ(test, put(f, saved), -EINVAL);
	saved->s.msi_mask = 0;
	saved->s.msi_data = BIT(16);
	KUNIT_EXPECT_EQ(test, put(f, saved), -EINVAL);
	saved->s.msi_data = 0xffff;
	saved->s.msix_control = PCI_MSIX_FLAGS_ENABLE;
	KUNIT_EXPECT_EQ(test, put(f, saved), -EINVAL);
	saved->s.msix_control = 0;
	KUNIT_EXPECT_EQ(test, put(f, saved), 0);
}

static void expect_both(struct mr_fake *f, struct msi_route_state *s, int ret)
{
	KUNIT_EXPECT_EQ(f->test, mr_state_save(&f->fn, s), ret);
	KUNIT_EXPECT_EQ(f->test, mr_state_restore(&f->fn, s), ret);
}

/* The errors of the calls themselves; the pointers lead nowhere. */
static void state_shape_test(struct kunit *test)
{
	struct mr_fake *f = make(test);
	struct saved *saved = new_saved(f);
	struct msi_route_state *s = &saved->s;

	expect_both(f, s, -EBUSY);
	stop(f);
	s->flags = ~MSI_ROUTE_STATE_DETACH;
	expect_both(f, s, -EOPNOTSUPP);
	s->flags = 0;
	s->msix_vectors--;
	expect_both(f, s, -EINVAL);
	s->msix_vectors++;
	s->msi_vectors = 2 * NR_MSI;
	expect_both(f, s, -EINVAL);
	s->msi_vectors = NR_MSI;
	s->msi_flags = 0;
	expect_both(f, s, -EINVAL);
	s->msi_flags = f->fn.msi.layout;
	expect_both(f, s, -EFAULT);
}

/* Without MSI-X the pointers have nothing to point to. */
static void state_no_pointers_test(struct kunit *test)
{
	struct msi_route_create shape = fake_msi(1, 0);
	struct mr_fake *f = test->priv;
	struct saved *saved;

	KUNIT_ASSERT_EQ(test, fake_make(f, &shape), 0);
	fake_go(f);
	stop(f);
	fake_raise(f, 0);
	saved = new_saved(f);
	KUNIT_EXPECT_EQ(test, mr_state_save(&f->fn, &saved->s), 0);
	KUNIT_EXPECT_EQ(test, saved->s.msi_pending, 1U);
	become_another(f);
	KUNIT_EXPECT_EQ(test, mr_state_restore(&f->fn, &saved->s), 0);
	run(f);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 1);
	fake_expect(f, 0, FAKE_ADDRESS(1), 0x40);
}

static struct kunit_case state_test_cases[] = {
	KUNIT_CASE_PARAM(state_run_test, kind_gen_params),
	KUNIT_CASE_PARAM(state_freeze_test, kind_gen_params),
	KUNIT_CASE_PARAM(state_held_written_test, kind_gen_params),
	KUNIT_CASE(state_registers_test),
	KUNIT_CASE_PARAM(state_pending_test, kind_gen_params),
	KUNIT_CASE_PARAM(state_held_test, kind_gen_params),
	KUNIT_CASE_PARAM(state_held_ends_test, kind_gen_params),
	KUNIT_CASE_PARAM(state_held_no_bound_test, kind_gen_params),
	KUNIT_CASE(state_changes_test),
	KUNIT_CASE_PARAM(state_refused_test, refused_gen_params),
	KUNIT_CASE(state_layout_test),
	KUNIT_CASE(state_shape_test),
	KUNIT_CASE(state_no_pointers_test),
	{}
};

static struct kunit_suite state_test_suite = {
	.name = "msi_route_state",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = state_test_cases,
};

kunit_test_suites(&state_test_suite);
