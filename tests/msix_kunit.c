// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of msix.c: Message Control, table and Pending Bit Array as the guest sees
 * them, and their places in the image.
 */
#include <linux/mm.h>

#include "fake.h"

#define MSIX_CONTROL	(FAKE_MSIX_CAP + PCI_MSIX_FLAGS)

static const u64 patterns[] = {
	0, ~0ULL, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa, 0x0123456789abcdef,
};

/* The patterns, then a single one in every place, then a single zero. */
#define NR_PATTERNS	(ARRAY_SIZE(patterns) + 64 + 64)

static u64 pattern(u32 i)
{
	if (i < ARRAY_SIZE(patterns))
		return patterns[i];
	i -= ARRAY_SIZE(patterns);
	return i < 64 ? BIT_ULL(i) : ~BIT_ULL(i - 64);
}

static void make_msix(struct mr_fake *f, u16 vectors)
{
	struct msi_route_create c = fake_msix(vectors);

	KUNIT_ASSERT_EQ(f->test, fake_make(f, &c), 0);
}

/* ---- capability ---- */

static const u16 sizes[] = { 1, 2, 3, 32, 63, 64, 65, 128, 2047, 2048 };

static void size_name(const u16 *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u vectors", *size);
}

KUNIT_ARRAY_PARAM(size, sizes, size_name);

/* [1] [12] [14] [23] [29]; the same after a reset, whatever was written. */
static void msix_reset_values_test(struct kunit *test)
{
	const u16 nr = *(const u16 *)test->param_value;
	const u32 pba_dwords = DIV_ROUND_UP(nr, 64) * 2;
	struct mr_fake *f = test->priv;
	u32 round, i;

	make_msix(f, nr);
	for (round = 0; round < 2; round++) {
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSIX_CONTROL, 2),
				(u64)nr - 1);
		for (i = 0; i < nr * 4; i++)
			KUNIT_EXPECT_EQ_MSG(test,
					    fake_read(f, MSI_ROUTE_TABLE,
						      i * 4, 4),
					    i % 4 == 3 ? 1ULL : 0ULL,
					    "dword %u", i);
		for (i = 0; i < pba_dwords; i++)
			KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA,
							i * 4, 4), 0ULL);
		KUNIT_EXPECT_FALSE(test, f->cap->open);
		if (round)
			break;

		for (i = 0; i < nr; i++) {
			fake_raise(f, i);
			fake_write(f, MSI_ROUTE_TABLE, i * 16, 8, ~0ULL);
			fake_write(f, MSI_ROUTE_TABLE, i * 16 + 8, 8, ~1ULL);
		}
		fake_write(f, MSI_ROUTE_CONFIG, MSIX_CONTROL, 2, 0xffff);
		mr_function_reset(&f->fn, false);
	}
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.cleared), (u64)nr);
}

/* Only bits 14 and 15 can be written, by any access that covers them [12]. */
static void msix_control_test(struct kunit *test)
{
	const u16 nr = *(const u16 *)test->param_value;
	struct mr_fake *f = test->priv;
	u16 want, value;
	u32 i;

	make_msix(f, nr);
	for (i = 0; i < NR_PATTERNS; i++) {
		value = pattern(i);
		want = (value & 0xc000) | (nr - 1);
		fake_write(f, MSI_ROUTE_CONFIG, MSIX_CONTROL, 2, value);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSIX_CONTROL, 2), (u64)want);
		/* The high byte alone, the low byte alone, the dword. */
		fake_write(f, MSI_ROUTE_CONFIG, MSIX_CONTROL + 1, 1,
			   ~value >> 8);
		want ^= 0xc000;
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSIX_CONTROL, 2), (u64)want);
		fake_write(f, MSI_ROUTE_CONFIG, MSIX_CONTROL, 1, value);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSIX_CONTROL + 1, 1),
				(u64)want >> 8);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						MSIX_CONTROL, 1),
				(u64)want & 0xff);
		fake_write(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP, 4,
			   (u32)value << 16 | 0xffff);
		want ^= 0xc000;
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG,
						FAKE_MSIX_CAP, 4),
				(u64)want << 16);
	}
}

/*
 * Every byte lane of the whole capability [11] [13]: owned read-only bits do not change;
 * bits that are not owned read as the caller filled them.
 */
