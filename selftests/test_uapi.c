// SPDX-License-Identifier: GPL-2.0
/* Every error of msi_route.h, what a failed call leaves, and growing structs. */
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "guest/function.h"
#include "harness.h"
#include "requests.h"

#define MSIX		MSI_ROUTE_MSIX
#define MSI		MSI_ROUTE_MSI
#define NR		4
#define VECTOR		0x51
#define NOWHERE		((void *)8UL)

/* A function with both capabilities, and something in its registers. */
FIXTURE(uapi) {
	struct vm vm;
	struct vcpu *vcpu;
	struct function fn;
};

static struct msi_route_create both(void)
{
	struct msi_route_create c = both_shape(NR, 2);

	c.ims_vectors = 1;
	return c;
}

FIXTURE_SETUP(uapi)
{
	vm_create(&self->vm, 0, 1);
	self->vcpu = &self->vm.vcpu[0];
	function_open(&self->fn, &self->vm, both());
	entry_set(&self->fn, 0, MSI_TO(0), VECTOR, 0);
	msix_control(&self->fn, MSIX_ENABLE);
}

FIXTURE_TEARDOWN(uapi)
{
	function_close(&self->fn);
	vm_destroy(&self->vm);
}

/* 0 or -errno. */
static int call(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : 0;
}

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

/* What a caller does not know is neither read nor written. */
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

/* However large the struct may become: nobody makes the kernel read for ever. */
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

/* The fields of @r that are filled in: all ones. */
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

/* What is filled in is not looked at, and all of it is filled in. */
TEST_F(uapi, out_fields_are_ignored)
{
	const struct request *r;
	union argument zero, ones;

	/* So that no call changes what the next one tells. */
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
	struct msi_route_reset reset_arg = { .size = sizeof(reset_arg), .reserved = 1 };
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

	shape.flags = 1 << 2;
	EXPECT_EQ(-EOPNOTSUPP, function_try_open(&fn, &self->vm, shape));
	shape = msi_shape(1, 1 << 3);
	EXPECT_EQ(-EOPNOTSUPP, function_try_open(&fn, &self->vm, shape));
	EXPECT_EQ(-EOPNOTSUPP, set_eventfd(&self->fn, MSIX, 0, new_eventfd(), 1 << 3));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
}

/* What a function's request gives on /dev/msi_route: no function has number 0. */
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
	struct msi_route_query device = query(), function = { .size = sizeof(function) };

	EXPECT_EQ(MSI_ROUTE_VERSION, device.version);
	EXPECT_EQ(2048, device.msix_max_vectors);
	EXPECT_EQ(32, device.msi_max_vectors);
	EXPECT_EQ(MSI_ROUTE_FEATURE_HOLD, device.features & MSI_ROUTE_FEATURE_HOLD);
	EXPECT_EQ(MSI_ROUTE_FEATURE_MMAP, device.features & MSI_ROUTE_FEATURE_MMAP);
	EXPECT_LT(0, device.hold_default_ns);
	EXPECT_LE(device.hold_default_ns, device.hold_max_ns);
	ASSERT_EQ(0, call(self->fn.fd, MSI_ROUTE_QUERY, &function));
	EXPECT_EQ(0, memcmp(&device, &function, sizeof(device)));
}

/* ---- MSI_ROUTE_CREATE ---- */

static int create_on(int vm_fd, struct msi_route_create shape)
{
	int device = open_device();
	int ret;

	shape.vm_fd = vm_fd;
	ret = ioctl(device, MSI_ROUTE_CREATE, &shape);
	if (ret < 0)
		ret = -errno;
	else
		close(ret);
	close(device);
	return ret < 0 ? ret : 0;
}

TEST_F(uapi, create_efault)
{
	int device = open_device();

	EXPECT_EQ(-EFAULT, call(device, MSI_ROUTE_CREATE, NOWHERE));
}

