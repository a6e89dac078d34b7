// SPDX-License-Identifier: GPL-2.0
/*
 * What is alike in all requests, such as structs that grow; and the errors of those that
 * have no program of their own.
 */
#include <stddef.h>

#include "requests.h"
#include "uapi.h"

/* ---- conventions: all requests alike ---- */

/* Size of the struct's first version: some have grown. */
static __u32 first_version(const struct request *r)
{
	switch (r->number) {
	case MSI_ROUTE_QUERY:
		return offsetof(struct msi_route_query, ims_max_vectors);
	case MSI_ROUTE_GET_COUNTERS:
		return offsetof(struct msi_route_counters, dropped_absent);
	default:
		return r->valid.size;
	}
}

TEST_F(uapi, efault)
{
	const struct request *r;

	for_each_request(r)
		EXPECT_EQ(-EFAULT, call(self->fn.fd, r->number, NOWHERE))
			TH_LOG("%s", r->name);
	EXPECT_EQ(-EFAULT, call(self->fn.fd, MSI_ROUTE_SET_EVENTFD, NOWHERE));
}

TEST_F(uapi, efault_where_it_returns_something)
{
	const struct request *r;
	long page = sysconf(_SC_PAGESIZE);
	union argument *arg;

	arg = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)arg);
	for_each_request(r) {
		ASSERT_EQ(0, mprotect(arg, page, PROT_READ | PROT_WRITE));
		*arg = r->valid;
		ASSERT_EQ(0, mprotect(arg, page, PROT_READ));
		EXPECT_EQ(r->returns ? -EFAULT : 0, call(self->fn.fd, r->number, arg))
			TH_LOG("%s", r->name);
	}
}

TEST_F(uapi, einval_size_too_small)
{
	const struct request *r;
	union argument arg;
	__u32 size;

	for_each_request(r) {
		for (size = 0; size < first_version(r); size += 4) {
			arg = r->valid;
			arg.size = size;
			EXPECT_EQ(-EINVAL, call(self->fn.fd, r->number, &arg))
				TH_LOG("%s of %u bytes", r->name, size);
		}
	}
}

/* Fields that a caller does not know are neither read nor written. */
TEST_F(uapi, first_version_of_what_has_grown)
{
	const struct request *r;
	union argument arg;

	for_each_request(r) {
		__u32 size = first_version(r);

		memset(&arg, 0xff, sizeof(arg));
		memcpy(&arg, &r->valid, size);
		arg.size = size;
		EXPECT_EQ(0, call(self->fn.fd, r->number, &arg)) TH_LOG("%s", r->name);
		EXPECT_EQ(size, arg.size);
		if (size < sizeof(arg))
			EXPECT_EQ(0xff, ((__u8 *)&arg)[size]);
	}
}

/* A valid call with 24 bytes more, all zero but the last. */
static int call_longer(int fd, const struct request *r, __u8 last)
{
	struct {
		union argument arg;
		__u8 tail[64];
	} big;

	memset(&big, 0, sizeof(big));
	big.arg = r->valid;
	memset((__u8 *)&big + r->valid.size, 0, sizeof(big) - r->valid.size);
	big.arg.size = r->valid.size + 24;
	((__u8 *)&big)[r->valid.size + 23] = last;
	return call(fd, r->number, &big);
}

TEST_F(uapi, longer_struct_with_zero_tail)
{
	const struct request *r;

	for_each_request(r)
		EXPECT_EQ(0, call_longer(self->fn.fd, r, 0)) TH_LOG("%s", r->name);
}

TEST_F(uapi, e2big_longer_struct_with_other_tail)
{
	const struct request *r;

	for_each_request(r)
		EXPECT_EQ(-E2BIG, call_longer(self->fn.fd, r, 1)) TH_LOG("%s", r->name);
}

/* However large the struct becomes: no call makes the kernel read without end. */
TEST_F(uapi, e2big_above_a_page)
{
	const struct request *r;
	union argument *arg;

	arg = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)arg);
	for_each_request(r) {
		*arg = r->valid;
		memset((__u8 *)arg + r->valid.size, 0, sizeof(*arg) - r->valid.size);
		arg->size = 4096;
		EXPECT_EQ(0, call(self->fn.fd, r->number, arg)) TH_LOG("%s", r->name);
		arg->size = 4097;
		EXPECT_EQ(-E2BIG, call(self->fn.fd, r->number, arg)) TH_LOG("%s", r->name);
		arg->size = ~0U;
		EXPECT_EQ(-E2BIG, call(self->fn.fd, r->number, arg)) TH_LOG("%s", r->name);
	}
}