static void msix_config_lanes_test(struct kunit *test)
{
	const u32 regs[] = { 0x00020000, FAKE_TABLE_OFFSET | FAKE_TABLE_BIR,
			     (FAKE_TABLE_OFFSET + 0x30) | FAKE_TABLE_BIR };
	struct mr_fake *f = test->priv;
	u32 reg, len, i, owned, lanes, want;
	u64 value;

	make_msix(f, 3);
	for (reg = 0; reg < 12; reg++) {
		for (len = 1; len <= 4 - reg % 4; len *= 2) {
			lanes = ~0U >> (32 - 8 * len);
			owned = (reg < 4 ? 0xffff0000 : ~0U) >> reg % 4 * 8;
			want = regs[reg / 4] >> reg % 4 * 8;
			for (i = 0; i < NR_PATTERNS; i++) {
				/* Without the two bits that can be set. */
				value = pattern(i);
				if (reg < 4)
					value &= ~(0xc0000000ULL >> reg % 4 * 8);
				fake_write(f, MSI_ROUTE_CONFIG,
					   FAKE_MSIX_CAP + reg, len, value);
				value = pattern(i);
				KUNIT_EXPECT_EQ(test,
						fake_access(f, false,
							    MSI_ROUTE_CONFIG,
							    FAKE_MSIX_CAP + reg,
							    len, &value), 0);
				KUNIT_EXPECT_EQ_MSG(test, value,
						    ((want & owned) |
						     (pattern(i) & ~owned)) &
						    (u64)lanes,
						    "offset %u length %u", reg,
						    len);
			}
		}
	}
}

/* Configuration space outside the capability is the caller's. */
static void msix_config_outside_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 reg;
	u64 value;

	make_msix(f, 1);
	for (reg = 0; reg < 256; reg += 4) {
		if (reg >= FAKE_MSIX_CAP &&
		    reg < FAKE_MSIX_CAP + PCI_CAP_MSIX_SIZEOF)
			continue;
		fake_write(f, MSI_ROUTE_CONFIG, reg, 4, ~0ULL);
		value = 0xdeadbeef;
		KUNIT_EXPECT_EQ(test, fake_access(f, false, MSI_ROUTE_CONFIG,
						  reg, 4, &value), 0);
		KUNIT_EXPECT_EQ(test, value, 0xdeadbeefULL);
	}
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, FAKE_MSIX_CAP, 4),
			0ULL);
}

struct access_case {
	u32 space;
	u32 offset;
	u32 len;
	int ret;
};

static void access_case_name(const struct access_case *c, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "space %u offset %x length %u",
		 c->space, c->offset, c->len);
}

