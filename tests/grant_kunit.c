// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of grant.c and block.c: what a request is granted, and what remains of
 * vectors that come and go.
 */
#include <linux/workqueue.h>

#include "fake.h"

#define GRANT_CAP	0x80
#define VECTORS		(GRANT_CAP + 0x08)
#define REQUEST		(GRANT_CAP + 0x0c)
#define STATUS		(GRANT_CAP + 0x10)

/* More than two blocks, and not a whole number of them. */
#define MOST		(2 * MR_BLOCK + 10)

static struct mr_fake *make(struct kunit *test, u32 granted)
{
	struct msi_route_create c = fake_msix(MOST);
	struct mr_fake *f = test->priv;

	c.msix_granted = granted;
	c.grant_cap = GRANT_CAP;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	return f;
}

static u32 reg(struct mr_fake *f, u32 offset)
{
	return fake_read(f, MSI_ROUTE_CONFIG, offset, 4);
}

static void ask(struct mr_fake *f, u32 min, u32 nr)
{
	fake_write(f, MSI_ROUTE_CONFIG, REQUEST, 4, min << 16 | nr);
}

/* ---- what is granted ---- */

struct request_case {
	u32 has, limit, min, nr;
	u32 gets, status;
};

static const struct request_case request_cases[] = {
	{ 5, MOST, 1, 6, 6, MSI_ROUTE_GRANT_ALL },
	{ 5, MOST, 0, MR_BLOCK, MR_BLOCK, MSI_ROUTE_GRANT_ALL },
	{ 5, MOST, 0, MR_BLOCK + 1, MR_BLOCK + 1, MSI_ROUTE_GRANT_ALL },
	{ 5, MOST, MOST, MOST, MOST, MSI_ROUTE_GRANT_ALL },
	{ 5, MOST, MOST, MOST + 1, MOST, MSI_ROUTE_GRANT_FEWER },
	{ 5, MOST, 0, 0xffff, MOST, MSI_ROUTE_GRANT_FEWER },
	{ 5, MOST, 5, 5, 5, MSI_ROUTE_GRANT_ALL },
	{ MOST, MOST, 0, 1, 1, MSI_ROUTE_GRANT_ALL },
	{ MOST, MOST, 0, MR_BLOCK, MR_BLOCK, MSI_ROUTE_GRANT_ALL },
	{ 5, MOST, 0, 0, 5, MSI_ROUTE_GRANT_RANGE },
	{ 5, MOST, 1, 0, 5, MSI_ROUTE_GRANT_RANGE },
	{ 5, MOST, 7, 6, 5, MSI_ROUTE_GRANT_RANGE },
	{ 5, MOST, MOST + 1, MOST + 1, 5, MSI_ROUTE_GRANT_RANGE },
	{ 5, 10, 1, 20, 10, MSI_ROUTE_GRANT_FEWER },
	{ 5, 10, 10, 10, 10, MSI_ROUTE_GRANT_ALL },
	{ 5, 10, 11, 20, 5, MSI_ROUTE_GRANT_LIMIT },
	{ 5, 3, 4, 20, 5, MSI_ROUTE_GRANT_FEWER },
	{ 5, 3, 6, 20, 5, MSI_ROUTE_GRANT_LIMIT },
	{ 5, 3, 4, 4, 4, MSI_ROUTE_GRANT_ALL },
};

static void request_name(const struct request_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "has %u, limit %u, asks for %u to %u",
		 c->has, c->limit, c->min, c->nr);
}

KUNIT_ARRAY_PARAM(request, request_cases, request_name);

static void grant_request_test(struct kunit *test)
{
	const struct request_case *c = test->param_value;
	struct mr_fake *f = make(test, c->has);

	f->cap->limit = c->limit;
	ask(f, c->min, c->nr);
	KUNIT_EXPECT_EQ(test, reg(f, STATUS), c->status);
	KUNIT_EXPECT_EQ(test, reg(f, VECTORS), c->gets << 16 | MOST);
	KUNIT_EXPECT_EQ(test, f->cap->nr, c->gets);
	KUNIT_EXPECT_FALSE(test, mr_cap_has(f->cap, c->gets, 1));
	KUNIT_EXPECT_EQ(test, fake_raise(f, c->gets - 1), (u32)MSI_ROUTE_PENDING);
}

/* By bytes and words: only an access that covers Count makes a request. */
static void grant_lanes_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 5);

	fake_write(f, MSI_ROUTE_CONFIG, REQUEST + 2, 1, 4);
	fake_write(f, MSI_ROUTE_CONFIG, REQUEST + 3, 1, 0);
	fake_write(f, MSI_ROUTE_CONFIG, REQUEST + 2, 2, 3);
	KUNIT_EXPECT_EQ(test, reg(f, STATUS), (u32)MSI_ROUTE_GRANT_NONE);
	KUNIT_EXPECT_EQ(test, f->cap->nr, 5U);
	fake_write(f, MSI_ROUTE_CONFIG, REQUEST, 1, 9);
	KUNIT_EXPECT_EQ(test, reg(f, STATUS), (u32)MSI_ROUTE_GRANT_ALL);
	KUNIT_EXPECT_EQ(test, f->cap->nr, 9U);
	KUNIT_EXPECT_EQ(test, reg(f, REQUEST), 0x00030009U);
}

/* ---- memory ---- */

static bool has_block(struct mr_fake *f, u32 block)
{
	return rcu_access_pointer(f->cap->blocks[block]);
}