TEST_F(uapi, create_sizes)
{
	struct {
		struct msi_route_create shape;
		__u64 tail;
	} big = { .shape = msix_shape(1) };
	int device = open_device();

	big.shape.vm_fd = self->vm.fd;
	big.shape.size = offsetof(struct msi_route_create, reserved);
	EXPECT_EQ(-EINVAL, call(device, MSI_ROUTE_CREATE, &big));
	/* The first version. */
	big.shape.size = offsetof(struct msi_route_create, msix_granted);
	EXPECT_LE(0, call(device, MSI_ROUTE_CREATE, &big));
	big.shape.size = sizeof(big);
	EXPECT_EQ(0, call(device, MSI_ROUTE_CREATE, &big));
	big.tail = 1ULL << 63;
	EXPECT_EQ(-E2BIG, call(device, MSI_ROUTE_CREATE, &big));
}

/* What came back is passed again, and what is filled in is filled in anew. */
TEST_F(uapi, create_as_it_came_back)
{
	struct function first, second, third;

	function_open(&first, &self->vm, both());
	ASSERT_LE(0, function_try_open(&second, &self->vm, first.shape));
	EXPECT_EQ(0, memcmp(&first.shape, &second.shape, sizeof(first.shape)));
	close(second.fd);
	/* Also where nothing is to be filled in but 0. */
	second.shape = msi_shape(1, 0);
	second.shape.mmap_size = first.shape.mmap_size;
	second.shape.mmap_table = ~0U;
	second.shape.mmap_pba = 1;
	ASSERT_LE(0, function_try_open(&third, &self->vm, second.shape));
	EXPECT_EQ(0, third.shape.mmap_size | third.shape.mmap_table | third.shape.mmap_pba);
	close(third.fd);
	function_close(&first);
}

TEST_F(uapi, create_is_close_on_exec)
{
	EXPECT_EQ(FD_CLOEXEC, fcntl(self->fn.fd, F_GETFD) & FD_CLOEXEC);
}

TEST_F(uapi, create_ebadf)
{
	EXPECT_EQ(-EBADF, create_on(-1, msix_shape(1)));
	EXPECT_EQ(-EBADF, create_on(10000, msix_shape(1)));
}