/* Three vectors: a table of 48 bytes, a Pending Bit Array of 8. */
static const struct access_case error_cases[] = {
	{ MSI_ROUTE_CONFIG, 0x40, 0, -EMSGSIZE },
	{ MSI_ROUTE_CONFIG, 0x40, 9, -EMSGSIZE },
	{ MSI_ROUTE_CONFIG, 0x40, ~0U, -EMSGSIZE },
	{ MSI_ROUTE_CONFIG, 0x40, 3, 0 },
	{ MSI_ROUTE_CONFIG, 0x40, 8, 0 },
	{ MSI_ROUTE_CONFIG, 0xff, 1, 0 },
	{ MSI_ROUTE_CONFIG, 0xfe, 2, 0 },
	{ MSI_ROUTE_CONFIG, 0xfc, 4, 0 },
	{ MSI_ROUTE_CONFIG, 0x100, 1, 0 },
	{ MSI_ROUTE_CONFIG, 0xff, 2, 0 },
	{ MSI_ROUTE_CONFIG, 0xfd, 4, 0 },
	{ MSI_ROUTE_CONFIG, 0xff8, 8, 0 },
	{ MSI_ROUTE_CONFIG, 0x1000, 1, -ERANGE },
	{ MSI_ROUTE_CONFIG, 0xfff, 2, -ERANGE },
	{ MSI_ROUTE_CONFIG, 0xff9, 8, -ERANGE },
	{ MSI_ROUTE_CONFIG, ~0U, 1, -ERANGE },
	{ MSI_ROUTE_CONFIG, ~0U, 4, -ERANGE },
	{ MSI_ROUTE_CONFIG, 0x41, 2, 0 },
	{ MSI_ROUTE_CONFIG, 0x43, 2, 0 },
	{ MSI_ROUTE_CONFIG, 0x41, 4, 0 },
	{ MSI_ROUTE_CONFIG, 0x42, 4, 0 },
	{ MSI_ROUTE_CONFIG, 0x43, 4, 0 },
	{ MSI_ROUTE_TABLE, 0, 0, -EMSGSIZE },
	{ MSI_ROUTE_TABLE, 0, 16, -EMSGSIZE },
	{ MSI_ROUTE_TABLE, 0, 3, 0 },
	{ MSI_ROUTE_TABLE, 41, 7, 0 },
	{ MSI_ROUTE_TABLE, 42, 7, -ERANGE },
	{ MSI_ROUTE_TABLE, 47, 1, 0 },
	{ MSI_ROUTE_TABLE, 40, 8, 0 },
	{ MSI_ROUTE_TABLE, 48, 1, -ERANGE },
	{ MSI_ROUTE_TABLE, 45, 4, -ERANGE },
	{ MSI_ROUTE_TABLE, 41, 8, -ERANGE },
	{ MSI_ROUTE_TABLE, ~0U, 1, -ERANGE },
	{ MSI_ROUTE_TABLE, ~0U - 3, 4, -ERANGE },
	{ MSI_ROUTE_TABLE, ~0U - 7, 8, -ERANGE },
	{ MSI_ROUTE_PBA, 0, 9, -EMSGSIZE },
	{ MSI_ROUTE_PBA, 0, 5, 0 },
	{ MSI_ROUTE_PBA, 0, 8, 0 },
	{ MSI_ROUTE_PBA, 4, 4, 0 },
	{ MSI_ROUTE_PBA, 8, 1, -ERANGE },
	{ MSI_ROUTE_PBA, 1, 8, -ERANGE },
	{ MSI_ROUTE_PBA, ~0U, 8, -ERANGE },
	{ MSI_ROUTE_PBA + 1, 0, 4, -EINVAL },
	{ ~0U, 0, 4, -EINVAL },
};

KUNIT_ARRAY_PARAM(error, error_cases, access_case_name);

/* Each mistake of the caller has its errno, and changes nothing. */
static void msix_access_errors_test(struct kunit *test)
{
	const struct access_case *c = test->param_value;
	struct mr_fake *f = test->priv;
	u64 value = 0x123456789abcdef0;

	make_msix(f, 3);
	KUNIT_EXPECT_EQ(test, fake_access(f, false, c->space, c->offset,
					  c->len, &value), c->ret);
	if (c->ret)
		KUNIT_EXPECT_EQ(test, value, 0x123456789abcdef0ULL);
	value = 0;
	KUNIT_EXPECT_EQ(test, fake_access(f, true, c->space, c->offset, c->len,
					  &value), c->ret);
	if (c->ret) {
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.bad_accesses),
				0ULL);
		KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.updates), 0ULL);
	}
}

/* Vectors and capabilities that do not exist. */
static void msix_vector_errors_test(struct kunit *test)
{
	struct msi_route_counters c = { .size = sizeof(c) };
	struct mr_fake *f = test->priv;
	struct mr_cap *cap;

	make_msix(f, 3);
	cap = mr_function_cap(&f->fn, MSI_ROUTE_MSIX, 2, 1);
	KUNIT_EXPECT_PTR_EQ(test, cap, f->cap);
	cap = mr_function_cap(&f->fn, MSI_ROUTE_MSIX, 3, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(cap), (long)-ECHRNG);
	cap = mr_function_cap(&f->fn, MSI_ROUTE_MSIX, MSI_ROUTE_ALL_VECTORS, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(cap), (long)-ECHRNG);
	cap = mr_function_cap(&f->fn, MSI_ROUTE_MSI, 0, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(cap), (long)-ENODEV);
	cap = mr_function_cap(&f->fn, MSI_ROUTE_IMS + 1, 0, 1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(cap), (long)-EINVAL);

	c.kind = MSI_ROUTE_MSI;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), -ENODEV);
	c.kind = MSI_ROUTE_IMS;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), -ENODEV);
	c.kind = MSI_ROUTE_IMS + 1;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), -EINVAL);
	c.kind = MSI_ROUTE_MSIX;
	c.vector = 3;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), -ECHRNG);
	c.vector = 2;
	KUNIT_EXPECT_EQ(test, mr_function_counters(&f->fn, &c), 0);
}