/* A block that no vector needs is freed; one that a vector needs is not. */
static void grant_memory_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 5);

	KUNIT_EXPECT_TRUE(test, has_block(f, 0));
	KUNIT_EXPECT_FALSE(test, has_block(f, 1));
	ask(f, 0, MOST);
	KUNIT_EXPECT_TRUE(test, has_block(f, 2));
	ask(f, 0, MR_BLOCK + 1);
	flush_work(&f->cap->release_work);
	KUNIT_EXPECT_TRUE(test, has_block(f, 1));
	KUNIT_EXPECT_FALSE(test, has_block(f, 2));
	ask(f, 0, MR_BLOCK);
	/* The block is needed again, before it is freed or after. */
	ask(f, 0, MR_BLOCK + 1);
	flush_work(&f->cap->release_work);
	KUNIT_EXPECT_TRUE(test, has_block(f, 1));
	KUNIT_EXPECT_EQ(test, fake_raise(f, MR_BLOCK), (u32)MSI_ROUTE_PENDING);
}

/* The counts of vectors that are gone remain. */
static void grant_gone_test(struct kunit *test)
{
	struct msi_route_counters c = {
		.kind = MSI_ROUTE_MSIX, .vector = MSI_ROUTE_ALL_VECTORS,
	};
	struct mr_fake *f = make(test, MOST);
	int i;

	fake_go(f);
	fake_mask(f, MOST - 2, true);
	for (i = 0; i < 3; i++) {
		fake_raise(f, MOST - 1);
		fake_raise(f, MOST - 2);
	}
	for (i = 0; i < 2; i++) {
		ask(f, 0, 1);
		if (i)
			flush_work(&f->cap->release_work);
		KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
		KUNIT_EXPECT_EQ(test, c.events, 6ULL);
		KUNIT_EXPECT_EQ(test, c.messages, 3ULL);
		KUNIT_EXPECT_EQ(test, c.coalesced, 2ULL);
		KUNIT_EXPECT_EQ(test, c.cleared, 1ULL);
		KUNIT_EXPECT_EQ(test, c.pending, 0U);
	}
}

/* ---- accesses that come too late ---- */

/* An event of a vector that was looked up before it was given back. */
static void grant_late_event_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 5);
	struct mr_vector *v = fake_vector(f, 4);

	fake_go(f);
	ask(f, 0, 4);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 1, true), (u32)MSI_ROUTE_DROPPED);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.dropped_absent), 1ULL);
	KUNIT_EXPECT_FALSE(test, test_bit(4, f->cap->pending));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* No gate keeps the event, and the Pending bit is no longer the vector's. */
static void grant_late_closed_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 5);
	struct mr_vector *v = fake_vector(f, 4);

	ask(f, 0, 4);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 3, true), (u32)MSI_ROUTE_DROPPED);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.dropped_absent), 1ULL);
	KUNIT_EXPECT_FALSE(test, test_bit(4, f->cap->pending));

	/* As if a new vector in the same place had set it. */
	set_bit(4, f->cap->pending);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 1, true), (u32)MSI_ROUTE_DROPPED);
	KUNIT_EXPECT_FALSE(test, mr_vector_clear(v));
	fake_go(f);
	KUNIT_EXPECT_EQ(test, mr_vector_raise(v, 1, true), (u32)MSI_ROUTE_DROPPED);
	KUNIT_EXPECT_TRUE(test, test_bit(4, f->cap->pending));
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.dropped_absent), 3ULL);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 0ULL);
	clear_bit(4, f->cap->pending);
}

/* The same for a write, a translation, a renewal and a reset. */
static void grant_late_write_test(struct kunit *test)
{
	const struct msi_route_entry e = { .address_lo = FAKE_ADDRESS(1), .data = 0x55 };
	const struct mr_translation t = { .raw.address_lo = FAKE_ADDRESS(1) | BIT(4) };
	struct mr_fake *f = make(test, 5);
	struct mr_vector *v = fake_vector(f, 4);

	fake_go(f);
	ask(f, 0, 4);
	mr_msix_set_entry(v, &e);
	mr_vector_renew(v);
	mr_vector_recompose(v);
	mr_vector_reset(v);
	f->fn.rq.flags = MSI_ROUTE_CREATE_REMAPPING;
	KUNIT_EXPECT_EQ(test, mr_vector_translate(v, &t), -ESTALE);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE, 4 * 16, 8), 0ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE, 4 * 16 + 8, 8), 1ULL << 32);
	ask(f, 0, 5);
	KUNIT_EXPECT_EQ(test, fake_raise(f, 4), (u32)MSI_ROUTE_PENDING);
}

/* A hold ends with its vector. */
static void grant_held_test(struct kunit *test)
{
	struct mr_fake *f = make(test, 5);

	fake_go(f);
	f->cap->hold_bound = FAKE_LONG_HOLD;
	fake_address(f, 4, FAKE_ADDRESS(2));
	fake_raise(f, 4);
	KUNIT_EXPECT_FALSE(test, list_empty(&f->cap->holds));
	ask(f, 0, 4);
	KUNIT_EXPECT_TRUE(test, list_empty(&f->cap->holds));
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), 1ULL);
}

static struct kunit_case grant_test_cases[] = {
	KUNIT_CASE_PARAM(grant_request_test, request_gen_params),
	KUNIT_CASE(grant_lanes_test),
	KUNIT_CASE(grant_memory_test),
	KUNIT_CASE(grant_gone_test),
	KUNIT_CASE(grant_late_event_test),
	KUNIT_CASE(grant_late_closed_test),
	KUNIT_CASE(grant_late_write_test),
	KUNIT_CASE(grant_held_test),
	{}
};

static struct kunit_suite grant_test_suite = {
	.name = "msi_route_grant",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = grant_test_cases,
};

kunit_test_suites(&grant_test_suite);