TEST_F(uapi, create_ebadfd)
{
	int pipes[2];

	EXPECT_EQ(-EBADFD, create_on(self->vm.kvm_fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(self->vcpu->fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(self->fn.fd, msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(new_eventfd(), msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(open_device(), msix_shape(1)));
	EXPECT_EQ(-EBADFD, create_on(open("/dev/null", O_RDWR), msix_shape(1)));
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADFD, create_on(pipes[0], msix_shape(1)));
}

TEST_F(uapi, create_eperm)
{
	int status;

	if (!fork())
		_exit(create_on(self->vm.fd, msix_shape(1)) == -EPERM ? 0 : 1);
	wait(&status);
	EXPECT_EQ(0, status);
}

TEST_F(uapi, create_enxio)
{
	struct vm vm;

	vm_create(&vm, VM_NO_IRQCHIP, 0);
	EXPECT_EQ(-ENXIO, create_on(vm.fd, msix_shape(1)));
}

TEST_F(uapi, create_enodata)
{
	static const unsigned int flags[] = { VM_NO_MSI_ROUTE, VM_NO_MSI_ROUTE | VM_SPLIT_IRQCHIP };
	struct msi_route_create shape = msix_shape(1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct function fn;
		struct vm vm;

		vm_create(&vm, flags[i], 1);
		/* Known from another VM, or not: both are right. */
		if (create_on(vm.fd, shape))
			EXPECT_EQ(-ENODATA, create_on(vm.fd, shape));
		vm_set_msi_routes(&vm, 1);
		ASSERT_LE(0, function_try_open(&fn, &vm, shape));
		/* And it may be taken away again. */
		vm_set_msi_routes(&vm, 0);
		ASSERT_EQ(0, set_bus_master(&fn, 1));
		entry_set(&fn, 0, MSI_TO(0), VECTOR, 0);
		msix_control(&fn, MSIX_ENABLE);
		EXPECT_EQ(MSI_ROUTE_SENT, trigger(&fn, MSIX, 0));
		EXPECT_TRUE(vcpu_irr(&vm.vcpu[0], VECTOR));
	}
}

TEST_F(uapi, create_eaddrnotavail)
{
	struct msi_route_create shape = msix_shape(1);

	shape.flags = MSI_ROUTE_CREATE_EXT_DEST_ID;
	EXPECT_EQ(-EADDRNOTAVAIL, create_on(self->vm.fd, shape));
}

TEST_F(uapi, create_emfile)
{
	struct rlimit limit;
	int device = open_device();
	struct msi_route_create shape = msix_shape(1);

	shape.vm_fd = self->vm.fd;
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = device + 1;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	EXPECT_EQ(-EMFILE, call(device, MSI_ROUTE_CREATE, &shape));
}

/* Applies @change to a valid shape, which must then be refused. */
#define EXPECT_REFUSED(change)						\
	do {								\
		struct msi_route_create c = both();			\
									\
		change;							\
		EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c))		\
			TH_LOG("%s", #change);				\
	} while (0)
#define EXPECT_ACCEPTED(change)						\
	do {								\
		struct msi_route_create c = both();			\
									\
		change;							\
		EXPECT_EQ(0, create_on(self->vm.fd, c))			\
			TH_LOG("%s", #change);				\
	} while (0)

TEST_F(uapi, create_einval_numbers)
{
	EXPECT_REFUSED((c.msix_vectors = 0, c.msi_vectors = 0, c.ims_vectors = 0, c.msix_cap = 0,
			c.msi_cap = 0, c.msi_flags = 0, c.msix_pba_offset = 0));
	EXPECT_REFUSED(c.msix_vectors = 2049);
	EXPECT_REFUSED(c.msi_vectors = 3);
	EXPECT_REFUSED(c.msi_vectors = 33);
	EXPECT_REFUSED(c.msi_vectors = 64);
	EXPECT_ACCEPTED(c.msix_vectors = 2048);
	EXPECT_ACCEPTED(c.msi_vectors = 32);
}

TEST_F(uapi, create_einval_offsets)
{
	EXPECT_REFUSED(c.msix_cap = 0);
	EXPECT_REFUSED(c.msix_cap = 0x3c);
	EXPECT_REFUSED(c.msix_cap = 0x42);
	EXPECT_REFUSED(c.msix_cap = 0xf8);
	EXPECT_ACCEPTED(c.msix_cap = 0xf4);
	EXPECT_REFUSED(c.msi_cap = 0);
	EXPECT_REFUSED(c.msi_cap = 0x3c);
	EXPECT_REFUSED(c.msi_cap = 0x61);
	EXPECT_REFUSED(c.msi_cap = 0xec);
	EXPECT_ACCEPTED(c.msi_cap = 0xe8);
	EXPECT_REFUSED(c.msix_table_offset = 4);
	EXPECT_REFUSED(c.msix_pba_offset = PBA_OFFSET + 4);
	EXPECT_REFUSED(c.msix_table_offset = 0xfffffff8);
	EXPECT_REFUSED(c.msix_table_bir = 6);
	EXPECT_REFUSED(c.msix_pba_bir = 6);
	EXPECT_ACCEPTED((c.msix_table_bir = 5, c.msix_pba_bir = 5));
}

TEST_F(uapi, create_einval_overlaps)
{
	EXPECT_REFUSED(c.msix_pba_offset = 0);
	EXPECT_REFUSED(c.msix_pba_offset = NR * 16 - 8);
	EXPECT_ACCEPTED(c.msix_pba_offset = NR * 16);
	EXPECT_REFUSED((c.msix_table_offset = 0x1000, c.msix_pba_offset = 0x1000));
	EXPECT_ACCEPTED((c.msix_table_offset = 0x1008, c.msix_pba_offset = 0x1000));
	/* In another BAR there is nothing to overlap. */
	EXPECT_ACCEPTED((c.msix_pba_offset = 0, c.msix_pba_bir = 1));
	EXPECT_REFUSED(c.msi_cap = MSIX_CAP);
	EXPECT_REFUSED(c.msi_cap = MSIX_CAP + 8);
	EXPECT_ACCEPTED(c.msi_cap = MSIX_CAP + 12);
	EXPECT_REFUSED((c.msix_cap = 0x74, c.msi_cap = 0x60));
	EXPECT_ACCEPTED((c.msix_cap = 0x78, c.msi_cap = 0x60));
}

TEST_F(uapi, create_einval_fields_of_no_capability)
{
	struct msi_route_create c = msi_shape(1, 0);

	c.msix_cap = 0x80;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msi_shape(1, 0);
	c.msix_table_offset = 8;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msi_shape(1, 0);
	c.msix_pba_bir = 1;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msix_shape(1);
	c.msi_cap = 0x80;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c = msix_shape(1);
	c.msi_flags = MSI_ROUTE_MSI_64BIT;
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
}

TEST_F(uapi, create_einval_name)
{
	static const char *const names[] = { "a b", "a/b", "a\nb", "\x7f", "\xe4" };
	struct msi_route_create c = msix_shape(1);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		strcpy(c.name, names[i]);
		EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c)) TH_LOG("%s", names[i]);
	}
	/* It ends within its array, and nothing comes after the end. */
	memset(c.name, 'x', sizeof(c.name));
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
	c.name[sizeof(c.name) - 1] = '\0';
	EXPECT_EQ(0, create_on(self->vm.fd, c));
	c.name[1] = '\0';
	EXPECT_EQ(-EINVAL, create_on(self->vm.fd, c));
}