/* ---- table ---- */

static u32 dword_after(u32 reg, u32 value)
{
	return reg == PCI_MSIX_ENTRY_LOWER_ADDR ? value & ~3U : value;
}

/* Every bit of every dword of an entry, without effect on another dword [14]. */
static void msix_entry_dwords_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 model[4 * 3] = { [3] = 1, [7] = 1, [11] = 1 };
	u32 i, j, k;

	make_msix(f, 3);
	for (i = 0; i < ARRAY_SIZE(model); i++) {
		for (j = 0; j < NR_PATTERNS; j++) {
			u32 value = pattern(j);

			fake_write(f, MSI_ROUTE_TABLE, i * 4, 4, pattern(j));
			model[i] = dword_after(i % 4 * 4, value);
			for (k = 0; k < ARRAY_SIZE(model); k++)
				KUNIT_EXPECT_EQ_MSG(test,
						    fake_read(f, MSI_ROUTE_TABLE,
							      k * 4, 4),
						    (u64)model[k],
						    "dword %u, wrote %08x to %u",
						    k, value, i);
		}
	}
}

/* A qword writes both dwords in one update [16]. */
static void msix_entry_qwords_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u64 model[2 * 3] = { [1] = 1ULL << 32, [3] = 1ULL << 32,
			     [5] = 1ULL << 32 };
	u64 updates;
	u32 i, j, k;

	make_msix(f, 3);
	for (i = 0; i < ARRAY_SIZE(model); i++) {
		for (j = 0; j < NR_PATTERNS; j++) {
			updates = fake_count(&f->cap->count.updates);
			fake_write(f, MSI_ROUTE_TABLE, i * 8, 8, pattern(j));
			KUNIT_EXPECT_EQ(test,
					fake_count(&f->cap->count.updates),
					updates + 1);
			model[i] = i % 2 ? pattern(j) : pattern(j) & ~3ULL;
			for (k = 0; k < ARRAY_SIZE(model); k++) {
				u64 lo = fake_read(f, MSI_ROUTE_TABLE, k * 8, 4);
				u64 hi = fake_read(f, MSI_ROUTE_TABLE,
						   k * 8 + 4, 4);

				KUNIT_EXPECT_EQ(test,
						fake_read(f, MSI_ROUTE_TABLE,
							  k * 8, 8),
						model[k]);
				KUNIT_EXPECT_EQ(test, hi << 32 | lo, model[k]);
			}
		}
	}
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.bad_accesses), 0ULL);
}

/* All accesses that are neither aligned dwords nor aligned qwords [15]. */
static void msix_undefined_accesses_test(struct kunit *test)
{
	static const u32 lens[] = { 1, 2, 4, 8 };
	struct mr_fake *f = test->priv;
	u32 space, offset, size, i, len;
	u64 value, bad = 0, updates;

	make_msix(f, 3);
	fake_write(f, MSI_ROUTE_TABLE, 16, 8, 0xfee01000);
	fake_write(f, MSI_ROUTE_TABLE, 24, 8, 0x100000041);
	fake_raise(f, 1);
	updates = fake_count(&f->cap->count.updates);

	for (space = MSI_ROUTE_TABLE; space <= MSI_ROUTE_PBA; space++) {
		size = space == MSI_ROUTE_TABLE ? 48 : 8;
		for (i = 0; i < ARRAY_SIZE(lens); i++) {
			len = lens[i];
			for (offset = 0; offset <= size - len; offset++) {
				if (len >= 4 && !(offset % len))
					continue;
				value = 0;
				KUNIT_EXPECT_EQ(test,
						fake_access(f, false, space,
							    offset, len,
							    &value), 0);
				KUNIT_EXPECT_EQ(test, value,
						~0ULL >> (64 - 8 * len));
				fake_write(f, space, offset, len, 0);
				fake_write(f, space, offset, len, ~0ULL);
				bad += 3;
			}
		}
	}
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.bad_accesses), bad);
	KUNIT_EXPECT_EQ(test, fake_count(&f->cap->count.updates), updates);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE, 16, 8),
			0xfee01000ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE, 24, 8),
			0x100000041ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA, 0, 8), 2ULL);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
}