/* Sets the output fields of @r to all ones. */
static void fill_out_fields(const struct request *r, union argument *arg)
{
	const size_t counted = offsetof(struct msi_route_counters, events);

	switch (r->number) {
	case MSI_ROUTE_QUERY:
		memset(&arg->query.version, 0xff, sizeof(arg->query) - 4);
		break;
	case MSI_ROUTE_TRIGGER:
	case MSI_ROUTE_CLEAR_PENDING:
		arg->trigger.outcome = ~0U;
		break;
	case MSI_ROUTE_GET_COUNTERS:
		arg->counters.pending = ~0U;
		memset((__u8 *)arg + counted, 0xff,
		       offsetof(struct msi_route_counters, function) - counted);
		break;
	case MSI_ROUTE_GET_VECTORS:
		arg->vectors.nr = ~0U;
		break;
	case MSI_ROUTE_GET_CHANGES:
		arg->changes.nr = ~0U;
		arg->changes.more = ~0U;
		break;
	case MSI_ROUTE_RESIZE:
		arg->resize.granted = ~0U;
		break;
	}
}

/* Output fields are ignored on input, and all of them are written. */
TEST_F(uapi, out_fields_are_ignored)
{
	const struct request *r;
	union argument zero, ones;

	/* So that no call changes the next one's output. */
	ASSERT_EQ(0, set_bus_master(&self->fn, 0));
	ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, 0));
	for_each_request(r) {
		if (!r->returns || r->number == MSI_ROUTE_CLEAR_PENDING)
			continue;
		zero = r->valid;
		ones = r->valid;
		fill_out_fields(r, &ones);
		EXPECT_EQ(0, call(self->fn.fd, r->number, &zero)) TH_LOG("%s", r->name);
		EXPECT_EQ(0, call(self->fn.fd, r->number, &ones)) TH_LOG("%s", r->name);
		EXPECT_EQ(0, memcmp(&zero, &ones, zero.size)) TH_LOG("%s", r->name);
	}
}

TEST_F(uapi, out_fields_of_the_others_are_ignored)
{
	struct msi_route_trigger clear = { .size = sizeof(clear), .outcome = ~0U };
	struct msi_route_function found[2];
	struct msi_route_get_functions functions = {
		.size = sizeof(functions), .room = 2, .stride = sizeof(found[0]), .nr = ~0U,
		.functions = (unsigned long)found,
	};
	struct msi_route_entry entries[NR], ims[1];
	__u64 pba[1], held[1], ims_pending[1];
	struct msi_route_state zero = {
		.size = sizeof(zero), .msix_vectors = NR, .msi_vectors = 2,
		.msi_flags = self->fn.shape.msi_flags, .ims_max = 1,
		.entries = (unsigned long)entries, .pba = (unsigned long)pba,
		.held = (unsigned long)held, .ims_entries = (unsigned long)ims,
		.ims_pending = (unsigned long)ims_pending,
	}, ones = zero;
	int device = open_device();

	EXPECT_EQ(0, call(self->fn.fd, MSI_ROUTE_CLEAR_PENDING, &clear));
	EXPECT_EQ(0, clear.outcome);
	EXPECT_EQ(0, call(device, MSI_ROUTE_GET_FUNCTIONS, &functions));
	EXPECT_LE(1, functions.nr);
	EXPECT_GE(2, functions.nr);

	ones.hold_bound_ns = ~0U;
	ones.bus_master = ~0U;
	ones.msix_control = 0xffff;
	ones.msi_control = 0xffff;
	ones.msi_address_lo = ~0U;
	ones.msi_address_hi = ~0U;
	ones.msi_data = ~0U;
	ones.msi_mask = ~0U;
	ones.msi_pending = ~0U;
	ones.msi_held = ~0U;
	ones.msix_granted = 0xffff;
	ones.grant_request = ~0U;
	ones.grant_status = ~0U;
	ones.ims_granted = ~0U;
	ASSERT_EQ(0, set_run(&self->fn, 0));
	EXPECT_EQ(0, call(self->fn.fd, MSI_ROUTE_SAVE, &zero));
	EXPECT_EQ(0, call(self->fn.fd, MSI_ROUTE_SAVE, &ones));
	EXPECT_EQ(0, memcmp(&zero, &ones, sizeof(zero)));
	close(device);
}