/* Nothing of a function that was refused stays: its VM can be freed. */
TEST_F(uapi, create_refused_leaves_nothing)
{
	int i;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(-EINVAL, create_on(self->vm.fd, msix_shape(2049)));
	EXPECT_EQ(MSI_ROUTE_SENT, trigger(&self->fn, MSIX, 0));
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
	/* A guest can do any other. */
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

/* All of configuration space may be passed: what is not ours stays. */
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

/* ---- what names a vector ---- */

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

/* ---- MSI_ROUTE_SET_EVENTFD ---- */

TEST_F(uapi, eventfd_ebadf_einval)
{
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, 0));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, 0));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, open("/dev/null", O_RDWR), 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
}

TEST_F(uapi, eventfd_eexist_and_replace)
{
	int first = new_eventfd(), second = new_eventfd();

	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, first, 0));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, second, 0));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, first, 0));
	signal_eventfd(second, 1);
	EXPECT_EQ(0, totals(&self->fn, MSIX).events);
	signal_eventfd(first, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);

	/* What the second holds is raised when it is attached. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, second, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	signal_eventfd(first, 1);
	EXPECT_EQ(2, totals(&self->fn, MSIX).events);
	signal_eventfd(second, 1);
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);

	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	signal_eventfd(second, 1);
	EXPECT_EQ(3, totals(&self->fn, MSIX).events);
	/* REPLACE of nothing attaches. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, second, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(4, totals(&self->fn, MSIX).events);
}

/* Several of one vector: each signal of each is an event, until it is detached. */
TEST_F(uapi, eventfd_add_and_remove)
{
	enum { ADD = MSI_ROUTE_EVENTFD_ADD, REMOVE = MSI_ROUTE_EVENTFD_REMOVE };
	int i, fd[3], other = new_eventfd();

	for (i = 0; i < 3; i++) {
		fd[i] = new_eventfd();
		signal_eventfd(fd[i], 1);
		EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[i], ADD));
		EXPECT_EQ(i + 1, totals(&self->fn, MSIX).events);
	}
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, fd[1], ADD));
	EXPECT_EQ(-EEXIST, set_eventfd(&self->fn, MSIX, 0, other, 0));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 1, fd[1], ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, -1, ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, ADD));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, ADD));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, -1, REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd, REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, other, REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 1, fd[0], REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, other, ADD | REMOVE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, other,
				       ADD | MSI_ROUTE_EVENTFD_REPLACE));
	for (i = 0; i < 3; i++) {
		signal_eventfd(fd[i], 1);
		EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	}
	EXPECT_EQ(6, totals(&self->fn, MSIX).events);

	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[1], REMOVE));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, fd[1], REMOVE));
	for (i = 0; i < 3; i++)
		signal_eventfd(fd[i], 1);
	EXPECT_EQ(8, totals(&self->fn, MSIX).events);
	/* Another vector can have it now, and what it held. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd[1], 0));
	EXPECT_EQ(1, counters(&self->fn, MSIX, 1).events);

	/* One of them takes the place of all. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[2], MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd[0], 1);
	signal_eventfd(fd[2], 1);
	EXPECT_EQ(9, counters(&self->fn, MSIX, 0).events);
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[0], ADD));
	EXPECT_EQ(10, counters(&self->fn, MSIX, 0).events);
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, other, MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd[0], 1);
	signal_eventfd(fd[2], 1);
	EXPECT_EQ(10, counters(&self->fn, MSIX, 0).events);

	/* -1 detaches all. */
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[0], ADD));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	signal_eventfd(fd[0], 1);
	signal_eventfd(other, 1);
	EXPECT_EQ(11, counters(&self->fn, MSIX, 0).events);
}