/* Vector Control: only bit 0 masks [14]. */
static void msix_vector_control_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i, value;

	make_msix(f, 1);
	fake_go(f);
	for (i = 0; i < NR_PATTERNS; i++) {
		value = pattern(i);
		fake_write(f, MSI_ROUTE_TABLE, PCI_MSIX_ENTRY_VECTOR_CTRL, 4,
			   value);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0),
				value & 1 ? (u32)MSI_ROUTE_PENDING :
					    (u32)MSI_ROUTE_SENT);
		mr_vector_clear(fake_vector(f, 0));
	}
}

/* All 32 bits of the data are sent unmodified [14]. */
static void msix_data_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i, value;

	make_msix(f, 1);
	fake_go(f);
	for (i = 0; i < NR_PATTERNS; i++) {
		/* With a mode and a vector that are delivered. */
		value = (pattern(i) & ~0x7f0) | 0x40;
		fake_data(f, 0, value);
		atomic_set(&f->nr_sent, 0);
		KUNIT_EXPECT_EQ(test, fake_raise(f, 0), (u32)MSI_ROUTE_SENT);
		fake_expect(f, 0, FAKE_ADDRESS(1), value);
	}
}

/* Function Mask and the entries' own bits do not affect each other [19]. */
static void msix_function_mask_test(struct kunit *test)
{
	struct mr_fake *f = test->priv;
	u32 i;

	make_msix(f, 4);
	fake_go(f);
	fake_mask(f, 1, true);
	fake_mask(f, 3, true);
	fake_control(f, true, true);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE,
						i * 16 + 12, 4), (u64)(i & 1));
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_PENDING);
	}
	/* Unmasked, but still under Function Mask: nothing is sent. */
	fake_mask(f, 1, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 0);
	fake_control(f, true, false);
	KUNIT_EXPECT_EQ(test, fake_sent(f), 3);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_TABLE,
						i * 16 + 12, 4),
				i == 3 ? 1ULL : 0ULL);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA, 0, 8), 8ULL);
}

/* ---- Pending Bit Array ---- */

/* Bit k is bit k%64 of qword k/64, and the dwords are its halves [23]. */
static void msix_pba_test(struct kunit *test)
{
	const u16 nr = *(const u16 *)test->param_value;
	struct mr_fake *f = test->priv;
	u32 qwords = DIV_ROUND_UP(nr, 64);
	u32 i, j;

	make_msix(f, nr);
	/* Some of many: every bit is visited, but not in every combination. */
	for (i = 0; i < nr; i += i % 64 == 1 ? 61 : 1) {
		KUNIT_EXPECT_EQ(test, fake_raise(f, i), (u32)MSI_ROUTE_PENDING);
		for (j = 0; j < qwords; j++) {
			u64 want = j == i / 64 ? BIT_ULL(i % 64) : 0;

			KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA,
							j * 8, 8), want);
			KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA,
							j * 8, 4),
					(u64)lower_32_bits(want));
			KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA,
							j * 8 + 4, 4),
					(u64)upper_32_bits(want));
		}
		KUNIT_EXPECT_TRUE(test, mr_vector_clear(fake_vector(f, i)));
	}

	/* All of them: trailing bits read 0, and writes are ignored. */
	for (i = 0; i < nr; i++)
		fake_raise(f, i);
	for (j = 0; j < qwords; j++) {
		u64 want = nr - j * 64 >= 64 ? ~0ULL : BIT_ULL(nr % 64) - 1;

		fake_write(f, MSI_ROUTE_PBA, j * 8, 8, 0);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA, j * 8, 8),
				want);
		fake_write(f, MSI_ROUTE_PBA, j * 8, 8, ~0ULL);
		fake_write(f, MSI_ROUTE_PBA, j * 8 + 4, 4, ~0ULL);
		KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_PBA, j * 8, 8),
				want);
	}
}

/* ---- creation ---- */

struct create_case {
	const char *name;
	u16 vectors;
	u8 cap;
	u8 table_bir;
	u8 pba_bir;
	u32 table;
	u32 pba;
	int ret;
};

