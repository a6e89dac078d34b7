// SPDX-License-Identifier: GPL-2.0
/* The image of table and PBA that a VMM maps: read-only, and equal to what a guest reads. */
#include "uapi.h"

static void *map_image(struct function *fn, int protection)
{
	return mmap(NULL, fn->shape.mmap_size, protection, MAP_SHARED, fn->fd, 0);
}

TEST_F(uapi, mmap_is_read_only)
{
	void *image;

	EXPECT_EQ(MAP_FAILED, map_image(&self->fn, PROT_READ | PROT_WRITE));
	EXPECT_EQ(MAP_FAILED, map_image(&self->fn, PROT_WRITE));
	image = map_image(&self->fn, PROT_READ);
	ASSERT_NE(MAP_FAILED, image);
	EXPECT_EQ(-1, mprotect(image, self->fn.shape.mmap_size, PROT_READ | PROT_WRITE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->fn.shape.mmap_size, PROT_READ, MAP_SHARED,
				   self->fn.fd, self->fn.shape.mmap_size));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->fn.shape.mmap_size + 4096, PROT_READ, MAP_SHARED,
				   self->fn.fd, 0));
}

TEST_F(uapi, mmap_equals_reads)
{
	const volatile __u32 *table, *pba;
	unsigned int i, round;
	void *image;

	ASSERT_LT(0, self->fn.shape.mmap_size);
	image = map_image(&self->fn, PROT_READ);
	ASSERT_NE(MAP_FAILED, image);
	table = image + self->fn.shape.mmap_table;
	pba = image + self->fn.shape.mmap_pba;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < NR * 4; i++)
			EXPECT_EQ(table_read(&self->fn, i * 4), table[i]);
		EXPECT_EQ(pba_read(&self->fn, 0), *(const volatile __u64 *)pba);
		if (round == 0) {
			entry_set(&self->fn, 3, 0xfffffffc, 0x12345678, 0xff);
			ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 3));
			EXPECT_EQ(8, pba[0]);
		} else {
			ASSERT_EQ(0, reset(&self->fn));
		}
	}
}

/* Offsets within a page are those of the BAR. */
TEST_F(uapi, mmap_offsets)
{
	struct msi_route_create shape = msix_shape(600);
	struct function fn;
	const void *image;
	__u32 value;

	shape.msix_table_offset = 0x12f38;
	shape.msix_pba_offset = 0x800;
	function_open(&fn, &self->vm, shape);
	EXPECT_EQ(0, fn.shape.mmap_size % 4096);
	EXPECT_EQ(0xf38, fn.shape.mmap_table % 4096);
	EXPECT_EQ(0x800, fn.shape.mmap_pba % 4096);
	EXPECT_LE(fn.shape.mmap_table + 600 * 16, fn.shape.mmap_size);
	EXPECT_LE(fn.shape.mmap_pba + 80, fn.shape.mmap_size);
	image = map_image(&fn, PROT_READ);
	ASSERT_NE(MAP_FAILED, image);
	table_write(&fn, ENTRY(599) + ENTRY_DATA, 0xcafe);
	memcpy(&value, image + fn.shape.mmap_table + ENTRY(599) + ENTRY_DATA, 4);
	EXPECT_EQ(0xcafe, value);
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&fn, MSIX, 599));
	memcpy(&value, image + fn.shape.mmap_pba + 599 / 32 * 4, 4);
	EXPECT_EQ(1U << 599 % 32, value);
	function_close(&fn);
}

TEST_F(uapi, mmap_without_msix)
{
	struct function fn;

	function_open(&fn, &self->vm, msi_shape(1, 0));
	EXPECT_EQ(0, fn.shape.mmap_size);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fn.fd, 0));
	function_close(&fn);
}

/* The image stays as long as it is mapped. */
TEST_F(uapi, mmap_outlives_the_descriptor)
{
	const volatile __u32 *table;
	struct function fn;
	void *image;

	ASSERT_LE(0, function_try_open(&fn, &self->vm, msix_shape(1)));
	table_write(&fn, ENTRY_DATA, 0x77);
	image = map_image(&fn, PROT_READ);
	ASSERT_NE(MAP_FAILED, image);
	close(fn.fd);
	table = image + fn.shape.mmap_table;
	EXPECT_EQ(0x77, table[2]);
}