TEST_F(uapi, e2big_changes_nothing)
{
	struct {
		struct msi_route_access access;
		__u64 tail;
	} big = {
		.access = {
			.size = sizeof(big), .space = MSI_ROUTE_TABLE,
			.offset = ENTRY(0) + ENTRY_CONTROL, .len = 4, .value = ENTRY_MASKED,
		},
		.tail = 1,
	};

	EXPECT_EQ(-E2BIG, call(self->fn.fd, MSI_ROUTE_WRITE, &big));
	EXPECT_EQ(0, table_read(&self->fn, ENTRY(0) + ENTRY_CONTROL));
}

TEST_F(uapi, eopnotsupp_reserved)
{
	struct msi_route_reset reset_arg = { .size = sizeof(reset_arg), .flags = 1 << 1 };
	struct msi_route_eventfd eventfd_arg = {
		.size = sizeof(eventfd_arg), .fd = new_eventfd(), .reserved = 1,
	};
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	EXPECT_EQ(-EOPNOTSUPP, call(self->fn.fd, MSI_ROUTE_RESET, &reset_arg));
	EXPECT_EQ(VECTOR, table_read(&self->fn, ENTRY(0) + ENTRY_DATA));
	EXPECT_EQ(-EOPNOTSUPP, call(self->fn.fd, MSI_ROUTE_SET_EVENTFD, &eventfd_arg));
	shape.reserved = 1;
	EXPECT_EQ(-EOPNOTSUPP, function_try_open(&fn, &self->vm, shape));
}

TEST_F(uapi, eopnotsupp_flags)
{
	struct msi_route_create shape = msix_shape(1);
	struct function fn;

	shape.flags = 1U << 31;
	EXPECT_EQ(-EOPNOTSUPP, function_try_open(&fn, &self->vm, shape));
	shape = msi_shape(1, 1 << 3);
	EXPECT_EQ(-EOPNOTSUPP, function_try_open(&fn, &self->vm, shape));
	EXPECT_EQ(-EOPNOTSUPP, set_eventfd(&self->fn, MSIX, 0, new_eventfd(), 1 << 3));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
}

/* A function's request on /dev/msi_route returns this: no function has number 0. */
static int on_device(unsigned long number)
{
	switch (number) {
	case MSI_ROUTE_QUERY:
		return 0;
	case MSI_ROUTE_GET_COUNTERS:
	case MSI_ROUTE_GET_VECTORS:
		return -ENOENT;
	default:
		return -ENOTTY;
	}
}

TEST_F(uapi, enotty)
{
	struct msi_route_create shape = msix_shape(1);
	int device = open_device();
	const struct request *r;
	union argument arg;

	for_each_request(r) {
		arg = r->valid;
		EXPECT_EQ(on_device(r->number), call(device, r->number, &arg))
			TH_LOG("%s", r->name);
	}
	shape.vm_fd = self->vm.fd;
	EXPECT_EQ(-ENOTTY, call(self->fn.fd, MSI_ROUTE_CREATE, &shape));
	arg.size = sizeof(arg);
	EXPECT_EQ(-ENOTTY, call(self->fn.fd, _IO(MSI_ROUTE_TYPE, 0x7f), &arg));
	EXPECT_EQ(-ENOTTY, call(device, _IO(MSI_ROUTE_TYPE, 0x7f), &arg));
	EXPECT_EQ(-ENOTTY, call(self->fn.fd, _IO('K', 0x10), &arg));
}

/* ---- MSI_ROUTE_QUERY ---- */

TEST_F(uapi, query)
{
	const __u64 all = MSI_ROUTE_FEATURE_HOLD | MSI_ROUTE_FEATURE_EXT_DEST_ID |
			  MSI_ROUTE_FEATURE_MMAP | MSI_ROUTE_FEATURE_MAP |
			  MSI_ROUTE_FEATURE_BATCH | MSI_ROUTE_FEATURE_CHANGES |
			  MSI_ROUTE_FEATURE_STATE | MSI_ROUTE_FEATURE_TRANSLATION |
			  MSI_ROUTE_FEATURE_GRANT | MSI_ROUTE_FEATURE_IMS |
			  MSI_ROUTE_FEATURE_RENEW | MSI_ROUTE_FEATURE_OBSERVE;
	struct msi_route_query device = query(), function = { .size = sizeof(function) };

	EXPECT_EQ(MSI_ROUTE_VERSION, device.version);
	EXPECT_EQ(2048, device.msix_max_vectors);
	EXPECT_EQ(32, device.msi_max_vectors);
	EXPECT_EQ(all, device.features);
	EXPECT_LT(0, device.hold_default_ns);
	EXPECT_LE(device.hold_default_ns, device.hold_max_ns);
	ASSERT_EQ(0, call(self->fn.fd, MSI_ROUTE_QUERY, &function));
	EXPECT_EQ(0, memcmp(&device, &function, sizeof(device)));
}