static const struct create_case create_cases[] = {
	{ "none", 0, 0, 0, 0, 0, 0, 0 },
	{ "none, but a capability", 0, 0x70, 0, 0, 0, 0, -EINVAL },
	{ "none, but a table BAR", 0, 0, 1, 0, 0, 0, -EINVAL },
	{ "none, but a PBA BAR", 0, 0, 0, 1, 0, 0, -EINVAL },
	{ "none, but a table", 0, 0, 0, 0, 0x1000, 0, -EINVAL },
	{ "none, but a PBA", 0, 0, 0, 0, 0, 0x1000, -EINVAL },
	{ "one", 1, 0x40, 0, 0, 0, 16, 0 },
	{ "most", 2048, 0x40, 0, 0, 0, 0x8000, 0 },
	{ "too many", 2049, 0x40, 0, 0, 0, 0x10000, -EINVAL },
	{ "far too many", 0xffff, 0x40, 0, 1, 0, 0, -EINVAL },
	{ "capability in the header", 1, 0x3c, 0, 0, 0, 16, -EINVAL },
	{ "capability at 0", 1, 0, 0, 0, 0, 16, -EINVAL },
	{ "capability not aligned", 1, 0x42, 0, 0, 0, 16, -EINVAL },
	{ "last capability", 1, 0xf4, 0, 0, 0, 16, 0 },
	{ "capability beyond the end", 1, 0xf8, 0, 0, 0, 16, -EINVAL },
	{ "last BAR", 1, 0x40, 5, 5, 0, 16, 0 },
	{ "table BAR", 1, 0x40, 6, 5, 0, 16, -EINVAL },
	{ "PBA BAR", 1, 0x40, 5, 6, 0, 16, -EINVAL },
	{ "table not aligned", 1, 0x40, 0, 0, 4, 32, -EINVAL },
	{ "PBA not aligned", 1, 0x40, 0, 0, 0, 20, -EINVAL },
	{ "equal", 1, 0x40, 0, 0, 0, 0, -EINVAL },
	{ "equal in different BARs", 1, 0x40, 0, 1, 0, 0, 0 },
	{ "PBA on the last entry", 4, 0x40, 0, 0, 0, 56, -EINVAL },
	{ "PBA right behind", 4, 0x40, 0, 0, 0, 64, 0 },
	{ "PBA's end in the table", 65, 0x40, 0, 0, 8, 0, -EINVAL },
	{ "PBA right before", 65, 0x40, 0, 0, 16, 0, 0 },
	{ "table beyond 4 GiB", 2, 0x40, 0, 0, 0xfffffff0, 0, -EINVAL },
	{ "highest table", 1, 0x40, 0, 0, 0xffffffe8, 0, 0 },
	{ "highest PBA", 1, 0x40, 0, 0, 0, 0xfffffff0, 0 },
};

static void create_case_name(const struct create_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(create, create_cases, create_case_name);

static void msix_create_test(struct kunit *test)
{
	const struct create_case *cc = test->param_value;
	struct msi_route_create c = {
		.msix_vectors = cc->vectors,
		.msix_cap = cc->cap,
		.msix_table_bir = cc->table_bir,
		.msix_pba_bir = cc->pba_bir,
		.msix_table_offset = cc->table,
		.msix_pba_offset = cc->pba,
	};
	const struct msi_route_create was = c;
	struct mr_fake *f = test->priv;

	KUNIT_EXPECT_EQ(test, fake_make(f, &c), cc->ret);
	if (cc->ret || !cc->vectors) {
		KUNIT_EXPECT_EQ(test, memcmp(&c, &was, sizeof(c)), 0);
		KUNIT_EXPECT_EQ(test, mr_msix_cap(&f->fn)->nr, 0U);
		return;
	}
	KUNIT_EXPECT_EQ(test, mr_msix_cap(&f->fn)->nr, (u32)cc->vectors);
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, cc->cap + 4, 4),
			(u64)(cc->table | cc->table_bir));
	KUNIT_EXPECT_EQ(test, fake_read(f, MSI_ROUTE_CONFIG, cc->cap + 8, 4),
			(u64)(cc->pba | cc->pba_bir));
}

/* ---- image ---- */

