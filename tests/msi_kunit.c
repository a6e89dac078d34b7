// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of msi.c: the capability's layouts as the guest sees them, and the messages
 * that its registers make.
 */
#include <linux/log2.h>

#include "fake.h"

#define L64	MSI_ROUTE_MSI_64BIT
#define LMASK	MSI_ROUTE_MSI_MASKING
#define LEXT	MSI_ROUTE_MSI_EXT_DATA

#define MSI_CONTROL	(FAKE_MSI_CAP + PCI_MSI_FLAGS)
#define EXT_DATA_CAP	BIT(9)
#define EXT_DATA_ENABLE	BIT(10)

/* All ones, none, alternating, then a single one, then a single zero. */
static const u32 patterns[] = { 0, ~0U, 0x55555555, 0xaaaaaaaa, 0x01234567 };

#define NR_PATTERNS	(ARRAY_SIZE(patterns) + 32 + 32)

static u32 pattern(u32 i)
{
	if (i < ARRAY_SIZE(patterns))
		return patterns[i];
	i -= ARRAY_SIZE(patterns);
	return i < 32 ? BIT(i) : ~BIT(i - 32);
}

struct layout_case {
	u8 layout;
	u8 vectors;
};

static const struct layout_case layout_cases[] = {
	{ 0, 1 },
	{ L64, 1 },
	{ LMASK, 1 },
	{ L64 | LMASK, 1 },
	{ LEXT, 1 },
	{ L64 | LEXT, 1 },
	{ LMASK | LEXT, 1 },
	{ L64 | LMASK | LEXT, 1 },
	{ 0, 4 },
	{ L64, 4 },
	{ LMASK, 4 },
	{ L64 | LMASK, 4 },
	{ LEXT, 4 },
	{ L64 | LEXT, 4 },
	{ LMASK | LEXT, 4 },
	{ L64 | LMASK | LEXT, 4 },
	{ 0, 32 },
	{ L64, 32 },
	{ LMASK, 32 },
	{ L64 | LMASK, 32 },
	{ LEXT, 32 },
	{ L64 | LEXT, 32 },
	{ LMASK | LEXT, 32 },
	{ L64 | LMASK | LEXT, 32 },
};

static void layout_name(const struct layout_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%s bits%s%s, %u vectors",
		 c->layout & L64 ? "64" : "32",
		 c->layout & LMASK ? ", masking" : "",
		 c->layout & LEXT ? ", extended data" : "", c->vectors);
}

KUNIT_ARRAY_PARAM(layout, layout_cases, layout_name);

static void make_msi(struct mr_fake *f, const struct layout_case *c)
{
	struct msi_route_create create = fake_msi(c->vectors, c->layout);

	KUNIT_ASSERT_EQ(f->test, fake_make(f, &create), 0);
}

/* ---- a second opinion on what the registers hold ---- */

struct model {
	u32 nr;			/* dwords */
	u32 data;		/* which of them is the data */
	u32 value[6];
	u32 writable[6];
};

static void model_init(struct model *m, const struct layout_case *c)
{
	u32 n = 0;

	memset(m, 0, sizeof(*m));
	m->value[n] = (ilog2(c->vectors) << 1 | (c->layout & L64 ? 0x80 : 0) |
		       (c->layout & LMASK ? 0x100 : 0) |
		       (c->layout & LEXT ? EXT_DATA_CAP : 0)) << 16;
	m->writable[n++] = 0x00710000 |
			   (c->layout & LEXT ? EXT_DATA_ENABLE << 16 : 0);
	m->writable[n++] = ~3U;
	if (c->layout & L64)
		m->writable[n++] = ~0U;
	m->data = n;
	m->writable[n++] = c->layout & LEXT ? ~0U : 0xffff;
	if (c->layout & LMASK) {
		m->writable[n++] = ~0U >> (32 - c->vectors);
		m->writable[n++] = 0;
	}
	m->nr = n;
}

static void model_write(struct model *m, u32 reg, u32 len, u32 value)
{
	u32 lanes = ~0U >> (32 - 8 * len) << reg % 4 * 8;

	lanes &= m->writable[reg / 4];
	m->value[reg / 4] = (m->value[reg / 4] & ~lanes) |
			    (value << reg % 4 * 8 & lanes);
}