/* ---- MSI_ROUTE_READ, MSI_ROUTE_WRITE ---- */

static int access_error(struct function *fn, __u32 space, __u32 offset, __u32 len)
{
	__u64 value = ~0ULL;
	int read = function_access(fn, MSI_ROUTE_READ, space, offset, len, &value);
	int write = function_access(fn, MSI_ROUTE_WRITE, space, offset, len, &value);

	return read == write ? read : 1;
}

TEST_F(uapi, access_emsgsize)
{
	static const __u32 lengths[] = { 0, 9, 16, ~0U };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		EXPECT_EQ(-EMSGSIZE, access_error(&self->fn, MSI_ROUTE_CONFIG, 0x40, lengths[i]));
		EXPECT_EQ(-EMSGSIZE, access_error(&self->fn, MSI_ROUTE_TABLE, 0, lengths[i]));
		EXPECT_EQ(-EMSGSIZE, access_error(&self->fn, MSI_ROUTE_PBA, 0, lengths[i]));
	}
	/* A guest can make any other access. */
	for (i = 1; i <= 8; i++) {
		EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_CONFIG, 0x40, i));
		EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_TABLE, 0, i));
		EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_PBA, 0, i));
	}
}

TEST_F(uapi, access_einval)
{
	EXPECT_EQ(-EINVAL, access_error(&self->fn, 3, 0, 4));
	EXPECT_EQ(-EINVAL, access_error(&self->fn, ~0U, 0, 4));
}

TEST_F(uapi, access_erange)
{
	EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_CONFIG, 0xfc, 4));
	EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_CONFIG, 0xffc, 4));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_CONFIG, 0xffd, 4));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_CONFIG, 0x1000, 4));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_CONFIG, ~3U, 4));
	EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_TABLE, NR * 16 - 4, 4));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_TABLE, NR * 16, 4));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_TABLE, NR * 16 - 4, 8));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_TABLE, ~0U, 8));
	EXPECT_EQ(0, access_error(&self->fn, MSI_ROUTE_PBA, 0, 8));
	EXPECT_EQ(-ERANGE, access_error(&self->fn, MSI_ROUTE_PBA, 8, 4));
}

TEST_F(uapi, access_enodev)
{
	struct function fn;

	function_open(&fn, &self->vm, msi_shape(1, 0));
	EXPECT_EQ(-ENODEV, access_error(&fn, MSI_ROUTE_TABLE, 0, 4));
	EXPECT_EQ(-ENODEV, access_error(&fn, MSI_ROUTE_PBA, 0, 4));
	EXPECT_EQ(0, access_error(&fn, MSI_ROUTE_CONFIG, MSI_CAP, 4));
	function_close(&fn);
}

/* All of configuration space may be passed: bytes that are not ours stay. */
TEST_F(uapi, access_of_what_is_not_ours)
{
	__u64 value;
	__u32 offset;

	for (offset = 0; offset < 0x1000; offset += 4) {
		bool ours = (offset >= MSIX_CAP && offset < MSIX_CAP + 12) ||
			    (offset >= MSI_CAP && offset < MSI_CAP + 0x18);

		value = 0xa5a55a5a;
		ASSERT_EQ(0, function_access(&self->fn, MSI_ROUTE_READ, MSI_ROUTE_CONFIG,
					     offset, 4, &value));
		if (offset == MSIX_CAP || offset == MSI_CAP)
			EXPECT_EQ(0x5a5a, value & 0xffff);
		if (ours)
			continue;
		EXPECT_EQ(0xa5a55a5a, value);
		value = 0xffffffff;
		ASSERT_EQ(0, function_access(&self->fn, MSI_ROUTE_WRITE, MSI_ROUTE_CONFIG,
					     offset, 4, &value));
	}
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
}

/* ---- arguments that name a vector ---- */