struct image_case {
	const char *name;
	u16 vectors;
	u8 pba_bir;		/* the table is in BAR 2 */
	u32 table;
	u32 pba;
	u32 image_pages;
	u32 image_table;
	u32 image_pba;
};

static const struct image_case image_cases[] = {
	{ "one page, PBA behind", 4, 2, 0x1000, 0x1800, 1, 0, 0x800 },
	{ "one page, PBA before", 4, 2, 0x1800, 0x1010, 1, 0x800, 0x10 },
	{ "page by page", 256, 2, 0x2000, 0x3000, 2, 0, 0x1000 },
	{ "far apart", 4, 2, 0x1010, 0x80ff00, 2, 0x10, 0x1f00 },
	{ "far apart, PBA before", 4, 2, 0x80ff00, 0x1010, 2, 0xf00, 0x1010 },
	{ "different BARs, same offsets", 4, 0, 0x1000, 0x1000, 2, 0, 0x1000 },
	{ "different BARs, would share a page", 4, 0, 0x1000, 0x1800, 2, 0,
	  0x1800 },
	{ "PBA in the table's last page", 2048, 2, 0x10800, 0x18800, 9, 0x800,
	  0x8800 },
	{ "PBA begins in the table's last page", 2048, 2, 0xf00, 0x8f80, 10,
	  0xf00, 0x8f80 },
	{ "PBA ends in the table's first page", 2048, 2, 0x2080, 0x1f80, 10,
	  0x1080, 0xf80 },
	{ "PBA behind a full page", 256, 2, 0x1000, 0x2000, 2, 0, 0x1000 },
	{ "table over a page's edge", 2, 2, 0xff0, 0x1010, 2, 0xff0, 0x1010 },
};

static void image_case_name(const struct image_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(image, image_cases, image_case_name);

/*
 * The image can take the BAR's place: offsets within a page are the BAR's, and what
 * shares a page in the BAR shares one here.  The image is the only copy [16].
 */
static void msix_image_test(struct kunit *test)
{
	const struct image_case *ic = test->param_value;
	struct msi_route_create c = fake_msix(ic->vectors);
	struct mr_fake *f = test->priv;
	const struct mr_msix *x = &f->fn.msix;
	u32 last = ic->vectors - 1;
	const u32 *entry;
	const u64 *pba;
	u32 i;

	c.msix_table_offset = ic->table;
	c.msix_pba_offset = ic->pba;
	c.msix_pba_bir = ic->pba_bir;
	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);

	KUNIT_EXPECT_EQ(test, c.mmap_size, ic->image_pages << PAGE_SHIFT);
	KUNIT_EXPECT_EQ(test, c.mmap_table, ic->image_table);
	KUNIT_EXPECT_EQ(test, c.mmap_pba, ic->image_pba);
	KUNIT_EXPECT_EQ(test, x->image_size, c.mmap_size);
	KUNIT_EXPECT_EQ(test, x->image_table, c.mmap_table);
	KUNIT_EXPECT_EQ(test, x->image_pba, c.mmap_pba);
	KUNIT_EXPECT_EQ(test, offset_in_page(c.mmap_table),
			offset_in_page(ic->table));
	KUNIT_EXPECT_EQ(test, offset_in_page(c.mmap_pba),
			offset_in_page(ic->pba));

	/* Table and PBA do not overlap, and all other bytes are zero. */
	for (i = 0; i < ic->vectors; i++) {
		fake_write(f, MSI_ROUTE_TABLE, i * 16, 8, ~0ULL);
		fake_write(f, MSI_ROUTE_TABLE, i * 16 + 8, 8, ~0ULL);
		fake_raise(f, i);
	}
	entry = x->image + c.mmap_table;
	pba = x->image + c.mmap_pba;
	for (i = 0; i < ic->vectors; i++) {
		KUNIT_EXPECT_EQ(test, entry[i * 4], ~3U);
		KUNIT_EXPECT_EQ(test, entry[i * 4 + 1], ~0U);
		KUNIT_EXPECT_EQ(test, entry[i * 4 + 2], ~0U);
		KUNIT_EXPECT_EQ(test, entry[i * 4 + 3], ~0U);
		KUNIT_EXPECT_TRUE(test, pba[i / 64] & BIT_ULL(i % 64));
	}
	mr_function_reset(&f->fn, false);
	KUNIT_EXPECT_EQ(test, pba[last / 64], 0ULL);
	KUNIT_EXPECT_EQ(test, entry[last * 4 + 3], 1U);
	for (i = 0; i < ic->vectors; i++)
		fake_write(f, MSI_ROUTE_TABLE, i * 16 + 12, 4, 0);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(x->image, 0, x->image_size), NULL);
}