static u32 model_read(const struct model *m, u32 dword)
{
	if (dword == m->data && !(m->value[0] & EXT_DATA_ENABLE << 16))
		return m->value[dword] & 0xffff;
	return m->value[dword];
}

static void expect_model(struct mr_fake *f, const struct model *m)
{
	struct kunit *test = f->test;
	u32 i;

	for (i = 0; i < m->nr; i++)
		KUNIT_EXPECT_EQ_MSG(test, fake_read(f, MSI_ROUTE_CONFIG,
						    FAKE_MSI_CAP + i * 4, 4),
				    (u64)model_read(m, i), "dword %u", i);
}

/* ---- registers ---- */

/* The place of each register [3], and its initial value [8] [29]. */
static void msi_layout_test(struct kunit *test)
{
	static const u8 sizes[] = {
		[0] = 0x0a, [L64] = 0x0e, [LMASK] = 0x14, [L64 | LMASK] = 0x18,
	};
	const struct layout_case *c = test->param_value;
	struct mr_fake *f = test->priv;
	struct model m;

	make_msi(f, c);
	model_init(&m, c);
	KUNIT_EXPECT_EQ(test, mr_msi_size(c->layout), m.nr * 4);
	/* In whole dwords: the dword of the data includes its upper half [7]. */
	KUNIT_EXPECT_EQ(test, mr_msi_size(c->layout),
			(u32)ALIGN(sizes[c->layout & (L64 | LMASK)], 4));
	KUNIT_EXPECT_EQ(test, m.data * 4, c->layout & L64 ? 0xcU : 0x8U);
	expect_model(f, &m);
}

/*
 * Every access that the bus allows, at every offset, with every bit: each
 * byte lands in the register it covers and in no other [4] [5] [7] [8] [11].
 */
static void msi_walk_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	struct mr_fake *f = test->priv;
	u32 reg, len, i, shift;
	struct model m;

	make_msi(f, c);
	model_init(&m, c);
	for (reg = 0; reg < m.nr * 4; reg++) {
		for (len = 1; len <= 4 - reg % 4; len *= 2) {
			for (i = 0; i < NR_PATTERNS; i++) {
				/* So that each bit appears in each byte. */
				shift = reg % 4 * 8;
				fake_write(f, MSI_ROUTE_CONFIG,
					   FAKE_MSI_CAP + reg, len,
					   pattern(i) >> shift);
				model_write(&m, reg, len, pattern(i) >> shift);
				expect_model(f, &m);
			}
			cond_resched();
		}
	}
	/* Reads the same byte by byte; the first two bytes are not ours. */
	for (reg = 0; reg < m.nr * 4; reg++) {
		u64 value = 0x5a;
		u64 want = model_read(&m, reg / 4) >> reg % 4 * 8 & 0xff;

		KUNIT_EXPECT_EQ(test, fake_access(f, false, MSI_ROUTE_CONFIG,
						  FAKE_MSI_CAP + reg, 1,
						  &value), 0);
		KUNIT_EXPECT_EQ(test, value, reg < 2 ? 0x5aULL : want);
	}

	/* A reset clears all of it [29]. */
	mr_function_reset(&f->fn, false);
	model_init(&m, c);
	expect_model(f, &m);
}

/* Configuration space outside the capability is the caller's. */
static void msi_outside_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	struct mr_fake *f = test->priv;
	struct model m;
	u64 value;
	u32 reg;

	make_msi(f, c);
	model_init(&m, c);
	for (reg = 0; reg < 256; reg += 4) {
		if (reg >= FAKE_MSI_CAP && reg < FAKE_MSI_CAP + m.nr * 4)
			continue;
		fake_write(f, MSI_ROUTE_CONFIG, reg, 4, ~0ULL);
		value = 0xdeadbeef;
		KUNIT_EXPECT_EQ(test, fake_access(f, false, MSI_ROUTE_CONFIG,
						  reg, 4, &value), 0);
		KUNIT_EXPECT_EQ(test, value, 0xdeadbeefULL);
	}
	expect_model(f, &m);
}

/* ---- messages ---- */

static const u8 counts[] = { 1, 2, 4, 8, 16, 32 };