TEST_F(uapi, vector_errors)
{
	struct function msix_only, msi_only;
	int fd = new_eventfd();

	function_open(&msix_only, &self->vm, msix_shape(1));
	function_open(&msi_only, &self->vm, msi_shape(1, 0));
	EXPECT_EQ(-ENODEV, trigger(&msix_only, MSI, 0));
	EXPECT_EQ(-ENODEV, trigger(&msi_only, MSIX, 0));
	EXPECT_EQ(-ENODEV, clear_pending(&msix_only, MSI, 0));
	EXPECT_EQ(-ENODEV, clear_pending(&msi_only, MSIX, 0));
	EXPECT_EQ(-ENODEV, set_eventfd(&msix_only, MSI, 0, fd, 0));
	EXPECT_EQ(-ENODEV, set_eventfd(&msi_only, MSIX, 0, fd, 0));

	EXPECT_EQ(-ECHRNG, trigger(&self->fn, MSIX, NR));
	EXPECT_EQ(-ECHRNG, trigger(&self->fn, MSI, 2));
	EXPECT_EQ(-ECHRNG, trigger(&self->fn, MSIX, ~0U));
	EXPECT_EQ(-ECHRNG, clear_pending(&self->fn, MSIX, NR));
	EXPECT_EQ(-ECHRNG, set_eventfd(&self->fn, MSIX, NR, fd, 0));
	EXPECT_EQ(-ECHRNG, set_eventfd(&self->fn, MSIX, ~0U, -1, 0));

	EXPECT_EQ(-EINVAL, trigger(&self->fn, MSI_ROUTE_IMS + 1, 0));
	EXPECT_EQ(-EINVAL, clear_pending(&self->fn, ~0U, 0));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSI_ROUTE_IMS + 1, 0, fd, 0));

	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	EXPECT_EQ(0, totals(&self->fn, MSI).events);
	function_close(&msix_only);
	function_close(&msi_only);
}

/* ---- the others ---- */

TEST_F(uapi, bus_master_einval)
{
	EXPECT_EQ(-EINVAL, set_bus_master(&self->fn, 2));
	EXPECT_EQ(-EINVAL, set_bus_master(&self->fn, ~0U));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
}

TEST_F(uapi, hold_einval)
{
	EXPECT_EQ(0, set_hold(&self->fn, query().hold_max_ns));
	EXPECT_EQ(-EINVAL, set_hold(&self->fn, query().hold_max_ns + 1));
	EXPECT_EQ(-EINVAL, set_hold(&self->fn, ~0U));
	EXPECT_EQ(0, set_hold(&self->fn, 0));
}

TEST_F(uapi, counters_errors)
{
	struct msi_route_counters c = { .size = sizeof(c), .kind = MSI_ROUTE_IMS + 1 };
	struct function fn;

	EXPECT_EQ(-EINVAL, call(self->fn.fd, MSI_ROUTE_GET_COUNTERS, &c));
	c.kind = MSIX;
	c.vector = NR;
	EXPECT_EQ(-ECHRNG, call(self->fn.fd, MSI_ROUTE_GET_COUNTERS, &c));
	function_open(&fn, &self->vm, msix_shape(1));
	c.kind = MSI;
	c.vector = 0;
	EXPECT_EQ(-ENODEV, call(fn.fd, MSI_ROUTE_GET_COUNTERS, &c));
	c.vector = MSI_ROUTE_ALL_VECTORS;
	EXPECT_EQ(-ENODEV, call(fn.fd, MSI_ROUTE_GET_COUNTERS, &c));
	function_close(&fn);
}

TEST_F(uapi, counters_of_one_and_of_all)
{
	unsigned int i;

	entry_mask(&self->fn, 0, true);
	for (i = 0; i < NR; i++)
		ASSERT_EQ(MSI_ROUTE_PENDING, trigger(&self->fn, MSIX, i));
	ASSERT_EQ(MSI_ROUTE_COALESCED, trigger(&self->fn, MSIX, 2));
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(i == 2 ? 2 : 1, counters(&self->fn, MSIX, i).events);
		EXPECT_EQ(i == 2 ? 1 : 0, counters(&self->fn, MSIX, i).coalesced);
		EXPECT_EQ(1, counters(&self->fn, MSIX, i).pending);
		EXPECT_EQ(0, counters(&self->fn, MSIX, i).messages);
	}
	EXPECT_EQ(NR + 1, totals(&self->fn, MSIX).events);
	EXPECT_EQ(1, totals(&self->fn, MSIX).coalesced);
	EXPECT_EQ(NR, totals(&self->fn, MSIX).pending);
}