/* It can be mapped as a whole or in part, but only for reading. */
static void msix_mmap_errors_test(struct kunit *test)
{
	static const struct {
		unsigned long flags;
		unsigned long page;
		unsigned long pages;
		int ret;
	} cases[] = {
		{ VM_READ | VM_WRITE, 0, 2, -EPERM },
		{ VM_READ | VM_EXEC, 0, 2, -EPERM },
		{ VM_READ, 0, 3, -ENXIO },
		{ VM_READ, 1, 2, -ENXIO },
		{ VM_READ, 2, 1, -ENXIO },
		{ VM_READ, ULONG_MAX >> PAGE_SHIFT, 1, -ENXIO },
		{ VM_READ, ULONG_MAX, 1, -ENXIO },
	};
	struct mr_fake *f = test->priv;
	struct msi_route_create c = fake_msi(1, 0);
	u32 i;

	make_msix(f, 256);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vm_area_struct vma = {
			.vm_start = 0x100000,
			.vm_end = 0x100000 + (cases[i].pages << PAGE_SHIFT),
			.vm_flags = cases[i].flags,
			.vm_pgoff = cases[i].page,
		};

		KUNIT_EXPECT_EQ_MSG(test, mr_msix_mmap(&f->fn, &vma),
				    cases[i].ret, "case %u", i);
	}
	fake_check(f);
	fake_unmake(f);

	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	{
		struct vm_area_struct vma = { .vm_end = PAGE_SIZE };

		KUNIT_EXPECT_EQ(test, mr_msix_mmap(&f->fn, &vma), -ENODEV);
	}
}

/* A function without MSI-X has neither table nor PBA. */
static void msix_absent_test(struct kunit *test)
{
	struct msi_route_create c = fake_msi(1, 0);
	struct mr_fake *f = test->priv;
	u64 value = 0;

	KUNIT_ASSERT_EQ(test, fake_make(f, &c), 0);
	KUNIT_EXPECT_EQ(test, fake_access(f, false, MSI_ROUTE_TABLE, 0, 4,
					  &value), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake_access(f, true, MSI_ROUTE_PBA, 0, 8,
					  &value), -ENODEV);
	value = 0x12345678;
	KUNIT_EXPECT_EQ(test, fake_access(f, false, MSI_ROUTE_CONFIG,
					  FAKE_MSIX_CAP, 4, &value), 0);
	KUNIT_EXPECT_EQ(test, value, 0x12345678ULL);
	KUNIT_EXPECT_EQ(test, c.mmap_size, 0U);
}

static struct kunit_case msix_test_cases[] = {
	KUNIT_CASE_PARAM(msix_reset_values_test, size_gen_params),
	KUNIT_CASE_PARAM(msix_control_test, size_gen_params),
	KUNIT_CASE(msix_config_lanes_test),
	KUNIT_CASE(msix_config_outside_test),
	KUNIT_CASE_PARAM(msix_access_errors_test, error_gen_params),
	KUNIT_CASE(msix_vector_errors_test),
	KUNIT_CASE(msix_entry_dwords_test),
	KUNIT_CASE(msix_entry_qwords_test),
	KUNIT_CASE(msix_undefined_accesses_test),
	KUNIT_CASE(msix_vector_control_test),
	KUNIT_CASE(msix_data_test),
	KUNIT_CASE(msix_function_mask_test),
	KUNIT_CASE_PARAM(msix_pba_test, size_gen_params),
	KUNIT_CASE_PARAM(msix_create_test, create_gen_params),
	KUNIT_CASE_PARAM(msix_image_test, image_gen_params),
	KUNIT_CASE(msix_mmap_errors_test),
	KUNIT_CASE(msix_absent_test),
	{}
};

static struct kunit_suite msix_test_suite = {
	.name = "msi_route_msix",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = msix_test_cases,
};

kunit_test_suites(&msix_test_suite);