static void count_name(const u8 *count, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u vectors", *count);
}

KUNIT_ARRAY_PARAM(count, counts, count_name);

/*
 * Granted none, few, all or more than there are [5]: the number replaces the low bits of
 * the data and is not added to them [6].
 */
static void msi_multiple_message_test(struct kunit *test)
{
	const struct layout_case c = { LMASK, *(const u8 *)test->param_value };
	static const u16 bases[] = { 0xc040, 0xc05f, 0x00f5 };
	struct mr_fake *f = test->priv;
	u32 mme, granted, i, j, sent = 0;

	make_msi(f, &c);
	fake_go(f);
	for (mme = 0; mme <= 7; mme++) {
		granted = min_t(u32, 1U << mme, c.vectors);
		fake_write(f, MSI_ROUTE_CONFIG, MSI_CONTROL, 2,
			   PCI_MSI_FLAGS_ENABLE | mme << 4);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSI_CONTROL, 2) & 0x70,
				(u64)mme << 4);
		for (j = 0; j < ARRAY_SIZE(bases); j++) {
			fake_data(f, 0, bases[j]);
			KUNIT_EXPECT_EQ(test,
					fake_read(f, MSI_ROUTE_CONFIG,
						  FAKE_MSI_CAP +
						  PCI_MSI_DATA_32, 4),
					(u64)bases[j]);
			for (i = 0; i < c.vectors; i++) {
				atomic_set(&f->nr_sent, 0);
				KUNIT_EXPECT_EQ(test, fake_raise(f, i),
						(u32)MSI_ROUTE_SENT);
				fake_expect(f, 0, FAKE_ADDRESS(1),
					    (bases[j] & ~(granted - 1)) |
					    i % granted);
				sent++;
			}
		}
	}
	KUNIT_EXPECT_EQ(test, sent, 8 * 3 * (u32)c.vectors);
}

/* Mask bits of vectors that are not granted have no effect [8]. */
static void msi_mask_above_granted_test(struct kunit *test)
{
	const struct layout_case c = { LMASK, 8 };
	struct mr_fake *f = test->priv;
	u32 i;

	make_msi(f, &c);
	fake_go(f);
	fake_write(f, MSI_ROUTE_CONFIG, MSI_CONTROL, 2,
		   PCI_MSI_FLAGS_ENABLE | 1 << 4);
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP + PCI_MSI_MASK_32, 4,
		   ~3U);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_SENT);

	/* The mask of a shared vector applies to all that share it. */
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP + PCI_MSI_MASK_32, 4, 2);
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, fake_raise(f, i),
				i % 2 ? (u32)MSI_ROUTE_PENDING :
					(u32)MSI_ROUTE_SENT);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 12);

	/* With vectors of their own they are unmasked, and so sent. */
	fake_write(f, MSI_ROUTE_CONFIG, MSI_CONTROL, 2,
		   PCI_MSI_FLAGS_ENABLE | 3 << 4);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 15);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP +
					PCI_MSI_PENDING_32, 4), 2ULL);
	fake_mask(f, 1, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 16);
}

/* Pending bits [8]: one for each vector; the guest cannot write them. */
static void msi_pending_bits_test(struct kunit *test)
{
	const struct layout_case c = { L64 | LMASK,
				       *(const u8 *)test->param_value };
	const u32 reg = FAKE_MSI_CAP + PCI_MSI_PENDING_64;
	const u32 all = ~0U >> (32 - c.vectors);
	struct mr_fake *f = test->priv;
	u32 i;

	make_msi(f, &c);
	fake_go(f);
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP + PCI_MSI_MASK_64, 4,
		   ~0U);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP +
					PCI_MSI_MASK_64, 4), (u64)all);
	for (i = 0; i < c.vectors; i++) {
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_PENDING);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, reg, 4),
				(u64)(all & ~0U >> (31 - i)));
	}
	fake_write(f, MSI_ROUTE_CONFIG, reg, 4, 0);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, reg, 4), (u64)all);
	for (i = 0; i < c.vectors; i++)
		mr_vector_clear(fake_vector(f, i));
	fake_write(f, MSI_ROUTE_CONFIG, reg, 4, ~0U);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, reg, 4), 0ULL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* The upper half of the data counts only if capable and enabled [7]. */