/* Masked, they all find one Pending bit, and are accounted for. */
TEST_F(uapi, eventfds_of_one_vector_pend)
{
	struct msi_route_counters c;
	int i, fd[4];

	for (i = 0; i < 4; i++) {
		fd[i] = new_eventfd();
		ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd[i], MSI_ROUTE_EVENTFD_ADD));
	}
	entry_mask(&self->fn, 0, true);
	for (i = 0; i < 4; i++)
		signal_eventfd(fd[i], 1);
	EXPECT_TRUE(pba_bit(&self->fn, 0));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(4, c.events);
	EXPECT_EQ(3, c.coalesced);
	entry_mask(&self->fn, 0, false);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
	c = totals(&self->fn, MSIX);
	EXPECT_EQ(1, c.messages);
	EXPECT_EQ(1, c.replayed);
	EXPECT_EQ(c.events, accounted(&c));
}

/* A replacement that fails leaves what was attached. */
TEST_F(uapi, eventfd_failed_replace)
{
	int fd = new_eventfd();

	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-EBADF, set_eventfd(&self->fn, MSIX, 0, 10000, MSI_ROUTE_EVENTFD_REPLACE));
	EXPECT_EQ(-EINVAL, set_eventfd(&self->fn, MSIX, 0, self->vm.fd,
				       MSI_ROUTE_EVENTFD_REPLACE));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
	EXPECT_TRUE(vcpu_take_irr(self->vcpu, VECTOR));
}

/* Another consumer has the eventfd: it would starve, or the vector would. */
TEST_F(uapi, eventfd_ebusy)
{
	int fd = new_eventfd();
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = 24 };

	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-ENOENT, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	/* Also one of our own; and it is free when that lets it go. */
	irqfd.flags = KVM_IRQFD_FLAG_DEASSIGN;
	ASSERT_EQ(0, ioctl(self->vm.fd, KVM_IRQFD, &irqfd));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	EXPECT_EQ(-EBUSY, set_eventfd(&self->fn, MSIX, 1, fd, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 0, -1, 0));
	EXPECT_EQ(0, set_eventfd(&self->fn, MSIX, 1, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, counters(&self->fn, MSIX, 1).events);
}

/* Who only watches takes nothing, and does not count as a consumer. */
TEST_F(uapi, eventfd_that_is_watched)
{
	int fd = new_eventfd(), watch = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, epoll_ctl(watch, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, set_eventfd(&self->fn, MSIX, 0, fd, 0));
	signal_eventfd(fd, 1);
	EXPECT_EQ(1, totals(&self->fn, MSIX).events);
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

/* ---- the image of table and PBA ---- */

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

/* It stays as long as someone looks at it. */
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