static void msi_extended_data_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	const u32 reg = FAKE_MSI_CAP + (c->layout & L64 ? PCI_MSI_DATA_64 :
							   PCI_MSI_DATA_32);
	const u32 want = c->layout & LEXT ? 0xabcd0040 : 0x0040;
	struct mr_fake *f = test->priv;

	make_msi(f, c);
	fake_go(f);
	fake_write(f, MSI_ROUTE_CONFIG, reg, 4, 0xabcd0040);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, reg, 4), 0x40ULL);
	fake_raise(f, 0);
	fake_expect(f, 0, FAKE_ADDRESS(1), 0x40);

	fake_write(f, MSI_ROUTE_CONFIG, MSI_CONTROL, 2,
		   PCI_MSI_FLAGS_ENABLE | EXT_DATA_ENABLE);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, reg, 4),
			(u64)want);
	fake_raise(f, 0);
	fake_expect(f, 1, FAKE_ADDRESS(1), want);

	fake_write(f, MSI_ROUTE_CONFIG, reg + 2, 2, 0x1234);
	fake_raise(f, 0);
	fake_expect(f, 2, FAKE_ADDRESS(1),
		    c->layout & LEXT ? 0x12340040 : 0x40);

	fake_control(f, true, false);
	fake_raise(f, 0);
	fake_expect(f, 3, FAKE_ADDRESS(1), 0x40);
}

/*
 * Each register takes effect when it is written, without Message Control [10].
 * Mutation control-only fails here.
 */
static void msi_each_register_counts_test(struct kunit *test)
{
	const struct layout_case *c = test->param_value;
	const u32 data = FAKE_MSI_CAP + (c->layout & L64 ? PCI_MSI_DATA_64 :
							    PCI_MSI_DATA_32);
	struct mr_fake *f = test->priv;

	make_msi(f, c);
	fake_go(f);
	fake_address(f, 0, FAKE_ADDRESS(2));
	fake_raise(f, 0);
	fake_expect(f, 0, FAKE_ADDRESS(2), 0x40);
	fake_data(f, 0, 0x60);
	fake_raise(f, 0);
	fake_expect(f, 1, FAKE_ADDRESS(2), 0x60);
	/* A byte of each register [11]. */
	fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSI_CAP + PCI_MSI_ADDRESS_LO + 1,
		   1, 0x30);
	fake_raise(f, 0);
	fake_expect(f, 2, FAKE_ADDRESS(3), 0x60);
	fake_write(f, MSI_ROUTE_CONFIG, data, 1, 0x80);
	fake_raise(f, 0);
	fake_expect(f, 3, FAKE_ADDRESS(3), 0x80);
	fake_write(f, MSI_ROUTE_CONFIG, data + 1, 1, 0xc0);
	fake_raise(f, 0);
	fake_expect(f, 4, FAKE_ADDRESS(3), 0xc080);

	if (c->layout & L64) {
		fake_write(f, MSI_ROUTE_CONFIG,
			   FAKE_MSI_CAP + PCI_MSI_ADDRESS_HI, 1, 1);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_DROPPED);
		fake_write(f, MSI_ROUTE_CONFIG,
			   FAKE_MSI_CAP + PCI_MSI_ADDRESS_HI, 4, 0);
	}
	if (c->layout & LMASK) {
		fake_mask(f, 0, true);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				(u32)MSI_ROUTE_PENDING);
		fake_mask(f, 0, false);
		fake_expect(f, 5, FAKE_ADDRESS(3), 0xc080);
	}
}

/* ---- creation ---- */

struct create_case {
	const char *name;
	u8 vectors;
	u8 cap;
	u8 layout;
	int ret;
};

static const struct create_case create_cases[] = {
	{ "none", 0, 0, 0, 0 },
	{ "none, but a capability", 0, 0x40, 0, -EINVAL },
	{ "none, but a layout", 0, 0, L64, -EINVAL },
	{ "one", 1, 0x40, 0, 0 },
	{ "most", 32, 0x40, L64 | LMASK | LEXT, 0 },
	{ "three", 3, 0x40, 0, -EINVAL },
	{ "31", 31, 0x40, 0, -EINVAL },
	{ "33", 33, 0x40, 0, -EINVAL },
	{ "64", 64, 0x40, 0, -EINVAL },
	{ "255", 255, 0x40, 0, -EINVAL },
	{ "unknown layout", 1, 0x40, 8, -EOPNOTSUPP },
	{ "unknown layout beside others", 1, 0x40, 0x80 | L64, -EOPNOTSUPP },
	{ "capability in the header", 1, 0x3c, 0, -EINVAL },
	{ "capability at 0", 1, 0, 0, -EINVAL },
	{ "capability not aligned", 1, 0x41, 0, -EINVAL },
	{ "last, 32 bits", 1, 0xf4, 0, 0 },
	{ "beyond the end, 32 bits", 1, 0xf8, 0, -EINVAL },
	{ "last, 64 bits", 1, 0xf0, L64, 0 },
	{ "beyond the end, 64 bits", 1, 0xf4, L64, -EINVAL },
	{ "last, 32 bits, masking", 1, 0xec, LMASK, 0 },
	{ "beyond the end, 32 bits, masking", 1, 0xf0, LMASK, -EINVAL },
	{ "last, 64 bits, masking", 1, 0xe8, L64 | LMASK, 0 },
	{ "beyond the end, 64 bits, masking", 1, 0xec, L64 | LMASK, -EINVAL },
	{ "last, extended data", 1, 0xf4, LEXT, 0 },
};

static void create_case_name(const struct create_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(create, create_cases, create_case_name);

static void msi_create_test(struct kunit *test)
{
	const struct create_case *cc = test->param_value;
	struct msi_route_create c = {
		.msi_vectors = cc->vectors,
		.msi_cap = cc->cap,
		.msi_flags = cc->layout,
	};
	struct mr_fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_make(f, &c), cc->ret);
	KUNIT_EXPECT_EQ(test, mr_msi_cap(&f->fn)->nr,
			cc->ret ? 0U : (u32)cc->vectors);
}

/* From the beginning on, and for no other reason than Enable [2]. */
static void msi_drop_disabled_test(struct kunit *test)
{
	struct msi_route_create c = fake_msi(2, L64);
	struct mr_fake *f = test->priv;
	u64 round;

	c.flags = MSI_ROUTE_CREATE_DROP_DISABLED;
	c.msi_flags |= LMASK;
	KUNIT_EXPECT_EQ(test, fake_make(f, &c), -EINVAL);
	c.msi_flags = L64;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	for (round = 1; round <= 3; round++) {
		KUNIT_EXPECT_EQ(test, f->cap->reason, MSI_ROUTE_REASON_DROP_DISABLED);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 1), (u32)MSI_ROUTE_DROPPED);
		KUNIT_EXPECT_FALSE(test, test_bit(1, f->cap->pending));
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.disabled), round);
		fake_go(f);
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.disabled), round);
		mr_function_set_bus_master(&f->fn, false);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_PENDING);
		fake_control(f, false, false);
		KUNIT_EXPECT_TRUE(test, test_bit(0, f->cap->pending));
		mr_vector_clear(fake_vector(f, 0));
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

static struct kunit_case msi_test_cases[] = {
	KUNIT_CASE_PARAM(msi_layout_test, layout_gen_params),
	KUNIT_CASE_PARAM(msi_walk_test, layout_gen_params),
	KUNIT_CASE_PARAM(msi_outside_test, layout_gen_params),
	KUNIT_CASE_PARAM(msi_multiple_message_test, count_gen_params),
	KUNIT_CASE(msi_mask_above_granted_test),
	KUNIT_CASE_PARAM(msi_pending_bits_test, count_gen_params),
	KUNIT_CASE_PARAM(msi_extended_data_test, layout_gen_params),
	KUNIT_CASE_PARAM(msi_each_register_counts_test, layout_gen_params),
	KUNIT_CASE_PARAM(msi_create_test, create_gen_params),
	KUNIT_CASE(msi_drop_disabled_test),
	{}
};

static struct kunit_suite msi_test_suite = {
	.name = "msi_route_msi",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = msi_test_cases,
};

kunit_test_suites(&msi_test_suite);
